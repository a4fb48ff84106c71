#!/usr/bin/env python3
"""DHCPv6 and router advertisements: lab-dhclient, dhclient, dhcpcd and systemd-networkd lease from lab-dhcpd behind a router that lab-rad advertises."""
import json, os

import netlab
from dhcp6_world import CONFIG, FIRST, SERVER, Host6, isolate6, router
from dhcp_world import Server, isolate, without_dhcpcd_user

isolate()
isolate6()
netlab.need('ip', 'dhclient', 'dhcpcd')
without_dhcpcd_user()

BOTH = CONFIG + '''scopes:
  lan: {interface: eth0, network: 192.168.56.0/24, ranges: [192.168.56.100-192.168.56.200],
        options: {domain-name-servers: 192.168.56.10, domain-name: helper.bac, routers: 192.168.56.1}}
'''


def test_lab_dhclient_does_what_the_router_says():
    with Server(CONFIG, lease='1h') as server, router(), Host6('pc1') as pc1:
        pc1.lab()
        lease = pc1.lease6()
        netlab.equal(lease['addresses'], [FIRST])
        netlab.equal(lease['how'], 'stateful')
        netlab.equal((lease['dns'], lease['search'], lease['ntp']), ([SERVER], ['helper.bac'], [SERVER]))
        netlab.contains(lease['router'], 'fe80:')
        netlab.equal(pc1.addresses6(), [FIRST])
        netlab.until(lambda: 'default via fe80:' in pc1.run('ip', '-6', 'route'), 'the default route')
        netlab.contains(open(pc1.resolv_conf).read(), f'search helper.bac\nnameserver {SERVER}\n')
        pc1.run('ping', '-6', '-c', '1', '-W', '2', SERVER)
        netlab.contains(server.log(), '(pc1)', 'the name told to the server')


def test_both_protocols_in_one_client():
    with Server(BOTH, lease='1h'), router(), Host6('pc1') as pc1:
        pc1.lab_dhclient('--ipv6', 'auto')
        lease = netlab.until(lambda: (l := pc1.lease()).get('address') and l.get('ipv6', {}).get('addresses') and l, 'both leases')
        netlab.equal((lease['address'], lease['ipv6']['addresses']), ('192.168.56.100', [FIRST]))
        netlab.contains(open(pc1.resolv_conf).read(), f'nameserver 192.168.56.10\nnameserver {SERVER}\n')


def test_a_remembered_lease_is_confirmed():
    with Server(CONFIG, lease='1h') as server, router(), Host6('pc1') as pc1, Host6('pc2') as pc2:
        state = pc1.folder / 'state'
        pc1.lab('--state', state)
        netlab.equal(pc1.lease6()['addresses'], [FIRST])
        pc1.stop()
        pc1.run('ip', '-6', 'addr', 'flush', 'dev', 'eth0', 'scope', 'global')
        os.remove(pc1.lease_file)
        pc2.lab()
        netlab.equal(pc2.lease6()['addresses'], ['fd00:56::1:1'])
        pc1.lab('--state', state)
        netlab.equal(pc1.lease6()['addresses'], [FIRST])
        netlab.contains(server.log(), 'CONFIRM from')


def test_renews_releases_and_keeps_reservations():
    with Server(CONFIG, lease='1h') as server, router(), Host6('pc5', '02:4c:61:00:00:05') as pc5:
        pc5.lab('--release', '--prefix')
        netlab.until(lambda: len(pc5.lease6()['prefixes']) == 1, 'a prefix')
        netlab.equal((pc5.lease6()['addresses'], pc5.lease6()['prefixes']), (['fd00:56::50'], ['fd00:100::/56']))
        pc5.process.send_signal(10)  # SIGUSR1
        netlab.until(lambda: 'RENEW from' in server.log(), 'a renewal')
        pc5.stop()
        netlab.until(lambda: 'fd00:56::50 given back' in server.log(), 'a release')
        netlab.equal(pc5.addresses6(), [])


