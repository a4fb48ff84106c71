#!/usr/bin/env python3
"""A directory and its Kerberos realm: one password in both, whatever stops, freezes or is killed meanwhile."""
import os, signal, socket, stat, subprocess, threading, time

import netlab
from netlab import Daemon, contains, equal, run, until

netlab.need('/usr/sbin/slapd', '/usr/sbin/krb5kdc', 'kinit', 'ldapwhoami', 'ldappasswd', 'openssl', 'unshare')
netlab.isolate()

from school import BASE, USERS, School, dn, freeze

REALM = 'HELPER.BAC'


class Realm(School):
    """A school with a realm. `with Realm() as school, school.kdc(), school.server():`"""

    def __init__(self):
        super().__init__()
        self.write('krb5.conf', f'[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\ndns_canonicalize_hostname = false\nrdns = false\n'
                   f'[realms]\n{REALM} = {{\n kdc = 127.0.0.1:88\n}}\n')
        os.environ['KRB5_CONFIG'] = self / 'krb5.conf'
        os.environ['KRB5CCNAME'] = 'FILE:' + self / 'tickets'
        os.environ['KRB5_TRACE'] = '/dev/null'
        os.makedirs(self / 'run', exist_ok=True)

    def kdc(self, users='{ali: "Ali-2026", awa: "Awa-2026", eric: "Eric-2026"}'):
        return Daemon('lab-kdc', '--config', self.write('kdc.yaml', f'''realm: {REALM}
suffix: "{BASE}"
data: {self / 'realm'}
socket: {self / 'run/passwords'}
directory: {self.socket}
listen: 127.0.0.1:88
users: {users}
keytabs: {{directory: {{file: {self / 'run/directory.keytab'}, services: [ldap/srv.helper.bac]}}}}
'''), env={'KRB5_CONFIG': ''})

    def config(self, more='', **changes):
        return super().config(more=f'kerberos: {{realm: {REALM}, host: srv.helper.bac, keytab: {self / "run/directory.keytab"}, socket: {self / "run/passwords"}}}\n' + more,
                              **changes)

    def ticket(self, user, password):
        done = subprocess.run(['kinit', user], input=password + '\n', capture_output=True, text=True, timeout=netlab.DEADLINE)
        return done.returncode == 0

    def both(self, user, password):
        """Whether the directory and the realm take this password."""
        return self.whoami(user, password), self.ticket(user, password)


def test_one_password_opens_both_and_a_new_one_too():
    with Realm() as school, school.kdc(), school.server():
        equal(school.both('ali', 'Ali-2026'), (True, True))
        equal(school.both('ali', 'wrong'), (False, False))
        school.tool('ldappasswd', '-s', 'Ali-2027', user='ali', password='Ali-2026')
        equal(school.both('ali', 'Ali-2027'), (True, True))
        equal(school.both('ali', 'Ali-2026'), (False, False))


def test_a_refused_change_leaves_both_as_they_were():
    with Realm() as school, school.kdc(), school.server(more='passwords: {least_length: 8}\n'):
        def in_the_clear(target, fresh, more=''):
            return 'ldapmodify', '-f', school.write(fresh, f'dn: {dn(target)}\nchangetype: modify\nreplace: userPassword\nuserPassword: {fresh}\n{more}')
        for user, command, fresh in (('ali', ('ldappasswd', '-s', 'short'), 'short'),
                                     ('ali', ('ldappasswd', '-a', 'wrong', '-s', 'Longer-2026'), 'Longer-2026'),
                                     ('ali', in_the_clear('ali', 'small'), 'small'),
                                     ('ali', in_the_clear('ali', 'Chief-2026', '-\nreplace: mail\nmail: chief@helper.bac\n'), 'Chief-2026'),
                                     ('awa', ('ldappasswd', '-s', 'Mallory-2026', dn('ali')), 'Mallory-2026'),
                                     ('awa', in_the_clear('ali', 'Mallory-2027'), 'Mallory-2027')):
            school.refusal(*command, user=user, password=f'{user.capitalize()}-2026')
            equal(school.both('ali', fresh), (False, False), fresh)
            equal(school.both('ali', 'Ali-2026'), (True, True), fresh)


def processes(name):
    """Those of this test's own process namespace."""
    stats = [open(f'/proc/{p}/stat').read() for p in os.listdir('/proc') if p.isdigit()]
    return [s for s in stats if f'({name})' in s and s.rsplit(')', 1)[1].split()[0] != 'Z']


def both_soon(school, user, password):
    """The realm follows a moment after the directory has answered."""
    equal(school.whoami(user, password), True)
    until(lambda: school.ticket(user, password), f'the realm to take the new password of {user}')


