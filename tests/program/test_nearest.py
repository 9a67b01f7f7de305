#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Every size that an error of memory set names can be reached, and none is nearer: on
random machines with random DIMMs, memslots, nodes and granularities. HOTRAM_SEED replays
a run."""

import os
import pathlib
import random
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import MIB                                     # noqa: E402
from lib.player import Guest                                 # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

SEED = int(os.environ.get("HOTRAM_SEED", "20261128"))
MACHINES = 400
STATES = 3          # of each machine
SIZES = 6           # asked for in each state
UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
SIZE = r"(\d+(?:\.\d+)?) (bytes|KiB|MiB|GiB|TiB)"


class Machine:
    """A machine of few, large units, so that a test can look at every size there is."""

    def __init__(self, choose):
        self.choose = choose
        self.unit = choose.choice([2, 128, 1024]) * MIB
        self.slots = choose.randint(1, 6)
        self.nodes = choose.choice([1, 1, 1, 2, 3])
        self.ram = choose.choice([128, 1000, 1024]) * MIB * self.nodes
        self.most = self.ram + choose.randint(1, 24) * self.unit + choose.choice([0, 0, MIB])
        options = []
        for node in range(self.nodes if self.nodes > 1 else 0):
            options += ["-numa", f"node,nodeid={node},mem={self.ram // self.nodes // MIB}M"]
        self.memslots = choose.randint(0, self.slots // 2) if self.nodes == 1 else 0
        for number in range(self.memslots):
            size = choose.randint(1, 3) * self.unit
            self.most += size
            options += ["-memslot", f"id=s{number},size={size}"]
        self.options = options
        self.dimms = 0

    def words(self):
        return {"memory": f"{self.ram // MIB}M,slots={self.slots},maxmem={self.most // MIB}M",
                "granularity": f"{self.unit // MIB}M"}

    def change(self, guest):
        """A DIMM more, of any size, or one that is asked back; a memslot's."""
        what = self.choose.randrange(5)
        try:
            if what < 3:
                properties = {"id": f"d{self.dimms}", "size": self.choose.randint(1, 8) * self.unit}
                if self.nodes > 1:
                    properties["node"] = self.choose.randrange(self.nodes)
                if what == 0:
                    properties["addr"] = (4 << 30) + self.choose.randint(0, 40) * max(self.unit, 1 << 30)
                guest.plug(**properties)
                self.dimms += 1
            elif what == 3 and self.dimms:
                guest.qmp.execute("device_del", {"id": f"d{self.choose.randrange(self.dimms)}"})
            elif self.memslots:
                guest.qmp.execute("memslot", {"id": f"s{self.choose.randrange(self.memslots)}", "action": "add"})
        except QMPError:
            pass


def try_size(guest, size, **more):
    """(The size that is reached, what was said)."""
    try:
        result = guest.qmp.execute("memory-set", {"size": size, "dry-run": True, **more})
    except QMPError as error:
        return None, error.desc
    return result["result-size"], result.get("reason", "")


def named(text):
    """The sizes that a text names, and whether it says that they are the nearest."""
    part = re.search(r"; (the nearest that can be reached|sizes nearby that can be reached|a size nearby that can be reached) (?:is|are) "
                     rf"{SIZE}(?: and {SIZE})?", text)
    if not part:
        assert "no other size can be reached" in text, text
        return [], True
    numbers = [(part[2], part[3]), (part[4], part[5])]
    return ([round(float(number) * UNITS[unit]) for number, unit in numbers if number],
            part[1].startswith("the nearest"))


def check(guest, machine, size, **more):
    """Returns how many sizes were named."""
    reached, text = try_size(guest, size, **more)
    if reached == size:
        assert not text, text
        return 0
    sizes, proven = named(text)
    for other in sizes:
        assert try_size(guest, other, **more)[0] == other, (size, more, text, other, try_size(guest, other, **more))
    assert len(sizes) < 2 or sizes[0] < size < sizes[1], (size, text)
    if proven:
        low = max((other for other in sizes if other < size), default=0)
        high = min((other for other in sizes if other > size), default=machine.most + machine.unit)
        # Sizes beyond the RAM at start or maxmem are no sizes, and all that DIMMs have here are multiples.
        first = machine.ram // (machine.nodes if "node" in more else 1)
        for between in range(first, min(high, machine.most + 1), machine.unit):
            if low < between != size:
                assert try_size(guest, between, **more)[0] != between, (size, more, text, between)
    return len(sizes)


def test_each_size_that_an_error_names():
    print(f"# HOTRAM_SEED={SEED}")
    count = {"sizes": 0, "named": 0}
    for number in range(MACHINES):
        choose = random.Random(SEED * 1000 + number)
        machine = Machine(choose)
        with Guest(*machine.options, **machine.words()) as guest:
            for _ in range(STATES):
                machine.change(guest)
                for _ in range(SIZES):
                    size = choose.choice([choose.randrange(machine.most + 2 * machine.unit),
                                          machine.ram + choose.randint(0, 30) * machine.unit])
                    more = {"at-most": True} if choose.randrange(4) == 0 else {}
                    if machine.nodes > 1 and choose.randrange(2):
                        more["node"] = choose.randrange(machine.nodes)
                    count["sizes"] += 1
                    try:
                        count["named"] += check(guest, machine, size, **more)
                    except AssertionError as error:
                        error.add_note(f"machine {number}: {machine.options} {machine.words()}, "
                                       f"{guest.hmp('info memory-hotplug')}")
                        raise
    print(f"# {count['sizes']} sizes asked for, {count['named']} named by errors: each can be reached, none is nearer")
    assert count["named"] > count["sizes"] / 4, count


if __name__ == "__main__":
    tap.main()
