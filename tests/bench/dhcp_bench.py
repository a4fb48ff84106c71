#!/usr/bin/env python3
"""lab-dhcpd beside Kea: DORA/s, latency, memory and start with 60,000 leases, and a class of 500 switched on at once.

Fairness: perfdhcp plays a relay (giaddr 10.77.0.2), so that all is unicast and every client is new. Each rate starts with a
fresh server and no leases. Kea writes its lease file (memfile, persist) with two threads and the packet queue that serve it
best, logs errors only, and never fsyncs; lab-dhcpd has every lease on disk (SQLite, synchronous=FULL) before its ACK.
Its latency is thus the disk's as well: measured on this machine's, and on one that takes 0.18 ms (steady_disk.c), which is
that of the machine the goal was set on. perfdhcp needs more than one of two processors itself: what it gets from a server
that only echoes is told, too, as the most that any server could show here.
"""
import json, os, re, select, shutil, socket, statistics, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get('LAB_BIN', os.path.join(HERE, '../../build/release/bin'))
QUICK = bool(os.environ.get('QUICK'))
SECONDS, RUNS = (1, 1) if QUICK else (4, 3)
RATES = [1000, 4000, 8000, 12000] if QUICK else [1000, 2000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 11000, 12000, 13000, 14000,
                                                 15000, 16000, 18000, 20000]
SERVER, RELAY, FIRST, LAST = '10.77.0.1', '10.77.0.2', '10.77.1.0', '10.77.254.254'
LEASES = 60000
DISK_US = 180  # an fdatasync of the machine on which the goals were set


def say(*words):
    print('#', *words, file=sys.stderr, flush=True)


def isolate():
    if os.environ.get('BENCH_ISOLATED') != '1':
        command = ['unshare', '--user', '--map-root-user', '--net', '--pid', '--fork', '--mount', '--mount-proc', '--kill-child']
        sys.exit(subprocess.run(command + [sys.executable] + sys.argv, env=os.environ | {'BENCH_ISOLATED': '1'}).returncode)
    subprocess.run('''ip link set lo up && mount -t tmpfs tmpfs /run && mkdir -p /run/netns /run/kea && ip netns add c &&
        ip link add ve type veth peer name vc netns c && ip addr add 10.77.0.1/16 dev ve && ip link set ve up &&
        ip -n c addr add 10.77.0.2/16 dev vc && ip -n c link set vc up && ip -n c link set lo up''', shell=True, check=True)


class Kea:
    name = 'kea'

    def __init__(self, folder):
        path = os.path.join(folder, 'kea.json')
        self.store = os.path.join(folder, 'leases.csv')
        with open(path, 'w') as f:
            json.dump({'Dhcp4': {
                'interfaces-config': {'interfaces': ['ve'], 'dhcp-socket-type': 'udp'},
                'lease-database': {'type': 'memfile', 'persist': True, 'name': self.store, 'lfc-interval': 0},
                'valid-lifetime': 4000,
                'multi-threading': {'enable-multi-threading': True, 'thread-pool-size': 2, 'packet-queue-size': 64},
                'subnet4': [{'subnet': '10.77.0.0/16', 'pools': [{'pool': f'{FIRST}-{LAST}'}], 'relay': {'ip-addresses': [RELAY]}}],
                'loggers': [{'name': 'kea-dhcp4', 'severity': 'ERROR', 'output_options': [{'output': os.path.join(folder, 'log')}]}]}}, f)
        self.command = ['kea-dhcp4', '-c', path]
        self.environment = os.environ | {'KEA_LOCKFILE_DIR': 'none', 'KEA_PIDFILE_DIR': folder}


class Ours:
    name = 'lab-dhcpd'

    def __init__(self, folder):
        path = os.path.join(folder, 'dhcp.yaml')
        self.store = os.path.join(folder, 'leases.db')
        with open(path, 'w') as f:
            f.write(f'leases: leases.db\nscopes:\n  lan: {{interface: ve, network: 10.77.0.0/16, ranges: [{FIRST}-{LAST}], lease: 4000s}}\n')
        self.command = [os.path.join(BIN, 'lab-dhcpd'), '--config', path, '--log-level', 'error']
        self.environment = os.environ


def built(source, *options):
    """A program or library of one C file beside this one, built once."""
    target = os.path.join('/run', source)
    if not os.path.exists(target):
        subprocess.run(['gcc', '-O2', *options, '-o', target, os.path.join(HERE, source + '.c')], check=True)
    return target


