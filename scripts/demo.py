#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What hotram is for, as a story: a Linux guest gains 1 GiB of memory while it runs, uses it, and gives it back; two
CPUs come while it compresses, and go again; it moves to another hotram with a DIMM, and continues from a snapshot.
`make demo` runs this.

On x86-64 the guest writes to its disk all the time: what it has written it reads back and compares."""

import sys

from demo_guest import (ARCH, GUEST, MIB, Debian, Step, check_writer, compress, say, stop_compressing, type_in,
                        write_all_the_time)
import demo_move

WORKERS = 3
CPUS = "1,maxcpus=3"
SYSFS = "/sys/devices/system/cpu"
# Linux leaves it to user space to start a CPU.
RULE = 'ACTION=="add", SUBSYSTEM=="cpu", ATTR{online}=="0", ATTR{online}="1"'


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


def show_disk(machine):
    """The guest's own view of its disk and its network."""
    say()
    disk, size, used = machine.shell("df -h --output=source,size,used / | tail -n 1").split()
    say(f"Its root is {disk}, {size}, of which {used} are used.")
    address = machine.wait_until(lambda: machine.shell("ip -br -4 address show dev eth0 | awk '{ print $3 }'").strip(),
                                 what="an address by DHCP")
    say(f"Its network card has the address {address}, by DHCP.")


def fill(machine):
    if isinstance(machine, Debian):
        machine.shell("mount -t tmpfs -o size=90% none /mnt && "
                      "dd if=/dev/zero of=/mnt/filled bs=1M count=768", timeout=240)
    else:
        machine.hold("touch", 768)


def empty(machine):
    machine.shell("umount /mnt" if isinstance(machine, Debian) else "killall hog")


def processors(machine):
    """Those on which the guest runs processes."""
    return int(machine.shell("grep -c ^processor /proc/cpuinfo"))


def start_cpus(machine):
    """What udev does in Debian, from now on; the small user space has none."""
    if isinstance(machine, Debian):
        machine.shell(f"mkdir -p /run/udev/rules.d; echo '{RULE}' > /run/udev/rules.d/50-cpu.rules; udevadm control -R")
        return
    for cpu in (1, 2):
        machine.wait_until(lambda cpu=cpu: machine.shell(
            f"echo 1 > {SYSFS}/cpu{cpu}/online", check=False)[0] == 0, what=f"CPU {cpu}")


def worked(machine):
    """How long the guest's processes have run on each of its CPUs, in ticks."""
    lines = machine.shell("grep '^cpu[0-9]' /proc/stat", timeout=120).splitlines()
    return {line.split()[0]: int(line.split()[1]) for line in lines}


def all_work(machine, before):
    now = worked(machine)
    return len(now) == WORKERS and all(ticks > before.get(cpu, 0) for cpu, ticks in now.items())


def cpus_come_and_go(machine):
    say(f"The guest compresses, {WORKERS} times at once, on {processors(machine)} CPU.")
    compress(machine, "cpus", WORKERS)
    if isinstance(machine, Debian):
        start_cpus(machine)
    before = worked(machine)
    type_in(machine, f"cpus set {WORKERS}")
    with Step("Plugging two CPUs, until the guest compresses on them, too"):
        if not isinstance(machine, Debian):
            start_cpus(machine)
        machine.wait_until(lambda: all_work(machine, before), timeout=240, what="work on three CPUs")
    say(f"The guest has {processors(machine)} CPUs.")
    type_in(machine, "cpus set 1")
    with Step("Asking for them back, until the guest has moved its work away"):
        for _ in range(2):
            machine.qmp.wait_event("DEVICE_DELETED", timeout=120)
    left = processors(machine)
    say(f"The guest has {left} CPU.")
    return stop_compressing(machine, "cpus") and left == 1


def story(machine, before):
    if ARCH.name == "arm64":
        show_boot(machine)
    if isinstance(machine, Debian):
        show_disk(machine)
    write_all_the_time(machine)
    show(machine, "Before")

    type_in(machine, "object_add memory-backend-ram,id=memory0,size=1G")
    type_in(machine, "device_add pc-dimm,id=dimm0,memdev=memory0")
    with Step("Plugging 1 GiB, until the guest uses it"):
        machine.wait_until(lambda: machine.meminfo() >= before + 1024 * MIB,
                           what="MemTotal's growth")
    with Step("Filling 768 MiB of it, in the guest"):
        fill(machine)
    show(machine, "With 1 GiB more, and most of it in use")

    empty(machine)
    type_in(machine, "device_del dimm0")
    with Step("Asking for it back, until the guest has let it go"):
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "dimm0"})
    type_in(machine, "object_del memory0")
    show(machine, "After")

    return cpus_come_and_go(machine)


def ending(machine, before):
    """The guest is where the snapshot was restored; it has nothing but what it began with."""
    say()
    good = check_writer(machine)
    grown = machine.meminfo() - before
    say("The guest has what it had before, and the host has its memory back."
        if grown == 0 else f"The guest still has {grown // MIB} MiB more!")
    machine.quit()
    return grown == 0 and good


def boot(machine):
    with Step("Booting Debian from its disk, in a guest of 384 MiB" if isinstance(machine, Debian)
              else "Booting Debian's kernel in a guest of 256 MiB"):
        machine.wait_ready()


def last_act(cpus, machine, before):
    return demo_move.story(machine, cpus, lambda last: ending(last, before))


def main():
    with GUEST.start(CPUS) as machine:
        boot(machine)
        before = machine.meminfo()
        good = story(machine, before)
        if isinstance(machine, Debian):
            good = last_act(CPUS, machine, before) and good
        else:
            machine.quit()
    if ARCH.name == "arm64":
        say("\nOn arm64 a machine that lacks CPUs which could be added does not move; another guest does.")
        with GUEST.start("1") as machine:
            boot(machine)
            good = last_act("1", machine, machine.meminfo()) and good
    sys.exit(0 if good else 1)


main()
