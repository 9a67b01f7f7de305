# SPDX-License-Identifier: BSD-2-Clause
"""The guests of the demonstration, what works in them meanwhile, and how it is told.

On x86-64 the guest is Debian on a disk of its own and with a network card. On arm64 it is a kernel and a small user
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
# What compresses, several at a time, unpacks, and compares; each act has a name of its own for its files.
COMPRESSOR = ("while /bin/gzip -c /tmp/{0} | gunzip | cmp -s - /tmp/{0}; do echo >> /tmp/{0}-packed; done; "
              "touch /tmp/{0}-wrong")
IMAGE = DISK / "demo.raw"


class Debian(Machine):
    """Debian on a disk, whose root has a shell on the serial console."""

    @classmethod
    def options(cls, cpus):
        return ["-m", "384M,slots=4,maxmem=8G", "-smp", cpus,
                "-kernel", DISK / "vmlinuz", "-initrd", DISK / "initrd.img",
                "-append", "root=/dev/vda1 rw console=ttyS0 quiet net.ifnames=0 memhp_default_state=online_movable",
                "-drive", f"file={IMAGE},format=raw",
                "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0"]

    @classmethod
    def start(cls, cpus, more=(), **how):
        return cls([*cls.options(cpus), *more], kernel=None, **how)

    @classmethod
    def restore(cls, file):
        """The back ends are given anew; the one of -drive has the name virtio0."""
        return cls(["-restore", file, "-blockdev", f"raw,node-name=virtio0,file.driver=file,file.filename={IMAGE}",
                    "-netdev", "user,id=n0"], kernel=None)

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


class Small(Machine):
    """A kernel and an initrd."""

    @classmethod
    def start(cls, cpus, more=(), **how):
        return cls(["-m", "256M,slots=4,maxmem=8G", "-smp", cpus, *more], kernel="cloud-6.12", **how)

    @classmethod
    def restore(cls, file):
        return cls(["-restore", file], kernel=None)


GUEST = Small if ARCH.name == "arm64" else Debian


# ---- how it is told ----

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


# ---- what works meanwhile ----

def write_all_the_time(machine):
    """The guest's writer, if there is a disk."""
    if isinstance(machine, Debian):
        machine.shell(f"({WRITER}) > /dev/null 2>&1 & true")


def written(machine):
    """How often it has written and read back."""
    return int(machine.shell("wc -l < /run/rounds")) if isinstance(machine, Debian) else 0


def check_writer(machine):
    """How often the guest has written and found what it wrote; False: it once did not."""
    if not isinstance(machine, Debian):
        return True
    rounds = written(machine)
    good = machine.shell("test -e /run/differs", check=False)[0] != 0
    say(f"Meanwhile the guest wrote 8 MiB to its disk and read them back {rounds} times: " +
        ("each time they were what it had written." if good else "NOT always what it had written!"))
    return good


def compress(machine, act, workers):
    """From now on, until stop_compressing()."""
    machine.shell(f"dd if=/dev/urandom of=/tmp/{act} bs=64k count=4 2>/dev/null; : > /tmp/{act}-packed")
    for _ in range(workers):
        # By a shell of its own: that of the console would say on it when they end.
        machine.shell(f"( ({COMPRESSOR.format(act)}) > /dev/null 2>&1 & )")


def compressed(machine, act):
    return int(machine.shell(f"wc -l < /tmp/{act}-packed"))


def stop_compressing(machine, act):
    """How often the guest has unpacked what it had compressed; False: it once was something else."""
    rounds = compressed(machine, act)
    good = machine.shell(f"test -e /tmp/{act}-wrong", check=False)[0] != 0
    # The last of them ends like one that finds a difference.
    machine.shell(f"rm /tmp/{act}")
    say(f"Meanwhile the guest compressed 256 KiB and unpacked them {rounds} times: " +
        ("each time they were what it had compressed." if good else "NOT always what it had compressed!"))
    return good and rounds > 0
