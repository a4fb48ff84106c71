#!/usr/bin/env python3
"""DHCPv6 under stress: behind a relay, killed under load, loaded by perfdhcp, read by tshark; and the names it puts into DNS."""
import ipaddress, os, random, select, socket, struct, threading, time

import netlab
from dhcp6_world import CONFIG, FIRST, SERVER, Host6, isolate6, router
from dhcp_world import Capture, Server, in_namespace, ip, isolate

isolate()
isolate6()
netlab.need('ip', 'dig')
KILLS = int(os.environ.get('LAB_KILLS', '6'))  # more for a soak
SOLICIT, ADVERTISE, REQUEST, RENEW, REPLY, RELEASE, RELAY_FORWARD = 1, 2, 3, 5, 7, 8, 12
CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, RELAYED, IA_PD, IA_PREFIX = 1, 2, 3, 5, 9, 25, 26


def option(code, data):
    return struct.pack('>HH', code, len(data)) + data


def options(data):
    found = {}
    while len(data) >= 4:
        code, length = struct.unpack('>HH', data[:4])
        found.setdefault(code, data[4:4 + length])
        data = data[4 + length:]
    return found


class Clients:
    """Many clients behind one relay, each a DUID; their messages come by unicast."""

    def __init__(self, relay='fd00:56::2'):
        self.relay = relay
        with in_namespace('relay'):
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.socket.bind((relay, 547))

    def ask(self, kind, client, *more):
        """The options of the answer; asks until one comes: the server may be dead just now."""
        duid = option(CLIENT_ID, b'\0\3\0\1\2\0' + struct.pack('>I', client))
        transaction = random.getrandbits(24)
        message = struct.pack('>I', kind << 24 | transaction) + duid + b''.join(more)
        peer = ipaddress.ip_address('fe80::' + f'{client >> 16:x}:{client & 0xffff:x}').packed
        packet = struct.pack('>BB', RELAY_FORWARD, 0) + ipaddress.ip_address(self.relay).packed + peer + option(RELAYED, message)
        end = time.monotonic() + netlab.DEADLINE
        while time.monotonic() < end:
            self.socket.sendto(packet, (SERVER, 547))
            retry = time.monotonic() + 0.2
            while select.select([self.socket], [], [], max(retry - time.monotonic(), 0))[0]:
                try:
                    inner = options(self.socket.recv(4096)[34:])[RELAYED]
                except ConnectionRefusedError:
                    break
                expected = ADVERTISE if kind == SOLICIT else REPLY
                if struct.unpack('>I', inner[:4])[0] == expected << 24 | transaction:
                    return options(inner[4:])
        raise AssertionError(f'client {client} was never answered')

    @staticmethod
    def associations(address=None, prefix=None):
        """An address and a prefix are wished, these where they are named."""
        with_address = option(IA_ADDRESS, ipaddress.ip_address(address).packed + bytes(8)) if address else b''
        with_prefix = option(IA_PREFIX, bytes(8) + b'\x40' + ipaddress.ip_address(prefix).packed) if prefix else b''
        return option(IA_NA, struct.pack('>III', 1, 0, 0) + with_address) + option(IA_PD, struct.pack('>III', 1, 0, 0) + with_prefix)

    @staticmethod
    def granted(answer):
        """(address, prefix); None for what was not."""
        address = options(answer.get(IA_NA, b'')[12:]).get(IA_ADDRESS)
        prefix = options(answer.get(IA_PD, b'')[12:]).get(IA_PREFIX)
        lasting = lambda data, at: data and data[at:at + 4] != bytes(4)  # a valid lifetime of 0 takes it away
        return (str(ipaddress.ip_address(address[:16])) if lasting(address, 20) else None,
                str(ipaddress.ip_address(prefix[9:25])) if lasting(prefix, 4) else None)

    def offered(self, client):
        answer = self.ask(SOLICIT, client, self.associations())
        self.server = answer[SERVER_ID]
        return self.granted(answer)

    def say(self, kind, client, lease):
        """REQUEST, RENEW or RELEASE; what it grants."""
        return self.granted(self.ask(kind, client, option(SERVER_ID, self.server), self.associations(*lease)))

    def lease(self, client):
        """The acknowledged address and prefix."""
        return self.say(REQUEST, client, self.offered(client))


