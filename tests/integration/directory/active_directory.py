#!/usr/bin/env python3
"""The C++ client and the mail server against a real Active Directory: Samba's domain controller."""
import base64, imaplib, json, os, poplib, re, smtplib, ssl, subprocess, sys

import netlab
from netlab import contains, equal, until

netlab.need('samba', 'openssl', 'ldapsearch', 'ldapmodify', 'unshare')
if subprocess.run([sys.executable, '-c', 'import samba.provision'], capture_output=True).returncode != 0:
    netlab.skip("Samba's Python modules are not installed")
netlab.isolate()

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../mail'))
from domain_controller import ADMINISTRATOR, BASE, REALM, SERVICE, DomainController
from school import Asker, certificates

folder = netlab.Folder()
certificates(folder)
dc = DomainController(folder, '127.0.0.1')
SERVICES_PASSWORD = 'A-long.Secret-4711'


def ask(url=dc.url, **how):
    return Asker(folder, url, bind=SERVICE, password=SERVICES_PASSWORD, ca=folder / 'ca.pem', base=BASE, ASK_FLAVOUR='ad', **how)


def populate():
    until(dc.answers, 'the domain controller to answer')
    dc.change(BASE, 'replace: minPwdAge', 'minPwdAge: 0', '-', 'replace: pwdHistoryLength', 'pwdHistoryLength: 0', '-',
              'replace: lockoutThreshold', 'lockoutThreshold: 3')
    dc.add_user('mail', SERVICES_PASSWORD)
    dc.add_user('Ali', 'Ali-2026.x', 'displayName: Ali Traoré', 'mail: ali@ad.school.test', 'proxyAddresses: SMTP:ali@ad.school.test',
                'proxyAddresses: smtp:boss@ad.school.test')
    dc.add_user('awa', 'Awa-2026.x', 'mail: awa.ouedraogo@ad.school.test')
    for name in ('off', 'late', 'fresh', 'shut', 'eric', 'salif'):
        dc.add_user(name, 'Pass-2026.x')
    dc.set('off', 'userAccountControl', 514)
    dc.set('late', 'accountExpires', 131000000000000000)  # a day of 2016
    dc.set('fresh', 'pwdLastSet', 0)
    for group, member in ('Teachers', f'CN=Ali,CN=Users,{BASE}'), ('Staff', f'CN=Teachers,CN=Users,{BASE}'), ('Everybody (all)', f'CN=Staff,CN=Users,{BASE}'):
        name = group.split(' ')[0]
        dc.add(f'dn: CN={group},CN=Users,{BASE}\nobjectClass: group\nsAMAccountName: {name}\nmember: {member}\nmail: {name.lower()}@ad.school.test\n')
    dc.change(f'CN=Staff,CN=Users,{BASE}', 'add: member', f'member: CN=awa,CN=Users,{BASE}')


def test_everybody_is_known_by_all_the_names_active_directory_gives_them():
    for url in dc.url, 'ldap://127.0.0.1':
        with ask(url) as client:
            for name in ('ali', 'ALI', 'ali@ad.school.test', 'SCHOOL\\ali', 'school\\Ali', 'ad.school.test\\ali', 'boss@ad.school.test'):
                equal(client.auth(name, 'Ali-2026.x'), 'Ok', name)
            equal(client.auth('awa@ad.school.test', 'Awa-2026.x'), 'Ok')
            equal(client.auth('awa.ouedraogo@ad.school.test', 'Awa-2026.x'), 'Ok')
            equal(client.auth('OTHER\\ali', 'Ali-2026.x'), 'UnknownUser')
            equal(client.auth('ali@other.test', 'Ali-2026.x'), 'UnknownUser')
            equal(client.auth('ali', 'Ali-2026.y'), 'WrongPassword')
            equal(client.auth('ali', 'Ali-2026.x'), 'Ok', 'the count of wrong ones begins anew')


def test_empty_passwords_and_injections_open_nothing():
    with ask() as client:
        equal(client.auth('ali', ''), 'WrongPassword')
        for name in ('*', 'ali)(sAMAccountName=*', '*)(objectClass=*', '\\2a', 'SCHOOL\\*', 'SCHOOL\\', '\\ali', f'CN=Ali,CN=Users,{BASE}', 'DC1$', '@', 'krbtgt*'):
            equal(client.auth(name, 'Ali-2026.x'), 'UnknownUser', name)


