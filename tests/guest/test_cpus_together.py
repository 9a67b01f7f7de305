#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# host: --timeout 900
"""CPUs that come and go together with what else there is: memory at the same time, NUMA nodes, clocks, a stop,
another kernel that is started by kexec."""

import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.cpus import X86, Guest                              # noqa: E402
from lib.machine import APPEND, ARCH, GUEST, ONLINE          # noqa: E402

NODES = "/sys/devices/system/node"
# The last node has no memory, and no CPU at first.
NUMA = ["-object", "memory-backend-ram,id=a,size=256M", "-object", "memory-backend-ram,id=b,size=128M",
        "-numa", "node,memdev=a,cpus=0-1", "-numa", "node,memdev=b,cpus=2", "-numa", "node,cpus=3"]


def node_of(guest, cpu):
    """The number of the node that has this CPU."""
    return int(guest.shell(f"ls -d {NODES}/node*/cpu{cpu} | sed 's,.*/node,,; s,/.*,,'"))


def both_at_once(guest):
    """A DIMM and a CPU of node 1 are pending when the guest runs again; so are their removals."""
    total = guest.meminfo()
    guest.qmp.clear_events()
    guest.qmp.execute("stop")
    guest.plug("d", "128M", node=1)
    guest.add(2)
    guest.qmp.execute("cont")
    guest.done(2, "plug")
    cpu = guest.start_cpu(2)
    guest.wait_total(total + 128 * 1024)
    guest.use(cpu)
    guest.qmp.clear_events()
    guest.qmp.execute("stop")
    guest.qmp.execute("device_del", {"id": "d"})
    guest.qmp.execute("device_del", {"id": "vcpu2"})
    guest.qmp.execute("cont")
    for device in ("d", "vcpu2"):
        guest.qmp.wait_event("DEVICE_DELETED", {"device": device})
    guest.qmp.execute("object-del", {"id": "d-mem"})
    guest.wait_total(total)
    assert guest.present() == [0] and guest.online() == 1


def nodes(guest):
    """Each CPU is in its node, also in one that gains its first."""
    for index, node in ((1, 0), (2, 1), (3, 2)):
        guest.add(index, **{"node-id": node})
        guest.done(index, "plug")
        cpu = guest.start_cpu(index)
        assert node_of(guest, cpu) == node, (index, cpu)
        guest.use(cpu)
    for index in (1, 2, 3):
        guest.remove(index)
    # Linux takes an empty node away after it has released the last CPU.
    guest.wait_until(lambda: guest.shell(f"cat {NODES}/node*/cpulist || true").split() == ["0"], what="one node")


def clocks(guest):
    """Neither its counter nor the system's clock is another on a CPU that came late, and came again."""
    complaints = "dmesg | grep -iE 'unstable|tsc.*warp|clocksource: .*skew' || true"
    before = guest.shell(complaints)
    for _ in range(2):
        guest.add(1)
        guest.done(1, "plug")
        cpu = guest.start_cpu(1)
        assert guest.shell(f"cpus clocks 0 {cpu} 200", timeout=180).split() == ["counter", "0", "clock", "0"]
        guest.remove(1)
    source = guest.shell("cat /sys/devices/system/clocksource/clocksource0/current_clocksource").strip()
    assert source == ARCH.clocksource, source
    assert guest.shell(complaints) == before


def over_a_stop(guest):
    """A CPU that is running is stopped with the others, one that is plugged meanwhile is there afterwards."""
    guest.add(1)
    guest.done(1, "plug")
    first = guest.start_cpu(1)
    guest.qmp.execute("stop")
    guest.add(2)
    guest.qmp.execute("cont")
    guest.done(2, "plug")
    second = guest.start_cpu(2)
    for cpu in (first, second):
        guest.use(cpu)
    guest.remove(2)
    guest.remove(1)


def together(kernel):
    with Guest(kernel, "1,maxcpus=4,sockets=1,cores=4,threads=1", *NUMA,
               memory="384M,slots=4,maxmem=4G", append=ONLINE) as guest:
        print(f"# {guest.shell('uname -r').strip()}")
        both_at_once(guest)
        nodes(guest)
        clocks(guest)
        over_a_stop(guest)
        complaint = guest.shell("dmesg -r | grep '^<[0-4]>' | grep -iE 'srat|numa|acpi.*(cpu|processor)' || true")
        assert complaint == "", complaint
        assert guest.quit() == 0


def disk_of(folder, path):
    """Whole sectors; and how many bytes are the file's."""
    copy = pathlib.Path(folder) / path.name
    shutil.copy(path, copy)
    size = copy.stat().st_size
    os.truncate(copy, -(-size // 512) * 512)
    return copy, size


def kexec(kernel):
    """The other kernel reads the tables as they were at the start: a CPU that has come since, and runs, is there and can
    be removed; one that came and went is not, and can come again. On arm64 a DIMM is its memory, too, which it can
    give back: there the test says where the other kernel is loaded; on x86-64 Linux does, and may select the DIMM."""
    with tempfile.TemporaryDirectory() as folder:
        files = [disk_of(folder, GUEST / name) for name in (f"vmlinuz-{kernel}", "initramfs.cpio")]
        disks = [word for number, (path, _) in enumerate(files) for word in (
            "-drive", f"file={path},format=raw,if=none,readonly=on,id=k{number}",
            "-device", f"virtio-blk-pci,drive=k{number}")]
        with Guest(kernel, "1,maxcpus=4", *disks, memory="512M" if X86 else "512M,slots=1,maxmem=2G",
                   append=f"{ONLINE} first") as guest:
            if not X86:
                total = guest.meminfo()
                guest.plug("d", "128M")
                guest.wait_total(total + 128 * 1024)
            for index in (1, 2):
                guest.add(index)
                guest.done(index, "plug")
                guest.start_cpu(index)
            guest.remove(1)
            guest.shell("devices")
            for disk, (path, size) in zip(("vda", "vdb"), files):
                guest.shell(f"head -c {size} /dev/{disk} > /tmp/{path.name}", timeout=240)
            guest.console.send(f"x cpus kexec /tmp/{files[0][0].name} /tmp/{files[1][0].name} "
                               f"'{APPEND} {ONLINE} again' 2>&1")
            guest.wait_ready(480)
            assert "again" in guest.shell("cat /proc/cmdline")
            assert guest.present() == [0, 2]
            again = guest.meminfo()
            guest.use(guest.start_cpu(2))
            guest.add(1)
            guest.done(1, "plug")
            guest.use(guest.start_cpu(1))
            assert guest.online() == 3
            guest.remove(2)
            guest.remove(1)
            assert guest.online() == 1
            if not X86:
                guest.qmp.clear_events()
                guest.qmp.execute("device_del", {"id": "d"})
                guest.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
                guest.wait_total(again - 128 * 1024)
            assert guest.quit() == 0


def test_linux_6_12():
    together("cloud-6.12")


if X86:
    def test_linux_6_1():
        together("cloud-6.1")

    def test_kexec():
        kexec("cloud-6.1")
else:
    def test_kexec():
        kexec("cloud-6.12")


if __name__ == "__main__":
    tap.main()
