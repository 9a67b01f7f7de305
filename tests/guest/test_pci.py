#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: x86-64
# sanitizers: tsan
"""Devices come into root ports and go again while the guest runs, by Linux's own driver of such slots: operations, with
their results."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402

PORTS = ["-device", "pcie-root-port,id=p1,chassis=1,slot=1", "-device", "pcie-root-port,id=p2,chassis=2,slot=2",
         "-device", "virtio-rng-pci,id=cold,bus=p2"]
# The emulated host of a busy machine is slow.
PATIENT = ["-machine", "plug-timeout=600,unplug-timeout=600"]


def found(machine):
    """Addresses of virtio's random number generators."""
    return machine.shell("cd /sys/bus/pci/devices; for i in *; do "
                         "grep -q 0x1044 $i/device && echo $i; done; true").split()


def plug(machine, number, name, bus):
    """When the operation ends, the guest has found the device. Returns where."""
    before = set(found(machine))
    machine.qmp.execute("device_add", {"driver": "virtio-rng-pci", "id": name, "bus": bus})
    ends(machine, number, "plug", name)
    place, = set(found(machine)) - before
    return place


def ends(machine, number, kind, name):
    """The operation is reported at its beginning, and once with its result, which is returned."""
    for event, result in ("STARTED", "in-progress"), ("DONE", "done"):
        data = machine.qmp.wait_event(f"DEVICE_OPERATION_{event}", {"id": number})["data"]
        assert (data["operation"], data["device"], data["result"]) == (kind, name, result), data
    return data


def test_devices_come_and_go():
    with Machine(["-m", "256M", *PORTS, *PATIENT], reboot=True) as machine:
        machine.wait_ready()
        cold, = found(machine)
        place = plug(machine, 1, "hot", "p1")
        # It has addresses in the port's windows, and answers there.
        assert int(machine.shell(f"head -5 /sys/bus/pci/devices/{place}/resource | tail -1").split()[0], 16) > 0
        # A reset carries a removal out that the guest has not answered; what has been plugged is there afterwards.
        machine.qmp.execute("stop")
        machine.qmp.execute("device_del", {"id": "cold"})
        machine.qmp.execute("system_reset")
        machine.qmp.execute("cont")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "cold"})
        assert ends(machine, 2, "unplug", "cold")["reason"].startswith("completed when the guest was reset")
        machine.wait_ready()
        assert found(machine) == [place]
        machine.qmp.execute("device_del", {"id": "hot"})            # some 5 seconds of Linux's
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "hot"})
        assert "reason" not in ends(machine, 3, "unplug", "hot")
        assert found(machine) == []
        # By the guest's own hand, which is no operation; and the name is free again.
        assert plug(machine, 4, "cold", "p2") == cold
        machine.shell("echo 0 > /sys/bus/pci/slots/2/power")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "cold"})
        assert plug(machine, 5, "cold", "p2") == cold
        assert [one["result"] for one in machine.qmp.execute("query-device-operations")] == 5 * ["done"]
        assert not [event for event in machine.qmp.events if "OPERATION" in event["event"]], machine.qmp.events
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
