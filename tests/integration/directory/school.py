"""A small school for the directory's tests: its files, its server, and people who ask it."""
import os, signal, subprocess

import netlab
from netlab import Daemon, Folder, equal, run, until

BASE = 'dc=helper,dc=bac'
SERVICE = f'cn=mail,ou=services,{BASE}'
USERS = '''
  ali: {name: Ali Traoré, password: "Ali-2026", groups: [teachers], quota: 200M}
  awa: {name: Awa Ouédraogo, password: "Awa-2026", mail: [awa@helper.bac, awa.ouedraogo], groups: [teachers, students]}
  eric: {name: Eric, password: "Eric-2026", groups: [students]}
  fati: {}
'''
GROUPS = '{teachers: {description: Who teaches}, students: {}, guests: {}}'
ALIASES = '{contact: [ali, awa], root: ali}'


def dn(uid):
    return f'uid={uid},ou=people,{BASE}'


def certificates(folder):
    """A CA and a certificate for 127.0.0.1 and srv.helper.bac."""
    def openssl(*arguments):
        subprocess.run(['openssl', *arguments], check=True, capture_output=True, cwd=folder.path)
    key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    openssl('req', '-x509', *key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=School CA')
    openssl('req', *key, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=srv.helper.bac')
    folder.write('names', 'subjectAltName=DNS:srv.helper.bac,IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.7\n')
    openssl('x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '1', '-out', 'cert.pem',
            '-extfile', 'names')


class School(Folder):
    """The files of one school. `with School() as s, s.server() as slapd: …`"""

    def __init__(self):
        super().__init__()
        certificates(self)
        self.write('service-password', 'a long secret of the mail server\n')
        self.write('copier-password', 'a long "secret" of the replica\n')
        self.socket = self / 'run/ldapi'
        self.urls = {'ldapi': 'ldapi://' + self.socket, 'StartTLS': 'ldap://127.0.0.1:389', 'ldaps': 'ldaps://127.0.0.1:636'}
        self.ways = tuple(self.urls)
        self.urls['replica'] = 'ldaps://127.0.0.2:636'

    def config(self, users=USERS, groups=GROUPS, aliases=ALIASES, more=''):
        return self.write('directory.yaml', f'''domain: helper.bac
data: {self / 'data'}
listen: {{ldap: 127.0.0.1:389, ldaps: 127.0.0.1:636, ldapi: {self.socket}}}
tls: {{certificate: {self / 'cert.pem'}, key: {self / 'key.pem'}, ca: {self / 'ca.pem'}}}
service: {{dn: "{SERVICE}", password_file: {self / 'service-password'}}}
users: {users if users.strip() else '{}'}
groups: {groups}
aliases: {aliases}
{more}''')

    def server(self, **changes):
        return Daemon('lab-directory', '--config', self.config(**changes))

    def copier(self):
        return f'replication: {{dn: "cn=replica,ou=services,{BASE}", password_file: {self / "copier-password"}}}\n'

    def replica(self, folder='copy', source='127.0.0.1', place='127.0.0.2'):
        """A second server, on 127.0.0.2, that copies the first; or the other way round."""
        return Daemon('lab-directory', '--config', self.write('replica.yaml', f'''domain: helper.bac
data: {self / folder}
listen: {{ldap: {place}:389, ldaps: {place}:636, ldapi: {self / ('run/' + folder)}}}
tls: {{certificate: {self / 'cert.pem'}, key: {self / 'key.pem'}, ca: {self / 'ca.pem'}}}
replica_of: ldaps://{source}:636
{self.copier()}'''))

    def promoted(self, **changes):
        """The second server, told to be the original from now on."""
        with open(self.config(more=self.copier(), **changes)) as f:
            text = f.read().replace('127.0.0.1', '127.0.0.2').replace(self / 'data', self / 'copy').replace(self.socket, self / 'run/copy')
        return Daemon('lab-directory', '--config', self.write('promoted.yaml', text))

    def tool(self, program, *arguments, way='ldaps', user=None, password=None, check=True, input=None):
        """An OpenLDAP tool as `user` (simple bind), or over the socket as the administrator."""
        if way == 'ldapi':
            who = ['-Q', '-Y', 'EXTERNAL', '-H', 'ldapi://' + self.socket.replace('/', '%2F')]
        else:
            who = ['-x', '-H', self.urls[way]] + (['-ZZ'] if way == 'StartTLS' else [])
            who += ['-D', dn(user), '-w', password] if user else []
        os.environ['LDAPTLS_CACERT'] = self / 'ca.pem'
        return run(program, *who, *arguments, check=check, input=input)

    def search(self, *arguments, **how):
        return self.tool('ldapsearch', '-LLL', '-o', 'ldif-wrap=no', *arguments, **how)

    def whoami(self, user, password, way='ldaps'):
        """Whether the directory takes `user` for who they say they are."""
        return self.tool('ldapwhoami', way=way, user=user, password=password, check=False) == 'dn:' + dn(user)

    def refusal(self, program, *arguments, **how):
        """What a tool that must not succeed is told."""
        try:
            self.tool(program, *arguments, **how)
        except AssertionError as error:
            return str(error)
        raise AssertionError(f'{program} succeeded and should not have')


def freeze(server):
    """SIGSTOP, and waits until the last thread has stopped: one of them may be about to answer."""
    server.signal(signal.SIGSTOP)
    tasks = f'/proc/{server.process.pid}/task'
    until(lambda: all(open(f'{tasks}/{t}/stat').read().rsplit(')', 1)[1].split()[0] == 'T' for t in os.listdir(tasks)), f'{server.name} to stand still')


class Asker:
    """The C++ client, asked line by line (ask.cpp)."""

    def __init__(self, school, *urls, bind=SERVICE, ca=None, within=None, base=BASE, password=None, **environment):
        program = os.path.join(netlab.BIN, '../tests/directory_ask')
        password = password or ('a long secret of the mail server' if bind != '-' else '-')
        self.process = subprocess.Popen([program, base, bind, password, ca or school / 'ca.pem', *urls], text=True, bufsize=1,
                                        env=os.environ | environment | ({'ASK_WITHIN_MS': str(within)} if within else {}), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def send(self, *words):
        self.process.stdin.write('\t'.join(words) + '\n')

    def line(self):
        return self.process.stdout.readline().rstrip('\n')

    def auth(self, user, password):
        """The outcome's name."""
        self.send('auth', user, password)
        answer = self.line()
        return answer[len('auth ' + user) + 1:].split(' ')[0]

    def passwd(self, user, old, new):
        """The outcome's name."""
        return self.ask('passwd', user, old + '\t' + new)[len('passwd ' + user) + 1:].split(' ')[0]

    def ask(self, verb, subject, password=''):
        """The whole answer."""
        self.send(verb, subject, password)
        return self.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
