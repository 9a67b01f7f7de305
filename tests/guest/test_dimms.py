#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
"""Several DIMMs in one guest: sizes, places, holes, orders, and the host's memory."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import ARCH, Machine                        # noqa: E402

MEMORY = ["-m", "256M,slots=4,maxmem=4G"]
MIB = 1 << 20
REGION = ARCH.region(256 * MIB)


def dimms(machine):
    """id -> (slot, address, size)"""
    return {entry["data"]["id"]: (entry["data"]["slot"], entry["data"]["addr"],
                                  entry["data"]["size"])
            for entry in machine.qmp.execute("query-memory-devices")}


def three_sizes_holes_and_orders(**boot):
    with Machine(MEMORY + ["-smp", "2"], **boot) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        machine.plug("a", "256M")
        machine.plug("b", "512M")
        machine.plug("c", "128M")
        assert dimms(machine) == {"a": (0, REGION, 256 * MIB),
                                  "b": (1, REGION + 256 * MIB, 512 * MIB),
                                  "c": (2, REGION + 768 * MIB, 128 * MIB)}
        machine.wait_total(before + 896 * 1024)
        summary = machine.qmp.execute("query-memory-size-summary")
        assert summary == {"base-memory": 256 * MIB,
                           "plugged-memory": 896 * MIB}, summary

        machine.unplug("b")                      # leaves a hole in the middle
        machine.wait_total(before + 384 * 1024)
        machine.plug("d", "256M")                # fits into the hole
        machine.plug("e", "512M")                # does not
        assert dimms(machine)["d"] == (1, REGION + 256 * MIB, 256 * MIB)
        assert dimms(machine)["e"] == (3, REGION + 896 * MIB, 512 * MIB)
        machine.wait_total(before + (256 + 256 + 128 + 512) * 1024)

        for name in ("c", "a", "e", "d"):
            machine.unplug(name)
        assert dimms(machine) == {}
        machine.wait_total(before)
        assert machine.quit() == 0


def test_three_sizes_holes_and_orders_cloud():
    three_sizes_holes_and_orders()


def test_three_sizes_holes_and_orders_generic():
    three_sizes_holes_and_orders(kernel="generic")


def mappings_of(machine, size):
    """How many mappings of this size the program has."""
    count = 0
    for line in machine.maps():
        start, end = (int(word, 16) for word in line.split()[0].split("-"))
        count += end - start == size
    return count


def test_unplug_returns_the_memory_to_the_host():
    with Machine(MEMORY) as machine:
        machine.wait_ready()
        before = machine.rss()
        assert mappings_of(machine, 512 * MIB) == 0
        machine.plug("d0", "512M")
        assert mappings_of(machine, 512 * MIB) == 1
        machine.wait_until(lambda: machine.meminfo() > 600000,
                           what="MemTotal's growth")
        # More than the boot memory can hold, so most of it is in the DIMM.
        machine.hold("touch", 400)
        touched = machine.rss() - before
        assert touched > 250 * 1024, f"the guest touched only {touched} KiB"
        machine.shell("killall hog")
        machine.unplug("d0")
        left = machine.rss() - before
        # What stays is boot memory that the guest touched meanwhile.
        assert left < touched - 150 * 1024, (touched, left)
        assert mappings_of(machine, 512 * MIB) == 0
        assert machine.quit() == 0


def test_plug_and_unplug_32_times_without_growth():
    with Machine(MEMORY, append="memhp_default_state=online_movable") as machine:
        machine.wait_ready()
        before, threads = machine.meminfo(), machine.threads()

        def once():
            machine.plug("d0", "128M")
            machine.qmp.wait_event("ACPI_DEVICE_OST", {"info": {
                "device": "d0", "slot": "0", "slot-type": "DIMM",
                "source": 1, "status": 0}})
            machine.unplug("d0")

        def settle():
            """The thread that gives memory back may end after the DIMM's event."""
            machine.wait_until(lambda: machine.threads() == threads, what="end of helper threads")

        for _ in range(4):                       # what is made once is made
            once()
        settle()
        fds, maps = machine.fds(), len(machine.maps())
        for _ in range(28):
            once()
        settle()
        assert machine.fds() == fds
        assert len(machine.maps()) <= maps + 1
        machine.wait_total(before)
        assert machine.quit() == 0


def file_backend(kind, **properties):
    with Machine(MEMORY) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        if kind == "memory-backend-file":
            properties["mem-path"] = str(machine.folder / "dimm")
        machine.qmp.execute("object-add", {"qom-type": kind, "id": "d0-mem",
                                           "size": 256 * MIB, **properties})
        machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d0",
                                           "memdev": "d0-mem"})
        machine.wait_total(before + 256 * 1024)
        machine.hold("touch", 300)
        machine.shell("killall hog")
        machine.unplug("d0")
        machine.wait_total(before)
        assert machine.quit() == 0


def test_file_and_memfd_backends():
    file_backend("memory-backend-file", share=True)
    file_backend("memory-backend-memfd")


if __name__ == "__main__":
    tap.main()
