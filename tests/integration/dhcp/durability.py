#!/usr/bin/env python3
"""kill -9 at random moments under load: no acknowledged lease is forgotten, no address has two live owners."""
import os, random, threading, time

import netlab
from dhcp_world import Host, ip, isolate
from many_clients import ACK, REQUEST, Relay, option

isolate()
KILLS = int(os.environ.get('LAB_KILLS', '8'))  # more for a soak
RELAY, SERVER = '10.77.0.2', '10.77.0.1'
CONFIG = '''
leases: state/leases.db
offer_hold: 1s
scopes:
  lan: {interface: eth0, network: 10.77.0.0/16, ranges: [10.77.1.0-10.77.250.255], lease: 1h}
'''


def test_acknowledged_leases_survive_kill_9():
    ip('addr', 'del', '192.168.56.10/24', 'dev', 'eth0')
    ip('addr', 'add', SERVER + '/16', 'dev', 'eth0')
    with netlab.Folder() as folder, Host('relay') as host:
        host.run('ip', 'link', 'set', 'eth0', 'up')
        host.run('ip', 'addr', 'add', RELAY + '/16', 'dev', 'eth0')
        path = folder.write('dhcp.yaml', CONFIG)
        start = lambda: netlab.Daemon('lab-dhcpd', '--config', path, '--log-level', 'warning')
        server, relay = start(), Relay(RELAY, SERVER)
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
                kind, got, _ = relay.ask(REQUEST, client, option(50, address))
                netlab.equal((kind, got), (ACK, address), f'client {client} comes back')
            fresh = [relay.lease(1_000_000 + i) for i in range(50)]
            netlab.equal(sorted(set(fresh) & set(owner)), [], 'addresses given to new clients though they are leased')


netlab.run_tests(globals())
