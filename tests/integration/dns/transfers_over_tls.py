#!/usr/bin/env python3
"""Zones over TLS (RFC 9103): lab-dnsd gives them and fetches them, with itself, BIND and kdig; what is not as it should be is refused and told."""
import contextlib, os, socket, ssl, subprocess, threading

import dns_wire as wire
import netlab
from netlab import Daemon, Folder, contains, equal, program, run, until

netlab.need('dig', 'kdig', 'nsupdate', 'openssl', 'ip', 'unshare', 'named')
netlab.isolate()

PRIMARY, SECONDARY, PORT, TLS = '127.0.1.1', '127.0.1.2', 5353, 8853
for address in (PRIMARY, SECONDARY):
    run('ip', 'address', 'add', address + '/32', 'dev', 'lo')
SECRET = 'MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI='
KEY = f'hmac-sha256:xfr:{SECRET}'
KEYS = f'keys: {{xfr: {{secret: "{SECRET}"}}}}\n'
ZONE = '$TTL 60\n@ SOA ns root 1 3600 1 3600 5\n@ NS ns\nns A 127.0.1.1\nwww A 10.0.0.1\n'


def certificates(folder):
    """A CA, and a certificate of it for ns.helper.bac."""
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=test CA',
        '-keyout', folder / 'ca.key', '-out', folder / 'ca.crt')
    run('openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=ns.helper.bac', '-keyout', folder / 'ns.key', '-out', folder / 'ns.csr')
    run('openssl', 'x509', '-req', '-days', '2', '-in', folder / 'ns.csr', '-CA', folder / 'ca.crt', '-CAkey', folder / 'ca.key', '-CAcreateserial', '-out', folder / 'ns.crt',
        '-extfile', folder.write('ext', 'subjectAltName=DNS:ns.helper.bac\n'))


def dig(*query, at=SECONDARY):
    return run('dig', f'@{at}', '-p', PORT, '+norec', '+tries=1', '+time=5', *query, check=False)


def address(label='www'):
    return dig('+short', f'{label}.helper.bac', 'A')


@contextlib.contextmanager
def primary(transfer='keys: [xfr], tls: true', zone=ZONE):
    with Folder() as folder:
        certificates(folder)
        folder.write('helper.zone', zone)
        config = folder.write('dns.yaml', f'''listen: ["{PRIMARY}:{PORT}"]
listen_tls: ["{PRIMARY}:{TLS}"]
tls: {{certificate: ns.crt, key: ns.key}}
control: control
{KEYS}zones:
  helper.bac: {{file: helper.zone, transfer: {{{transfer}}}, notify: ["{SECONDARY}:{PORT}"], key: xfr}}
update: {{networks: [127.0.0.0/8]}}
journal: journal
''')
        with Daemon('lab-dnsd', '--config', config) as daemon:
            daemon.files = folder
            yield daemon


@contextlib.contextmanager
def secondary(ca, name='ns.helper.bac', port=TLS):
    tls = f'{{name: {name}, ca: "{ca}"}}' if ca else '{}'
    with Folder() as folder:
        config = folder.write('dns.yaml', f'''listen: ["{SECONDARY}:{PORT}"]
control: control
{KEYS}zones: {{helper.bac: {{primaries: ["{PRIMARY}:{port}"], primaries_tls: {tls}, key: xfr}}}}
journal: copies
''')
        with Daemon('lab-dnsd', '--config', config) as daemon:
            daemon.files = folder
            yield daemon


def nsupdate(*lines):
    run('nsupdate', input='\n'.join([f'server {PRIMARY} {PORT}', 'zone helper.bac', *lines, 'send', '']))


def test_our_secondary_fetches_over_tls_and_follows():
    many = ''.join(f'h{i} A 10.0.{i // 250}.{i % 250}\n' for i in range(20000))
    with primary(zone=ZONE + many) as p, secondary(p.files / 'ca.crt') as s:
        until(lambda: address() == '10.0.0.1', 'the first transfer\n' + s.log())
        equal(address('h19999'), '10.0.79.249')
        contains(s.log(), f'by AXFR from {PRIMARY}:{TLS} over TLS')
        nsupdate('update add pc1.helper.bac 60 A 10.0.0.9')
        until(lambda: address('pc1') == '10.0.0.9', 'NOTIFY and IXFR')
        contains(s.log(), f'by IXFR from {PRIMARY}:{TLS} over TLS')


def test_a_zone_for_tls_alone_is_not_given_in_the_clear():
    with primary() as p:
        contains(dig('helper.bac', 'AXFR', '-y', KEY, at=PRIMARY), 'Transfer failed')
        contains(p.log(), "(key xfr.): AXFR of helper.bac. refused with REFUSED: the zone is given over TLS alone")
        text = run('kdig', f'@{PRIMARY}', '-p', TLS, '+tls-ca=' + (p.files / 'ca.crt'), '+tls-hostname=ns.helper.bac', 'helper.bac', 'AXFR', '-y', KEY)
        contains(text, 'www.helper.bac.')
        run('kdig', f'@{PRIMARY}', '-p', TLS, '+tls', 'helper.bac', 'AXFR', check=False)
        contains(p.log(), "refused with REFUSED: the zone's 'transfer' names neither", 'TLS alone is no permission either')
        contains(run(program('lab-dnsctl'), '--control', p.files / 'control', 'stats'), "refused to    ")


