#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""virtio-mem-pci: what a driver may plug and unplug, what the memory is meanwhile,
and what monitors are told. A test plays the driver; it needs no KVM."""

import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.qtest import QtestError                             # noqa: E402
from lib.vhost_back_end import BackEnd                       # noqa: E402
from lib.virtio import FEATURES_OK, NEEDS_RESET, VERSION_1, Device, Pci, wait_until   # noqa: E402
from lib.virtio_mem import (ACK, ACPI_PXM, ANSWER, BASE, BLOCK, BUSY, ERROR, INACCESSIBLE, MIB, MIXED, NACK, PLUG,   # noqa: E402
                            PERSISTENT_SUSPEND, PLUGGED, REQUEST, STATE, UNPLUG, UNPLUG_ALL, UNPLUGGED, Driver)
from peer import HOTRAM, Peer                                # noqa: E402

CHUNK = 128 * MIB
BACKEND = "memory-backend-ram,id=m0,size=1G"


class Machine:
    def __init__(self, devices=("virtio-mem-pci,id=vm0,memdev=m0",), memory="128M,slots=4,maxmem=8G",
                 objects=(BACKEND,), options=()):
        words = [word for value in objects for word in ("-object", value)]
        words += [word for value in devices for word in ("-device", value)]
        self.peer = Peer(HOTRAM, memory, [*words, *options])
        self.qtest, self.qmp = self.peer.qtest, self.peer.qmp

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()

    def driver(self, number=0):
        return Driver(self.qtest, number, 0x100000 + 0x10000 * number).start()

    def devices(self):
        return {entry["data"]["id"]: entry["data"] for entry in self.qmp.execute("query-memory-devices")}

    def request(self, size, device="vm0"):
        self.qmp.execute("qom-set", {"path": f"/machine/peripheral/{device}", "property": "requested-size",
                                     "value": size})

    def refused(self, command, arguments=None):
        try:
            self.qmp.execute(command, arguments)
        except QMPError as error:
            return str(error)
        raise AssertionError(f"{command} {arguments} was accepted")

    def has_memory(self, address):
        """Whether a write stays there."""
        try:
            self.qtest.write(address, b"\x5a\xa5")
        except QtestError as error:
            assert "there is no memory" in str(error)
            return False
        return self.qtest.read(address, 2) == b"\x5a\xa5"


def refused_start(*options, memory="128M,slots=4,maxmem=8G"):
    program = subprocess.run([HOTRAM["program"], "-accel", "qtest", "-display", "none", "-m", memory, *options],
                             capture_output=True, text=True, timeout=60)
    assert program.returncode == 1 and program.stderr.count("\n") == 1, (options, program.stderr)
    return program.stderr


def test_what_a_driver_reads():
    with Machine(["virtio-mem-pci,id=vm0,memdev=m0,requested-size=256M"]) as machine:
        driver = machine.driver()
        assert driver.device.offered & 0xff == INACCESSIBLE | ACPI_PXM | PERSISTENT_SUSPEND
        assert (driver.block, driver.node, driver.addr, driver.region) == (BLOCK, 0, BASE, 1024 * MIB)
        assert (driver.usable, driver.plugged, driver.requested) == (512 * MIB, 0, 256 * MIB)
        assert machine.devices() == {"vm0": {
            "id": "vm0", "memaddr": BASE, "requested-size": 256 * MIB, "size": 0, "max-size": 1024 * MIB,
            "block-size": BLOCK, "node": 0, "memdev": "/objects/m0"}}


def test_what_is_plugged_stays_when_the_driver_resets_the_device():
    """As Linux does when it is suspended, which it refuses to be without the feature."""
    with Machine(["virtio-mem-pci,id=vm0,memdev=m0,requested-size=16M"]) as machine:
        assert machine.driver().ask(PLUG, BASE, 3) == ACK
        assert machine.has_memory(BASE + BLOCK)
        driver = machine.driver()                              # begins with a reset
        assert (driver.plugged, driver.requested) == (3 * BLOCK, 16 * MIB)
        assert driver.ask(STATE, BASE, 3) == (ACK, PLUGGED) and machine.qtest.read(BASE + BLOCK, 2) == b"\x5a\xa5"


def test_a_driver_that_reads_what_is_not_plugged_is_refused():
    with Machine() as machine:
        device = Driver(machine.qtest).device
        device.status = 0
        device.status = 3
        device.accept(VERSION_1)
        device.status = 3 | FEATURES_OK
        assert not device.status & FEATURES_OK


def test_nodes_are_told():
    nodes = ["-numa", "node,mem=64M", "-numa", "node,mem=64M"]
    with Machine(["virtio-mem-pci,id=vm0,memdev=m0,node=1,requested-size=64M"], options=nodes) as machine:
        driver = machine.driver()
        assert driver.node == 1
        assert driver.ask(PLUG, BASE, 32) == ACK
        assert "node 1 plugged: 64 MB" in machine.qmp.execute("human-monitor-command", {"command-line": "info numa"})


def test_blocks_come_and_go():
    with Machine(["virtio-mem-pci,id=vm0,memdev=m0,requested-size=16M"]) as machine:
        driver = machine.driver()
        assert not machine.has_memory(BASE)
        assert driver.ask(STATE, BASE, 8) == (ACK, UNPLUGGED)
        assert driver.ask(PLUG, BASE + 2 * BLOCK, 3) == ACK
        assert driver.plugged == machine.devices()["vm0"]["size"] == 3 * BLOCK
        assert [machine.has_memory(BASE + at * BLOCK) for at in range(6)] == [False, False, True, True, True, False]
        assert driver.ask(STATE, BASE, 8) == (ACK, MIXED)
        assert driver.ask(STATE, BASE + 2 * BLOCK, 3) == (ACK, PLUGGED)
        assert driver.ask(UNPLUG, BASE + 3 * BLOCK, 1) == ACK
        assert [machine.has_memory(BASE + at * BLOCK) for at in range(6)] == [False, False, True, False, True, False]
        assert driver.ask(PLUG, BASE + 3 * BLOCK, 1) == ACK
        assert machine.qtest.read(BASE + 3 * BLOCK, 2) == bytes(2)         # what was there is gone
        assert machine.qtest.read(BASE + 2 * BLOCK, 2) == b"\x5a\xa5"
        assert driver.ask(UNPLUG_ALL) == ACK
        assert driver.plugged == 0 and not machine.has_memory(BASE + 2 * BLOCK)
        assert machine.qmp.execute("query-memory-size-summary")["plugged-memory"] == 0


def test_what_is_not_plugged_costs_nothing():
    """Also in a part that has a KVM slot: its addresses are the host's page of zeros, which nobody can write to."""
    with Machine(["virtio-mem-pci,id=vm0,memdev=m0,requested-size=64M"], options=["-machine", "mem-merge=off"]) as machine:
        driver = machine.driver()
        assert driver.ask(PLUG, BASE + 3 * BLOCK, 5) == ACK and driver.ask(PLUG, BASE + 40 * BLOCK, 1) == ACK
        parts = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) .*?^Rss: +(\d+) kB$",
                           pathlib.Path(f"/proc/{machine.peer.process.pid}/smaps").read_text(), re.M | re.S)
        parts = [(int(start, 16), int(end, 16), mode, int(rss)) for start, end, mode, rss in parts]
        # The device's memory: the blocks of zeros between those that are plugged give it away.
        at, = (index for index, (start, end, mode, _) in enumerate(parts)
               if (mode, end - start) == ("r--p", (40 - 8) * BLOCK))
        (_, first_end, first, _), (start, _, last, _) = parts[at - 1], parts[at + 1]
        assert (first, last) == ("rw-p", "rw-p") and parts[at][:2] == (first_end, start), parts[at - 1:at + 2]
        assert [mode for _, _, mode, _ in (parts[at - 2], parts[at + 2])] == ["r--p", "r--p"], parts[at - 2:at + 3]
        assert parts[at][3] == parts[at - 2][3] == parts[at + 2][3] == 0
        assert not machine.has_memory(BASE) and not machine.has_memory(BASE + 9 * BLOCK)
        backend, = (backend for backend in machine.qmp.execute("query-memdev") if backend["id"] == "m0")
        assert backend["resident"] == 0


