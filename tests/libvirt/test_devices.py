#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# libvirt: system
# host: --memory 4G --append modules=net
"""Disks, network cards, random bytes, a balloon and sockets under libvirt, in a guest that uses them; what is attached
and detached while it runs. The tests follow each other, in one guest."""

import os
import pathlib
import select
import socket
import subprocess
import sys
import tty

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap, vsock                                   # noqa: E402
from lib.libvirt import (SYSTEM, Domain, Libvirt, documented_devices, documented_domain,     # noqa: E402
                         with_devices)
from lib.loop_device import LoopDevice                      # noqa: E402

MIB = 1 << 20
NAME = "db1"
MAC = "52:54:00:11:22:33"
INTERFACE = "<interface type='user'><model type='virtio'/><alias name='ua-card'/></interface>"
RNG = "<rng model='virtio'><backend model='builtin'/><alias name='ua-rng'/></rng>"
BALLOON = "<memballoon model='virtio'/>"
# Not the agent's own name, for which libvirtd would be the client.
SERIAL = """    <channel type='unix'><target type='virtio' name='com.example.0'/></channel>
    <console type='pty'><target type='virtio'/></console>
"""
# Where the host has it: the emulated one does.
CID = 4243
VSOCK = f"<vsock model='virtio'><cid auto='no' address='{CID}'/><alias name='ua-vsock'/></vsock>" \
    if os.path.exists("/dev/vhost-vsock") else ""
libvirt = Libvirt()
IMAGES = {name: libvirt.folder / f"{name}.img" for name in ("root", "data", "more", "block")}
MARK = b"written by the host\n"
attached = ["ua-rng", "ua-card", "virtio-disk2"]        # while the guest runs


def guest():
    """The running domain, as this test's own machine."""
    return Domain(libvirt, NAME)


def stats(domain, disk):
    """What domblkstat says of a disk: {"wr_bytes": 4096 ...}."""
    lines = domain.virsh("domblkstat", disk).split("\n")
    return {line.split()[1]: int(line.split()[2]) for line in lines if line.strip()}


def sectors(domain, disk):
    return int(domain.shell(f"cat /sys/block/{disk}/size"))


def drives(domain):
    return {entry["qdev"].split("/")[3]: entry["inserted"] for entry in domain.qmp_command("query-block")}


def test_a_guest_has_what_the_domain_has():
    for name, image in IMAGES.items():
        image.write_bytes(MARK + bytes(16 * MIB - len(MARK)))
    readonly = (f"<disk type='file' device='disk'><driver name='qemu' type='raw' io='threads' queues='1'/>"
                f"<source file='{IMAGES['data']}'/><target dev='vdb' bus='virtio'/><readonly/></disk>\n")
    # The emulated host's /tmp has no O_DIRECT.
    devices = documented_devices(IMAGES["root"]).replace("cache='none'", "cache='writeback'") + readonly + SERIAL
    assert BALLOON in devices and "index='9'" in devices
    devices = devices.replace("index='9'", "index='12'") + VSOCK
    devices = devices.replace(BALLOON, BALLOON.replace("/>", "><stats period='1'/></memballoon>"))
    libvirt.virsh("define", libvirt.file(with_devices(documented_domain(), devices)))
    libvirt.virsh("start", NAME)
    domain = guest()
    domain.wait_ready()
    domain.shell("devices")                 # loads their drivers
    libvirt.watch_events()
    assert sectors(domain, "vda") == sectors(domain, "vdb") == 16 * MIB // 512
    assert domain.shell("cat /sys/block/vda/ro /sys/block/vdb/ro /sys/block/vda/serial").split() == ["0", "1", "db1-root"]
    assert domain.shell(f"head -c {len(MARK)} /dev/vda; head -c {len(MARK)} /dev/vdb").encode() == MARK * 2
    listed = domain.virsh("domblklist")
    assert all(f"{disk}      {IMAGES[name]}" in listed for disk, name in (("vda", "root"), ("vdb", "data"))), listed
    assert domain.shell("cat /sys/class/net/eth0/address").strip() == MAC
    assert MAC in domain.virsh("domiflist")
    assert domain.shell("cat /sys/class/misc/hw_random/rng_current").strip() == "virtio_rng.0"
    assert domain.shell("head -c 100 /dev/hwrng | wc -c").strip() == "100"


