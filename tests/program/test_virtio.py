#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""What all virtio devices do, shown by virtio-rng-pci: a test plays the driver. It
needs no KVM."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.virtio import (ACKNOWLEDGE, DRIVER, DRIVER_OK, EVENT_INDEX, FEATURES_OK, INDIRECT, NEEDS_RESET,  # noqa: E402
                        TABLE, VERSION_1, WRITE, Device, Msix, Pci, wait_until)
from peer import BLOCK, HOTRAM, Peer                         # noqa: E402

MIB = 1 << 20
LIMIT = 60   # seconds; what has gone wrong, not what is slow
DIMM = 4 << 30
BUFFER = 0x200000
RNG = 0x1044


class Machine:
    """hotram with one virtio-rng-pci, and a driver that has found it."""

    def __init__(self, *options, device="virtio-rng-pci,id=rng0", memory="128M"):
        self.peer = Peer(HOTRAM, memory, [*options, "-device", device])
        try:
            self.qtest, self.qmp = self.peer.qtest, self.peer.qmp
            self.pci = Pci(self.qtest)
            self.rng = Device(self.pci, self.pci.find(0x1af4, RNG))
        except BaseException:
            self.peer.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()

    def start(self, features=VERSION_1, **queue):
        self.rng.begin(features)
        made = self.rng.queue(0, **queue)
        self.rng.ready()
        return made

    def errors(self):
        return self.peer.said()


def test_it_is_found_where_drivers_look():
    with Machine() as machine:
        pci, place = machine.pci, machine.rng.place
        assert pci.config_read(place, 8, 4) >> 8 == 0x00ff00, "class"
        assert pci.config_read(place, 8, 1) == 1, "revision"
        assert pci.config_read(place, 0x2c, 4) == 0x11001af4
        assert sorted(machine.rng.structures) == [1, 2, 3, 4]
        assert list(machine.rng.bars) == [4]
        assert machine.rng.offered == VERSION_1 | INDIRECT | EVENT_INDEX
        assert machine.rng.read(0x12, 2) == 1, "queues"


def test_the_guest_gets_random_bytes():
    with Machine() as machine:
        queue = machine.start()
        machine.qtest.write(BUFFER, bytes(64))
        assert queue.transfer([(BUFFER, 64, True)]) == 64
        first = machine.qtest.read(BUFFER, 64)
        assert queue.transfer([(BUFFER, 64, True)]) == 64
        assert len({first, machine.qtest.read(BUFFER, 64), bytes(64)}) == 3
        assert queue.transfer([(BUFFER, 64, False)]) == 0


def test_bytes_come_from_the_file_that_is_named():
    with tempfile.NamedTemporaryFile() as source:
        source.write(bytes(range(256)) * 64)
        source.flush()
        with Machine("-object", f"rng-random,id=file,filename={source.name}",
                     device="virtio-rng-pci,rng=file,id=rng0") as machine:
            queue = machine.start()
            assert queue.transfer([(BUFFER, 100, True), (BUFFER + 0x1000, 200, True)]) == 300
            assert machine.qtest.read(BUFFER, 100) == bytes(range(100))
            assert machine.qtest.read(BUFFER + 0x1000, 156) == bytes(range(100, 256))


def test_a_source_that_has_nothing_yet_is_waited_for():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "fifo"
        os.mkfifo(path)
        keep = os.open(path, os.O_RDWR)
        with Machine("-object", f"rng-random,id=file,filename={path}",
                     device="virtio-rng-pci,rng=file,id=rng0") as machine:
            queue = machine.start()
            head = queue.offer([(BUFFER, 100, True)])
            queue.kick()
            os.write(keep, b"late")
            assert queue.used() == (head, 4)
            assert machine.qtest.read(BUFFER, 4) == b"late"
        os.close(keep)


def test_a_source_that_ends_is_named_once():
    with Machine("-object", "rng-random,id=file,filename=/dev/null", device="virtio-rng-pci,rng=file,id=rng0") as machine:
        queue = machine.start()
        queue.offer([(BUFFER, 100, True)])
        queue.kick()
        wait_until(lambda: "rng-random 'file': '/dev/null' is at its end" in machine.peer.said(), "the warning")
        time.sleep(0.3)                                      # it is read again, and again
        said = machine.peer.said()
        assert said.count("is at its end") == 1 and "filename=/dev/urandom and rng-builtin have no end" in said, said


