#!/usr/bin/env python3
"""Directories in a lab: a replica that stands in for its original, and a real Active Directory whose people read their mail."""
import json
import os
import shutil
import subprocess
import sys

from labs import SOURCE, Lab, LabTest, main, retry

IMAPS = ('curl', '-sS', '--max-time', '15', 'imaps://{}/INBOX', '--request', 'EXAMINE INBOX', '--user')


class Replica(LabTest):
    def passwd(self, lab, user, old, new):
        from labs import LABCTL, as_user
        done = subprocess.run(as_user([LABCTL, 'exec', '--lab', lab.name, 'pc1', '--', 'lab-directory', 'passwd', '-u', user, '--password-stdin']),
                              input=f'{old}\n{new}\n', text=True, capture_output=True, env=self.environment(), cwd=self.folder, timeout=60)
        return done.stdout + done.stderr

    def test_a_copy_that_becomes_the_original_in_the_file_keeps_everybodys_own_password(self):
        lab = self.up('replica.yaml')
        self.assertIn('is changed', self.passwd(lab, 'mira', 'Mira-2026', 'Miras-own'))
        self.assertTrue(retry(lambda: self.reads_mail(lab, 'mira', 'Miras-own')))
        with open(lab.file) as f:
            text = f.read()
        text = '\n'.join(line for line in text.split('\n') if not line.startswith('  dc1:')).replace('{directory: {replica_of: dc1}}', 'directory')
        text = text.replace('jean:', 'zoe: {name: Zoé, password: "Zoe-2026"}\n      jean:')
        self.write(os.path.basename(lab.file), text)
        lab.restart()
        self.assertEqual([c for c in lab.broken() if 'mira' not in str(c).lower()], [])
        for user, password in ('mira', 'Miras-own'), ('jean', 'Jean-2026'), ('zoe', 'Zoe-2026'):
            self.assertTrue(retry(lambda: self.reads_mail(lab, user, password)), user)
        self.assertFalse(self.reads_mail(lab, 'mira', 'Mira-2026'))

    def reads_mail(self, lab, who, password):
        return lab.run('pc1', *(w.format('mail.campus.lab') for w in IMAPS), f'{who}:{password}', check=False).count('EXISTS') == 1

    def test_logins_go_on_when_the_original_is_stopped(self):
        lab = self.up('replica.yaml')
        self.assertEqual(lab.broken(), [])
        self.assertTrue(self.reads_mail(lab, 'mira', 'Mira-2026'))
        lab.ctl('stop', 'dc1/directory', '--lab', lab.name, check=True)
        for _ in range(3):
            self.assertTrue(self.reads_mail(lab, 'jean', 'Jean-2026'))
        said = lab.run('pc1', 'swaks', '--port', '465', '--tls-on-connect', '--auth', 'PLAIN', '--server', 'mail.campus.lab', '--auth-user', 'mira',
                       '--auth-password', 'Mira-2026', '--from', 'mira@campus.lab', '--to', 'jean@campus.lab')
        self.assertIn('235 ', said)
        self.assertFalse(self.reads_mail(lab, 'jean', 'wrong'))
        # Nobody is told that a password was changed which then is not: the copy says that it cannot.
        self.assertIn('cannot be changed now', self.passwd(lab, 'mira', 'Mira-2026', 'Mira-2027'))
        self.assertTrue(self.reads_mail(lab, 'mira', 'Mira-2026'))
        lab.ctl('start', 'dc1/directory', '--lab', lab.name, check=True)
        self.assertEqual(retry(lambda: lab.broken() or 'none'), 'none')
        self.assertIn('is changed', self.passwd(lab, 'mira', 'Mira-2026', 'Mira-2027'))
        self.assertTrue(retry(lambda: self.reads_mail(lab, 'mira', 'Mira-2027')))
        lab.ctl('stop', 'dc1/directory', '--lab', lab.name, check=True)
        self.assertTrue(self.reads_mail(lab, 'mira', 'Mira-2027'), 'the copy knows it too')
        lab.ctl('start', 'dc1/directory', '--lab', lab.name, check=True)
        order = sorted(lab.run('pc1', 'dig', '+short', '_ldap._tcp.campus.lab', 'SRV').split('\n')[:-1])
        self.assertEqual(order, ['0 1 389 dc1.campus.lab.', '10 1 389 dc2.campus.lab.'])


