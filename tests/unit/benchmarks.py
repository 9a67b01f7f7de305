#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The benchmarks print no figure that the program measured, the guest and the image disagree about, and judge goals
by the right side.

usage: benchmarks.py SOURCE-FOLDER
"""

import pathlib
import struct
import sys
import tempfile

import checks

SOURCE = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(SOURCE / "bench"))
import disk                                                  # noqa: E402
import table                                                 # noqa: E402
from goal import MISSED, Goal                                # noqa: E402
from window import Window                                    # noqa: E402

PLACES = 3
READ = ("file", "read", "random", disk.PAGE, 1)
WRITE = ("file", "write", "random", disk.PAGE, 1)
NONE = {f"{kind}_{what}": 0 for kind in ("rd", "wr", "flush") for what in ("operations", "bytes")}


class Guest:
    """One whose only disk counts what it is made to count."""

    def __init__(self, **counts):
        self.qmp = self
        self._stats = {**NONE, **counts}

    def execute(self, command):
        assert command == "query-blockstats"
        return [{"qdev": "/machine/peripheral/file/virtio-backend", "stats": self._stats}]


def said(requests=PLACES, places=PLACES, seconds=2.0, status=0):
    return f"{requests} requests {places} places 10 20 30 ns {int(seconds * 1e9)} in all\nstatus {status}\n"


def judged(case, text, image=None, **counts):
    """Whether a load that says this, of a disk that counts that, gives a figure."""
    with tempfile.TemporaryDirectory() as folder:
        of_case = disk.Image(pathlib.Path(folder) / "image")
        if image:
            image(of_case)
        load = disk.Load(Guest(**counts), case, of_case)
        load._before = dict(NONE)                            # pylint: disable=protected-access
        try:
            load._check(text, 2.1)                           # pylint: disable=protected-access
        except (RuntimeError, ValueError, IndexError):
            return False
        return load.p99 == 20


def reads(count):
    return {"rd_operations": count, "rd_bytes": count * disk.PAGE}


def check_reads():
    stamp = disk.Image.stamp
    assert judged(READ, said(), stamp, **reads(PLACES))
    assert not judged(READ, said(), stamp, **reads(PLACES - 1))
    assert not judged(READ, said(), stamp, **{**reads(PLACES), "rd_bytes": 512})
    assert not judged(READ, said(), stamp, **reads(PLACES), wr_operations=1)
    assert not judged(READ, said(), None, **reads(PLACES)), "an image without stamps"
    assert not judged(READ, said(status=1), stamp, **reads(PLACES))
    assert not judged(READ, "read at 4096: stamp 0\nstatus 1\n", stamp, **reads(PLACES))
    assert not judged(READ, said(seconds=0.01), stamp, **reads(PLACES))
    assert not judged(READ, said(seconds=9), stamp, **reads(PLACES))


def written(count, at=1):
    """An image in which that many pages were written, with stamps of where they are, or of elsewhere."""
    def write(image):
        with image.path.open("r+b") as file:
            for number in range(count):
                file.seek(number * disk.PAGE)
                file.write(struct.pack("<Q", number * disk.PAGE + at))
    return write


def check_writes():
    counts = {"wr_operations": PLACES, "wr_bytes": PLACES * disk.PAGE}
    assert judged(WRITE, said(), written(PLACES), **counts)
    assert not judged(WRITE, said(), written(PLACES - 1), **counts), "less than the guest has written"
    assert not judged(WRITE, said(), written(PLACES, at=2), **counts), "at other places"


def check_window():
    class Moment:
        def __init__(self, requests, vcpus, everything):
            self.stats = {"rd_operations": requests, "rd_bytes": 0}
            self.time, self.vcpus, self.all, self.exits = float(requests), vcpus, everything, 0

    def good(*last):
        try:
            return Window(Moment(0, 0, 0), Moment(*last), "rd").others == 1
        except RuntimeError:
            return False

    assert good(1, 2, 3)
    assert not good(0, 2, 3), "no request"
    assert not good(1, 4, 3), "more by vCPUs than by all"


def check_goals():
    least = Goal("", least_fraction=1)
    assert least.judge(10, 10, False) == "yes" and least.judge(9, 10, False) == MISSED
    assert least.judge(9, None, False) == least.judge(None, 9, False) == "not measured"
    most = Goal("", fraction=0.8)
    assert most.judge(8, 10, True) == "yes" and most.judge(9, 10, True) == MISSED
    time = Goal("", limit=5, time=True)
    assert time.judge(4, 9, False) == "yes" and time.judge(6, 9, False) == MISSED
    assert time.judge(6, 9, True) == "not judged: emulated"
    assert Goal("", least=0.9).judge(0.8, None, False) == MISSED


def check_sections():
    """A report takes the place of the one with its heading; others stay."""
    with tempfile.TemporaryDirectory() as folder:
        document = pathlib.Path(folder) / "document.md"
        document.write_text(f"before\n{table.BEGIN}\n\n### A\n\nold\n\n### B\n\nstays\n\n{table.END}\nafter\n")
        table.write(document, ["### A\n\nnew\n", "### C\n\nadded\n"])
        assert document.read_text() == (f"before\n{table.BEGIN}\n\n### A\n\nnew\n\n### B\n\nstays\n\n"
                                        f"### C\n\nadded\n\n{table.END}\nafter\n")


checks.run([("reads that do not add up give no figure", check_reads),
            ("writes that do not add up give no figure", check_writes),
            ("a window without requests, or with too little processor time, gives no figure", check_window),
            ("goals", check_goals),
            ("tables in a document", check_sections)])
