#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# guest: none
"""What <os> can say of firmware: which one, its variables, the boot order, a boot menu, and SMBIOS tables; and a watchdog.
SeaBIOS and the micro-guest run, on any KVM; UEFI needs more, and is only started."""

import contextlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import mbr, tap                                     # noqa: E402
from lib.libvirt import EMULATOR, Domain, Libvirt            # noqa: E402
from lib.machine import CLONE                                # noqa: E402
from lib.micro import MICRO, hear, tell                      # noqa: E402

LIMIT = 120
NAME = "db3"
TYPE = "<type arch='x86_64' machine='q35'>hvm</type>"
OVMF = pathlib.Path("/usr/share/OVMF")
CODE, VARIABLES = OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd"
SEABIOS = pathlib.Path("/usr/share/seabios/bios-256k.bin")
DESCRIPTOR = "20-hotram-x86_64.json"
libvirt = Libvirt()


def disk(name, order):
    image = libvirt.folder / f"{name}.img"
    if not image.exists():
        mbr.make_program(image, name)
    return (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{image}'/>"
            f"<target dev='vd{name.lower()}' bus='virtio'/>{order}</disk>\n")


def domain(system, *, devices="", more="", emulator=EMULATOR):
    """Of the form that virt-manager writes; `system` is all that <os> contains, or the element itself."""
    system = system if system.startswith("<os") else f"<os>{TYPE}{system}</os>"
    return f"""<domain type='kvm'>
<name>{NAME}</name><memory unit='MiB'>256</memory>{more}
{system}
<features><acpi/><apic/><vmport state='off'/></features>
<cpu mode='host-passthrough' check='none' migratable='on'/>
<pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>
<devices><emulator>{emulator}</emulator><controller type='usb' model='none'/><serial type='pty'/>
<interface type='user'><model type='virtio'/></interface>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
{devices}</devices></domain>
"""


def emulator_without(device):
    """A program that is hotram, but leaves out this device, which hotram lacks."""
    path = libvirt.folder / "without"
    path.write_text(f"""#!/bin/bash
words=()
while (($#)); do
    if [[ $1 == -device && $2 == *{device}* ]]; then shift; else words+=("$1"); fi
    shift
done
exec {EMULATOR} "${{words[@]}}"
""")
    path.chmod(0o755)
    return path


@contextlib.contextmanager
def created(system, **options):
    libvirt.virsh("create", libvirt.file(domain(system, **options)), "--paused")
    guest = Domain(libvirt, NAME)
    try:
        yield guest
    finally:
        guest.close_console()
        if is_there():
            libvirt.virsh("destroy", NAME)


def is_there():
    return NAME in libvirt.virsh("list", "--all", "--name")


def files(guest):
    return {node["file"] for node in guest.qmp_command("query-named-block-nodes")}


def booted(guest, start=0):
    return guest.console.wait_for(mbr.SAID, LIMIT, start)[1][1].decode()


def need(*paths):
    for path in paths:
        if not path.exists():
            raise tap.Skip(f"{path} is missing: packages ovmf, seabios")


def test_the_order_of_disks_and_a_menu():
    need(SEABIOS)
    disks = disk("A", "<boot order='2'/>") + disk("B", "<boot order='1'/>")
    with created(f"<loader type='rom'>{SEABIOS}</loader><bootmenu enable='yes' timeout='100'/>"
                 "<bios useserial='yes' rebootTimeout='5000'/>", devices=disks) as guest:
        guest.virsh("resume")
        assert booted(guest) == "B"
        assert "for boot menu" in guest.console.text, guest.console.text
        start = guest.console.position
        guest.virsh("reset")
        assert booted(guest, start) == "B"
        guest.console.send("o")             # the program of the sector switches the machine off
        guest.wait_until(lambda: not is_there(), what="the end of the domain")


def test_the_first_disk_by_kind():
    need(SEABIOS)
    with created("<boot dev='hd'/><boot dev='network'/>", devices=disk("A", "")) as guest:
        assert [guest.qmp_command("qom-get", path=f"/machine/peripheral/{alias}", property="bootindex")
                for alias in ("virtio-disk0", "net0")] == [1, 2]
        guest.virsh("resume")
        assert booted(guest) == "A"


def variables(guest):
    """The domain's own, which libvirt copied."""
    nvram = guest.xml().find("os/nvram")
    assert nvram.get("template") == str(VARIABLES)
    path = pathlib.Path(nvram.text)
    assert path.read_bytes() == VARIABLES.read_bytes()
    return str(path)


def starts_with_uefi(system):
    with created(system) as guest:
        assert guest.xml().find("os/loader").text == str(CODE)
        assert {str(CODE), variables(guest)} <= files(guest), files(guest)


