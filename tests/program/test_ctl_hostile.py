#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""hotramctl against monitors that stall, lie, talk without end or go away, and
against command lines that are wrong; and its views, events and top."""

import json
import os
import pathlib
import pty
import select
import signal
import socket
import sys
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import LIMIT, finish, place                     # noqa: E402
from lib.fake_qmp import Refuse, Silence                     # noqa: E402

GIB = 1 << 30
DONE, ERROR, USAGE, REFUSED = range(4)
UNDER_WAY = {"id": 7, "device": "dimm1", "slot": 0, "operation": "plug", "size": GIB,
             "result": "in-progress", "milliseconds": 420, "deadline": 60000}
CPU_UNDER_WAY = {"id": 8, "cpu-index": 1, "operation": "unplug", "result": "in-progress", "milliseconds": 310,
                 "deadline": 60000, "device": "vcpu1"}
DEVICE_UNDER_WAY = {"id": 9, "path": "/machine/peripheral-anon/device[1]", "operation": "unplug",
                    "result": "in-progress", "milliseconds": 200, "deadline": 60000}
DIMM = {"type": "dimm", "data": {"id": "d0", "addr": 4 * GIB, "slot": 1, "node": 0, "size": GIB,
                                 "memdev": "/objects/m0", "hotplugged": True,
                                 "hotpluggable": True}}
VIEW = {"query-name": {"name": "db1"}, "query-status": {"status": "running", "running": True},
        "query-memory-devices": [DIMM], "query-acpi-ospm-status": [{}, {"slot-type": "DIMM"}, {}, {"slot-type": "CPU"}],
        "query-memory-size-summary": {"base-memory": GIB, "plugged-memory": GIB},
        "query-memdev": [{"id": "m0", "resident": 3 << 20}],
        "query-hotpluggable-cpus": [{"props": {"core-id": 1}}, {"qom-path": "/machine/unattached/device[0]"}],
        "query-cpu-operations": [{**CPU_UNDER_WAY, "result": "done", "id": 1}, CPU_UNDER_WAY],
        "query-device-operations": [{**DEVICE_UNDER_WAY, "result": "refused", "id": 2}, DEVICE_UNDER_WAY],
        "query-memory-operations": [{**UNDER_WAY, "result": "done", "id": 1}, UNDER_WAY],
        "query-memory-map": {"ram": GIB, "capacity": {"total": 3 * GIB, "free": 2 * GIB},
                             "ranges": [{"start": 0, "size": GIB, "type": "ram"}]}}


def silent(_args):
    raise Silence


# ---- what is no monitor ----

def test_greetings_that_are_none():
    for greeting, words in (({"hello": 1}, "no QMP monitor"), ([], "no JSON object"),
                            (b"SSH-2.0\r\n", "no JSON object"), (b"\n", "nobody answers"),
                            (b"{\"QMP\": {}\n", "nobody answers"), (b"\0\0\0\n", "no JSON object"),
                            (b"{\"QMP\": NaN}", "no JSON object"), (b"{\"QMP\": {},}", "no JSON object"),
                            (b"{\"QMP\": 01}", "no JSON object"), (b"{\"QMP\": 1, \"QMP\": 1}", "duplicate key"),
                            (b"{\"QMP\": \"\xff\"}", "no JSON object"), (b"{\"QMP\": 1e999}", "no JSON object"),
                            (b"[" * 100000 + b"\n", "no JSON object"),
                            (b"x" * (9 << 20), "size limit exceeded")):
        with place() as here, here.guest(greeting=greeting):
            said = here.refused("list", "-p", "2")
            assert words in said, (greeting[:20], said)


def test_messages_that_are_no_lines():
    whole = json.dumps({"QMP": {"version": {}, "capabilities": []}}, indent=4).encode()
    for greeting in (whole, whole + b"\n", b"\r\n\n" + whole):
        with place() as here, here.guest(dict(VIEW), greeting=greeting):
            status, _, said = here.run("list")
            assert status == DONE, (greeting, said)


def test_monitor_that_says_nothing():
    with place() as here, here.guest(greeting=b""):
        start = time.monotonic()
        assert "nobody answers" in here.refused("list", "-p", "0.2")
        assert time.monotonic() - start < 5


def test_full_queue():
    with place() as here, socket.socket(socket.AF_UNIX) as listener, \
            socket.socket(socket.AF_UNIX) as waits:
        listener.bind(str(here.runtime / "s"))
        listener.listen(0)
        waits.connect(str(here.runtime / "s"))
        assert "too many clients are waiting" in here.refused("-s", here.runtime / "s", "-p0.2", "list")


def test_monitor_that_does_not_answer():
    for handlers, command in (({"qmp_capabilities": silent}, "qmp_capabilities"),
                              ({"query-memory-devices": silent}, "query-memory-devices")):
        with place() as here, here.guest(handlers):
            said = here.refused("list", "--monitor-timeout", "0.3")
            assert f"does not answer {command} within 0." in said, said


def test_monitor_that_talks_without_end():
    def chatter(_args):
        for _ in range(20000):
            here_guest[0].event("NOISE", {"n": 1})
        raise Silence
    here_guest = []
    with place() as here, here.guest({"query-memory-devices": chatter}) as guest:
        here_guest.append(guest)
        assert "does not answer" in here.refused("list", "-p", "0.3")


def test_strange_answers():
    for answer in (None, 5, "text", [], {}, [5, None, "x", [[]]], [{"data": 5}],
                   {"name": {}, "status": []}, [{"data": {"id": 7, "size": -1, "slot": "x"}}],
                   {"base-memory": 1e300, "plugged-memory": "8"}, [{"result": 5, "id": {}}]):
        handlers = {command: answer for command in VIEW}
        handlers.update({command: answer for command in (
            "memory-plug", "memory-set", "memory-operation-cancel")})
        with place() as here, here.guest(handlers):
            for words in (("status",), ("list",), ("wait",), ("top", "-n1"), ("map",),
                          ("map", "--svg", "-"), ("status", "--json"), ("cancel", "1")):
                status, _, err = here.run(*words)
                assert status == DONE, (answer, words, status, err)
            for words in (("plug", "1G"), ("set", "1G")):
                assert here.run(*words)[0] in (ERROR, USAGE), (answer, words)


def test_nothing_that_a_terminal_obeys():
    evil = "\x1b]0;gone\x07\x9b\u202e\r\n\u009b31m\x7f"
    dimm = {**DIMM, "data": {**DIMM["data"], "id": evil, "memdev": evil}}

    def refuse(_args):
        raise Refuse(evil)
    handlers = {**VIEW, "query-name": {"name": evil}, "query-memory-devices": [dimm],
                "memory-plug": {**UNDER_WAY, "device": evil, "result": "refused", "reason": evil,
                                "ost": {"source": 1, "status": 1, "text": evil}},
                "memory-unplug": refuse,
                "query-memory-map": {"ram": GIB, "ranges": [
                    {"start": 0, "size": GIB, "type": "dimm", "id": evil, "state": evil}]}}
    with place() as here, here.guest(handlers):
        for words in (("status",), ("list",), ("map",), ("plug", "1G"), ("unplug", "x"),
                      ("top", "-n1"), ("list", "-j"), ("status", "-j"), ("unplug", evil)):
            status, out, err = here.run(*words)
            assert status in (DONE, ERROR, REFUSED), (words, status)
            for character in "\x1b\x07\x7f\u009b\r":
                assert character not in out + err, (words, character, out, err)


# ---- while it is waited ----

def test_connection_that_closes_while_waiting():
    for words, command in ((("plug", "1G"), "memory-plug"), (("set", "1G"), "memory-set")):
        with place() as here, here.guest({"memory-plug": UNDER_WAY, "memory-set": silent}) as guest:
            process = here.start(*words)
            guest.wait_asked(command)
            time.sleep(0.1)
            guest.close_connections()
            status, out, err = finish(process)
            assert (status, out) == (ERROR, "")
            assert "closed the connection while waiting; the operation continues" in err, err


def test_monitor_that_stalls_while_waiting():
    with place() as here, here.guest({"memory-plug": UNDER_WAY}) as guest:
        process = here.start("plug", "1G", "-p", "1")
        guest.wait_asked("memory-plug")
        # It is still there: a second connection is answered, and waiting goes on.
        guest.wait_asked("qmp_capabilities", 3)
        assert process.poll() is None
        guest.greeting = b""
        status, _, err = finish(process)
        assert status == ERROR and "nobody answers" in err and "continues" in err, err


# ---- views ----

def test_status_and_list():
    with place() as here, here.guest(VIEW) as guest:
        status, out, _ = here.run("status")
        assert status == DONE
        lines = out.splitlines()
        assert lines[0] == f"guest:     db1 (process {os.getpid()}), running", out
        assert lines[1:5] == ["cpus:      1 of 2 possible", "memory:    2 GiB: 1 GiB at start, 1 GiB in DIMMs",
                              "maxmem:    4 GiB", "slots:     1 of 3 in use"], out
        assert lines[6:] == ["operation: plug dimm1 (1 GiB, slot 0): in progress for 0.42 s "
                             "(operation 7)",
                             "operation: unplug vcpu1: in progress for 0.31 s (operation 8)",
                             "operation: unplug /machine/peripheral-anon/device[1]: in progress for 0.20 s "
                             "(operation 9)"], out
        document = here.json("status")
        assert document.pop("resident") > 1 << 20
        assert document == {"name": "db1", "socket": guest.path, "pid": os.getpid(),
                            "status": "running", "base-memory": GIB, "plugged-memory": GIB,
                            "total-memory": 2 * GIB, "maxmem": 4 * GIB, "dimms": 1, "slots": 3,
                            "cpus": 1, "possible-cpus": 2, "operations": [UNDER_WAY],
                            "cpu-operations": [CPU_UNDER_WAY], "device-operations": [DEVICE_UNDER_WAY]}, document
        assert here.run("list")[1].splitlines()[1].split() == \
            "1 d0 1 GiB 0 0x100000000 3 MiB /objects/m0".split()
        assert here.json("list") == [DIMM]


def test_guests_without_plugged_cpus():
    """QEMU has no operations, and some of its machines refuse to list CPUs."""
    def refuse(_args):
        raise Refuse("machine does not support hot-plugging CPUs")
    handlers = {**VIEW, "query-hotpluggable-cpus": refuse}
    del handlers["query-cpu-operations"], handlers["query-device-operations"]
    with place() as here, here.guest(handlers):
        status, out, _ = here.run("status")
        assert status == DONE and "cpus:" not in out, (status, out)
        document = here.json("status")
        assert "cpus" not in document and document["cpu-operations"] == document["device-operations"] == [], document
        assert rows(here.run("top", "-n1")[1])[0][3] == "-"


def test_map():
    with place() as here, here.guest(VIEW):
        text = here.run("map")[1]
        plain = here.run("map", "--ascii")[1]
        assert "RAM at start" in text and not text.isascii() and plain.isascii(), (text, plain)
        assert here.json("map") == VIEW["query-memory-map"]
        file = here.runtime / "map.svg"
        assert here.run("map", "--svg", file) == (DONE, "", "")
        assert file.read_text().startswith("<svg") and file.read_text() == \
            here.run("map", "--svg", "-")[1]
        assert "No such file" in here.refused("map", "--svg", "/no/folder/file")
        assert "both write" in here.run("map", "--svg", "-", "-j")[2]


def test_events():
    with place() as here:
        for words, expected in ((("events",), ["STOP", 'A {"x": 1}', "SHUTDOWN"]),
                                (("events", "A", "B"), ['A {"x": 1}']), (("events", "none"), [])):
            with here.guest() as guest:
                process = here.start(*words)
                guest.wait_asked("qmp_capabilities")
                time.sleep(0.1)
                guest.event("STOP")
                guest.event("A", {"x": 1})
                guest.event("SHUTDOWN")
                guest.close_connections()
                status, out, err = finish(process)
                assert (status, err) == (DONE, ""), (status, err)
                assert [line.split(" ", 2)[2] for line in out.splitlines()] == expected, out
        with here.guest() as guest:               # an end that nobody announced
            process = here.start("events", "-j")
            guest.wait_asked("qmp_capabilities")
            time.sleep(0.1)
            guest.event("A", [1])
            guest.close_connections()
            status, out, err = finish(process)
            assert status == ERROR and "closed the connection" in err
            assert json.loads(out.splitlines()[0])["data"] == [1]


# ---- top ----

def rows(text):
    return [line.split() for line in text.splitlines() if not line.startswith(("GUEST", " "))]


def test_top_of_guests_that_stall_and_go():
    looks_at_b = []

    def map_or_end(_args):
        """At the third look, the second of the run that goes on, the guest ends in the middle of its answers."""
        looks_at_b.append(None)
        if len(looks_at_b) < 3:
            return VIEW["query-memory-map"]
        b.close()
        raise Silence

    with place() as here, here.guest(VIEW, "a"), \
            here.guest({**VIEW, "query-name": {}, "query-memory-map": map_or_end}, "b") as b, \
            here.guest({**VIEW, "query-status": silent}, "c"):
        status, out, _ = here.run("top", "-n", "1")
        first, second, third = rows(out)
        assert status == DONE and first == ["db1", str(os.getpid()), "running", "1/2", "2", "GiB", "1",
                                            "GiB", "4", "GiB", "1/3", *first[11:13], "3"], out
        assert second[0] == "b" and third[:4] == ["db1", "-", "not", "there:"], out
        assert "in progress for 0.42 s (operation 7)" in out
        status, out, _ = here.run("top", "-d", "0.1", "-n", "4", "-j")
        documents = [json.loads(line) for line in out.splitlines()]
        names = [[pathlib.Path(entry["socket"]).stem for entry in look] for look in documents]
        assert status == DONE and names[0] == ["a", "b", "c"] and names[-1] == ["a", "c"], names
        assert any("error" in entry for look in documents[1:] for entry in look
                   if entry["socket"] == b.path), documents
        only, = rows(here.run("top", "-n1", "a")[1])
        assert only[:11] == first[:11], only
        assert here.run("top", "-n1", "gone")[0] == ERROR


def test_top_restores_the_terminal():
    for end in (b"q", signal.SIGINT, signal.SIGTERM):
        with place() as here, here.guest(VIEW) as guest:
            ours, theirs = pty.openpty()
            before = termios.tcgetattr(theirs)
            with here.start("top", "-d", "0.1", stdin=theirs, stdout=theirs) as process:
                guest.wait_asked("query-memory-map", 3)
                if isinstance(end, bytes):
                    os.write(ours, end)
                else:
                    process.send_signal(end)
                assert process.wait(LIMIT) == DONE
            said = os.read(ours, 1 << 16)
            while not said.endswith(b"\x1b[?1049l"):
                assert select.select([ours], [], [], LIMIT)[0], said
                said += os.read(ours, 1 << 16)
            assert said.startswith(b"\x1b[?1049h"), said
            assert b"db1" in said and said.count(b"\x1b[?25h") == 1
            assert termios.tcgetattr(theirs) == before
            os.close(ours)
            os.close(theirs)


# ---- command lines ----

def test_wrong_command_lines():
    with place() as here, here.guest(VIEW) as guest:
        for words, *said in (
                ((), "missing command"), (("plig", "1G"), "did you mean plug?"), (("xyz",), "--help"),
                (("plug",), "plug: missing argument SIZE"), (("plug", "1", "2"), "unexpected argument '2'"),
                (("list", "x"), "list: unexpected argument 'x'"), (("plug", "x"), "expects a size", "'x'"),
                (("plug", "0"), "above 0"), (("plug", "-1G"), "0 or more", "'-1G'"),
                (("plug", "16E"), "below 16 EiB"), (("set", "+"), "expects a size"),
                (("set", "--+1"), "unknown option"), (("list", "--at-most"), "list does not support --at-most"),
                (("plug", "1G", "--node"), "--node requires a value: N"),
                (("plug", "1G", "--node", "x"), "from 0 to 4294967295", "'x'"),
                (("plug", "1G", "--node", "4294967296"), "'4294967296'"),
                (("plug", "1G", "--slot", "2147483648"), "from 0 to 2147483647", "'2147483648'"),
                (("plug", "1G", "--addr", "0x10000000000000000"), "from 0 to 18446744073709551615"),
                (("plug", "1G", "--no-wait=yes"), "does not accept a value"),
                (("plug", "1G", "--tmeout", "3"), "did you mean --timeout?"),
                (("list", "-p", "0"), "from 0.001"), (("list", "-p", "nan"), "'nan'"),
                (("list", "-p", "1x"), "'1x'"), (("top", "-d", "-1"), "'-1'"),
                (("list", "-g", "a", "-g", "b"), "one guest"), (("list", "-s", "x", "-g", "y"), "both"),
                (("top", "-s", "x", "y"), "both"), (("top", *(f"-g{n}" for n in range(65))), "64"),
                (("wait", "x"), "'x'"), (("wait", "-1"), "'-1'")):
            message = here.refused(*words, status=USAGE)
            assert all(word in message for word in said), (words, message)
        assert guest.asked == []


def test_help_and_version():
    with place() as here:
        for words in (("--help",), ("-h",), ("plug", "--help"), ("--version",)):
            status, out, err = here.run(*words)
            assert (status, err) == (DONE, "") and "hotramctl" in out, words
        assert "--template" in here.run("plug", "--help")[1]
        assert "--template" not in here.run("list", "--help")[1]


if __name__ == "__main__":
    tap.main()
