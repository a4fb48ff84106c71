#!/usr/bin/env python3
"""lab-maild's SMTP as clients see it: swaks, curl, openssl, Python's smtplib, and bytes nobody should send."""
import base64, hashlib, os, signal, smtplib, socket, ssl, subprocess, threading, time

import netlab
from netlab import contains, equal, run, until

netlab.need('openssl', 'swaks', 'curl', 'ip', 'unshare')
netlab.isolate()

from post import ALI, AWA, Authority, Post, Raw

authority = Authority()


def swaks(post, *arguments, check=True):
    return run('swaks', '--server', post.address, '--from', 'eve@other.bac', '--helo', 'pc1', *arguments, check=check)


def test_swaks_delivers_on_25_with_and_without_starttls():
    with Post(authority) as post:
        swaks(post, '--to', 'ali@helper.bac')
        contains(swaks(post, '--to', 'Awa.Ouedraogo@HELPER.bac', '-tls'), 'TLSv1.3')
        equal((post.messages('ali'), post.messages('awa')), (1, 1))


def test_swaks_submits_on_587_and_465_with_plain_and_login():
    with Post(authority) as post:
        for mechanism in 'PLAIN', 'LOGIN':
            login = ['--auth', mechanism, '--auth-user', 'ali', '--auth-password', 'Ali-2026', '--from', 'ali@helper.bac', '--to', 'awa@helper.bac']
            contains(swaks(post, '--port', 587, '-tls', *login), '235 2.7.0')
            contains(swaks(post, '--port', 465, '-tlsc', *login), '235 2.7.0')
        equal(post.messages('awa'), 4)


def test_curl_submits_over_smtps_trusting_the_lab_ca():
    with Post(authority) as post:
        letter = post.folder.write('letter', 'From: ali@helper.bac\r\nTo: awa@helper.bac\r\nSubject: curl\r\n\r\nhello\r\n')
        curl = ['curl', '-sS', '--url', f'smtps://{post.name}/pc1', '--resolve', f'{post.name}:465:{post.address}', '--mail-from', 'ali@helper.bac',
                '--mail-rcpt', 'awa@helper.bac', '--user', 'ali:Ali-2026', '-T', letter]
        run(*curl, '--cacert', authority.certificate)
        equal(post.messages('awa'), 1)
        equal(subprocess.run(curl, capture_output=True).returncode, 60, 'curl without the CA')


def test_openssl_sees_a_certificate_the_ca_vouches_for():
    with Post(authority) as post:
        for how in (['-connect', f'{post.address}:25', '-starttls', 'smtp'], ['-connect', f'{post.address}:587', '-starttls', 'smtp'],
                    ['-connect', f'{post.address}:465']):
            text = run('openssl', 's_client', *how, '-CAfile', authority.certificate, '-verify_hostname', post.name, '-verify_return_error', input='QUIT\r\n')
            contains(text, 'Verify return code: 0 (ok)')
        old = subprocess.run(['openssl', 's_client', '-connect', f'{post.address}:465', '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'],
                             input='', capture_output=True, text=True)
        equal(old.returncode != 0, True, 'TLS 1.1 is refused')


def test_smtplib_is_told_the_extensions_and_can_send_to_many():
    with Post(authority) as post:
        client = post.smtp(587)
        client.ehlo('pc1')
        equal(client.has_extn('auth'), False, 'AUTH before TLS')
        client.starttls(context=post.tls())
        client.ehlo('pc1')
        for extension in 'size', 'pipelining', '8bitmime', 'smtputf8', 'enhancedstatuscodes', 'chunking', 'auth':
            equal(client.has_extn(extension), True, extension)
        equal(client.has_extn('dsn'), False, 'DSN is not offered')
        client.login(*ALI)
        refused = client.sendmail('ali@helper.bac', ['awa@helper.bac', 'contact@helper.bac', 'nobody@helper.bac'], 'Subject: x\r\n\r\nhi\r\n')
        equal(refused['nobody@helper.bac'][0], 550)
        client.quit()
        equal((post.messages('ali'), post.messages('awa')), (1 + 1, 1))  # his welcome and the alias; one copy for Awa


def test_the_first_login_makes_the_mailbox_with_a_welcome_and_no_later_one_does():
    with Post(authority) as post:
        for _ in range(3):
            post.submit(ALI, ['awa@helper.bac'])
        equal(post.messages('ali'), 1)
        post.submit(AWA, ['ali@helper.bac'])
        equal(post.messages('awa'), 3 + 1)  # mail came first; the welcome at her own first login