def test_max_bytes_holds_for_each_period():
    with Machine(device="virtio-rng-pci,max-bytes=100,period=50") as machine:
        queue = machine.start()
        for _ in range(3):
            assert queue.transfer([(BUFFER, 200, True)]) == 100
    with Machine(device="virtio-rng-pci,max-bytes=100,period=4000000000") as machine:
        queue = machine.start()
        assert queue.transfer([(BUFFER, 80, True)]) == 80
        assert queue.transfer([(BUFFER, 80, True)]) == 20
        queue.offer([(BUFFER, 80, True)])
        queue.kick()
        machine.qmp.execute("query-status")
        assert queue.used_index == 2


def test_features_are_negotiated():
    with Machine() as machine:
        rng = machine.rng
        for bad in (VERSION_1 | 1, VERSION_1 | 1 << 33, INDIRECT, 0):
            rng.status = 0
            rng.status = ACKNOWLEDGE | DRIVER
            rng.accept(bad)
            rng.status = ACKNOWLEDGE | DRIVER | FEATURES_OK
            assert rng.status == ACKNOWLEDGE | DRIVER, f"{bad:#x}"
            rng.status = ACKNOWLEDGE | DRIVER | DRIVER_OK
            assert not rng.status & DRIVER_OK, f"{bad:#x}"
        rng.begin(VERSION_1 | EVENT_INDEX)
        rng.accept(VERSION_1)                            # too late
        rng.write(8, 4, 0)
        assert rng.read(12, 4) == EVENT_INDEX


def test_registers_of_queues():
    with Machine() as machine:
        rng = machine.rng
        rng.begin()
        assert rng.read(0x18, 2) == 8
        for size, expected in ((3, 8), (16, 8), (0, 8), (4, 4)):
            rng.write(0x18, 2, size)
            assert rng.read(0x18, 2) == expected, size
        rng.write(0x24, 4, 0x12345678)
        assert rng.read(0x24, 4) == 0x12345678
        assert rng.read(0x20, 4) == 0
        assert rng.read(0x1a, 2) == 0xffff
        rng.write(0x1a, 2, 77)
        assert rng.read(0x1a, 2) == 0xffff
        rng.write(0x16, 2, 1)                            # there is no such queue
        assert [rng.read(offset, 2) for offset in (0x18, 0x1c, 0x1e)] == [0, 0, 0]
        rng.write(0x1c, 2, 1)
        rng.write(0x16, 2, 0)
        assert rng.read(0x1c, 2) == 0
        assert rng.read(0x38, 4) == 0 and rng.read(0x800, 4) == 0
        assert rng.read(0x15, 2) == 0                    # not a register's own width


def test_indirect_tables_and_event_index():
    with Machine() as machine:
        rng, qtest = machine.rng, machine.qtest
        queue = machine.start(VERSION_1 | INDIRECT | EVENT_INDEX)
        table = rng.allocate(64)
        qtest.write(table, queue.descriptor(BUFFER, 10, 1 | WRITE, 1) + queue.descriptor(BUFFER + 100, 10, WRITE))
        queue.write_descriptor(0, table, 32, TABLE)
        queue.make_available(0)
        queue.kick()
        assert queue.used() == (0, 20)
        wait_until(lambda: int.from_bytes(qtest.read(queue.used_ring + 4 + 64, 2), "little") == 1, "avail_event")


def test_the_pin_is_high_until_the_status_is_read():
    with Machine(device="virtio-rng-pci,id=rng0,vectors=0") as machine:
        queue = machine.start()
        machine.qtest.irqs.clear()
        queue.transfer([(BUFFER, 64, True)])
        line = wait_until(lambda: machine.qmp.execute("query-status") and machine.qtest.read(0, 1) and
                          machine.qtest.irqs, "an interrupt")[0]
        assert line[0] == "raise" and 16 <= line[1] <= 19, line
        assert machine.rng.interrupt_status() == 1
        assert machine.rng.interrupt_status() == 0
        machine.qtest.read(0, 1)
        assert machine.qtest.irqs == [line, ("lower", line[1])]
        machine.qtest.write(queue.available, b"\1\0")    # no interrupts, please
        queue.transfer([(BUFFER, 64, True)])
        assert machine.rng.interrupt_status() == 0