def test_uefi_by_its_images():
    need(CODE)
    loader = f"<loader readonly='yes' type='pflash'>{CODE}</loader>"
    starts_with_uefi(f"{loader}<nvram template='{VARIABLES}'/>")
    starts_with_uefi(f"{loader}<nvram template='{VARIABLES}'>{libvirt.folder}/own.fd</nvram>")


def has_descriptors():
    """Those of the package ovmf are where libvirt looks in session mode, too."""
    if not any(pathlib.Path("/usr/share/qemu/firmware").glob("*x86_64*.json")):
        raise tap.Skip("the package ovmf is missing")


def test_uefi_by_a_descriptor():
    need(CODE)
    has_descriptors()
    firmware = f"<os firmware='efi'>{TYPE}"
    libvirt.refused(["'smm' expects off|auto (hotram does not support system management mode; UEFI firmware without it is "
                     "OVMF_CODE_4M.fd)"], "create",
                    libvirt.file(domain(f"{firmware}</os>")), "--paused")
    starts_with_uefi(f"{firmware}<firmware><feature enabled='no' name='secure-boot'/></firmware></os>")
    # With that of hotram, as it is installed.
    folder = libvirt.folder / "c/qemu/firmware"
    folder.mkdir(parents=True)
    (folder / DESCRIPTOR).write_bytes((CLONE / "contrib/firmware" / DESCRIPTOR).read_bytes())
    starts_with_uefi(f"{firmware}</os>")
    libvirt.refused(["'smm' expects off|auto"], "create", libvirt.file(domain(
        f"{firmware}<firmware><feature enabled='yes' name='secure-boot'/></firmware></os>")), "--paused")


def test_smbios_tables():
    """What they come to, tests/program/test_smbios.py sees."""
    with created("<smbios mode='sysinfo'/>", devices=disk("A", ""), more=(
            "<sysinfo type='smbios'><bios><entry name='vendor'>ACME</entry></bios><system><entry name='serial'>5</entry>"
            "</system><baseBoard><entry name='serial'>7</entry></baseBoard><chassis><entry name='asset'>9</entry>"
            "</chassis><oemStrings><entry>app:a</entry></oemStrings></sysinfo>")) as guest:
        words = pathlib.Path(f"/proc/{guest.pid}/cmdline").read_text().split("\0")
        asked = [words[at + 1] for at, word in enumerate(words) if word == "-smbios"]
        assert [text.split(",")[0] for text in asked] == [f"type={number}" for number in (0, 1, 2, 3, 11)], asked


def test_a_watchdog():
    """libvirt 9.0 does not know the model; later versions add it by themselves."""
    text = domain("", devices=disk("A", "") + "<watchdog model='itco' action='poweroff'/>\n")
    if "9.0." in libvirt.virsh("--version"):
        libvirt.refused(["unknown watchdog model 'itco'"], "create", libvirt.file(text), "--paused")
        return
    libvirt.virsh("create", libvirt.file(text), "--paused")
    assert "model='itco' action='poweroff'" in libvirt.virsh("dumpxml", NAME, quiet=True)
    libvirt.virsh("destroy", NAME)


def test_a_watchdog_that_is_not_fed():
    """What libvirt makes of it. libvirt 9.0 does not know the model, and without a watchdog in the domain it does not survive
    the event: there the domain has another one, which the machine leaves out."""
    watchdog, emulator = "<watchdog model='itco' action='pause'/>\n", EMULATOR
    if "9.0." in libvirt.virsh("--version"):
        watchdog = "<watchdog model='i6300esb' action='pause'><address type='pci' bus='0' slot='0x10'/></watchdog>\n"
        emulator = emulator_without("i6300esb")
    libvirt.watch_events()
    with created(f"<kernel>{MICRO}</kernel>", devices=watchdog, emulator=emulator) as guest:
        guest.virsh("resume")
        hear(guest, "micro")
        tell(guest, "w")
        libvirt.wait_event(f"event 'watchdog' for domain '{NAME}': pause")
        guest.wait_state("paused")
        assert guest.virsh("domstate", "--reason").strip() == "paused (watchdog)"
        guest.virsh("resume")
        assert guest.state() == "running"
        guest.qmp_command("watchdog-set-action", action="reset")
        tell(guest, "w")
        libvirt.wait_event(f"event 'watchdog' for domain '{NAME}': reset")
        libvirt.wait_event(f"event 'reboot' for domain '{NAME}'")
        hear(guest, "micro")
        assert guest.state() == "running"
        guest.qmp_command("watchdog-set-action", action="poweroff")
        tell(guest, "w")
        libvirt.wait_event(f"event 'watchdog' for domain '{NAME}': poweroff")
        guest.wait_until(lambda: not is_there(), what="the end of the domain")
    libvirt.stop_events()


if __name__ == "__main__":
    with libvirt:
        tap.main()
