#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# guest: none
"""A domain with a plugged DIMM is saved and restored by libvirt, also as a managed save: with the micro-guest, which
answers on its serial port afterwards. The tests follow each other."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.libvirt import Domain, Libvirt, VirshError, dimm, micro_domain   # noqa: E402
from lib.micro import tell                                   # noqa: E402

NAME = "db1"
DIMM = (128, 1, 3, 8 << 30)
libvirt = Libvirt()


def query(domain):
    return domain.qmp_command("query-status")["status"]


def has_dimm(domain):
    assert domain.dimms() == {"dimm3": DIMM}, domain.dimms()


def test_a_domain_with_a_dimm():
    libvirt.virsh("define", libvirt.file(micro_domain()))
    libvirt.virsh("start", NAME)
    domain = Domain(libvirt, NAME)
    size, node, slot, base = DIMM
    domain.virsh("attach-device", libvirt.file(dimm(size, node=node, slot=slot, base=base)), "--live")
    has_dimm(domain)


def test_save_and_restore():
    domain = Domain(libvirt, NAME)
    image = libvirt.folder / "image"
    domain.virsh("save", str(image))
    assert domain.state() == "shut off" and image.stat().st_size > 1 << 16
    libvirt.virsh("restore", str(image))
    domain = Domain(libvirt, NAME)
    assert domain.state() == "running" and query(domain) == "running"
    has_dimm(domain)
    tell(domain, "e", "e")


def test_save_paused():
    domain = Domain(libvirt, NAME)
    image = libvirt.folder / "paused"
    domain.virsh("save", str(image), "--paused")
    libvirt.virsh("restore", str(image))
    domain = Domain(libvirt, NAME)
    assert domain.state() == "paused" and query(domain) == "paused"
    domain.virsh("resume")
    tell(domain, "e", "e")


def test_managed_save():
    domain = Domain(libvirt, NAME)
    domain.virsh("managedsave")
    assert domain.state() == "shut off"
    libvirt.virsh("start", NAME)
    domain = Domain(libvirt, NAME)
    assert domain.state() == "running" and query(domain) == "running"
    has_dimm(domain)
    tell(domain, "e", "e")


def test_a_snapshot_of_the_running_domain():
    domain = Domain(libvirt, NAME)
    memory = libvirt.folder / "memory"
    domain.virsh("snapshot-create-as", "--memspec", f"file={memory},snapshot=external", "--live", "--no-metadata")
    assert query(domain) == "running" and memory.stat().st_size > 1 << 16
    domain.virsh("destroy")
    libvirt.virsh("restore", str(memory))
    domain = Domain(libvirt, NAME)
    assert query(domain) == "running"
    has_dimm(domain)


def test_a_save_that_is_damaged():
    """It is refused with what is wrong, and the next one can be restored."""
    domain = Domain(libvirt, NAME)
    image = libvirt.folder / "damaged"
    domain.virsh("save", str(image))
    content = image.read_bytes()
    image.write_bytes(content[:-1])
    try:
        libvirt.virsh("restore", str(image))
    except VirshError as error:
        assert "error" in str(error), error
    else:
        raise AssertionError("it is restored")
    assert domain.state() == "shut off"
    image.write_bytes(content)
    libvirt.virsh("restore", str(image))
    assert query(Domain(libvirt, NAME)) == "running"
    libvirt.virsh("destroy", NAME)


if __name__ == "__main__":
    tap.main()
