#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# architectures: x86-64
# host: --append modules=net
"""vhost-net and vhost-vsock: the kernel serves the queues of a device, between its rings and a tap device, or sockets of
the host. It needs the kernel's /dev/vhost-net and /dev/vhost-vsock; the driver is played by the test, and by Linux."""

import os
import pathlib
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import host_tap, tap, vsock                         # noqa: E402
from lib.machine import Machine                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.vhost_card import BUFFER, HEADER, MERGED, VHOST, Card, frame, make_tap              # noqa: E402
from lib.virtio import EVENT_INDEX, INDIRECT, Msix, wait_until                 # noqa: E402
from peer import HOTRAM, Peer                                # noqa: E402

MIB = 1 << 20
LIMIT = 300         # seconds, for what has gone wrong, on a host that is slow


def test_frames_go_both_ways_without_this_program():
    for vnet_hdr in (True, False):
        with Card(vnet_hdr=vnet_hdr) as host:
            assert host.serves()
            for features in (0, MERGED, MERGED | INDIRECT | EVENT_INDEX):
                receives, sends = host.start(features)
                for number in range(30):
                    host.send(sends, number)
                    host.receive(receives, number)
            info = host.qmp.execute("human-monitor-command", {"command-line": "info network"})
            assert "vhost=on" in info, info


def test_interrupts():
    with Card() as host:
        receives, sends = host.start()                       # by the pin
        host.send(sends, 1)
        wait_until(lambda: host.card.interrupt_status() & 1, "the pin")
        Msix(host.card)
        receives, sends = host.start(vector=1)
        host.send(sends, 2)
        host.receive(receives, 3)
        assert not host.card.interrupt_status() & 1, "not by the pin"


def test_it_stops_and_goes_on():
    with Card() as host:
        receives, sends = host.start()
        for number in range(5):
            host.send(sends, number)
            host.receive(receives, number)
            receives.offer([(BUFFER + 0x10000, 2048, True)])
            receives.kick()
            host.qmp.execute("cont")
            host.qmp.execute("stop")
            host.wire.send(frame(77))                        # while the guest stands still
            host.qmp.execute("query-status")
            host.qmp.execute("cont")
            host.received(receives, 77)
            host.qmp.execute("set_link", {"name": "n", "up": False})
            host.qtest.write(BUFFER, bytes(HEADER) + frame(99))
            sends.transfer([(BUFFER, HEADER + 100, False)])  # is lost, and used
            host.qmp.execute("set_link", {"name": "n", "up": True})
            host.send(sends, number)
            host.receive(receives, number)
        host.qmp.execute("system_reset")
        host.find()                                          # its BARs are nowhere now
        receives, sends = host.start()
        host.send(sends, 1)
        host.receive(receives, 2)


def test_more_than_64_dimms():
    """The kernel's table has 64 places, and one is enough for all DIMMs."""
    with Card() as host:
        receives, sends = host.start()
        addresses = [host.dimm(f"d{number}", number) for number in range(70)]
        host.qmp.execute("cont")
        for number in (0, 35, 63, 64, 69):
            host.send(sends, number, at=addresses[number])
            host.receive(receives, number, at=addresses[number] + MIB)
        for number in range(70):
            host.eject(f"d{number}", number)
            host.qmp.wait_event("DEVICE_DELETED")
            if number % 16 == 0:
                host.send(sends, number)
                host.receive(receives, number)
        assert not host.card.status & 64


def test_memory_that_leaves_with_buffers_in_it():
    with Card() as host:
        receives, sends = host.start()
        address = host.dimm("d", 0)
        host.qmp.execute("cont")
        receives.offer([(address, 2048, True)])
        receives.kick()
        host.eject("d", 0)                                   # nobody waits for a buffer that is only offered
        host.qmp.wait_event("DEVICE_DELETED")
        host.wire.send(frame(1))                             # is dropped: there is no memory
        receives.offer([(BUFFER, 2048, True)])
        host.send(sends, 5)
        assert receives.used_index == 0 and not host.card.status & 64
        receives, sends = host.start()
        host.send(sends, 1)
        host.receive(receives, 2)


def test_memory_that_leaves_with_rings_in_it():
    with Card() as host:
        for turn in range(3):
            address = host.dimm("d", 0)
            receives, sends = host.start(memory=(address, address + MIB))
            host.qmp.execute("cont")
            host.send(sends, turn)
            host.receive(receives, turn)
            host.eject("d", 0)
            host.qmp.wait_event("DEVICE_DELETED")
            host.card.wait_status(64)
            host.qmp.execute("object-del", {"id": "md"})
        assert "removed the memory that its rings are in" in host.said(), host.said()


