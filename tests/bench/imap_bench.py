"""imap.sh's work: starts the servers, fills their mailboxes with the same mail, measures both with the same client, prints figures."""
import json, os, random, shutil, signal, socket, statistics, subprocess, sys, tempfile, threading, time

BIN = os.environ.get('LAB_BIN', os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../build/release/bin'))
RUNS = int(os.environ.get('RUNS', 3))
SIZES = [int(n) for n in os.environ.get('SIZES', '10000 100000').split()]
IDLE = int(os.environ.get('IDLE', 500))
IMAP, POP3 = 1143, 1110
WORDS = ('network address server client lease zone record mailbox message protocol packet header teacher student lesson answer question '
         'école réseau').split()


def say(text):
    print(text, file=sys.stderr, flush=True)


def letters(count):
    """Letters of 3 KB whose headers vary; one in a thousand holds the word that is searched."""
    random.seed(3)
    for i in range(count):
        u, clock = random.randrange(500), f'{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02} +0000'
        head = [f'Return-Path: <u{u}@bench.test>',
                f'Received: from pc{u}.bench.test by mail.bench.test with ESMTP id {i:08x}; Mon, 23 Nov 2026 {clock}',
                f'From: User {u} <u{u}@bench.test>', 'To: me@bench.test', f'Cc: U {u + 1} <u{u + 1}@bench.test>',
                f'Subject: {" ".join(random.choices(WORDS[:17], k=4))} {i}', f'Date: Mon, {1 + i % 28:02} Nov 2026 {clock}',
                f'Message-ID: <{i}@bench.test>', *([f'In-Reply-To: <{i - 1}@bench.test>', f'References: <{i - 1}@bench.test>'] if i % 5 else []),
                'MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit', '']
        body = [' '.join(random.choices(WORDS, k=9)) for _ in range(34)] + (['needleword'] if i % 1000 == 0 else [])
        yield ('\r\n'.join(head + body) + '\r\n').encode(), 'Seen' if i % 3 else '', 1700000000 + i * 37


class Imap:
    """A client that counts: the answer is read up to its tagged line and thrown away."""

    def __init__(self, user, select=True):
        self.socket = socket.create_connection(('127.0.0.1', IMAP))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(300)
        self.count = 0
        self.socket.recv(4096)
        self.ask(f'LOGIN {user} x')
        if select:
            self.ask('SELECT INBOX')

    def ask(self, command):
        """Seconds it took."""
        self.count += 1
        tag = f'a{self.count} '.encode()
        start = time.perf_counter()
        self.socket.sendall(tag + command.encode() + b'\r\n')
        return self.wait(tag, start)

    def wait(self, tag, start=0.0):
        tail = b'\r\n'
        while True:
            data = self.socket.recv(1 << 20)
            if not data:
                raise SystemExit('connection closed')
            tail = (tail + data)[-8192:]
            at = tail.rfind(b'\r\n' + tag)
            if at >= 0 and tail.endswith(b'\r\n'):
                if tail[at + 2 + len(tag):].split(b' ')[0] != b'OK':
                    raise SystemExit('refused: ' + tail[at:].decode())
                return time.perf_counter() - start

    def append(self, text, flags='', when=None):
        tag = f'z{self.count} '.encode()
        self.count += 1
        date = time.strftime(' "%d-%b-%Y %H:%M:%S +0000"', time.gmtime(when)) if when else ''
        options = (f' ({flags and chr(92) + flags})' if flags else '') + date
        self.socket.sendall(tag + f'APPEND INBOX{options} {{{len(text)}}}\r\n'.encode())
        answer = b''
        while not answer.endswith(b'\r\n') or b'\r\n+ ' not in b'\r\n' + answer:
            answer += self.socket.recv(4096)
        self.socket.sendall(text + b'\r\n')
        self.wait(tag)


class Server:
    def __init__(self, name, folder):
        self.name, self.folder, self.process = name, os.path.join(folder, name), None
        os.makedirs(self.folder)
        self.prepare()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=open(self.folder + '/log', 'w'))
        for _ in range(2000):
            try:
                with socket.create_connection(('127.0.0.1', IMAP)) as s:
                    if s.recv(4096).startswith(b'* OK'):
                        return self
            except OSError:
                pass
            time.sleep(0.005)
        raise SystemExit(f'{self.name} does not start: ' + open(self.folder + '/log').read()[-500:])

    def stop(self):
        self.process.terminate()
        self.process.wait()
        time.sleep(0.3)

    def memory(self):
        """PSS in kB of the server and its children."""
        total, todo, children = 0, [self.process.pid], {}
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                children.setdefault(int(open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[1]), []).append(int(pid))
            except OSError:
                pass
        while todo:
            pid = todo.pop()
            todo += children.get(pid, [])
            try:
                total += sum(int(l.split()[1]) for l in open(f'/proc/{pid}/smaps_rollup') if l.startswith('Pss:'))
            except OSError:
                pass
        return total


