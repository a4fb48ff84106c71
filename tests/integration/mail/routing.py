#!/usr/bin/env python3
"""Mail between servers: the way by MX records of a real lab-dnsd, a queue that outlives kill -9, reports to the sender."""
import signal, sqlite3, subprocess

import netlab
from netlab import Daemon, Folder, contains, equal, run, until

netlab.need('openssl', 'swaks', 'ip', 'unshare')
netlab.isolate()

from post import ALI, Authority, Post

authority = Authority()

ZONES = {
    'helper.bac': '@ MX 10 mail\nmail A 127.0.0.1\n',
    'far.bac': '@ MX 10 dead\n@ MX 20 mail\ndead A 127.0.0.99\nmail A 127.0.0.2\n',
    'plain.bac': '@ A 127.0.0.2\n',
    'null.bac': '@ MX 0 .\n@ A 127.0.0.2\n',
    'loop.bac': '@ MX 10 mail.helper.bac.\n',
}
SOA = '$TTL 60\n@ SOA ns.helper.bac. hostmaster.helper.bac. 1 3600 900 604800 60\n@ NS ns.helper.bac.\n'
QUICK = 'queue: {retry: [1s]}\n'


class Names:
    """lab-dnsd with the zones above."""

    def __init__(self):
        self.folder = Folder()
        for zone, records in ZONES.items():
            self.folder.write(f'zones/{zone}.zone', SOA + records)
        zones = ''.join(f'  {zone}: {{file: zones/{zone}.zone}}\n' for zone in ZONES)
        self.daemon = Daemon('lab-dnsd', '--config', self.folder.write('dns.yaml', f'listen: [127.0.0.1:53]\nzones:\n{zones}'))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.__exit__()
        self.folder.__exit__()


def helper():
    return Post(authority, more=QUICK)


def far(domain='far.bac'):
    return Post(authority, domain=domain, address='127.0.0.2', users='{eve: {password: x}, ali: {password: x}, awa: {password: x}}')


def test_mail_takes_the_way_the_mx_records_show_past_a_dead_host():
    with Names(), helper() as here, far() as there:
        here.submit(ALI, ['eve@far.bac', 'contact@far.bac'])
        until(lambda: there.messages('eve') == 1 and there.messages('ali') == 1, 'the mail at far.bac')
        until(lambda: here.queued() == 0, 'an empty queue')
        contains(there.daemon.log(), '<ali@helper.bac>')


def test_servers_encrypt_between_themselves():
    with Names(), helper() as here, far() as there:
        here.submit(ALI, ['eve@far.bac'])
        until(lambda: there.messages('eve') == 1, 'the mail at far.bac')
        texts = sqlite3.connect(f'file:{there.folder / "data/mail.db"}?mode=ro', uri=True).execute('SELECT bytes FROM chunk').fetchall()
        contains(b''.join(row[0] for row in texts).decode(), 'with ESMTPS id')


def test_a_domain_without_mx_is_its_own_mail_host():
    with Names(), helper() as here, far('plain.bac') as there:
        here.submit(ALI, ['eve@plain.bac'])
        until(lambda: there.messages('eve') == 1, 'the mail at plain.bac')


def test_what_cannot_be_delivered_comes_back_with_the_reason():
    with Names(), helper() as here, far():
        here.submit(ALI, ['nobody@far.bac', 'x@null.bac', 'x@nowhere.helper.bac', 'x@loop.bac'])
        until(lambda: here.messages('ali') == 1 + 4, 'a welcome and four reports')
        equal(here.queued(), 0)


def test_an_unreachable_server_gets_its_mail_later_even_after_kill_9():
    with Names(), helper() as here:
        here.submit(ALI, ['eve@far.bac'])
        until(lambda: 'postponed' in here.daemon.log(), 'a first attempt')
        equal(here.queued(), 1)
        here.daemon.kill()
        here.start()
        with far() as there:
            until(lambda: there.messages('eve') == 1, 'the mail at far.bac')
            until(lambda: here.queued() == 0, 'an empty queue')
            equal(there.messages('eve'), 1)


def test_a_message_to_both_sides_is_one_message():
    with Names(), helper() as here, far() as there:
        here.submit(ALI, ['awa@helper.bac', 'eve@far.bac'])
        equal(here.messages('awa'), 1)
        until(lambda: there.messages('eve') == 1, 'the mail at far.bac')


def test_a_trusted_network_may_relay_and_others_may_not():
    with Names(), Post(authority, more='networks: [127.0.0.0/24]\n' + QUICK) as here, far() as there:
        run('swaks', '--server', '127.0.0.1', '--from', 'x@helper.bac', '--to', 'eve@far.bac')
        until(lambda: there.messages('eve') == 1, 'the mail at far.bac')
        equal(subprocess.run(['swaks', '--server', '127.0.0.2', '--from', 'x@far.bac', '--to', 'ali@helper.bac'], capture_output=True).returncode, 24)


netlab.run_tests(globals())
