#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Every plug and unplug has one result; and memory set. A test plays the guest, good
and hostile, so it needs no KVM."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import DIMM, MIB                               # noqa: E402
from lib.player import EJECT, FLAGS, REMOVE, SIZE, SLOT, Guest, answer, asking  # noqa: E402

GIB = 1 << 30

# ---- one result for every operation ----

def test_done():
    with Guest() as guest:
        started = guest.plug()
        assert started["id"] == 1 and started["result"] == "in-progress", started
        assert started["device"] == "dimm0" and started["size"] == SIZE, started
        assert started["deadline"] == 30000 and "ost" not in started, started
        event = guest.done("MEMORY_OPERATION_STARTED", id=1)
        assert event["operation"] == "plug", event
        guest.accept(0)
        data = guest.done(id=1)
        assert data["result"] == "done" and data["device"] == "dimm0", data
        assert data["ost"] == {"source": 1, "status": 0, "text": "success"}, data
        assert 0 <= data["milliseconds"] < 30000, data

        assert guest.unplug()["deadline"] == 60000
        guest.give_back(0)
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "dimm0"})
        data = guest.done(id=2)
        assert data["operation"] == "unplug" and data["result"] == "done", data
        assert [entry["result"] for entry in guest.operations()] == ["done", "done"]
        # Its memory went with it.
        assert [memdev["id"] for memdev in guest.qmp.execute("query-memdev")] \
            == ["hotram.ram"]


def test_qemu_s_commands_are_operations_too():
    with Guest() as guest:
        guest.add("ram", size=SIZE)
        assert guest.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d",
                                                "memdev": "m"}) == {}
        guest.accept(0)
        assert guest.done(device="d")["result"] == "done"
        assert guest.qmp.execute("device_del", {"id": "d"}) == {}
        guest.refuse(0)
        assert guest.done(device="d", operation="unplug")["result"] == "refused"
        guest.qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR",
                             {"device": "d", "path": "/machine/peripheral/d"})


def test_refused_and_tried_again():
    with Guest() as guest:
        guest.plugged()
        guest.unplug()
        guest.refuse(0)
        data = guest.done(operation="unplug")
        assert data["result"] == "refused" and "moved" in data["reason"], data
        assert data["reason"].startswith("device busy"), data
        assert data["ost"] == {"source": 3, "status": 0x82, "text": "device busy"}, data
        assert guest.flags(0) & REMOVE == 0
        again = guest.unplug()
        assert again["id"] == data["id"] + 1
        guest.give_back(0)
        assert guest.done(id=again["id"])["result"] == "done"
        guest.nothing()


def test_a_plug_that_the_guest_refuses():
    with Guest() as guest:
        guest.plug()
        guest.notice(0)
        guest.ost(0, 1, 1)
        data = guest.done()
        assert data["result"] == "refused" and "memory map, 2 MiB" in data["reason"], data
        guest.plug()
        guest.give_back(1)                       # without being asked
        data = guest.done(device="dimm1")
        assert data["result"] == "refused" and "released the DIMM" in data["reason"], data


def test_in_progress_is_not_an_end():
    with Guest() as guest:
        guest.plug()
        guest.notice(0)
        guest.ost(0, 0x200, 0x80)
        guest.nothing()
        guest.ost(0, 0x200, 0)
        assert guest.done()["result"] == "done"
        guest.unplug()
        guest.notice(0)
        guest.ost(0, 0x103, 0x84)
        guest.nothing()
        assert guest.operations()[-1]["ost"]["text"] == "ejection in progress"
        guest.give_back(0)
        assert guest.done()["result"] == "done"


def test_unanswered_and_what_it_says():
    with Guest() as guest:
        guest.plug(timeout=1)
        data = guest.done(id=1)
        assert data["result"] == "unanswered" and data["deadline"] == 1000, data
        assert "has not read its slots" in data["reason"], data
        guest.notice(0)
        guest.ost(0, 1, 0)                       # late
        late = guest.done("MEMORY_OPERATION_LATE", id=1)
        assert late["result"] == "done" and late["late"], late
        guest.unplug(timeout=1)
        guest.notice(0)
        data = guest.done(id=2)
        assert data["result"] == "unanswered", data
        assert "has seen the request" in data["reason"], data


