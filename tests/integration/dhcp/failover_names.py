#!/usr/bin/env python3
"""Names in DNS of two servers on one network: whoever serves registers and removes them, also what the other began."""
import netlab
from dhcp_world import Host, isolate
from failover_world import Machines, OWN, Server, again_from, pair

isolate()
netlab.need('ip', 'dig')

DNS = '''
listen: [192.168.56.10:53]
zones:
  helper.bac: {file: zones/helper.bac.zone}
  56.168.192.in-addr.arpa: {file: zones/56.168.192.in-addr.arpa.zone}
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


netlab.run_tests(globals())
