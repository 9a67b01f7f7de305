#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""-netdev vhost-user: a test plays the driver of the card, and the program that moves its frames. It needs no KVM."""

import contextlib
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap, virtio                                  # noqa: E402
from lib.host import DIMM, MIB, Host                         # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.vhost_back_end import ALL, CONFIG, BackEnd          # noqa: E402

BUFFERS = 0x800000
HEADER = 12
CSUM, MERGED, STATUS, CONTROL, MANY = 1 << 0, 1 << 15, 1 << 16, 1 << 17, 1 << 22
PROTOCOL = ALL & ~CONFIG
FEATURES = 1 << 28 | 1 << 29 | 1 << 32 | 1 << 30 | CSUM | MERGED | MANY
AGAIN = ",reconnect-ms=20"


def frame(number):
    return bytes([0x52, 0x54, 0, 0, 0, number]) * 2 + bytes([8, 0]) + bytes([number]) * 86


class Switch(BackEnd):
    """Keeps what is sent, and delivers what a test says. GET_QUEUE_NUM counts pairs for a card."""

    def __init__(self, path, **more):
        self.sent, self.waiting = [], []
        super().__init__(path, **{"protocol": PROTOCOL, "features": FEATURES, **more})

    def serve(self, ring):
        descriptors, used, available = ring.addresses
        receives = self._number(ring) % 2 == 0
        while ring.next != struct.unpack("<H", self._user(available + 2, 2))[0] and (self.waiting or not receives):
            head, = struct.unpack("<H", self._user(available + 4 + 2 * (ring.next % ring.size), 2))
            chain, written = self.chain(descriptors, head), 0
            if receives:
                data = bytes(10) + b"\1\0" + self.waiting.pop(0)
                self._guest(chain[0][0], len(data), data)
                written = len(data)
            else:
                self.sent.append(b"".join(bytes(self._guest(*part)) for part in chain)[HEADER:])
            ring.next = (ring.next + 1) & 0xffff
            self._user(used + 4 + 8 * (ring.used % ring.size), 8, struct.pack("<II", head, written))
            ring.used = (ring.used + 1) & 0xffff
            self._user(used + 2, 2, struct.pack("<H", ring.used))
            if ring.call >= 0:
                os.write(ring.call, struct.pack("<Q", 1))


class Card:
    """A machine with one, and its driver."""

    def __init__(self, netdev="", device="", chardev="", options=(), start=True, **more):
        with contextlib.ExitStack() as made:
            folder = made.enter_context(tempfile.TemporaryDirectory())
            self.path = pathlib.Path(folder) / "switch"
            self.switch = Switch(self.path, **more)
            made.callback(lambda: self.switch.stop())
            self.host = made.enter_context(Host(["-chardev", f"socket,id=c,path={self.path}{chardev}", "-netdev",
                                                 f"vhost-user,id=n,chardev=c{netdev}", "-device",
                                                 f"virtio-net-pci,id=w,netdev=n{device}", *options]))
            self.host.qmp.execute("cont")
            if start:
                self.find()
                self.start()
            self.made = made.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.made.close()

    def find(self):
        space = virtio.Pci(self.host.qtest)
        self.card = virtio.Device(space, space.find(0x1af4, 0x1041))

    def start(self, pairs=1, features=CSUM | MERGED | STATUS):
        self.card.begin(features | virtio.VERSION_1)
        self.queues = [self.card.queue(index) for index in range(2 * pairs + bool(features & CONTROL))]
        self.card.ready()

    def send(self, number, pair=0, at=BUFFERS):
        queue = self.queues[2 * pair + 1]
        self.host.qtest.write(at, bytes(HEADER) + frame(number))
        head = queue.offer([(at, HEADER + 100, False)])
        queue.kick()
        assert queue.used()[0] == head

    def sends(self, number, pair=0, at=BUFFERS):
        count = self.switch.sent.count(frame(number))
        self.send(number, pair, at)
        assert self.switch.sent.count(frame(number)) == count + 1 and self.switch.sent[-1] == frame(number)

    def receives(self, number, pair=0, at=BUFFERS + 0x10000):
        queue = self.queues[2 * pair]
        self.switch.waiting.append(frame(number))
        head = queue.offer([(at, 2048, True)])
        queue.kick()
        assert queue.used() == (head, HEADER + 100)
        assert self.host.qtest.read(at + HEADER, 100) == frame(number)

    def link(self):
        return self.card.config(6, 2)

    def wait_link(self, up):
        virtio.wait_until(lambda: self.link() == up, f"link {up}")

    def both_ways(self, number):
        self.sends(number)
        self.receives(number + 1)


