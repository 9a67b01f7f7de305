# SPDX-License-Identifier: BSD-2-Clause
"""What each firmware's guest does with its memory: what the tests of directly booted guests ask, in one boot more."""

import contextlib

MIB = 1 << 20
READS = "/tmp/reads"
LOAD = (f"(while dd if=/dev/vda of=/dev/null bs=64k count=16 iflag=direct 2> /tmp/dd; do echo >> {READS}; sleep %g; "
        "done; touch /tmp/broken) > /dev/null 2>&1 & true")
# Memory that is plugged becomes the kernel's own, which it cannot move away again.
KERNELS_OWN = "echo online_kernel > /sys/devices/system/memory/auto_online_blocks"


@contextlib.contextmanager
def disk_under_load(guest, pause):
    """The guest reads its disk, from before to after, without an error, `pause` seconds between two parts."""
    def reads():
        return int(guest.shell(f"cat {READS} 2>/dev/null | wc -l"))

    guest.shell("test -b /dev/vda || devices")
    guest.shell(LOAD % pause)
    guest.wait_until(reads, what="a part of the disk is read")
    yield
    count = reads()
    guest.wait_until(lambda: reads() > count + 1, what="the disk is read afterwards")
    assert guest.shell("test -e /tmp/broken", check=False)[0] != 0, guest.shell("cat /tmp/dd")


def move_bars(guest):
    """The guest's kernel assigns the disk's BARs anew, which firmware had assigned: the disk works wherever they are."""
    guest.shell("test -b /dev/vda || devices")
    path = guest.shell("readlink -f /sys/block/vda/device/..").strip()
    guest.shell(f"echo {path.rsplit('/', maxsplit=1)[-1]} > {path}/driver/unbind")
    for start, count in ((4, 2), (16, 24)):              # the command register, then all BARs
        guest.shell(f"dd if=/dev/zero of={path}/config bs=1 seek={start} count={count} conv=notrunc 2>/dev/null")
    guest.shell(f"echo 1 > {path}/remove && test ! -e /dev/vda && echo 1 > /sys/bus/pci/rescan")
    guest.wait_until(lambda: guest.shell("test -b /dev/vda", check=False)[0] == 0, what="the disk is back")
    starts = [int(line.split()[0], 16) for line in guest.shell(f"head -n 6 {path}/resource").splitlines()]
    assert starts[1] and starts[4], starts
    guest.shell("dd if=/dev/vda of=/dev/null bs=64k count=16 iflag=direct")


def resize(guest, total):
    """By a size: one DIMM more, and back. `total` is the guest's at the start, in KiB."""
    size = guest.qmp.execute("query-memory-size-summary")
    now = size["base-memory"] + size["plugged-memory"]
    for new in (now + 256 * MIB, now):
        result = guest.qmp.execute("memory-set", {"size": new, "wait": True})
        assert result["result-size"] == new, result
        guest.wait_total(total + (new - now) // 1024)


def refuse(guest):
    """A DIMM that the guest needs stays, and the guest says why."""
    guest.shell(KERNELS_OWN)
    before = guest.meminfo()
    guest.plug("kept", "256M")
    guest.wait_until(lambda: guest.meminfo() > before, what="the DIMM's memory")
    grown = guest.meminfo()
    guest.hold("pin", 128)
    guest.qmp.execute("device_del", {"id": "kept"})
    guest.qmp.wait_event("ACPI_DEVICE_OST", {"info": {"device": "kept", "slot": "0", "slot-type": "DIMM", "source": 3,
                                                      "status": 0x82}})
    guest.wait_until(lambda: guest.meminfo() == grown, what="the memory back in use")
    assert [entry["data"]["id"] for entry in guest.qmp.execute("query-memory-devices")] == ["kept"]


def plug_reboot_unplug(guest, limit, pause=0):
    """DIMMs come and go while the disk is read, at once and by a size; one, "right", stays across a reboot through the
    firmware; one is refused, and stays. BARs that firmware has assigned are others afterwards. `limit` is that of a boot,
    `pause` as in disk_under_load()."""
    total = guest.meminfo()
    with disk_under_load(guest, pause):
        guest.plug("left", "256M")
        guest.wait_total(total + 256 * 1024)
        guest.unplug("left")
        guest.wait_total(total)
    guest.plug("right", "512M")
    guest.wait_total(total + 512 * 1024)
    guest.console.send("x reboot -f")
    guest.qmp.wait_event("RESET", timeout=limit)
    guest.wait_ready(limit)
    # Not as before to the KiB: the kernel has another image in other places.
    guest.wait_until(lambda: guest.meminfo() > total + 500 * 1024, what="the DIMM's memory after the reboot")
    move_bars(guest)
    resize(guest, guest.meminfo())
    guest.unplug("right")
    assert guest.meminfo() < total + 1024
    refuse(guest)
