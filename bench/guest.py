# SPDX-License-Identifier: BSD-2-Clause
"""A booted guest: how long it takes until it has what is plugged, how often it
leaves for the program meanwhile, and how long it takes to boot."""

import contextlib
import time

import exits
from common import DIMM_MIB, HOTRAM, SLOTS, machine

PLUGS = 10
COUNTED_PLUGS = 5
ACCEPTED = {"info": {"slot-type": "DIMM", "source": 1, "status": 0}}
FEW_AND_MANY = (1, SLOTS)


@contextlib.contextmanager
def booted(program, slots):
    memory = f"256M,slots={slots},maxmem=64G"
    with machine.Machine([*program.options, "-m", memory],
                         program=program.path) as guest:
        guest.wait_ready()
        yield guest


def plug(guest):
    """Plugs a DIMM; milliseconds from device_add to the guest's _OST."""
    guest.qmp.execute("object-add", {"qom-type": "memory-backend-ram",
                                     "id": "d-mem", "size": DIMM_MIB << 20})
    guest.qmp.clear_events()
    start = time.monotonic()
    guest.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d",
                                     "memdev": "d-mem"})
    guest.qmp.wait_event("ACPI_DEVICE_OST", ACCEPTED)
    return (time.monotonic() - start) * 1000


def measure_ost(program):
    for slots in FEW_AND_MANY:
        with booted(program, slots) as guest:
            for _ in range(PLUGS):
                yield f"ost_{slots}", plug(guest)
                guest.unplug("d")


def own_count(guest):
    return guest.qmp.execute("query-exits")["exits"]


def measure_own_exits(program):
    if program is not HOTRAM:           # QEMU does not count
        return
    for slots in FEW_AND_MANY:
        with booted(program, slots) as guest:
            for _ in range(COUNTED_PLUGS):
                before = own_count(guest)
                plug(guest)
                yield f"own_exits_{slots}", own_count(guest) - before
                guest.unplug("d")


def measure_exits(program):
    for slots in FEW_AND_MANY:
        with exits.Counter() as counter, booted(program, slots) as guest:
            pid = guest.process.pid
            before = counter.count(pid)
            time.sleep(1)
            yield f"idle_exits_{slots}", counter.count(pid) - before
            for _ in range(COUNTED_PLUGS):
                before = counter.count(pid)
                plug(guest)
                yield f"exits_{slots}", counter.count(pid) - before
                guest.unplug("d")


def measure_boot(program):
    for name, unpacked in (("bzimage", False), ("vmlinux", True)):
        options = [*program.options, "-m", "256M,slots=4,maxmem=4G"]
        with machine.Machine(options, unpacked=unpacked,
                             program=program.path) as guest:
            guest.wait_ready()
            yield name, time.monotonic() - guest.started
