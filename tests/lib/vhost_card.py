# SPDX-License-Identifier: BSD-2-Clause
"""A network card on a tap device with vhost-net, whose driver the test plays; the test is the other end, too."""

import os
import pathlib
import struct

from peer import BLOCK, HOTRAM, Peer

from . import host_tap, proc, tap
from .virtio import VERSION_1, Device, Pci

MIB = 1 << 20
MERGED = 1 << 15
HEADER = 12
BUFFER = 0x400000
TARGET = bytes.fromhex("ffffffffffff525400123456") + struct.pack("!H", host_tap.ETHERTYPE)
VHOST = "/dev/vhost-net"


def make_tap(vnet_hdr=True):
    if os.environ.get("HOTRAM_ARCH") == "arm64":
        raise tap.Skip("the driver here knows x86-64's addresses")
    if not os.path.exists(VHOST):
        raise tap.Skip(f"no {VHOST} (modprobe vhost_net)")
    return host_tap.make("hotram0", vnet_hdr)


def frame(number, length=100):
    return TARGET + bytes((number + at * 3) & 0xff for at in range(length - len(TARGET)))


class Card(Peer):
    """hotram with a card on a tap device; the test is its driver and the other end."""

    def __init__(self, vnet_hdr=True):
        device, self.wire = make_tap(vnet_hdr)
        self.wire.settimeout(60)
        super().__init__(HOTRAM, "128M,slots=80,maxmem=4G",
                         ["-netdev", f"tap,id=n,fd={device},vhost=on", "-device", "virtio-net-pci,netdev=n,id=net0"],
                         pass_fds=[device])
        os.close(device)
        self.card = None
        self.find()

    def find(self):
        pci = Pci(self.qtest)
        self.card = Device(pci, pci.find(0x1af4, 0x1041))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()
        self.close()

    def start(self, features=0, vector=None, memory=(None, None)):
        self.card.begin(VERSION_1 | features)
        made = [self.card.queue(index, memory=memory[index], vector=vector) for index in range(2)]
        self.card.ready()
        return made

    def send(self, queue, number, at=BUFFER):
        self.qtest.write(at, bytes(HEADER) + frame(number))
        queue.transfer([(at, HEADER, False), (at + HEADER, 100, False)])
        self.got(number)

    def got(self, number):
        while not (got := self.wire.recv(2000)).startswith(TARGET):
            pass
        assert got == frame(number), (number, got)

    def receive(self, queue, number, at=BUFFER + 0x10000):
        queue.offer([(at, 2048, True)])
        queue.kick()
        self.wire.send(frame(number))
        self.received(queue, number, at)

    def received(self, queue, number, at=BUFFER + 0x10000):
        _, written = queue.used()
        assert written == HEADER + 100, written
        got = self.qtest.read(at, written)
        # Without merged buffers the kernel leaves their number at 0, and drivers do not look at it.
        buffers = b"\1\0" if self.card.features & MERGED else b"\0\0"
        assert got[HEADER:] == frame(number) and got[10:12] == buffers, (number, got)

    def serves(self):
        """Whether the kernel does: by a thread of hotram's, or of its own, which is named after hotram."""
        names = [*map(proc.read, pathlib.Path("/proc").glob("[0-9]*/comm")),
                 *(name for _, name in proc.threads(self.process.pid, "comm"))]
        return any(f"vhost-{self.process.pid}" in name for name in names if name)

    def dimm(self, name, slot):
        self.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": f"m{name}", "size": 2 * MIB})
        self.qmp.execute("device_add", {"driver": "pc-dimm", "id": name, "memdev": f"m{name}", "slot": slot})
        return next(one["data"]["addr"] for one in self.qmp.execute("query-memory-devices")
                    if one["data"]["id"] == name)

    def eject(self, name, slot):
        """As a guest that has been asked to."""
        self.qmp.execute("device_del", {"id": name})
        self.qtest.command(f"outl {BLOCK:#x} {slot}")
        self.qtest.command(f"outb {BLOCK + 0x14:#x} 0x8")
