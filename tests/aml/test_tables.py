#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The DSDTs that the other tests run. The registers may be I/O ports or memory:
but for that the AML is the same, byte for byte. hotram-1 has the one on x86-64
and the other on arm64; what iasl says of its tables is in
tests/unit/acpi_tables.sh."""

import pathlib
import re
import struct
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1])]
from lib import tap                                          # noqa: E402
from aml.acpica import LIMIT, temporary_folder, tool, write_dsdt  # noqa: E402

COUNTS = (1, 3, 256)
HEADER = 36
BASE, EXTENT = 0xa00, 28
SYSTEM_MEMORY, SYSTEM_IO = 0, 1


def package_length(table, at):
    """A PkgLength (ACPI 6.5, 20.2.4): where what it measures ends, and where
    its own bytes do."""
    more = table[at] >> 6
    if more == 0:
        return at + (table[at] & 0x3f), at + 1
    high = int.from_bytes(table[at + 1:at + 1 + more], "little")
    return at + (table[at] & 0xf | high << 4), at + 1 + more


class Parts:
    """The DSDT of write_dsdt.c, taken apart at what may differ."""

    def __init__(self, table):
        assert sum(table) % 256 == 0, "checksum"
        assert struct.unpack_from("<I", table, 4) == (len(table),)
        # Scope (\_SB) { Device (MHPD) { ... } }, and nothing else.
        assert table[HEADER] == 0x10
        scope_end, name = package_length(table, HEADER + 1)
        device = name + 5
        assert table[name:device + 2] == b"\\_SB_\x5b\x82"
        device_end, body = package_length(table, device + 2)
        assert scope_end == device_end == len(table)
        buffer = table.index(b"_CRS\x11") + 5
        buffer_end, content = package_length(table, buffer)
        space = table.index(b"\x5b\x80HPMR", buffer_end) + 6

        self.header = table[:4] + table[8:9] + table[10:HEADER]
        self.before = table[body:buffer]
        assert table[content] == 0x0a and \
            table[content + 1] == buffer_end - content - 2
        self.resources = table[content + 2:buffer_end]
        self.between = table[buffer_end:space]
        self.space = table[space]
        self.after = table[space + 1:]


def test_only_the_space_and_the_resource_descriptor_differ():
    with temporary_folder() as folder:
        for count in COUNTS:
            ports, memory = (Parts(write_dsdt(folder, kind, count).read_bytes())
                             for kind in ("io", "memory"))
            assert ports.space == SYSTEM_IO and memory.space == SYSTEM_MEMORY
            # Fixed decode of 16 bits; Memory32Fixed, read and write (6.4).
            assert ports.resources == struct.pack(
                "<BBHHBB", 0x47, 1, BASE, BASE, 0, EXTENT) + b"\x79\0"
            assert memory.resources == struct.pack(
                "<BHBII", 0x86, 9, 1, BASE, EXTENT) + b"\x79\0"
            for name in ("header", "before", "between", "after"):
                assert getattr(ports, name) == getattr(memory, name), name


def test_hotram_1_has_the_variant_with_ports():
    with temporary_folder() as folder:
        for count in COUNTS:
            ports = write_dsdt(folder, "io", count).read_bytes()
            machine = write_dsdt(folder, "gpe", count).read_bytes()
            assert machine.count(ports[HEADER:]) == 1


def iasl(*words):
    result = subprocess.run([tool("iasl"), *map(str, words)], timeout=LIMIT,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, check=False)
    assert result.returncode == 0, result.stdout
    return result.stdout


def unsigned(table):
    """Without checksum and compiler's id, which iasl writes itself (5.2.6)."""
    return table[:9] + table[10:28] + table[HEADER:]


def test_iasl_compiles_what_it_disassembled():
    with temporary_folder() as folder:
        for count in COUNTS:
            path = write_dsdt(folder, "memory", count)
            said = iasl("-d", path)
            assert not re.search("warning|error", said, re.I), said
            # -oa: without optimizations, which hide another encoding.
            again = path.with_suffix(".again")
            said = iasl("-oa", "-p", again, path.with_suffix(".dsl"))
            assert "0 Errors, 0 Warnings" in said, said
            made = again.with_suffix(".aml").read_bytes()
            assert unsigned(made) == unsigned(path.read_bytes())


if __name__ == "__main__":
    tap.main()
