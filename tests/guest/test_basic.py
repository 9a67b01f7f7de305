#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# sanitizers: asan tsan
"""A guest gains memory while it runs, and gives it back."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402

MEMORY = ["-m", "256M,slots=4,maxmem=4G"]
DIMM_KIB = 512 * 1024


def plug_and_unplug(**boot):
    with Machine(MEMORY, **boot) as machine:
        uptime = machine.wait_ready()
        tap.comment(f"guest's user space after {uptime} s")
        before = machine.meminfo()

        machine.plug("d0", "512M")
        # The memory map of the new pages comes out of the old ones or of the
        # new: either way MemTotal grows by all of the DIMM.
        machine.wait_until(lambda: machine.meminfo() >= before + DIMM_KIB,
                           what="MemTotal's growth")
        assert len(machine.qmp.execute("query-memory-devices")) == 1

        machine.unplug("d0")
        assert machine.meminfo() == before
        assert machine.qmp.execute("query-memory-devices") == []
        assert machine.quit() == 0


def test_plug_and_unplug():
    plug_and_unplug()


def test_unpacked_kernel():
    plug_and_unplug(unpacked=True)


def test_generic_kernel():
    plug_and_unplug(kernel="generic")


def test_power_button():
    with Machine(MEMORY) as machine:
        machine.wait_ready()
        machine.qmp.execute("system_powerdown")
        machine.qmp.wait_event("POWERDOWN")
        machine.qmp.wait_event("SHUTDOWN", {"guest": True,
                                            "reason": "guest-shutdown"})
        assert machine.wait_exit() == 0


if __name__ == "__main__":
    tap.main()
