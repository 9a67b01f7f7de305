#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: x86-64
# sanitizers: asan
"""A guest and its virtio devices by Linux's own drivers: disk, network card, random bytes, balloon; from the start, and
while it runs."""

import hashlib
import os
import pathlib
import select
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import cards, tap                                   # noqa: E402
from lib.machine import Machine                              # noqa: E402
from lib.net import connect, take                            # noqa: E402

MIB = 1 << 20
MTU = 1400
WIRED = "52:54:00:aa:00:03"
SIZE = 128 * MIB
DATA = os.urandom(4 * MIB)


def disk_of(folder, name, contents):
    """A disk image, and the options of its node."""
    path = folder / f"{name}.img"
    path.write_bytes(contents)
    return path, {"driver": "file", "node-name": name, "filename": str(path), "discard": "unmap"}


def check_disk(machine, image):
    """Reads, writes, discards, a new size; the host sees each in the image."""
    shell = machine.shell
    assert shell("cat /sys/block/vda/size /sys/block/vda/serial").split() == [str(8 * 1024), "hello"]
    assert shell("ls /sys/block/vda/mq | wc -l").split() == ["2"]
    assert shell("md5sum /dev/vda").split()[0] == hashlib.md5(DATA).hexdigest()
    shell("dd if=/dev/urandom of=/tmp/x bs=64k count=16 2>/dev/null && "
          "dd if=/tmp/x of=/dev/vda bs=64k seek=8 conv=fsync 2>/dev/null")
    now = image.read_bytes()
    assert hashlib.md5(now[512 << 10:(512 << 10) + MIB]).hexdigest() == shell("md5sum /tmp/x").split()[0]
    assert now[:512 << 10] == DATA[:512 << 10] and now[(512 << 10) + MIB:] == DATA[(512 << 10) + MIB:]
    assert int(shell("cat /sys/block/vda/queue/discard_max_bytes")) > 0
    stats, = (entry["stats"] for entry in machine.qmp.execute("query-blockstats"))
    assert stats["wr_bytes"] == MIB and stats["rd_bytes"] >= 4 * MIB and stats["flush_operations"] > 0, stats
    assert stats["failed_rd_operations"] == stats["failed_wr_operations"] == 0
    machine.qmp.execute("block_resize", {"node-name": "disk", "size": 8 * MIB})
    machine.wait_until(lambda: int(shell("cat /sys/block/vda/size")) == 16 * 1024, what="the disk's new size")


def check_card(machine):
    """What TCP carries from one card to the other is what was sent; the link follows the host's word."""
    shell = machine.shell
    assert shell("cat /sys/class/net/eth0/address /sys/class/net/eth0/mtu").split() == [cards.MACS[0], str(MTU)]
    cards.join(machine, 2)
    shell(cards.SEND)
    machine.qmp.execute("set_link", {"name": "card0", "up": False})
    machine.wait_until(lambda: shell("cat /sys/class/net/eth0/carrier").split() == ["0"], what="the link's end")
    machine.qmp.execute("set_link", {"name": "card0", "up": True})
    machine.wait_until(lambda: shell("cat /sys/class/net/eth0/carrier").split() == ["1"], what="the link")


def check_announcement(machine, path):
    """The other end of a card's cable hears of its address by hotram's reverse ARP and by the driver's gratuitous ARP.
    Neither is a frame that Linux sends for another reason."""
    mac, ip = bytes.fromhex(WIRED.replace(":", "")), bytes((10, 9, 1, 1))
    announcements = {"reverse ARP": struct.pack("!HHHBBH", 0x8035, 1, 0x800, 6, 4, 3) + mac + bytes(4) + mac,
                     "gratuitous ARP": struct.pack("!HHHBBH", 0x806, 1, 0x800, 6, 4, 1) + mac + ip + bytes(6) + ip}

    def name_of(frame):
        return next((name for name, expected in announcements.items() if frame.startswith(b"\xff" * 6 + mac + expected)),
                    None)

    with connect(path) as wire:
        wire.settimeout(300)
        machine.shell("ip addr add 10.9.1.1/24 dev eth2 && ip link set eth2 up")
        machine.wait_until(lambda: machine.shell("cat /sys/class/net/eth2/carrier").split() == ["1"], what="the link")
        while select.select([wire], [], [], 0)[0]:
            assert name_of(take(wire)) is None, "nobody has asked for it"
        machine.qmp.execute("announce-self", {"initial": 0, "max": 0, "rounds": 1, "step": 0, "interfaces": ["card2"]})
        heard = set()
        while heard != set(announcements):
            heard |= {name_of(take(wire))} - {None}