class OursOnSteadyDisk(Ours):
    def __init__(self, folder):
        super().__init__(folder)
        self.environment = os.environ | {'LD_PRELOAD': built('steady_disk', '-shared', '-fPIC'), 'LAB_DISK_US': str(DISK_US)}


class Echo:
    name = 'echo'

    def __init__(self, folder):
        self.command, self.environment = [built('dhcp_echo'), SERVER, FIRST], os.environ


class Running:
    """A started server; `start_ms` until its first OFFER. `place`: where its leases are; the disk, where nothing is said."""

    def __init__(self, kind, folder=None, place='/var/tmp'):
        self.folder = folder or tempfile.mkdtemp(prefix='dhcp-bench.', dir=place)
        self.kind = kind(self.folder)
        began = time.monotonic()
        self.process = subprocess.Popen(self.kind.command, env=self.kind.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        relay = Relay()
        while not relay.offers_soon(0.002 if time.monotonic() - began < 1 else 0.1):
            if self.process.poll() is not None or time.monotonic() - began > 30:
                raise SystemExit(f'{self.kind.name} does not serve: {" ".join(self.kind.command)}')
        self.start_ms = (time.monotonic() - began) * 1000
        relay.close()

    def pss(self):
        with open(f'/proc/{self.process.pid}/smaps_rollup') as f:
            return int(re.search(r'^Pss:\s+(\d+)', f.read(), re.M)[1])

    def stop(self, keep=False):
        self.process.terminate()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


class Relay:
    """A socket in the clients' namespace that sends what a relay would forward."""

    def __init__(self):
        import ctypes
        libc = ctypes.CDLL(None)
        with open('/proc/self/ns/net') as own, open('/run/netns/c') as clients:
            libc.setns(clients.fileno(), 0)
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            self.socket.bind((RELAY, 67))
            libc.setns(own.fileno(), 0)

    def close(self):
        self.socket.close()

    def send(self, kind, client, options=b''):
        head = struct.pack('>4BIHH12x4s', 1, 1, 6, 1, client, 0, 0, socket.inet_aton(RELAY)) + b'\2\1' + struct.pack('>I', client)
        try:
            self.socket.sendto(head + bytes(202) + bytes.fromhex('63825363') + bytes([53, 1, kind]) + options + b'\xff', (SERVER, 67))
        except ConnectionRefusedError:
            pass

    def receive(self, wait):
        try:
            return self.socket.recv(2048) if select.select([self.socket], [], [], wait)[0] else None
        except ConnectionRefusedError:
            time.sleep(0.0005)
            return None

    def offers_soon(self, wait):
        self.send(1, 0xFFFFFFFF)
        packet = self.receive(wait)
        return packet is not None and b'\x35\x01\x02' in packet

    def class_room(self, size):
        """Milliseconds until `size` clients, all switched on at once, have their ACK. Lost messages are sent again after 0.1 s."""
        began, done, asked = time.monotonic(), set(), {}
        for client in range(1, size + 1):
            self.send(1, client)
        last = time.monotonic()
        while len(done) < size and time.monotonic() - began < 30:
            packet = self.receive(0.02)
            if packet is None:
                if time.monotonic() - last > 0.1:
                    last = time.monotonic()
                    for client in set(range(1, size + 1)) - done:
                        self.send(3, client, asked[client]) if client in asked else self.send(1, client)
                continue
            client = struct.unpack('>I', packet[4:8])[0]
            if b'\x35\x01\x02' in packet and client not in asked:
                asked[client] = b'\x32\x04' + packet[16:20] + b'\x36\x04' + socket.inet_aton(SERVER)
                self.send(3, client, asked[client])
            elif b'\x35\x01\x05' in packet:
                done.add(client)
        return (time.monotonic() - began) * 1000


def perf(rate, seconds, clients=LEASES):
    """(achieved DORA/s, % lost, mean ms of both exchanges together)"""
    done = subprocess.run(['ip', 'netns', 'exec', 'c', 'perfdhcp', '-4', '-l', RELAY, '-r', str(rate), '-R', str(clients), '-p', str(seconds),
                           SERVER], capture_output=True, text=True, timeout=120).stdout
    number = lambda pattern: [float(x) for x in re.findall(pattern, done, re.M)]
    sent, received = number(r'^sent packets: (\d+)'), number(r'^received packets: (\d+)')
    lost = max((100 * (s - r) / s for s, r in zip(sent, received) if s), default=100)
    return (number(r'^Rate: ([\d.]+)') or [0])[0], lost, sum(number(r'^avg delay: ([\d.]+)'))


def with_fresh(kind, work, place='/var/tmp'):
    server = Running(kind, place=place)
    try:
        return work(server)
    finally:
        server.stop()


def best_rate(kind):
    """(the rate it serves with less than 1 % lost, what it achieves there)"""
    good = 0
    for rate in RATES:
        achieved, lost, _ = with_fresh(kind, lambda s: perf(rate, SECONDS))
        say(f'{kind.name}: offered {rate}/s, achieved {achieved:.0f}/s, lost {lost:.2f} %')
        if lost <= 1:
            good = rate
        elif lost > 40 or rate > 1.5 * good:
            break
    if not good:
        return 0, 0
    runs = [with_fresh(kind, lambda s: perf(good, SECONDS)) for _ in range(RUNS)]
    return good, statistics.median(achieved for achieved, _, _ in runs)


def latency(*kinds, place='/var/tmp'):
    """Mean ms of each, measured in turn: what else the machine does falls on all alike."""
    runs = [[with_fresh(kind, lambda s: perf(200, SECONDS)[2], place) for kind in kinds] for _ in range(2 * RUNS + 1)]
    return [statistics.median(of_one) for of_one in zip(*runs)]


def full_house(kind):
    """(PSS in kB with 60,000 leases, ms to start on them)"""
    server = Running(kind)
    while True:
        before = server.pss()
        perf(4000, 16, LEASES)
        if QUICK or server.pss() - before < 1000:
            break
    pss = server.pss()
    starts = []
    for _ in range(RUNS):
        server.stop(keep=True)
        server = Running(kind, server.folder)
        starts.append(server.start_ms)
    server.stop()
    return pss, statistics.median(starts)


def class_room(kind):
    def work(_):
        relay = Relay()
        ms = relay.class_room(500)
        relay.close()
        return ms
    return statistics.median(with_fresh(kind, work) for _ in range(RUNS))


def figure(metric, ours, peer, goal, ok, unit):
    ratio = ours / peer if peer else None
    print(json.dumps({'bench': 'dhcp', 'metric': metric, 'ours': round(ours, 3), 'peer': round(peer, 3), 'peer_name': 'kea',
                      'ratio': ratio and round(ratio, 3), 'goal': goal, 'ok': bool(ok(ours, ratio)), 'unit': unit}), flush=True)


def main():
    for needed in ('kea-dhcp4', 'perfdhcp', 'ip'):
        if not shutil.which(needed, path=os.environ['PATH'] + ':/usr/sbin:/sbin'):
            raise SystemExit(f'{needed} is not installed: apt-get install kea-dhcp4-server kea-admin iproute2')
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    isolate()
    wanted = sys.argv[1:] or ['latency', 'class', 'memory', 'rate']
    if 'latency' in wanted:
        figure('latency_ms_at_200', *latency(Ours, Kea), '<=1', lambda _, r: r <= 1, 'ms')
        figure(f'latency_ms_at_200_disk_of_{DISK_US}_us', *latency(OursOnSteadyDisk, Kea, place='/run'), '<=1', lambda _, r: r <= 1, 'ms')
    if 'class' in wanted:
        figure('class_of_500_ms', class_room(Ours), class_room(Kea), '<=1000 ms', lambda o, _: o <= 1000, 'ms')
    if 'memory' in wanted:
        (pss, start), (peer_pss, peer_start) = full_house(Ours), full_house(Kea)
        figure('pss_60k_leases_kb', pss, peer_pss, '<=0.5', lambda _, r: r <= 0.5, 'kB')
        figure('start_60k_leases_ms', start, peer_start, '<=300 ms', lambda o, _: o <= 300, 'ms')
    if 'rate' in wanted:
        figure('dora_per_s', best_rate(Ours)[1], best_rate(Kea)[1], '>=1.5', lambda _, r: r and r >= 1.5, 'DORA/s')
        say(f'the most that perfdhcp gets here from a server that only echoes: {best_rate(Echo)[0]} DORA/s')


main()
