#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""Devices in snapshots: a test plays their drivers, which continue with the machine that was restored as if it were
the same. What was restored is saved as the same again; states that no device can have are refused."""

import contextlib
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, net, pci, tap, virtio                  # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.saved import DEVICE, SECTION, Saved                 # noqa: E402
from test_flash import Guest, image                    # noqa: E402
from test_pci import BLINKS, LISTENS, NO_POWER, OFF, ON, PRESENT, PRESSED, Slot, plug, with_ports       # noqa: E402
from test_virtio_serial import ADD, DEVICE_READY, NAME, OPEN, READY, SERIAL, Driver       # noqa: E402
from test_virtio_blk import BUFFERS, IN, OK, OUT, Disk       # noqa: E402

LIMIT = 60
PORTS = ["-device", "pcie-root-port,id=pci.1,chassis=1", "-device", "pcie-root-port,id=pci.2,chassis=2"]


def only_x86():
    if arch.chosen() is not arch.X86:
        raise tap.Skip("machines of arm64 are not saved")


@contextlib.contextmanager
def place():
    only_x86()
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        yield pathlib.Path(folder) / "guest.snapshot"


def save(host, file):
    host.qmp.execute("machine-snapshot", {"file": str(file)})


def refusal(host, file):
    try:
        save(host, file)
    except QMPError as error:
        assert not file.exists() and not list(file.parent.glob("*.partial")), list(file.parent.iterdir())
        return str(error)
    raise AssertionError("it is saved")


def states(file):
    """All that two snapshots of one state have in common."""
    return [state for state in Saved(file).states if state[:2] not in ([SECTION, "stream"], [SECTION, "time"])]


def same(one, other):
    assert len(one) == len(other), (len(one), len(other))
    for own, another in zip(one, other):
        assert own == another, (own, another)


@contextlib.contextmanager
def restored(options, file, run=True):
    """The machine, which is the same when it is saved at once."""
    with Host([*options, "-incoming", f"file:{file}"]) as host:
        again = pathlib.Path(f"{file}.again")
        save(host, again)
        same(states(file), states(again))
        if run:
            host.qmp.execute("cont")
        yield host


def started(*options):
    """A start that is to fail: what is said."""
    result = subprocess.run([PROGRAM, "-nodefaults", "-display", "none", "-accel", "qtest", "-m",
                             "64M,slots=4,maxmem=64G", "-machine", "dimm-granularity=2M", *map(str, options)],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
    assert result.returncode == 1, (result.returncode, result.stderr)
    return [line for line in result.stderr.splitlines() if "warning: " not in line][-1]


def hand_over(device, host):
    """The driver continues with the other machine."""
    device.qtest = device.pci.qtest = host.qtest
    for queue in device.queues:
        queue.qtest = host.qtest


# ---- random bytes: the simplest device with all that the others have ----

RNG = ["-device", "virtio-rng-pci,id=r0"]


class Rng:
    def __init__(self, host, features=virtio.VERSION_1, vectors=True):
        host.qmp.execute("cont")
        self.host = host
        space = virtio.Pci(host.qtest)
        self.device = virtio.Device(space, space.find(0x1af4, 0x1044))
        self.msix = virtio.Msix(self.device) if vectors else None
        self.device.begin(features)
        self.queue = self.device.queue(0, vector=1 if vectors else None)
        self.device.ready()

    def ask(self, length=64):
        assert self.queue.transfer([(BUFFERS, length, True)]) == length

    def move(self, host):
        self.host = host
        hand_over(self.device, host)


def test_a_queue_continues():
    """From any of its entries, also when its indexes have wrapped around."""
    for features in virtio.VERSION_1, virtio.VERSION_1 | virtio.EVENT_INDEX | virtio.INDIRECT:
        with place() as file:
            with Host(RNG) as host:
                rng = Rng(host, features)
                for _ in range(11):
                    rng.ask()
                save(host, file)
                rng.ask()                       # the one that was saved continues, too
            rng.queue._next, rng.queue._seen, rng.queue._free = 11, 11, 11 % rng.queue.size
            with restored(RNG, file) as host:
                rng.move(host)
                for _ in range(9):
                    rng.ask()
                assert rng.queue.used_index == 20
                rng.device.begin(features)      # and it can be reset
                rng.queue = rng.device.queue(0, vector=1)
                rng.device.ready()
                rng.ask()


def test_what_was_made_available_while_the_guest_is_stopped_is_used_once():
    """Doorbells are not saved: each queue is looked at when the guest continues."""
    with place() as file:
        with Host(RNG) as host:
            rng = Rng(host)
            rng.ask()
            host.qmp.execute("stop")
            heads = [rng.queue.offer([(BUFFERS + 64 * i, 32, True)]) for i in range(4)]
            rng.queue.kick()
            save(host, file)
            assert rng.queue.used_index == 1
        with restored(RNG, file, run=False) as host:
            rng.move(host)
            assert rng.queue.used_index == 1
            host.qmp.execute("cont")
            assert [rng.queue.used() for _ in heads] == [(head, 32) for head in heads]
            rng.ask()
            assert rng.queue.used_index == 6


def test_an_interrupt_is_pending_until_it_is_unmasked():
    with place() as file:
        with Host(RNG) as host:
            rng = Rng(host)
            rng.msix.mask(1, True)
            rng.ask()
            save(host, file)
        with restored(RNG, file) as host:
            rng.move(host)
            host.qtest.command("irq_intercept_in ioapic")
            assert rng.device.pci.read(rng.msix.table + 0x800, 4) == 2
            known = len(host.qtest.irqs) + len(host.qtest.messages)
            rng.msix.mask(1, False)
            if len(host.qtest.irqs) + len(host.qtest.messages) == known:
                host.qtest.wait_for_interrupt(known)
            assert host.qtest.messages[0][:2] == (0xfee00000, 0x4001), host.qtest.messages


def test_interrupts_are_raised_once_more():
    """That of the queue, and that of the configuration: either may have been on its way."""
    with place() as file:
        with Host(RNG) as host:
            rng = Rng(host)
            rng.device.write(0x10, 2, 0)
            for vector in range(2):
                rng.msix.mask(vector, True)
            assert rng.device.pci.read(rng.msix.table + 0x800, 4) == 0
            save(host, file)
        with Host([*RNG, "-incoming", f"file:{file}"]) as host:
            host.qmp.execute("cont")
            rng.move(host)
            virtio.wait_until(lambda: rng.device.pci.read(rng.msix.table + 0x800, 4) == 3, "both are pending")
            assert rng.device.interrupt_status() == 0


def test_the_pin_stays_asserted():
    with place() as file:
        with Host(RNG) as host:
            rng = Rng(host, vectors=False)
            rng.ask()
            save(host, file)
        with restored(RNG, file) as host:
            rng.move(host)
            host.qtest.command("irq_intercept_in ioapic")    # its end is told of
            assert rng.device.interrupt_status() == 1
            assert [kind for kind, _ in host.qtest.irqs][-1] == "lower", host.qtest.irqs
            assert rng.device.interrupt_status() == 0
            rng.ask()
            assert rng.device.interrupt_status() == 1


def test_a_device_that_needs_a_reset_still_does():
    with place() as file:
        with Host(RNG) as host:
            rng = Rng(host)
            rng.queue.offer([(1 << 40, 64, True)])
            rng.queue.kick()
            rng.device.wait_status(virtio.NEEDS_RESET)
            save(host, file)
        with restored(RNG, file) as host:
            rng.move(host)
            assert rng.device.status & virtio.NEEDS_RESET
            rng.device.begin(virtio.VERSION_1)
            rng.queue = rng.device.queue(0, vector=1)
            rng.device.ready()
            rng.ask()


def test_a_driver_that_is_half_ready():
    """Its registers, one after the other."""
    with place() as file:
        with Host(RNG) as host:
            host.qmp.execute("cont")
            space = virtio.Pci(host.qtest)
            device = virtio.Device(space, space.find(0x1af4, 0x1044))
            device.begin()
            queue = device.queue(0)
            device.write(0, 4, 1)
            device.write(8, 4, 1)
            save(host, file)
        with restored(RNG, file) as host:
            hand_over(device, host)
            assert (device.status, device.read(0, 4), device.read(8, 4), device.read(0x1c, 2)) == (11, 1, 1, 1)
            assert device.read(0x20, 4) == queue.descriptors
            device.ready()
            assert queue.transfer([(BUFFERS, 64, True)]) == 64


# ---- disks ----

class OtherDisk(Disk):
    """The driver of a disk, with the machine that was restored."""

    def __init__(self, before, host):
        self.host, self.qtest, self.device, self.queue = host, host.qtest, before.device, before.queue
        hand_over(self.device, host)


def disk_options(disk, node, device=""):
    return ["-blockdev", f"file,node-name=n,filename={disk.path}{node}", "-device", f"virtio-blk-pci,id=d,drive=n{device}"]


def test_a_disk_continues():
    """Requests that are at the host when the machine is saved are completed before: none is lost, none twice."""
    for node in ",aio=threads", ",aio=io_uring", ",aio=threads,cache.direct=on":
        with place() as file, Disk(node) as disk:
            for number in range(40):
                disk.post(OUT, number * 8, bytes([number + 1]) * 4096, at=BUFFERS + 0x1000 * number, number=number)
            save(disk.host, file)
            # Those that came before it was stopped were used, and the others wait.
            image = disk.path.read_bytes()
            assert disk.host.quit() == 0
            with restored(disk_options(disk, node), file) as host:
                other = OtherDisk(disk, host)
                heads = [other.queue.used()[0] for _ in range(40)]
                assert sorted(heads) == [3 * number for number in range(40)], heads
                for number in range(40):
                    assert host.qtest.read(BUFFERS - 0x1000 + 64 * number + 32, 1)[0] == OK
                    assert other.ask(IN, number * 8, room=4096, at=0xc00000) == (OK, bytes([number + 1]) * 4096)
                assert other.queue.used_index == 80
            assert len(image) == len(disk.path.read_bytes())


def test_the_mode_of_the_cache_is_the_drivers():
    with place() as file, Disk() as disk:
        structure = disk.device.structures[4]
        disk.device.pci.write(structure + 32, 1, 0)
        save(disk.host, file)
        assert disk.host.quit() == 0
        with restored(disk_options(disk, ""), file) as host:
            other = OtherDisk(disk, host)
            assert other.device.config(32, 1) == 0
            before = other.stats()["flush_operations"]
            assert other.ask(OUT, 1, data=bytes(512))[0] == OK
            assert other.stats()["flush_operations"] == before + 1      # what is written is safe


def test_requests_that_wait_for_cont_are_named():
    with place() as file, Disk(",aio=threads", ",werror=stop,rerror=stop", environment=None) as disk:
        os.truncate(disk.path, 0)
        disk.post(IN, 0, room=512)
        disk.host.qmp.wait_event("BLOCK_IO_ERROR", timeout=LIMIT)
        virtio.wait_until(lambda: disk.host.qmp.execute("query-status")["status"] == "io-error", "a guest that stops")
        assert "state is io-error" in refusal(disk.host, file)
        disk.host.qmp.execute("stop")
        os.truncate(disk.path, 1 << 20)
        disk.host.qmp.execute("cont")
        assert disk.queue.used()[0] == 0
        save(disk.host, file)


def test_an_image_of_another_size_is_refused():
    with place() as file, Disk() as disk:
        save(disk.host, file)
        assert disk.host.quit() == 0
        os.truncate(disk.path, 2 << 20)
        said = started(*disk_options(disk, ""), "-incoming", f"file:{file}")
        assert "saved state of device 'd': byte " in said and "of its configuration is" in said, said


# ---- the balloon ----

def test_the_balloon_keeps_its_sizes_and_statistics():
    options = ["-device", "virtio-balloon-pci,id=b"]
    with place() as file:
        with Host(options) as host:
            host.qmp.execute("cont")
            space = virtio.Pci(host.qtest)
            device = virtio.Device(space, space.find(0x1af4, 0x1045))
            device.begin(virtio.VERSION_1 | 2)
            for index in range(3):
                device.queue(index)
            device.ready()
            host.qmp.execute("balloon", {"value": 48 << 20})
            device.pci.write(device.structures[4] + 4, 4, 0x1000)
            statistics = virtio.Statistics(device.queues[2])
            statistics.say(total=60 << 20, s4=5 << 20)
            polled = lambda: host.qmp.execute("qom-get", {"path": "/machine/peripheral/b", "property": "guest-stats"})
            virtio.wait_until(lambda: polled()["stats"]["stat-total-memory"] == 60 << 20, "statistics")
            save(host, file)
        with restored(options, file) as host:
            hand_over(device, host)
            assert (device.config(0, 4), device.config(4, 4)) == (0x1000, 0x1000)
            assert host.qmp.execute("query-balloon")["actual"] == 48 << 20
            virtio.wait_until(lambda: polled()["stats"]["stat-free-memory"] == 5 << 20, "the statistics")
            assert device.queues[2].used_index == 0
            host.qmp.execute("qom-set", {"path": "/machine/peripheral/b", "property": "guest-stats-polling-interval",
                                         "value": 1})
            statistics.wait()
            statistics.say(total=59 << 20)
            virtio.wait_until(lambda: polled()["stats"]["stat-total-memory"] == 59 << 20, "the next statistics")


# ---- network cards ----

def cables(folder, more=""):
    return ["-netdev", f"stream,id=n,addr.type=unix,addr.path={folder}/net,server=on", "-device",
            f"virtio-net-pci,netdev=n,id=net0{more}"]


class Card:
    """A card's driver, and the other end of its cable."""

    def __init__(self, host, folder, features=0):
        host.qmp.execute("cont")
        space = virtio.Pci(host.qtest)
        self.device = virtio.Device(space, space.find(0x1af4, net.NET))
        self.device.begin(virtio.VERSION_1 | features)
        self.queues = [self.device.queue(index) for index in range(3)]
        self.device.ready()
        self.connect(folder)

    def connect(self, folder):
        self.wire = net.connect(f"{folder}/net")
        virtio.wait_until(lambda: self.device.config(6, 2) & 1, "a link")

    def send(self, frame):
        self.device.qtest.write(BUFFERS, bytes(12) + frame)
        self.queues[1].transfer([(BUFFERS, 12 + len(frame), False)])
        return net.take(self.wire)

    def receive(self, frame):
        self.wire.sendall(struct.pack("!I", len(frame)) + frame)
        _, written = self.queues[0].used()
        return written

    def command(self, *words):
        data = b"".join(words)
        self.device.qtest.write(BUFFERS, data)
        self.queues[2].transfer([(BUFFERS, len(data), False), (BUFFERS + 0x1000, 1, True)])
        assert self.device.qtest.read(BUFFERS + 0x1000, 1) == b"\0", data

    def move(self, host, folder):
        self.wire.close()
        hand_over(self.device, host)
        self.connect(folder)


