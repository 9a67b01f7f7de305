#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# architectures: x86-64
"""A disk of vhost-user in a guest, a qcow2 image by qemu-storage-daemon: the guest writes and verifies a pattern, by direct
I/O out of memory in DIMMs, while DIMMs come and go; the daemon is killed and restarted while the disk is idle, and what was
flushed before is there."""

import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib import storage_daemon, tap                          # noqa: E402
from lib.machine import ARCH, ONLINE, Machine                # noqa: E402
from test_dma import plug, unplug                            # noqa: E402

MIB = 1 << 20
REGION = ARCH.region(256 * MIB)
WORKERS = 2
ROUNDS = 3
KEPT = 4            # MiB behind those of dma: what was written and flushed before
LIMIT = 600         # seconds, for what has gone wrong, on a host that is slow


def begin(machine):
    machine.shell(f"(dma /dev/vda {WORKERS} {REGION:#x}; echo status $?) > /tmp/dma.log 2>&1 & true")


def end(machine):
    """Rounds of 8 MiB, and pages of them that were in DIMMs; all were right."""
    machine.shell("kill -TERM $(pidof dma | tr ' ' '\\n' | sort -n | head -n 1)", check=False)
    machine.wait_until(lambda: "status" in machine.shell("cat /tmp/dma.log"), LIMIT, "the end of dma")
    log = machine.shell("cat /tmp/dma.log")
    assert "status 0" in log, log
    return tuple(int(word) for word in log.split()[:3:2])


class Daemon:
    """One after the other, on one socket."""

    def __init__(self, folder):
        self.image, self.socket = folder / "disk.qcow2", folder / "socket"
        storage_daemon.make_image(self.image, f"{WORKERS * 8 + KEPT}M")
        self.start()

    def start(self):
        self.now = storage_daemon.StorageDaemon(self.image, self.socket)

    def kill(self):
        self.now.stop()
        os.unlink(self.socket)


def come_and_go(machine, plugged):
    for number in range(ROUNDS):
        plug(machine, f"d{number}", plugged)
        machine.shell("sleep 2")
        unplug(machine, f"d{number}", plugged)


def keep(machine):
    machine.shell(f"dd if=/dev/urandom of=/tmp/kept bs=1M count={KEPT} 2>/dev/null")
    machine.shell(f"dd if=/tmp/kept of=/dev/vda bs=1M seek={WORKERS * 8} oflag=direct conv=fsync 2>/dev/null")


def is_kept(machine):
    machine.shell(f"dd if=/dev/vda of=/tmp/read bs=1M skip={WORKERS * 8} iflag=direct 2>/dev/null && cmp /tmp/kept /tmp/read")


def restart_idle(machine, daemon):
    """Nothing is in progress: the driver notices nothing, and what was flushed is there."""
    for number in 1, 2:
        keep(machine)
        daemon.kill()
        machine.wait_until(lambda: machine.error_log.count("is gone: it has closed the connection") == number,     # pylint: disable=W0640
                           what="the end of the daemon")
        daemon.start()
        is_kept(machine)            # waits, and goes on
        begin(machine)
        machine.shell("sleep 2")
        assert end(machine)[0] > 0
        is_kept(machine)


def test_a_qcow2_image_while_dimms_come_and_go():
    if storage_daemon.missing():
        raise tap.Skip(f"{storage_daemon.missing()} is not installed")
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        daemon = Daemon(pathlib.Path(folder))
        try:
            with Machine(["-m", "256M,slots=4,maxmem=4G", "-smp", "2", "-chardev", f"socket,id=c,path={daemon.socket},reconnect-ms=50",
                          "-device", "vhost-user-blk-pci,id=v,chardev=c"], append=ONLINE) as machine:
                machine.wait_ready()
                machine.shell("devices")
                plugged = set()
                plug(machine, "first", plugged)
                begin(machine)
                come_and_go(machine, plugged)
                rounds, pages = end(machine)
                tap.comment(f"{ROUNDS} DIMMs came and went; {rounds} rounds of 8 MiB, {pages} pages of them in DIMMs")
                assert rounds > 0 and pages > 0 and machine.error_log == "", machine.error_log
                restart_idle(machine, daemon)
                assert machine.error_log.count("is gone") == machine.error_log.count("' is back") == 2, machine.error_log
                assert machine.quit() == 0
        finally:
            daemon.now.stop()


if __name__ == "__main__":
    tap.main()
