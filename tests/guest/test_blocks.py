#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# architectures: x86-64
# host: --memory 9G --timeout 900
"""Guests whose memory block is not 128 MiB, and DIMMs that are not whole memory blocks: what is plugged is
what the guest gets, and what it cannot get is said; an eject takes away nothing that it uses."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.machine import ONLINE, Machine                      # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

MIB, GIB = 1 << 20, 1 << 30
KIB = 1024
BLOCK = "/sys/devices/system/memory/block_size_bytes"
FINE = "-machine", "dimm-granularity=2M,dimm-at-boot=e820"


def large(ram, *options):
    """RAM that the host does not have: the guest touches little of it."""
    if arch.chosen() is not arch.X86:
        raise tap.Skip("the memory block grows with the memory on x86-64 only")
    return Machine(["-m", f"{ram},slots=8,maxmem=128G",
                    "-object", f"memory-backend-ram,id=ram,size={ram},reserve=off",
                    "-machine", "memory-backend=ram", *options])


def said(machine):
    """The guest's block, after a look whether hotram knows it."""
    block = int(machine.shell(f"cat {BLOCK}"), 16)
    answer = machine.qmp.execute("query-memory-map")
    assert answer["block-size"] == block, (hex(block), answer["block-size"])
    return block, answer["granularity"]


def takes_whole_blocks(ram, block):
    with large(ram) as machine:
        machine.wait_ready(400)
        assert said(machine) == (block, block), said(machine)
        before = machine.meminfo()
        for size in {64 * MIB, block // 2, block + 128 * MIB} - {block}:
            if size % block == 0:
                continue
            try:
                machine.plug("small", str(size))
                raise AssertionError(f"{size} bytes were taken")
            except QMPError as error:
                assert f"multiple of {block:#x}" in error.desc, error.desc
        machine.plug("d", str(block))
        machine.wait_total(before + block // KIB)
        base = int(ram[:-1]) * GIB
        for size in (base + 4 * GIB, base + 2 * GIB, base):
            result = machine.qmp.execute("memory-set", {"size": size, "wait": True})
            assert result["result-size"] == size, result
            machine.wait_total(before + (size - base) // KIB)
        assert machine.quit() == 0


def test_61_gib():
    takes_whole_blocks("61G", 128 * MIB)


def test_62_gib():
    takes_whole_blocks("62G", 2 * GIB)


def test_63_gib():
    takes_whole_blocks("63G", 1 * GIB)


def test_an_explicit_granularity_below_the_block_warns():
    with large("64G", "-machine", "dimm-granularity=128M") as machine:
        machine.wait_ready(400)
        assert said(machine) == (2 * GIB, 128 * MIB), said(machine)
        before = machine.meminfo()
        machine.plug("d", "1G")
        machine.qmp.wait_event("ACPI_DEVICE_OST")
        assert "memory block of a Linux guest, which is 2 GiB" in machine.error_log
        assert machine.meminfo() == before
        machine.unplug("d")
        assert machine.quit() == 0


def at_start(*sizes):
    options = []
    for slot, size in enumerate(sizes):
        options += ["-object", f"memory-backend-ram,id=m{slot},size={size}M",
                    "-device", f"pc-dimm,id=d{slot},memdev=m{slot}"]
    return options


def survives_the_removal_of_all(append, *sizes):
    with Machine(["-m", "512M,slots=4,maxmem=4G", *FINE, *at_start(*sizes)],
                 append=append) as machine:
        machine.wait_ready()
        whole = all(size % 128 == 0 for size in sizes)
        assert ("the guest cannot use it" in machine.error_log) != whole
        for slot in reversed(range(len(sizes))):
            machine.qmp.execute("device_del", {"id": f"d{slot}"})
            machine.qmp.wait_event("DEVICE_DELETED", {"device": f"d{slot}"})
        # What it has is there: more than this and it would have had DIMMs' memory.
        # Newer kernels keep more of the 512 MiB for themselves.
        assert 390 * KIB < machine.meminfo() < 512 * KIB
        free = machine.meminfo("MemAvailable") // KIB - 64
        machine.hold("touch", free)
        machine.shell("killall hog")
        assert machine.quit() == 0


def test_e820_two_halves_of_a_block():
    survives_the_removal_of_all("movable_node", 64, 64)


def test_e820_a_block_and_a_half():
    survives_the_removal_of_all("movable_node", 192, 64)


def test_e820_whole_blocks_behind_a_half():
    """At an address that is no multiple of the block."""
    survives_the_removal_of_all(f"movable_node {ONLINE}", 64, 128)


def test_e820_whole_blocks():
    survives_the_removal_of_all("movable_node", 128, 256)


def test_e820_dimms_of_a_running_guest_at_its_reboot():
    with Machine(["-m", "512M,slots=4,maxmem=4G", *FINE], reboot=True,
                 append=f"movable_node {ONLINE}") as machine:
        machine.wait_ready()
        bare = machine.meminfo()
        for slot, size in enumerate((128, 64, 64)):
            machine.plug(f"d{slot}", f"{size}M")
        machine.console.send("x reboot -f")
        machine.qmp.wait_event("RESET", {"guest": True, "reason": "guest-reset"})
        machine.wait_ready()
        # The first is in use again, and of the others nothing.
        machine.wait_until(lambda: bare + 100 * KIB < machine.meminfo() < bare + 150 * KIB,
                           what="the whole DIMM's memory after the reboot")
        for slot in (2, 1, 0):
            machine.unplug(f"d{slot}")
        machine.wait_until(lambda: machine.meminfo() < bare + 32 * KIB, what="RAM at start alone")
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
