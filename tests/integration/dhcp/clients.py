#!/usr/bin/env python3
"""The DHCP clients of the world lease from lab-dhcpd, by the command lines and scripts that labctl uses."""
import json, os

import netlab
from dhcp_world import CONFIG, Host, Server, isolate, without_dhcpcd_user

isolate()
netlab.need('ip', 'udhcpc', 'dhclient', 'dhcpcd')
without_dhcpcd_user()


def check_lease(host, address='192.168.56.100'):
    lease = host.lease()
    netlab.equal(lease['address'], address)
    netlab.equal(lease['prefix'], 24)
    netlab.equal(lease['server'], '192.168.56.10')
    netlab.equal(lease['router'], '192.168.56.1')
    netlab.equal(lease['dns'], ['192.168.56.10'])
    netlab.equal(lease['domain'], 'helper.bac')
    netlab.equal(lease['search'], ['helper.bac', 'lab.helper.bac'])
    netlab.equal(lease['lease'], 3600)
    netlab.until(lambda: host.addresses() == [address], f'{address} on eth0, not {host.addresses()}')
    netlab.contains(host.routes(), 'default via 192.168.56.1')
    with open(host.resolv_conf) as f:
        conf = f.read()
    netlab.contains(conf, 'search helper.bac lab.helper.bac\nnameserver 192.168.56.10\n', 'resolv.conf')


def leases_with(client):
    with Server() as server, Host('pc1') as pc1:
        getattr(pc1, client)()
        check_lease(pc1)
        netlab.contains(server.log(), '(pc1)', 'the host name told to the server')


def comes_back_after_reboot(client):
    with Server() as server, Host('pc1') as pc1, Host('pc2') as pc2:
        getattr(pc1, client)()
        check_lease(pc1)
        pc1.process.kill()
        pc1.process.wait()
        os.remove(pc1.lease_file)
        pc1.run('ip', 'addr', 'flush', 'dev', 'eth0')
        pc2.lab_dhclient()
        netlab.equal(pc2.lease()['address'], '192.168.56.102', '101 is excluded')
        getattr(pc1, client)()
        check_lease(pc1)


def test_udhcpc_leases(): leases_with('udhcpc')
def test_dhclient_leases(): leases_with('dhclient')
def test_dhcpcd_leases(): leases_with('dhcpcd')
def test_lab_dhclient_leases(): leases_with('lab_dhclient')
def test_udhcpc_gets_its_address_back(): comes_back_after_reboot('udhcpc')
def test_dhclient_gets_its_address_back(): comes_back_after_reboot('dhclient')
def test_dhcpcd_gets_its_address_back(): comes_back_after_reboot('dhcpcd')


def test_a_reservation_holds_for_every_client_and_its_client_identifier():
    with Server():
        for client in ('udhcpc', 'dhclient', 'dhcpcd', 'lab_dhclient'):
            with Host('pc5', mac='02:4c:61:00:00:05') as pc5:
                getattr(pc5, client)()
                check_lease(pc5, '192.168.56.50')


def test_a_new_reservation_is_honoured_at_the_next_renewal():
    with Server() as server, Host('pc1') as pc1:
        pc1.lab_dhclient()
        check_lease(pc1)
        config = CONFIG.replace('    reservations:', f'    reservations:\n      pc1: {{mac: "{pc1.mac}", address: 192.168.56.60}}')
        server.place.write('dhcp.yaml', config % {'lease': '1h'})
        server.signal(netlab.signal.SIGHUP)
        netlab.until(lambda: 'reloading' in server.log(), 'the reload')
        pc1.signal(netlab.signal.SIGUSR1)
        netlab.until(lambda: pc1.addresses() == ['192.168.56.60'], 'the reserved address')


def test_the_classroom_starts_at_once():
    with Server():
        hosts = [Host(f'c{i}') for i in range(12)]
        try:
            for host in hosts:
                host.lab_dhclient()
            addresses = {host.lease()['address'] for host in hosts}
            netlab.equal(len(addresses), 12, 'different addresses')
        finally:
            for host in hosts:
                host.__exit__()


def test_a_mistake_in_the_configuration_is_explained_and_a_reload_keeps_the_old_one():
    with Server() as server, Host('pc1') as pc1:
        server.place.write('dhcp.yaml', CONFIG.replace('ranges:', 'range:') % {'lease': '1h'})
        server.signal(netlab.signal.SIGHUP)
        netlab.until(lambda: 'the old settings stay' in server.log(), 'the mistake in the log')
        netlab.contains(server.log(), "did you mean 'ranges'?")
        pc1.lab_dhclient()
        check_lease(pc1)


def test_server_stops_within_a_second_and_cleanly():
    with Server() as server:
        netlab.equal(server.stop(), 0, 'exit status')


def test_server_without_an_address_on_the_network_says_so():
    config = CONFIG.replace('192.168.56.', '192.168.99.')
    try:
        with Server(config):
            raise AssertionError('it started')
    except AssertionError as error:
        netlab.contains(str(error), 'eth0 has no address in 192.168.99.0/24')


netlab.run_tests(globals())
