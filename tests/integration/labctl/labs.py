"""labs -- drives labctl as a person would: as an ordinary user, in a state folder of its own, with real clients inside the lab.

    class Mail(LabTest):
        def test_a_message_arrives(self):
            lab = self.up('helper-bac.yaml')
            lab.run('pc1', 'swaks', …)

Run as root (as CI does), every command is given up to the user nobody first: a lab needs no rights.
"""
import functools
import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.environ['LAB_BIN']
SOURCE = os.environ['LAB_SOURCE']
LABCTL = f'{BIN}/labctl'
NOBODY = pwd.getpwnam('nobody')


@functools.cache
def nobody_can_run_it():
    """Not where the checkout is in a folder of root's own; then the tests run labs as root."""
    return subprocess.run(['setpriv', f'--reuid={NOBODY.pw_uid}', f'--regid={NOBODY.pw_gid}', '--clear-groups', '--', LABCTL, '--version'], capture_output=True).returncode == 0


def as_user(command):
    """The command line that runs `command` as an ordinary user."""
    if os.geteuid() != 0 or not nobody_can_run_it():
        return list(command)
    return ['setpriv', f'--reuid={NOBODY.pw_uid}', f'--regid={NOBODY.pw_gid}', '--clear-groups', '--', *command]


def namespaces_allowed():
    return subprocess.run(as_user(['unshare', '--user', '--map-root-user', '--net', '--pid', '--fork', 'true']), capture_output=True).returncode == 0


def processes(pattern):
    """Ids of live processes whose command line or name holds `pattern`; one that only waits to be reaped is none."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/stat') as f:
                stat = f.read()
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                words = f.read().replace(b'\0', b' ').decode(errors='replace')
        except OSError:
            continue
        name = stat[stat.index('(') + 1:stat.rindex(')')]
        if stat[stat.rindex(')') + 2] not in 'ZX' and (pattern in words or pattern in name):
            found.append(int(pid))
    return found


def retry(probe, seconds=10):
    """The first true value of `probe`; its last value after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


class Lab:
    """A lab that was started: commands on it and in its nodes."""

    def __init__(self, test, name, file):
        self.test, self.name, self.file = test, name, file

    def ctl(self, *arguments, **options):
        return self.test.labctl(*arguments, **options)

    def run(self, node, *command, check=True, **options):
        """Runs a command inside a node; its standard output."""
        done = self.ctl('exec', '--lab', self.name, node, '--', *command, **options)
        if check:
            self.test.assertEqual(done.returncode, 0, f'{command} in {node}: {done.stdout}{done.stderr}')
        return done.stdout

    def status(self):
        return json.loads(self.ctl('status', self.name, '--json').stdout)

    def supervisor(self):
        return next(lab['supervisor_pid'] for lab in json.loads(self.ctl('ps', '--json').stdout) if lab['lab'] == self.name)

    def service(self, identifier):
        return next(s for n in self.status()['nodes'] for s in n['services'] if s['id'] == identifier)

    def check(self):
        """(exit status, the results as JSON)"""
        done = self.ctl('check', self.name, '--json')
        return done.returncode, json.loads(done.stdout)

    def broken(self):
        """The promises that do not hold."""
        return [c for c in self.check()[1]['checks'] if not c['ok']]

    def restart(self):
        self.ctl('up', '-q', self.file, check=True)

    def down(self):
        return self.ctl('down', self.name)


class LabTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='labctl-test-')
        os.chmod(self.folder, 0o755)
        self.state = f'{self.folder}/state'
        os.mkdir(self.state)
        if os.geteuid() == 0:
            os.chown(self.state, NOBODY.pw_uid, NOBODY.pw_gid)
        self.labs = []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for lab in self.labs:
            self.labctl('down', lab.name)
        result = self._outcome.result
        if any(getattr(test, 'test_case', test) is self for test, _ in result.failures + result.errors):
            self.tell_logs()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tell_logs(self):
        """What the services of a failed test's labs said last: the folder is about to go."""
        for log in sorted(glob.glob(f'{self.state}/labctl/*/logs/*.log')):
            with open(log, errors='replace') as f:
                print(f'\n--- {os.path.relpath(log, self.state)}\n' + ''.join(f.readlines()[-40:]), end='', file=sys.stderr)

    def environment(self, **extra):
        keep = {k: v for k, v in os.environ.items() if k in ('PATH', 'TERM')}
        return keep | {'HOME': self.folder, 'XDG_STATE_HOME': self.state, 'LANG': 'C.UTF-8', 'NO_COLOR': '1'} | extra

    def labctl(self, *arguments, check=False, timeout=60, env=None, **options):
        done = subprocess.run(as_user([LABCTL, *map(str, arguments)]), env=self.environment(**(env or {})), cwd=self.folder, text=True,
                              capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL, **options)
        if check:
            self.assertEqual(done.returncode, 0, f'labctl {arguments}: {done.stdout}{done.stderr}')
        return done

    def start_labctl(self, *arguments, stdin=subprocess.DEVNULL):
        """labctl in the background."""
        return subprocess.Popen(as_user([LABCTL, *arguments]), env=self.environment(), cwd=self.folder, stdin=stdin, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def write(self, name, text):
        path = f'{self.folder}/{name}'
        with open(path, 'w') as f:
            f.write(text)
        return path

    def lab_name(self, stem):
        # Labs of one user share their names machine-wide: tests that run at the same time must differ.
        return f'{stem[:10]}-{os.getpid()}'

    def topology(self, file, change=lambda text: text):
        """A copy of a topology that comes with labctl, under a name of this test's own."""
        with open(f'{SOURCE}/topologies/{file}') as f:
            text = change(f.read())
        name = self.lab_name(file.removesuffix('.yaml'))
        text = '\n'.join(line for line in text.split('\n') if not line.startswith('lab:')) + f'\nlab: {name}\n'
        return name, self.write(file, text)

    def up(self, file='helper-bac.yaml', change=lambda text: text):
        name, path = self.topology(file, change)
        lab = Lab(self, name, path)
        self.labs.append(lab)
        self.labctl('up', path, check=True)
        return lab

    def assert_nothing_left(self, pid=None):
        """No process, interface, mount or run-time file of a lab of this test."""
        leftovers = retry(lambda: None if processes(self.state) or (pid and os.path.exists(f'/proc/{pid}/root')) else 'gone', 5)
        self.assertEqual(leftovers, 'gone', [open(f'/proc/{p}/cmdline').read() for p in processes(self.state)])
        links = subprocess.run(['ip', '-o', 'link'], text=True, capture_output=True).stdout
        self.assertNotIn('br-lan', links)
        self.assertNotIn('eth0@if', [word for line in links.split('\n') for word in line.split() if 'pc1' in word])
        with open('/proc/self/mounts') as f:
            self.assertNotIn('labctl', f.read())
        running = [lab['lab'] for lab in json.loads(self.labctl('ps', '--json').stdout)]
        self.assertFalse([lab.name for lab in self.labs if lab.name in running])



def main():
    if not namespaces_allowed():
        print('this machine does not allow user namespaces; labctl doctor tells why', file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