def test_groups_in_groups_count():
    with ask() as client:
        contains(client.ask('auth', 'ali', 'Ali-2026.x'), 'groups=Domain Users,Everybody (all),Staff,Teachers,Users ')
        contains(client.ask('auth', 'awa', 'Awa-2026.x'), 'groups=Domain Users,Everybody (all),Staff,Users ')


def test_the_primary_group_counts_which_nobody_is_a_member_of():
    # "Guides" is Moussa's primary group from now on, and Guides are in Crew; Domain Users stays Salif's.
    dc.add_user('moussa', 'Pass-2026.x', 'mail: moussa@ad.school.test')
    dc.add_user('nana', 'Pass-2026.x', 'mail: nana@ad.school.test')
    for group, more in ('Guides', ''.join(f'member: CN={n},CN=Users,{BASE}\n' for n in ('moussa', 'nana'))), ('Crew', f'member: CN=Guides,CN=Users,{BASE}\n'):
        dc.add(f'dn: CN={group},CN=Users,{BASE}\nobjectClass: group\nsAMAccountName: {group}\nmail: {group.lower()}@ad.school.test\n{more}')
    sid = next(l for l in dc.tool('ldapsearch', '-LLL', '-b', f'CN=Guides,CN=Users,{BASE}', 'objectSid').stdout.split('\n') if l.startswith('objectSid:: '))
    number = int.from_bytes(base64.b64decode(sid.split(' ')[1])[-4:], 'little')
    dc.set('moussa', 'primaryGroupID', number)
    equal('CN=moussa' in dc.tool('ldapsearch', '-LLL', '-b', f'CN=Guides,CN=Users,{BASE}', 'member').stdout, False, 'the directory takes him out of member')
    dc.change(f'CN=Domain Users,CN=Users,{BASE}', 'add: mail', 'mail: everyone@ad.school.test')
    with ask() as client:
        contains(client.ask('auth', 'moussa', 'Pass-2026.x'), 'groups=Crew,Domain Users,Guides,Users ')
        contains(client.ask('auth', 'salif', 'Pass-2026.x'), 'groups=Domain Users,Users ')
        for address in 'guides@ad.school.test', 'crew@ad.school.test':
            members = client.ask('find', address).split(' members=')[1].split(' ')[0]
            equal(sorted(members.split(',')), ['moussa@ad.school.test', 'nana@ad.school.test'], address)
        everyone = client.ask('find', 'everyone@ad.school.test')
        for member in 'ali@', 'awa.ouedraogo@', 'moussa@', 'nana@':
            contains(everyone, member)

    from post import Authority, Post
    folder.write('service', SERVICES_PASSWORD + '\n')
    people = f'''directory: {{urls: ["{dc.url}"], base: "{BASE}", flavour: ad, bind_dn: "{SERVICE}", password_file: {folder / "service"},
    ca: {folder / "ca.pem"}, groups: {{guides: {{order: 1, policy: {{send_outside: false}}}}, crew: {{order: 2, policy: {{max_message: 3k}}}},
    domain users: {{order: 3, policy: {{quota: 5M}}}}, users: {{order: 4, policy: {{protocols: [imap, smtp]}}}}}}}}'''
    with Post(Authority(), people=people, domain=REALM) as server:
        def rules(who):
            return {key: value['from'] for key, value in json.loads(server.rules(who, '--json')).items() if key != 'user'}
        equal(rules('moussa'), {'quota': 'group Domain Users', 'max_message': 'group Crew (through Guides)', 'send_outside': 'group Guides',
                                'protocols': 'group Users (through Domain Users)', 'passwords': None})
        equal(rules('salif'), {'quota': 'group Domain Users', 'max_message': None, 'send_outside': None, 'protocols': 'group Users (through Domain Users)',
                               'passwords': None})
        try:
            server.submit(('moussa', 'Pass-2026.x'), ['zoe@other.bac'])
            raise AssertionError('the rule of the primary group does not hold')
        except smtplib.SMTPException as error:
            contains(str(error), 'policy of group Guides)')


