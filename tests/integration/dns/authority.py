#!/usr/bin/env python3
"""lab-dnsd as a client sees it: real dig and nsupdate, UDP and TCP, reloads, updates that survive kill -9."""
import os, signal, socket, struct, subprocess, sys, threading, time

import netlab
from netlab import Daemon, Folder, contains, equal, run, until

netlab.need('dig', 'nsupdate', 'ip', 'unshare')
netlab.isolate()

PORT = 5353
ZONE = '''$TTL 3600
@        IN SOA ns hostmaster 7 3600 900 604800 300
         IN NS  ns
         IN MX  10 mail
@        TXT    "v=spf1 mx -all"
ns       A      192.168.56.10
mail     A      192.168.56.10
www      CNAME  mail
_imaps._tcp SRV 0 1 993 mail
sub      NS     ns.sub
ns.sub   A      192.168.57.10
'''
REVERSE = '''$TTL 3600
@ SOA ns.helper.bac. hostmaster.helper.bac. 1 3600 900 604800 300
@ NS ns.helper.bac.
10 PTR mail.helper.bac.
'''


def dig(*query, port=PORT):
    return run('dig', '@127.0.0.1', '-p', port, '+norec', '+tries=1', '+time=5', *query)


def short(*query):
    return dig('+short', *query)


def status(*query):
    text = dig(*query)
    return text.split('status: ')[1].split(',')[0], text.split(';; flags: ')[1].split(';')[0].split()


class Server:
    """lab-dnsd with the two zones, in a folder of its own."""

    def __init__(self, extra='', zone=ZONE):
        self.folder = Folder()
        self.folder.write('zones/helper.bac.zone', zone)
        self.folder.write('zones/reverse.zone', REVERSE)
        self.config = self.folder.write('dns.yaml', f'''
listen: [127.0.0.1:{PORT}, "[::1]:{PORT}"]
zones:
  helper.bac: {{file: zones/helper.bac.zone}}
  56.168.192.in-addr.arpa: {{file: zones/reverse.zone}}
update: {{networks: [127.0.0.0/8]}}
journal: journal
{extra}''')
        self.start()

    def start(self):
        self.daemon = Daemon('lab-dnsd', '--config', self.config)

    def write_zone(self, text):
        self.folder.write('zones/helper.bac.zone', text)

    def reload(self):
        before = self.daemon.log().count(' reloaded')
        self.daemon.signal(signal.SIGHUP)
        until(lambda: self.daemon.log().count(' reloaded') > before, 'the reload')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.__exit__()
        self.folder.__exit__()


def nsupdate(*lines, check=True):
    return run('nsupdate', input='\n'.join([f'server 127.0.0.1 {PORT}', 'zone helper.bac', *lines, 'send', '']), check=check)


def nsupdate_fails(*lines):
    done = subprocess.run(['nsupdate'], input='\n'.join([f'server 127.0.0.1 {PORT}', 'zone helper.bac', *lines, 'send', '']), text=True, capture_output=True)
    return done.stderr.strip()


def serial(zone='helper.bac'):
    return int(short(zone, 'SOA').split()[2])


def test_answers_what_the_zone_says():
    with Server():
        equal(short('mail.helper.bac', 'A'), '192.168.56.10')
        equal(short('helper.bac', 'MX'), '10 mail.helper.bac.')
        equal(short('helper.bac', 'TXT'), '"v=spf1 mx -all"')
        equal(short('-x', '192.168.56.10'), 'mail.helper.bac.')
        equal(short('www.helper.bac', 'A'), 'mail.helper.bac.\n192.168.56.10')
        equal(short('_imaps._tcp.helper.bac', 'SRV'), '0 1 993 mail.helper.bac.')
        equal(status('nobody.helper.bac', 'A'), ('NXDOMAIN', ['qr', 'aa']))
        equal(status('mail.helper.bac', 'MX'), ('NOERROR', ['qr', 'aa']))
        equal(status('x.sub.helper.bac', 'A'), ('NOERROR', ['qr']))
        equal(status('example.org', 'A')[0], 'REFUSED')
        contains(dig('x.sub.helper.bac', 'A'), 'ns.sub.helper.bac.\t3600\tIN\tA\t192.168.57.10')
        contains(dig('mail.helper.bac', 'AAAA'), 'helper.bac.\t\t300\tIN\tSOA')


