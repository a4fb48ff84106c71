#!/usr/bin/env python3
"""Zones between servers: lab-dnsd as primary and as secondary, of itself, of BIND and of Knot; TSIG, NOTIFY, IXFR, expiry."""
import contextlib, os, signal, socket, subprocess, time

import dns_wire as wire
import netlab
from netlab import Daemon, Folder, contains, equal, run, until
from shifted_clock import ShiftedClock

netlab.need('dig', 'nsupdate', 'ip', 'unshare', 'named', 'knotd')
netlab.isolate()

PRIMARY, SECONDARY, PORT = '127.0.1.1', '127.0.1.2', 5353
for address in (PRIMARY, SECONDARY):  # named listens only on what an interface has
    run('ip', 'address', 'add', address + '/32', 'dev', 'lo')
SECRET = 'MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI='
KEY = f'hmac-sha256:xfr:{SECRET}'
KEYS = f'keys: {{xfr: {{secret: "{SECRET}"}}, other: {{algorithm: hmac-sha512, secret: "{SECRET}"}}}}\n'
ZONE = '''$TTL 60
@ SOA ns root 1 {refresh} {retry} {expire} 5
@ NS ns
@ MX 10 Mail
ns A 127.0.1.1
Mail A 10.0.0.1
text TXT "a b" "c\\"d"
*.wild CNAME mail
'''


def zone_text(serial=1, refresh=3600, retry=1, expire=3600, more=''):
    return ZONE.format(refresh=refresh, retry=retry, expire=expire).replace('root 1', f'root {serial}') + more


def dig(*query, at=PRIMARY, check=True):
    return run('dig', f'@{at}', '-p', PORT, '+norec', '+tries=1', '+time=5', *query, check=check)


def axfr(at, *options, name='helper.bac'):
    """The zone's records, sorted, without white space."""
    return sorted(' '.join(line.split()).lower() for line in dig('axfr', name, '+noall', '+answer', *options, at=at).splitlines() if line and not line.startswith(';'))


def serial(at, name='helper.bac'):
    answer = dig('+short', name, 'SOA', at=at)
    return int(answer.split()[2]) if answer else None


def nsupdate(*lines, at=PRIMARY, key=None):
    done = subprocess.run(['nsupdate'] + (['-y', key] if key else []), text=True, capture_output=True,
                          input='\n'.join([f'server {at} {PORT}', 'zone helper.bac', *lines, 'send', '']))
    return done.stderr.strip()


@contextlib.contextmanager
def primary(zone=zone_text(), transfer='keys: [xfr]', more=''):
    with Folder() as folder:
        folder.write('helper.zone', zone)
        folder.config = folder.write('dns.yaml', f'''listen: ["{PRIMARY}:{PORT}"]
{KEYS}zones:
  helper.bac: {{file: helper.zone, transfer: {{{transfer}}}, notify: ["{SECONDARY}:{PORT}"], key: xfr}}
update: {{keys: [xfr], networks: [127.0.0.1/32, 127.0.1.1/32]}}
journal: journal
{more}''')
        with Daemon('lab-dnsd', '--config', folder.config) as daemon:
            daemon.folder_of_zones = folder
            yield daemon


@contextlib.contextmanager
def secondary(key='key: xfr', folder=None):
    with contextlib.ExitStack() as stack:
        folder = folder or stack.enter_context(Folder())
        config = folder.write('dns.yaml', f'''listen: ["{SECONDARY}:{PORT}"]
{KEYS}zones:
  helper.bac: {{primaries: ["{PRIMARY}:{PORT}"], {key}}}
journal: copies
''')
        yield stack.enter_context(Daemon('lab-dnsd', '--config', config))


@contextlib.contextmanager
def secondary_with_clock(clock):
    with Folder() as folder:
        config = folder.write('dns.yaml', f'listen: ["{SECONDARY}:{PORT}"]\n{KEYS}zones: {{helper.bac: {{primaries: ["{PRIMARY}:{PORT}"], key: xfr}}}}\njournal: copies\n')
        with Daemon('lab-dnsd', '--config', config, env=clock.env) as daemon:
            yield daemon


