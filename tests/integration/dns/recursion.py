#!/usr/bin/env python3
"""An internet of four servers: root → bac → helper.bac, and a resolver for some clients. Walked by dig +trace and by lab-dnsd."""
import concurrent.futures, contextlib

import netlab
from netlab import Daemon, Folder, contains, equal, run

netlab.need('dig', 'ip', 'unshare', 'ps')
netlab.isolate()

ROOT, BAC, HELPER, RESOLVER = '127.0.1.1', '127.0.1.2', '127.0.1.3', '127.0.1.4'
SOA = '$TTL 60\n@ SOA ns root 1 60 60 600 5\n'
ZONES = {
    ROOT: {'.': SOA + f'@ NS a.root.\na.root. A {ROOT}\nbac. NS ns.bac.\nns.bac. A {BAC}\n'},
    BAC: {'bac': SOA + f'@ NS ns\nns A {BAC}\nhelper NS ns.helper\nns.helper A {HELPER}\nlost NS ns.lost\nns.lost A 127.0.1.9\n'},
    HELPER: {'helper.bac': SOA + f'@ NS ns\nns A {HELPER}\n@ MX 10 mail\nmail A 192.168.56.10\nwww CNAME web.bac.\n'
                                 + ''.join(f'many A 10.0.0.{i}\n' for i in range(200))},
    RESOLVER: {'class.bac': SOA + '@ NS ns\nns A 127.0.1.4\nalias CNAME mail.helper.bac.\n'},
}


@contextlib.contextmanager
def internet(recursion=f'recursion: {{networks: [127.0.0.0/24], root: ["{ROOT}:53"]}}'):
    with Folder() as folder, contextlib.ExitStack() as running:
        for address, zones in ZONES.items():
            listed = ''
            for i, (name, text) in enumerate(zones.items()):
                folder.write(f'{address}/{i}.zone', text)
                listed += f'  "{name}": {{file: {i}.zone}}\n'
            config = folder.write(f'{address}/dns.yaml', f'listen: ["{address}:53"]\nzones:\n{listed}{recursion if address == RESOLVER else ""}\n')
            daemon = running.enter_context(Daemon('lab-dnsd', '--config', config))
        yield daemon  # the resolver


def dig(*query, server=RESOLVER, source='127.0.0.1'):
    return run('dig', f'@{server}', '-b', source, '+tries=1', '+time=15', *query)


def test_a_client_gets_answers_from_other_servers():
    with internet():
        text = dig('helper.bac', 'MX')
        contains(text, 'flags: qr rd ra;')
        contains(text, '10 mail.helper.bac.')
        equal(dig('+short', 'MAIL.helper.bac', 'A'), '192.168.56.10')
        contains(dig('nobody.helper.bac', 'A'), 'status: NXDOMAIN')
        contains(dig('nobody.helper.bac', 'A'), 'helper.bac.')
        equal(dig('+short', '+tcp', 'mail.helper.bac', 'A'), '192.168.56.10')


def test_our_own_zones_are_answered_with_authority():
    with internet():
        contains(dig('ns.class.bac', 'A'), 'flags: qr aa rd ra;')


def test_an_alias_out_of_our_zone_is_followed_for_a_client():
    with internet():
        # Nobody delegates class.bac to us: the alias is answered from our zone, what it leads to from elsewhere.
        equal(dig('+short', 'alias.class.bac', 'A'), 'mail.helper.bac.\n192.168.56.10')


def test_an_answer_too_long_for_udp_is_fetched_over_tcp():
    with internet():
        contains(dig('+ignore', 'many.helper.bac', 'A'), 'flags: qr tc rd ra;')
        equal(len(dig('+short', 'many.helper.bac', 'A').splitlines()), 200)


def test_a_stranger_gets_no_recursion():
    with internet():
        text = dig('helper.bac', 'MX', source='127.0.2.1')
        contains(text, 'status: REFUSED')
        contains(text, 'flags: qr rd;')
        contains(dig('ns.class.bac', 'A', source='127.0.2.1'), 'flags: qr aa rd;')


def test_without_rd_nobody_is_asked():
    with internet():
        contains(dig('+norec', 'helper.bac', 'MX'), 'status: REFUSED')


def test_trace_walks_from_the_root():
    with internet(), Folder() as folder:
        # dig looks the servers' names up by it
        run('mount', '--bind', folder.write('resolv.conf', f'nameserver {RESOLVER}\n'), '/etc/resolv.conf')
        text = run('dig', '+trace', '+nodnssec', 'mail.helper.bac', 'A')
        for line in ('a.root.', 'bac.\t\t\t60\tIN\tNS\tns.bac.', 'helper.bac.\t\t60\tIN\tNS\tns.helper.bac.', 'mail.helper.bac.\t60\tIN\tA\t192.168.56.10'):
            contains(text, line)


def test_a_forwarder_is_asked_instead_of_the_root():
    with internet(f'recursion: {{networks: [127.0.0.0/24], forwarders: ["{HELPER}:53"]}}'):
        equal(dig('+short', 'mail.helper.bac', 'A'), '192.168.56.10')


def test_recursion_runs_in_a_thread_and_leaves_no_processes():
    """libunbound can fork for it, too, and then leaves zombies (getdns-python-bindings#30); also where names are blocked."""
    for blocked in ('', ', blocklist: [blocked.example]'):
        with internet(f'recursion: {{networks: [127.0.0.0/24], root: ["{ROOT}:53"]{blocked}}}') as resolver:
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                answers = list(pool.map(lambda i: dig('+short', 'mail.helper.bac' if i % 2 else 'helper.bac', 'A' if i % 2 else 'MX'), range(60)))
            equal(set(answers), {'192.168.56.10', '10 mail.helper.bac.'})
            equal(run('ps', '--ppid', resolver.process.pid, '-o', 'pid=,comm=', check=False), '', 'processes of the resolver')
            if blocked:
                contains(dig('www.blocked.example', 'A'), 'status: NXDOMAIN')
            equal(resolver.stop(), 0)


netlab.run_tests(globals())