def test_answers_over_ipv6_and_tcp():
    with Server():
        equal(run('dig', '@::1', '-p', PORT, '+short', 'mail.helper.bac', 'A'), '192.168.56.10')
        equal(run('dig', '@::1', '-p', PORT, '+tcp', '+short', 'mail.helper.bac', 'A'), '192.168.56.10')


def test_a_truncated_answer_is_fetched_over_tcp():
    many = ''.join(f'many A 10.0.{i // 250}.{i % 250}\n' for i in range(500))
    with Server(zone=ZONE + many):
        contains(dig('+ignore', 'many.helper.bac', 'A'), ' tc')
        equal(len(short('many.helper.bac', 'A').splitlines()), 500)


def ask_raw(name, kind=1, number=1):
    labels = b''.join(bytes([len(x)]) + x.encode() for x in name.split('.')) + b'\0'
    return struct.pack('>6H', number, 0, 1, 0, 0, 0) + labels + struct.pack('>2H', kind, 1)


def read_exactly(connection, n):
    data = b''
    while len(data) < n:
        more = connection.recv(n - len(data))
        if not more:
            raise AssertionError('the connection was closed')
        data += more
    return data


def read_message(connection):
    return read_exactly(connection, struct.unpack('>H', read_exactly(connection, 2))[0])


def framed(message):
    return struct.pack('>H', len(message)) + message


def test_pipelined_questions_are_answered_on_one_connection():
    with Server():
        with socket.create_connection(('127.0.0.1', PORT), 5) as c:
            c.sendall(b''.join(framed(ask_raw('mail.helper.bac', number=i)) for i in range(1000)))
            equal([struct.unpack('>H', read_message(c)[:2])[0] for _ in range(1000)], list(range(1000)))


def test_a_question_that_arrives_byte_by_byte_is_answered():
    with Server():
        with socket.create_connection(('127.0.0.1', PORT), 5) as c:
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in framed(ask_raw('mail.helper.bac')):
                c.sendall(bytes([byte]))
            equal(read_message(c)[3] & 15, 0)


def test_half_a_message_and_a_64_kib_message_harm_nobody():
    with Server():
        with socket.create_connection(('127.0.0.1', PORT), 5) as half, socket.create_connection(('127.0.0.1', PORT), 5) as big:
            half.sendall(b'\x00')
            big.sendall(framed(ask_raw('mail.helper.bac') + bytes(65000)))
            equal(read_message(big)[3] & 15, 1, 'FORMERR for trailing bytes')
            equal(short('mail.helper.bac', 'A'), '192.168.56.10')


def test_a_silent_connection_is_closed():
    with Server('tcp: {idle: 1s}'):
        with socket.create_connection(('127.0.0.1', PORT), netlab.DEADLINE) as c:
            equal(c.recv(1), b'')


def test_one_client_cannot_take_all_connections():
    with Server('tcp: {connections_per_client: 3}'):
        kept = [socket.create_connection(('127.0.0.1', PORT), 5) for _ in range(3)]
        for c in kept:
            c.sendall(framed(ask_raw('mail.helper.bac')))
            read_message(c)
        with socket.create_connection(('127.0.0.1', PORT), netlab.DEADLINE) as fourth:
            equal(fourth.recv(1), b'')
        equal(run('dig', '@::1', '-p', PORT, '+tcp', '+short', 'mail.helper.bac', 'A'), '192.168.56.10', 'another client')
        for c in kept:
            c.close()
        until(lambda: '192.168.56.10' in run('dig', '@127.0.0.1', '-p', PORT, '+tcp', '+tries=1', '+short', 'mail.helper.bac', 'A', check=False), 'room again')


def test_ends_within_a_second_of_sigterm():
    with Server() as s:
        with socket.create_connection(('127.0.0.1', PORT), 5):
            begin = time.monotonic()
            equal(s.daemon.stop(), 0)
            if time.monotonic() - begin > 5:
                raise AssertionError('took long')


def test_reload_serves_the_new_zone():
    with Server() as s:
        s.write_zone(ZONE.replace(' 7 3600', ' 8 3600') + 'new A 10.0.0.1\n')
        s.reload()
        equal(short('new.helper.bac', 'A'), '10.0.0.1')
        equal(serial(), 8)


def test_a_zone_with_a_mistake_is_refused_and_the_old_one_served():
    with Server() as s:
        s.write_zone(ZONE.replace('mail     A      192.168.56.10', 'mail A 192.168.56.999') + 'new A 10.0.0.1\n')
        s.reload()
        contains(s.daemon.log(), "helper.bac.zone:7: '192.168.56.999' is not an IPv4 address")
        equal(short('mail.helper.bac', 'A'), '192.168.56.10')
        equal(short('new.helper.bac', 'A'), '')


