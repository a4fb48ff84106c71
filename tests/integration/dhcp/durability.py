#!/usr/bin/env python3
"""kill -9 at random moments under load: no acknowledged lease is forgotten, no address has two live owners."""
import contextlib, os, random, sqlite3, threading, time

import netlab
from dhcp_world import Host, ip, isolate
from many_clients import ACK, DISCOVER, RELEASE, REQUEST, Relay, option

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


def test_an_offer_is_written_ahead_of_its_ack_and_forgotten_when_nobody_takes_it():
    ip('addr', 'replace', SERVER + '/16', 'dev', 'eth0')
    with netlab.Folder() as folder, Host('relay') as host:
        host.run('ip', 'link', 'set', 'eth0', 'up')
        host.run('ip', 'addr', 'add', RELAY + '/16', 'dev', 'eth0')

        def rows():
            with contextlib.closing(sqlite3.connect(f'file:{folder / "state/leases.db"}?mode=ro', uri=True)) as database:
                return dict(database.execute('SELECT address, hostname FROM lease_list'))

        def offered(client):
            """(client, address, server) of an offer whose lease is on disk already. While the disk is slow, clients must wait
            for it; those take their leases and leave."""
            while True:
                _, address, by = relay.ask(DISCOVER, client)
                if address in rows():
                    return client, address, by
                relay.ask(REQUEST, client, option(50, address) + option(54, by))
                relay.send(RELEASE, client, ciaddr=address)
                client += 1

        path = folder.write('dhcp.yaml', CONFIG)
        start = lambda: netlab.Daemon('lab-dhcpd', '--config', path)
        server, relay = start(), Relay(RELAY, SERVER)
        taker, taken, by = offered(1)
        netlab.equal(relay.ask(REQUEST, taker, option(50, taken) + option(54, by))[:2], (ACK, taken))
        netlab.equal(rows()[taken], f'c{taker}')
        # What the client says with its REQUEST counts, not what was foreseen.
        renamer, renamed, by = offered(1000)
        netlab.equal(relay.ask(REQUEST, renamer, b'\x0c\x02xx' + option(50, renamed) + option(54, by))[:2], (ACK, renamed))
        netlab.equal(rows()[renamed], f'c{renamer}xx')
        _, left, _ = offered(2000)
        netlab.until(lambda: left not in rows(), 'an offer that lapsed, forgotten')
        netlab.equal([rows()[taken], rows()[renamed]], [f'c{taker}', f'c{renamer}xx'])
        # Somebody who takes no offers fills neither the disk nor, after a death of the server, the pool.
        offers = {relay.ask(DISCOVER, 3000 + i)[1] for i in range(40)}
        assert len(offers & set(rows())) <= 16, sorted(rows())
        server.kill()
        server.__exit__()
        with start() as server:
            netlab.equal(relay.ask(REQUEST, taker, option(50, taken))[:2], (ACK, taken))
            _, left, _ = offered(4000)
            netlab.equal(server.stop(), 0)
            assert left not in rows(), 'a server that ends keeps nothing for those who took nothing'


netlab.run_tests(globals())
