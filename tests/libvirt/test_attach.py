#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# guest: none
# libvirt: system
# host: --append modules=net
"""Disks and network cards that need libvirt's system mode, attached and detached with virsh's own commands: block
devices, bridges, networks and taps, whose descriptors libvirt passes. The guest need not run for that."""

import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.libvirt import EMULATOR, SYSTEM, Domain, Libvirt, VirshError, documented_domain, with_devices    # noqa: E402
from lib.loop_device import LoopDevice                      # noqa: E402
from lib.machine import GUEST                                # noqa: E402

MIB = 1 << 20
NAME = "db1"
BRIDGE, OWN, NETWORK = "br0", "own0", "lan"
ROOM = "<controller type='pci' index='12' model='pcie-root-port'/>\n<memballoon model='virtio'/>\n"
VHOST = os.path.exists("/dev/vhost-net")
libvirt = Libvirt()
disks = {}          # of the domain


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def block_device(name, size=16 * MIB):
    image = libvirt.folder / f"{name}.img"
    image.write_bytes(bytes(size))
    return LoopDevice(image)


def guest():
    if "first" not in disks:
        raise tap.Skip("there is no domain: see the first test")
    return Domain(libvirt, NAME, console=False)


def has_networks():
    """Whether libvirt's driver for networks is there: a package of its own from Debian 13 on."""
    try:
        libvirt.virsh("net-list")
    except VirshError:
        return False
    return True


def nodes():
    return {entry["qdev"].split("/")[3]: entry["inserted"] for entry in guest().qmp_command("query-block")}


def told(alias, *names):
    return [guest().qmp_command("qom-get", path=f"/machine/peripheral/{alias}", property=name) for name in names]


def links():
    """Interfaces of the host, and the bridge that each belongs to."""
    done = subprocess.run(["ip", "-json", "link"], capture_output=True, check=True)
    return {entry["ifname"]: entry.get("master") for entry in json.loads(done.stdout)}


def interface(kind, source, name, inside="", mac=1):
    return (f"<interface type='{kind}'><mac address='52:54:00:00:00:{mac:02x}'/>{source}<target {name}/>"
            f"<model type='virtio'/>{inside}</interface>\n")


def test_a_domain_with_a_block_device_and_a_card_on_a_bridge():
    if not SYSTEM:
        raise tap.Skip("libvirt's system mode takes root")
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("link", "set", BRIDGE, "up")
    ip("tuntap", "add", OWN, "mode", "tap", "multi_queue")
    ip("link", "set", OWN, "up")
    if has_networks():
        libvirt.virsh("net-create", libvirt.file(
            f"<network><name>{NETWORK}</name><forward mode='bridge'/><bridge name='{BRIDGE}'/></network>"))
    disks["first"] = block_device("first")
    path = disks["first"].path
    disk = (f"<disk type='block' device='disk'><driver name='qemu' type='raw' cache='none' io='native' discard='unmap'/>"
            f"<source dev='{path}'/><target dev='vda' bus='virtio'/><serial>B1</serial><boot order='1'/></disk>\n")
    card = interface("bridge", f"<source bridge='{BRIDGE}'/>", "dev='tap0'",
                     "<driver queues='2'/><mtu size='1400'/><link state='down'/><boot order='2'/>")
    libvirt.virsh("create", libvirt.file(with_devices(documented_domain(), ROOM + disk + card)), "--paused")
    assert links()["tap0"] == BRIDGE
    node = nodes()["virtio-disk0"]
    assert (node["file"], node["ro"], node["cache"]["direct"]) == (path, False, True), node
    assert told("virtio-disk0", "serial", "bootindex") == ["B1", 1]
    assert told("net0", "mq", "vectors", "host_mtu", "bootindex", "mac") == [True, 6, 1400, 2, "52:54:00:00:00:01"]
    assert re.search(f"vda +{path}\n", guest().virsh("domblklist"))
    assert re.search(r"tap0 +bridge +br0 +virtio +52:54:00:00:00:01", guest().virsh("domiflist"))
    assert f"Capacity:       {16 * MIB}" in guest().virsh("domblkinfo", "vda")


