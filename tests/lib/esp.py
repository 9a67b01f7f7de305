#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Disks that UEFI boots: a GUID partition table (UEFI 2.10, chapter 5) and in it one partition, an EFI system partition
with files. Needs mtools, no rights.

    tests/lib/esp.py DISK PLACE=FILE...        PLACE as the partition has it: EFI/BOOT/BOOTAA64.EFI
"""

import pathlib
import struct
import subprocess
import sys
import uuid
import zlib

SECTOR, MIB = 512, 1 << 20
FIRST = MIB // SECTOR           # of the partition
ENTRIES, ENTRY = 128, 128       # of the table, which fills 32 sectors
TABLE = ENTRIES * ENTRY // SECTOR
TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")        # an EFI system partition


def header(here, there, table, last, entries):
    """One of the two that a disk has, and the sector of its table (table 5.5); the other one is `there`."""
    fields = struct.pack("<QQQQ16sQIII", here, there, 2 + TABLE, last, uuid.uuid4().bytes_le, table, ENTRIES, ENTRY,
                         zlib.crc32(entries))
    start = struct.pack("<8sII", b"EFI PART", 0x10000, 92)
    checksum = zlib.crc32(start + bytes(8) + fields)
    return start + struct.pack("<II", checksum, 0) + fields


def partition(disk, sectors):
    """The tables of a disk: the first is behind a master boot record that says that all is taken (5.2.3)."""
    end = sectors - 1 - TABLE           # of what can be used
    entries = struct.pack("<16s16sQQQ72s", TYPE.bytes_le, uuid.uuid4().bytes_le, FIRST, end - 1, 0,
                          "EFI system".encode("utf-16-le")).ljust(ENTRIES * ENTRY, b"\0")
    record = struct.pack("<446xBBBBBBBBII48xH", 0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, sectors - 1, 0xaa55)
    disk.seek(0)
    disk.write(record + header(1, sectors - 1, 2, end - 1, entries).ljust(SECTOR, b"\0") + entries)
    disk.seek(end * SECTOR)
    disk.write(entries + header(sectors - 1, 1, end, end - 1, entries).ljust(SECTOR, b"\0"))
    return end - FIRST


def old_partition(disk, sectors):
    """A master boot record alone, which has the partition and calls it an EFI system partition (5.2.2)."""
    record = struct.pack("<446xBBBBBBBBII48xH", 0, 0xfe, 0xff, 0xff, 0xef, 0xfe, 0xff, 0xff, FIRST, sectors - 2 * FIRST, 0xaa55)
    disk.seek(0)
    disk.write(record)
    return sectors - 2 * FIRST


def folders(places):
    """Those that files need, each behind the one that it is in."""
    return sorted({str(parent) for place in places for parent in pathlib.PurePosixPath(place).parents} - {"."})


def make(path, files, layout=partition):
    """A disk with `files`, from a place in its partition to the file that is there, or its bytes."""
    sizes = sum(len(file) if isinstance(file, bytes) else pathlib.Path(file).stat().st_size for file in files.values())
    sectors = 2 * FIRST + (-(-sizes // MIB) + 4 + sizes // (64 * MIB)) * FIRST
    with open(path, "wb") as disk:
        disk.truncate(sectors * SECTOR)
        size = layout(disk, sectors)
    where = ["-i", f"{path}@@{FIRST * SECTOR}"]
    subprocess.run(["mformat", *where, "-T", str(size), "-h", "16", "-s", "63", "::"], check=True)
    for folder in folders(files):
        subprocess.run(["mmd", *where, f"::{folder}"], check=True)
    for place, file in files.items():
        given = isinstance(file, bytes)
        subprocess.run(["mcopy", *where, "-" if given else str(file), f"::{place}"], input=file if given else None,
                       check=True)


if __name__ == "__main__":
    if len(sys.argv) < 3 or not all("=" in word for word in sys.argv[2:]):
        sys.exit(__doc__)
    make(sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:]))
