#!/usr/bin/env python3
"""Two servers on one network (hot standby): stopping one changes nothing for the clients, and no address is ever given twice."""
import os, re

import netlab
from dhcp_world import Host, isolate
from failover_world import Cut, Machines, OWN, Server, pair

isolate()
netlab.need('ip')

def test_only_the_primary_answers_and_both_have_every_lease():
    with Machines():
        primary, standby = pair()
        with primary, standby, Host('pc1') as pc1, Host('pc2') as pc2:
            for host in (pc1, pc2):
                host.lab_dhclient()
                netlab.equal(host.lease()['server'], OWN['primary'])
            netlab.equal(standby.leases(), primary.leases())
            netlab.equal(sorted(standby.leases().values()), ['pc1', 'pc2'])
            netlab.contains(standby.log(), 'standing by')


def test_stopping_the_primary_changes_nothing_for_the_clients():
    with Machines():
        primary, standby = pair(lease='10s')
        with primary, standby, Host('pc1') as pc1, Host('pc2') as pc2:
            pc1.lab_dhclient('--verbose')
            address = pc1.lease()['address']
            netlab.equal(primary.stop(), 0)
            standby.becomes('sole')
            # A new client of a quiet class is served at once; nobody counts unanswered ones.
            pc2.lab_dhclient()
            netlab.equal(pc2.lease()['server'], OWN['standby'])
            # The other finds the standby at its rebinding, and keeps its address.
            netlab.until(lambda: re.search(r'DHCPREQUEST.*\n(.*\n)*?.*' + OWN['standby'], pc1.said()) and standby.leases().get(address) == 'pc1',
                         'pc1 to be served by the standby')
            netlab.until(lambda: pc1.lease()['server'] == OWN['standby'], 'the lease of the standby')
            netlab.equal(pc1.addresses(), [address])
            # The primary comes back, learns of it, and answers again: nobody is refused.
            again = Server('primary', place=primary.place, lease='10s')
            with again:
                again.becomes('in step')
                standby.becomes('in step')
                netlab.equal(again.leases().get(address), 'pc1')
                with Host('pc3') as pc3:
                    pc3.lab_dhclient()
                    netlab.equal(pc3.lease()['server'], OWN['primary'])
                    netlab.until(lambda: pc3.addresses(), 'an address')
                    netlab.equal(len({a for h in (pc1, pc2, pc3) for a in h.addresses()}), 3, 'addresses')
                for log in (again.log(), standby.log()):
                    assert 'DHCPNAK' not in log and 'refused:' not in log, log


def test_a_killed_primary_is_missed_at_once_and_the_standby_keeps_to_its_half():
    with Machines():
        primary, standby = pair(reach='3s')
        with primary, standby:
            primary.kill()
            standby.becomes('alone')
            hosts = [Host(f'pc{i}') for i in range(4)]
            try:
                for host in hosts:
                    host.lab_dhclient()
                addresses = sorted(host.lease()['address'] for host in hosts)
                netlab.equal(addresses, [f'192.168.56.{n}' for n in range(104, 108)], 'the upper half')
                with Host('late') as late:
                    late.lab_dhclient()
                    netlab.until(lambda: 'no address is left' in standby.log(), 'the complaint')
                    told = standby.ask('--partner-down')['failover']
                    netlab.equal(told['state'], 'sole')
                    netlab.contains(told['explanation'], 'until what the partner may have lent has ended')
                    netlab.equal(late.lease()['address'], '192.168.56.100')
            finally:
                for host in hosts:
                    host.__exit__()


def test_a_lone_server_says_what_it_waits_for_and_serves_its_half_when_told():
    with Machines(), Server('standby', startup='1s', reach='1s') as standby, Host('pc1') as pc1:
        standby.becomes('cut off')
        pc1.lab_dhclient()
        netlab.until(lambda: 'nothing new is given' in standby.log(), 'the reason')
        netlab.equal(pc1.addresses(), [])
        netlab.contains(standby.log(), 'if the partner is down, say partner-down')
        standby.ask('--partner-down')
        netlab.equal(pc1.lease()['address'], '192.168.56.104')


def test_a_server_that_comes_back_cut_off_gives_no_address_twice():
    """The split brain: the standby owns the whole pool; the primary is started again and cannot hear of it."""
    manner = {'startup': '1s', 'reach': '1s', 'lease': '60s'}
    with Machines() as machines:
        primary, standby = pair(**manner)
        hosts = []

        def new_host():
            hosts.append(Host(f'pc{len(hosts)}'))
            hosts[-1].lab_dhclient()
            return hosts[-1]

        def distinct():
            had = [host.lease()['address'] for host in hosts]
            netlab.equal(len(set(had)), len(had), f'different addresses among {had}')
        try:
            with primary, standby:
                netlab.equal(new_host().lease()['address'], '192.168.56.100')
                primary.kill()
                standby.becomes('alone')
                standby.ask('--partner-down')
                netlab.until(lambda: 'from the whole pool' in standby.ask('--status')['failover']['explanation'], 'the whole pool')
                for _ in range(5):  # four of its own half, then one of the primary's
                    new_host().lease()
                netlab.contains(str(standby.leases()), '192.168.56.101')
                with Cut(machines), Server('primary', place=primary.place, **manner) as again:
                    again.becomes('cut off')
                    netlab.equal(new_host().lease()['server'], OWN['standby'])
                    distinct()
                    netlab.until(lambda: 'nothing new is given' in again.log(), "the primary's reason")
                    # Killed and started again, the standby knows that the whole pool is its own.
                    standby.kill()
                    with Server('standby', place=standby.place, **manner) as second:
                        second.becomes('sole')
                        netlab.contains(second.log(), 'as before the restart')
                        netlab.equal(new_host().lease()['server'], OWN['standby'])
                        distinct()
                again = Server('primary', place=primary.place, **manner)
                second = Server('standby', place=standby.place, **manner)
                with again, second:
                    again.becomes('in step')
                    second.becomes('in step')
                    netlab.equal(again.leases(), second.leases())
                    netlab.equal(len(again.leases()), len(hosts))
                    assert not os.path.exists(standby.place / 'state/leases.db-sole'), 'heard again, the partner is not down'
        finally:
            for host in hosts:
                host.__exit__()


def test_a_wrong_secret_is_named():
    with Machines(), Server('primary') as primary:
        place = netlab.Folder()
        with Server('standby', place=place) as standby:
            standby.stop()
        path = place / 'dhcp.yaml'
        with open(path) as f:
            text = f.read().replace('of this test alone', 'that is another')
        class Stranger(Server):
            def __init__(self):
                place.write('dhcp.yaml', text)
                self.place, self.role = place, 'standby'
                netlab.Daemon.__init__(self, place / 'in-srv2', '--config', path)
        with Stranger() as stranger:
            netlab.until(lambda: "signature is wrong" in stranger.log() + primary.log(), 'the complaint')
            netlab.contains(stranger.log() + primary.log(), "both servers need the same 'secret'")


netlab.run_tests(globals())
