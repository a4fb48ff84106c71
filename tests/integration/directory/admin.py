#!/usr/bin/env python3
"""lab-directory's commands for a teacher: people and groups that come and go while the server runs, a class list of a thousand."""
import csv, json, io, os, subprocess

import netlab
from netlab import contains, equal

netlab.need('/usr/sbin/slapd', 'ldapsearch', 'openssl', 'unshare')
netlab.isolate()

from school import BASE, USERS, School, dn


def admin(school, *words, input=None, check=True):
    done = subprocess.run([netlab.program('lab-directory'), *words, '--config', school / 'directory.yaml'], input=input,
                          capture_output=True, text=True, timeout=60)
    if check and done.returncode != 0:
        raise AssertionError(f'{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}')
    return done.stdout if check else (done.returncode, done.stderr)


def test_a_person_who_is_added_logs_in_and_stays():
    with School() as school:
        with school.server() as server:
            admin(school, 'user', 'add', 'salif', '--name', 'Salif Keita', '--password', 'Salif-1', '--group', 'students', '--quota', '5M')
            equal(school.whoami('salif', 'Salif-1'), True)
            entry = school.search('-b', dn('salif'), '*', 'memberOf', way='ldapi')
            for line in ('mail: salif@helper.bac', f'memberOf: cn=students,ou=groups,{BASE}', 'labMailQuota: 5242880', 'uidNumber: 10004'):
                contains(entry, line)
            equal(server.stop(), 0)
        with school.server(users=USERS.replace('name: Eric', 'name: Eric K.')):
            equal(school.whoami('salif', 'Salif-1'), True)


def test_a_password_is_made_up_and_told_where_none_is_given():
    with School() as school, school.server():
        password = admin(school, 'user', 'add', 'salif').split()[-1]
        equal(school.whoami('salif', password), True)
        again = admin(school, 'user', 'passwd', 'salif').split()[-1]
        equal(school.whoami('salif', password), False)
        equal(school.whoami('salif', again), True)
        admin(school, 'user', 'passwd', 'salif', '--password-stdin', input='typed by hand\n')
        equal(school.whoami('salif', 'typed by hand'), True)


def test_locked_people_stay_outside_until_unlocked():
    with School() as school, school.server(more='passwords: {lock_after: 2, lock_for: 0s}\n'):
        admin(school, 'user', 'lock', 'ali', 'awa')
        equal([school.whoami('ali', 'Ali-2026'), school.whoami('awa', 'Awa-2026')], [False, False])
        contains(admin(school, 'user', 'list'), 'locked')
        admin(school, 'user', 'unlock', 'ali', 'awa')
        equal([school.whoami('ali', 'Ali-2026'), school.whoami('awa', 'Awa-2026')], [True, True])
        for _ in range(2):
            school.whoami('eric', 'wrong')
        equal(school.whoami('eric', 'Eric-2026'), False)
        admin(school, 'user', 'unlock', 'eric')
        equal(school.whoami('eric', 'Eric-2026'), True)


def test_who_is_deleted_is_gone_from_every_group():
    with School() as school, school.server():
        admin(school, 'user', 'del', 'eric')
        equal(school.whoami('eric', 'Eric-2026'), False)
        netlab.until(lambda: 'eric' not in admin(school, 'group', 'list'), 'eric out of the groups')


def test_groups_come_fill_empty_and_go():
    with School() as school, school.server():
        admin(school, 'group', 'add', 'chess', '--description', 'Who plays')
        admin(school, 'group', 'join', 'chess', 'ali', 'awa')
        contains(school.search('-b', dn('ali'), 'memberOf', way='ldapi'), 'cn=chess')
        admin(school, 'group', 'leave', 'chess', 'ali')
        admin(school, 'group', 'leave', 'chess', 'awa')
        contains(admin(school, 'group', 'list').split('chess')[1].split('\n')[0], ' 0 ')
        admin(school, 'group', 'del', 'chess')
        equal('chess' in admin(school, 'group', 'list'), False)


def test_mistakes_are_said_plainly_and_change_nothing():
    with School() as school, school.server():
        for words, part in ((('user', 'add', 'ali'), "there is a user 'ali' already"),
                            (('user', 'del', 'nobody'), "there is no user 'nobody'"),
                            (('user', 'add', 'x,y'), "has ','"),
                            (('user', 'add', 'salif', '--group', 'nowhere'), "there is no group 'nowhere'"),
                            (('user', 'add', 'salif', '--mail', 'ali@helper.bac'), "somebody else's"),
                            (('user', 'add', 'salif', '--password', ''), 'empty password'),
                            (('group', 'leave', 'guests', 'ali'), "'ali' is not in group 'guests'")):
            status, said = admin(school, *words, check=False)
            equal(status, 1, said)
            contains(said, part)
        equal('salif' in school.search('-b', BASE, way='ldapi'), False)


def test_without_a_server_the_reason_is_told():
    with School() as school:
        school.config()
        status, said = admin(school, 'user', 'list', check=False)
        equal(status, 1)
        contains(said, 'cannot be reached')


