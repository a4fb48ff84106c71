#!/usr/bin/env python3
"""One server, two networks: clients behind lab-dhcrelay get the scope of their own network, renew through the router, keep names."""
import os

import netlab
from dhcp_world import CONFIG, Capture, Host, Server, ip, isolate, without_dhcpcd_user

isolate()
netlab.need('ip', 'udhcpc')
without_dhcpcd_user()

FAR = CONFIG + '''  far:
    network: 10.0.0.0/24
    ranges: [10.0.0.100-10.0.0.200]
    lease: 10s
    options: {routers: [10.0.0.1], domain-name-servers: [192.168.56.10], domain-name: helper.bac, domain-search: [helper.bac],
              classless-static-routes: [default via 10.0.0.1, 172.16.0.0/12 via 10.0.0.2]}
'''
FAR = FAR.replace('    reservations:\n      pc5: {mac: "02:4c:61:00:00:05", address: 192.168.56.50}\n', '')


class FarNetwork:
    """A router between 192.168.56.0/24 and 10.0.0.0/24, whose clients hang on its bridge `far`."""

    def __enter__(self):
        self.router = Host('router')
        self.router.run('ip', 'addr', 'add', '192.168.56.2/24', 'dev', 'eth0')
        self.router.run('ip', 'link', 'set', 'eth0', 'up')
        self.router.run('ip', 'link', 'add', 'far', 'type', 'bridge')
        self.router.run('ip', 'addr', 'add', '10.0.0.1/24', 'dev', 'far')
        self.router.run('ip', 'link', 'set', 'far', 'up')
        self.router.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
        ip('route', 'replace', '10.0.0.0/24', 'via', '192.168.56.2')
        folder = self.router.folder
        config = folder.write('relay.yaml', 'interfaces: [far]\nservers: [192.168.56.10]\n')
        wrapper = folder.write('in-router', f'#!/bin/sh\nexec ip netns exec router {netlab.program("lab-dhcrelay")} "$@"\n')
        os.chmod(wrapper, 0o755)
        self.relay = netlab.Daemon(wrapper, '--config', config, '--log-level', 'debug')
        return self

    def join(self, host):
        """Moves the host's link from the server's wire to the far one."""
        ip('link', 'set', 'v-' + host.name, 'netns', 'router')
        self.router.run('ip', 'link', 'set', 'v-' + host.name, 'master', 'far', 'up')

    def __exit__(self, *_):
        self.relay.kill()
        self.relay.__exit__()
        self.router.__exit__()


class FarHost(Host):
    def __exit__(self, *arguments):
        netlab.run('ip', 'netns', 'exec', 'router', 'ip', 'link', 'del', 'v-' + self.name, check=False)
        ip('link', 'add', 'v-' + self.name, 'type', 'bridge')  # what Host removes
        super().__exit__(*arguments)


def test_a_client_behind_the_relay_gets_its_own_networks_scope():
    with Server(FAR) as server, FarNetwork() as far, FarHost('pc1') as pc1, Host('pc2') as pc2:
        far.join(pc1)
        pc1.lab_dhclient('--verbose')
        pc2.lab_dhclient()
        netlab.equal(pc1.lease()['address'], '10.0.0.100')
        netlab.equal(pc1.lease()['routes'], ['0.0.0.0/0 via 10.0.0.1', '172.16.0.0/12 via 10.0.0.2'])
        netlab.equal(pc2.lease()['address'], '192.168.56.100')
        netlab.contains(server.log(), 'through relay 10.0.0.1')
        netlab.contains(pc1.routes(), '172.16.0.0/12 via 10.0.0.2')
        # Renewal goes past the relay, by the router.
        netlab.until(lambda: 'keeps 10.0.0.100' in pc1.said(), 'a renewal')
        netlab.contains(pc1.said(), 'DHCPREQUEST   10.0.0.100:68 → 192.168.56.10:67')


def test_udhcpc_works_behind_the_relay():
    with Server(FAR), FarNetwork() as far, FarHost('pc1') as pc1:
        far.join(pc1)
        pc1.udhcpc()
        netlab.equal(pc1.lease()['address'], '10.0.0.100')


def test_every_relayed_packet_decodes_cleanly():
    netlab.need('tshark')
    with Server(FAR), FarNetwork() as far, FarHost('pc1') as pc1, netlab.Folder() as folder:
        far.join(pc1)
        with Capture(folder / 'all.pcap') as wire:
            pc1.lab_dhclient('--release')
            pc1.lease()
            pc1.signal(netlab.signal.SIGTERM)
            pc1.process.wait()
        relayed = wire.read('-Y', 'dhcp.ip.relay == 10.0.0.1', '-T', 'fields', '-e', 'dhcp.option.dhcp', '-e', 'dhcp.option.agent_information_option.agent_circuit_id').split('\n')
        netlab.equal([line.split('\t')[0] for line in relayed], ['1', '2', '3', '5'])
        netlab.equal(all(line.split('\t')[1] for line in relayed), True, 'option 82 in both directions')
        netlab.equal(wire.complaints('dhcp'), '')


def test_a_client_that_moves_between_networks_gets_a_new_address_at_once():
    with Server(FAR), FarNetwork() as far, FarHost('pc1') as pc1:
        state = pc1.folder / 'state'
        pc1.lab_dhclient('--state', state)
        netlab.equal(pc1.lease()['address'], '192.168.56.100')
        pc1.signal(netlab.signal.SIGKILL)
        pc1.process.wait()
        os.remove(pc1.lease_file)
        pc1.run('ip', 'addr', 'flush', 'dev', 'eth0')
        far.join(pc1)
        pc1.lab_dhclient('--state', state)
        netlab.equal(pc1.lease()['address'], '10.0.0.100')
        netlab.contains(pc1.said(), '192.168.56.100 does not belong to this network')


netlab.run_tests(globals())
