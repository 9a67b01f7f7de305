#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""A guest that is stopped answers nothing: its time stands still, nobody begins to wait for it, and nobody who waits
does so for ever. A test plays the guest, so it needs no KVM."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import finish, place                            # noqa: E402
from lib.host import MIB                                     # noqa: E402
from lib.player import SIZE, Guest, answer, asking           # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

ERROR, UNANSWERED = 1, 4
STOPPED = "the guest is stopped; cont resumes it"


def under_way(operation):
    assert operation["result"] == "in-progress" and STOPPED in operation["warning"], operation
    return operation


# ---- time ----

def test_a_stop_does_not_count():
    with Guest() as guest:
        guest.plugged()
        guest.unplug(timeout=2)
        for _ in range(3):                       # longer than the deadline
            guest.qmp.execute("stop")
            time.sleep(0.8)
            guest.qmp.execute("cont")
        guest.notice(0)
        guest.give_back(0)
        assert guest.done(id=2)["result"] == "done"
        guest.nothing()


def test_what_begins_in_a_stopped_guest_has_its_time_after_cont():
    for command in ("plug", "unplug"):
        with Guest() as guest:
            guest.plugged()
            guest.qmp.execute("stop")
            under_way(getattr(guest, command)(timeout=1))
            under_way(guest.done("MEMORY_OPERATION_STARTED", id=2))
            time.sleep(1.5)
            under_way(guest.operations()[-1])
            guest.qmp.execute("cont")
            assert "warning" not in guest.operations()[-1]
            data = guest.done(id=2)
            assert data["result"] == "unanswered" and data["milliseconds"] >= 1000, data
            assert "warning" not in data, data


# ---- waiting ----

def test_nobody_begins_to_wait():
    """Refused before anything is done, with a way out; and without waiting it works."""
    with Guest() as guest, place() as here:
        guest.plugged(2)
        guest.unplug("dimm1")
        guest.qmp.execute("stop")
        for command, arguments in (("memory-plug", {"size": SIZE}), ("memory-unplug", {"id": "dimm0"}),
                                   ("memory-unplug", {"id": "dimm1"})):
            guest.fails(command, [STOPPED, "'wait': false"], wait=True, **arguments)
        guest.fails("memory-set", [STOPPED], size=128 * MIB, wait=True)
        for line in ("memory plug 128M", "memory unplug dimm0"):
            said = guest.hmp(line)
            assert STOPPED in said and "wait=off" in said, said
        for words in (("plug", "128M"), ("unplug", "dimm0"), ("wait", "3"), ("wait", "all")):
            said = here.refused("-s", guest.folder / "qmp", *words, status=ERROR)
            assert "is stopped (paused)" in said and "cont" in said, said
            assert ("--no-wait" in said) == (words[0] != "wait"), said
        assert len(guest.operations()) == 3
        assert "in-progress" in guest.hmp("memory unplug dimm0,wait=off")
        assert here.run("-s", guest.folder / "qmp", "plug", "128M", "--no-wait")[0] == 0
        guest.qmp.execute("cont")
        guest.give_back(0)
        guest.accept(2)
        for device in ("dimm0", "dimm2"):
            guest.done(device=device, result="done")


def test_the_way_out_works():
    """After a power off only system_reset lets a guest run again, and the errors say so."""
    with Guest("-no-shutdown") as guest:
        guest.plugged()
        guest.qtest.port_out(0x604, 2, 0x2000 | 5 << 10)     # sleep, type 5
        guest.qmp.wait_event("STOP")
        for command, arguments in (("memory-unplug", {"id": "dimm0", "wait": True}), ("memory-set", {"size": SIZE})):
            guest.fails(command, ["system_reset followed by cont"], **arguments)
        try:
            guest.qmp.execute("cont")
            raise AssertionError("cont was enough")
        except QMPError:
            pass
        guest.qmp.execute("system_reset")
        guest.qmp.execute("cont")
        with asking(guest, "memory-unplug", id="dimm0", wait=True) as client:
            guest.done("MEMORY_OPERATION_STARTED", operation="unplug")
            guest.give_back(0)
            assert answer(client)["result"] == "done"


def test_nobody_waits_for_ever():
    """A guest that is stopped meanwhile: the waiting ends, and the operation does not."""
    for command, arguments in (("memory-plug", {"size": SIZE}), ("memory-unplug", {"id": "dimm0"})):
        with Guest() as guest:
            guest.plugged()
            with asking(guest, command, timeout=1, wait=True, **arguments) as client:
                number = guest.done("MEMORY_OPERATION_STARTED")["id"]
                guest.qmp.execute("stop")
                assert under_way(answer(client))["id"] == number
            guest.qmp.clear_events()
            guest.qmp.execute("cont")
            if command == "memory-plug":
                guest.accept(1)
            else:
                guest.give_back(0)
            assert guest.done(id=number)["result"] == "done"
            guest.nothing()


def test_a_short_stop_does_not_end_the_waiting():
    with Guest() as guest:
        guest.plugged()
        with asking(guest, "memory-unplug", id="dimm0", timeout=4, wait=True) as client:
            guest.done("MEMORY_OPERATION_STARTED", operation="unplug")
            for _ in range(3):
                guest.qmp.execute("stop")
                time.sleep(1.4)
                guest.qmp.execute("cont")
            guest.give_back(0)
            assert answer(client)["result"] == "done"


def test_a_size_is_not_waited_for_for_ever_either():
    with Guest(memory="512M,slots=4,maxmem=4G") as guest:
        with asking(guest, "memory-set", size=1024 * MIB, timeout=1, wait=True) as client:
            begun = guest.done("MEMORY_OPERATION_STARTED")
            guest.qmp.execute("stop")
            result = answer(client)
            assert STOPPED in result["reason"] and "memory-set-cancel" in result["reason"], result
            assert [under_way(one)["id"] for one in result["operations"]] == [begun["id"]], result
        guest.fails("memory-set", [STOPPED], size=1024 * MIB, wait=True)       # it would join
        assert guest.qmp.execute("memory-set", {"size": 1024 * MIB})["operations"] == []
        guest.nothing("MEMORY_SET_DONE")
        guest.qmp.execute("cont")
        guest.accept(begun["slot"])
        guest.accept(guest.done("MEMORY_OPERATION_STARTED")["slot"])
        result = guest.done("MEMORY_SET_DONE")
        assert result["result-size"] == 1024 * MIB and "reason" not in result, result
        assert {one["result"] for one in result["operations"]} == {"done"}, result


def test_hotramctl_does_not_wait_for_ever():
    for words, event, said in ((("plug", "128M", "-t1"), "plug", "'hotramctl wait 2' waits for it"),
                               (("unplug", "dimm0", "-t1"), "unplug", "'hotramctl wait 2' waits for it"),
                               (("set", "512M", "-t1"), "plug", "memory set continues when it runs")):
        with Guest() as guest, place() as here:
            guest.plugged()
            with here.start("-s", guest.folder / "qmp", *words) as process:
                guest.done("MEMORY_OPERATION_STARTED", operation=event)
                guest.qmp.execute("stop")
                status, out, err = finish(process)
            assert status == UNANSWERED and said in out + err and "the guest is stopped" in out + err, \
                (status, out, err)
            under_way(guest.operations()[-1])


if __name__ == "__main__":
    tap.main()
