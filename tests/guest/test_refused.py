#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# architectures: x86-64
"""A guest that cannot give a DIMM back keeps it, and works on."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402

# From the ACPI specification, _OST: an ejection was asked for, and a driver or
# program in the guest holds the device.
EJECT_REQUEST, IN_USE = 3, 0x82


def test_refused_unplug():
    # Memory in a normal zone, the kernel's own allocations come from there.
    with Machine(["-m", "256M,slots=4,maxmem=4G"],
                 append="memhp_default_state=online_kernel") as machine:
        machine.wait_ready()
        before = machine.meminfo()
        machine.plug("d0", "256M")
        machine.wait_until(lambda: machine.meminfo() > before)
        grown = machine.meminfo()
        machine.hold("pin", 200)
        machine.qmp.clear_events()

        machine.qmp.execute("device_del", {"id": "d0"})
        machine.qmp.wait_event("ACPI_DEVICE_OST", {
            "info": {"device": "d0", "slot": "0", "slot-type": "DIMM",
                     "source": EJECT_REQUEST, "status": IN_USE}})
        machine.wait_until(lambda: machine.meminfo() == grown,
                           what="the memory back in use")
        device, = machine.qmp.execute("query-memory-devices")
        assert device["data"]["id"] == "d0"
        assert "DEVICE_DELETED" not in [e["event"] for e in machine.qmp.events]


if __name__ == "__main__":
    tap.main()