def test_vectors_say_which_queue_it_was():
    with Machine() as machine:
        msix, qtest = Msix(machine.rng), machine.qtest
        assert msix.count == 2

        def messages(count):
            wait_until(lambda: machine.qmp.execute("query-status") and qtest.read(0, 1) and
                       len(qtest.messages) >= count, f"{count} messages")
            seen = [message[1] for message in qtest.messages]
            qtest.messages.clear()
            return seen

        queue = machine.start(vector=1)
        machine.rng.write(0x10, 2, 0)
        queue.transfer([(BUFFER, 8, True)])
        assert messages(1) == [0x4001]
        assert machine.rng.interrupt_status() == 0 and not qtest.irqs
        msix.mask(1, True)
        queue.transfer([(BUFFER, 8, True)])
        machine.qmp.execute("query-status")
        qtest.read(0, 1)
        assert qtest.messages == []
        msix.mask(1, False)
        assert messages(1) == [0x4001]
        queue.offer([(BUFFER, 0, True)])                 # the configuration's: it needs a reset
        queue.kick()
        assert messages(1) == [0x4000]
        assert machine.rng.status & NEEDS_RESET


def test_a_doorbell_follows_the_bar():
    with Machine() as machine:
        rng, pci = machine.rng, machine.pci
        queue = machine.start()
        queue.transfer([(BUFFER, 8, True)])
        old, new = rng.bars[4], pci.allocate(0x4000)
        pci.config_write(rng.place, 0x20, 4, new)
        rng.structures = {kind: address - old + new for kind, address in rng.structures.items()}
        queue.transfer([(BUFFER, 8, True)])
        pci.config_write(rng.place, 4, 2, 4)             # not mapped
        pci.config_write(rng.place, 4, 2, 6)
        queue.transfer([(BUFFER, 8, True)])


def test_firmware_s_window_reaches_the_registers():
    with Machine() as machine:
        pci, rng = machine.pci, machine.rng
        queue = machine.start()
        pci.config_write(rng.place, 4, 2, 4)             # BARs are not mapped

        def window(offset, width, value=None):
            pci.config_write(rng.place, rng.window + 4, 1, 4)
            pci.config_write(rng.place, rng.window + 8, 4, offset)
            pci.config_write(rng.place, rng.window + 12, 4, width)
            if value is None:
                return pci.config_read(rng.place, rng.window + 16, width)
            return pci.config_write(rng.place, rng.window + 16, width, value)

        assert window(0x14, 1) == ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK
        assert window(0x12, 2) == 1
        queue.offer([(BUFFER, 8, True)])
        window(0x3000, 2, 0)                             # its doorbell
        assert queue.used()[1] == 8
        for offset, width in ((0x4000, 4), (0x15, 2), (0x14, 3), (0xffffffff, 1)):
            window(offset, width, 0)
        window(0x14, 1, 0)
        assert window(0x14, 1) == 0


HOSTILE = [
    ("a chain that is a loop", [(BUFFER, 8, 1, 0)], "a chain of descriptors that is a loop"),
    ("no bytes", [(BUFFER, 0, WRITE, 0)], "a buffer of no bytes"),
    ("no memory", [(0x90000000, 8, WRITE, 0)], "which is no memory at 0x90000000"),
    ("an index out of range", [(BUFFER, 8, 1, 8)], "descriptor 8, of 8"),
    ("indirect without the feature", [(BUFFER, 16, TABLE, 0)], "an indirect descriptor"),
]


