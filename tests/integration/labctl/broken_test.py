#!/usr/bin/env python3
"""`labctl check` must fail when something is broken, and say what, what was expected, and what to do."""
import re
import subprocess

from labs import LabTest, main, retry


class Broken(LabTest):
    def assert_broken(self, lab, group, *words):
        """Some promise of `group` is told broken, and the words are in what is told."""
        status, results = lab.check()
        self.assertEqual(status, 1)
        found = [c for c in results['checks'] if not c['ok'] and c['group'] == group]
        self.assertTrue(found, f'no broken {group} among {[c["title"] for c in results["checks"] if not c["ok"]]}')
        told = ' '.join(f'{c["title"]} {c["expected"]} {c["got"]} {c["remedy"]}' for c in found)
        for word in words:
            self.assertIn(word, told)
        for c in found:
            self.assertTrue(c['got'] and c['expected'], c)

    def test_what_is_broken_is_told(self):
        lab = self.up('helper-bac.yaml')
        self.assertEqual(lab.check()[0], 0, lab.broken())

        with self.subTest('a stopped name server'):
            lab.ctl('stop', 'srv/dns', '--lab', lab.name)
            self.assert_broken(lab, 'dns')
            lab.ctl('start', 'srv/dns', '--lab', lab.name)
            self.assertEqual(lab.check()[0], 0, lab.broken())

        with self.subTest('a stopped mail server'):
            lab.ctl('stop', 'srv/mail', '--lab', lab.name)
            self.assert_broken(lab, 'mail')
            self.assert_broken(lab, 'tls', '465', 'srv/mail is stopped: labctl start srv/mail')
            lab.ctl('start', 'srv/mail', '--lab', lab.name)
            self.assertEqual(lab.check()[0], 0, lab.broken())

        with self.subTest('a frozen directory'):
            pid = lab.service('srv/directory')['pid']
            lab.run('srv', 'kill', '-STOP', str(pid))
            self.assert_broken(lab, 'login')
            lab.run('srv', 'kill', '-CONT', str(pid))
            self.assertTrue(retry(lambda: lab.check()[0] == 0, 30), lab.broken())

        with self.subTest('a wrong MX'):
            zone = '/run/labctl/srv/dns/zones/helper.bac.zone'
            right = lab.run('srv', 'cat', zone)
            wrong = re.sub(r'(MX\s+10\s+)mail', r'\1post', right)
            self.assertNotEqual(wrong, right)
            lab.run('srv', 'sh', '-c', f'cat > {zone} <<"EOF"\n{wrong}EOF\n')
            lab.run('srv', 'kill', '-HUP', str(lab.service('srv/dns')['pid']))
            self.assertTrue(retry(lambda: 'post' in lab.run('pc1', 'dig', '+short', 'helper.bac', 'MX')))
            self.assert_broken(lab, 'dns', 'MX', 'mail.helper.bac', 'post.helper.bac')
            lab.ctl('restart', 'srv/dns', '--lab', lab.name)
            self.assertEqual(lab.check()[0], 0, lab.broken())

        with self.subTest('an expired certificate'):
            folder = f'{self.state}/labctl/{lab.name}'
            old = self.expired(f'{folder}/ca', 'mail.helper.bac')
            paths = [line.split()[-1] for line in lab.run('srv', 'grep', '-E', 'certificate:|key:', '/run/labctl/srv/mail/mail.yaml').split('\n') if line]
            certificate = next(p for p in paths if p.endswith('.crt'))
            key = next(p for p in paths if p.endswith('.key'))
            lab.run('srv', 'sh', '-c', f'cat {old}/leaf.crt {folder}/ca/ca.crt > {certificate}; cat {old}/leaf.key > {key}')
            lab.run('srv', 'kill', '-HUP', str(lab.service('srv/mail')['pid']))
            self.assertTrue(retry(lambda: 'expired' in str(lab.broken()), 10))
            self.assert_broken(lab, 'tls', 'expired', 'labctl restart srv/mail')
            lab.ctl('restart', 'srv/mail', '--lab', lab.name)
            self.assertEqual(lab.check()[0], 0, lab.broken())

        with self.subTest('a password that is not the file’s any more'):
            lab.run('pc1', 'ldappasswd', '-ZZ', '-H', 'ldap://srv.helper.bac', '-x', '-D', 'uid=ali,ou=people,dc=helper,dc=bac', '-w', 'Ali-2026', '-s', 'Another-2026')
            self.assert_broken(lab, 'login', 'ali')
            done = lab.ctl('demo', lab.name, '--auto', '--language', 'en')
            self.assertEqual(done.returncode, 1, 'the demo told its story over a broken lab')
            lab.run('pc1', 'ldappasswd', '-ZZ', '-H', 'ldap://srv.helper.bac', '-x', '-D', 'uid=ali,ou=people,dc=helper,dc=bac', '-w', 'Another-2026', '-s', 'Ali-2026')
            self.assertEqual(lab.check()[0], 0, lab.broken())

        with self.subTest('a client that lost its address'):
            lab.run('pc2', 'ip', 'addr', 'flush', 'dev', 'eth0')
            self.assert_broken(lab, 'lease')

    def expired(self, ca, name):
        """A certificate of the lab CA that ended yesterday."""
        folder = f'{self.folder}/expired'
        script = f'''mkdir -p {folder} && cd {folder} && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -subj /CN={name} -out leaf.csr &&
printf 'subjectAltName=DNS:{name}' > ext && touch index.txt && echo 01 > serial &&
printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\nserial=serial\\nnew_certs_dir=.\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > conf &&
openssl ca -batch -config conf -cert {ca}/ca.crt -keyfile {ca}/ca.key -in leaf.csr -out leaf.crt -startdate 20250101000000Z -enddate 20250201000000Z -extfile ext -notext && chmod a+r leaf.*'''
        done = subprocess.run(['sh', '-c', script], text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return folder


if __name__ == '__main__':
    main()
