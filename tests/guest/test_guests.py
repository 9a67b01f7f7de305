#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# architectures: x86-64
"""The recipes and figures of docs/guests.md, on a guest."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import ARCH, Machine                        # noqa: E402

MEMORY = ["-m", "256M,slots=4,maxmem=4G", "-machine", "dimm-granularity=2M"]
BLOCKS = "/sys/devices/system/memory"
BY_HAND = ("for block in $(grep -l offline /sys/devices/system/memory/memory*/state); "
           "do echo online_movable > $block; done")
# What udev does with: ACTION=="add", SUBSYSTEM=="memory", ATTR{state}="online_movable"
RULE = ("uevent sh -c '[ \"$ACTION $SUBSYSTEM\" = \"add memory\" ] && "
        "echo online_movable > /sys$DEVPATH/state; true' > /dev/null 2>&1 &")
# It hears nothing before it has its socket: NETLINK_KOBJECT_UEVENT, 15; the kernel
# has one, too, without a process.
HEARS = ("until awk '$2 == 15 && $3 != 0 { found = 1 } END { exit !found }' "
         "/proc/net/netlink; do usleep 20000; done")


def plug_and_hear(machine, name, slot, size):
    """Plugs, and waits for the guest's word that it has taken the DIMM."""
    machine.plug(name, size)
    machine.qmp.wait_event("ACPI_DEVICE_OST", {"info": {
        "device": name, "slot": str(slot), "slot-type": "DIMM", "source": 1,
        "status": 0}})


def test_without_a_policy():
    with Machine(MEMORY, append="memhp_default_state=offline") as machine:
        machine.wait_ready()
        before = machine.meminfo()
        assert machine.shell(f"cat {BLOCKS}/block_size_bytes").strip() == "8000000"
        # Half a block: the guest says that all is well, and has nothing.
        plug_and_hear(machine, "half", 0, "64M")
        assert "offline" not in machine.shell(f"cat {BLOCKS}/memory*/state")
        machine.unplug("half")

        # The memory map is 64 bytes for each 4 KiB, and of the memory there was.
        free = machine.meminfo("MemFree")
        plug_and_hear(machine, "a", 0, "1G")
        cost = free - machine.meminfo("MemFree")
        assert 15 * 1024 < cost < 20 * 1024, f"{cost} KiB"
        assert machine.meminfo() == before       # nobody brings it online

        machine.shell(BY_HAND)
        machine.wait_total(before + 1024 * 1024)
        machine.unplug("a")
        machine.wait_total(before)

        machine.shell(RULE)
        machine.shell(HEARS)
        machine.plug("b", "256M")
        machine.wait_total(before + 256 * 1024)
        machine.unplug("b")

        machine.shell("killall uevent")
        machine.shell(f"echo online_movable > {BLOCKS}/auto_online_blocks")
        machine.plug("c", "256M")
        machine.wait_total(before + 256 * 1024)
        machine.unplug("c")
        machine.wait_total(before)
        assert machine.quit() == 0


def test_the_map_in_the_memory_itself():
    with Machine(MEMORY, append="memhp_default_state=online_movable "
                                "memory_hotplug.memmap_on_memory=1") as machine:
        machine.wait_ready()
        before = machine.meminfo()
        machine.plug("a", "128M")                # one block: its map is 2 MiB of it
        machine.wait_total(before + 126 * 1024)
        # Before Linux 6.8 a DIMM of several blocks has its map elsewhere.
        second = 252 if machine.kernel_version() >= (6, 8) else 256
        machine.plug("b", "256M")
        machine.wait_total(before + (126 + second) * 1024)
        machine.unplug("a")
        machine.unplug("b")
        machine.wait_total(before)
        assert machine.quit() == 0


def zone_of(machine, policy):
    """The zones that a plugged block could be in, the first where it is."""
    machine.shell(f"echo {policy} > {BLOCKS}/auto_online_blocks")
    slot = len(machine.qmp.execute("query-memory-devices"))
    plug_and_hear(machine, f"d{slot}", slot, "128M")
    block = (ARCH.region(256 << 20) >> 27) + slot   # of 128 MiB each
    return machine.shell(f"cat {BLOCKS}/memory{block}/valid_zones").split()


def test_zones():
    with Machine(MEMORY, append="memhp_default_state=offline") as machine:
        machine.wait_ready()
        assert zone_of(machine, "online_movable")[0] == "Movable"
        assert zone_of(machine, "online_kernel")[0] == "Normal"
        assert zone_of(machine, "online")[0] == "Normal"
    with Machine(MEMORY, append="movable_node memhp_default_state=online") as machine:
        machine.wait_ready()
        assert zone_of(machine, "online")[0] == "Movable"
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
