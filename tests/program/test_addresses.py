#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Where memory is on x86-64: what a booting guest is told of RAM and of what PCI, KVM and ACPI have, and how far addresses of
memory go. It needs no KVM."""

import pathlib
import re
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]),
                str(pathlib.Path(__file__).resolve().parents[1] / "differential")]
from lib import tables, tap                                  # noqa: E402
from lib.machine import CLONE, GUEST, PROGRAM                # noqa: E402
from lib.qtest import QtestError                             # noqa: E402
from peer import HOTRAM, Peer                                # noqa: E402

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
RAM, RESERVED = 1, 2


def refused(*options):
    """What the program says where it is to refuse."""
    result = subprocess.run([PROGRAM, *options], stdin=subprocess.DEVNULL, timeout=60, capture_output=True,
                            text=True, check=False)
    assert result.returncode == 1, (options, result)
    return result.stderr


def test_the_memory_map_of_a_guest_that_boots():
    for ram, pieces in ((512 * MIB, [(MIB, 511 * MIB)]), (2 * GIB, [(MIB, 2047 * MIB)]),
                        (2049 * MIB, [(MIB, 2047 * MIB), (4 * GIB, MIB)]),
                        (3 * GIB, [(MIB, 2047 * MIB), (4 * GIB, GIB)])):
        for kernel, read in ((GUEST / "vmlinuz-generic", tables.boot_params_map),
                             (CLONE / "build/native/tests/micro/micro", tables.start_info_map)):
            peer = Peer(HOTRAM, f"{ram >> 20}M", [
                "-object", f"memory-backend-ram,id=ram,size={ram}B,reserve=off", "-machine", "memory-backend=ram",
                "-kernel", str(kernel)])
            try:
                entries = read(peer.qtest)[0]
            finally:
                peer.close()
            expected = [(0, 639 * KIB, RAM), (639 * KIB, KIB, RESERVED), (0xe0000, 128 * KIB, RESERVED),
                        (0xb0000000, 256 * MIB, RESERVED), (0xfeffc000, 16 * KIB, RESERVED),
                        *((*piece, RAM) for piece in pieces)]
            assert sorted(entries) == sorted(expected), (ram, kernel, entries)


def test_the_event_device_is_where_the_tables_say():
    """And not among the windows of devices, which end at 0xfec00000."""
    peer = Peer(HOTRAM, "64M", ["-machine", "acpi-events=ged"])
    try:
        assert int(peer.qtest.command("readl 0xfed60000")[0], 0) == 0       # no event
        dsdt = tables.number(tables.table(peer.qtest, b"FACP"), 140, 8)
        content = peer.qtest.read(dsdt, tables.number(peer.qtest.read(dsdt + 4, 4), 0, 4))
        assert (0xfed60000).to_bytes(4, "little") in content
        try:
            answer = peer.qtest.command("readl 0xfe004000")
            raise AssertionError(f"something is there: {answer}")
        except QtestError:
            pass
    finally:
        peer.close()


def test_memory_ends_below_the_last_eighth_of_the_addresses():
    """Where firmware puts devices' windows. The size that the error names is the largest that can be had."""
    memory = ("-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-m")
    said = refused(*memory, f"64M,slots=2,maxmem={1 << 52}B")
    bits = int(re.search(r"have (\d+) physical address bits", said)[1])
    limit = (1 << bits) // 8 * 7
    assert f"ends at {limit >> 30} GiB" in said or f"ends at {limit >> 40} TiB" in said, said
    number, unit = re.search(r"at most maxmem=(\d+)([KMGT])", said).groups()
    most = int(number) << {"K": 10, "M": 20, "G": 30, "T": 40}[unit]
    # 64 MiB of RAM, the region from 4 GiB on, 1 GiB for each slot.
    assert 4 * GIB + most - 64 * MIB + 2 * GIB == limit, (most, limit)
    result = subprocess.run([PROGRAM, *memory, f"64M,slots=2,maxmem={most}B", "-monitor", "stdio"],
                            input="quit\n", timeout=60, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result
    said = refused(*memory, f"64M,slots=2,maxmem={most + 8192}B")
    assert f"at most maxmem={number}{unit}" in said, said
    # RAM without slots likewise, and a memslot at an address of its own.
    said = refused(*memory, f"{limit >> 20}M")
    assert "ends at" in said and "use less" in said, said
    said = refused(*memory[:-1], "-memslot", f"id=a,size=128M,start={limit:#x}")
    assert f"[{limit:#x}-" in said and "leave for memory" in said, said


if __name__ == "__main__":
    tap.main()