def test_what_the_guest_writes_is_counted_and_kept():
    domain = guest()
    before = stats(domain, "vda")
    domain.shell("yes written by the guest | dd of=/dev/vda bs=64k count=4 seek=1 iflag=fullblock conv=fsync 2>&1")
    after = stats(domain, "vda")
    assert after["wr_bytes"] - before["wr_bytes"] == 4 << 16, (before, after)
    assert after["flush_operations"] > before["flush_operations"] and after["wr_total_times"] > 0, after
    assert stats(domain, "vdb")["wr_req"] == 0 < stats(domain, "vdb")["rd_bytes"]
    text = IMAGES["root"].read_bytes()
    assert text[:len(MARK)] == MARK and text[1 << 16:5 << 16] == (b"written by the guest\n" * 13000)[:4 << 16]
    status, _ = domain.shell("dd if=/dev/zero of=/dev/vdb bs=4k count=1 conv=fsync 2>&1", check=False)
    assert status != 0 and IMAGES["data"].read_bytes()[:len(MARK)] == MARK
    info = domain.virsh("domblkinfo", "vda")
    assert f"Capacity:       {16 * MIB}" in info and f"Physical:       {16 * MIB}" in info, info


def test_the_network_and_its_link():
    domain = guest()
    domain.shell("ifconfig eth0 10.0.2.15 up")
    domain.wait_until(lambda: domain.shell("ping -c 1 -W 1 10.0.2.2", check=False)[0] == 0, what="an answer")
    assert domain.virsh("domif-getlink", MAC).split()[-1] == "up"
    domain.virsh("domif-setlink", MAC, "down")
    assert domain.virsh("domif-getlink", MAC).split()[-1] == "down"
    domain.wait_until(lambda: domain.shell("cat /sys/class/net/eth0/carrier").strip() == "0", what="no carrier")
    domain.virsh("domif-setlink", MAC, "up")
    domain.wait_until(lambda: domain.shell("ping -c 1 -W 1 10.0.2.2", check=False)[0] == 0, what="an answer")


def test_a_channel_and_a_console():
    domain = guest()
    port = domain.shell("grep -l com.example.0 /sys/class/virtio-ports/*/name").split("/")[4]

    def state():
        return domain.xml().find("devices/channel/target").get("state")

    assert state() == "disconnected"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(domain.xml().find("devices/channel/source").get("path"))
        domain.shell(f"(echo by the guest >&3; read -r line <&3; echo $line > /tmp/said) 3<>/dev/{port} &")
        assert client.recv(100) == b"by the guest\n"
        domain.wait_until(lambda: state() == "connected", what="a channel that the guest has opened")
        client.sendall(b"by the host\n")
        domain.wait_until(lambda: domain.shell("cat /tmp/said", check=False)[1] == "by the host\n", what="its answer")
    domain.wait_until(lambda: state() == "disconnected", what="its end")
    console, = [console for console in domain.xml().findall("devices/console")
                if console.find("target").get("type") == "virtio"]
    terminal = os.open(console.find("source").get("path"), os.O_RDWR | os.O_NOCTTY)
    tty.setraw(terminal)

    def heard():
        """What nobody reads is dropped, and a reader is noticed after a moment."""
        domain.shell("echo on the console > /dev/hvc0")
        return select.select([terminal], [], [], 1)[0] and b"on the console" in os.read(terminal, 1000)

    domain.wait_until(heard, what="the guest's words on the console")
    os.close(terminal)


def check_sockets(domain, port, cid):
    """By the descriptor that libvirt has opened."""
    domain.shell(f"vsock echo {port} > /dev/null 2>&1 & true")
    with vsock.connect_when_there(domain, socket.SOCK_STREAM, cid, port) as end:
        end.sendall(b"to the guest and back")
        assert end.recv(100) == b"to the guest and back"
    domain.shell("killall vsock")


def test_sockets():
    if not VSOCK:
        raise tap.Skip("no /dev/vhost-vsock (modprobe vhost_vsock)")
    domain = guest()
    check_sockets(domain, 6000, CID)
    assert domain.qmp_command("qom-get", path="/machine/peripheral/ua-vsock", property="guest-cid") == CID
    attached.append("ua-vsock")             # to be detached with the others