MINE, OTHER = b"\x52\x54\0\xaa\xbb\xcc", b"\x52\x54\0\1\2\3"


def test_a_network_card_continues_and_announces_itself():
    with place() as file:
        options = cables(file.parent)
        with Host(options) as host:
            card = Card(host, file.parent, net.CONTROL | net.MAC | net.STATUS)
            assert card.send(net.frame(100)) == net.frame(100)
            card.command(b"\x01\x01", MINE)                                 # its address,
            card.command(b"\0\0\0")                                         # not promiscuous,
            card.command(b"\x01\0", struct.pack("<I", 1), OTHER, struct.pack("<I", 0))
            card.command(b"\x02\0", struct.pack("<H", 77))                  # a VLAN
            for number in range(5):
                card.queues[0].offer([(0xa00000 + 0x1000 * number, 0x1000, True)])
            card.queues[0].kick()
            assert card.receive(MINE + OTHER + b"\x08\0" + bytes(50)) == 12 + 64
            filters, = host.qmp.execute("query-rx-filter")
            save(host, file)
        with Host([*options, "-incoming", f"file:{file}"]) as host:
            card.move(host, file.parent)
            assert host.qmp.execute("query-rx-filter") == [filters]
            again = pathlib.Path(f"{file}.again")
            save(host, again)
            name = b"\x0fvirtio-net/net0"
            assert [state[2] for state in states(file) if name in state[2]] == [state[2] for state in states(again) if
                                                                                 name in state[2]]
            assert filters["main-mac"] == "52:54:00:aa:bb:cc" and 77 in filters["vlan-table"], filters
            host.qmp.execute("cont")
            announced = net.take(card.wire)
            assert announced[:12] == b"\xff" * 6 + MINE and announced[12:14] == b"\x80\x35", announced
            # Frames to others are not for it, as before; buffers are used in their order.
            card.wire.sendall(struct.pack("!I", 64) + b"\x52\x54\0\1\2\4" + bytes(58))
            assert card.receive(OTHER + MINE + b"\x08\0" + bytes(60)) == 12 + 74
            assert card.queues[0].used_index == 2