class RelayHost(Host6):
    def __init__(self):
        super().__init__('relay')
        self.run('ip', 'link', 'set', 'eth0', 'up')
        self.run('ip', 'addr', 'add', 'fd00:56::2/64', 'dev', 'eth0', 'nodad')


class FarHost(Host6):
    """Its link is on the relay's other wire."""

    def join(self):
        ip('link', 'set', 'v-' + self.name, 'netns', 'relay')
        netlab.run('ip', 'netns', 'exec', 'relay', 'ip', 'link', 'set', 'v-' + self.name, 'master', 'far', 'up')

    def __exit__(self, *arguments):
        netlab.run('ip', 'netns', 'exec', 'relay', 'ip', 'link', 'del', 'v-' + self.name, check=False)
        ip('link', 'add', 'v-' + self.name, 'type', 'bridge')  # what Host removes
        super().__exit__(*arguments)


class Crowd:
    """Clients that come, renew and go, several at a time, and never forget what they were acknowledged."""
    AT_ONCE = 4

    def __init__(self):
        self.owner, self.leases, self.errors = {}, {}, []  # who has what; what each client has
        self.acknowledged, self.lock, self.stopping = 0, threading.Lock(), threading.Event()
        self.workers = [threading.Thread(target=self.live, args=(number,)) for number in range(self.AT_ONCE)]

    def live(self, number):
        try:
            clients = Clients(f'fd00:56::{number + 2:x}')
            own, latest = [], number * 1_000_000
            while not self.stopping.is_set():
                deed = random.random()
                if own and deed < 0.3:
                    client = random.choice(own)
                    lease = self.leases[client]
                    got = clients.say(RENEW, client, lease)
                    if got != lease:
                        self.errors.append(f'client {client} renews {lease} and gets {got}')
                    self.acknowledged += 1
                elif len(own) > 20 and deed < 0.5:
                    client = own.pop(random.randrange(len(own)))
                    with self.lock:  # before it says so: from then on anybody may get it
                        lease = self.leases.pop(client)
                        for part in lease:
                            del self.owner[part]
                    clients.say(RELEASE, client, lease)
                else:
                    latest += 1
                    lease = clients.lease(latest)
                    if None in lease:
                        continue  # its offer died with the server, and another took the address; it gives up
                    with self.lock:
                        for part in lease:
                            if part in self.owner:
                                self.errors.append(f'{part} was given to client {self.owner[part]} and to {latest}')
                            self.owner[part] = latest
                        self.leases[latest] = lease
                    own.append(latest)
                    self.acknowledged += 1
        except Exception as error:
            self.errors.append(repr(error))

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for worker in self.workers:
            worker.join()


def test_acknowledged_leases_survive_kill_9():
    config = CONFIG.replace('length: 56', 'length: 64') % {'lease': '1h'} + 'offer_hold: 1s\n'
    with netlab.Folder() as folder, RelayHost() as relay:
        for number in range(1, Crowd.AT_ONCE):
            relay.run('ip', 'addr', 'add', f'fd00:56::{number + 2:x}/64', 'dev', 'eth0', 'nodad')
        path = folder.write('dhcp.yaml', config)
        start = lambda: netlab.Daemon('lab-dhcpd', '--config', path, '--log-level', 'warning')
        server = start()
        try:
            with Crowd() as crowd:
                for _ in range(KILLS):
                    target = crowd.acknowledged + 20
                    netlab.until(lambda: crowd.acknowledged >= target or crowd.errors, 'leases under load')
                    time.sleep(random.random() / 100)  # any moment of an exchange
                    server.kill()
                    server.__exit__()
                    server = start()
        finally:
            server.kill()  # a last death
            server.__exit__()
        netlab.equal(crowd.errors, [])
        print(f'        {KILLS} kills, {crowd.acknowledged} leases acknowledged, {len(crowd.leases)} clients left')
        with start():
            clients = Clients('fd00:56::2')
            for client, lease in crowd.leases.items():  # without saying which it had: the server must remember
                netlab.equal(clients.offered(client), lease, f'client {client} comes back')
            fresh = [part for i in range(50) for part in clients.lease(10_000_000 + i)]
            netlab.equal(sorted(set(fresh) & set(crowd.owner)), [], 'given to new clients though it is leased')


