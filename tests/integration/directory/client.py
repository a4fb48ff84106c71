#!/usr/bin/env python3
"""The C++ client against a real slapd: every way in, every wrong way in, servers that stop, freeze, restart and differ."""
import os, signal, socket, subprocess, time

import netlab
from netlab import Folder, contains, equal, until

netlab.need('/usr/sbin/slapd', 'ldappasswd', 'openssl', 'unshare')
netlab.isolate()

from school import USERS, Asker, School, dn


def freeze(server):
    """SIGSTOP, and waits until the last thread has stopped: one of them may be about to answer."""
    server.signal(signal.SIGSTOP)
    tasks = f'/proc/{server.process.pid}/task'
    until(lambda: all(open(f'{tasks}/{t}/stat').read().rsplit(')', 1)[1].split()[0] == 'T' for t in os.listdir(tasks)), 'slapd to stand still')


def test_logins_are_judged_the_same_over_every_way():
    with School() as school, school.server():
        for way, url in school.urls.items():
            with Asker(school, url) as client:
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
        equal(client.auth('ali', 'Ali-2026'), 'Locked')
        school.tool('ldappasswd', '-s', 'Awa-2026', dn('awa'), way='ldapi')
        equal(client.auth('awa', 'Awa-2026'), 'MustChangePassword')
        equal([client.auth('eric', 'wrong') for _ in range(2)], ['WrongPassword', 'WrongPassword'])
        equal(client.auth('eric', 'Eric-2026'), 'Locked')


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
            client.send('auth', 'ali', 'Ali-2026')
        for _ in range(5):
            contains(client.line(), ' Unavailable ')
        server.signal(signal.SIGCONT)
        equal(client.auth('ali', 'Ali-2026'), 'Ok')


def test_a_server_frozen_before_the_first_question_is_no_trap_either():
    with School() as school, school.server() as server:
        freeze(server)
        for way, url in school.urls.items():
            with Asker(school, url, within=1500) as client:
                contains(client.ask('auth', 'ali', 'Ali-2026'), ' Unavailable ')
        server.signal(signal.SIGCONT)


def test_a_frozen_server_is_left_for_the_next_one():
    with School() as school, school.server() as server:
        with socket.create_server(('127.0.0.3', 389)):  # takes connections and never says a word
            with Asker(school, 'ldap://127.0.0.3', school.urls['StartTLS']) as client:
                equal(client.auth('ali', 'Ali-2026'), 'Ok')


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
