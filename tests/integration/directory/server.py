#!/usr/bin/env python3
"""lab-directory as its clients see it: OpenLDAP's own tools over every way in, restarts, changes, kills."""
import os, signal, subprocess, time

import netlab
from netlab import Daemon, contains, equal, until

netlab.need('/usr/sbin/slapd', 'ldapsearch', 'ldapwhoami', 'ldappasswd', 'openssl', 'unshare')
netlab.isolate()

from school import ALIASES, BASE, GROUPS, SERVICE, USERS, School, dn


def test_a_user_logs_in_by_starttls_and_ldaps_but_never_in_the_clear():
    with School() as school, school.server():
        for way in ('StartTLS', 'ldaps'):
            equal(school.whoami('ali', 'Ali-2026', way), True, way)
            equal(school.whoami('ali', 'wrong', way), False, way)
        plain = subprocess.run(['ldapwhoami', '-x', '-H', 'ldap://127.0.0.1', '-D', dn('ali'), '-w', 'Ali-2026'],
                               capture_output=True, text=True)
        contains(plain.stderr, 'Confidentiality required')


def test_the_certificate_is_verified_by_the_tools_of_the_lab():
    with School() as school, school.server():
        done = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:389', '-starttls', 'ldap', '-CAfile', school / 'ca.pem',
                               '-verify_ip', '127.0.0.1', '-verify_return_error'], input=b'', capture_output=True)
        contains(done.stdout.decode(), 'Verify return code: 0 (ok)')


def test_member_of_is_right_from_the_first_search():
    with School() as school, school.server():
        found = school.search('-b', BASE, f'(memberOf=cn=teachers,ou=groups,{BASE})', 'uid', user='eric', password='Eric-2026')
        equal(sorted(l for l in found.splitlines() if l.startswith('uid:')), ['uid: ali', 'uid: awa'])


def test_member_of_follows_a_group_changed_by_hand():
    with School() as school, school.server():
        school.tool('ldapmodify', way='ldapi', input=f'dn: cn=guests,ou=groups,{BASE}\nchangetype: modify\nadd: member\nmember: {dn("fati")}\n')
        contains(school.search('-b', dn('fati'), 'memberOf', way='ldapi'), f'memberOf: cn=guests,ou=groups,{BASE}')


def test_who_is_deleted_leaves_every_group():
    with School() as school, school.server():
        school.tool('ldapdelete', dn('eric'), way='ldapi')
        until(lambda: dn('eric') not in school.search('-b', f'ou=groups,{BASE}', way='ldapi'), 'eric taken out of his groups')


def test_anonymous_sees_the_root_dse_and_nothing_else():
    with School() as school, school.server():
        contains(school.search('-s', 'base', '-b', '', '+', way='StartTLS'), f'namingContexts: {BASE}')
        contains(school.refusal('ldapsearch', '-b', BASE, way='ldaps'), 'No such object')


def test_people_change_their_own_password_and_photo_and_nothing_else():
    with School() as school, school.server():
        ali = dict(user='ali', password='Ali-2026')
        photo = f'dn: {dn("ali")}\nchangetype: modify\nadd: jpegPhoto\njpegPhoto:: /9j/4A==\n'
        school.tool('ldapmodify', input=photo, **ali)
        for attribute in ('mail', 'uid', 'labMailQuota', 'cn'):
            change = f'dn: {dn("ali")}\nchangetype: modify\nreplace: {attribute}\n{attribute}: 1\n'
            contains(school.refusal('ldapmodify', input=change, **ali), 'Insufficient access', attribute)
        contains(school.refusal('ldapmodify', input=photo.replace('ali', 'awa'), **ali), 'Insufficient access')
        contains(school.refusal('ldappasswd', '-s', 'x', dn('awa'), **ali), 'Insufficient access')
        school.tool('ldappasswd', '-s', 'Ali-2027', **ali)
        equal(school.whoami('ali', 'Ali-2027'), True)
        equal(school.whoami('ali', 'Ali-2026'), False)


def test_nobody_reads_a_password_and_none_is_stored_in_the_clear():
    with School() as school, school.server():
        equal('userPassword' in school.search('-b', dn('ali'), user='ali', password='Ali-2026'), False)
        contains(school.search('-b', dn('ali'), 'userPassword', way='ldapi'), 'userPassword::')
        school.tool('ldappasswd', '-s', 'Fresh-Secret-1', user='ali', password='Ali-2026')
        for folder, _, files in os.walk(school / 'data'):
            for name in files:
                content = open(os.path.join(folder, name), 'rb').read()
                for secret in (b'Ali-2026', b'Fresh-Secret-1', b'a long secret of the mail server'):
                    equal(secret in content, False, f'{secret} in {name}')


