#!/usr/bin/env python3
"""The C++ client against a real slapd: every way in, every wrong way in, servers that stop, freeze, restart and differ."""
import os, resource, select, shutil, signal, socket, subprocess, threading, time

import netlab
from netlab import Daemon, Folder, contains, equal, until

netlab.need('/usr/sbin/slapd', 'ldappasswd', 'openssl', 'unshare')
netlab.isolate()

from school import BASE, Asker, School, dn, freeze


def test_logins_are_judged_the_same_over_every_way():
    with School() as school, school.server():
        for way in school.ways:
            with Asker(school, school.urls[way]) as client:
                equal(client.auth('ali', 'Ali-2026'), 'Ok', way)
                equal(client.auth('ALI@Helper.Bac', 'Ali-2026'), 'Ok', way)
                equal(client.auth('awa.ouedraogo@helper.bac', 'Awa-2026'), 'Ok', way)
                equal(client.auth('ali', 'ali-2026'), 'WrongPassword', way)
                equal(client.auth('nobody', 'Ali-2026'), 'UnknownUser', way)


def test_the_service_account_is_not_needed_on_the_unix_socket():
    with School() as school, school.server(), Asker(school, school.urls['ldapi'], bind='-') as client:
        contains(client.ask('auth', 'awa', 'Awa-2026'), 'groups=students,teachers')


def test_empty_passwords_and_injections_open_nothing():
    with School() as school, school.server(), Asker(school, school.urls['ldapi']) as client:
        equal(client.auth('ali', ''), 'WrongPassword')
        equal(client.auth('fati', ''), 'WrongPassword')
        equal(client.auth('fati', 'x'), 'WrongPassword')
        for name in ('*', 'ali)(uid=*', 'a*', '*)(objectClass=*', '\\2a', 'ali\\00', 'uid=ali', dn('ali'), '(ali', '@', '*@helper.bac',
                     'ali@helper.bac)(uid=awa', 'é', 'x' * 400):
            equal(client.auth(name, 'Ali-2026'), 'UnknownUser', name)
        equal(client.auth('ali', 'x' * 100000), 'WrongPassword')


def test_addresses_lead_to_people_and_aliases():
    with School() as school, school.server(), Asker(school, school.urls['StartTLS']) as client:
        contains(client.ask('find', 'awa.ouedraogo@helper.bac'), ' User ')
        contains(client.ask('find', 'CONTACT@helper.bac'), 'members=ali@helper.bac,awa@helper.bac')
        contains(client.ask('find', 'nobody@helper.bac'), ' Unknown ')
        contains(client.ask('find', 'ali@elsewhere.bac'), ' Unknown ')
        contains(client.ask('find', '*@helper.bac'), ' Unknown ')


def test_a_changed_password_counts_at_once():
    with School() as school, school.server(), Asker(school, school.urls['ldapi']) as client:
        equal(client.auth('ali', 'Ali-2026'), 'Ok')
        school.tool('ldappasswd', '-s', 'Ali-2027', dn('ali'), way='ldapi')
        equal(client.auth('ali', 'Ali-2026'), 'WrongPassword')
        equal(client.auth('ali', 'Ali-2027'), 'Ok')


def test_locked_expired_and_to_be_changed_are_told_apart():
    def change(uid, line):
        school.tool('ldapmodify', way='ldapi', input=f'dn: {dn(uid)}\nchangetype: modify\nreplace: {line.split(":")[0]}\n{line}\n')
    with School() as school, school.server(more='passwords: {lock_after: 2, must_change: true}\n'), Asker(school, school.urls['ldapi']) as client:
        change('ali', 'pwdAccountLockedTime: 000001010000Z')
        equal(client.auth('ali', 'Ali-2026'), 'Disabled')
        change('ali', 'pwdAccountLockedTime: 20250101000000Z')
        school.tool('ldapmodify', way='ldapi', input=f'dn: {dn("ali")}\nchangetype: modify\nreplace: pwdEndTime\npwdEndTime: 20250101000000Z\n')
        equal(client.auth('ali', 'Ali-2026'), 'Expired')
        school.tool('ldappasswd', '-s', 'Awa-2026', dn('awa'), way='ldapi')
        equal(client.auth('awa', 'Awa-2026'), 'MustChangePassword')
        equal([client.auth('eric', 'wrong') for _ in range(2)], ['WrongPassword', 'WrongPassword'])
        equal(client.auth('eric', 'Eric-2026'), 'Locked')