def test_hostile_rings():
    for descriptor, why in (((1 << 40, 100, 0, 0), "outside memory"), ((BUFFER, 100, 1, 0), "a loop"),
                            ((BUFFER, 100, 4, 0), "indirect, not a multiple of 16")):
        with Card() as host:
            _, sends = host.start(INDIRECT)
            sends.write_descriptor(0, *descriptor)
            sends.make_available(0)
            sends.kick()
            host.card.wait_status(64)
            assert "vhost-net finds no sense" in host.said(), why
            receives, sends = host.start()
            host.send(sends, 1)
            host.receive(receives, 2)


def test_it_is_added_in_the_sandbox():
    device, wire = make_tap()
    with wire:
        peer = Peer(HOTRAM, "128M", ["-device", "pcie-root-port,id=port"])
        try:
            vhost = os.open(VHOST, os.O_RDWR)
            for name, fd in (("net", device), ("vhost", vhost)):
                peer.qmp.pass_descriptors(fd)
                peer.qmp.execute("getfd", {"fdname": name})
            os.close(vhost)
            try:
                peer.qmp.execute("netdev_add", {"type": "tap", "id": "n", "fd": "net", "vhostfd": "net"})
            except QMPError as error:
                assert "vhostfd=net: it is no descriptor of /dev/vhost-net" in error.desc, error
            peer.qmp.execute("netdev_add", {"type": "tap", "id": "n", "fd": "net", "vhostfd": "vhost"})
            for turn in range(3):
                peer.qmp.execute("device_add", {"driver": "virtio-net-pci", "id": "c", "netdev": "n", "bus": "port"})
                peer.qmp.execute("device_del", {"id": "c"})
                peer.qmp.execute("system_reset")
                peer.qmp.wait_event("DEVICE_DELETED", {"device": "c"})
            peer.qmp.execute("netdev_del", {"id": "n"})
        finally:
            peer.close()
    os.close(device)


# ---- sockets ----

def need_vsock():
    if os.environ.get("HOTRAM_ARCH") == "arm64":
        raise tap.Skip("the driver here knows x86-64's addresses")
    if not os.path.exists(vsock.DEVICE):
        raise tap.Skip(f"no {vsock.DEVICE} (modprobe vhost_vsock)")


