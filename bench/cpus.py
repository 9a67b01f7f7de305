# SPDX-License-Identifier: BSD-2-Clause
"""CPUs: what possible ones cost a machine at its start, and how long it takes, and how often the guest leaves for the
program, until one that is plugged is the guest's, and runs."""

import contextlib
import pathlib
import tempfile
import time

import common
import exits
import memory
import start
from common import machine

FEW_AND_MANY = (4, 255)
COUNTED_PLUGS = 5
STARTS = 3
ALL = 64                    # CPUs that one guest is given, one after the other
ONE_AND_ABSENT = (1, 101)   # possible CPUs of a guest that has one
# On arm64 the first in which CPUs come and go: it prepares each of those that may come.
BOOTED = "cloud" if common.X86 else "cloud-6.12"
RAM_MIB = 128
SYSFS = "/sys/devices/system/cpu"
# What udev's rule is for: nothing of the guest's but the kernel's own work is measured.
START = ("while ! test -e {0}/cpu{1}/online; do usleep 1000; done; echo 1 > {0}/cpu{1}/online; echo @u''p@")


def smp(possible):
    return ["-smp", f"1,maxcpus={possible},sockets=1,cores={possible},threads=1"]


def measure_start(program):
    for possible in FEW_AND_MANY:
        given = common.Program(program.name, program.path, [*program.options, *smp(possible)])
        with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
            greeting, answer = start.moments(given, pathlib.Path(folder), None, lambda: None)
        yield f"greeting_{possible}", greeting[0]
        yield f"answer_{possible}", answer[0]
        with machine.Machine([*given.options, "-m", f"{RAM_MIB}M"], kernel=None, run=False,
                             program=program.path) as paused:
            resident, _ = memory.resident(paused.process.pid, RAM_MIB * 1024)
            yield f"resident_{possible}", resident / 1024


def measure_boot(program):
    """Seconds until the guest's first process speaks."""
    for possible in ONE_AND_ABSENT:
        with machine.Machine([*program.options, "-m", "512M", *smp(possible)], kernel=BOOTED,
                             program=program.path) as guest:
            guest.wait_ready(600)
            yield f"boot_{possible}", time.monotonic() - guest.started


@contextlib.contextmanager
def booted(program, possible):
    with machine.Machine([*program.options, "-m", "512M", *smp(possible)], program=program.path,
                         unpacked=True) as guest:
        guest.wait_ready(600)
        yield guest


def plug(guest, index):
    """Milliseconds from device_add to the guest's _OST."""
    name = f"vcpu{index}"
    guest.qmp.clear_events()
    begun = time.monotonic()
    guest.qmp.execute("device_add", {"driver": "host-x86_64-cpu", "id": name, "socket-id": 0, "core-id": index,
                                     "thread-id": 0})
    guest.qmp.wait_event("ACPI_DEVICE_OST", {"info": {"device": name, "slot": str(index), "slot-type": "CPU",
                                                      "source": 1, "status": 0}}, 120)
    return (time.monotonic() - begun) * 1000


def unplug(guest, index):
    guest.qmp.execute("device_del", {"id": f"vcpu{index}"})
    guest.qmp.wait_event("DEVICE_DELETED", {"device": f"vcpu{index}"}, 120)


def start_one(guest, index):
    """Milliseconds from device_add until the guest has started the CPU."""
    guest.console.send("x " + START.format(SYSFS, index))
    begun = time.monotonic()
    position = guest.console.position
    plug(guest, index)
    guest.console.wait_for(r"@up@\r?\n", 300, position)
    return (time.monotonic() - begun) * 1000


def measure_plugs(program):
    for possible in FEW_AND_MANY:
        with exits.Counter() as counter, booted(program, possible) as guest:
            pid = guest.process.pid
            for _ in range(COUNTED_PLUGS):
                before = counter.count(pid)
                yield f"ost_{possible}", plug(guest, 1)
                yield f"exits_{possible}", counter.count(pid) - before
                unplug(guest, 1)
            for _ in range(STARTS):
                yield f"running_{possible}", start_one(guest, 1)
                unplug(guest, 1)
    with booted(program, ALL) as guest:
        for index in range(1, ALL):
            yield "ost_all", plug(guest, index)
