#!/usr/bin/env python3
"""A lab comes up, changes and goes; whatever kills it leaves nothing, and what was acknowledged stays."""
import os
import random
import signal
import subprocess
import time

from labs import BIN, LabTest, main, processes, retry

SMALL = '''
networks: {lan: 192.168.56.0/24}
domains: {helper.bac: {users: {ali: {password: "Ali-2026"}}}}
nodes:
  srv: {networks: {lan: 192.168.56.10}, domain: helper.bac, services: [dns]}
  pc1: {networks: {lan: 192.168.56.20}, domain: helper.bac}
'''


class Lifecycle(LabTest):
    def small(self, text=SMALL):
        name = self.lab_name('small')
        return name, self.write('small.yaml', f'lab: {name}\n{text}')

    def start_small(self):
        from labs import Lab
        name, path = self.small()
        lab = Lab(self, name, path)
        self.labs.append(lab)
        self.labctl('up', path, check=True)
        return lab

    def test_up_then_down_leaves_nothing(self):
        lab = self.start_small()
        pid = lab.supervisor()
        self.assertEqual(lab.run('pc1', 'dig', '+short', 'srv.helper.bac'), '192.168.56.10\n')
        self.assertEqual(lab.down().returncode, 0)
        self.assert_nothing_left(pid)

    def test_a_killed_supervisor_takes_everything_with_it_and_the_next_up_works(self):
        lab = self.start_small()
        pid = lab.supervisor()
        os.kill(pid, signal.SIGKILL)
        self.assert_nothing_left(pid)
        lab.restart()
        self.assertEqual(lab.run('pc1', 'dig', '+short', 'srv.helper.bac'), '192.168.56.10\n')

    def test_up_killed_or_interrupted_at_any_moment_leaves_nothing(self):
        name, path = self.small()
        random.seed(7)
        for attempt in range(12):
            process = self.start_labctl('up', path)
            time.sleep(random.uniform(0, 0.06))
            process.send_signal(signal.SIGKILL if attempt % 2 else signal.SIGINT)
            process.communicate(timeout=20)
            running = name in self.labctl('ps').stdout
            if running:  # it was up already: then it belongs to nobody's terminal any more
                self.labctl('down', name, check=True)
            self.assert_nothing_left()
        self.labctl('up', path, check=True)
        self.labctl('down', name, check=True)

    def test_a_service_that_does_not_start_fails_the_up_with_its_own_words(self):
        name, path = self.small()
        # The same programs, but for a DNS server that refuses to work.
        broken = f'{self.folder}/bin'
        os.mkdir(broken)
        for program in os.listdir(BIN):
            if program != 'lab-dnsd' and program != 'labctl':
                os.symlink(f'{BIN}/{program}', f'{broken}/{program}')
        subprocess.run(['cp', f'{BIN}/labctl', broken], check=True)
        self.write('bin/lab-dnsd', '#!/bin/sh\necho "no, not today" >&2\nexit 3\n')
        os.chmod(f'{broken}/lab-dnsd', 0o755)
        from labs import as_user
        done = subprocess.run(as_user([f'{broken}/labctl', 'up', path]), env=self.environment(), cwd=self.folder, text=True, capture_output=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn('srv/dns did not become ready: ended with status 3', done.stderr)
        self.assertIn('no, not today', done.stderr)
        self.assertIn('Nothing is left running', done.stderr)
        self.assert_nothing_left()

    def test_a_second_up_changes_only_what_differs(self):
        lab = self.start_small()
        before = lab.service('srv/dns')['pid']
        self.assertIn('nothing to change', self.labctl('up', lab.file, check=True).stdout)
        self.write('small.yaml', f'lab: {lab.name}\n{SMALL}  pc2: {{networks: {{lan: 192.168.56.21}}, domain: helper.bac}}\n')
        self.labctl('up', lab.file, check=True)
        self.assertIn('1 received', lab.run('pc2', 'ping', '-c', '1', '-W', '5', '192.168.56.10'))
        self.assertEqual(lab.run('pc2', 'dig', '+short', 'pc2.helper.bac'), '192.168.56.21\n')
        self.assertEqual(lab.service('srv/dns')['pid'], before, 'the DNS server was restarted for a record')

    def test_a_node_leaves_though_somebody_took_its_interface_away(self):
        lab = self.start_small()
        with_pc2 = f'lab: {lab.name}\n{SMALL}  pc2: {{networks: {{lan: 192.168.56.21}}, domain: helper.bac}}\n'
        self.write('small.yaml', with_pc2)
        self.labctl('up', lab.file, check=True)
        lab.run('pc2', 'ip', 'link', 'del', 'eth0')
        self.write('small.yaml', f'lab: {lab.name}\n{SMALL}')
        self.labctl('up', lab.file, check=True)
        self.assertNotIn('pc2', [n['name'] for n in lab.status()['nodes']])
        self.write('small.yaml', with_pc2)
        self.labctl('up', lab.file, check=True)
        self.assertIn('1 received', lab.run('pc2', 'ping', '-c', '1', '-W', '5', '192.168.56.10'))

    def test_an_edit_with_a_mistake_changes_nothing(self):
        lab = self.start_small()
        before = lab.status()['nodes']
        self.write('small.yaml', f'lab: {lab.name}\n{SMALL}  pc2: {{network: lan}}\n')
        done = self.labctl('up', lab.file)
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'networks'?", done.stderr)
        self.assertEqual([n['name'] for n in lab.status()['nodes']], [n['name'] for n in before])

    def test_a_crashed_service_shows_and_comes_back(self):
        lab = self.start_small()
        pid = lab.service('srv/dns')['pid']
        inside = lab.run('srv', 'sh', '-c', f'kill -9 {pid}; sleep 0.2; true')
        self.assertEqual(inside, '')
        self.assertEqual(lab.service('srv/dns')['state'], 'failed')
        self.assertIn('signal 9', lab.service('srv/dns')['ending'])
        back = retry(lambda: lab.service('srv/dns')['state'] == 'ready' and lab.service('srv/dns'), 15)
        self.assertTrue(back, 'it did not come back')
        self.assertEqual(back['restarts'], 1)

    def test_a_stopped_service_stays_stopped_until_started(self):
        lab = self.start_small()
        self.labctl('stop', 'srv/dns', '--lab', lab.name, check=True)
        self.assertEqual(lab.service('srv/dns')['state'], 'stopped')
        self.assertNotEqual(lab.run('pc1', 'dig', '+time=1', '+tries=1', '+short', 'srv.helper.bac', check=False), '192.168.56.10\n')
        self.labctl('start', 'srv/dns', '--lab', lab.name, check=True)
        self.assertEqual(lab.run('pc1', 'dig', '+short', 'srv.helper.bac'), '192.168.56.10\n')

    def test_exec_is_the_program_itself(self):
        lab = self.start_small()
        self.assertEqual(lab.ctl('exec', '--lab', lab.name, 'pc1', '--', 'sh', '-c', 'exit 7').returncode, 7)
        self.assertEqual(lab.ctl('exec', '--lab', lab.name, 'pc1', '--', 'sh', '-c', 'kill -9 $$').returncode, 137)
        self.assertEqual(lab.ctl('exec', '--lab', lab.name, 'pc1', '--', 'no-such-program').returncode, 127)
        self.assertEqual(lab.run('pc1', 'hostname'), 'pc1\n')
        self.assertEqual(lab.run('pc1', 'sh', '-c', 'ls /sys/class/net').split(), ['eth0', 'lo'])
        done = lab.ctl('exec', '--lab', lab.name, 'pc9', '--', 'true')
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'pc1'?", done.stderr)

    def test_a_killed_exec_leaves_no_program_behind(self):
        lab = self.start_small()
        for moment in range(40):
            process = self.start_labctl('exec', '--lab', lab.name, 'pc1', '--', 'sleep', '987654')
            self.assertTrue(retry(lambda: processes('sleep 987654')))
            time.sleep(moment * 0.001)  # from the start of labctl to that of the program
            process.kill()  # setpriv has become labctl: the same process
            process.communicate(timeout=10)
            self.assertTrue(retry(lambda: not processes('sleep 987654'), 5))

    def test_foreground_ends_the_lab_when_told_to(self):
        name, path = self.small()
        process = self.start_labctl('up', '--foreground', path)
        self.assertTrue(retry(lambda: '"state":"up"' in self.labctl('status', name, '--json').stdout))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, 0)
        self.assert_nothing_left()

    def test_a_running_lab_is_not_changed_from_another_state_folder(self):
        lab = self.start_small()
        elsewhere = f'{self.state}/elsewhere'
        done = self.labctl('up', lab.file, env={'XDG_STATE_HOME': elsewhere})
        self.assertEqual(done.returncode, 1)
        self.assertIn(f'{self.state}/labctl/{lab.name}', done.stderr)

    def test_another_user_is_not_answered(self):
        if os.geteuid() != 0:
            self.skipTest('needs two users: only as root')
        lab = self.start_small()
        done = subprocess.run(['setpriv', '--reuid=12345', '--regid=12345', '--clear-groups', '--', f'{BIN}/labctl', 'status', lab.name], text=True, capture_output=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('not running', done.stderr)

    def test_purge_removes_the_data(self):
        lab = self.start_small()
        self.assertTrue(os.path.isdir(f'{self.state}/labctl/{lab.name}'))
        self.labctl('down', lab.name, '--purge', check=True)
        self.assertFalse(os.path.exists(f'{self.state}/labctl/{lab.name}'))


if __name__ == '__main__':
    main()
