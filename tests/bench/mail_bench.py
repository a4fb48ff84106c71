"""The benchmark behind mail.sh: starts each server, sends the same mail to both in turn, prints ratios."""
import json, os, shutil, signal, socket, sqlite3, ssl, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get('LAB_BIN', os.path.join(HERE, '../../build/release/bin'))
RUNS, SECS, COUNT = int(os.environ.get('RUNS', 3)), float(os.environ.get('SECS', 3)), int(os.environ.get('COUNT', 2000))
W = tempfile.mkdtemp(prefix='mail-bench.', dir='/var/tmp')  # a real disk: an fsync costs what it costs
os.chmod(W, 0o755)
MASTER = '''{listen} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
'''


def path(name):
    return os.path.join(W, name)


def write(name, text):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), 'w') as f:
        f.write(text)
    return path(name)


def wait_for_greeting(port, tls=False):
    end = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection(('127.0.0.1', port), 1) as s:
                if tls or s.recv(100).startswith(b'220'):
                    return
        except OSError:
            pass
        if time.monotonic() > end:
            raise SystemExit(f'nothing greets on port {port}')
        time.sleep(0.005)


def pss(pids):
    total = 0
    for pid in pids:
        with open(f'/proc/{pid}/smaps_rollup') as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith('Pss:'))
    return total