def test_what_is_not_accepted():
    with Machine(["virtio-mem-pci,id=vm0,memdev=m0,requested-size=16M"]) as machine:
        driver = machine.driver()
        end = BASE + driver.usable
        assert driver.ask(PLUG, BASE, 9) == NACK                           # more than was requested
        assert driver.ask(PLUG, BASE, 4) == ACK
        assert driver.ask(PLUG, BASE + 4 * BLOCK, 5) == NACK
        for kind in (PLUG, UNPLUG, STATE):
            for addr, count in ((BASE - BLOCK, 1), (BASE + 1, 1), (BASE + 4096, 1), (BASE, 0), (end, 1), (end - BLOCK, 2),
                                (BASE, 65535), (0, 1), ((1 << 64) - BLOCK, 1), ((1 << 64) - BLOCK, 65535)):
                answer = driver.ask(kind, addr, count)
                assert (answer[0] if kind == STATE else answer) == ERROR, (kind, addr, count)
        assert driver.ask(PLUG, BASE + 3 * BLOCK, 2) == ERROR              # overlaps
        assert driver.ask(UNPLUG, BASE + 3 * BLOCK, 2) == ERROR
        assert driver.ask(4) == driver.ask(65535) == ERROR
        assert driver.plugged == 4 * BLOCK
        assert driver.ask(UNPLUG, BASE, 4) == ACK


