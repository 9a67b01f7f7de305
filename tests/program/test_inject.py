#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""The n-th call of a kind that fails: what a test arms is what the program meets, and nothing else."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, tap                                  # noqa: E402
from lib.host import MIB, Host                               # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
# What makes a memory object and takes it back: its calls, by kind.
ALWAYS = ["mmap", "munmap"]
KINDS = {"memory-backend-ram": ALWAYS, "memory-backend-memfd": ALWAYS + ["memfd_create", "ftruncate"]}


def cycle(host, kind):
    host.qmp.execute("object-add", {"qom-type": kind, "id": "m", "size": 16 * MIB})
    host.qmp.execute("object-del", {"id": "m"})


def test_calls_are_counted_while_armed():
    with inject.faults() as faults, Host(environment=faults.environment) as host:
        for kind, calls in KINDS.items():
            for call in calls:
                cycle(host, kind)
                faults.arm(call)
                cycle(host, kind)
                once = faults.counted()
                cycle(host, kind)
                twice = faults.disarm()
                cycle(host, kind)
                assert 0 < once.calls <= twice.calls, (call, once.calls, twice.calls)
                assert faults.counted().calls == twice.calls and twice.failed == 0, call


def test_the_call_that_was_named_fails():
    with inject.faults() as faults, Host(environment=faults.environment) as host:
        for call in ("memfd_create", "ftruncate", "mmap"):
            faults.arm(call, at=1, error="ENOMEM")
            try:
                cycle(host, "memory-backend-memfd")
            except QMPError as error:
                assert os.strerror(12) in str(error), (call, error)
            else:
                raise AssertionError(f"{call} did not fail")
            assert faults.disarm().failed == 1, call
            cycle(host, "memory-backend-memfd")


def test_every_nth_call_fails():
    with inject.faults() as faults, Host(environment=faults.environment) as host:
        faults.arm("memfd_create", every=2)
        refused = 0
        for _ in range(8):
            try:
                cycle(host, "memory-backend-memfd")
            except QMPError:
                refused += 1
        count = faults.disarm()
        assert (count.calls, count.failed, refused) == (8, 4, 4), (count.calls, count.failed, refused)


def test_a_start_that_fails():
    with inject.faults() as faults:
        faults.arm("memfd_create", at=1)
        ended = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none",
                                "-sandbox", "off", "-object", "memory-backend-memfd,id=m,size=16M"],
                               env=faults.environment, stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=60)
        assert ended.returncode == 1 and os.strerror(12) in ended.stderr, ended
        assert faults.disarm().failed == 1


if __name__ == "__main__":
    tap.main()
