#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# architectures: x86-64
"""A folder of the host in a guest, by each virtiofsd: a tree goes there and back, and a guest writes a pattern to a file, by
direct I/O out of memory in DIMMs, and verifies it, while DIMMs come and go."""

import hashlib
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import ARCH, ONLINE, Machine                # noqa: E402
from lib.virtiofsd import Virtiofsd, in_c, in_rust           # noqa: E402

MIB = 1 << 20
REGION = ARCH.region(256 * MIB)
WORKERS = 2
ROUNDS = 3
FILES = 20
LIMIT = 600         # seconds, for what has gone wrong, on a host that is slow


def tree(folder):
    """What is in it: the name and the digest of each file."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def make_tree(folder):
    for number in range(FILES):
        path = folder / f"{number % 5}" / f"file {number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * (number * 997) + b"end")


def come_and_go(machine):
    for number in range(ROUNDS):
        name = f"d{number}"
        machine.plug(name, "128M")
        machine.qmp.wait_event("ACPI_DEVICE_OST", {"info": {"device": name, "source": 1, "status": 0}})
        machine.shell("sleep 2")
        for _ in range(50):
            machine.qmp.execute("device_del", {"id": name})
            event = machine.qmp.wait_event_of("DEVICE_DELETED", "MEM_UNPLUG_ERROR")
            machine.qmp.clear_events()
            if event["event"] == "DEVICE_DELETED":
                break
        assert event["event"] == "DEVICE_DELETED", event
        machine.qmp.execute("object-del", {"id": f"{name}-mem"})


def share_by(command):
    with tempfile.TemporaryDirectory(prefix="hotram-") as files:
        shared, socket = pathlib.Path(files) / "shared", pathlib.Path(files) / "socket"
        make_tree(shared / "from host")
        (shared / "pattern").write_bytes(b"")
        with open(shared / "pattern", "r+b") as file:
            file.truncate(WORKERS * 8 * MIB)
        with Virtiofsd(command, shared, socket), \
                Machine(["-m", "256M,slots=4,maxmem=4G", "-smp", "2", "-chardev", f"socket,id=fs,path={socket}",
                         "-device", "vhost-user-fs-pci,chardev=fs,tag=shared"], append=ONLINE) as machine:
            machine.wait_ready()
            machine.shell("devices fs")
            machine.shell("mkdir -p /mnt && mount -t virtiofs shared /mnt")
            machine.plug("first", "128M")
            machine.qmp.wait_event("ACPI_DEVICE_OST", {"info": {"device": "first", "source": 1, "status": 0}})
            machine.shell("cp -r '/mnt/from host' /mnt/there && cp -r /mnt/there /tmp/here && cp -r /tmp/here /mnt/back",
                          timeout=LIMIT)
            assert tree(shared / "back") == tree(shared / "from host") and len(tree(shared / "back")) == FILES
            machine.shell(f"(dma /mnt/pattern {WORKERS} {REGION:#x}; echo status $?) > /tmp/dma.log 2>&1 & true")
            come_and_go(machine)
            machine.shell("kill -TERM $(pidof dma | tr ' ' '\\n' | sort -n | head -n 1)", check=False)
            machine.wait_until(lambda: "status" in machine.shell("cat /tmp/dma.log"), LIMIT, "the end of dma")
            log = machine.shell("cat /tmp/dma.log")
            assert "status 0" in log, log
            rounds, pages = (int(word) for word in log.split()[:3:2])
            tap.comment(f"{ROUNDS} DIMMs came and went; {rounds} rounds of 8 MiB, {pages} pages of them in DIMMs")
            assert rounds > 0 and pages > 0, log
            machine.shell("umount /mnt")
            assert machine.error_log == "", machine.error_log
            assert machine.quit() == 0


def test_a_folder_by_virtiofsd_in_c():
    share_by(in_c())


def test_a_folder_by_virtiofsd_in_rust():
    share_by(in_rust())


if __name__ == "__main__":
    tap.main()
