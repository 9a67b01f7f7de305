# SPDX-License-Identifier: BSD-2-Clause
"""The test's side of a virtio device on PCI: finds it by configuration space, maps
it, plays its driver (VIRTIO 1.2) over the qtest protocol.

    pci = Pci(qtest)
    device = Device(pci, pci.find(0x1af4, 0x1044))
    device.begin(features=VERSION_1)
    queue = device.queue(0)
    device.ready()
    queue.offer([(address, 64, True)])
    queue.kick()
    head, written = queue.used()
"""

import struct
import time

VERSION_1 = 1 << 32
INDIRECT = 1 << 28
EVENT_INDEX = 1 << 29

ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, NEEDS_RESET = 1, 2, 4, 8, 64
NEXT, WRITE, TABLE = 1, 2, 4

BAR_WINDOW = 0xc0000000
LIMIT = 60      # seconds; what has gone wrong, not what is slow


class Pci:
    """Configuration space, and addresses for BARs."""

    def __init__(self, qtest, ecam=0xb0000000, window=BAR_WINDOW):
        self.qtest = qtest
        self._ecam = ecam
        self._free = window

    def _access(self, address, width):
        return f"{'bwl'[width // 2]} {address:#x}"

    def read(self, address, width):
        return int(self.qtest.command("read" + self._access(address, width))[0], 0)

    def write(self, address, width, value):
        self.qtest.command("write" + self._access(address, width) + f" {value:#x}")

    def _at(self, place, offset):
        bus, devfn = place
        return self._ecam + (bus << 20) + (devfn << 12) + offset

    def config_read(self, place, offset, width):
        return self.read(self._at(place, offset), width)

    def config_write(self, place, offset, width, value):
        self.write(self._at(place, offset), width, value)

    def places(self, bus=0):
        """(bus, devfn) of each function."""
        for devfn in range(256):
            if self.config_read((bus, devfn), 0, 4) != 0xffffffff:
                yield bus, devfn

    def find(self, vendor, device, bus=0, number=0):
        found = [place for place in self.places(bus)
                 if self.config_read(place, 0, 4) == vendor | device << 16]
        assert len(found) > number, f"{vendor:04x}:{device:04x} is not there: {list(self.places(bus))}"
        return found[number]

    def allocate(self, size):
        """An address for a BAR, a multiple of its size."""
        self._free = (self._free + size - 1) // size * size
        self._free += size
        return self._free - size

    def capabilities(self, place):
        """(id, offset) of each."""
        offset = self.config_read(place, 0x34, 1)
        while offset:
            yield self.config_read(place, offset, 1), offset
            offset = self.config_read(place, offset + 1, 1)

    def map_bar(self, place, index):
        """Gives a BAR an address; returns it."""
        at = 0x10 + 4 * index
        low = self.config_read(place, at, 4)
        self.config_write(place, at, 4, 0xffffffff)
        size = -(self.config_read(place, at, 4) & ~15) & 0xffffffff
        address = self.allocate(max(size, 4096))
        self.config_write(place, at, 4, address)
        if low & 4:
            self.config_write(place, at + 4, 4, 0)
        return address


class Device:
    """A modern device. `memory` is where its rings and what a test allocates are."""

    def __init__(self, pci, place, memory=0x100000):
        self.pci, self.qtest, self.place = pci, pci.qtest, place
        self.structures = {}
        self.queues = []
        self._free = memory
        bars = {}
        for kind, offset in pci.capabilities(place):
            if kind != 9:
                continue
            structure, bar = pci.config_read(place, offset + 3, 1), pci.config_read(place, offset + 4, 1)
            if structure == 5:
                self.window = offset
                continue
            if bar not in bars:
                bars[bar] = pci.map_bar(place, bar)
            self.structures[structure] = bars[bar] + pci.config_read(place, offset + 8, 4)
            if structure == 2:
                self._step = pci.config_read(place, offset + 16, 4)
        self.bars = bars
        pci.config_write(place, 4, 2, 6)          # memory, bus master

    # ---- registers ----

    def read(self, offset, width):
        return self.pci.read(self.structures[1] + offset, width)

    def write(self, offset, width, value):
        self.pci.write(self.structures[1] + offset, width, value)

    @property
    def status(self):
        return self.read(0x14, 1)

    @status.setter
    def status(self, value):
        self.write(0x14, 1, value)

    @property
    def offered(self):
        value = 0
        for half in range(2):
            self.write(0, 4, half)
            value |= self.read(4, 4) << 32 * half
        return value

    def config(self, offset, width):
        return self.pci.read(self.structures[4] + offset, width)

    def interrupt_status(self):
        return self.pci.read(self.structures[3], 1)

    # ---- what a driver does ----

    def accept(self, features):
        for half in range(2):
            self.write(8, 4, half)
            self.write(12, 4, features >> 32 * half & 0xffffffff)

    def begin(self, features=VERSION_1):
        """From a reset to accepted features."""
        self.status = 0
        wait_until(lambda: self.status == 0, "the end of a reset")
        self.queues = []
        self.status = ACKNOWLEDGE
        self.status = ACKNOWLEDGE | DRIVER
        self.accept(features)
        self.features = features
        self.status = ACKNOWLEDGE | DRIVER | FEATURES_OK
        assert self.status & FEATURES_OK, f"features {features:#x} of {self.offered:#x}"

    def queue(self, index, size=None, memory=None, vector=None):
        queue = Queue(self, index, size, memory)
        if vector is not None:
            self.write(0x1a, 2, vector)
            assert self.read(0x1a, 2) == vector
        self.queues.append(queue)
        return queue

    def ready(self):
        self.status = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK

    def allocate(self, size, align=16):
        self._free = (self._free + align - 1) // align * align
        self._free += size
        return self._free - size

    def kick(self, index):
        self.pci.write(self.structures[2] + self._step * index, 2, index)

    def wait_status(self, bit):
        wait_until(lambda: self.status & bit, f"status {bit:#x}")


