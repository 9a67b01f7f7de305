#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# guest: none
"""What people can get wrong under libvirt comes back through virsh as a sentence
that helps, and leaves everything as it was. The guest need not run for that."""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import storage_daemon, tap                          # noqa: E402
from lib.libvirt import Domain, Libvirt, dimm, documented_domain, with_devices   # noqa: E402

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


def image(name):
    path = libvirt.folder / f"{name}.img"
    path.write_bytes(bytes(MIB))
    return path


def disk(driver="", inside="", of="", name="a"):
    """A <disk> with these attributes of its <driver>, its own, and elements."""
    driver = driver if "type=" in driver else f"type='raw' {driver}"
    return (f"<disk type='file' device='disk' {of}><driver name='qemu' {driver}/><source file='{image(name)}'/>"
            f"<target dev='vd{name}' bus='virtio'/>{inside}</disk>\n")


def knows_direct():
    """Whether this file system has O_DIRECT."""
    try:
        os.close(os.open(image("a"), os.O_RDONLY | os.O_DIRECT))
    except OSError:
        return False
    return True


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
            (["dump-guest-memory"], "dump", "db1", libvirt.folder / "saved", "--memory-only"),
            (["disks"], "snapshot-create", "db1"),
            (["no screens"], "screenshot", "db1"),
            (["send-key"], "send-key", "db1", "KEY_A"),
            ([NO_PCI], "attach-device", "db1", libvirt.file(DISK)),
            ([NO_PCI], "attach-device", "db1", libvirt.file(INTERFACE))):
        libvirt.refused(words, *command)
        assert everything(domain) == full
    domain.virsh("iothreadadd", "1", "--live")
    assert "1" in domain.virsh("iothreadinfo").split("\n")[2]
    domain.virsh("iothreaddel", "1", "--live")
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
    if not pathlib.Path("/usr/share/seabios/bios-256k.bin").exists():
        libvirt.refused(["install the package seabios"], "create", libvirt.file(domain), "--paused")
        return
    libvirt.virsh("create", libvirt.file(domain), "--paused")
    libvirt.virsh("resume", "db1")
    libvirt.virsh("destroy", "db1")


def test_what_pci_brings_starts():
    """A balloon, which libvirt adds by itself, and a network card, whose cable comes out and in again."""
    text = documented_domain().replace("<memballoon model='none'/>", INTERFACE)
    libvirt.virsh("create", libvirt.file(text), "--paused")
    domain = Domain(libvirt, "db1")
    mac = re.search(r"52:54:00:[0-9a-f:]{8}", domain.virsh("domiflist")).group(0)
    for state in ("down", "up"):
        domain.virsh("domif-setlink", mac, state)
        said = domain.virsh("qemu-monitor-command", "--hmp", "info network")
        assert f"net0: type=nic,link={state}" in said and "hostnet0: index=0,type=user" in said, said
    domain.virsh("destroy")


