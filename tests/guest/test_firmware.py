#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# host: --memory 2G --timeout 600
"""Debian's SeaBIOS, unmodified: it finds the machine, its memory and its disks, and starts a disk's first sector; a
reset starts it again, with DIMMs where dimm-at-boot says. The sector is a program of 163 bytes that says on the serial
port which disk it is from, and what memory map the BIOS gives it; or it is GRUB's, which boots Linux."""

import contextlib
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.machine import APPEND, GUEST, ONLINE, Machine       # noqa: E402

LIMIT = 120
MIB, GIB = 1 << 20, 1 << 30
RAM, RESERVED = 1, 2
# 16-bit code at 0x7c00: "[", the byte at NAME, ":", each entry of int 15h, e820h (20 bytes) in hexadecimal and ";", "]".
# Then it obeys the serial port: m the map again, r a reset (0xcf9), o power off (0x604).
SECTOR = bytes.fromhex(
    "fa31c08ed88ec08ed0bc007ceb0141b05be88000a00e7ce87a00b03ae875006631db66b820e8000066ba50414d5366b9"
    "14000000bf0080cd15fa722453be0080b91400ac88c4c0e804e8400088e0240fe83900e2ee5bb03be839006685db75c2"
    "b05de82f00bafd03eca80174f8baf803ec3c6d749a3c727506baf90cb006ee3c6f75e2ba0406b80034efebd93c0a7202"
    "0427043050bafd03eca82074fb58baf803eec3")
NAME = 14


def lacks():
    if arch.chosen() is not arch.X86:
        return "SeaBIOS is x86-64's"
    return None if pathlib.Path("/usr/share/seabios/bios-256k.bin").exists() else "the package seabios is missing"


@contextlib.contextmanager
def machine(*options, disks="A", indexes=None):
    if lacks():
        raise tap.Skip(lacks())
    with tempfile.TemporaryDirectory() as folder:
        words = []
        for place, name in enumerate(disks):
            image = pathlib.Path(folder, name)
            sector = bytearray(SECTOR.ljust(510, b"\0") + b"\x55\xaa")
            sector[NAME] = ord(name)
            image.write_bytes(sector.ljust(MIB, b"\0"))
            index = f",bootindex={indexes[place]}" if indexes else ""
            words += ["-drive", f"file={image},if=none,format=raw,id=d{name}",
                      "-device", f"virtio-blk-pci,drive=d{name},id=disk{name}{index}"]
        guest = Machine([*words, *options], kernel=None, reboot=True)
        try:
            yield guest
        finally:
            guest.close()


def booted(guest, start=0):
    """The disk's name, and the memory map that its program says."""
    guest.console.wait_for(r"\[.:[0-9a-f;]*\]", LIMIT, start)
    name, text = re.findall(r"\[(.):([0-9a-f;]*)\]", guest.console.text[start:])[-1]
    entries = []
    for entry in filter(None, text.split(";")):
        data = bytes.fromhex(entry)
        entries.append(tuple(int.from_bytes(data[at:at + size], "little") for at, size in ((0, 8), (8, 8), (16, 4))))
    return name, entries


def ram_above_4g(entries):
    return [(start, size) for start, size, kind in entries if kind == RAM and start >= 4 * GIB]


def reset(guest):
    start = len(guest.console.text)
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
        start = len(guest.console.text)
        assert booted(guest, start) == (name, entries)
        guest.console.send("o")
        assert guest.wait_exit(LIMIT) == 0


def test_bootindex_decides_which_disk():
    with machine("-m", "64M", disks="AB", indexes=(7, 3)) as guest:
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


# ---- Linux, by GRUB ----

GRUB = pathlib.Path("/usr/lib/grub/i386-pc")
FIRST = 2048            # sector of the partition, which is an archive: GRUB reads files from one
MODULES = ["biosdisk", "part_msdos", "tar", "linux", "serial", "terminal", "echo", "boot", "normal"]
COMMANDS = f"""serial --unit=0
terminal_output serial
set root=(hd0,msdos1)
echo "GRUB runs"
linux /vmlinuz {APPEND} {ONLINE}
initrd /initramfs
boot
"""


def grub_disk(folder):
    """GRUB's first sector, the partition table, GRUB itself, the partition."""
    commands, core, files, disk = (pathlib.Path(folder, name) for name in ("commands", "core", "files", "disk"))
    commands.write_text(COMMANDS)
    subprocess.run(["grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)", "-c", commands, *MODULES], check=True)
    with tarfile.open(files, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(GUEST / "vmlinuz-cloud", "vmlinuz")
        archive.add(GUEST / "initramfs.cpio", "initramfs")
    content = files.read_bytes()
    sectors = -(-len(content) // 512)
    boot = bytearray((GRUB / "boot.img").read_bytes())
    boot[0x1b8:0x1fe] = bytes(0x46)
    boot[0x1be:0x1ce] = struct.pack("<BBBBBBBBII", 0x80, 0, 2, 0, 0x83, 255, 255, 255, FIRST, sectors)
    assert core.stat().st_size < (FIRST - 1) * 512
    with disk.open("wb") as file:
        file.write(boot + core.read_bytes())
        file.seek(FIRST * 512)
        file.write(content)
        file.truncate((FIRST + sectors) * 512)
    files.unlink()
    return disk


def test_linux_by_grub_has_hotplug_and_keeps_dimms_across_a_reboot():
    if lacks() or not shutil.which("grub-mkimage") or not GRUB.exists():
        raise tap.Skip(lacks() or "the package grub-pc-bin is missing")
    with tempfile.TemporaryDirectory() as folder:
        image = grub_disk(folder)
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
            before = guest.meminfo()
            guest.plug("a", "256M")
            guest.wait_total(before + 256 * 1024)
            guest.unplug("a")
            guest.wait_total(before)
            guest.plug("b", "512M")
            guest.wait_total(before + 512 * 1024)
            guest.console.send("x reboot -f")
            guest.qmp.wait_event("RESET", timeout=LIMIT)
            guest.wait_ready()
            guest.wait_until(lambda: guest.meminfo() > before + 500 * 1024, what="the DIMM's memory after the reboot")
            assert guest.smbios_memory() == ["DIMM 0", "b"]
            guest.unplug("b")
            assert guest.meminfo() < before + 1024
            assert guest.quit() == 0


if __name__ == "__main__":
    tap.main()
