# SPDX-License-Identifier: BSD-2-Clause
"""Disks of vhost-user, both programs with the same qemu-storage-daemon: what a DIMM costs with one and with four of them,
and requests of a booted guest, whose program `load` makes them on a raw image in memory. The daemon knows of no
query-blockstats: requests are counted by the guest, in its clock, which is held against the host's; what was read had its
stamps, and in the image are the stamps of what was written."""

import contextlib
import pathlib
import tempfile
import time

import common
import disk
import equipped
from common import machine
from lib import storage_daemon
from plug import timed

MIB = disk.MIB
RAM_MIB = 256
MANY = 4
DIMMS = 24              # and RAM: the daemon maps 32 ranges
# Direction, order, bytes, depth.
CASES = [("read", "random", disk.PAGE, 32), ("write", "random", disk.PAGE, 32),
         ("read", "sequential", MIB, 4), ("write", "sequential", MIB, 4)]


def name_of(case):
    return "_".join(map(str, case))


@contextlib.contextmanager
def disks(program, count, folder):
    """Options of a machine with so many, and their images."""
    images = []
    with contextlib.ExitStack() as made:
        options = equipped.options(program) + ["-m", f"{RAM_MIB}M,slots={DIMMS + 4},maxmem=16G"]
        if program is common.QEMU:          # which has to be told
            options += ["-object", f"memory-backend-memfd,id=ram,size={RAM_MIB}M,share=on", "-machine", "memory-backend=ram"]
        for number in range(count):
            images.append(disk.Image(folder / f"disk{number}.img"))
            path = folder / f"socket{number}"
            made.enter_context(storage_daemon.StorageDaemon(images[-1].path, path, kind="raw"))
            options += ["-chardev", f"socket,id=c{number},path={path}", "-device", f"vhost-user-blk-pci,id=v{number},chardev=c{number}"]
        yield options, images


def measure_plugs(program):
    for count in 1, MANY:
        with tempfile.TemporaryDirectory(prefix="hotram-") as folder, disks(program, count, pathlib.Path(folder)) as (options, _), \
                machine.Machine(options, kernel=None, run=False, program=program.path) as paused:
            for number in range(DIMMS):
                timed(paused.qmp, "object-add", id=f"m{number}", **{"qom-type": "memory-backend-memfd", "size": 128 * MIB})
                yield f"plug_{count}", timed(paused.qmp, "device_add", driver="pc-dimm", id=f"d{number}", memdev=f"m{number}")


def load(guest, case, image):
    """Requests or MiB each second."""
    direction, _, size, _ = case
    (image.stamp if direction == "read" else image.wipe)()
    guest.shell("echo 3 > /proc/sys/vm/drop_caches")
    began = time.monotonic()
    guest.shell(f"(load /dev/vda {' '.join(map(str, case))} stamped; echo status $?) > /tmp/load 2>&1 & true")
    time.sleep(disk.WARM_UP + disk.SECONDS)
    guest.shell("kill -TERM $(pidof load)")
    guest.wait_until(lambda: "status" in guest.shell("cat /tmp/load"), what="the end of load")
    seconds, words = time.monotonic() - began, guest.shell("cat /tmp/load").split()
    if words[-2:] != ["status", "0"] or words[1:2] != ["requests"]:
        raise RuntimeError(f"load: {' '.join(words)}")
    requests, places, took = (int(words[at]) for at in (0, 2, 8))
    if not seconds / 2 - 1 < took / 1e9 < seconds + 0.1:
        raise RuntimeError(f"{took / 1e9:.2f} s by the guest's clock, {seconds:.2f} s by the host's")
    if image.stamped() != (disk.SIZE if direction == "read" else places * size) // disk.PAGE:
        raise RuntimeError(f"{image.stamped()} pages of the image are stamped, of {places} places")
    return requests * (size / MIB if size == MIB else 1) / (took / 1e9)


def measure(program):
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder, disks(program, 1, pathlib.Path(folder)) as (options, images), \
            machine.Machine(options, program=program.path) as guest:
        guest.wait_ready()
        guest.shell("devices")
        guest.shell("echo none > /sys/block/vda/queue/scheduler && echo 2 > /sys/block/vda/queue/nomerges && "
                    "echo 1024 > /sys/block/vda/queue/max_sectors_kb", check=False)
        for case in CASES:
            yield f"{name_of(case)}_rate", load(guest, case, images[0])