def remembered(school, server, client, user, password):
    """Logs in until the client answers by itself, which a frozen server shows."""
    def once():
        equal(client.auth(user, password), 'Ok')
        freeze(server)
        client.send('auth', user, password)
        time.sleep(0.05)
        known = bool(select.select([client.process.stdout], [], [], 0)[0])
        server.signal(signal.SIGCONT)
        contains(client.line(), ' Ok ')
        return known
    until(once, f'{user} to be remembered')


def test_a_remembered_login_needs_no_server_and_ends_with_any_change():
    def change(target, *lines):
        school.tool('ldapmodify', way='ldapi', input=f'dn: {target}\nchangetype: modify\n' + '\n'.join(lines) + '\n')
    with School() as school, school.server() as server, Asker(school, school.urls['ldaps']) as client:
        remembered(school, server, client, 'ali', 'Ali-2026')
        equal(client.auth('ali', 'ali-2026'), 'WrongPassword')
        school.tool('ldappasswd', '-s', 'Ali-2027', dn('ali'), way='ldapi')
        until(lambda: client.auth('ali', 'Ali-2026') == 'WrongPassword', 'the old password to be forgotten')
        remembered(school, server, client, 'ali', 'Ali-2027')
        change(f'cn=guests,ou=groups,{BASE}', 'add: member', f'member: {dn("ali")}')
        until(lambda: 'guests' in client.ask('auth', 'ali', 'Ali-2027'), 'the new group')
        remembered(school, server, client, 'ali', 'Ali-2027')
        change(dn('ali'), 'replace: pwdAccountLockedTime', 'pwdAccountLockedTime: 000001010000Z')
        until(lambda: client.auth('ali', 'Ali-2027') == 'Disabled', 'the lock to count')
        remembered(school, server, client, 'awa', 'Awa-2026')
        school.tool('ldapdelete', dn('awa'), way='ldapi')
        until(lambda: client.auth('awa', 'Awa-2026') == 'UnknownUser', 'the deleted one to be forgotten')


def test_people_change_their_own_password_and_keep_to_the_rules():
    with School() as school, school.server(more='passwords: {least_length: 8, lock_after: 2, must_change: true}\n'), Asker(school, school.urls['StartTLS']) as client:
        equal(client.passwd('ali', 'wrong', 'Ali-2027!'), 'WrongPassword')
        equal(client.passwd('ali', 'Ali-2026', 'short'), 'Refused')
        equal(client.passwd('ali', 'Ali-2026', ''), 'Refused')
        equal(client.passwd('ali', 'Ali-2026', 'Ali-2027!'), 'Ok')
        equal(client.auth('ali', 'Ali-2027!'), 'Ok')
        equal(client.auth('ali', 'Ali-2026'), 'WrongPassword')
        equal(client.passwd('nobody', 'x', 'Long-enough'), 'UnknownUser')
        school.tool('ldappasswd', '-s', 'Start-2026', dn('awa'), way='ldapi')
        equal(client.auth('awa', 'Start-2026'), 'MustChangePassword')
        equal(client.passwd('awa', 'Start-2026', 'Awa-2027!'), 'Ok')
        equal(client.auth('awa', 'Awa-2027!'), 'Ok')


def test_a_login_name_may_stand_behind_its_domain():
    with School() as school, school.server(), Asker(school, school.urls['ldapi']) as client:
        for name in 'HELPER\\ali', 'helper.bac\\Ali':
            equal(client.auth(name, 'Ali-2026'), 'Ok', name)
        for name in 'OTHER\\ali', '\\ali', 'HELPER\\', 'HELPER\\*', 'HELPER\\HELPER\\ali':
            equal(client.auth(name, 'Ali-2026'), 'UnknownUser', name)