def test_the_link_is_the_targets():
    with place() as file:
        options = cables(file.parent)
        with Host(options) as host:
            card = Card(host, file.parent, net.STATUS)
            save(host, file)
        with Host([*options, "-incoming", f"file:{file}"]) as host:
            hand_over(card.device, host)
            assert card.device.config(6, 2) == 0 and card.device.interrupt_status() & 2
            card.connect(file.parent)


# ---- ports ----

def test_ports_keep_their_bytes():
    """Those that the guest has not read, and those that nobody has taken from it; nothing is told twice."""
    with place() as file:
        def options():
            return [word for number in range(2) for word in
                    ("-chardev", f"socket,id=c{number},path={file.parent}/c{number},server=on,wait=off")] + \
                ["-device", "virtio-serial-pci,id=s", "-device", "virtserialport,chardev=c0,name=agent,id=p0",
                 "-device", "virtserialport,chardev=c1,name=other,id=p1"]

        def connect(number):
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(LIMIT)
            client.connect(f"{file.parent}/c{number}")
            return client

        with Host(options()) as host:
            host.qmp.execute("cont")
            space = virtio.Pci(host.qtest)
            device = virtio.Device(space, space.find(0x1af4, SERIAL))
            driver = Driver(types.SimpleNamespace(device=device, qtest=host.qtest))
            driver.tell(0, DEVICE_READY)
            assert sorted(driver.hears()[:2] for _ in range(2)) == [(1, ADD), (2, ADD)]
            for number in 1, 2:
                driver.tell(number, READY)
                assert driver.hears()[:2] == (number, NAME)
                driver.tell(number, OPEN)
            # The one at port 1 says something that the guest has no buffers for.
            client = connect(0)
            assert driver.hears() == (1, OPEN, 1)
            client.sendall(b"to the guest")
            out = driver.rings(2)[1]
            host.qtest.write(BUFFERS, b"from the guest")
            client2 = connect(1)
            assert driver.hears() == (2, OPEN, 1)
            out.transfer([(BUFFERS, 14, False)])
            assert client2.recv(100) == b"from the guest"
            virtio.wait_until(lambda: b"to the guest" in host_pipes(host, file), "bytes on their way")
        with restored(options(), file) as host:
            hand_over(device, host)
            driver.qtest = host.qtest
            assert sorted(driver.hears() for _ in range(2)) == [(1, OPEN, 0), (2, OPEN, 0)]
            incoming = driver.rings(1)[0]
            incoming.offer([(BUFFERS + 0x1000, 100, True)])
            incoming.kick()
            assert incoming.used()[1] == 12 and host.qtest.read(BUFFERS + 0x1000, 12) == b"to the guest"
            client2 = connect(1)
            assert driver.hears() == (2, OPEN, 1)
            host.qtest.write(BUFFERS, b"and more")
            out.transfer([(BUFFERS, 8, False)])
            assert client2.recv(100) == b"and more"