def test_a_hostile_driver_harms_its_own_device():
    with Machine() as machine:
        for name, descriptors, _ in HOSTILE:
            queue = machine.start()
            for index, descriptor in enumerate(descriptors):
                queue.write_descriptor(index, *descriptor)
            queue.make_available(0)
            machine.rng.interrupt_status()
            queue.kick()
            machine.rng.wait_status(NEEDS_RESET)
            wait_until(lambda: machine.rng.interrupt_status() == 2, f"an interrupt: {name}")
            assert queue.used_index == 0, name
            queue.kick()
        queue = machine.start()
        assert queue.transfer([(BUFFER, 8, True)]) == 8
        text = machine.errors()
        assert text.count("the device does nothing until the guest resets it") == 1, text
        assert "rng0: queue 0: a chain of descriptors that is a loop" in text, text
    for name, descriptors, words in HOSTILE:
        with Machine() as machine:
            queue = machine.start()
            for index, descriptor in enumerate(descriptors):
                queue.write_descriptor(index, *descriptor)
            queue.make_available(0)
            queue.kick()
            machine.rng.wait_status(NEEDS_RESET)
            assert words in machine.errors(), name


def test_rings_that_make_no_sense():
    with Machine() as machine:
        for place in (0x90000000, 0x100008, 128 * MIB - 64):
            machine.rng.begin()
            machine.rng.write(0x16, 2, 0)
            for offset in (0x20, 0x28, 0x30):
                machine.rng.write(offset, 4, place)
            machine.rng.write(0x1c, 2, 1)
            machine.rng.ready()
            machine.rng.wait_status(NEEDS_RESET)
        assert "queue 0" in machine.errors()


def test_without_the_bus_master_bit_it_reaches_no_memory():
    with Machine() as machine:
        machine.pci.config_write(machine.rng.place, 4, 2, 2)
        queue = machine.start()
        machine.rng.wait_status(NEEDS_RESET)
        queue.offer([(BUFFER, 8, True)])
        queue.kick()
        assert "bus master" in machine.errors()


def test_a_reset_of_the_machine_resets_it():
    with Machine() as machine:
        queue = machine.start()
        queue.transfer([(BUFFER, 8, True)])
        machine.qmp.execute("system_reset")
        assert machine.pci.config_read(machine.rng.place, 4, 2) & 6 == 0
        machine.rng = Device(machine.pci, machine.rng.place)
        assert machine.rng.status == 0
        queue = machine.start()
        assert queue.transfer([(BUFFER, 8, True)]) == 8


def test_it_stands_still_with_the_guest():
    with Machine() as machine:
        queue = machine.start()
        machine.qmp.execute("cont")
        machine.qmp.execute("stop")
        head = queue.offer([(BUFFER, 8, True)])
        queue.kick()
        machine.qmp.execute("query-status")
        assert queue.used_index == 0
        machine.qmp.execute("cont")
        assert queue.used() == (head, 8)


class Dimm:
    """A machine with a DIMM that the test ejects as a guest would."""

    def __init__(self, machine):
        self.machine = machine
        machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m", "size": 128 * MIB})
        machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})

    def eject(self):
        self.machine.qmp.execute("device_del", {"id": "d"})
        self.machine.qtest.port_out(BLOCK + 0x14, 1, 4)
        self.machine.qtest.port_out(BLOCK + 0x14, 1, 8)

    def gone(self):
        self.machine.qmp.wait_event("DEVICE_DELETED", {"device": "d"})


MEMORY = "128M,slots=2,maxmem=2G"


def test_a_dimm_with_rings_goes_and_the_device_needs_a_reset():
    with Machine(memory=MEMORY) as machine:
        dimm = Dimm(machine)
        queue = machine.start(memory=DIMM + 0x10000)
        queue.transfer([(BUFFER, 8, True)])
        dimm.eject()
        dimm.gone()
        machine.rng.wait_status(NEEDS_RESET)
        assert "the guest has removed the memory that its rings are in" in machine.errors()
        queue = machine.start()
        assert queue.transfer([(BUFFER, 8, True)]) == 8


def test_a_dimm_without_them_goes_and_nothing_else_happens():
    with Machine(memory=MEMORY) as machine:
        dimm = Dimm(machine)
        queue = machine.start()
        assert queue.transfer([(DIMM + 0x1000, 64, True)]) == 64
        assert machine.qtest.read(DIMM + 0x1000, 64) != bytes(64)
        dimm.eject()
        dimm.gone()
        assert queue.transfer([(BUFFER, 8, True)]) == 8
        assert not machine.rng.status & NEEDS_RESET
        queue.offer([(DIMM + 0x1000, 64, True)])
        queue.kick()
        machine.rng.wait_status(NEEDS_RESET)


