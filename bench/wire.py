# SPDX-License-Identifier: BSD-2-Clause
"""Network cards of a booted guest, by TCP: from one card to another one of the same guest, joined by a stream over a
UNIX socket, and through user networking to this program.

The guest's program `talk` measures. A stream's time ends when the other end has said how many bytes have arrived,
and they are as many as were sent; each question's answer is compared. A figure counts only if the card, too, has
counted that much, and the guest's clock agrees with the host's."""

import contextlib
import pathlib
import re
import socket
import struct
import tempfile
import threading
import time

import equipped
import exits
from common import machine
from disk import SECONDS
from window import vcpu_threads

PORT = 5000
MIB = 1 << 20
# As in tests/guest/test_devices.py: the second card in a network of its own, so that nothing takes a shorter way.
TWO_CARDS = ("unshare -n sleep 100000 & P=$!; "
             "while [ $(readlink /proc/$P/ns/net) = $(readlink /proc/self/ns/net) ]; do usleep 50000; done; "
             "ip link set eth1 netns $P && ip addr add 10.9.0.1/24 dev eth0 && ip link set eth0 up && "
             "nsenter -t $P -n sh -c 'ip addr add 10.9.0.2/24 dev eth1 && ip link set eth1 up'; "
             f"nsenter -t $P -n talk serve {PORT} > /dev/null 2>&1 & "
             f"until talk ask 10.9.0.2 {PORT} 0 2> /dev/null; do usleep 100000; done")
USER = "ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up"


class Server:
    """`talk serve`, on the host, while the `with` block runs."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(ConnectionError):
                self._answer(connection)

    @staticmethod
    def _answer(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        kind, count, buffer = connection.recv(1), 0, bytearray(MIB)
        while length := connection.recv_into(buffer, MIB if kind == b"s" else 1):
            count += length
            if kind != b"s":
                connection.sendall(buffer[:length])
        if kind == b"s":
            connection.sendall(struct.pack("<Q", count))


def sent(guest):
    """Bytes and packets that eth0 has sent."""
    files = " ".join(f"/sys/class/net/eth0/statistics/tx_{what}" for what in ("bytes", "packets"))
    return [int(word) for word in guest.shell(f"cat {files}").split()]


def talk(guest, what, address, port):
    """Bytes or answers, and seconds."""
    before = sent(guest)
    began = time.monotonic()
    said = guest.shell(f"talk {what} {address} {port} {max(1, round(SECONDS))}")
    seconds = time.monotonic() - began
    count, took = (int(word) for word in re.fullmatch(r"(\d+) (?:bytes|answers) (\d+) in all\s*", said).groups())
    by_card = [after - value for after, value in zip(sent(guest), before)][what == "ask"]
    if by_card < count:
        raise RuntimeError(f"talk {what}: {count}, but the card has sent {by_card}")
    if not seconds / 2 - 1 < took / 1e9 < seconds + 0.1:
        raise RuntimeError(f"{took / 1e9:.2f} s by the guest's clock, {seconds:.2f} s by the host's")
    return count, took / 1e9


@contextlib.contextmanager
def booted(program, cards):
    options = [*equipped.options(program), "-m", "256M", *cards]
    with machine.Machine(options, append="net.ifnames=0", program=program.path) as guest:
        guest.wait_ready()
        guest.shell("devices")
        yield guest


def both(guest, name, address, port):
    count, seconds = talk(guest, "stream", address, port)
    yield f"{name}_stream", count / seconds / MIB
    count, seconds = talk(guest, "ask", address, port)
    yield f"{name}_ask", count / seconds


def calls(guest):
    """System calls of the program, vCPUs left out, for an answer from one card to the other and back: two frames,
    which are sent and received."""
    vcpus = vcpu_threads(guest)
    with exits.Counter(exits.CALLS) as counter:
        before = counter.count(guest.process.pid, vcpus)
        count, _ = talk(guest, "ask", "10.9.0.2", PORT)
        return (counter.count(guest.process.pid, vcpus) - before) / count


def measure(program):
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        cable = f"addr.type=unix,addr.path={pathlib.Path(folder)}/cable"
        with booted(program, [*equipped.card(program, "a", f"stream,server=on,{cable}"),
                              *equipped.card(program, "b", f"stream,server=off,{cable}")]) as guest:
            guest.shell(TWO_CARDS)
            yield from both(guest, "cable", "10.9.0.2", PORT)
            yield "cable_calls", calls(guest)
    with Server() as server, booted(program, equipped.card(program, "a", "user")) as guest:
        guest.shell(USER)
        yield from both(guest, "user", "10.0.2.2", server.port)
