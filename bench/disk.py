# SPDX-License-Identifier: BSD-2-Clause
"""Disks of a booted guest, on null-co and on a file in memory: requests each second, what they cost the host, and
DIMMs that come and go meanwhile.

The guest's program `load` makes the requests. A figure comes from the host: query-blockstats, the kernel's clocks
and its count of exits. It counts only when both ends agree: all requests of the guest, and no other, are in
query-blockstats; what was read had the stamps that this program wrote to the image; and in the image there are the
stamps of just those places that the guest has written."""

import contextlib
import os
import pathlib
import struct
import tempfile
import time

import equipped
import exits
import guest as booted_guest
from common import machine
from window import Moment, Window, calls, disk_stats

MIB = 1 << 20
PAGE = 4096
SIZE = 32 * MIB
USUAL_SECONDS = 2
# Less of it is for a try, and is named with the results.
SECONDS = float(os.environ.get("HOTRAM_BENCH_SECONDS", USUAL_SECONDS))
WARM_UP = SECONDS / 8
PLUGS = 5
DEVICES = {"null": "vda", "file": "vdb"}
# Node, direction, order, bytes, depth.
CASES = [*((node, direction, "random", PAGE, depth)
           for node in DEVICES for direction in ("read", "write") for depth in (1, 32)),
         *((node, direction, "sequential", MIB, 4) for node in DEVICES for direction in ("read", "write"))]
FULL = ("file", "read", "random", PAGE, 32)     # "a disk under full load"


def name_of(case):
    return "_".join(map(str, case))


class Image:
    def __init__(self, path):
        self.path = path
        with path.open("wb") as file:
            file.truncate(SIZE)

    def _fill(self, page):
        with self.path.open("r+b") as file:
            file.write(b"".join(page(at) for at in range(0, SIZE, PAGE)))

    def stamp(self):
        self._fill(lambda at: struct.pack("<Q", at + 1).ljust(PAGE, b"\0"))

    def wipe(self):
        self._fill(lambda at: bytes(PAGE))

    def stamped(self):
        """Pages that have their stamp; the others must have none."""
        data, count = self.path.read_bytes(), 0
        for at in range(0, SIZE, PAGE):
            stamp, = struct.unpack_from("<Q", data, at)
            if stamp not in (0, at + 1):
                raise RuntimeError(f"the image has the stamp {stamp:#x} at {at:#x}")
            count += stamp != 0
        return count


class Load:
    """The guest's program `load` on one disk, while the `with` block runs; then what it says of itself."""

    def __init__(self, guest, case, image):
        self._guest, self._case, self._image = guest, case, image
        self._node, direction = case[:2]
        self.kind = {"read": "rd", "write": "wr"}[direction]

    def _stats(self):
        return disk_stats(self._guest, self._node)

    def __enter__(self):
        node, direction, order, size, depth = self._case
        if node == "file":
            (self._image.stamp if direction == "read" else self._image.wipe)()
        self._before = self._stats()
        self._began = time.monotonic()
        content = "blank" if node == "null" else "stamped"
        self._guest.shell(f"(load /dev/{DEVICES[node]} {direction} {order} {size} {depth} {content}; "
                          "echo status $?) > /tmp/load 2>&1 & true")
        enough = self._before[f"{self.kind}_operations"] + depth
        self._guest.wait_until(lambda: self._stats()[f"{self.kind}_operations"] > enough, what="the first requests")
        time.sleep(WARM_UP)
        return self

    def __exit__(self, kind, *_):
        self._guest.shell("kill -TERM $(pidof load)", check=False)
        self._guest.wait_until(lambda: "status" in self._guest.shell("cat /tmp/load"), what="the end of load")
        if kind is None:
            self._check(self._guest.shell("cat /tmp/load"), time.monotonic() - self._began)

    def _check(self, said, seconds):
        words = said.split()
        if words[-2:] != ["status", "0"] or words[1:2] != ["requests"]:
            raise RuntimeError(f"load: {said}")
        self.requests, places, _, self.p99, _, took = (int(words[i]) for i in (0, 2, 4, 5, 6, 8))
        after, size = self._stats(), self._case[3]
        grown = {key: after[key] - value for key, value in self._before.items()
                 if key.endswith(("_operations", "_bytes"))}
        if grown.pop(f"{self.kind}_bytes") != self.requests * size:
            raise RuntimeError(f"{self.requests} requests of {size} bytes, query-blockstats: {after}")
        operations = grown.pop(f"{self.kind}_operations")      # a guest may split large ones
        if operations != self.requests if size == PAGE else operations < self.requests:
            raise RuntimeError(f"{self.requests} requests, query-blockstats: {after}")
        if any(grown.values()):
            raise RuntimeError(f"others than the load's: {grown}")
        if self._node == "file" and self._image.stamped() != (SIZE if self.kind == "rd" else places * size) // PAGE:
            raise RuntimeError(f"{self._image.stamped()} pages of the image are stamped, of {places} places")
        if not seconds / 2 - 1 < took / 1e9 < seconds + 0.1:
            raise RuntimeError(f"{took / 1e9:.2f} s by the guest's clock, {seconds:.2f} s by the host's")


