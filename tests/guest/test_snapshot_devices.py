#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# host: --memory 3G --timeout 900
"""A Linux guest on x86-64 with a disk that it writes and verifies, and network cards, continues from a snapshot."""

import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, cards, tap                             # noqa: E402
from lib.machine import ARCH, ONLINE, Machine                # noqa: E402

OPTIONS = ["-m", "256M", "-smp", "2"]
APPEND = f"{ONLINE} net.ifnames=0"
LIMIT = 120
# Pieces of 64 KiB of /tmp/data go to the disk, past the guest's cache, and come back; what differs is noted.
DISK = ("(n=0; while :; do n=$((n+1)); i=$((n%16)); "
        "dd if=/tmp/data of=/dev/vda bs=64k skip=$((n%256)) seek=$i count=1 conv=fsync,notrunc || echo w$n >> /tmp/bad; "
        "echo 1 > /proc/sys/vm/drop_caches; "
        "dd if=/dev/vda of=/tmp/back bs=64k skip=$i count=1 2>/dev/null; "
        "dd if=/tmp/data of=/tmp/piece bs=64k skip=$((n%256)) count=1 2>/dev/null; "
        "cmp -s /tmp/back /tmp/piece || echo r$n >> /tmp/bad; "
        "echo $n > /tmp/disk.next; mv /tmp/disk.next /tmp/disk; done) > /dev/null 2>&1 &")


def options(folder):
    return [*OPTIONS, "-blockdev", f"file,node-name=disk,filename={folder}/disk.img",
            "-device", "virtio-blk-pci,drive=disk,id=disk", "-device", "virtio-rng-pci",
            "-device", "virtio-balloon-pci,id=balloon", "-device", "pcie-root-port,id=port,chassis=1,slot=1",
            *cards.options(folder)]


def count(machine):
    """Pieces of the disk."""
    return int(machine.shell("cat /tmp/disk 2>/dev/null || echo 0"))


def check(machine):
    pieces = count(machine)
    machine.wait_until(lambda: count(machine) > pieces + 3, what="a disk that works")
    status, said = machine.shell("cat /tmp/bad 2>/dev/null", check=False)
    assert status != 0, (said, machine.shell("dmesg | tail -n 20"))
    machine.shell(cards.SEND, timeout=LIMIT)


def test_a_disk_and_cards_continue():
    if ARCH is not arch.X86:
        raise tap.Skip("on x86-64 only; program/test_snapshot_devices.py has each device")
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        file = pathlib.Path(folder) / "guest.snapshot"
        with open(f"{folder}/disk.img", "wb") as image:
            image.truncate(64 << 20)
        with Machine(options(folder), reboot=True, append=APPEND) as machine:
            machine.wait_ready()
            machine.shell("dd if=/dev/urandom of=/tmp/data bs=1M count=24 2>/dev/null", timeout=LIMIT)
            machine.shell("devices")
            cards.join(machine)
            machine.shell(DISK)
            machine.wait_until(lambda: count(machine) > 0, what="a disk that is written")
            machine.qmp.execute("stop")                      # for the disk as it is at that moment
            machine.qmp.execute("machine-snapshot", {"file": str(file)}, timeout=LIMIT)
            shutil.copy(f"{folder}/disk.img", f"{folder}/disk.saved")
            machine.qmp.execute("cont")
            check(machine)                                   # the one that was saved continues, too
            assert machine.quit() == 0
        shutil.copy(f"{folder}/disk.saved", f"{folder}/disk.img")
        with Machine([*options(folder), "-incoming", f"file:{file}"], reboot=True, append=APPEND, run=False) as machine:
            machine.qmp.execute("cont")
            check(machine)
            assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