class Ours:
    name, port, tls_port = 'lab-maild', 2525, 2465

    def __init__(self):
        config = write('ours/mail.yaml', f'''
hostname: mail.bench.test
data: data
listen: {{smtp: [127.0.0.1:{self.port}], smtps: [127.0.0.1:{self.tls_port}]}}
tls: {{certificate: {path("cert.pem")}, key: {path("key.pem")}}}
dns: [127.0.0.1]
domains: {{bench.test: {{users: {{u1: {{password: "Bench-2026"}}}}}}}}
''')
        shutil.rmtree(path('ours/data'), ignore_errors=True)
        self.command = [os.path.join(BIN, 'lab-maild'), '--config', config]
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_greeting(self.port)

    def delivered(self):
        database = sqlite3.connect(f'file:{path("ours/data/mail.db")}?mode=ro', uri=True)
        row = database.execute("SELECT sum(messages) FROM mailbox WHERE name = 'INBOX'").fetchone()
        database.close()
        return row[0] or 0

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Postfix:
    name, port, tls_port = 'postfix', 2625, 2665

    def __init__(self):
        shutil.rmtree(path('postfix'), ignore_errors=True)
        for folder in 'incoming active bounce corrupt defer deferred flush hold private saved trace maildrop public pid'.split():
            os.makedirs(path('postfix/spool/' + folder))
            if folder != 'pid':
                shutil.chown(path('postfix/spool/' + folder), 'postfix', 'postdrop' if folder in ('maildrop', 'public') else None)
                os.chmod(path('postfix/spool/' + folder), {'maildrop': 0o1730, 'public': 0o2710}.get(folder, 0o700))
        os.makedirs(path('postfix/data')), os.makedirs(path('postfix/mail'))
        shutil.chown(path('postfix/data'), 'postfix')
        shutil.chown(path('postfix/mail'), 65534)
        write('postfix/etc/main.cf', f'''compatibility_level=3.6
queue_directory={path("postfix/spool")}
data_directory={path("postfix/data")}
mail_owner=postfix
setgid_group=postdrop
myhostname=mail.bench.test
mydestination=
local_recipient_maps=
alias_maps=
inet_interfaces=127.0.0.1
inet_protocols=ipv4
mynetworks=127.0.0.0/8
smtpd_peername_lookup=no
smtpd_client_connection_count_limit=0
smtpd_client_connection_rate_limit=0
maillog_file=/dev/null
maillog_file_prefixes=/dev
import_environment=MAIL_CONFIG MAIL_LOGTAG
virtual_mailbox_domains=bench.test
virtual_mailbox_base={path("postfix/mail")}
virtual_mailbox_maps=static:box/
virtual_transport=virtual
virtual_uid_maps=static:65534
virtual_gid_maps=static:65534
default_process_limit=200
virtual_destination_concurrency_limit=20
smtpd_tls_cert_file={path("cert.pem")}
smtpd_tls_key_file={path("key.pem")}
''')
        write('postfix/etc/master.cf', MASTER.format(listen=f'127.0.0.1:{self.port}')
              + f'127.0.0.1:{self.tls_port} inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n  -o smtpd_tls_security_level=encrypt\n')
        for file in 'main.cf', 'master.cf':  # Postfix waits two seconds for a main.cf written just now
            os.utime(path('postfix/etc/' + file), (time.time() - 60,) * 2)
        self.process = subprocess.Popen(['/usr/lib/postfix/sbin/master', '-d', '-c', path('postfix/etc')], env=os.environ | {'MAIL_CONFIG': path('postfix/etc')},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_greeting(self.port)

    def delivered(self):
        return sum(len(files) for folder, _, files in os.walk(path('postfix/mail')) if folder.endswith('/new'))

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Sink:
    """Takes mail and forgets it: what the machine and smtp-source allow at most."""
    name, port = 'smtp-sink', 2725

    def __init__(self):
        self.process = subprocess.Popen(['smtp-sink', '-u', 'postfix', f'127.0.0.1:{self.port}', '1000'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_greeting(self.port)
        self.taken = None

    def stop(self):
        self.process.terminate()
        self.process.wait()


def send(server, count, sessions, size, reuse=False):
    """Messages a second, until the last one is delivered."""
    before = server.delivered() if hasattr(server, 'delivered') else 0
    started = time.monotonic()
    subprocess.run(['smtp-source', *(['-d'] if reuse else []), '-s', str(sessions), '-l', str(size), '-m', str(count), '-f', 'a@bench.test',
                    '-t', 'u1@bench.test', f'127.0.0.1:{server.port}'], check=True, timeout=300, stderr=subprocess.DEVNULL)
    if hasattr(server, 'delivered'):
        while server.delivered() - before < count and time.monotonic() - started < 300:
            time.sleep(0.01)
        if server.delivered() - before != count:
            print(f'{server.name}: {count} sent, {server.delivered() - before} delivered', file=sys.stderr)
    return count / (time.monotonic() - started)


def figure(metric, ours, peer, peer_name, goal):
    ratio = ours / peer if peer else None
    limit = float(goal[2:])
    ok = (ratio >= limit if goal.startswith('>=') else ratio <= limit) if ratio is not None else None
    print(json.dumps(dict(bench='mail', metric=metric, ours=round(ours, 1), peer=round(peer, 1), peer_name=peer_name,
                          ratio=round(ratio, 2) if ratio is not None else None, goal=goal, ok=ok)), flush=True)


def absolute(metric, value, goal):
    print(json.dumps(dict(bench='mail', metric=metric, ours=round(value, 1), peer=None, peer_name=None, ratio=None, goal=goal, ok=value <= float(goal[2:]))), flush=True)


def in_turns(ours, peer, measure):
    figures = ([], [])
    for _ in range(RUNS):
        for which, server in enumerate((ours, peer)):
            figures[which].append(measure(server))
    return [statistics.median(f) for f in figures]


def deliver():
    ours, postfix = Ours(), Postfix()
    for size, label in ((4096, '4k'), (65536, '64k')):
        for sessions in 1, 10, 50:
            count = max(100, COUNT // (4 if sessions == 1 else 1) // (2 if size > 4096 else 1))
            a, b = in_turns(ours, postfix, lambda server: send(server, count, sessions, size))
            figure(f'deliver_{label}_s{sessions}', a, b, 'postfix', '>=2' if sessions == 1 or size > 4096 else '>=5')
    ours.stop(), postfix.stop()


def sink():
    ours, floor = Ours(), Sink()
    for sessions in 10, 50:
        for reuse in False, True:
            a, b = in_turns(ours, floor, lambda server: send(server, COUNT * 2, sessions, 4096, reuse))
            figure(f'accept_4k_s{sessions}{"_reused" if reuse else ""}', a, b, 'smtp-sink', '>=0.5' if reuse else '>=0.6')
    ours.stop(), floor.stop()


def handshakes(server, clients):
    """Full TLS handshakes a second: a connection each, closed after it."""
    runs = [subprocess.Popen(['openssl', 's_time', '-connect', f'127.0.0.1:{server.tls_port}', '-new', '-time', str(int(SECS))], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True) for _ in range(clients)]
    total = 0.0
    for run in runs:
        for line in run.communicate()[0].splitlines():
            words = line.split()
            if 'connections in' in line and 'real' in line:
                total += int(words[0]) / float(words[3])
    return total


def tls():
    ours, postfix = Ours(), Postfix()
    for clients in 1, 4:
        a, b = in_turns(ours, postfix, lambda server: handshakes(server, clients))
        figure(f'smtps_handshakes_c{clients}', a, b, 'postfix', '>=1.5')
    ours.stop(), postfix.stop()


def idle():
    ours = Ours()
    absolute('idle_pss_kb', pss([ours.process.pid]), '<=5120')
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    before, held = pss([ours.process.pid]), []
    for _ in range(300):
        held.append(context.wrap_socket(socket.create_connection(('127.0.0.1', ours.tls_port))))
        held[-1].recv(100)
    absolute('kb_per_idle_tls_connection', (pss([ours.process.pid]) - before) / len(held), '<=40')
    ours.stop()


def start():
    ours = Ours()
    ours.stop()
    times = []
    for _ in range(max(9, RUNS)):
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.bind(path('ready'))
        began = time.monotonic()
        process = subprocess.Popen(ours.command, env=os.environ | {'NOTIFY_SOCKET': path('ready')}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ready.recv(100)
        times.append((time.monotonic() - began) * 1000)
        process.terminate()
        process.wait()
        ready.close()
        os.unlink(path('ready'))
    absolute('ready_ms', statistics.median(times), '<=15')


def main():
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path('key.pem'), '-out',
                    path('cert.pem'), '-days', '2', '-subj', '/CN=mail.bench.test'], check=True, stderr=subprocess.DEVNULL)
    for part in sys.argv[1:] or ['deliver', 'sink', 'tls', 'idle', 'start']:
        {'deliver': deliver, 'sink': sink, 'tls': tls, 'idle': idle, 'start': start}[part]()


if __name__ == '__main__':
    try:
        main()
    finally:
        shutil.rmtree(W, ignore_errors=True)
