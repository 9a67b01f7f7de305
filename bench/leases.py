# SPDX-License-Identifier: BSD-2-Clause
"""How long a lease of guest memory and its return take: leases.c, which is built
with the program, from the same objects."""

import pathlib
import subprocess


ALL = [(3, 1, "read"), (3, 2, "read"), (256, 1, "read"), (256, 2, "read"),
       (256, 2, "write")]


def measure(program):
    """Nanoseconds, with few and many regions, by one and by two threads. QEMU has
    nothing like it."""
    if program.name != "hotram":
        return
    leases = pathlib.Path(program.path).parents[1] / "bench/leases"
    for regions, threads, direction in ALL:
        said = subprocess.run([leases, str(regions), str(threads), direction], check=True,
                              capture_output=True, text=True).stdout
        yield f"lease_{regions}_{threads}_{direction}", float(said)
