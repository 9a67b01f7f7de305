#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""DIMMs leave with requests of a disk in flight, in all orders that come of it, by a guest that does not care. Each
DIMM is a file that the host sees: when DEVICE_DELETED has come, the test fills the file with a canary, and no byte of
it ever changes."""

import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib import tap, virtio                                  # noqa: E402
from test_virtio_blk import BUFFERS, IN, OUT, Disk           # noqa: E402

MIB = 1 << 20
SIZE = 2 * MIB
SLOTS = 4
CANARY = b"\xc3" * SIZE
CYCLES = 70                     # of each engine: more than 200 in all
REQUESTS = 24                   # at a time


class Dimms:
    """Some are plugged; of those that have left the files stay, with canaries."""

    def __init__(self, host, chance):
        self.host, self.chance = host, chance
        self.plugged, self.left, self.count = {}, [], 0
        for _ in range(SLOTS - 1):
            self.plug()

    def plug(self):
        name, self.count = f"d{self.count}", self.count + 1
        path = self.host.files / name
        self.host.add("file", f"m-{name}", SIZE, mem_path=path, share=True)
        self.host.dimm(name, f"m-{name}")
        data = next(entry["data"] for entry in self.host.qmp.execute("query-memory-devices")
                    if entry["data"]["id"] == name)
        self.plugged[name] = (data["slot"], data["addr"], path)

    def place(self, length):
        """An address of as many bytes: in a DIMM, or now and then across the end of one."""
        _, address, _ = self.chance.choice(list(self.plugged.values()))
        return address + self.chance.randrange(SIZE // 4096) * 4096 if length == 4096 else \
            address + self.chance.randrange(SIZE - length)

    def begin_eject(self, name):
        slot, _, _ = self.plugged[name]
        self.host.qmp.execute("device_del", {"id": name})
        self.host.qtest.port_out(0xa00, 4, slot)
        self.host.qtest.port_out(0xa14, 1, 8)

    def has_left(self, name):
        self.host.qmp.wait_event("DEVICE_DELETED", {"device": name})
        path = self.plugged.pop(name)[2]
        with path.open("r+b") as file:
            file.write(CANARY)
        self.host.qmp.execute("object-del", {"id": f"m-{name}"})
        self.left.append(path)

    def check(self):
        for path in self.left:
            assert path.read_bytes() == CANARY, f"{path.name} was written to after it had left"
            path.unlink()
        self.left = []


def ended(disk, heads):
    """Waits until all of them have ended or the device needs a reset; True: they have ended."""
    seen = set()

    def more():
        while disk.queue.used_index != disk.queue._seen:     # pylint: disable=protected-access
            seen.add(disk.queue.used()[0])
        return seen >= heads or disk.device.status & virtio.NEEDS_RESET
    virtio.wait_until(more, "the requests' end")
    return seen >= heads


def one_cycle(disk, dimms, chance):
    """Requests out of all DIMMs, and one of these leaves; whether the device has survived it."""
    heads = set()
    shared = dimms.place(65536)                 # some are for the same bytes at the same time
    for number in range(REQUESTS):
        length = chance.choice([512, 4096, 65536])
        kind = chance.choice([IN, IN, OUT])
        options = {"room": length} if kind == IN else {"data": os.urandom(64) * (length // 64)}
        at = shared if chance.randrange(4) == 0 else dimms.place(length)
        heads.add(disk.post(kind, chance.randrange(1024), at=at, number=number, **options)[0])
    name = chance.choice(list(dimms.plugged))
    dimms.begin_eject(name)
    if chance.randrange(8) == 0:
        disk.host.qmp.execute("system_reset")
        dimms.has_left(name)
        disk.host.qmp.execute("cont")
        disk.device = virtio.Device(virtio.Pci(disk.qtest), disk.device.place)
        good = False
    else:
        dimms.has_left(name)
        good = ended(disk, heads)
    if not good:
        disk.start()
    dimms.plug()
    return good


def dimms_leave(node, driver="file"):
    seed = int(os.environ.get("HOTRAM_SEED") or random.randrange(1 << 32))
    tap.comment(f"HOTRAM_SEED={seed}")
    chance = random.Random(seed)
    with Disk(node, image=MIB, driver=driver) as disk:
        assert BUFFERS < 64 * MIB
        dimms = Dimms(disk.host, chance)
        survived = 0
        for cycle in range(CYCLES):
            survived += one_cycle(disk, dimms, chance)
            if cycle % 8 == 7:
                dimms.check()
        dimms.check()
        stats = disk.stats()
        tap.comment(f"{CYCLES} DIMMs left, {survived} times with all requests ended, else the device was reset; "
                    f"{stats['rd_operations']} reads, {stats['wr_operations']} writes")
        # What has begun finds its memory until it has ended.
        assert stats["failed_rd_operations"] == stats["failed_wr_operations"] == 0, stats
        assert survived > CYCLES // 4 and stats["rd_operations"] > CYCLES


def test_requests_that_are_late():
    dimms_leave(",latency-ns=20000000,read-zeroes=on", "null-co")


def test_requests_of_io_uring():
    dimms_leave(",aio=io_uring")


def test_requests_of_threads():
    dimms_leave(",aio=threads")


if __name__ == "__main__":
    tap.main()
