# SPDX-License-Identifier: BSD-2-Clause
"""From power-on to a login through firmware: both programs run the same SeaBIOS, and boot Debian from copies of the
disk that scripts/debian-disk.sh makes."""

import pathlib
import subprocess
import tempfile
import time

import equipped
import exits
from common import CLONE, machine

DISK = CLONE / "build/disk/disk.raw"
LIMIT = 600
# What the guest says on its serial port, by the name of the figure.
MOMENTS = {"grub": "GRUB: Debian", "kernel": "GRUB: the kernel starts", "login": "login: root"}


def measure(program):
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        copy = pathlib.Path(folder, "disk")
        subprocess.run(["cp", "--sparse=always", DISK, copy], check=True)
        options = [*equipped.options(program), "-m", "512M,slots=4,maxmem=4G",
                   *equipped.disk(program, "disk", equipped.image(copy))]
        with exits.Counter() as counter, machine.Machine(options, kernel=None, run=False, program=program.path) as guest:
            before, start = counter.count(guest.process.pid), time.monotonic()
            guest.qmp.execute("cont")
            for name, text in MOMENTS.items():
                guest.console.wait_for(text, LIMIT)
                yield name, time.monotonic() - start
                if name == "grub":
                    yield "exits", counter.count(guest.process.pid) - before
            guest.console.wait_for("# $", LIMIT)
            guest.console.send("poweroff -f")
            guest.wait_exit(LIMIT)
