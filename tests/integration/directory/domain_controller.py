"""A real Active Directory for the tests: Samba's domain controller, provisioned in the test's own namespaces.

The domain is ad.school.test, its short name SCHOOL: not the first label, so that nothing is right by chance.
Run as a program (`domain_controller.py FOLDER ADDRESS`), it only provisions.
"""
import base64, os, signal, subprocess, sys

REALM, SHORT = 'ad.school.test', 'SCHOOL'
BASE = 'DC=ad,DC=school,DC=test'
ADMINISTRATOR, ADMINISTRATORS_PASSWORD = f'CN=Administrator,CN=Users,{BASE}', 'Adm1n-Pass.2026'
SERVICE = f'CN=mail,CN=Users,{BASE}'


def provision(folder, address):
    import logging
    import samba.dsdb
    from samba.auth import system_session
    from samba.provision import provision as make
    # The shares' access lists need rights over other users' files, which no unprivileged user has; the directory does not.
    make(logging.getLogger(), system_session(), smbconf=f'{folder}/smb.conf', targetdir=folder, realm=REALM.upper(), domain=SHORT, hostname='dc1',
         hostip=address, adminpass=ADMINISTRATORS_PASSWORD, serverrole='active directory domain controller', dns_backend='NONE', use_rfc2307=True,
         skip_sysvolacl=True, dom_for_fun_level=samba.dsdb.DS_DOMAIN_FUNCTION_2008_R2)


def unicode_password(password):
    return base64.b64encode(f'"{password}"'.encode('utf-16-le')).decode()


class DomainController:
    """`folder` holds its files and ca.pem, cert.pem, key.pem for `address`."""

    def __init__(self, folder, address):
        self.folder, self.address, self.url = folder, address, f'ldaps://{address}'
        here = folder / 'dc'
        os.makedirs(here, exist_ok=True)
        os.chmod(folder / 'key.pem', 0o600)
        folders = ''.join(f'\t{name} = {here}/{place}\n' for name, place in (
            ('state directory', 'state'), ('private dir', 'private'), ('cache directory', 'cache'), ('lock directory', 'lock'), ('pid directory', 'pid'),
            ('ncalrpc dir', 'ncalrpc'), ('binddns dir', 'bind'), ('winbindd socket directory', 'winbindd'), ('ntp signd socket directory', 'ntp'),
            ('log file', 'log')))
        with open(f'{here}/smb.conf', 'w') as f:
            f.write(f'[global]\n\tnetbios name = DC1\n\trealm = {REALM.upper()}\n\tworkgroup = {SHORT}\n\tinterfaces = lo\n'
                    f'\tserver role = active directory domain controller\n\tserver services = ldap\n{folders}'
                    f'\ttls certfile = {folder / "cert.pem"}\n\ttls keyfile = {folder / "key.pem"}\n\ttls cafile = {folder / "ca.pem"}\n')
        os.environ['TDB_NO_FSYNC'] = '1'  # a domain that lives for a test need not survive a power cut
        made = subprocess.run([sys.executable, os.path.abspath(__file__), str(here), address], capture_output=True, text=True)
        if made.returncode != 0:
            raise AssertionError(f'the domain cannot be provisioned ({made.returncode}):\n{made.stderr}')
        self.start()

    def start(self):
        with open(self.folder / 'dc/output', 'w') as output:
            self.process = subprocess.Popen(['samba', '-s', self.folder / 'dc/smb.conf', '-i', '-d', '1'], stdout=output, stderr=output,
                                            stdin=subprocess.DEVNULL, start_new_session=True)

    def answers(self):
        return self.process.poll() is None and self.tool('ldapsearch', '-s', 'base', '-b', '', '1.1', check=False).returncode == 0

    def tool(self, program, *arguments, who=ADMINISTRATOR, password=ADMINISTRATORS_PASSWORD, input=None, check=True):
        done = subprocess.run([program, '-x', '-H', self.url, '-D', who, '-w', password, *arguments], input=input, text=True, capture_output=True,
                              env=os.environ | {'LDAPTLS_CACERT': self.folder / 'ca.pem'})
        if check and done.returncode != 0:
            raise AssertionError(f'{program} ended with {done.returncode}:\n{input}\n{done.stdout}{done.stderr}')
        return done

    def add(self, ldif):
        self.tool('ldapadd', input=ldif)

    def add_user(self, name, password, *lines, control=512):
        self.add(f'dn: CN={name},CN=Users,{BASE}\nobjectClass: user\nsAMAccountName: {name}\nuserPrincipalName: {name}@{REALM}\n'
                 f'userAccountControl: {control}\nunicodePwd:: {unicode_password(password)}\n' + ''.join(line + '\n' for line in lines))

    def change(self, dn, *lines):
        self.tool('ldapmodify', input=f'dn: {dn}\nchangetype: modify\n' + '\n'.join(lines) + '\n')

    def set(self, name, attribute, value):
        self.change(f'CN={name},CN=Users,{BASE}', f'replace: {attribute}', f'{attribute}: {value}')

    def stop(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # the session this class has started
        except ProcessLookupError:
            pass
        self.process.wait()


if __name__ == '__main__':
    provision(sys.argv[1], sys.argv[2])
