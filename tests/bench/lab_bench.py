"""The measurements of lab.sh (see there)."""
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
BIN = os.environ.get('LAB_BIN', f'{SOURCE}/build/release/bin')
CLIENT = os.environ.get('LAB_CLIENT', f'{SOURCE}/build/release/tests/bench_lab_client')
LABCTL = f'{BIN}/labctl'
TOPOLOGY = f'{SOURCE}/topologies/helper-bac.yaml'
RUNS = int(os.environ.get('RUNS', 5))


def sh(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=options.pop('stderr', subprocess.DEVNULL), **options)


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            with open(f'/proc/{pid}/smaps_rollup') as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith('Pss:'))
        except OSError:
            pass
    return total


def processes():
    return {int(pid) for pid in os.listdir('/proc') if pid.isdigit()}


def figure(metric, ours, peer=None, peer_name=None, goal='', ok=None):
    line = {'bench': 'lab', 'metric': metric, 'ours': round(statistics.median(ours), 1)}
    if peer:
        line |= {'peer': round(statistics.median(peer), 1), 'peer_name': peer_name, 'ratio': round(statistics.median(ours) / statistics.median(peer), 3)}
    value = line.get('ratio') if goal.startswith('<=') and goal.endswith('x') else line['ours']
    bound = float(goal.removeprefix('<=').removesuffix('x'))
    print(json.dumps(line | {'goal': goal, 'ok': value <= bound if ok is None else ok, 'runs': len(ours)}), flush=True)