def host_pipes(host, file):
    """What a snapshot has of them."""
    save(host, file)
    return b"".join(state[2] for state in Saved(file).states if state[0] == DEVICE)


def test_a_port_that_is_full_is_full_where_it_is_restored():
    """Its client waits there, too, until the guest has read: nothing is written over what was saved."""
    def fill(folder, host, first):
        """Numbers, until the pipe and the kernel's buffers are full."""
        data = struct.pack("<262144I", *range(first, first + (1 << 18)))
        client = socket.socket(socket.AF_UNIX)
        client.connect(f"{folder}/c")
        client.setblocking(False)
        sent = idle = 0
        while idle < 20:
            try:
                sent += client.send(data[sent:])
                idle = 0
            except BlockingIOError:
                host.qmp.execute("query-status")
                idle += 1
            assert sent < len(data), "where does it all go"
        return client, data[:sent]

    with place() as file:
        options = ["-chardev", f"socket,id=c,path={file.parent}/c,server=on,wait=off", "-device",
                   "virtio-serial-pci,id=s", "-device", "virtserialport,chardev=c,id=p"]
        with Host(options) as host:
            host.qmp.execute("cont")
            space = virtio.Pci(host.qtest)
            device = virtio.Device(space, space.find(0x1af4, SERIAL))
            driver = Driver(types.SimpleNamespace(device=device, qtest=host.qtest))
            driver.begins(1)
            driver.tell(1, OPEN)
            client, before = fill(file.parent, host, 0)
            assert driver.hears() == (1, OPEN, 1)
            save(host, file)
            client.close()
        with restored(options, file) as host:
            hand_over(device, host)
            driver.qtest = host.qtest
            client, after = fill(file.parent, host, 1 << 30)
            got = b""
            while not got.endswith(after[-4096:]):
                got += driver.receives(1)
            saved = len(got) - len(after)
            assert got[saved:] == after and got[:saved] == before[:saved] and saved > 60000, saved
            client.close()


