#!/usr/bin/env python3
"""The wire as clients see it: EDNS as the ISC's list of questions asks for it, cookies, DNS over TLS and HTTPS, rate limits, connections
that misbehave, and lab-dnsctl. Real dig, kdig, curl and openssl."""
import base64, json, os, re, signal, socket, ssl, struct, subprocess, time

import netlab
from dns_wire import framed, read_message
from netlab import Daemon, Folder, contains, equal, program, run, until

netlab.need('dig', 'kdig', 'curl', 'openssl', 'nsupdate', 'ip', 'unshare')
netlab.isolate()

PORT, TLS, HTTPS = 5353, 8853, 8443
SECRET = 'MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI='
ZONE = '''$TTL 3600
@    SOA ns hostmaster 7 3600 900 604800 300
     NS  ns
     MX  10 mail
ns   A   127.0.0.1
mail A   192.168.56.10
     AAAA fd00:56::10
'''


def certificate(folder, name='dns'):
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=ns.helper.bac',
        '-addext', 'subjectAltName=DNS:ns.helper.bac,IP:127.0.0.1', '-keyout', folder / f'{name}.key', '-out', folder / f'{name}.crt')


class Server:
    def __init__(self, extra='', zone=ZONE):
        self.folder = Folder()
        certificate(self.folder)
        self.folder.write('helper.bac.zone', zone)
        self.control = self.folder / 'control'
        self.config = self.folder.write('dns.yaml', f'''
listen: [127.0.0.1:{PORT}]
listen_tls: [127.0.0.1:{TLS}]
listen_https: [127.0.0.1:{HTTPS}]
tls: {{certificate: dns.crt, key: dns.key}}
nsid: srv
control: control
journal: journal
update: {{networks: [127.0.0.0/8]}}
zones:
  helper.bac: {{file: helper.bac.zone}}
{extra}''')
        self.daemon = Daemon('lab-dnsd', '--config', self.config)

    def ctl(self, *words, check=True):
        return run(program('lab-dnsctl'), '--control', self.control, *words, check=check)

    def ctl_fails(self, *words):
        done = subprocess.run([program('lab-dnsctl'), '--control', self.control, *words], capture_output=True, text=True)
        equal(done.returncode, 1, done.stdout + done.stderr)
        return done.stderr

    def stats(self):
        return json.loads(self.ctl('stats', '--json'))

    def kdig(self, *words):
        return run('kdig', '@127.0.0.1', '+tls-ca=' + (self.folder / 'dns.crt'), '+tls-hostname=ns.helper.bac', *words)

    def curl(self, *words, check=True):
        return run('curl', '-sS', '--cacert', self.folder / 'dns.crt', '--max-time', 10, *words, check=check)

    def tls(self, alpn=None):
        context = ssl.create_default_context(cafile=self.folder / 'dns.crt')
        if alpn:
            context.set_alpn_protocols(alpn)
        return context.wrap_socket(socket.create_connection(('127.0.0.1', TLS), 5), server_hostname='ns.helper.bac')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.__exit__()
        self.folder.__exit__()


def dig(*words):
    return run('dig', '@127.0.0.1', '-p', PORT, '+tries=1', '+time=5', *words)


def status(text):
    return re.search(r'status: (\w+)', text)[1]


def question(name='mail.helper.bac', kind=1, number=1, flags=0):
    return struct.pack('>6H', number, flags, 1, 0, 0, 0) + b''.join(bytes([len(x)]) + x.encode() for x in name.split('.')) + b'\0' + struct.pack('>2H', kind, 1)


# --- EDNS: kb.isc.org "EDNS Compatibility Dig Queries", RFC 8906 8 ---

