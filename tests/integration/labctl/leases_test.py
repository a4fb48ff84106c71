#!/usr/bin/env python3
"""labctl leases: what the DHCP servers have lent, taken away, moved as CSV; and two servers that stand in for each other."""
import json

from labs import LabTest, main, retry


class Leases(LabTest):
    def leases(self, lab):
        return {l['node']: l for l in json.loads(lab.ctl('leases', '--lab', lab.name, '--json').stdout) if l['state'] == 'active'}

    def resolve(self, lab, node, *question):
        return lab.run(node, 'dig', '+short', *question).split('\n')[:-1]

    def test_leases_are_listed_taken_away_and_moved(self):
        lab = self.up('helper-bac.yaml')
        leases = self.leases(lab)
        self.assertEqual(sorted(leases), ['pc1', 'pc2'])
        address = leases['pc1']['address']
        self.assertEqual(leases['pc1']['server'], 'srv')
        shown = lab.ctl('leases', '--lab', lab.name).stdout
        self.assertIn(address, shown)
        self.assertIn('pc1', shown)
        self.assertEqual(retry(lambda: self.resolve(lab, 'pc2', 'pc1.helper.bac')), [address])

        file = f'{self.state}/leases.csv'
        lab.ctl('leases', 'export', file, '--lab', lab.name, check=True)
        with open(file) as f:
            self.assertIn(f'{address},', f.read())

        said = lab.ctl('leases', 'revoke', 'pc1', '--lab', lab.name).stdout
        self.assertIn(f'{address} is free again', said)
        self.assertNotIn('pc1', self.leases(lab))
        self.assertEqual(retry(lambda: self.resolve(lab, 'pc2', 'pc1.helper.bac') or ['gone']), ['gone'])

        self.assertIn('imported', lab.ctl('leases', 'import', file, '--lab', lab.name).stdout)
        self.assertEqual(self.leases(lab)['pc1']['address'], address)

    def test_ipv6_leases_are_among_them(self):
        lab = self.up('ipv6.yaml')
        of_pc = lambda: sorted(l['address'] for l in json.loads(lab.ctl('leases', '--lab', lab.name, '--json').stdout)
                               if l['node'] == 'pc-lan' and l['state'] == 'active')
        leased = of_pc()
        self.assertEqual([':' in address for address in leased], [False, True], leased)
        self.assertIn(leased[1], lab.ctl('leases', '--lab', lab.name).stdout)
        said = lab.ctl('leases', 'revoke', leased[1], '--lab', lab.name).stdout
        self.assertIn(f'{leased[1]} is free again', said)
        self.assertEqual(of_pc(), leased[:1])

    def test_who_has_no_lease_and_which_command_is_meant_is_said(self):
        lab = self.up('minimal.yaml')
        refused = lab.ctl('leases', 'revoke', 'nobody-here', '--lab', lab.name, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn('nobody-here has no lease', refused.stderr)

    def test_stopping_one_of_two_servers_changes_nothing_for_the_clients(self):
        lab = self.up('failover.yaml')
        before = self.leases(lab)
        self.assertEqual(sorted(before), ['pc-1', 'pc-2', 'pc-3'])
        lab.ctl('stop', 'srv/dhcp', '--lab', lab.name)
        again = lab.run('pc-1', 'lab-dhclient', '--interface', 'eth0', '--once')
        after = self.leases(lab)
        self.assertEqual({n: l['address'] for n, l in after.items()}, {n: l['address'] for n, l in before.items()}, again)
        self.assertEqual(after['pc-1']['server'], 'srv2')
        lab.ctl('start', 'srv/dhcp', '--lab', lab.name)
        self.assertEqual(retry(lambda: {n: l['address'] for n, l in self.leases(lab).items()}), {n: l['address'] for n, l in before.items()})
        self.assertEqual(lab.ctl('check', lab.name).returncode, 0)


main()
