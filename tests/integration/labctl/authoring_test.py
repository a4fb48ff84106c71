#!/usr/bin/env python3
"""Writing topologies: mistakes are told all at once, with their place and a way out, and start nothing; help is at hand."""
import json
import os
import subprocess

from labs import SOURCE, LabTest, main

GOOD = '''lab: {lab}
networks:
  lan: 192.168.56.0/24
domains:
  helper.bac:
    users:
      ali: {{password: "Ali-2026"}}
nodes:
  srv:
    networks: {{lan: 192.168.56.10}}
    domain: helper.bac
    services: [directory, dns, dhcp, mail]
  pc1: {{networks: lan}}
'''


class Authoring(LabTest):
    def mistakes(self, text):
        """What `up` tells about a file with mistakes; it must have started nothing."""
        path = self.write('class.yaml', text)
        done = self.labctl('up', path)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn('nothing was started', done.stderr)
        self.assertFalse(os.path.exists(f'{self.state}/labctl'), 'a file with mistakes left a trace')
        return done.stderr

    def edited(self, old, new):
        text = GOOD.format(lab=self.lab_name('authoring'))
        self.assertIn(old, text)
        return self.mistakes(text.replace(old, new))

    def test_each_mistake_has_its_place_and_a_way_out(self):
        for old, new, *words in (
            ('networks:\n  lan', 'network:\n  lan', 'class.yaml:2:1', "did you mean 'networks'?"),
            ('pc1: {networks: lan}', 'pc1: {networks: lna}', 'class.yaml:13:', "did you mean 'lan'?"),
            ('{lan: 192.168.56.10}', '{lan: 192.168.57.10}', 'class.yaml:10:', '192.168.57.10 is outside lan (192.168.56.0/24'),
            ('192.168.56.0/24', '192.168.56.0/33', 'class.yaml:3:', 'network'),
            ('192.168.56.0/24', '192.168.56.7/24', 'class.yaml:3:', '192.168.56.0/24'),
            ('domain: helper.bac', 'domain: helper.bca', 'class.yaml:11:', "did you mean 'helper.bac'?"),
            ('dhcp, mail]', 'dchp, mail]', 'class.yaml:12:', "did you mean 'dhcp'?"),
            ('pc1: {networks: lan}', 'pc1: {networks: {lan: 192.168.56.10}}', 'class.yaml:13:', '192.168.56.10'),
            ('  srv:', '  my_server!:', 'class.yaml:9:', 'my_server!'),
            ('[directory, dns, dhcp, mail]', '[dns, dhcp, mail]', 'class.yaml:12:', 'directory'),
            ('    domain: helper.bac', '\tdomain: helper.bac', 'class.yaml:11:', 'tab'),
            ('ali: {password: "Ali-2026"}', 'ali: {password: "Ali-2026"', 'class.yaml:'),
            ('  pc1: {networks: lan}', '  pc1: {networks: lan}\n  pc1: {networks: lan}', 'class.yaml:14:', 'second time'),
        ):
            with self.subTest(new):
                told = self.edited(old, new)
                for word in words:
                    self.assertIn(word, told)

    def test_all_mistakes_are_told_at_once(self):
        text = GOOD.format(lab=self.lab_name('authoring')).replace('pc1: {networks: lan}', 'pc1: {network: lan}').replace('{lan: 192.168.56.10}', '{lan: 192.168.57.10}')
        told = self.mistakes(text)
        self.assertIn("unknown key 'network'; did you mean 'networks'?", told)
        self.assertIn('192.168.57.10 is outside lan', told)
        self.assertRegex(told, r'\d errors; nothing was started')

    def test_hostile_files_are_refused(self):
        bomb = 'a: &a [x,x,x,x,x,x,x,x,x]\n' + ''.join(f'{c}: &{c} [' + ','.join([f'*{chr(ord(c) - 1)}'] * 9) + ']\n' for c in 'bcdefghij')
        for text in ('', '\0', '[' * 5000, bomb, 'x' * (2 << 20), '- a\n- b\n', '{' * 100, 'lab: "unterminated\n', '%YAML 9.9\n---\na: 1\n'):
            with self.subTest(text[:20]):
                self.mistakes(text)

    def test_validate_judges_without_starting(self):
        good = self.write('good.yaml', GOOD.format(lab='good'))
        bad = self.write('bad.yaml', 'networks: {lan: 1}\n')
        self.assertEqual(self.labctl('validate', good).returncode, 0)
        self.assertEqual(self.labctl('validate', bad).returncode, 2)
        verdicts = json.loads(self.labctl('validate', '--json', good, bad).stdout)
        self.assertEqual([v['ok'] for v in verdicts], [True, False])

    def test_every_topology_that_comes_along_is_valid(self):
        folder = f'{SOURCE}/topologies'
        for name in sorted(os.listdir(folder)):
            if name.endswith('.yaml'):
                self.assertEqual(self.labctl('validate', f'{folder}/{name}').returncode, 0, name)
                with open(f'{folder}/{name}') as f:
                    self.assertTrue(f.readline().startswith('# '), f'{name} does not open with what it teaches')

    def test_a_dry_run_shows_everything_and_starts_nothing(self):
        path = self.write('good.yaml', GOOD.format(lab=self.lab_name('dry')))
        plan = json.loads(self.labctl('up', '--dry-run', '--json', path, check=True).stdout)
        zone = next(f['content'] for s in plan['services'] if s['kind'] == 'dns' for f in s['files'] if f['path'].endswith('helper.bac.zone'))
        self.assertIn('MX', zone)
        self.assertIn('would make', self.labctl('up', '--dry-run', path, check=True).stdout)
        self.assertNotIn(self.lab_name('dry'), self.labctl('ps').stdout)
        self.assertFalse(os.path.exists(f'{self.state}/labctl'))

    def test_the_schema_is_a_schema(self):
        schema = json.loads(self.labctl('schema', check=True).stdout)
        self.assertIn('2020-12', schema['$schema'])
        self.assertLessEqual({'networks', 'domains', 'nodes', 'checks'}, set(schema['properties']))

    def test_init_writes_a_lab_that_is_valid_and_never_overwrites(self):
        os.chmod(self.folder, 0o777)
        self.labctl('init', 'helper-bac', check=True)
        self.labctl('validate', 'helper-bac.yaml', check=True)
        again = self.labctl('init', 'helper-bac')
        self.assertEqual(again.returncode, 2)
        self.assertIn('helper-bac', self.labctl('init', '--list', check=True).stdout)
        self.assertIn("did you mean 'helper-bac'?", self.labctl('init', 'helper-bca').stderr)

    def test_wrong_usage_is_answered_kindly(self):
        for words in (['chekc'], ['up', '--bogus'], ['up', 'no-such-file.yaml'], ['exec'], []):
            done = self.labctl(*words)
            self.assertEqual(done.returncode, 2, words)
        self.assertIn("did you mean 'check'?", self.labctl('chekc').stderr)
        done = self.labctl('status', 'no-such-lab')
        self.assertEqual(done.returncode, 1)
        self.assertIn('not running', done.stderr)

    def test_every_command_explains_itself_with_an_example(self):
        commands = [line.split()[0] for line in self.labctl('--help').stdout.split('Subcommands:')[1].split('\n\n')[0].strip().split('\n')]
        self.assertGreater(len(commands), 15)
        for command in commands:
            done = self.labctl(command, '--help')
            self.assertEqual(done.returncode, 0)
            self.assertIn('Example: ', done.stdout, command)

    def test_completion_is_shell_text(self):
        script = self.labctl('completion', 'bash', check=True).stdout
        self.assertEqual(subprocess.run(['bash', '-n'], input=script, text=True).returncode, 0)

    def test_doctor_finds_this_machine_able(self):
        done = self.labctl('doctor')
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertTrue(all(f['ok'] for f in json.loads(self.labctl('doctor', '--json').stdout) if f['needed']))


if __name__ == '__main__':
    main()
