#!/usr/bin/env python3
"""The same zones served by us and by Knot, thousands of generated questions asked of both: every answer is the same, or the difference
is one of those named here, with its reason."""
import os, random, socket, struct, subprocess

import netlab
from netlab import Daemon, Folder, equal, run, until

netlab.need('dig', 'ip', 'unshare', 'knotd')
netlab.isolate()

OURS, THEIRS, PORT = '127.0.1.1', '127.0.1.2', 5353
for address in (OURS, THEIRS):
    run('ip', 'address', 'add', address + '/32', 'dev', 'lo')
random.seed(20261125)

PARENT = '''$TTL 300
@ SOA ns root 1 3600 600 86400 60
@ NS ns
ns A 127.0.1.1
helper NS ns.helper
helper NS ns
ns.helper A 127.0.1.1
far NS ns.far
far NS ns2.near
ns.far A 10.9.9.9
near NS ns2.near
ns2.near AAAA fd00::9
'''
CHILD = '''$TTL 300
@ SOA ns root 7 3600 600 86400 60
@ NS ns
@ NS ns2.sub
@ MX 10 mail
@ MX 20 mail.sub
@ MX 30 nowhere
@ TXT "v=spf1 mx -all" "second string"
@ CAA 0 issue "lab"
ns A 127.0.1.1
ns AAAA fd00::1
mail A 192.168.56.10
mail AAAA fd00:56::10
Mixed.Case A 10.0.0.2
www CNAME web
web 60 A 192.168.56.20
away CNAME www.example.org.
parent CNAME ns.bac.
dangling CNAME nothing
loop1 CNAME loop2
loop2 CNAME loop1
chain1 CNAME chain2
chain2 CNAME chain3
chain3 CNAME x.wild
selfish CNAME selfish
_imaps._tcp SRV 0 1 993 mail
_nothing._tcp SRV 0 0 0 .
_25._tcp.mail TLSA 2 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
a.b.c.d TXT "deep"
*.wild TXT "anything"
*.wild MX 5 mail
there.wild A 10.0.0.2
x.below.wild A 10.0.0.3
*.alias CNAME web
*.lost CNAME nobody.wild.elsewhere.org.
*.sub.alias2 A 10.0.0.9
*.deep.*.star A 10.0.0.8
sub NS ns.sub
sub NS ns.other
ns.sub A 192.168.57.10
ns.other A 192.168.58.10
www.sub A 192.168.57.11
secure NS ns.secure
secure DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
ns.secure A 192.168.59.10
x.ent.sub2 NS ns
old DNAME new
host.new A 10.9.9.9
*.new TXT "wild beyond a DNAME"
todname CNAME host.old
outward DNAME example.org.
long DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccc.new
unknown TYPE65280 \\# 4 0A000001
svc HTTPS 1 . alpn=h2 ipv4hint=192.168.56.20
svc2 SVCB 1 mail port=25
naptr NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:x@helper.bac!" .
''' + ''.join(f'many A 10.1.{i}.1\n' for i in range(90))
ZONES = {'bac': PARENT, 'helper.bac': CHILD}

TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'MX': 15, 'TXT': 16, 'AAAA': 28, 'SRV': 33, 'NAPTR': 35, 'DNAME': 39, 'DS': 43, 'RRSIG': 46,
         'NSEC': 47, 'DNSKEY': 48, 'NSEC3': 50, 'NSEC3PARAM': 51, 'TLSA': 52, 'SVCB': 64, 'HTTPS': 65, 'CAA': 257, 'TYPE65280': 65280}
NAMES = {number: name for name, number in TYPES.items()}
COMPRESSED = {2: 0, 5: 0, 6: 0, 12: 0, 15: 2, 39: 0, 33: 6}  # where names begin in the data of types that servers compress, or might


def wire(name):
    return b''.join(bytes([len(label)]) + label.encode() for label in name.rstrip('.').split('.') if label) + b'\0'


def question(name, number, dnssec, size):
    opt = struct.pack('>BHHIH', 0, 41, size, 0x8000 if dnssec else 0, 0) if size else b''
    return struct.pack('>HHHHHH', random.randrange(65536), 0, 1, 0, 0, 1 if opt else 0) + wire(name) + struct.pack('>HH', number, 1) + opt


def read_name(message, at):
    labels, behind = [], None
    while True:
        length = message[at]
        if length >= 0xc0:
            behind = behind or at + 2
            at = struct.unpack_from('>H', message, at)[0] & 0x3fff
        elif length == 0:
            return b'.'.join(labels).lower() + b'.', behind or at + 1
        else:
            labels.append(message[at + 1:at + 1 + length])
            at += 1 + length


