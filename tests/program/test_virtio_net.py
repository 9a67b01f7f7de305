#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""A network card, whose driver the test plays, and the other end of its cable, which is the test, too. It needs
no KVM."""

import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.net import (BUFFER, CONTROL, CTRL_MAC_ADDR, CTRL_RX, CTRL_RX_EXTRA, CTRL_VLAN, FRAME_MAX, HEADER,  # noqa: E402
                     MAC, MRG_RXBUF, MTU, NET, OFFLOADS, STATUS, USER_NET, Machine, children, frame)
from lib.qmp import QMPError                                 # noqa: E402
from lib.schema import Schema                                # noqa: E402
from lib.virtio import Device, Msix, Pci, wait_until         # noqa: E402
from peer import HOTRAM, Peer                                # noqa: E402

HOTRAM_ALONE = [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-m", "128M"]


def test_it_says_what_it_is():
    with Machine(card=",mac=52:54:00:00:00:09,host_mtu=1400") as machine:
        assert machine.pci.config_read(machine.net.place, 8, 4) >> 8 == 0x020000, "class"
        assert bytes(machine.net.config(at, 1) for at in range(6)).hex() == "525400000009"
        assert machine.net.config(10, 2) == 1400
        offered = machine.net.offered
        assert offered & 0xffffff == MAC | STATUS | MRG_RXBUF | CONTROL | MTU, f"{offered:#x}"
        assert not offered & OFFLOADS, f"a socket makes no checksums: {offered:#x}"
    for card, without in ((",ctrl_vq=off", CONTROL), (",ctrl_rx=off", CTRL_RX), (",ctrl_vlan=off", CTRL_VLAN),
                          (",ctrl_rx_extra=off", CTRL_RX_EXTRA), (",ctrl_mac_addr=off", CTRL_MAC_ADDR)):
        with Machine(card=card) as machine:
            assert machine.net.offered & CONTROL == CONTROL & ~without, (card, f"{machine.net.offered:#x}")


def test_queues_have_the_size_that_is_given():
    for card, sizes in (("", (256, 256)), (",rx_queue_size=1024", (1024, 256)),
                        (",rx_queue_size=512,tx_queue_size=1024", (512, 1024))):
        with Machine(card=card) as machine:
            receives, sends, _ = machine.start()
            assert (receives.size_max, sends.size_max) == sizes, card
            machine.put(frame(100, 1))
            machine.offer(receives, BUFFER, 2048)
            receives.kick()
            receives.used()
            assert machine.qtest.read(BUFFER + HEADER, 100) == frame(100, 1), card
            machine.send(sends, frame(60, 7))
            assert machine.take() == frame(60, 7), card


def test_a_client_s_connection_is_told():
    """One that does not connect again, too."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server, \
            Machine("-device", "pcie-root-port,id=port,chassis=1") as machine:
        server.bind(f"{folder}/server")
        server.listen()
        machine.qmp.execute("netdev_add", {"type": "stream", "id": "m",
                                           "addr": {"type": "unix", "path": f"{folder}/server"}})
        told = machine.qmp.wait_event("NETDEV_STREAM_CONNECTED", {"netdev-id": "m"})["data"]
        assert told == {"netdev-id": "m", "addr": {"type": "unix", "path": f"{folder}/server"}}, told


def test_cards_without_an_address_get_different_ones():
    with Machine("-device", "virtio-net-pci", "-device", "virtio-net-pci,mac=52:54:00:12:34:58",
                 "-device", "virtio-net-pci-non-transitional") as machine:
        found = [Device(machine.pci, place) for place in machine.pci.places()
                 if machine.pci.config_read(place, 0, 4) == 0x1af4 | NET << 16]
        macs = ["".join(f"{card.config(at, 1):02x}" for at in range(6)) for card in found]
        assert sorted(macs) == ["525400123456", "525400123457", "525400123458", "525400123459"], macs
        assert found[1].config(6, 2) == 0, "a cable that leads nowhere is down"


def test_frames_leave():
    with Machine() as machine:
        _, sends, _ = machine.start()
        for number, (length, pieces) in enumerate(((60, (12,)), (14, ()), (1514, (5, 12, 13, 700)),
                                                   (FRAME_MAX, (12, 4000)), (60, (71,)))):
            # Without the feature a header's words mean nothing.
            machine.send(sends, frame(length, number), header=b"\xff" * HEADER, pieces=pieces)
            assert machine.take() == frame(length, number), number


