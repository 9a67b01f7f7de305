# SPDX-License-Identifier: BSD-2-Clause
"""Writing a guest to a file, and how long it takes until one that is restored from it runs.

hotram writes a snapshot; QEMU migrates to a descriptor of the file, which is what its users do for it. Its copy of a
guest reads the whole file."""

import contextlib
import subprocess
import time

import moves
from common import HOTRAM
from lib.qmp import QMP                                      # noqa: E402
from moves import MIB

CONTENTS = 256 * MIB
DIMM_MIB = 128
# RAM, and DIMMs besides.
SIZES = {"256m": ("256M", 0), "1g_dimms": ("1G", 4), "8g": ("8G", 0)}
# QEMU's guests share nothing: so many say as much of each, and fit.
CROWD = {"hotram": 100, "QEMU": 10}


def dimms(count):
    return [word for number in range(count)
            for word in moves.dimm(DIMM_MIB * MIB, None, number, moves.DIMM_AT + number * DIMM_MIB * MIB)]


def save(vmm, path):
    """Seconds."""
    if vmm.program == HOTRAM.path:
        began = time.monotonic()
        vmm.qmp.execute("machine-snapshot", {"file": str(path)}, timeout=moves.LIMIT)
        return time.monotonic() - began
    moves.let_migrate(vmm)
    with path.open("wb") as file:
        vmm.qmp.pass_descriptors(file.fileno())
        vmm.qmp.execute("getfd", {"fdname": "file"})
    return moves.migrated(vmm, "fd:file")[0]


def copied(source, target):
    """By dd, as a snapshot writes: 2 MiB at a time, through the page cache, not waiting for the disk. Seconds."""
    began = time.monotonic()
    subprocess.run(["dd", f"if={source}", f"of={target}", "bs=2M", "conv=sparse"], check=True, capture_output=True)
    return time.monotonic() - began


def measure_write(program):
    """Of a DIMM that has no zero pages."""
    with moves.place() as folder:
        contents = folder / "contents"
        moves.fill(contents, CONTENTS)
        with moves.guest(program, "64M", *moves.dimm(CONTENTS, contents)) as vmm:
            plain = min(copied(contents, folder / f"copy{number}") for number in range(2))
            for number in range(2):
                (folder / f"copy{number}").unlink()
            took = save(vmm, folder / "saved")
            yield "write_rate", CONTENTS / took / MIB
            yield "write_of_dd", plain / took


def continued(program, memory, count, path):
    """The program that continues from a file, at its beginning."""
    more = dimms(count)
    if program is HOTRAM:
        return moves.Continued(program, memory, [*more, "-incoming", f"file:{path}"])
    with path.open("rb") as file:
        return moves.Continued(program, memory, [*more, "-incoming", f"fd:{file.fileno()}"], (file.fileno(),))


def measure_restore(program):
    for name, (memory, count) in SIZES.items():
        with moves.place() as folder:
            path = folder / "saved"
            with moves.guest(program, memory, *dimms(count)) as vmm:
                moves.write_once(vmm)
                save(vmm, path)
            with continued(program, memory, count, path) as copy:
                noted = copy.wait_first_exit()
                yield f"restore_{name}", (noted.first_exit - copy.began) / 1e6
                yield f"restore_{name}_vm", (noted.first_exit - noted.created) / 1e6
                copy.check()


def resident(pid):
    """MiB: what is its own, and its part of what it shares."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if words[0] in ("Rss:", "Pss:"):
                found[words[0]] = int(words[1]) / 1024
    return found["Rss:"], found["Pss:"]


def measure_crowd(program):
    """Guests from one snapshot, one after the other; each is stopped when it runs, since this guest never rests."""
    with moves.place() as folder, contextlib.ExitStack() as all_of_them:
        path = folder / "saved"
        with moves.guest(program, "256M") as vmm:
            moves.write_once(vmm)
            save(vmm, path)
        copies = []
        for _ in range(CROWD[program.name]):
            copies.append(all_of_them.enter_context(continued(program, "256M", 0, path)))
            noted = copies[-1].wait_first_exit()
            yield "crowd_restore", (noted.first_exit - copies[-1].began) / 1e6
            stop(copies[-1])
        for copy in copies:
            rss, pss = resident(copy.process.pid)
            yield "crowd_rss", rss
            yield "crowd_pss", pss


def stop(copy):
    qmp = QMP(copy.folder / "qmp")
    qmp.execute("stop")
    qmp.close()
