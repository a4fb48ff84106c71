"""Many clients behind one relay, in namespace `relay`: their messages go by unicast, so that ordinary sockets do."""
import select, socket, struct, time

import netlab
from dhcp_world import in_namespace

DISCOVER, OFFER, REQUEST, ACK, NAK, RELEASE = 1, 2, 3, 5, 6, 7


class Relay:
    def __init__(self, address, *servers):
        self.address, self.servers = address, servers
        with in_namespace('relay'):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((address, 67))

    def send(self, kind, client, options=b'', ciaddr='0.0.0.0', to=None):
        head = struct.pack('>4BIHH4s4s4s4s', 1, 1, 6, 1, client, 0, 0, socket.inet_aton(ciaddr), bytes(4), bytes(4), socket.inet_aton(self.address))
        mac = b'\2\0' + struct.pack('>I', client)
        name = f'c{client}'.encode()
        name = bytes([12, len(name)]) + name
        packet = head + mac + bytes(202) + bytes.fromhex('63825363') + bytes([53, 1, kind]) + name + options + b'\xff'
        for server in [to] if to else self.servers:
            self.socket.sendto(packet, (server, 67))

    def receive(self, wait):
        """(type, client, address, server), or None."""
        if not select.select([self.socket], [], [], wait)[0]:
            return None
        try:
            packet = self.socket.recv(2048)
        except (ConnectionRefusedError, OSError):
            return None
        at, by = packet.index(b'\x35\x01', 240), packet.index(b'\x36\x04', 240)
        return packet[at + 2], struct.unpack('>I', packet[4:8])[0], socket.inet_ntoa(packet[16:20]), socket.inet_ntoa(packet[by + 2:by + 6])

    def ask(self, kind, client, options=b'', ciaddr='0.0.0.0', patience=None):
        """(type, address, server); asks until an answer comes: the server may be dead just now. None when `patience` ends first."""
        end = time.monotonic() + (patience or netlab.DEADLINE)
        while time.monotonic() < end:
            self.send(kind, client, options, ciaddr)
            retry = time.monotonic() + 0.2
            while time.monotonic() < retry:
                answer = self.receive(0.2)
                if answer and answer[1] == client and answer[0] != (OFFER if kind == REQUEST else ACK):
                    return answer[0], *answer[2:]
        if patience:
            return None
        raise AssertionError(f'client {client} was never answered')

    def lease(self, client):
        """The acknowledged address; None when refused."""
        kind, address, server = self.ask(DISCOVER, client)
        kind, address, _ = self.ask(REQUEST, client, option(50, address) + option(54, server))
        return address if kind == ACK else None


def option(code, address):
    return bytes([code, 4]) + socket.inet_aton(address)