def test_links_and_statistics_by_the_name_of_the_interface():
    for state in ("down", "up", "down"):
        guest().virsh("domif-setlink", "tap0", state)
        assert f"tap0 {state}" in guest().virsh("domif-getlink", "tap0")
        assert f"net0: type=nic,link={state}" in guest().virsh("qemu-monitor-command", "--hmp", "info network")
    assert "tap0 rx_bytes 0" in guest().virsh("domifstat", "tap0")
    known = guest().virsh("domstats")
    for line in ("net.0.name=tap0", "block.0.name=vda", f"block.0.capacity={16 * MIB}", "balloon.current=524288"):
        assert line in known, line


def wait_until_detached():
    guest().wait_until(lambda: set(nodes()) == {"virtio-disk0"}, what="the end of vdb")


def test_block_devices_are_attached_and_detached():
    with block_device("second") as path:
        guest().virsh("attach-disk", path, "vdb", "--sourcetype", "block", "--subdriver", "raw", "--cache", "directsync",
                      "--io", "threads", "--serial", "B2", "--mode", "readonly", "--live")
        node = nodes()["virtio-disk1"]
        assert (node["file"], node["ro"], node["cache"]["direct"]) == (path, True, True), node
        assert told("virtio-disk1", "serial", "write-cache") == ["B2", "off"]
        assert "number of bytes read:           0" in guest().virsh("domblkstat", "vdb", "--human")
        # A block device grows on the host first.
        libvirt.refused([("readonly", "read-only")], "blockresize", NAME, "vdb", "24M")
        libvirt.refused([f"with {16 * MIB} bytes, which hotram cannot make {24 * MIB}"], "blockresize", NAME, "vda", "24M")
        guest().virsh("detach-disk", "vdb", "--live")
        wait_until_detached()
        assert "vdb" not in guest().virsh("domblklist")


def test_the_other_cache_modes():
    for mode, (direct, no_flush, write_cache) in {
            "writeback": (False, False, "on"), "writethrough": (False, False, "off"), "unsafe": (False, True, "on")}.items():
        with block_device(mode, MIB) as path:
            guest().virsh("attach-disk", path, "vdb", "--sourcetype", "block", "--subdriver", "raw", "--cache", mode, "--live")
            node = nodes()["virtio-disk1"]
            assert (node["cache"]["direct"], node["cache"]["no-flush"]) == (direct, no_flush), (mode, node)
            assert told("virtio-disk1", "write-cache") == [write_cache], mode
            guest().virsh("detach-disk", "vdb", "--live")
            wait_until_detached()


