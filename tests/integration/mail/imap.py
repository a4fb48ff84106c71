#!/usr/bin/env python3
"""lab-maild's IMAP as clients see it: curl, Python's imaplib, mutt, neomutt, openssl, and bytes nobody should send."""
import imaplib, os, pty, re, select, shutil, signal, socket, ssl, subprocess, threading, time

import netlab
from netlab import contains, equal, run, until

netlab.need('openssl', 'curl', 'ip', 'unshare')
netlab.isolate()

from post import ALI, AWA, Authority, Post, Raw

authority = Authority()
LETTER = 'From: Awa <awa@helper.bac>\r\nTo: ali@helper.bac\r\nSubject: {0}\r\nMessage-ID: <{0}@helper.bac>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nbody of {0}\r\n'


def curl(post, path, *arguments, scheme='imaps', check=True):
    return run('curl', '-sS', '--cacert', authority.certificate, '--url', f'{scheme}://{post.name}{path}', '--user', 'ali:Ali-2026',
               '--resolve', f'{post.name}:993:{post.address}', '--resolve', f'{post.name}:143:{post.address}', *arguments, check=check)


def client(post, who=ALI):
    """imaplib over 993, logged in."""
    class Named(imaplib.IMAP4_SSL):  # the certificate is for the name, not the address
        def _create_socket(self, timeout):
            return self.ssl_context.wrap_socket(socket.create_connection((post.address, 993), netlab.DEADLINE), server_hostname=post.name)
    c = Named(post.name, 993, ssl_context=post.tls())
    c.login(*who)
    return c


def done(answer):
    status, data = answer
    equal(status, 'OK', data)
    return data


def put(c, subject, mailbox='INBOX'):
    done(c.append(mailbox, None, None, LETTER.format(subject).encode()))


def test_curl_lists_fetches_appends_and_searches_over_imaps():
    with Post(authority) as post:
        post.submit(AWA, 'ali@helper.bac', LETTER.format('one'))
        listing = curl(post, '/')
        for name in 'INBOX', 'Sent', 'Drafts', 'Trash', 'Junk':
            contains(listing, f'"/" "{name}"')
        contains(curl(post, '/INBOX;UID=1'), 'body of one')
        contains(curl(post, '/INBOX;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)'), 'Subject: one')
        letter = post.folder.write('letter', LETTER.format('two'))
        curl(post, '/Sent', '-T', letter)
        equal(curl(post, '/Sent?SUBJECT%20two'), '* SEARCH 1')
        contains(curl(post, '/', '-X', 'STATUS Sent (MESSAGES UIDNEXT)'), '(MESSAGES 1 UIDNEXT 2)')


def test_curl_trusts_only_the_lab_ca_and_upgrades_by_starttls():
    with Post(authority) as post:
        contains(curl(post, '/', '--ssl-reqd', scheme='imap'), 'INBOX')
        stranger = subprocess.run(['curl', '-sS', f'imaps://{post.name}/', '--resolve', f'{post.name}:993:{post.address}', '--user', 'ali:Ali-2026'],
                                  capture_output=True)
        equal(stranger.returncode, 60, 'curl without the CA')
        plain = subprocess.run(['curl', '-sS', f'imap://{post.address}/', '--user', 'ali:Ali-2026'], capture_output=True)
        equal(plain.returncode != 0, True, 'a password in the clear is refused')


def test_openssl_sees_a_certificate_the_ca_vouches_for():
    with Post(authority) as post:
        for how in ['-connect', f'{post.address}:993'], ['-connect', f'{post.address}:143', '-starttls', 'imap']:
            text = run('openssl', 's_client', *how, '-CAfile', authority.certificate, '-verify_hostname', post.name, '-verify_return_error',
                       input='a LOGOUT\r\n')
            contains(text, 'Verify return code: 0 (ok)')


def test_nothing_said_before_the_handshake_is_done_after_it():
    with Post(authority) as post:
        plain = Raw(post.address, 143)
        contains(plain.hear(), 'STARTTLS LOGINDISABLED')
        plain.say('a STARTTLS\r\nb CAPABILITY\r\n')
        contains(plain.hear(), 'a OK')
        secure = post.tls().wrap_socket(plain.socket, server_hostname=post.name)
        secure.sendall(b'c NOOP\r\n')
        equal(secure.recv(1000), b'c OK nothing done\r\n')


def test_imaplib_reads_flags_moves_appends_and_deletes():
    with Post(authority) as post:
        c = client(post)
        for subject in 'a', 'b', 'c':
            put(c, subject, 'Drafts')
        equal(done(c.select('Drafts')), [b'3'])
        equal(done(c.search(None, 'UNSEEN')), [b'1 2 3'])
        contains(done(c.fetch('1', '(RFC822)'))[0][1].decode(), 'body of a')
        equal(done(c.search(None, 'SEEN')), [b'1'])
        equal(done(c.store('2', '+FLAGS', '(\\Flagged $Label1)')), [b'2 (FLAGS (\\Flagged \\Recent $Label1))'])
        done(c.create('Cours/2026'))
        done(c.copy('1:2', 'Cours/2026'))
        equal(done(c.status('Cours/2026', '(MESSAGES UNSEEN)')), [b'"Cours/2026" (MESSAGES 2 UNSEEN 1)'])
        done(c.uid('MOVE', '3', 'Trash'))
        done(c.store('1', '+FLAGS', '\\Deleted'))
        equal(done(c.expunge())[-1:], [b'1'])
        equal(done(c.sort('REVERSE SUBJECT', 'UTF-8', 'ALL')), [b'1'])
        equal(done(c.thread('REFERENCES', 'UTF-8', 'ALL')), [b'(1)'])
        equal(done(c.uid('SEARCH', None, 'BODY', '"body of b"')), [b'2'])
        done(c.rename('Cours/2026', 'Cours/ancien'))
        done(c.subscribe('Cours/ancien'))
        contains(str(done(c.lsub())), 'Cours/ancien')
        equal(done(c.namespace()), [b'(("" "/")) NIL NIL'])
        equal(done(c.getquotaroot('INBOX')), [[b'"INBOX" ""'], [b'"" ()']])
        done(c.delete('Cours/ancien'))
        done(c.close())
        c.logout()


