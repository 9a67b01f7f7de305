# SPDX-License-Identifier: BSD-2-Clause
"""The library that is loaded into a program (kvm_time.c), and what it notes."""

import collections
import os
import struct
import subprocess

from common import CLONE, RESULTS

SOURCE = CLONE / "bench/kvm_time.c"
LIBRARY = RESULTS / "kvm_time.so"
NUMBERS = struct.Struct("=6Q")

# Nanoseconds; those that are moments are of CLOCK_MONOTONIC.
Noted = collections.namedtuple("Noted", "inside calls created entered first_exit last_exit")


def build():
    RESULTS.mkdir(parents=True, exist_ok=True)
    if LIBRARY.exists() and LIBRARY.stat().st_mtime > SOURCE.stat().st_mtime:
        return
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-o",
                    str(LIBRARY), str(SOURCE)], check=True)


class Notes:
    """The file of one program."""

    def __init__(self, path):
        build()
        self._path = path
        path.write_bytes(bytes(NUMBERS.size))
        self.environment = dict(os.environ, LD_PRELOAD=str(LIBRARY), KVM_TIME=str(path))

    def read(self):
        return Noted._make(NUMBERS.unpack(self._path.read_bytes()))
