#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What the guest's kernel finds: processors, devices, tables, clock, console."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.machine import ARCH, Machine                        # noqa: E402

MEMORY = ["-m", "256M,slots=4,maxmem=4G"]


def complaints(machine):
    """What the kernel says about ACPI at the level of a warning or worse. Picked
    out by the guest: its whole log takes long on a serial line."""
    about = "acpi|pnp|dsdt|aml|firmware bug|srat|madt|[^a-z]gpe|pci|ecam|mmconfig|bar [0-9]|bridge"
    return machine.shell(f"dmesg -r | grep '^<[0-4]>' | grep -iE '{about}' || true")


def functions(machine):
    """The PCI functions that the kernel has found."""
    return machine.shell("cd /sys/bus/pci/devices; for i in *; do "
                         "echo $i $(cat $i/vendor $i/device $i/class); done").splitlines()


def kernel_is_content(**boot):
    with Machine(MEMORY + ["-smp", "4"], **boot) as machine:
        machine.wait_ready()
        assert machine.shell("nproc").strip() == "4"
        # Each vCPU does work of its own.
        machine.shell("for c in 0 1 2 3; do taskset $((1 << c)) sh -c "
                      "'i=0; while [ $i -lt 200 ]; do i=$((i+1)); done' & done; wait")
        before = machine.meminfo()
        machine.plug("d0", "128M")
        machine.wait_total(before + 128 * 1024)
        machine.unplug("d0")
        assert complaints(machine) == ""
        assert functions(machine) == ARCH.pci
        machine.shell(f"dmesg | grep -iE '{ARCH.ecam}'")
        assert machine.shell("cat /sys/devices/system/clocksource/"
                             "clocksource0/current_clocksource") == f"{ARCH.clocksource}\n"
        assert machine.shell("ls /sys/class/rtc").split() == ARCH.rtcs
        if ARCH is arch.X86:
            # MTRRs are on from the start: without them Linux has no write-combining.
            machine.shell("dmesg | grep 'x86/PAT: Configuration.* WC '")
        host = machine.qmp.execute("query-cpus-fast")
        assert [cpu["cpu-index"] for cpu in host] == [0, 1, 2, 3]
        assert machine.quit() == 0


def test_four_processors_and_no_acpi_complaint_cloud():
    kernel_is_content()


def test_four_processors_and_no_acpi_complaint_generic():
    kernel_is_content(kernel="generic")


def test_clock_as_told():
    with Machine(MEMORY + ["-rtc", "base=2001-02-03T04:05:06"]) as machine:
        machine.wait_ready()
        assert machine.shell("cat /sys/class/rtc/rtc0/date") == "2001-02-03\n"
        # A guest that sets its clock reads back what it set.
        machine.shell("date -u -s '2020-10-11 12:13:14' && hwclock -u -w")
        assert machine.shell("cat /sys/class/rtc/rtc0/date") == "2020-10-11\n"
        # The once-a-second interrupt: reading the clock exactly waits for it.
        machine.shell("hwclock -u", timeout=20)
        assert machine.quit() == 0


def test_stop_and_cont():
    with Machine(MEMORY) as machine:
        machine.wait_ready()
        machine.qmp.execute("stop")
        machine.qmp.wait_event("STOP")
        assert machine.qmp.execute("query-status") == {
            "running": False, "singlestep": False, "status": "paused"}
        exits = machine.qmp.execute("query-exits")["exits"]
        machine.console.send("y echo")
        assert machine.qmp.execute("query-exits")["exits"] == exits
        machine.qmp.execute("cont")
        machine.qmp.wait_event("RESUME")
        machine.console.wait_for("@y 0@", 30)
        assert machine.shell("echo on").strip() == "on"
        assert machine.quit() == 0


def test_cold_plugged_dimm():
    with Machine(MEMORY + ["-object", "memory-backend-ram,id=m0,size=512M",
                           "-device", '{"driver":"pc-dimm","id":"d0","memdev":"m0"}'],
                 ) as machine:
        machine.wait_ready()
        machine.wait_until(lambda: machine.meminfo() > 512 * 1024,
                           what="the DIMM's memory")
        device = machine.qmp.execute("query-memory-devices")[0]["data"]
        assert device["hotplugged"] is False
        machine.qmp.execute("device_del", {"id": "d0"})
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"})
        assert machine.meminfo() < 256 * 1024
        assert machine.quit() == 0


def test_ram_above_4_gib():
    # More than the emulated host has, so it is not reserved.
    with Machine(["-object", "memory-backend-ram,id=ram,size=3500M,reserve=off",
                  "-machine", "memory-backend=ram",
                  "-m", "3500M,slots=2,maxmem=5G"]) as machine:
        machine.wait_ready()
        assert machine.meminfo() > 3300 * 1024
        machine.plug("d0", "128M")
        address = machine.qmp.execute("query-memory-devices")[0]["data"]["addr"]
        assert address == ARCH.region(3500 << 20) == {"x86-64": 6, "arm64": 5}[ARCH.name] << 30, hex(address)
        machine.wait_until(lambda: machine.meminfo() > 3400 * 1024,
                           what="MemTotal's growth")
        machine.unplug("d0")
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
