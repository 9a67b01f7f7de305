#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""User networking frame by frame: the test is the guest, with DHCP and one TCP connection that the host opens."""

import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402

HELPER = pathlib.Path(PROGRAM).parent / "hotram-user-net"
MAC = bytes.fromhex("525400123456")
EVERYBODY = b"\xff" * 6
FIN, SYN, PSH, ACK = 1, 2, 8, 16


class Refused(Exception):
    """The program cannot serve, and says why."""


class Guest:
    """Starts the program as hotram does, and plays a guest."""

    def __init__(self, *words):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(60)
        # Descriptor 3 is the program's.
        fd = theirs.fileno()
        self.process = subprocess.Popen(["/bin/sh", "-c", f'exec "$0" "$@" 3<&{fd}', HELPER, *words],
                                        stdin=subprocess.DEVNULL, pass_fds=[fd])
        theirs.close()
        self.address = self.router = None
        first = self.socket.recv(4096)
        if first != b"\0":
            self.end()
            raise Refused(first.decode())

    def end(self):
        self.socket.close()
        return self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def send(self, to, kind, payload):
        self.socket.send((to + MAC + struct.pack("!H", kind) + payload).ljust(60, b"\0"))

    def receive(self, wanted):
        """The next frame's payload for which wanted() gives something; ARP is answered."""
        while True:
            frame = self.socket.recv(70000)
            kind, payload = struct.unpack("!H", frame[12:14])[0], frame[14:]
            if kind == 0x806 and payload[6:8] == b"\0\1" and self.address and payload[24:28] == self.address:
                self.send(payload[8:14], 0x806, payload[:6] + b"\0\2" + MAC + self.address + payload[8:18])
            elif kind == 0x800 and (found := wanted(payload)):
                return frame[6:12], found

    def send_ip(self, to_mac, protocol, source, target, payload):
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + source + target
        header = header[:10] + checksum(header) + header[12:]
        self.send(to_mac, 0x800, header + payload)

    def dhcp(self):
        offer = self.ask_dhcp(1)
        answer = self.ask_dhcp(3, bytes([50, 4]) + offer[16:20])
        assert options(answer)[53] == b"\5", options(answer)
        self.address, self.router = answer[16:20], options(answer).get(3)  # restricted: none
        return options(answer)

    def ask_dhcp(self, kind, more=b""):
        bootp = struct.pack("!BBBBIHH", 1, 1, 6, 0, 0x1234, 0, 0) + bytes(16) + MAC.ljust(16, b"\0") + bytes(192)
        bootp += bytes([99, 130, 83, 99, 53, 1, kind]) + more + b"\xff"
        udp = struct.pack("!HHHH", 68, 67, 8 + len(bootp), 0) + bootp
        self.send_ip(EVERYBODY, 17, bytes(4), EVERYBODY[:4], udp)
        return self.receive(lambda ip: ip[9] == 17 and ip[22:24] == b"\0\x44" and ip[28:])[1]


def options(answer):
    found, at = {}, 240
    while answer[at] != 255:
        found[answer[at]] = answer[at + 2:at + 2 + answer[at + 1]]
        at += 2 + answer[at + 1]
    return found


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("!H", ~total & 0xffff)


class Connection:
    """The guest's side of one TCP connection, which the host opens to port 80."""

    def __init__(self, guest):
        self.guest, self.sequence = guest, 1000
        self.mac, ip = guest.receive(lambda ip: ip[9] == 6 and ip[33] & SYN and ip)
        self.peer, self.port = ip[12:16], ip[20:22]
        self.expected = struct.unpack("!I", ip[24:28])[0] + 1
        self.send(SYN | ACK)
        self.sequence += 1

    def send(self, flags, data=b""):
        segment = b"\0\x50" + self.port + struct.pack("!IIBBHHH", self.sequence, self.expected, 0x50, flags,
                                                      65535, 0, 0) + data
        pseudo = self.guest.address + self.peer + struct.pack("!HH", 6, len(segment))
        segment = segment[:16] + checksum(pseudo + segment) + segment[18:]
        self.guest.send_ip(self.mac, 6, self.guest.address, self.peer, segment)

    def receive(self):
        """Bytes in order; b"" is the end."""
        def mine(ip):
            data = ip[20 + (ip[32] >> 4) * 4:struct.unpack("!H", ip[2:4])[0]]
            right = ip[9] == 6 and struct.unpack("!I", ip[24:28])[0] == self.expected
            return right and (data or ip[33] & FIN) and (data, ip[33])

        data, flags = self.guest.receive(mine)[1]
        self.expected += len(data) + (1 if flags & FIN else 0)
        self.send(ACK)
        return data


