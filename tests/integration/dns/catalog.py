#!/usr/bin/env python3
"""Lists of zones and digests over zones, between us, Knot and ourselves: catalogs made and followed (RFC 9432), ZONEMD made and checked."""
import contextlib, os, re, signal, subprocess

import netlab
from netlab import Daemon, Folder, contains, equal, run, until
from shifted_clock import ShiftedClock

netlab.need('dig', 'ip', 'unshare', 'knotd', 'named')
netlab.isolate()

PRIMARY, SECONDARY, PORT = '127.0.1.1', '127.0.1.2', 5353
for address in (PRIMARY, SECONDARY):
    run('ip', 'address', 'add', address + '/32', 'dev', 'lo')
SECRET = 'MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI='
KEYS = f'keys: {{xfr: {{secret: "{SECRET}"}}}}\n'
SHARED = f'transfer: {{keys: [xfr]}}, notify: ["{SECONDARY}:{PORT}"], key: xfr'


def dig(*query, at=SECONDARY, check=True):
    return run('dig', f'@{at}', '-p', PORT, '+norec', '+tries=1', '+time=5', *query, check=check)


def zone(serial=1, address='10.0.0.1'):
    return f'$TTL 60\n@ SOA ns root {serial} 3600 1 3600 5\n@ NS ns\nns A 127.0.1.1\nwww A {address}\n'


class Primary:
    def __init__(self, zones, options=''):
        self.folder, self.options = Folder(), options
        for name in ('a.lab', 'b.lab', 'c.lab'):
            self.folder.write(f'{name}.zone', zone())
        self.write(zones)
        self.daemon = Daemon('lab-dnsd', '--config', self.folder / 'dns.yaml')

    def write(self, zones):
        self.folder.write('dns.yaml', f'listen: ["{PRIMARY}:{PORT}"]\n{KEYS}journal: state\nzones:\n  catalog.lab: {{catalog: produce, {SHARED}}}\n' +
                          ''.join(f'  {name}: {{file: {name}.zone, member_of: catalog.lab, {SHARED}{self.options}}}\n' for name in zones))

    def change(self, zones):
        self.write(zones)
        self.daemon.signal(signal.SIGHUP)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.__exit__()
        self.folder.__exit__()


def follower(folder, more=''):
    return Daemon('lab-dnsd', '--config', folder.write('dns.yaml', f'''listen: ["{SECONDARY}:{PORT}"]
{KEYS}journal: copies
zones:
  catalog.lab: {{catalog: consume, primaries: ["{PRIMARY}:{PORT}"], key: xfr}}
{more}'''))