def test_a_late_eject_is_told_once():
    with Guest() as guest:
        guest.plugged()
        guest.unplug(timeout=1)
        assert guest.done(id=2)["result"] == "unanswered"
        guest.give_back(0)
        guest.qmp.wait_event("DEVICE_DELETED")
        late = guest.done("MEMORY_OPERATION_LATE", id=2)
        assert late["result"] == "done" and "after the operation had ended" in late["reason"]
        guest.nothing()
        guest.nothing("MEMORY_OPERATION_LATE")
        record = guest.operations()[-1]
        assert record["result"] == "unanswered" and record["late"], record


def test_a_late_refusal_is_told_once():
    with Guest() as guest:
        guest.plugged()
        guest.unplug(timeout=1)
        guest.done(id=2, result="unanswered")
        guest.refuse(0)
        assert guest.done("MEMORY_OPERATION_LATE", id=2)["result"] == "refused"
        guest.ost(0, 3, 0x82)
        guest.nothing("MEMORY_OPERATION_LATE")


def test_a_new_request_after_unanswered_takes_the_late_answer():
    with Guest() as guest:
        guest.plugged()
        guest.unplug(timeout=1)
        guest.done(id=2, result="unanswered")
        guest.unplug()
        guest.give_back(0)
        assert guest.done(id=3)["result"] == "done"
        guest.nothing("MEMORY_OPERATION_LATE")


def test_cancelled():
    with Guest() as guest:
        guest.plugged()
        guest.unplug()
        assert guest.qmp.execute("memory-operation-cancel", {"id": 2}) == {}
        assert guest.done(id=2)["result"] == "cancelled"
        assert guest.flags(0) & REMOVE == 0
        guest.fails("memory-operation-cancel", ["operation 2 has ended: cancelled"], id=2)
        guest.fails("memory-operation-cancel", ["operation 77 not found"], id=77)
        guest.fails("memory-operation-cancel", ["'id' is missing"])
        # A guest that had read the request already may carry it out.
        guest.qtest.port_out(FLAGS, 1, EJECT)
        assert guest.done("MEMORY_OPERATION_LATE", id=2)["result"] == "done"
        guest.plug()
        guest.fails("memory-operation-cancel", ["already visible to the guest", "device_del"], id=3)


def test_reset():
    with Guest() as guest:
        guest.plugged()
        guest.plug()
        guest.unplug("dimm0")
        guest.qmp.execute("system_reset")
        data = guest.done(operation="plug")
        assert data["result"] == "cancelled" and "reset" in data["reason"], data
        data = guest.done(operation="unplug")
        assert data["result"] == "done" and "reset" in data["reason"], data
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "dimm0"})
        assert guest.size() == 256 * MIB


def test_a_second_request_joins_the_first():
    with Guest() as guest:
        guest.plugged()
        first = guest.unplug()
        guest.notice(0)
        assert guest.unplug()["id"] == first["id"]
        assert guest.flags(0) & REMOVE           # it is reminded
        guest.ost(0, 3, 0x82)                    # of the first; the second is to come
        guest.nothing()
        guest.give_back(0)
        assert guest.done(id=first["id"])["result"] == "done"
        guest.nothing()


def test_asked_back_before_it_has_answered():
    with Guest() as guest:
        guest.plug()
        guest.unplug()
        data = guest.done(operation="plug")
        assert data["result"] == "cancelled" and "an unplug was requested" in data["reason"], data
        guest.give_back(0)
        assert guest.done(operation="unplug")["result"] == "done"