def test_a_changed_file_with_an_old_serial_gets_a_new_one():
    with Server() as s:
        s.write_zone(ZONE + 'new A 10.0.0.1\n')
        s.reload()
        equal(serial(), 8)
        s.daemon.kill()
        s.start()
        equal(serial(), 8, 'after a restart: a serial never goes back')


def test_reload_under_load_loses_no_question():
    with Server() as s:
        stop, wrong, asked = threading.Event(), [], [0]

        def ask():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
                c.connect(('127.0.0.1', PORT))
                c.settimeout(netlab.DEADLINE)
                while not stop.is_set():
                    asked[0] += 1
                    c.send(ask_raw('mail.helper.bac'))
                    try:
                        reply = c.recv(4096)
                        if reply[3] & 15 or not reply.endswith(bytes([192, 168, 56, 10])):
                            wrong.append(reply)
                    except TimeoutError:
                        wrong.append(b'lost')

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for t in threads:
            t.start()
        for i in range(20):
            s.write_zone(ZONE + f'n{i} A 10.0.0.1\n')
            s.reload()
        stop.set()
        for t in threads:
            t.join()
        equal(wrong, [], f'of {asked[0]} questions')


def test_an_update_changes_the_zone_and_its_serial():
    with Server():
        nsupdate('update add pc1.helper.bac 300 A 192.168.56.100')
        equal(short('pc1.helper.bac', 'A'), '192.168.56.100')
        equal(serial(), 8)
        nsupdate('update delete pc1.helper.bac A')
        equal(status('pc1.helper.bac', 'A')[0], 'NXDOMAIN')
        equal(serial(), 9)
        nsupdate('update delete pc1.helper.bac A')
        equal(serial(), 9, 'nothing changed')


def test_an_update_over_tcp_works_too():
    with Server():
        run('nsupdate', '-v', input=f'server 127.0.0.1 {PORT}\nzone helper.bac\nupdate add pc2.helper.bac 300 A 192.168.56.101\nsend\n')
        equal(short('pc2.helper.bac', 'A'), '192.168.56.101')


def test_prerequisites_hold_or_nothing_is_done():
    with Server():
        contains(nsupdate_fails('prereq nxdomain mail.helper.bac', 'update add mail.helper.bac 300 A 10.0.0.1'), 'YXDOMAIN')
        contains(nsupdate_fails('prereq yxdomain pc1.helper.bac', 'update add pc1.helper.bac 300 A 10.0.0.1'), 'NXDOMAIN')
        contains(nsupdate_fails('prereq yxrrset mail.helper.bac AAAA', 'update add pc1.helper.bac 300 A 10.0.0.1'), 'NXRRSET')
        contains(nsupdate_fails('prereq nxrrset mail.helper.bac A', 'update add pc1.helper.bac 300 A 10.0.0.1'), 'YXRRSET')
        contains(nsupdate_fails('prereq yxrrset mail.helper.bac A 10.0.0.9', 'update add pc1.helper.bac 300 A 10.0.0.1'), 'NXRRSET')
        nsupdate('prereq yxrrset mail.helper.bac A 192.168.56.10', 'update add pc1.helper.bac 300 A 10.0.0.1')
        equal(short('pc1.helper.bac', 'A'), '10.0.0.1')
        equal(serial(), 8)


def test_a_cname_joins_no_other_data():
    with Server():
        nsupdate('update add mail.helper.bac 0 CNAME ns.helper.bac')  # passed over, RFC 2136 3.4.2.2
        equal(short('mail.helper.bac', 'A'), '192.168.56.10')
        nsupdate('update add www.helper.bac 0 A 10.0.0.1')
        equal(short('www.helper.bac', 'CNAME'), 'mail.helper.bac.')
        nsupdate('update add _tcp.helper.bac 60 CNAME mail.helper.bac')  # over an empty non-terminal it is legal
        equal(short('_tcp.helper.bac', 'CNAME'), 'mail.helper.bac.')


def test_the_apex_keeps_its_soa_and_ns():
    with Server():
        nsupdate('update delete helper.bac')
        equal(short('helper.bac', 'NS'), 'ns.helper.bac.')
        equal(short('helper.bac', 'MX'), '')
        nsupdate('update delete helper.bac NS ns.helper.bac.')
        equal(short('helper.bac', 'NS'), 'ns.helper.bac.')