def check_random(machine):
    assert "virtio" in machine.shell("cat /sys/class/misc/hw_random/rng_current")
    first, second = (machine.shell("dd if=/dev/hwrng bs=64 count=1 2>/dev/null | md5sum") for _ in "12")
    assert first != second


def check_balloon(machine):
    before = machine.meminfo()
    total = machine.qmp.execute("query-balloon")["actual"]
    machine.qmp.execute("balloon", {"value": total - 64 * MIB})
    machine.wait_until(lambda: machine.qmp.execute("query-balloon")["actual"] == total - 64 * MIB,
                       what="a balloon of 64 MiB")
    assert machine.meminfo() <= before - 64 * 1024
    machine.qmp.execute("balloon", {"value": total})
    machine.wait_until(lambda: machine.meminfo() == before, what="memory as before")


def check_growth(machine):
    """By the statistics of Linux's driver: a DIMM whose memory comes online, and one whose memory does not."""
    statistics = {"path": "/machine/peripheral/balloon", "property": "guest-stats"}
    machine.qmp.execute("qom-set", {**statistics, "property": "guest-stats-polling-interval", "value": 1})
    machine.wait_until(lambda: machine.qmp.execute("qom-get", statistics)["stats"]["stat-total-memory"]
                       == machine.meminfo() * 1024, what="statistics of the guest's memory as it is")
    for state, expected in (("online_movable", ("yes", SIZE)), ("offline", ("no", 0))):
        machine.shell(f"echo {state} > /sys/devices/system/memory/auto_online_blocks")
        machine.qmp.execute("memory-plug", {"size": SIZE})
        done = machine.qmp.wait_event("MEMORY_OPERATION_DONE")["data"]
        assert (done["result"], done["verified"], done["gained"]) == ("done", *expected), done
        assert ("warning" in done) == (state == "offline"), done


def check_hot_disk(machine, node):
    """A disk comes, is written, and goes; its node serves the next one, with what was written."""
    machine.qmp.execute("blockdev-add", node)
    device = {"driver": "virtio-blk-pci", "id": "hot", "drive": node["node-name"], "bus": "port"}
    machine.qmp.execute("device_add", device)
    machine.wait_until(lambda: machine.shell("test -b /dev/vdb", check=False)[0] == 0, what="a second disk")
    machine.shell("dd if=/tmp/x of=/dev/vdb bs=64k conv=fsync 2>/dev/null")
    machine.qmp.execute("device_del", {"id": "hot"})             # some 5 seconds of Linux's
    machine.qmp.wait_event("DEVICE_DELETED", {"device": "hot"})
    for kind in "plug", "unplug":
        done = machine.qmp.wait_event("DEVICE_OPERATION_DONE", {"device": "hot", "operation": kind})["data"]
        assert done["result"] == "done" and "reason" not in done, done
    machine.wait_until(lambda: machine.shell("test -b /dev/vdb", check=False)[0] != 0, what="the disk's end")
    machine.qmp.execute("blockdev-del", {"node-name": node["node-name"]})


def devices_by_their_drivers(folder):
    image, disk = disk_of(folder, "disk", DATA)
    second, hot = disk_of(folder, "hot", bytes(2 * MIB))
    with Machine(["-m", "256M,slots=2,maxmem=2G", "-smp", "2", "-blockdev", ",".join(f"{key}={disk[key]}" for key in disk),
                  "-device", "virtio-blk-pci,drive=disk,serial=hello",
                  *(word.replace("id=card0", f"id=card0,host_mtu={MTU}") for word in cards.options(folder)),
                  "-netdev", f"stream,id=c,server=on,addr.type=unix,addr.path={folder}/wire",
                  "-device", f"virtio-net-pci,id=card2,netdev=c,mac={WIRED}", "-device", "virtio-rng-pci",
                  "-device", "virtio-balloon-pci,id=balloon", "-device", "pcie-root-port,id=port,chassis=1,slot=1"],
                 append="net.ifnames=0") as machine:
        machine.wait_ready()
        machine.shell("devices")
        check_disk(machine, image)
        check_card(machine)
        check_announcement(machine, f"{folder}/wire")
        check_random(machine)
        check_balloon(machine)
        check_growth(machine)
        check_hot_disk(machine, hot)
        written = second.read_bytes()
        assert hashlib.md5(written[:MIB]).hexdigest() == machine.shell("md5sum /tmp/x").split()[0]
        assert written[MIB:] == bytes(MIB)
        assert machine.quit() == 0


def test_devices_by_their_drivers():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        devices_by_their_drivers(pathlib.Path(folder))


if __name__ == "__main__":
    tap.main()
