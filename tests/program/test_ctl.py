#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""hotramctl changes memory: each way in which it can end, and its exit status. A
test plays the guest's monitor."""

import os
import pathlib
import pty
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import finish, place                            # noqa: E402
from lib.fake_qmp import Refuse                              # noqa: E402

GIB = 1 << 30
DONE, ERROR, USAGE, REFUSED, UNANSWERED, CANCELLED, AWAY = range(7)


def operation(result="in-progress", **members):
    return {"id": 7, "device": "dimm1", "slot": 0, "operation": "plug", "size": GIB,
            "result": result, "milliseconds": 420, "deadline": 60000, **members}


def later(guest_box, event, data, seconds=0.1):
    """A handler's side effect: the event comes a moment after the answer."""
    threading.Timer(seconds, lambda: guest_box[0].event(event, data)).start()


def plug_that_ends(box, result, **members):
    def handler(_args):
        later(box, "MEMORY_OPERATION_DONE", operation("done", id=6, device="another"), 0.05)
        later(box, "MEMORY_OPERATION_DONE", operation(result, **members))
        return operation()
    return handler


def ended(result, *words, command="memory-plug", **members):
    """Exit status and what was said when the operation ends like this."""
    box = []
    with place() as here, here.guest({command: plug_that_ends(box, result, **members)}) as guest:
        box.append(guest)
        return (*here.run(*words), guest.wait_asked(command))


# ---- one operation ----

def test_plug_that_is_done():
    status, out, err, args = ended("done", "plug", "1G")
    assert (status, err) == (DONE, "")
    assert out == "plug dimm1 (1 GiB, slot 0): done in 0.42 s\n", out
    assert args == {"size": GIB}


