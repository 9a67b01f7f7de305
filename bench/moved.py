# SPDX-License-Identifier: BSD-2-Clause
"""A guest that moves over a UNIX socket: how fast its memory goes, beside a plain write and read of the same memory, and
how long the guest stands still.

The guest stands still from the last exit of a vCPU at the source to the first entry at the target, by the host's clock
(kvm_time.c); what the program says of it is measured, too."""

import contextlib
import mmap
import os
import socket
import subprocess
import time

import kvm_time
import moves
from common import CLONE, RESULTS
from moves import MIB

CONTENTS = 512 * MIB
ROUNDS = 3
PIECE = MIB


def by_plain(path):
    """Seconds for a write and a read of it through a socket into new memory, by two processes."""
    ours, theirs = socket.socketpair()
    with ours, theirs, path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            receive(theirs, ours, len(memory))
        theirs.close()
        with memoryview(memory) as view:
            for at in range(0, len(view), PIECE):
                ours.sendall(view[at:at + PIECE])
        good = ours.recv(1) == b"."
        took = time.monotonic() - began
        if os.waitpid(child, 0)[1] != 0 or not good:
            raise RuntimeError("the reader failed")
    return took


def receive(connection, other, size):
    """Does not return."""
    status = 1
    with contextlib.suppress(Exception):
        other.close()
        room, at = memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)), 0
        while at < size:
            got = connection.recv_into(room[at:at + PIECE])
            if got == 0:
                break
            at += got
        connection.sendall(b".")
        status = at != size
    os._exit(status)


def by_zero_test(path):
    source, program = CLONE / "bench/zeros.c", RESULTS / "zeros"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        RESULTS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-O2", "-o", program, source], check=True)
    return float(subprocess.run([program, path], check=True, capture_output=True, text=True).stdout)


@contextlib.contextmanager
def pair(program, folder, memory, at_source=(), at_target=(), run=True):
    """The source, with the guest at its beginning; the target, which waits; notes of both."""
    notes = [kvm_time.Notes(folder / f"notes{number}") for number in range(2)]
    with moves.guest(program, memory, *at_source, run=run, environment=notes[0].environment) as source, \
            moves.guest(program, memory, *at_target, "-incoming", f"unix:{folder}/move", run=False,
                        environment=notes[1].environment) as target:
        moves.let_migrate(source)
        yield source, target, notes


def sent(program, path):
    """Seconds for a stopped guest with a DIMM of these contents."""
    folder = path.parent
    size = path.stat().st_size
    with pair(program, folder, "64M", moves.dimm(size, path), moves.dimm(size), run=False) as (source, _, _):
        return moves.migrated(source, f"unix:{folder}/move")[0]


def measure_speed(program):
    """In turn, and the fastest of each: memory that has to be found first is slow once."""
    for name, random, plain in (("full", True, by_plain), ("zero", False, by_zero_test)):
        with moves.place() as folder:
            path = folder / "contents"
            moves.fill(path, CONTENTS, random)
            rounds = [(plain(path), sent(program, path)) for _ in range(ROUNDS)]
            fastest, took = (min(times) for times in zip(*rounds))
            yield f"{name}_rate", CONTENTS / took / MIB
            yield f"{name}_of_plain", fastest / took


def measure_downtime(program):
    """Of 1 GiB, by a guest at rest, and by one that writes to 32 MiB of it all the time."""
    for name in ("idle", "writing"):
        with moves.place() as folder, pair(program, folder, "1G") as (source, target, notes):
            if name == "writing":
                source.console.send_keys("v")
                time.sleep(0.2)
            target.qmp.execute("cont")
            _, result = moves.migrated(source, f"unix:{folder}/move")
            target.wait_until(lambda: notes[1].read().entered, moves.LIMIT, "the guest runs")
            yield f"{name}_gap", (notes[1].read().entered - notes[0].read().last_exit) / 1e6
            yield f"{name}_said", result["downtime"]
            yield f"{name}_passes", result["ram"]["dirty-sync-count"]
            if name == "writing":
                verify(target)
            else:
                target.console.send_keys("e")
                moves.hear(target, "e")


def verify(target):
    """All that the guest read was what it had written."""
    target.console.send_keys("e")
    _, match = target.console.wait_for(r"([0-9a-f]{8}) [0-9a-f]{8}\.", moves.LIMIT)
    if int(match.group(1), 16):
        raise RuntimeError(f"{match.group(1)} words were wrong")