def test_a_primary_with_another_name_or_of_another_ca_is_not_believed():
    with primary() as p, Folder() as other:
        certificates(other)
        for ca, name, reason in ((p.files / 'ca.crt', 'ns.other.bac', 'hostname mismatch'), (other / 'ca.crt', 'ns.helper.bac', 'certificate')):
            with secondary(ca, name) as s:
                until(lambda: f'AXFR from {PRIMARY}:{TLS} with key xfr. failed: no TLS: ' in s.log(), 'the failure in the log\n' + s.log())
                contains(s.log().lower(), reason)
                contains(dig('www.helper.bac', 'A'), 'SERVFAIL')
                contains(run(program('lab-dnsctl'), '--control', s.files / 'control', 'stats'), 'no TLS')


def test_an_old_tls_is_for_questions_alone():
    """RFC 9103 7.1: zones leave over TLS 1.3 or newer."""
    with primary('networks: [127.0.0.0/8]') as p:
        for version, kind, rcode in ((ssl.TLSVersion.TLSv1_2, 1, 0), (ssl.TLSVersion.TLSv1_2, wire.AXFR, 5), (ssl.TLSVersion.TLSv1_3, wire.AXFR, 0)):
            context = ssl.create_default_context(cafile=p.files / 'ca.crt')
            context.maximum_version = version
            with context.wrap_socket(socket.create_connection((PRIMARY, TLS), 5), server_hostname='ns.helper.bac') as c:
                c.sendall(wire.framed(wire.question('helper.bac', kind)))
                equal(wire.Reply(wire.read_message(c)).rcode, rcode, f'{version} {kind}')
        contains(p.log(), 'refused with REFUSED: zones are not given over TLS older than 1.3')


def test_without_a_name_it_is_encrypted_all_the_same():
    with primary(), secondary('') as s:
        until(lambda: address() == '10.0.0.1', 'the transfer\n' + s.log())
        contains(s.log(), 'over TLS')


def test_a_primary_that_speaks_no_tls_is_told():
    with primary('keys: [xfr]') as p, secondary(p.files / 'ca.crt', port=PORT) as s:
        until(lambda: 'failed: no TLS' in s.log() or 'does not answer over TLS' in s.log(), 'the failure\n' + s.log())
        contains(dig('www.helper.bac', 'A'), 'SERVFAIL')


def test_tls_1_3_and_the_protocol_dot_are_asked_for():
    """RFC 9103 7.1."""
    seen = []
    with Folder() as folder:
        certificates(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / 'ns.crt', folder / 'ns.key')
        context.set_alpn_protocols(['dot'])
        listener = socket.create_server((PRIMARY, TLS))

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    raw = listener.accept()[0]
                    with context.wrap_socket(raw, server_side=True) as c:
                        wire.read_message(c)
                        seen.append((c.version(), c.selected_alpn_protocol()))
        threading.Thread(target=serve, daemon=True).start()
        with secondary(folder / 'ca.crt') as s:
            until(lambda: seen, 'the question\n' + s.log())
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        equal(seen[0], ('TLSv1.3', 'dot'))


@contextlib.contextmanager
def named(folder, address, more, zone):
    config = folder.write('named.conf', f'''
key xfr {{ algorithm hmac-sha256; secret "{SECRET}"; }};
{more}
options {{ directory "{folder.path}"; listen-on port {PORT} {{ {address}; }}; listen-on-v6 {{ none; }}; recursion no; pid-file none;
  session-keyfile none; dnssec-validation no; notify no; query-source address {address}; transfer-source {address}; minimal-responses yes;
  {'listen-on port ' + str(TLS) + ' tls own { ' + address + '; };' if address == PRIMARY else ''} }};
controls {{ }};
zone "helper.bac" {{ {zone} }};
''')
    process = subprocess.Popen(['named', '-g', '-n', '1', '-c', config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_bind_fetches_over_tls_from_us():
    with primary() as p, Folder() as folder:
        tls = f'tls prim {{ ca-file "{p.files / "ca.crt"}"; remote-hostname "ns.helper.bac"; }};'
        with named(folder, SECONDARY, tls, f'type secondary; primaries {{ {PRIMARY} port {TLS} key xfr tls prim; }}; file "copy"; masterfile-format text;'):
            until(lambda: address() == '10.0.0.1', 'the first transfer')
            nsupdate('update add pc1.helper.bac 60 A 10.0.0.9')
            until(lambda: address('pc1') == '10.0.0.9', 'NOTIFY and IXFR')
        contains(p.log(), 'IXFR of helper.bac. serial 2, 1 changes')


def test_we_fetch_over_tls_from_bind():
    with Folder() as folder:
        certificates(folder)
        folder.write('helper.zone', ZONE)
        tls = f'tls own {{ cert-file "{folder / "ns.crt"}"; key-file "{folder / "ns.key"}"; }};'
        with named(folder, PRIMARY, tls, f'type primary; file "helper.zone"; allow-transfer port {TLS} transport tls {{ key xfr; }}; allow-update {{ any; }}; '
                   f'ixfr-from-differences yes; notify explicit; also-notify port {PORT} {{ {SECONDARY} key xfr; }};'), secondary(folder / 'ca.crt') as s:
            until(lambda: address() == '10.0.0.1', 'the first transfer\n' + s.log())
            nsupdate('update add pc1.helper.bac 60 A 10.0.0.9')
            until(lambda: address('pc1') == '10.0.0.9', 'NOTIFY and IXFR\n' + s.log())
            contains(s.log(), f'by IXFR from {PRIMARY}:{TLS} over TLS')


netlab.run_tests(globals())
