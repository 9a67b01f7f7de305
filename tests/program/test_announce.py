#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""announce-self: network cards announce their addresses, by frames of the program's and by their drivers, which the test
plays, like the other end of the cable. It needs no KVM."""

import contextlib
import os
import pathlib
import select
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import host_tap, tap, virtio                        # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.net import BUFFER, CTRL_MAC_ADDR, CTRL_VQ, GUEST_ANNOUNCE, HEADER, STATUS, Machine, connect, frame, take  # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.vhost_back_end import ALL, CONFIG, RARP, BackEnd    # noqa: E402
from lib.virtio import wait_until                      # noqa: E402

FIRST = "525400123456"
ONCE = {"initial": 0, "max": 0, "rounds": 1, "step": 0}
LONG = {"initial": 100000, "max": 100000, "rounds": 1000, "step": 0}
UP, ANNOUNCE = 1, 2
ETH_P_ALL = 3
ANNOUNCES = STATUS | CTRL_VQ | GUEST_ANNOUNCE


def reverse_arp(mac):
    """QEMU's (announce_self_create): a request, for the address itself."""
    mac = bytes.fromhex(mac)
    return (b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x8035, 1, 0x0800, 6, 4, 3) + mac + bytes(4) + mac).ljust(60, b"\0")


def nothing_waits(wire):
    return not select.select([wire], [], [], 0)[0]


def refused(machine, arguments, why):
    try:
        machine.qmp.execute("announce-self", arguments)
    except QMPError as error:
        assert why in str(error), error
    else:
        raise AssertionError(f"{arguments} was taken")


def line(machine, text):
    return machine.qmp.execute("human-monitor-command", {"command-line": text})


def test_frames_announce_an_address():
    """Before there is a driver, too; the address is what the driver has set; and frames of the guest's are not disturbed."""
    with Machine() as machine:
        machine.qmp.execute("announce-self", ONCE)
        assert machine.take() == reverse_arp(FIRST)
        _, sends, control = machine.start(STATUS | CTRL_VQ | CTRL_MAC_ADDR)
        machine.qmp.execute("announce-self", {**ONCE, "rounds": 3})
        assert [machine.take() for _ in range(3)] == [reverse_arp(FIRST)] * 3
        machine.send(sends, frame(60, 7))
        assert machine.take() == frame(60, 7)
        machine.qtest.write(BUFFER, b"\1\1" + bytes.fromhex("525400000042"))
        control.transfer([(BUFFER, 8, False), (BUFFER + 8, 1, True)])
        assert line(machine, "announce_self") == ""
        # The first of five rounds; that this ends the others is what the next test sees.
        machine.qmp.execute("announce-self", {**ONCE, "rounds": 0})
        assert machine.take() == reverse_arp("525400000042")
        assert machine.link() == UP, "the driver has not accepted the feature"


def test_announcements_are_known_by_their_ids():
    with Machine() as machine:
        machine.connect()
        machine.qmp.execute("announce-self", {**LONG, "id": "a"})
        machine.qmp.execute("announce-self", {**LONG, "id": "b"})
        machine.qmp.execute("announce-self", {**LONG, "id": "a"})
        machine.qmp.execute("announce-self", LONG)
        machine.qmp.execute("announce-self", {**ONCE, "rounds": 0, "id": "unknown"})
        for name in "a", "b":
            machine.qmp.execute("announce-self", {**ONCE, "rounds": 0, "id": name})
        # Those that are left end with the machine.


