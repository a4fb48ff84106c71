#!/usr/bin/env python3
"""A second directory that copies the first: the same people, the same passwords, and logins that go on when the first is gone."""
import base64, os, signal, subprocess, time

import netlab
from netlab import contains, equal, until

netlab.need('/usr/sbin/slapd', 'ldapsearch', 'ldapwhoami', 'ldappasswd', 'openssl', 'unshare')
netlab.isolate()

from school import BASE, USERS, Asker, School, dn, freeze


def original(school, more=''):
    return school.server(more=school.copier() + more)


def on_copy(school, base, *attributes):
    """What the replica holds, asked as its administrator."""
    return netlab.run('ldapsearch', '-LLL', '-Q', '-o', 'ldif-wrap=no', '-Y', 'EXTERNAL', '-H', 'ldapi://' + (school / 'run/copy').replace('/', '%2F'),
                      '-s', 'base', '-b', base, *attributes, check=False)


def change(school, target, *lines, way='ldapi', **who):
    return school.tool('ldapmodify', way=way, input=f'dn: {target}\nchangetype: modify\n' + '\n'.join(lines) + '\n', **who)


def admin(school, config, *words):
    return netlab.run(netlab.program('lab-directory'), *words, '--config', school / config)


def test_a_copy_is_whole_when_it_says_that_it_is_ready():
    with School() as school, original(school), school.replica():
        for user, password in ('ali', 'Ali-2026'), ('awa', 'Awa-2026'), ('eric', 'Eric-2026'):
            equal(school.whoami(user, password, 'replica'), True, user)
        equal(school.whoami('ali', 'wrong', 'replica'), False)
        found = school.search('-b', BASE, f'(memberOf=cn=teachers,ou=groups,{BASE})', 'uid', way='replica', user='eric', password='Eric-2026')
        contains(found, 'uid: ali')
        contains(found, 'uid: awa')


def test_what_changes_at_the_original_changes_at_the_copy():
    with School() as school, original(school), school.replica():
        school.tool('ldappasswd', '-s', 'Ali-2027', dn('ali'), way='ldapi')
        change(school, f'cn=students,ou=groups,{BASE}', 'add: member', f'member: {dn("ali")}', '-', 'delete: member', f'member: {dn("eric")}')
        until(lambda: school.whoami('ali', 'Ali-2027', 'replica'), 'the new password to arrive')
        until(lambda: f'memberOf: cn=students,ou=groups,{BASE}' in on_copy(school, dn('ali'), 'memberOf'), 'the group to arrive')
        until(lambda: 'memberOf' not in on_copy(school, dn('eric'), 'memberOf'), 'eric to leave the group')


def test_what_changed_while_the_copy_was_away_is_caught_up():
    with School() as school, original(school):
        school.replica().stop()
        school.tool('ldapadd', way='ldapi', input=f'dn: {dn("zoe")}\nobjectClass: inetOrgPerson\nuid: zoe\ncn: Zoe\nsn: Z\nmail: zoe@helper.bac\n'
                    f'userPassword: Zoe-2026\n\ndn: cn=students,ou=groups,{BASE}\nchangetype: modify\nadd: member\nmember: {dn("zoe")}\n')
        school.tool('ldapdelete', dn('eric'), way='ldapi')
        with school.replica():
            until(lambda: school.whoami('zoe', 'Zoe-2026', 'replica'), 'zoe to arrive')
            until(lambda: f'memberOf: cn=students,ou=groups,{BASE}' in on_copy(school, dn('zoe'), 'memberOf'), 'her group to arrive')
            until(lambda: not school.whoami('eric', 'Eric-2026', 'replica'), 'eric to leave')