class Foreign:
    """named or knotd in the foreground."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def named(folder, address, zone):
    config = folder.write('named.conf', f'''
key xfr {{ algorithm hmac-sha256; secret "{SECRET}"; }};
server {PRIMARY if address == SECONDARY else SECONDARY} {{ keys xfr; }};
options {{ directory "{folder.path}"; listen-on port {PORT} {{ {address}; }}; listen-on-v6 {{ none; }}; recursion no; pid-file none;
  session-keyfile none; dnssec-validation no; notify no; query-source address {address}; transfer-source {address}; minimal-responses yes; }};
controls {{ }};
zone "helper.bac" {{ {zone} }};
''')
    return Foreign('named', '-f', '-n', '1', '-c', config)


def test_a_zone_goes_only_to_those_who_may_have_it():
    with primary() as p:
        contains(dig('axfr', 'helper.bac', check=False), 'Transfer failed')
        contains(p.log(), "AXFR of helper.bac. refused with REFUSED: the zone's 'transfer' names neither this address nor its key")
        records = axfr(PRIMARY, '-y', KEY)
        equal(len(records), 8, 'six records, the SOA twice, in ' + repr(records))
        contains(records, 'helper.bac. 60 in mx 10 mail.helper.bac.')
        contains(records, r'text.helper.bac. 60 in txt "a b" "c\"d"')
        contains(dig('axfr', 'helper.bac', '-y', KEY.replace('xfr', 'other').replace('256', '512'), check=False), 'Transfer failed')
        contains(p.log(), '(key other.): AXFR of helper.bac. refused')
        equal(dig('axfr', 'other.org', '-y', KEY, check=False).count('Transfer failed'), 1)
        contains(p.log(), 'AXFR of other.org. refused with NOTAUTH')


def test_keys_of_sha512_work_as_well():
    key = KEY.replace('sha256:xfr', 'sha512:other')
    with primary(transfer='keys: [other]'), secondary(key='key: other'):
        equal(len(axfr(PRIMARY, '-y', key)), 8)
        until(lambda: serial(SECONDARY) == 1, 'the transfer')
        contains(dig('helper.bac', 'AXFR', '-y', key.replace('512', '256'), check=False), 'Transfer failed')


def test_a_wrong_key_and_a_wrong_secret_are_told_apart():
    with primary() as p:
        contains(dig('helper.bac', 'SOA', '-y', KEY.replace('xfr', 'nobody'), check=False), 'BADKEY')
        contains(dig('helper.bac', 'SOA', '-y', KEY.replace('MTIz', 'AAAA'), check=False), 'BADSIG')
        contains(p.log(), 'the key or its algorithm is not known here')
        contains(p.log(), 'the signature is wrong')
        text = dig('helper.bac', 'SOA', '-y', KEY)
        contains(text, 'TSIG PSEUDOSECTION')
        equal(text.count("Couldn't verify signature"), 0)
        contains(run('dig', f'@{PRIMARY}', '-p', PORT, '+tcp', 'helper.bac', 'MX', '-y', KEY), '10 Mail.helper.bac.')


def test_an_update_may_be_allowed_by_its_key_alone():
    with primary():
        script = f'server {PRIMARY} {PORT}\nlocal 127.0.1.3\nzone helper.bac\nupdate add pc1.helper.bac 60 A 10.0.0.9\nsend\n'
        contains(subprocess.run(['nsupdate'], input=script, text=True, capture_output=True).stderr, 'REFUSED')
        run('nsupdate', '-y', KEY, input=script)
        equal(dig('+short', 'pc1.helper.bac', 'A'), '10.0.0.9')


def test_many_clients_update_at_once_with_their_signatures():
    def script(host):
        sends = ''.join(f'update add pc{host}-{i}.helper.bac 60 A 10.0.{host}.{i}\nsend\n' for i in range(25))
        return f'server {PRIMARY} {PORT}\nzone helper.bac\n{sends}'

    with primary():
        updaters = [subprocess.Popen(['nsupdate', '-y', KEY], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)]
        for host, updater in enumerate(updaters):
            updater.stdin.write(script(host))
            updater.stdin.close()
        for host, updater in enumerate(updaters):
            equal((updater.wait(netlab.DEADLINE), updater.stderr.read()), (0, ''), f'updater {host}')
        equal([dig('+short', f'pc{host}-24.helper.bac', 'A') for host in range(8)], [f'10.0.{host}.24' for host in range(8)])


def test_a_big_zone_goes_in_many_signed_messages():
    hosts = ''.join(f'host-{i} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n' for i in range(20000))
    many = ''.join(f'many TXT "{i} {"x" * 200}"\n' for i in range(300))
    with primary(zone_text(more=hosts + many)):
        equal(len(axfr(PRIMARY, '-y', KEY)), 8 + 20000 + 300)


def test_a_change_does_not_end_a_transfer_that_is_under_way():
    """nsd#14. The client reads slowly: the zone changes long before it has all of it, and it gets the version it began with."""
    many = ''.join(f'big{i} TXT "{"x" * 240}"\n' for i in range(40000))
    with primary(zone_text(more=many), transfer='networks: [127.0.0.0/8]'), socket.socket() as c:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        c.connect((PRIMARY, PORT))
        c.settimeout(netlab.DEADLINE)
        c.sendall(wire.framed(wire.question('helper.bac', wire.AXFR)))
        first = wire.Reply(wire.read_message(c))
        equal(nsupdate('update add new.helper.bac 60 A 10.9.9.9', 'update delete big39999.helper.bac', key=KEY), '')
        equal(serial(PRIMARY), 2)
        records = list(first.answer)
        while len(records) < 2 or records[-1][1] != 6:
            records += wire.Reply(wire.read_message(c)).answer
        equal(len(records), 40000 + 8)
        equal(records[0], records[-1])
        equal(any(r[0] == b'new.helper.bac.' for r in records), False)