def test_malformed_requests_break_the_device_once():
    for length, room in ((23, 10), (24, 9)):
        with Machine() as machine:
            driver = machine.driver()
            driver.offer(STATE, BASE, 1, length, room)
            driver.device.wait_status(NEEDS_RESET)
            assert machine.peer.said().count("needs") + machine.peer.said().count("does nothing until") == 1
            driver.start()
            machine.request(BLOCK)
            assert driver.ask(PLUG, BASE, 1) == ACK


def test_the_host_requests_and_the_guest_follows():
    with Machine() as machine:
        driver = machine.driver()
        assert driver.usable == driver.requested == 0
        assert driver.ask(PLUG, BASE, 1) == ERROR
        machine.request(512 * MIB)
        assert (driver.usable, driver.requested) == (768 * MIB, 512 * MIB)
        assert driver.device.interrupt_status() & 2
        assert driver.ask(PLUG, BASE, 256) == ACK
        event = machine.qmp.wait_event("MEMORY_DEVICE_SIZE_CHANGE")["data"]
        assert event == {"id": "vm0", "size": 512 * MIB, "qom-path": "/machine/peripheral/vm0"}
        machine.request(0)                                     # what is plugged stays usable
        assert (driver.usable, driver.requested, driver.plugged) == (768 * MIB, 0, 512 * MIB)
        for at in range(0, 256, 64):
            assert driver.ask(UNPLUG, BASE + at * BLOCK, 64) == ACK
        event = machine.qmp.wait_event("MEMORY_DEVICE_SIZE_CHANGE")["data"]     # within a second: the last
        assert event["size"] == 0
        assert driver.ask(UNPLUG_ALL) == ACK and driver.usable == 0


def test_sizes_that_cannot_be_requested():
    with Machine() as machine:
        for value, words in ((MIB, "multiple of 'block-size'"), (1026 * MIB, "cannot exceed"), (-1, "expects an integer"),
                             ("4M", "expects an integer"), (1 << 64, "expects an integer"), (1.5, "expects an integer"),
                             (1 << 63, "8 EiB are requested"), ((1 << 64) - MIB * 2, "are requested"),
                             ((1 << 64) - 1, f"{(1 << 64) - 1} is not")):
            arguments = {"path": "/machine/peripheral/vm0", "property": "requested-size", "value": value}
            assert words in machine.refused("qom-set", arguments), value
        assert machine.devices()["vm0"]["requested-size"] == 0
        get = {"path": "/machine/peripheral/vm0", "property": "requested-size"}
        machine.request(64 * MIB)
        assert machine.qmp.execute("qom-get", get) == 64 * MIB
        assert machine.qmp.execute("qom-get", {**get, "property": "size"}) == 0


def test_a_reset_takes_everything_and_keeps_the_request():
    with Machine(["virtio-mem-pci,id=vm0,memdev=m0,requested-size=512M"]) as machine:
        driver = machine.driver()
        assert driver.ask(PLUG, BASE + 128 * MIB, 100) == ACK
        assert machine.has_memory(BASE + 128 * MIB)
        driver.start()                                         # a driver's reset takes nothing
        assert driver.plugged == 100 * BLOCK and driver.ask(STATE, BASE + 128 * MIB, 100) == (ACK, PLUGGED)
        machine.request(256 * MIB)
        machine.qmp.execute("system_reset")
        machine.qmp.wait_event("RESET")
        assert not machine.has_memory(BASE + 128 * MIB)
        driver = machine.driver()
        assert (driver.plugged, driver.usable, driver.requested) == (0, 512 * MIB, 256 * MIB)
        assert wait_until(lambda: driver.ask(PLUG, BASE + 128 * MIB, 1) == ACK, "the memory to be returned")
        assert machine.qtest.read(BASE + 128 * MIB, 2) == bytes(2)


def ranges(machine):
    return [(part["start"], part["size"], part["plugged"]) for part in machine.qmp.execute("query-memory-map")["ranges"]
            if part["type"] == "virtio-mem"]


