#!/usr/bin/env python3
"""kill -9 at random moments under load: no acknowledged lease is forgotten, no address has two live owners."""
import os, random, select, socket, struct, threading, time

import netlab
from dhcp_world import Host, in_namespace, ip, isolate

isolate()
KILLS = int(os.environ.get('LAB_KILLS', '8'))  # more for a soak
RELAY, SERVER = '10.77.0.2', '10.77.0.1'
CONFIG = '''
leases: state/leases.db
offer_hold: 1s
scopes:
  lan: {interface: eth0, network: 10.77.0.0/16, ranges: [10.77.1.0-10.77.250.255], lease: 1h}
'''
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6


class Relay:
    """Many clients behind one relay: messages by unicast, so that ordinary sockets do."""

    def __init__(self):
        with in_namespace('relay'):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((RELAY, 67))

    def send(self, kind, client, options=b''):
        head = struct.pack('>4BIHH4s4s4s4s', 1, 1, 6, 1, client, 0, 0, bytes(4), bytes(4), bytes(4), socket.inet_aton(RELAY))
        mac = b'\2\0' + struct.pack('>I', client)
        self.socket.sendto(head + mac + bytes(202) + bytes.fromhex('63825363') + bytes([53, 1, kind]) + options + b'\xff', (SERVER, 67))

    def receive(self, wait):
        """(type, client, address), or None."""
        if not select.select([self.socket], [], [], wait)[0]:
            return None
        try:
            packet = self.socket.recv(2048)
        except ConnectionRefusedError:
            return None
        at = packet.index(b'\x35\x01', 240)
        return packet[at + 2], struct.unpack('>I', packet[4:8])[0], socket.inet_ntoa(packet[16:20])

    def ask(self, kind, client, options=b''):
        """Asks until an answer comes: the server may be dead just now."""
        end = time.monotonic() + netlab.DEADLINE
        while time.monotonic() < end:
            self.send(kind, client, options)
            retry = time.monotonic() + 0.2
            while time.monotonic() < retry:
                answer = self.receive(0.2)
                if answer and answer[1] == client and answer[0] != (OFFER if kind == REQUEST else ACK):
                    return answer[0], answer[2]
        raise AssertionError(f'client {client} was never answered')

    def lease(self, client):
        """The acknowledged address; None when refused."""
        kind, address = self.ask(DISCOVER, client)
        kind, address = self.ask(REQUEST, client, option(50, address) + option(54, SERVER))
        return address if kind == ACK else None


def option(code, address):
    return bytes([code, 4]) + socket.inet_aton(address)


def test_acknowledged_leases_survive_kill_9():
    ip('addr', 'del', '192.168.56.10/24', 'dev', 'eth0')
    ip('addr', 'add', SERVER + '/16', 'dev', 'eth0')
    with netlab.Folder() as folder, Host('relay') as host:
        host.run('ip', 'link', 'set', 'eth0', 'up')
        host.run('ip', 'addr', 'add', RELAY + '/16', 'dev', 'eth0')
        path = folder.write('dhcp.yaml', CONFIG)
        start = lambda: netlab.Daemon('lab-dhcpd', '--config', path, '--log-level', 'warning')
        server, relay = start(), Relay()
        stopping, owner, errors = threading.Event(), {}, []

        def load():
            client = 0
            try:
                while not stopping.is_set():
                    client += 1
                    address = relay.lease(client)
                    if address is None:
                        continue  # its offer died with the server, and another took the address
                    if address in owner:
                        errors.append(f'{address} was given to client {owner[address]} and to {client}')
                    owner[address] = client
            except Exception as error:
                errors.append(repr(error))

        worker = threading.Thread(target=load)
        worker.start()
        try:
            for _ in range(KILLS):
                target = len(owner) + 20
                netlab.until(lambda: len(owner) >= target or errors, 'leases under load')
                time.sleep(random.random() / 100)  # any moment of an exchange
                server.kill()
                server.__exit__()
                server = start()
        finally:
            stopping.set()
            worker.join()
        netlab.equal(errors, [])
        # A last death; then every client comes back (INIT-REBOOT) and must find its lease.
        server.kill()
        server.__exit__()
        with start():
            for address, client in owner.items():
                kind, got = relay.ask(REQUEST, client, option(50, address))
                netlab.equal((kind, got), (ACK, address), f'client {client} comes back')
            fresh = [relay.lease(1_000_000 + i) for i in range(50)]
            netlab.equal(sorted(set(fresh) & set(owner)), [], 'addresses given to new clients though they are leased')


netlab.run_tests(globals())