def test_cards_of_every_kind_are_attached_and_detached():
    domain = guest()
    third = ("network", NETWORK) if has_networks() else ("bridge", BRIDGE)
    domain.virsh("attach-interface", "bridge", BRIDGE, "--model", "virtio", "--mac", "52:54:00:00:00:02",
                 "--target", "tap2", "--live")
    domain.virsh("attach-interface", *third, "--model", "virtio", "--mac", "52:54:00:00:00:03",
                 "--target", "tap3", "--live")
    for text in (interface("ethernet", "", "dev='tap4'", "<driver name='qemu' queues='4'/>", mac=4),
                 interface("ethernet", "", f"dev='{OWN}' managed='no'", "<driver queues='2'/><link state='down'/>", mac=5),
                 *([interface("bridge", f"<source bridge='{BRIDGE}'/>", "dev='tap6'", "<driver name='vhost'/>", mac=6)]
                   if VHOST else [])):
        domain.virsh("attach-device", libvirt.file(text), "--live")
    assert {"tap2": BRIDGE, "tap3": BRIDGE, "tap4": None, OWN: None}.items() <= links().items(), links()
    known = domain.virsh("domiflist")
    for kind, source, name, mac in (("bridge", BRIDGE, "tap2", 2), ("bridge", third[1], "tap3", 3),
                                    ("ethernet", "-", "tap4", 4), ("ethernet", "-", OWN, 5)):
        assert re.search(f"{name} +{kind} +{source} +virtio +52:54:00:00:00:{mac:02x}", known), name
        assert f"{name} tx_errs 0" in domain.virsh("domifstat", name)
    network = domain.virsh("qemu-monitor-command", "--hmp", "info network")
    assert "net4: type=nic,link=down" in network and (not VHOST or "vhost=on" in network), network
    assert (told("net3", "mq", "vectors"), told("net4", "mq", "vectors")) == ([True, 10], [True, 6])
    if not VHOST:
        libvirt.refused(["vhost-net was requested for an interface, but is unavailable"], "attach-device", NAME,
                        libvirt.file(interface("bridge", f"<source bridge='{BRIDGE}'/>", "dev='tap6'",
                                               "<driver name='vhost'/>", mac=6)), "--live")
    for kind, mac in (("bridge", 2), ("bridge", 3), ("ethernet", 4), ("ethernet", 5), *([("bridge", 6)] if VHOST else [])):
        domain.virsh("detach-interface", kind, "--mac", f"52:54:00:00:00:{mac:02x}", "--live")
    domain.wait_until(lambda: domain.virsh("domiflist", quiet=True).count("52:54:00") == 1, what="the end of the cards")
    assert not {"tap2", "tap3", "tap4", "tap6"} & set(links()) and OWN in links(), links()
    network = domain.virsh("qemu-monitor-command", "--hmp", "info network")
    assert network.count("type=tap") == 1 and "hostnet0" in network, network


def test_random_bytes_and_what_stays():
    rng = libvirt.file("<rng model='virtio'><backend model='random'>/dev/urandom</backend><alias name='ua-rng'/></rng>")
    guest().virsh("attach-device", rng, "--live")
    assert told("ua-rng", "type") == ["virtio-rng-pci"]
    guest().virsh("detach-device", rng, "--live")
    assert "ua-rng" not in guest().virsh("dumpxml", quiet=True)
    guest().virsh("setmem", "400M", "--live")
    guest().virsh("destroy")


def test_what_virt_install_writes():
    """And what of it virsh refuses without the two options, by whose reason people find them."""
    if not SYSTEM:
        raise tap.Skip("libvirt's system mode takes root")
    text = (pathlib.Path(__file__).parent / "virt-install.xml").read_text()
    image = libvirt.folder / "vm1.img"
    image.write_bytes(bytes(MIB))
    if not has_networks():
        text = re.sub('type="network">\\s*<source network="@network@"', f'type="bridge"><source bridge="{BRIDGE}"', text)
    for name, path in (("image", image), ("kernel", GUEST / "vmlinuz-cloud"), ("initrd", GUEST / "initramfs.cpio"),
                       ("hotram", EMULATOR), ("network", NETWORK)):
        text = text.replace(f"@{name}@", str(path))
    for words, old, new in (
            (["USB controller model 'qemu-xhci' not supported"], 'model="none"', 'model="qemu-xhci" ports="15"'),
            (["ich9-intel-hda audio controller is not supported"], "</devices>", '<sound model="ich9"/></devices>'),
            (["does not support video model 'virtio'"], "</devices>",
             '<graphics type="vnc"/><video><model type="virtio"/></video></devices>')):
        libvirt.refused(words, "create", libvirt.file(text.replace(old, new)), "--paused")
    for machine in ("q35", "pc-q35-hotram-1"):
        libvirt.virsh("create", libvirt.file(text.replace('"q35"', f'"{machine}"')), "--paused")
        known = libvirt.virsh("dumpxml", "vm1", quiet=True)
        assert "machine='pc-q35-hotram-1'" in known and known.count("model='pcie-root-port'") == 14, known
        assert "vda" in libvirt.virsh("domblklist", "vm1") and "vnet" in libvirt.virsh("domiflist", "vm1")
        libvirt.virsh("destroy", "vm1")


if __name__ == "__main__":
    with libvirt:
        tap.main()