def test_a_password_changed_at_the_copy_is_changed_at_the_original():
    with School() as school, original(school), school.replica():
        school.tool('ldappasswd', '-a', 'Ali-2026', '-s', 'Ali-2027', way='replica', user='ali', password='Ali-2026')
        equal(school.whoami('ali', 'Ali-2027'), True)
        until(lambda: school.whoami('ali', 'Ali-2027', 'replica'), 'the new password to come back')
        refused = school.refusal('ldapmodify', way='replica', user='ali', password='Ali-2027',
                                 input=f'dn: {dn("ali")}\nchangetype: modify\nreplace: mail\nmail: boss@helper.bac\n')
        contains(refused, 'Insufficient access')
        refused = school.refusal('ldappasswd', '-s', 'x', dn('awa'), way='replica', user='ali', password='Ali-2027')
        contains(refused, 'Insufficient access')


def test_wrong_passwords_at_the_copy_lock_the_account_everywhere():
    with School() as school, original(school, 'passwords: {lock_after: 3}\n'), school.replica():
        for n in range(3):
            equal(school.whoami('awa', f'wrong-{n}', 'replica'), False)
        until(lambda: not school.whoami('awa', 'Awa-2026'), 'the lock at the original')
        until(lambda: not school.whoami('awa', 'Awa-2026', 'replica'), 'the lock at the copy')
        equal(school.whoami('ali', 'Ali-2026', 'replica'), True)
        change(school, dn('awa'), 'delete: pwdAccountLockedTime')
        until(lambda: school.whoami('awa', 'Awa-2026', 'replica'), 'the lock to be lifted')


def test_nobody_reads_passwords_at_the_copy_or_as_anybody_but_the_copier():
    with School() as school, original(school), school.replica():
        for way in 'ldaps', 'replica':
            equal('userPassword' in school.search('-b', BASE, 'userPassword', way=way, user='ali', password='Ali-2026'), False, way)
            equal('uid=' in school.search('-b', BASE, way=way, check=False), False, way)
        with open(school / 'copy/slapd.conf') as f:
            equal('secret' in f.read(), False, 'the password of the copier in a file')
        found = subprocess.run(['grep', '-rl', 'of the replica', school / 'copy', school / 'run', school / 'data'], capture_output=True, text=True)
        equal(found.stdout, '', 'files with the password of the copier')


def test_logins_go_on_when_the_original_stops_and_return_to_it_when_it_is_back():
    with School() as school:
        first = original(school)
        with school.replica(), Asker(school, school.urls['ldaps'], school.urls['replica']) as client:
            equal(client.auth('ali', 'Ali-2026'), 'Ok')
            first.stop()
            for _ in range(20):
                for user in 'awa', 'eric':
                    client.send('auth', user, user.capitalize() + '-2026')
            for _ in range(40):
                contains(client.line(), ' Ok ')
            equal(client.auth('eric', 'wrong'), 'WrongPassword')
            with original(school) as again:
                def connections():
                    return netlab.run('ss', '-Htn', 'state', 'established', 'src', '127.0.0.1', 'sport', '= :636').count('\n') + 1
                # The replica keeps one of its own; the client comes back with two, for look-ups and for binds.
                def returned():
                    equal(client.auth('eric', f'wrong-{time.monotonic()}'), 'WrongPassword')
                    return connections() >= 3
                until(returned, 'the client to return')
                equal(client.auth('awa', 'Awa-2026'), 'Ok')


def test_a_frozen_original_delays_one_login_and_not_the_next():
    with School() as school, original(school) as first, school.replica(), \
            Asker(school, school.urls['ldaps'], school.urls['replica']) as client:
        equal(client.auth('ali', 'Ali-2026'), 'Ok')
        freeze(first)
        contains(client.ask('auth', 'awa', 'Awa-2026'), ' Ok ')
        for _ in range(5):
            for who, password, outcome in ('nobody', 'x', ' UnknownUser '), ('eric', 'Eric-2026', ' Ok '):
                begin = time.monotonic()
                contains(client.ask('auth', who, password), outcome)
                equal(time.monotonic() - begin < 2.5, True, 'nobody else waits for the frozen one (2.5 s, the limit of one answer)')
        first.signal(signal.SIGCONT)


