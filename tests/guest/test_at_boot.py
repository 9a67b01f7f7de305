#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
"""DIMMs that are plugged when the guest reboots: in use at once or by its policy,
and removable one by one, though they are neighbours."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import ONLINE, Machine                      # noqa: E402

MEMORY = ["-m", "256M,slots=8,maxmem=4G"]
NAMES = ("a", "b", "c")


def reboot(machine):
    machine.console.send("x reboot -f")
    machine.qmp.wait_event("RESET", {"guest": True, "reason": "guest-reset"})
    machine.wait_ready()


def touch_all(machine):
    """Has the guest use more memory than it booted with; returns how many KiB of
    it the host gave."""
    before = machine.rss()
    machine.hold("touch", 400)
    machine.shell("killall hog")
    return machine.rss() - before


def neighbours_survive_and_leave_one_by_one(options, append, after_boot="true", **boot):
    """Three DIMMs side by side, a reboot, the middle one goes, then the others."""
    with Machine(MEMORY + options, append=append, reboot=True, **boot) as machine:
        machine.wait_ready()
        bare = machine.meminfo()
        for name in NAMES:
            machine.plug(name, "256M")
        reboot(machine)
        machine.shell(after_boot)
        # All of it but what the kernel spends on its memory map, at the start.
        machine.wait_until(lambda: machine.meminfo() > bare + (768 - 32) * 1024,
                           what="the DIMMs' memory after the reboot")
        touched = touch_all(machine)
        assert touched > 250 * 1024, f"the guest touched only {touched} KiB"
        full, host = machine.meminfo(), machine.rss()
        machine.unplug("b")
        machine.wait_until(lambda: machine.meminfo() < full - 250 * 1024,
                           what="the guest without the middle DIMM")
        assert machine.meminfo() > full - 262 * 1024
        assert len(machine.qmp.execute("query-memory-devices")) == 2
        machine.plug("d", "256M")                # into the hole
        machine.unplug("a")
        machine.unplug("c")
        assert machine.rss() < host - 100 * 1024, (host, machine.rss())
        assert machine.quit() == 0


# What docs/guests.md says of memory-only nodes: user memory fills the kernel's
# node first, and the kernel needs a distance between the two that ends that.
WATERMARK = "echo 1000 > /proc/sys/vm/watermark_scale_factor"


def test_e820_in_a_node_of_the_dimms_own():
    neighbours_survive_and_leave_one_by_one(
        ["-machine", "dimm-at-boot=e820"], "movable_node", WATERMARK)


def test_e820_in_the_cpus_node_generic_vmlinux():
    neighbours_survive_and_leave_one_by_one(
        ["-machine", "dimm-at-boot=e820,dimm-node=0", "-numa", "node,cpus=0",
         "-numa", "node,mem=256M"], "movable_node", kernel="generic", unpacked=True)


def test_acpi():
    neighbours_survive_and_leave_one_by_one([], ONLINE)


def test_e820_is_in_use_whatever_the_policy_and_movable():
    with Machine(MEMORY + ["-machine", "dimm-at-boot=e820", "-object",
                           "memory-backend-ram,id=m,size=256M",
                           "-device", "pc-dimm,id=cold,memdev=m"],
                 append="movable_node memhp_default_state=offline") as machine:
        machine.wait_ready()
        assert machine.meminfo() > 400 * 1024
        zones = machine.shell("sed -n '/^Node 1/p' /proc/zoneinfo").split("\n")
        assert zones[0].startswith("Node 1,"), zones
        present = machine.shell("awk '/^Node/ { z = $4; n = $2 } /present/ && $2 > 0 "
                                "{ print n z }' /proc/zoneinfo").split()
        assert "1,Movable" in present and "1,Normal" not in present, present
        # One more, while it runs: by the guest's policy it is not in use.
        machine.plug("hot", "128M")
        machine.qmp.wait_event("ACPI_DEVICE_OST", {"info": {
            "device": "hot", "slot": "1", "slot-type": "DIMM", "source": 1,
            "status": 0}})
        states = machine.shell("cat /sys/devices/system/memory/memory*/state").split()
        assert states.count("offline") == 1, states
        machine.unplug("hot")
        machine.qmp.execute("device_del", {"id": "cold"})
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "cold"})
        assert machine.meminfo() < 256 * 1024
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
