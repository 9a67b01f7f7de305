#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# architectures: x86-64
# host: --memory 2G --timeout 600
"""Debian's SeaBIOS, unmodified: it finds the machine, its memory and its disks, and starts a disk's first sector; a
reset starts it again, with DIMMs where dimm-at-boot says. The sector is a program of 163 bytes that says on the serial
port which disk it is from, and what memory map the BIOS gives it; or it is GRUB's, which boots Linux."""

import contextlib
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, mbr, tap                               # noqa: E402
from lib.machine import Machine                              # noqa: E402
from lib.reboot import plug_reboot_unplug                    # noqa: E402

LIMIT = 120
MIB, GIB = 1 << 20, 1 << 30
RAM, RESERVED = 1, 2


def lacks():
    if arch.chosen() is not arch.X86:
        return "SeaBIOS is x86-64's"
    return None if pathlib.Path("/usr/share/seabios/bios-256k.bin").exists() else "the package seabios is missing"


@contextlib.contextmanager
def machine(*options, disks="A", indexes=None, gpt=""):
    if lacks():
        raise tap.Skip(lacks())
    with tempfile.TemporaryDirectory() as folder:
        words = []
        for place, name in enumerate(disks):
            image = pathlib.Path(folder, name)
            mbr.make_program(image, name, gpt=name in gpt)
            index = f",bootindex={indexes[place]}" if indexes else ""
            words += ["-drive", f"file={image},if=none,format=raw,id=d{name}",
                      "-device", f"virtio-blk-pci,drive=d{name},id=disk{name}{index}"]
        guest = Machine([*words, *options], kernel=None, reboot=True)
        try:
            yield guest
        finally:
            guest.close()


def blank(folder):
    """An image without a boot sector."""
    image = pathlib.Path(folder, "blank")
    image.write_bytes(bytes(MIB))
    return image


def booted(guest, start=0):
    """The disk's name, and the memory map that its program says."""
    _, said = guest.console.wait_for(mbr.SAID, LIMIT, start)
    name, text = (part.decode() for part in said.groups())
    entries = []
    for entry in filter(None, text.split(";")):
        data = bytes.fromhex(entry)
        entries.append(tuple(int.from_bytes(data[at:at + size], "little") for at, size in ((0, 8), (8, 8), (16, 4))))
    return name, entries


def ram_above_4g(entries):
    return [(start, size) for start, size, kind in entries if kind == RAM and start >= 4 * GIB]


def reset(guest):
    start = guest.console.position
    guest.console.send("r")
    guest.qmp.wait_event("RESET", timeout=LIMIT)
    return booted(guest, start)


def test_a_disk_is_started_and_its_guest_resets_and_powers_off():
    with machine("-m", "256M", "-smp", "2") as guest:
        name, entries = booted(guest)
        assert name == "A"
        assert "SeaBIOS (version" in guest.console.text, guest.console.text
        assert (0, 0x9fc00, RAM) in entries, entries
        low = [(start, size) for start, size, kind in entries if kind == RAM and start == MIB]
        assert low and 250 * MIB < low[0][1] < 256 * MIB, entries
        for start, size in ((0xb0000000, 256 * MIB), (0xfeffc000, 16 << 10), (0xfffc0000, 256 << 10)):
            assert any(first <= start and start + size <= first + length and kind == RESERVED
                       for first, length, kind in entries), (hex(start), entries)
        for _ in range(2):
            assert reset(guest) == (name, entries)
        guest.qmp.execute("system_reset")
        guest.qmp.wait_event("RESET")
        start = guest.console.position
        assert booted(guest, start) == (name, entries)
        guest.console.send("o")
        assert guest.wait_exit(LIMIT) == 0


def test_as_many_cpus_as_there_can_be():
    """It waits for as many CPUs as fw_cfg says: those of -smp, and with the reset those that were plugged."""
    with machine("-m", "256M", "-smp", "1,maxcpus=255") as guest:
        assert booted(guest)[0] == "A"
        guest.qmp.execute("cpus-set", {"cpus": 255}, timeout=LIMIT)
        assert reset(guest)[0] == "A"
        last = guest.qmp.execute("query-cpu-operations")[-1]
        assert (last["device"], last["started"]) == ("vcpu254", True), last