def test_what_is_no_frame_does_not_leave():
    with Machine() as machine:
        _, sends, _ = machine.start()
        for length in (0, 1, 13):
            machine.send(sends, frame(length), pieces=())
        machine.qtest.write(BUFFER, bytes(64))
        sends.transfer([(BUFFER, 5, False)])
        sends.transfer([(BUFFER, FRAME_MAX + HEADER + 1, False)])
        machine.send(sends, frame(60, 7))
        assert machine.take() == frame(60, 7)


def test_frames_arrive():
    with Machine() as machine:
        receives, _, _ = machine.start()
        for number, length in enumerate((60, 14, 1514)):
            machine.offer(receives, BUFFER, 2048)
            receives.kick()
            machine.put(frame(length, number))
            head, written = receives.used()
            assert written == HEADER + length, (written, length)
            got = machine.qtest.read(BUFFER, written)
            assert got[:10] == bytes(10) and got[10:12] == b"\1\0", got[:12]
            assert got[12:] == frame(length, number), number


def test_frames_wait_for_buffers():
    with Machine() as machine:
        receives, _, _ = machine.start()
        for number in range(20):
            machine.put(frame(100, number))
        for number in range(20):
            machine.offer(receives, BUFFER, 2048)
            receives.kick()
            receives.used()
            assert machine.qtest.read(BUFFER + HEADER, 100) == frame(100, number), number


def test_a_frame_fills_several_buffers():
    with Machine() as machine:
        receives, _, _ = machine.start(MRG_RXBUF)
        for at, length in enumerate((7, 100, 1000, 5000, 5000)):
            machine.offer(receives, BUFFER + 0x2000 * at, length)
        receives.kick()
        machine.put(frame(6000, 3))
        # The driver sees nothing of it before all of it is there.
        got = [receives.used()[1] for _ in range(4)]
        assert got == [7, 100, 1000, HEADER + 6000 - 1107], got
        data = b"".join(machine.qtest.read(BUFFER + 0x2000 * at, length) for at, length in enumerate(got))
        assert data[10:12] == b"\4\0" and data[12:] == frame(6000, 3)


def test_a_frame_that_is_too_large_is_dropped():
    with Machine() as machine:
        receives, _, _ = machine.start()
        machine.offer(receives, BUFFER, 500)
        receives.kick()
        machine.put(frame(600, 1))
        machine.put(frame(400, 2))
        _, written = receives.used()
        assert machine.qtest.read(BUFFER + HEADER, written - HEADER) == frame(400, 2)


def test_the_link_follows_the_wire_and_set_link():
    with Machine(connect=False) as machine:
        interrupts = Msix(machine.net)
        machine.net.write(0x10, 2, 0)
        receives, sends, _ = machine.start(STATUS)
        assert interrupts.count == 4 and machine.link() == 0
        machine.connect()
        wait_until(lambda: machine.link() == 1, "the link")
        told = machine.qmp.wait_event("NETDEV_STREAM_CONNECTED")["data"]
        assert told == {"netdev-id": "n", "addr": {"type": "unix", "path": machine.path}}, told
        Schema(machine.qmp).check_event({"event": "NETDEV_STREAM_CONNECTED", "data": told})
        machine.qmp.execute("set_link", {"name": "net0", "up": False})
        assert machine.link() == 0
        machine.send(sends, frame(60, 1))                    # is lost
        machine.qmp.execute("set_link", {"name": "n", "up": True})
        assert machine.link() == 1
        machine.send(sends, frame(60, 2))
        assert machine.take() == frame(60, 2)
        machine.wire.close()
        wait_until(lambda: machine.link() == 0, "the link")
        machine.connect()
        wait_until(lambda: machine.link() == 1, "the link")
        machine.offer(receives, BUFFER, 2048)
        receives.kick()
        machine.put(frame(60, 3))
        receives.used()
        assert machine.qtest.read(BUFFER + HEADER, 60) == frame(60, 3)


