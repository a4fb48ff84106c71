#!/usr/bin/env python3
"""People of a lab: their rules hold in mail, teachers manage them, students see themselves, certificates and tickets work."""
import json
import os
import shutil
import subprocess
import unittest

from labs import LabTest, main, retry

SWAKS = ('swaks', '--port', '465', '--tls-on-connect', '--auth', 'PLAIN', '--server', 'mail.helper.bac')


class People(LabTest):
    def send(self, lab, user, password, to, size=0, node='pc1'):
        """Everything swaks says when `user` writes to `to`."""
        body = ('x' * 70 + '\n') * (size // 71)
        done = lab.ctl('exec', '--lab', lab.name, node, '--', *SWAKS, '--auth-user', f'{user}@helper.bac', '--auth-password', password,
                       '--from', f'{user}@helper.bac', '--to', to, '--body', f'{self.write("body", body)}' if size else 'hello')
        return done.stdout + done.stderr

    def curl(self, lab, url, user, password, *more):
        done = lab.ctl('exec', '--lab', lab.name, 'pc1', '--', 'curl', '-sSv', '--user', f'{user}@helper.bac:{password}', url, *more)
        return done.returncode, done.stdout + done.stderr

    def teach(self, lab, *words, **options):
        verb, *rest = words
        return self.labctl(verb, '--lab', lab.name, '--domain', 'helper.bac', *rest, **options)

    def test_policies_hold_in_mail_for_passwords_and_for_machines(self):
        lab = self.up('policies.yaml')
        effective = json.loads(self.labctl('users', lab.name, '--domain', 'helper.bac', '--effective', 'ali', '--json', check=True).stdout)
        self.assertEqual(effective['quota'], {'value': 50 << 20, 'from': 'group students'})
        self.assertEqual(effective['send_outside'], {'value': False, 'from': 'group school (through students)'})
        text = self.labctl('users', lab.name, '--domain', 'helper.bac', '--effective', 'fatou', '--effective', 'eric', check=True).stdout
        self.assertRegex(text, r'quota +1G +user fatou')
        self.assertRegex(text, r'send outside +yes +group postmasters')

        self.assertIn('550 5.7.1 ali@helper.bac may not send outside', self.send(lab, 'ali', 'Ali-2026', 'zoe@other.bac'))
        self.assertIn('250 2.0.0', self.send(lab, 'ali', 'Ali-2026', 'awa@helper.bac'))
        self.assertIn('250 2.0.0', self.send(lab, 'awa', 'Awa-2026-long', 'zoe@other.bac'))
        self.assertIn('552 5.3.4 ali@helper.bac may send at most 5242880 bytes (policy of group students)',
                      self.send(lab, 'ali', 'Ali-2026', 'awa@helper.bac', size=6 << 20))
        status, said = self.curl(lab, 'pop3s://mail.helper.bac/', 'ali', 'Ali-2026')
        self.assertNotEqual(status, 0)
        self.assertIn('may not use pop3 (policy of group students)', said)
        status, said = self.curl(lab, 'imaps://mail.helper.bac/', 'ali', 'Ali-2026', '--request', 'GETQUOTAROOT INBOX')
        self.assertIn('QUOTA "" (STORAGE 1 51200)', said.replace('STORAGE 0', 'STORAGE 1').replace('STORAGE 2', 'STORAGE 1'))

        # A rule that is changed holds from then on.
        self.teach(lab, 'group', 'set', 'students', '--send-outside', 'yes', check=True)
        self.assertTrue(retry(lambda: '250 2.0.0' in self.send(lab, 'ali', 'Ali-2026', 'zoe@other.bac')))

        # Passwords: the domain's rule for students, the group's for teachers.
        self.assertIn('too short', self.passwd(lab, 'ali', 'Ali-2026', 'short'))
        self.assertIn('is changed', self.passwd(lab, 'ali', 'Ali-2026', 'eight-ch'))
        self.assertIn('too short', self.passwd(lab, 'awa', 'Awa-2026-long', 'eight-ch'))
        self.teach(lab, 'group', 'member', 'teachers', '--add', 'ali', check=True)
        self.assertIn('too short', self.passwd(lab, 'ali', 'eight-ch', 'eight-ch2'))

        # Machines.
        self.assertEqual(lab.run('pc1', 'getent', 'hosts', 'printer').split()[0], '192.168.56.9')
        self.assertIn('search room-1.helper.bac helper.bac\n', lab.run('pc1', 'cat', '/etc/resolv.conf'))
        self.assertEqual(retry(lambda: lab.run('pc1', 'cat', '/run/motd-pc1', check=False)), 'welcome to room 1\n')
        distrust = lab.ctl('exec', '--lab', lab.name, 'laptop', '--', 'curl', '-sS', 'imaps://mail.helper.bac/')
        self.assertEqual(distrust.returncode, 60, 'the laptop does not know the lab CA: ' + distrust.stderr)

    def passwd(self, lab, user, old, new, node='pc1', env=None):
        done = subprocess.run(self.command('exec', '--lab', lab.name, node, '--', 'lab-directory', 'passwd', '-u', user, '--password-stdin'),
                              input=f'{old}\n{new}\n', text=True, capture_output=True, env=self.environment(**(env or {})), cwd=self.folder, timeout=60)
        return done.stdout + done.stderr

    def command(self, *words):
        from labs import LABCTL, as_user
        return as_user([LABCTL, *words])

    def ask(self, lab, password, *words, env=None):
        done = subprocess.run(self.command('exec', '--lab', lab.name, 'pc1', '--', 'lab-directory', *words, '--password-stdin'),
                              input=password + '\n', text=True, capture_output=True, env=self.environment(**(env or {})), cwd=self.folder, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def test_teachers_manage_people_and_students_see_themselves(self):
        lab = self.up()
        status, said = self.ask(lab, 'Ali-2026', 'whoami', '-u', 'ali')
        self.assertEqual(status, 0, said)
        self.assertIn('dn:uid=ali,ou=people,dc=helper,dc=bac', said)
        self.assertIn('ali@helper.bac', said)
        self.assertIn('awa.ouedraogo@helper.bac', self.ask(lab, 'Ali-2026', 'search', '-u', 'ali', 'ouédraogo')[1])
        self.assertIn('pc1', self.ask(lab, 'Ali-2026', 'search', '-u', 'ali', 'pc1')[1], 'machines are there too')
        for injection in ('*)(uid=*', 'ali,ou=x', ''):
            self.assertEqual(self.ask(lab, 'Ali-2026', 'whoami', '-u', injection)[0] in (1, 2), True, injection)
        self.assertEqual(self.ask(lab, 'wrong', 'whoami', '-u', 'ali'), (1, 'lab-directory: name or password is wrong\n'))
        self.assertIn('nom ou mot de passe incorrect', self.ask(lab, 'wrong', 'whoami', '-u', 'ali', env={'LANG': 'fr_FR.UTF-8'})[1])
        self.assertEqual(self.ask(lab, '', 'whoami', '-u', 'ali')[0], 1)
        self.assertIn('is changed', self.passwd(lab, 'ali', 'Ali-2026', 'a new one'))
        self.assertEqual(self.ask(lab, 'a new one', 'whoami', '-u', 'ali@helper.bac')[0], 0)
        users = {u['user']: u for u in json.loads(self.labctl('users', lab.name, '--json', check=True).stdout)}
        self.assertIsNone(users['ali']['password'], 'it is his own now')
        self.assertEqual(users['awa']['password'], 'Awa-2026')

        said = self.labctl('user', '--lab', lab.name, 'add', 'salif', '--name', 'Salif Keïta', '--group', 'students', '--quota', '1M', check=True).stdout
        password = said.split()[-1]
        self.assertEqual(self.ask(lab, password, 'whoami', '-u', 'salif')[0], 0)
        self.labctl('user', '--lab', lab.name, 'lock', 'salif', check=True)
        self.assertIn('locked', self.ask(lab, password, 'whoami', '-u', 'salif')[1])
        self.assertRegex(self.labctl('users', lab.name, check=True).stdout, r'salif .*\(theirs\) locked')
        self.labctl('user', '--lab', lab.name, 'unlock', 'salif', check=True)
        self.assertEqual(self.ask(lab, password, 'whoami', '-u', 'salif')[0], 0)
        self.assertEqual(self.labctl('group', '--lab', lab.name, 'member', 'students', '--del', 'salif', check=True).stdout.split(), ['ali', 'eric', 'fatou'])
        self.labctl('user', '--lab', lab.name, 'del', 'salif', check=True)
        self.assertEqual(self.ask(lab, password, 'whoami', '-u', 'salif')[0], 1)

        mistakes = self.labctl('import', '--lab', lab.name, self.write('bad.csv', 'name,login\nA B,a,b\nC,c d\n'))
        self.assertEqual(mistakes.returncode, 1)
        self.assertIn(':2: 3 cells', mistakes.stderr)
        self.assertIn(':3: the login', mistakes.stderr)
        self.assertIn('nothing was changed', mistakes.stderr)
        cards = f'{self.state}/cards.html'
        self.labctl('import', '--lab', lab.name, self.write('class.csv', 'Nom;Prénom;Classe\nSow;<Léa>;3e\n'), '--cards', cards, check=True, env={'LANG': 'fr_FR.UTF-8'})
        with open(cards) as f:
            page = f.read()
        self.assertIn('&lt;Léa&gt; Sow', page)
        self.assertIn('mot de passe', page)

    def openssl(self, *words, **options):
        done = subprocess.run(['openssl', *words], capture_output=True, text=True, cwd=self.folder, **options)
        self.assertEqual(done.returncode, 0, f'openssl {words}: {done.stderr}')
        return done.stdout

    def test_a_user_certificate_signs_and_encrypts_and_can_be_taken_back(self):
        lab = self.up('minimal.yaml')
        out = f'{self.state}/p12'
        self.labctl('exec', '--lab', lab.name, 'srv', '--', 'mkdir', out, check=True)
        said = self.labctl('ca', 'issue', '--lab', lab.name, '--output', out, 'ada', 'grace', check=True).stdout
        passwords = {line.split()[0]: line.split()[2] for line in said.split('\n')[1:3]}
        self.labctl('ca', lab.name, '--output', f'{self.state}/ca.pem', check=True)
        for who in 'ada', 'grace':
            pem = self.openssl('pkcs12', '-in', f'{out}/{who}.p12', '-noenc', '-passin', f'pass:{passwords[who]}')
            self.write(f'{who}.pem', pem)
        self.write('letter', 'Dear Grace\n')
        ca = f'{self.state}/ca.pem'
        self.openssl('cms', '-sign', '-in', 'letter', '-signer', 'ada.pem', '-out', 'signed')
        self.assertIn('Dear Grace', self.openssl('cms', '-verify', '-in', 'signed', '-CAfile', ca, '-purpose', 'smimesign'))
        # Grace's certificate as the directory publishes it is what Ada encrypts to.
        ada = next(u for u in json.loads(self.labctl('users', lab.name, '--json').stdout) if u['user'] == 'ada')
        found = lab.run('pc1', 'ldapsearch', '-x', '-LLL', '-ZZ', '-o', 'ldif-wrap=no', '-H', 'ldap://srv.example.lab', '-D', 'uid=ada,ou=people,dc=example,dc=lab', '-w', ada['password'],
                        '-b', 'uid=grace,ou=people,dc=example,dc=lab', 'userCertificate;binary')
        encoded = next(line.split(':: ')[1] for line in found.split('\n') if line.startswith('userCertificate'))
        self.write('grace.crt', f'-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n')
        self.openssl('cms', '-encrypt', '-in', 'letter', '-out', 'secret', 'grace.crt')
        self.assertIn('Dear Grace', self.openssl('cms', '-decrypt', '-in', 'secret', '-inkey', 'grace.pem', '-recip', 'grace.crt'))
        self.assertIn('grace@example.lab', self.openssl('x509', '-in', 'grace.crt', '-noout', '-email'))

        # Once more the same key; taken back, it is gone from the directory and on the CA's list.
        self.labctl('ca', 'issue', '--lab', lab.name, '--output', out, 'ada', check=True)
        self.assertIn('revoked', self.labctl('ca', 'revoke', '--lab', lab.name, 'grace', check=True).stdout)
        crl = next(os.path.join(d, 'ca.crl') for d, _, files in os.walk(self.state) if 'ca.crl' in files)
        self.openssl('verify', '-CAfile', ca, '-crl_check', '-CRLfile', crl, 'ada.pem')
        done = subprocess.run(['openssl', 'verify', '-CAfile', ca, '-crl_check', '-CRLfile', crl, 'grace.crt'], capture_output=True, text=True, cwd=self.folder)
        self.assertIn('certificate revoked', done.stderr)

    def test_everybodys_certificate_is_published_by_itself_and_signs_mail_that_others_verify(self):
        lab = self.up('minimal.yaml', lambda text: text.replace('services: [directory, dns, dhcp, mail]',
                                                                'services: {directory: {certificates: true}, dns: , dhcp: , mail: }'))
        users = {u['user']: u['password'] for u in json.loads(self.labctl('users', lab.name, '--json').stdout)}

        def published():
            found = lab.run('pc1', 'ldapsearch', '-x', '-LLL', '-ZZ', '-o', 'ldif-wrap=no', '-H', 'ldap://srv.example.lab', '-D', 'uid=ada,ou=people,dc=example,dc=lab',
                            '-w', users['ada'], '-b', 'ou=people,dc=example,dc=lab', 'userCertificate;binary')
            return [line for line in found.split('\n') if line.startswith('userCertificate')]
        self.assertEqual(retry(lambda: len(published()) == 2 and 'both', 60), 'both', 'once the lab is up, without being asked')
        before = published()

        self.labctl('user', '--lab', lab.name, 'add', 'zoe', check=True)
        out = f'{self.state}/p12'
        self.labctl('exec', '--lab', lab.name, 'srv', '--', 'mkdir', out, check=True)
        said = self.labctl('ca', 'issue', '--lab', lab.name, '--all', '--output', out, check=True).stdout
        passwords = {line.split()[0]: line.split()[2] for line in said.split('\n')[1:4]}
        self.assertEqual(sorted(passwords), ['ada', 'grace', 'zoe'], said)
        self.assertEqual(set(before) - set(published()), set(), 'who has one keeps it')
        self.assertEqual(len(published()), 3)
        self.write('ada.pem', self.openssl('pkcs12', '-in', f'{out}/ada.p12', '-noenc', '-passin', f'pass:{passwords["ada"]}'))
        ca = f'{self.state}/ca.pem'
        self.labctl('ca', lab.name, '--output', ca, check=True)

        # A signed letter, through the lab's mail server and back.
        self.write('letter', 'Content-Type: text/plain\n\nDear Grace, it is me.\n')
        self.openssl('cms', '-sign', '-in', 'letter', '-signer', 'ada.pem', '-from', 'ada@example.lab', '-to', 'grace@example.lab', '-subject', 'signed', '-out', 'signed')
        with open(f'{self.folder}/signed', 'rb+') as f:  # openssl mixes line ends; mail has one (RFC 5321 2.3.8)
            text = f.read().replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')
            f.seek(0)
            f.write(text)
        os.chmod(f'{self.folder}/signed', 0o644)
        lab.run('pc1', 'curl', '-sS', 'smtps://mail.example.lab', '--user', f'ada@example.lab:{users["ada"]}', '--mail-from', 'ada@example.lab', '--mail-rcpt',
                'grace@example.lab', '--upload-file', f'{self.folder}/signed')
        grace = ('curl', '-sS', '--user', f'grace@example.lab:{users["grace"]}')
        place = retry(lambda: lab.run('pc1', *grace, 'imaps://mail.example.lab/INBOX?SUBJECT%20signed').split()[2:])
        self.write('received', lab.run('pc1', *grace, f'imaps://mail.example.lab/INBOX;MAILINDEX={place[0]}'))
        verify = ('cms', '-verify', '-in', 'received', '-CAfile', ca, '-purpose', 'smimesign', '-signer', 'signer.pem')
        self.assertIn('it is me', self.openssl(*verify))
        self.assertIn('ada@example.lab', self.openssl('x509', '-in', 'signer.pem', '-noout', '-email'))
        with open(f'{self.folder}/received') as f:
            self.write('forged', f.read().replace('it is me', 'it is I'))
        forged = subprocess.run(['openssl', 'cms', '-verify', '-in', 'forged', '-CAfile', ca], capture_output=True, text=True, cwd=self.folder)
        self.assertNotEqual(forged.returncode, 0)
        self.assertIn('content verify error', forged.stderr)

        # A new key takes the old one's place, and the CA's list names the old one.
        self.labctl('ca', 'issue', '--lab', lab.name, '--renew', '--output', f'{out}/new.p12', 'ada', check=True)
        crl = next(os.path.join(d, 'ca.crl') for d, _, files in os.walk(self.state) if 'ca.crl' in files)
        serial = self.openssl('x509', '-in', 'ada.pem', '-noout', '-serial').split('=')[1].strip()
        self.assertIn(serial.lower(), self.openssl('crl', '-in', crl, '-noout', '-text').lower())
        with open(ca) as root, open(crl) as revoked:
            self.write('trust.pem', root.read() + revoked.read())
        late = subprocess.run(['openssl', 'cms', '-verify', '-in', 'received', '-CAfile', 'trust.pem', '-crl_check'], capture_output=True, text=True, cwd=self.folder)
        self.assertIn('certificate revoked', late.stderr)

    @unittest.skipUnless(shutil.which('krb5kdc', path='/usr/sbin') and shutil.which('kinit'), 'MIT Kerberos is not installed')
    def test_a_ticket_reads_mail_without_a_password(self):
        lab = self.up('kerberos.yaml')
        self.assertEqual(lab.broken(), [])
        kinit = lambda password, user='ali': subprocess.run(self.command('exec', '--lab', lab.name, 'pc1', '--', 'kinit', user), input=password + '\n', text=True,
                                                            capture_output=True, env=self.environment(), cwd=self.folder, timeout=60)
        self.assertNotEqual(kinit('wrong').returncode, 0)
        done = kinit('Ali-2026')
        self.assertEqual(done.returncode, 0, done.stderr)
        gssapi = ('--login-options', 'AUTH=GSSAPI', '--user', 'ali@helper.bac:')
        for url in 'imaps://mail.helper.bac/INBOX;MAILINDEX=1', 'pop3s://mail.helper.bac/1':
            read = lab.ctl('exec', '--lab', lab.name, 'pc1', '--', 'curl', '-sSv', *gssapi, url)
            self.assertEqual(read.returncode, 0, read.stderr)
            self.assertIn('Subject:', read.stdout, url)
        letter = self.write('letter', 'Subject: with a ticket\r\n\r\nhello\r\n')
        sent = lab.ctl('exec', '--lab', lab.name, 'pc1', '--', 'curl', '-sSv', *gssapi, 'smtps://mail.helper.bac', '--mail-from', 'ali@helper.bac', '--mail-rcpt',
                       'awa@helper.bac', '--upload-file', letter)
        self.assertEqual(sent.returncode, 0, sent.stderr)
        self.assertIn('imap/mail.helper.bac@HELPER.BAC', lab.run('pc1', 'klist'))
        if shutil.which('ldapwhoami') and os.path.exists('/usr/lib/x86_64-linux-gnu/sasl2/libgssapiv2.so'):
            self.assertIn('uid=ali,ou=people', lab.run('pc1', 'ldapwhoami', '-ZZ', '-Q', '-Y', 'GSSAPI', '-H', 'ldap://srv.helper.bac'))

        # One password, wherever it is changed.
        self.assertIn('is changed', self.passwd(lab, 'ali', 'Ali-2026', 'Another-1'))
        self.assertTrue(retry(lambda: kinit('Another-1').returncode == 0), 'the realm has learnt it')
        self.assertNotEqual(kinit('Ali-2026').returncode, 0)
        said = self.labctl('user', '--lab', lab.name, 'add', 'salif', check=True).stdout.split()[-1]
        self.assertTrue(retry(lambda: kinit(said, 'salif').returncode == 0))
        self.assertEqual(kinit('Another-1').returncode, 0)
        self.labctl('user', '--lab', lab.name, 'lock', 'ali', check=True)
        self.assertTrue(retry(lambda: kinit('Another-1').returncode != 0), 'locked in the realm too')
        kept = lab.ctl('exec', '--lab', lab.name, 'pc1', '--', 'curl', '-sSv', *gssapi, 'imaps://mail.helper.bac/')
        self.assertNotEqual(kept.returncode, 0, 'a ticket does not outlive the lock')
        self.labctl('user', '--lab', lab.name, 'unlock', 'ali', check=True)

        # Nobody is told of a change that only half of the lab would know; a topology that is put up runs as a whole again.
        lab.ctl('stop', 'srv/kerberos', '--lab', lab.name, check=True)
        self.assertIn('cannot be changed now', self.passwd(lab, 'ali', 'Another-1', 'Another-2'))
        with open(lab.file) as f:
            text = f.read()
        self.write(os.path.basename(lab.file), text.replace('Awa-2026', 'Awa-2027'))
        lab.restart()
        self.assertTrue(retry(lambda: kinit('Awa-2027', 'awa').returncode == 0), 'the changed password is in the realm')
        self.assertNotEqual(kinit('Awa-2026', 'awa').returncode, 0)
        self.assertTrue(retry(lambda: kinit('Another-1').returncode == 0), "and Ali's own one is still his")

        # All of it is there again after a restart.
        lab.down()
        lab.restart()
        self.assertTrue(retry(lambda: kinit('Another-1').returncode == 0))
        self.assertEqual([c['title'] for c in lab.broken() if 'ali' not in c['title'].lower()], [])


main()
