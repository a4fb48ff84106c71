#!/usr/bin/env python3
"""The same zones served by us and by Knot, thousands of generated questions asked of both: every answer is the same, or the difference
is one of those named here, with its reason."""
import contextlib, os, random, socket, struct, subprocess

import dns_wire as wire
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

OWNERS = [zone if owner == '@' else f'{owner}.{zone}' for zone, text in ZONES.items() for owner in dict.fromkeys(line.split()[0] for line in text.splitlines()[1:])]
KINDS = list(wire.TYPES.values()) + [1234, 65534, 99, 24, 44]  # unknown ones, and some that no name here has


def question(name, number, dnssec, size):
    message = wire.question(name, number, number=random.randrange(65536))
    return wire.with_opt(message, size, 0x8000 if dnssec else 0) if size else message


def wildcards(reply):
    """'*' when a proof of the answer says that a wildcard was used: one covers the name, or the wildcard itself is named."""
    stars = any(r[0].startswith(b'*.') or b'\x01*' in r[3] for r in reply.authority if r[1] in (46, 47))
    return ['*'] if stars or any(r[1] == 50 for r in reply.authority) else []


class Server:
    """Asked over UDP, and over one TCP connection."""

    def __init__(self, address):
        self.address = address
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect((address, PORT))
        self.udp.settimeout(5)
        self.tcp = None

    def ask(self, message, tcp=False):
        if tcp:
            if not self.tcp:
                self.tcp = socket.create_connection((self.address, PORT), 5)
            try:
                self.tcp.sendall(wire.framed(message))
                return wire.Reply(wire.read_message(self.tcp))
            except ConnectionError:  # closed after so many questions, or so many errors: a new one, as any client would
                self.tcp = socket.create_connection((self.address, PORT), 5)
                self.tcp.sendall(wire.framed(message))
                return wire.Reply(wire.read_message(self.tcp))
        self.udp.send(message)
        while True:
            reply = self.udp.recv(65535)
            if reply[:2] == message[:2]:
                return wire.Reply(reply)


