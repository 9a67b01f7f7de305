#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# architectures: arm64
# host: --memory 10G --timeout 900
"""Debian's EDK2 for arm64, unmodified: it finds the machine in device tree and firmware configuration, and starts Linux
from a disk with a GPT and an EFI system partition, by GRUB or by its shell. Linux has ACPI, SMBIOS tables, hotplug and
the time from it; its variables are in the file of the second bank of flash, and survive."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, published, storage_daemon, tap         # noqa: E402
from lib.machine import GUEST, Machine                       # noqa: E402
from lib.reboot import plug_reboot_unplug                    # noqa: E402

LIMIT = 300             # a boot where the host is emulated; half a minute where that is not busy
MIB, GIB = 1 << 20, 1 << 30
CODE = pathlib.Path("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd")
BANK = 64 * MIB


def lacks():
    if arch.chosen().name != "arm64":
        return "this firmware is arm64's"
    if not CODE.exists():
        return "the package qemu-efi-aarch64 is missing"
    for name in ("uefi.raw", "uefi-grub.raw"):
        if not (GUEST / name).exists():
            return f"scripts/guest-images.sh arm64 makes {GUEST / name}"
    return None


def disk(place="", bus=""):
    return ["-drive", f"file={place or GUEST / 'uefi.raw'},if=none,id=d0,format=raw,readonly=on",
            "-device", f"virtio-blk-pci,drive=d0,id=disk0,bootindex=1{bus}"]


def banks(folder):
    """Images as Debian's for flash: the code with zeros behind it; and nothing but zeros, of which EDK2 makes an empty
    store of variables."""
    code, variables = pathlib.Path(folder, "CODE.fd"), pathlib.Path(folder, "VARS.fd")
    shutil.copyfile(CODE, code)
    variables.touch()
    for path in (code, variables):
        os.truncate(path, BANK)
    return code, variables


def check_what_firmware_gives(guest):
    log = guest.shell("dmesg")
    assert "EDK II" in guest.shell("dmesg | grep 'efi: EFI v'"), log
    for words in ("ACPI: Using GIC", "Registered efivars operations", "ACPI: button: Power Button"):
        assert words in log, f"no {words!r} in {log}"
    assert "setting system clock to" in log, log               # EDK2 reads the PL031
    assert abs(int(guest.shell("date +%s")) - time.time()) < LIMIT


def test_the_default_image_boots_grub_and_linux_which_keeps_a_dimm_across_a_reboot():
    if lacks():
        raise tap.Skip(lacks())
    with Machine(["-m", "512M,slots=4,maxmem=4G", "-smp", "2", "-smbios", "type=1,serial=42",
                  *disk(GUEST / "uefi-grub.raw")], kernel=None, reboot=True) as guest:
        guest.wait_ready(LIMIT)
        assert guest.shell("cat /proc/cmdline").startswith("BOOT_IMAGE=/vmlinuz ")    # GRUB's word
        assert guest.shell("nproc").strip() == "2"
        check_what_firmware_gives(guest)
        assert guest.smbios_memory() == ["DIMM 0"]
        assert guest.shell("cat /sys/class/dmi/id/product_name /sys/class/dmi/id/product_serial").split() == ["hotram-1", "42"]
        plug_reboot_unplug(guest, LIMIT)
        assert guest.smbios_memory() == ["DIMM 0", "right"]
        guest.console.send("x poweroff -f")
        assert guest.wait_exit(LIMIT) == 0
        assert "warning" not in guest.error_log, guest.error_log


def test_a_kernel_of_the_command_line():
    """EDK2 reads it from the firmware configuration device, before it looks at disks."""
    if lacks():
        raise tap.Skip(lacks())
    with Machine(["-m", "512M,slots=4,maxmem=4G", "-bios", CODE, *disk()], reboot=True) as guest:
        guest.wait_ready(LIMIT)
        assert "EDK II" in guest.shell("dmesg | grep 'efi: EFI v'")
        assert guest.shell("cat /sys/class/dmi/id/product_name").strip() == "hotram-1"
        plug_reboot_unplug(guest, LIMIT)
        assert guest.quit() == 0


def test_bootindex_decides_which_disk():
    """Of two that could be started; the first option is not the first to be tried."""
    if lacks():
        raise tap.Skip(lacks())
    drives = [word for index, flavour in ((7, "generic"), (3, "cloud")) for word in (
        "-drive", f"file={GUEST / f'uefi-{flavour}.raw'},if=none,id=d-{flavour},format=raw,readonly=on",
        "-device", f"virtio-blk-pci,drive=d-{flavour},id={flavour},bootindex={index}")]
    with Machine(["-m", "512M", *drives], kernel=None) as guest:
        _, found = guest.console.wait_for(r"Linux version (\S+) ", LIMIT)
        assert found[1].decode() == (GUEST / "cloud/version").read_text().strip()
        assert guest.quit() == 0


def test_the_menu_comes_when_it_is_asked_for():
    """-boot menu=on: EDK2 waits for a key, as long as splash-time says."""
    if lacks():
        raise tap.Skip(lacks())
    with Machine(["-m", "256M", "-boot", "menu=on,splash-time=30000"], kernel=None) as guest:
        guest.console.wait_for(r"UEFI firmware \(", LIMIT)
        deadline = time.monotonic() + LIMIT
        while "hotram-1" not in guest.console.text:          # the menu's page names the machine
            assert time.monotonic() < deadline, guest.console.text
            guest.console.offer_keys("\033")
            time.sleep(1)
        assert guest.quit() == 0


OWN = "Hotram-7f1c7c0e-2a60-4b0e-9d5e-3f3a6a9b4d10"
VARIABLES = "/sys/firmware/efi/efivars"


def is_stored(variables):
    return "Hotram".encode("utf-16-le") in variables.read_bytes()


def published_places(folder):
    """Of the files of the published command line; the disk is that of other tests in qcow2 format. In the folder of the
    images, since a disk with cache=none needs a file system with direct I/O."""
    places = {"DISK": pathlib.Path(folder, "DISK"), "QMP": f"/tmp/{os.getpid()}-published"}
    places["CODE"], places["VARIABLES"] = banks(folder)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", GUEST / "uefi.raw", places["DISK"]], check=True)
    return places


def type_command(guest, line):
    """At the terminal of -monitor stdio."""
    guest.process.stdin.write(f"{line}\n".encode())
    guest.process.stdin.flush()


def test_a_published_command_line_gains_memory_and_keeps_its_variables():
    """For QEMU, without a change but for the places of files; what hotram lacks of it is left out. Eight root ports, two
    NUMA nodes, 512 GiB of address space for DIMMs."""
    if lacks() or storage_daemon.missing():
        raise tap.Skip(lacks() or f"{storage_daemon.missing()} is missing")
    with tempfile.TemporaryDirectory(dir=GUEST) as folder:
        places = published_places(folder)
        options = [*published.options(**places), *published.IGNORE]
        with Machine(options, kernel=None, reboot=True, stdin=subprocess.PIPE) as guest:
            guest.wait_ready(LIMIT)
            for words in published.ABSENT:
                assert f"warning: left out: {words}" in guest.error_log, guest.error_log
            assert guest.shell("nproc").strip() == "4"
            # EDK2 2022.11 gives Linux its flash as memory, and Linux, which finds that in no node, makes one of all.
            assert "ACPI: SRAT: Node 1 PXM 1 [mem 0x140000000-0x23fffffff]" in guest.shell("dmesg")
            check_place_of_bars(guest)
            total = guest.meminfo()
            type_command(guest, "object_add memory-backend-ram,id=mem1,size=1G")
            type_command(guest, "device_add pc-dimm,id=dimm1,memdev=mem1")
            guest.wait_total(total + MIB)                    # KiB
            guest.shell(f"devices efi && mount -t efivarfs efivarfs {VARIABLES}")
            guest.shell(f"printf '\\007\\0\\0\\0kept' > {VARIABLES}/{OWN}")
            guest.wait_until(lambda: is_stored(places["VARIABLES"]), what="the variable is in the file")
            type_command(guest, "quit")
            assert guest.wait_exit() == 0
        # A smaller machine with the same variables.
        with Machine(["-m", "512M", "-pflash", places["CODE"], "-pflash", places["VARIABLES"], *disk()],
                     kernel=None) as guest:
            guest.wait_ready(LIMIT)
            guest.shell(f"devices efi && mount -t efivarfs efivarfs {VARIABLES}")
            assert guest.shell(f"tail -c 4 {VARIABLES}/{OWN}") == "kept"
            assert guest.quit() == 0


def check_place_of_bars(guest):
    """Firmware has put them in the windows that it was told, of which the large one is behind the hotplug region."""
    region = guest.qmp.execute("query-memory-map")["region"]
    text = guest.shell("cat /proc/iomem")
    bars = [int(start, 16) for start in re.findall(r"^ *([0-9a-f]+)-[0-9a-f]+ : 0000:0[1-9]:", text, re.M)]
    assert bars and all(start < GIB or start >= region["start"] + region["size"] for start in bars), (region, text)


if __name__ == "__main__":
    tap.main()
