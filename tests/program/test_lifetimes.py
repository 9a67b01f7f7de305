#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""Who owns what, and for how long: memory of a DIMM, operations that end while somebody looks at them, work that is
queued when its owner goes. Under the address sanitizer each of these finds more; without it the state tells."""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, tap                                  # noqa: E402
from lib.player import EVENT, MIB, SLOT, STATUS, Guest       # noqa: E402
from lib.qmp import QMP                                      # noqa: E402

TEMPLATES = ("memory-backend-ram", "memory-backend-ram,prealloc=on", "memory-backend-memfd",
             "memory-backend-memfd,prealloc=on")


def line(command, **arguments):
    return json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"


def test_memory_of_a_dimm_has_an_owner_however_it_came():
    for template in TEMPLATES:
        with Guest() as guest:
            guest.plug(id="d", wait=False, template=template)
            guest.done("MEMORY_OPERATION_STARTED", device="d")
            for state in ("plugged", "accepted"):
                memdev, = [m for m in guest.qmp.execute("query-memdev") if m["id"] == "memory.d"]
                assert memdev["used-by"] == "d", (template, state, memdev)
                guest.fails("object-del", ["memory.d", "in use", "'d'"], id="memory.d")
                guest.fails("device_add", ["already busy", "'d'"], driver="pc-dimm", id="e", memdev="memory.d")
                if state == "plugged":
                    guest.accept(0)
                    guest.done(device="d", result="done")
            guest.unplug("d")
            guest.give_back(0)
            guest.done(device="d", operation="unplug", result="done")
            assert [m["id"] for m in guest.qmp.execute("query-memdev")] == ["hotram.ram"], template


def cycles(guest, count=40):
    """More operations than are remembered, by slot 1."""
    for number in range(count):
        guest.plug(id=f"y{number}")
        guest.accept(1)
        guest.done(device=f"y{number}")
        guest.unplug(f"y{number}")
        guest.give_back(1)
        guest.done(device=f"y{number}", operation="unplug")
        guest.qmp.clear_events()


def test_an_answer_does_not_run_the_next_command():
    """The client's next command, sent together with one that waits, ends another operation."""
    for command in ("device_del", "memory-unplug", "memory-set", "quit"):
        with Guest(memory="128M,slots=4,maxmem=2G") as guest:
            client = guest.second()
            guest.plug(id="x")
            guest.accept(0)
            guest.done(device="x")
            following = {"memory-set": line(command, size=128 * MIB), "quit": line(command)}
            client.send_raw(line("memory-unplug", id="x", wait=True, timeout=600) +
                            following.get(command, line(command, id="z")))
            guest.done("MEMORY_OPERATION_STARTED", device="x", operation="unplug")
            cycles(guest)
            guest.plug(id="z")              # the guest does not answer
            guest.give_back(0)
            if command == "quit":
                assert guest.process.wait(30) == 0
                continue
            assert guest.done(device="x", operation="unplug")["result"] == "done"
            guest.done("MEMORY_OPERATION_STARTED", device="z", operation="unplug")
            assert len(guest.operations()) <= 66, guest.operations()


def test_the_end_comes_to_those_who_wait():
    """Plug, unplug that the guest has answered and that it has not, memory set: each is told, or let go."""
    for waits_for in "plug", "unplug", "set":
        with Guest() as guest:
            client = guest.second()
            if waits_for == "plug":
                client.send_raw(line("memory-plug", size=128 * MIB, wait=True))
            elif waits_for == "set":
                client.send_raw(line("memory-set", size=256 * MIB, wait=True))
            else:
                guest.plugged()
                client.send_raw(line("memory-unplug", id="dimm0", wait=True))
            guest.done("MEMORY_OPERATION_STARTED", operation="unplug" if waits_for == "unplug" else "plug")
            guest.quit()
            assert guest.process.returncode == 0, (waits_for, guest.error_log)


def test_an_answer_that_comes_as_the_deadline_passes():
    """It is noted, and not handled yet, when the timer goes off, which handles it first: the operation, which is the
    oldest of more than are remembered, ends before its deadline is looked at. To have both in one round of the event
    loop, the program waits as it reads the answer; until then the guest's time stands still."""
    for kind, event, status in (("plug", 1, 2), ("unplug", 3, 0x82)):
        with inject.faults() as faults, \
                Guest("-qtest-log", faults.folder / "log", environment=faults.environment,
                      memory="128M,slots=4,maxmem=2G") as guest:
            if kind == "unplug":
                guest.plug(id="x")
                guest.accept(0)
                guest.done(device="x")
            guest.qmp.execute("stop")
            begun = guest.plug(id="x", timeout=3) if kind == "plug" else guest.unplug("x", timeout=3)
            cycles(guest)
            guest.notice(0)
            guest.qtest.port_out(SLOT, 4, 0)
            guest.qtest.port_out(EVENT, 4, event)
            guest.qmp.execute("cont")
            guest.qmp.clear_events()
            with faults.wait("write"):              # the line, into the log, before it is carried out
                guest.qtest.send(guest.qtest.line_out(STATUS, 4, status))
                time.sleep(3.5)
            guest.qtest.answer()
            data = guest.done(id=begun["id"])
            assert data["result"] == "refused" and data["ost"]["status"] == status, data
            guest.nothing()
            assert len(guest.operations()) == 64