def test_two_sessions_see_each_others_mail_while_one_idles():
    with Post(authority) as post:
        watcher, writer = client(post), client(post)
        done(watcher.select('Drafts'))
        watcher.send(b'x IDLE\r\n')
        contains(watcher.readline().decode(), '+ ')
        put(writer, 'news', 'Drafts')
        equal(watcher.readline(), b'* 1 EXISTS\r\n')
        equal(watcher.readline(), b'* 1 RECENT\r\n')
        watcher.send(b'DONE\r\ny NOOP\r\n')
        equal((watcher.readline()[:4], watcher.readline()[:4]), (b'x OK', b'y OK'))


def test_a_wrong_password_is_refused_and_others_go_on():
    with Post(authority) as post:
        good = client(post)
        for password in 'wrong', '', '*', ')(uid=*', 'x' * 4000:
            try:
                client(post, ('ali', password))
                raise AssertionError(f'logged in with {password!r}')
            except imaplib.IMAP4.error:
                pass
        done(good.noop())


def test_what_was_acknowledged_survives_kill_9():
    with Post(authority) as post:
        acknowledged = 0
        for round in range(3):
            c = client(post)
            stop = threading.Timer(0.3, post.daemon.kill)
            stop.start()
            try:
                while True:
                    put(c, f'n{acknowledged}')
                    acknowledged += 1
            except (imaplib.IMAP4.abort, OSError):
                pass
            stop.join()
            post.start()
        c = client(post)
        count = int(done(c.select('INBOX'))[0])
        subjects = done(c.fetch('1:*', '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])'))
        found = set(re.findall(r'Subject: (n\d+)', ' '.join(s[1].decode() for s in subjects if isinstance(s, tuple))))
        equal(acknowledged > 0 and all(f'n{i}' in found for i in range(acknowledged)), True, f'{acknowledged} acknowledged, {count} there')


def test_a_stop_says_goodbye_within_a_second():
    with Post(authority) as post:
        c = client(post)
        started = time.monotonic()
        equal(post.daemon.stop(), 0)
        equal(time.monotonic() - started < 2, True, 'stopped in time')
        contains(c.readline().decode(), '* BYE')


def in_terminal(command, **environment):
    """Runs a program that wants a screen; ends when it does."""
    pid, screen = pty.fork()
    if pid == 0:
        os.environ.update(environment | {'TERM': 'vt100', 'LC_ALL': 'C.UTF-8'})
        os.execvp(command[0], command)
    end, seen = time.monotonic() + netlab.DEADLINE, b''
    while time.monotonic() < end:
        if select.select([screen], [], [], 0.1)[0]:
            try:
                data = os.read(screen, 65536)
            except OSError:
                data = b''
            if not data:
                break
            seen += data
    else:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return seen.decode(errors='replace')


def mutt(program):
    with Post(authority) as post, netlab.Folder() as home:
        c = client(post)
        for subject in 'one', 'two':
            put(c, subject, 'Drafts')
        with open('/etc/hosts') as f:
            hosts = home.write('hosts', f.read() + f'\n{post.address} {post.name}\n')
        run('mount', '--bind', hosts, '/etc/hosts')
        try:
            # Copies the first letter to a file, flags the second, moves the first to Sent, writes the changes.
            rc = home.write('rc', f'''
set folder="imaps://ali@{post.name}/" spoolfile="imaps://ali@{post.name}/Drafts" imap_user="ali" imap_pass="Ali-2026"
set ssl_ca_certificates_file="{authority.certificate}" ssl_verify_host=yes certificate_file="{home / 'none'}"
set confirmappend=no confirmcreate=no move=no delete=yes quit=yes copy=no read_inc=0 sleep_time=0 mark_old=no header_cache="" sort=mailbox-order
push "<first-entry><copy-message>{home / 'copy'}<enter><next-entry><flag-message><first-entry><save-message>=Sent<enter><sync-mailbox><quit>"
''')
            screen = in_terminal([program, '-n', '-F', rc], HOME=home.path)
            equal(os.path.exists(home / 'copy'), True, 'copied by ' + program + ':\n' + screen[-2000:])
            contains(open(home / 'copy').read(), 'body of one')
            done(c.select('Drafts'))
            contains(str(done(c.fetch('1:*', '(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])'))), 'Subject: two')
            equal(done(c.search(None, 'FLAGGED')), [b'1'])
            equal(post.messages('ali', 'Sent'), 1)
        finally:
            run('umount', '/etc/hosts')


def test_mutt_reads_copies_flags_and_moves():
    if not shutil.which('mutt'):
        return print('        (mutt is not installed)')
    mutt('mutt')


def test_neomutt_reads_copies_flags_and_moves():
    if not shutil.which('neomutt'):
        return print('        (neomutt is not installed)')
    mutt('neomutt')


netlab.run_tests(globals())
