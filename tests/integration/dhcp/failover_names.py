#!/usr/bin/env python3
"""Names in DNS of two servers on one network: whoever serves registers and removes them, also what the other began."""
import os, random, threading, time

import netlab
from dhcp_world import Host, ip, isolate
from failover_world import Machines, OWN, Server, again_from, pair
from many_clients import ACK, DISCOVER, RELEASE, REQUEST, Relay, option

isolate()
netlab.need('ip', 'dig')
KILLS = int(os.environ.get('LAB_KILLS', '4'))  # more for a soak

DNS = '''
listen: [192.168.56.10:53]
zones:
  helper.bac: {file: zones/helper.bac.zone}
  56.168.192.in-addr.arpa: {file: zones/56.168.192.in-addr.arpa.zone}
  88.10.in-addr.arpa: {file: zones/56.168.192.in-addr.arpa.zone}
update: {networks: [192.168.56.0/24]}
journal: journal
'''
ZONE = '$TTL 300\n@ SOA ns.helper.bac. hostmaster.helper.bac. 1 3600 600 86400 300\n NS ns.helper.bac.\n'
FIRST = '192.168.56.100'
MANNER = {'more': 'dns_update: {server: 192.168.56.10:53, forward: helper.bac}\n', 'reach': '1s', 'startup': '1s'}


class NameServer(netlab.Daemon):
    def __init__(self):
        self.place = netlab.Folder()
        self.place.write('zones/helper.bac.zone', ZONE + 'ns A 192.168.56.10\n')
        self.place.write('zones/56.168.192.in-addr.arpa.zone', ZONE)
        super().__init__('lab-dnsd', '--config', self.place.write('dns.yaml', DNS))


def dig(*question):
    return netlab.run('dig', '@192.168.56.10', '+short', '+tries=1', '+time=1', *question, check=False)


def records(name, address):
    """What DNS says of both: the A records, whether there is one DHCID, the PTR records."""
    return dig(name + '.helper.bac', 'A'), len(dig(name + '.helper.bac', 'DHCID').splitlines()), dig('-x', address)


def becomes(name, address, there=True, of=None):
    """`of`: whose name the address has instead."""
    expected = (address, 1, f'{name}.helper.bac.') if there else ('', 0, of or '')
    netlab.until(lambda: records(name, address) == expected, f'{name} at {address} to be {"there" if there else "gone"}, not {records(name, address)}')


def test_the_standby_registers_what_the_killed_primary_had_only_promised():
    with Machines():
        primary, standby = pair(**MANNER)
        with primary, standby, Host('pc1') as pc1, Host('pc2') as pc2:
            pc1.lab_dhclient('--release')
            netlab.equal(pc1.lease()['server'], OWN['primary'])
            netlab.until(lambda: 'does not answer updates' in primary.log(), 'the primary to ask in vain')
            primary.kill()
            standby.becomes('alone')
            with NameServer():
                becomes('pc1', FIRST)
                pc2.lab_dhclient('--release')
                second = pc2.lease()['address']
                becomes('pc2', second)
                with Server('primary', place=primary.place, **MANNER) as again:
                    again.becomes('in step')
                    again_from(pc1, 'primary')
                    again_from(pc2, 'primary')
                    becomes('pc1', FIRST)
                    becomes('pc2', second)
                    for host, address in ((pc1, FIRST), (pc2, second)):
                        host.signal(netlab.signal.SIGTERM)
                        becomes(host.name, address, there=False)


def test_the_standby_takes_away_a_name_that_the_primary_registered_and_it_can_be_had_again():
    with Machines(), NameServer():
        primary, standby = pair(**MANNER)
        with primary, standby, Host('pc1') as pc1:
            pc1.lab_dhclient('--release')
            pc1.lease()
            becomes('pc1', FIRST)
            primary.kill()
            standby.becomes('alone')
            again_from(pc1, 'standby')
            becomes('pc1', FIRST)
            pc1.signal(netlab.signal.SIGTERM)
            pc1.process.wait()
            becomes('pc1', FIRST, there=False)
            with Server('primary', place=primary.place, **MANNER) as again:
                again.becomes('in step')
                becomes('pc1', FIRST, there=False)
                # The primary remembers that it had registered the name: it is not there any more.
                pc1.lab_dhclient()
                netlab.equal((pc1.lease()['server'], pc1.lease()['address']), (OWN['primary'], FIRST))
                becomes('pc1', FIRST)


def test_what_was_removed_on_the_word_of_the_killed_primary_is_removed_by_the_standby():
    with Machines():
        primary, standby = pair(**MANNER)
        with primary, standby, Host('pc1') as pc1:
            with NameServer() as dns:
                pc1.lab_dhclient('--release')
                pc1.lease()
                becomes('pc1', FIRST)
                dns.signal(netlab.signal.SIGSTOP)
                pc1.signal(netlab.signal.SIGTERM)
                pc1.process.wait()
                netlab.until(lambda: not standby.leases(), 'the standby to hear of it')
                primary.kill()
                standby.becomes('alone')
                dns.signal(netlab.signal.SIGCONT)
                becomes('pc1', FIRST, there=False)