def test_an_update_of_a_zone_that_is_not_ours_is_notauth():
    with Server():
        done = subprocess.run(['nsupdate'], input=f'server 127.0.0.1 {PORT}\nzone example.org\nupdate add x.example.org 1 A 1.1.1.1\nsend\n', text=True, capture_output=True)
        contains(done.stderr, 'NOTAUTH')


def test_an_update_from_elsewhere_is_refused_and_logged():
    with Server() as s:
        s.folder.write('dns.yaml', open(s.config).read().replace('networks: [127.0.0.0/8]', 'networks: [10.0.0.0/8]'))
        s.reload()
        contains(nsupdate_fails('update add pc1.helper.bac 300 A 10.0.0.1'), 'REFUSED')
        contains(s.daemon.log(), "127.0.0.1 is in none of the networks of 'update'")


def test_updates_survive_kill_9():
    with Server() as s:
        for i in range(20):
            nsupdate(f'update add pc{i}.helper.bac 300 A 192.168.56.{100 + i}')
            s.daemon.kill()
            s.start()
            equal(short(f'pc{i}.helper.bac', 'A'), f'192.168.56.{100 + i}')
        equal(short('pc0.helper.bac', 'A'), '192.168.56.100')
        equal(serial(), 27)


def test_a_journal_torn_by_a_power_cut_loses_only_what_was_not_answered():
    with Server() as s:
        nsupdate('update add pc1.helper.bac 300 A 192.168.56.100')
        s.daemon.kill()
        with open(s.folder / 'journal/helper.bac.journal', 'ab') as f:
            f.write(b'\0\0\0\x60half an entry')
        s.start()
        contains(s.daemon.log(), 'were not written completely')
        equal(short('pc1.helper.bac', 'A'), '192.168.56.100')
        nsupdate('update add pc2.helper.bac 300 A 192.168.56.101')
        s.daemon.kill()
        s.start()
        equal(short('pc2.helper.bac', 'A'), '192.168.56.101')


def test_updates_stay_when_the_file_is_edited():
    with Server() as s:
        nsupdate('update add pc1.helper.bac 300 A 192.168.56.100')
        s.write_zone(ZONE.replace(' 7 3600', ' 2026112301 3600') + 'new A 10.0.0.1\npc9 A 10.0.0.9\n')
        s.reload()
        equal(short('pc1.helper.bac', 'A'), '192.168.56.100')
        equal(short('new.helper.bac', 'A'), '10.0.0.1')
        equal(serial(), 2026112301)
        s.write_zone(ZONE)
        s.reload()
        equal(serial(), 2026112302, 'the file went back, the serial does not')
        s.daemon.kill()
        s.start()
        equal(serial(), 2026112302)
        equal(short('pc1.helper.bac', 'A'), '192.168.56.100')


def test_records_written_by_hand_survive_when_they_are_protected():
    with Server() as s:
        s.folder.write('dns.yaml', open(s.config).read().replace('8]}', '8], protect_zone_files: true}'))
        s.reload()
        nsupdate('update add mail.helper.bac 300 A 192.168.56.100')
        nsupdate('update delete mail.helper.bac A')
        equal(short('mail.helper.bac', 'A'), '192.168.56.10')
        nsupdate('update delete mail.helper.bac A 192.168.56.10')
        equal(short('mail.helper.bac', 'A'), '192.168.56.10')


def test_a_serial_does_not_go_back_while_the_server_is_down():
    with Server(zone=ZONE.replace(' 7 3600', ' 70 3600')) as s:
        equal(serial(), 70)
        s.daemon.kill()
        s.write_zone(ZONE.replace(' 7 3600', ' 8 3600') + 'new A 10.0.0.1\n')
        s.start()
        equal((serial(), short('new.helper.bac', 'A')), (71, '10.0.0.1'), 'the file has an older serial: its records are served under a new one')
        s.daemon.kill()
        s.start()
        equal(serial(), 71, 'nothing has changed')
        nsupdate('update add pc1.helper.bac 300 A 192.168.56.100')
        s.daemon.kill()
        s.write_zone(ZONE.replace(' 7 3600', ' 9 3600') + 'newer A 10.0.0.2\n')
        s.start()
        equal((serial(), short('newer.helper.bac', 'A'), short('pc1.helper.bac', 'A')), (73, '10.0.0.2', '192.168.56.100'))


