# SPDX-License-Identifier: BSD-2-Clause
"""Machines with disks and network cards, as like each other as the programs allow, and what one with one of each
takes: from its start to the greeting, and resident memory besides the guest's."""

import pathlib
import tempfile

import common
import memory
import start
from common import machine

Q35 = ["-accel", "kvm", "-machine", "q35", "-cpu", common.qemu_cpu(), "-object", "iothread,id=io"]
RAM_MIB = 128
CARDS = ("stream", "user")


def options(program):
    """The program's own."""
    return Q35 if program is common.QEMU else program.options


def disk(program, name, node):
    """A disk of a node, which is given as a blockdev without its name. hotram has an I/O thread by itself."""
    thread = ",iothread=io" if program is common.QEMU else ""
    return ["-blockdev", f"{node},node-name={name}-node",
            "-device", f"virtio-blk-pci,id={name},drive={name}-node{thread}"]


def null(size):
    return f"null-co,size={size},read-zeroes=off"


def image(path):
    return f"file,filename={path},aio=io_uring"


def card(program, name, netdev):
    rom = ",romfile=" if program is common.QEMU else ""
    return ["-netdev", f"{netdev},id={name}-net", "-device", f"virtio-net-pci,id={name},netdev={name}-net{rom}"]


def children(pid):
    """The process and all that it has started."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += children(int(child))
    return found


def one_of_each(program, folder, kind):
    path = folder / "disk.img"
    with path.open("wb") as file:
        file.truncate(1 << 20)
    netdev = {"user": "user", "stream": f"stream,server=on,addr.type=unix,addr.path={folder}/cable"}[kind]
    return [*disk(program, "disk", image(path)), *card(program, "card", netdev)]


def measure(program):
    for kind in CARDS:
        with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
            folder = pathlib.Path(folder)
            given = common.Program(program.name, program.path,
                                   [*options(program), *one_of_each(program, folder, kind)])
            greeting, answer = start.moments(given, folder, None, lambda: None)
            yield f"greeting_{kind}", greeting[0]
            yield f"answer_{kind}", answer[0]
            with machine.Machine([*given.options, "-m", f"{RAM_MIB}M,slots={common.SLOTS},maxmem=64G"],
                                 kernel=None, run=False, program=program.path) as paused:
                pid = paused.process.pid
                mine, _ = memory.resident(pid, RAM_MIB * 1024)
                others = sum(mapping["Rss"] for child in children(pid)[1:] for mapping in memory.mappings(child))
                yield f"resident_{kind}", (mine + others) / 1024