def test_a_password_an_administrator_writes_in_the_clear_is_stored_hashed():
    with School() as school, school.server() as server:
        school.tool('ldapmodify', way='ldapi', input=f'dn: {dn("fati")}\nchangetype: modify\nreplace: userPassword\nuserPassword: Plain-Words-9\n')
        equal(school.whoami('fati', 'Plain-Words-9'), True)
        equal(server.stop(), 0)
        equal(b'Plain-Words-9' in open(school / 'data/db/data.mdb', 'rb').read(), False)


def test_password_rules_are_kept():
    with School() as school, school.server(more='passwords: {least_length: 8, lock_after: 3}\n'):
        contains(school.refusal('ldappasswd', '-s', 'short', user='ali', password='Ali-2026'), 'Constraint violation')
        school.tool('ldappasswd', '-s', 'long enough', user='ali', password='Ali-2026')
        for _ in range(3):
            equal(school.whoami('awa', 'wrong'), False)
        equal(school.whoami('awa', 'Awa-2026'), False, 'locked')
        school.tool('ldapmodify', way='ldapi', input=f'dn: {dn("awa")}\nchangetype: modify\ndelete: pwdAccountLockedTime\n')
        equal(school.whoami('awa', 'Awa-2026'), True)


def test_rules_the_file_changes_hold_after_the_next_start():
    with School() as school:
        with school.server():
            school.tool('ldappasswd', '-s', 'abc', user='ali', password='Ali-2026')
        with school.server(more='passwords: {least_length: 8}\n'):
            contains(school.refusal('ldappasswd', '-s', 'abcd', user='ali', password='abc'), 'Constraint violation')


def test_an_address_belongs_to_one_person():
    with School() as school, school.server():
        change = f'dn: {dn("eric")}\nchangetype: modify\nadd: mail\nmail: ALI@helper.bac\n'
        contains(school.refusal('ldapmodify', way='ldapi', input=change), 'Constraint violation')


def test_a_login_name_belongs_to_one_person():
    with School() as school, school.server():
        second = f'dn: cn=Second,ou=people,{BASE}\nobjectClass: inetOrgPerson\ncn: Second\nsn: Second\nuid: ALI\n'
        contains(school.refusal('ldapadd', way='ldapi', input=second), 'Constraint violation')
        school.tool('ldapadd', way='ldapi', input=second.replace('ALI', 'second'))
        for way in 'StartTLS', 'ldaps':
            contains(school.refusal('ldapadd', way=way, user='ali', password='Ali-2026', input=second.replace('Second', 'Third').replace('ALI', 'third')), 'Insufficient access')


def test_who_has_no_password_cannot_log_in():
    with School() as school, school.server():
        for password in ('', 'x', 'fati'):
            equal(school.whoami('fati', password), False)


def test_a_password_changed_by_its_owner_survives_restarts_and_changed_files():
    with School() as school:
        with school.server() as server:
            school.tool('ldappasswd', '-s', 'Mine-1', user='ali', password='Ali-2026')
            equal(server.stop(), 0)
        with school.server(users=USERS.replace('Ali Traoré', 'Ali T.') + '  salif: {password: "S-2026", groups: [guests]}\n') as server:
            equal(school.whoami('ali', 'Mine-1'), True)
            equal(school.whoami('salif', 'S-2026'), True)
            contains(school.search('-b', dn('ali'), 'cn', way='ldapi'), 'cn: Ali T.')
            contains(school.search('-b', dn('salif'), 'memberOf', way='ldapi'), 'cn=guests')
            equal(server.stop(), 0)


def test_only_what_the_file_changed_is_changed():
    with School() as school:
        with school.server():
            school.tool('ldapmodify', way='ldapi', input=f'dn: {dn("eric")}\nchangetype: modify\nadd: mail\nmail: e@helper.bac\n-\n'
                        f'add: telephoneNumber\ntelephoneNumber: 70 00 00 00\n\n'
                        f'dn: cn=guests,ou=groups,{BASE}\nchangetype: modify\nadd: member\nmember: {dn("fati")}\n')
        with school.server(users=USERS.replace('name: Eric', 'name: Eric K.')) as server:
            eric = school.search('-b', dn('eric'), way='ldapi')
            for kept in ('mail: e@helper.bac', 'telephoneNumber: 70 00 00 00', 'cn: Eric K.', 'mail: eric@helper.bac'):
                contains(eric, kept)
            contains(school.search('-b', f'cn=guests,ou=groups,{BASE}', way='ldapi'), dn('fati'))
            equal([l.split('directory: ')[1] for l in server.log().splitlines() if ' directory: ' in l],
                  [f'modify {dn("eric")}: replace cn, replace displayName, replace sn, replace givenName'])


