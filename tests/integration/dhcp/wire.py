#!/usr/bin/env python3
"""tshark reads every packet of the dialogues without a complaint; and packets that are wrong do the server no harm."""
import os, random, socket, struct, subprocess

import netlab
from dhcp_world import CONFIG, Capture, Host, Server, in_namespace, isolate, without_dhcpcd_user

isolate()
netlab.need('ip', 'tshark', 'udhcpc', 'dhclient', 'dhcpcd')
without_dhcpcd_user()

RICH = CONFIG.replace("66: tftp.helper.bac}", """66: tftp.helper.bac, 67: pxelinux.0, mtu: 1400, 224: {type: uint16, value: 5},
              classless-static-routes: [%s]}""" % ', '.join(f'10.{i}.0.0/16 via 192.168.56.1' for i in range(40)))
RICH += 'control: dhcp.sock\n'


def test_every_packet_of_every_client_decodes_cleanly():
    with netlab.Folder() as folder, Server(RICH) as server:
        with Capture(folder / 'all.pcap') as wire:
            for client in ('lab_dhclient', 'udhcpc', 'dhclient', 'dhcpcd'):
                with Host('pc-' + client.replace('_', '')[:8], mac='02:4c:61:00:00:05' if client == 'udhcpc' else None) as host:
                    getattr(host, client)()
                    netlab.until(lambda: host.addresses(), 'an address')
            with Host('moved') as moved:  # an INIT-REBOOT for another network: a NAK
                moved.run('ip', 'link', 'set', 'eth0', 'up')
                with in_namespace('moved'):
                    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0')
                    s.bind(('', 68))
                head = struct.pack('>4BIHH16x', 1, 1, 6, 0, 99, 0, 0x8000) + bytes.fromhex(moved.mac.replace(':', ''))
                moved.run('ip', 'route', 'add', 'default', 'dev', 'eth0')
                s.sendto(head + bytes(202) + bytes.fromhex('63825363') + bytes([53, 1, 3, 50, 4, 10, 0, 0, 9, 255]), ('255.255.255.255', 67))
                netlab.until(lambda: 'refused: 10.0.0.9' in server.log(), 'the refusal')
        types = set(wire.read('-Y', 'dhcp', '-T', 'fields', '-e', 'dhcp.option.dhcp').split())
        netlab.equal({'1', '2', '3', '5', '6'} - types, set(), 'kinds of messages not seen')
        netlab.equal(wire.complaints('dhcp'), '')


def test_malformed_packets_do_no_harm():
    random.seed(2131)
    seeds = [os.path.join(os.environ.get('LAB_SOURCE', '.'), 'tests/fuzz/dhcp/message_corpus', name)
             for name in ('discover', 'request_selecting', 'relayed', 'overload', 'decline')]
    with Server(RICH) as server, Host('attacker') as attacker, Host('pc1') as pc1:
        attacker.run('ip', 'addr', 'add', '192.168.56.99/24', 'dev', 'eth0')
        attacker.run('ip', 'link', 'set', 'eth0', 'up')
        with in_namespace('attacker'):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(('192.168.56.99', 67))
        for path in seeds:
            with open(path, 'rb') as f:
                seed = f.read()
            for i in range(300):
                packet = bytearray(seed[:random.randrange(len(seed) + 1)] if i % 3 == 0 else seed + os.urandom(random.randrange(64)))
                for _ in range(random.randrange(8)):
                    if packet:
                        packet[random.randrange(len(packet))] = random.randrange(256)
                s.sendto(bytes(packet), ('192.168.56.10', 67))
        pc1.lab_dhclient()
        pc1.lease()
        netlab.equal(server.process.poll(), None, 'the server runs')


netlab.run_tests(globals())
