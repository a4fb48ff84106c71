#!/usr/bin/env python3
"""The labs that come with labctl really run, and what their opening comment teaches can be seen in them; the machine's
own DHCP clients work in a lab as ours does."""
import json
import os
import shutil

from labs import LabTest, as_user, main, retry

SWAKS = ('swaks', '--port', '465', '--tls-on-connect', '--auth', 'PLAIN')


class Topologies(LabTest):
    def resolve(self, lab, node, *question):
        return lab.run(node, 'dig', '+short', *question).split('\n')[:-1]

    def test_minimal_derives_everything(self):
        lab = self.up('minimal.yaml')
        self.assertEqual(self.resolve(lab, 'pc1', 'example.lab', 'MX'), ['10 mail.example.lab.'])
        ada = next(u for u in json.loads(lab.ctl('users', lab.name, '--json').stdout) if u['user'] == 'ada')
        said = lab.run('pc1', *SWAKS, '--server', 'mail.example.lab', '--auth-user', 'ada@example.lab', '--auth-password',
                       ada['password'], '--from', 'ada@example.lab', '--to', 'grace@example.lab')
        self.assertIn('235 ', said)

    def test_reverse_dns_names_a_leased_address_in_its_own_half(self):
        """RFC 2317: the zone of the octet is the north's, the zone of the lower half the south's, and DHCP writes there."""
        lab = self.up('reverse-dns.yaml')
        address = next(c['lease']['address'] for n in lab.status()['nodes'] if n['name'] == 'pc2' for c in n['leases'])
        last = address.split('.')[-1]
        names = retry(lambda: [n for n in [self.resolve(lab, 'pc1', '-x', address)] if 'pc2.south.lab.' in n])
        self.assertEqual(names, [[f'{last}.128/25.2.0.192.in-addr.arpa.', 'pc2.south.lab.']])

    def test_encrypted_dns_copies_its_zones_over_tls(self):
        lab = self.up('encrypted-dns.yaml')
        zones = json.loads(lab.run('ns2', 'lab-dnsctl', 'zonestatus', '--json'))
        self.assertEqual({z['last_fetched']['peer'] for z in zones}, {'192.168.70.10:853'})
        self.assertIn('Transfer failed', lab.run('pc1', 'dig', '@192.168.70.10', 'private.lab', 'AXFR'))

    def test_class_room_leases_thirty_at_once_and_keeps_the_printer_in_place(self):
        lab = self.up('class-room.yaml')
        leases = {n['name']: c['lease']['address'] for n in lab.status()['nodes'] for c in n['leases']}
        self.assertEqual(len(leases), 31)
        self.assertEqual(len(set(leases.values())), 31, 'no address is given twice')
        self.assertEqual(leases['printer'], '10.20.0.50')
        self.assertEqual(self.resolve(lab, 'pc-17', 'printer.class.lab'), ['10.20.0.50'])
        self.assertEqual(retry(lambda: self.resolve(lab, 'pc-3', 'pc-30.class.lab')), [leases['pc-30']])

    def test_two_domains_exchange_mail_through_the_router(self):
        lab = self.up('two-domains.yaml')
        self.assertEqual(self.resolve(lab, 'pc-north', 'example.org', 'MX'), ['10 mail.example.org.'])
        # A resolver turns the records of a set round (RFC 2181 5).
        self.assertCountEqual(self.resolve(lab, 'pc-south', '-x', '192.168.56.10'), ['srv-north.helper.bac.', 'mail.helper.bac.'])
        lab.run('pc-north', *SWAKS, '--server', 'mail.helper.bac', '--auth-user', 'ali@helper.bac', '--auth-password', 'Ali-2026',
                '--from', 'ali@helper.bac', '--to', 'zoe@example.org', '--header', 'Subject: over the router')

        def arrived():
            found = lab.run('pc-south', 'curl', '-sS', '--user', 'zoe@example.org:Zoe-2026', 'imaps://mail.example.org/INBOX',
                            '--request', 'SEARCH SUBJECT "over the router"')
            return found.strip() != '* SEARCH'

        self.assertTrue(retry(arrived), 'the message did not arrive')

    def test_split_services_find_each_other(self):
        lab = self.up('split-services.yaml')
        self.assertEqual(self.resolve(lab, 'pc1', 'intranet.school.lab'), ['ldap1.school.lab.', '172.16.10.11'])
        said = lab.run('pc2', *SWAKS, '--server', 'mail.school.lab', '--auth-user', 'nina@school.lab', '--auth-password', 'Nina-2026',
                       '--from', 'nina@school.lab', '--to', 'omar@school.lab')
        self.assertIn('235 ', said, 'the mail server asked the directory on another node')

    def test_a_shared_network_lends_from_both_subnets_of_its_wire(self):
        lab = self.up('shared-network.yaml')
        leases = {n['name']: c['lease'] for n in lab.status()['nodes'] for c in n['leases']}
        of_pcs = sorted(leases[f'pc-{i}']['address'] for i in range(1, 6))
        self.assertEqual([a.rsplit('.', 1)[0] for a in of_pcs], ['192.168.60'] * 3 + ['192.168.61'] * 2, of_pcs)
        for lease in leases.values():
            router = {'192.168.60': '192.168.60.1', '192.168.61': '192.168.61.1', '10.60.0': '10.60.0.1', '10.61.0': '10.61.0.254'}
            self.assertEqual(lease['router'], router[lease['address'].rsplit('.', 1)[0]])
        self.assertEqual((leases['printer']['address'], leases['phone']['address']), ('192.168.60.50', '192.168.61.50'))
        self.assertEqual(sorted(leases[f'upstairs-{i}']['address'] for i in (1, 2)), ['10.60.0.100', '10.61.0.100'])
        # A renewal goes by unicast, from the further subnet through the router to the server.
        before = leases['phone']['address']
        lab.run('phone', 'lab-dhclient', '--interface', 'eth0', '--once')
        self.assertEqual(lab.run('phone', 'hostname', '-I').split(), [before])
        far = next(n for n in leases if leases[n]['address'] == '192.168.61.100')
        self.assertEqual(retry(lambda: self.resolve(lab, 'phone', f'{far}.office.lab')), ['192.168.61.100'])
        self.assertEqual(retry(lambda: self.resolve(lab, 'phone', '-x', '192.168.61.100')), [f'{far}.office.lab.'])

    def test_an_interface_of_the_machine_is_for_root_to_give(self):
        if os.geteuid() == 0 and as_user(['x']) == ['x']:
            self.skipTest('nobody cannot run labctl here')
        name, path = self.topology('minimal.yaml', lambda text: text.replace('10.0.0.0/24', '{subnet: 10.0.0.0/24, attach: eth0}'))
        refused = self.labctl('up', path)
        self.assertEqual(refused.returncode, 1)
        self.assertIn('lan is to have eth0 of this machine (attach), which only root may take into a lab', refused.stderr)
        self.assertIn('run sudo labctl up, or leave attach out', refused.stderr)

    def test_relay_serves_the_floor_above(self):
        lab = self.up('relay.yaml')
        leases = {n['name']: c['lease'] for n in lab.status()['nodes'] for c in n['leases']}
        self.assertTrue(leases['pc-upstairs']['address'].startswith('10.2.0.'), leases)
        self.assertEqual(leases['pc-upstairs']['router'], '10.2.0.1')
        lab.run('pc-upstairs', 'ping', '-c', '1', '-W', '2', 'mail')
        self.assertEqual(retry(lambda: self.resolve(lab, 'pc-ground', '-x', leases['pc-upstairs']['address'])), ['pc-upstairs.house.lab.'])

    def test_ipv6_addresses_come_from_dhcp_or_from_the_machine_itself(self):
        lab = self.up('ipv6.yaml')
        by_ipv6 = {n['name']: c['lease']['ipv6'] for n in lab.status()['nodes'] for c in n['leases']}
        self.assertEqual({name: lease['how'] for name, lease in by_ipv6.items()},
                         {'pc-lan': 'stateful', 'printer': 'stateful', 'pc-lab': 'stateless'})
        self.assertTrue(by_ipv6['pc-lan']['addresses'][0].startswith('fd00:1::1:'), by_ipv6)
        self.assertEqual(by_ipv6['printer']['addresses'], ['fd00:1::50'])
        self.assertTrue(by_ipv6['pc-lab']['addresses'][0].startswith('fd00:2::'), by_ipv6)
        leased = by_ipv6['pc-lan']['addresses'][0]
        self.assertEqual(retry(lambda: self.resolve(lab, 'pc-lab', 'pc-lan.six.lab', 'AAAA')), [leased])
        self.assertEqual(retry(lambda: self.resolve(lab, 'pc-lab', '-x', leased)), ['pc-lan.six.lab.'])
        lab.run('pc-lab', 'ping', '-6', '-c', '1', '-W', '2', leased)
        self.assertIn('nameserver fd00:1::10', lab.run('pc-lab', 'cat', '/etc/resolv.conf'))
        lab.ctl('stop', 'router/ra')
        self.assertTrue(retry(lambda: 'default' not in lab.run('pc-lan', 'ip', '-6', 'route')), 'the router said goodbye')

    def test_every_promise_of_every_lab_holds(self):
        for file in sorted(os.listdir(f"{os.environ['LAB_SOURCE']}/topologies")):
            with self.subTest(file):
                lab = self.up(file)
                status, results = lab.check()
                self.assertEqual([c for c in results['checks'] if not c['ok']], [])
                self.assertEqual(status, 0)
                lab.down()

    def test_the_machines_own_dhcp_clients_lease_an_address(self):
        clients = [c for c in ('udhcpc', 'dhclient', 'dhcpcd') if shutil.which(c, path='/usr/sbin:/sbin')]
        if os.path.exists('/lib/systemd/systemd-networkd'):
            clients.append('networkd')
        if not clients:
            self.skipTest('none of udhcpc, dhclient and dhcpcd is installed')
        for client in clients:
            with self.subTest(client):
                lab = self.up(change=lambda text, c=client: text.replace('pc1: {networks: lan}', f'pc1: {{networks: lan, dhcp_client: {c}}}'))
                address = json.loads(lab.run('pc1', 'ip', '-j', '-4', 'address', 'show', 'eth0'))[0]['addr_info'][0]
                self.assertEqual(address['prefixlen'], 24)
                leased = next(c['lease'] for n in lab.status()['nodes'] if n['name'] == 'pc1' for c in n['leases'])
                self.assertEqual(leased['address'], address['local'])
                self.assertEqual(leased['server'], '192.168.56.10')
                self.assertEqual(self.resolve(lab, 'pc1', 'mail.helper.bac'), ['192.168.56.10'], 'resolv.conf is the leased one')
                self.assertIn('search helper.bac\n', lab.run('pc1', 'cat', '/etc/resolv.conf'))
                self.assertIn('default via 192.168.56.10', lab.run('pc1', 'ip', 'route'))
                lab.down()

    def test_systemd_networkd_asks_by_both_protocols(self):
        if not os.path.exists('/lib/systemd/systemd-networkd'):
            self.skipTest('systemd-networkd is not installed')
        lab = self.up('ipv6.yaml', lambda text: text.replace('pc-lan: {networks: lan}', 'pc-lan: {networks: lan, dhcp_client: networkd}'))
        shown = lab.run('pc-lan', 'ip', '-6', 'address', 'show', 'eth0', 'scope', 'global')
        self.assertIn('inet6 fd00:', shown)
        self.assertEqual(lab.broken(), [])


main()
