#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
"""What happens while the guest does not run, or at the same time."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402

MEMORY = ["-m", "256M,slots=4,maxmem=4G"]


def insert_and_removal_pending_together(**boot):
    with Machine(MEMORY + ["-smp", "2"], **boot) as machine:
        machine.wait_ready()
        before = machine.meminfo()

        # Plugged while stopped: the guest takes note when it goes on.
        machine.qmp.execute("stop")
        machine.plug("d0", "128M")
        assert "insert" in machine.hmp("info memory-hotplug")
        machine.qmp.execute("cont")
        machine.wait_total(before + 128 * 1024)

        # An insertion and a removal are both pending when the scan runs; each
        # slot's two events are looked at for itself, so neither waits.
        machine.qmp.execute("stop")
        machine.plug("d1", "256M")
        machine.qmp.execute("device_del", {"id": "d0"})
        machine.qmp.execute("cont")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"})
        machine.wait_total(before + 256 * 1024)

        # The same slot: unplug is asked for before the guest has seen the plug.
        machine.qmp.execute("stop")
        machine.plug("d2", "128M")
        machine.qmp.execute("device_del", {"id": "d2"})
        machine.qmp.execute("cont")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d2"})
        machine.wait_total(before + 256 * 1024)
        assert machine.quit() == 0


def test_insert_and_removal_pending_together_cloud():
    insert_and_removal_pending_together()


def test_insert_and_removal_pending_together_generic():
    insert_and_removal_pending_together(kernel="generic")


if __name__ == "__main__":
    tap.main()