def test_the_edns_compliance_queries_get_what_they_ask_for():
    plain = ['+norec', '+noad', '+nocookie', 'helper.bac', 'SOA']
    with Server():
        def ask(*words):
            text = dig(*plain, *words)
            return status(text), 'EDNS: version: 0' in text, '\tSOA\t' in text, text
        for words, code, opt, soa in ((['+noedns'], 'NOERROR', False, True), (['+edns=0'], 'NOERROR', True, True),
                                      (['+edns=1', '+noednsneg'], 'BADVERS', True, False), (['+edns=0', '+ednsopt=100'], 'NOERROR', True, True),
                                      (['+edns=1', '+noednsneg', '+ednsopt=100'], 'BADVERS', True, False), (['+edns=0', '+ednsflags=0x80'], 'NOERROR', True, True),
                                      (['+edns=1', '+noednsneg', '+ednsflags=0x80'], 'BADVERS', True, False), (['+edns=0', '+dnssec'], 'NOERROR', True, True),
                                      (['+edns=0', '+bufsize=512', '+dnssec'], 'NOERROR', True, True), (['+edns=0', '+vc'], 'NOERROR', True, True),
                                      (['+edns=0', '+nsid', '+subnet=0.0.0.0/0', '+expire', '+cookie'], 'NOERROR', True, True)):
            got = ask(*words)
            equal(got[:3], (code, opt, soa), ' '.join(words) + '\n' + got[3])
            if 'OPT=100' in got[3] or 'MBZ' in got[3]:
                raise AssertionError('echoed: ' + got[3])
        contains(ask('+edns=0', '+dnssec')[3], 'flags: do;')
        contains(ask('+edns=0', '+nsid')[3], '("srv")')
        contains(ask('+edns=0', '+vc', '+keepalive')[3], 'TCP KEEPALIVE: 10.0 secs')
        for words, code in ((['+opcode=15'], 'NOTIMP'), (['-t', 'TYPE1000'], 'NOERROR'), (['+zflag'], 'NOERROR'), (['+adflag'], 'NOERROR'), (['+cdflag'], 'NOERROR')):
            equal(status(dig('+norec', '+nocookie', 'helper.bac', *words)), code, ' '.join(words))


def test_random_case_comes_back_as_it_was_asked():
    with Server():
        contains(dig('+norec', 'mAiL.HeLPer.BaC', 'A'), ';mAiL.HeLPer.BaC.')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(question('MaIl.hElPeR.bAc'), ('127.0.0.1', PORT))
            equal(s.recv(512)[12:].startswith(b'\x04MaIl\x06hElPeR\x03bAc\0'), True)


def test_a_client_with_a_cookie_keeps_it():
    with Server() as server:
        cookie = re.search(r'COOKIE: ([0-9a-f]{48}) \(good\)', dig('helper.bac', 'SOA', '+cookie=0102030405060708'))[1]
        contains(dig('helper.bac', 'SOA', '+cookie=' + cookie), cookie + ' (good)')
        wrong = dig('helper.bac', 'SOA', '+nobadcookie', '+cookie=0102030405060708' + 'ab' * 16)
        equal(status(wrong), 'BADCOOKIE')
        equal(status(dig('helper.bac', 'SOA', '+badcookie', '+cookie=0102030405060708' + 'ab' * 16)), 'NOERROR', 'dig tries again with the cookie it got')
        equal(status(dig('helper.bac', 'SOA', '+cookie=01020304')), 'FORMERR')
        events = server.stats()['events']
        equal((events['cookie_bad'], events['cookie_good'] >= 2), (2, True))


def test_servers_with_one_secret_know_each_others_cookies():
    with Server('cookie_secret: e5e973e5a6b2a43f48e7dc849e37bfcf') as server:
        cookie = re.search(r'COOKIE: ([0-9a-f]{48})', dig('helper.bac', 'SOA', '+cookie=0102030405060708'))[1]
        server.daemon.kill()
        server.daemon = Daemon('lab-dnsd', '--config', server.config)
        contains(dig('helper.bac', 'SOA', '+nobadcookie', '+cookie=' + cookie), cookie + ' (good)')


def test_an_error_says_why():
    with Server():
        contains(dig('example.org', 'A'), 'EDE: 20 (Not Authoritative)')


# --- DNS over TLS ---

def test_kdig_gets_answers_over_tls():
    with Server() as server:
        text = server.kdig('-p', TLS, '+tls', '+padding', 'mail.helper.bac', 'A')
        contains(text, '192.168.56.10')
        contains(text, ';; Received 468 B')
        equal(server.stats()['transports'], {'tls': 1})
        other = subprocess.run(['kdig', '@127.0.0.1', '-p', str(TLS), '+tls-ca=' + (server.folder / 'dns.crt'), '+tls-hostname=other.bac', 'mail.helper.bac'], capture_output=True, text=True)
        equal(other.returncode != 0, True, 'another name is no name of this server')


