# SPDX-License-Identifier: BSD-2-Clause
"""What a program does between two moments, seen from outside: requests by its own count (query-blockstats),
processor time, exits to it. Nothing is said to the guest meanwhile."""

import pathlib
import time

import exits

BY_PROCESS = 2      # the kernel's CPUCLOCK_SCHED: nanoseconds of all threads, ended ones included


def disk_stats(guest, name):
    """query-blockstats of one disk."""
    found = [entry["stats"] for entry in guest.qmp.execute("query-blockstats")
             if f"/{name}/" in entry.get("qdev", "")]
    if len(found) != 1:
        raise RuntimeError(f"query-blockstats has {len(found)} disks '{name}'")
    return found[0]


def process_seconds(pid):
    return time.clock_gettime(~pid << 3 | BY_PROCESS)


def vcpu_threads(guest):
    return [cpu["thread-id"] for cpu in guest.qmp.execute("query-cpus-fast")]


def vcpu_seconds(guest):
    schedstats = (pathlib.Path(f"/proc/{guest.process.pid}/task/{thread}/schedstat") for thread in vcpu_threads(guest))
    return sum(int(schedstat.read_text().split()[0]) for schedstat in schedstats) / 1e9


class Moment:
    """`counter` counts exits (exits.Counter)."""

    def __init__(self, guest, counter, name):
        pid = guest.process.pid
        self.stats = disk_stats(guest, name)
        self.time = time.monotonic()
        self.vcpus = vcpu_seconds(guest)
        self.all = process_seconds(pid)
        self.exits = counter.count(pid)


class Window:
    """From one moment to another. `kind`: rd or wr."""

    def __init__(self, first, last, kind):
        self.seconds = last.time - first.time
        self.requests, self.bytes = (last.stats[f"{kind}_{what}"] - first.stats[f"{kind}_{what}"]
                                     for what in ("operations", "bytes"))
        self.vcpus = last.vcpus - first.vcpus
        self.others = last.all - first.all - self.vcpus
        self.exits = last.exits - first.exits
        if self.requests < 1:
            raise RuntimeError(f"no request within {self.seconds:.1f} s")
        if self.others < 0:
            raise RuntimeError(f"vCPUs used {self.vcpus:.3f} s, the whole program {last.all - first.all:.3f} s")


def calls(guest, name, kind, seconds):
    """System calls and requests within that time, or in as much more as a request takes; calls of vCPUs, which KVM_RUN
    is most of, are left out. It costs time itself: nothing else is measured meanwhile."""
    vcpus = vcpu_threads(guest)
    with exits.Counter(exits.CALLS) as counter:
        first, before = disk_stats(guest, name), counter.count(guest.process.pid, vcpus)
        time.sleep(seconds)
        guest.wait_until(lambda: disk_stats(guest, name)[f"{kind}_bytes"] > first[f"{kind}_bytes"], what="a request")
        made = counter.count(guest.process.pid, vcpus) - before
        last = disk_stats(guest, name)
    return made, {what: last[f"{kind}_{what}"] - first[f"{kind}_{what}"] for what in ("operations", "bytes")}
