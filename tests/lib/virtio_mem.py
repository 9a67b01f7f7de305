# SPDX-License-Identifier: BSD-2-Clause
"""The driver of virtio-mem-pci, played by a test."""

import struct

from .virtio import VERSION_1, Device, Pci

MIB = 1 << 20
BASE = 4 << 30                     # of the hotplug region
BLOCK = 2 * MIB
REQUEST, ANSWER = 0x200000, 0x201000
ACPI_PXM, INACCESSIBLE, PERSISTENT_SUSPEND = 1, 2, 4
PLUG, UNPLUG, UNPLUG_ALL, STATE = range(4)
ACK, NACK, BUSY, ERROR = range(4)
PLUGGED, UNPLUGGED, MIXED = range(3)


class Driver:
    """The device's driver, with the device's number among those of its kind."""

    def __init__(self, qtest, number=0, memory=0x100000):
        pci = Pci(qtest, window=0xc0000000 + 0x1000000 * number)
        self.qtest = qtest
        self.device = Device(pci, pci.find(0x1af4, 0x1058, number=number), memory)
        self.request, self.answer = REQUEST + 0x2000 * number, ANSWER + 0x2000 * number

    def start(self, features=VERSION_1 | INACCESSIBLE):
        self.device.begin(features)
        self.queue = self.device.queue(0)
        self.device.ready()
        return self

    def field(self, offset):
        return self.device.config(offset, 4) | self.device.config(offset + 4, 4) << 32

    block = property(lambda self: self.field(0))
    node = property(lambda self: self.device.config(8, 2))
    addr = property(lambda self: self.field(16))
    region = property(lambda self: self.field(24))
    usable = property(lambda self: self.field(32))
    plugged = property(lambda self: self.field(40))
    requested = property(lambda self: self.field(48))

    def offer(self, kind, addr=0, count=0, length=24, room=10):
        self.qtest.write(self.request, struct.pack("<HHHHQHHHH", kind, 0, 0, 0, addr, count, 0, 0, 0)[:24])
        self.qtest.write(self.answer, b"\xee" * 16)
        self.queue.offer([(self.request, length, False), (self.answer, room, True)])
        self.queue.kick()

    def ask(self, kind, addr=0, count=0):
        """The answer; for STATE that of the blocks."""
        self.offer(kind, addr, count)
        self.queue.used()
        response, state = struct.unpack("<H6xH", self.qtest.read(self.answer, 10))
        return (response, state) if kind == STATE else response
