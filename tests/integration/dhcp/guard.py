#!/usr/bin/env python3
"""What lab-dhcpd does about other servers on its wire, about a machine that takes every address, and who may ask it about leases."""
import json, os, shutil, socket, struct, subprocess, time

import netlab
from dhcp_world import CONFIG, Host, Server, in_namespace, isolate

isolate()
netlab.need('ip')


def guarded(guard):
    return CONFIG.replace('    interface: eth0\n', f'    interface: eth0\n    guard: {guard}\n') + 'control: dhcp.sock\n'


class Rogue(netlab.Daemon):
    """A forgotten router that lends addresses of its own on the same wire."""

    def __enter__(self):
        return self

    def __init__(self):
        self.host = Host('rogue')
        self.host.run('ip', 'addr', 'add', '192.168.1.1/24', 'dev', 'eth0')
        self.host.run('ip', 'link', 'set', 'eth0', 'up')
        folder = self.host.folder
        config = folder.write('dhcp.yaml', 'leases: leases.db\nscopes: {home: {interface: eth0, network: 192.168.1.0/24, ranges: [192.168.1.50-192.168.1.99],\n'
                              '  options: {routers: 192.168.1.1}}}\n')
        wrapper = folder.write('in-rogue', f'#!/bin/sh\nexec ip netns exec rogue {netlab.program("lab-dhcpd")} "$@"\n')
        os.chmod(wrapper, 0o755)
        super().__init__(wrapper, '--config', config)

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self.host.__exit__()


def test_it_does_not_begin_where_another_server_answers_and_says_why():
    with Rogue():
        try:
            with Server(guarded('refuse')):
                raise RuntimeError('it serves')
        except AssertionError as error:
            netlab.contains(str(error), 'another DHCP server answers on eth0: 192.168.1.1')
            netlab.contains(str(error), 'which offers 192.168.1.50, router 192.168.1.1')
            netlab.contains(str(error), "guard: alert")


def test_it_begins_where_nobody_else_answers_and_alerts_when_one_appears():
    with Server(guarded('refuse')) as server, Rogue(), Host('pc1') as pc1:
        pc1.lab_dhclient()
        netlab.until(lambda: 'another DHCP server answers on eth0: 192.168.1.1' in server.log(), 'the alarm')
        told = json.loads(netlab.run(netlab.program('lab-leases'), '--control', server.place / 'dhcp.sock', '--status'))
        netlab.equal([other['server'] for other in told['other_servers']], ['192.168.1.1'])


def test_who_insists_serves_beside_it():
    with Rogue(), Server(guarded('alert')) as server, Host('pc1') as pc1:
        pc1.lab_dhclient()
        pc1.lease()
        netlab.until(lambda: 'another DHCP server answers' in server.log(), 'the alarm')


def discover(client, giaddr=None, options=b''):
    """A DISCOVER as a tool that makes up hardware addresses sends it."""
    head = struct.pack('>4BIHH12x4s', 1, 1, 6, 0, client, 0, 0x8000, socket.inet_aton(giaddr or '0.0.0.0'))
    return head + b'\2\x66' + struct.pack('>I', client) + bytes(202) + bytes.fromhex('63825363') + bytes([53, 1, 1]) + options + b'\xff'


def test_a_machine_that_makes_up_addresses_gets_its_share_and_no_more():
    config = CONFIG.replace('    interface: eth0\n', '    interface: eth0\n    per_port: 8\n') + 'control: dhcp.sock\noffer_hold: 60s\n'
    with Server(config) as server, Host('thief') as thief, Host('pc1') as pc1:
        thief.run('ip', 'addr', 'add', '192.168.56.99/24', 'dev', 'eth0')
        thief.run('ip', 'link', 'set', 'eth0', 'up')
        with in_namespace('thief'):
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            out.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            out.bind(('192.168.56.99', 68))
        for client in range(1, 60):
            out.sendto(discover(client), ('255.255.255.255', 67))
        status = lambda: json.loads(netlab.run(netlab.program('lab-leases'), '--control', server.place / 'dhcp.sock', '--status'))
        netlab.until(lambda: f'station {thief.mac} holds 8 addresses of lan' in server.log(), 'the alarm')
        netlab.until(lambda: status()['scopes'][0]['leased'] == 8, 'its share')
        pc1.lab_dhclient()
        pc1.lease()


def test_only_who_may_ask_is_told_who_has_a_lease():
    config = CONFIG + 'lease_query: [192.168.56.2/32]\n'
    with Server(config), Host('pc1') as pc1, Host('switch') as switch:
        pc1.lab_dhclient()
        address = pc1.lease()['address']
        switch.run('ip', 'addr', 'add', '192.168.56.2/24', 'dev', 'eth0')
        switch.run('ip', 'addr', 'add', '192.168.56.3/24', 'dev', 'eth0')
        switch.run('ip', 'link', 'set', 'eth0', 'up')

        def ask(asker):
            with in_namespace('switch'):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.bind((asker, 67))
                    s.settimeout(1)
                    query = struct.pack('>4BIHH4s8x4s', 1, 1, 0, 0, 7, 0, 0, socket.inet_aton(address), socket.inet_aton(asker))
                    s.sendto(query + bytes(208) + bytes.fromhex('63825363') + bytes([53, 1, 10, 255]), ('192.168.56.10', 67))
                    try:
                        return s.recv(2048)
                    except TimeoutError:
                        return None
        answer = ask('192.168.56.2')
        netlab.contains(answer, b'\x35\x01\x0d', 'DHCPLEASEACTIVE')
        netlab.equal(answer[28:34], bytes.fromhex(pc1.mac.replace(':', '')))
        netlab.equal(ask('192.168.56.3'), None)


netlab.run_tests(globals())
