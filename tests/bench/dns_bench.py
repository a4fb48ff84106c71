"""The benchmark behind dns.sh: sets up each server with the same zones, lets them take turns, prints ratios."""
import json, os, random, re, shutil, signal, socket, statistics, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get('LAB_BIN', os.path.join(HERE, '../../build/release/bin'))
RUNS, SECS, SOAK = int(os.environ.get('RUNS', 9)), float(os.environ.get('SECS', 1)), float(os.environ.get('SOAK', 120))
PORT, ZONE = 5353, 'lab.test'
LOADS = ['-c 1 -T 1 -q 100', '-c 20 -T 1 -q 100', '-c 20 -T 1 -q 500', '-c 20 -T 2 -q 100', '-c 100 -T 2 -q 500']
W = tempfile.mkdtemp(prefix='dns-bench.', dir='/var/tmp')


def path(name):
    return os.path.join(W, name)


def write(name, text):
    with open(path(name), 'w') as f:
        f.write(text)
    return path(name)


def make_zones():
    """`small` has 8 hosts, `big` 100,000; the questions are 60 % A, 30 % MX, 10 % PTR, and in `.nx` a tenth for names that are not there."""
    random.seed(7)
    head = (f'$ORIGIN {ZONE}.\n$TTL 3600\n@ IN SOA ns.{ZONE}. root.{ZONE}. 1 3600 900 604800 300\n@ NS ns\nns A 127.0.0.1\n'
            '@ MX 10 mail\nmail A 10.1.0.10\nwww A 10.1.0.20\n')
    reverse = (f'$ORIGIN 0.1.10.in-addr.arpa.\n$TTL 3600\n@ IN SOA ns.{ZONE}. root.{ZONE}. 1 3600 900 604800 300\n@ NS ns.{ZONE}.\n10 PTR mail.{ZONE}.\n')
    for size, n in (('small', 8), ('big', 100000)):
        def question(missing):
            r, i = random.random(), random.randrange(n)
            if random.random() < missing:
                return f'nx{i}.{ZONE} A\n'
            return f'h{i}.{ZONE} A\n' if r < .6 else f'{ZONE} MX\n' if r < .9 else '10.0.1.10.in-addr.arpa PTR\n'
        write(size + '.zone', head + ''.join(f'h{i} A 10.{2 + (i >> 16)}.{i >> 8 & 255}.{i & 255}\n' for i in range(n)))
        write(size + '.rev', reverse)
        write(size + '.mix', ''.join(question(0) for _ in range(200000)))
        write(size + '.nx', ''.join(question(.1) for _ in range(200000)))


def ours(n, size):
    c = write('ours.yaml', f'listen: [127.0.0.1:{PORT}]\nthreads: {n}\nzones:\n  {ZONE}: {{file: {path(size)}.zone}}\n'
              f'  0.1.10.in-addr.arpa: {{file: {path(size)}.rev}}\n')
    return [os.path.join(BIN, 'lab-dnsd'), '--config', c]


def knot(n, size):
    os.makedirs(path('knot'), exist_ok=True)
    return ['knotd', '-c', write('knot.conf', f'''
server:
    listen: 127.0.0.1@{PORT}
    udp-workers: {n}
    tcp-workers: {n}
    tcp-reuseport: on
    background-workers: 1
    rundir: "{path('knot')}"
database:
    storage: "{path('knot')}"
template:
  - id: default
    journal-content: none
    zonefile-load: whole
zone:
  - domain: {ZONE}
    file: "{path(size)}.zone"
  - domain: 0.1.10.in-addr.arpa
    file: "{path(size)}.rev"
''')]


def nsd(n, size):
    return ['nsd', '-d', '-c', write('nsd.conf', f'''
server:
  ip-address: 127.0.0.1
  port: {PORT}
  server-count: {n}
  reuseport: yes
  minimal-responses: yes
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{W}"
  xfrdir: "{W}"
  pidfile: "{path('nsd.pid')}"
  xfrdfile: "{path('xfrd')}"
  zonelistfile: "{path('zonelist')}"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: {ZONE}
  zonefile: {size}.zone
zone:
  name: 0.1.10.in-addr.arpa
  zonefile: {size}.rev
''')]