def test_whoever_changes_a_password_and_however_both_have_it():
    with Realm() as school, school.kdc(), school.server():
        school.tool('ldapmodify', input=f'dn: {dn("ali")}\nchangetype: modify\nreplace: userPassword\nuserPassword: In-the-clear-1\n', user='ali', password='Ali-2026')
        both_soon(school, 'ali', 'In-the-clear-1')
        school.tool('ldappasswd', '-s', 'By-the-teacher', dn('ali'), way='ldapi')
        both_soon(school, 'ali', 'By-the-teacher')
        school.tool('ldapadd', way='ldapi', input=f'dn: {dn("zoe")}\nobjectClass: inetOrgPerson\nuid: zoe\ncn: Z\nsn: Z\nuserPassword: Zoe-2026\n')
        both_soon(school, 'zoe', 'Zoe-2026')
        school.tool('ldapdelete', dn('zoe'), way='ldapi')
        until(lambda: not school.ticket('zoe', 'Zoe-2026'), 'zoe to be gone from the realm')
        # A hash alone tells nobody the password: the old one must not open anything any more.
        hashed = next(l for l in school.search('-b', dn('awa'), 'userPassword', way='ldapi').split('\n') if l.startswith('userPassword'))
        school.tool('ldapmodify', way='ldapi', input=f'dn: {dn("ali")}\nchangetype: modify\nreplace: userPassword\n{hashed}\n')
        equal(school.whoami('ali', 'Awa-2026'), True)
        until(lambda: not school.ticket('ali', 'By-the-teacher'), 'the old key to be forgotten')


def test_who_comes_in_by_hand_or_by_a_class_list_is_in_both():
    def admin(*words):
        return netlab.run(netlab.program('lab-directory'), *words, '--config', school / 'directory.yaml')
    with Realm() as school, school.kdc(), school.server():
        for user, password in ('salif', 'Salif-1'), ('moussa', '{SSHA}is-no-hash'):
            admin('user', 'add', user, '--password', password, '--group', 'students')
            both_soon(school, user, password)
        equal(b'Salif-1' in open(school / 'data/db/data.mdb', 'rb').read(), False)
        names = '\n'.join(f'Pupil {n}' for n in range(20))
        rows = admin('import', school.write('class.csv', f'name\n{names}\n')).split('\n')[1:]
        for row in rows[::6]:
            both_soon(school, *row.split(',')[:2])
        admin('user', 'lock', 'salif')
        until(lambda: not school.ticket('salif', 'Salif-1'), 'the lock in the realm')
        admin('user', 'del', 'moussa')
        until(lambda: not school.ticket('moussa', '{SSHA}is-no-hash'), 'who is deleted to be gone')