def test_stateless_and_self_made_addresses():
    stateless = CONFIG.replace('    ranges: [fd00:56::1:0-fd00:56::1:ffff]\n', '').split('    reservations')[0]
    own = 'fd00:56::4c:61ff:fe00:101'
    with Server(stateless, lease='1h') as server, router(managed=False, autonomous=True), Host6('pc1', '02:4c:61:00:01:01') as pc1:
        pc1.lab()
        netlab.until(lambda: pc1.lease6()['addresses'] == [own], 'an address of its own making')
        netlab.until(lambda: pc1.lease6()['how'] == 'stateless', 'what DHCPv6 tells')
        netlab.equal(pc1.lease6()['ntp'], [SERVER])
        netlab.contains(server.log(), 'INFORMATION-REQUEST from')
    with router(managed=False, other=False, autonomous=True), Host6('pc1', '02:4c:61:00:01:01') as pc1:
        pc1.lab()
        lease = netlab.until(lambda: (l := pc1.lease6())['addresses'] == [own] and l, 'an address of its own making')
        netlab.equal((lease['how'], lease['dns'], lease['search']), ('slaac', [SERVER], ['helper.bac']))


def test_an_address_somebody_has_is_declined():
    with Server(CONFIG, lease='1h') as server, router(), Host6('thief') as thief, Host6('pc1', dad=True) as pc1:
        thief.run('ip', 'link', 'set', 'eth0', 'up')
        thief.run('ip', 'addr', 'add', FIRST + '/64', 'dev', 'eth0', 'nodad')
        pc1.lab()
        netlab.until(lambda: os.path.exists(pc1.lease_file) and pc1.lease6()['addresses'] == ['fd00:56::1:1'], 'the next address')
        netlab.contains(server.log(), 'in use by a machine that did not lease it')


def test_a_router_that_stops_says_so():
    with Server(CONFIG, lease='1h'), router() as said, Host6('pc1') as pc1:
        pc1.lab()
        pc1.lease6()
        netlab.until(lambda: 'default via fe80:' in pc1.run('ip', '-6', 'route'), 'the default route')
        said.stop()
        netlab.until(lambda: 'default' not in pc1.run('ip', '-6', 'route'), 'the default route to go')
        netlab.equal(pc1.addresses6(), [FIRST], 'the lease stays')


def test_without_a_router_dhcpv6_is_asked_all_the_same():
    with Server(CONFIG, lease='1h'), Host6('pc1') as pc1:
        pc1.lab()
        netlab.equal(pc1.lease6()['addresses'], [FIRST])


def test_dhclient_leases():
    with Server(CONFIG, lease='1h') as server, router(), Host6('pc1') as pc1:
        pc1.run('ip', 'link', 'set', 'eth0', 'up')
        state = pc1.folder / 'leases'
        open(state, 'w').close()
        conf = pc1.folder.write('dhclient.conf', 'send fqdn.fqdn "pc1";\nsend fqdn.server-update on;\n')
        pc1.start('dhclient', '-6', '-d', '-cf', conf, '-lf', state, '-pf', '/dev/null', 'eth0')
        netlab.until(lambda: pc1.addresses6() == [FIRST], 'an address by dhclient -6: ' + pc1.said())
        netlab.until(lambda: 'dhcp6.name-servers fd00:56::10' in open(state).read(), 'its options')
        netlab.contains(server.log(), 'leased ' + FIRST)


def test_dhcpcd_leases():
    with Server(CONFIG, lease='1h') as server, router(), Host6('pc1') as pc1:
        conf = pc1.folder.write('dhcpcd.conf', 'hostname pc1\noption domain_name_servers, domain_search\noption dhcp6_name_servers, dhcp6_domain_search\nduid ll\n')
        pc1.start('dhcpcd', '-6', '-B', '-f', conf, '-c', '/bin/true', '--nodelay', '--nohook', 'resolv.conf', 'eth0')
        netlab.until(lambda: FIRST in pc1.addresses6(), 'an address by dhcpcd: ' + pc1.said())
        netlab.until(lambda: 'leased ' + FIRST in server.log(), 'the lease')


def dhcpcd(host, *lines):
    conf = host.folder.write('dhcpcd.conf', '\n'.join(['hostname ' + host.name, 'option dhcp6_name_servers, dhcp6_domain_search', 'duid ll', *lines, '']))
    host.start('dhcpcd', '-6', '-B', '-f', conf, '-c', '/bin/true', '--nodelay', '--nohook', 'resolv.conf', 'eth0')


