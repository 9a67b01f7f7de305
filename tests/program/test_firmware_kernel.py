#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""-kernel together with -bios or pflash0: firmware has kernel, initrd and command line from its configuration device,
and a BIOS the option ROM that starts them. A test reads in firmware's place; tests/guest/test_firmware.py, test_uefi.py and
test_uefi_arm64.py run Debian's."""

import contextlib
import gzip
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.fw_cfg import FwCfg                                 # noqa: E402
from lib.host import MIB, Host                               # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402

KIB = 1 << 10
QUIET = ["-accel", "qtest", "-nodefaults", "-display", "none"]
X86 = arch.chosen() is arch.X86
KERNEL, INITRD, CMDLINE, SETUP = (7, 8, 0x11), (0xa, 0xb, 0x12), (0x13, 0x14, 0x15), (0x16, 0x17, 0x18)
ROM = b"\x55\xaa\x02".ljust(KIB, b"r")
RAMDISK = bytes(range(256)) * 33


# ---- files ----

def bzimage():
    """Of 3 sectors for real mode, 64 KiB, and what a signature adds behind them."""
    head = bytearray(b"".join(struct.pack("<I", at) for at in range(0, 2048, 4)))
    head[:2] = b"MZ"
    struct.pack_into("<BHIHHH", head, 0x1f1, 3, 0, 64 * KIB // 16, 0, 0xffff, 0)
    head[0x1fe:0x202] = b"\x55\xaa\xeb\x66"
    struct.pack_into("<4sH", head, 0x202, b"HdrS", 0x20f)
    head[0x211] = 1                                            # loaded high
    struct.pack_into("<I", head, 0x22c, 0x37ffffff)            # maximum address of an initrd
    struct.pack_into("<I", head, 0x238, 255)                   # length of the command line
    struct.pack_into("<Q", head, 0x258, 16 * MIB)              # preferred address, and init_size
    struct.pack_into("<I", head, 0x260, 1 * MIB)
    return bytes(head) + bytes(i % 251 for i in range(64 * KIB)) + b"signed"


def arm64_image():
    head = struct.pack("<2s2xIQQQ24xII", b"MZ", 0, 0, MIB, 2, 0x644d5241, 64)
    pe = b"PE\0\0" + bytes(20)
    return (head + pe).ljust(70 * KIB, b"k")


def kernel(folder, content=None):
    path = pathlib.Path(folder, "kernel")
    path.write_bytes(content or (bzimage() if X86 else arm64_image()))
    return path


def firmware(folder, uefi=False, name="firmware"):
    """Something that is not all the same, with or without the signature of a firmware volume."""
    content = bytearray(b"".join(struct.pack("<I", at | 1) for at in range(0, 256 * KIB, 4)))
    if uefi:
        content[40:44] = b"_FVH"
    path = pathlib.Path(folder, name)
    path.write_bytes(content)
    return path


def rom(folder, content=ROM):
    """The folder that has it."""
    place = pathlib.Path(folder, "roms")
    place.mkdir(exist_ok=True)
    pathlib.Path(place, "linuxboot_dma.bin").write_bytes(content)
    return place


@contextlib.contextmanager
def machine(*options, **properties):
    host = Host([*map(str, options)], **properties)
    try:
        yield host, FwCfg(host.qtest)
    finally:
        host.close()


def refused(words, *options):
    done = subprocess.run([PROGRAM, *QUIET, *map(str, options)], capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and words in done.stderr, (words, done)


def part(device, numbers):
    """Address and bytes."""
    address, size = (struct.unpack("<I", device.read(number, 4))[0] for number in numbers[:2])
    return address, device.read(numbers[2], size)


# ---- what firmware reads ----

def test_a_bios_reads_the_parts_of_a_bzimage():
    if not X86:
        raise tap.Skip("x86-64's kernels have two parts")
    with tempfile.TemporaryDirectory() as folder:
        initrd = pathlib.Path(folder, "initrd")
        initrd.write_bytes(RAMDISK)
        with machine("-bios", firmware(folder), "-L", rom(folder), "-kernel", kernel(folder), "-initrd", initrd, "-append",
                     "some words", "-boot", "strict=on", memory="64M") as (host, device):
            before = bzimage()
            assert part(device, KERNEL) == (MIB, before[2048:])
            where, ramdisk = part(device, INITRD)
            assert ramdisk == RAMDISK and where % (4 * KIB) == 0 and 60 * MIB < where < 64 * MIB - len(RAMDISK)
            assert part(device, CMDLINE) == (0x20000, b"some words\0")
            where, setup = part(device, SETUP)
            assert where == 0x10000 and len(setup) == 2048
            assert struct.unpack_from("<II", setup, 0x218) == (part(device, INITRD)[0], len(RAMDISK))
            assert struct.unpack_from("<HHI", setup, 0x224)[::2] == (0xfe00, 0x20000)
            assert setup[0x210] == 0xff and setup[0x211] == 0x81
            changed = {at for at in range(2048) if setup[at] != before[at]}
            assert changed <= {0x210, 0x211, *range(0x218, 0x220), 0x224, 0x225, *range(0x228, 0x22c)}, changed
            assert device.file("genroms/linuxboot_dma.bin") == ROM
            assert device.file("bootorder") == b"/rom@genroms/linuxboot_dma.bin\nHALT\0"
            # Nothing is in RAM, and a reset gives the same, whatever the files are meanwhile.
            assert host.qtest.read(MIB + 16, 64) == bytes(64)
            initrd.write_bytes(b"another")
            host.qmp.execute("system_reset")
            host.qmp.wait_event("RESET")
            assert part(device, INITRD)[1] == RAMDISK


def test_the_option_rom_precedes_disks():
    if not X86:
        raise tap.Skip("x86-64's")
    with tempfile.TemporaryDirectory() as folder, machine(
            "-bios", firmware(folder), "-L", rom(folder), "-kernel", kernel(folder), "-blockdev", "null-co,node-name=d",
            "-device", "virtio-blk-pci,drive=d,bootindex=0,addr=4", memory="64M") as (_, device):
        assert device.file("bootorder") == b"/rom@genroms/linuxboot_dma.bin\n/pci@i0cf8/scsi@4/disk@0,0\0"
        assert part(device, INITRD) == (0, b"") and part(device, CMDLINE)[1] == b"\0"


def test_uefi_reads_them_itself():
    with tempfile.TemporaryDirectory() as folder:
        image = firmware(folder, uefi=True)
        for where in (["-bios", image], ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={image}"]):
            with machine(*where, "-kernel", kernel(folder), "-append", "x", memory="256M") as (_, device):
                whole = part(device, SETUP)[1] + part(device, KERNEL)[1]
                assert len(whole) == len(kernel(folder).read_bytes())
                assert whole[0x300:] == kernel(folder).read_bytes()[0x300:]
                assert part(device, CMDLINE)[1] == b"x\0"
                assert "genroms/linuxboot_dma.bin" not in device.directory()
                assert device.file("bootorder") == b""


def test_arm64_kernels_are_unpacked_unless_they_do_it_themselves():
    if X86:
        raise tap.Skip("arm64's")
    zboot = struct.pack("<4s4sII8x32s", b"MZ\0\0", b"zimg", 64, 100, b"zstd22").ljust(200, b"z")
    with tempfile.TemporaryDirectory() as folder:
        for content, read in ((gzip.compress(arm64_image()), arm64_image()), (arm64_image(), arm64_image()), (zboot, zboot)):
            with machine("-bios", firmware(folder), "-kernel", kernel(folder, content), memory="256M") as (_, device):
                assert part(device, KERNEL)[1] == read


def test_a_kernel_alone_is_booted_directly():
    with tempfile.TemporaryDirectory() as folder:
        with machine("-kernel", kernel(folder), "-fw_cfg", "name=opt/a,string=b", memory="256M") as (_, device):
            assert part(device, KERNEL) == (0, b"")


# ---- what is refused ----

def test_bad_kernels_for_firmware_are_refused():
    with tempfile.TemporaryDirectory() as folder:
        bios, good = firmware(folder), kernel(folder)
        with pathlib.Path(folder, "large").open("wb") as file:
            file.truncate((1 << 30) + 1)
        refused("-initrd", "-bios", bios, "-kernel", good, "-initrd", f"{folder}/none")
        refused("which exceeds the limit of 1024 MiB for a kernel or an initrd that firmware reads; omit -bios", "-bios", bios,
                "-kernel", good, "-initrd", f"{folder}/large", "-m", "3G")
        refused("is not a kernel", "-bios", bios, "-kernel", bios)
        refused("-boot menu=on: a kernel given by -kernel is booted without firmware", "-kernel", good, "-boot", "menu=on")


def test_bad_option_roms_are_refused():
    if not X86:
        raise tap.Skip("x86-64's")
    with tempfile.TemporaryDirectory() as folder:
        start = ["-bios", firmware(folder), "-kernel", kernel(folder)]
        for content, words in ((b"\x55", "does not begin with 0x55 0xaa"), (ROM[:-1], "announces 1024 bytes, and has 1023"),
                               (ROM.ljust(128 * KIB + 1), "has 131073 bytes, and an option ROM has at most 128 KiB")):
            refused(words, *start, "-L", rom(folder, content))
        elf = pathlib.Path(folder, "elf")
        elf.write_bytes(b"\x7fELF".ljust(4 * KIB, b"\0"))
        refused("is an ELF file, and firmware starts a bzImage only; use the bzImage, or omit -bios", *start[:2], "-kernel",
                elf)


def test_broken_arm64_kernels_are_refused():
    if X86:
        raise tap.Skip("arm64's")
    with tempfile.TemporaryDirectory() as folder:
        packed = gzip.compress(arm64_image())
        for content, words in ((b"\0\0" + arm64_image()[2:], 'has no EFI support (no "MZ" at its beginning), by which firmware'),
                               (packed[:-9], "cannot be unpacked"),
                               (gzip.compress(arm64_image() + bytes(MIB)), "it unpacks to more than")):
            refused(words, "-bios", firmware(folder), "-kernel", kernel(folder, content))


if __name__ == "__main__":
    tap.main()