def as_slapd_asks(school, text):
    """What slapd writes to its overlay's socket before it carries a change out (slapd-sock(5))."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(school / 'run/passwords')
        s.sendall(text.encode())
        return s.recv(100)


def test_a_password_told_after_its_hash_is_in_both_however_long_the_directory_takes():
    with Realm() as school, school.kdc(), school.server():
        one, other = (run('slappasswd', '-n', '-o', 'module-load=argon2', '-h', '{ARGON2}', '-s', 'Zoe-2026') for _ in range(2))
        school.tool('ldapadd', way='ldapi', input=f'dn: {dn("zoe")}\nobjectClass: inetOrgPerson\nuid: zoe\ncn: Z\nsn: Z\nuserPassword: {one}\n')
        equal(as_slapd_asks(school, f'MODIFY\nmsgid: 2\nconnid: 4000\ndn: {dn("zoe")}\nreplace: userPassword\nuserPassword: Zoe-2026\n-\n\n'), b'CONTINUE\n')
        time.sleep(1)  # a slow disk: by now the realm has looked several times, and found the hash of before
        school.tool('ldapmodify', way='ldapi', input=f'dn: {dn("zoe")}\nchangetype: modify\nreplace: userPassword\nuserPassword: {other}\n')
        both_soon(school, 'zoe', 'Zoe-2026')
        for _ in range(4):
            time.sleep(0.2)
            equal(school.both('zoe', 'Zoe-2026'), (True, True))


def test_a_changed_file_changes_both_and_own_passwords_stay_in_both():
    users = USERS.replace('"Eric-2026"', '"Eric-2027"') + '  zoe: {password: "Zoe-2026"}\n'
    with Realm() as school:
        with school.kdc(), school.server():
            school.tool('ldappasswd', '-s', 'Alis-own', user='ali', password='Ali-2026')
            both_soon(school, 'ali', 'Alis-own')
        with school.kdc('{ali: "Ali-2026", awa: "Awa-2026", eric: "Eric-2027", zoe: "Zoe-2026"}'), school.server(users=users):
            for user, password in ('ali', 'Alis-own'), ('awa', 'Awa-2026'), ('eric', 'Eric-2027'), ('zoe', 'Zoe-2026'):
                both_soon(school, user, password)
            equal(school.both('ali', 'Ali-2026'), (False, False))
            until(lambda: not school.ticket('eric', 'Eric-2026'), "eric's old key to be replaced")
        with school.kdc('{ali: "Ali-2026", awa: "Awa-2026"}'), school.server(users='\n'.join(l for l in USERS.split('\n') if 'eric' not in l)):
            until(lambda: not school.ticket('eric', 'Eric-2027'), 'who has left to be gone')
            both_soon(school, 'ali', 'Alis-own')


def test_a_realm_that_comes_later_trusts_no_password_the_directory_has_left_behind():
    with Realm() as school:
        with Daemon('lab-directory', '--config', School.config(school)):
            school.tool('ldappasswd', '-s', 'Alis-own', user='ali', password='Ali-2026')
        with school.kdc(), school.server():
            until(lambda: not school.ticket('ali', 'Ali-2026'), 'the password of the file to be refused')
            both_soon(school, 'awa', 'Awa-2026')
            school.tool('ldappasswd', '-s', 'Alis-new', user='ali', password='Alis-own')
            both_soon(school, 'ali', 'Alis-new')


def test_without_the_realm_no_password_changes_and_logins_go_on():
    with Realm() as school:
        kdc = school.kdc()
        with school.server():
            equal(kdc.stop(), 0)
            until(lambda: not processes('lab-kdc'), 'the last of its processes to end')
            contains(school.refusal('ldappasswd', '-s', 'Ali-2027', user='ali', password='Ali-2026'), 'could not open socket')
            for _ in range(3):
                equal(school.whoami('ali', 'Ali-2026'), True)
                equal(school.whoami('awa', 'wrong'), False)
            with school.kdc():
                equal(school.both('ali', 'Ali-2026'), (True, True))
                equal(school.both('ali', 'Ali-2027'), (False, False))
                school.tool('ldappasswd', '-s', 'Ali-2027', user='ali', password='Ali-2026')
                both_soon(school, 'ali', 'Ali-2027')


def test_a_realm_killed_at_any_moment_of_a_change_ends_with_the_directorys_password():
    with Realm() as school:
        kdc, old = school.kdc(), 'Ali-2026'
        server = school.server()
        for moment in (0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08):
            fresh = f'Fresh-{moment}'
            change = subprocess.Popen(['ldappasswd', '-x', '-H', school.urls['ldaps'], '-D', dn('ali'), '-w', old, '-s', fresh],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {'LDAPTLS_CACERT': school / 'ca.pem'})
            time.sleep(0.02 + moment)
            kdc.kill()
            answered = change.wait(netlab.DEADLINE) == 0
            kdc = school.kdc()
            now = fresh if school.whoami('ali', fresh) else old
            equal(now == fresh or not answered, True, 'what was answered counts')
            both_soon(school, 'ali', now)
            until(lambda: not school.ticket('ali', old if now == fresh else fresh), 'the other one to be refused')
            old = now
        kdc.kill()
        server.kill()


def test_a_realm_killed_amid_a_change_is_back_before_a_slow_directory_has_carried_it_out():
    def argon2(password):
        return run('slappasswd', '-n', '-o', 'module-load=argon2', '-h', '{ARGON2}', '-s', password)
    with Realm() as school:
        kdc = school.kdc()
        with school.server():
            both_soon(school, 'ali', 'Ali-2026')
            person = 'objectClass: inetOrgPerson\nuid: zoe\ncn: Z\nsn: Z\nuserPassword: '
            modify = 'replace: userPassword\nuserPassword: '
            equal(as_slapd_asks(school, f'MODIFY\nmsgid: 2\nconnid: 4000\ndn: {dn("ali")}\n{modify}Ali-2027\n-\n\n'), b'CONTINUE\n')
            equal(as_slapd_asks(school, f'ADD\nmsgid: 3\nconnid: 4000\ndn: {dn("zoe")}\n{person}Zoe-2026\n\n'), b'CONTINUE\n')
            time.sleep(0.5)
            kdc.kill()
            with school.kdc():
                time.sleep(1)  # the realm has compared everybody: the directory has only what was before
                equal(school.both('ali', 'Ali-2026'), (True, True))
                school.tool('ldapmodify', way='ldapi', input=f'dn: {dn("ali")}\nchangetype: modify\n{modify}{argon2("Ali-2027")}\n')
                school.tool('ldapadd', way='ldapi', input=f'dn: {dn("zoe")}\n{person}{argon2("Zoe-2026")}\n')
                both_soon(school, 'ali', 'Ali-2027')
                both_soon(school, 'zoe', 'Zoe-2026')
                equal(school.ticket('ali', 'Ali-2026'), False)


def test_a_frozen_realm_delays_changes_and_no_login():
    with Realm() as school, school.kdc() as kdc, school.server():
        time.sleep(1)  # not amid the first comparison of the two, when the realm's database may be locked
        freeze(kdc)
        change = subprocess.Popen(['ldappasswd', '-x', '-H', school.urls['ldaps'], '-D', dn('ali'), '-w', 'Ali-2026', '-s', 'Ali-2027'],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {'LDAPTLS_CACERT': school / 'ca.pem'})
        time.sleep(0.3)
        for _ in range(3):
            equal(school.whoami('awa', 'Awa-2026'), True)
            equal(school.whoami('awa', 'wrong'), False)
            equal(school.ticket('awa', 'Awa-2026'), True)
        equal(change.poll(), None)
        kdc.signal(signal.SIGCONT)
        equal(change.wait(netlab.DEADLINE), 0)
        both_soon(school, 'ali', 'Ali-2027')


def test_a_lock_holds_in_both_and_for_as_long():
    with Realm() as school, school.kdc(), school.server(more='passwords: {lock_after: 2, lock_for: 3s}\n'):
        for _ in range(2):
            equal(school.whoami('ali', 'wrong'), False)
        equal(school.whoami('ali', 'Ali-2026'), False)
        until(lambda: not school.ticket('ali', 'Ali-2026'), 'the realm to lock, too')
        until(lambda: school.ticket('ali', 'Ali-2026'), 'the lock to end by itself')
        equal(school.whoami('ali', 'Ali-2026'), True)
        change = f'dn: {dn("awa")}\nchangetype: modify\nreplace: pwdAccountLockedTime\n'
        school.tool('ldapmodify', way='ldapi', input=change + 'pwdAccountLockedTime: 000001010000Z\n')
        until(lambda: not school.ticket('awa', 'Awa-2026'), "the teacher's lock")
        school.tool('ldapmodify', way='ldapi', input=change)
        until(lambda: school.ticket('awa', 'Awa-2026'), "the teacher's lock to be lifted")
        # A password told a moment ago is watched for a minute; the lock ends when it ends.
        school.tool('ldappasswd', '-s', 'Eric-2027', user='eric', password='Eric-2026')
        both_soon(school, 'eric', 'Eric-2027')
        for _ in range(2):
            equal(school.whoami('eric', 'wrong'), False)
        until(lambda: not school.ticket('eric', 'Eric-2027'), 'the realm to lock after a change, too')
        until(lambda: school.ticket('eric', 'Eric-2027'), 'that lock to end by itself')


def test_logins_at_the_same_moment_undo_no_lock():
    with Realm() as school, school.kdc(), school.server():
        both_soon(school, 'awa', 'Awa-2026')
        at_work = threading.Event()

        def log_in_all_the_time(own):
            while not at_work.wait(0.001):
                subprocess.run(['kinit', '-c', own, 'awa'], input='Awa-2026\n', capture_output=True, text=True, timeout=netlab.DEADLINE)
        others = [threading.Thread(target=log_in_all_the_time, args=[school / f'tickets.{n}']) for n in range(3)]
        for other in others:
            other.start()
        try:
            change = f'dn: {dn("awa")}\nchangetype: modify\nreplace: pwdAccountLockedTime\n'
            for _ in range(15):
                school.tool('ldapmodify', way='ldapi', input=change + 'pwdAccountLockedTime: 000001010000Z\n')
                until(lambda: not school.ticket('awa', 'Awa-2026'), 'the lock')
                school.tool('ldapmodify', way='ldapi', input=change)
                until(lambda: school.ticket('awa', 'Awa-2026'), 'the lock to be lifted')
        finally:
            at_work.set()
            for other in others:
                other.join()


def test_neither_a_password_nor_a_key_lies_where_others_read_it():
    with Realm() as school, school.kdc(), school.server():
        school.tool('ldappasswd', '-s', 'Fresh-Secret-1', user='ali', password='Ali-2026')
        both_soon(school, 'ali', 'Fresh-Secret-1')
        equal(os.stat(school / 'realm').st_mode & 0o777, 0o700)
        equal(os.stat(school / 'run/directory.keytab').st_mode & 0o777, 0o600)
        equal(os.stat(school / 'run/passwords').st_mode & 0o777, 0o700)
        for place in 'realm', 'data', 'run':
            for folder, _, files in os.walk(school / place):
                for name in files:
                    path = os.path.join(folder, name)
                    if place == 'realm' and name.startswith(('principal', 'stash')):
                        equal(os.stat(path).st_mode & 0o077, 0, path)
                    if stat.S_ISSOCK(os.stat(path).st_mode):
                        continue
                    with open(path, 'rb') as f:
                        content = f.read()
                    for secret in b'Ali-2026', b'Awa-2026', b'Fresh-Secret-1', b'a long secret of the mail server':
                        equal(secret in content, False, f'{secret} in {path}')


netlab.run_tests(globals())