def read_data(message, kind, at, size):
    if kind == 6:
        one, at = read_name(message, at)
        two, at = read_name(message, at)
        return one + b' ' + two + message[at:at + 20]
    if kind in COMPRESSED:
        name, _ = read_name(message, at + COMPRESSED[kind])
        return message[at:at + COMPRESSED[kind]] + name
    return message[at:at + size]


class Reply:
    def __init__(self, message):
        self.flags, counts = struct.unpack_from('>H', message, 2)[0], struct.unpack_from('>HHHH', message, 4)
        self.rcode, self.aa, self.tc = self.flags & 15, bool(self.flags & 0x400), bool(self.flags & 0x200)
        at = 12
        for _ in range(counts[0]):
            at = read_name(message, at)[1] + 4
        self.sections = []
        for count in counts[1:]:
            records = []
            for _ in range(count):
                owner, at = read_name(message, at)
                kind, _, ttl, size = struct.unpack_from('>HHIH', message, at)
                if kind == 41:
                    self.rcode |= ttl >> 24 << 4
                else:
                    records.append((owner, kind, ttl, read_data(message, kind, at + 10, size)))
                at += 10 + size
            self.sections.append(records)
        self.answer, self.authority, self.additional = self.sections
        equal(at, len(message), 'bytes behind the last record')

    def wildcards(self):
        """'*' when a proof of the answer says that a wildcard was used: one covers the name, or the wildcard itself is named."""
        stars = any(r[0].startswith(b'*.') or b'\x01*' in r[3] for r in self.authority if r[1] in (46, 47))
        return ['*'] if stars or any(r[1] == 50 for r in self.authority) else []

    def text(self):
        def line(r):
            return f'{r[0].decode()} {r[2]} {NAMES.get(r[1], r[1])} {r[3][:40]!r}'
        return f'rcode {self.rcode} aa {self.aa} tc {self.tc}' + ''.join(f'\n    {part}: ' + '\n      '.join(map(line, sorted(records)))
                                                                       for part, records in zip(('answer', 'authority', 'additional'), self.sections) if records)


class Server:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((address, PORT))
        self.socket.settimeout(5)

    def ask(self, message):
        self.socket.send(message)
        while True:
            reply = self.socket.recv(65535)
            if reply[:2] == message[:2]:
                return Reply(reply)