def test_the_map_shows_where_blocks_are():
    with Machine(["virtio-mem-pci,id=vm0,memdev=m0,requested-size=768M"]) as machine:
        driver = machine.driver()
        assert ranges(machine) == [(BASE, 1024 * MIB, 0)]
        assert driver.ask(PLUG, BASE + CHUNK, 128) == ACK
        assert driver.ask(PLUG, BASE + 4 * CHUNK, 3) == ACK
        assert ranges(machine) == [(BASE, CHUNK, 0), (BASE + CHUNK, 2 * CHUNK, 2 * CHUNK), (BASE + 3 * CHUNK, CHUNK, 0),
                                   (BASE + 4 * CHUNK, CHUNK, 3 * BLOCK), (BASE + 5 * CHUNK, 3 * CHUNK, 0)]
        picture = machine.qmp.execute("human-monitor-command", {"command-line": "info memory-map"})
        assert "virtio-mem: 262 MiB of 1 GiB are plugged" in picture, picture
        assert [words.split()[3:7] for words in picture.splitlines() if "blocks" in words] == [
            ["blocks", "0", state, "vm0"] for state in ("empty", "plugged", "empty", "partly", "empty")]


def test_beside_dimms_and_others_of_its_kind():
    objects = [f"memory-backend-ram,id=m{number},size=512M" for number in range(4)]
    with Machine(["virtio-mem-pci,id=vm0,memdev=m0,requested-size=2M", "pc-dimm,id=d0,memdev=m1",
                  "virtio-mem-pci,id=vm1,memdev=m2,memaddr=0x160000000,requested-size=4M"], objects=objects) as machine:
        devices = machine.devices()
        assert [devices[name].get("addr", devices[name].get("memaddr")) for name in devices] \
            == [BASE, BASE + 512 * MIB, 0x160000000]
        assert devices["d0"]["slot"] == 0                      # as if the others were not there
        machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d1", "memdev": "m3"})
        assert machine.devices()["d1"] | {} == {**machine.devices()["d1"], "slot": 1, "addr": BASE + 1024 * MIB}
        first, second = machine.driver(0), machine.driver(1)
        assert first.ask(PLUG, BASE, 1) == second.ask(PLUG, 0x160000000, 2) == ACK
        assert second.ask(PLUG, BASE + BLOCK, 1) == ERROR      # the other one's
        assert machine.qmp.execute("query-memory-size-summary")["plugged-memory"] == 1024 * MIB + 3 * BLOCK
        text = machine.qmp.execute("human-monitor-command", {"command-line": "info memory-devices"}).replace("\r", "")
        assert text.count("Memory device [virtio-mem]") == 2 and text.count("Memory device [dimm]") == 2
        assert f"""Memory device [virtio-mem]: "vm1"
  memaddr: 0x160000000
  node: 0
  requested-size: {4 * MIB}
  size: {4 * MIB}
  max-size: {512 * MIB}
  block-size: {BLOCK}
  memdev: /objects/m2
""" in text


def test_files_and_huge_blocks():
    objects = ["memory-backend-memfd,id=m0,size=256M,share=on", "memory-backend-memfd,id=m1,size=256M,share=off",
               "memory-backend-ram,id=m2,size=256M,reserve=off,merge=off,dump=off"]
    devices = [f"virtio-mem-pci,id=vm{number},memdev=m{number},block-size=8M,requested-size=128M,prealloc={prealloc}"
               for number, prealloc in enumerate(("on", "off", "on"))]
    with Machine(devices, objects=objects) as machine:
        for number in range(3):
            driver, addr = machine.driver(number), machine.devices()[f"vm{number}"]["memaddr"]
            assert driver.block == 8 * MIB
            assert driver.ask(PLUG, addr + 2 * MIB, 1) == ERROR
            assert driver.ask(PLUG, addr + 8 * MIB, 3) == ACK
            resident = [backend["resident"] for backend in machine.qmp.execute("query-memdev") if backend["id"] == f"m{number}"]
            assert resident == [24 * MIB if number != 1 else 0]
            assert machine.has_memory(addr + 8 * MIB)
            assert driver.ask(UNPLUG, addr + 8 * MIB, 1) == ACK
            assert driver.ask(PLUG, addr + 8 * MIB, 1) == ACK
            assert machine.qtest.read(addr + 8 * MIB, 2) == bytes(2)


def test_memory_that_a_device_uses_stays():
    """A ring is in a block, which the guest cannot unplug until the ring has gone."""
    devices = ["virtio-mem-pci,id=vm0,memdev=m0,requested-size=8M", "virtio-rng-pci"]
    with Machine(devices) as machine:
        driver = machine.driver()
        assert driver.ask(PLUG, BASE, 4) == ACK
        pci = Pci(machine.qtest, window=0xd0000000)
        rng = Device(pci, pci.find(0x1af4, 0x1044), BASE + BLOCK)
        rng.begin()
        queue = rng.queue(0)
        rng.ready()
        assert queue.transfer([(BASE + 2 * BLOCK, 64, True)]) == 64
        assert driver.ask(UNPLUG, BASE + 2 * BLOCK, 1) == ACK
        assert driver.ask(UNPLUG, BASE, 2) == BUSY and driver.ask(UNPLUG_ALL) == BUSY
        assert driver.plugged == 3 * BLOCK and driver.ask(STATE, BASE, 2) == (ACK, PLUGGED)
        assert queue.transfer([(BASE + 3 * BLOCK, 64, True)]) == 64
        queue.offer([(BASE + 2 * BLOCK, 64, True)])            # DMA to what is not plugged
        queue.kick()
        rng.wait_status(NEEDS_RESET)
        rng.status = 0
        assert wait_until(lambda: driver.ask(UNPLUG_ALL) == ACK, "the rings to go")
        assert driver.plugged == 0


