#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What people can get wrong under libvirt comes back through virsh as a sentence
that helps, and leaves everything as it was. The guest need not run for that."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.libvirt import Domain, Libvirt, dimm, documented_domain         # noqa: E402

GIB = 1 << 30
libvirt = Libvirt()


def changed(*changes):
    """The documented domain with replacements of its text."""
    text = documented_domain()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def fails_to_start(words, *changes):
    libvirt.refused(words, "create", libvirt.file(changed(*changes)), "--paused")
    assert not libvirt.virsh("list", "--name", "--all").strip()


def paused_domain():
    libvirt.virsh("create", libvirt.file(documented_domain()), "--paused")
    return Domain(libvirt, "db1")


def everything(domain):
    return (domain.virsh("dumpxml", quiet=True), domain.qmp_command("query-memdev"),
            domain.qmp_command("query-memory-devices"))


def test_memory_that_cannot_be_attached():
    domain = paused_domain()
    for slot in range(4, 8):
        domain.virsh("attach-device", libvirt.file(dimm(128, slot=slot)))
    before = everything(domain)
    for words, memory in (
            (["exceed domain's maxMemory"], dimm(8192)),
            (["slot '5' is already being used"], dimm(128, slot=5)),
            (["slot '8' exceeds slots count '8'"], dimm(128, slot=8)),
            (["x"], dimm(128, node=2)),
            (["x"], dimm(100)),
            (["x"], dimm(128, base=4 * GIB)),
            (["x"], dimm(128, base=GIB)),
            (["x"], dimm(128, base=6 * GIB + (1 << 20))),
            (["x"], dimm(128, base=64 * GIB)),
            (["x"], dimm(128, source="<nodemask>9</nodemask>")),
            (["x"], dimm(128, source="<pagesize unit='MiB'>1024</pagesize>")),
            (["x"], dimm(128, alias="dimm4")),
            (["x"], dimm(128, alias="ua-a b"))):
        try:
            libvirt.refused(words, "attach-device", "db1", libvirt.file(memory))
        except AssertionError as e:
            print("XXX", e)
        assert everything(domain) == before
    for slot in range(4):
        domain.virsh("attach-device", libvirt.file(dimm(128)))
    libvirt.refused(["x"], "attach-device", "db1", libvirt.file(dimm(128)))
    domain.virsh("destroy")


if __name__ == "__main__":
    with libvirt:
        tap.main()