def test_while_the_original_is_down_a_password_is_not_changed_anywhere_and_the_reason_is_told():
    with School() as school:
        first = original(school)
        with school.replica(), Asker(school, school.urls['ldaps'], school.urls['replica']) as client:
            equal(first.stop(), 0)
            began = time.monotonic()
            refused = school.refusal('ldappasswd', '-a', 'Ali-2026', '-s', 'Ali-2027', way='replica', user='ali', password='Ali-2026')
            contains(refused, 'unavailable')
            equal(client.passwd('awa', 'Awa-2026', 'Awa-2027'), 'Unavailable')
            equal(time.monotonic() - began < 10, True, 'nobody waits for a server that is down')
            equal([school.whoami('ali', p, 'replica') for p in ('Ali-2026', 'Ali-2027')], [True, False])
            equal([school.whoami('awa', p, 'replica') for p in ('Awa-2026', 'Awa-2027')], [True, False])
            with original(school):
                school.tool('ldappasswd', '-a', 'Ali-2026', '-s', 'Ali-2027', way='replica', user='ali', password='Ali-2026')
                for way in 'ldaps', 'replica':
                    until(lambda: school.whoami('ali', 'Ali-2027', way), f'the new password at {way}')
                    equal(school.whoami('awa', 'Awa-2026', way), True)


def test_a_copy_that_becomes_the_original_keeps_what_people_changed():
    users = USERS.replace('name: Eric', 'name: Eric Kaboré').replace('  fati: {}\n', '  fati: {}\n  zoe: {password: "Zoe-2026", groups: [guests]}\n')
    with School() as school:
        with original(school):
            admin(school, 'directory.yaml', 'user', 'add', 'salif', '--password', 'Salif-1', '--group', 'guests')
            with school.replica():
                school.tool('ldappasswd', '-a', 'Ali-2026', '-s', 'Alis-own-1', way='replica', user='ali', password='Ali-2026')
                change(school, dn('awa'), 'add: jpegPhoto', 'jpegPhoto:: /9j/4A==', user='awa', password='Awa-2026', way='ldaps')
                until(lambda: 'jpegPhoto' in on_copy(school, dn('awa')), 'the photo to arrive')
                until(lambda: school.whoami('salif', 'Salif-1', 'replica'), 'salif to arrive')
        # The first machine is gone for good: its copy is told to be the original, with a list that has changed, too.
        for round in range(2):
            with school.promoted(users=users) as server:
                for user, password in ('ali', 'Alis-own-1'), ('awa', 'Awa-2026'), ('eric', 'Eric-2026'), ('salif', 'Salif-1'), ('zoe', 'Zoe-2026'):
                    equal(school.whoami(user, password, 'replica'), True, f'{user} in round {round}')
                equal(school.whoami('ali', 'Ali-2026', 'replica'), False)
                contains(on_copy(school, dn('awa')), 'jpegPhoto::')
                contains(on_copy(school, dn('eric')), 'cn:: ' + base64.b64encode('Eric Kaboré'.encode()).decode())
                guests = on_copy(school, f'cn=guests,ou=groups,{BASE}', 'member')
                equal([dn(u) in guests for u in ('salif', 'zoe')] + ['cn=nobody' in guests], [True, True, False])
                contains(on_copy(school, dn('salif'), 'memberOf'), 'cn=guests')
                numbers = [on_copy(school, dn(u), 'uidNumber').split('uidNumber: ')[1] for u in ('ali', 'awa', 'eric', 'fati', 'salif', 'zoe')]
                equal(len(set(numbers)), 6, numbers)
                changed = [line.split('directory: ')[1] for line in server.log().splitlines() if ' directory: ' in line]
                equal(len(changed), 4 if round == 0 else 0, changed)
        # A password that the file changes counts from here on as everywhere.
        with school.promoted(users=users.replace('Awa-2026', 'Awa-reset')):
            equal([school.whoami('awa', 'Awa-reset', 'replica'), school.whoami('ali', 'Alis-own-1', 'replica')], [True, True])