def test_a_reset_with_rings_in_blocks():
    devices = ["virtio-rng-pci", "virtio-mem-pci,id=vm0,memdev=m0,requested-size=8M", "virtio-balloon-pci"]
    with Machine(devices) as machine:
        driver = machine.driver()
        assert driver.ask(PLUG, BASE, 4) == ACK
        for number, kind in enumerate((0x1044, 0x1045)):
            pci = Pci(machine.qtest, window=0xd0000000 + 0x1000000 * number)
            other = Device(pci, pci.find(0x1af4, kind), BASE + BLOCK * number)
            other.begin()
            other.queue(0)
            other.ready()
        machine.qmp.execute("system_reset")
        machine.qmp.wait_event("RESET")
        driver = machine.driver()
        assert wait_until(lambda: driver.ask(PLUG, BASE, 4) == ACK, "the memory to be returned")


def test_cold_and_hot_and_gone():
    with Machine([], options=["-device", "pcie-root-port,id=port"]) as machine:
        add = {"driver": "virtio-mem-pci", "id": "vm0", "memdev": "m0", "bus": "port", "requested-size": 4 * MIB}
        machine.qmp.execute("device_add", add)
        assert machine.devices()["vm0"]["requested-size"] == 4 * MIB
        assert "use already busy memdev" in machine.refused(
            "device_add", {"driver": "pc-dimm", "id": "d0", "memdev": "m0"})
        assert "m0" in machine.refused("object-del", {"id": "m0"})
        assert "requested-size is not 0" in machine.refused("device_del", {"id": "vm0"})
        machine.request(0)
        machine.qmp.execute("device_del", {"id": "vm0"})
        machine.qmp.execute("system_reset")                    # which gives it back
        machine.qmp.wait_event("DEVICE_DELETED")
        assert machine.devices() == {}
        machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d0", "memdev": "m0"})
        assert machine.devices()["d0"]["addr"] == BASE and machine.has_memory(BASE + 512 * MIB)


def test_device_del_is_refused_while_memory_is_plugged():
    devices = ["pcie-root-port,id=port", "virtio-mem-pci,id=vm0,memdev=m0,bus=port,requested-size=4M"]
    with Machine(devices) as machine:
        pci = Pci(machine.qtest)
        port = pci.find(0x1b36, 0x000c)
        pci.config_write(port, 0x18, 4, 0x00010100)            # its bus is number 1
        pci.config_write(port, 0x20, 4, 0xcff0c000)            # memory behind it
        pci.config_write(port, 4, 2, 6)
        driver = Driver.__new__(Driver)
        driver.qtest, driver.request, driver.answer = machine.qtest, REQUEST, ANSWER
        driver.device = Device(pci, (1, 0))
        driver.start()
        assert driver.ask(PLUG, BASE, 2) == ACK
        machine.request(0)
        assert "still plugged" in machine.refused("device_del", {"id": "vm0"})
        assert driver.ask(UNPLUG, BASE, 2) == ACK
        machine.qmp.execute("device_del", {"id": "vm0"})


