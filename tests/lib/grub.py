#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Disks that a BIOS boots: GRUB's first sector, with the partition table in it, GRUB itself, and one partition, from the
first MiB to the end. Needs Debian's package grub-pc-bin, no rights.

    tests/lib/grub.py DISK      an image whose partition is ext4 with a /boot/grub/grub.cfg
"""

import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

GRUB = pathlib.Path("/usr/lib/grub/i386-pc")
SECTOR = 512
FIRST = 2048            # sector of the partition
LINUX = 0x83
# Of a disk whose grub.cfg gives the commands. There are no modules on the disk.
MODULES = ["biosdisk", "part_msdos", "ext2", "linux", "serial", "terminal", "echo", "boot", "normal", "configfile"]


def missing():
    """What this needs, or None."""
    return None if shutil.which("grub-mkimage") and GRUB.exists() else "the package grub-pc-bin is missing"


def install(disk, modules, commands=None):
    """GRUB and the partition table, before the partition that `disk` has already. Without `commands` GRUB reads
    /boot/grub/grub.cfg."""
    sectors = pathlib.Path(disk).stat().st_size // SECTOR - FIRST
    with tempfile.TemporaryDirectory() as folder:
        core, given = pathlib.Path(folder, "core"), pathlib.Path(folder, "commands")
        given.write_text(commands or "")
        subprocess.run(["grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)/boot/grub",
                        *(["-c", given] if commands else []), *modules], check=True)
        grub = core.read_bytes()
    assert len(grub) < (FIRST - 1) * SECTOR
    boot = bytearray((GRUB / "boot.img").read_bytes())
    boot[0x1b8:0x1fe] = bytes(0x46)
    boot[0x1be:0x1ce] = struct.pack("<BBBBBBBBII", 0x80, 0, 2, 0, LINUX, 255, 255, 255, FIRST, sectors)
    with open(disk, "r+b") as file:
        file.write(boot + grub)


if __name__ == "__main__":
    install(sys.argv[1], MODULES)
