#!/usr/bin/env python3
"""What the READMEs tell a newcomer to type works as written, in the order written."""
import os
import re
import subprocess
import sys

from labs import BIN, SOURCE, LabTest, as_user, main

# These install packages or build; .ci/run and whoever runs this test have done that already.
NOT_HERE = ('./bootstrap.sh', 'export PATH=')


class Readme(LabTest):
    def blocks(self, file, language):
        with open(f'{SOURCE}/{file}') as f:
            return re.findall(rf'^```{language}\n(.*?)^```', f.read(), re.M | re.S)

    def shell(self, command):
        environment = self.environment() | {'PATH': f'{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'}
        return subprocess.run(as_user(['sh', '-c', command]), env=environment, cwd=SOURCE, text=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)

    def follow(self, file):
        commands = [line for block in self.blocks(file, 'sh') for line in block.strip().split('\n') if not line.startswith(NOT_HERE)]
        self.assertGreater(len(commands), 4)
        started = self.shell('labctl up topologies/helper-bac.yaml')  # what ./bootstrap.sh up has done by then
        self.addCleanup(lambda: self.shell('labctl down helper-bac'))
        self.assertEqual(started.returncode, 0, started.stderr)
        for command in commands:
            with self.subTest(command):
                done = self.shell(command)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_commands_work_as_written(self):
        self.follow('README.md')

    def test_the_french_ones_too(self):
        self.follow('README.fr.md')

    def test_the_sample_topology_is_valid(self):
        for file in ('README.md', 'README.fr.md'):
            for number, block in enumerate(self.blocks(file, 'yaml')):
                self.labctl('validate', self.write(f'sample{number}.yaml', block), check=True)

    def test_every_command_is_in_the_readme(self):
        with open(f'{SOURCE}/README.md') as f:
            text = f.read()
        listed = self.labctl('--help').stdout.split('Subcommands:')[1].split('\n\n')[0].strip().split('\n')
        for line in listed:
            self.assertRegex(text, rf'[` ]{line.split()[0]}\b', line.split()[0])

    def test_the_files_it_names_are_there(self):
        for file in ('README.md', 'README.fr.md'):
            with open(f'{SOURCE}/{file}') as f:
                for target in re.findall(r'\]\(([^)#]+)\)', f.read()):
                    self.assertTrue(os.path.exists(f'{SOURCE}/{target}'), target)


if __name__ == '__main__':
    if subprocess.run(as_user([f'{BIN}/labctl', 'status', 'helper-bac']), capture_output=True).returncode == 0:
        print('a lab named helper-bac runs already; take it down first', file=sys.stderr)
        sys.exit(77)
    main()