def test_invalid_devices():
    good = ["-object", BACKEND, "-object", "memory-backend-ram,id=pre,size=64M,prealloc=on",
            "-object", "memory-backend-ram,id=odd,size=66M"]
    with Machine([], objects=[BACKEND, "memory-backend-ram,id=pre,size=64M,prealloc=on", "memory-backend-ram,id=odd,size=66M"]) as machine:
        for members, words in (
                ({}, "'memdev' property is not set"),
                ({"memdev": "nothing"}, "nothing"),
                ({"memdev": "pre"}, "prealloc=on"),
                ({"memdev": "m0", "block-size": 3 * MIB}, "power of two"),
                ({"memdev": "m0", "block-size": 4096}, "power of two"),
                ({"memdev": "odd", "block-size": 4 * MIB}, "multiple of 'block-size'"),
                ({"memdev": "m0", "requested-size": MIB}, "multiple of 'block-size'"),
                ({"memdev": "m0", "requested-size": 2048 * MIB}, "cannot exceed"),
                ({"memdev": "m0", "memaddr": BASE + 4096}, "multiple of 'block-size'"),
                ({"memdev": "m0", "memaddr": 64 * MIB}, "0x4000000"),
                ({"memdev": "m0", "node": 1}, "node"),
                ({"memdev": "m0", "node": 0xffffffff}, "node has value 4294967295"),
                ({"memdev": "m0", "unplugged-inaccessible": "off"}, "unplugged-inaccessible=off"),
                ({"memdev": "m0", "unplugged-inaccessible": "perhaps"}, "expects on, off or auto"),
                ({"memdev": "m0", "dynamic-memslots": False}, "dynamic-memslots=off")):
            said = machine.refused("device_add", {"driver": "virtio-mem-pci", "id": "vm0", **members})
            assert words in said, (members, said)
            assert machine.devices() == {}
        assert all("used-by" not in backend for backend in machine.qmp.execute("query-memdev") if backend["id"] != "hotram.ram")
    for memory in ("128M", "128M,slots=0,maxmem=128M"):
        said = refused_start(*good, "-device", "virtio-mem-pci,memdev=m0", memory=memory)
        assert "please specify the maxmem option" in said, said
    refused_start(*good, "-overcommit", "mem-lock=on", "-device", "virtio-mem-pci,memdev=m0")


def test_no_room():
    objects = [f"memory-backend-ram,id=m{number},size=256M" for number in range(2)]
    with Machine(["virtio-mem-pci,id=vm0,memdev=m0", "pcie-root-port,id=port"], "128M,slots=4,maxmem=384M", objects) as machine:
        add = {"driver": "virtio-mem-pci", "id": "vm1", "memdev": "m1", "bus": "port"}
        said = machine.refused("device_add", add)
        assert "256 MiB" in said, said
        said = machine.refused("device_add", {**add, "memaddr": BASE + 128 * MIB})
        assert "conflicts with memory device id='vm0'" in said, said
        assert list(machine.devices()) == ["vm0"]


def test_devices_take_no_slot():
    """Without slots there are only virtio-mem devices; with one, one DIMM, however many devices there are."""
    objects = [f"memory-backend-ram,id=m{number},size=256M" for number in range(4)]
    devices = ["virtio-mem-pci,id=vm0,memdev=m0,requested-size=4M", "virtio-mem-pci,id=vm1,memdev=m1"]
    for memory in ("128M,maxmem=4G", "128M,slots=0,maxmem=4G", "128M,slots=1,maxmem=4G"):
        slots = int("slots=1" in memory)
        with Machine(devices, memory, objects) as machine:
            assert machine.driver().ask(PLUG, BASE, 2) == ACK and machine.has_memory(BASE)
            area = machine.qmp.execute("query-memory-map")
            assert all("slot" not in part for part in area["ranges"])
            assert area["slots"] == {"total": slots, "free": slots}
            assert area["capacity"] == {"total": 3968 * MIB, "free": (3968 - 512) * MIB}
            assert area["region"] == {"start": BASE, "size": (3968 + 1024 * slots) * MIB}
            if slots:
                machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d0", "memdev": "m2"})
                assert (machine.devices()["d0"]["slot"], machine.devices()["d0"]["addr"]) == (0, BASE + 512 * MIB)
            said = machine.refused("device_add", {"driver": "pc-dimm", "id": "d1", "memdev": "m3"})
            assert ("no free slots" if slots else "please specify the 'slots' option") in said, said
            machine.qmp.execute("system_reset")
            machine.qmp.wait_event("RESET")
            assert not machine.has_memory(BASE)


def test_sixty_four_devices():
    ports = [f"pcie-root-port,id=r{number},addr={1 + number // 8:#x}.{number % 8},multifunction=on,chassis={number},slot={number}"
             for number in range(65)]
    objects = [f"memory-backend-ram,id=m{number},size=128M" for number in range(65)]
    devices = [f"virtio-mem-pci,id=vm{number},memdev=m{number},bus=r{number}" for number in range(64)]
    with Machine(ports + devices, "128M,maxmem=16G", objects) as machine:
        assert len(machine.devices()) == 64
        said = machine.refused("device_add", {"driver": "virtio-mem-pci", "id": "more", "memdev": "m64", "bus": "r64"})
        assert "the limit of 64 virtio-mem devices is reached" in said, said


def operations(machine):
    return [{key: operation[key] for key in ("device", "operation", "size", "plugged", "result")}
            for operation in machine.qmp.execute("query-memory-operations")]


def last(machine):
    operation = machine.qmp.execute("query-memory-operations")[-1]
    return operation["result"], operation.get("reason", "")


def ended(machine, number=1, name="MEMORY_OPERATION_DONE"):
    event = machine.qmp.wait_event(name)["data"]
    assert event["id"] == number and event["operation"] == "resize", event
    return event


