#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""guestfwd=...-chardev:ID: what a guest reaches at an address of its network is a chardev. The test plays the guest, by its
network card, and who has the chardev's other end. It needs no KVM."""

import os
import socket
import subprocess
import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.net import BUFFER, HEADER, USER_NET, Machine        # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from test_user_net import ACK, PSH, Guest, Opened            # noqa: E402

RULE = "guestfwd=tcp:10.0.2.100:7-chardev:"
ADDRESS = bytes([10, 0, 2, 100])
ROOM = 0x100000


class Card:
    """Frames through the rings of a card, as Guest sends and receives them."""

    def __init__(self, machine):
        self.machine = machine
        self.receives, self.sends, _ = machine.start()

    def send(self, frame):
        self.machine.send(self.sends, frame)

    def recv(self, _):
        self.machine.offer(self.receives, BUFFER + ROOM, 4096)
        self.receives.kick()
        _, written = self.receives.used()
        return self.machine.qtest.read(BUFFER + ROOM + HEADER, written - HEADER)


class CardGuest(Guest):
    def __init__(self, machine):                             # pylint: disable=super-init-not-called
        self.socket, self.address, self.router = Card(machine), None, None
        self.dhcp()


def client(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(path)
    return connection


def take(count, receive):
    got = b""
    while len(got) < count:
        got += receive(count - len(got))
    return got


def check_bytes(connection, other, rounds=20):
    for number in range(rounds):
        piece = bytes([number]) * 1000
        connection.send(PSH | ACK, piece)
        connection.sequence += len(piece)
        assert take(len(piece), other.recv) == piece
        other.sendall(piece)
        assert take(len(piece), lambda _: connection.receive()) == piece


def test_bytes_go_both_ways():
    with Machine("-chardev", "socket,id=c,path=@/c,server=on,wait=off", "-chardev", "socket,id=d,path=@/d,server=on,wait=off",
                 netdev=f"user,id=n,{RULE}c,{RULE.replace(':7', ':8')}d,restrict=on", connect=False) as machine:
        guest = CardGuest(machine)
        first, second = Opened(guest, ADDRESS, 7), None
        with client(f"{machine.folder.name}/c") as other:
            check_bytes(first, other)
            # More than the card's buffers and the sockets hold waits, and is not lost.
            sent = os.urandom(500000)
            other.setblocking(False)
            done, got = 0, b""
            while len(got) < len(sent):
                try:
                    done += other.send(sent[done:])
                except BlockingIOError:
                    pass
                got += first.receive()
            assert got == sent
        # The chardev's next client, with the guest's connection of before.
        with client(f"{machine.folder.name}/c") as other, client(f"{machine.folder.name}/d") as another:
            check_bytes(first, other, 3)
            second = Opened(guest, ADDRESS, 8)
            another.sendall(b"to the second")
            assert take(13, lambda _: second.receive()) == b"to the second"
        assert "frontend-open" in machine.qmp.execute("query-chardev")[0]


def test_a_back_end_that_is_added():
    with Machine("-chardev", "socket,id=c,path=@/c,server=on,wait=off", "-device", "pcie-root-port,id=port,chassis=1",
                 connect=False) as machine:
        def refused(command, arguments, why):
            try:
                machine.qmp.execute(command, arguments)
            except QMPError as error:
                assert why in str(error), error
            else:
                raise AssertionError(f"{command} was taken")

        user = {"type": "user", "id": "u", "guestfwd": [{"str": "tcp:10.0.2.100:7-chardev:c"}]}
        refused("netdev_add", {**user, "guestfwd": [{"str": "tcp:10.0.2.100:7-chardev:x"}]}, "guestfwd: chardev 'x' not found")
        for _ in range(2):
            machine.qmp.execute("netdev_add", user)
            refused("netdev_add", {**user, "id": "v"}, "chardev 'c' is already in use")
            refused("chardev-remove", {"id": "c"}, "a netdev's guestfwd uses it; device_del of a device or netdev_del")
            client(f"{machine.folder.name}/c").close()
            machine.qmp.execute("netdev_del", {"id": "u"})
        machine.qmp.execute("chardev-remove", {"id": "c"})


def test_what_is_wrong():
    for options, why in (([f"user,id=n,{RULE}x"], "netdev 'n': guestfwd: chardev 'x' not found; -chardev socket,id=x,... creates it"),
                         ([f"user,id=n,{RULE}c", "-chardev", "null,id=c", "-serial", "chardev:c"], "already in use"),
                         ([f"user,id=n,{RULE}c,guestfwd=tcp:10.0.2.101:7-chardev:c", "-chardev", "null,id=c"], "already in use"),
                         (["user,id=n,guestfwd=tcp:10.0.3.100:7-chardev:c", "-chardev", "null,id=c"], "in the guest's network"),
                         (["user,id=n,guestfwd=tcp:10.0.2.100:7-tcp:127.0.0.1"], "the server has to be tcp:HOST:PORT"),
                         (["user,id=n,guestfwd=tcp:10.0.2.100:7-tcp:"], "the server has to be tcp:HOST:PORT"),
                         (["user,id=n,guestfwd=tcp:10.0.2.100:7-unix:"], "the server's socket has no path"),
                         (["user,id=n,guestfwd=tcp:10.0.2.100:7-cmd:ls"], "unix:PATH or chardev:ID in its place")):
        run = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-m", "128M", "-netdev", *options],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 1 and why in run.stderr, (options, run.stderr)


if __name__ == "__main__":
    if not USER_NET.exists():
        print("1..0 # SKIP built without libslirp")
    else:
        tap.main()