class Opened(Connection):
    """One that the guest opens."""

    def __init__(self, guest, address, port):                # pylint: disable=super-init-not-called
        self.guest, self.sequence, self.expected = guest, 1000, 0
        self.mac, self.peer, self.port = bytes.fromhex("52550a000202"), address, struct.pack("!H", port)
        self.send(SYN)
        self.sequence += 1
        ip = guest.receive(lambda ip: ip[9] == 6 and ip[33] & SYN and ip)[1]
        self.expected = struct.unpack("!I", ip[24:28])[0] + 1
        self.send(ACK)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_guest_gets_its_address_by_dhcp():
    with Guest() as guest:
        given = guest.dhcp()
        assert guest.address == bytes([10, 0, 2, 15]), guest.address
        assert given[3] == bytes([10, 0, 2, 2]) and given[6] == bytes([10, 0, 2, 3]), given


def test_the_network_can_be_another_one():
    with Guest("net=192.168.76.0/24", "dhcpstart=192.168.76.9", "hostname=box", "dns=192.168.76.4") as guest:
        given = guest.dhcp()
        assert guest.address == bytes([192, 168, 76, 9]), guest.address
        assert given[6] == bytes([192, 168, 76, 4]) and given[12].startswith(b"box"), given


def test_a_connection_through_hostfwd_carries_bytes_both_ways():
    port = free_port()
    with Guest(f"hostfwd=tcp:127.0.0.1:{port}-:80") as guest:
        guest.dhcp()
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            connection = Connection(guest)
            sent = os.urandom(100000)
            client.sendall(sent[:1000])
            got = b""
            while len(got) < 1000:
                got += connection.receive()
            assert got == sent[:1000]
            for at in range(0, 20000, 1000):
                connection.send(PSH | ACK, sent[at:at + 1000])
                connection.sequence += 1000
                back = b""
                while len(back) < 1000:
                    back += client.recv(1000 - len(back))
                assert back == sent[at:at + 1000]
            client.shutdown(socket.SHUT_WR)
            assert connection.receive() == b""


def test_an_address_of_the_guests_network_leads_to_a_server():
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as local, \
            socket.create_server(("127.0.0.1", 0)) as tcp:
        local.bind(f"{folder}/s")
        local.listen()
        with Guest(f"guestfwd=tcp:10.0.2.100:7-tcp:127.0.0.1:{tcp.getsockname()[1]},tcp:10.0.2.100:8-unix:{folder}/s",
                   "restrict=on") as guest:
            guest.dhcp()
            for number, listener in ((7, tcp), (8, local)):
                listener.settimeout(60)
                server = listener.accept()[0]                # it was there before the guest
                server.settimeout(60)
                server.sendall(b"hello")                     # waits for the guest
                connection = Opened(guest, bytes([10, 0, 2, 100]), number)
                assert connection.receive() == b"hello"
                for at in range(50):
                    piece = bytes([at]) * 1000
                    connection.send(PSH | ACK, piece)
                    connection.sequence += 1000
                    back = b""
                    while len(back) < 1000:
                        back += server.recv(1000 - len(back))
                    assert back == piece
                    server.sendall(piece)
                    back = b""
                    while len(back) < 1000:
                        back += connection.receive()
                    assert back == piece
                server.close()                               # what the guest sends now goes nowhere
                connection.send(PSH | ACK, b"x")
            guest.dhcp()


