# SPDX-License-Identifier: BSD-2-Clause
"""A test's hands at PCI, by way of qtest: configuration space through either
door, and what firmware does with it."""

ECAM = 0xb0000000                   # x86-64
COMMAND, BAR, SECONDARY = 0x04, 0x10, 0x18
MEMORY, MASTER = 2, 4


def devfn(slot, function=0):
    return slot << 3 | function


class Ports:
    """By 0xcf8 and 0xcfc."""

    def __init__(self, qtest):
        self.qtest = qtest

    def _select(self, bus, where, register):
        self.qtest.port_out(0xcf8, 4, 1 << 31 | bus << 16 | where << 8 | register & 0xfc)

    def read(self, bus, where, register, width):
        self._select(bus, where, register)
        return self.qtest.port_in(0xcfc + register % 4, width)

    def write(self, bus, where, register, width, value):
        self._select(bus, where, register)
        self.qtest.port_out(0xcfc + register % 4, width, value)


class Ecam:
    """In memory."""

    def __init__(self, qtest, base=ECAM):
        self.qtest, self.base = qtest, base

    def address(self, bus, where, register):
        return self.base + (bus << 20) + (where << 12) + register

    def read(self, bus, where, register, width):
        line = f"read{'bwlq'[width.bit_length() - 1]} {self.address(bus, where, register):#x}"
        return int(self.qtest.command(line)[0], 0)

    def write(self, bus, where, register, width, value):
        line = f"write{'bwlq'[width.bit_length() - 1]} {self.address(bus, where, register):#x} {value:#x}"
        self.qtest.command(line)


def functions(space, bus=0):
    """{(slot, function): vendor and device} of a bus, found as a system finds them:
    other functions only where the first says that there are."""
    found = {}
    for slot in range(32):
        for function in range(8):
            ids = space.read(bus, devfn(slot, function), 0, 4)
            if ids != 0xffffffff:
                found[slot, function] = f"{ids & 0xffff:04x}:{ids >> 16:04x}"
            if function == 0 and (ids == 0xffffffff or
                                  not space.read(bus, devfn(slot), 0x0e, 1) & 0x80):
                break
    return found


def bar_size(space, bus, where, index):
    """Bytes, and whether it has 64 bits; 0: there is none."""
    register = BAR + 4 * index
    before = space.read(bus, where, register, 4)
    space.write(bus, where, register, 4, 0xffffffff)
    mask = space.read(bus, where, register, 4)
    space.write(bus, where, register, 4, before)
    if not mask:
        return 0, False
    wide = mask & 6 == 4
    high = 0xffffffff
    if wide:
        space.write(bus, where, register + 4, 4, 0xffffffff)
        high = space.read(bus, where, register + 4, 4)
        space.write(bus, where, register + 4, 4, 0)
    return (~(high << 32 | mask & ~0xf) + 1) & (1 << 64) - 1, wide
