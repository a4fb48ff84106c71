#!/usr/bin/env python3
"""A network of a lab attached to an interface of the machine: machines on that wire join; the lab's DHCP server keeps away
from a wire where another one serves; the machine gets its interface back. And `nat`: a router that hides its networks.
The "machine" is a namespace of this test, its wire a veth pair, the street outside another namespace."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import netlab

netlab.isolate()
netlab.need('ip', 'dnsmasq', 'unshare')
FOLDER = netlab.Folder()
netlab.run('mount', '-t', 'tmpfs', 'tmpfs', '/run')
os.makedirs('/run/netns')
os.environ |= {'HOME': FOLDER.path, 'XDG_STATE_HOME': FOLDER / 'state', 'NO_COLOR': '1'}

LAB = '''lab: attached
networks:
  lan: {subnet: 192.168.70.0/24, attach: nic0}
domains: {street.lab: {}}
nodes:
  srv: {networks: {lan: 192.168.70.10}, services: {dns: , dhcp: {scopes: {lan: {range: 192.168.70.100-192.168.70.150%s}}}}}
  pc1: {networks: lan}
'''


def labctl(*arguments, check=True, timeout=60):
    done = subprocess.run([netlab.program('labctl'), *arguments], capture_output=True, text=True, timeout=timeout, cwd=FOLDER.path)
    if check and done.returncode != 0:
        raise AssertionError(f'labctl {arguments}: {done.stdout}{done.stderr}')
    return done


def links(namespace=None):
    inside = ('-n', namespace) if namespace else ()
    return [link['ifname'] for link in json.loads(netlab.run('ip', *inside, '-j', 'link'))]


class Street:
    """The machine's interface nic0, and what is at the other end of its cable."""

    def __enter__(self):
        netlab.run('ip', 'netns', 'add', 'street')
        netlab.run('ip', 'link', 'add', 'nic0', 'type', 'veth', 'peer', 'name', 'far', 'netns', 'street')
        netlab.run('ip', '-n', 'street', 'link', 'set', 'far', 'up')
        self.children = []
        return self

    def __exit__(self, *_):
        labctl('down', 'attached', check=False)
        for child in self.children:
            child.kill()
            child.wait()
        if 'nic0' in links():
            netlab.run('ip', 'link', 'del', 'nic0')
        netlab.run('ip', 'netns', 'del', 'street')

    def run(self, *command, **more):
        return netlab.run('ip', 'netns', 'exec', 'street', *command, **more)

    def start(self, *command):
            self.children.append(subprocess.Popen(['ip', 'netns', 'exec', 'street', *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def router(self):
        """The home router that has been there all along."""
        self.run('ip', 'addr', 'add', '192.168.1.1/24', 'dev', 'far')
        self.start('dnsmasq', '--no-daemon', '--port=0', '--interface=far', '--bind-interfaces', '--no-ping',
                   '--dhcp-range=192.168.1.50,192.168.1.90', '--dhcp-leasefile=' + FOLDER / 'dnsmasq.leases', '--conf-file=/dev/null', '--user=root')
        netlab.until(lambda: ':67 ' in self.run('ss', '-Hlun'), 'dnsmasq')


def write(more=''):
    return FOLDER.write('lab.yaml', LAB % more)


def test_machines_on_the_wire_join_and_the_interface_comes_back():
    with Street() as street:
        said = labctl('up', write()).stdout
        netlab.contains(said, "whoever is on the wire of this machine's nic0 is in the lab")
        assert 'nic0' not in links(), 'it is in the lab'
        lease = FOLDER / 'laptop.json'
        street.run(netlab.program('lab-dhclient'), '--interface', 'far', '--hostname', 'laptop', '--lease-file', lease, '--once')
        with open(lease) as f:
            netlab.contains(json.load(f)['address'], '192.168.70.1')
        street.run('ping', '-c', '1', '-W', '2', '192.168.70.10')
        netlab.contains(labctl('leases', '--lab', 'attached').stdout, 'laptop')
        netlab.until(lambda: labctl('exec', '--lab', 'attached', 'pc1', '--', 'dig', '+short', 'laptop.street.lab').stdout.strip(), "the laptop's name")
        labctl('down', 'attached')
        assert 'nic0' in links(), 'the machine has it again'


def test_it_keeps_away_from_a_wire_where_another_server_serves_unless_forced():
    with Street() as street:
        street.router()
        refused = labctl('up', write(), check=False)
        netlab.equal(refused.returncode, 1)
        netlab.contains(refused.stderr, 'another DHCP server answers on eth0: 192.168.1.1')
        netlab.contains(refused.stderr, "guard: alert")
        netlab.contains(refused.stderr, 'Nothing is left running')
        assert 'nic0' in links(), 'the machine has it again'
        labctl('up', write(', guard: alert'))
        netlab.until(lambda: 'another DHCP server answers' in open(FOLDER / 'state/labctl/attached/logs/srv-dhcp.log').read(), 'the alarm')


def test_an_edited_file_attaches_and_detaches_while_the_lab_runs():
    with Street():
        labctl('up', write())
        FOLDER.write('lab.yaml', (LAB % '').replace(', attach: nic0', ''))
        labctl('up', FOLDER / 'lab.yaml')
        assert 'nic0' in links(), 'the machine has it again'
        labctl('up', write())
        assert 'nic0' not in links()


def test_what_cannot_or_should_not_be_taken_is_explained():
    with Street():
        for attach, words in {
            'nic7': ['lan: this machine has no interface nic7 (attach)', 'it has nic0'],
            'lo': ["'lo' is no interface that can join a network"],
        }.items():
            refused = labctl('up', FOLDER.write('lab.yaml', (LAB % '').replace('nic0', attach)), check=False)
            assert refused.returncode != 0
            for word in words:
                netlab.contains(refused.stderr, word)
        netlab.run('ip', 'addr', 'add', '10.9.0.2/24', 'dev', 'nic0')
        netlab.run('ip', 'link', 'set', 'nic0', 'up')
        netlab.run('ip', 'route', 'add', 'default', 'via', '10.9.0.1')
        refused = labctl('up', write(), check=False)
        netlab.contains(refused.stderr, "nic0 has this machine's default route: to take it would cut the machine off (attach)")
        netlab.contains(refused.stderr, 'Nothing is left running')
        netlab.equal([a['local'] for a in json.loads(netlab.run('ip', '-j', '-4', 'addr', 'show', 'nic0'))[0]['addr_info']], ['10.9.0.2'])


def test_a_router_with_nat_hides_its_networks():
    path = FOLDER.write('lab.yaml', '''lab: attached
networks: {home: 192.168.70.0/24, world: 10.70.0.0/24}
nodes:
  box: {networks: {home: 192.168.70.1, world: 10.70.0.1}, nat: world, services: {dhcp: {scopes: {home: }}}}
  web: {networks: {world: 10.70.0.80}}
  pc1: {networks: home}
''')
    inside = lambda node, *command: labctl('exec', '--lab', 'attached', node, '--', *command).stdout
    try:
        said = labctl('up', path).stdout
        assert 'not translated' not in said, said
        inside('web', 'ip', 'route', 'del', 'default')  # it answers its own network alone: box's address there
        netlab.contains(inside('pc1', 'ping', '-c', '1', '-W', '2', '10.70.0.80'), ' 0% packet loss')
        labctl('up', FOLDER.write('lab.yaml', open(path).read().replace('nat: world', 'router: true')))
        netlab.equal(labctl('exec', '--lab', 'attached', 'pc1', '--', 'ping', '-c', '1', '-W', '1', '10.70.0.80', check=False).returncode, 1, 'without nat')
    finally:
        labctl('down', 'attached', check=False)


netlab.run_tests(globals())
