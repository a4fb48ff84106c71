#!/usr/bin/env python3
"""Signed zones as a validator sees them: delv follows the chain from the lab's own trust anchor, for what is there and what is not."""
import os, subprocess

import netlab
from netlab import Daemon, Folder, contains, equal, run, until
from shifted_clock import ShiftedClock

netlab.need('dig', 'delv', 'nsupdate', 'ip', 'unshare')
netlab.isolate()

PORT = 5353
PARENT = '$TTL 60\n@ SOA ns root 1 60 60 600 5\n@ NS ns\nns A 127.0.0.1\nhelper NS ns.helper\nns.helper A 127.0.0.1\nunsigned NS ns.unsigned\nns.unsigned A 127.0.0.1\n'
CHILD = '''$TTL 60
@ SOA ns root 1 60 60 600 5
@ NS ns
@ MX 10 mail
ns A 127.0.0.1
mail A 192.168.56.10
mail TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
www CNAME mail
*.wild A 10.0.0.1
*.alias CNAME mail
a.b.c TXT "deep"
old DNAME wild
MiXeD A 10.0.0.2
*.ent.star A 10.0.0.3
odd TYPE262 \\# 4 03616263
sub NS ns.sub
sub NS ns.far
ns.sub A 10.0.0.4
ns.far A 10.0.0.5
x.far A 10.0.0.6
'''


class Server:
    def __init__(self, more='', env=None):
        self.env = env
        self.folder = Folder()
        self.folder.write('bac.zone', PARENT)
        self.folder.write('helper.zone', CHILD)
        self.folder.write('unsigned.zone', '$TTL 60\n@ SOA ns root 1 60 60 600 5\n@ NS ns\nns A 127.0.0.1\n')
        self.config = self.folder.write('dns.yaml', f'''listen: [127.0.0.1:{PORT}]
zones:
  bac: {{file: bac.zone, dnssec: true{more}}}
  helper.bac: {{file: helper.zone, dnssec: true{more}, transfer: {{networks: [127.0.0.0/8]}}}}
  unsigned.bac: {{file: unsigned.zone}}
update: {{networks: [127.0.0.0/8]}}
journal: state
control: control
''')
        self.start()

    def start(self):
        self.daemon = Daemon('lab-dnsd', '--config', self.config, env=self.env)
        ds = open(self.folder / 'state/bac.ds').read().split()
        self.anchor = self.folder.write('anchor', f'trust-anchors {{ "bac." static-ds {ds[4]} {ds[5]} {ds[6]} "{ds[7]}"; }};\n')

    def delv(self, *query):
        done = subprocess.run(['delv', '@127.0.0.1', '-p', str(PORT), '-a', self.anchor, '+root=bac', *query], text=True, capture_output=True)
        return done.stdout + done.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.__exit__()
        self.folder.__exit__()


def dig(*query):
    return run('dig', '@127.0.0.1', '-p', PORT, '+norec', '+tries=1', *query)


NSEC, NSEC3 = '', ', nsec3: true'


def with_both(test):
    """Runs a test with names that are proved not to be there by their neighbours, and by their hashes."""
    def both():
        for more in (NSEC, NSEC3):
            with Server(more) as s:
                test(s)
    return both


@with_both
def test_a_validator_trusts_what_is_there(s):
    for query in (['mail.helper.bac', 'A'], ['helper.bac', 'MX'], ['www.helper.bac', 'A'], ['helper.bac', 'DNSKEY'], ['mail.helper.bac', 'TLSA'],
                  ['x.wild.helper.bac', 'A'], ['x.alias.helper.bac', 'A'], ['a.b.c.helper.bac', 'TXT'], ['mixed.HELPER.bac', 'A'], ['bac', 'SOA'],
                  ['x.old.helper.bac', 'A'], ['MIXED.helper.BAC', 'A'], ['x.ent.star.helper.bac', 'A'],
                  ['odd.helper.bac', 'TYPE262']):  # ldns#285 signed TYPE262 as if it were TXT
        contains(s.delv(*query), '; fully validated', ' '.join(query))


