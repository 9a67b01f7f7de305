#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# guest: none
"""What people can get wrong under libvirt comes back through virsh as a sentence
that helps, and leaves everything as it was. The guest need not run for that."""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.libvirt import Domain, Libvirt, dimm, documented_domain         # noqa: E402

MIB = 1 << 20
GIB = 1 << 30
DISK = ("<disk type='file'><source file='/dev/zero'/><target dev='vda' bus='virtio'/>"
        "</disk>")
NUMA = re.search(" *<numa>.*</numa>\n", documented_domain(), re.S).group(0)
INTERFACE = "<interface type='user'/>"
# What it says of a device that would need PCI, by its version and the kind of device.
NO_PCI = ("No PCI buses available", "No more available PCI slots",
          "'i82801b11-bridge' device is not supported", "network backend is not supported",
          "missing video model")
MAJOR = int(subprocess.run(["virsh", "--version"], capture_output=True, text=True,
                           check=True).stdout.split(".")[0])
libvirt = Libvirt()


def fails_to_start(words, old, new):
    """The documented domain with one thing changed."""
    domain = documented_domain()
    assert old in domain, old
    libvirt.refused(words, "create", libvirt.file(domain.replace(old, new)), "--paused")
    assert not libvirt.virsh("list", "--name", "--all").strip()


def paused_domain():
    libvirt.virsh("create", libvirt.file(documented_domain()), "--paused")
    return Domain(libvirt, "db1")


def everything(domain):
    return (domain.virsh("dumpxml", quiet=True), domain.qmp_command("query-memdev"),
            domain.qmp_command("query-memory-devices"))


def test_memory_that_cannot_be_attached():
    domain = paused_domain()
    domain.virsh("attach-device", libvirt.file(dimm(256, slot=4)))
    for slot in (5, 6):
        domain.virsh("attach-device", libvirt.file(dimm(128, slot=slot)))
    domain.virsh("attach-device", libvirt.file(dimm(128, slot=7, alias="ua-taken")))
    before = everything(domain)
    for words, memory in (
            (["exceed domain's maxMemory"], dimm(8192)),
            (["slot '5' is already being used"], dimm(128, slot=5)),
            (["slot '8' exceeds slots count '8'"], dimm(128, slot=8)),
            (["guest node '2'", "only '2' NUMA nodes"], dimm(128, node=2)),
            (["multiple of", "100 MiB", "blocks of 128 MiB"], dimm(100)),
            (["'size'", "'0'"], dimm(0)),
            # Libvirt 11 looks at all of the range itself, 9 only at its start.
            ([("base '0x100000000' is already being used",
               "overlaps with other memory device (0x100000000)")],
             dimm(128, slot=1, base=4 * GIB)),
            ([("conflicts with memory device id='dimm4'",
               "overlaps with other memory device (0x100000000)")],
             dimm(128, slot=1, base=4 * GIB + 128 * MIB)),
            (["usable range for memory devices [0x100000000:"],
             dimm(128, slot=1, base=GIB)),
            (["aligned to 0x8000000", "0x180100000"],
             dimm(128, slot=1, base=6 * GIB + MIB)),
            (["usable range for memory devices [0x100000000:"],
             dimm(128, slot=1, base=64 * GIB)),
            (["NUMA node 9 is unavailable"], dimm(128, source="<nodemask>9</nodemask>")),
            (["hugetlbfs"], dimm(128, source="<pagesize unit='KiB'>64</pagesize>")),
            (["non unique alias detected: ua-taken"], dimm(128, alias="ua-taken")),
            (["'access'", "'none'"], dimm(128, access="none"))):
        libvirt.refused(words, "attach-device", "db1", libvirt.file(memory))
        assert everything(domain) == before
    for _ in range(4):
        domain.virsh("attach-device", libvirt.file(dimm(128)))
    full = everything(domain)
    for words, *command in (
            (["'9' exceeds slots count '8'"],
             "attach-device", "db1", libvirt.file(dimm(128))),
            (["not present in the domain"],
             "detach-device", "db1", libvirt.file(dimm(512))),
            (["no device found with alias ua-none"],
             "detach-device-alias", "db1", "ua-none"),
            # What is not there, and what libvirt says of it.
            (["balloon"], "setmem", "db1", "256M", "--live"),
            (["hotpluggable vcpus"], "setvcpus", "db1", "1", "--live"),
            (["migrate"], "save", "db1", libvirt.folder / "saved"),
            (["migrate"], "dump", "db1", libvirt.folder / "saved"),
            (["disks"], "snapshot-create", "db1"),
            (["no screens"], "screenshot", "db1"),
            (["send-key"], "send-key", "db1", "KEY_A"),
            ([("IOThreads not supported", "invalid object type: iothread")], "iothreadadd", "db1", "1"),
            ([NO_PCI], "attach-device", "db1", libvirt.file(DISK)),
            ([NO_PCI], "attach-device", "db1", libvirt.file(INTERFACE))):
        libvirt.refused(words, *command)
        assert everything(domain) == full
    # virsh hands on what the emulator said, and leaves judging it to people.
    assert "command nothing has not been found" in \
        domain.virsh("qemu-monitor-command", '{"execute": "nothing"}')
    assert "unknown command: 'nothing'" in \
        domain.virsh("qemu-monitor-command", "--hmp", "nothing")
    domain.virsh("destroy")


