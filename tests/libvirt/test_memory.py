#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# host: --memory 4G --append hugepagesz=2M --append hugepages=448
"""Where libvirt lets a DIMM's memory come from: anonymous, memfd, files, huge
pages; shared and private; the host's nodes. A real guest for huge pages, at the
start and later; for the rest the emulator's mappings tell.

On a machine that is not emulated root has to reserve the pages that the line
above asks for, and to mount them where this user may make files."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.libvirt import Domain, Libvirt, dimm, documented_domain         # noqa: E402

MIB = 1 << 20
GIB = 1 << 30
POOL = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
HUGE = "<pagesize unit='MiB'>2</pagesize>"
MOUNT = "/dev/hugepages"
libvirt = Libvirt()
# In session mode libvirt does not look for it.
libvirt.configure(f'hugetlbfs_mount = "{MOUNT}"\n')


def domain_with(backing="", devices=""):
    text = documented_domain()
    text = text.replace("  <vcpu>", f"  <memoryBacking>{backing}</memoryBacking>\n  <vcpu>")
    return text.replace("  </devices>", devices + "  </devices>")


class Running:
    """A transient domain, gone at the end."""

    def __init__(self, backing="", devices=""):
        libvirt.virsh("create", libvirt.file(domain_with(backing, devices)), "--paused")
        self.domain = Domain(libvirt, "db1")

    def __enter__(self):
        return self.domain

    def __exit__(self, *_):
        self.domain.close_console()
        if self.domain.name in libvirt.virsh("list", "--name").split():
            libvirt.virsh("destroy", self.domain.name)


def memdevs(domain):
    return {memdev["id"]: memdev for memdev in domain.qmp_command("query-memdev")
            if "id" in memdev}


def attach(domain, text):
    domain.virsh("attach-device", libvirt.file(text))


def free_pages():
    return int((POOL / "free_hugepages").read_text())


def need_pages(number):
    if not os.access(MOUNT, os.W_OK):
        raise tap.Skip(f"this user can make no files of huge pages in {MOUNT}")
    if not POOL.exists() or free_pages() < number:
        raise tap.Skip(f"the host has fewer than {number} free huge pages of 2 MiB")


def test_memfd():
    with Running("<source type='memfd'/><access mode='shared'/>",
                 dimm(128, slot=1)) as domain:
        attach(domain, dimm(256, access="private", source="<nodemask>0</nodemask>"))
        attach(domain, dimm(128, access="shared", node=1))
        found = memdevs(domain)
        assert [found[name]["share"] for name in ("memdimm1", "memdimm0", "memdimm2")] \
            == [True, False, True], found
        assert found["memdimm0"]["host-nodes"] == [0]
        assert found["memdimm0"]["policy"] == "bind"
        assert found["ram-node0"]["share"]
        maps = (pathlib.Path("/proc") / str(domain.pid) / "maps").read_text()
        assert "memfd:" in maps


def test_files():
    with Running("<source type='file'/><access mode='shared'/>") as domain:
        attach(domain, dimm(128, alias="ua-file"))
        maps = (pathlib.Path("/proc") / str(domain.pid) / "maps").read_text()
        files = {line.split()[-1] for line in maps.splitlines() if "rw-s" in line}
        assert any("ua-file" in file for file in files), files


def test_files_in_a_folder():
    folder = libvirt.folder / "memory"
    folder.mkdir()
    libvirt.configure(f'memory_backing_dir = "{folder}"\n')
    libvirt.stop()
    libvirt.start()
    with Running("<source type='file'/><access mode='private'/>") as domain:
        attach(domain, dimm(128))


def test_allocated_at_once():
    with Running("<allocation mode='immediate' threads='2'/>") as domain:
        attach(domain, dimm(128))
        assert memdevs(domain)["memdimm0"]["prealloc"]
        status = (pathlib.Path("/proc") / str(domain.pid) / "status").read_text()
        rss = next(int(line.split()[1]) for line in status.splitlines()
                   if line.startswith("VmRSS"))
        assert rss > 640 * 1024


def test_a_guest_on_huge_pages():
    need_pages(256 + 64 + 64)
    free = free_pages()
    with Running("<hugepages/>", dimm(128, slot=1, node=1)) as domain:
        assert free_pages() == free - 320
        domain.virsh("resume")
        domain.wait_ready()
        before = domain.meminfo()
        attach(domain, dimm(128, source=HUGE))
        domain.wait_total(before + 128 * 1024)
        domain.hold("touch", 400)
        libvirt.refused(["needs 128 huge pages of 2 MiB, but 64 of", "nr_hugepages"],
                        "attach-device", "db1", libvirt.file(dimm(256)))
        domain.shell("killall hog")
        domain.virsh("detach-device-alias", "dimm0")
        domain.wait_total(before)
        domain.wait_until(lambda: free_pages() == free - 320, what="pages given back")
        domain.virsh("shutdown")
        domain.wait_until(lambda: "db1" not in libvirt.virsh("list", "--name"))
    assert free_pages() == free


def test_huge_pages_by_memfd():
    need_pages(64)
    free = free_pages()
    with Running("<source type='memfd'/>") as domain:
        attach(domain, dimm(128, source=HUGE))
        assert memdevs(domain)["memdimm0"]["page-size"] == 2 * MIB
        assert free_pages() < free


if __name__ == "__main__":
    with libvirt:
        tap.main()