def test_a_referral_is_refused_or_followed_as_told():
    with School() as school, school.server(), School() as other:
        for name in 'ca.pem', 'cert.pem', 'key.pem':
            shutil.copy(school / name, other / name)
        there = other.write('elsewhere.yaml', open(other.config(users='{zoe: {password: "Zoe-2026"}}', groups='{}', aliases='{}')).read().replace('127.0.0.1', '127.0.0.2'))
        school.tool('ldapadd', '-M', way='ldapi', input=f'dn: ou=elsewhere,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: elsewhere\n'
                    f'ref: ldaps://127.0.0.2/ou=people,{BASE}??sub\n')
        with Daemon('lab-directory', '--config', there):
            with Asker(school, school.urls['ldaps']) as client:
                equal(client.auth('zoe', 'Zoe-2026'), 'UnknownUser')
                equal(client.auth('ali', 'Ali-2026'), 'Ok')
            with Asker(school, school.urls['ldaps'], ASK_FOLLOW='1') as client:
                equal(client.auth('zoe', 'Zoe-2026'), 'Ok')
                equal(client.auth('zoe', 'zoe-2026'), 'WrongPassword')
                equal(client.auth('ali', 'Ali-2026'), 'Ok')
                contains(client.ask('find', 'zoe@helper.bac'), ' uid=zoe ')
        with Asker(school, school.urls['ldaps'], ASK_FOLLOW='1') as client:
            equal(client.auth('zoe', 'Zoe-2026'), 'UnknownUser', 'and where nobody answers')


class Slow:
    """Carries TCP to a server, every byte a while later."""

    def __init__(self, address, to, delay):
        self.to, self.delay = to, delay
        self.listener = socket.create_server(address)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.to)
            for a, b in (near, far), (far, near):
                threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    def carry(self, a, b):
        try:
            while data := a.recv(65536):
                time.sleep(self.delay)
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_a_slow_server_answers_everybody_in_time():
    with School() as school, school.server():
        slow = Slow(('127.0.0.7', 636), ('127.0.0.1', 636), 0.1)
        with Asker(school, 'ldaps://127.0.0.1:636'.replace('127.0.0.1', '127.0.0.7'), within=15000) as client:
            for n in range(40):
                client.send('auth', ('ali', 'awa', 'eric')[n % 3], ('Ali-2026', 'Awa-2026', 'Eric-2026')[n % 3])
            for _ in range(40):
                contains(client.line(), ' Ok ')
        slow.listener.close()


def test_a_certificate_of_another_ca_or_name_is_refused():
    with School() as school, School() as stranger, school.server():
        for way in ('StartTLS', 'ldaps'):
            with Asker(school, school.urls[way], ca=stranger / 'ca.pem', within=700) as client:
                contains(client.ask('auth', 'ali', 'Ali-2026'), 'Unavailable')
            with Asker(school, school.urls[way].replace('127.0.0.1', '127.0.0.2'), within=700) as client:
                contains(client.ask('auth', 'ali', 'Ali-2026'), 'Unavailable')


def test_a_restart_loses_no_login():
    with School() as school:
        server = school.server()
        with Asker(school, school.urls['StartTLS']) as client:
            equal(client.auth('ali', 'Ali-2026'), 'Ok')
            server.stop()
            for _ in range(20):
                client.send('auth', 'awa', 'Awa-2026')
            with school.server():
                for _ in range(20):
                    contains(client.line(), ' Ok ')
                equal(client.auth('ali', 'Ali-2026'), 'Ok')


def test_a_killed_server_loses_no_login_under_load():
    with School() as school:
        server = school.server()
        with Asker(school, school.urls['ldapi']) as client:
            for _ in range(50):
                client.send('auth', 'ali', 'Ali-2026')
            server.kill()
            with school.server():
                for _ in range(50):
                    contains(client.line(), ' Ok ')


def test_a_frozen_server_keeps_no_login_past_its_deadline():
    with School() as school, school.server() as server, Asker(school, school.urls['StartTLS'], within=1500) as client:
        equal(client.auth('ali', 'Ali-2026'), 'Ok')
        freeze(server)
        for _ in range(5):
            client.send('auth', 'awa', 'Awa-2026')
        for _ in range(5):
            contains(client.line(), ' Unavailable ')
        server.signal(signal.SIGCONT)
        equal(client.auth('ali', 'Ali-2026'), 'Ok')


def test_a_server_frozen_before_the_first_question_is_no_trap_either():
    with School() as school, school.server() as server:
        freeze(server)
        for way in school.ways:
            with Asker(school, school.urls[way], within=1500) as client:
                contains(client.ask('auth', 'ali', 'Ali-2026'), ' Unavailable ')
        server.signal(signal.SIGCONT)


