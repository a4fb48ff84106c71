"""A network for the DHCP tests: the server's bridge `eth0` with 192.168.56.10/24, and hosts, each in a namespace of its own."""
import contextlib, ctypes, json, os, socket, struct, subprocess, threading

import netlab

CLIENTS = os.path.join(os.environ.get('LAB_SOURCE', os.path.join(os.path.dirname(__file__), '../../..')), 'dhcp/clients')
ADDRESS = '192.168.56.10'

CONFIG = '''
leases: state/leases.db
scopes:
  lan:
    interface: eth0
    network: 192.168.56.0/24
    ranges: [192.168.56.100-192.168.56.200]
    exclude: [192.168.56.101]
    lease: %(lease)s
    options: {routers: [192.168.56.1], domain-name-servers: [192.168.56.10], domain-name: helper.bac,
              domain-search: [helper.bac, lab.helper.bac], broadcast-address: 192.168.56.255,
              ntp-servers: 192.168.56.10, 66: tftp.helper.bac}
    reservations:
      pc5: {mac: "02:4c:61:00:00:05", address: 192.168.56.50}
'''


def ip(*arguments):
    return netlab.run('ip', *arguments)


def isolate():
    """As netlab.isolate; and folders that clients write to are private and empty."""
    netlab.isolate()
    for folder in ('/run', '/var/lib/dhcp', '/var/lib/dhcpcd'):
        if os.path.isdir(folder):
            netlab.run('mount', '-t', 'tmpfs', 'tmpfs', folder)
    os.makedirs('/run/netns')
    # An address of its own, or it would take the least of its ports, and change it as hosts come: neighbours would not know.
    ip('link', 'add', 'eth0', 'address', '02:4c:61:00:00:fe', 'type', 'bridge')
    ip('addr', 'add', ADDRESS + '/24', 'dev', 'eth0')
    ip('link', 'set', 'eth0', 'up')


@contextlib.contextmanager
def in_namespace(name):
    """Sockets made inside belong to the namespace of that host."""
    def enter(path):
        with open(path) as f:
            if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), 'setns')
    own = '/proc/self/ns/net'
    with open(own) as back:
        enter('/run/netns/' + name)
        try:
            yield
        finally:
            enter(f'/proc/self/fd/{back.fileno()}')


class Host:
    """A machine on the wire: namespace `name`, interface eth0."""
    count = 0

    def __init__(self, name, mac=None):
        Host.count += 1
        self.name, self.mac = name, mac or '02:4c:61:00:01:%02x' % Host.count
        self.folder = netlab.Folder()
        self.lease_file, self.resolv_conf = self.folder / 'lease.json', self.folder / 'resolv.conf'
        self.process = None
        ip('netns', 'add', name)
        ip('link', 'add', 'v-' + name, 'type', 'veth', 'peer', 'name', 'eth0', 'address', self.mac, 'netns', name)
        ip('link', 'set', 'v-' + name, 'master', 'eth0', 'up')
        ip('-n', name, 'link', 'set', 'lo', 'up')

    def run(self, *command, **more):
        return netlab.run('ip', 'netns', 'exec', self.name, *command, **more)

    def start(self, *command, env=None):
        self.output = open(self.folder / 'output', 'w+')
        environment = os.environ | (env or {})
        self.process = subprocess.Popen(['ip', 'netns', 'exec', self.name, *command], stdout=self.output, stderr=self.output, env=environment)

    def signal(self, number):
        """To the client itself: `ip netns exec` has become it."""
        self.process.send_signal(number)

    def said(self):
        with open(self.folder / 'output') as f:
            return f.read()

    def lease(self):
        """The JSON lease file, once it is there."""
        def read():
            if self.process.poll() is not None and not os.path.exists(self.lease_file):
                raise AssertionError(f'the client ended with {self.process.returncode}:\n{self.said()}')
            try:
                with open(self.lease_file) as f:
                    return json.load(f)
            except (FileNotFoundError, json.JSONDecodeError):
                return None
        try:
            return netlab.until(read, 'a lease for ' + self.name)
        except AssertionError as error:
            raise AssertionError(f'{error}\n{self.said()}') from None

    def addresses(self):
        shown = json.loads(self.run('ip', '-j', '-4', 'addr', 'show', 'dev', 'eth0'))
        return [a['local'] for link in shown for a in link.get('addr_info', [])]

    def routes(self):
        return self.run('ip', '-4', 'route')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        ip('link', 'del', 'v-' + self.name)
        ip('netns', 'del', self.name)
        self.folder.__exit__()

    # The clients, started as labctl starts them.
    def lab_dhclient(self, *arguments):
        self.start(netlab.program('lab-dhclient'), '--interface', 'eth0', '--hostname', self.name, '--lease-file', self.lease_file,
                   '--resolv-conf', self.resolv_conf, *arguments)

    def hook_variables(self):
        return {'LAB_RESOLV_CONF': self.resolv_conf, 'LAB_LEASE_FILE': self.lease_file,
                'LAB_READY': netlab.program('lab-dhclient'), 'NOTIFY_SOCKET': ''}

    def udhcpc(self):
        self.start('udhcpc', '-f', '-i', 'eth0', '-s', CLIENTS + '/udhcpc.sh', '-x', 'hostname:' + self.name, '-O', 'search',
                   '-T', '1', '-A', '1', env=self.hook_variables())

    def dhclient(self):
        conf = self.folder.write('dhclient.conf', f'send host-name "{self.name}";\nrequest subnet-mask, broadcast-address, routers, '
                                 'domain-name, domain-name-servers, domain-search, host-name, ntp-servers;\n')
        state = self.folder / 'dhclient.leases'
        open(state, 'a').close()
        handed_on = [x for k, v in self.hook_variables().items() for x in ('-e', f'{k}={v}')]
        self.start('dhclient', '-4', '-d', '-sf', CLIENTS + '/dhclient.sh', '-cf', conf, '-lf', state, '-pf', '/dev/null', *handed_on, 'eth0')

    def dhcpcd(self):
        conf = self.folder.write('dhcpcd.conf', f'hostname {self.name}\noption domain_search, domain_name_servers, domain_name, '
                                 'broadcast_address, routers, ntp_servers\n')
        handed_on = [x for k, v in self.hook_variables().items() for x in ('-e', f'{k}={v}')]
        self.start('dhcpcd', '-4', '-B', '-f', conf, '-c', CLIENTS + '/dhcpcd.sh', '--noarp', '--nodelay', *handed_on, 'eth0')