def test_a_group_with_an_address_is_an_alias_of_all_in_it():
    with ask() as client:
        answer = client.ask('find', 'everybody@ad.school.test')
        contains(answer, ' Alias ')
        for member in 'ali@ad.school.test', 'awa.ouedraogo@ad.school.test':
            contains(answer, member)
        contains(client.ask('find', 'boss@ad.school.test'), ' uid=ali ')
        contains(client.ask('find', 'eric@ad.school.test'), ' uid=eric ')
        contains(client.ask('find', 'nobody@ad.school.test'), ' Unknown ')


def test_a_long_answer_comes_in_pages():
    # More than the 1000 entries Active Directory gives at once.
    crowd = [f'CN=c{n},CN=Users,{BASE}' for n in range(1100)]
    dc.add('\n\n'.join(f'dn: {dn}\nobjectClass: user\nsAMAccountName: c{n}\nmail: c{n}@ad.school.test' for n, dn in enumerate(crowd)) + '\n')
    dc.add(f'dn: CN=Crowd,CN=Users,{BASE}\nobjectClass: group\nsAMAccountName: Crowd\nmail: crowd@ad.school.test\n' + ''.join(f'member: {dn}\n' for dn in crowd))
    with ask() as client:
        equal(client.ask('find', 'crowd@ad.school.test').count('@ad.school.test,'), 1099)


def test_who_may_not_log_in_is_told_why():
    with ask() as client:
        equal(client.auth('off', 'Pass-2026.x'), 'Disabled')
        equal(client.auth('late', 'Pass-2026.x'), 'Expired')
        equal(client.auth('fresh', 'Pass-2026.x'), 'MustChangePassword')
        equal(client.auth('off', 'wrong'), 'WrongPassword')
        for n in range(3):
            equal(client.auth('shut', f'wrong-{n}'), 'WrongPassword')
        equal(client.auth('shut', 'Pass-2026.x'), 'Locked')


def test_people_change_their_own_password():
    with ask() as client:
        equal(client.auth('eric', 'Pass-2026.x'), 'Ok')
        equal(client.passwd('eric', 'wrong', 'Éric-2027.y'), 'WrongPassword')
        equal(client.passwd('eric', 'Pass-2026.x', 'short'), 'Refused')
        equal(client.passwd('eric', 'Pass-2026.x', 'Éric-2027.y'), 'Ok')
        equal(client.auth('eric', 'Éric-2027.y'), 'Ok')
        equal(client.auth('eric', 'Pass-2026.x'), 'WrongPassword')
        equal(client.passwd('fresh', 'Pass-2026.x', 'Fresh-2027.y'), 'Ok')
        equal(client.auth('fresh', 'Fresh-2027.y'), 'Ok')


def test_the_mail_server_lets_its_people_in():
    from post import Authority, Post
    folder.write('service', SERVICES_PASSWORD + '\n')
    people = f'''directory: {{urls: ["{dc.url}"], base: "{BASE}", flavour: ad, bind_dn: "{SERVICE}",
    password_file: {folder / "service"}, ca: {folder / "ca.pem"}}}'''
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the certificate is smtp.py's business
    with Post(Authority(), people=people, domain=REALM) as server:
        for name in 'ali', 'SCHOOL\\ali', f'ali@{REALM}':
            client = imaplib.IMAP4_SSL('127.0.0.1', 993, ssl_context=context)
            client.login('"' + name.replace('\\', '\\\\') + '"', 'Ali-2026.x')
            equal(client.select()[0], 'OK', name)
            client.logout()
        server.submit(('awa', 'Awa-2026.x'), [f'staff@{REALM}'], 'Subject: to all of the staff\r\n\r\n')
        client = imaplib.IMAP4_SSL('127.0.0.1', 993, ssl_context=context)
        client.login('ali', 'Ali-2026.x')
        client.select()
        until(lambda: client.noop() and client.search(None, 'SUBJECT', '"to all of the staff"')[1][0], 'the letter to the group')
        try:
            imaplib.IMAP4_SSL('127.0.0.1', 993, ssl_context=context).login('off', 'Pass-2026.x')
            raise AssertionError('a disabled account logged in')
        except imaplib.IMAP4.error as error:
            contains(str(error), 'switched off')


