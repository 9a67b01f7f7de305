#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""Machines with virtio-mem devices are saved, restored and sent: blocks that are plugged continue with what is in them,
others are not there and are in no file; what differs and what no device can have is refused. A test plays the driver."""

import contextlib
import os
import pathlib
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import Machine                              # noqa: E402
from lib.migration import (ACCEPTED, FAILED, HEADER, PAGES, ZEROS, Between, info, messages, set_capabilities, status,   # noqa: E402
                           wait_migration)
from lib.qmp import QMPError                                 # noqa: E402
from lib.qtest import QtestError, QtestServer                # noqa: E402
from lib.saved import Saved                                  # noqa: E402
from lib.virtio_mem import (ACK, BASE, BLOCK, BUSY, MIB, MIXED, PLUG, PLUGGED, STATE, UNPLUG, UNPLUG_ALL, UNPLUGGED,   # noqa: E402
                            Driver)
from test_snapshot_devices import hand_over, place, restored, same, save, started, states       # noqa: E402

CHUNK = 128 * MIB
PAGE = 4096
LIMIT = 60


def device(number=0, size="1G", backend="memory-backend-ram", objects="", **properties):
    words = "".join(f",{name.replace('_', '-')}={value}" for name, value in properties.items())
    return ["-object", f"{backend},id=m{number},size={size}{objects}",
            "-device", f"virtio-mem-pci,id=vm{number},memdev=m{number}{words}"]


ONE = device(requested_size="512M")


class Stored(Host):
    """Whose options are those in a file: -restore refuses others."""

    def __init__(self, file):
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="hotram-files-"))
        server = QtestServer(self.files / "qtest")
        Machine.__init__(self, ["-accel", "qtest", "-qtest", f"unix:{server.path}", "-restore", str(file)], kernel=None,
                         run=False, reboot=True)
        self.qtest = server.accept()


def driver_of(host, number=0):
    return Driver(host.qtest, number, 0x100000 + 0x10000 * number).start()


def begin(host, *numbers):
    host.qmp.execute("cont")
    return [driver_of(host, number) for number in numbers or (0,)]


def move(driver, host):
    driver.qtest = host.qtest
    hand_over(driver.device, host)


def content(block):
    return f"block {block:6}".encode() * 8


def write(host, *blocks, base=BASE):
    for block in blocks:
        host.qtest.write(base + block * BLOCK + 3 * PAGE, content(block))


def has(host, *blocks, base=BASE):
    for block in blocks:
        assert host.qtest.read(base + block * BLOCK + 3 * PAGE, 96) == content(block), block


def has_not(host, *blocks, base=BASE):
    """There is no memory for a write."""
    for block in blocks:
        try:
            host.qtest.write(base + block * BLOCK, b"\x5a")
        except QtestError as error:
            assert "there is no memory" in str(error)
        else:
            assert host.qtest.read(base + block * BLOCK, 1) != b"\x5a", block


def devices(host):
    return {entry["data"]["id"]: entry["data"] for entry in host.qmp.execute("query-memory-devices")}


def request(host, size, name="vm0"):
    host.qmp.execute("qom-set", {"path": f"/machine/peripheral/{name}", "property": "requested-size", "value": size})


def used(host):
    """A device with blocks in three chunks; some have been unplugged again."""
    driver, = begin(host)
    assert driver.ask(PLUG, BASE + 2 * BLOCK, 5) == ACK
    assert driver.ask(PLUG, BASE + 62 * BLOCK, 4) == ACK                   # at the border of two chunks
    assert driver.ask(PLUG, BASE + 5 * CHUNK // 2, 1) == ACK
    write(host, 2, 4, 6, 62, 65, 160)
    assert driver.ask(UNPLUG, BASE + 4 * BLOCK, 2) == ACK
    return driver


def check(host, driver):
    """And it continues."""
    assert (driver.plugged, driver.requested, driver.usable) == (8 * BLOCK, 512 * MIB, 768 * MIB)
    assert devices(host)["vm0"]["size"] == 8 * BLOCK
    assert driver.ask(STATE, BASE + 4 * BLOCK, 2) == (ACK, UNPLUGGED)
    assert driver.ask(STATE, BASE + 62 * BLOCK, 4) == (ACK, PLUGGED) and driver.ask(STATE, BASE, 8) == (ACK, MIXED)
    has(host, 2, 6, 62, 65, 160)
    has_not(host, 0, 1, 4, 5, 7, 61, 66, 159, 161, 300)
    assert driver.ask(PLUG, BASE + 4 * BLOCK, 1) == ACK
    assert host.qtest.read(BASE + 4 * BLOCK + 3 * PAGE, 96) == bytes(96)    # not what was there once
    write(host, 4)
    assert driver.ask(UNPLUG, BASE + 62 * BLOCK, 4) == ACK
    has_not(host, 62, 65)
    assert driver.ask(PLUG, BASE + 62 * BLOCK, 1) == ACK
    assert host.qtest.read(BASE + 62 * BLOCK + 3 * PAGE, 96) == bytes(96)
    has(host, 2, 4, 6, 160)
    host.qmp.execute("system_reset")
    host.qmp.wait_event("RESET")
    has_not(host, 2, 6, 160)
    assert devices(host)["vm0"]["size"] == 0 and devices(host)["vm0"]["requested-size"] == 512 * MIB


# ---- files ----

def test_blocks_continue_from_a_file():
    """Into memory of each kind."""
    with place() as file:
        with Host(ONE) as host:
            driver = used(host)
            save(host, file)
            write(host, 3)                              # and they continue here
            has(host, 2, 3, 6)
        # The size that is requested is the state's, not the option's.
        for options in (ONE, device(), device(prealloc="on"), device(backend="memory-backend-memfd", objects=",share=on"),
                        device(backend="memory-backend-memfd", objects=",share=off"), device(objects=",merge=off,reserve=off")):
            with Host([*options, "-incoming", f"file:{file}"]) as host:
                again = file.parent / "again"
                save(host, again)                       # it is the same
                same(*([state for state in states(one) if state[1] != "options"] for one in (file, again)))
                host.qmp.execute("cont")
                move(driver, host)
                queue = vars(driver.queue).copy()
                check(host, driver)
                vars(driver.queue).update(queue)


def test_what_is_not_plugged_has_no_memory_after_a_restore():
    with place() as file:
        with Host(ONE) as host:
            used(host)
            save(host, file)
        for options in (ONE, device(backend="memory-backend-memfd", objects=",share=on")):
            with restored(options, file) as host:
                assert host.memdev("m0")["resident"] <= 8 * BLOCK
                writable = [line.split()[0].split("-") for line in
                            pathlib.Path(f"/proc/{host.process.pid}/maps").read_text().splitlines()
                            if line.split()[1].startswith("rw") and ("guest.snapshot" in line or "memfd" in line
                                                                     or "m0" in line)]
                sizes = [int(end, 16) - int(start, 16) for start, end in writable]
                assert max(sizes) <= 64 * MIB, sizes    # RAM; no chunk as a whole


def test_only_plugged_blocks_are_in_the_file():
    with place() as file:
        with Host(ONE) as host:
            used(host)
            save(host, file)
        saved = Saved(file)
        regions = [saved[name] for name in saved.names() if name.startswith("memory ")]
        blocks = [region for region in regions if region["address"] >= BASE]
        assert [region["address"] - BASE for region in blocks] == [0, CHUNK, 2 * CHUNK]
        assert saved["virtio-mem"] == {"devices": 1, "device 0 id": "vm0", "device 0 address": BASE, "device 0 size": 1024 * MIB,
                                       "device 0 node": 0, "device 0 block size": BLOCK}
        plugged = sum(1 << block for block in (2, 3, 6, 62, 63, 64, 65, 160))
        assert saved["virtio-mem 0 blocks 0"] == {"plugged": plugged.to_bytes(64, "little")}
        with open(file, "rb") as image:
            for region in blocks:
                first = (region["address"] - BASE) // BLOCK
                at = region["offset"]
                while True:
                    try:
                        at = os.lseek(image.fileno(), at, os.SEEK_DATA)
                    except OSError:                     # the rest is a hole
                        break
                    if at >= region["offset"] + region["size"]:
                        break
                    assert plugged >> first + (at - region["offset"]) // BLOCK & 1, (first, at)
                    at = os.lseek(image.fileno(), at, os.SEEK_HOLE)


def test_no_snapshot_in_the_background():
    """Neither of blocks nor of a device without any; the guest continues, and is saved as it always is."""
    with place() as file, Host(ONE) as host:
        driver, = begin(host)
        for step in range(2):
            try:
                host.qmp.execute("machine-snapshot", {"file": str(file), "background": True})
            except QMPError as error:
                assert str(error).endswith(
                    "background: memory 'm0' belongs to a virtio-mem device, and is not write-protected, since blocks "
                    "without memory are within it; take the snapshot without background"), error
            else:
                raise AssertionError("it is saved")
            assert host.qmp.execute("query-status")["status"] == "running" and not file.exists()
            assert driver.ask(PLUG, BASE + step * BLOCK, 1) == ACK
        write(host, 0, 1)
        save(host, file)
        has(host, 0, 1)


def test_a_restore_with_the_stored_options():
    with place() as file:
        with Host([*ONE, "-device", "pcie-root-port,id=port"]) as host:
            driver = used(host)
            request(host, 64 * MIB)
            save(host, file)
        with Stored(file) as host:
            host.qmp.execute("cont")
            move(driver, host)
            data = devices(host)["vm0"]
            assert (data["size"], data["requested-size"], data["memaddr"]) == (8 * BLOCK, 64 * MIB, BASE), data
            has(host, 2, 6, 62, 65, 160)


def test_several_devices_and_dimms():
    """By their addresses, whatever the order in which they came."""
    slot = ["-object", "memory-backend-ram,id=m9,size=128M", "-device", "pc-dimm,id=d0,memdev=m9,slot=1,addr=0x180000000"]
    first = device(0, "256M", requested_size="64M", memaddr=hex(BASE + 1024 * MIB))
    second = device(1, "512M", requested_size="64M", block_size="4M", memaddr=hex(BASE))
    with place() as file:
        with Host([*first, *second, *slot]) as host:
            one, other = begin(host, 0, 1)
            assert one.ask(PLUG, BASE + 1024 * MIB, 3) == ACK and other.ask(PLUG, BASE + 4 * MIB, 2) == ACK
            write(host, 0, 2, base=BASE + 1024 * MIB)
            write(host, 2, 5)
            save(host, file)
        with restored([*first, *second, *slot], file) as host:
            move(one, host)
            move(other, host)
            assert {name: data["size"] for name, data in devices(host).items()} == {"vm0": 3 * BLOCK, "vm1": 8 * MIB,
                                                                                   "d0": 128 * MIB}
            has(host, 0, 2, base=BASE + 1024 * MIB)
            has(host, 2, 5)
            assert one.ask(UNPLUG, BASE + 1024 * MIB, 3) == ACK and other.ask(PLUG, BASE, 1) == ACK
            # Nothing takes their addresses.
            host.add("ram", "m8", 128 * MIB)
            host.refuses(["0x100000000"], "device_add", {"driver": "pc-dimm", "id": "d1", "memdev": "m8", "addr": BASE})


def test_a_machine_without_slots():
    with place() as file:
        with Host(ONE, memory="64M,maxmem=8G") as host:
            driver = used(host)
            save(host, file)
        with Host([*ONE, "-incoming", f"file:{file}"], memory="64M,maxmem=8G") as host:
            host.qmp.execute("cont")
            move(driver, host)
            check(host, driver)


def test_operations_continue():
    """Under their numbers, also by memory set, which is possible at once."""
    with place() as file:
        with Host(device(), memory="64M,maxmem=8G") as host:
            driver, = begin(host)
            request(host, 16 * MIB)
            number = host.qmp.wait_event("MEMORY_OPERATION_STARTED")["data"]["id"]
            assert driver.ask(PLUG, BASE, 3) == ACK
            save(host, file)
        with Host([*device(), "-incoming", f"file:{file}"], memory="64M,maxmem=8G") as host:
            host.qmp.execute("cont")
            move(driver, host)
            operation, = host.qmp.execute("query-memory-operations")
            assert (operation["id"], operation["result"], operation["size"], operation["plugged"]) == \
                (number, "in-progress", 16 * MIB, 6 * MIB), operation
            assert driver.ask(PLUG, BASE + 3 * BLOCK, 5) == ACK
            done = host.qmp.wait_event("MEMORY_OPERATION_DONE")["data"]
            assert (done["id"], done["result"]) == (number, "done"), done
            for size, kind, first, count in ((64 + 32, PLUG, 8, 8), (64 + 4, UNPLUG, 2, 14)):
                host.qmp.execute("memory-set", {"size": size * MIB})
                host.qmp.wait_event("MEMORY_OPERATION_STARTED")
                assert driver.ask(kind, BASE + first * BLOCK, count) == ACK
                result = host.qmp.wait_event("MEMORY_SET_DONE")["data"]
                assert "reason" not in result and result["result-size"] == size * MIB, result


# ---- what differs, and what cannot be ----

def test_what_differs_is_refused():
    with place() as file:
        with Host(ONE) as host:
            used(host)
            save(host, file)
        for options, words in (
                (device(block_size="4M"), "'device 0 block size' is 2097152 (0x200000) in the saved state, and 4194304"),
                (device(size="2G"), "'device 0 size' is 1073741824 (0x40000000) in the saved state, and 2147483648"),
                (device(memaddr="0x140000000"), "'device 0 address' is 4294967296 (0x100000000) in the saved state, and 5368709120"),
                (device(1), "'virtio-mem-pci vm0 at pcie.0 01.0, 2 vectors, 1 queues' in the saved state, and 'virtio-mem-pci vm1"),
                ([*ONE, *device(1)], "'device 1'"),
                ([], "'device 0'")):
            said = started(*options, "-incoming", f"file:{file}")
            assert words in said, (options, said)
        with Host([]) as host:
            plain = file.parent / "plain"
            save(host, plain)
        said = started(*ONE, "-incoming", f"file:{plain}")
        assert "devices" in said, said


def test_another_node_is_refused():
    nodes = ["-numa", "node,mem=32M", "-numa", "node,mem=32M"]
    with place() as file:
        with Host([*nodes, *device(node=1)]) as host:
            begin(host)
            save(host, file)
        said = started(*nodes, *device(node=0), "-incoming", f"file:{file}")
        assert "'device 0 node' is 1 (0x1) in the saved state, and 0" in said, said


def test_states_that_no_device_can_have():
    size = 514 * MIB                                    # 257 blocks: the last byte has bits without a block
    options = device(size="514M")
    with place() as file:
        with Host(options) as host:
            driver, = begin(host)
            request(host, 32 * MIB)
            assert driver.ask(PLUG, BASE, 3) == ACK
            save(host, file)
        sizes, bits = "virtio-mem 0", "virtio-mem 0 blocks 0"

        def forged(words, section, **items):
            said = started(*options, "-incoming", front(file, file.parent / "forged", lambda saved: saved[section].update(items)))
            assert words in said, (section, items, said)

        length = (size // BLOCK + 7) // 8
        some = bytes([7]) + bytes(length - 1)
        assert Saved(file)[bits]["plugged"] == some
        forged("'plugged' has", bits, plugged=some + b"\0")
        forged("'plugged' has", bits, plugged=some[:-1])
        forged("'plugged' has", bits, plugged=b"")
        forged("bytes are plugged, and blocks of 0x800000", bits, plugged=bytes([15]) + some[1:])
        forged("bytes are plugged, and blocks of 0x400000", bits, plugged=bytes([3]) + some[1:])
        forged("bytes are plugged, and blocks of 0x600000", sizes, plugged=0)
        forged("bytes are plugged, and blocks of 0x600000", sizes, plugged=6 * MIB + 1)
        usable = 288 * MIB // BLOCK
        for block in (usable, usable + 1, 256, 257, 263):
            mask = (7 | 1 << block).to_bytes(length, "little")
            forged(f"block {block} is plugged; {usable} blocks are usable", bits, plugged=mask)
        forged("multiple of 'block-size'", sizes, requested=MIB)
        forged("'requested'", sizes, requested=size + BLOCK)
        forged("bytes are usable", sizes, usable=288 * MIB + MIB)
        forged("bytes are usable", sizes, usable=286 * MIB)
        forged("bytes are usable", sizes, requested=64 * MIB)
        forged("'usable'", sizes, usable=size + BLOCK)
        forged("'plugged'", sizes, plugged=1 << 63)
        forged("'operation 0 kind'", "virtio-mem operations", **{"operation 0 kind": 3})
        forged("its kind is 0", "virtio-mem operations", **{"operation 0 kind": 0})
        forged("device 1 does not exist", "virtio-mem operations", **{"operation 0 slot": 1})
        forged("'device 0 seen'", "virtio-mem operations", **{"device 0 seen": 4})
        for name in (sizes, bits, "virtio-mem operations"):
            def drop(saved):
                saved.states = [state for state in saved.states if state[1] != name]

            said = started(*options, "-incoming", front(file, file.parent / "forged", drop))
            assert f"'{name}'" in said, said


def front(file, copy, change):
    """A copy of the stream alone, which is checked before memory is read."""
    with open(file, "rb") as image:
        copy.write_bytes(image.read(1 << 20))
    saved = Saved(file)
    change(saved)
    saved.write(copy)
    return f"file:{copy}"


# ---- migration ----

@contextlib.contextmanager
def pair(file, options=ONE, target_options=None, uri=None):
    folder = file.parent
    with Host(options) as source, Host([*(target_options or options), "-incoming", f"unix:{folder}/target"]) as target:
        set_capabilities(source, events=True)
        set_capabilities(target, events=True)
        yield source, target, uri or f"unix:{folder}/target"


def sent(source, target, uri):
    source.qmp.execute("migrate", {"uri": uri})
    result = wait_migration(source, "completed")
    target.qmp.execute("cont")
    target.wait_until(lambda: status(target) == "running", LIMIT, "the guest runs")
    return result


def test_a_guest_moves_with_its_blocks():
    for target_options in (ONE, device(prealloc="on"), device(backend="memory-backend-memfd", objects=",share=on")):
        with place() as file, pair(file, target_options=target_options) as (source, target, uri):
            driver = used(source)
            result = sent(source, target, uri)
            assert result["ram"]["total"] < 64 * MIB + 9 * BLOCK, result        # not those that are not plugged
            assert target.qmp.wait_event("MEMORY_DEVICE_SIZE_CHANGE")["data"]["size"] == 8 * BLOCK
            assert target.memdev("m0")["resident"] <= 8 * BLOCK
            move(driver, target)
            check(target, driver)


def test_nothing_changes_while_a_guest_moves():
    """The driver is told to try again, as by QEMU; a reset leaves the blocks, which the next driver has to unplug."""
    with place() as file, pair(file) as (source, target, uri):
        driver = used(source)
        source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 1 << 16})
        source.qtest.write(0x1000000, os.urandom(MIB))
        source.qmp.execute("migrate", {"uri": uri})
        wait_migration(source, "active")
        assert driver.ask(PLUG, BASE, 1) == BUSY and driver.ask(UNPLUG, BASE + 2 * BLOCK, 1) == BUSY
        assert driver.ask(UNPLUG_ALL) == BUSY and driver.ask(STATE, BASE + 2 * BLOCK, 1) == (ACK, PLUGGED)
        for command, arguments in (("qom-set", {"path": "/machine/peripheral/vm0", "property": "requested-size", "value": 0}),
                                   ("memory-set", {"size": 128 * MIB}), ("memory-unplug", {"id": "vm0"})):
            try:
                source.qmp.execute(command, arguments)
                raise AssertionError(f"{command} is accepted")
            except QMPError as error:
                assert "not allowed while migrating" in str(error), error
        write(source, 2, 3)
        source.qtest.port_out(0xcf9, 1, 6)
        source.qmp.wait_event("RESET")
        assert info(source)["status"] == "active"
        assert devices(source)["vm0"]["size"] == 8 * BLOCK
        again = driver_of(source)
        assert (again.plugged, again.usable) == (8 * BLOCK, 768 * MIB) and again.ask(UNPLUG_ALL) == BUSY
        source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 0})
        wait_migration(source, "completed")
        target.qmp.execute("cont")
        target.wait_until(lambda: status(target) == "running", LIMIT, "the guest runs")
        move(again, target)
        has(target, 2, 3, 6, 160)
        assert again.ask(UNPLUG_ALL) == ACK
        has_not(target, 2, 3, 6, 160)
        assert again.ask(PLUG, BASE, 256) == ACK


def test_a_migration_that_is_cancelled_leaves_the_device_as_it_was():
    with place() as file, pair(file) as (source, _, uri):
        driver = used(source)
        source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 1 << 16})
        source.qtest.write(0x1000000, os.urandom(MIB))
        source.qmp.execute("migrate", {"uri": uri})
        wait_migration(source, "active")
        assert driver.ask(PLUG, BASE, 1) == BUSY
        source.qmp.execute("migrate_cancel")
        wait_migration(source, "cancelled")
        check(source, driver)


def test_a_target_that_differs_is_refused_while_the_guest_runs():
    with place() as file, pair(file, target_options=device(block_size="4M")) as (source, target, uri):
        driver = used(source)
        source.qmp.execute("migrate", {"uri": uri})
        result = wait_migration(source, "failed")
        assert "'device 0 block size' is 2097152" in result["error-desc"] and "4194304" in result["error-desc"], result
        assert status(source) == "running"
        assert target.process.wait(LIMIT) == 1
        check(source, driver)


def test_pages_of_blocks_that_are_not_plugged_are_refused():
    """The source of a real migration, and after its configuration what it does not send."""
    with place() as file, contextlib.ExitStack() as stack:
        between = Between(file.parent)
        source, target, _ = stack.enter_context(pair(file))
        used(source)
        sent(source, target, between.uri)
        stream = bytes(between.sent)
        parts = messages(stream)
        addresses = {int.from_bytes(stream[at + 8:at + 16], "little") for at, kind, _ in parts if kind in (PAGES, ZEROS)}
        blocks = {(address - BASE) // BLOCK for address in addresses if address >= BASE}
        assert blocks == {2, 3, 6, 62, 63, 64, 65, 160}, blocks
    config = stream[:parts[1][0]]
    assert parts[0][1] == 1
    for kind, address, length in ((PAGES, BASE + 4 * BLOCK, PAGE), (ZEROS, BASE + 4 * BLOCK, PAGE),
                                  (PAGES, BASE + 3 * BLOCK + PAGE, BLOCK), (ZEROS, BASE + 300 * BLOCK, BLOCK)):
        with place() as file, Host([*ONE, "-incoming", f"unix:{file.parent}/target"]) as target, \
                socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(LIMIT)
            peer.connect(f"{file.parent}/target")
            peer.sendall(config + kind.to_bytes(4, "little") + length.to_bytes(4, "little") + address.to_bytes(8, "little"))
            answers = b""
            while b"no memory" not in answers:
                answers += (got := peer.recv(4096))
                assert got, answers
            assert answers[0] == ACCEPTED and answers[HEADER] == FAILED, answers
            target.process.wait(LIMIT)


if __name__ == "__main__":
    tap.main()