def test_a_record_as_long_as_can_be_is_transferred_and_a_longer_one_refused():
    """nsd 4.15.1: a record that fits no message made a transfer go round in circles."""
    def text(strings):
        return ' '.join(['"' + 'x' * 255 + '"'] * strings)
    with primary(zone_text(more=f'long TXT {text(250)}\n')), secondary():
        until(lambda: serial(SECONDARY) == 1, 'the transfer')
        equal(dig('+tcp', '+short', 'long.helper.bac', 'TXT', at=SECONDARY), text(250))
        with socket.create_connection((PRIMARY, PORT), 5) as c:  # an update, 64,256 bytes of data: more than an answer has room for
            data = (b'\xff' + b'x' * 255) * 251
            message = wire.question('helper.bac', 6, flags=0x2800)
            c.sendall(wire.framed(message[:8] + b'\0\1' + message[10:] + wire.record('longer.helper.bac', 16, data)))
            equal(wire.Reply(wire.read_message(c)).rcode, 1)
    with Folder() as folder:
        folder.write('z', zone_text(more=f'long TXT {text(251)}\n'))
        config = folder.write('dns.yaml', f'listen: ["{PRIMARY}:{PORT}"]\nzones: {{helper.bac: {{file: z}}}}\n')
        done = subprocess.run([netlab.program('lab-dnsd'), '--config', config, '--check-config'], text=True, capture_output=True)
        contains(done.stderr, 'z:9: the data of long.helper.bac. is too long for a message')


def test_a_clock_that_is_off_by_ten_minutes_is_named():
    """DnsServer#1850: TSIG has a fudge of five minutes (RFC 8945 5.2.3)."""
    if not ShiftedClock.available():
        return
    with primary() as p, Folder() as folder:
        for seconds, said in ((120, 'MX\t10 Mail'), (600, 'BADTIME'), (-600, 'BADTIME')):
            clock = ShiftedClock(folder, seconds)
            done = subprocess.run(['dig', f'@{PRIMARY}', '-p', str(PORT), 'helper.bac', 'MX', '-y', KEY], capture_output=True, text=True, env=os.environ | clock.env)
            contains(done.stdout, said)
        contains(p.log(), 'signed with key xfr. refused with BADTIME: it was signed at another time: the clocks differ by more than five minutes')
        with secondary_with_clock(ShiftedClock(folder, 600)) as s:
            until(lambda: 'with key xfr. failed: the primary said NOTAUTH (BADTIME)' in s.log(), 'the reason at the secondary\n' + s.log())


def test_the_primary_and_its_copies_say_how_long_they_are_good():
    """EDNS EXPIRE (RFC 7314)."""
    with Folder() as folder, primary(zone_text(expire=5000)):
        equal(int(dig('+expire', 'helper.bac', 'SOA').split('EXPIRE: ')[1].split()[0]), 5000)
        contains(dig('+expire', '+tcp', 'ixfr=1', 'helper.bac', '-y', KEY), 'SOA')
        with secondary(folder=folder):
            until(lambda: serial(SECONDARY) == 1, 'the transfer')
            past = time.time() - 1000
            os.utime(folder / 'copies/helper.bac.copy', (past, past))
            left = int(dig('+expire', 'helper.bac', 'SOA', at=SECONDARY).split('EXPIRE: ')[1].split()[0])
            equal(3990 <= left <= 4000, True, f'{left} of 5000 seconds are left after 1000')


