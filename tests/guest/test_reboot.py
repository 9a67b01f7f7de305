#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Power off, reboot by each way there is, and DIMMs that stay through it."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.machine import ONLINE, Machine                      # noqa: E402

MEMORY = ["-m", "256M,slots=4,maxmem=4G"]
GUEST_RESET = {"guest": True, "reason": "guest-reset"}


def reboot_keeps_dimms(way, then=None, **boot):
    """`way` is the kernel's reboot= parameter: a the ACPI reset register, t a
    triple fault."""
    with Machine(MEMORY + ["-smp", "2"], append=f"{ONLINE} reboot={way}",
                 reboot=True, **boot) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        machine.plug("a", "256M")
        machine.plug("b", "128M")
        machine.wait_total(before + 384 * 1024)
        machine.console.send("x reboot -f")
        machine.qmp.wait_event("RESET", GUEST_RESET)
        machine.wait_ready()
        # A booting kernel reserves a little more for the memory it finds.
        machine.wait_until(lambda: machine.meminfo() > before + 350 * 1024,
                           what="the DIMMs' memory after the reboot")
        machine.unplug("a")
        machine.unplug("b")
        assert machine.meminfo() < before + 1024
        assert machine.qmp.execute("query-memory-devices") == []
        if then:
            then(machine)
        assert machine.quit() == 0


def test_reboot_by_reset_register():
    reboot_keeps_dimms("a")


def test_reboot_by_triple_fault():
    reboot_keeps_dimms("t")


def watchdog_bites(machine):
    """By Linux' driver, which Debian's generic kernel has: it is fed once, and never again."""
    machine.shell("devices watchdog")
    assert "iTCO_wdt" in machine.shell("cat /sys/class/watchdog/watchdog0/identity")
    machine.qmp.execute("watchdog-set-action", {"action": "pause"})
    # The command has returned, and a process in the background has yet to set the time-out.
    machine.shell("watchdog -T 5 -t 600 /dev/watchdog0 && until grep -qx 5 /sys/class/watchdog/watchdog0/timeout; do sleep 0.1; done")
    machine.qmp.wait_event("WATCHDOG", {"action": "pause"})
    machine.qmp.wait_event("STOP")
    assert machine.qmp.execute("query-status")["status"] == "watchdog"


def test_reboot_generic():
    # arm64 has no watchdog.
    reboot_keeps_dimms("a", then=watchdog_bites if arch.chosen() is arch.X86 else None, kernel="generic")


def test_system_reset_and_unplug_pending_at_reset():
    # The guest does not let go of memory that it uses for itself.
    with Machine(MEMORY, append="memhp_default_state=offline",
                 reboot=True) as machine:
        machine.wait_ready()
        machine.plug("a", "128M")
        machine.plug("b", "128M")
        machine.qmp.wait_event("ACPI_DEVICE_OST", {"info": {
            "device": "b", "slot": "1", "slot-type": "DIMM", "source": 1,
            "status": 0}})
        machine.qmp.execute("stop")
        machine.qmp.execute("device_del", {"id": "a"})
        machine.qmp.execute("system_reset")
        # Nobody uses the memory any more: the removal is carried out.
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "a"})
        machine.qmp.execute("cont")
        machine.wait_ready()
        devices = machine.qmp.execute("query-memory-devices")
        assert [device["data"]["id"] for device in devices] == ["b"]
        assert machine.quit() == 0


def test_no_reboot_ends_the_program():
    with Machine(MEMORY) as machine:             # with -no-reboot
        machine.wait_ready()
        machine.console.send("x reboot -f")
        machine.qmp.wait_event("SHUTDOWN", GUEST_RESET)
        assert machine.wait_exit() == 0


def test_power_off_and_no_shutdown():
    with Machine(MEMORY + ["-no-shutdown"], reboot=True) as machine:
        machine.wait_ready()
        machine.console.send("x poweroff -f")
        machine.qmp.wait_event("SHUTDOWN", {"guest": True,
                                            "reason": "guest-shutdown"})
        machine.qmp.wait_event("STOP")
        assert machine.qmp.execute("query-status")["status"] == "shutdown"
        machine.qmp.execute("system_reset")
        machine.qmp.execute("cont")
        machine.wait_ready()                     # the same guest, started anew
        machine.qmp.execute("system_powerdown")
        machine.qmp.wait_event("POWERDOWN")
        machine.qmp.wait_event("SHUTDOWN", {"guest": True,
                                            "reason": "guest-shutdown"})
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
