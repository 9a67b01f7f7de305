#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""A vCPU that comes and goes a thousand times, and sometimes runs, leaves nothing behind: with a micro-guest
(tests/micro/micro.S), on any /dev/kvm."""

import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402
from lib.micro import MICRO, hear, tell                      # noqa: E402

# An emulated host does fewer in the time that there is.
CYCLES = 100 if "HOTRAM_EMULATED_HOST" in os.environ else 1000
# Until then caches and lists of limited length are full: that of operations ends at some number.
WARM = 50
GROWTH_KIB = 32                         # a leak of 32 bytes in each cycle is as much


def own_kib(machine):
    """The program's memory that is in no file, besides the guest's."""
    text = pathlib.Path(f"/proc/{machine.process.pid}/smaps").read_text()
    parts = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.M)[1:]
    sizes = [(int(re.search(r"^Size: +(\d+)", part, re.M)[1]), int(re.search(r"^Anonymous: +(\d+)", part, re.M)[1]))
             for part in parts]
    return sum(anonymous for size, anonymous in sizes if size < 32 * 1024)


def cycle(machine, number):
    machine.qmp.execute("cpus-set", {"cpus": 2})
    tell(machine, "p")
    if number % 25 == 0:                # slow where KVM emulates instructions
        tell(machine, "a")
        tell(machine, "k", "1")
    machine.qmp.execute("cpus-set", {"cpus": 1})
    tell(machine, "p")
    machine.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
    machine.qmp.clear_events()


def test_a_thousand_times():
    with Machine(["-m", "64M", "-kernel", MICRO, "-smp", "1,maxcpus=4"], kernel=None) as machine:
        hear(machine, "micro")
        for number in range(WARM):
            cycle(machine, number)
        threads, fds, memory = machine.threads(), machine.fds(), own_kib(machine)
        for number in range(CYCLES):
            cycle(machine, number)
        grown = own_kib(machine) - memory
        assert (machine.threads(), machine.fds()) == (threads, fds)
        last = machine.qmp.execute("query-cpu-operations")[-1]
        assert (last["id"], last["result"]) == (2 * (WARM + CYCLES), "done"), last
        print(f"# {memory} KiB, and {grown} KiB more")
        assert grown < GROWTH_KIB, grown
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