def test_a_reset_begins_anew():
    with Machine() as machine:
        for number in range(5):
            receives, sends, _ = machine.start()
            machine.send(sends, frame(60, number))
            assert machine.take() == frame(60, number)
            machine.offer(receives, BUFFER, 2048)
            receives.kick()
            machine.put(frame(60, number))
            receives.used()
            machine.offer(receives, BUFFER, 2048)            # in flight at the reset


def test_nothing_moves_while_the_guest_stands_still():
    with Machine() as machine:
        receives, _, _ = machine.start()
        machine.offer(receives, BUFFER, 2048)
        receives.kick()
        machine.qmp.execute("cont")
        machine.qmp.execute("stop")
        machine.put(frame(60, 1))
        machine.qmp.execute("query-status")
        assert receives.used_index == 0
        machine.qmp.execute("cont")
        receives.used()
        assert machine.qtest.read(BUFFER + HEADER, 60) == frame(60, 1)


def test_a_hostile_peer_ends_its_connection_alone():
    with Machine() as machine:
        receives, _, _ = machine.start(STATUS)
        wait_until(lambda: machine.link() == 1, "the link")
        machine.offer(receives, BUFFER, 2048)
        machine.wire.sendall(b"\xff" * 100000)
        wait_until(lambda: machine.link() == 0, "the link")
        assert "the length of a frame that is too long; the link is down" in machine.peer.said()
        machine.connect()
        wait_until(lambda: machine.link() == 1, "the link")


def test_user_networking():
    if not USER_NET.exists():
        raise tap.Skip("built without libslirp")
    with Machine(netdev="user,id=n", connect=False) as machine:
        receives, sends, _ = machine.start(STATUS)
        assert machine.link() == 1
        machine.offer(receives, BUFFER + 0x10000, 2048)
        receives.kick()
        mac = bytes.fromhex("525400123456")
        ask = struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac + bytes([10, 0, 2, 15]) + bytes(6) + bytes([10, 0, 2, 2])
        machine.send(sends, (b"\xff" * 6 + mac + b"\x08\x06" + ask).ljust(60, b"\0"))
        receives.used()
        answer = machine.qtest.read(BUFFER + 0x10000 + HEADER, 42)
        assert answer[12:14] == b"\x08\x06" and answer[20:22] == b"\0\2" and answer[28:32] == bytes([10, 0, 2, 2]), answer
        # The program dies: the link is down, and hotram goes on.
        program, = children(machine.peer.process.pid)
        os.kill(program, signal.SIGKILL)
        wait_until(lambda: machine.link() == 0, "the link")
        assert "netdev 'n': the other end is gone" in machine.peer.said()
        machine.send(sends, frame(60))


def test_nic_is_a_card_and_its_cable():
    with tempfile.TemporaryDirectory() as folder:
        options = ["-nic", "none", "-nic", f"stream,addr.type=unix,addr.path={folder}/a,server=on,mac=52:54:00:00:00:07",
                   "-nic", f"stream,id=nic1,addr.type=unix,addr.path={folder}/b,server=on,model=virtio",
                   "-nic", f"stream,addr.type=unix,addr.path={folder}/c,server=on,"
                           "model=virtio-net-pci-non-transitional"]
        peer = Peer(HOTRAM, "128M", options)
        try:
            pci = Pci(peer.qtest)
            cards = [Device(pci, place) for place in pci.places() if pci.config_read(place, 0, 4) == 0x1af4 | NET << 16]
            macs = ["".join(f"{card.config(at, 1):02x}" for at in range(6)) for card in cards]
            assert macs == ["525400000007", "525400123456", "525400123457"], macs
            said = peer.qmp.execute("human-monitor-command", {"command-line": "info network"})
            # The second is nic1 by its user's choice; the third takes what is free.
            assert [said.count(f"{name}: index=0,type=stream") for name in ("nic0", "nic1", "nic2")] == [1, 1, 1], said
        finally:
            peer.close()
    for nic, why in (("user,model=e1000", "Unsupported NIC model: 'e1000'; available: virtio-net-pci,"),
                     ("none,mac=52:54:00:00:00:07", "has no properties"), ("usr", "did you mean 'user'"),
                     ("tap,fd=999", "-nic tap,fd=999: fd=999: it is not open")):
        said = subprocess.run([*HOTRAM_ALONE, "-nic", nic], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=60, check=False)
        assert said.returncode == 1 and why in said.stderr.decode(), (nic, said.stderr)
    said = subprocess.run([*HOTRAM_ALONE, "-nic", "user,model=help"], stdout=subprocess.PIPE, timeout=60, check=True)
    assert b"virtio-net-pci" in said.stdout, said.stdout