def bind(n, size):
    return ['named', '-f', '-n', str(n), '-c', write('named.conf', f'''
options {{ directory "{W}"; listen-on port {PORT} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; pid-file none; session-keyfile none;
  minimal-responses yes; }};
controls {{ }};
logging {{ category default {{ null; }}; category queries {{ null; }}; }};
zone "{ZONE}" {{ type primary; file "{path(size)}.zone"; }};
zone "0.1.10.in-addr.arpa" {{ type primary; file "{path(size)}.rev"; }};
''')]


def echo(_n, _size):
    return [path('udp_echo'), str(PORT)]


SERVERS = {'ours': ours, 'knot': knot, 'nsd': nsd, 'bind': bind, 'echo': echo}


def question(name=f'h1.{ZONE}'):
    return struct.pack('>6H', 1, 0, 1, 0, 0, 0) + b''.join(bytes([len(x)]) + x.encode() for x in name.split('.')) + struct.pack('>BHH', 0, 1, 1)


class Running:
    """A server in the foreground, until its first answer."""

    def __init__(self, name, workers, size):
        command = SERVERS[name](workers, size)
        begin = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(('127.0.0.1', PORT))
            s.settimeout(0.0005)
            while True:
                try:
                    s.send(question())
                    if len(s.recv(512)) > 12:
                        break
                except OSError:
                    pass
                if time.monotonic() - begin > 30 or self.process.poll() is not None:
                    raise SystemExit(f'{name} does not answer: ' + ' '.join(command))
        self.start_ms = (time.monotonic() - begin) * 1e3

    def pss(self):
        total = 0
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                stat = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
                if int(pid) == self.process.pid or int(stat[1]) == self.process.pid:
                    total += next(int(line.split()[1]) for line in open(f'/proc/{pid}/smaps_rollup') if line.startswith('Pss:'))
            except OSError:
                pass
        return total

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def dnsperf(data, options, seconds):
    text = subprocess.run(['dnsperf', '-s', '127.0.0.1', '-p', str(PORT), '-d', path(data), '-l', str(seconds), *options.split()],
                          capture_output=True, text=True).stdout
    number = lambda pattern: float((re.search(pattern, text) or [0, 0])[1])
    wrong = re.search(r'Response codes:.*(SERVFAIL|REFUSED|FORMERR|NOTIMP)', text)
    return number(r'Queries per second:\s+([\d.]+)'), int(number(r'Queries lost:\s+(\d+)')), bool(wrong)


def say(metric, ours_value, peer, peer_name, goal, higher_is_better=True, ratio=None):
    """One figure: ours against the peer's, and whether the goal is reached."""
    if ratio is None:
        ratio = ours_value / peer if peer else 0
    bound = float(goal[2:])
    ok = ratio >= bound if higher_is_better else ratio <= bound
    short = lambda v: round(v) if v >= 1000 else round(v, 2)
    print(json.dumps({'bench': 'dns', 'metric': metric, 'ours': short(ours_value), 'peer': short(peer), 'peer_name': peer_name,
                      'ratio': round(ratio, 2), 'goal': goal, 'ok': ok}), flush=True)


def note(text):
    print(text, file=sys.stderr, flush=True)


def compare(size, contenders, data, extra=''):
    """Questions a second of each (name, workers), turn by turn: the best load of each is found first, then turns are short and
    many, so that what else the machine does falls on all alike."""
    loads = {}
    for name, workers in contenders:
        with Running(name, workers, size):
            options = [o + extra for o in LOADS] if not extra.startswith(' -m tcp') else [' -c 10 -T 1 -q 200' + extra]
            loads[name, workers] = max(options, key=lambda o: statistics.median(dnsperf(data, o, 0.7)[0] for _ in range(3))) if len(options) > 1 else options[0]
    got = {c: [] for c in contenders}
    for _ in range(RUNS):
        for c in contenders:
            with Running(c[0], c[1], size):
                qps, lost, wrong = dnsperf(data, loads[c], SECS)
                if wrong:
                    note(f'{c[0]}: wrong answers')
                got[c].append(qps)
    for c in contenders:
        note(f'{size} {data} {c[0]} x{c[1]}: {[round(v) for v in got[c]]} with{loads[c]}')
    return got


