#!/usr/bin/env python3
"""Names of clients in DNS (RFC 2136, RFC 4703): registered after the lease, removed with it, never over a hand-written record."""

import os

import netlab
from dhcp_world import CONFIG, Host, Server, isolate

isolate()
netlab.need('ip', 'dig')

FORWARD = '''$TTL 300
@    SOA ns hostmaster 1 3600 600 86400 300
     NS ns
ns   A 192.168.56.10
srv  A 192.168.56.10
'''
REVERSE = '''$TTL 300
@    SOA ns.helper.bac. hostmaster.helper.bac. 1 3600 600 86400 300
     NS ns.helper.bac.
10   PTR srv.helper.bac.
102  PTR written-by-hand.helper.bac.
'''
DNS = '''
listen: [127.0.0.1:53]
zones:
  helper.bac: {file: zones/helper.bac.zone}
  56.168.192.in-addr.arpa: {file: zones/56.168.192.in-addr.arpa.zone}
update: {networks: [127.0.0.0/8]}
journal: journal
'''
DHCP = CONFIG + 'dns_update: {server: 127.0.0.1:53, forward: helper.bac}\n'


SECRET, OTHER = 'MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=', 'YW5vdGhlciBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyE='
SIGNED = DNS.replace('update: {networks: [127.0.0.0/8]}', f'keys: {{dhcp: {{algorithm: hmac-sha512, secret: "{SECRET}"}}}}\nupdate: {{keys: [dhcp]}}')


def signing(secret=SECRET, algorithm='hmac-sha512', name='dhcp'):
    return CONFIG + f'dns_update: {{server: 127.0.0.1:53, forward: helper.bac, key: {{name: {name}, algorithm: {algorithm}, secret: "{secret}"}}}}\n'


class NameServer(netlab.Daemon):
    def __init__(self, place=None, config=DNS):
        self.place = place or netlab.Folder()
        if place is None:
            self.place.write('zones/helper.bac.zone', FORWARD)
            self.place.write('zones/56.168.192.in-addr.arpa.zone', REVERSE)
            self.place.write('dns.yaml', config)
        super().__init__('lab-dnsd', '--config', self.place / 'dns.yaml')


def dig(*question):
    return netlab.run('dig', '@127.0.0.1', '+short', '+tries=1', '+time=1', *question, check=False)


def becomes(question, answer):
    netlab.until(lambda: dig(*question.split()) == answer, f'{question} = {answer!r}, not {dig(*question.split())!r}')


def test_a_lease_has_its_name_and_the_end_of_the_lease_takes_it_away():
    with NameServer(), Server(DHCP), Host('pc1') as pc1:
        pc1.lab_dhclient('--release')
        pc1.lease()
        becomes('pc1.helper.bac A', '192.168.56.100')
        becomes('-x 192.168.56.100', 'pc1.helper.bac.')
        pc1.signal(netlab.signal.SIGTERM)
        becomes('pc1.helper.bac A', '')
        becomes('-x 192.168.56.100', '')
        becomes('srv.helper.bac A', '192.168.56.10')


def test_expiry_takes_the_name_away():
    with NameServer(), Server(DHCP, lease='10s') as server, Host('pc1') as pc1:
        pc1.lab_dhclient()
        pc1.lease()
        becomes('pc1.helper.bac A', '192.168.56.100')
        pc1.process.kill()
        becomes('pc1.helper.bac A', '')


def test_a_revoked_lease_loses_its_name():
    with NameServer(), Server(DHCP + 'control: dhcp.sock\n') as server, Host('pc1') as pc1:
        pc1.lab_dhclient()
        pc1.lease()
        becomes('pc1.helper.bac A', '192.168.56.100')
        netlab.run(netlab.program('lab-leases'), '--control', server.place / 'dhcp.sock', '--revoke', '192.168.56.100')
        becomes('pc1.helper.bac A', '')


def test_a_hand_written_name_is_never_touched():
    with NameServer(), Server(DHCP) as server, Host('srv') as impostor:
        impostor.lab_dhclient()
        impostor.lease()
        netlab.until(lambda: 'written by hand' in server.log(), 'the refusal in the log')
        netlab.equal(dig('srv.helper.bac', 'A'), '192.168.56.10')
        netlab.equal(dig('-x', '192.168.56.100'), '')


def test_a_hand_written_pointer_is_never_touched():
    with NameServer(), Server(DHCP) as server, Host('pc1') as pc1, Host('pc2') as pc2:
        pc1.lab_dhclient()
        pc1.lease()
        pc2.lab_dhclient()
        netlab.equal(pc2.lease()['address'], '192.168.56.102')
        netlab.until(lambda: 'the PTR record of 192.168.56.102 was written by hand' in server.log(), 'the refusal in the log')
        netlab.equal(dig('-x', '192.168.56.102'), 'written-by-hand.helper.bac.')