def test_an_announcement_ends():
    """With as many rounds as were requested, the pauses being as long as requested: each is one that a test would notice."""
    with Machine() as machine:
        machine.qmp.execute("announce-self", {"initial": 100000, "max": 1, "rounds": 4, "step": 10000})
        assert [machine.take() for _ in range(4)] == [reverse_arp(FIRST)] * 4
        machine.qmp.execute("announce-self", {"initial": 0, "max": 100000, "rounds": 3, "step": 1})
        assert [machine.take() for _ in range(3)] == [reverse_arp(FIRST)] * 3
        machine.qmp.execute("announce-self", {**LONG, "initial": 0})
        assert [machine.take() for _ in range(2)] == [reverse_arp(FIRST)] * 2
        machine.qmp.execute("announce-self", {**ONCE, "rounds": 0})
        machine.qmp.execute("query-status")
        while not nothing_waits(machine.wire):               # rounds until then
            assert machine.take() == reverse_arp(FIRST)
        machine.qmp.execute("announce-self", LONG)           # the second round would follow in 100 s
        assert machine.take() == reverse_arp(FIRST) and nothing_waits(machine.wire)


def test_some_cards_alone():
    with tempfile.TemporaryDirectory() as folder:
        cable = f"stream,id=m,addr.type=unix,addr.path={folder}/m,server=on"
        with Machine("-netdev", cable, "-device", "virtio-net-pci,netdev=m", "-netdev", f"stream,id=x,addr.type=unix,addr.path={folder}/x,server=on") as machine:
            second = connect(f"{folder}/m")
            for names, one, other in ((["n"], 1, 0), (["net0"], 1, 0), (["m"], 0, 1), (["virtio-net-pci"], 0, 1),
                                      (["m", "net0"], 1, 1), (["n", "net0", "n"], 1, 0), ([], 0, 0)):
                machine.qmp.execute("announce-self", {**ONCE, "interfaces": names})
                for wire, count, mac in (machine.wire, one, FIRST), (second, other, "525400123457"):
                    if count:
                        assert take(wire) == reverse_arp(mac), names
                    assert nothing_waits(wire), names
            line(machine, "announce_self net0,m quick")
            machine.qmp.execute("announce-self", {**ONCE, "rounds": 0, "id": "quick"})
            assert machine.take() == reverse_arp(FIRST) and take(second) == reverse_arp("525400123457")
            for wire in machine.wire, second:                # a round that came between
                while not nothing_waits(wire):
                    take(wire)
            for arguments, why in ((["y"], "Device 'y' not found"), (["n", "y"], "Device 'y' not found"),
                                   (["x"], "netdev 'x' has no card"), ([1], "expects a list of names")):
                refused(machine, {**ONCE, "interfaces": arguments}, why)
            assert nothing_waits(machine.wire), "a refusal has no effect"
            assert "Device 'y' not found" in line(machine, "announce_self y")
            assert "Device '' not found" in line(machine, "announce_self net0, a")
            second.close()


def test_numbers_that_are_wrong():
    with Machine() as machine:
        for name, most in ("initial", 100000), ("max", 100000), ("rounds", 1000), ("step", 10000):
            for wrong in -1, most + 1, 1 << 62:
                refused(machine, {**ONCE, name: wrong}, f"'{name}' expects a number from 0 to {most}; got {wrong}")
            machine.qmp.execute("announce-self", {**LONG, name: most})
            refused(machine, {key: value for key, value in ONCE.items() if key != name}, f"'{name}' is missing")


