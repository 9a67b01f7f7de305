#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# architectures: x86-64
# host: --memory 4G --timeout 600
# disk: build/disk/test
"""The first command of README's "Using it", word for word and typed at a terminal: Debian boots from its disk, a qcow2
image, by SeaBIOS and GRUB, lets ssh in through the forwarded port, and has more memory and CPUs and less while it
runs, by the udev rules of docs/guests.md, too."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                                       # noqa: E402
from lib.machine import ANSWER_LIMIT, CLONE, PROGRAM, Console, MachineError      # noqa: E402

DISK = CLONE / "build/disk/test"
BOOT_LIMIT = 300
MIB, GIB = 1 << 10, 1 << 20             # in KiB
PORT = "2222"


def documented(start):
    """A command of README's, as words."""
    return re.search(rf"^{start} -.*$", (CLONE / "README.md").read_text(), re.MULTILINE)[0].split()


def udev_rule(subsystem):
    text = (CLONE / "docs/guests.md").read_text()
    return re.search(rf'^\| udev rule \| `(ACTION==.*SUBSYSTEM=="{subsystem}".*)` \|$', text, re.MULTILINE)[1]


def lacks():
    if arch.chosen() is not arch.X86:
        return "SeaBIOS is x86-64's"
    if not (DISK / "debian.qcow2").exists():
        return f"there is no disk: scripts/debian-disk.sh {DISK} makes it"
    missing = [name for name in ("ssh", "qemu-storage-daemon", "qemu-img") if not shutil.which(name)]
    return f"{missing[0]} is not installed" if missing else None


def free_port():
    """That of README, unless somebody has it."""
    for port in int(PORT), 0:
        with socket.socket() as listener:
            try:
                listener.bind(("", port))
                return str(listener.getsockname()[1])
            except OSError:
                pass
    raise MachineError("no port is free")


class Terminal(Console):
    """The program at a terminal."""

    def _open(self, path):
        self._socket = path

    def _receive(self):
        return os.read(self._socket, 65536)

    def send_keys(self, text):
        os.write(self._socket, text.encode())

    def close(self):
        self._reader.join()
        os.close(self._socket)


class Session:
    """hotram as README starts it, in the folder that has the disk and the key."""

    def __init__(self):
        self.port = free_port()
        words = [word.replace(PORT, self.port) for word in documented("hotram")]
        master, slave = os.openpty()
        self.process = subprocess.Popen([PROGRAM, *words[1:]], cwd=DISK, stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True)
        os.close(slave)
        self.terminal = Terminal(master)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.terminal.close()
        if kind:
            tap.comment("--- the end of the terminal:\n" + tap.tail(self.terminal.text))

    def ssh(self, command):
        """README's command, and what a person answers once."""
        words = [word.replace(PORT, self.port) for word in documented("ssh")]
        done = subprocess.run([words[0], "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                               "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", *words[1:], command],
                              cwd=DISK, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=BOOT_LIMIT, check=False)
        if done.returncode:
            raise MachineError(f"ssh ... {command}: status {done.returncode}\n{done.stderr}")
        return done.stdout

    def total(self):
        return int(self.ssh("grep MemTotal /proc/meminfo").split()[1])

    def cpus(self):
        return int(self.ssh("nproc"))

    def wait_for(self, what, wanted):
        deadline = time.monotonic() + ANSWER_LIMIT
        while (now := what()) != wanted:
            if time.monotonic() > deadline:
                raise MachineError(f"{what.__name__}: {now} and not {wanted}")

    def add_rule(self, name, rule):
        self.ssh(f"echo '{rule}' > /etc/udev/rules.d/{name}.rules && udevadm control --reload")

    def monitor(self, command):
        """Typed at the monitor's prompt; what it says before it prompts again."""
        start = self.terminal.position
        self.terminal.send(command)
        return self.terminal.wait_for(r"\n\r*\(hotram\) $", ANSWER_LIMIT, start)[0]


def test_the_first_command_of_using_it():
    if lacks():
        raise tap.Skip(lacks())
    with Session() as guest:
        for text in "SeaBIOS", "GRUB: Debian", "login: root", "# $":
            guest.terminal.wait_for(text, BOOT_LIMIT)
        assert "warning" not in guest.terminal.text
        assert guest.ssh("cat /proc/cmdline").startswith("BOOT_IMAGE=/vmlinuz root=/dev/vda1 ")
        before = guest.total()
        guest.terminal.send_keys("\x01c")
        guest.terminal.wait_for(r"\(hotram\) $", ANSWER_LIMIT)
        guest.monitor("object_add memory-backend-ram,id=mem1,size=1G")
        guest.monitor("device_add pc-dimm,id=dimm1,memdev=mem1")
        guest.wait_for(guest.total, before + GIB)
        # From here on by udev's rule alone.
        guest.ssh("echo offline > /sys/devices/system/memory/auto_online_blocks")
        guest.add_rule("81-memory", udev_rule("memory"))
        assert "from 2 GiB to 2.5 GiB" in guest.monitor("memory set 2560M")
        guest.wait_for(guest.total, before + 1536 * MIB)
        assert "from 2.5 GiB to 1 GiB" in guest.monitor("memory set 1G")
        guest.wait_for(guest.total, before)
        assert guest.ssh("cat /etc/udev/rules.d/80-cpus.rules").strip() == udev_rule("cpu")
        for count in (4, 1):
            guest.monitor(f"cpus set {count}")
            guest.wait_for(guest.cpus, count)
        guest.ssh("poweroff")
        assert guest.process.wait(BOOT_LIMIT) == 0
        subprocess.run(["qemu-img", "check", "-q", "debian.qcow2"], cwd=DISK, check=True)


if __name__ == "__main__":
    tap.main()