def test_a_journal_that_cannot_be_written_is_told_before_anybody_updates():
    """nycmesh-dns#251: a folder that is not writable broke updates, and nobody knew why."""
    with Folder() as f:
        f.write('z.zone', ZONE)
        f.write('file', 'no folder')
        config = f.write('dns.yaml', f'listen: [127.0.0.1:{PORT}]\nzones: {{helper.bac: {{file: z.zone}}}}\nupdate: {{networks: [127.0.0.0/8]}}\njournal: file\n')
        done = subprocess.run([netlab.program('lab-dnsd'), '--config', config], text=True, capture_output=True)
        equal(done.returncode != 0, True)
        contains(done.stderr, 'file')
        contains(done.stderr.lower(), 'folder')


def test_check_config_finds_every_mistake():
    with Folder() as f:
        f.write('z.zone', ZONE + 'x A 1.2.3\ny AAAAA ::1\n')
        config = f.write('dns.yaml', f'listen: [127.0.0.1:{PORT}]\nzones: {{helper.bac: {{file: z.zone}}}}\n')
        done = subprocess.run([netlab.program('lab-dnsd'), '--config', config, '--check-config'], text=True, capture_output=True)
        equal(done.returncode, 2)
        contains(done.stderr, "z.zone:12: '1.2.3' is not an IPv4 address")
        contains(done.stderr, "z.zone:13: 'AAAAA' is not a record type; did you mean 'AAAA'?")
        f.write('dns.yaml', 'listn: [127.0.0.1:5353]\nzones: {}\n')
        done = subprocess.run([netlab.program('lab-dnsd'), '--config', config, '--check-config'], text=True, capture_output=True)
        equal(done.returncode, 2)
        contains(done.stderr, "did you mean 'listen'?")


def test_check_config_beside_a_running_server_takes_nothing_from_it():
    """It reads the same journal's folder: what it writes there, the server would lose at kill -9."""
    with Server() as s:
        nsupdate('update add pc1.helper.bac 300 A 192.168.56.100')
        s.write_zone(ZONE + 'edited A 10.0.0.1\n')
        before = sorted((e.name, e.stat().st_ino, e.stat().st_mtime_ns) for e in os.scandir(s.folder / 'journal'))
        contains(run(netlab.program('lab-dnsd'), '--config', s.config, '--check-config'), 'no mistakes')
        equal(sorted((e.name, e.stat().st_ino, e.stat().st_mtime_ns) for e in os.scandir(s.folder / 'journal')), before)
        nsupdate('update add pc2.helper.bac 300 A 192.168.56.101')
        s.daemon.kill()
        s.start()
        equal([short(f'{n}.helper.bac', 'A') for n in ('pc1', 'pc2', 'edited')], ['192.168.56.100', '192.168.56.101', '10.0.0.1'])


def test_includes_stay_in_the_folder():
    with Folder() as f:
        f.write('zones/more.inc', 'inc A 10.0.0.1\n')
        f.write('zones/z.zone', ZONE + '$INCLUDE more.inc\n$INCLUDE /etc/passwd\n$INCLUDE ../outside\n')
        f.write('outside', 'x A 1.1.1.1\n')
        config = f.write('dns.yaml', f'listen: [127.0.0.1:{PORT}]\nzones: {{helper.bac: {{file: zones/z.zone}}}}\n')
        done = subprocess.run([netlab.program('lab-dnsd'), '--config', config, '--check-config'], text=True, capture_output=True)
        contains(done.stderr, "z.zone:13: '/etc/passwd' is outside the zone file's folder")
        contains(done.stderr, "z.zone:14: '../outside' is outside the zone file's folder")


def test_the_dialogue_is_told_to_who_listens():
    with Folder() as f:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(f / 'socket')
            listener.settimeout(netlab.DEADLINE)
            with open(f / 'listening', 'wb') as b:
                b.write(b'\1')
            os.environ['LAB_EVENTS'] = f.path
            try:
                with Server():
                    short('helper.bac', 'MX')
                    said = [listener.recv(8192).decode() for _ in range(2)]
            finally:
                del os.environ['LAB_EVENTS']
            contains(said[0], 'helper.bac. MX')
            contains(said[1], 'NOERROR, authoritative: helper.bac. 3600 IN MX 10 mail.helper.bac.')


netlab.run_tests(globals())
