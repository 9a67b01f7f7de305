#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""Memslots: named places for memory that are filled and emptied by name, beside
DIMMs that come and go the other way. A test plays the guest, so it needs no KVM."""

import contextlib
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.qtest import QtestError                             # noqa: E402
from peer import BLOCK, HOTRAM, Peer                         # noqa: E402

MIB, GIB = 1 << 20, 1 << 30
FLAGS = BLOCK + 0x14
BASE = 4 * GIB


@contextlib.contextmanager
def machine(memory, *memslots, options=()):
    words = [word for memslot in memslots for word in ("-memslot", memslot)]
    peer = Peer(HOTRAM, memory, [*words, *options])
    try:
        yield peer
    finally:
        peer.close()


def memslots(peer):
    """id -> (state, start, size, node, slot)"""
    return {entry["id"]: (entry["state"], entry["start"], entry["size"],
                          entry["node"], entry["slot"])
            for entry in peer.qmp.execute("query-memslot")}


def state(peer, name):
    return memslots(peer)[name][0]


def dimms(peer):
    """id -> (slot, address, size)"""
    return {entry["data"]["id"]: (entry["data"]["slot"], entry["data"]["addr"],
                                  entry["data"]["size"])
            for entry in peer.qmp.execute("query-memory-devices")}


def act(peer, name, action):
    peer.qmp.execute("memslot", {"id": name, "action": action})


def eject(peer, slot):
    """What a guest does that is asked to give a DIMM back, and does."""
    peer.qtest.port_out(BLOCK, 4, slot)
    assert peer.qtest.port_in(FLAGS, 1) & 4, "nobody asked"
    peer.qtest.port_out(FLAGS, 1, 4)
    peer.qtest.port_out(FLAGS, 1, 8)


def device_add(peer, name, size, **properties):
    peer.qmp.execute("object-add", {"qom-type": "memory-backend-ram",
                                    "id": f"{name}-mem", "size": size})
    try:
        peer.qmp.execute("device_add", {"driver": "pc-dimm", "id": name,
                                        "memdev": f"{name}-mem", **properties})
    except QMPError:
        peer.qmp.execute("object-del", {"id": f"{name}-mem"})
        raise


def everything(peer):
    ask = peer.qmp.execute
    return (ask("query-memslot"), ask("query-memory-devices"), ask("query-memdev"),
            ask("query-memory-size-summary"), ask("query-acpi-ospm-status"),
            ask("human-monitor-command", {"command-line": "info memory-hotplug"}))


def refused(peer, function, *arguments, error_class="GenericError", **properties):
    """Calls what is to be refused, and returns what was said. All is as before."""
    before = everything(peer)
    try:
        function(peer, *arguments, **properties)
    except QMPError as error:
        assert everything(peer) == before
        assert error.error_class == error_class, error.error_class
        return error.desc
    raise AssertionError(f"{arguments} {properties} was taken")


def hmp(peer, line):
    return peer.qmp.execute("human-monitor-command",
                            {"command-line": line}).replace("\r\n", "\n")


def no_memory_at(peer, address):
    try:
        peer.qtest.read(address, 1)
    except QtestError:
        return True
    return False


# ---- what it is for ----

def test_the_first_example_as_it_was_written():
    with machine("128M", "id=hot1,start=4294967296,size=536870912,node=0") as peer:
        assert memslots(peer) == {"hot1": ("unpopulated", BASE, 512 * MIB, 0, 0)}
        assert dimms(peer) == {} and no_memory_at(peer, BASE)
        summary = peer.qmp.execute("query-memory-size-summary")
        assert summary["plugged-memory"] == 0
        assert peer.qtest.port_in(FLAGS, 1) == 0     # the guest sees an empty slot
        assert peer.qtest.port_in(BLOCK + 8, 4) == 0

        assert hmp(peer, "memslot hot1 add") == ""
        assert state(peer, "hot1") == "populated"
        assert dimms(peer) == {"hot1": (0, BASE, 512 * MIB)}
        assert peer.qtest.port_in(FLAGS, 1) == 3     # enabled, insert event
        peer.qtest.write(BASE + 512 * MIB - 4, b"here")

        assert hmp(peer, "memslot hot1 delete") == ""
        assert state(peer, "hot1") == "removal-asked"
        eject(peer, 0)
        peer.qmp.wait_event("DEVICE_DELETED", {"device": "hot1"})
        assert memslots(peer) == {"hot1": ("unpopulated", BASE, 512 * MIB, 0, 0)}
        assert dimms(peer) == {} and no_memory_at(peer, BASE)
        assert [backend["id"] for backend in peer.qmp.execute("query-memdev")] \
            == ["hotram.ram"]

        act(peer, "hot1", "add")                     # again, and it is empty memory
        assert peer.qtest.read(BASE + 512 * MIB - 4, 4) == bytes(4)
        assert hmp(peer, "info memslot") == "memslot hot1: populated, start " \
            "0x100000000, size 536870912 (512 MiB), node 0, slot 0\n"


def test_a_hundred_rounds():
    with machine("128M", "id=a,size=128M", "id=b,size=64M") as peer:
        first = everything(peer)
        for _ in range(100):
            for slot, name in enumerate("ab"):
                act(peer, name, "add")
                act(peer, name, "delete")
                act(peer, name, "delete")            # asking again is asking again
                eject(peer, slot)
                peer.qmp.wait_event("DEVICE_DELETED", {"device": name})
        peer.qtest.port_out(BLOCK, 4, 0)
        assert everything(peer) == first


def test_places():
    with machine("128M", "id=a,size=256M", "id=b,size=128M,start=4G",
                 "id=c,size=2M", "id=d,size=1G,start=64G", "id=e,size=2M") as peer:
        # Those that were given an address come first; slots are in their order.
        assert {name: entry[1:3] + entry[4:] for name, entry in memslots(peer).items()} \
            == {"a": (BASE + 128 * MIB, 256 * MIB, 0), "b": (BASE, 128 * MIB, 1),
                "c": (BASE + 384 * MIB, 2 * MIB, 2), "d": (64 * GIB, GIB, 3),
                "e": (BASE + 386 * MIB, 2 * MIB, 4)}
        # There is room for them, and no more.
        words = refused(peer, device_add, "x", 2 * MIB)
        assert words.startswith("no free slots available: all 5 are taken"), words
        for name in "abcde":
            act(peer, name, "add")
        assert peer.qmp.execute("query-memory-size-summary")["plugged-memory"] \
            == (1024 + 256 + 128 + 4) * MIB


def test_nodes():
    numa = ("-numa", "node,mem=64M", "-numa", "node,mem=64M")
    with machine("128M", "id=a,size=128M", "id=b,size=128M,node=1",
                 options=numa) as peer:
        act(peer, "b", "add")
        assert [memslots(peer)[name][3] for name in "ab"] == [0, 1]
        assert peer.qmp.execute("query-memory-devices")[0]["data"]["node"] == 1
    with machine("128M", "id=a,size=128M", "id=b,size=128M,node=0",
                 options=("-machine", "dimm-node=own")) as peer:
        assert [memslots(peer)[name][3] for name in "ab"] == [1, 0]


# ---- beside DIMMs ----

def test_dimms_keep_out_of_a_memslot_s_place():
    with machine("128M,slots=4,maxmem=2G", "id=hot1,size=256M,start=4352M") as peer:
        start = BASE + 256 * MIB
        device_add(peer, "x", 512 * MIB)
        device_add(peer, "y", 128 * MIB)
        assert dimms(peer) == {"y": (2, BASE, 128 * MIB),
                               "x": (1, start + 256 * MIB, 512 * MIB)}
        words = refused(peer, device_add, "z", 128 * MIB, addr=start)
        assert words.startswith(
            "address range conflicts with memory device "
            "id='hot1': [0x110000000-0x117ffffff] and its [0x110000000-0x11fffffff]"), words
        words = refused(peer, device_add, "z", 128 * MIB, slot=0)
        assert words.startswith("slot 0 is busy: memslot 'hot1' keeps it"), words
        words = refused(peer, device_add, "hot1", 128 * MIB)
        assert words.startswith("Duplicate device ID 'hot1': a memslot uses it"), words
        # 1920 MiB may be plugged; 640 are, and 256 are kept.
        words = refused(peer, device_add, "z", 1026 * MIB)
        assert words.startswith("not enough space, currently 0x38000000 in use of "
                                "total space for memory devices 0x78000000: 1 GiB of 1920 MiB"), words
        act(peer, "hot1", "add")
        assert list(dimms(peer)) == ["y", "hot1", "x"]


def test_both_ways_can_be_mixed():
    with machine("128M,slots=2,maxmem=1G", "id=hot1,size=256M") as peer:
        act(peer, "hot1", "add")
        peer.qmp.execute("device_del", {"id": "hot1"})
        assert state(peer, "hot1") == "removal-asked"
        assert "in use" in refused(
            peer, lambda peer: peer.qmp.execute("object-del", {"id": "memslot.hot1"}))
        eject(peer, 0)
        peer.qmp.wait_event("DEVICE_DELETED", {"device": "hot1"})
        assert state(peer, "hot1") == "unpopulated"
        words = refused(peer, lambda peer: peer.qmp.execute("device_del", {"id": "hot1"}),
                        error_class="DeviceNotFound")
        assert words.startswith("Device 'hot1' not found"), words


def test_reset():
    with machine("128M", "id=a,size=128M", "id=b,size=128M", "id=c,size=128M",
                 options=("-machine", "dimm-at-boot=e820")) as peer:
        act(peer, "a", "add")
        act(peer, "b", "add")
        act(peer, "a", "delete")
        peer.qmp.execute("system_reset")
        peer.qmp.wait_event("DEVICE_DELETED", {"device": "a"})
        assert [state(peer, name) for name in "abc"] \
            == ["unpopulated", "populated", "unpopulated"]
        act(peer, "a", "add")
        assert state(peer, "a") == "populated"


def test_a_guest_that_gives_back_unasked():
    with machine("128M", "id=a,size=128M") as peer:
        act(peer, "a", "add")
        peer.qtest.port_out(FLAGS, 1, 8)
        peer.qmp.wait_event("DEVICE_DELETED", {"device": "a"})
        assert state(peer, "a") == "unpopulated"


# ---- bad input ----

def test_wrong_commands():
    with machine("128M", "id=hot1,size=128M") as peer:
        assert refused(peer, act, "hot2", "add", error_class="DeviceNotFound") \
            .startswith("Memslot 'hot2' not found")
        assert refused(peer, act, "hot2", "delete", error_class="DeviceNotFound") \
            .startswith("Memslot 'hot2' not found")
        assert refused(peer, act, "hot1", "remove") \
            == "Parameter 'action' expects add or delete; got 'remove'"
        assert refused(peer, act, "hot1", "delete") \
            .startswith("Memslot 'hot1' is not populated")
        assert "Memslot 'hot1' is not populated" in hmp(peer, "memslot hot1 delete")
        act(peer, "hot1", "add")
        assert refused(peer, act, "hot1", "add") \
            .startswith("Memslot 'hot1' is already populated")
        act(peer, "hot1", "delete")
        assert refused(peer, act, "hot1", "add").startswith("Memslot 'hot1' is already populated")
        for arguments in ({}, {"id": "hot1"}, {"action": "add"}):
            words = refused(peer, lambda peer, given=arguments:
                            peer.qmp.execute("memslot", given))
            assert words.endswith("is missing"), words


def test_an_object_of_the_same_name_is_in_the_way():
    with machine("128M", "id=hot1,size=128M") as peer:
        peer.qmp.execute("object-add", {"qom-type": "memory-backend-ram",
                                        "id": "memslot.hot1", "size": MIB})
        assert "'memslot.hot1'" in refused(peer, act, "hot1", "add")
        peer.qmp.execute("object-del", {"id": "memslot.hot1"})
        act(peer, "hot1", "add")


def test_wrong_places():
    ram5 = ("-m", "5G")                              # RAM from 4 to 7 GiB
    for options, *words in (
            (("id=a,size=128M,start=0",), "[0x0-0x7ffffff]", "overlaps the RAM at start"),
            (("id=a,size=128M,start=64M",), "overlaps the RAM at start"),
            (("id=a,size=128M,start=2G",), "hole below 4 GiB", "0x100000000"),
            (("id=a,size=128M,start=4032M",), "hole below 4 GiB"),
            (ram5 + ("id=a,size=128M,start=4G",), "overlaps the RAM", "continues at 4 GiB"),
            (("-m", "4608M", "id=a,size=128M,start=6656M"),
             "outside the region for memory devices", "start at 0x1c0000000"),
            (("id=a,size=128M,start=4097M",), "aligned to 0x200000", "0x100100000"),
            (("id=a,size=129M",), "multiple of 0x200000", "129 MiB"),
            (("id=a,size=0",), "multiple of 0x200000"),
            (("id=a,size=128M,start=4P",), "address bits"),
            (("id=a,size=128M,start=0xfffffffffff00000",), "address bits"),
            (("id=a,size=128M,start=4G", "id=b,size=128M,start=4160M"),
             "-memslot id=b: address range conflicts with memory device id='a'",
             "[0x104000000-0x10bffffff]"),
            (("-m", "128M,slots=1,maxmem=1G", "id=a,size=128M", "id=b,size=128M"),
             "2 memslots need 2 slots, but -m provides 1"),
            (("-m", "128M,slots=1,maxmem=256M", "id=a,size=256M"), "not enough space",
             "128 MiB"),
            (("-m", "128M,slots=1,maxmem=1G", "id=a,size=128M,start=64G"),
             "can't add memory device [0x1000000000:0x8000000]", "usable range"),
            (("id=a,size=128M,node=1",),
             "'DIMM property node has value 1' which exceeds the number of numa nodes: 1"),
            (("-m", "128M,slots=2,maxmem=1G", "id=a,size=128M", "-object",
              "memory-backend-ram,id=m,size=128M", "-device",
              "pc-dimm,id=d,memdev=m,slot=0"), "slot 0 is busy: memslot 'a' keeps it")):
        command = [HOTRAM["program"], *HOTRAM["options"], "-nodefaults", "-display",
                   "none"]
        for option in options:
            command += ["-memslot", option] if "size=" in option and "id=" in option \
                and not option.startswith(("memory-backend", "pc-dimm")) else [option]
        result = subprocess.run(command, timeout=60, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, check=False)
        assert result.returncode == 1, (options, result)
        for word in words:
            assert word in result.stderr, (options, word, result.stderr)


if __name__ == "__main__":
    tap.main()
