# SPDX-License-Identifier: BSD-2-Clause
"""A network card of a hotram without KVM, whose driver the test plays, and the other end of its cable."""

import os
import pathlib
import socket
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib.machine import PROGRAM                              # noqa: E402
from lib.virtio import VERSION_1, Device, Pci                # noqa: E402
from peer import HOTRAM, Peer                                # noqa: E402

USER_NET = pathlib.Path(PROGRAM).parent / "hotram-user-net"
NET = 0x1041
MAC, STATUS, MRG_RXBUF, CTRL_VQ, CTRL_RX, MTU = 1 << 5, 1 << 16, 1 << 15, 1 << 17, 1 << 18, 1 << 3
CTRL_VLAN, CTRL_RX_EXTRA, CTRL_MAC_ADDR, CTRL_GUEST_OFFLOADS = 1 << 19, 1 << 20, 1 << 23, 1 << 2
GUEST_ANNOUNCE = 1 << 21
CONTROL = CTRL_VQ | CTRL_RX | CTRL_VLAN | CTRL_RX_EXTRA | CTRL_MAC_ADDR | GUEST_ANNOUNCE
OFFLOADS = 0x3b83
HEADER = 12
FRAME_MAX = 65553
BUFFER = 0x400000


class Machine:
    """hotram with a card on a socket, which the test has the other end of. @ in its options is a folder of its own."""

    def __init__(self, *options, card="", netdev=None, connect=True, pass_fds=()):
        self.folder = tempfile.TemporaryDirectory()
        self.path = f"{self.folder.name}/net"
        netdev = netdev or f"stream,id=n,addr.type=unix,addr.path={self.path},server=on"
        self.wire = None
        try:
            self.peer = Peer(HOTRAM, "128M", ["-netdev", netdev, "-device",
                                              f"virtio-net-pci,netdev=n,id=net0{card}",
                                              *(word.replace("@", self.folder.name) for word in options)], pass_fds=pass_fds)
            self.qtest, self.qmp = self.peer.qtest, self.peer.qmp
            self.pci = Pci(self.qtest)
            self.net = Device(self.pci, self.pci.find(0x1af4, NET))
            if connect:
                self.connect()
        except BaseException:
            self.close()
            raise

    def connect(self):
        self.wire = connect(self.path)

    def close(self):
        if self.wire:
            self.wire.close()
        if hasattr(self, "peer"):
            self.peer.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, features=0, queues=3):
        self.net.begin(VERSION_1 | features)
        made = [self.net.queue(index) for index in range(queues)]
        self.net.ready()
        return made

    # ---- the wire ----

    def put(self, frame):
        self.wire.sendall(struct.pack("!I", len(frame)) + frame)

    def take(self):
        return take(self.wire)

    # ---- the driver ----

    def send(self, queue, frame, header=bytes(HEADER), pieces=(HEADER,)):
        """One frame, cut at these places."""
        data = header + frame
        self.qtest.write(BUFFER, data)
        cuts = [0, *pieces, len(data)]
        return queue.transfer([(BUFFER + start, end - start, False) for start, end in zip(cuts, cuts[1:])])

    def offer(self, queue, address, length):
        queue.offer([(address, length, True)])

    def link(self):
        return self.net.config(6, 2)


def connect(path):
    wire = socket.socket(socket.AF_UNIX)
    wire.settimeout(60)
    wire.connect(path)
    return wire


def take(wire):
    """The next frame."""
    return take_bytes(wire, struct.unpack("!I", take_bytes(wire, 4))[0])


def take_bytes(wire, count):
    got = b""
    while len(got) < count:
        more = wire.recv(count - len(got))
        assert more, "the wire's end"
        got += more
    return got


def frame(length, seed=0):
    return bytes((seed + at * 7 + (at >> 8)) & 0xff for at in range(length))


def children(pid):
    """Processes that one has started."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and parent(name) == pid]


def parent(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return None