def test_a_client_behind_the_relay_gets_its_own_network():
    config = CONFIG + '''  far:
    network: fd00:57::/64
    ranges: [fd00:57::1:0-fd00:57::1:ff]
    options: {dns-servers: "fd00:56::10"}
    reservations: {pc9: {mac: "02:4c:61:00:00:09", address: "fd00:57::9"}}
'''
    with Server(config, lease='1h') as server, RelayHost() as relay, FarHost('pc1') as pc1, FarHost('pc9', '02:4c:61:00:00:09') as pc9:
        relay.run('ip', 'link', 'add', 'far', 'type', 'bridge')
        relay.run('sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/far/accept_dad; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding')
        relay.run('ip', 'link', 'set', 'far', 'up')
        relay.run('ip', 'addr', 'add', 'fd00:57::1/64', 'dev', 'far', 'nodad')
        pc1.join()
        pc9.join()
        path = relay.folder.write('relay.yaml', f'interfaces: [far]\nservers: ["{SERVER}"]\nremote_id: relay\n')
        wrapper = relay.folder.write('in-relay', f'#!/bin/sh\nexec ip netns exec relay {netlab.program("lab-dhcrelay")} "$@"\n')
        os.chmod(wrapper, 0o755)
        ip('route', 'replace', 'fd00:57::/64', 'via', 'fd00:56::2')
        with netlab.Daemon(wrapper, '--config', path, '--log-level', 'debug'):
            pc1.lab('--ipv6', 'stateful')
            netlab.equal(pc1.lease6()['addresses'], ['fd00:57::1:0'])
            pc9.lab('--ipv6', 'stateful')
            netlab.equal(pc9.lease6()['addresses'], ['fd00:57::9'], 'the relay tells the hardware address (RFC 6939)')
            pc1.process.send_signal(10)
            netlab.until(lambda: 'RENEW from' in server.log(), 'a renewal through the relay')


def test_every_packet_is_read_by_tshark_without_a_complaint():
    netlab.need('tshark')
    with netlab.Folder() as folder, Server(CONFIG, lease='1h') as server, Host6('pc1') as pc1, RelayHost():
        with Capture(folder / 'all.pcap') as wire, router() as said:
            state = pc1.folder / 'state'
            pc1.lab('--prefix', '--state', state)
            pc1.lease6()
            pc1.stop()
            os.remove(pc1.lease_file)
            pc1.lab('--release', '--state', state)
            pc1.lease6()
            pc1.process.send_signal(10)
            netlab.until(lambda: 'RENEW from' in server.log(), 'a renewal')
            pc1.stop()
            netlab.until(lambda: 'given back' in server.log(), 'a release')
            pc1.lab('--ipv6', 'stateless')
            netlab.until(lambda: 'INFORMATION-REQUEST' in server.log(), 'a question')
            netlab.equal(None in Clients().lease(7), False)
            said.stop()
        read = lambda *more: netlab.run('tshark', '-r', folder / 'all.pcap', *more)
        types = read('-Y', 'dhcpv6', '-T', 'fields', '-e', 'dhcpv6.msgtype').split()
        netlab.equal({'1', '5', '6', '7', '8', '11', '12,1', '12,3', '13,2', '13,7'} - set(types), set(), 'kinds of messages seen: ' + ' '.join(types))
        netlab.equal('134' in read('-Y', 'icmpv6', '-T', 'fields', '-e', 'icmpv6.type').split(), True, 'an advertisement')
        netlab.equal(wire.complaints('dhcpv6 or icmpv6'), '')


