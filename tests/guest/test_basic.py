#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""A guest gains memory while it runs, and gives it back."""

import hashlib
import os
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, cards, tap                             # noqa: E402
from lib.machine import ONLINE, Machine                      # noqa: E402

MEMORY = ["-m", "256M,slots=4,maxmem=4G"]
DIMM_KIB = 512 * 1024
MIB = 1 << 20


def plug_and_unplug(options=(), used=None, **boot):
    with Machine([*MEMORY, *options], **boot) as machine:
        uptime = machine.wait_ready()
        tap.comment(f"guest's user space after {uptime} s")
        if used:
            used(machine)
        before = machine.meminfo()

        machine.plug("d0", "512M")
        # The memory map of the new pages comes out of the old ones or of the
        # new: either way MemTotal grows by all of the DIMM.
        machine.wait_until(lambda: machine.meminfo() >= before + DIMM_KIB,
                           what="MemTotal's growth")
        assert len(machine.qmp.execute("query-memory-devices")) == 1

        machine.unplug("d0")
        assert machine.meminfo() == before
        assert machine.qmp.execute("query-memory-devices") == []
        assert machine.quit() == 0


def disk_and_cards_by_pins(machine, image):
    """Linux reads and writes the disk and streams from card to card, and each of the three interrupts it by a line."""
    machine.shell("devices")
    data = image.read_bytes()
    assert machine.shell("md5sum /dev/vda").split()[0] == hashlib.md5(data).hexdigest()
    machine.shell("dd if=/dev/vda of=/dev/vda bs=64k count=4 seek=8 conv=fsync 2>/dev/null")
    assert image.read_bytes() == data[:MIB // 2] + data[:MIB // 4] + data[MIB * 3 // 4:]
    cards.join(machine)
    machine.shell(cards.SEND)
    lines = [line for line in machine.shell("cat /proc/interrupts").splitlines() if "virtio" in line]
    assert lines and all(re.search(r"GIC\S* +\d+ Level", line) for line in lines), lines
    users = " ".join(lines)
    assert all(f"virtio{number}" in users for number in range(3)), lines


def test_plug_and_unplug():
    """On arm64 with a disk and cards whose interrupts are pins: a GICv2 has nothing else, a GICv3 has an ITS besides."""
    if arch.chosen().name != "arm64":
        plug_and_unplug()
        return
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        image = pathlib.Path(folder, "disk.img")
        image.write_bytes(os.urandom(MIB))
        plug_and_unplug(["-machine", "its=off", "-drive", f"if=virtio,format=raw,file={image}",
                         *cards.options(folder)], lambda machine: disk_and_cards_by_pins(machine, image),
                        append=f"{ONLINE} net.ifnames=0")


def test_unpacked_kernel():
    plug_and_unplug(unpacked=True)


def test_generic_kernel():
    plug_and_unplug(kernel="generic")


def test_power_button():
    with Machine(MEMORY) as machine:
        machine.wait_ready()
        machine.qmp.execute("system_powerdown")
        machine.qmp.wait_event("POWERDOWN")
        machine.qmp.wait_event("SHUTDOWN", {"guest": True,
                                            "reason": "guest-shutdown"})
        assert machine.wait_exit() == 0


if __name__ == "__main__":
    tap.main()