def knot(folder, zones):
    os.makedirs(folder / 'knot', exist_ok=True)
    config = folder.write('knot.conf', f'server:\n    listen: {THEIRS}@{PORT}\n    rundir: "{folder / "knot"}"\n    udp-workers: 1\n    udp-max-payload: 1232\n'
                          f'database:\n    storage: "{folder / "knot"}"\nzone:\n' +
                          ''.join(f'  - domain: {name}\n    file: "{path}"\n    zonefile-sync: -1\n' for name, path in zones.items()))
    return subprocess.Popen(['knotd', '-c', config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def near(name):
    """A name that is there, or one near it, or one far from any."""
    shape = random.randrange(10)
    if shape == 0:
        return random.choice(['x', 'a.b', '*', 'zz', 'mail', 'WWW', 'a.b.c.d.e.f', '*.*', 'x' * 63]) + '.' + name
    if shape == 1:
        return name.split('.', 1)[-1]
    if shape == 2:
        return random.choice(['0', 'm', 'zzz', '*', 'old', 'nx', '_tcp', '-']) + '.' + name.split('.', 1)[-1]
    if shape == 3:
        return ''.join(random.choice((c.upper(), c.lower())) for c in name)
    if shape == 4:
        return '.'.join(random.choice(['a', 'b', 'c', 'd', 'wild', 'sub', 'alias', 'new', 'old', 'star', '*', 'deep', 'ent', 'sub2'])
                        for _ in range(random.randrange(1, 5))) + '.' + random.choice(list(ZONES))
    return name


def questions(count, signed):
    """First every name with every type, then names near them."""
    every = [(name, kind) for name in OWNERS for kind in KINDS]
    for i in range(len(every) + count):
        name, kind = every[i] if i < len(every) else (near(random.choice(OWNERS)), random.choice(KINDS + [1, 1, 1, 28, 15, 16, 5, 43, 2]))
        if len(wire.name(name)) <= 255:
            yield name, kind, signed and random.random() < 0.8, random.choice([0, 512, 1232, 1232, 4096]), random.random() < 0.3


def compare(they, ours, theirs, name, kind, dnssec, size):
    """What differs and has no reason; '' when nothing does."""
    if ours.question != theirs.question:
        return 'the question, byte for byte'  # with the case it was asked in
    if (ours.opt, ours.edns_flags, ours.version) != (theirs.opt, theirs.edns_flags, theirs.version):
        return 'EDNS'
    if kind in (wire.TYPES['ANY'], wire.TYPES['RRSIG']) and theirs.answer:
        # RFC 8482 4.1 leaves to the server which RRsets it gives: Knot gives the first one, we do so over UDP and give all over TCP. None may be
        # made up: each is what Knot says when asked for that type alone. And what is signed comes with its signature, to those who want it.
        # A CNAME that a DNAME makes is an answer to ANY, too (RFC 1034 3.6.2 follows aliases for other types alone); Knot goes on from there.
        if (ours.rcode, ours.aa) != (theirs.rcode, theirs.aa) or not ours.answer and not ours.tc:
            return 'rcode or AA'
        types = {r[1] for r in ours.answer} - {46}
        covered = {struct.unpack('>H', r[3][:2])[0] for r in ours.answer if r[1] == 46}
        if ours.opt and dnssec and kind == wire.TYPES['ANY'] and any(r[1] == 46 for r in theirs.answer) and not ours.tc and not types - {5} <= covered:
            return 'an answer without its signature'
        told = set(theirs.answer)
        for of in types | covered:
            told |= set(they.ask(question(name, of, True, 4096), True).answer)
        return '' if set(ours.answer) <= told else 'answer'
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
    if more and not (dnssec and '*' in (name, *wildcards(ours)) and {r[1] for r in more} <= {46, 47, 50}):
        return 'authority'
    # What is offered beyond the answer is each server's own choice (RFC 1034 4.3.2 step 6, RFC 2181 5.4.1): but nothing may be made up, and
    # glue without which a delegation cannot be followed is no choice (RFC 9471).
    glue = [r for r in theirs.additional if r[1] in (1, 28)]
    referral = not ours.aa and any(r[1] == 2 for r in ours.authority)
    if referral and not set(glue) <= set(ours.additional):
        return 'glue'
    return ''


@contextlib.contextmanager
def both(zone_files):
    """Us, and Knot with the same zones."""
    with Folder() as folder:
        paths = {name: folder.write(f'{name}.theirs', text) for name, text in zone_files.items()}
        process = knot(folder, paths)
        try:
            def up():
                try:
                    return all(Server(THEIRS).ask(question(zone, 6, False, 0)).rcode == 0 for zone in paths)
                except OSError:
                    return process.poll() is not None
            until(up, 'Knot to serve the zones')
            if process.poll() is not None:
                raise AssertionError('Knot does not start:\n' + process.stdout.read())
            yield Server(OURS), Server(THEIRS)
        finally:
            process.kill()
            process.communicate()


def differences(count, zone_files, signed):
    with both(zone_files) as (us, they):
        found, asked = [], set()
        for name, kind, dnssec, size, tcp in questions(count, signed):
            if (name, kind, dnssec, size, tcp) in asked:
                continue
            asked.add((name, kind, dnssec, size, tcp))
            message = question(name, kind, dnssec, size)
            ours, theirs = us.ask(message, tcp), they.ask(message, tcp)
            what = compare(they, ours, theirs, name, kind, dnssec, 65535 if tcp else size)
            if what:
                found.append(f'{name} {wire.NAMES.get(kind, kind)}{" +dnssec" if dnssec else ""} {"tcp" if tcp else size}: {what}\n  ours   {ours.text()}\n  theirs {theirs.text()}')
        print(f'  {len(asked)} different questions, {sum(a[4] for a in asked)} over TCP, {len(found)} answers differ without a reason')
        equal(len(asked) > count, True, 'questions asked')
        equal(len(found), 0, 'answers that differ:\n' + '\n'.join(found[:12]) + '\n')


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


def strange():
    """Messages that are no plain questions, by what is strange about them."""
    plain = wire.question('mail.helper.bac')
    for opcode in (1, 2, 3, 6, 7, 15):
        yield f'opcode {opcode}', plain[:2] + bytes([opcode << 3]) + plain[3:]
    for rrclass in (0, 2, 3, 4, 77, 254, 255):
        yield f'class {rrclass}', wire.question('mail.helper.bac', rrclass=rrclass)
    for kind in (0, 41, 249, 250, 251, 252, 253, 254):
        yield f'type {kind}', wire.question('helper.bac', kind)
    for version in (1, 5, 255):
        yield f'EDNS version {version}', wire.with_opt(plain, version=version)
        yield f'EDNS version {version} and DO', wire.with_opt(plain, version=version, flags=0x8000)
        yield f'EDNS version {version} and an option', wire.with_opt(plain, version=version, options=wire.option(100, b'x'))
    yield 'unknown EDNS flags', wire.with_opt(plain, flags=0x7fff)
    yield 'an unknown EDNS option', wire.with_opt(plain, options=wire.option(100, b'hello'))
    yield 'two unknown EDNS options', wire.with_opt(plain, options=wire.option(65001) + wire.option(65002, bytes(100)))
    yield 'a small buffer', wire.with_opt(wire.question('many.helper.bac'), size=0)
    yield 'two OPT records', wire.with_opt(wire.with_opt(plain))
    yield 'an OPT record that is cut short', wire.with_opt(plain, options=wire.option(3))[:-2]
    yield 'an option longer than its record', wire.with_opt(plain, options=struct.pack('>2H', 3, 9))
    yield 'no question', struct.pack('>6H', 1, 0, 0, 0, 0, 0)
    yield 'two questions', struct.pack('>6H', 1, 0, 2, 0, 0, 0) + plain[12:] * 2
    yield 'a question that is cut short', plain[:-3]
    yield 'bytes behind the question', plain + b'xyz'
    yield 'a compression loop', struct.pack('>6H', 1, 0, 1, 0, 0, 0) + b'\xc0\x0c\0\1\0\1'
    yield 'a label of 64', struct.pack('>6H', 1, 0, 1, 0, 0, 0) + b'\x40' + b'x' * 64 + b'\0\0\1\0\1'
    yield 'a name of 256', struct.pack('>6H', 1, 0, 1, 0, 0, 0) + (b'\x3f' + b'x' * 63) * 4 + b'\0\0\1\0\1'
    yield 'all flags of a question', plain[:2] + bytes([0x07, 0x7f]) + plain[4:]
    yield 'another zone', wire.question('www.example.org')
    yield 'another zone, with EDNS', wire.with_opt(wire.question('www.example.org'))
    yield 'the root', wire.question('.', 2)


# Where we say something else than Knot, and why we do.
REASONS = {
    'type 0': 'no such type (RFC 6895 3.1): FORMERR tells the client more than an empty answer',
    'type 41': 'OPT is no record of a zone (RFC 6891 6.1.1)',
    'type 250': 'nor is TSIG (RFC 8945 4.1)',
    'type 249': 'TKEY is not done here (RFC 2930): NOTIMP',
    'type 251': 'an IXFR has to say which serial its sender has (RFC 1995 3): FORMERR before anybody looks who asks',
    'type 252': 'AXFR over UDP is not defined (RFC 5936 4.2)',
    'type 253': 'MAILB has been obsolete since RFC 1035: NOTIMP, as no zone can have it',
    'type 254': 'so has MAILA',
    'two OPT records': 'whoever sends OPT gets one back, with an error, too (RFC 6891 6.1.1)',
    'an option longer than its record': 'the same',
    'two questions': 'Knot says nothing. A message whose header can be read gets its FORMERR (RFC 1035 4.1.1): silence makes clients wait and ask again',
    'a question that is cut short': 'the same',
    'a compression loop': 'the same',
    'a label of 64': 'the same',
    'a name of 256': 'the same',
}


def test_strange_messages_are_answered_alike_or_for_a_reason():
    with Folder() as folder, our_server(folder, ''), both({name: f'$ORIGIN {name}.\n{text}' for name, text in ZONES.items()}) as (us, they):
        found, used = [], set()
        for what, message in strange():
            for tcp in (False, True):
                def ask(server):
                    try:
                        return server.ask(message, tcp)
                    except OSError:
                        server.tcp = None
                        return None
                server_timeout(us, they)
                ours, theirs = ask(us), ask(they)
                said = [r and (r.rcode, r.aa, r.tc, r.opt, r.version, r.edns_flags & 0x8000, sorted(r.answer)) for r in (ours, theirs)]
                if ours is None:
                    found.append(f'{what} {"tcp" if tcp else "udp"}: we say nothing')
                elif 65001 in ours.options or 100 in ours.options or ours.edns_flags & 0x7fff:
                    found.append(f'{what}: unknown options or flags come back')
                elif said[0] != said[1]:
                    used.add(what)
                    if what not in REASONS:
                        found.append(f'{what} {"tcp" if tcp else "udp"}:\n  ours   {ours.text()}\n  theirs {theirs.text() if theirs else "nothing"}')
        equal(len(found), 0, 'answers that differ:\n' + '\n'.join(found) + '\n')
        equal(sorted(set(REASONS) - used), [], 'reasons that are not needed')


def server_timeout(*servers):
    for server in servers:
        server.udp.settimeout(1)


netlab.run_tests(globals())
