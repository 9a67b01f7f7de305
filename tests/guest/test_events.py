#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: x86-64
# host: --memory 3G --timeout 900
"""DIMMs that are plugged and asked back at 20 moments of a guest's start each: every
operation ends with the truth."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.arch import Skip                                    # noqa: E402
from lib.machine import ARCH, BOOT_LIMIT, Machine            # noqa: E402

COUNT = 20
SIZE = 128 << 20
MEMORY = ["-m", f"512M,slots={COUNT},maxmem=4G", "-smp", "2"]


def start_again(machine):
    """When a start begins."""
    machine.console.send("x reboot -f")
    machine.qmp.wait_event("RESET", {"guest": True, "reason": "guest-reset"})
    return time.monotonic()


def spread(begin, duration, act):
    """Acts COUNT times over a start, which takes as long as the one before it did; the
    last ones when it is through."""
    for number in range(COUNT):
        time.sleep(max(0, begin + number * duration / (COUNT - 3) - time.monotonic()))
        act(number)


def results(machine, kind):
    """What became of the operations, all of which end."""
    def ended():
        operations = [entry for entry
                      in machine.qmp.execute("query-memory-operations")
                      if entry["operation"] == kind]
        if len(operations) == COUNT and \
                all(entry["result"] != "in-progress" for entry in operations):
            return operations
        return None
    return machine.wait_until(ended, what=f"{COUNT} ends", timeout=BOOT_LIMIT)


def nothing_pending(machine):
    def settled():
        info = machine.hmp("info memory-hotplug")
        return "pending" not in info and "asked" not in info
    machine.wait_until(settled, what="no pending event")


def truth(machine, kind, before, grown):
    bad = [entry for entry in results(machine, kind) if entry["result"] != "done"]
    assert not bad, bad
    # A kernel reserves a little more for memory that it finds as it starts.
    low, high = before + grown * 15 // 16 - 1024, before + grown + 1024
    machine.wait_until(lambda: low <= machine.meminfo() <= high,
                       what=f"MemTotal of {low} to {high} kB")
    nothing_pending(machine)


def at_each_moment(*options):
    with Machine([*MEMORY, *options], reboot=True) as machine:
        begin = time.monotonic()
        machine.wait_ready()
        duration = time.monotonic() - begin
        before = machine.meminfo()

        begin = start_again(machine)
        spread(begin, duration, lambda number: machine.plug(f"d{number}", SIZE))
        machine.wait_ready()
        truth(machine, "plug", before, COUNT * SIZE // 1024)

        begin = start_again(machine)
        spread(begin, duration, lambda number: machine.qmp.execute(
            "device_del", {"id": f"d{number}"}))
        machine.wait_ready()
        truth(machine, "unplug", before, 0)
        assert machine.qmp.execute("query-memory-devices") == []
        assert machine.quit() == 0


def test_before_the_first_instruction():
    with Machine(MEMORY, run=False) as machine:
        machine.plug("d", SIZE)
        machine.qmp.execute("cont")
        done = machine.qmp.wait_event("MEMORY_OPERATION_DONE", {"device": "d"},
                                      timeout=BOOT_LIMIT)["data"]
        assert done["result"] == "done", done
        machine.wait_ready()
        nothing_pending(machine)
        before = machine.meminfo()
        machine.unplug("d")
        assert machine.meminfo() < before - 100 * 1024


def test_each_moment_of_a_start():
    at_each_moment()


def test_each_moment_of_a_start_with_a_ged():
    if ARCH.name == "arm64":
        raise Skip("arm64 has no other events")
    at_each_moment("-machine", "acpi-events=ged")


def test_memory_set_while_the_guest_starts():
    with Machine(MEMORY) as machine:
        time.sleep(0.5)
        machine.qmp.execute("memory-set", {"size": 2 << 30})
        end = machine.qmp.wait_event("MEMORY_SET_DONE", timeout=BOOT_LIMIT)["data"]
        assert end["result-size"] == 2 << 30, end
        machine.wait_ready()
        machine.wait_until(lambda: machine.meminfo() > 1700 * 1024, what="the memory")
        nothing_pending(machine)


if __name__ == "__main__":
    tap.main()
