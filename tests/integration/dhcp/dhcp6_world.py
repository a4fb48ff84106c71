"""IPv6 for the DHCP tests: the server's wire has fd00:56::10/64, lab-rad advertises it, hosts ask for addresses in it."""
import json, os

import netlab
from dhcp_world import Host, ip

SERVER = 'fd00:56::10'
FIRST = 'fd00:56::1:0'
CONFIG = '''
leases: state/leases.db
scopes6:
  lan:
    interface: eth0
    network: fd00:56::/64
    ranges: [fd00:56::1:0-fd00:56::1:ffff]
    prefixes: [{pool: "fd00:100::/48", length: 56}]
    lease: %(lease)s
    preference: 255
    options: {dns-servers: ["fd00:56::10"], domain-search: [helper.bac], ntp-server: "fd00:56::10"}
    reservations:
      pc5: {mac: "02:4c:61:00:00:05", address: "fd00:56::50"}
'''


def router(managed=True, other=True, autonomous=False, folder=netlab.Folder()):
    """lab-rad on the server's wire."""
    path = folder.write('ra.yaml', f'''
interfaces:
  eth0:
    managed: {str(managed).lower()}
    other: {str(other).lower()}
    answer_delay: 0s
    prefixes: [{{prefix: "fd00:56::/64", autonomous: {str(autonomous).lower()}}}]
    dns_servers: ["fd00:56::10"]
    dns_search: [helper.bac]
''')
    return netlab.Daemon('lab-rad', '--config', path)


class Host6(Host):
    """Without duplicate detection, which takes a second, unless a test is about it."""

    def __init__(self, name, mac=None, dad=False):
        super().__init__(name, mac)
        for key, value in {'accept_dad': int(dad), 'accept_ra': 1}.items():
            self.run('sh', '-c', f'echo {value} > /proc/sys/net/ipv6/conf/eth0/{key}')

    def addresses6(self):
        shown = json.loads(self.run('ip', '-j', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'global'))
        return sorted(a['local'] for link in shown for a in link.get('addr_info', []) if 'local' in a)

    def lab(self, *arguments):
        self.lab_dhclient('--ipv6-only', *arguments)

    def lease6(self):
        return netlab.until(lambda: os.path.exists(self.lease_file) and json.load(open(self.lease_file)).get('ipv6'),
                            f'an IPv6 lease for {self.name}: {self.said()}')

    def stop(self):
        self.process.terminate()
        self.process.wait()


def isolate6():
    """After dhcp_world.isolate: IPv6 on the server's wire, without the second that duplicate detection takes."""
    netlab.run('sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad')
    ip('link', 'set', 'eth0', 'down')
    ip('link', 'set', 'eth0', 'up')
    ip('addr', 'add', SERVER + '/64', 'dev', 'eth0', 'nodad')
