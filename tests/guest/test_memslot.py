#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# architectures: x86-64
"""Memslots with a real guest: filled, used, emptied, through a reboot."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import ARCH, Machine                        # noqa: E402


def states(machine):
    return {entry["id"]: entry["state"]
            for entry in machine.qmp.execute("query-memslot")}


def test_add_and_delete():
    with Machine(["-m", "256M", "-memslot",
                  f"id=hot1,start={ARCH.region(256 << 20)},size=536870912,node=0",
                  "-memslot", "id=hot2,size=128M"], reboot=True) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        assert machine.hmp("memslot hot1 add") == ""
        assert machine.hmp("memslot hot2 add") == ""
        machine.wait_total(before + 640 * 1024)
        assert machine.hmp("memslot hot1 delete") == ""
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "hot1"})
        assert states(machine) == {"hot1": "unpopulated", "hot2": "populated"}
        machine.wait_total(before + 128 * 1024)
        machine.console.send("x reboot -f")
        machine.qmp.wait_event("RESET", {"guest": True, "reason": "guest-reset"})
        machine.wait_ready()
        assert states(machine) == {"hot1": "unpopulated", "hot2": "populated"}
        machine.wait_until(lambda: machine.meminfo() > before + 120 * 1024,
                           what="hot2's memory after the reboot")
        assert machine.hmp("memslot hot1 add") == ""
        machine.wait_until(lambda: machine.meminfo() > before + 630 * 1024,
                           what="hot1's memory")
        for name in ("hot2", "hot1"):
            assert machine.hmp(f"memslot {name} delete") == ""
            machine.qmp.wait_event("DEVICE_DELETED", {"device": name})
        assert machine.meminfo() < before + 1024
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
