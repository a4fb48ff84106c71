#!/usr/bin/env python3
"""Clocks that are wrong or set: no lease ends or lasts by them, and no address is given twice."""
import json, os, time

import netlab
from dhcp_world import Clock, Host, Server, isolate
import failover_world
from dhcp6_world import CONFIG as CONFIG6, Host6, isolate6
from failover_world import Machines, OWN, again_from

isolate()
netlab.need('ip')

MONTH, DAY = 30 * 86400, 86400
FIRST, SECOND = '192.168.56.100', '192.168.56.101'
CONFIG = '''
leases: state/leases.db
control: dhcp.sock
offer_hold: 1s
scopes:
  lan: {interface: eth0, network: 192.168.56.0/24, ranges: [192.168.56.100-192.168.56.101], lease: 1h}
'''


def lent(server):
    """Who has what, and for how long it was lent."""
    said = json.loads(netlab.run(netlab.program('lab-leases'), '--control', server.place / 'dhcp.sock', '--json'))['leases']
    return {l['address']: (l['hostname'], l['expires'] - l['touched']) for l in said if l['state'] == 'active'}


def running(server, now):
    return [l['address'] for l in server.ask('--json')['leases'] if l['state'] == 'active' and l['expires'] > now + 1]


def nothing_left_for(name, server):
    """Nor is the silent client's address taken from it."""
    with Host(name) as late:
        late.lab_dhclient()
        netlab.until(lambda: 'no address is left' in server.log(), 'the complaint about the full pool')
        netlab.equal(late.addresses(), [])


def test_a_clock_set_while_the_server_runs_or_before_it_is_started_anew_ends_no_lease():
    for ahead in (MONTH, -MONTH):
        clock = Clock()
        with Server(CONFIG, clock=clock) as server, Host('pc1') as pc1, Host('pc2') as pc2:
            pc1.lab_dhclient()
            netlab.equal(pc1.lease()['address'], FIRST)
            pc1.process.kill()  # it has its lease, and is not heard again
            clock.set(ahead)
            time.sleep(1.2)  # leases are looked through each second
            pc2.lab_dhclient()
            netlab.equal(pc2.lease()['address'], SECOND)
            netlab.equal(lent(server), {FIRST: ('pc1', 3600), SECOND: ('pc2', 3600)})
            nothing_left_for('pc3', server)
            server.kill()
            with Server(CONFIG, again=server, clock=clock) as again:
                time.sleep(1.2)
                nothing_left_for('pc4', again)
                netlab.equal(lent(again), {FIRST: ('pc1', 3600), SECOND: ('pc2', 3600)})
                pc1.lab_dhclient()
                netlab.until(lambda: 'leased ' + FIRST in again.log(), 'the lease confirmed')


def test_nor_does_it_end_one_of_ipv6():
    """Its client keeps silent meanwhile."""
    def known(server):
        said = json.loads(netlab.run(netlab.program('lab-leases'), '--control', server.place / 'dhcp.sock6', '--json'))['leases']
        return [(l['address'], l['state']) for l in said]

    isolate6()
    for ahead in (MONTH, -MONTH):
        clock = Clock()
        with Server(CONFIG6 + 'control: dhcp.sock\n', clock=clock) as server, Host6('pc1') as pc1, Host6('pc2') as pc2:
            pc1.lab('--ipv6', 'stateful')
            address, = pc1.lease6()['addresses']
            pc1.process.kill()
            clock.set(ahead)
            time.sleep(1.2)
            netlab.equal(known(server), [(address, 'active')])
            server.kill()
            with Server(CONFIG6 + 'control: dhcp.sock\n', again=server, clock=clock) as again:
                time.sleep(1.2)
                netlab.equal(known(again), [(address, 'active')])
                pc2.lab('--ipv6', 'stateful')
                netlab.equal(address in pc2.lease6()['addresses'], False, 'given twice')


def test_two_servers_whose_clocks_differ_agree_on_every_lease():
    for ahead in (DAY, -DAY):
        clock = Clock(ahead)
        with Machines():
            primary, standby = failover_world.Server('primary'), failover_world.Server('standby', clock=clock)
            with primary, standby, Host('pc1') as pc1, Host('pc2') as pc2:
                for server in (primary, standby):
                    server.becomes('in step')
                    netlab.contains(server.log(), "the partner's clock differs by")
                pc1.lab_dhclient()
                pc1.lease()
                netlab.equal(lent(standby), {FIRST: ('pc1', 3600)})
                primary.kill()
                standby.becomes('alone')
                time.sleep(1.2)
                again_from(pc1, 'standby')
                netlab.equal(pc1.lease()['address'], FIRST)
                pc2.lab_dhclient()
                second = pc2.lease()['address']
                netlab.equal(second, '192.168.56.104', "of the standby's half")
                with failover_world.Server('primary', place=primary.place) as again:
                    again.becomes('in step')
                    standby.becomes('in step')
                    netlab.equal(again.leases(), {FIRST: 'pc1', second: 'pc2'})
                    netlab.equal(standby.leases(), again.leases())
                    again_from(pc2, 'primary')
                    netlab.equal(pc2.lease()['address'], second)


def forget_the_clock(server):
    os.remove(server.place / 'state/leases.db-clock')


def test_a_primary_that_comes_back_with_its_clock_set_back_does_not_undo_what_the_standby_did():
    for machine_too in (True, False):
        clock = Clock()
        with Machines():
            primary, standby = failover_world.Server('primary', clock=clock), failover_world.Server('standby')
            with primary, standby, Host('pc1') as pc1:
                for server in (primary, standby):
                    server.becomes('in step')
                pc1.lab_dhclient()
                pc1.lease()
                primary.kill()
                standby.becomes('alone')
                standby.ask('--partner-down')
                again_from(pc1, 'standby')
                pc1.signal(netlab.signal.SIGTERM)
                netlab.until(lambda: 'given back' in standby.log(), 'the release')
                clock.set(-DAY)
                if machine_too:  # as if it had lost its power, and its battery is empty
                    forget_the_clock(primary)
                with failover_world.Server('primary', place=primary.place, clock=clock) as again:
                    again.becomes('in step')
                    standby.becomes('in step')
                    shown = time.time() - (DAY if machine_too else 0)  # by the primary: while the machine runs, its clock goes on
                    netlab.equal((running(again, shown), running(standby, time.time())), ([], []), 'what each believes to be lent')


netlab.run_tests(globals())
