"""Two servers on one network (hot standby) for the DHCP tests: the primary on the machine of the bridge, the standby in `srv2`."""
import json, os

import netlab
from dhcp_world import Host

CONFIG = '''
leases: state/leases.db
control: dhcp.sock
scopes:
  lan: {interface: eth0, network: 192.168.56.0/24, ranges: [192.168.56.100-192.168.56.107], lease: %(lease)s,
        options: {routers: [192.168.56.1]}}
%(scopes)sfailover: {role: %(role)s, partner: "%(partner)s:647", secret: "a secret of this test alone", startup: %(startup)s, silence: 1s,
           reach: %(reach)s}
'''
OWN = {'primary': '192.168.56.10', 'standby': '192.168.56.11'}
OTHER = {'primary': 'standby', 'standby': 'primary'}


class Machines:
    """The standby's machine; the primary is on the machine that has the bridge."""

    def __enter__(self):
        self.second = Host('srv2')
        self.second.run('ip', 'addr', 'add', OWN['standby'] + '/24', 'dev', 'eth0')
        self.second.run('ip', 'link', 'set', 'eth0', 'up')
        return self

    def __exit__(self, *_):
        self.second.__exit__()


class Server(netlab.Daemon):
    def __init__(self, role, place=None, lease='1h', startup='2s', reach='10m', scopes='', more='', clock=None):
        self.role, self.place = role, place or netlab.Folder()
        path = self.place.write('dhcp.yaml', CONFIG % {'role': role, 'partner': OWN[OTHER[role]], 'lease': lease, 'startup': startup, 'reach': reach,
                                               'scopes': scopes} + more)
        program = netlab.program('lab-dhcpd')
        if role == 'standby':
            program = self.place.write('in-srv2', f'#!/bin/sh\nexec ip netns exec srv2 {program} "$@"\n')
            os.chmod(program, 0o755)
        super().__init__(program, '--config', path, '--log-level', 'debug', env=clock and clock.env)

    def ask(self, *words):
        return json.loads(netlab.run(netlab.program('lab-leases'), '--control', self.place / 'dhcp.sock', *words))

    def state(self):
        return self.ask('--status')['failover']['state']

    def becomes(self, state):
        netlab.until(lambda: self.state() == state, f'{self.role} to be {state}; its log:\n{self.log()}')

    def leases(self):
        return {l['address']: l['hostname'] for l in self.ask('--json')['leases'] if l['state'] == 'active'}


def pair(**manner):
    servers = [Server('primary', **manner), Server('standby', **manner)]
    try:
        for server in servers:
            server.becomes('in step')
    except BaseException:
        for server in servers:
            server.kill()
        raise
    return servers


def again_from(host, server):
    """The client is started anew on its lease, and asks by broadcast: whoever serves answers."""
    host.process.kill()
    host.process.wait()
    host.lab_dhclient('--release')
    netlab.until(lambda: host.lease()['server'] == OWN[server], f'{host.name} to be served by the {server}')


class Cut:
    """While in it, the servers hear clients and not each other."""

    def __init__(self, machines):
        self.machines = machines

    def route(self, action):
        self.machines.second.run('ip', 'route', action, 'prohibit', OWN['primary'] + '/32', 'table', 'local')

    def __enter__(self):
        self.route('add')

    def __exit__(self, *_):
        self.route('del')