def test_a_frozen_server_is_left_for_the_next_one():
    with School() as school, school.server() as server:
        with socket.create_server(('127.0.0.3', 389)):  # takes connections and never says a word
            with Asker(school, 'ldap://127.0.0.3', school.urls['StartTLS']) as client:
                equal(client.auth('ali', 'Ali-2026'), 'Ok')


def test_a_connect_that_nobody_answers_ends_at_the_deadline_and_the_next_server_is_asked():
    # A listener whose queue is full drops what comes (SYN), so that connect(2) alone would take two minutes.
    with School() as school, school.server(), socket.create_server(('127.0.0.8', 636), backlog=0) as deaf:
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        with Asker(school, 'ldaps://127.0.0.8', within=1500) as client:
            begin = time.monotonic()
            contains(client.ask('auth', 'ali', 'Ali-2026'), ' Unavailable ')
            equal(time.monotonic() - begin < 1.5 + 1, True, 'within its deadline of 1.5 s')
        with Asker(school, 'ldaps://127.0.0.8', school.urls['ldaps']) as client:
            equal(client.auth('ali', 'Ali-2026'), 'Ok')
        for one in waiting:
            one.close()


def test_a_program_that_has_asked_ends_cleanly():
    # libldap and OpenSSL clean up behind each other's backs when a process ends.
    with School() as school, school.server():
        for way in school.ways:
            client = Asker(school, school.urls[way])
            equal(client.auth('ali', 'Ali-2026'), 'Ok')
            equal(client.auth('ali', 'wrong'), 'WrongPassword')
            client.send('quit')
            equal(client.process.wait(netlab.DEADLINE), 0, way)


def test_more_connections_than_slapd_may_hold_keep_nobody_out_for_ever():
    with School() as school, school.server(more='connections: 64\n') as server, Asker(school, school.urls['ldaps']) as client:
        equal(client.auth('ali', 'Ali-2026'), 'Ok')
        crowd = [socket.create_connection(('127.0.0.1', 389)) for _ in range(200)]
        time.sleep(0.5)
        equal(client.auth('awa', 'Awa-2026'), 'Ok', 'whoever is connected goes on')
        for one in crowd:
            one.close()
        for _ in range(3):
            until(lambda: school.whoami('eric', 'Eric-2026'), 'slapd to take new ones')
        equal(server.process.poll(), None)


def test_a_limit_of_a_million_files_is_no_reason_to_take_memory():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    many = min(hard, 1 << 20) if hard != resource.RLIM_INFINITY else 1 << 20
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (many, hard))
    try:
        with School() as school, school.server() as server:
            equal(school.whoami('ali', 'Ali-2026'), True)
            memory = int(open(f'/proc/{server.process.pid}/status').read().split('VmRSS:')[1].split()[0])
            equal(memory < 64 * 1024, True, f'{memory} KiB with {many} files allowed')
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, soft)


def test_a_closed_port_is_left_for_the_next_one():
    with School() as school, school.server(), Asker(school, 'ldap://127.0.0.4', 'ldapi:///nowhere', school.urls['ldaps']) as client:
        equal(client.auth('ali', 'Ali-2026'), 'Ok')


def test_a_server_that_speaks_something_else_is_unavailable_and_no_crash():
    with School() as school, socket.create_server(('127.0.0.5', 389)) as server:
        server.settimeout(netlab.DEADLINE)
        with Asker(school, 'ldap://127.0.0.5', within=1000) as client:
            client.send('auth', 'ali', 'Ali-2026')
            connection, _ = server.accept()
            connection.sendall(b'HTTP/1.1 400 Bad Request\r\n' + b'x' * 200)
            server.close()
            contains(client.line(), ' Unavailable ')


def test_an_answer_slipped_in_before_tls_is_forgotten():
    # A man in the middle answers StartTLS and adds a BindResponse "success" in the clear (RFC 4511 4.14.2).
    with School() as school, socket.create_server(('127.0.0.6', 389)) as server:
        server.settimeout(netlab.DEADLINE)
        with Asker(school, 'ldap://127.0.0.6', within=1000) as client:
            client.send('auth', 'ali', 'Ali-2026')
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(bytes.fromhex('300c02010178070a010004000400' + '300c02010161070a010004000400'))
            connection.settimeout(netlab.DEADLINE)
            hello = connection.recv(1000)
            equal(hello[:1], b'\x16', 'a TLS handshake, and no password')
            connection.close()
            server.close()
            contains(client.line(), ' Unavailable ')


netlab.run_tests(globals())
