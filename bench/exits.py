# SPDX-License-Identifier: BSD-2-Clause
"""Counts how often a guest leaves for the program: KVM's trace event
kvm_userspace_exit, counted by a histogram in an instance of tracefs of our own.
The same count for any VMM, and the program need not help. System calls can be
counted the same way."""

import os
import pathlib
import re

PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
EXITS = "events/kvm/kvm_userspace_exit"
CALLS = "events/raw_syscalls/sys_enter"
HISTOGRAM = "hist:keys=common_pid:size=2048"


def tracing():
    for place in map(pathlib.Path, PLACES):
        if (place / "instances").is_dir():
            return place
    raise RuntimeError("no tracefs to read: it takes root, and a kernel with "
                       "CONFIG_HIST_TRIGGERS")


class Counter:
    """Counts while the `with` block runs."""

    def __init__(self, event=EXITS):
        self._instance = tracing() / f"instances/hotram-{os.getpid()}-{pathlib.Path(event).name}"
        self._event = self._instance / event

    def __enter__(self):
        self._instance.mkdir()
        try:
            (self._event / "trigger").write_text(HISTOGRAM)
        except BaseException:
            self._instance.rmdir()
            raise
        return self

    def __exit__(self, *_):
        (self._event / "trigger").write_text("!" + HISTOGRAM)
        self._instance.rmdir()

    def count(self, process, but=()):
        """So far, of all threads of a process but some."""
        threads = {int(thread) for thread in os.listdir(f"/proc/{process}/task")} - set(but)
        lines = re.findall(r"common_pid: *(\d+) *\} *hitcount: *(\d+)",
                           (self._event / "hist").read_text())
        return sum(int(hits) for thread, hits in lines if int(thread) in threads)
