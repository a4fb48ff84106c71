"""DNS messages byte by byte, for tests that ask what dig does not, or that play a server which misbehaves."""
import struct

TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'MX': 15, 'TXT': 16, 'AAAA': 28, 'SRV': 33, 'NAPTR': 35, 'DNAME': 39, 'DS': 43, 'RRSIG': 46,
         'NSEC': 47, 'DNSKEY': 48, 'NSEC3': 50, 'NSEC3PARAM': 51, 'TLSA': 52, 'SVCB': 64, 'HTTPS': 65, 'ANY': 255, 'CAA': 257, 'TYPE65280': 65280}
NAMES = {number: name for name, number in TYPES.items()}
COMPRESSED = {2: 0, 5: 0, 6: 0, 12: 0, 15: 2, 39: 0, 33: 6}  # where names begin in the data of types that servers compress, or might
OPT, IXFR, AXFR, EXPIRE = 41, 251, 252, 9


def name(text):
    return b''.join(bytes([len(label)]) + label.encode() for label in text.rstrip('.').split('.') if label) + b'\0'


def question(of, kind=1, rrclass=1, number=1, flags=0):
    return struct.pack('>6H', number, flags, 1, 0, 0, 0) + name(of) + struct.pack('>2H', kind, rrclass)


def with_opt(message, size=1232, flags=0, version=0, options=b''):
    """The message with an OPT record behind it; `options`: made by `option`."""
    additional = struct.unpack_from('>H', message, 10)[0] + 1
    return message[:10] + struct.pack('>H', additional) + message[12:] + struct.pack('>BHHBBHH', 0, OPT, size, 0, version, flags, len(options)) + options


def option(code, data=b''):
    return struct.pack('>2H', code, len(data)) + data


def record(owner, kind, data, ttl=60):
    return name(owner) + struct.pack('>HHIH', kind, 1, ttl, len(data)) + data


def soa(owner, serial, refresh=3600, retry=1, expire=3600, minimum=5):
    return record(owner, 6, name('ns.' + owner) + name('root.' + owner) + struct.pack('>5I', serial, refresh, retry, expire, minimum))


def reply(request, answers=(), rcode=0, options=None):
    """An authoritative answer to `request` with these records, and an OPT record when there are `options`."""
    end = skip_name(request, 12) + 4
    head = request[:2] + struct.pack('>5H', 0x8400 | rcode, 1, len(answers), 0, 0) + request[12:end] + b''.join(answers)
    return head if options is None else with_opt(head, options=options)


def framed(message):
    return struct.pack('>H', len(message)) + message


def read_exactly(connection, n):
    data = b''
    while len(data) < n:
        more = connection.recv(n - len(data))
        if not more:
            raise ConnectionError('the connection was closed')
        data += more
    return data


def read_message(connection):
    return read_exactly(connection, struct.unpack('>H', read_exactly(connection, 2))[0])


def skip_name(message, at):
    while message[at]:
        if message[at] >= 0xc0:
            return at + 2
        at += 1 + message[at]
    return at + 1


def read_name(message, at):
    """The name in lower case, and where the next thing begins."""
    labels, behind = [], None
    while True:
        length = message[at]
        if length >= 0xc0:
            behind = behind or at + 2
            at = struct.unpack_from('>H', message, at)[0] & 0x3fff
        elif length == 0:
            return b'.'.join(labels).lower() + b'.', behind or at + 1
        else:
            labels.append(message[at + 1:at + 1 + length])
            at += 1 + length


def read_data(message, kind, at, size):
    if kind == 6:
        one, at = read_name(message, at)
        two, at = read_name(message, at)
        return one + b' ' + two + message[at:at + 20]
    if kind in COMPRESSED:
        target, _ = read_name(message, at + COMPRESSED[kind])
        return message[at:at + COMPRESSED[kind]] + target
    return message[at:at + size]


class Reply:
    """A message taken apart: rcode (with the OPT record's part), flags, the sections as (owner, type, ttl, data), EDNS options by code."""

    def __init__(self, message):
        self.message = message
        self.flags, counts = struct.unpack_from('>H', message, 2)[0], struct.unpack_from('>HHHH', message, 4)
        self.rcode, self.aa, self.tc = self.flags & 15, bool(self.flags & 0x400), bool(self.flags & 0x200)
        self.opt, self.options, self.edns_flags, self.version = False, {}, 0, None
        at = 12
        for _ in range(counts[0]):
            at = read_name(message, at)[1] + 4
        self.question = message[12:at]
        self.sections = []
        for count in counts[1:]:
            records = []
            for _ in range(count):
                owner, at = read_name(message, at)
                kind, _, ttl, size = struct.unpack_from('>HHIH', message, at)
                if kind == OPT:
                    self.opt, self.edns_flags, self.version = True, ttl & 0xffff, ttl >> 16 & 255
                    self.rcode |= ttl >> 24 << 4
                    self.read_options(message[at + 10:at + 10 + size])
                else:
                    records.append((owner, kind, ttl, read_data(message, kind, at + 10, size)))
                at += 10 + size
            self.sections.append(records)
        self.answer, self.authority, self.additional = self.sections
        if at != len(message):
            raise AssertionError(f'{len(message) - at} bytes behind the last record')

    def read_options(self, data):
        while data:
            code, size = struct.unpack_from('>2H', data)
            self.options[code], data = data[4:4 + size], data[4 + size:]

    def text(self):
        def line(r):
            return f'{r[0].decode(errors="replace")} {r[2]} {NAMES.get(r[1], r[1])} {r[3][:40]!r}'
        return f'rcode {self.rcode} aa {self.aa} tc {self.tc} opt {self.opt}' + ''.join(
            f'\n    {part}: ' + '\n      '.join(map(line, sorted(records)))
            for part, records in zip(('answer', 'authority', 'additional'), self.sections) if records)