def test_a_new_dimm_is_not_taken_for_the_last_one_in_its_slot():
    """The guest gives a DIMM back without having taken note of it, and finds the next one as it starts."""
    with Guest() as guest:
        for number in (1, 2):
            guest.plug()
            guest.flags(0)
            guest.qtest.port_in(SLOT, 4)
            assert guest.done(id=2 * number - 1)["result"] == "done"
            guest.unplug()
            guest.qtest.port_out(FLAGS, 1, EJECT)
            assert guest.done(id=2 * number)["result"] == "done"


def test_a_hostile_guest():
    with Guest() as guest:
        guest.plugged(2)
        guest.unplug("dimm0")
        before = guest.operations()
        for slot in (1, 2, 3):                   # others, and empty ones
            guest.ost(slot, 3, 0x82)
            guest.ost(slot, 1, 1)
        guest.ost(0, 1, 1)                       # not about an ejection
        guest.ost(0, 0xffffffff, 0xffffffff)
        guest.nothing()
        assert [entry["result"] for entry in guest.operations()] \
            == [entry["result"] for entry in before]
        for _ in range(1000):                    # more than the program notes
            guest.ost(0, 3, 0x84)
        guest.give_back(1)                       # nobody asked for it
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "dimm1"})
        guest.nothing()
        for _ in range(400):
            guest.ost(2, 3, 0x82)
        guest.notice(0)
        guest.ost(0, 3, 0x84)
        for _ in range(400):                     # its refusal may find no room
            guest.ost(0, 3, 0x82)
        assert guest.done(device="dimm0")["result"] == "refused"


def test_only_the_last_are_remembered():
    with Guest() as guest:
        for number in range(1, 50):
            guest.plug()
            guest.accept(0)
            guest.done(id=2 * number - 1)
            guest.unplug()
            guest.give_back(0)
            guest.done(id=2 * number)
        kept = [entry["id"] for entry in guest.operations()]
        assert kept == list(range(35, 99)), kept


# ---- waiting ----

def test_wait():
    with Guest() as guest:
        with asking(guest, "memory-plug", size=SIZE, wait=True) as client:
            guest.done("MEMORY_OPERATION_STARTED")
            guest.accept(0)
            assert answer(client)["result"] == "done"
        with asking(guest, "memory-unplug", id="dimm0", wait=True) as client, \
                asking(guest, "memory-unplug", id="dimm0", wait=True, timeout=9) as other:
            guest.done("MEMORY_OPERATION_STARTED")
            while guest.operations()[-1]["deadline"] != 9000:
                pass                             # until both have asked
            guest.refuse(0)
            results = [answer(client), answer(other)]
            assert [data["result"] for data in results] == ["refused"] * 2, results
            assert results[0]["id"] == results[1]["id"]


def test_a_client_that_goes_while_it_waits():
    with Guest() as guest:
        guest.plugged()
        with asking(guest, "memory-unplug", id="dimm0", wait=True):
            guest.done("MEMORY_OPERATION_STARTED")
        time.sleep(0.1)
        guest.give_back(0)
        assert guest.done()["result"] == "done"
        with asking(guest, "memory-plug", size=SIZE, wait=True):
            guest.done("MEMORY_OPERATION_STARTED")
        assert guest.quit() == 0                 # with an operation under way


def test_people():
    with Guest() as guest:
        said = guest.hmp("memory plug 128M,wait=off")
        assert said.startswith("operation 1: plug of dimm0 (128 MiB): in-progress for "), said
        guest.accept(0)
        guest.done()
        with asking(guest, "human-monitor-command",
                    **{"command-line": "memory unplug dimm0"}) as client:
            guest.done("MEMORY_OPERATION_STARTED")
            guest.refuse(0)
            said = answer(client)
        assert said.startswith("operation 2: unplug of dimm0 (128 MiB): refused after "), said
        assert ": device busy: probably the guest's kernel uses memory in it" in said, said
        assert guest.hmp("info memory-operations").count("\n") == 2
        assert "size=<size>" in guest.hmp("memory plug help")
        assert guest.hmp("memory cancel 2").startswith("Error: operation 2 has ended")
        assert "unknown command: 'memory frob'" in guest.hmp("memory frob")