def test_plug_passes_on_what_it_is_told():
    *_, args = ended("done", "plug", "--id=d9", "--node", "1", "1.5G", "--slot", "0x2", "--addr",
                     "0x140000000", "--template", "memory-backend-memfd,share=on", "-t", "9")
    assert args == {"size": 3 * GIB // 2, "id": "d9", "node": 1, "slot": 2, "addr": 5 * GIB,
                    "template": "memory-backend-memfd,share=on", "timeout": 9}, args
    assert ended("done", "plug", "512")[3] == {"size": GIB // 2}      # MiB, as for -m


def test_guest_that_refuses():
    ost = {"source": 0x103, "status": 0x81, "text": "device in use"}
    status, out, err, args = ended("refused", "unplug", "dimm1", command="memory-unplug",
                                   operation="unplug", reason="the guest refused", ost=ost)
    assert (status, err, args) == (REFUSED, "", {"id": "dimm1"})
    assert out == ("unplug dimm1 (1 GiB, slot 0): refused after 0.42 s: the guest refused "
                   "(_OST source 0x103, status 0x81: device in use)\n"), out


def test_other_ends():
    for result, expected, words in (("unanswered", UNANSWERED, "no answer after 0.42 s"),
                                    ("cancelled", CANCELLED, "cancelled after"),
                                    ("exploded", ERROR, "ended in an unknown way")):
        status, out, *_ = ended(result, "plug", "1G")
        assert status == expected and words in out, (result, status, out)


def test_operation_that_has_ended_in_the_answer():
    with place() as here, here.guest({"memory-plug": operation("done", milliseconds=12345)}):
        assert here.run("plug", "1G") == (DONE, "plug dimm1 (1 GiB, slot 0): done in 12 s\n", "")
    with place() as here, here.guest({"memory-plug": operation("refused")}):
        assert here.json("plug", "1G", status=REFUSED) == operation("refused")


def test_without_waiting():
    with place() as here, here.guest({"memory-plug": operation()}):
        status, out, err = here.run("plug", "1G", "--no-wait")
        assert (status, err) == (DONE, "")
        assert out.endswith("in progress for 0.42 s (operation 7)\n"), out


def test_monitor_that_refuses():
    def refuse(_args):
        raise Refuse("no free slot: 3 of 3 are in use")
    with place() as here, here.guest({"memory-plug": refuse}):
        assert here.refused("plug", "1G") == "hotramctl: no free slot: 3 of 3 are in use\n"
        assert here.json("plug", "1G", status=ERROR) == {
            "error": {"desc": "no free slot: 3 of 3 are in use", "exit-status": 1}}
        assert "memory-unplug has not been found" in here.refused("unplug", "d")


# ---- set ----

def set_result(asked, reached, operations=(), **members):
    return {"requested": asked, "current": GIB, "result-size": reached, "plan": [
        {"action": "plug", "size": GIB, "addr": 4 * GIB, "node": 0},
        {"action": "unplug", "device": "d1", "size": GIB}], "operations": list(operations), **members}


def test_set():
    for result, options, expected in (
            (set_result(2 * GIB, 2 * GIB, [operation("done")]), (), DONE),
            (set_result(2 * GIB, GIB, [operation("refused")]), (), AWAY),
            (set_result(2 * GIB, 3 * GIB), (), AWAY),
            (set_result(2 * GIB, GIB, reason="no free slot"), (), AWAY),
            (set_result(2 * GIB, GIB, reason="no free slot"), ("--at-most",), DONE),
            (set_result(2 * GIB, GIB, [operation("refused")]), ("--at-most",), AWAY),
            (set_result(2 * GIB, 3 * GIB), ("--at-most",), AWAY),
            ({"result-size": 0}, (), ERROR), ([], (), ERROR), ("what", (), ERROR)):
        with place() as here, here.guest({"memory-set": result}) as guest:
            status, _, _ = here.run("set", "2G", *options)
            assert status == expected, (result, options, status)
            args = guest.wait_asked("memory-set")
            assert args == {"size": 2 * GIB, "wait": True,
                            **({"at-most": True} if options else {})}, args


def test_set_says_how_it_went():
    result = set_result(2 * GIB, GIB, [operation("refused")], reason="the guest refused")
    with place() as here, here.guest({"memory-set": result}):
        status, out, _ = here.run("set", "2G")
        assert status == AWAY
        assert out == ("memory: 1 GiB, requested 2 GiB, now 1 GiB\n"
                       "  plug dimm1 (1 GiB, slot 0): refused after 0.42 s\nthe guest refused\n"), out
        assert here.json("set", "2G", status=AWAY) == result


def test_set_dry_run():
    with place() as here, here.guest({"memory-set": set_result(2 * GIB, 2 * GIB)}) as guest:
        status, out, _ = here.run("set", "2G", "--dry-run")
        assert status == DONE and guest.wait_asked("memory-set") == {"size": 2 * GIB, "dry-run": True}
        assert out == ("memory: 1 GiB, requested 2 GiB, to become 2 GiB\n"
                       "  plug 1 GiB at 0x100000000, node 0\n  unplug d1 (1 GiB)\n"), out


def test_set_by_a_difference():
    handlers = {"memory-set": lambda args: set_result(args["size"], args["size"]),
                "query-memory-size-summary": {"base-memory": GIB, "plugged-memory": GIB}}
    with place() as here, here.guest(handlers) as guest:
        for word, size in (("+1G", 3 * GIB), ("-1G", GIB), ("-512M", 3 * GIB // 2), ("+0", 2 * GIB)):
            assert here.run("set", word)[0] == DONE
            assert guest.asked[-1][1]["size"] == size, word
        count = len(guest.asked)
        assert "set -3 GiB: the guest has 2 GiB" in here.refused("set", "-3G", status=USAGE)
        assert "memory-set" not in [command for command, _ in guest.asked[count:]]


# ---- wait and cancel ----

def test_wait():
    operations = [operation("done", id=3), operation(id=7), operation(id=8, operation="unplug")]

    def query(_args):
        later(box, "MEMORY_OPERATION_DONE", operation("done"))
        later(box, "MEMORY_OPERATION_DONE", operation("refused", id=8, operation="unplug"), 0.2)
        return operations
    box = []
    with place() as here, here.guest({"query-memory-operations": query}) as guest:
        box.append(guest)
        assert here.run("wait") == (
            REFUSED, "plug dimm1 (1 GiB, slot 0): done in 0.42 s\n"
            "unplug dimm1 (1 GiB, slot 0): refused after 0.42 s\n", "")
        assert [entry["id"] for entry in here.json("wait", "all", status=REFUSED)] == [7, 8]
        assert [entry["id"] for entry in here.json("wait", "7")] == [7]
        assert [entry["id"] for entry in here.json("wait", "3")] == [3]   # over already
        assert "no operation 9" in here.refused("wait", "9")
        operations.clear()
        assert here.run("wait") == (DONE, "", "") and here.json("wait") == []


def test_cancel():
    def cancel(args):
        if args != {"id": 7}:
            raise Refuse("no such operation")
        return {}
    with place() as here, here.guest({"memory-operation-cancel": cancel}):
        assert here.run("cancel", "7") == (DONE, "", "")
        assert "no such operation" in here.refused("cancel", "8")
        assert "got 'all'" in here.refused("cancel", "all", status=USAGE)


def test_ctrl_c_cancels_and_waits_for_the_end():
    def cancel(args):
        assert args == {"id": 7}
        later(box, "MEMORY_OPERATION_DONE", operation("cancelled"))
        return {}
    box = []
    with place() as here, here.guest({"memory-plug": operation(),
                                      "memory-operation-cancel": cancel}) as guest:
        box.append(guest)
        process = here.start("plug", "1G")
        guest.wait_asked("memory-plug")
        process.send_signal(signal.SIGINT)
        status, out, err = finish(process)
        assert status == CANCELLED and "cancelled after" in out, (status, out, err)
        assert "asked to cancel: plug dimm1" in err, err


def interrupt_set(here, guest):
    process = here.start("set", "2G")
    guest.wait_asked("memory-set")
    guest.event("MEMORY_OPERATION_STARTED", operation(id=3))
    guest.event("MEMORY_OPERATION_DONE", operation("done", id=3))
    guest.event("MEMORY_OPERATION_STARTED", operation(id=4))
    process.send_signal(signal.SIGINT)
    return process


def test_ctrl_c_cancels_what_set_is_doing():
    def unanswered(_args):
        assert over.wait(20)
        return set_result(2 * GIB, GIB, [operation("cancelled", id=4)])

    def cancel(_args):
        over.set()
        return {}
    over = threading.Event()
    with place() as here, here.guest({"memory-set": unanswered,
                                      "memory-set-cancel": cancel}) as guest:
        status, out, err = finish(interrupt_set(here, guest))
        assert status == CANCELLED and "asked to end: set 2 GiB" in err, (status, out, err)
        # Somebody else's operations are left alone.
        assert "memory-operation-cancel" not in [command for command, _ in guest.asked]


def test_ctrl_c_twice_leaves():
    with place() as here, here.guest({"memory-plug": operation(),
                                      "memory-operation-cancel": {}}) as guest:
        process = here.start("plug", "1G")
        guest.wait_asked("memory-plug")
        process.send_signal(signal.SIGINT)
        guest.wait_asked("memory-operation-cancel")
        process.send_signal(signal.SIGINT)
        status, out, err = finish(process)
        assert (status, out) == (UNANSWERED, ""), (status, out, err)
        assert "the operation continues; 'hotramctl wait 7' waits for it" in err, err


def test_term_leaves_and_wait_cancels_nothing():
    for words, sign in ((("plug", "1G"), signal.SIGTERM), (("wait",), signal.SIGINT)):
        with place() as here, here.guest({"memory-plug": operation(),
                                          "query-memory-operations": [operation()]}) as guest:
            process = here.start(*words)
            guest.wait_asked("memory-plug" if words[0] == "plug" else "query-memory-operations")
            process.send_signal(sign)
            status, _, err = finish(process)
            assert status == UNANSWERED and "continues" in err, (status, err)
            assert "memory-operation-cancel" not in [command for command, _ in guest.asked]


# ---- progress ----

def test_progress_on_a_terminal_only():
    box = []

    def plug(_args):
        later(box, "MEMORY_PREALLOC", {"id": "m", "done": GIB // 2, "size": GIB}, 0.1)
        later(box, "MEMORY_OPERATION_DONE", operation("done"), 0.8)
        return operation()
    with place() as here, here.guest({"memory-plug": plug}) as guest:
        box.append(guest)
        ours, theirs = pty.openpty()
        with here.start("plug", "1G", stderr=theirs) as process:
            os.close(theirs)
            said = b""
            try:
                while data := os.read(ours, 4096):
                    said += data
            except OSError:                       # its other end is closed
                pass
            assert process.wait(20) == DONE
        os.close(ours)
        assert b"plug dimm1 (1 GiB, slot 0), the guest has 60 s" in said, said
        assert b"allocated 512 MiB of 1 GiB" in said, said
        assert said.endswith(b"\r\033[K") and b"\n" not in said, said
        assert here.run("plug", "1G")[2] == ""


if __name__ == "__main__":
    tap.main()