def test_dhcpcd_leases_with_two_messages():
    with Server(CONFIG, lease='1h') as server, router(), Host6('pc1') as pc1:
        dhcpcd(pc1, 'option rapid_commit')
        netlab.until(lambda: FIRST in pc1.addresses6(), 'an address by dhcpcd: ' + pc1.said())
        netlab.contains(server.log(), 'SOLICIT from')
        assert 'ADVERTISE' not in server.log() and '\nREQUEST from' not in server.log(), server.log()


def test_dhcpcd_is_delegated_a_prefix():
    with Server(CONFIG, lease='1h') as server, router(), Host6('pc1') as pc1:
        pc1.run('ip', 'link', 'add', 'inner', 'type', 'veth', 'peer', 'name', 'host')
        for end in ('inner', 'host'):
            pc1.run('ip', 'link', 'set', end, 'up')
        dhcpcd(pc1, 'interface eth0', '  ia_na 1', '  ia_pd 2 inner/5/64')
        netlab.until(lambda: 'leased fd00:100::/56' in server.log(), 'a prefix: ' + pc1.said())
        inner = lambda: pc1.run('ip', '-6', '-o', 'addr', 'show', 'dev', 'inner', 'scope', 'global')
        netlab.until(lambda: 'fd00:100:0:5:' in inner(), 'an address of it on the inner network: ' + pc1.said())


def test_dhcpcd_asks_about_a_network_it_makes_itself_addresses_on():
    stateless = CONFIG.replace('    ranges: [fd00:56::1:0-fd00:56::1:ffff]\n', '').split('    reservations')[0]
    with Server(stateless, lease='1h') as server, router(managed=False, autonomous=True), Host6('pc1') as pc1:
        dhcpcd(pc1)
        netlab.until(lambda: 'INFORMATION-REQUEST from' in server.log(), 'a question: ' + pc1.said())
        netlab.until(lambda: pc1.addresses6(), 'an address of its own making')
        netlab.equal(all(a.startswith('fd00:56:') for a in pc1.addresses6()), True)


def test_systemd_networkd_leases_by_both_protocols():
    networkd = '/lib/systemd/systemd-networkd'
    if not os.path.exists(networkd):
        return print('       (systemd-networkd is not installed)')
    # It gives up root for a user of its own, whom a user namespace does not know: here that user is root.
    with open('/etc/passwd') as f:
        others = [line for line in f if not line.startswith('systemd-network:')]
    with open('/run/passwd-networkd', 'w') as f:
        f.writelines(others + ['systemd-network:x:0:0::/:/bin/false\n'])
    netlab.run('mount', '--bind', '/run/passwd-networkd', '/etc/passwd')
    for folder in ('network', 'netif/links', 'netif/leases', 'netif/lldp'):
        os.makedirs('/run/systemd/' + folder)
    with open('/run/systemd/network/10-eth0.network', 'w') as f:
        f.write('[Match]\nName=eth0\n[Network]\nDHCP=yes\nIPv6AcceptRA=yes\n[DHCPv4]\nHostname=pc1\n[DHCPv6]\nHostname=pc1\n')
    # An answer of more than a kilobyte, which it failed on once (systemd#24851).
    large = BOTH.replace('domain-search: [helper.bac]', 'domain-search: [' + ', '.join(f'department-{i}.of.helper.bac' for i in range(40)) + ']')
    with Server(large, lease='1h') as server, router(), Host6('pc1') as pc1:
        pc1.start('sh', '-c', 'mount -o remount,ro,bind /sys; exec ' + networkd)  # read-only: no udev to wait for
        netlab.until(lambda: pc1.addresses6() == [FIRST] and pc1.addresses() == ['192.168.56.100'], 'both addresses: ' + pc1.said())
        netlab.until(lambda: 'default via fe80:' in pc1.run('ip', '-6', 'route'), 'the default route')
        netlab.contains(server.log(), 'leased fd00:100::/56', 'the prefix it asks for where the router says managed (M)')
        netlab.contains(server.log(), '(pc1)')
    netlab.run('umount', '/etc/passwd')


netlab.run_tests(globals())
