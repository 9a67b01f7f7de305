#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# host: --memory 2G --timeout 1500
"""virt-install imports a disk in qcow2 format, which SeaBIOS and GRUB boot; virsh attaches memory to the guest, and
detaches it. The command is that of docs/libvirt.md. The tests follow each other, in one guest."""

import pathlib
import subprocess
import sys
import time
from concurrent import futures

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import mbr, storage_daemon, tap                     # noqa: E402
from lib.libvirt import EMULATOR, Domain, Libvirt, dimm, documented_virt_install     # noqa: E402

LIMIT = 240             # a boot where the host is emulated
NAME = "db2"
libvirt = Libvirt()
# virt-install demands an emulator that libvirt finds by its name, as the page says.
libvirt.link_program("qemu-system-x86_64", EMULATOR)
started = []


def guest():
    if not started:
        raise tap.Skip("there is no domain: see the first test")
    return Domain(libvirt, NAME)


def is_running():
    status = libvirt.run_folder / f"{NAME}.xml"
    return status.exists() and "<domstatus state='running'" in status.read_text()


def install(image):
    """The guest does not wait for virt-install to end, and says only once that it is ready."""
    with futures.ThreadPoolExecutor() as pool:
        installing = pool.submit(libvirt.virt_install, documented_virt_install(image))
        while not is_running() and not installing.done():
            time.sleep(0.1)
        if is_running():
            domain = Domain(libvirt, NAME)
        assert "Domain creation completed." in installing.result()
    return domain


def test_virt_install_imports_a_disk_and_its_system_starts():
    missing = mbr.lacks() or storage_daemon.missing() and f"{storage_daemon.missing()} is missing"
    if missing:
        raise tap.Skip(missing)
    image = libvirt.folder / "disk.qcow2"
    raw = mbr.make(libvirt.folder)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image], check=True)
    raw.unlink()
    domain = install(image)
    domain.wait_ready(LIMIT)
    started.append(NAME)
    assert "BOOT_IMAGE=/vmlinuz" in domain.shell("cat /proc/cmdline")       # GRUB says so
    assert domain.shell("nproc").strip() == "2"
    # What virt-install has added: card, console, channel, balloon, random bytes; and the disk.
    domain.shell("devices")
    drivers = domain.shell("for d in /sys/bus/virtio/devices/*; do basename $(readlink $d/driver); done").split()
    assert sorted(set(drivers)) == ["virtio_balloon", "virtio_blk", "virtio_console", "virtio_net", "virtio_rng"], drivers
    root = domain.xml()
    assert (root.find("os/type").get("machine"), root.find("maxMemory").text) == ("pc-q35-hotram-1", str(4 << 20))


def test_memory_is_attached_and_detached():
    domain = guest()
    before = domain.meminfo()
    libvirt.watch_events()
    domain.virsh("attach-device", libvirt.file(dimm(512, alias="ua-more")), "--live")
    domain.wait_total(before + 512 * 1024)
    assert domain.dimms()["ua-more"] == (512, 0, 0, 4 << 30)
    domain.virsh("detach-device-alias", "ua-more", "--live")
    libvirt.wait_event(f"device-removed' for domain '{NAME}': ua-more")
    assert domain.meminfo() == before


def test_the_end():
    domain = guest()
    domain.virsh("shutdown")
    domain.wait_state("shut off")
    libvirt.virsh("undefine", NAME)


if __name__ == "__main__":
    with libvirt:
        tap.main()