def test_frames_go_both_ways():
    with Card() as card:
        assert card.card.offered & (CSUM | MERGED | STATUS | CONTROL | MANY) == CSUM | MERGED | STATUS | CONTROL
        assert card.link() == 1 and card.switch.accepted & 0xffffff == CSUM | MERGED, hex(card.switch.accepted)
        for number in range(0, 20, 2):
            card.both_ways(number)
        for command in "stop", "cont":
            card.host.qmp.execute(command)
        card.both_ways(30)
        card.host.qmp.execute("system_reset")
        card.host.qmp.wait_event("RESET")
        card.find()
        card.start()
        card.both_ways(40)
        info = card.host.qmp.execute("human-monitor-command", {"command-line": "info network"})
        assert "type=vhost-user,chardev=c" in info, info
        assert card.host.error_log == "", card.host.error_log


def test_the_features_that_the_other_end_has():
    with Card(features=FEATURES & ~(CSUM | MERGED), start=False) as card:
        card.find()
        assert card.card.offered & (CSUM | MERGED | STATUS) == STATUS


def test_many_pairs():
    with Card(netdev=",queues=3", device=",mq=on", start=False) as card:
        card.find()
        assert card.card.offered & MANY and card.card.config(8, 2) == 3 and card.card.read(0x12, 2) == 7
        card.start(pairs=3, features=CSUM | MERGED | STATUS | CONTROL | MANY)
        card.both_ways(1)
        assert sorted(card.switch.rings) == [0, 1]
        for pairs in 3, 1, 2:
            control = card.queues[6]
            card.host.qtest.write(BUFFERS, struct.pack("<BBH", 4, 0, pairs))
            control.transfer([(BUFFERS, 4, False), (BUFFERS + 64, 1, True)])
            assert card.host.qtest.read(BUFFERS + 64, 1) == b"\0"
            assert sorted(number for number, ring in card.switch.rings.items() if ring.kick >= 0) == list(range(2 * pairs))
            for pair in range(pairs):
                card.sends(10 + pair, pair)
                card.receives(20 + pair, pair)
    for more, device, words in (({"queues": 2}, ",mq=on", "netdev 'n' has queues=3, and its back end serves 2; give queues=2"),
                                ({"features": FEATURES & ~MANY}, ",mq=on", "and its back end serves 1; give queues=1"),
                                ({}, "", "netdev 'n' has 3 pairs of queues; give the device mq=on")):
        with tempfile.TemporaryDirectory() as folder, Switch(pathlib.Path(folder) / "s", **{"queues": 4, **more}):
            said = subprocess.run([PROGRAM, "-accel", "qtest", "-display", "none", "-m", "64M", "-nodefaults", "-chardev",
                                   f"socket,id=c,path={folder}/s", "-netdev", "vhost-user,id=n,chardev=c,queues=3", "-device",
                                   f"virtio-net-pci,netdev=n{device}"], capture_output=True, text=True, timeout=60, check=False)
            assert said.returncode == 1 and words in said.stderr and len(said.stderr.splitlines()) == 1, said


def test_the_link():
    with Card() as card:
        card.both_ways(1)
        for up in 0, 1, 0, 1:
            card.host.qmp.execute("set_link", {"name": "n", "up": bool(up)})
            card.wait_link(up)
            if up:
                card.both_ways(2)
            else:
                card.send(77)                       # is used, and goes nowhere
                assert frame(77) not in card.switch.sent


def test_nobody_waits_for_a_switch_that_is_slow():
    """The card's own thread does, for the answer to what its driver has made it ask."""
    with Card(start=False) as card, card.switch.slow("GET_VRING_BASE") as gate:
        card.find()
        card.start()
        card.host.qmp.execute("set_link", {"name": "n", "up": False})
        virtio.wait_until(lambda: "GET_VRING_BASE" in card.switch.asked, "the question")
        assert card.host.qmp.execute("query-rx-filter")[0]["name"] == "w"
        card.host.qmp.execute("announce-self", {"initial": 50, "max": 50, "rounds": 1, "step": 0})
        card.host.qmp.execute("set_link", {"name": "n", "up": True})
        gate.set()
        card.wait_link(1)