def test_many_questions_over_one_tls_connection():
    with Server() as server, server.tls(['dot']) as c:
        equal(c.selected_alpn_protocol(), 'dot')
        c.sendall(b''.join(framed(question(number=i)) for i in range(1000)))
        equal([struct.unpack('>H', read_message(c)[:2])[0] for _ in range(1000)], list(range(1000)))


def test_a_zone_is_transferred_over_tls():
    with Server('', ZONE + ''.join(f'h{i} A 10.0.{i // 250}.{i % 250}\n' for i in range(5000))) as server:
        config = open(server.config).read().replace('helper.bac.zone}', 'helper.bac.zone, transfer: {networks: [127.0.0.0/8]}}')
        open(server.config, 'w').write(config)
        server.ctl('reload')
        text = server.kdig('-p', TLS, '+tls', 'helper.bac', 'AXFR')
        contains(text, 'h4999.helper.bac.')
        zone = json.loads(server.ctl('zonestatus', 'helper.bac', '--json'))[0]
        equal((zone['given'], zone['last_given']['kind'], zone['last_given']['serial']), (1, 'AXFR', 7))


def test_noise_on_the_tls_port_harms_nobody():
    with Server() as server:
        with socket.create_connection(('127.0.0.1', TLS), 5) as c:
            c.sendall(framed(question()))
            try:
                equal(c.recv(100)[:1] in (b'', b'\x15'), True, 'an alert or the end')
            except ConnectionResetError:
                pass
        with socket.create_connection(('127.0.0.1', TLS), 5), server.tls() as good:  # one that never says a word beside it
            good.sendall(framed(question()))
            read_message(good)
        until(lambda: server.stats()['events'].get('handshake_failed', 0) >= 1, 'the failed handshake in the counters')


def test_a_reload_takes_the_new_certificate():
    with Server() as server:
        with server.tls() as old:
            certificate(server.folder)
            server.ctl('reload')
            old.sendall(framed(question()))
            read_message(old)
        contains(server.kdig('-p', TLS, '+tls', 'mail.helper.bac', 'A'), '192.168.56.10')
        server.folder.write('dns.crt', 'nonsense')
        contains(server.ctl_fails('reload'), 'dns.crt')
        contains(run('kdig', '@127.0.0.1', '-p', TLS, '+tls', 'mail.helper.bac', 'A'), '192.168.56.10')


# --- DNS over HTTPS ---

def test_kdig_gets_answers_over_https():
    with Server() as server:
        contains(server.kdig('-p', HTTPS, '+https', 'mail.helper.bac', 'A'), '192.168.56.10')
        contains(server.kdig('-p', HTTPS, '+https', '+https-get', 'mail.helper.bac', 'A'), '192.168.56.10')
        equal(server.stats()['transports'], {'https': 2})


def test_curl_resolves_by_https_and_gets_clear_errors():
    url = f'https://ns.helper.bac:{HTTPS}'
    with Server() as server:
        resolve = ['--resolve', f'ns.helper.bac:{HTTPS}:127.0.0.1']
        encoded = base64.urlsafe_b64encode(question()).rstrip(b'=').decode()
        head = server.curl(*resolve, '-D', '-', '-o', '/dev/null', f'{url}/dns-query?dns={encoded}')
        contains(head, 'HTTP/2 200')
        contains(head, 'content-type: application/dns-message')
        contains(head, 'cache-control: max-age=3600')
        contains(server.curl(*resolve, f'{url}/'), 'DNS is at /dns-query')
        contains(server.curl(*resolve, '-D', '-', '-d', 'x', f'{url}/dns-query'), 'HTTP/2 415')
        contains(server.curl(*resolve, '-D', '-', f'{url}/dns-query?dns=AAA='), 'HTTP/2 400')
        refused = subprocess.run(['curl', '-sS', '--http1.1', '--cacert', server.folder / 'dns.crt', *resolve, f'{url}/dns-query'], capture_output=True, text=True)
        equal(refused.returncode != 0, True)
        until(lambda: "needs HTTP/2: ALPN 'h2'" in server.daemon.log(), 'the reason in the log')
        context = ssl.create_default_context(cafile=server.folder / 'dns.crt')
        with context.wrap_socket(socket.create_connection(('127.0.0.1', HTTPS), 5), server_hostname='ns.helper.bac') as c:
            c.sendall(b'GET /dns-query HTTP/1.1\r\nHost: ns.helper.bac\r\n\r\n')
            contains(c.recv(4096).decode(), 'HTTP/1.1 400 Bad Request')


