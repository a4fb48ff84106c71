#!/usr/bin/env python3
"""lab-maild's POP3 as clients see it: curl, Python's poplib, openssl."""
import poplib, socket, ssl, subprocess

import netlab
from netlab import contains, equal, run

netlab.need('openssl', 'curl', 'ip', 'unshare')
netlab.isolate()

from post import ALI, AWA, Authority, Post, Raw

authority = Authority()


def curl(post, path, *arguments, scheme='pop3s'):
    return run('curl', '-sS', '--cacert', authority.certificate, '--url', f'{scheme}://{post.name}{path}', '--user', 'ali:Ali-2026',
               '--resolve', f'{post.name}:995:{post.address}', '--resolve', f'{post.name}:110:{post.address}', *arguments)


def client(post, port=995):
    class Named(poplib.POP3_SSL):
        def _create_socket(self, timeout):
            return self.context.wrap_socket(socket.create_connection((post.address, port), netlab.DEADLINE), server_hostname=post.name)
    return Named(post.name, port, context=post.tls())


def send(post, *subjects):
    for subject in subjects:
        post.submit(AWA, 'ali@helper.bac', f'Subject: {subject}\r\n\r\n.hidden dot\r\nlast line of {subject}\r\n')


def test_curl_lists_and_retrieves_over_pop3s():
    with Post(authority) as post:
        send(post, 'one', 'two')
        equal(len(curl(post, '/').splitlines()), 3, 'two and the welcome')
        contains(curl(post, '/2'), 'last line of two')
        contains(curl(post, '/1', '--ssl-reqd', scheme='pop3'), '\n.hidden dot')
        contains(curl(post, '/', '-X', 'UIDL'), '-1')


def test_poplib_reads_and_deletes_with_quit():
    with Post(authority) as post:
        send(post, 'one', 'two', 'three')
        c = client(post)
        c.user(ALI[0])
        contains(c.pass_(ALI[1]).decode(), '+OK')
        equal(c.stat()[0], 4, 'three and the welcome')
        equal(len(c.list()[1]), 4)
        equal(len(c.uidl()[1]), 4)
        contains(str(c.retr(1)[1]), "b'.hidden dot'")
        equal(b'last line of two' in c.top(2, 1)[1], False)
        equal(b'last line of two' in c.top(2, 2)[1], True)
        c.dele(1)
        c.rset()
        c.dele(2)
        c.quit()
        equal(post.messages('ali'), 3)
        contains(str(client(post).capa()), 'UIDL')


def test_poplib_upgrades_by_stls_and_passwords_need_it():
    with Post(authority) as post:
        plain = poplib.POP3(post.address, timeout=netlab.DEADLINE)
        equal('USER' in plain.capa(), False)
        try:
            plain.user(ALI[0])
            raise AssertionError('USER in the clear')
        except poplib.error_proto as error:
            contains(str(error), 'STLS')
        plain.host = post.name
        plain.stls(context=post.tls())
        plain.user(ALI[0])
        contains(plain.pass_(ALI[1]).decode(), '+OK')
        plain.quit()


def test_openssl_sees_a_certificate_the_ca_vouches_for():
    with Post(authority) as post:
        for how in ['-connect', f'{post.address}:995'], ['-connect', f'{post.address}:110', '-starttls', 'pop3']:
            text = run('openssl', 's_client', *how, '-CAfile', authority.certificate, '-verify_hostname', post.name, '-verify_return_error',
                       input='QUIT\r\n')
            contains(text, 'Verify return code: 0 (ok)')


def test_nothing_said_before_the_handshake_is_done_after_it():
    with Post(authority) as post:
        plain = Raw(post.address, 110)
        plain.hear()
        plain.say('STLS\r\nUSER ali\r\n')
        contains(plain.file.readline().decode(), '+OK')
        secure = post.tls().wrap_socket(plain.socket, server_hostname=post.name)
        secure.sendall(b'PASS Ali-2026\r\n')
        contains(secure.recv(1000).decode(), '-ERR say USER first')


netlab.run_tests(globals())