def test_memory_comes_and_goes():
    with Card() as card:
        card.host.add("ram", "m", size=128 * MIB)
        card.host.dimm("d", "m")
        assert [region.address for region in card.switch.regions] == [0, DIMM]
        card.sends(1, at=DIMM + 4096)
        card.receives(2, at=DIMM + 8192)
        card.host.eject("d")
        assert [region.address for region in card.switch.regions] == [0]
        card.both_ways(3)


def test_a_switch_that_is_restarted():
    with Card(chardev=AGAIN) as card:
        for number in range(3):
            card.both_ways(10 * number)
            card.switch.stop()
            card.wait_link(0)
            assert card.host.qmp.wait_event("NETDEV_VHOST_USER_DISCONNECTED")["data"] == {"netdev-id": "n"}
            card.send(77)
            if number == 1:
                card.host.qmp.execute("set_link", {"name": "n", "up": False})
            card.path.unlink()
            card.switch = Switch(card.path)
            if number == 1:
                virtio.wait_until(lambda: card.host.error_log.count("' is back") == 2, "it")
                card.send(78)
                assert card.link() == 0 and not card.switch.rings
                card.host.qmp.execute("set_link", {"name": "n", "up": True})
            card.wait_link(1)
            assert card.host.qmp.wait_event("NETDEV_VHOST_USER_CONNECTED")["data"] == {"netdev-id": "n", "chardev-id": "c"}
            card.both_ways(10 * number + 5)
            assert frame(77) not in card.switch.sent and not card.card.status & virtio.NEEDS_RESET
        assert card.host.error_log.count("w: the back end of chardev 'c' is gone: it has closed the connection; requests of this "
                                         "network card wait until it is back") == 3


def test_a_switch_that_is_lost():
    with Card() as card:
        card.both_ways(1)
        card.switch.stop()
        card.wait_link(0)
        card.send(77)
        assert "w: the back end of chardev 'c' is lost" in card.host.error_log
        for command in "stop", "cont":
            card.host.qmp.execute(command)
        card.send(78)
        assert not card.card.status & virtio.NEEDS_RESET and card.host.qmp.execute("query-status")["running"]


def test_it_comes_and_goes():
    memory = ("-object", "memory-backend-memfd,id=ram,size=64M", "-machine", "memory-backend=ram")
    with tempfile.TemporaryDirectory() as folder, Switch(pathlib.Path(folder) / "s") as switch, \
            Host(["-device", "pcie-root-port,id=port", "-chardev", "null,id=other", *memory]) as host:
        host.qmp.execute("chardev-add", {"id": "c", "backend": {"type": "socket", "data": {
            "addr": {"type": "unix", "data": {"path": f"{folder}/s"}}, "server": False}}})
        for chardev, words in (("none", "Property 'vhost-user.chardev' can't find value 'none'"),
                               ("other", "chardev 'other' is not a Unix socket that connects")):
            host.qmp.execute("netdev_add", {"type": "vhost-user", "id": "m", "chardev": chardev, "vhostforce": True})
            host.refuses([words], "device_add", {"driver": "virtio-net-pci", "id": "w", "netdev": "m", "bus": "port"})
            host.qmp.execute("netdev_del", {"id": "m"})
        host.qmp.execute("netdev_add", {"type": "vhost-user", "id": "n", "chardev": "c", "queues": 1})
        host.qmp.execute("device_add", {"driver": "virtio-net-pci", "id": "w", "netdev": "n", "bus": "port"})
        assert len(switch.regions) == 1
        host.refuses(["netdev 'n' is used by w"], "netdev_del", {"id": "n"})
        host.refuses(["Chardev 'c' is busy"], "chardev-remove", {"id": "c"})
        assert host.qmp.wait_event("NETDEV_VHOST_USER_CONNECTED")["data"] == {"netdev-id": "n", "chardev-id": "c"}
        host.qmp.execute("device_del", {"id": "w"})
        host.qmp.execute("system_reset")                       # upon which it goes
        assert host.qmp.wait_event("NETDEV_VHOST_USER_DISCONNECTED")["data"] == {"netdev-id": "n"}
        host.qmp.wait_event("DEVICE_DELETED", {"device": "w"})


if __name__ == "__main__":
    tap.main()