def test_it_is_no_open_relay():
    with Post(authority) as post:
        client = post.smtp()
        client.ehlo('pc1')
        for sender in 'eve@other.bac', 'ali@helper.bac', '':
            client.rset()
            client.mail(sender)
            for to in ('x@other.bac', '"x@other.bac"@helper.bac', 'x%other.bac@helper.bac', '@helper.bac:x@other.bac', 'other.bac!x', 'x@[127.0.0.1]'):
                equal(client.docmd('RCPT', f'TO:<{to}>')[0] // 100, 5, f'{sender} to {to}')


def test_submission_takes_only_ones_own_address():
    with Post(authority) as post:
        try:
            post.submit(ALI, ['awa@helper.bac'], sender='awa@helper.bac')
            raise AssertionError('Ali sent as Awa')
        except smtplib.SMTPSenderRefused as error:
            equal(error.smtp_code, 553)


def test_wrong_passwords_are_refused_and_do_not_stop_others():
    with Post(authority) as post:
        wrong = threading.Thread(target=lambda: subprocess.run(
            ['swaks', '--server', post.address, '--port', '587', '-tls', '--auth-user', 'ali', '--auth-password', 'wrong', '--to', 'awa@helper.bac'],
            capture_output=True))
        wrong.start()
        post.submit(AWA, ['ali@helper.bac'])
        wrong.join()
        for bad in ('ali', 'x'), ('ali', ''), ('nobody', 'Ali-2026'), ('*', 'x'), ('ali)(uid=*', 'x'), ('ali@other.bac', 'Ali-2026'), ('x' * 1000, '\x01'):
            try:
                post.submit(bad, ['awa@helper.bac'])
                raise AssertionError(f'{bad} got in')
            except smtplib.SMTPAuthenticationError as error:
                equal(error.smtp_code in (535, 501), True, str(error))


def test_a_command_in_front_of_the_handshake_is_not_run_behind_it():
    with Post(authority) as post:
        raw = post.raw()
        raw.hear(), raw.ask('EHLO pc1')
        raw.say('STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@evil.test>\r\n')
        contains(raw.hear(), '220')
        inside = post.tls().wrap_socket(raw.socket, server_hostname=post.name)
        inside.sendall(b'NOOP\r\n')
        equal(inside.recv(1000)[:3], b'250')
        inside.sendall(b'RCPT TO:<ali@helper.bac>\r\n')
        contains(inside.recv(1000).decode(), 'EHLO first')


def test_a_person_with_nc_is_told_about_line_ends():
    with Post(authority) as post:
        raw = post.raw()
        raw.hear()
        contains(raw.say('EHLO pc1\n').hear(), 'CR LF')
        contains(raw.ask('EHLO pc1'), '250')


def test_outlook_and_others_with_odd_habits_are_served():
    with Post(authority) as post:
        raw = post.raw()
        raw.hear(), raw.ask('EHLO [192.168.1.2]')
        contains(raw.ask('MAIL FROM: <eve@other.bac> SIZE=100 BODY=8BITMIME'), '250')
        contains(raw.ask('rcpt to:<Ali@Helper.Bac>'), '250')
        contains(raw.ask('RCPT TO:<ali+shop@helper.bac>'), '250')
        contains(raw.ask('RCPT TO:<Postmaster>'), '250')
        contains(raw.ask('DATA'), '354')
        contains(raw.say('Subject: 8 bits: é\r\n\r\n..\r\n.\r\n').hear(), '250')
        equal((post.messages('ali'), post.messages('postmaster')), (1, 1))


def test_a_drain_ends_within_a_second_and_lets_a_message_arrive():
    with Post(authority) as post:
        idle, busy = post.raw(), post.raw()
        idle.hear(), busy.hear()
        busy.ask('EHLO pc1'), busy.ask('MAIL FROM:<eve@other.bac>'), busy.ask('RCPT TO:<ali@helper.bac>'), busy.ask('DATA')
        busy.say('Subject: in the middle\r\n\r\n')
        post.daemon.signal(signal.SIGTERM)
        contains(idle.hear(), '421 4.3.2')
        equal(idle.hear(), '')
        contains(busy.say('end\r\n.\r\n').hear(), 'is on disk')
        equal(post.daemon.process.wait(netlab.DEADLINE), 0)
        equal(post.messages('ali'), 1)


def test_sighup_brings_the_new_certificate_and_drops_nobody():
    with Post(authority) as post:
        def serial():
            der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((post.address, 465)))
            return run('openssl', 'x509', '-noout', '-serial', input=ssl.DER_cert_to_PEM_cert(der))
        before = serial()
        talking = post.smtp()
        talking.ehlo('pc1')
        authority.issue(post.name)
        post.daemon.signal(signal.SIGHUP)
        until(lambda: serial() != before, 'the new certificate')
        equal(talking.noop()[0], 250)
        with open(authority.folder / post.name + '.crt', 'w') as broken:
            broken.write('no certificate')
        post.daemon.signal(signal.SIGHUP)
        until(lambda: 'stays as it was' in post.daemon.log(), 'the refusal of a broken certificate')
        post.submit(ALI, ['awa@helper.bac'])