def test_who_leaves_the_file_leaves_the_directory():
    with School() as school:
        with school.server():
            pass
        with school.server(users=USERS.replace('  eric: {name: Eric, password: "Eric-2026", groups: [students]}\n', '')):
            equal(school.whoami('eric', 'Eric-2026'), False)
            equal(dn('eric') in school.search('-b', BASE, way='ldapi'), False)


def test_a_directory_of_nobody_starts_too():
    with School() as school, school.server(users='{}', groups='{}', aliases='{}'):
        contains(school.search('-b', BASE, way='ldapi'), f'ou=people,{BASE}')


def test_a_fill_that_was_interrupted_is_done_again():
    with School() as school:
        for moment in (0.002, 0.005, 0.008, 0.012, 0.018):
            started = subprocess.Popen([netlab.program('lab-directory'), '--config', school.config()], stderr=subprocess.DEVNULL)
            time.sleep(moment)
            started.kill()
            started.wait()
            # A child of the killed one may hold the lock for the blink of an eye.
            until(lambda: not os.path.exists(school / 'data/lock')
                  or subprocess.run(['flock', '-n', school / 'data/lock', 'true']).returncode == 0, 'the lock to be free')
            with school.server():
                equal(school.whoami('awa', 'Awa-2026'), True, f'after {moment} s')
            subprocess.run(['rm', '-rf', school / 'data'])


def test_kill_9_loses_nothing_that_was_answered():
    with School() as school:
        for round in range(3):
            with school.server() as server:
                school.tool('ldappasswd', '-s', f'Pass-{round}', dn('ali'), way='ldapi')
                server.kill()
            with school.server():
                equal(school.whoami('ali', f'Pass-{round}'), True)


def test_sigterm_ends_it_cleanly_with_clients_connected():
    with School() as school, school.server() as server:
        clients = [subprocess.Popen(['openssl', 's_client', '-quiet', '-connect', '127.0.0.1:636'], stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
        until(lambda: netlab.run('ss', '-Htn', 'state', 'established', 'sport', '= :636').count('\n') == 2, 'three clients')
        equal(server.stop(), 0)
        for client in clients:
            client.kill()
            client.wait()


def test_the_process_started_is_slapd_itself_with_few_privileges():
    with School() as school, school.server() as server:
        status = open(f'/proc/{server.process.pid}/status').read()
        contains(status, 'Name:\tslapd')
        contains(status, 'CapEff:\t0000000000000400')  # bind to ports below 1024
        contains(status, 'NoNewPrivs:\t1')
        equal(open('/proc/%d/limits' % server.process.pid).read().split('Max open files')[1].split()[0], '544')
        until(lambda: len(open(f'/proc/{server.process.pid}/task/{server.process.pid}/children').read().split()) == 0,
              'no process of lab-directory to stay')


def test_two_servers_on_one_folder_are_refused():
    with School() as school, school.server():
        try:
            Daemon('lab-directory', '--config', school / 'directory.yaml')
        except AssertionError as error:
            contains(str(error), 'another slapd uses this folder')
        else:
            raise AssertionError('a second server started')


def test_a_server_that_cannot_start_says_why():
    with School() as school:
        school.write('cert.pem', 'no certificate\n')
        try:
            school.server()
        except AssertionError as error:
            contains(str(error), 'TLS init def ctx failed')
        else:
            raise AssertionError('it started')


def test_mistakes_in_the_file_are_reported_all_at_once():
    with School() as school:
        path = school.config(users=USERS.replace('groups: [students]', 'groups: [student]'), more='conections: 5\n')
        done = subprocess.run([netlab.program('lab-directory'), '--config', path, '--check-config'], capture_output=True, text=True)
        equal(done.returncode, 2)
        contains(done.stderr, "did you mean 'students'?")
        contains(done.stderr, "did you mean 'connections'?")


netlab.run_tests(globals())