# ---- flash ----

def test_flash_goes_on_programming():
    with place() as file:
        variables = image(file.parent, "variables")
        options = ["-pflash", str(variables)]
        with Host(options) as host:
            guest = Guest(host)
            guest.erase(0)
            for value in (0xe8, 3, 0x11, 0x22):     # a buffered program of 4 bytes, two of which have come
                guest.write({0x11: 8, 0x22: 9}.get(value, 0), value)
            save(host, file)
            assert host.quit() == 0
        before = variables.read_bytes()
        with restored(options, file) as host:
            guest.qtest = host.qtest
            guest.write(10, 0x33)
            guest.write(11, 0x44)
            guest.write(0, 0xd0)
            assert guest.read(0) == 0x80
            guest.write(0, 0xff)
            assert [guest.read(at) for at in range(7, 13)] == [0xff, 0x11, 0x22, 0x33, 0x44, 0xff]
            assert host.quit() == 0
        assert variables.read_bytes() != before
        said = started(*options, "-incoming", f"file:{file}")
        assert "block node 'pflash0' has other contents than that of the saved machine" in said, said


# ---- root ports, and what is behind them ----

def test_a_device_behind_a_port_continues_and_leaves():
    with place() as file:
        with Host(PORTS) as host:
            host.qmp.execute("cont")
            slot = Slot(host)
            slot.begin()
            plug(host, "r0")
            slot.seen()
            slot.control(LISTENS | ON)
            save(host, file)
        options = [*PORTS, "-device", "virtio-rng-pci,id=r0,bus=pci.1,addr=0x0"]
        with restored(options, file) as host:
            slot.space.qtest = host.qtest
            assert slot.found() == {(0, 0): "1af4:1044"} and slot.status() & PRESENT
            plug(host, "r1", "pci.2")
            host.qmp.execute("device_del", {"id": "r0"})
            slot.let_go()
            host.qmp.wait_event("DEVICE_DELETED", {"device": "r0"}, LIMIT)


