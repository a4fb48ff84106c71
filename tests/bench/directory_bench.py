"""The measuring part of directory.sh."""
import base64, hashlib, json, os, shutil, socket, statistics, subprocess, sys, tempfile, time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))
BUILD = os.environ.get('LAB_BUILD', os.path.join(ROOT, 'build/release'))
RUNS, SECS = int(os.environ.get('RUNS', 5)), float(os.environ.get('SECS', 3))
WORK = tempfile.mkdtemp(prefix='bench-directory.', dir='/var/tmp')  # on a disk, so that an fsync costs what it costs
BASE = 'dc=helper,dc=bac'
ANONYMOUS_BIND = bytes.fromhex('300c020101600702010304008000')


def figure(metric, ours, peer, name, goal, ok):
    ratio = round(ours / peer, 3) if peer else None
    print(json.dumps({'bench': 'directory', 'metric': metric, 'ours': round(ours, 1), 'peer': round(peer, 1) if peer else None,
                      'peer_name': name, 'ratio': ratio, 'goal': goal, 'ok': ok}), flush=True)


def first_bind(path, process):
    """Waits for the first answer to a bind on the Unix socket."""
    while process.poll() is None:
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(path)
                s.sendall(ANONYMOUS_BIND)
                if s.recv(100):
                    return
            except OSError:
                time.sleep(0.0002)
    raise SystemExit(f'the server ended with {process.returncode}')


def certificates():
    key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    subprocess.run(['openssl', 'req', '-x509', *key, '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2', '-subj', '/CN=srv'],
                   check=True, capture_output=True, cwd=WORK)


def ours(users, folder='ours', fresh=True):
    """Starts lab-directory; the process and the milliseconds to its first bind."""
    place = os.path.join(WORK, folder)
    if fresh:
        shutil.rmtree(place, ignore_errors=True)
        os.mkdir(place)
    config = os.path.join(place, 'directory.yaml')
    with open(config, 'w') as f:
        f.write(f'domain: helper.bac\ndata: {place}/data\nlisten: {{ldap: 127.0.0.1:389, ldaps: 127.0.0.1:636, ldapi: {place}/ldapi}}\n'
                f'tls: {{certificate: {WORK}/cert.pem, key: {WORK}/key.pem, ca: {WORK}/cert.pem}}\ngroups: {{all: {{}}}}\nusers:\n')
        f.writelines(f'  u{i}: {{name: User {i}, password: p{i}, groups: [all]}}\n' for i in range(users))
    start = time.perf_counter()
    process = subprocess.Popen([f'{BUILD}/bin/lab-directory', '--config', config], stderr=subprocess.DEVNULL)
    first_bind(f'{place}/ldapi', process)
    return process, 1000 * (time.perf_counter() - start)


def by_hand(users):
    """slapadd, then slapd; the milliseconds to its first bind."""
    place = os.path.join(WORK, 'hand')
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(f'{place}/db')
    with open(f'{place}/slapd.conf', 'w') as f:
        f.write(''.join(f'include /etc/ldap/schema/{s}.schema\n' for s in ('core', 'cosine', 'inetorgperson')) +
                f'modulepath /usr/lib/ldap\nmoduleload back_mdb\nthreads 4\ndatabase mdb\nsuffix "{BASE}"\nmaxsize 1073741824\n'
                f'directory {place}/db\nindex objectClass,uid,mail eq\n')
    with open(f'{place}/ldif', 'w') as f:
        f.write(f'dn: {BASE}\nobjectClass: domain\ndc: helper\n\ndn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n')
        for i in range(users):
            hashed = base64.b64encode(hashlib.sha1(f'p{i}saltsalt'.encode()).digest() + b'saltsalt').decode()
            f.write(f'dn: uid=u{i},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: u{i}\ncn: User {i}\nsn: {i}\n'
                    f'mail: u{i}@helper.bac\nuserPassword: {{SSHA}}{hashed}\n\n')
    start = time.perf_counter()
    subprocess.run(['/usr/sbin/slapadd', '-q', '-f', f'{place}/slapd.conf', '-l', f'{place}/ldif'], check=True)
    process = subprocess.Popen(['/usr/sbin/slapd', '-d', '0', '-f', f'{place}/slapd.conf', '-h',
                                'ldapi://' + f'{place}/ldapi'.replace('/', '%2F')], preexec_fn=few_files)
    first_bind(f'{place}/ldapi', process)
    elapsed = 1000 * (time.perf_counter() - start)
    process.terminate()
    process.wait()
    return elapsed


def few_files():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))


def stopped(process):
    process.terminate()
    process.wait()


def timed(users):
    process, elapsed = ours(users)
    stopped(process)
    return elapsed


def first():
    pairs = [(timed(5), by_hand(5)) for _ in range(RUNS)]
    a, b = (statistics.median(side) for side in zip(*pairs))
    figure('first_bind_ms.5', a, b, 'slapadd and slapd by hand', '<=1.5', a <= 1.5 * b)


def thousand():
    pairs = [(timed(1000), by_hand(1000)) for _ in range(max(3, RUNS // 2))]
    a, b = (statistics.median(side) for side in zip(*pairs))
    figure('thousand_ms.1000', a, b, 'slapadd and slapd by hand, {SSHA}', 'ours <= 1000 ms', a <= 1000)


def logins():
    process, _ = ours(100)
    try:
        for connections in (1, 8):
            def load(how):
                return float(subprocess.check_output([f'{BUILD}/tests/bench_directory_load', how, f'{WORK}/ours/ldapi', str(connections),
                                                      str(SECS), '100']))
            pairs = [(load('client'), load('raw')) for _ in range(max(3, RUNS // 2))]
            a, b = (statistics.median(side) for side in zip(*pairs))
            figure(f'logins_per_s.c{connections}', a, b, 'bare binds by libldap', '>=0.8', a >= 0.8 * b)
    finally:
        stopped(process)


def cached():
    process, _ = ours(100)
    try:
        rate = statistics.median(float(subprocess.check_output([f'{BUILD}/tests/bench_directory_load', 'cached', f'{WORK}/ours/ldapi', '8', str(SECS), '100']))
                                 for _ in range(max(3, RUNS // 2)))
        figure('cached_per_s', rate, None, None, '>= 50 000', rate >= 50_000)
    finally:
        stopped(process)


def memory():
    process, _ = ours(5)
    time.sleep(0.3)
    with open(f'/proc/{process.pid}/smaps_rollup') as f:
        pss = next(int(line.split()[1]) for line in f if line.startswith('Pss:'))
    stopped(process)
    figure('slapd_pss_kb', pss, None, None, 'alone on the machine; libraries are shared with the mail server in a lab', True)


try:
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    certificates()
    for part in sys.argv[1:] or ['first', 'thousand', 'logins', 'cached', 'memory']:
        {'first': first, 'thousand': thousand, 'logins': logins, 'cached': cached, 'memory': memory}[part]()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
