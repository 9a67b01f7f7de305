#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""virtio-balloon-pci: memory that a guest lends, free memory that it reports, and
what monitors are told. A test plays the driver; it needs no KVM."""

import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.pci import Ports as PciPorts, devfn                 # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.virtio import NEEDS_RESET, VERSION_1, Device, Pci, Statistics, wait_until   # noqa: E402
from peer import BLOCK, HOTRAM, Peer                         # noqa: E402

MIB = 1 << 20
PAGE = 4096
DIMM = 4 << 30
BUFFER = 0x200000       # page numbers
FIRST = 0x4000000       # pages that are lent
STATS, OOM, REPORTING = 1 << 1, 1 << 2, 1 << 5
INTERVAL = "guest-stats-polling-interval"
UNKNOWN = (1 << 64) - 1


class Machine:
    def __init__(self, device="virtio-balloon-pci,id=balloon0", memory="128M,slots=2,maxmem=2G", options=(), virtio=True):
        self.peer = Peer(HOTRAM, memory, [*options, "-device", device])
        try:
            self.qtest, self.qmp = self.peer.qtest, self.peer.qmp
            pci = Pci(self.qtest)
            self.device = Device(pci, pci.find(0x1af4, 0x1045)) if virtio else None
        except BaseException:
            self.peer.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()

    def start(self, features=VERSION_1):
        self.device.begin(features)
        queues = [self.device.queue(index) for index in range(self.device.read(0x12, 2))]
        self.device.ready()
        return queues

    def numbers(self, queue, addresses):
        """Page numbers into one of the queues of pages."""
        self.qtest.write(BUFFER, b"".join(struct.pack("<I", address // PAGE & 0xffffffff) for address in addresses))
        assert queue.transfer([(BUFFER, 4 * len(addresses), False)]) == 0

    def say(self, pages):
        """The driver's number of pages in the balloon."""
        self.device.pci.write(self.device.structures[4] + 4, 4, pages)

    def kept(self):
        return self.qmp.execute("query-balloon")["actual"]

    def get(self, name, path="/machine/peripheral/balloon0"):
        return self.qmp.execute("qom-get", {"path": path, "property": name})

    def set(self, value, name=INTERVAL):
        self.qmp.execute("qom-set", {"path": "/machine/peripheral/balloon0", "property": name, "value": value})

    def stat(self, name):
        return self.get("guest-stats")["stats"]["stat-" + name]

    def statistics(self, **values):
        """What the guest says first."""
        statistics = Statistics(self.start(VERSION_1 | STATS)[2])
        statistics.say(**values)
        return statistics

    def refused(self, command, arguments=None):
        try:
            self.qmp.execute(command, arguments)
        except QMPError as error:
            return str(error)
        raise AssertionError(f"{command} {arguments} was accepted")


def test_pages_that_are_lent_are_gone_and_come_back_empty():
    with Machine() as machine:
        inflate, deflate, _ = machine.start()
        for order in (1, -1):
            machine.qtest.command(f"memset {FIRST:#x} {12 * PAGE} 0x5a")
            machine.numbers(inflate, [FIRST + PAGE * index for index in range(2, 10)][::order])
            assert machine.qtest.read(FIRST, 2 * PAGE) == b"\x5a" * 2 * PAGE
            assert machine.qtest.read(FIRST + 2 * PAGE, 8 * PAGE) == bytes(8 * PAGE)
            assert machine.qtest.read(FIRST + 10 * PAGE, 2 * PAGE) == b"\x5a" * 2 * PAGE
            machine.numbers(deflate, [FIRST + PAGE * index for index in range(2, 10)])


def test_memory_of_a_file_is_lent_too():
    backend = "memory-backend-memfd,id=ram,size=128M"
    with Machine(options=["-object", backend, "-machine", "memory-backend=ram"]) as machine:
        inflate, *_ = machine.start()
        machine.qtest.command(f"memset {FIRST:#x} {3 * PAGE} 0x5a")
        machine.numbers(inflate, [FIRST + PAGE])
        assert machine.qtest.read(FIRST, 3 * PAGE) == b"\x5a" * PAGE + bytes(PAGE) + b"\x5a" * PAGE