# --- connections that misbehave ---

def test_a_and_aaaa_on_one_connection_are_both_answered():
    """glibc asks both at once over TCP; a server that closes after the first makes both fail (systemd#11332)."""
    with Server(), socket.create_connection(('127.0.0.1', PORT), 5) as c:
        c.sendall(framed(question(kind=1, number=1)) + framed(question(kind=28, number=2)))
        equal(sorted(struct.unpack('>H', read_message(c)[:2])[0] for _ in range(2)), [1, 2])
        time.sleep(0.1)
        c.sendall(framed(question(kind=15, number=3)))
        equal(struct.unpack('>H', read_message(c)[:2])[0], 3)


def test_a_client_that_shuts_its_side_down_still_gets_its_answer():
    with Server(), socket.create_connection(('127.0.0.1', PORT), 5) as c:
        c.sendall(framed(question()))
        c.shutdown(socket.SHUT_WR)
        equal(read_message(c)[:2], b'\0\1')
        equal(c.recv(1), b'')


def test_silent_dripping_and_greedy_connections_lose_their_place():
    with Server('tcp: {idle: 1s, connections: 8, connections_per_client: 8}') as server:
        held = [socket.create_connection(('127.0.0.1', PORT), 5) for _ in range(8)]
        dripping = held[0]
        end = time.monotonic() + 8
        dripping.settimeout(0.2)
        closed = False
        while not closed and time.monotonic() < end:  # a byte now and then is no message
            try:
                dripping.sendall(b'\0')
                closed = dripping.recv(1) == b''
            except TimeoutError:
                pass
            except OSError:
                closed = True
        equal(closed, True, 'the dripping connection is closed')
        with socket.create_connection(('127.0.0.1', PORT), 5) as c:
            c.sendall(framed(question()))
            read_message(c)
        equal(server.stats()['events'].get('connections_full', 0), 0)
        for c in held:
            c.close()


def test_a_client_that_does_not_read_stops_only_itself():
    many = ZONE + ''.join(f'many A 10.0.{i // 250}.{i % 250}\n' for i in range(2000))
    with Server('tcp: {idle: 2s}', many) as server:
        with socket.socket() as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.connect(('127.0.0.1', PORT))
            greedy.settimeout(0.5)
            try:
                for _ in range(3000):
                    greedy.sendall(framed(question('many.helper.bac')))
            except (TimeoutError, OSError):
                pass
            contains(dig('+vc', '+short', 'mail.helper.bac', 'A'), '192.168.56.10')
            pss = next(int(line.split()[1]) for line in open(f'/proc/{server.daemon.process.pid}/smaps_rollup') if line.startswith('Pss:'))
            equal(pss < 40_000, True, f'{pss} KB for answers nobody reads')