@with_both
def test_a_validator_trusts_what_is_not_there(s):
    for query in (['nobody.helper.bac', 'A'], ['a.nobody.helper.bac', 'A'], ['zzz.bac', 'A'], ['MiXed.x.helper.bac', 'A']):
        contains(s.delv(*query), 'ncache nxdomain', ' '.join(query))
        contains(s.delv(*query), '; negative response, fully validated', ' '.join(query))
    for query in (['mail.helper.bac', 'AAAA'], ['b.c.helper.bac', 'A'], ['c.helper.bac', 'TXT'], ['x.wild.helper.bac', 'TXT'], ['helper.bac', 'AAAA'],
                  ['wild.helper.bac', 'A'], ['star.helper.bac', 'A'], ['ent.star.helper.bac', 'A']):  # empty, above a wildcard: DnsServer#2110
        contains(s.delv(*query), '; negative response, fully validated', ' '.join(query))


@with_both
def test_an_unsigned_child_is_proved_unsigned(s):
    """coredns#5899: a delegation without DS has to be proved to have none."""
    contains(s.delv('sub.helper.bac', 'DS'), '; negative response, fully validated')
    contains(s.delv('ns.unsigned.bac', 'A'), '; unsigned answer')


def test_signatures_go_only_to_those_who_ask():
    with Server():
        equal(dig('mail.helper.bac', 'A').count('RRSIG'), 0)
        contains(dig('+dnssec', 'mail.helper.bac', 'A'), 'RRSIG\tA 13 3 60')
        equal(dig('nobody.helper.bac', 'A').count('NSEC'), 0)


def test_a_changed_zone_is_signed_again():
    with Server() as s:
        run('nsupdate', input=f'server 127.0.0.1 {PORT}\nzone helper.bac\nupdate add pc1.helper.bac 60 A 10.0.0.9\nsend\n')
        contains(s.delv('pc1.helper.bac', 'A'), '; fully validated')
        contains(s.delv('pc2.helper.bac', 'A'), '; negative response, fully validated')
        contains(dig('+tcp', 'ixfr=1', 'helper.bac'), 'pc1.helper.bac.\t\t60\tIN\tRRSIG')
        s.daemon.kill()
        s.start()
        contains(s.delv('pc1.helper.bac', 'A'), '; fully validated')


def test_the_key_stays_over_a_restart_and_is_nobody_elses():
    with Server() as s:
        before = dig('+short', 'bac', 'DNSKEY')
        equal(os.stat(s.folder / 'state/bac.key').st_mode & 0o077, 0)
        s.daemon.kill()
        s.start()
        equal(dig('+short', 'bac', 'DNSKEY'), before)


@with_both
def test_the_transferred_zone_verifies_whole(s):
    """ldns#277: glue that was signed, an NSEC3 chain that was broken."""
    if not os.path.exists('/usr/bin/dnssec-verify'):
        return
    zone = s.folder.write('transferred', '\n'.join(line for line in dig('axfr', 'helper.bac', '+noall', '+answer', '+onesoa').splitlines()) + '\n')
    run('dnssec-verify', '-z', '-o', 'helper.bac', zone)


def test_signatures_are_made_anew_long_before_they_end():
    if not ShiftedClock.available():
        return
    with Folder() as clock_folder:
        clock = ShiftedClock(clock_folder)
        with Server(env=clock.env) as s:
            def signature():
                fields = dig('+dnssec', '+noall', '+answer', 'mail.helper.bac', 'A').splitlines()[1].split()
                return fields[8], fields[9], int(dig('+short', 'helper.bac', 'SOA').split()[2])
            end, begin, serial = signature()
            clock.set(6 * 86400)
            run(netlab.program('lab-dnsctl'), '--control', s.folder / 'control', 'reload')
            equal(signature(), (end, begin, serial), 'they are still young')
            clock.set(8 * 86400)
            run(netlab.program('lab-dnsctl'), '--control', s.folder / 'control', 'reload')
            until(lambda: signature()[1] > begin, 'new signatures')
            new_end, new_begin, new_serial = signature()
            equal((new_end > end, new_serial > serial), (True, True), 'secondaries must fetch them')
            contains(s.daemon.log(), 'helper.bac.: signatures are made anew')
            # What came by IXFR is the zone with its new signatures.
            contains(dig('+tcp', f'ixfr={serial}', 'helper.bac'), new_begin)


netlab.run_tests(globals())
