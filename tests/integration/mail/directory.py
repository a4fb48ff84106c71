#!/usr/bin/env python3
"""lab-maild with a real directory: slapd by lab-directory says who logs in and whose an address is."""
import imaplib, json, os, re, smtplib, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../directory'))
import netlab
from netlab import contains, equal, until

netlab.need('/usr/sbin/slapd', 'ldappasswd', 'ldapmodify', 'openssl', 'unshare')
netlab.isolate()

from post import ALI, AWA, Authority, Post
from school import BASE, SERVICE, School, dn

authority = Authority()


def post(school, way='ldapi', more='', rules=''):
    return Post(authority, people=f'''directory: {{urls: ["{school.urls[way]}"], base: "{BASE}", bind_dn: "{SERVICE}",
    password_file: {school / "service-password"}, ca: {school / "ca.pem"}{rules}}}''', more=more)


def imap(server, who):
    client = imaplib.IMAP4_SSL('127.0.0.1', 993, ssl_context=insecure())
    client.login(*who)
    client.select()
    return client


def insecure():
    import ssl
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the certificate is smtp.py's business
    return context


def subjects(server, who):
    client = imap(server, who)
    letters = client.fetch('1:*', '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1]
    client.logout()
    return [letter[1].decode().strip() for letter in letters if isinstance(letter, tuple)]


def refused(server, who):
    try:
        server.submit(who, ['awa@helper.bac'])
    except smtplib.SMTPResponseException as error:
        return error.smtp_code
    return None


def test_a_directory_password_sends_and_reads_mail_whichever_way_the_directory_is_asked():
    for way in 'ldapi', 'StartTLS', 'ldaps':
        with School() as school, school.server(), post(school, way) as server:
            server.submit(ALI, ['awa.ouedraogo@helper.bac', 'contact@helper.bac'], 'Subject: hello\r\n\r\n')
            inbox = subjects(server, AWA)
            equal(len([s for s in inbox if 'hello' in s]), 1, way)  # she is a member of contact too
            equal(len(inbox), 2, 'the welcome beside it')
            equal(refused(server, ('ali', 'ali-2026')), 535)
            equal(refused(server, ('ali@helper.bac', '')), 535)
            equal(refused(server, ('*', 'Ali-2026')), 535)


def test_a_login_name_may_stand_behind_its_domain():
    with School() as school, school.server(), post(school) as server:
        equal(server.submit(('HELPER\\ali', 'Ali-2026'), ['awa@helper.bac'], sender='ali@helper.bac'), {})
        equal(refused(server, ('OTHER\\ali', 'Ali-2026')), 535)


def test_only_those_the_directory_knows_get_mail():
    with School() as school, school.server(), post(school) as server:
        client = server.smtp()
        client.ehlo('pc1')
        for address, code in (('ali', 250), ('ALI', 250), ('root', 250), ('contact', 250), ('postmaster', 250), ('ali+tag', 250), ('nobody', 550), ('*', 550), ('ali)(uid=*', 501)):
            client.rset()
            client.mail('eve@other.bac')
            equal(client.rcpt(f'{address}@helper.bac')[0], code, address)


def test_a_down_directory_means_later_and_its_return_means_now():
    with School() as school:
        with post(school) as server:
            equal(refused(server, ALI), 454)
            client = server.smtp()
            client.ehlo('pc1')
            client.mail('eve@other.bac')
            equal(client.rcpt('ali@helper.bac')[0], 451)
            with school.server():
                until(lambda: client.rcpt('ali@helper.bac')[0] == 250, 'the directory to be asked again')
                until(lambda: refused(server, ALI) is None, 'a login')


def test_a_changed_password_counts_at_once():
    with School() as school, school.server(), post(school) as server:
        equal(refused(server, ALI), None)
        school.tool('ldappasswd', '-s', 'Ali-2027', dn('ali'), way='ldapi')
        equal(refused(server, ALI), 535)
        equal(refused(server, ('ali', 'Ali-2027')), None)


def imap_refusal(who):
    client = imaplib.IMAP4_SSL('127.0.0.1', 993, ssl_context=insecure())
    try:
        client.login(*who)
    except imaplib.IMAP4.error as error:
        return str(error)
    return None


def test_a_locked_an_expired_and_a_password_to_be_changed_are_told_apart_by_mail_and_by_ldapwhoami():
    def whoami(uid, password):
        """What ldapwhoami is told, the policy's words with it."""
        done = subprocess.run(['ldapwhoami', '-x', '-e', 'ppolicy', '-H', school.urls['ldaps'], '-D', dn(uid), '-w', password], capture_output=True, text=True)
        return done.stdout + done.stderr

    def both(uid, password, at_mail, at_ldap):
        contains(imap_refusal((uid, password)) or 'let in', at_mail)
        contains(whoami(uid, password), at_ldap)
    more = 'passwords: {lock_after: 3, must_change: true, expire_after: 30d, least_length: 8, history: 3}\n'
    with School() as school, school.server(more=more), post(school) as server:
        os.environ['LDAPTLS_CACERT'] = school / 'ca.pem'
        for _ in range(3):
            contains(imap_refusal(('awa', 'wrong')), 'wrong')
        both('awa', 'Awa-2026', 'this account is locked', 'Account locked')
        school.tool('ldapmodify', '-e', 'relax', way='ldapi',
                    input=f'dn: {dn("eric")}\nchangetype: modify\nreplace: pwdChangedTime\npwdChangedTime: 20250101000000Z\n')
        both('eric', 'Eric-2026', 'expired', 'Password expired')
        school.tool('ldappasswd', '-s', 'Given-2026', dn('ali'), way='ldapi')
        both('ali', 'Given-2026', 'has to be changed first', 'Password must be changed')
        contains(school.refusal('ldappasswd', '-s', 'short', user='ali', password='Given-2026'), 'Constraint violation')
        school.tool('ldappasswd', '-s', 'Mine-2026', user='ali', password='Given-2026')
        equal(imap_refusal(('ali', 'Mine-2026')), None)
        contains(school.refusal('ldappasswd', '-s', 'Given-2026', user='ali', password='Mine-2026'), 'Constraint violation')
        school.tool('ldapmodify', way='ldapi', input=f'dn: {dn("awa")}\nchangetype: modify\ndelete: pwdAccountLockedTime\n')
        until(lambda: imap_refusal(('awa', 'Awa-2026')) is None, 'the lock to be lifted')


def test_a_quota_of_the_directory_is_kept_at_the_door():
    users = '\n  ali: {name: Ali, password: "Ali-2026"}\n  awa: {name: Awa, password: "Awa-2026", quota: 100k}\n'
    with School() as school, school.server(users=users, groups='{}', aliases='{}'), post(school) as server:
        server.submit(AWA, ['ali@helper.bac'])  # her first login records it
        refusals = 0
        for _ in range(4):
            try:
                server.submit(ALI, ['awa@helper.bac'], 'Subject: big\r\n\r\n' + ('x' * 70 + '\r\n') * 600)
            except smtplib.SMTPRecipientsRefused as error:
                equal(error.recipients['awa@helper.bac'][0], 452)
                refusals += 1
        equal(refusals > 0, True, 'a full mailbox refuses')


def test_the_rules_for_people_of_somebody_elses_directory_are_told_as_they_hold():
    rules = ', policy: {max_message: 2k}, users: {awa: {max_message: 8k}}, groups: {teachers: {order: 1, policy: {send_outside: false, quota: 5M}}}'
    with School() as school:
        slapd = school.server()
        with post(school, 'ldaps', rules=rules) as server:
            told = json.loads(server.rules('awa', '--json'))
            equal(told['max_message'], {'value': 8192, 'from': 'user awa'})
            equal(told['send_outside'], {'value': False, 'from': 'group teachers'})
            text = re.sub(' +', ' ', server.rules('eric', 'awa.ouedraogo@helper.bac'))
            for line in 'max message 2k domain helper.bac', 'max message 8k user awa', 'quota 5M group teachers', 'passwords its own rules the directory itself':
                contains(text, line)
            contains(server.rules('nobody'), "lab-maild: the directory knows nobody by the name 'nobody'")
            contains(server.rules('contact@helper.bac'), 'is a group or an alias')
            contains(server.rules('ali@other.bac'), 'other.bac is no domain of this server')
            equal(slapd.stop(), 0)
            equal(server.rules('awa'), f'lab-maild: the directory does not answer: {school.urls["ldaps"]}: cannot connect: Connection refused; '
                  'ask again once it does; until then nobody of it can log in either\n')


netlab.run_tests(globals())
