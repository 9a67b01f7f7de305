#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# libvirt: system
# host: --memory 4G
"""libvirt's <filesystem type='mount'> with <driver type='virtiofs'/>: libvirt starts virtiofsd and connects hotram to it;
a guest reads and writes, while a DIMM comes. Only system mode has it. It is not attached to a running domain: with that
libvirtd 9.0 ends."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.libvirt import SYSTEM, Domain, Libvirt, dimm, documented_domain         # noqa: E402
from lib.virtiofsd import in_c                               # noqa: E402

NAME = "db1"
SHARED = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
libvirt = Libvirt()


def filesystem(tag):
    """A folder of its own, and the element that shares it."""
    folder = libvirt.folder / tag
    folder.mkdir(exist_ok=True)
    return folder, f"""    <filesystem type='mount'>
      <driver type='virtiofs' queue='256'/>
      <binary path='{in_c()[0]}'/>
      <source dir='{folder}'/>
      <target dir='{tag}'/>
      <alias name='ua-{tag}'/>
    </filesystem>
"""


def test_a_guest_reads_and_writes():
    if not SYSTEM:
        raise tap.Skip("virtiofs requires libvirt's system mode, and that root")
    folder, text = filesystem("shared")
    (folder / "from host").write_bytes(b"host" * 100000)
    whole = documented_domain().replace("  <vcpu>", f"  {SHARED}\n  <vcpu>")
    libvirt.virsh("create", libvirt.file(whole.replace("  </devices>", text + "  </devices>")))
    domain = Domain(libvirt, NAME)
    domain.wait_ready()
    domain.shell("devices fs")
    domain.shell("mkdir -p /mnt && mount -t virtiofs shared /mnt")
    libvirt.virsh("attach-device", NAME, libvirt.file(dimm(256)))
    domain.shell("cp '/mnt/from host' /tmp/copy && cp /tmp/copy '/mnt/from guest' && sync")
    assert (folder / "from guest").read_bytes() == (folder / "from host").read_bytes()
    domain.shell("umount /mnt")
    assert domain.xml().find("devices/filesystem/target").get("dir") == "shared"
    domain.close_console()
    libvirt.virsh("destroy", NAME)


if __name__ == "__main__":
    with libvirt:
        tap.main()
