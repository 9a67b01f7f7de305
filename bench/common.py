# SPDX-License-Identifier: BSD-2-Clause
"""What is compared, on which machine, and the way to the tests' library."""

import os
import pathlib
import re
import subprocess
import sys
import time

CLONE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CLONE / "tests"))
from lib import machine                                      # noqa: E402

RESULTS = CLONE / "build/bench"
SLOTS = 256
DIMM_MIB = 128
MEMORY = f"128M,slots={SLOTS},maxmem=64G"


class Program:
    """One of the two. `options` are its own, given before all others: with
    them both are the same machine, as far as each has it."""

    def __init__(self, name, path, options=()):
        self.name = name
        self.path = path
        self.options = list(options)

    def version(self):
        try:
            said = subprocess.run([self.path, "-version"], check=True, text=True,
                                  capture_output=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            return f"does not tell its version: {error}"
        return said.splitlines()[0]


def processor(field):
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""


def has_virtualization():
    return bool({"vmx", "svm"} & set(processor("flags").split()))


def emulated():
    """Inside tests/host/emulated."""
    return "HOTRAM_EMULATED_HOST" in os.environ


def qemu_cpu():
    # A KVM that emulates instructions may list an MSR which it then refuses.
    return "host" if has_virtualization() else "host,-arch-capabilities"


X86 = os.uname().machine == "x86_64"
HOTRAM = Program("hotram", machine.PROGRAM)
QEMU = Program("QEMU", "qemu-system-x86_64",
               ["-accel", "kvm", "-machine", "pc", "-cpu", qemu_cpu()])
# What is measured on arm64, QEMU does not have.
PROGRAMS = [HOTRAM, QEMU] if X86 else [HOTRAM]


def memory_gib():
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(r"MemTotal: *(\d+)", text)[1]) / (1 << 20)


def busy_seconds():
    """Processor time of all, idle and waiting left out, and of us alone."""
    ticks = [int(word) for word in
             pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    everybody = (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
    times = os.times()
    return everybody, times.user + times.system + (times.children_user
                                                   + times.children_system)


class Quiet:
    """How much of the machine others took since this was made: figures are to
    be trusted when that is little."""

    def __init__(self):
        self._everybody, self._us = busy_seconds()
        self._start = time.monotonic()

    def others(self):
        """Processors that others kept busy, on average."""
        everybody, us = busy_seconds()
        used = (everybody - self._everybody) - (us - self._us)
        return max(0, used) / (time.monotonic() - self._start)


def kind():
    if emulated():
        return "emulated host"
    if has_virtualization():
        return "hardware virtualization"
    return "no hardware virtualization, but a /dev/kvm that opens"


def describe():
    """The machine and the programs, for the head of a table."""
    return {
        "kind": kind(),
        "architecture": "x86-64" if X86 else "arm64",
        "processor": processor("model name") or f"arm64, part {processor('CPU part')}",
        "processors": os.cpu_count(),
        "memory_gib": round(memory_gib(), 1),
        "kernel": os.uname().release,
        **{program.name: program.version() for program in PROGRAMS},
    }
