#!/usr/bin/env python3
"""lab-leases: shows what a running server has lent, takes a lease away, and moves leases to another server as CSV."""
import json

import netlab
from dhcp_world import CONFIG, Host, Server, isolate

isolate()
netlab.need('ip')
CONFIG += 'control: dhcp.sock\n'


def leases(*arguments, **more):
    return netlab.run(netlab.program('lab-leases'), *arguments, **more)


def test_a_running_server_tells_its_leases_and_how_full_it_is():
    with Server(CONFIG) as server, Host('pc1') as pc1:
        pc1.lab_dhclient()
        pc1.lease()
        control, database = server.place / 'dhcp.sock', server.place / 'state/leases.db'
        told = json.loads(leases('--control', control, '--json'))['leases']
        netlab.equal([(l['address'], l['hostname'], l['state'], l['mac']) for l in told], [('192.168.56.100', 'pc1', 'active', pc1.mac)])
        status = json.loads(leases('--control', control, '--status'))
        netlab.equal(status['scopes'][0], {'scope': 'lan', 'network': '192.168.56.0/24', 'addresses': 100, 'leased': 1, 'resting': 0})
        netlab.equal(status['messages']['DHCPACK'], 1)
        netlab.contains(leases('--database', database), '192.168.56.100')
        netlab.equal(json.loads(leases('--database', database, '--json'))['leases'], told)


def test_a_revoked_lease_is_free_at_once():
    with Server(CONFIG) as server, Host('pc1') as pc1:
        pc1.lab_dhclient()
        pc1.lease()
        leases('--control', server.place / 'dhcp.sock', '--revoke', '192.168.56.100')
        netlab.contains(leases('--control', server.place / 'dhcp.sock'), 'released')
        netlab.contains(leases('--control', server.place / 'dhcp.sock', '--revoke', '192.168.56.100', check=False), 'not leased')


def test_leases_move_to_another_server_as_csv():
    with Server(CONFIG) as first, netlab.Folder() as there:
        with Host('pc1') as pc1:
            pc1.lab_dhclient('--state', there / 'state')
            pc1.lease()
            there.write('leases.csv', leases('--database', first.place / 'state/leases.db', '--csv'))
            refused = netlab.subprocess.run([netlab.program('lab-leases'), '--database', first.place / 'state/leases.db', '--import',
                                             there / 'leases.csv'], capture_output=True, text=True)
            netlab.contains(refused.stderr, 'is a lab-dhcpd running on it?')
            first.kill()
            second = type('Place', (), {'place': netlab.Folder()})
            leases('--database', second.place / 'state/leases.db', '--import', there / 'leases.csv')
            with Server(CONFIG, again=second) as server:
                netlab.contains(server.log(), '1 leases remembered')


netlab.run_tests(globals())
