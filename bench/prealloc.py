# SPDX-License-Identifier: BSD-2-Clause
"""How fast memory is allocated before its use, beside a plain parallel memset of
the same mapping by as many threads."""

import os
import pathlib
import re
import subprocess
import time

from common import CLONE, RESULTS, machine

TYPES = {"ram": "memory-backend-ram", "memfd": "memory-backend-memfd"}
LARGEST = 1 << 30
ROUNDS = 3


def size():
    """A quarter of what is free: what is measured has to fit, twice."""
    text = pathlib.Path("/proc/meminfo").read_text()
    free = int(re.search(r"MemAvailable: *(\d+)", text)[1]) << 10
    return min(LARGEST, free // 4) >> 21 << 21


def yardstick():
    """The program that fills memory by memset; built when it is missing or old."""
    source, program = CLONE / "bench/memset.c", RESULTS / "memset"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        RESULTS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-O2", "-pthread", "-o", program, source], check=True)
    return program


def by_memset(kind, amount, threads):
    """Seconds."""
    said = subprocess.run([yardstick(), kind, str(amount), str(threads)], check=True,
                          capture_output=True, text=True).stdout
    return float(said)


def by_program(vmm, kind, amount, threads):
    arguments = {"qom-type": TYPES[kind], "id": "m", "size": amount, "prealloc": True,
                 "prealloc-threads": threads}
    begin = time.monotonic()
    vmm.qmp.execute("object-add", arguments, timeout=600)
    took = time.monotonic() - begin
    vmm.qmp.execute("object-del", {"id": "m"})
    return took


def measure(program):
    """GiB each second, and the program's part of memset's."""
    threads, amount = os.cpu_count(), size()
    options = [*program.options, "-m", "128M", "-smp", str(threads)]
    with machine.Machine(options, kernel=None, run=False, program=program.path) as vmm:
        for kind in TYPES:
            # The host of a virtual machine may have to find the memory first: once
            # without counting. Then in turn, and the fastest of each.
            by_memset(kind, amount, threads)
            rounds = [(by_memset(kind, amount, threads),
                       by_program(vmm, kind, amount, threads)) for _ in range(ROUNDS)]
            plain, took = (min(times) for times in zip(*rounds))
            yield f"{kind}_rate", amount / took / (1 << 30)
            yield f"{kind}_of_memset", plain / took
