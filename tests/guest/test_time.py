#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# host: --memory 2G --timeout 600
"""A guest's time stands still while it is stopped: no watchdog of its kernel
barks after cont, and its uptime does not jump. As with QEMU."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                        # noqa: E402
from lib.machine import ARCH, Machine                        # noqa: E402

# What takes the kernel's watchdogs 20 seconds and more by themselves.
WATCHDOGS = "rcupdate.rcu_cpu_stall_timeout=3 watchdog_thresh=2 nmi_watchdog=0"
STOP = 15
COMPLAINTS = "grep -ciE 'stall|lockup|hung|unstable'"


def uptime(machine):
    return float(machine.shell("cat /proc/uptime").split()[0])


def stopped_for_long(machine):
    """How far the guest's uptime goes over a stop, and its kernel's complaints."""
    machine.wait_ready()
    complaints = int(machine.shell(f"dmesg | {COMPLAINTS}", check=False)[1])
    begun, before = time.monotonic(), uptime(machine)
    machine.qmp.execute("stop")
    time.sleep(STOP)
    machine.qmp.execute("cont")
    after, ended = uptime(machine), time.monotonic()
    time.sleep(8)                                # for the watchdogs to see it
    more = int(machine.shell(f"dmesg | {COMPLAINTS}", check=False)[1])
    text = machine.shell("dmesg | tail -n 5") if more > complaints else ""
    clock = machine.shell("cat /sys/devices/system/clocksource/"
                          "clocksource0/current_clocksource", check=False)[1]
    print(f"# {pathlib.Path(machine.program).name}, {clock.strip()}: "
          f"{after - before:.2f} s of uptime in {ended - begun:.2f} s")
    # What the guest and the host need for the commands themselves may be slow.
    assert after - before < ended - begun - STOP + 1, (before, after)
    assert more == complaints, text


def test_a_stop_takes_no_time_of_the_guest():
    with Machine(["-smp", "2", "-m", "256M"], append=WATCHDOGS) as machine:
        stopped_for_long(machine)


def test_qemu_does_the_same():
    if ARCH.name != "x86-64":
        raise tap.Skip("QEMU is compared with on x86-64")
    with Machine(["-smp", "2", "-m", "256M"], append=WATCHDOGS,
                 program="qemu-system-x86_64") as machine:
        stopped_for_long(machine)


def test_a_reset_while_stopped():
    with Machine(["-smp", "2", "-m", "256M"], append=WATCHDOGS, reboot=True) as machine:
        machine.wait_ready()
        said = int(machine.shell(f"dmesg | {COMPLAINTS}", check=False)[1])
        machine.qmp.execute("stop")
        time.sleep(6)
        machine.qmp.execute("system_reset")
        machine.qmp.execute("cont")
        machine.wait_ready()
        assert int(machine.shell(f"dmesg | {COMPLAINTS}", check=False)[1]) == said


if __name__ == "__main__":
    tap.main()