def test_the_host_asks_and_the_guest_answers():
    with Machine() as machine:
        machine.start()
        assert machine.kept() == 128 * MIB
        machine.qmp.execute("balloon", {"value": 96 * MIB})
        assert machine.device.config(0, 4) == 32 * MIB // PAGE
        assert machine.device.interrupt_status() == 2
        machine.say(8 * MIB // PAGE)
        assert machine.qmp.wait_event("BALLOON_CHANGE")["data"] == {"actual": 120 * MIB}
        assert machine.kept() == 120 * MIB
        machine.say(32 * MIB // PAGE)                    # within the same second: one event for the last
        machine.say(31 * MIB // PAGE)
        assert machine.qmp.wait_event("BALLOON_CHANGE")["data"] == {"actual": 97 * MIB}
        monitor = machine.qmp.execute("human-monitor-command", {"command-line": "info balloon"})
        assert monitor.strip() == "balloon: actual=97", monitor
        assert not machine.qmp.execute("human-monitor-command", {"command-line": "balloon 64"})
        assert machine.device.config(0, 4) == 64 * MIB // PAGE
        machine.qmp.execute("system_reset")
        assert machine.kept() == 128 * MIB
        machine.device = Device(machine.device.pci, machine.device.place)
        assert machine.device.config(0, 4) == 64 * MIB // PAGE


def test_free_pages_that_are_reported():
    with Machine("virtio-balloon-pci,free-page-reporting=on,deflate-on-oom=on") as machine:
        assert machine.device.offered & (OOM | REPORTING) == OOM | REPORTING
        report = machine.start(VERSION_1 | REPORTING)[2]
        machine.qtest.command(f"memset {FIRST:#x} {20 * PAGE} 0x5a")
        assert report.transfer([(FIRST, 4 * PAGE, True), (FIRST + 8 * PAGE + 512, 2 * PAGE, True)]) == 0
        assert machine.qtest.read(FIRST, 4 * PAGE) == bytes(4 * PAGE)
        assert machine.qtest.read(FIRST + 4 * PAGE, 5 * PAGE) == b"\x5a" * 5 * PAGE
        assert machine.qtest.read(FIRST + 9 * PAGE, 2 * PAGE) == bytes(PAGE) + b"\x5a" * PAGE
        # Beside statistics it is the fourth queue.
        *_, statistics, report = machine.start(VERSION_1 | REPORTING | STATS)
        Statistics(statistics).say(total=MIB)
        assert report.transfer([(FIRST + 10 * PAGE, PAGE, True)]) == 0
        assert machine.qtest.read(FIRST + 10 * PAGE, PAGE) == bytes(PAGE)
        assert not Statistics(statistics).asked


def test_a_dimm_goes_with_pages_that_are_lent():
    with Machine() as machine:
        inflate, *_ = machine.start()
        machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m", "size": 128 * MIB})
        machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})
        machine.qtest.command(f"memset {DIMM:#x} {PAGE} 0x5a")
        machine.numbers(inflate, [DIMM, DIMM + PAGE])
        assert machine.qtest.read(DIMM, PAGE) == bytes(PAGE)
        machine.say(2)
        assert machine.kept() == 256 * MIB - 2 * PAGE
        machine.qmp.execute("device_del", {"id": "d"})
        machine.qtest.port_out(BLOCK + 0x14, 1, 4)
        machine.qtest.port_out(BLOCK + 0x14, 1, 8)
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        machine.numbers(inflate, [DIMM])                 # no memory: nothing to lend
        assert machine.kept() == 128 * MIB - 2 * PAGE


def test_a_guest_that_lies_harms_nobody():
    with Machine() as machine:
        inflate, deflate, _ = machine.start()
        machine.numbers(inflate, [0xffffffff000, 0xc0000000, 0xb0000000, 128 * MIB, FIRST, FIRST, FIRST])
        machine.numbers(deflate, [0xffffffff000])
        machine.qtest.write(BUFFER, b"\x01\x02\x03")
        assert inflate.transfer([(BUFFER, 3, False)]) == 0
        assert inflate.transfer([(BUFFER, 64, True)]) == 0
        machine.say(0xffffffff)
        assert machine.kept() == 0
        machine.device.pci.write(machine.device.structures[4], 4, 77)   # the host's
        assert machine.device.config(0, 4) == 0
        assert not machine.device.status & NEEDS_RESET


def test_statistics():
    with Machine() as machine:
        assert machine.device.offered & STATS
        stats = machine.get("guest-stats")
        assert stats["last-update"] == 0 and len(stats["stats"]) == 16, stats
        assert set(stats["stats"].values()) == {UNKNOWN}, stats
        listed = {entry["name"]: entry["type"] for entry in
                  machine.qmp.execute("qom-list", {"path": "/machine/peripheral/balloon0"})}
        assert listed["guest-stats"] == "guest statistics" and INTERVAL in listed, listed
        statistics = machine.statistics(total=96 * MIB, s0=1, s1=2, s2=3, s3=4, s4=5 * MIB, s6=7 * MIB, s7=8, s8=9,
                                        s9=10, s15=16, s16=17, s65535=18)
        wait_until(lambda: machine.stat("total-memory") == 96 * MIB, "the report")
        stats = machine.get("guest-stats")
        assert stats["stats"] == {
            "stat-swap-in": 1, "stat-swap-out": 2, "stat-major-faults": 3, "stat-minor-faults": 4,
            "stat-free-memory": 5 * MIB, "stat-total-memory": 96 * MIB, "stat-available-memory": 7 * MIB,
            "stat-disk-caches": 8, "stat-htlb-pgalloc": 9, "stat-htlb-pgfail": 10, "stat-oom-kills": UNKNOWN,
            "stat-alloc-stalls": UNKNOWN, "stat-async-scans": UNKNOWN, "stat-direct-scans": UNKNOWN,
            "stat-async-reclaims": UNKNOWN, "stat-direct-reclaims": 16}, stats
        assert abs(stats["last-update"] - time.time()) < 3600, stats
        assert not statistics.asked             # nobody polls
        machine.set(1)
        assert machine.get(INTERVAL) == 1
        for turn in range(2):                   # at once, and each second
            statistics.wait()
            statistics.say(s4=turn)
            wait_until(lambda: machine.stat("free-memory") == turn, "the report")    # pylint: disable=cell-var-from-loop
            assert machine.stat("total-memory") == UNKNOWN      # not said this time
        machine.set(0)
        assert machine.get(INTERVAL) == 0
        monitor = machine.qmp.execute("human-monitor-command", {"command-line": "info balloon"})
        assert monitor.strip() == "balloon: actual=128", monitor
        machine.qmp.execute("system_reset")
        assert machine.get("guest-stats")["last-update"] == 0
        assert machine.stat("free-memory") == UNKNOWN


def test_polling_from_the_start():
    with Machine("virtio-balloon-pci,id=balloon0,guest-stats-polling-interval=1") as machine:
        assert machine.get(INTERVAL) == 1
        statistics = machine.statistics(total=MIB)
        statistics.wait()
        machine.qmp.execute("cont")
        machine.qmp.execute("stop")             # no question is put to a guest that stands still
        statistics.say(total=2 * MIB)
        time.sleep(1.2)
        assert not statistics.asked
        machine.qmp.execute("cont")
        statistics.wait()


def test_statistics_that_make_no_sense():
    with Machine() as machine:
        statistics = machine.statistics(total=96 * MIB)
        wait_until(lambda: machine.stat("total-memory") == 96 * MIB, "the report")
        entry = struct.pack("<HQ", 5, 7)
        for data, length, total in (
                (entry + struct.pack("<HQ", 5, 8), None, 8),            # twice: the last one counts
                (entry[:9], None, UNKNOWN),                             # less than one
                (entry + entry[:3], None, 7),                           # and a part of the next
                (entry * 64 + struct.pack("<HQ", 5, 9), None, 7),       # more than there are tags
                (entry, 64 * MIB, 7),                                   # rest: what the memory has, zeros
                (b"\xff" * 4000, None, UNKNOWN)):
            machine.qtest.write(statistics.memory, bytes(8192))
            before = statistics.queue.used_index
            statistics.say_bytes(data, length)  # while the host has one: it gives that back
            wait_until(lambda: statistics.queue.used_index != before, "the older buffer")   # pylint: disable=cell-var-from-loop
            wait_until(lambda: machine.stat("total-memory") == total, (length, total))      # pylint: disable=cell-var-from-loop
            statistics.wait()
        statistics.queue.offer([(statistics.memory, 64, True)])         # nothing to read
        statistics.queue.kick()
        wait_until(lambda: machine.stat("total-memory") == UNKNOWN, "the report")
        for _ in range(200):
            statistics.say(total=MIB)
        wait_until(lambda: machine.stat("total-memory") == MIB, "the last report")
        assert not machine.device.status & NEEDS_RESET


def test_a_dimm_goes_with_statistics_in_it():
    """The host keeps the buffer until it asks again, but not its memory."""
    with Machine() as machine:
        machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m", "size": 128 * MIB})
        machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})
        statistics = Statistics(machine.start(VERSION_1 | STATS)[2], memory=DIMM)
        statistics.say(total=64 * MIB)
        wait_until(lambda: machine.stat("total-memory") == 64 * MIB, "the report")
        machine.qmp.execute("device_del", {"id": "d"})
        machine.qtest.port_out(BLOCK + 0x14, 1, 4)
        machine.qtest.port_out(BLOCK + 0x14, 1, 8)
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        statistics.wait()                       # asked for what is left
        assert not machine.device.status & NEEDS_RESET


