#!/usr/bin/env python3
"""lab-dnsd as secondary of primaries that are old, broken or gone: whatever they send, the copy is whole or stays what it was, the zone is
fetched in another way where there is one, and the log says what was wrong."""
import contextlib, os, socket, struct, threading, time

import dns_wire as wire
import netlab
from dns_wire import record, soa
from netlab import Daemon, Folder, contains, equal, run, until

netlab.need('dig', 'ip', 'unshare')
netlab.isolate()

PRIMARY, SECONDARY, PORT = '127.0.1.1', '127.0.1.2', 5353
ZONE = 'helper.bac'
A, CNAME, NS = 1, 5, 2


def host(label, address, kind=A):
    return record(f'{label}.{ZONE}', kind, socket.inet_aton(address) if kind == A else wire.name(address))


def whole(serial, *more, **times):
    """The records of an AXFR."""
    return [soa(ZONE, serial, **times), record(ZONE, NS, wire.name(f'ns.{ZONE}')), host('ns', PRIMARY), host('www', f'10.0.0.{serial}'), *more,
            soa(ZONE, serial, **times)]


class Primary:
    """Answers AXFR with what `axfr` gives, IXFR with what `ixfr` gives: bytes, or None to close the connection."""

    def __init__(self, axfr, ixfr=None):
        self.axfr, self.ixfr, self.asked = axfr, ixfr or axfr, []
        self.socket = socket.create_server((PRIMARY, PORT))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.socket.accept()[0]
                with connection, contextlib.suppress(OSError):
                    request = wire.read_message(connection)
                    kind = struct.unpack_from('>H', request, wire.skip_name(request, 12))[0]
                    self.asked.append(('IXFR' if kind == wire.IXFR else 'AXFR', time.monotonic(), wire.Reply(request)))
                    for message in (self.ixfr if kind == wire.IXFR else self.axfr)(request) or []:
                        connection.sendall(wire.framed(message))

    def kinds(self):
        return [kind for kind, _, _ in self.asked]

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.stop()


def gives(records, **how):
    return lambda request: [wire.reply(request, records, **how)]


def secondary(folder):
    config = folder.write('dns.yaml', f'listen: ["{SECONDARY}:{PORT}"]\ncontrol: control\nzones: {{{ZONE}: {{primaries: ["{PRIMARY}:{PORT}"]}}}}\njournal: copies\n')
    return Daemon('lab-dnsd', '--config', config)


def dig(*query):
    return run('dig', f'@{SECONDARY}', '-p', PORT, '+norec', '+tries=1', '+time=5', *query, check=False)


def address(label='www'):
    return dig('+short', f'{label}.{ZONE}', 'A')


def retransfer(folder):
    run(netlab.program('lab-dnsctl'), '--control', folder / 'control', 'retransfer', ZONE)


def test_an_ixfr_that_fails_in_any_way_is_followed_by_an_axfr():
    old, new = soa(ZONE, 1), soa(ZONE, 2)
    ways = {
        'it says NOTIMP': (gives([], rcode=4), 'the primary said NOTIMP'),
        'it says FORMERR': (gives([], rcode=1), 'the primary said FORMERR'),
        'it closes the connection': (lambda request: None, 'it ended after 0 records'),
        'it stops in the middle': (gives([new, old]), 'it ended after 2 records'),
        'an answer without records': (gives([]), 'the primary sent an empty answer'),
        'an answer to something else': (lambda request: [b'\xff\xff' + wire.reply(request, [new])[2:]], 'a message that answers something else'),
        'bytes that are no records': (lambda request: [wire.reply(request, [new])[:-9]], 'a record is malformed'),
        'it removes what is not there': (gives([new, old, host('nobody', '10.9.9.9'), new, new]), 'which is not there'),
        'it puts a CNAME beside an address': (gives([new, old, new, host('www', 'ns.helper.bac', CNAME), new]), 'a CNAME cannot stand beside other records'),
        'it ends elsewhere': (gives([new, soa(ZONE, 9), soa(ZONE, 10), new]), 'the zone changed during the transfer'),
    }
    for way, (ixfr, reason) in ways.items():
        with Folder() as folder, Primary(gives(whole(1))) as primary, secondary(folder) as s:
            until(lambda: address() == '10.0.0.1', 'the first copy')
            primary.axfr, primary.ixfr = gives(whole(2)), ixfr
            retransfer(folder)
            until(lambda: address() == '10.0.0.2', f'{way}: the zone by AXFR\n' + s.log())
            contains(s.log(), f'helper.bac.: IXFR from {PRIMARY}:{PORT} failed: ', way)
            contains(s.log(), reason, way)
            equal(primary.kinds(), ['AXFR', 'IXFR', 'AXFR'], way)


