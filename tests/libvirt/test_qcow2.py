#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
"""A disk in qcow2 format under libvirt: the guest uses it, also with memory that came later, and memory is removed again
while the disk is in use. The tests follow each other, in one guest."""

import hashlib
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import storage_daemon, tap                          # noqa: E402
from lib.libvirt import Domain, Libvirt, dimm, documented_domain, with_devices       # noqa: E402

MIB = 1 << 20
NAME = "db1"
MARK = b"written by the host\n"
libvirt = Libvirt()
BASE, IMAGE = (libvirt.folder / name for name in ("base.raw", "disk.qcow2"))


def guest():
    return Domain(libvirt, NAME)


def need_programs():
    missing = storage_daemon.missing()
    if missing:
        raise tap.Skip(f"{missing} is not installed")


def test_a_domain_with_a_backing_file():
    need_programs()
    BASE.write_bytes(MARK + bytes(64 * MIB - len(MARK)))
    storage_daemon.make_image(IMAGE, backing=BASE, backing_kind="raw")
    disk = (f"<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='writeback' discard='unmap'/>"
            f"<source file='{IMAGE}'/><target dev='vda' bus='virtio'/><blockio logical_block_size='512'/></disk>\n")
    libvirt.virsh("define", libvirt.file(with_devices(documented_domain(), disk)))
    libvirt.virsh("start", NAME)
    domain = guest()
    domain.wait_ready()
    domain.shell("devices")                 # loads their drivers
    assert int(domain.shell("cat /sys/block/vda/size")) == 64 * MIB // 512
    assert domain.shell(f"head -c {len(MARK)} /dev/vda").encode() == MARK
    assert str(IMAGE) in domain.virsh("domblklist")


def fill(domain, number):
    """A pass over much of the disk; what the guest then reads is what it wrote."""
    line = f"pass {number}\n".encode()
    domain.shell(f"yes pass {number} | dd of=/dev/vda bs=1M count=32 seek=1 iflag=fullblock conv=fsync 2>&1")
    domain.shell("echo 1 > /proc/sys/vm/drop_caches")
    said = domain.shell("dd if=/dev/vda bs=1M count=32 skip=1 2>/dev/null | md5sum")
    assert said.split()[0] == hashlib.md5((line * (32 * MIB // len(line) + 1))[:32 * MIB]).hexdigest(), said


def test_memory_comes_and_goes_while_the_disk_works():
    need_programs()
    domain = guest()
    before = domain.meminfo()
    libvirt.watch_events()
    fill(domain, 1)
    domain.virsh("attach-device", libvirt.file(dimm(256, alias="ua-more")), "--live")
    domain.wait_until(lambda: domain.meminfo() > before, what="the new memory")
    fill(domain, 2)
    domain.virsh("detach-device-alias", "ua-more", "--live")
    libvirt.wait_event(f"device-removed' for domain '{NAME}': ua-more")
    assert domain.meminfo() == before
    fill(domain, 3)


def test_shutdown():
    need_programs()
    domain = guest()
    domain.virsh("shutdown")
    domain.wait_state("shut off")
    raw = libvirt.folder / "disk.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(IMAGE), str(raw)], check=True)
    text = raw.read_bytes()
    assert text.startswith(MARK) and text[MIB:MIB + 100] == b"pass 3\n" * 14 + b"pa"
    assert BASE.read_bytes()[MIB:2 * MIB] == bytes(MIB)
    libvirt.virsh("undefine", NAME)


if __name__ == "__main__":
    with libvirt:
        tap.main()
