# SPDX-License-Identifier: BSD-2-Clause
"""A guest's driver of the firmware configuration device, over qtest."""

import struct

from . import arch

PORT, ADDRESS = 0x510, 0x09020000
SIGNATURE, ID, NB_CPUS, MAX_CPUS, DIRECTORY = 0, 1, 5, 0xf, 0x19
ERROR, READ, SKIP, SELECT = 1, 2, 4, 8


class FwCfg:
    def __init__(self, qtest, room=None):
        """`room`: guest memory that transfers may use."""
        self.qtest = qtest
        self.ports = arch.chosen() is arch.X86
        self.room = room if room is not None else (0x100000 if self.ports else 0x40100000)

    def select(self, key):
        if self.ports:
            self.qtest.port_out(PORT, 2, key)
        else:
            self.qtest.command(f"writew {ADDRESS + 8:#x} {int.from_bytes(key.to_bytes(2, 'big'), 'little'):#x}")

    def byte(self):
        if self.ports:
            return self.qtest.port_in(PORT + 1, 1)
        return int(self.qtest.command(f"readb {ADDRESS:#x}")[0], 0)

    def item(self, key, size):
        self.select(key)
        return bytes(self.byte() for _ in range(size))

    def transfer(self, control, length, address):
        """The control word afterwards."""
        self.qtest.write(self.room, struct.pack(">IIQ", control, length, address))
        for offset, half in ((0, self.room >> 32), (4, self.room & 0xffffffff)):
            value = int.from_bytes(half.to_bytes(4, "big"), "little")
            if self.ports:
                self.qtest.port_out(PORT + 4 + offset, 4, value)
            else:
                self.qtest.command(f"writel {ADDRESS + 16 + offset:#x} {value:#x}")
        return struct.unpack(">I", self.qtest.read(self.room, 4))[0]

    def read(self, key, size):
        """By a transfer."""
        target = self.room + 0x1000
        assert self.transfer(key << 16 | SELECT | READ, size, target) == 0
        return self.qtest.read(target, size) if size else b""

    def directory(self):
        """Name: number and size."""
        count = struct.unpack(">I", self.read(DIRECTORY, 4))[0]
        data = self.read(DIRECTORY, 4 + 64 * count)[4:]
        entries = [struct.unpack(">IHH56s", data[i * 64:i * 64 + 64]) for i in range(count)]
        return {name.split(b"\0")[0].decode(): (number, size) for size, number, _, name in entries}

    def file(self, name):
        number, size = self.directory()[name]
        return self.read(number, size)
