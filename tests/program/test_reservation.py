#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Host addresses of DIMMs: one reservation for the whole region, in which each DIMM has the place that its guest
address says, and where nothing is when there is no DIMM."""

import os
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import MIB                                     # noqa: E402
from lib.player import Guest                                 # noqa: E402

REGION = 4 << 30                # guest address: the RAM is below 2 GiB
BLOCK = 128 * MIB
SLOTS = 8
MEMORY = f"128M,slots={SLOTS},maxmem=4G"
ROOM = 4096 * MIB - 128 * MIB + (SLOTS << 30)        # of the region
SEED = int(os.environ.get("HOTRAM_SEED", "0"), 0) or random.SystemRandom().getrandbits(32)


def mappings(guest):
    """(first, behind the last, permissions) of all of the program's memory."""
    for line in guest.maps():
        addresses, permissions = line.split()[:2]
        first, end = (int(part, 16) for part in addresses.split("-"))
        yield first, end, permissions


def reservation(guest):
    """Where it begins: found while no DIMM is there."""
    first, = [first for first, end, permissions in mappings(guest)
              if end - first == ROOM and permissions == "---p"]
    assert first % (1 << 30) == 0, hex(first)
    return first


def check(guest, start):
    """In the reservation there are the DIMMs, each in its place, and nothing else."""
    dimms = {dimm["data"]["addr"]: dimm["data"]["size"]
             for dimm in guest.qmp.execute("query-memory-devices")}
    expected = bytearray(ROOM // BLOCK)
    for addr, size in dimms.items():
        first = (addr - REGION) // BLOCK
        expected[first:first + size // BLOCK] = b"\1" * (size // BLOCK)
    found = bytearray(b"?") * (ROOM // BLOCK)
    for first, end, permissions in mappings(guest):
        for address in range(max(first, start), min(end, start + ROOM), BLOCK):
            found[(address - start) // BLOCK] = permissions.startswith("rw")
    assert found == expected, (SEED, bytes(found), bytes(expected))


def backend(guest, name, size, kind, folder):
    properties = {"ram": {}, "memfd": {"share": True}, "private": {"share": False},
                  "file": {"mem-path": folder, "share": True}, "prealloc": {"prealloc": True}}[kind]
    qom_type = {"file": "file", "memfd": "memfd", "private": "memfd"}.get(kind, "ram")
    guest.qmp.execute("object-add", {"qom-type": f"memory-backend-{qom_type}", "id": name, "size": size,
                                     **properties})


def test_each_dimm_is_where_its_guest_address_says():
    """At random: kinds of memory, sizes, places; DIMMs that come, go and come again."""
    chance = random.Random(SEED)
    tap.comment(f"HOTRAM_SEED={SEED:#x}")
    with tempfile.TemporaryDirectory() as folder, Guest(memory=MEMORY) as guest:
        start = reservation(guest)
        plugged, free = {}, {}
        for step in range(80):
            if plugged and (len(plugged) == SLOTS or chance.random() < 0.45):
                slot = chance.choice(list(plugged))
                guest.qmp.execute("device_del", {"id": plugged[slot]})
                guest.give_back(slot)
                guest.qmp.wait_event("DEVICE_DELETED", {"device": plugged[slot]})
                free[f"m{plugged[slot][1:]}"] = True
                del plugged[slot]
            else:
                if free and chance.random() < 0.5:
                    name = chance.choice(list(free))     # its memory is made anew
                    del free[name]
                else:
                    name = f"m{step}"
                    backend(guest, name, chance.choice((1, 1, 2, 3)) * BLOCK,
                            chance.choice(("ram", "memfd", "private", "file")), folder)
                slot = chance.choice([slot for slot in range(SLOTS) if slot not in plugged])
                device = {"driver": "pc-dimm", "id": f"d{name[1:]}", "memdev": name, "slot": slot}
                guest.qmp.execute("device_add", device)
                plugged[slot] = f"d{name[1:]}"
            check(guest, start)


def test_what_was_allocated_comes_along():
    with Guest(memory=MEMORY) as guest:
        start = reservation(guest)
        backend(guest, "m", BLOCK, "prealloc", None)
        assert resident(guest) == BLOCK
        guest.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})
        assert resident(guest) == BLOCK
        check(guest, start)


def resident(guest):
    return next(memdev["resident"] for memdev in guest.qmp.execute("query-memdev") if memdev["id"] == "m")


def test_a_host_without_room_for_it():
    """A process has 128 TiB of addresses. A warning says how much was wanted; DIMMs come and go all the same."""
    with Guest(memory="128M,slots=2,maxmem=200T") as guest:
        assert "no addresses for" in guest.error_log and "RLIMIT_AS" in guest.error_log, guest.error_log
        for _ in range(3):
            backend(guest, "m", BLOCK, "ram", None)
            guest.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})
            guest.qmp.execute("device_del", {"id": "d"})
            guest.give_back(0)
            guest.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
            guest.qmp.execute("object-del", {"id": "m"})


if __name__ == "__main__":
    tap.main()
