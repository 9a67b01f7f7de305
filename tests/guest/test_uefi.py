#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# architectures: x86-64
# host: --memory 2G --timeout 400 --icount 0
"""Debian's OVMF, unmodified, in flash: it boots GRUB from a disk with a GPT and an EFI system partition, and by it
Linux, whose memory grows and shrinks; its variables are in a file, and survive."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, esp, tap                               # noqa: E402
from lib.machine import APPEND, GUEST, ONLINE, Machine       # noqa: E402
from lib.reboot import plug_reboot_unplug                    # noqa: E402

LIMIT = 100             # a boot where the host is emulated
GIB = 1 << 30
OVMF = pathlib.Path("/usr/share/OVMF")
GRUB = pathlib.Path("/usr/lib/grub/x86_64-efi")
# For the second fault that tests/host/emulated describes: interrupts end by an exit, and the disk makes few of them.
EOI_EXITS = ["-cpu", "host,kvm-pv-eoi=off"]
PAUSE = 0.1
MODULES = ["part_gpt", "fat", "linux", "echo", "halt", "boot", "normal"]
LINUX = f"""set root=(hd0,gpt1)
echo "GRUB runs"
linux /vmlinuz {APPEND} {ONLINE}
initrd /initramfs
boot
"""
# Firmware, too, switches the machine off.
HALT = """echo "GRUB of disk {} runs"
halt
"""


def lacks():
    if arch.chosen() is not arch.X86:
        return "OVMF is x86-64's"
    for path, package in ((OVMF / "OVMF_CODE_4M.fd", "ovmf"), (GRUB, "grub-efi-amd64-bin")):
        if not path.exists():
            return f"the package {package} is missing"
    for program, package in (("grub-mkimage", "grub-common"), ("mformat", "mtools")):
        if not shutil.which(program):
            return f"the package {package} is missing"
    return None


# ---- a disk ----

def make_disk(folder, name, commands, files=(), **layout):
    """A disk that starts GRUB with these commands."""
    disk, script, loader = (pathlib.Path(folder, name + end) for end in ("", ".grub", ".efi"))
    script.write_text(commands)
    subprocess.run(["grub-mkimage", "-O", "x86_64-efi", "-o", loader, "-p", "/EFI/BOOT", "-c", script, *MODULES],
                   check=True)
    esp.make(disk, {"EFI/BOOT/BOOTX64.EFI": loader, **dict(files)}, **layout)
    return disk


# ---- the machine ----

def drive(disk, index):
    name = disk.name
    return ["-drive", f"file={disk},if=none,format=raw,id=d-{name}",
            "-device", f"virtio-blk-pci,drive=d-{name},id={name},bootindex={index}"]


def flash(variables):
    return ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF}/OVMF_CODE_4M.fd",
            "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]


def check_place_of_bars(guest):
    """Firmware has put them behind the hotplug region, whose end it was told."""
    region = guest.qmp.execute("query-memory-map")["region"]
    text = guest.shell("cat /proc/iomem")
    bars = [int(start, 16) for start in re.findall(r"^ *([0-9a-f]+)-[0-9a-f]+ : 0000:00:", text, re.M)]
    high = [start for start in bars if start >= 4 * GIB]
    assert high and min(high) >= region["start"] + region["size"], (region, text)


GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"         # UEFI's own variables, and nobody else's
OWN = "7f1c7c0e-2a60-4b0e-9d5e-3f3a6a9b4d10"
VARIABLES = "/sys/firmware/efi/efivars"


def write_variables(guest):
    """One of its own, and one more way to boot: a copy of the one that is there."""
    guest.shell(f"devices efi && mount -t efivarfs efivarfs {VARIABLES}")
    guest.shell(f"printf '\\007\\0\\0\\0kept' > {VARIABLES}/Hotram-{OWN}")
    first = guest.shell(f"ls {VARIABLES} | grep '^Boot0' | head -n 1").strip()
    guest.shell(f"cat {VARIABLES}/{first} > /tmp/first && cat /tmp/first > {VARIABLES}/Boot00B7-{GLOBAL}")


def check_variables(guest):
    guest.shell(f"devices efi && mount -t efivarfs efivarfs {VARIABLES}")
    assert guest.shell(f"tail -c 4 {VARIABLES}/Hotram-{OWN}; test -s {VARIABLES}/Boot00B7-{GLOBAL}") == "kept"


def are_stored(variables):
    content = variables.read_bytes()
    return all(name.encode("utf-16-le") in content for name in ("Hotram", "Boot00B7"))


def boot_linux(folder, variables):
    disk = make_disk(folder, "linux", LINUX, {"vmlinuz": GUEST / "vmlinuz-cloud", "initramfs": GUEST / "initramfs.cpio"})
    before = variables.read_bytes()
    with Machine([*EOI_EXITS, "-m", "512M,slots=4,maxmem=64G", *flash(variables), *drive(disk, 1)], kernel=None,
                 reboot=True) as guest:
        guest.wait_ready(LIMIT)
        assert re.search(r"BdsDxe: starting Boot\w+ .*\n(.*\n)*.*GRUB runs", guest.console.text), guest.console.text
        assert "EDK II" in guest.shell("dmesg | grep 'efi: EFI v'")
        assert guest.shell("cat /sys/class/dmi/id/product_name").strip() == "hotram-1"
        assert guest.smbios_memory() == ["DIMM 0"]
        check_place_of_bars(guest)
        write_variables(guest)
        guest.wait_until(lambda: are_stored(variables), what="the variables are in the file")
        plug_reboot_unplug(guest, LIMIT, PAUSE)
        check_variables(guest)
        assert guest.smbios_memory() == ["DIMM 0", "right"]
        guest.console.send("x poweroff -f")
        assert guest.wait_exit(LIMIT) == 0
        assert "warning" not in guest.error_log, guest.error_log
    disk.unlink()
    assert before != variables.read_bytes() and are_stored(variables)


def halted(options):
    """A machine whose disks only say which they are."""
    with Machine(["-m", "256M", *options], kernel=None, reboot=True) as guest:
        guest.console.wait_for(r"GRUB of disk . runs", LIMIT)
        assert guest.wait_exit(LIMIT) == 0
        return re.findall(r"GRUB of disk (.) runs", guest.console.text)


def test_ovmf_in_flash_boots_linux_and_keeps_its_variables():
    if lacks():
        raise tap.Skip(lacks())
    with tempfile.TemporaryDirectory() as folder:
        variables = pathlib.Path(folder, "variables")
        shutil.copyfile(OVMF / "OVMF_VARS_4M.fd", variables)
        boot_linux(folder, variables)
        # Another machine with the same variables: the order is what bootindex says, not what they do.
        disks = [make_disk(folder, "A", HALT.format("A")),
                 make_disk(folder, "B", HALT.format("B"), layout=esp.old_partition)]
        assert halted([*flash(variables), *drive(disks[0], 7), *drive(disks[1], 3), "-boot", "strict=on"]) == ["B"]
        assert are_stored(variables)


def test_ovmf_as_an_image_that_is_only_read():
    if lacks():
        raise tap.Skip(lacks())
    with tempfile.TemporaryDirectory() as folder:
        disk = make_disk(folder, "A", HALT.format("A"))
        assert halted(["-bios", "/usr/share/ovmf/OVMF.fd", *drive(disk, 1)]) == ["A"]


def test_a_kernel_of_the_command_line():
    """OVMF reads it from the firmware configuration device, before it looks at disks; variables are in a file as usual."""
    if lacks():
        raise tap.Skip(lacks())
    with tempfile.TemporaryDirectory() as folder:
        variables = pathlib.Path(folder, "variables")
        shutil.copyfile(OVMF / "OVMF_VARS_4M.fd", variables)
        disk = make_disk(folder, "A", HALT.format("A"))
        with Machine([*EOI_EXITS, "-m", "512M,slots=4,maxmem=4G", *flash(variables), *drive(disk, 1)], reboot=True) as guest:
            guest.wait_ready(LIMIT)
            assert "EDK II" in guest.shell("dmesg | grep 'efi: EFI v'")
            assert "GRUB" not in guest.console.text, guest.console.text
            plug_reboot_unplug(guest, LIMIT, PAUSE)
            assert guest.quit() == 0


if __name__ == "__main__":
    tap.main()
