#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: x86-64
"""No byte is written to memory that has left: a guest writes and verifies a pattern on its disk, by direct I/O out of
memory in DIMMs, and sends over its network cards, while DIMMs come and go at random, and through a reset.

Where a DIMM was, no memory is mapped that anybody can write to (vmm/memory/reservation.h): a late write of the
program's own ends it with a fault, one of the host's kernel fails a request, and the guest hears of that."""

import os
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import cards, tap                                   # noqa: E402
from lib.machine import ARCH, ONLINE, Machine                # noqa: E402

MIB = 1 << 20
REGION = ARCH.region(256 * MIB)
NAMES = "abcd"
CYCLES = int(os.environ.get("HOTRAM_CYCLES", "20"))
WORKERS = 3
STREAM = (f"(: > /tmp/streams; while {cards.SEND}; "
          "do echo >> /tmp/streams; done; touch /tmp/broken) > /tmp/streams.log 2>&1 & true")


class Work:
    """What the guest does meanwhile."""

    def __init__(self, machine):
        self.machine = machine
        machine.shell("devices")
        cards.join(machine)
        machine.shell(STREAM)
        machine.shell(f"(dma /dev/vda {WORKERS} {REGION:#x}; echo status $?) > /tmp/dma.log 2>&1 & true")

    def end(self):
        """Rounds of the disk, pages of them in DIMMs, transfers of the network; or the test fails."""
        shell = self.machine.shell
        assert shell("test -e /tmp/broken", check=False)[0] != 0, shell("cat /tmp/streams.log")
        shell("kill -TERM $(pidof dma | tr ' ' '\\n' | sort -n | head -n 1)", check=False)
        self.machine.wait_until(lambda: "status" in shell("cat /tmp/dma.log"), what="the end of dma")
        log = shell("cat /tmp/dma.log")
        assert "status 0" in log, log
        words = log.split()
        return int(words[0]), int(words[2]), int(shell("wc -l < /tmp/streams"))


def plug(machine, name, plugged):
    machine.plug(name, "128M")
    machine.qmp.wait_event("ACPI_DEVICE_OST", {"info": {"device": name, "source": 1, "status": 0}})
    plugged.add(name)


def unplug(machine, name, plugged):
    """How often the guest has refused before it let go: a page under DMA cannot be moved at that moment."""
    refused = 0
    while True:
        machine.qmp.execute("device_del", {"id": name})
        event = machine.qmp.wait_event_of("DEVICE_DELETED", "MEM_UNPLUG_ERROR")
        machine.qmp.clear_events()
        assert event["data"]["device"] == name, event
        if event["event"] == "DEVICE_DELETED":
            break
        refused += 1
        assert refused < 50, event
    machine.qmp.execute("object-del", {"id": f"{name}-mem"})
    plugged.remove(name)
    return refused


def come_and_go(machine, count, plugged, chance):
    """`count` plugs and as many ejects, in random order; at least one DIMM is there most of the time."""
    plugs, ejects, refused = 0, 0, 0
    while plugs < count or ejects < count:
        name = chance.choice(NAMES)
        if name in plugged and ejects < count and (len(plugged) > 1 or plugs == count):
            refused += unplug(machine, name, plugged)
            ejects += 1
        elif name not in plugged and plugs < count:
            plug(machine, name, plugged)
            plugs += 1
    return refused


def no_wrong_byte(folder):
    seed = int(os.environ.get("HOTRAM_SEED") or random.randrange(1 << 32))
    tap.comment(f"HOTRAM_SEED={seed}")
    chance = random.Random(seed)
    image = folder / "disk.img"
    with image.open("wb") as file:
        file.truncate(WORKERS * 8 * MIB)
    with Machine(["-m", "256M,slots=4,maxmem=4G", "-smp", "2", "-drive", f"file={image},format=raw",
                  *cards.options(folder)],
                 append=f"{ONLINE} net.ifnames=0", reboot=True) as machine:
        machine.wait_ready()
        before, plugged, rounds, pages, streams, refused = machine.meminfo(), set(), 0, 0, 0, 0
        for part in range(2):
            work = Work(machine)
            if part == 0:
                refused += come_and_go(machine, 4, plugged, chance)     # what is made once is made
                threads, fds, maps = machine.threads(), machine.fds(), len(machine.maps())
            refused += come_and_go(machine, CYCLES // 2, plugged, chance)
            if part == 0:
                # Growth is seen before the reset, which makes everything anew.
                machine.wait_until(lambda: machine.threads() <= threads, what="end of helper threads")
                assert machine.fds() <= fds + 4 and len(machine.maps()) <= maps + 8
            sums = work.end()
            rounds, pages, streams = rounds + sums[0], pages + sums[1], streams + sums[2]
            if part == 0:
                # In the middle of it, with requests of a second guest's life to come.
                machine.shell(f"(dma /dev/vda {WORKERS} {REGION:#x}) > /dev/null 2>&1 & true")
                machine.qmp.execute("system_reset")
                machine.qmp.clear_events()
                machine.wait_ready()
        while plugged:
            refused += unplug(machine, min(plugged), plugged)
        # Not to the KiB: the kernel of the second life is in another place.
        machine.wait_until(lambda: abs(machine.meminfo() - before) < 1024, what="the memory of the start alone")
        tap.comment(f"{2 * (CYCLES // 2) + 4} DIMMs came and went, {refused} refusals; {rounds} rounds of "
                    f"8 MiB on the disk, {pages} pages of them in DIMMs; {streams} MiB over the network")
        assert pages > rounds * 100 and streams > 0
        stats, = (entry["stats"] for entry in machine.qmp.execute("query-blockstats"))
        assert stats["failed_rd_operations"] == stats["failed_wr_operations"] == 0
        assert machine.quit() == 0


def test_no_wrong_byte_while_dimms_come_and_go():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        no_wrong_byte(pathlib.Path(folder))


if __name__ == "__main__":
    tap.main()