def test_the_machine_by_its_own_name():
    """Later versions find PCI missing that no machine of this name has."""
    text = documented_domain().replace("pc-q35-hotram-1", "hotram-1")
    if MAJOR >= 12:
        libvirt.refused(["PCI"], "create", libvirt.file(text), "--paused")
        return
    libvirt.virsh("create", libvirt.file(text), "--paused")
    libvirt.virsh("destroy", "db1")


def test_a_domain_without_a_kernel():
    domain = re.sub("<(kernel|initrd|cmdline)>.*\n", "", documented_domain())
    libvirt.virsh("create", libvirt.file(domain), "--paused")
    libvirt.refused(["there is nothing to run"], "resume", "db1")
    libvirt.virsh("destroy", "db1")


def test_domains_that_cannot_start():
    for words, old, new in (
            (["<features><acpi/></features>"], "<features><acpi/></features>", ""),
            ([NO_PCI], "<memballoon model='none'/>", ""),
            (["does not support machine type 'pc-q35-hotram-2'"], "q35-hotram-1", "q35-hotram-2"),
            (["does not support virt type 'qemu'"], "type='kvm'", "type='qemu'"),
            (["vmlinuz-none"], "vmlinuz-cloud", "vmlinuz-none"),
            (["'slots' expects a number from 0 to 256; got '257'"],
             "slots='8'", "slots='257'"),
            (["maximum CPU is not supported"], "'host-passthrough'", "'maximum'"),
            # Of an emulator that names no CPU models libvirtd would die here.
            (["CPU mode 'host-model'"], "'host-passthrough'", "'host-model'"),
            (["CPU"], "<cpu mode='host-passthrough'>",
             "<cpu mode='custom'><model>EPYC</model>"),
            *((["At least one numa node"], NUMA, "") for _ in range(MAJOR < 11)),   # its own rule
            ([NO_PCI], "</devices>", DISK + "</devices>"),
            ([NO_PCI], "</devices>", INTERFACE + "</devices>"),
            (["hotram has one serial port, COM1"],
             "</devices>", "<serial type='null'/></devices>"),
            ([NO_PCI], "</devices>", "<graphics type='vnc'/></devices>"),
            ([("'ib700' is not a valid device model name", "ib700 model of watchdog cannot be used")],
             "</devices>", "<watchdog model='ib700'/></devices>"),
            (["multiple of", "100 MiB"], "</devices>", dimm(100) + "</devices>"),
            (["usable range for memory devices"],
             "</devices>", dimm(128, slot=1, base=GIB) + "</devices>")):
        fails_to_start(words, old, new)


if __name__ == "__main__":
    with libvirt:
        tap.main()