class Ours(Server):
    def prepare(self):
        users = ', '.join(f'{u}: {{password: x}}' for u in [f'big{n}' for n in SIZES] + [f'ap{c}n{r}' for c in (1, 10) for r in range(RUNS)] + ['idle'])
        # Nobody speaks TLS here, but a server that knows passwords has a certificate.
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=mail.bench.test',
                        '-keyout', self.folder + '/key', '-out', self.folder + '/crt'], check=True, capture_output=True)
        with open(self.folder + '/mail.yaml', 'w') as f:
            f.write(f'''hostname: mail.bench.test
data: {self.folder}/data
listen: {{imap: [127.0.0.1:{IMAP}], pop3: [127.0.0.1:{POP3}]}}
tls: {{required: false, certificate: {self.folder}/crt, key: {self.folder}/key}}
dns: [127.0.0.1]
domains: {{bench.test: {{welcome: false, users: {{{users}}}}}}}
''')
        self.command = [os.path.join(BIN, 'lab-maild'), '--config', self.folder + '/mail.yaml', '--log-level', 'warning']


class Dovecot(Server):
    """At its best: no logs, no TLS, limits far above the load; mail_fsync at its default, so that an APPEND is on disk at OK."""

    def prepare(self):
        mail = self.folder + '/mail'
        for path in mail, self.folder + '/home':
            os.makedirs(path)
            os.chown(path, 65534, 65534)
        with open(self.folder + '/dovecot.conf', 'w') as f:
            f.write(f'''base_dir={self.folder}/run
log_path=/dev/null
protocols=imap pop3
ssl=no
disable_plaintext_auth=no
mail_location={self.name}:{mail}/%n
first_valid_uid=1
mail_max_userip_connections=2000
default_process_limit=1500
default_client_limit=6000
passdb {{
  driver=static
  args=password=x
}}
userdb {{
  driver=static
  args=uid=65534 gid=65534 home={self.folder}/home/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    address=127.0.0.1
    port={IMAP}
  }}
  inet_listener imaps {{
    port=0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    address=127.0.0.1
    port={POP3}
  }}
  inet_listener pop3s {{
    port=0
  }}
}}
''')
        self.command = ['dovecot', '-F', '-c', self.folder + '/dovecot.conf']