def test_bootindex_decides_which_disk():
    with machine("-m", "64M", disks="AB", indexes=(7, 3), gpt="B") as guest:
        assert booted(guest)[0] == "B"
    with machine("-m", "64M", disks="AB") as guest:
        assert booted(guest)[0] == "A"


def plug(guest):
    guest.qmp.execute("memory-plug", {"size": 512 * MIB})


def test_dimms_at_a_reset_are_where_dimm_at_boot_says():
    memory = ["-m", "256M,slots=4,maxmem=4G"]
    with machine(*memory, "-machine", "dimm-at-boot=e820") as guest:
        assert ram_above_4g(booted(guest)[1]) == []
        plug(guest)
        assert ram_above_4g(reset(guest)[1]) == [(4 * GIB, 512 * MIB)]
        guest.qmp.execute("memory-unplug", {"id": "dimm0"})
        assert ram_above_4g(reset(guest)[1]) == []      # a reset carries the removal out
    with machine(*memory) as guest:
        assert ram_above_4g(booted(guest)[1]) == []
        plug(guest)
        assert ram_above_4g(reset(guest)[1]) == []      # ACPI tells of it


def test_nothing_to_boot():
    """SeaBIOS says so and, as asked, resets the machine after a while, which ends with -no-reboot."""
    with tempfile.TemporaryDirectory() as folder, machine("-m", "64M", "-drive", f"file={blank(folder)},format=raw",
                                                          "-boot", "reboot-timeout=500", "-no-reboot", disks="") as guest:
        guest.console.wait_for(r"Boot failed: not a bootable disk", LIMIT)
        guest.console.wait_for(r"No bootable device\.", LIMIT)
        assert guest.wait_exit(LIMIT) == 0


# ---- Linux, by GRUB ----

def test_linux_by_grub_has_hotplug_and_keeps_dimms_across_a_reboot():
    if lacks() or mbr.lacks():
        raise tap.Skip(lacks() or mbr.lacks())
    with tempfile.TemporaryDirectory() as folder:
        image = mbr.make(folder)
        with Machine(["-m", "512M,slots=4,maxmem=4G", "-smp", "2",
                      "-drive", f"file={image},if=none,format=raw,id=d0",
                      "-device", "virtio-blk-pci,drive=d0,id=disk0,bootindex=1"], kernel=None, reboot=True) as guest:
            guest.wait_ready()
            assert "GRUB runs" in guest.console.text
            assert "SeaBIOS" in guest.console.text
            assert guest.shell("nproc").strip() == "2"
            assert guest.smbios_memory() == ["DIMM 0"]
            assert guest.shell("cat /sys/class/dmi/id/product_name /sys/class/dmi/id/bios_vendor").split() == [
                "hotram-1", "SeaBIOS"]
            plug_reboot_unplug(guest, LIMIT)
            assert guest.smbios_memory() == ["DIMM 0", "right"]
            assert guest.quit() == 0


# ---- Linux, by -kernel ----

def test_a_kernel_of_the_command_line_is_started_by_an_option_rom():
    if lacks():
        raise tap.Skip(lacks())
    if not pathlib.Path("/usr/share/qemu/linuxboot_dma.bin").exists():
        raise tap.Skip("the package qemu-system-data is missing")
    with tempfile.TemporaryDirectory() as folder:
        with Machine(["-m", "512M,slots=4,maxmem=4G", "-smp", "2", "-bios", "bios-256k.bin",
                      "-drive", f"file={blank(folder)},if=none,format=raw,id=d0",
                      "-device", "virtio-blk-pci,drive=d0,id=disk0,bootindex=0"], reboot=True) as guest:
            guest.wait_ready()
            assert "Booting from ROM" in guest.console.text, guest.console.text
            assert guest.shell("cat /sys/class/dmi/id/bios_vendor").strip() == "SeaBIOS"
            assert guest.shell("nproc").strip() == "2"
            plug_reboot_unplug(guest, LIMIT)
            assert guest.quit() == 0


if __name__ == "__main__":
    tap.main()