def test_what_was_acknowledged_survives_kill_9():
    with Post(authority) as post:
        acknowledged = []

        def send():
            try:
                client = post.smtp()
                while True:
                    client.sendmail('eve@other.bac', ['ali@helper.bac', 'awa@helper.bac'], 'Subject: x\r\n\r\n' + 'text\r\n' * 500)
                    acknowledged.append(1)
            except (OSError, smtplib.SMTPException):
                pass
        for _ in range(4):
            senders = [threading.Thread(target=send) for _ in range(8)]
            before = len(acknowledged)
            for sender in senders:
                sender.start()
            until(lambda: len(acknowledged) > before + 40, 'some mail')
            post.daemon.kill()
            for sender in senders:
                sender.join()
            post.start()
            for user in 'ali', 'awa':
                equal(post.messages(user) >= len(acknowledged), True, f'{len(acknowledged)} acknowledged, {post.messages(user)} there')


def test_too_large_is_told_before_and_after_the_message():
    with Post(authority) as post:
        client = post.smtp()
        client.ehlo('pc1')
        equal(client.mail('eve@other.bac', ['SIZE=2000000'])[0], 552)
        client.mail('eve@other.bac')
        client.rcpt('ali@helper.bac')
        equal(client.data('x' * 70 + '\r\n' + 'text\r\n' * 300000)[0], 552)
        equal(client.noop()[0], 250)


def test_a_password_may_be_kept_as_a_hash():
    hashed = 'pbkdf2_sha256$20000$salt$' + base64.b64encode(hashlib.pbkdf2_hmac('sha256', b'Ali-2026', b'salt', 20000)).decode()
    with Post(authority, users='{ali: {password: "' + hashed + '"}, awa: {password: x}}') as post:
        post.submit(ALI, ['awa@helper.bac'])
        try:
            post.submit(('ali', hashed), ['awa@helper.bac'])
            raise AssertionError('the hash itself got in')
        except smtplib.SMTPAuthenticationError:
            pass


def test_floods_before_login_cost_little_memory_and_stop_nobody():
    def peak():
        with open(f'/proc/{post.daemon.process.pid}/status') as f:
            return next(int(line.split()[1]) for line in f if line.startswith('VmHWM'))

    def flood(opening):
        raw = post.raw()
        raw.hear()
        try:
            raw.say(opening)
            for _ in range(64):
                raw.socket.sendall(b'x' * 65536)
        except OSError:
            pass
    with Post(authority) as post:
        before = peak()
        hello = 'EHLO pc1\r\nMAIL FROM:<e@other.bac>\r\nRCPT TO:<ali@helper.bac>\r\n'
        floods = [threading.Thread(target=flood, args=(opening,)) for opening in ('', 'EHLO ', hello + 'DATA\r\n', hello + 'BDAT 999999\r\n') for _ in range(5)]
        for each in floods:
            each.start()
        swaks(post, '--to', 'awa@helper.bac')
        for each in floods:
            each.join()
        equal(post.messages('awa'), 1)
        equal(peak() - before < 50000, True, f'{peak() - before} kB more')


def test_check_config_names_every_mistake_with_its_place():
    with netlab.Folder() as folder:
        path = folder.write('mail.yaml', 'hostname: mail_\ndata: d\nlisten: {smtps: [127.0.0.1:465], smpt: [x]}\ndomains: {}\nnetwork: []\n')
        done = subprocess.run([netlab.program('lab-maild'), '--config', path, '--check-config'], capture_output=True, text=True)
        equal(done.returncode, 2)
        text = done.stdout + done.stderr
        for part in "did you mean 'smtp'?", "did you mean 'networks'?", 'need a certificate', 'no domain':
            contains(text, part)


netlab.run_tests(globals())
