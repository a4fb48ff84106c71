#!/usr/bin/env python3
"""The mission's lab, helper-bac, as its users meet it: every client program does what a student would do with it."""
import email.utils
import json
import os
import random
import re
import signal
import time

from labs import LabTest, main, processes, retry

READ_ALL = '''
import imaplib, ssl, sys
box = imaplib.IMAP4_SSL("mail.helper.bac", 993, ssl_context=ssl.create_default_context())
box.login(sys.argv[1], sys.argv[2])
box.select("INBOX")
numbers = box.search(None, "ALL")[1][0].split()
for number in numbers:
    print(box.fetch(number, "(BODY.PEEK[])")[1][0][1].decode(errors="replace"))
box.logout()
'''
SEND = '''
import smtplib, ssl, sys
user, password, to, subject = sys.argv[1:]
with smtplib.SMTP_SSL("mail.helper.bac", 465, context=ssl.create_default_context()) as s:
    s.login(user, password)
    s.sendmail(user + "@helper.bac", [to], f"From: {user}@helper.bac\\r\\nTo: {to}\\r\\nSubject: {subject}\\r\\n\\r\\nHello.\\r\\n")
'''
PYTHON = '/usr/bin/python3'


class Mission(LabTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = None

    def lab(self):
        """One lab for the cases that only look."""
        return self.up('helper-bac.yaml')

    def inbox(self, lab, user, password):
        return lab.run('pc1', PYTHON, '-c', READ_ALL, user, password)

    def send(self, lab, subject, to='awa@helper.bac'):
        return lab.ctl('exec', '--lab', lab.name, 'pc1', '--', PYTHON, '-c', SEND, 'ali', 'Ali-2026', to, subject)

    def password(self, lab, user):
        return next(u['password'] for u in json.loads(lab.ctl('users', lab.name, '--json').stdout) if u['user'] == user)

    def test_everything_the_issue_judges(self):
        lab = self.lab()
        with self.subTest('check'):
            status, results = lab.check()
            self.assertEqual(status, 0, [c for c in results['checks'] if not c['ok']])
            self.assertGreater(len(results['checks']), 40)
            groups = {c['group'] for c in results['checks']}
            self.assertLessEqual({'lease', 'dns', 'port', 'tls', 'login', 'mail'}, groups)
            self.assertLessEqual({'pc1', 'pc2'}, {c['node'] for c in results['checks']})
        with self.subTest('a check leaves no mail behind'):
            self.assertNotIn('labctl', [line for line in self.inbox(lab, 'ali', 'Ali-2026').split('\n') if line.startswith('Subject:') and 'check' in line])
        with self.subTest('MX'):
            self.assertEqual(lab.run('pc1', 'dig', '+short', 'helper.bac', 'MX'), '10 mail.helper.bac.\n')
        with self.subTest('name to address and back'):
            self.assertEqual(lab.run('pc1', 'dig', '+short', 'mail.helper.bac'), '192.168.56.10\n')
            self.assertIn('srv.helper.bac.', lab.run('pc1', 'dig', '+short', '-x', '192.168.56.10'))
        with self.subTest('leases'):
            for node in ('pc1', 'pc2'):
                address = re.search(r'inet (192\.168\.56\.(\d+))/24', lab.run(node, 'ip', '-4', 'addr', 'show', 'eth0'))
                self.assertTrue(100 <= int(address[2]) <= 200, address[0])
            self.assertIn('nameserver 192.168.56.10', lab.run('pc1', 'cat', '/etc/resolv.conf'))
        with self.subTest('swaks over 465'):
            out = lab.run('pc1', 'swaks', '--server', 'mail.helper.bac:465', '--tls-on-connect', '--tls-verify', '--from', 'ali@helper.bac', '--to', 'awa@helper.bac', '--auth', 'PLAIN',
                          '--auth-user', 'ali', '--auth-password', 'Ali-2026', '--header', 'Subject: by swaks')
            self.assertRegex(out, r'<~ +250')
            self.assertIn('Subject: by swaks', self.inbox(lab, 'awa', self.password(lab, 'awa')))
        with self.subTest('a wrong password is refused'):
            out = lab.run('pc1', 'swaks', '--server', 'mail.helper.bac:465', '--tls-on-connect', '--from', 'ali@helper.bac', '--to', 'awa@helper.bac', '--auth', 'PLAIN', '--auth-user', 'ali',
                          '--auth-password', 'wrong', check=False)
            self.assertIn('535', out)
        with self.subTest('no password without TLS'):
            out = lab.run('pc1', 'swaks', '--server', 'mail.helper.bac:587', '--from', 'ali@helper.bac', '--to', 'awa@helper.bac', '--auth', 'PLAIN', '--auth-user', 'ali',
                          '--auth-password', 'Ali-2026', check=False)
            self.assertNotRegex(out, r'<- +235')
        with self.subTest('no open relay'):
            out = lab.run('pc1', 'swaks', '--server', 'mail.helper.bac:25', '--from', 'ali@helper.bac', '--to', 'someone@elsewhere.example', check=False)
            self.assertRegex(out, r'<\*\* +55\d')
        with self.subTest('a welcome at the first login'):
            self.assertIn('elcome', self.inbox(lab, 'eric', self.password(lab, 'eric')))
        with self.subTest('curl'):
            self.assertIn('INBOX', lab.run('pc1', 'curl', '-sS', '--user', 'ali:Ali-2026', 'imaps://mail.helper.bac/'))
            lab.run('pc1', 'curl', '-sS', '--user', 'ali:Ali-2026', 'pop3s://mail.helper.bac/')
        with self.subTest('openssl trusts the chain'):
            out = lab.run('pc1', 'sh', '-c', 'openssl s_client -connect mail.helper.bac:993 -servername mail.helper.bac -verify_return_error -verify_hostname mail.helper.bac </dev/null 2>&1')
            self.assertIn('Verify return code: 0', out)
        with self.subTest('the directory'):
            who = lab.run('pc1', 'ldapwhoami', '-ZZ', '-H', 'ldap://srv.helper.bac', '-x', '-D', 'uid=ali,ou=people,dc=helper,dc=bac', '-w', 'Ali-2026')
            self.assertIn('uid=ali', who)
        with self.subTest('the demo, in two languages'):
            for language, word in (('en', 'lease'), ('fr', 'bail')):
                done = lab.ctl('demo', lab.name, '--auto', '--language', language)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn(word, done.stdout)
        with self.subTest('JUnit'):
            path = f'{self.state}/results.xml'
            self.assertEqual(lab.ctl('check', lab.name, '--junit', path).returncode, 0)
            with open(path) as f:
                self.assertIn('<testsuites', f.read())
        with self.subTest('the CA'):
            self.assertIn('BEGIN CERTIFICATE', lab.ctl('ca', lab.name, '--output', '-').stdout)

    def test_mail_and_leases_are_still_there_after_kills(self):
        lab = self.lab()
        random.seed(3)
        sent = []
        addresses = {}
        for round_ in range(4):
            for number in range(3):
                subject = f'message {round_}-{number}'
                if self.send(lab, subject).returncode == 0:  # acknowledged: from now on it must never be missing
                    sent.append(subject)
            if round_ % 2:
                os.kill(lab.supervisor(), signal.SIGKILL)
                self.assert_nothing_left()
                lab.restart()
            else:
                for identifier in ('srv/mail', 'srv/dhcp', 'srv/directory'):
                    lab.run('srv', 'kill', '-9', str(lab.service(identifier)['pid']))
                lab.down()
                lab.restart()
        inbox = self.inbox(lab, 'awa', self.password(lab, 'awa'))
        self.assertGreater(len(sent), 9)
        for subject in sent:
            self.assertEqual(inbox.count(f'Subject: {subject}\r\n') + inbox.count(f'Subject: {subject}\n'), 1, f'{subject} of {sent}')

    def test_a_kill_in_the_middle_of_a_delivery_loses_nothing_acknowledged(self):
        lab = self.lab()
        random.seed(5)
        sent = []
        for attempt in range(8):
            subject = f'attempt {attempt}'
            sender = self.start_labctl('exec', '--lab', lab.name, 'pc1', '--', PYTHON, '-c', SEND, 'ali', 'Ali-2026', 'awa@helper.bac', subject)
            time.sleep(random.uniform(0.05, 0.25))
            pid = lab.service('srv/mail')['pid']
            if pid:
                lab.run('srv', 'kill', '-9', str(pid))
            sender.communicate(timeout=60)
            if sender.returncode == 0:
                sent.append(subject)
            lab.ctl('restart', 'srv/mail', '--lab', lab.name)
        inbox = self.inbox(lab, 'awa', self.password(lab, 'awa'))
        for subject in sent:
            self.assertIn(f'Subject: {subject}', inbox)

    def test_a_generated_password_stays_the_same(self):
        lab = self.lab()
        before = json.loads(lab.ctl('users', lab.name, '--json').stdout)
        lab.down()
        lab.restart()
        self.assertEqual(json.loads(lab.ctl('users', lab.name, '--json').stdout), before)


if __name__ == '__main__':
    main()