def test_a_whole_zone_that_is_broken_is_not_taken_over():
    loop = struct.pack('>H', 0xc000 + 12 + len(wire.name(ZONE)) + 4)  # a name that points to itself
    ways = {
        'a CNAME beside an address': (whole(2, host('www', 'ns.helper.bac', CNAME)), 'www.helper.bac.: a CNAME cannot stand beside other records of the same name'),
        'two CNAMEs': (whole(2, host('a', 'ns.helper.bac', CNAME), host('a', 'www.helper.bac', CNAME)), 'a name has one CNAME at most'),
        'no NS': ([soa(ZONE, 2), host('www', '10.0.0.2'), soa(ZONE, 2)], 'the zone has no NS'),
        'another SOA at the end': (whole(2)[:-1] + [soa(ZONE, 3)], 'the zone changed during the transfer'),
        'an address of five bytes': (whole(2, record(f'x.{ZONE}', A, b'12345')), 'a record is malformed'),
        'a name that points to itself': ([loop + struct.pack('>HHIH', A, 1, 60, 4) + b'1234'] + whole(2), 'a record is malformed'),
        'the first record is no SOA': (whole(2)[1:], 'the first record is not the SOA'),
        'a record longer than a message leaves room for': (whole(2, record(f'x.{ZONE}', 65280, b'x' * 64_800)), 'is longer than this server can send it again'),
    }
    for way, (records, reason) in ways.items():
        with Folder() as folder, Primary(gives(whole(1))) as primary, secondary(folder) as s:
            until(lambda: address() == '10.0.0.1', 'the first copy')
            primary.axfr = primary.ixfr = gives(records)
            retransfer(folder)
            until(lambda: reason in s.log(), f'{way}: {reason}\n' + s.log())
            equal(address(), '10.0.0.1', way)


def test_records_that_crashed_others_are_copied_and_given_on():
    """ldns#307: an NSEC3 of another hash algorithm aborted the process; ldns#299: a bad RRSIG; both are only data here."""
    nsec3 = bytes([77, 0, 0, 0, 0, 20]) + bytes(20) + bytes([0, 1, 0x40])
    rrsig = struct.pack('>HBBIIIH', A, 250, 9, 60, 0, 0xffffffff, 1) + wire.name(ZONE) + b'bad'
    odd = [record('0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.' + ZONE, 50, nsec3), record(f'www.{ZONE}', 46, rrsig), record(ZONE, 51, bytes([77, 0, 255, 255, 1, 7])),
           record(f'odd.{ZONE}', 262, b'\x03abc')]
    with Folder() as folder, Primary(gives(whole(1, *odd))), secondary(folder) as s:
        until(lambda: address() == '10.0.0.1', 'the copy\n' + s.log())
        for kind in ('A', 'NSEC3', 'RRSIG', 'ANY'):
            for label in ('www', '0p9mhaveqvm6t7vbl5lop2u3t2rp3tom', 'nobody', 'odd'):
                contains(dig('+dnssec', f'{label}.{ZONE}', kind), 'status: ')
        contains(dig('+unknownformat', f'odd.{ZONE}', 'TYPE262'), r'\# 4 03616263')
        s.kill()
        with secondary(folder):  # the copy on disk reads the same
            equal(address(), '10.0.0.1')


def test_the_primary_says_how_long_its_copy_is_good():
    """EDNS EXPIRE (RFC 7314): the primary may itself be a secondary whose copy is old."""
    expire = wire.option(wire.EXPIRE, struct.pack('>I', 4))
    with Folder() as folder, Primary(gives(whole(1), options=expire)) as primary, secondary(folder) as s:
        until(lambda: address() == '10.0.0.1', 'the copy')
        equal(wire.EXPIRE in primary.asked[0][2].options, True, 'the option in our question')
        left = int(dig('+expire', ZONE, 'SOA').split('EXPIRE: ')[1].split()[0])
        equal(2 <= left <= 4, True, f'{left} seconds left')
        primary.stop()
        until(lambda: 'status: SERVFAIL' in dig(f'www.{ZONE}', 'A'), 'the expiry, long before that of the SOA')
        contains(s.log(), 'helper.bac. has expired')