# ---- memory of their own ----

def test_template():
    with Guest("-machine", "dimm-template=memory-backend-memfd,,share=off") as guest:
        guest.plug()
        memory = guest.memdev("memory.dimm0")
        assert memory["type"] == "memory-backend-memfd" and not memory["share"], memory
        guest.plug(id="own", template="memory-backend-ram,prealloc=on", node=0, slot=3)
        guest.done("MEMORY_OPERATION_STARTED", device="own", slot=3)
        assert guest.memdev("memory.own")["resident"] == SIZE
        guest.plug(template=f"memory-backend-file,mem-path={guest.files}")
        guest.fails("memory-plug", ["not a directory", "each DIMM needs its own file"], size=SIZE,
                    template="memory-backend-file,mem-path=/etc/passwd")
        guest.fails("memory-plug", ["'size' is set for each DIMM"], size=SIZE,
                    template="memory-backend-ram,size=1G")
        guest.fails("memory-plug", ["has no property 'frob'"], size=SIZE,
                    template="memory-backend-ram,frob=1")
        guest.fails("memory-plug", ["invalid object type: ram"], size=SIZE, template="ram")


def test_cancel_while_memory_is_allocated():
    with Guest(memory="128M,slots=2,maxmem=20G") as guest:
        with asking(guest, "memory-plug", size=16 * GIB, wait=True,
                    template="memory-backend-ram,prealloc=on,prealloc-threads=1") as client:
            while not any(memdev["id"] == "memory.dimm0"
                          for memdev in guest.qmp.execute("query-memdev")):
                pass
            guest.fails("memory-unplug", ["still being allocated"], id="dimm0")
            guest.qmp.execute("device_del", {"id": "dimm0"})
            message = client.read_answer(time.monotonic() + 30)
            assert "was cancelled" in message["error"]["desc"], message
        assert guest.operations() == [] and len(guest.qmp.execute("query-memdev")) == 1


# ---- what cannot work ----

def test_granularity():
    with Guest() as guest:
        guest.fails("memory-plug", ["multiple of 0x8000000", "64 MiB", "blocks of 128 MiB",
                                    "dimm-granularity=2M"], size=64 * MIB)
        guest.fails("memory-plug", ["aligned to 0x8000000", "dimm-granularity=2M"],
                    size=SIZE, addr=DIMM + 64 * MIB)
        guest.add("ram", size=64 * MIB)
        guest.fails("device_add", ["multiple of 0x8000000"], driver="pc-dimm", memdev="m")
    with Guest(granularity="2M") as guest:
        guest.plug(size=2 * MIB)
        guest.plug(size=6 * MIB)
        assert [entry["data"]["addr"] for entry in
                guest.qmp.execute("query-memory-devices")] == [DIMM, DIMM + 2 * MIB]
        assert guest.errors.read_text().count("is not a multiple of the memory block") == 2
    with Guest("-machine", "dimm-map-strict=on", granularity="2M") as guest:
        guest.fails("memory-plug", ["2 MiB at 0x", "not a multiple of the memory block", "128 MiB", "dimm-map-strict=on"],
                    size=2 * MIB)
        assert guest.qmp.execute("query-memory-devices") == []


def large(ram, granularity):
    """RAM that is more than the host has."""
    return Guest("-object", f"memory-backend-ram,id=ram,size={ram},reserve=off",
                 "-machine", "memory-backend=ram", memory=f"{ram},slots=4,maxmem=100G",
                 granularity=granularity)