def test_the_driver_announces():
    with Machine() as machine:
        assert machine.net.offered & GUEST_ANNOUNCE
        _, _, control = machine.start(ANNOUNCES)

        def acknowledge(*words):
            machine.qtest.write(BUFFER, bytes(words) + b"\x55")
            control.transfer([(BUFFER, len(words), False), (BUFFER + len(words), 1, True)])
            return machine.qtest.read(BUFFER + len(words), 1)[0]

        assert machine.link() == UP
        assert acknowledge(3, 0) == 1, "nothing is to be acknowledged"
        machine.qmp.execute("announce-self", ONCE)
        assert machine.link() == UP | ANNOUNCE
        assert machine.take() == reverse_arp(FIRST), "QEMU sends it, too"
        assert acknowledge(3, 1) == acknowledge(3, 0, 0) == 1 and machine.link() == UP | ANNOUNCE
        machine.qmp.execute("set_link", {"name": "n", "up": False})
        assert machine.link() == ANNOUNCE
        machine.qmp.execute("announce-self", ONCE)           # the cable is pulled
        machine.qmp.execute("set_link", {"name": "n", "up": True})
        assert acknowledge(3, 0) == 0 and machine.link() == UP and acknowledge(3, 0) == 1
        assert nothing_waits(machine.wire)
        machine.qmp.execute("set_link", {"name": "n", "up": False})
        machine.qmp.execute("announce-self", ONCE)
        assert machine.link() == 0, "a card without a link has nothing to announce"
        machine.qmp.execute("set_link", {"name": "n", "up": True})
        machine.qmp.execute("announce-self", ONCE)
        assert machine.link() == UP | ANNOUNCE
        machine.start(ANNOUNCES)
        assert machine.link() == UP, "a reset is the end of it"
        machine.take()
    for card in ",guest_announce=off", ",status=off", ",ctrl_vq=off":
        with Machine(card=card) as machine:
            assert not machine.net.offered & GUEST_ANNOUNCE, card
            machine.start(queues=2)
            machine.qmp.execute("announce-self", ONCE)
            assert machine.link() == UP and machine.take() == reverse_arp(FIRST), card


def test_the_driver_is_interrupted():
    with Machine() as machine:
        for features, expected in (ANNOUNCES, 2), (STATUS, 0):
            machine.start(features)
            assert machine.net.interrupt_status() & 2 == 0
            machine.qmp.execute("announce-self", ONCE)
            assert machine.net.interrupt_status() & 2 == expected


def test_a_tap_device():
    device, wire = host_tap.make("hotram-a0")
    with contextlib.ExitStack() as stack:
        stack.callback(wire.close)
        machine = stack.enter_context(Machine(netdev=f"tap,id=n,fd={device}", connect=False, pass_fds=[device]))
        os.close(device)
        wire.settimeout(60)
        wire.bind(("hotram-a0", ETH_P_ALL))
        machine.qmp.execute("announce-self", ONCE)
        while (got := wire.recv(2000)) != reverse_arp(FIRST):
            assert got[12:14] != b"\x80\x35", got


class Switch(BackEnd):
    """Notes what it is to announce."""

    def serve(self, ring):
        del ring


def test_a_back_end_of_vhost_user():
    features = 1 << 28 | 1 << 29 | 1 << 32 | 1 << 30
    with tempfile.TemporaryDirectory() as folder:
        for number, (protocol, accepts, announces) in enumerate(((ALL & ~CONFIG | RARP, STATUS | CTRL_VQ, 1), (ALL & ~CONFIG, STATUS | CTRL_VQ, 0),
                                                                 (ALL & ~CONFIG | RARP, ANNOUNCES, 0))):
            path = f"{folder}/{number}"
            switch = Switch(path, protocol=protocol, features=features)
            with Host(["-chardev", f"socket,id=c,path={path}", "-netdev", "vhost-user,id=n,chardev=c",
                          "-device", "virtio-net-pci,id=w,netdev=n"]) as host:
                host.qmp.execute("cont")
                space = virtio.Pci(host.qtest)
                card = virtio.Device(space, space.find(0x1af4, 0x1041))
                card.begin(accepts | virtio.VERSION_1)
                for index in range(3):
                    card.queue(index)
                card.ready()
                host.qmp.execute("announce-self", ONCE)
                host.qmp.execute("stop")        # which waits for the card's thread
                host.qmp.execute("cont")
                assert switch.announced == [bytes.fromhex(FIRST + "0000")] * announces, (number, switch.announced)
                wait_until(lambda: card.config(6, 2) == (UP | ANNOUNCE if accepts == ANNOUNCES else UP), "status")
                switch.stop()
                wait_until(lambda: not card.config(6, 2) & UP, "the link")
                host.qmp.execute("announce-self", ONCE)      # has nobody to go to


if __name__ == "__main__":
    tap.main()