QUICK = ["-machine", "plug-timeout=1,unplug-timeout=1"]


def test_a_requested_size_is_an_operation():
    with Machine() as machine:
        driver = machine.driver()
        machine.request(16 * MIB)
        assert operations(machine) == [{"device": "vm0", "operation": "resize", "size": 16 * MIB, "plugged": 0,
                                        "result": "in-progress"}]
        machine.request(16 * MIB)                              # the same again is no other one
        assert driver.ask(PLUG, BASE, 5) == ACK
        assert operations(machine)[0]["plugged"] == 10 * MIB and len(operations(machine)) == 1
        assert driver.ask(PLUG, BASE + 5 * BLOCK, 3) == ACK
        assert ended(machine)["result"] == "done"
        machine.request(4 * MIB)
        machine.request(6 * MIB)
        assert [operation["result"] for operation in operations(machine)] == ["done", "cancelled", "in-progress"]
        assert "another size" in machine.qmp.execute("query-memory-operations")[1]["reason"]
        assert driver.ask(UNPLUG, BASE, 5) == ACK
        assert last(machine) == ("done", "")
        machine.request(8 * MIB)
        machine.request(6 * MIB)                               # which it has
        assert last(machine) == ("done", "")


def test_what_a_guest_does_in_part_or_not_at_all():
    with Machine(options=QUICK) as machine:
        driver = machine.driver()
        machine.qmp.execute("cont")
        machine.request(16 * MIB)
        assert ended(machine, 1)["result"] == "unanswered"
        assert "driver did nothing" in last(machine)[1]
        assert driver.ask(PLUG, BASE, 8) == ACK                # later all the same
        assert ended(machine, 1, "MEMORY_OPERATION_LATE")["result"] == "done"
        machine.request(4 * MIB)
        assert driver.ask(UNPLUG, BASE, 2) == ACK
        assert ended(machine, 2)["result"] == "refused"
        assert "the guest has 12 MiB of the 4 MiB that were requested" in last(machine)[1], last(machine)
        assert driver.ask(UNPLUG, BASE + 2 * BLOCK, 4) == ACK
        assert ended(machine, 2, "MEMORY_OPERATION_LATE")["result"] == "done"


def test_a_requested_size_is_withdrawn():
    with Machine() as machine:
        driver = machine.driver()
        machine.request(16 * MIB)
        assert driver.ask(PLUG, BASE, 1) == ACK
        machine.qmp.execute("memory-operation-cancel", {"id": 1})
        assert last(machine)[0] == "cancelled" and driver.requested == BLOCK
        assert driver.ask(PLUG, BASE + BLOCK, 1) == NACK


def test_a_reset_does_not_end_a_request():
    with Machine() as machine:
        driver = machine.driver()
        machine.request(16 * MIB)
        assert driver.ask(PLUG, BASE, 1) == ACK
        machine.qmp.execute("system_reset")
        machine.qmp.wait_event("RESET")
        assert operations(machine)[0]["result"] == "in-progress" and operations(machine)[0]["plugged"] == 0
        driver = machine.driver()
        assert wait_until(lambda: driver.ask(PLUG, BASE, 8) == ACK, "the memory to be returned")
        assert last(machine)[0] == "done"
        machine.request(0)
        machine.qmp.execute("system_reset")                    # by which the guest has nothing
        machine.qmp.wait_event("RESET")
        assert last(machine)[0] == "done"


def test_operations_of_a_device_that_comes_and_goes():
    with Machine([], options=["-device", "pcie-root-port,id=port"]) as machine:
        machine.qmp.execute("device_add", {"driver": "virtio-mem-pci", "id": "vm0", "memdev": "m0", "bus": "port",
                                           "requested-size": 4 * MIB})
        assert operations(machine)[0]["result"] == "in-progress"
        machine.request(0)
        assert [operation["result"] for operation in operations(machine)] == ["cancelled", "done"]
        machine.qmp.execute("device_del", {"id": "vm0"})       # before a driver has switched its slot on: at once
        machine.qmp.wait_event("DEVICE_DELETED")
        assert [operation["size"] for operation in operations(machine)] == [4 * MIB, 0]


def test_back_ends_that_would_reach_all_of_it():
    """Whichever comes second is refused, with the name of the first."""
    with tempfile.TemporaryDirectory() as folder, BackEnd(pathlib.Path(folder) / "s") as back_end:
        options = ["-chardev", f"socket,id=disk,path={back_end.path}", "-device", "pcie-root-port,id=port"]
        with Machine(options=options) as machine:
            said = machine.refused("device_add", {"driver": "vhost-user-blk-pci", "chardev": "disk", "bus": "port"})
            assert "device 'vm0' (virtio-mem-pci)" in said, said
        with Machine([], options=[*options, "-device", "vhost-user-blk-pci,id=ub,chardev=disk"]) as machine:
            said = machine.refused("device_add", {"driver": "virtio-mem-pci", "memdev": "m0", "bus": "port"})
            assert "device 'ub' (vhost-user-blk-pci)" in said, said