def fill(server, count):
    """Ours by APPEND over many connections, so in nearly the same order; Dovecot by its own import, which does not sync."""
    user = f'big{count}'
    if isinstance(server, Ours):
        source, lock = letters(count), threading.Lock()

        def work():
            client = Imap(user, False)
            while True:
                with lock:
                    letter = next(source, None)
                if letter is None:
                    return
                client.append(*letter)

        threads = [threading.Thread(target=work) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return
    source = server.folder + '/source'
    for part in 'cur', 'new', 'tmp':
        os.makedirs(f'{source}/{part}')
    for i, (text, flag, when) in enumerate(letters(count)):
        path = f'{source}/cur/{when}.M{i}P1.bench,S={len(text)},W={len(text)}:2,{flag[:1]}'
        with open(path, 'wb') as f:
            f.write(text)
        os.utime(path, (when, when))
    subprocess.run(['chown', '-R', '65534:65534', source], check=True)
    subprocess.run(['doveadm', '-c', server.folder + '/dovecot.conf', '-o', 'mail_fsync=never', 'import', '-u', user, f'maildir:{source}', '', 'all'],
                   check=True, capture_output=True)
    shutil.rmtree(source)


def read(count):
    """Milliseconds of each question, in one session."""
    client, result = Imap(f'big{count}', False), {}

    def measure(name, command):
        result[name] = client.ask(command) * 1000

    measure('select_ms', 'SELECT INBOX')
    measure('fetch_flags_ms', 'FETCH 1:* (UID FLAGS)')
    measure('fetch_envelope_first_ms', 'FETCH 1:* (UID FLAGS ENVELOPE)')
    measure('fetch_envelope_ms', 'FETCH 1:* (UID FLAGS ENVELOPE)')
    for key in 'ARRIVAL', 'FROM', 'SUBJECT':
        measure(f'sort_{key.lower()}_ms', f'SORT ({key}) UTF-8 ALL')
    measure('search_subject_ms', 'SEARCH SUBJECT "zebra"')
    measure('search_body_ms', 'SEARCH BODY "needleword"')
    measure('thread_references_ms', 'THREAD REFERENCES UTF-8 ALL')
    return result


def pop3(count):
    user, result = f'big{count}', {}
    with socket.create_connection(('127.0.0.1', POP3)) as s:
        file = s.makefile('rb', 1 << 18)

        def ask(command, many=False):
            s.sendall(command + b'\r\n')
            line = file.readline()
            assert line.startswith(b'+OK'), (command, line)
            while many and file.readline() != b'.\r\n':
                pass

        file.readline()
        ask(b'USER ' + user.encode())
        ask(b'PASS x')
        start = time.perf_counter()
        ask(b'UIDL', True)
        result['pop3_uidl_ms'] = (time.perf_counter() - start) * 1000
        start = time.perf_counter()
        for i in range(1, 1001):
            ask(b'RETR %d' % i, True)
        result['pop3_retr_per_s'] = 1000 / (time.perf_counter() - start)
        ask(b'QUIT')
    return result


def append(connections, run):
    """4 KB letters into one mailbox, each connection waiting for each OK: letters per second."""
    text = (b'From: a@bench.test\r\nTo: b@bench.test\r\nSubject: append\r\nMessage-ID: <x@bench.test>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n'
            + (b'x' * 74 + b'\r\n') * 51)
    count = 500 if connections == 1 else 2000

    def work():
        client = Imap(f'ap{connections}n{run}')
        for _ in range(count // connections):
            client.append(text)

    threads = [threading.Thread(target=work) for _ in range(connections)]
    start = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return count / (time.perf_counter() - start)


def idle(server):
    """kB of memory for each of many logged-in, selected, idling connections."""
    Imap('idle')
    before = server.memory()
    clients = []
    for _ in range(IDLE):
        client = Imap('idle')
        client.socket.sendall(b'i IDLE\r\n')
        client.socket.recv(100)
        clients.append(client)
    time.sleep(1)
    return (server.memory() - before) / IDLE


# metric: how it must compare with the better peer. '<' at most, '>' at least this many times; the peer's figure may have another name.
GOALS = {'select_ms': ('<', 1), 'fetch_flags_ms': None, 'fetch_envelope_first_ms': ('<', 0.5, 'fetch_envelope_ms'), 'fetch_envelope_ms': ('<', 0.5),
         'sort_arrival_ms': ('<', 1), 'sort_from_ms': ('<', 1), 'sort_subject_ms': ('<', 1), 'search_subject_ms': ('<', 0.5),
         'search_body_ms': ('<', 0.05), 'thread_references_ms': ('<', 1), 'pop3_uidl_ms': ('<', 1), 'pop3_retr_per_s': ('>', 1),
         'append_c1_per_s': ('>', 2), 'append_c10_per_s': ('>', 5), 'idle_pss_kb': ('<=', 40)}


def report(metric, suffix, figures):
    """figures: {server: {metric: [values]}}"""
    goal = GOALS[metric]
    middle = lambda server, name: statistics.median(figures[server][name])
    ours = middle('ours', metric)
    peer_metric = goal[2] if goal and len(goal) > 2 else metric
    peers = {name: middle(name, peer_metric) for name in figures if name != 'ours' and peer_metric in figures[name]}
    line = {'bench': 'imap', 'metric': metric + suffix, 'ours': float(f'{ours:.4g}')}
    if peers:
        best = (max if metric.endswith('per_s') else min)(peers, key=peers.get)
        line |= {'peer': float(f'{peers[best]:.4g}'), 'peer_name': 'dovecot ' + best, 'ratio': float(f'{ours / peers[best]:.3g}')}
    if goal:
        sign, limit = goal[:2]
        ok = ours <= limit if sign == '<=' else (line['ratio'] <= limit if sign == '<' else line['ratio'] >= limit) if peers else None
        line |= {'goal': f'<= {limit} kB' if sign == '<=' else f'{sign}= {limit}', 'ok': ok}
    print(json.dumps(line), flush=True)


def collect(figures, server, values):
    for name, value in values.items():
        figures.setdefault(server.name, {}).setdefault(name, []).append(value)


def main():
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    parts = sys.argv[1:] or ['read', 'append', 'idle']
    folder = tempfile.mkdtemp(prefix='imap-bench.', dir='/var/tmp')  # a real disk, so that an fsync costs what it costs
    os.chmod(folder, 0o755)
    try:
        peers = [] if os.environ.get('PEERS') == 'no' or not shutil.which('dovecot') else [Dovecot('sdbox', folder), Dovecot('mdbox', folder)]
        servers = [Ours('ours', folder), *peers]
        if 'read' in parts:
            for size in SIZES:
                figures = {}
                for server in servers:
                    say(f'{server.name}: filling a mailbox of {size}')
                    server.start()
                    fill(server, size)
                    server.stop()
                for run in range(RUNS):
                    for server in servers:
                        say(f'{server.name}: reading {size}, run {run + 1}')
                        server.start()
                        collect(figures, server, read(size) | pop3(size))
                        server.stop()
                for metric in GOALS:
                    if metric in figures['ours']:
                        report(metric, f'_{size // 1000}k', figures)
        if 'append' in parts:
            figures = {}
            for run in range(RUNS):
                for server in servers:
                    server.start()
                    for connections in 1, 10:
                        say(f'{server.name}: appending over {connections} connections, run {run + 1}')
                        collect(figures, server, {f'append_c{connections}_per_s': append(connections, run)})
                    server.stop()
            for metric in 'append_c1_per_s', 'append_c10_per_s':
                report(metric, '', figures)
        if 'idle' in parts:
            figures = {}
            for server in servers:
                server.start()
                collect(figures, server, {'idle_pss_kb': idle(server)})
                server.stop()
            report('idle_pss_kb', '', figures)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
