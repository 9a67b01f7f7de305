# SPDX-License-Identifier: BSD-2-Clause
"""What a booting guest is told of memory, read out of its RAM over qtest: SRAT
and SLIT, and the memory map of either boot protocol."""

import collections
import struct

RSDP = 0xe0000
BOOT_PARAMS = 0x7000
START_INFO = 0x6000
SETUP_E820_EXT = 1
RAM = 1

# A range of memory in the SRAT.
Memory = collections.namedtuple("Memory", "start size node hotpluggable")


def number(data, offset, size):
    return int.from_bytes(data[offset:offset + size], "little")


def table(qtest, signature):
    """A table with its header, or None. Its checksum is right."""
    rsdp = qtest.read(RSDP, 36)
    assert rsdp[:8] == b"RSD PTR ", rsdp
    xsdt = number(rsdp, 24, 8)
    size = number(qtest.read(xsdt + 4, 4), 0, 4)
    for at in range(xsdt + 36, xsdt + size, 8):
        address = number(qtest.read(at, 8), 0, 8)
        head = qtest.read(address, 8)
        if head[:4] == signature:
            data = qtest.read(address, number(head, 4, 4))
            assert sum(data) % 256 == 0, signature
            return data
    return None


def srat(qtest):
    """The nodes of the CPUs by APIC id, and the ranges of memory."""
    data, at = table(qtest, b"SRAT"), 48
    cpus, memory = {}, []
    while at < len(data):
        kind, length = data[at], data[at + 1]
        if kind == 0:
            cpus[data[at + 3]] = data[at + 2]
        elif kind == 1:
            flags = number(data, at + 28, 4)
            assert flags & 1, "an entry that is not enabled"
            memory.append(Memory(number(data, at + 8, 8), number(data, at + 16, 8),
                                 number(data, at + 2, 4), bool(flags & 2)))
        at += length
    return cpus, memory


def slit(qtest):
    """The rows of distances, or None."""
    data = table(qtest, b"SLIT")
    if not data:
        return None
    nodes = number(data, 36, 8)
    return [list(data[44 + row * nodes:44 + (row + 1) * nodes]) for row in range(nodes)]


def _entries(data, layout):
    return [entry[:3] for entry in struct.iter_unpack(layout, data)]


def boot_params_map(qtest):
    """(start, size, type) of each entry that a bzImage is told of, and how many
    of them are in boot_params itself."""
    params = qtest.read(BOOT_PARAMS, 4096)
    count = params[0x1e8]
    entries = _entries(params[0x2d0:0x2d0 + 20 * count], "<QQI")
    more = number(params, 0x250, 8)
    while more:
        following, kind, length = struct.unpack("<QII", qtest.read(more, 16))
        if kind == SETUP_E820_EXT:
            entries += _entries(qtest.read(more + 16, length), "<QQI")
        more = following
    return entries, count


def start_info_map(qtest):
    """The same for a vmlinux."""
    info = qtest.read(START_INFO, 56)
    assert number(info, 0, 4) == 0x336ec578
    count = number(info, 48, 4)
    return _entries(qtest.read(number(info, 40, 8), 24 * count), "<QQII"), count


def ram_from(entries, start):
    """(start, size) of RAM at or above an address."""
    return [entry[:2] for entry in entries if entry[0] >= start and entry[2] == RAM]