def knot(folder, zones):
    os.makedirs(folder / 'knot', exist_ok=True)
    config = folder.write('knot.conf', f'server:\n    listen: {THEIRS}@{PORT}\n    rundir: "{folder / "knot"}"\n    udp-workers: 1\n    udp-max-payload: 1232\n'
                          f'database:\n    storage: "{folder / "knot"}"\nzone:\n' +
                          ''.join(f'  - domain: {name}\n    file: "{path}"\n    zonefile-sync: -1\n' for name, path in zones.items()))
    return subprocess.Popen(['knotd', '-c', config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def questions(count, signed):
    """Names that exist, names near them, and names far from any; types that are there and types that are not."""
    owners, origin = [], None
    for zone, text in ZONES.items():
        for line in text.splitlines()[1:]:
            owner = line.split()[0]
            owners.append(zone if owner == '@' else f'{owner}.{zone}')
    for _ in range(count):
        name = random.choice(owners)
        shape = random.randrange(10)
        if shape == 0:
            name = random.choice(['x', 'a.b', '*', 'zz', 'mail', 'WWW']) + '.' + name
        elif shape == 1:
            name = name.split('.', 1)[-1]
        elif shape == 2:
            name = random.choice(['0', 'm', 'zzz', '*', 'old', 'nx', '_tcp']) + '.' + name.split('.', 1)[-1]
        elif shape == 3:
            name = ''.join(random.choice((c.upper(), c.lower())) for c in name)
        elif shape == 4:
            name = '.'.join(random.choice(['a', 'b', 'c', 'd', 'wild', 'sub', 'alias', 'new', 'old', 'star', '*', 'deep', 'ent', 'sub2'])
                            for _ in range(random.randrange(1, 5))) + '.' + random.choice(list(ZONES))
        kind = random.choice(list(TYPES.values()) + [1, 1, 1, 28, 15, 16, 5, 43, 2])
        if len(wire(name)) <= 255:
            yield name, kind, signed and random.random() < 0.8, random.choice([0, 512, 1232, 1232, 4096])


def compare(ours, theirs, name, kind, dnssec, size):
    """What differs and has no reason; '' when nothing does."""
    # We follow an alias into another zone of ours, as RFC 1034 4.3.2 has it (step 3a goes back to step 1); Knot stays in one zone.
    if any(r[1] == 5 and r[3] == b'ns.bac.' for r in theirs.answer):
        return '' if set(theirs.answer) <= set(ours.answer) else 'answer'
    if (ours.rcode, ours.aa) != (theirs.rcode, theirs.aa):
        return 'rcode or AA'
    # What is cut short is asked again over TCP. We keep the case of names as the zone has it, so that a name in other case than the question's is
    # no pointer to it: an answer near 512 bytes may fit at Knot and not here.
    if ours.tc or theirs.tc:
        return '' if ours.tc == theirs.tc or (size <= 512 and set(ours.answer) <= set(theirs.answer)) else 'TC'
    if sorted(ours.answer) != sorted(theirs.answer):
        return 'answer'
    # For a wildcard without records of its own, for a question with an asterisk, and where the wildcard's NSEC itself is the answer, Knot leaves
    # out the proof that no closer name exists, which RFC 4035 3.1.3.3 and 3.1.3.4 ask for whenever a wildcard was used.
    more = set(ours.authority) - set(theirs.authority)
    if not set(theirs.authority) <= set(ours.authority) or len(set(ours.authority)) != len(ours.authority):
        return 'authority'
    if more and not (dnssec and '*' in (name, *ours.wildcards()) and {r[1] for r in more} <= {46, 47, 50}):
        return 'authority'
    # What is offered beyond the answer is each server's own choice (RFC 1034 4.3.2 step 6, RFC 2181 5.4.1): but nothing may be made up, and
    # glue without which a delegation cannot be followed is no choice (RFC 9471).
    glue = [r for r in theirs.additional if r[1] in (1, 28)]
    referral = not ours.aa and any(r[1] == 2 for r in ours.authority)
    if referral and not set(glue) <= set(ours.additional):
        return 'glue'
    return ''


def differences(count, zone_files, signed):
    with Folder() as folder:
        paths = {}
        for name, text in zone_files.items():
            paths[name] = folder.write(f'{name}.theirs', text)
        process = knot(folder, paths)
        try:
            us, they = Server(OURS), Server(THEIRS)
            def up():
                try:
                    return all(Server(THEIRS).ask(question(zone, 6, False, 0)).rcode == 0 for zone in paths)
                except OSError:
                    return process.poll() is not None
            until(up, 'Knot to serve the zones')
            if process.poll() is not None:
                raise AssertionError('Knot does not start:\n' + process.stdout.read())
            found, asked = [], set()
            for name, kind, dnssec, size in questions(count, signed):
                if (name, kind, dnssec, size) in asked:
                    continue
                asked.add((name, kind, dnssec, size))
                message = question(name, kind, dnssec, size)
                ours, theirs = us.ask(message), they.ask(message)
                what = compare(ours, theirs, name, kind, dnssec, size)
                if what:
                    found.append(f'{name} {NAMES.get(kind, kind)}{" +dnssec" if dnssec else ""} {size}: {what}\n  ours   {ours.text()}\n  theirs {theirs.text()}')
            print(f'  {len(asked)} different questions, {len(found)} answers differ without a reason')
            equal(len(found), 0, 'answers that differ:\n' + '\n'.join(found[:12]) + '\n')
        finally:
            process.kill()
            process.communicate()


def our_server(folder, options):
    for name, text in ZONES.items():
        folder.write(f'{name}.zone', text)
    config = folder.write('dns.yaml', f'listen: ["{OURS}:{PORT}"]\njournal: state\nzones:\n' +
                          ''.join(f'  {name}: {{file: {name}.zone, transfer: {{networks: [127.0.0.0/8]}}{options}}}\n' for name in ZONES))
    return Daemon('lab-dnsd', '--config', config)


def transferred(name):
    lines = run('dig', f'@{OURS}', '-p', PORT, 'axfr', name, '+noall', '+answer', '+onesoa').splitlines()
    return '\n'.join(line for line in lines if line and not line.startswith(';')) + '\n'


def test_unsigned_zones_are_answered_alike():
    with Folder() as folder, our_server(folder, ''):
        differences(6000, {name: f'$ORIGIN {name}.\n{text}' for name, text in ZONES.items()}, False)


def test_zones_signed_with_nsec_are_answered_alike():
    with Folder() as folder, our_server(folder, ', dnssec: true'):
        differences(6000, {name: transferred(name) for name in ZONES}, True)


def test_zones_signed_with_nsec3_are_answered_alike():
    with Folder() as folder, our_server(folder, ', dnssec: true, nsec3: true'):
        differences(6000, {name: transferred(name) for name in ZONES}, True)


netlab.run_tests(globals())