def test_perfdhcp_loses_nothing():
    netlab.need('perfdhcp')
    with Server(CONFIG.replace('    prefixes:', '    quarantine: 60s\n    prefixes:'), lease='1h'), Host6('load') as load:
        load.run('ip', 'link', 'set', 'eth0', 'up')
        netlab.until(lambda: 'fe80' in load.run('ip', '-6', 'addr', 'show', 'dev', 'eth0'), 'a link-local address')
        report = load.run('perfdhcp', '-6', '-l', 'eth0', '-r', '150', '-R', '1000', '-n', '300', '-W', '1000000', check=False)
        netlab.contains(report, 'drops: 0', 'perfdhcp')
        netlab.equal(report.count('drops: 0'), 2, 'SOLICIT and REQUEST alike:\n' + report)
        both = load.run('perfdhcp', '-6', '-e', 'address-and-prefix', '-l', 'eth0', '-r', '50', '-n', '50', '-W', '1000000', check=False)
        netlab.equal((both.count('Malformed packets: 0'), both.count('rejected leases: 0'), both.count('non unique addresses: 0')), (1, 2, 2), both)


ZONES = {
    'helper.bac': '$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 300\n NS ns\nns A 192.168.56.10\nhand AAAA fd00:56::99\n',
    '56.168.192.in-addr.arpa': '$TTL 300\n@ SOA ns.helper.bac. hostmaster.helper.bac. 1 3600 600 86400 300\n NS ns.helper.bac.\n',
    '0.0.0.0.0.0.0.0.6.5.0.0.0.0.d.f.ip6.arpa': '$TTL 300\n@ SOA ns.helper.bac. hostmaster.helper.bac. 1 3600 600 86400 300\n NS ns.helper.bac.\n',
}


def becomes(question, answer):
    ask = lambda: netlab.run('dig', '@127.0.0.1', '+short', '+tries=1', '+time=1', *question.split(), check=False)
    netlab.until(lambda: ask() == answer, f'{question} = {answer!r}, not {ask()!r}')


def test_names_by_both_protocols_have_one_owner():
    config = CONFIG + '''scopes:
  lan: {interface: eth0, network: 192.168.56.0/24, ranges: [192.168.56.100-192.168.56.200]}
dns_update: {server: 127.0.0.1:53, forward: helper.bac}
'''
    with netlab.Folder() as place:
        zones = ''.join(f'  {zone}: {{file: zones/{zone}.zone}}\n' for zone in ZONES)
        for zone, text in ZONES.items():
            place.write(f'zones/{zone}.zone', text)
        path = place.write('dns.yaml', f'listen: [127.0.0.1:53]\nzones:\n{zones}update: {{networks: [127.0.0.0/8]}}\njournal: journal\n')
        with netlab.Daemon('lab-dnsd', '--config', path), Server(config, lease='1h') as server, router(), Host6('pc1') as pc1, Host6('hand') as hand:
            pc1.lab_dhclient('--ipv6', 'auto', '--release')
            netlab.until(lambda: pc1.lease().get('address') and pc1.lease().get('ipv6', {}).get('addresses'), 'both leases')
            becomes('pc1.helper.bac AAAA', FIRST)
            becomes('pc1.helper.bac A', '192.168.56.100')
            becomes('-x ' + FIRST, 'pc1.helper.bac.')
            netlab.equal(netlab.run('dig', '@127.0.0.1', '+short', 'pc1.helper.bac', 'DHCID').count('\n'), 0, 'one DHCID for both')
            hand.lab()
            hand.lease6()
            netlab.until(lambda: 'written by hand' in server.log(), 'the reason why a name is left alone')
            becomes('hand.helper.bac AAAA', 'fd00:56::99')
            pc1.stop()
            becomes('pc1.helper.bac AAAA', '')
            becomes('pc1.helper.bac A', '')
            becomes('-x ' + FIRST, '')


netlab.run_tests(globals())