BAD = [
    (["-device", "pcie-root-port,id=pcie.0"], "Duplicate device ID 'pcie.0': it is the name of a bus"),
    (["-device", "virtio-serial-pci", "-device", "virtio-serial-pci,id=virtio-serial-bus"],
     "Duplicate device ID 'virtio-serial-bus': the bus of the device would be 'virtio-serial-bus.0'"),
    (["-netdev", "tap,id=n,fd="], "'fd' names 0 descriptors; 1 to 64 are possible"),
    (["-object", "rng-random,id=r,filename=/"], "Could not open '/': Is a directory; filename=/dev/urandom is on every host"),
    (["-device", "virtio-rng-pci,rng=none"], "there is no object rng-random or rng-builtin of that id"),
    (["-object", "memory-backend-ram,id=m,size=2M", "-device", "virtio-rng-pci,rng=m"], "there is no object rng-random"),
    (["-object", "rng-random,id=r,filename=/nonexistent"], "Could not open '/nonexistent': No such file"),
    (["-object", "rng-builtin,id=r", "-object", "rng-builtin,id=r"], "Duplicate ID 'r' for object"),
    (["-object", "rng-builtin,id=r", "-device", "virtio-rng-pci,rng=r", "-device", "virtio-rng-pci,rng=r"],
     "object 'r' is used by 'virtio-rng-pci' already"),
    (["-device", "virtio-rng-pci,period=0"], "expects a number from 1 to 4294967295; got '0'"),
    (["-device", "virtio-rng-pci,max-bytes=0"], "expects a number from 1 to 18446744073709551615; got '0'"),
    (["-device", "virtio-rng-pci,disable-legacy=off"], "modern only"),
    (["-device", "virtio-rng-pci,disable-modern=on"], "modern only"),
    (["-device", "virtio-rng-pci,packed=on"], "split rings only"),
    (["-device", "virtio-rng-pci,iommu_platform=on"], "no IOMMU"),
    (["-device", "virtio-rng-pci,vectors=1000"], "expects a number from 0 to 131; got '1000'"),
    (["-device", "virtio-rng-pci,ioeventfd=off"], "KVM signals doorbells"),
    (["-device", "virtio-rng-pci,romfile=/rom"], "hotram has no option ROMs"),
    (["-device", "virtio-rng-pci,rombar=2"], "'rombar' expects a number from 0 to 1; got '2'"),
    (["-device", "virtio-rng-pci,addr=1f"], ""),
    (["-device", "virtio-rng-pci-transitional"], "virtio devices are modern only; use 'virtio-rng-pci'"),
]


def test_bad_words():
    for options, words in BAD:
        run = subprocess.run([PROGRAM, *HOTRAM["options"], "-nodefaults", "-display", "none", "-S", "-m", "128M", *options],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
        assert run.returncode == 1 and words in run.stderr, (options, run.stderr)


def test_objects_come_and_go():
    with Machine("-object", "rng-builtin,id=first", device="virtio-rng-pci,rng=first,id=rng0") as machine:
        qmp = machine.qmp
        qmp.execute("object-add", {"qom-type": "rng-random", "id": "second", "filename": "/dev/urandom"})
        assert qmp.execute("qom-get", {"path": "/objects/second", "property": "filename"}) == "/dev/urandom"
        assert {entry["name"]: entry["type"] for entry in qmp.execute("qom-list", {"path": "/objects"})
                if entry["name"] != "hotram.ram"} \
            == {"type": "string", "first": "child<rng-builtin>", "second": "child<rng-random>"}
        qmp.execute("object-del", {"id": "second"})
        try:
            qmp.execute("object-del", {"id": "first"})
        except QMPError as error:
            assert "'rng0' uses it" in str(error), error
        else:
            raise AssertionError("an object in use was deleted")
        assert qmp.execute("qom-get", {"path": "/machine/peripheral/rng0", "property": "rng"}) == "first"
        assert qmp.execute("qom-get", {"path": "/machine/peripheral/rng0", "property": "period"}) == 65536


if __name__ == "__main__":
    tap.main()