def test_a_removal_that_was_asked_for_continues():
    """The guest hears of it before it is saved, and lets go afterwards."""
    with place() as file:
        with with_ports() as host:
            host.qmp.execute("cont")
            slot = Slot(host)
            slot.begin()
            plug(host, "r0")
            slot.seen()
            slot.control(LISTENS | ON)
            host.qmp.execute("device_del", {"id": "r0"})
            save(host, file)
            options = port_options(host)
        with restored([*options, "-device", "virtio-rng-pci,id=r0,bus=pci.1,addr=0x0"], file) as host:
            slot.space.qtest = host.qtest
            assert slot.status() == PRESENT | PRESSED, hex(slot.status())
            slot.control(LISTENS | BLINKS)
            slot.control(LISTENS | BLINKS | NO_POWER)
            slot.control(LISTENS | OFF | NO_POWER)
            host.qmp.wait_event("DEVICE_DELETED", {"device": "r0"}, LIMIT)
            assert slot.found() == {}


def port_options(host):
    arguments = pathlib.Path(f"/proc/{host.process.pid}/cmdline").read_bytes().split(b"\0")
    return [part for number, word in enumerate(arguments[:-1]) if word == b"-device"
            for part in ("-device", arguments[number + 1].decode())]


def test_bars_behind_a_port():
    with place() as file:
        options = [*PORTS, "-device", "virtio-rng-pci,id=r0,bus=pci.1,addr=0x0"]
        with Host(options) as host:
            space = pci.Ports(host.qtest)
            space.write(0, pci.devfn(1), 0x18, 4, 0x00010100)
            space.write(0, pci.devfn(1), 0x20, 4, 0xcff0c000)
            space.write(0, pci.devfn(1), pci.COMMAND, 2, pci.MEMORY)
            host.qmp.execute("cont")
            own = virtio.Pci(host.qtest)
            device = virtio.Device(own, own.find(0x1af4, 0x1044, bus=1))
            device.begin()
            queue = device.queue(0)
            device.ready()
            assert queue.transfer([(BUFFERS, 64, True)]) == 64
            save(host, file)
        with restored(options, file) as host:
            hand_over(device, host)
            assert queue.transfer([(BUFFERS, 64, True)]) == 64