def test_what_is_wrong_is_refused_with_a_reason():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(64)
        rule = f"tcp:127.0.0.1:{taken.getsockname()[1]}-:22"
        server = f"tcp:127.0.0.1:{taken.getsockname()[1]}"
        for words, why in ((f"hostfwd={rule}", f"Could not set up host forwarding rule '{rule}'"),
                           ("hostfwd=sctp::1-:2", "Bad protocol name"), ("hostfwd=tcp::x-:2", "Bad host"),
                           ("hostfwd=tcp::65536-:2", "Bad host"), ("hostfwd=tcp::2222-:0", "Bad guest"),
                           ("hostfwd=tcp::2222", "Bad host"), ("hostfwd=tcp::2222-:22:1", "Bad guest"),
                           ("hostfwd=" + "tcp::2222-:22" * 20, "too long"), ("net=10.0.2.0/33", "'net' expects"),
                           ("net=10", "'net' expects"), ("host=10.0.3.2", "'host' expects"),
                           ("dns=10.0.2.2", "same address"), ("dhcpstart=10.0.2.1", "contain that of 'host'"),
                           ("dhcpstart=10.0.2.250", "do not lie in"), ("ipv6-net=10.0.0.1", "'ipv6-net' expects"),
                           ("guestfwd=udp:10.0.2.9:1-tcp:127.0.0.1:1", "Bad protocol"),
                           ("guestfwd=tcp:10.0.2.9:0-tcp:127.0.0.1:1", "Bad guest address"),
                           ("guestfwd=tcp::1-tcp:127.0.0.1:1", "Bad guest address"),
                           ("guestfwd=tcp:10.0.2.9:1-cmd:ls", "lets no program run"),
                           ("guestfwd=tcp:10.0.2.9:1-stdio", "neither tcp: nor unix: nor chardev:"),
                           ("guestfwd=tcp:10.0.2.9:1-unix:/nowhere/s", "cannot connect to 'unix:/nowhere/s'"),
                           ("guestfwd=tcp:10.0.2.9:1-tcp:127.0.0.1", "the server has to be tcp:HOST:PORT"),
                           ("guestfwd=tcp:10.0.2.2:1-" + server, "not that of 'host'"),
                           ("guestfwd=tcp:10.0.3.9:1-" + server, "in the guest's network"),
                           ("guestfwd=" + ",".join(f"tcp:10.0.2.9:{port}-{server}" for port in range(1, 18)),
                            "limit is 16"),
                           ("guestfwd=" + ",".join([f"tcp:10.0.2.9:1-{server}"] * 2), "another rule has"),
                           ("guestfwd=tcp:10.0.2.9:1-unix:" + "x" * 400, "too long"),
                           ("hostname=" + "x" * 33, "at most 32"), ("tftp=/", "'netdev' expects")):
            try:
                Guest(words).end()
            except Refused as refused:
                assert why in str(refused), (words, str(refused))
            else:
                raise AssertionError(f"{words} was taken")


def test_it_ends_with_its_socket():
    assert Guest().end() == 0


def test_garbage_ends_nothing():
    """Frames of garbage end nothing: DHCP works after them."""
    with Guest() as guest:
        for length in (1, 13, 14, 33, 60, 1514, 65000):
            for kind in (0x800, 0x806, 0x86dd):
                guest.socket.send((EVERYBODY + MAC + struct.pack("!H", kind) + os.urandom(length))[:length])
        guest.dhcp()


def test_started_by_hand_it_says_what_it_is_for():
    result = subprocess.run([HELPER], stderr=subprocess.PIPE, timeout=60, check=False)
    assert result.returncode == 1 and b"hotram starts this program" in result.stderr, result


def test_it_has_a_sandbox():
    if "HOTRAM" in os.environ:
        raise tap.Skip("the sanitizers need more system calls")
    with Guest() as guest:
        status = pathlib.Path(f"/proc/{guest.process.pid}/status").read_text()
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status, status


def main():
    if not HELPER.exists():
        print("1..0 # SKIP built without libslirp")
        return
    tap.main()


if __name__ == "__main__":
    main()