def knot(folder, address, zones):
    os.makedirs(folder / 'knot', exist_ok=True)
    return subprocess.Popen(['knotd', '-c', folder.write('knot.conf', f'''server:
    listen: {address}@{PORT}
    rundir: "{folder / 'knot'}"
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
    action: [transfer, notify]
template:
  - id: member
    master: us
    acl: us
zone:
{zones}''')], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextlib.contextmanager
def ended(process):
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def address_of(name):
    return dig('+short', f'www.{name}', 'A', check=False)


def test_a_follower_serves_what_the_catalog_lists_and_no_more():
    with Primary(['a.lab', 'b.lab']) as p, Folder() as folder, follower(folder) as f:
        until(lambda: address_of('a.lab') == address_of('b.lab') == '10.0.0.1', 'both zones')
        contains(dig('www.c.lab', 'A'), 'REFUSED')
        p.change(['a.lab', 'c.lab'])
        until(lambda: address_of('c.lab') == '10.0.0.1', 'the new zone')
        until(lambda: 'REFUSED' in dig('www.b.lab', 'A'), 'the old one to go')
        equal(os.path.exists(folder / 'copies/b.lab.copy'), False, 'the copy of a zone that left')
        contains(f.log(), 'b.lab. is no longer served; its copy is removed')


def test_a_follower_knows_its_zones_after_a_restart_without_the_primary():
    with Folder() as folder:
        with Primary(['a.lab']), follower(folder):
            until(lambda: address_of('a.lab') == '10.0.0.1', 'the zone')
        with follower(folder):
            until(lambda: address_of('a.lab') == '10.0.0.1', 'the zone, from its copy')


def test_a_catalogs_serial_does_not_go_back_with_the_clock():
    """A catalog is made anew at each start, and numbered by the clock: which may have been wrong."""
    if not ShiftedClock.available():
        return
    with Primary(['a.lab']) as p:
        def restart(members, shift):
            p.daemon.kill()
            p.write(members)
            p.daemon = Daemon('lab-dnsd', '--config', p.folder / 'dns.yaml', env=ShiftedClock(p.folder, shift).env)
            return int(dig('+short', 'catalog.lab', 'SOA', at=PRIMARY).split()[2])
        first = restart(['a.lab', 'b.lab'], 86400)
        second = restart(['a.lab', 'b.lab', 'c.lab'], 0)
        equal(second > first, True, f'{second} after {first}')


def test_a_zone_of_its_own_is_not_taken_over():
    with Primary(['a.lab']), Folder() as folder:
        folder.write('mine.zone', zone(address='10.9.9.9'))
        with follower(folder, '  a.lab: {file: mine.zone}\n') as f:
            until(lambda: 'lists a.lab, which is configured here otherwise' in f.log(), 'the warning')
            equal(address_of('a.lab'), '10.9.9.9')


def test_knot_follows_our_catalog():
    with Primary(['a.lab', 'b.lab']) as p, Folder() as folder:
        with ended(knot(folder, SECONDARY, '  - domain: catalog.lab\n    master: us\n    acl: us\n    catalog-role: interpret\n    catalog-template: member\n')):
            until(lambda: address_of('a.lab') == address_of('b.lab') == '10.0.0.1', 'both zones')
            p.change(['b.lab', 'c.lab'])
            until(lambda: address_of('c.lab') == '10.0.0.1', 'the new zone')  # when Knot lets go of the old one is its own affair


def test_bind_follows_our_catalog():
    """BIND takes a catalog only from an answer with AA (DnsServer#1156)."""
    with Primary(['a.lab', 'b.lab']) as p, Folder() as folder:
        config = folder.write('named.conf', f'''
key xfr {{ algorithm hmac-sha256; secret "{SECRET}"; }};
server {PRIMARY} {{ keys xfr; }};
options {{ directory "{folder.path}"; listen-on port {PORT} {{ {SECONDARY}; }}; listen-on-v6 {{ none; }}; recursion no; pid-file none; session-keyfile none;
  dnssec-validation no; notify no; query-source address {SECONDARY}; transfer-source {SECONDARY};
  catalog-zones {{ zone "catalog.lab" default-primaries {{ {PRIMARY} port {PORT} key xfr; }} in-memory yes min-update-interval 0; }}; }};
controls {{ }};
zone "catalog.lab" {{ type secondary; primaries {{ {PRIMARY} port {PORT} key xfr; }}; file "catalog"; }};
''')
        with ended(subprocess.Popen(['named', '-g', '-n', '1', '-c', config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)):
            until(lambda: address_of('a.lab') == address_of('b.lab') == '10.0.0.1', 'both zones')
            p.change(['b.lab', 'c.lab'])
            until(lambda: address_of('c.lab') == '10.0.0.1', 'the new zone')
            until(lambda: 'REFUSED' in dig('www.a.lab', 'A'), 'the old one to go')


def test_we_follow_the_catalog_of_knot():
    with Folder() as knots, Folder() as folder:
        path = knots.write('a.lab.zone', zone())
        shared = '    notify: us\n    acl: us\n'
        with ended(knot(knots, PRIMARY, f'  - domain: catalog.lab\n    catalog-role: generate\n{shared}  - domain: a.lab\n    file: "{path}"\n'
                        f'    catalog-role: member\n    catalog-zone: catalog.lab\n{shared}')), follower(folder):
            until(lambda: address_of('a.lab') == '10.0.0.1', 'the zone')


def test_a_broken_catalog_changes_nothing():
    with Folder() as folder:
        with Primary(['a.lab']), follower(folder):
            until(lambda: address_of('a.lab') == '10.0.0.1', 'the zone')
        with Folder() as other:
            other.write('catalog.zone', '$TTL 0\n@ SOA invalid. invalid. 3000000000 3600 1 3600 0\n@ NS invalid.\nversion TXT "9"\n')
            config = other.write('dns.yaml', f'listen: ["{PRIMARY}:{PORT}"]\n{KEYS}zones: {{catalog.lab: {{file: catalog.zone, {SHARED}}}}}\n')
            with Daemon('lab-dnsd', '--config', config), follower(folder) as f:
                until(lambda: 'the catalog catalog.lab is not followed: it is of a version that is not known here' in f.log(), 'the reason in ' + f.log())
                equal(address_of('a.lab'), '10.0.0.1')


def copy_of(folder, options=''):
    return Daemon('lab-dnsd', '--config', folder.write('dns.yaml', f'listen: ["{SECONDARY}:{PORT}"]\n{KEYS}journal: copies\nzones:\n'
                  f'  a.lab: {{primaries: ["{PRIMARY}:{PORT}"], key: xfr{options}}}\n'))


def test_a_digest_is_made_that_knot_and_we_find_good():
    for options in (', zonemd: true', ', zonemd: true, dnssec: true', ', zonemd: true, dnssec: true, nsec3: true'):
        with Primary(['a.lab'], options), Folder() as folder:
            contains(dig('a.lab', 'ZONEMD', at=PRIMARY), 'ZONEMD\t1 1 1 ')
            with copy_of(folder, ', zonemd: true'):
                equal(address_of('a.lab'), '10.0.0.1')
        with Primary(['a.lab'], options), Folder() as folder:
            with ended(knot(folder, SECONDARY, '  - domain: a.lab\n    master: us\n    acl: us\n    zonemd-verify: on\n')):
                until(lambda: address_of('a.lab') == '10.0.0.1', 'Knot to accept ' + options)


def test_a_copy_with_a_wrong_digest_or_without_one_is_not_taken():
    wrong = '@ ZONEMD 1 1 1 ' + 'ab' * 48 + '\n'
    for digest, options, reason in ((wrong, '', 'its ZONEMD digest does not fit'), ('', ', zonemd: true', 'it has no ZONEMD digest that can be checked')):
        with Primary(['b.lab']) as p, Folder() as folder:
            p.folder.write('a.lab.zone', zone() + digest)
            p.change(['a.lab', 'b.lab'])
            until(lambda: dig('+short', 'a.lab', 'SOA', at=PRIMARY, check=False), 'the zone')
            with copy_of(folder, options) as f:
                until(lambda: reason in f.log(), reason)
                contains(dig('www.a.lab', 'A'), 'SERVFAIL')


netlab.run_tests(globals())
