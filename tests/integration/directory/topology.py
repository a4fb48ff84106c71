#!/usr/bin/env python3
"""A changed file meets a directory that people and teachers have changed, too: how many LDAP operations slapd itself counts, and what stays."""
import os, re, subprocess

import netlab
from netlab import contains, equal

netlab.need('/usr/sbin/slapd', 'ldapsearch', 'ldapwhoami', 'ldappasswd', 'openssl', 'unshare', 'bash')
netlab.isolate()

from school import ALIASES, BASE, GROUPS, USERS, School, dn


def logging_slapd(school):
    """slapd that tells of every operation it is asked for (-d stats)."""
    path = school.write('slapd-that-tells', '#!/bin/bash\nif [ "$1" != -d ]; then exec -a "$([ "$1" = -q ] && echo slapadd || echo slapcat)" /usr/sbin/slapd "$@"; fi\n'
                        'shift 2\nexec -a slapd /usr/sbin/slapd -d stats "$@"\n')
    os.chmod(path, 0o755)
    return f'slapd: {path}\n'


def operations(server):
    """What changed the tree, as slapd's log has it: "MOD uid=ali,ou=people"."""
    found = re.findall(r'op=\d+ (ADD|MOD|MODRDN|DEL|PASSMOD|EXT) (?:dn|oid)="([^"]*)"', server.log())
    return [f'{verb} {name.removesuffix("," + BASE)}' for verb, name in found]


def entry_numbers(school):
    """dn -> entryCSN, which every change of an entry renews."""
    found = school.search('-b', BASE, 'entryCSN', way='ldapi')
    return {block.split('\n')[0]: block.split('entryCSN: ')[1].strip() for block in found.split('\n\n')}


def number_of(school, uid):
    return school.search('-b', dn(uid), 'uidNumber', way='ldapi').split('uidNumber: ')[1].strip()


def admin(school, *words):
    return netlab.run(netlab.program('lab-directory'), *words, '--config', school / 'directory.yaml')


ERIC = '  eric: {name: Eric, password: "Eric-2026", groups: [students]}\n'
CHANGES = {
    'nothing': ({}, []),
    'a name': (dict(users=USERS.replace('Ali Traoré', 'Ali Konaté')), ['MOD uid=ali,ou=people']),
    'a password': (dict(users=USERS.replace('"Eric-2026"', '"Eric-2027"')), ['MOD uid=eric,ou=people']),
    'a quota': (dict(users=USERS.replace('200M', '300M')), ['MOD uid=ali,ou=people']),
    'another group': (dict(users=USERS.replace('password: "Eric-2026", groups: [students]', 'password: "Eric-2026", groups: [guests]')),
                      ['MOD cn=students,ou=groups', 'MOD cn=guests,ou=groups']),
    'a group with other rules': (dict(groups=GROUPS.replace('students: {}', 'students: {policy: {quota: 9M}}')), ['MOD cn=students,ou=groups']),
    'a new group': (dict(groups=GROUPS.replace('guests: {}', 'guests: {}, chess: {}')), ['ADD cn=chess,ou=groups']),
    'a group that is gone': (dict(groups=GROUPS.replace(', guests: {}', '')), ['DEL cn=guests,ou=groups']),
    'somebody new': (dict(users=USERS + '  zoe: {password: "Zoe-2026", groups: [students]}\n'), ['ADD uid=zoe,ou=people', 'MOD cn=students,ou=groups']),
    'somebody who left': (dict(users=USERS.replace(ERIC, '')), ['MOD cn=students,ou=groups', 'DEL uid=eric,ou=people']),
    'other rules for passwords': (dict(more='passwords: {least_length: 8}\n'), ['MOD cn=default,ou=policies']),
    'an alias': (dict(aliases=ALIASES.replace('root: ali', 'root: awa')), ['MOD cn=root,ou=aliases']),
}


def test_a_changed_file_is_as_few_operations_as_can_be_and_own_passwords_stay():
    for name, (changed, expected) in CHANGES.items():
        with School() as school:
            tells = logging_slapd(school)
            with school.server(more=tells) as server:
                equal(operations(server), [], 'the first start fills the database by itself')
                school.tool('ldappasswd', '-s', 'Awas-own-1', user='awa', password='Awa-2026')
                school.tool('ldapmodify', input=f'dn: {dn("awa")}\nchangetype: modify\nadd: jpegPhoto\njpegPhoto:: /9j/4A==\n', user='awa', password='Awas-own-1')
                before = entry_numbers(school)
                equal(server.stop(), 0)
            with school.server(**changed | {'more': changed.get('more', '') + tells}) as server:
                equal(operations(server), expected, name)
                touched = {e for e, number in entry_numbers(school).items() if before.get(e) != number}
                # memberOf of who comes and goes is the server's own work.
                allowed = {f'dn: {line.split(" ", 1)[1]},{BASE}' for line in expected} | {f'dn: {dn("eric")}', f'dn: {dn("zoe")}'}
                equal(touched - allowed, set(), f'{name}: entries touched')
                equal(school.whoami('awa', 'Awas-own-1'), True, name)
                contains(school.search('-b', dn('awa'), 'jpegPhoto', way='ldapi'), 'jpegPhoto::', name)