def test_a_primary_that_knows_no_edns_is_asked_without():
    def old(request):
        return [wire.reply(request, rcode=1)] if wire.Reply(request).opt else [wire.reply(request, whole(1))]
    with Folder() as folder, Primary(old) as primary, secondary(folder):
        until(lambda: address() == '10.0.0.1', 'the copy')
        equal([asked.opt for _, _, asked in primary.asked], [True, False])


def test_each_good_refresh_starts_the_expiry_anew():
    """coredns#1931. SOA EXPIRE 3, REFRESH 1: without the refreshes, the copy would be gone after three seconds."""
    with Folder() as folder, Primary(gives(whole(1, expire=3, refresh=1)), gives([soa(ZONE, 1)])) as primary, secondary(folder) as s:
        until(lambda: address() == '10.0.0.1', 'the copy')
        begin = time.monotonic()
        while time.monotonic() - begin < 5:
            equal(address(), '10.0.0.1', f'after {time.monotonic() - begin:.1f} s')
            time.sleep(0.2)
        equal(set(primary.kinds()[1:]), {'IXFR'})
        primary.stop()
        until(lambda: 'status: SERVFAIL' in dig(f'www.{ZONE}', 'A'), 'the expiry without a primary\n' + s.log())


def test_after_a_long_time_without_power_the_primary_is_asked_at_once():
    """nsd#25. REFRESH is an hour, but the copy is from yesterday."""
    with Folder() as folder, Primary(gives(whole(1))) as primary:
        with secondary(folder):
            until(lambda: address() == '10.0.0.1', 'the copy')
        yesterday = time.time() - 1800
        os.utime(folder / f'copies/{ZONE}.copy', (yesterday, yesterday))
        primary.axfr = primary.ixfr = gives(whole(2))
        with secondary(folder):
            equal(address(), '10.0.0.2', 'as soon as the server is ready')


def test_a_primary_that_fails_is_asked_ever_less_often():
    """nsd#104."""
    with Folder() as folder, Primary(gives([], rcode=2)) as primary, secondary(folder) as s:
        until(lambda: len(primary.asked) >= 4, 'four tries')
        times = [at for _, at, _ in primary.asked[:4]]
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        equal(gaps[0] >= 0.9 and gaps[1] >= 1.9 and gaps[2] >= 3.8, True, f'seconds between the tries: {gaps}')
        contains(s.log(), 'failed: the primary said SERVFAIL')


def test_a_serial_that_went_back_is_told_and_not_taken():
    with Folder() as folder, Primary(gives(whole(7))) as primary, secondary(folder) as s:
        until(lambda: address() == '10.0.0.7', 'the copy')
        primary.axfr, primary.ixfr = gives(whole(3)), gives([soa(ZONE, 3)])
        retransfer(folder)
        until(lambda: 'AXFR' in primary.kinds()[1:] or 'IXFR' in primary.kinds(), 'the question')
        time.sleep(0.2)
        equal(address(), '10.0.0.7')
        primary.ixfr = gives([], rcode=4)
        retransfer(folder)
        until(lambda: 'has serial 3, ours is 7: a serial never goes back, the copy stays' in s.log(), 'the reason\n' + s.log())
        equal(address(), '10.0.0.7')


def test_a_primary_that_drips_does_not_hold_the_secondary_for_ever():
    """A primary that sends half a message and falls silent; the next in the list is asked."""
    def silent(_):
        time.sleep(30)
        return None
    with Folder() as folder, Primary(silent):
        folder.write('z.zone', '$TTL 60\n@ SOA ns root 5 1 1 60 5\n@ NS ns\nns A 127.0.1.3\nwww A 10.0.0.5\n')
        other = folder.write('other.yaml', f'listen: ["127.0.1.3:{PORT}"]\nzones: {{{ZONE}: {{file: z.zone, transfer: {{networks: [127.0.0.0/8]}}}}}}\n')
        config = folder.write('dns.yaml', f'listen: ["{SECONDARY}:{PORT}"]\nzones: {{{ZONE}: {{primaries: ["{PRIMARY}:{PORT}", "127.0.1.3:{PORT}"]}}}}\njournal: copies\n')
        with Daemon('lab-dnsd', '--config', other), Daemon('lab-dnsd', '--config', config) as s:
            until(lambda: address() == '10.0.0.5', 'the zone from the second primary\n' + s.log())


netlab.run_tests(globals())