def test_the_rules_of_the_nearest_group_hold_for_its_people():
    from post import Authority, Post
    folder.write('service', SERVICES_PASSWORD + '\n')
    # Ali is in Teachers, that is in Staff, that is in Everybody; Awa is in Staff.
    rules = '''policy: {max_message: 2000}, users: {awa: {max_message: 8000}},
    groups: {everybody: {order: 1, policy: {protocols: [imap], max_message: 4000}},
             teachers: {order: 2, policy: {send_outside: true}},
             staff: {order: 3, policy: {protocols: [imap, smtp], send_outside: false}}}'''
    people = f'''directory: {{urls: ["{dc.url}"], base: "{BASE}", flavour: ad, bind_dn: "{SERVICE}",
    password_file: {folder / "service"}, ca: {folder / "ca.pem"}, {rules}}}'''
    passwords = {'ali': 'Ali-2026.x', 'awa': 'Awa-2026.x', 'salif': 'Pass-2026.x'}

    def refusal(who, to, size=0):
        try:
            server.submit((who, passwords[who]), [to], 'Subject: x\r\n\r\n' + ('x' * 70 + '\r\n') * (size // 72))
        except smtplib.SMTPRecipientsRefused as error:
            return next(iter(error.recipients.values()))[1].decode()
        except smtplib.SMTPResponseException as error:
            return error.smtp_error.decode()
    with Post(Authority(), people=people, domain=REALM) as server:
        equal(refusal('ali', 'zoe@other.bac'), None)
        contains(refusal('awa', 'zoe@other.bac'), 'policy of group Staff)')
        equal(refusal('salif', 'zoe@other.bac'), None, 'in no group: nothing is said of that')
        contains(refusal('ali', f'awa@{REALM}', 5000), 'at most 4000 bytes (policy of group Everybody (all) (through Staff))')
        equal(refusal('ali', f'awa@{REALM}', 3000), None)
        equal(refusal('awa', f'ali@{REALM}', 7000), None, 'her own rule counts first')
        contains(refusal('salif', f'ali@{REALM}', 3000), f'at most 2000 bytes (policy of domain {REALM})')
        client = poplib.POP3('127.0.0.1', 110)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client.stls(context)
        client.user('ali')
        try:
            client.pass_('Ali-2026.x')
            raise AssertionError('POP3 is not among the protocols of the nearest group')
        except poplib.error_proto as error:
            contains(str(error), 'may not use pop3 (policy of group Staff (through Teachers))')
        # What the mail server follows is what it tells the teacher.
        told = json.loads(server.rules('ali', '--json'))
        equal(told['send_outside'], {'value': True, 'from': 'group Teachers'})
        equal(told['protocols'], {'value': ['imap', 'smtp'], 'from': 'group Staff (through Teachers)'})
        equal(told['max_message'], {'value': 4000, 'from': 'group Everybody (all) (through Staff)'})
        equal(told['passwords'], {'value': None, 'from': None})
        text = re.sub(' +', ' ', server.rules('awa', f'salif@{REALM}'))
        for line in 'max message 8000 bytes user awa', 'send outside no group Staff', f'max message 2000 bytes domain {REALM}', 'passwords its own rules the directory itself':
            contains(text, line)
        contains(server.rules('nobody'), "lab-maild: the directory knows nobody by the name 'nobody'")
        contains(server.rules(f'staff@{REALM}'), 'is a group')
        dc.stop()
        try:
            contains(server.rules('ali'), f'lab-maild: the directory does not answer: {dc.url}:636: ')
        finally:
            dc.start()
            until(dc.answers, 'the domain controller to be back')


def test_a_domain_controller_that_comes_back_is_used_again():
    with ask(within=15000) as client:
        equal(client.auth('ali', 'Ali-2026.x'), 'Ok')
        dc.stop()
        client.send('auth', 'ali', 'Ali-2026.x')
        dc.start()
        contains(client.line(), ' Ok ')


try:
    populate()
    netlab.run_tests(globals())
finally:
    dc.stop()
    folder.__exit__()