def test_expiry_at_a_sole_standby_takes_the_name_away_and_the_next_owners_is_the_only_one():
    manner = MANNER | {'lease': '10s', 'reach': '5s'}
    with Machines(), NameServer():
        primary, standby = pair(**manner)
        with primary, standby, Host('pc1') as pc1:
            pc1.lab_dhclient()
            pc1.lease()
            becomes('pc1', FIRST)
            pc1.process.kill()
            primary.kill()
            standby.becomes('alone')
            standby.ask('--partner-down')
            becomes('pc1', FIRST, there=False)
            hosts = [Host(f'new{i}') for i in range(8)]
            try:
                for host in hosts:
                    host.lab_dhclient()
                heir = next(h for h in hosts if h.lease()['address'] == FIRST)
                becomes(heir.name, FIRST)
                with Server('primary', place=primary.place, **manner) as again:
                    again.becomes('in step')
                    again_from(heir, 'primary')
                    becomes(heir.name, FIRST)
                    becomes('pc1', FIRST, there=False, of=heir.name + '.helper.bac.')
            finally:
                for host in hosts:
                    host.__exit__()


class Crowd:
    """Clients behind a relay that come and go; each remembers what it was acknowledged."""
    RELAY = '10.88.0.2'

    def __init__(self):
        self.relay = Relay(self.RELAY, *OWN.values())
        self.has, self.came, self.errors, self.stopping = {}, 0, [], threading.Event()
        self.worker = threading.Thread(target=self.live)

    def lease(self, client):
        """Anew where its server dies between offer and request."""
        end = time.monotonic() + netlab.DEADLINE
        while time.monotonic() < end:
            offer = self.relay.ask(DISCOVER, client, patience=1)
            answer = offer and self.relay.ask(REQUEST, client, option(50, offer[1]) + option(54, offer[2]), patience=1)
            if answer and answer[0] == ACK:
                return answer[1:]
        raise AssertionError(f'client {client} got no lease')

    def live(self):
        try:
            while not self.stopping.is_set():
                if len(self.has) > 20 and random.random() < 0.5:
                    client = random.choice(list(self.has))
                    address, server = self.has.pop(client)
                    self.relay.send(RELEASE, client, option(54, server), ciaddr=address, to=server)
                    continue
                client, self.came = self.came + 1, self.came + 1
                address, server = self.lease(client)
                for other, (held, _) in self.has.items():
                    if held == address:
                        self.errors.append(f'{address} was given to clients {other} and {client}')
                self.has[client] = address, server
        except Exception as error:
            self.errors.append(repr(error))

    def __enter__(self):
        self.worker.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.worker.join()


def all_names(folder, came, addresses):
    """What DNS says of every client there ever was: {address: name} by A records, and by PTR records."""
    reverse = {'.'.join(reversed(a.split('.'))) + '.in-addr.arpa.': a for a in addresses}
    asked = folder.write('asked', ''.join(f'c{n + 1}.helper.bac A\n' for n in range(came)) + ''.join(f'{r} PTR\n' for r in reverse))
    rows = [line.split() for line in netlab.run('dig', '@192.168.56.10', '+noall', '+answer', '-f', asked).splitlines()]
    return ([(row[4], row[0].split('.')[0]) for row in rows if row[3] == 'A'],
            [(reverse[row[0]], row[4].split('.')[0]) for row in rows if row[3] == 'PTR'])


def test_names_are_those_of_the_leases_whoever_is_killed_whenever():
    far = '  far: {network: 10.88.0.0/16, ranges: [10.88.1.0-10.88.100.255], lease: 1h}\n'
    manner = MANNER | {'scopes': far, 'reach': '10m'}
    with Machines() as machines, NameServer(), Host('relay') as host, netlab.Folder() as folder:
        host.run('ip', 'link', 'set', 'eth0', 'up')
        host.run('ip', 'addr', 'add', '192.168.56.5/24', 'dev', 'eth0')
        host.run('ip', 'addr', 'add', Crowd.RELAY + '/16', 'dev', 'lo')
        ip('route', 'add', '10.88.0.0/16', 'via', '192.168.56.5')
        machines.second.run('ip', 'route', 'add', '10.88.0.0/16', 'via', '192.168.56.5')
        servers = dict(zip(('primary', 'standby'), pair(**manner)))
        try:
            with Crowd() as crowd:
                for _ in range(KILLS):
                    target = crowd.came + 15
                    netlab.until(lambda: crowd.came >= target or crowd.errors, 'leases under load')
                    time.sleep(random.random() / 100)  # any moment of an exchange
                    role, other = random.choice((('primary', 'standby'), ('standby', 'primary')))
                    servers[role].kill()
                    servers[other].becomes('alone')
                    target = crowd.came + 15
                    netlab.until(lambda: crowd.came >= target or crowd.errors, 'leases of one server alone')
                    servers[role] = Server(role, place=servers[role].place, **manner)
                    for server in servers.values():
                        server.becomes('in step')
            netlab.equal(crowd.errors, [])
            promised = {a: f'c{c}' for c, (a, _) in crowd.has.items()}

            def difference():
                """What the two servers' leases, and the names in DNS, do not have in common; empty when all is well."""
                leases, others = servers['primary'].leases(), servers['standby'].leases()
                ever = [l['address'] for l in servers['primary'].ask('--json')['leases']]
                forward, reverse = all_names(folder, crowd.came, ever)
                lists = {'the primary': leases.items(), 'the standby': others.items(), 'A records': forward, 'PTR records': reverse}
                wrong = [f'{what}: {sorted(set(rows) ^ set(leases.items()))}' for what, rows in lists.items() if sorted(rows) != sorted(leases.items())]
                return wrong + [f'forgotten: {promised.items() - leases.items()}'] * (not promised.items() <= leases.items())
            try:
                netlab.until(lambda: not difference(), 'names')
            except AssertionError:
                netlab.equal(difference(), [], 'leases and names')
            print(f'        {KILLS} kills, {crowd.came} clients, {len(promised)} of them left')
        finally:
            for server in servers.values():
                server.__exit__()


netlab.run_tests(globals())
