#!/usr/bin/env python3
"""lab-dhclient: against lab-dhcpd and against dnsmasq; renewal, rebinding, reboot, conflict, release; what it shows and writes."""
import json, os, signal, subprocess, time

import netlab
from dhcp_world import CONFIG, Host, Server, isolate

isolate()
netlab.need('ip')


class Dnsmasq:
    def __init__(self, *more):
        self.folder = netlab.Folder()
        self.process = subprocess.Popen(
            ['dnsmasq', '-k', '-C', '/dev/null', '-p', '0', '--interface=eth0', '--bind-interfaces', '--user=', '--group=',
             '--dhcp-range=192.168.56.100,192.168.56.200,1h', '--dhcp-option=option:router,192.168.56.1', '--no-ping',
             '--dhcp-option=option:dns-server,192.168.56.10', '--domain=helper.bac', '--dhcp-authoritative', '--log-dhcp',
             '--log-facility=-', '--pid-file=' + self.folder / 'pid', '--dhcp-leasefile=' + self.folder / 'leases', *more],
            stderr=open(self.folder / 'log', 'w'))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.__exit__()


def sees(host, text):
    netlab.until(lambda: text in host.said(), f'{text!r} in\n{host.said()}')


def test_it_leases_from_dnsmasq_and_comes_back():
    netlab.need('dnsmasq')
    with Dnsmasq(), Host('pc1') as pc1:
        pc1.lab_dhclient('--state', pc1.folder / 'state')
        first = pc1.lease()
        netlab.equal(first['router'], '192.168.56.1')
        netlab.equal(first['dns'], ['192.168.56.10'])
        netlab.equal(first['domain'], 'helper.bac')
        pc1.process.kill()
        pc1.process.wait()
        os.remove(pc1.lease_file)
        pc1.lab_dhclient('--state', pc1.folder / 'state', '--verbose')
        netlab.equal(pc1.lease()['address'], first['address'])
        netlab.contains(pc1.said(), 'I am back. May I use ' + first['address'])


def test_it_shows_the_four_messages_in_order():
    with Server(), Host('pc1') as pc1:
        shown = pc1.run(netlab.program('lab-dhclient'), '--interface', 'eth0', '--hostname', 'pc1', '--once', '--verbose')
        places = [shown.index(x) for x in ('→ DHCPDISCOVER', '← DHCPOFFER', '→ DHCPREQUEST', '← DHCPACK')]
        netlab.equal(places, sorted(places), 'order')
        netlab.contains(shown, 'You may have 192.168.56.100 for 1 h.')
        netlab.contains(shown, 'search list (119)            helper.bac, lab.helper.bac')
        netlab.equal(pc1.addresses(), ['192.168.56.100'], 'the address stays after --once')


def test_it_renews_by_unicast_and_rebinds_by_broadcast():
    with Server(lease='10s') as server, Host('pc1') as pc1:
        pc1.lab_dhclient('--verbose')
        pc1.lease()
        sees(pc1, 'DHCPREQUEST   192.168.56.100:68 → 192.168.56.10:67')   # renewal, after 5 s
        sees(pc1, 'keeps 192.168.56.100/24')
        server.kill()
        sees(pc1, 'DHCPREQUEST   192.168.56.100:68 → 255.255.255.255:67')  # rebinding
        sees(pc1, 'has run out and no server renewed it')
        netlab.equal(pc1.addresses(), [])
        netlab.until(lambda: not os.path.exists(pc1.lease_file), 'the lease file to go')
        with Server(again=server):
            netlab.until(lambda: pc1.addresses() == ['192.168.56.100'], 'the same address from the server that is back')


def test_it_finds_another_network_and_begins_anew():
    with Server(), Host('pc1') as pc1:
        state = pc1.folder.write('state', f'10.1.2.3 {int(time.time()) + 3600}\n')
        pc1.lab_dhclient('--state', state, '--verbose')
        netlab.equal(pc1.lease()['address'], '192.168.56.100')
        netlab.contains(pc1.said(), '10.1.2.3 does not belong to this network')