def test_it_comes_and_goes():
    with Machine("pcie-root-port,id=port,chassis=1,addr=1", virtio=False) as machine:
        space = PciPorts(machine.qtest)
        space.write(0, devfn(1), 0x18, 4, 1 << 16 | 1 << 8)
        space.write(0, devfn(1), 0x62, 2, 0x11f)
        space.write(0, devfn(1), 0x60, 2, 0x1721)           # off, no power
        for run in range(2):
            machine.qmp.execute("device_add", {"driver": "virtio-balloon-pci", "id": "balloon0", "bus": "port", INTERVAL: 1})
            assert machine.get(INTERVAL) == 1 and machine.kept() == 128 * MIB
            error = machine.refused("device_add", {"driver": "virtio-balloon-pci", "id": "b", "bus": "port"})
            assert "Only one balloon device is supported, and 'balloon0' exists already" in error, error
            space.write(0, devfn(1), 0x60, 2, 0x1121)       # on
            pci = Pci(machine.qtest, window=0xc0000000)
            space.write(0, devfn(1), 0x20, 4, 0xc0f0c000)   # its window
            space.write(0, devfn(1), 0x04, 2, 6)
            machine.device = Device(pci, pci.find(0x1af4, 0x1045, bus=1))
            statistics = machine.statistics(total=64 * MIB + run)
            statistics.wait()
            statistics.say(total=64 * MIB + run)
            wait_until(lambda: machine.stat("total-memory") == 64 * MIB + run, "the report")  # pylint: disable=cell-var-from-loop
            machine.qmp.execute("device_del", {"id": "balloon0"})
            space.write(0, devfn(1), 0x62, 2, 0x11f)
            for control in (0x1221, 0x1621, 0x1721):
                space.write(0, devfn(1), 0x60, 2, control)
            machine.qmp.wait_event("DEVICE_DELETED", {"device": "balloon0"})
            assert "DeviceNotActive" in machine.refused("query-balloon")
            assert "not found" in machine.refused("qom-set", {"path": "balloon0", "property": INTERVAL, "value": 1})


