#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# sanitizers: tsan
"""Devices come into root ports and go again while the guest runs, by Linux's own driver of such slots."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402

PORTS = ["-device", "pcie-root-port,id=p1,chassis=1,slot=1", "-device", "pcie-root-port,id=p2,chassis=2,slot=2",
         "-device", "virtio-rng-pci,id=cold,bus=p2"]


def found(machine):
    """Addresses of virtio's random number generators."""
    return machine.shell("cd /sys/bus/pci/devices; for i in *; do "
                         "grep -q 0x1044 $i/device && echo $i; done; true").split()


def test_devices_come_and_go():
    with Machine(["-m", "256M", *PORTS]) as machine:
        machine.wait_ready()
        first = found(machine)
        assert len(first) == 1, first
        machine.qmp.execute("device_add", {"driver": "virtio-rng-pci", "id": "hot", "bus": "p1"})
        machine.wait_until(lambda: len(found(machine)) == 2, what="the new device")
        place, = set(found(machine)) - set(first)
        # It has addresses in the port's windows, and answers there.
        assert int(machine.shell(f"head -5 /sys/bus/pci/devices/{place}/resource | tail -1").split()[0], 16) > 0
        machine.qmp.execute("device_del", {"id": "hot"})            # some 5 seconds of Linux's
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "hot"})
        machine.wait_until(lambda: found(machine) == first, what="its end")
        # By the guest's own hand, one that was there from the start; and the name is free again.
        machine.shell("echo 0 > /sys/bus/pci/slots/2/power")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "cold"})
        machine.qmp.execute("device_add", {"driver": "virtio-rng-pci", "id": "cold", "bus": "p2"})
        machine.wait_until(lambda: len(found(machine)) == 1, what="another in its place")
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
