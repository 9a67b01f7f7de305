#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# architectures: x86-64
"""How often a guest leaves for the program because of one plug: as often with
256 slots as with one, whatever slot it is. Since Linux 6.9 a guest looks at the
status of the other slots, too, after each insertion (acpi_scan_rescan_bus of the
parent): it selects a slot and reads its status."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402

PLUGS = 5
ACCEPTED = {"info": {"slot-type": "DIMM", "source": 1, "status": 0}}
RESCANS = (6, 9)    # the first Linux that does so
QUIET = 0.3     # seconds without an exit: the guest has done what it had to do


def settled(machine):
    """The count of exits once it does not grow any more."""
    count = None
    while True:
        last, count = count, machine.qmp.execute("query-exits")["exits"]
        if count == last:
            return count
        time.sleep(QUIET)


def exits_of_plugs(slots, slot):
    """The exits from device_add to the guest's _OST and what ends its interrupt,
    the fewest of some plugs: others of the guest's doings can only add to them.
    Without those of a guest that looks at all slots: two for each other one."""
    counts = []
    with Machine(["-m", f"256M,slots={slots},maxmem=64G"]) as machine:
        machine.wait_ready()
        others = 2 * (slots - 1) if machine.kernel_version() >= RESCANS else 0
        for number in range(PLUGS):
            before = settled(machine)
            machine.plug(f"d{number}", "128M", slot=slot)
            machine.qmp.wait_event("ACPI_DEVICE_OST", ACCEPTED)
            counts.append(settled(machine) - before)
            machine.unplug(f"d{number}")
    print(f"# {slots} slots, DIMM in slot {slot}: exits per plug {counts}, "
          f"{others} of them for other slots")
    return min(counts) - others


def test_exits_per_plug_do_not_grow_with_the_slots():
    one = exits_of_plugs(1, 0)
    assert one > 0
    assert exits_of_plugs(256, 0) == one
    assert exits_of_plugs(256, 255) == one


if __name__ == "__main__":
    tap.main()
