#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What hotram is for, as a story: a Linux guest gains 1 GiB of memory while it
runs, uses it, and gives it back; and two CPUs come while it compresses, and go
again. `make demo` runs this.

On x86-64 the guest is Debian on a disk of its own and with a network card, and writes
to its disk all the time: what it has written it reads back and compares. On arm64 it is a kernel and a small user
space in its initrd; the kernel is Linux 6.12, which has CPU hotplug there."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from lib.machine import ARCH, CLONE, Machine, ShellError    # noqa: E402

MIB = 1024                              # in KiB, as all sizes here
DISK = CLONE / "build/disk"
# What it writes to its disk, by direct I/O out of its memory, and reads back; how often, and what differed.
WRITER = ("dd if=/dev/urandom of=/dev/shm/pattern bs=1M count=8 2>/dev/null; : > /run/rounds; "
          "while dd if=/dev/shm/pattern of=/var/tmp/data bs=1M oflag=direct conv=notrunc 2>/dev/null && "
          "dd if=/var/tmp/data bs=1M iflag=direct 2>/dev/null | cmp -s - /dev/shm/pattern; "
          "do echo >> /run/rounds; done; touch /run/differs")
# What compresses, three at a time, unpacks, and compares.
WORKERS = 3
COMPRESSOR = ("while /bin/gzip -c /tmp/data | gunzip | cmp -s - /tmp/data; do echo >> /tmp/packed; done; "
              "touch /tmp/packed-wrong")
CPUS = ["-smp", "1,maxcpus=3"]
SYSFS = "/sys/devices/system/cpu"
# Linux leaves it to user space to start a CPU.
RULE = 'ACTION=="add", SUBSYSTEM=="cpu", ATTR{online}=="0", ATTR{online}="1"'


class Debian(Machine):
    """Debian on a disk, whose root has a shell on the serial console."""

    def __init__(self):
        super().__init__(["-m", "384M,slots=4,maxmem=8G", *CPUS,
                          "-kernel", DISK / "vmlinuz", "-initrd", DISK / "initrd.img",
                          "-append", "root=/dev/vda1 rw console=ttyS0 quiet net.ifnames=0 "
                                     "memhp_default_state=online_movable",
                          "-drive", f"file={DISK / 'demo.raw'},format=raw",
                          "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0"], kernel=None)

    def wait_ready(self, timeout=300):
        self.console.wait_for(r"automatic login", timeout)
        self.console.wait_for(r"# $", timeout)
        start = self.console.position
        self.console.send("stty -echo; PS1=; bind 'set enable-bracketed-paste off'; echo @read''y@")
        self.console.wait_for(r"@ready@", timeout, start)

    def shell(self, command, check=True, timeout=60):
        self._tokens += 1
        start = self.console.position
        self.console.send(f"{{ {command}; }} 2>&1; echo @t{self._tokens} $?@")
        output, match = self.console.wait_for(rf"@t{self._tokens} (\d+)@\r?\n", timeout, start)
        status = int(match.group(1))
        if not check:
            return status, output
        if status:
            raise ShellError(command, status, output)
        return output


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
    answer = machine.hmp(command).strip()
    if answer.startswith("Error"):
        sys.exit(answer)
    for line in answer.splitlines():
        say(f"  {line.strip()}")


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


def write_all_the_time(machine):
    """The guest's writer, if there is a disk."""
    if isinstance(machine, Debian):
        machine.shell(f"({WRITER}) > /dev/null 2>&1 & true")


def check_writer(machine):
    """How often the guest has written and found what it wrote; False: it once did not."""
    if not isinstance(machine, Debian):
        return True
    rounds = int(machine.shell("wc -l < /run/rounds"))
    good = machine.shell("test -e /run/differs", check=False)[0] != 0
    say(f"Meanwhile the guest wrote 8 MiB to its disk and read them back {rounds} times: " +
        ("each time they were what it had written." if good else "NOT always what it had written!"))
    return good


def fill(machine):
    if isinstance(machine, Debian):
        machine.shell("mount -t tmpfs -o size=90% none /mnt && "
                      "dd if=/dev/zero of=/mnt/filled bs=1M count=768", timeout=240)
    else:
        machine.hold("touch", 768)


def empty(machine):
    machine.shell("umount /mnt" if isinstance(machine, Debian) else "killall hog")


def compress(machine):
    """From now on, until stop_compressing()."""
    machine.shell("dd if=/dev/urandom of=/tmp/data bs=64k count=4 2>/dev/null; : > /tmp/packed")
    for _ in range(WORKERS):
        # By a shell of its own: that of the console would say on it when they end.
        machine.shell(f"( ({COMPRESSOR}) > /dev/null 2>&1 & )")


def stop_compressing(machine):
    """How often the guest has unpacked what it had compressed; False: it once was something else."""
    rounds = int(machine.shell("wc -l < /tmp/packed"))
    good = machine.shell("test -e /tmp/packed-wrong", check=False)[0] != 0
    # The last of them ends like one that finds a difference.
    machine.shell("rm /tmp/data")
    say(f"Meanwhile the guest compressed 256 KiB and unpacked them {rounds} times: " +
        ("each time they were what it had compressed." if good else "NOT always what it had compressed!"))
    return good and rounds > 0


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
    compress(machine)
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
    return stop_compressing(machine) and left == 1


def story(machine):
    with Step("Booting Debian from its disk, in a guest of 384 MiB" if isinstance(machine, Debian)
              else "Booting Debian's kernel in a guest of 256 MiB"):
        machine.wait_ready()
    if ARCH.name == "arm64":
        show_boot(machine)
    if isinstance(machine, Debian):
        show_disk(machine)
    write_all_the_time(machine)
    before = machine.meminfo()
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

    good = cpus_come_and_go(machine)
    say()
    good = check_writer(machine) and good
    grown = machine.meminfo() - before
    say("The guest has what it had before, and the host has its memory back."
        if grown == 0 else f"The guest still has {grown // MIB} MiB more!")
    machine.quit()
    return grown == 0 and good


def main():
    small = ["-m", "256M,slots=4,maxmem=8G", *CPUS]
    with Machine(small, kernel="cloud-6.12") if ARCH.name == "arm64" else Debian() as machine:
        sys.exit(0 if story(machine) else 1)


main()