def test_what_cannot_be_set():
    with Machine() as machine:
        path = "/machine/peripheral/balloon0"
        for value in (-1, 1 << 32, "1", None, True, 1.5):
            error = machine.refused("qom-set", {"path": path, "property": INTERVAL, "value": value})
            assert "Property 'virtio-balloon-pci.guest-stats-polling-interval' expects an integer from 0 to 4294967295; got" \
                in error, error
        for place, name, words in ((path, "guest-stats", "cannot be set"), (path, "deflate-on-oom", "cannot be set"),
                                   (path, "no-such", "'virtio-balloon-pci.no-such' not found"),
                                   ("/machine", "acpi", "cannot be set"), ("/none", "x", "not found")):
            error = machine.refused("qom-set", {"path": place, "property": name, "value": 1})
            assert words in error, error
        assert "'value' is missing" in machine.refused("qom-set", {"path": path, "property": INTERVAL})
        assert machine.get(INTERVAL) == 0


def test_bad_words():
    with Machine() as machine:
        for value, given in ((0, "0 bytes"), (-1, "-1 byte"), (-2 * MIB, "-2 MiB"), (129 * MIB, "129 MiB"),
                             (-(1 << 63), "-8 EiB"), ((1 << 63) - 1, "9223372036854775807 bytes")):
            said = machine.refused("balloon", {"value": value})
            assert "expects a size up to 128 MiB" in said and f"; got {given}" in said, said
        monitor = machine.qmp.execute("human-monitor-command", {"command-line": "balloon 16E"})
        assert "'target' expects a size" in monitor or "; got " in monitor, monitor
        monitor = machine.qmp.execute("human-monitor-command", {"command-line": "balloon much"})
        assert "'target' expects a size" in monitor, monitor
    peer = Peer(HOTRAM, "128M")
    try:
        for command, arguments in (("balloon", {"value": MIB}), ("query-balloon", None)):
            try:
                peer.qmp.execute(command, arguments)
            except QMPError as error:
                assert "DeviceNotActive" in str(error) and "No balloon device" in str(error), error
            else:
                raise AssertionError("there is no balloon")
    finally:
        peer.close()


if __name__ == "__main__":
    tap.main()