def say_best(metric, results, workers, names, goal):
    """Ours against the best of those: the median of the ratios turn by turn."""
    median = lambda name: statistics.median(results[name, workers])
    name = max((n for n in names if (n, workers) in results), key=median)
    ratios = [mine / peer for mine, peer in zip(results['ours', workers], results[name, workers]) if peer]
    say(metric, median('ours'), median(name), name, goal, ratio=statistics.median(ratios))


def udp(size):
    contenders = [('echo', 1)] if size == 'small' else []
    results = compare(size, contenders + [(n, w) for w in (1, 2) for n in ('knot', 'nsd', 'ours')], size + '.mix')
    for w in (1, 2):
        say_best(f'udp_qps_{size}_{w}w', results, w, ('knot', 'nsd'), '>=1.1')
    if size == 'small':
        say_best('udp_qps_small_1w_of_echo', results, 1, ('echo',), '>=0.95')
    results = compare(size, [(n, 1) for n in ('knot', 'nsd', 'ours')], size + '.nx')
    say_best(f'udp_nx_qps_{size}_1w', results, 1, ('knot', 'nsd'), '>=1.1')


def tcp():
    results = compare('small', [(n, 1) for n in ('knot', 'nsd', 'bind', 'ours')], 'small.mix', ' -m tcp')
    say_best('tcp_qps_small_1w', results, 1, ('knot', 'nsd', 'bind'), '>=1')


def start():
    times, memory = {n: [] for n in ('knot', 'ours')}, {n: [] for n in ('knot', 'ours')}
    for _ in range(max(RUNS, 5)):
        for n in times:
            with Running(n, 1, 'big') as server:
                times[n].append(server.start_ms)
                dnsperf('big.mix', LOADS[1], 0.5)
                memory[n].append(server.pss())
    say('start_ms_big', statistics.median(times['ours']), statistics.median(times['knot']), 'knot', '<=0.5', False)
    say('pss_kb_big', statistics.median(memory['ours']), statistics.median(memory['knot']), 'knot', '<=1', False)


def soak():
    """Memory after the first second of load, and after all of it."""
    with Running('ours', 1, 'big') as server:
        dnsperf('big.nx', LOADS[1], 2)
        dnsperf('big.nx', ' -c 10 -T 1 -q 200 -m tcp', 2)
        first = server.pss()
        dnsperf('big.nx', LOADS[1], SOAK / 2)
        dnsperf('big.nx', ' -c 10 -T 1 -q 200 -m tcp', SOAK / 2)
        say('soak_pss_kb', server.pss(), first, f'after 4 s of load ({SOAK:.0f} s in all)', '<=1.05', False)


def reload():
    """Questions lost or answered wrongly while the zones are read again ten times a second."""
    with Running('ours', 1, 'small') as server:
        dnsperf('small.mix', LOADS[1], 1)
        load = subprocess.Popen(['dnsperf', '-s', '127.0.0.1', '-p', str(PORT), '-d', path('small.mix'), '-l', str(SECS), *LOADS[0].split()],
                                stdout=subprocess.PIPE, text=True)
        reloads = 0
        while load.poll() is None:
            server.process.send_signal(signal.SIGHUP)
            reloads += 1
            time.sleep(0.1)
        text = load.stdout.read()
        lost = int(re.search(r'Queries lost:\s+(\d+)', text)[1])
        codes = re.search(r'Response codes:\s+(.*)', text)[1]
        ok = lost == 0 and re.fullmatch(r'NOERROR \d+ \(100.00%\)', codes.strip()) is not None
        print(json.dumps({'bench': 'dns', 'metric': 'lost_in_reloads', 'ours': lost, 'peer': 0, 'peer_name': f'{reloads} reloads', 'ratio': 0, 'goal': '<=0', 'ok': ok}), flush=True)


def main():
    missing = [p for p in ('knotd', 'nsd', 'named', 'dnsperf', 'gcc', 'ip') if not shutil.which(p)]
    if missing:
        raise SystemExit('needed, but not installed: ' + ', '.join(missing))
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    subprocess.run(['gcc', '-O2', '-o', path('udp_echo'), os.path.join(HERE, 'udp_echo.c')], check=True)
    make_zones()
    parts = {'small': lambda: udp('small'), 'big': lambda: udp('big'), 'tcp': tcp, 'start': start, 'soak': soak, 'reload': reload}
    for part in sys.argv[1:] or parts:
        parts[part]()


try:
    main()
finally:
    shutil.rmtree(W, ignore_errors=True)
