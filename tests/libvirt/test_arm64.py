#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# host: --memory 4G --timeout 1500
"""arm64: Debian's EDK2, found by hotram's descriptor file, boots a domain's disk, and virsh attaches memory to the guest.
The tests follow each other, in one guest."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.libvirt import EMULATOR, Domain, Libvirt, dimm      # noqa: E402
from lib.machine import CLONE, GUEST                         # noqa: E402

LIMIT = 400             # a boot where the host is emulated
NAME = "db4"
CODE = "/usr/share/AAVMF/AAVMF_CODE.fd"
DESCRIPTOR = "20-hotram-aarch64.json"
DOMAIN = f"""<domain type='kvm'>
  <name>{NAME}</name>
  <maxMemory slots='4' unit='GiB'>4</maxMemory>
  <memory unit='MiB'>512</memory>
  <vcpu>1</vcpu>
  <os firmware='efi'><type arch='aarch64' machine='virt-hotram-1'>hvm</type></os>
  <features><acpi/><gic version='3'/></features>
  <cpu mode='host-passthrough'><numa><cell id='0' cpus='0' memory='512' unit='MiB'/></numa></cpu>
  <devices>
    <emulator>{EMULATOR}</emulator>
    <controller type='usb' model='none'/>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{GUEST}/uefi.raw'/>
      <target dev='vda' bus='virtio'/><readonly/></disk>
    <serial type='pty'/>
  </devices>
</domain>
"""
started = []


def guest():
    if not started:
        raise tap.Skip("there is no domain: see the first test")
    return Domain(libvirt, NAME)


def test_a_domain_with_uefi_boots_its_disk():
    folder = libvirt.folder / "c/qemu/firmware"
    folder.mkdir(parents=True)
    (folder / DESCRIPTOR).write_bytes((CLONE / "contrib/firmware" / DESCRIPTOR).read_bytes())
    libvirt.virsh("define", libvirt.file(DOMAIN))
    libvirt.virsh("start", NAME)
    domain = Domain(libvirt, NAME)
    assert domain.xml().find("os/loader").text == CODE
    domain.wait_ready(LIMIT)
    assert "EDK II" in domain.shell("dmesg | grep 'efi: EFI v'")
    started.append(NAME)


def test_memory_is_attached_and_detached():
    domain = guest()
    before = domain.meminfo()
    libvirt.watch_events()
    domain.virsh("attach-device", libvirt.file(dimm(256, alias="ua-more")), "--live")
    domain.wait_total(before + 256 * 1024)
    assert domain.dimms()["ua-more"][:3] == (256, 0, 0)
    domain.virsh("detach-device-alias", "ua-more", "--live")
    libvirt.wait_event(f"device-removed' for domain '{NAME}': ua-more")
    assert domain.meminfo() == before


def test_the_end():
    domain = guest()
    domain.virsh("shutdown")
    domain.wait_state("shut off")
    libvirt.virsh("undefine", NAME, "--nvram")


if __name__ == "__main__":
    if arch.chosen().name != "arm64":
        sys.exit("for a host of arm64: see docs/testing.md")
    libvirt = Libvirt()
    with libvirt:
        tap.main()