def test_a_slow_name_does_not_hold_up_what_is_asked_after_it():
    """RFC 7766 6.2.1.1: answers may come out of order; here a server that never answers is in the way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
        hole.bind(('127.0.0.9', 5399))
        with Server('recursion: {networks: [127.0.0.0/8], forwarders: [127.0.0.9:5399]}'), socket.create_connection(('127.0.0.1', PORT), 5) as c:
            c.sendall(framed(question('slow.example.org', number=1, flags=0x100)) + framed(question(number=2)))
            equal(struct.unpack('>H', read_message(c)[:2])[0], 2)


def test_malformed_messages_get_an_answer_or_silence_and_nothing_else():
    good = question()
    cases = {'a response': (good[:2] + b'\x80' + good[3:], None), 'eleven bytes': (good[:11], None), 'no question': (struct.pack('>6H', 1, 0, 0, 0, 0, 0), 1),
             'two questions': (struct.pack('>6H', 1, 0, 2, 0, 0, 0) + good[12:] * 2, 1), 'cut short': (good[:-3], 1), 'bytes behind': (good + b'x', 1),
             'a loop': (struct.pack('>6H', 1, 0, 1, 0, 0, 0) + b'\xc0\x0c\0\1\0\1', 1), 'a label of 64': (struct.pack('>6H', 1, 0, 1, 0, 0, 0) + b'\x40' + b'x' * 64 + b'\0\0\1\0\1', 1),
             'opcode 7': (good[:2] + b'\x38' + good[3:], 4), 'counts too high': (good[:6] + b'\xff\xff' + good[8:], 1)}
    with Server() as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(('127.0.0.1', PORT))
        for name, (message, rcode) in cases.items():
            s.settimeout(0.15 if rcode is None else 5)
            s.send(message)
            try:
                equal(s.recv(4096)[3] & 15, rcode, name)
            except TimeoutError:
                equal(rcode, None, name)
        equal(server.stats()['events']['dropped'], 2)


# --- rate limits ---

def test_a_flood_is_limited_and_true_clients_are_served():
    with Server('rate_limit: {responses: 20, nxdomains: 10, errors: 5, slip: 2, burst: 1}') as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.3)

        def flood(name):
            for i in range(200):
                s.sendto(question(name, number=i), ('127.0.0.1', PORT))
            whole = cut = 0
            try:
                while True:
                    flags = struct.unpack('>H', s.recv(512)[2:4])[0]
                    whole, cut = (whole, cut + 1) if flags & 0x200 else (whole + 1, cut)
            except TimeoutError:
                return whole, cut
        for name, most in (('mail.helper.bac', 20), ('none.helper.bac', 10), ('example.org', 5)):
            whole, cut = flood(name)
            equal(most <= whole <= most * 2, True, f'{name}: {whole} of 200 answered')
            equal(80 <= cut <= 100, True, f'{name}: {cut} of 200 answered with TC')
        contains(dig('+vc', '+short', 'mail.helper.bac', 'A'), '192.168.56.10')
        contains(dig('+short', 'mail.helper.bac', 'AAAA'), 'fd00:56::10')
        cookie = re.search(r'COOKIE: ([0-9a-f]{48})', dig('+vc', 'mail.helper.bac', 'A', '+cookie=0102030405060708'))[1]
        flood('mail.helper.bac')
        contains(dig('+notcp', '+ignore', 'mail.helper.bac', 'A', '+cookie=' + cookie), '192.168.56.10')
        contains(server.daemon.log(), '127.0.0.0/24 asks too fast')
        events = server.stats()['events']
        equal(events['rate_slipped'] > 200 and events['rate_dropped'] > 200, True, str(events))


# --- lab-dnsctl ---

def test_the_counters_count_what_was_asked():
    with Server() as server:
        dig('+norec', 'mail.helper.bac', 'A')
        dig('+norec', 'none.helper.bac', 'MX')
        dig('+norec', '+vc', 'helper.bac', 'MX')
        stats = server.stats()
        equal((stats['transports'], stats['types'], stats['rcodes']), ({'udp': 2, 'tcp': 1}, {'A': 1, 'MX': 2}, {'NOERROR': 2, 'NXDOMAIN': 1}))
        equal(stats['latency_us']['p50'] > 0, True)
        contains(server.ctl('stats'), 'questions by type\n  A            1\n  MX           2')
        contains(server.ctl('status'), '1 zones with ')


def test_a_reload_by_command_says_what_is_wrong_and_where():
    with Server() as server:
        server.folder.write('helper.bac.zone', ZONE.replace('ns hostmaster 7', 'ns hostmaster 8') + 'new A 10.0.0.9\n')
        equal(server.ctl('reload', 'helper.bac'), 'reloaded')
        equal(dig('+short', 'new.helper.bac', 'A'), '10.0.0.9')
        server.folder.write('helper.bac.zone', ZONE + 'bad A 300.1.1.1\n')
        contains(server.ctl_fails('reload'), 'helper.bac.zone:8')
        equal(dig('+short', 'new.helper.bac', 'A'), '10.0.0.9')
        server.folder.write('dns.yaml', open(server.config).read() + '\nnonsense: 1\n')
        contains(server.ctl_fails('reload'), "unknown key 'nonsense'")
        contains(server.ctl_fails('reload', 'example.org'), 'example.org. is no zone of this server')


def test_a_change_of_an_included_file_alone_is_seen():
    with Server(zone=ZONE) as server:
        server.folder.write('more.zone', 'inc A 10.0.0.1\n')
        server.folder.write('helper.bac.zone', ZONE + '$INCLUDE more.zone\n')
        server.ctl('reload')
        equal(dig('+short', 'inc.helper.bac', 'A'), '10.0.0.1')
        server.folder.write('more.zone', 'inc A 10.0.0.2\n')
        server.ctl('reload')
        equal(dig('+short', 'inc.helper.bac', 'A'), '10.0.0.2')


def update(*lines):
    return subprocess.run(['nsupdate'], input='\n'.join([f'server 127.0.0.1 {PORT}', 'zone helper.bac', *lines, 'send', '']), text=True, capture_output=True).stderr.strip()


def test_a_frozen_zone_takes_no_updates_until_it_is_thawed():
    with Server() as server:
        equal(update('update add one.helper.bac 60 A 10.0.0.1'), '')
        server.ctl('freeze', 'helper.bac')
        contains(update('update add two.helper.bac 60 A 10.0.0.2'), 'REFUSED')
        contains(server.ctl('zonestatus', 'helper.bac'), 'frozen')
        server.folder.write('helper.bac.zone', ZONE + 'edited A 10.0.0.3\n')
        server.ctl('thaw', 'helper.bac')
        equal(update('update add two.helper.bac 60 A 10.0.0.2'), '')
        equal([dig('+short', f'{n}.helper.bac', 'A') for n in ('one', 'two', 'edited')], ['10.0.0.1', '10.0.0.2', '10.0.0.3'])


def test_a_dumped_zone_can_be_loaded_again():
    with Server() as server:
        update('update add one.helper.bac 60 TXT "a b" "c\\"d"')
        text = server.ctl('dump', 'helper.bac')
        contains(text, 'one.helper.bac. 60 IN TXT "a b" "c\\"d"')
        server.folder.write('helper.bac.zone', text + '\n')
        server.ctl('reload')
        equal(server.ctl('dump', 'helper.bac').split('\n')[1:], text.split('\n')[1:])
        equal(text.split()[3], 'SOA')


def test_the_zone_status_says_who_was_refused_and_why():
    with Server() as server:
        dig('helper.bac', 'AXFR')
        zone = json.loads(server.ctl('zonestatus', '--json'))[0]
        equal((zone['refused'], zone['last_refused']['rcode'], zone['last_refused']['kind']), (1, 'REFUSED', 'AXFR'))
        contains(server.ctl('zonestatus'), 'REFUSED: the zone')
        contains(server.ctl_fails('retransfer', 'helper.bac'), 'is no copy')


def test_the_statistics_say_who_was_refused_and_why():
    with Server(f'keys: {{xfr: {{secret: "{SECRET}"}}}}') as server:
        dig('helper.bac', 'AXFR')
        dig('helper.bac', 'AXFR', '-y', 'hmac-sha256:nobody:' + SECRET)
        dig('elsewhere.org', 'AXFR', '-y', 'hmac-sha256:xfr:' + SECRET)
        zones = server.stats()['transfers']
        equal((zones['helper.bac.']['refused'], zones['helper.bac.']['last_refused']['rcode'], zones['helper.bac.']['last_refused']['key']), (2, 'BADKEY', 'nobody.'))
        equal((zones['elsewhere.org.']['last_refused']['rcode'], zones['elsewhere.org.']['last_refused']['key']), ('NOTAUTH', 'xfr.'))
        equal(server.stats()['rcodes'], {'REFUSED': 1, 'NOTAUTH': 2})
        text = server.ctl('stats')
        contains(text, 'transfers\n  helper.bac.\n  refused to    ')
        contains(text, 'key nobody., BADKEY: the key or its algorithm is not known here')
        contains(server.daemon.log(), 'message about helper.bac. signed with key nobody. refused with BADKEY')


def test_notify_by_command_tells_the_secondaries():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as secondary:
        secondary.bind(('127.0.0.7', 5399))
        secondary.settimeout(netlab.DEADLINE)
        with Server() as server:
            server.folder.write('dns.yaml', open(server.config).read().replace('helper.bac.zone}', 'helper.bac.zone, notify: ["127.0.0.7:5399"]}'))
            server.ctl('reload')
            equal(server.ctl('notify', 'helper.bac'), 'the secondaries of helper.bac. are told')
            message, peer = secondary.recvfrom(512)
            equal((message[2] >> 3 & 15, message[12:24]), (4, b'\x06helper\x03bac\0'), 'opcode and zone')
            secondary.sendto(message[:2] + bytes([message[2] | 0x80]) + message[3:], peer)
            contains(server.ctl_fails('notify', 'example.org'), 'is no zone of this server')


def test_retransfer_by_command_fetches_what_no_notify_told():
    with Server() as server, Folder() as folder:
        server.folder.write('dns.yaml', open(server.config).read().replace('helper.bac.zone}', 'helper.bac.zone, transfer: {networks: [127.0.0.0/8]}}'))
        server.ctl('reload')
        config = folder.write('dns.yaml', f'listen: ["127.0.0.8:{PORT}"]\ncontrol: control\njournal: copies\nzones: {{helper.bac: {{primaries: ["127.0.0.1:{PORT}"]}}}}\n')
        with Daemon('lab-dnsd', '--config', config) as copy:
            def ask(label):
                return run('dig', '@127.0.0.8', '-p', PORT, '+short', f'{label}.helper.bac', 'A')
            equal(ask('mail'), '192.168.56.10')
            server.folder.write('helper.bac.zone', ZONE.replace('ns hostmaster 7', 'ns hostmaster 8') + 'new A 10.0.0.9\n')
            server.ctl('reload')
            equal(ask('new'), '', 'nobody told the secondary')
            equal(run(program('lab-dnsctl'), '--control', folder / 'control', 'retransfer', 'helper.bac'), 'the primaries of helper.bac. are asked')
            until(lambda: ask('new') == '10.0.0.9', 'the new zone')
            run(program('lab-dnsctl'), '--control', folder / 'control', 'retransfer', 'helper.bac')
            def zonestatus():
                return run(program('lab-dnsctl'), '--control', folder / 'control', 'zonestatus')
            until(lambda: 'nothing newer' in zonestatus(), 'what became of it')
            contains(zonestatus(), f'IXFR 127.0.0.1:{PORT}, serial 8, 5 records')  # the last one that brought something
            done = subprocess.run([program('lab-dnsctl'), '--control', folder / 'control', 'freeze', 'helper.bac'], capture_output=True, text=True)
            contains(done.stderr, 'is a copy: its primary takes the updates')


def test_the_dialogue_over_tls_and_https_is_told_in_the_clear():
    with Folder() as f, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f / 'socket')
        listener.settimeout(netlab.DEADLINE)
        with open(f / 'listening', 'wb') as b:
            b.write(b'\1')
        os.environ['LAB_EVENTS'] = f.path
        try:
            with Server() as server:
                for words, transport in ((['-p', TLS, '+tls'], 'TLS'), (['-p', HTTPS, '+https'], 'HTTPS')):
                    server.kdig(*words, 'mail.helper.bac', 'AAAA')
                    asked, answered = (listener.recv(8192).decode() for _ in range(2))
                    contains(asked, 'mail.helper.bac. AAAA')
                    contains(asked.lower(), transport.lower())
                    contains(answered, 'NOERROR, authoritative: mail.helper.bac. 3600 IN AAAA fd00:56::10')
        finally:
            del os.environ['LAB_EVENTS']


def test_a_reload_changes_all_but_addresses():
    with Server('tcp: {idle: 10s}') as server:
        def change(old, new):
            text = open(server.config).read()
            contains(text, old)
            server.folder.write('dns.yaml', text.replace(old, new))
            return server.ctl('reload', check=False)
        change('nsid: srv', 'nsid: other')
        contains(dig('+nsid', 'helper.bac', 'SOA'), '("other")')
        change('nsid: other', 'nsid: other\nudp_size: 600')
        contains(dig('helper.bac', 'SOA'), 'udp: 600')
        change('idle: 10s', 'idle: 1s')
        contains(dig('+vc', '+keepalive', 'helper.bac', 'SOA'), 'TCP KEEPALIVE: 1.0 secs')
        with socket.create_connection(('127.0.0.1', PORT), netlab.DEADLINE) as c:
            equal(c.recv(1), b'', 'a silent connection is closed')
        change('tcp: {idle: 1s}', 'tcp: {idle: 1s, connections_per_client: 1}\nrate_limit: {responses: 5, burst: 1, slip: 0}')
        with socket.create_connection(('127.0.0.1', PORT), 5) as held, socket.create_connection(('127.0.0.1', PORT), netlab.DEADLINE) as refused:
            held.sendall(framed(question()))
            read_message(held)
            equal(refused.recv(1), b'')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.3)
            for i in range(100):
                s.sendto(question(number=i), ('127.0.0.1', PORT))
            got = 0
            try:
                while s.recv(512):
                    got += 1
            except TimeoutError:
                pass
            equal(5 <= got <= 12, True, f'{got} of 100 answered')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            change('rate_limit: {responses: 5, burst: 1, slip: 0}', '')
            s.settimeout(5)
            for i in range(50):
                s.sendto(question(number=i), ('127.0.0.1', PORT))
                s.recv(512)
        change(f'listen: [127.0.0.1:{PORT}]', f'listen: [127.0.0.1:{PORT}, 127.0.0.5:{PORT}]\nthreads: 2')
        contains(server.daemon.log(), "'listen' has changed: that takes a restart")
        contains(server.ctl_fails('reload'), "'threads' has changed: that takes a restart; what it was stays till then")
        contains(dig('+short', 'mail.helper.bac', 'A'), '192.168.56.10')


def test_recursion_comes_and_goes_with_a_reload():
    upstream = Folder()
    upstream.write('z', '$TTL 60\n@ SOA ns root 1 1 1 1 1\n@ NS ns\nns A 127.0.0.6\nwww A 10.7.7.7\n')
    config = upstream.write('dns.yaml', f'listen: ["127.0.0.6:{PORT}"]\nzones: {{example.org: {{file: z}}}}\n')
    with upstream, Daemon('lab-dnsd', '--config', config), Server() as server:
        before = open(server.config).read()
        equal(status(dig('+rec', 'www.example.org', 'A')), 'REFUSED')
        for networks, code in (('127.0.0.0/8', 'NOERROR'), ('10.0.0.0/8', 'REFUSED'), ('127.0.0.0/8', 'NOERROR')):
            server.folder.write('dns.yaml', before + f'recursion: {{networks: [{networks}], forwarders: ["127.0.0.6:{PORT}"]}}\n')
            server.ctl('reload')
            equal(status(dig('+rec', 'www.example.org', 'A')), code, networks)
        server.folder.write('dns.yaml', before + f'recursion: {{networks: [127.0.0.0/8], forwarders: ["127.0.0.6:{PORT}"], blocklist: [example.org]}}\n')
        server.ctl('reload')
        equal(status(dig('+rec', 'www.example.org', 'A')), 'NXDOMAIN')
        equal(status(dig('+rec', 'example.org', 'TXT')), 'NXDOMAIN')
        server.folder.write('dns.yaml', before)
        server.ctl('reload')
        equal(status(dig('+rec', 'www.example.org', 'A')), 'REFUSED')


def test_the_control_socket_is_the_servers_alone_and_others_are_told():
    with Server() as server:
        equal(oct(os.stat(server.control).st_mode & 0o777), '0o600')
        done = subprocess.run([program('lab-dnsctl'), '--control', server.folder / 'none', 'status'], capture_output=True, text=True)
        equal((done.returncode, 'nobody answers there' in done.stderr), (1, True))
        equal(subprocess.run([program('lab-dnsctl'), 'status'], capture_output=True, text=True, env={'PATH': os.environ['PATH']}).returncode, 2)
        equal(server.daemon.stop(), 0)
        equal(os.path.exists(server.control), False)


netlab.run_tests(globals())