@contextlib.contextmanager
def booted(program):
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        image = Image(pathlib.Path(folder) / "disk.img")
        options = [*equipped.options(program), "-m", "256M,slots=4,maxmem=4G",
                   *equipped.disk(program, "null", equipped.null(SIZE)),
                   *equipped.disk(program, "file", equipped.image(image.path))]
        with exits.Counter() as counter, machine.Machine(options, program=program.path) as guest:
            guest.wait_ready()
            guest.shell("devices")
            for device in DEVICES.values():
                guest.shell(f"echo none > /sys/block/{device}/queue/scheduler && "
                            f"echo 2 > /sys/block/{device}/queue/nomerges && "
                            f"echo 1024 > /sys/block/{device}/queue/max_sectors_kb")
            yield guest, image, counter


def figures(case, window, made):
    name, size = name_of(case), case[3]
    yield f"{name}_rate", (window.bytes / MIB if size == MIB else window.requests) / window.seconds
    per_what = window.bytes / size
    yield f"{name}_cpu", window.others / per_what * 1e6
    yield f"{name}_vcpu", window.vcpus / per_what * 1e6
    yield f"{name}_exits", window.exits / per_what
    yield f"{name}_calls", made[0] * size / made[1]["bytes"]


def measure(program):
    with booted(program) as (guest, image, counter):
        for case in CASES:
            with Load(guest, case, image) as load:
                first = Moment(guest, counter, case[0])
                time.sleep(SECONDS)
                last = Moment(guest, counter, case[0])
                made = calls(guest, case[0], load.kind, SECONDS / 4)
            yield from figures(case, Window(first, last, load.kind), made)


def come_and_go(guest):
    """A DIMM, plugged and unplugged; milliseconds to the guest's _OST. A page under I/O cannot be moved at that
    moment: the guest may refuse and is asked again."""
    took = booted_guest.plug(guest)
    while True:
        guest.qmp.execute("device_del", {"id": "d"})
        event = guest.qmp.wait_event_of("DEVICE_DELETED", "MEM_UNPLUG_ERROR")
        guest.qmp.clear_events()
        if event["event"] == "DEVICE_DELETED":
            break
    guest.qmp.execute("object-del", {"id": "d-mem"})
    return took


def measure_with_dimms(program):
    """The time of a plug, of a guest at rest and with a disk under full load; requests with and without DIMMs that
    come and go."""
    with booted(program) as (guest, image, _):
        come_and_go(guest)                       # the first one makes what the guest needs for it
        for _ in range(PLUGS):
            yield "ost_idle", come_and_go(guest)
        with Load(guest, FULL, image) as load:
            time.sleep(2 * SECONDS)
        yield "p99_alone", load.p99 / 1e6
        with Load(guest, FULL, image) as load:
            plugs = [come_and_go(guest) for _ in range(PLUGS)]
        yield from (("ost_load", took) for took in plugs)
        yield "p99_dimms", load.p99 / 1e6
