# SPDX-License-Identifier: BSD-2-Clause
"""Disks that a BIOS boots: one sector that is a program, or a master boot record, GRUB behind it, and a partition, from
which GRUB starts the guest of the tests, for which grub-mkimage must be there. Needs no rights."""

import os
import pathlib
import tarfile

from . import esp, grub
from .machine import APPEND, GUEST, ONLINE

MIB = 1 << 20
# 16-bit code at 0x7c00: "[", the byte at NAME, ":", each entry of int 15h, e820h (20 bytes) in hexadecimal and ";", "]".
# Then it obeys the serial port: m the map again, r a reset (0xcf9), o power off (0x604).
PROGRAM = bytes.fromhex(
    "fa31c08ed88ec08ed0bc007ceb0141b05be88000a00e7ce87a00b03ae875006631db66b820e8000066ba50414d5366b9"
    "14000000bf0080cd15fa722453be0080b91400ac88c4c0e804e8400088e0240fe83900e2ee5bb03be839006685db75c2"
    "b05de82f00bafd03eca80174f8baf803ec3c6d749a3c727506baf90cb006ee3c6f75e2ba0406b80034efebd93c0a7202"
    "0427043050bafd03eca82074fb58baf803eec3")
NAME = 14
SAID = r"\[(.):([0-9a-f;]*)\]"
# The partition is an archive: GRUB reads files from one.
MODULES = ["biosdisk", "part_msdos", "tar", "linux", "serial", "terminal", "echo", "boot", "normal"]
COMMANDS = f"""serial --unit=0
terminal_output serial
set root=(hd0,msdos1)
echo "GRUB runs"
linux /vmlinuz {APPEND} {ONLINE}
initrd /initramfs
boot
"""


def make_program(path, name, gpt=False):
    """A disk of 1 MiB whose first sector says this letter, with a GUID partition table or without one."""
    sector = bytearray(PROGRAM.ljust(510, b"\0") + b"\x55\xaa")
    sector[NAME] = ord(name)
    path.write_bytes(sector.ljust(MIB, b"\0"))
    if gpt:
        os.truncate(path, 4 * MIB)
        with path.open("r+b") as disk:
            esp.partition(disk, 4 * MIB // esp.SECTOR)
            disk.seek(0)
            disk.write(PROGRAM[:NAME] + name.encode() + PROGRAM[NAME + 1:])


def lacks():
    """The package that is missing, or None."""
    if not pathlib.Path("/usr/share/seabios/bios-256k.bin").exists():
        return "the package seabios is missing"
    return grub.missing()


def make(folder):
    """GRUB's first sector with the partition table, GRUB itself, the partition."""
    files, disk = (pathlib.Path(folder, name) for name in ("files", "disk"))
    with tarfile.open(files, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(GUEST / "vmlinuz-cloud", "vmlinuz")
        archive.add(GUEST / "initramfs.cpio", "initramfs")
    with disk.open("wb") as file:
        file.seek(grub.FIRST * grub.SECTOR)
        file.write(files.read_bytes())
    files.unlink()
    grub.install(disk, MODULES, COMMANDS)
    return disk