def test_a_secondary_fetches_the_zone_and_follows_it():
    with primary() as p, secondary() as s:
        until(lambda: serial(SECONDARY) == 1, 'the first transfer')
        contains(dig('mail.helper.bac', 'A', at=SECONDARY), 'flags: qr aa')
        for i in range(5):
            nsupdate(f'update add pc{i}.helper.bac 60 A 10.0.0.{i}', *(['update delete text.helper.bac'] if i == 3 else []), key=KEY)
            until(lambda: serial(SECONDARY) == 2 + i, 'NOTIFY and IXFR')
            equal(dig('+short', f'pc{i}.helper.bac', 'A', at=SECONDARY), f'10.0.0.{i}')
        contains(s.log(), 'by IXFR from')
        equal(dig('+short', 'text.helper.bac', 'TXT', at=SECONDARY), '')
        equal(dig('+short', 'Mail.helper.bac', 'A', at=SECONDARY), '10.0.0.1')
        p.folder_of_zones.write('helper.zone', zone_text(serial=50, more='new A 10.9.9.9\n'))
        p.signal(signal.SIGHUP)
        until(lambda: serial(SECONDARY) == 50, 'the reloaded zone')
        equal(dig('+short', 'pc1.helper.bac', 'A', at=SECONDARY), '10.0.0.1')


def test_ixfr_for_one_who_is_up_to_date_is_one_soa():
    with primary():
        equal(dig('ixfr=1', 'helper.bac', '+noall', '+answer', '-y', KEY).count('SOA'), 1)
        nsupdate('update add a.helper.bac 60 A 10.0.0.1', key=KEY)
        nsupdate('update add b.helper.bac 60 A 10.0.0.1', key=KEY)
        answer = dig('ixfr=1', 'helper.bac', '+noall', '+answer', '+tcp', '-y', KEY)
        equal([line.split()[6] for line in answer.splitlines() if 'SOA' in line], ['3', '1', '2', '2', '3', '3'])
        answer = dig('ixfr=77', 'helper.bac', '+noall', '+answer', '+tcp', '-y', KEY)
        equal(answer.count('SOA'), 1, 'a serial from the future')


def test_the_copy_survives_a_restart_without_the_primary():
    with Folder() as folder:
        with primary():
            with secondary(folder=folder):
                until(lambda: serial(SECONDARY) == 1, 'the transfer')
        with secondary(folder=folder):
            equal(dig('+short', 'mail.helper.bac', 'A', at=SECONDARY), '10.0.0.1')
            equal(dig('+short', 'text.helper.bac', 'TXT', at=SECONDARY), r'"a b" "c\"d"')


def test_a_secondary_without_a_copy_says_servfail_until_the_primary_comes():
    with secondary() as s:
        contains(dig('mail.helper.bac', 'A', at=SECONDARY), 'status: SERVFAIL')
        until(lambda: 'failed: Connection refused' in s.log(), 'the reason in the log')
        with primary():
            until(lambda: serial(SECONDARY) == 1, 'the transfer, once the primary is there')


def test_an_expired_copy_is_not_served_and_comes_back():
    with Folder() as folder:
        with primary(zone_text(refresh=1, retry=1, expire=3)):
            with secondary(folder=folder) as s:
                until(lambda: serial(SECONDARY) == 1, 'the transfer')
        with secondary(folder=folder) as s:
            until(lambda: 'status: SERVFAIL' in dig('mail.helper.bac', 'A', at=SECONDARY), 'the expiry')
            contains(s.log(), 'helper.bac. has expired')
            with primary(zone_text(refresh=1, retry=1, expire=3)):
                until(lambda: serial(SECONDARY) == 1, 'the zone again')


def test_a_transfer_refused_names_zone_key_and_rcode():
    with primary(transfer='keys: [other]'), secondary() as s:
        until(lambda: 'AXFR from 127.0.1.1:5353 with key xfr. failed: the primary said REFUSED' in s.log(), 'the reason')


def test_a_serial_that_goes_back_is_not_taken_over():
    with Folder() as folder:
        with primary(zone_text(serial=100)), secondary(folder=folder):
            until(lambda: serial(SECONDARY) == 100, 'the transfer')
        with primary(zone_text(serial=7)), secondary(folder=folder) as s:
            until(lambda: 'a serial never goes back' in s.log() or 'one SOA' in s.log() or serial(SECONDARY) == 100, 'a refresh')
            equal(serial(SECONDARY), 100)


