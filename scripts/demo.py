#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What hotram is for, as a story: a Linux guest gains 1 GiB of memory while it
runs, uses it, and gives it back. `make demo` runs this."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from lib.machine import ARCH, Machine                        # noqa: E402

MIB = 1024                              # in KiB, as all sizes here


class Step:
    """with Step("Doing"): one line for what takes long, and how long it took."""

    def __init__(self, text):
        self.text = text

    def __enter__(self):
        print(f"  {self.text} ...", end="", flush=True)
        self.start = time.monotonic()

    def __exit__(self, kind, *_):
        seconds = time.monotonic() - self.start
        print(" failed" if kind else f" {seconds:.1f} s", flush=True)


def say(text=""):
    print(text, flush=True)


def type_in(machine, command):
    """A command to hotram's monitor, as a person types it."""
    say(f"hotram> {command}")
    answer = machine.hmp(command)
    if answer:
        sys.exit(answer.strip())


def show(machine, when):
    """The guest's view of its memory and the host's, as they are now."""
    say(f"\n{when}:")
    say(f"  the guest's MemTotal   {machine.meminfo() // MIB:6} MiB")
    say(f"  hotram's memory in use {machine.rss() // MIB:6} MiB")
    say("  the guest's address map (its /proc/iomem):")
    for line in machine.shell("grep -i 'System RAM' /proc/iomem").splitlines():
        first, last = (int(part, 16) for part in line.split()[0].split("-"))
        if last - first < 1 << 20:      # the BIOS's time has left splinters
            continue
        size = (last + 1 - first) >> 20
        added = "   <- plugged" if first >= ARCH.region(256 << 20) else ""
        say(f"    {first:#012x}-{last:#012x} {size:6} MiB{added}")
    say()


def show_boot(machine):
    """How it came to its ACPI tables, and that events reach it."""
    say()
    say("The guest's kernel log:")
    log = machine.shell("dmesg | grep -E 'efi: EFI|ACPI: RSDP|ACPI: DSDT|ACPI: Using'")
    for line in log.splitlines():
        say(f"    {line}")
    events, = [line.split() for line in machine.shell("cat /proc/interrupts").splitlines()
               if line.endswith("ACPI:Ged")]
    say(f"    Generic Event Device: {' '.join(events[-4:])}")
    say()


def story(machine):
    with Step("Booting Debian's kernel in a guest of 256 MiB"):
        machine.wait_ready()
    if ARCH.name == "arm64":
        show_boot(machine)
    before = machine.meminfo()
    show(machine, "Before")

    type_in(machine, "object_add memory-backend-ram,id=memory0,size=1G")
    type_in(machine, "device_add pc-dimm,id=dimm0,memdev=memory0")
    with Step("Plugging 1 GiB, until the guest uses it"):
        machine.wait_until(lambda: machine.meminfo() >= before + 1024 * MIB,
                           what="MemTotal's growth")
    with Step("Filling 768 MiB of it, in the guest"):
        machine.shell("hog touch 768 > /tmp/hog & while ! grep -q holding "
                      "/tmp/hog; do usleep 100000; done", timeout=240)
    show(machine, "With 1 GiB more, and most of it in use")

    machine.shell("killall hog")
    type_in(machine, "device_del dimm0")
    with Step("Asking for it back, until the guest has let it go"):
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "dimm0"})
    type_in(machine, "object_del memory0")
    show(machine, "After")

    grown = machine.meminfo() - before
    say("The guest has what it had before, and the host has its memory back."
        if grown == 0 else f"The guest still has {grown // MIB} MiB more!")
    machine.quit()
    return grown == 0


def main():
    with Machine(["-m", "256M,slots=4,maxmem=8G"]) as machine:
        sys.exit(0 if story(machine) else 1)


main()