def without_dhcpcd_user():
    """dhcpcd separates privileges when its user exists; with only root mapped it cannot, so that the user must not exist."""
    with open('/etc/passwd') as f:
        lines = [line for line in f if not line.startswith('dhcpcd:')]
    with open('/run/passwd', 'w') as f:
        f.writelines(lines)
    netlab.run('mount', '--bind', '/run/passwd', '/etc/passwd')


class Clock:
    """The wall clock of a daemon, as far ahead of the machine's as one likes (wall_clock.cpp)."""

    def __init__(self, ahead=0):
        self.path = netlab.Folder() / 'ahead'
        self.env = {'LD_PRELOAD': os.path.join(netlab.BIN, '../tests/libwall_clock.so'), 'LAB_CLOCK': self.path}
        if not os.path.exists(self.env['LD_PRELOAD']):
            netlab.skip('not built: wall_clock')
        self.set(ahead)

    def set(self, ahead):
        with open(self.path + '.new', 'w') as f:
            f.write(str(ahead))
        os.rename(self.path + '.new', self.path)


class Server(netlab.Daemon):
    """lab-dhcpd in a folder of its own; `again=server` starts on the leases of a former one."""

    def __init__(self, config=CONFIG, lease='1h', again=None, clock=None):
        self.place = again.place if again else netlab.Folder()
        path = self.place.write('dhcp.yaml', config % {'lease': lease} if '%(lease)s' in config else config)
        super().__init__('lab-dhcpd', '--config', path, '--log-level', 'debug', env=clock and clock.env)


class Capture:
    """What passes the server's wire, as a file for tshark; nothing is missed, as this process takes every frame itself."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind(('eth0', 0))
        self.socket.settimeout(0.1)
        self.path, self.frames, self.ended = path, [], threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            try:
                self.frames.append(self.socket.recv(65536))
            except TimeoutError:
                if self.ended.is_set():
                    return

    def read(self, *more):
        """What tshark says, once the capture has ended."""
        # (UDP checksums of datagrams between veth ends are left to a card that is not there.)
        return netlab.run('tshark', '-r', self.path, '-o', 'ip.check_checksum:TRUE', *more)

    def complaints(self, protocols):
        """The packets it finds fault with, in full; empty when there are none."""
        return self.read('-Y', f'({protocols}) and (_ws.malformed or _ws.expert.severity >= "Warning")', '-V')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        with open(self.path, 'wb') as file:
            file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65536, 1))
            for number, frame in enumerate(self.frames):
                file.write(struct.pack('<IIII', number, 0, len(frame), len(frame)) + frame)