def test_rules_of_groups_hold_for_their_members_and_are_told_with_their_origin():
    groups = '{staff: {order: 2, policy: {quota: 9M}}, teachers: {order: 1, groups: [staff], policy: {passwords: {least_length: 12}}}, students: {}, guests: {}}'
    with School() as school, school.server(groups=groups, more='policy: {max_message: 3M}') as server:
        def effective(uid):
            return json.loads(admin(school, 'user', 'effective', uid, '--json'))
        equal(effective('ali')['quota'], {'value': 200 << 20, 'from': 'user ali'})
        equal(effective('awa')['quota'], {'value': 9 << 20, 'from': 'group staff (through teachers)'})
        equal(effective('awa')['max_message'], {'value': 3 << 20, 'from': 'domain helper.bac'})
        equal(effective('awa')['passwords']['value']['least_length'], 12)
        # A group joined by hand brings its rules, for passwords too; one left takes them back.
        admin(school, 'group', 'member', 'teachers', '--add', 'eric')
        equal(effective('eric')['passwords']['from'], 'group teachers')
        contains(school.refusal('ldappasswd', '-s', 'too-short', user='eric', password='Eric-2026'), 'onstraint')
        admin(school, 'group', 'member', 'teachers', '--del', 'eric')
        school.tool('ldappasswd', '-s', 'too-short', user='eric', password='Eric-2026')
        admin(school, 'group', 'set', 'students', '--protocols', 'imap', '--send-outside', 'no')
        equal(effective('eric')['protocols'], {'value': ['imap'], 'from': 'group students'})
        admin(school, 'user', 'set', 'eric', '--protocols', 'none')
        equal(effective('eric')['protocols'], {'value': [], 'from': 'user eric'})
        admin(school, 'user', 'set', 'eric', '--protocols', 'default')
        equal(effective('eric')['protocols']['from'], 'group students')
        # The server's own tools see the nesting.
        contains(school.search('-b', 'cn=staff,ou=groups,' + BASE, 'member', way='ldapi'), 'cn=teachers,ou=groups')
        contains(school.search('-b', 'cn=teachers,ou=groups,' + BASE, 'memberOf', way='ldapi'), 'cn=staff,ou=groups')


def test_machines_are_in_the_directory():
    computers = 'computers: {pc1: {description: pc1.helper.bac, macs: ["02:4c:61:00:00:01"], addresses: [192.168.56.20], groups: [guests]}}'
    with School() as school, school.server(more=computers):
        found = school.search('-b', 'ou=computers,' + BASE, '(macAddress=02:4c:61:00:00:01)', 'ipHostNumber', 'memberOf', user='ali', password='Ali-2026')
        contains(found, 'ipHostNumber: 192.168.56.20')
        contains(found, 'memberOf: cn=guests,ou=groups')


def test_a_list_with_mistakes_changes_nothing_and_tells_them_all():
    with School() as school, school.server():
        path = school.write('class.csv', 'name,login,group\nA B,ab,x\nC D,ab,x\n,,\n"E",e e,x\n')
        status, said = admin(school, 'import', path, check=False)
        equal(status, 1)
        for part in (":3: the login 'ab' is also in line 2", ":5: the login 'e e'", '2 mistakes; nothing was changed'):
            contains(said, part)
        equal('uid=ab' in school.search('-b', BASE, way='ldapi'), False)


def test_a_class_list_of_a_thousand_comes_in_once():
    with School() as school, school.server():
        names = [f'Élève {chr(65 + i % 26)}{i} Ouédraogo' for i in range(995)] + ['Awa Sow', 'Awa Sow-Ba', 'awa sow', 'Léa "Lé" Ba', 'Ali Traoré']
        sheet = io.StringIO()
        csv.writer(sheet).writerows([['name', 'group']] + [[n, f'class {i % 3}'] for i, n in enumerate(names)])
        path = school.write('class.csv', sheet.getvalue())
        rows = list(csv.DictReader(io.StringIO(admin(school, 'import', path, '--group', 'students', '--cards', school / 'cards.txt'))))
        equal(len(rows), 1000)
        equal([r['login'] for r in rows[-5:]], ['awa.sow', 'awa.sow.ba', 'awa.sow2', 'lea.le.ba', 'ali.traore'])
        for row in rows[::199]:
            equal(school.whoami(row['login'], row['password']), True, row)
        equal(rows[-2]['name'], 'Léa "Lé" Ba')
        contains(school.search('-b', dn('awa.sow2'), 'memberOf', way='ldapi'), 'cn=class-1')
        contains(open(school / 'cards.txt').read(), rows[7]['password'])
        equal(oct(os.stat(school / 'cards.txt').st_mode & 0o777), '0o600')
        # Once more changes nothing and gives nobody a second password.
        equal(list(csv.DictReader(io.StringIO(admin(school, 'import', path)))), [])
        contains(admin(school, 'export'), 'dn: ' + dn('awa.sow'))
        equal('userPassword' in admin(school, 'export'), False)


netlab.run_tests(globals())