def test_the_granularity_is_the_block_of_a_guest_of_this_size():
    for ram, block in (("256M", 128 * MIB), ("3G", 128 * MIB), ("61G", 128 * MIB),
                       ("65534M", 2 * MIB), ("62G", 2 * GIB), ("63G", GIB), ("63.5G", GIB // 2),
                       ("64G", 2 * GIB), ("64.125G", 128 * MIB), ("65G", GIB)):
        block = max(block, 128 * MIB)
        with large(ram, "auto") as guest:
            answer = guest.qmp.execute("query-memory-map")
            assert (answer["granularity"], answer["block-size"]) == (block, block), (ram, answer)
            guest.fails("memory-plug", [f"multiple of {block:#x}", "blocks of",
                                        "dimm-granularity=2M"], size=block // 2)
            guest.fails("memory-set", ["can't be reached", "multiples of"],
                        size=answer["ram"] + block + block // 2)
            for _ in range(2):
                guest.plug(size=block)
            assert all(entry["data"]["addr"] % block == 0
                       for entry in guest.qmp.execute("query-memory-devices"))
            assert "warning" not in guest.errors.read_text()
    with large("64G", "128M") as guest:
        guest.plug(size=GIB)
        assert "which is 2 GiB here" in guest.errors.read_text()


def test_a_memory_map_that_hardly_fits():
    with Guest("-machine", "dimm-map-limit=25", memory="128M,slots=4,maxmem=20G") as guest:
        assert "warning" not in guest.plug(size=2 * GIB)
        guest.accept(0)
        data = guest.plug(size=16 * GIB, template="memory-backend-ram,reserve=off")
        assert "warning" not in data             # a quarter of 2 GiB is there now
    with Guest("-machine", "dimm-map-limit=25", memory="128M,slots=4,maxmem=20G") as guest:
        data = guest.plug(size=4 * GIB, template="memory-backend-ram,reserve=off")
        for word in ("4 GiB needs 64 MiB", "25 %", "current 128 MiB", "dimm-map-limit="):
            assert word in data["warning"], data
        assert data["warning"] in guest.error_log
    with Guest("-machine", "dimm-map-limit=25,dimm-map-strict=on", memory="128M,slots=4,maxmem=20G") \
            as guest:
        guest.fails("memory-plug", ["needs 64 MiB", "rejected by dimm-map-strict=on"], size=4 * GIB)
        guest.plug(size=2 * GIB)


def test_bad_arguments():
    with Guest() as guest:
        guest.plugged()
        for words, arguments in (
                (["'size' is missing"], {}), (["multiple of 0x8000000"], {"size": 0}),
                (["expected: integer"], {"size": "1G"}), (["1 to 86400"], {"size": SIZE, "timeout": 0}),
                (["1 to 86400"], {"size": SIZE, "timeout": 86401}),
                (["no property 'sise'"], {"sise": SIZE}),
                (["Duplicate device ID 'dimm0'"], {"size": SIZE, "id": "dimm0"}),
                (["expects an identifier"], {"size": SIZE, "id": "0"}),
                (["slot 0 is busy"], {"size": SIZE, "slot": 0}),
                (["invalid slot number 4"], {"size": SIZE, "slot": 4}),
                (["conflicts with memory device id='dimm0'"], {"size": SIZE, "addr": DIMM}),
                (["usable range"], {"size": SIZE, "addr": 0}),
                (["node has value 1"], {"size": SIZE, "node": 1}),
                (["not enough space"], {"size": 4 * GIB})):
            guest.fails("memory-plug", words, **arguments)
        for _ in range(3):
            guest.plug()
        guest.fails("memory-plug", ["no free slots available: all 4 are taken", "slots=N"],
                    size=SIZE)
        assert len(guest.operations()) == 4
        guest.fails("memory-unplug", ["'id' is missing"])
        guest.fails("memory-unplug", ["Device 'x' not found"], id="x")
        guest.fails("memory-unplug", ["1 to 86400"], id="dimm0", timeout=0)
    with Guest(memory="128M") as guest:
        guest.fails("memory-plug", ["slots=4,maxmem=8G"], size=SIZE)
        guest.fails("memory-set", ["slots=4,maxmem=8G"], size=GIB)


if __name__ == "__main__":
    tap.main()