def test_any_requests():
    """Against a model, while the host requests other sizes."""
    choice = random.Random(1)
    with Machine() as machine:
        driver, plugged, requested, usable = machine.driver(), set(), 0, 0
        for _ in range(1500):
            if choice.random() < 0.1:
                requested = choice.choice([0, 16 * BLOCK, 200 * BLOCK, 512 * BLOCK])
                machine.request(requested)
                usable = max(usable, min(1024 * MIB, requested + 256 * MIB) if requested else 0)
            kind = choice.choice([PLUG, PLUG, UNPLUG, STATE, STATE] + [UNPLUG_ALL] * (choice.random() < 0.05))
            first, count = choice.randrange(-2, 514), choice.choice([0, 1, 1, 2, 8, 70, 300])
            blocks = set(range(first, first + count))
            answer = driver.ask(kind, BASE + first * BLOCK, count)
            if kind == UNPLUG_ALL:
                expected, plugged = ACK, set()
                usable = min(1024 * MIB, requested + 256 * MIB) if requested else 0
            elif first < 0 or count == 0 or (first + count) * BLOCK > usable:
                expected = ERROR
            elif kind == STATE:
                expected = PLUGGED if blocks <= plugged else MIXED if blocks & plugged else UNPLUGGED
                assert answer == (ACK, expected), (first, count, answer, expected)
                continue
            elif kind == PLUG and (len(plugged) + count) * BLOCK > requested:
                expected = NACK
            elif kind == PLUG:
                expected = ERROR if blocks & plugged else ACK
                plugged |= blocks if expected == ACK else set()
            else:
                expected = ACK if blocks <= plugged else ERROR
                plugged -= blocks if expected == ACK else set()
            answer = answer[0] if kind == STATE else answer
            assert answer == expected, (kind, first, count, answer, expected)
            assert driver.plugged == len(plugged) * BLOCK and driver.usable == usable
        for block in choice.sample(range(512), 64):
            assert machine.has_memory(BASE + block * BLOCK) == (block in plugged)


def follow(driver, plugged, target, choice):
    """As a driver does: in requests of any length, of the blocks that have to come or to go, until the size is the
    target, in blocks."""
    while len(plugged) != target:
        grows = len(plugged) < target
        run, most = [], choice.choice([6, 64, 64])
        for block in range(64) if grows else range(63, -1, -1):
            if (block in plugged) == grows:
                if run:
                    break
            elif len(run) < min(most, abs(target - len(plugged))):
                run.append(block)
            else:
                break
        assert driver.ask(PLUG if grows else UNPLUG, driver.addr + min(run) * BLOCK, len(run)) == ACK
        plugged ^= set(run)


def test_a_thousand_changes():
    """Of two devices beside a DIMM: what device, driver, monitors and host say of sizes does not drift apart."""
    choice = random.Random(2)
    objects = ["memory-backend-memfd,id=m0,size=128M", "memory-backend-ram,id=m1,size=128M", "memory-backend-ram,id=m2,size=128M"]
    devices = [f"virtio-mem-pci,id=vm{number},memdev=m{number},prealloc=on" for number in range(2)]
    with Machine([*devices, "pc-dimm,id=d0,memdev=m2"], objects=objects) as machine:
        drivers = [machine.driver(number) for number in range(2)]
        plugged = [set(), set()]
        for change in range(1000):
            which, target = choice.randrange(2), choice.randrange(33)
            machine.request(target * BLOCK, f"vm{which}")
            follow(drivers[which], plugged[which], target, choice)
            for number in range(2):
                size = len(plugged[number]) * BLOCK
                assert drivers[number].plugged == machine.devices()[f"vm{number}"]["size"] == size, (change, number)
            total = sum(map(len, plugged)) * BLOCK
            summary = machine.qmp.execute("query-memory-size-summary")
            assert summary["plugged-memory"] == total + 128 * MIB, (change, summary)
            assert sum(part[2] for part in ranges(machine)) == total
            operation = machine.qmp.execute("query-memory-operations")[-1:] or [{"result": "done"}]
            assert operation[0]["result"] == "done", (change, operation)
            if change % 50 == 0:
                resident = {backend["id"]: backend["resident"] for backend in machine.qmp.execute("query-memdev")}
                assert [resident[f"m{number}"] for number in range(2)] == [len(blocks) * BLOCK for blocks in plugged], change
        assert machine.peer.said() == ""


if __name__ == "__main__":
    tap.main()
