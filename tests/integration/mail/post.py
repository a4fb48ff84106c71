"""A mail server of its own for a test: certificates of a lab CA, configuration, mailboxes in a folder."""
import os, smtplib, socket, sqlite3, ssl, subprocess

import netlab
from netlab import Daemon, Folder, run

ALI, AWA = ('ali', 'Ali-2026'), ('awa', 'Awa-2026')
USERS = '{ali: {name: "Ali Traoré", password: "Ali-2026"}, awa: {name: Awa, password: "Awa-2026", mail: [awa.ouedraogo]}}'


class Authority:
    """A lab CA: `issue` writes NAME.crt and NAME.key into the folder."""

    def __init__(self):
        self.folder = Folder()
        self.serial = 0
        run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=lab CA',
            '-keyout', self.folder / 'ca.key', '-out', self.folder / 'ca.crt')

    def issue(self, name):
        self.serial += 1
        base = self.folder / name
        run('openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=' + name,
            '-keyout', base + '.key', '-out', base + '.csr')
        self.folder.write(name + '.ext', f'subjectAltName=DNS:{name}\n')
        run('openssl', 'x509', '-req', '-in', base + '.csr', '-CA', self.folder / 'ca.crt', '-CAkey', self.folder / 'ca.key',
            '-set_serial', self.serial, '-days', '1', '-extfile', base + '.ext', '-out', base + '.crt')
        return base + '.crt', base + '.key'

    @property
    def certificate(self):
        return self.folder / 'ca.crt'


class Post:
    """lab-maild for one domain on an address of its own; real ports, which a private network allows. `people`: where they come from, if not `users`."""

    def __init__(self, authority, domain='helper.bac', address='127.0.0.1', users=USERS, people=None, more=''):
        self.folder, self.domain, self.address, self.authority = Folder(), domain, address, authority
        self.name = 'mail.' + domain
        crt, key = authority.issue(self.name)
        self.config = self.folder.write('mail.yaml', f'''
hostname: {self.name}
data: data
listen: {{smtp: [{address}:25], submission: [{address}:587], smtps: [{address}:465],
         pop3: [{address}:110], pop3s: [{address}:995], imap: [{address}:143], imaps: [{address}:993]}}
tls: {{certificate: {crt}, key: {key}}}
dns: [127.0.0.1]
domains:
  {domain}: {{{people or f'users: {users}, aliases: {{contact: [ali, awa]}}'}, max_message: 1M}}
{more}''')
        self.start()

    def start(self):
        self.daemon = Daemon('lab-maild', '--config', self.config)
        return self

    def messages(self, user, mailbox='INBOX'):
        """How many messages a mailbox holds on disk."""
        database = sqlite3.connect(f'file:{self.folder / "data/mail.db"}?mode=ro', uri=True)
        try:
            row = database.execute('SELECT b.messages FROM mailbox b JOIN user u ON u.id = b.user WHERE u.name = ? AND b.name = ?',
                                   (f'{user}@{self.domain}', mailbox)).fetchone()
            return row[0] if row else 0
        finally:
            database.close()

    def queued(self):
        database = sqlite3.connect(f'file:{self.folder / "data/mail.db"}?mode=ro', uri=True)
        try:
            return database.execute('SELECT count(*) FROM queue_recipient').fetchone()[0]
        finally:
            database.close()

    def rules(self, *words):
        """What is said of the rules that hold for people, on either output."""
        done = subprocess.run([netlab.program('lab-maild'), 'user', 'effective', *words, '--config', self.config], capture_output=True, text=True,
                              timeout=netlab.DEADLINE)
        return done.stdout + done.stderr

    def tls(self):
        return ssl.create_default_context(cafile=self.authority.certificate)

    def smtp(self, port=25):
        client = smtplib.SMTP(timeout=netlab.DEADLINE)
        client._host = self.name  # the name the certificate is checked against
        client.connect(self.address, port)
        return client

    def submit(self, who, to, text='Subject: test\r\n\r\nhello\r\n', sender=None):
        """By 465, logged in."""
        plain = socket.create_connection((self.address, 465), netlab.DEADLINE)
        client = smtplib.SMTP(timeout=netlab.DEADLINE)
        client.sock = self.tls().wrap_socket(plain, server_hostname=self.name)
        client.file = None
        assert client.getreply()[0] == 220
        client.login(*who)
        refused = client.sendmail(sender or f'{who[0]}@{self.domain}', to, text)
        client.quit()
        return refused

    def raw(self, port=25):
        return Raw(self.address, port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.__exit__()
        self.folder.__exit__()


class Raw:
    """Bytes, as a person with nc or an attacker sends them."""

    def __init__(self, address, port):
        self.socket = socket.create_connection((address, port), netlab.DEADLINE)
        self.file = self.socket.makefile('rb')

    def say(self, text):
        self.socket.sendall(text.encode())
        return self

    def hear(self):
        """One reply, its last line; '' at the end."""
        while True:
            line = self.file.readline().decode()
            if len(line) < 4 or line[3] != '-':
                return line.strip()

    def ask(self, text):
        return self.say(text + '\r\n').hear()