def test_the_balloon():
    domain = guest()

    def known():
        """dommemstat, with what the guest says of its memory."""
        lines = domain.virsh("dommemstat").split("\n")
        return {line.split()[0]: int(line.split()[1]) for line in lines if line.strip()}

    domain.wait_until(lambda: {"available", "unused", "usable"} <= set(known()), what="what the guest says")
    assert known()["available"] == domain.meminfo() and 0 < known()["unused"] < known()["available"]
    before = domain.meminfo()
    for mib in (496, 512):
        domain.virsh("setmem", f"{mib}M", "--live")
        domain.wait_until(lambda: domain.meminfo() == before - (512 - mib) * 1024,      # pylint: disable=W0640
                          what=f"a guest of {mib} MiB")
        libvirt.wait_event(f"balloon-change' for domain '{NAME}': {mib * 1024}")
        assert f"actual {mib * 1024}\n" in domain.virsh("dommemstat")
        assert f"Used memory:    {mib * 1024} KiB" in domain.virsh("dominfo")


def test_a_disk_a_card_and_random_bytes_are_attached():
    domain = guest()
    domain.virsh("attach-disk", IMAGES["more"], "vdc", "--live", "--subdriver", "raw", "--serial", "more",
                 "--cache", "writethrough")
    domain.wait_until(lambda: domain.shell("test -b /dev/vdc", check=False)[0] == 0, what="the new disk")
    assert domain.shell("cat /sys/block/vdc/serial").strip() == "more"
    assert domain.shell("cat /sys/block/vdc/queue/write_cache").strip() == "write through"
    domain.shell("echo by the guest | dd of=/dev/vdc bs=4k conv=sync,fsync 2>&1")
    assert IMAGES["more"].read_bytes().startswith(b"by the guest\n\0")
    assert f"vdc      {IMAGES['more']}" in domain.virsh("domblklist")
    assert stats(domain, "vdc")["wr_bytes"] == 4096
    domain.virsh("attach-device", libvirt.file(INTERFACE), "--live")
    domain.wait_until(lambda: domain.shell("ls /sys/class/net").split()[:2] == ["eth0", "eth1"], what="the new card")
    domain.shell("ifconfig eth0 down; ifconfig eth1 10.0.2.15 up")
    domain.wait_until(lambda: domain.shell("ping -c 1 -W 1 10.0.2.2", check=False)[0] == 0, what="an answer")
    domain.virsh("attach-device", libvirt.file(RNG), "--live")
    domain.wait_until(lambda: "virtio_rng.1" in domain.shell("cat /sys/class/misc/hw_random/rng_available"),
                      what="the new source")
    assert {"virtio-disk0", "virtio-disk1", "virtio-disk2"} == set(drives(domain))
    assert domain.qmp_command("qom-get", path="/machine/peripheral/ua-rng", property="type") == "virtio-rng-pci"


def reaches(domain, address):
    return domain.shell(f"ping -c 1 -W 1 {address}", check=False)[0] == 0