def test_cables_come_and_go():
    with Machine() as machine:
        def refused(command, arguments, why):
            try:
                machine.qmp.execute(command, arguments)
            except QMPError as error:
                assert why in str(error), error
            else:
                raise AssertionError(f"{command} {arguments} was taken")

        stream = {"type": "stream", "id": "m", "server": True,
                  "addr": {"type": "unix", "path": f"{machine.folder.name}/other"}}
        machine.qmp.execute("netdev_add", stream)
        refused("netdev_add", stream, "Duplicate ID 'm'")
        refused("netdev_add", {"type": "user", "id": "u"}, "give -device pcie-root-port then")
        refused("netdev_add", {"type": "tap", "id": "t", "ifname": "x"}, "getfd, then fd=NAME")
        refused("netdev_add", {"type": "stream", "id": "s",
                               "addr": {"type": "inet", "host": "127.0.0.1", "port": "1"}}, "addr.type=unix")
        refused("netdev_del", {"id": "n"}, "that device stays with the machine")
        refused("set_link", {"name": "x", "up": True}, "Device 'x' not found; available: n, net0")
        said = machine.qmp.execute("human-monitor-command", {"command-line": "info network"})
        assert said.startswith("net0: type=nic,link=up") and "\\ n: index=0,type=stream,unix:" in said \
            and "m: index=0,type=stream" in said, said
        machine.qmp.execute("netdev_del", {"id": "m"})
        refused("netdev_del", {"id": "m"}, "Device 'm' not found")


def test_cards_that_are_wrong_are_refused():
    for card, why in ((",mac=52:54:00:12:34", "expects an Ethernet address"), (",mac=x", "expects an Ethernet address"),
                      (",mac=53:54:00:12:34:56", "multicast"), (",host_mtu=67", "from 68 to 65535"),
                      (",rx_queue_size=128", "from 256 to 1024"), (",tx_queue_size=768", "power of two"),
                      (",mac=5g:54:00:12:34:56", "expects an Ethernet address"),
                      (",host_mtu=65536", "from 68 to 65535"), (",mq=on,ctrl_vq=off", "needs ctrl_vq=on"),
                      (",netdev=m", "Device 'm' not found")):
        with tempfile.TemporaryDirectory() as folder:
            said = subprocess.run([*HOTRAM_ALONE, "-netdev",
                                   f"stream,id=n,addr.type=unix,addr.path={folder}/net,server=on",
                                   "-device", f"virtio-net-pci{card}"], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, timeout=60, check=False)
        assert said.returncode == 1 and why in said.stderr.decode(), (card, said.stderr)


def test_netdevs_that_are_wrong_are_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for netdev, why in (("tap,id=n,vhost=off,vhostfd=3", "cannot be given with vhost=off"),
                            ("tap,id=n,fd=3,vhostfd=3,vhostfds=3:4", "cannot be given together"), ("user", "'id' is missing"), ("usr,id=n", "'user'"),
                            (f"stream,id=n,addr.type=inet,addr.host=127.0.0.1,addr.port={port},server=on",
                             "another program uses the port"),
                            (f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22", "another program uses the port"),
                            ("user,id=n,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=x", "Bad protocol name"),
                            ('{"type":"user","id":"n","hostfwd":["tcp::0-:22"]}', "text, or a list of objects, as"),
                            ('{"type":"user","id":"n","hostfwd":[{"str":5}]}', "text, or a list of objects, as"),
                            ('{"type":"user","id":"n","hostfwd":[{"str":"tcp::0-:22,tcp::0-:23"}]}', "has no comma"),
                            ('{"type":"stream","id":"n","addr":{"type":"unix","path":"a"},"addr.path":"b"}',
                             "'addr.path' is given twice")):
            if netdev.startswith("user,") and not USER_NET.exists():
                continue
            said = subprocess.run([*HOTRAM_ALONE, "-netdev", netdev], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, timeout=60, check=False)
            assert said.returncode == 1 and why in said.stderr.decode(), (netdev, said.stderr)


if __name__ == "__main__":
    tap.main()
