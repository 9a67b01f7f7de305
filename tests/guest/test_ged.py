#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
"""Hardware-reduced ACPI: memory and power button by the Generic Event Device."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402

MIB = 1 << 20
GED = ["-m", "256M,slots=4,maxmem=4G", "-machine", "acpi-events=ged"]


def test_memory_reboot_and_power_button():
    with Machine(GED + ["-smp", "2"], reboot=True) as machine:
        machine.wait_ready()
        reduced = machine.shell("grep -c ACPI:Ged /proc/interrupts")
        assert int(reduced) > 0, reduced
        before = machine.meminfo()
        machine.plug("a", "256M")
        machine.plug("b", "256M")
        machine.wait_total(before + 512 * 1024)
        machine.unplug("a")
        machine.wait_total(before + 256 * 1024)
        machine.console.send("x reboot -f")
        machine.qmp.wait_event("RESET", {"guest": True, "reason": "guest-reset"})
        machine.wait_ready()
        machine.wait_until(lambda: machine.meminfo() > before + 250 * 1024,
                           what="the DIMM after the reboot")
        machine.unplug("b")
        assert machine.meminfo() < before + 1024
        machine.qmp.execute("system_powerdown")
        machine.wait_until(lambda: "PWRF" in machine.shell("ls /etc/acpi"),
                           what="the power button in the guest")
        machine.console.send("x poweroff -f")
        machine.qmp.wait_event("SHUTDOWN", {"guest": True, "reason": "guest-shutdown"})
        assert machine.wait_exit() == 0


def test_no_slots():
    with Machine(["-m", "256M", "-machine", "acpi-events=ged"]) as machine:
        machine.wait_ready()
        machine.console.send("x poweroff -f")
        assert machine.wait_exit() == 0


if __name__ == "__main__":
    tap.main()