def test_a_notify_from_a_stranger_is_refused():
    with primary(), secondary() as s:
        until(lambda: serial(SECONDARY) == 1, 'the transfer')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
            c.bind(('127.0.1.9', 0))
            c.settimeout(netlab.DEADLINE)
            c.sendto(bytes.fromhex('1234240000010000000000000668656c7065720362616300' '00060001'), (SECONDARY, PORT))
            equal(c.recv(512)[3] & 15, 5)
        contains(s.log(), "it is none of the zone's primaries")


def test_bind_as_our_secondary():
    with primary() as p, Folder() as folder:
        with named(folder, SECONDARY, f'type secondary; primaries port {PORT} {{ {PRIMARY} key xfr; }}; file "copy"; masterfile-format text; allow-transfer {{ any; }};'):
            until(lambda: dig('+short', 'mail.helper.bac', 'A', at=SECONDARY, check=False) == '10.0.0.1', 'the first transfer')
            equal(axfr(SECONDARY), axfr(PRIMARY, '-y', KEY))
            nsupdate('update add pc1.helper.bac 60 A 10.0.0.9', 'update delete text.helper.bac', key=KEY)
            until(lambda: serial(SECONDARY) == 2, 'NOTIFY and IXFR')
            equal(axfr(SECONDARY), axfr(PRIMARY, '-y', KEY))
            contains(p.log(), 'IXFR of helper.bac. serial 2, 1 changes')


def test_bind_as_our_primary():
    with Folder() as folder:
        folder.write('helper.zone', zone_text())
        with named(folder, PRIMARY, 'type primary; file "helper.zone"; allow-transfer { key xfr; }; allow-update { key xfr; }; ixfr-from-differences yes; '
                   f'notify explicit; also-notify port {PORT} {{ {SECONDARY}; }};'):
            with secondary() as s:
                until(lambda: serial(SECONDARY) == 1, 'the first transfer')
                nsupdate('update add pc1.helper.bac 60 A 10.0.0.9', 'update delete text.helper.bac', key=KEY)
                until(lambda: serial(SECONDARY) == 2, 'NOTIFY and IXFR')
                contains(s.log(), 'by IXFR from')
                equal(dig('+short', 'pc1.helper.bac', 'A', at=SECONDARY), '10.0.0.9')
                equal(dig('+short', 'text.helper.bac', 'TXT', at=SECONDARY), '')


def knot(folder, address, zone):
    os.makedirs(folder / 'knot', exist_ok=True)
    config = folder.write('knot.conf', f'''server:
    listen: {address}@{PORT}
    rundir: "{folder / 'knot'}"
    background-workers: 1
database:
    storage: "{folder / 'knot'}"
key:
  - id: xfr
    algorithm: hmac-sha256
    secret: {SECRET}
remote:
  - id: us
    address: {PRIMARY if address == SECONDARY else SECONDARY}@{PORT}
    via: {address}
    key: xfr
acl:
  - id: us
    key: xfr
    action: [transfer, notify, update]
zone:
  - domain: helper.bac
    acl: us
    {zone}
''')
    return Foreign('knotd', '-c', config)


def test_knot_as_our_secondary():
    with primary() as p, Folder() as folder, knot(folder, SECONDARY, 'master: us'):
        until(lambda: dig('+short', 'mail.helper.bac', 'A', at=SECONDARY, check=False) == '10.0.0.1', 'the first transfer')
        nsupdate('update add pc1.helper.bac 60 A 10.0.0.9', 'update delete text.helper.bac', key=KEY)
        until(lambda: serial(SECONDARY) == 2, 'NOTIFY and IXFR')
        equal(axfr(SECONDARY, '-y', KEY), axfr(PRIMARY, '-y', KEY))


def test_knot_as_our_primary():
    with Folder() as folder:
        folder.write('helper.zone', zone_text())
        with knot(folder, PRIMARY, f'file: "{folder / "helper.zone"}"\n    notify: us'), secondary() as s:
            until(lambda: serial(SECONDARY) == 1, 'the first transfer')
            nsupdate('update add pc1.helper.bac 60 A 10.0.0.9', key=KEY)
            until(lambda: serial(SECONDARY) == 2, 'NOTIFY and IXFR')
            equal(dig('+short', 'pc1.helper.bac', 'A', at=SECONDARY), '10.0.0.9')
            contains(s.log(), 'by IXFR from')


netlab.run_tests(globals())