class Peer:
    """One server namespace (dnsmasq, slapd, Postfix, Dovecot), one bridge, one client that leases by udhcpc."""

    NAME = 'dnsmasq+slapd+postfix+dovecot, tuned'

    def __init__(self, folder):
        self.folder = folder
        self.children = []

    def in_server(self, *command):
        self.children.append(subprocess.Popen(['ip', 'netns', 'exec', 'srv', *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def network(self):
        lines = ['netns add sw', 'netns add srv', 'netns add pc1']
        subprocess.run(['ip', '-batch', '-'], input='\n'.join(lines), text=True, check=True)
        links = 'link add br0 type bridge\nlink set br0 up\n'
        for node in ('srv', 'pc1'):
            links += f'link add v{node} type veth peer name eth0 netns {node}\nlink set v{node} master br0 up\n'
        subprocess.run(['ip', '-n', 'sw', '-batch', '-'], input=links, text=True, check=True)
        for node, address in (('srv', 'addr add 192.168.56.10/24 dev eth0\n'), ('pc1', '')):
            subprocess.run(['ip', '-n', node, '-batch', '-'], input=f'link set lo up\n{address}link set eth0 up\n', text=True, check=True)

    def files(self):
        f = self.folder
        for folder in ('ldap', 'mail', 'postfix/etc', 'postfix/spool', 'postfix/data'):
            os.makedirs(f'{f}/{folder}')
        shutil.chown(f'{f}/mail', 65534, 65534)
        shutil.chown(f'{f}/postfix/data', 'postfix')
        self.write('slapd.conf', f'''include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {f}/slapd.pid
database mdb
suffix "dc=helper,dc=bac"
rootdn "cn=admin,dc=helper,dc=bac"
rootpw secret
directory {f}/ldap
index uid eq
''')
        people = 'dn: dc=helper,dc=bac\nobjectClass: domain\ndc: helper\n\n'
        for u in ('ali', 'awa', 'eric'):
            people += f'dn: uid={u},dc=helper,dc=bac\nobjectClass: inetOrgPerson\nuid: {u}\ncn: {u}\nsn: {u}\nmail: {u}@helper.bac\nuserPassword: {u}\n\n'
        self.write('people.ldif', people)
        self.write('ldap.conf', 'hosts=192.168.56.10\nauth_bind=yes\nauth_bind_userdn=uid=%n,dc=helper,dc=bac\nbase=dc=helper,dc=bac\n')
        self.write('dovecot.conf', f'''base_dir={f}/dovecot
log_path=/dev/null
protocols=imap pop3 lmtp
ssl=no
disable_plaintext_auth=no
mail_location=maildir:{f}/mail/%n
first_valid_uid=1
listen=192.168.56.10
passdb {{
  driver=ldap
  args={f}/ldap.conf
}}
userdb {{
  driver=static
  args=uid=65534 gid=65534 home={f}/mail/%n allow_all_users=yes
}}
service lmtp {{
  unix_listener {f}/lmtp {{
    mode=0666
  }}
}}
''')
        self.postfix()
        self.write('hook', f'#!/bin/sh\n[ "$1" = bound ] && {{ ip addr add $ip/$mask dev $interface; echo $dns >{f}/dns; }}\nexit 0\n')
        os.chmod(f'{f}/hook', 0o755)

    def postfix(self):
        f = f'{self.folder}/postfix'
        self.write('postfix/etc/main.cf', f'''compatibility_level=3.6
queue_directory={f}/spool
data_directory={f}/data
mail_owner=postfix
setgid_group=postdrop
mydestination=
local_recipient_maps=
alias_maps=
inet_protocols=ipv4
smtpd_peername_lookup=no
maillog_file=/dev/null
maillog_file_prefixes=/dev
import_environment=MAIL_CONFIG MAIL_LOGTAG
myhostname=mail.helper.bac
inet_interfaces=192.168.56.10
mynetworks=192.168.56.0/24
virtual_mailbox_domains=helper.bac
virtual_transport=lmtp:unix:{self.folder}/lmtp
''')
        services = ['smtp inet n - n - - smtpd', 'pickup unix n - n 60 1 pickup', 'qmgr unix n - n 300 1 qmgr', 'postlog unix-dgram n - n - 1 postlogd', 'local unix - n n - - local',
                    'virtual unix - n n - - virtual', 'cleanup unix n - n - 0 cleanup', 'flush unix n - n 1000? 0 flush', 'showq unix n - n - - showq']
        services += [f'{name} unix - - n {rest}' for name, rest in (('tlsmgr', '1000? 1 tlsmgr'), ('rewrite', '- - trivial-rewrite'), ('bounce', '- 0 bounce'), ('defer', '- 0 bounce'),
                                                                    ('trace', '- 0 bounce'), ('verify', '- 1 verify'), ('proxymap', '- - proxymap'), ('smtp', '- - smtp'), ('relay', '- - smtp'),
                                                                    ('error', '- - error'), ('retry', '- - error'), ('discard', '- - discard'), ('lmtp', '- - lmtp'), ('anvil', '- 1 anvil'),
                                                                    ('scache', '- 1 scache'))]
        self.write('postfix/etc/master.cf', '\n'.join(services) + '\n')
        queues = ('incoming', 'active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'private', 'saved', 'trace')
        for queue in (*queues, 'pid', 'maildrop', 'public'):
            os.makedirs(f'{f}/spool/{queue}', mode=0o700)
            if queue in queues:
                shutil.chown(f'{f}/spool/{queue}', 'postfix')
        for queue, mode in (('maildrop', 0o1730), ('public', 0o2710)):
            shutil.chown(f'{f}/spool/{queue}', 'postfix', 'postdrop')
            os.chmod(f'{f}/spool/{queue}', mode)
        # Postfix waits two seconds for a main.cf written just now (it might be half written): dated back, as its fair best.
        old = time.time() - 60
        for name in ('main.cf', 'master.cf'):
            os.utime(f'{f}/etc/{name}', (old, old))

    def write(self, name, text):
        with open(f'{self.folder}/{name}', 'w') as f:
            f.write(text)

    def up(self):
        f = self.folder
        self.network()
        self.files()
        self.in_server('dnsmasq', '--user=root', '-C', '/dev/null', '--interface=eth0', '--bind-interfaces', '--no-resolv', '--no-hosts', '--no-ping', '--domain=helper.bac',
                       '--dhcp-range=192.168.56.100,192.168.56.200,1h', '--host-record=mail.helper.bac,192.168.56.10', '--mx-host=helper.bac,mail.helper.bac,10', '--leasefile-ro', '-k',
                       f'--pid-file={f}/dnsmasq.pid')
        self.in_server('dovecot', '-F', '-c', f'{f}/dovecot.conf')
        self.in_server('sh', '-c', f'slapadd -q -f {f}/slapd.conf -l {f}/people.ldif && exec slapd -d 0 -f {f}/slapd.conf -h ldap://192.168.56.10/')
        self.in_server('env', f'MAIL_CONFIG={f}/postfix/etc', '/usr/lib/postfix/sbin/master', '-d', '-c', f'{f}/postfix/etc')
        sh('ip', 'netns', 'exec', 'pc1', 'busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-t', '20', '-T', '1', '-s', f'{f}/hook')

    def client(self):
        with open(f'{self.folder}/dns') as f:
            dns = f.read().strip()
        return ['ip', 'netns', 'exec', 'pc1', CLIENT, dns, 'helper.bac', 'ali', 'ali']

    def down(self):
        pids = subprocess.run(['ip', 'netns', 'pids', 'srv'], text=True, capture_output=True).stdout.split()
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGTERM)
            except OSError:
                pass
        end = time.monotonic() + 3
        while subprocess.run(['ip', 'netns', 'pids', 'srv'], text=True, capture_output=True).stdout.split() and time.monotonic() < end:
            time.sleep(0.01)
        for pid in subprocess.run(['ip', 'netns', 'pids', 'srv'], text=True, capture_output=True).stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        for child in self.children:
            child.wait()
        for node in ('srv', 'pc1', 'sw'):
            sh('ip', 'netns', 'del', node)


class Ours:
    """helper-bac as it stands in topologies/, from an empty state folder: every figure has the CA and the directory made anew."""

    def __init__(self, folder):
        os.environ['XDG_STATE_HOME'] = self.folder = folder

    def up(self):
        sh(LABCTL, 'up', '-q', TOPOLOGY, stderr=None)

    def client(self):
        return [LABCTL, 'exec', 'pc1', '--', CLIENT, '192.168.56.10', 'helper.bac', 'ali', 'Ali-2026', f'{self.folder}/labctl/helper-bac/ca/ca.crt']

    def down(self):
        sh(LABCTL, 'down')


def first_mail(make):
    """One run: milliseconds to the first verified mail, PSS in KiB of all that stays."""
    folder = tempfile.mkdtemp(prefix='lab-bench.', dir='/var/tmp')
    os.chmod(folder, 0o755)
    before = processes()
    lab = make(folder)
    began = time.time()
    lab.up()
    try:
        read = float(subprocess.run(lab.client(), text=True, check=True, stdout=subprocess.PIPE).stdout.split()[2])
        memory = pss_kib(processes() - before)
    finally:
        lab.down()
        shutil.rmtree(folder, ignore_errors=True)
    return read - began * 1000, memory


def part_first():
    ours, peer = [], []
    first_mail(Ours), first_mail(Peer)  # programs and libraries are in the page cache for both
    for _ in range(RUNS):
        ours.append(first_mail(Ours))
        peer.append(first_mail(Peer))
    for i, (metric, goal) in enumerate((('first_mail_ms', '<=1.0x'), ('pss_kib', '<=40960'))):
        figure(metric, [run[i] for run in ours], [run[i] for run in peer], Peer.NAME, goal)


def part_clients():
    folder = tempfile.mkdtemp(prefix='lab-bench.', dir='/var/tmp')
    os.environ['XDG_STATE_HOME'] = folder
    topology = f'{folder}/fifty.yaml'
    with open(topology, 'w') as f:
        f.write('networks: {lan: 192.168.56.0/24}\nnodes:\n  srv: {networks: {lan: 192.168.56.10}, services: [dhcp]}\n  pc: {count: 50, networks: lan}\n')
    times = []
    for run in range(RUNS + 1):
        began = time.time()
        sh(LABCTL, 'up', '-q', topology, stderr=None)
        times.append((time.time() - began) * 1000)
        sh(LABCTL, 'down', '--purge')
    figure('up_50_clients_leased_ms', times[1:], goal='<=500')
    shutil.rmtree(folder, ignore_errors=True)


PARTS = {'first': part_first, 'clients': part_clients}

if __name__ == '__main__':
    sh('mount', '-t', 'tmpfs', 'tmpfs', '/run')
    sh('ip', 'link', 'set', 'lo', 'up')
    wanted = sys.argv[1:] or list(PARTS)
    for name in wanted:
        if name not in PARTS:
            sys.exit(f'lab.sh: unknown part {name}; one of {", ".join(PARTS)}')
    for name in wanted:
        PARTS[name]()