class ActiveDirectory(LabTest):
    TOPOLOGY = """
lab: {name}
networks: {{lan: 172.16.40.0/24}}
domains:
  ad.school.test:
    users: {{ali: {{name: Ali Traoré, password: "Ali-2026.x"}}, awa: {{password: "Awa-2026.x", policy: {{quota: 7M}}}}}}
    policy: {{max_message: 3M}}
    groups: {{Domain Users: {{policy: {{send_outside: false}}}}}}
nodes:
  dc1: {{networks: {{lan: 172.16.40.10}}, services: {{directory: {{provider: ldap, flavour: ad, url: "ldaps://dc1.ad.school.test", ca: ca.pem,
        base: "DC=ad,DC=school,DC=test", bind_dn: "CN=mail,CN=Users,DC=ad,DC=school,DC=test", bind_password: "A-long.Secret-4711"}}}}}}
  srv: {{networks: {{lan: 172.16.40.11}}, services: [dns, dhcp, mail]}}
  pc1: {{networks: lan}}
"""

    def test_people_of_a_domain_controller_send_and_read_mail(self):
        if not shutil.which('samba') or subprocess.run([sys.executable, '-c', 'import samba.provision'], capture_output=True).returncode != 0:
            self.skipTest('samba is not installed')
        folder = f'{self.state}/dc'
        name = self.lab_name('ad')
        prepare = f'import sys; sys.path[:0] = ["{SOURCE}/tests/integration", "{SOURCE}/tests/integration/directory"]\n' \
            'import os, pathlib, domain_controller as d\n' \
            f'dc = d.DomainController(pathlib.Path("{folder}"), "172.16.40.10")\n' \
            'import netlab; netlab.until(dc.answers, "the domain controller")\n' \
            'dc.add_user("mail", "A-long.Secret-4711"); dc.add_user("ali", "Ali-2026.x"); dc.add_user("awa", "Awa-2026.x", control=512)\n' \
            'print("ready", flush=True); sys.stdin.read(); dc.stop()\n'
        os.makedirs(folder)
        key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
        subprocess.run(['openssl', 'req', '-x509', *key, '-keyout', f'{folder}/key.pem', '-out', f'{folder}/cert.pem', '-subj', '/CN=dc1.ad.school.test',
                        '-addext', 'subjectAltName=DNS:dc1.ad.school.test,IP:172.16.40.10'], check=True, capture_output=True)
        shutil.copy(f'{folder}/cert.pem', f'{folder}/ca.pem')
        shutil.copy(f'{folder}/cert.pem', f'{self.folder}/ca.pem')
        os.chmod(f'{self.folder}/ca.pem', 0o644)
        subprocess.run(['chown', '-R', '--reference', self.state, folder], check=True)
        lab = Lab(self, name, self.write('ad.yaml', self.TOPOLOGY.format(name=name)))
        self.labs.append(lab)
        self.labctl('up', lab.file, check=True)
        controller = self.start_labctl('exec', '--lab', name, 'dc1', '--', sys.executable, '-c', prepare, stdin=subprocess.PIPE)
        self.addCleanup(lambda: controller.poll() is None and controller.communicate(timeout=30))
        said = ''
        while 'ready' not in said:
            line = controller.stdout.readline()
            if not line:
                self.fail(f'the domain controller did not start: {said}')
            said += line
        said = lab.run('pc1', 'swaks', '--port', '465', '--tls-on-connect', '--auth', 'PLAIN', '--server', 'mail.ad.school.test', '--auth-user', 'SCHOOL\\ali',
                       '--auth-password', 'Ali-2026.x', '--from', 'ali@ad.school.test', '--to', 'awa@ad.school.test')
        self.assertIn('235 ', said)
        found = retry(lambda: 'EXISTS' in lab.run('pc1', *(w.format('mail.ad.school.test') for w in IMAPS), 'awa:Awa-2026.x', check=False))
        self.assertTrue(found)
        self.assertEqual(lab.broken(), [], 'every promise holds')
        effective = json.loads(self.labctl('users', name, '--effective', 'awa', '--json', check=True).stdout)
        self.assertEqual(effective['quota'], {'value': 7 << 20, 'from': 'user awa'})
        self.assertEqual(effective['send_outside'], {'value': False, 'from': 'group Domain Users'})
        self.assertEqual(effective['max_message'], {'value': 3 << 20, 'from': 'domain ad.school.test'})
        self.assertRegex(self.labctl('user', '--lab', name, 'effective', 'ali', check=True).stdout, r'max message +3M +domain ad.school.test')
        refused = self.labctl('user', '--lab', name, '--domain', 'ad.school.test', 'add', 'zoe')
        self.assertIn("the directory of ad.school.test is not the lab's own; use its own tools", refused.stderr)
        controller.communicate(timeout=30)
        silent = self.labctl('users', name, '--effective', 'awa')
        self.assertEqual(silent.returncode, 1)
        self.assertIn('the directory does not answer: ldaps://dc1.ad.school.test:636: ', silent.stderr)


main()