def test_the_second_machine_of_a_name_does_not_take_it():
    with NameServer(), Server(DHCP) as server, Host('pc1') as pc1, Host('other') as other:
        pc1.lab_dhclient()
        pc1.lease()
        becomes('pc1.helper.bac A', '192.168.56.100')
        other.start(netlab.program('lab-dhclient'), '--interface', 'eth0', '--hostname', 'pc1', '--lease-file', other.lease_file)
        other.lease()
        netlab.until(lambda: 'belongs to another client' in server.log(), 'the refusal in the log')
        netlab.equal(dig('pc1.helper.bac', 'A'), '192.168.56.100')


def test_a_name_waits_for_the_name_server_and_survives_a_restart():
    with Server(DHCP) as server, Host('pc1') as pc1:
        pc1.lab_dhclient()
        pc1.lease()  # without DNS: a lease never waits
        netlab.until(lambda: 'does not answer updates' in server.log(), 'the complaint in the log')
        server.kill()
        with Server(DHCP, again=server), NameServer():
            becomes('pc1.helper.bac A', '192.168.56.100')
            becomes('-x 192.168.56.100', 'pc1.helper.bac.')


def test_leases_without_names_get_them_when_the_server_starts():
    with Server(CONFIG) as server, Host('pc1') as pc1:
        pc1.lab_dhclient()
        pc1.lease()
        server.kill()
        with NameServer(), Server(DHCP, again=server):
            becomes('pc1.helper.bac A', '192.168.56.100')
            becomes('-x 192.168.56.100', 'pc1.helper.bac.')


def test_updates_are_signed_and_unsigned_ones_are_refused():
    with NameServer(config=SIGNED):
        with Server(signing()), Host('pc1') as pc1:
            pc1.lab_dhclient('--release')
            pc1.lease()
            becomes('pc1.helper.bac A', '192.168.56.100')
            becomes('-x 192.168.56.100', 'pc1.helper.bac.')
            netlab.contains(dig('pc1.helper.bac', 'DHCID'), 'AA', 'a DHCID record')
            pc1.signal(netlab.signal.SIGTERM)
            becomes('pc1.helper.bac A', '')
        with Server(DHCP) as server, Host('pc2') as pc2:
            pc2.lab_dhclient()
            pc2.lease()
            netlab.until(lambda: 'REFUSED' in server.log() or 'NOTAUTH' in server.log(), 'the refusal in the log')
            netlab.equal(dig('pc2.helper.bac', 'A'), '')


def test_a_wrong_secret_is_named_and_the_name_waits_for_the_right_one():
    with NameServer(config=SIGNED):
        with Server(signing(OTHER)) as server, Host('pc1') as pc1:
            pc1.lab_dhclient()
            pc1.lease()
            netlab.until(lambda: 'BADSIG' in server.log() or 'BADKEY' in server.log(), 'the reason in the log')
            netlab.equal(dig('pc1.helper.bac', 'A'), '')
            server.kill()
            with Server(signing(), again=server):
                becomes('pc1.helper.bac A', '192.168.56.100')


def test_bind_takes_the_same_signed_updates():
    netlab.need('named')
    with netlab.Folder() as place:
        place.write('helper.bac.zone', FORWARD)
        place.write('reverse.zone', REVERSE)
        place.write('named.conf', f"""options {{ directory "{place.path}"; pid-file none; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; session-keyfile none; }};
controls {{ }};
key dhcp {{ algorithm hmac-sha512; secret "{SECRET}"; }};
zone "helper.bac" {{ type primary; file "helper.bac.zone"; allow-update {{ key dhcp; }}; }};
zone "56.168.192.in-addr.arpa" {{ type primary; file "reverse.zone"; allow-update {{ key dhcp; }}; }};
""")
        os.chmod(place.path, 0o777)
        named = netlab.subprocess.Popen(['named', '-g', '-c', place / 'named.conf'], stderr=open(place / 'log', 'w'))
        try:
            netlab.until(lambda: dig('srv.helper.bac', 'A') == '192.168.56.10', 'BIND to answer')
            with Server(signing()) as server, Host('pc1') as pc1, Host('pc2') as pc2:
                for host in (pc1, pc2):
                    host.lab_dhclient('--release')
                    host.lease()
                becomes('pc1.helper.bac A', '192.168.56.100')
                becomes('-x 192.168.56.100', 'pc1.helper.bac.')
                becomes('pc2.helper.bac A', '192.168.56.102')
                netlab.until(lambda: 'the PTR record of 192.168.56.102 was written by hand' in server.log(), 'the refusal in the log')
                pc1.signal(netlab.signal.SIGTERM)
                becomes('pc1.helper.bac A', '')
                becomes('-x 192.168.56.100', '')
        finally:
            named.kill()
            named.wait()


netlab.run_tests(globals())