# ---- what differs ----

def test_differences_are_named():
    with place() as file:
        with Host([*PORTS, *RNG]) as host:
            save(host, file)
        incoming = ["-incoming", f"file:{file}"]
        for options, words in (
                (PORTS, "devices: 'device 2' is 'virtio-rng-pci r0 at pcie.0 03.0, 2 vectors, 1 queues' in the saved "
                        "state, and this machine has none"),
                ([*PORTS, *RNG, "-device", "virtio-balloon-pci"], "devices: 'device 3' is 'virtio-balloon-pci at pcie.0 "),
                ([*PORTS, "-device", "virtio-rng-pci,id=r1"], "and 'virtio-rng-pci r1 at "),
                ([*PORTS, "-device", "virtio-rng-pci,id=r0,addr=0x9"], "and 'virtio-rng-pci r0 at pcie.0 09.0, "),
                ([*PORTS, "-device", "virtio-rng-pci,id=r0,vectors=1"], ", 1 vectors, 1 queues' in this machine"),
                ([*PORTS, "-device", "virtio-rng-pci,id=r0,event_idx=off"], "it offers features 0x130000000, and 0x110000000"),
                ([*PORTS[:2], "-device", "pcie-root-port,id=pci.2,chassis=2,slot=7", *RNG],
                 "saved state of device 'pci.2': byte ")):
            said = started(*options, *incoming)
            assert words in said, said


def forge(file, name, change):
    """The state of that name, changed in place by change(bytearray)."""
    saved, found = Saved(file), False
    for state in saved.states:
        if state[0] == DEVICE and name_of(state) == name:
            start = 1 + state[2][0]
            fields = bytearray(state[2][start:])
            change(fields)
            state[2], found = state[2][:start] + bytes(fields), True
    assert found, name
    saved.write(file)


def put(offset, form, value):
    return lambda fields: struct.pack_into(form, fields, offset, value)


# offered accepted selects (2) queue_select config_vector status generation isr config
REGISTERS = {"accepted": 8, "config_vector": 26, "status": 28, "config": 31}
# descriptors available used size vector next enabled
QUEUE = {"descriptors": 0, "available": 8, "used": 16, "size": 24, "vector": 26, "next": 28, "enabled": 30}
FORGED = (
    ("virtio/r0", put(REGISTERS["status"], "<B", 4), "driver is ready without features"),
    ("virtio/r0", put(REGISTERS["accepted"], "<Q", 1 << 63), "has features that the device does not offer"),
    ("virtio/r0", put(REGISTERS["accepted"], "<Q", 0), "or lacks some"),
    ("virtio/r0", put(REGISTERS["config_vector"], "<H", 2), "an interrupt that there is none of"),
    ("virtio/r0", put(REGISTERS["config"] + 127, "<B", 1), "byte 127 of its configuration is 0x1, and 0x0"),
    ("virtio-queue/r0/0", put(QUEUE["size"], "<H", 0), "queue 0 has 0 entries; a power of two up to 8"),
    ("virtio-queue/r0/0", put(QUEUE["size"], "<H", 7), "queue 0 has 7 entries"),
    ("virtio-queue/r0/0", put(QUEUE["size"], "<H", 1024), "queue 0 has 1024 entries"),
    ("virtio-queue/r0/0", put(QUEUE["vector"], "<H", 0xfffe), "a queue has an interrupt that there is none of"),
    ("virtio-queue/r0/0", put(QUEUE["descriptors"], "<Q", 1), "its descriptors are not at a multiple of 16"),
    ("virtio-queue/r0/0", put(QUEUE["descriptors"], "<Q", (1 << 64) - 16), "not each in one piece of memory"),
    ("virtio-queue/r0/0", put(QUEUE["available"], "<Q", (64 << 20) - 8), "not each in one piece of memory"),
    ("virtio-queue/r0/0", put(QUEUE["used"], "<Q", 64 << 20), "not each in one piece of memory"),
    ("virtio-queue/r0/0", put(QUEUE["enabled"], "<B", 2), "'enabled' is 0x2"),
    ("pci-function/r0", put(0, "<H", 0x8086), "byte 0x0 of its configuration space is 0x86, and 0xf4"),
    ("pci-function/r0", put(256, "<B", 2), "'pin' is 0x2"),
    ("msix/r0/0", put(0, "<I", 1), "an entry that no guest can write"),
    ("msix/r0/0", put(12, "<I", 2), "an entry that no guest can write"),
    ("msix/r0/0", put(32 + 8, "<I", 1), "an entry that no guest can write"),
    ("msix/r0/0", put(512 + 2, "<B", 1), "an entry that no guest can write"),
    ("pcie-slot/pci.1", put(4, "<B", 2), "'asked' is 0x2"),
)