def test_all_that_devices_can_be_told():
    direct = knows_direct()
    balloon = "<memballoon model='virtio' autodeflate='on' freePageReporting='on'/>\n"
    first = disk(f"cache='{'none' if direct else 'writeback'}' io='{'native' if direct else 'threads'}' discard='unmap' "
                 "detect_zeroes='off' iothread='1' queues='2' queue_size='128' event_idx='off' ioeventfd='on' "
                 "error_policy='stop' rerror_policy='report'",
                 "<shareable/><serial>S1</serial><boot order='1'/><blockio logical_block_size='512' "
                 "physical_block_size='4096'/>")
    second = disk(f"cache='{'directsync' if direct else 'writethrough'}' io='io_uring'", "<readonly/>",
                  "model='virtio-non-transitional'", "b")
    card = ("<interface type='user'><mac address='52:54:00:00:00:07'/><model type='virtio'/><boot order='2'/>"
            "<link state='down'/><rom enabled='no'/><driver ioeventfd='on' event_idx='on'/>"
            "<ip family='ipv4' address='172.17.2.0' prefix='24'/></interface>\n")
    rng = "<rng model='virtio'><rate bytes='1024' period='500'/><backend model='builtin'/></rng>\n"
    text = with_devices(documented_domain(), balloon + first + second + card + rng)
    # What virt-install writes without being asked.
    for old, new in (("  <os>", "  <iothreads>1</iothreads>\n  <os>"), ("<acpi/>", "<acpi/><apic/><vmport state='off'/>"),
                     ("<cpu mode='host-passthrough'>", "<cpu mode='host-passthrough' check='none' migratable='on'>"),
                     ("<clock offset='utc'/>", "<clock offset='utc'><timer name='rtc' tickpolicy='catchup'/><timer "
                      "name='pit' tickpolicy='delay'/><timer name='hpet' present='no'/></clock><pm><suspend-to-mem "
                      "enabled='no'/><suspend-to-disk enabled='no'/></pm>")):
        assert old in text, old
        text = text.replace(old, new)
    libvirt.virsh("create", libvirt.file(text), "--paused")
    domain = Domain(libvirt, "db1")

    def told(alias, *names):
        return [domain.qmp_command("qom-get", path=f"/machine/peripheral/{alias}", property=name) for name in names]

    assert told("virtio-disk0", "num-queues", "queue-size", "event_idx", "ioeventfd", "share-rw", "serial", "bootindex",
                "physical_block_size", "werror", "rerror", "write-cache", "iothread") == \
        [2, 128, False, True, True, "S1", 1, 4096, "stop", "report", "on", "iothread1"]
    assert domain.virsh("iothreadinfo").split()[-2] == "1"
    assert told("virtio-disk1", "type", "write-cache") == ["virtio-blk-pci-non-transitional", "off"]
    assert told("net0", "bootindex", "mac") == [2, "52:54:00:00:00:07"]
    assert told("rng0", "max-bytes", "period") == [1024, 500]
    assert told("balloon0", "deflate-on-oom", "free-page-reporting") == [True, True]
    nodes = {entry["qdev"].split("/")[3]: entry["inserted"] for entry in domain.qmp_command("query-block")}
    assert {name: (node["ro"], node["cache"]["direct"]) for name, node in nodes.items()} == \
        {"virtio-disk0": (False, direct), "virtio-disk1": (True, direct)}, nodes
    assert "net0: type=nic,link=down" in domain.virsh("qemu-monitor-command", "--hmp", "info network")
    # What cannot be attached to it, removed from it or changed.
    before = domain.virsh("dumpxml", quiet=True)
    own = libvirt.folder / "a.img"
    for words, *command in (
            (["lock: another program uses the image"], "attach-disk", "db1", own, "vdc", "--subdriver", "raw"),
            (["driver 'qcow2': hotram starts qemu-storage-daemon"], "attach-disk", "db1", image("c"), "vdc", "--subdriver", "qcow2"),
            (["target", "vda"], "attach-disk", "db1", image("c"), "vda", "--subdriver", "raw"),
            (["can only become larger"], "blockresize", "db1", "vda", "512K"),
            ([("readonly", "read-only")], "blockresize", "db1", "vdb", "2M"),
            (["throttle"], "blkdeviotune", "db1", "vda", "--total-iops-sec", "100")):
        libvirt.refused(words, *command, *(["--live"] if command[0] == "attach-disk" else []))
        assert domain.virsh("dumpxml", quiet=True) == before
    domain.virsh("destroy")


def test_devices_that_cannot_start():
    domain = documented_domain()
    for words, device in (
            (["detect-zeroes=on: hotram does not look for zeroes"], disk("detect_zeroes='on'")),
            (["Unknown driver 'copy-on-read'"], disk("copy_on_read='on'")),
            (["ioeventfd=off: queues run on an I/O thread"], disk("ioeventfd='off'")),
            (["packed=on: the device has split rings only"], disk("packed='on'")),
            (["iommu_platform=on: the machine has no IOMMU"], disk("iommu='on'")),
            (["throttle"], disk(inside="<iotune><total_iops_sec>9</total_iops_sec></iotune>")),
            ([("ide-hd", "SATA", "IDE")], disk().replace("bus='virtio'", "bus='sata'").replace("vda", "sda")),
            (["e1000e"], INTERFACE.replace("/>", "><model type='e1000e'/></interface>"))):
        libvirt.refused(words, "create", libvirt.file(with_devices(domain, device)), "--paused")
        assert not libvirt.virsh("list", "--name", "--all").strip()


def test_an_image_that_is_not_in_its_format():
    if storage_daemon.missing():
        raise tap.Skip("qemu-storage-daemon is not installed")
    domain = with_devices(documented_domain(), disk("type='qcow2'"))
    libvirt.refused(["qemu-storage-daemon: Image is not in qcow2 format"], "create", libvirt.file(domain), "--paused")
    assert not libvirt.virsh("list", "--name", "--all").strip()


def test_domains_that_cannot_start():
    for words, old, new in (
            (["<features><acpi/></features>"], "<features><acpi/></features>", ""),
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
            (["'/dev/zero'"], "</devices>", DISK + "</devices>"),
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