def test_it_declines_an_address_in_use():
    with Server() as server, Host('pc1') as pc1, Host('thief') as thief:
        thief.run('ip', 'link', 'set', 'eth0', 'up')
        thief.run('ip', 'addr', 'add', '192.168.56.100/24', 'dev', 'eth0')
        pc1.lab_dhclient('--probe', '300')
        sees(pc1, 'another machine uses 192.168.56.100')
        netlab.until(lambda: 'rests for 10 min' in server.log(), 'the quarantine')
        netlab.equal(pc1.lease()['address'], '192.168.56.102')


def test_the_server_does_not_offer_an_address_in_use():
    with Server(CONFIG.replace('    lease: ', '    probe: 200ms\n    lease: ')) as server, Host('pc1') as pc1, Host('thief') as thief:
        thief.run('ip', 'link', 'set', 'eth0', 'up')
        thief.run('ip', 'addr', 'add', '192.168.56.100/24', 'dev', 'eth0')
        pc1.lab_dhclient()
        netlab.equal(pc1.lease()['address'], '192.168.56.102', '100 is in use, 101 excluded')
        netlab.contains(server.log(), '192.168.56.100 is used by a machine that did not lease it')


def test_release_gives_the_address_back():
    with Server() as server, Host('pc1') as pc1:
        pc1.lab_dhclient('--release')
        pc1.lease()
        pc1.signal(netlab.signal.SIGTERM)
        netlab.equal(pc1.process.wait(netlab.DEADLINE), 0)
        netlab.until(lambda: '192.168.56.100 given back by its client' in server.log(), 'the release')
        netlab.equal(pc1.addresses(), [])


def test_without_release_the_address_stays_its_own():
    with Server() as server, Host('pc1') as pc1:
        pc1.lab_dhclient()
        pc1.lease()
        pc1.signal(netlab.signal.SIGTERM)
        pc1.process.wait(netlab.DEADLINE)
        netlab.equal(pc1.addresses(), ['192.168.56.100'])
        assert 'given back' not in server.log()


def test_it_finds_every_server_of_a_network_and_takes_nothing():
    netlab.need('dnsmasq')
    with Server() as server, Host('pc1') as pc1, Host('rogue') as rogue:
        find = lambda: json.loads(pc1.run(netlab.program('lab-dhclient'), '--interface', 'eth0', '--find-servers', '700'))
        netlab.equal(find(), [{'server': '192.168.56.10', 'offered': '192.168.56.100'}])
        rogue.run('ip', 'link', 'set', 'eth0', 'up')
        rogue.run('ip', 'addr', 'add', '192.168.56.66/24', 'dev', 'eth0')
        rogue.start('dnsmasq', '-k', '-C', '/dev/null', '-p', '0', '--user=', '--group=', '--no-ping', '--dhcp-authoritative',
                    '--dhcp-range=192.168.56.210,192.168.56.220,1h', '--pid-file=', '--dhcp-leasefile=' + rogue.folder / 'leases')
        netlab.until(lambda: {x['server'] for x in find()} == {'192.168.56.10', '192.168.56.66'}, 'both servers')
        netlab.equal(pc1.addresses(), [])


def test_timeout_says_that_nobody_answered():
    with Host('pc1') as pc1:
        pc1.lab_dhclient('--timeout', '1')
        netlab.equal(pc1.process.wait(netlab.DEADLINE), 1)
        netlab.contains(pc1.said(), 'no DHCP server gave an address in 1 s')


def test_an_interface_that_is_not_there_is_explained():
    with Host('pc1') as pc1:
        pc1.start(netlab.program('lab-dhclient'), '--interface', 'eth9')
        netlab.equal(pc1.process.wait(netlab.DEADLINE), 1)
        netlab.contains(pc1.said(), 'eth9: there is no such interface')


def test_it_tells_the_supervisor_when_the_lease_is_there():
    with Server(), Host('pc1') as pc1:
        wrapper = pc1.folder.write('in-pc1', f'#!/bin/sh\nexec ip netns exec pc1 {netlab.program("lab-dhclient")} "$@"\n')
        os.chmod(wrapper, 0o755)
        with netlab.Daemon(wrapper, '--interface', 'eth0'):
            netlab.equal(pc1.addresses(), ['192.168.56.100'])


netlab.run_tests(globals())