def test_whom_the_file_has_lost_leaves_when_a_copy_becomes_the_original_and_who_came_by_hand_stays():
    users = '\n'.join(line for line in USERS.replace('[teachers, students]', '[teachers]').split('\n') if 'eric' not in line and 'fati' not in line)
    with School() as school:
        with original(school):
            admin(school, 'directory.yaml', 'user', 'add', 'salif', '--password', 'Salif-1', '--group', 'students')
            admin(school, 'directory.yaml', 'group', 'add', 'chess')
            admin(school, 'directory.yaml', 'group', 'member', 'chess', '--add', 'eric', 'awa')
            admin(school, 'directory.yaml', 'group', 'member', 'guests', '--add', 'fati')
            school.tool('ldappasswd', '-a', 'Eric-2026', '-s', 'Erics-own', user='eric', password='Eric-2026')
            with school.replica():
                until(lambda: school.whoami('eric', 'Erics-own', 'replica'), 'the last change to arrive')
                until(lambda: dn('fati') in on_copy(school, f'cn=guests,ou=groups,{BASE}', 'member'), 'the groups to arrive')
        changes = dict(users=users, groups='{teachers: {description: Who teaches}, guests: {}}', aliases='{contact: [ali, awa]}')
        for round in range(2):
            with school.promoted(**changes) as server:
                people = on_copy(school, f'ou=people,{BASE}', '-s', 'one', 'uid')
                equal(sorted(l.split(' ')[1] for l in people.split('\n') if l.startswith('uid: ')), ['ali', 'awa', 'salif'], f'round {round}')
                equal([school.whoami('ali', 'Ali-2026', 'replica'), school.whoami('salif', 'Salif-1', 'replica')], [True, True])
                groups = on_copy(school, f'ou=groups,{BASE}', '-s', 'one', 'member')
                equal([f'cn={g},' in groups for g in ('teachers', 'guests', 'chess', 'students')], [True, True, True, False])
                # Whoever was in a group by hand has left it with the rest.
                until(lambda: 'uid=eric' not in on_copy(school, f'cn=chess,ou=groups,{BASE}', 'member'), 'eric to leave the group made by hand')
                until(lambda: 'uid=fati' not in on_copy(school, f'cn=guests,ou=groups,{BASE}', 'member'), 'fati to leave the group of the file')
                contains(on_copy(school, f'cn=guests,ou=groups,{BASE}', 'member'), 'cn=nobody')
                contains(on_copy(school, f'cn=chess,ou=groups,{BASE}', 'member'), dn('awa'))
                equal('cn=root,' in on_copy(school, f'ou=aliases,{BASE}', '-s', 'one', 'cn'), False)
                changed = [line for line in server.log().splitlines() if ' directory: delete ' in line]
                equal(len(changed), 4 if round == 0 else 0, changed)
        # Named again, they come back as the file has them.
        with school.promoted():
            equal([school.whoami('eric', p, 'replica') for p in ('Eric-2026', 'Erics-own')], [True, False])


def test_an_original_that_becomes_a_copy_keeps_its_own_database_aside():
    with School() as school:
        with original(school), school.replica():
            pass
        with original(school):
            school.tool('ldappasswd', '-s', 'Alis-last-word', user='ali', password='Ali-2026')
        with school.promoted():
            with school.replica(folder='data', source='127.0.0.2', place='127.0.0.1') as demoted:
                equal(school.whoami('ali', 'Ali-2026'), True, 'it copies the other one')
                contains(demoted.log(), 'its own database is kept as ' + school / 'data/db.set-aside')
        equal(os.path.exists(school / 'data/db.set-aside/data.mdb'), True)


def test_a_copy_starts_again_without_its_original():
    with School() as school:
        with original(school):
            school.replica().stop()
        with school.replica():
            equal(school.whoami('ali', 'Ali-2026', 'replica'), True)


def test_a_copy_waits_for_its_original():
    with School() as school:
        path = school / 'replica.yaml'
        with original(school):
            school.replica().kill()
        subprocess.run(['rm', '-rf', school / 'copy'])
        started = subprocess.Popen([netlab.program('lab-directory'), '--config', path], stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        equal(started.poll(), None, 'it waits for the original')
        with original(school):
            until(lambda: school.whoami('ali', 'Ali-2026', 'replica'), 'the copy to come by itself')
        started.kill()
        started.communicate()


netlab.run_tests(globals())