def test_a_password_the_file_changes_counts_over_the_one_its_owner_chose():
    with School() as school:
        with school.server():
            for user in 'ali', 'awa':
                school.tool('ldappasswd', '-s', f'{user}-own', user=user, password=f'{user.capitalize()}-2026')
        with school.server(users=USERS.replace('"Ali-2026"', '"Ali-reset"')):
            equal([school.whoami('ali', p) for p in ('Ali-reset', 'ali-own', 'Ali-2026')], [True, False, False])
            equal([school.whoami('awa', p) for p in ('awa-own', 'Awa-2026')], [True, False])


def test_who_is_new_in_the_file_gets_no_number_that_somebody_added_by_hand_has():
    with School() as school:
        with school.server():
            admin(school, 'user', 'add', 'salif')
            by_hand = number_of(school, 'salif')
        for _ in range(2):  # and it stays so at the next start
            with school.server(users=USERS + '  aicha: {password: "A-2026"}\n  zoe: {password: "Zoe-2026"}\n'):
                numbers = [number_of(school, uid) for uid in ('ali', 'awa', 'eric', 'fati', 'salif', 'aicha', 'zoe')]
                equal(numbers[4], by_hand)
                equal(len(set(numbers)), 7, numbers)
        with school.server(users=USERS + '  aicha: {password: "A-2026"}\n  zoe: {password: "Zoe-2026"}\n  yao: {}\n'):
            equal([number_of(school, uid) for uid in ('aicha', 'zoe')], numbers[5:])
            equal(number_of(school, 'yao') in numbers, False)


def test_who_was_added_by_hand_and_comes_into_the_file_keeps_password_number_and_photo():
    with School() as school:
        with school.server():
            admin(school, 'user', 'add', 'salif', '--password', 'Salif-1', '--name', 'S', '--group', 'guests')
            school.tool('ldappasswd', '-s', 'Salifs-own', user='salif', password='Salif-1')
            number = number_of(school, 'salif')
        listed = USERS + '  aicha: {}\n  salif: {name: Salif Keita, password: "Salif-2026", groups: [students], mail: [salif.keita]}\n'
        with school.server(users=listed):
            equal([school.whoami('salif', p) for p in ('Salifs-own', 'Salif-2026')], [True, False])
            equal(number_of(school, 'salif'), number)
            entry = school.search('-b', dn('salif'), '*', 'memberOf', way='ldapi')
            for line in 'cn: Salif Keita', 'mail: salif@helper.bac', 'mail: salif.keita@helper.bac', 'memberOf: cn=students,', 'memberOf: cn=guests,':
                contains(entry, line)
        with school.server(users=listed.replace('"Salif-2026"', '"Salif-2027"')):
            equal(school.whoami('salif', 'Salif-2027'), True, 'from here on the file can change it')


def test_an_address_given_by_hand_goes_to_whom_the_file_gives_it():
    with School() as school:
        with school.server():
            admin(school, 'user', 'add', 'salif', '--mail', 'salif@helper.bac', '--mail', 'boss@helper.bac')
        with school.server(users=USERS.replace('{name: Eric,', '{name: Eric, mail: [eric, boss],')) as server:
            contains(school.search('-b', dn('eric'), 'mail', way='ldapi'), 'mail: boss@helper.bac')
            equal('boss' in school.search('-b', dn('salif'), 'mail', way='ldapi'), False)
            contains(server.log(), f'boss@helper.bac was given to {dn("salif")} by hand')
        with school.server(users=USERS + '  zoe: {mail: [zoe, salif]}\n'):
            contains(school.search('-b', dn('zoe'), 'mail', way='ldapi'), 'mail: salif@helper.bac')


def test_a_start_that_is_killed_amid_its_changes_is_finished_by_the_next():
    many = ''.join(f'  p{n}: {{password: "P-{n}", groups: [guests]}}\n' for n in range(40))
    with School() as school:
        with school.server():
            school.tool('ldappasswd', '-s', 'Awas-own-1', user='awa', password='Awa-2026')
        path = school.config(users=USERS.replace(ERIC, '') + many)
        for moment in (0.03, 0.06, 0.1, 0.15):
            started = subprocess.Popen([netlab.program('lab-directory'), '--config', path], stderr=subprocess.DEVNULL)
            try:
                started.wait(moment)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
            netlab.until(lambda: subprocess.run(['flock', '-n', school / 'data/lock', 'true']).returncode == 0, 'the lock to be free')
        with school.server(users=USERS.replace(ERIC, '') + many):
            equal(school.whoami('awa', 'Awas-own-1'), True)
            equal(school.whoami('eric', 'Eric-2026'), False)
            members = school.search('-b', f'cn=guests,ou=groups,{BASE}', 'member', way='ldapi')
            equal(members.count('member: uid=p'), 40)
            equal('cn=nobody' in members, False)
            equal(len({number_of(school, f'p{n}') for n in range(40)}), 40)
            for n in (0, 17, 39):
                equal(school.whoami(f'p{n}', f'P-{n}'), True)


netlab.run_tests(globals())