def test_the_reply_comes_before_what_the_command_began():
    with Guest() as guest:
        client = guest.second()
        client.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m", "size": 128 * MIB})
        for command, arguments in (("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"}),
                                   ("device_del", {"id": "d"}),
                                   ("memory-plug", {"size": 128 * MIB, "wait": False}),
                                   ("memory-set", {"size": 128 * MIB, "wait": False})):
            client.clear_events()
            client.send_raw(line(command, **arguments))
            first = client.read_message(time.monotonic() + 30)
            assert "return" in first, (command, first)
            client.wait_event("MEMORY_OPERATION_STARTED")
            if command == "device_add":
                guest.accept(0)
                client.wait_event("MEMORY_OPERATION_DONE")


def test_all_name_the_same_deadline():
    with Guest() as guest:
        for command, arguments in (("memory-plug", {"size": 128 * MIB, "timeout": 7}),
                                   ("memory-unplug", {"id": "dimm0", "timeout": 8})):
            guest.qmp.clear_events()
            reply = guest.qmp.execute(command, arguments)
            started = guest.done("MEMORY_OPERATION_STARTED")
            assert started["deadline"] == 1000 * arguments["timeout"] == \
                guest.operations()[-1]["deadline"], (reply, started)
            if command == "memory-plug":
                guest.accept(0)
                guest.done(result="done")


def test_quit_amid_everything():
    """Work is queued, memory is allocated, operations run, a client waits: the end is a clean one."""
    for _ in range(5):
        with Guest(memory="128M,slots=4,maxmem=4G") as guest:
            client = guest.second()
            guest.plug(id="a", wait=False)
            client.send_raw(line("object-add", **{"qom-type": "memory-backend-ram", "id": "zz",
                                                  "size": 1024 * MIB, "prealloc": True}))
            client.send_raw(line("memory-set", size=512 * MIB))
            for _ in range(20):
                guest.ost(0, 1, 0)
            QMP(guest.folder / "qmp").send_raw(line("quit"))
            assert guest.process.wait(30) == 0


def test_the_heap_does_not_grow():
    """It does until as many operations have ended as are remembered, and has its holes; then all has its place."""
    with Guest(memory="128M,slots=4,maxmem=2G") as guest:
        guest.plugged(1)                    # in slot 0
        cycles(guest, 100)
        private = private_kib(guest)
        cycles(guest, 100)
        grown = private_kib(guest) - private
        assert grown <= 16, f"the program's own memory grew by {grown} KiB"


def private_kib(guest):
    """The program's own memory: its heap."""
    lines = guest._proc("smaps").splitlines()  # pylint: disable=protected-access
    size, heap = 0, False
    for line in lines:
        if "-" in line.split(" ")[0]:
            heap = line.endswith("[heap]")
        elif heap and line.startswith("Rss:"):
            size += int(line.split()[1])
    return size


def test_a_request_that_was_taken_back_is_no_refusal():
    """A memory set gives up on an unplug; whatever the guest reports of others says nothing of that one."""
    with Guest(memory="512M,slots=10,maxmem=4G") as guest:
        guest.plugged(2)
        guest.qmp.execute("memory-set", {"size": 640 * MIB, "timeout": 1})
        slot = guest.done("MEMORY_OPERATION_STARTED", operation="unplug")["slot"]
        guest.notice(slot)
        guest.ost(slot, 3, 0x84)            # it is at it
        assert guest.done()["result"] == "unanswered"
        guest.done("MEMORY_SET_DONE")
        guest.qmp.clear_events()
        guest.plug()
        guest.accept(2)
        guest.done(result="done")
        guest.nothing("DEVICE_UNPLUG_GUEST_ERROR")
        guest.nothing("MEMORY_OPERATION_LATE")
        guest.give_back(slot)               # it was only slow
        assert guest.done("MEMORY_OPERATION_LATE")["result"] == "done"
    with Guest(memory="512M,slots=10,maxmem=4G") as guest:
        guest.plugged(1)
        guest.qmp.execute("memory-set", {"size": 512 * MIB, "timeout": 1})
        guest.done("MEMORY_OPERATION_STARTED", operation="unplug")
        guest.notice(0)
        guest.done("MEMORY_SET_DONE")
        guest.ost(0, 3, 0x82)               # late, but it says so itself
        assert guest.done("MEMORY_OPERATION_LATE")["result"] == "refused"


def test_memory_set_looks_again_at_its_end():
    """A DIMM that the set gave up leaves while the next one plugs: one more is plugged in its place."""
    with Guest(memory="512M,slots=10,maxmem=4G") as guest:
        guest.plugged(3)
        guest.unplug("dimm2")
        number = guest.done("MEMORY_OPERATION_STARTED", operation="unplug")["id"]
        guest.qmp.execute("memory-operation-cancel", {"id": number})
        guest.qmp.clear_events()
        guest.qmp.execute("memory-set", {"size": 1024 * MIB})
        slot = guest.done("MEMORY_OPERATION_STARTED", operation="plug")["slot"]
        guest.give_back(2)
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "dimm2"})
        guest.accept(slot)
        again = guest.done("MEMORY_OPERATION_STARTED", operation="plug")
        guest.accept(again["slot"])
        result = guest.done("MEMORY_SET_DONE")
        assert result["result-size"] == 1024 * MIB == guest.size(), result


if __name__ == "__main__":
    tap.main()