def test_a_block_device_and_a_card_on_a_bridge():
    if not SYSTEM:
        raise tap.Skip("libvirt's system mode takes root")
    domain = guest()
    vhost = os.path.exists("/dev/vhost-net")
    for words in ("link add br0 type bridge", "address add 192.168.7.1/24 dev br0", "link set br0 up"):
        subprocess.run(["ip", *words.split()], check=True)
    with LoopDevice(IMAGES["block"]) as path:
        domain.virsh("attach-device", libvirt.file(
            f"<disk type='block' device='disk'><driver name='qemu' type='raw' cache='writethrough' discard='unmap'/>"
            f"<source dev='{path}'/><target dev='vdd' bus='virtio'/></disk>"), "--live")
        attached.append("virtio-disk3")
    domain.virsh("attach-device", libvirt.file(
        "<interface type='bridge'><source bridge='br0'/><target dev='tap0'/><model type='virtio'/>"
        f"<driver name='{'vhost' if vhost else 'qemu'}' queues='2'/><alias name='ua-bridge'/></interface>"), "--live")
    attached.append("ua-bridge")
    domain.wait_until(lambda: domain.shell("test -b /dev/vdd -a -e /sys/class/net/eth2", check=False)[0] == 0, what="both")
    assert domain.shell(f"head -c {len(MARK)} /dev/vdd").encode() == MARK
    domain.shell("(echo by the guest; cat /dev/zero) | head -c 4096 | dd of=/dev/vdd bs=4k iflag=fullblock conv=fsync 2>&1")
    with open(path, "rb") as device:
        assert device.read(100).startswith(b"by the guest\n\0")
    assert stats(domain, "vdd")["wr_bytes"] == 4096
    # A discard reaches the file below the block device, and that of a disk with discard='unmap'.
    for disk, name in (("vdd", "block"), ("vda", "root")):
        before = IMAGES[name].stat().st_blocks
        domain.shell(f"blkdiscard -o {8 * MIB} -l {4 * MIB} /dev/{disk}")
        assert before - IMAGES[name].stat().st_blocks == 4 * MIB // 512, disk
    domain.shell("ifconfig eth2 192.168.7.2 up")
    domain.wait_until(lambda: reaches(domain, "192.168.7.1"), what="the bridge")
    assert len(domain.shell("ls -d /sys/class/net/eth2/queues/rx-*").split()) == 2
    assert ("vhost=on" in domain.virsh("qemu-monitor-command", "--hmp", "info network")) == vhost
    known = {line.split()[1]: int(line.split()[2]) for line in domain.virsh("domifstat", "tap0").split("\n") if line.strip()}
    assert known["rx_packets"] > 0 and known["tx_packets"] > 0, known
    domain.virsh("domif-setlink", "tap0", "down")
    assert not reaches(domain, "192.168.7.1")
    domain.virsh("domif-setlink", "tap0", "up")
    domain.wait_until(lambda: reaches(domain, "192.168.7.1"), what="the bridge again")


def test_a_disk_grows():
    domain = guest()
    domain.virsh("blockresize", "vdc", "24M")
    domain.wait_until(lambda: sectors(domain, "vdc") == 24 * MIB // 512, what="the new size")
    assert IMAGES["more"].stat().st_size == 24 * MIB
    assert f"Capacity:       {24 * MIB}" in domain.virsh("domblkinfo", "vdc")
    libvirt.refused(["only become larger"], "blockresize", NAME, "vdc", "8M")


def test_libvirtd_restarts_and_knows_the_disks():
    domain = guest()
    before = drives(domain)
    libvirt.stop()
    libvirt.start()
    libvirt.watch_events()
    assert domain.state() == "running" and drives(domain) == before
    assert stats(domain, "vdc")["wr_bytes"] == 4096


def test_what_was_attached_is_detached():
    domain = guest()
    # All at once: Linux takes five seconds for each, and libvirt as long to believe it.
    domain.virsh("detach-device-alias", "ua-rng", "--live")
    domain.virsh("detach-device-alias", "ua-card", "--live")
    for alias in attached[3:]:
        domain.virsh("detach-device-alias", alias, "--live")
    domain.virsh("detach-disk", "vdc", "--live")
    for alias in attached:
        libvirt.wait_event(f"device-removed' for domain '{NAME}': {alias}")
    assert domain.shell("test -b /dev/vdc -o -b /dev/vdd", check=False)[0] != 0
    assert domain.shell("ls /sys/class/net").split() == ["eth0", "lo"]
    assert "vdc" not in domain.virsh("domblklist")
    # Whatever libvirt made for them goes, too.
    domain.wait_until(lambda: str(IMAGES["more"]) not in {node["file"] for node in domain.qmp_command(
        "query-named-block-nodes")}, what="the end of its nodes")
    assert not [entry for entry in domain.qmp_command("qom-list", path="/objects") if "ua-rng" in entry["name"]]
    assert "hostua-card" not in domain.virsh("qemu-monitor-command", "--hmp", "info network")
    assert set(drives(domain)) == {"virtio-disk0", "virtio-disk1"}


def test_sockets_are_attached():
    """libvirt selects the CID, and passes what it has opened to the running machine."""
    if not VSOCK:
        raise tap.Skip("no /dev/vhost-vsock (modprobe vhost_vsock)")
    domain = guest()
    domain.virsh("attach-device", libvirt.file("<vsock model='virtio'><cid auto='yes'/></vsock>"), "--live")
    check_sockets(domain, 6001, int(domain.xml().find("devices/vsock/cid").get("address")))


def test_shutdown():
    domain = guest()
    domain.virsh("shutdown")
    domain.wait_state("shut off")
    libvirt.virsh("undefine", NAME)


if __name__ == "__main__":
    with libvirt:
        tap.main()