def wait_until(condition, what):
    deadline = time.monotonic() + LIMIT
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.001)
    return result


class Queue:
    """A split ring."""

    def __init__(self, device, index, size=None, memory=None):
        self.device, self.qtest, self.index = device, device.qtest, index
        device.write(0x16, 2, index)
        self.size_max = device.read(0x18, 2)
        self.size = size or self.size_max
        device.write(0x18, 2, self.size)
        place = memory or device.allocate(16 * self.size + 6 + 2 * self.size + 8 * self.size + 64, 4096)
        self.descriptors = place
        self.available = place + 16 * self.size
        self.used_ring = (self.available + 6 + 2 * self.size + 3) // 4 * 4
        for offset, address in ((0x20, self.descriptors), (0x28, self.available), (0x30, self.used_ring)):
            device.write(offset, 4, address & 0xffffffff)
            device.write(offset + 4, 4, address >> 32)
        self.qtest.write(self.descriptors, bytes(16 * self.size))
        self.qtest.write(self.available, bytes(6 + 2 * self.size))
        self.qtest.write(self.used_ring, bytes(6 + 8 * self.size))
        device.write(0x1c, 2, 1)
        self._next = self._seen = self._free = 0

    @staticmethod
    def descriptor(address, length, flags, following=0):
        return struct.pack("<QIHH", address, length, flags, following)

    def write_descriptor(self, index, address, length, flags, following=0):
        self.qtest.write(self.descriptors + 16 * index, self.descriptor(address, length, flags, following))

    def make_available(self, head):
        self.qtest.write(self.available + 4 + 2 * (self._next % self.size), struct.pack("<H", head))
        self._next = (self._next + 1) & 0xffff
        self.qtest.write(self.available + 2, struct.pack("<H", self._next))

    def offer(self, buffers):
        """Makes a chain of (address, length, device writes) available; returns its head."""
        first = self._free
        for number, (address, length, write) in enumerate(buffers):
            index = self._free
            self._free = (self._free + 1) % self.size
            more = number + 1 < len(buffers)
            self.write_descriptor(index, address, length, (WRITE if write else 0) | (NEXT if more else 0), self._free)
        self.make_available(first)
        return first

    def kick(self):
        self.device.kick(self.index)

    @property
    def used_index(self):
        return struct.unpack("<H", self.qtest.read(self.used_ring + 2, 2))[0]

    def used(self):
        """Waits for the next: (head, bytes written)."""
        wait_until(lambda: self.used_index != self._seen, f"queue {self.index}")
        entry = self.qtest.read(self.used_ring + 4 + 8 * (self._seen % self.size), 8)
        self._seen = (self._seen + 1) & 0xffff
        return struct.unpack("<II", entry)

    def transfer(self, buffers):
        """One request from its doorbell to its end; returns the bytes written."""
        head = self.offer(buffers)
        self.kick()
        ended, written = self.used()
        assert ended == head, (ended, head)
        return written


class Statistics:
    """The balloon's queue of statistics: what a guest says of its memory, and when."""

    TOTAL = 5

    def __init__(self, queue, memory=0x180000):
        self.queue, self.memory = queue, memory

    def say_bytes(self, data, length=None):
        """Whatever it is."""
        self.queue.qtest.write(self.memory, data)
        self.queue.offer([(self.memory, length or len(data), False)])
        self.queue.kick()

    def say(self, total=None, **values):
        """Numbers by tag: s4=1 is of tag 4."""
        pairs = [(int(name[1:]), value) for name, value in values.items()]
        if total is not None:
            pairs.append((self.TOTAL, total))
        self.say_bytes(b"".join(struct.pack("<HQ", *pair) for pair in pairs))

    @property
    def asked(self):
        """The host has given the buffer back, and waits for another one."""
        return self.queue.used_index != self.queue._seen

    def wait(self):
        self.queue.used()


class Msix:
    """The vectors of a function: each sends its number behind `data`."""

    ADDRESS = 0xfee00000

    def __init__(self, device, data=0x4000):
        self.pci, self.place = device.pci, device.place
        self.offset = next(offset for kind, offset in self.pci.capabilities(self.place) if kind == 17)
        self.count = (self.pci.config_read(self.place, self.offset + 2, 2) & 0x7ff) + 1
        self.table = self.pci.map_bar(self.place, self.pci.config_read(self.place, self.offset + 4, 4) & 7)
        for vector in range(self.count):
            self.pci.write(self.table + 16 * vector, 4, self.ADDRESS)
            self.pci.write(self.table + 16 * vector + 4, 4, 0)
            self.pci.write(self.table + 16 * vector + 8, 4, data + vector)
            self.mask(vector, False)
        self.enable(True)

    def mask(self, vector, masked):
        self.pci.write(self.table + 16 * vector + 12, 4, int(masked))

    def enable(self, enabled):
        self.pci.config_write(self.place, self.offset + 2, 2, 0x8000 if enabled else 0)