def test_impossible_states_are_refused():
    with place() as file:
        with Host([*PORTS, *RNG]) as host:
            Rng(host).ask()
            save(host, file)
        whole = file.read_bytes()
        for name, change, words in FORGED:
            file.write_bytes(whole)
            forge(file, name, change)
            said = started(*PORTS, *RNG, "-incoming", f"file:{file}")
            assert words in said, (name, words, said)


def name_of(state):
    return state[2][1:1 + state[2][0]].decode()


def test_hostile_states_are_refused_or_run():
    """Any bytes in the states of devices: they are refused, or there is a machine that runs and can be reset."""
    chance = random.Random(int(os.environ.get("HOTRAM_SEED", "1"), 0))
    runs, refused = int(os.environ.get("HOTRAM_RUNS", "24")), 0
    with place() as file:
        flash = image(file.parent, "flash")
        options = [*PORTS, *RNG, "-blockdev", "null-co,node-name=n,size=1M", "-device", "virtio-blk-pci,id=d,drive=n",
                   "-device", "virtio-net-pci,id=net0", "-device", "virtio-balloon-pci,id=b", "-device",
                   "virtio-serial-pci,id=s", "-device", "virtserialport,id=p", "-pflash", str(flash)]
        with Host(options) as host:
            Rng(host).ask()
            guest = Guest(host)
            for value in 0xe8, 3, 0x11:
                guest.write(0, value)
            save(host, file)
            assert host.quit() == 0
        whole = file.read_bytes()
        names = [name_of(state) for state in Saved(file).states if state[0] == DEVICE]
        names = names[names.index("pci-function/pci.1"):] + [name for name in names if "flash" in name]
        for _ in range(runs):
            file.write_bytes(whole)

            def change(fields):
                for _ in range(chance.choice((1, 1, 2, 5))):
                    fields[chance.randrange(len(fields))] ^= 1 << chance.randrange(8)

            forge(file, chance.choice(names), change)
            result = subprocess.run([PROGRAM, "-nodefaults", "-display", "none", "-accel", "qtest", "-m",
                                     "64M,slots=4,maxmem=64G", "-machine", "dimm-granularity=2M", *options, "-S",
                                     "-qmp", "stdio", "-incoming", f"file:{file}"],
                                    input='{"execute": "qmp_capabilities"}\n{"execute": "cont"}\n{"execute": "stop"}\n'
                                    '{"execute": "system_reset"}\n{"execute": "quit"}\n',
                                    capture_output=True, text=True, timeout=LIMIT)
            if result.returncode == 1:
                refused += 1
                assert f"-incoming 'file:{file}': " in result.stderr, result.stderr
            else:
                assert result.returncode == 0 and '"return"' in result.stdout, (result.returncode, result.stderr)
    print(f"# {refused} of {runs} refused")
    assert runs > refused > runs // 5


if __name__ == "__main__":
    tap.main()