class Sockets(Peer):
    def __init__(self, more=""):
        need_vsock()
        super().__init__(HOTRAM, "128M,slots=80,maxmem=4G", ["-device", f"vhost-vsock-pci,guest-cid={vsock.CID},id=v{more}"])
        self.driver = vsock.Driver(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    dimm, eject = Card.dimm, Card.eject


def test_sockets_carry_bytes_both_ways():
    with Sockets() as host:
        for features in (0, INDIRECT | EVENT_INDEX):
            host.driver.start(features)
            with host.driver.connect() as end:
                for number in range(30):
                    host.driver.exchange(end, number)
                for number in range(5):
                    host.qmp.execute("cont")
                    host.qmp.execute("stop")
                    end.sendall(b"while it stands still")
                    host.driver.offer(vsock.DATA, b"by nobody yet")
                    host.qmp.execute("query-status")
                    assert host.driver.sends.used_index == host.driver.sends._seen
                    host.qmp.execute("cont")
                    assert host.driver.data() == b"while it stands still"
                    assert end.recv(100) == b"by nobody yet"
                    host.driver.sends.used()
                    host.driver.exchange(end, number)


def test_sockets_and_memory():
    with Sockets() as host:
        addresses = [host.dimm(f"d{number}", number) for number in range(70)]
        host.driver.start(buffers=addresses[66], count=4)
        host.qmp.execute("cont")
        with host.driver.connect() as end:
            for number in range(70):
                if number % 8 == 0:
                    host.driver.exchange(end, number, at=addresses[65])
                if number not in (65, 66):
                    host.eject(f"d{number}", number)
                    host.qmp.wait_event("DEVICE_DELETED")
            host.driver.exchange(end, 1, at=addresses[65])
            host.eject("d66", 66)                            # nobody waits for buffers that are only offered
            host.qmp.wait_event("DEVICE_DELETED")
            end.sendall(b"to where there is no memory")
            host.driver.device.wait_status(64)
            assert "vhost-vsock finds no sense in its rings or buffers" in host.said(), host.said()
        host.driver.start(rings=(addresses[65], addresses[65] + MIB))
        with host.driver.connect() as end:
            host.driver.exchange(end, 2)
        host.eject("d65", 65)
        host.qmp.wait_event("DEVICE_DELETED")
        host.driver.device.wait_status(64)
        host.driver.start()
        with host.driver.connect() as end:
            host.driver.exchange(end, 3)


def test_a_cid_has_one_guest():
    with Sockets() as host:
        run = subprocess.run([HOTRAM["program"], *HOTRAM["options"], "-nodefaults", "-display", "none", "-S", "-device",
                              f"vhost-vsock-pci,guest-cid={vsock.CID}"], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=60, check=False)
        assert f"guest-cid={vsock.CID}: another guest of this host has this CID" in run.stderr, run
        host.driver.start()
        host.driver.connect().close()
    for path, words in ((VHOST, "it is no descriptor of /dev/vhost-vsock: VHOST_VSOCK_SET_GUEST_CID"),
                        ("/dev/null", "it is no descriptor of /dev/vhost-vsock")):
        with open(path, "r+b", buffering=0) as other:
            run = subprocess.run([HOTRAM["program"], *HOTRAM["options"], "-nodefaults", "-display", "none", "-S", "-device",
                                  f"vhost-vsock-pci,guest-cid={vsock.CID},vhostfd={other.fileno()}"],
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
                                 pass_fds=[other.fileno()])
        assert words in run.stderr, run


# ---- Linux's drivers ----

def echo(server):
    """Sends back what comes, for one connection after the other, until there is no server."""
    def serve():
        while True:
            try:
                end, _ = server.accept()
            except OSError:
                return
            with end:
                while data := end.recv(1 << 16):
                    end.sendall(data)
    threading.Thread(target=serve, daemon=True).start()


def check_guest_that_listens(machine, kind, packet, port):
    machine.shell(f"vsock echo {port} {packet} > /dev/null 2>&1 & true")
    with vsock.connect_when_there(machine, kind, vsock.CID, port) as end:
        for number in range(20):
            sent = os.urandom(1 + number * 1500)
            end.sendall(sent)
            got = end.recv(1 << 16)
            while kind == socket.SOCK_STREAM and len(got) < len(sent):
                got += end.recv(1 << 16)
            assert got == sent, (number, len(got), len(sent))


def check_both(machine):
    """Two programs send and compare, round after round, while DIMMs come and go and the guest stands still."""
    shell = machine.shell
    shell("ip addr add 10.9.0.2/24 dev eth0 && ip link set eth0 up && "
          "dd if=/dev/urandom of=/tmp/sent bs=64k count=2 2>/dev/null")
    for name, program in (("net", f"nc 10.9.0.1 {host_tap.PORT}"), ("vsock", f"vsock connect 2 {host_tap.PORT}")):
        shell(f"(while [ ! -e /tmp/stop ]; do {program} < /tmp/sent > /tmp/{name}; cmp /tmp/sent /tmp/{name} || "
              f"touch /tmp/bad; echo >> /tmp/{name}-rounds; done; touch /tmp/{name}-end) > /tmp/{name}-said 2>&1 & true")

    def rounds():
        return [int(shell(f"cat /tmp/{name}-rounds 2>/dev/null | wc -l")) for name in ("net", "vsock")]

    def more():
        before = rounds()
        machine.wait_until(lambda: all(now >= then + 2 for now, then in zip(rounds(), before)), timeout=LIMIT,
                           what="more rounds")

    before = machine.meminfo()
    for state in ("online_movable", "online_kernel"):        # its buffers may be in the second one
        shell(f"echo {state} > /sys/devices/system/memory/auto_online_blocks")
        machine.plug("d", "128M")
        machine.wait_until(lambda: machine.meminfo() > before, what="memory of the DIMM")
        more()
        if state == "online_movable":
            machine.unplug("d")
        machine.qmp.execute("stop")
        machine.qmp.execute("cont")
        more()
    shell("touch /tmp/stop; while [ ! -e /tmp/net-end ] || [ ! -e /tmp/vsock-end ]; do usleep 100000; done")
    assert shell("cat /tmp/net-said /tmp/vsock-said; ls /tmp/bad 2>/dev/null", check=False)[1] == "", "all that was sent"


def test_linux_uses_both():
    need_vsock()
    device, server = host_tap.make("hotram0", address="10.9.0.1")
    with server, socket.socket(socket.AF_VSOCK) as sockets:
        sockets.bind((socket.VMADDR_CID_ANY, host_tap.PORT))
        sockets.listen()
        echo(server)
        echo(sockets)
        with Machine(["-m", "256M,slots=2,maxmem=2G", "-netdev", f"tap,id=n,fd={device},vhost=on", "-device",
                      "virtio-net-pci,netdev=n", "-device", f"vhost-vsock-pci,guest-cid={vsock.CID}"],
                     append="net.ifnames=0", pass_fds=[device]) as machine:
            os.close(device)
            machine.wait_ready()
            machine.shell("devices")
            check_guest_that_listens(machine, socket.SOCK_STREAM, "", 6000)
            check_guest_that_listens(machine, socket.SOCK_SEQPACKET, "packet", 6001)
            check_both(machine)
            assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
