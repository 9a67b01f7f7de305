#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""hotramctl and CPUs: how many there should be, each way in which that can end, and
which there are. A test plays the guest's monitor, or the guest at the registers of
the real program."""

import contextlib
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
from test_cpus import INSERT, PRESENT, REMOVE, TYPE, Guest   # noqa: E402

DONE, ERROR, USAGE, REFUSED, UNANSWERED, CANCELLED, AWAY = range(7)
RUNNING = {"status": "running", "running": True}


def operation(number, result="in-progress", kind="plug", **members):
    return {"id": number, "device": f"vcpu{number}", "cpu-index": number, "operation": kind, "result": result,
            "milliseconds": 420, "deadline": 30000, **members}


def possible(*present, count=4):
    """query-hotpluggable-cpus: the highest first."""
    cpus = []
    for cpu in range(count):
        place_of_it = {"socket-id": 0, "core-id": cpu, "thread-id": 0}
        cpus.insert(0, {"type": TYPE, "vcpus-count": 1, "props": place_of_it})
        if cpu in present:
            cpus[0]["qom-path"] = f"/machine/peripheral/vcpu{cpu}" if cpu else "/machine/unattached/device[0]"
    return cpus


class Monitor:
    """Handlers of a guest whose CPUs change with cpus-set; the events of `ends` follow."""

    def __init__(self, *ends, begun=None, before=1, after=None):
        self.ends = ends
        self.begun = [operation(end["id"], kind=end["operation"]) for end in ends] if begun is None else begun
        self.before, self.after = before, after
        self.guest = None
        self.count = before

    def cpus_set(self, args):
        self.count = args["cpus"] if self.after is None else self.after
        for at, end in enumerate(self.ends):
            threading.Timer(0.1 + 0.1 * at, self.say, (end,)).start()
        return {"cpus": self.count, "operations": self.begun}

    def say(self, end):
        self.guest.event("CPU_OPERATION_DONE", operation(99, "refused"))
        self.guest.event("CPU_OPERATION_DONE", end)

    def possible(self, _args):
        return possible(*range(self.count))

    @contextlib.contextmanager
    def start(self, **handlers):
        handlers = {"query-status": RUNNING, "cpus-set": self.cpus_set,
                    "query-hotpluggable-cpus": self.possible,
                    **{name.replace("_", "-"): handler for name, handler in handlers.items()}}
        with place() as here, here.guest(handlers) as self.guest:
            yield here


# ---- a number of CPUs ----

def test_plugs_and_unplugs():
    monitor = Monitor(operation(2, "done", started=True), operation(1, "done", started=False))
    monitor.begun.reverse()
    with monitor.start() as here:
        status, out, err = here.run("cpus", "3")
        assert (status, err) == (DONE, ""), (status, err)
        assert out == ("cpus: 1, requested 3, now 3\n"
                       "  plug vcpu1: done in 0.42 s; the guest has not started it yet\n"
                       "  plug vcpu2: done in 0.42 s\n"), out
        assert monitor.guest.wait_asked("cpus-set") == {"cpus": 3}
        monitor.ends = [operation(2, "done", "unplug", device="")]
        monitor.begun = [operation(2, kind="unplug", device="")]
        status, out, err = here.run("cpus", "2", "-t", "9")
        assert (status, err) == (DONE, "") and out.endswith("now 2\n  unplug CPU 2: done in 0.42 s\n"), out
        assert monitor.guest.wait_asked("cpus-set", 2) == {"cpus": 2, "timeout": 9}
        monitor.ends = monitor.begun = []
        assert here.json("cpus", "2") == {"requested": 2, "current": 2, "cpus": 2, "operations": []}


def test_by_a_difference():
    monitor = Monitor(before=2)
    with monitor.start() as here:
        for word, number in (("+1", 3), ("-1", 1), ("+0", 2), ("-0", 2), ("0x3", 3)):
            monitor.count = 2
            assert here.run("cpus", word)[0] == DONE, word
            assert monitor.guest.asked[-2] == ("cpus-set", {"cpus": number}), (word, monitor.guest.asked)
        monitor.count = 2
        asked = len(monitor.guest.asked)
        assert "cpus -3: the guest has 2" in here.refused("cpus", "-3", status=USAGE)
        assert "cpus-set" not in [command for command, _ in monitor.guest.asked[asked:]]


def test_other_ends():
    for ends, after, status, said in (
            ([operation(1, "refused", reason="busy")], None, AWAY, "plug vcpu1: refused after 0.42 s: busy\n"),
            ([operation(1, "refused", "unplug"), operation(2, "done")], None, AWAY, "unplug vcpu1: refused"),
            ([operation(1, "unanswered")], None, AWAY, "no answer after 0.42 s"),
            ([operation(1, "cancelled")], None, AWAY, "cancelled after"),
            ([operation(1, "exploded")], None, AWAY, "ended in an unknown way"),
            ([operation(1, "done")], 1, AWAY, "requested 2, now 1"), ([], 1, AWAY, "now 1")):
        monitor = Monitor(*ends, after=after)
        with monitor.start() as here:
            code, out, err = here.run("cpus", "2")
            assert (code, err) == (status, "") and said in out, (ends, code, out, err)


def test_ended_in_the_answer():
    with Monitor(begun=[operation(1, "done")]).start() as here:
        assert here.run("cpus", "2")[:2] == (
            DONE, "cpus: 1, requested 2, now 2\n  plug vcpu1: done in 0.42 s\n")
        assert here.json("cpus", "2")["operations"] == [operation(1, "done")]


def test_without_waiting():
    monitor = Monitor(begun=[operation(1)])
    with monitor.start(query_status={"status": "paused", "running": False}) as here:
        said = here.refused("cpus", "2")
        assert "is stopped (paused)" in said and "--no-wait asks without waiting" in said, said
        assert "cpus-set" not in [command for command, _ in monitor.guest.asked]
        assert here.run("cpus", "2", "--no-wait") == (
            DONE, "cpus: 1, requested 2\n  plug vcpu1: in progress for 0.42 s (operation 1)\n", "")
        assert here.json("cpus", "+1", "--no-wait")["operations"] == [operation(1)]


def test_monitors_that_refuse():
    def refuse(_args):
        raise Refuse("Parameter 'cpus' expects 1 to 4; got 9: -smp maxcpus= sets the limit")
    with Monitor().start(cpus_set=refuse) as here:
        assert "expects 1 to 4; got 9" in here.refused("cpus", "9")
        assert here.json("cpus", "9", status=ERROR)["error"]["exit-status"] == ERROR
    with place() as here, here.guest({"query-hotpluggable-cpus": possible(0), "query-status": RUNNING}):
        assert "cpus-set has not been found" in here.refused("cpus", "2")           # QEMU


# ---- Ctrl-C ----

def test_ctrl_c_cancels_each():
    def cancel(args):
        number = args["id"]
        if number == 2:
            raise Refuse("the guest has seen it")
        monitor.guest.event("CPU_OPERATION_DONE", operation(1, "cancelled", "unplug"))
        threading.Timer(0.1, monitor.guest.event, ("CPU_OPERATION_DONE", operation(2, "done"))).start()
        return {}
    monitor = Monitor(begun=[operation(2), operation(1, kind="unplug")])
    with monitor.start(memory_operation_cancel=cancel) as here:
        process = here.start("cpus", "2")
        monitor.guest.wait_asked("cpus-set")
        process.send_signal(signal.SIGINT)
        status, out, err = finish(process)
        assert status == CANCELLED and "unplug vcpu1: cancelled after" in out, (status, out, err)
        assert "asked to cancel: unplug vcpu1; Ctrl-C again" in err, err
        assert "plug vcpu2 cannot be cancelled: the guest has seen it" in err, err


def test_twice_leaves():
    for signals, count in (((signal.SIGINT, signal.SIGINT), 1), ((signal.SIGTERM,), 2)):
        monitor = Monitor(begun=[operation(number) for number in range(1, count + 1)])
        with monitor.start(memory_operation_cancel={}) as here:
            process = here.start("cpus", "3")
            monitor.guest.wait_asked("cpus-set")
            for sign in signals:
                process.send_signal(sign)
                if sign == signal.SIGINT:
                    monitor.guest.wait_asked("memory-operation-cancel")
            status, out, err = finish(process)
            assert (status, out) == (UNANSWERED, ""), (status, out, err)
            assert "not waiting any longer: the operation" in err, err
            assert ("'hotramctl wait 1' waits for it" in err) == (count == 1), err


def test_wait_for_all_kinds():
    card = {"id": 4, "device": "net1", "path": "/machine/peripheral/net1", "operation": "unplug",
            "result": "in-progress", "milliseconds": 420, "deadline": 60000}
    dimm = {"id": 2, "device": "dimm0", "slot": 0, "size": 1 << 30, "operation": "plug", "result": "in-progress",
            "milliseconds": 420, "deadline": 30000}

    def running(_args):
        threading.Timer(0.1, guest.event, ("CPU_OPERATION_DONE", operation(3, "done", "unplug"))).start()
        threading.Timer(0.2, guest.event, ("MEMORY_OPERATION_DONE", {**dimm, "result": "done"})).start()
        threading.Timer(0.3, guest.event, ("DEVICE_OPERATION_DONE", {**card, "result": "done"})).start()
        return RUNNING
    with place() as here, here.guest({"query-memory-operations": [dimm], "query-status": running,
                                      "query-cpu-operations": [operation(1, "refused"), operation(3)],
                                      "query-device-operations": [card]}) as guest:
        assert here.run("wait") == (DONE, "unplug vcpu3: done in 0.42 s\n"
                                    "plug dimm0 (1 GiB, slot 0): done in 0.42 s\n"
                                    "unplug net1: done in 0.42 s\n", "")
        assert here.run("wait", "1") == (REFUSED, "plug vcpu1: refused after 0.42 s\n", "")
        assert "no operation 5 among the 4" in here.refused("wait", "5")

    def refuse(_args):
        raise Refuse("broken")
    for kind in "cpu", "device":
        with place() as here, here.guest({"query-memory-operations": [], f"query-{kind}-operations": refuse}):
            assert "broken" in here.refused("wait")


# ---- a terminal ----

def test_progress():
    monitor = Monitor(operation(1, "done"), operation(2, "done"))
    monitor.say = lambda end: threading.Timer(0.4, Monitor.say, (monitor, end)).start()
    with monitor.start() as here:
        ours, theirs = pty.openpty()
        with here.start("cpus", "3", stderr=theirs) as process:
            os.close(theirs)
            said = b""
            with contextlib.suppress(OSError):    # its other end is closed
                while data := os.read(ours, 4096):
                    said += data
            assert process.wait(20) == DONE
        os.close(ours)
        assert b"plug vcpu1 and 1 more, the guest has 30 s" in said, said
        assert said.endswith(b"\r\033[K") and b"\n" not in said, said


# ---- which there are ----

def test_list():
    cpus = possible(0, 2, 3)
    cpus[0]["props"]["node-id"] = 1
    operations = [operation(1, "done", started=True), operation(1, "done", "unplug"),
                  operation(3, "done", started=False), operation(2, "done", started=False),
                  operation(2, "refused", "unplug"), operation(2, "done", started=True),
                  operation(2, "refused", "unplug")]
    with place() as here, here.guest({"query-hotpluggable-cpus": cpus, "query-cpu-operations": operations}):
        assert [line.split() for line in here.run("cpus")[1].splitlines()] == [
            "CPU SOCKET CORE THREAD NODE PRESENT STARTED ID".split(),
            "0 0 0 0 - yes - /machine/unattached/device[0]".split(),
            "1 0 1 0 - no - -".split(), "2 0 2 0 - yes yes vcpu2".split(), "3 0 3 0 1 yes no vcpu3".split()]
        assert here.json("cpus")[1:3] == [
            {"cpu-index": 1, "present": False, "props": cpus[2]["props"]},
            {"cpu-index": 2, "present": True, "id": "vcpu2", "qom-path": "/machine/peripheral/vcpu2",
             "props": cpus[1]["props"], "started": True}]
    with place() as here, here.guest({"query-hotpluggable-cpus": cpus}):            # QEMU
        assert here.run("cpus")[1].splitlines()[3].split() == "2 0 2 0 - yes - vcpu2".split()


def test_strange_answers():
    for answer in (None, 5, "text", [], {}, [5, None, "x", [[]]], [{"props": 5, "qom-path": {}}],
                   {"operations": 5}, [{"cpu-index": -1, "started": "yes", "result": "in-progress"}]):
        handlers = {command: answer for command in ("query-hotpluggable-cpus", "query-cpu-operations",
                                                    "query-status", "cpus-set")}
        with place() as here, here.guest(handlers):
            for words in (("cpus",), ("cpus", "--json")):
                assert here.run(*words)[0] == DONE, (answer, words)
            assert "contains no operations" in here.refused("cpus", "2"), answer
            assert here.run("cpus", "2", "--no-wait")[0] == ERROR, answer
    for begun in ([5, None, {}], [{"result": 1, "id": []}]):
        with Monitor(begun=begun).start() as here:
            assert here.run("cpus", "2")[0] == AWAY, begun


def test_nothing_that_a_terminal_obeys():
    evil = "\x1b]0;gone\x07\u009b31m\r\n\x7f"
    cpus = possible(0, 1)
    cpus[-2]["qom-path"] += evil
    with Monitor(begun=[operation(1, "refused", device=evil, reason=evil)]).start(
            query_hotpluggable_cpus=cpus) as here:
        for words in (("cpus",), ("cpus", "2"), ("cpus", "-j"), ("cpus", evil)):
            _, out, err = here.run(*words)
            for character in "\x1b\x07\x7f\u009b\r":
                assert character not in out + err, (words, character, out, err)


def test_wrong_command_lines():
    with place() as here, here.guest() as guest:
        for words, *said in ((("cpus", "x"), "number of CPUs", "'x'"), (("cpus", "+"), "'+'"), (("cpus", ""), "''"),
                             (("cpus", "--", "--1"), "'--1'"), (("cpus", "1.5"), "'1.5'"),
                             (("cpus", "4294967296"), "at most 4294967295"), (("cpus", "1", "2"), "'2'"),
                             (("cpus", "--no-wait"), "--no-wait only together with a number"),
                             (("cpus", "-t", "3"), "--timeout only together with a number"),
                             (("cpus", "2", "--node", "0"), "cpus does not support --node")):
            message = here.refused(*words, status=USAGE)
            assert all(word in message for word in said), (words, message)
        assert guest.asked == []


# ---- the real program, with a test in the guest's place ----

class Real(contextlib.ExitStack):
    def __init__(self, *args, **more):
        super().__init__()
        self.guest = self.enter_context(Guest(*args, **more))
        self.place = self.enter_context(place())
        self.socket = ("-s", str(self.guest.folder / "qmp"))

    def run(self, *words):
        return self.place.run(*self.socket, *words)

    def start(self, *words):
        return self.place.start(*self.socket, *words)

    def shown(self, cpu, bit):
        self.guest.wait_until(lambda: self.guest.flags(cpu) & bit)


def test_real():
    with Real() as real:
        process = real.start("cpus", "3")
        for cpu in (1, 2):
            real.shown(cpu, INSERT)
        assert "  3/4 " in real.run("top", "-n1")[1]
        out = real.run("status")[1]
        assert "cpus:      3 of 4 possible\n" in out and "slots:     0 of 0 in use\n" in out, out
        assert out.count("operation: plug vcpu") == 2 and "(operation 2)" in out, out
        for cpu in (2, 1):
            real.guest.accept(cpu)
        status, out, err = finish(process)
        assert (status, err) == (DONE, "") and out.startswith("cpus: 1, requested 3, now 3\n  plug vcpu1: done"), out
        process = real.start("cpus", "-2")
        for cpu in (1, 2):
            real.shown(cpu, REMOVE)
        real.guest.give_back(2)
        real.guest.refuse(1)
        status, out, _ = finish(process)
        lines = out.splitlines()
        assert status == AWAY and lines[0] == "cpus: 3, requested 1, now 2", (status, out)
        assert lines[1].startswith("  unplug vcpu2: done in"), out
        assert lines[2].startswith("  unplug vcpu1: refused") and "device busy" in lines[2], out
        assert [cpu["present"] for cpu in real.place.json(*real.socket, "cpus")] == [True, True, False, False]


def test_real_deadline_and_cancel():
    with Real() as real:
        status, out, _ = real.run("cpus", "2", "--timeout", "1")
        assert status == AWAY and "now 2\n  plug vcpu1: no answer after" in out, (status, out)
        real.guest.accept(1)
        process = real.start("cpus", "1")
        real.shown(1, REMOVE)
        process.send_signal(signal.SIGINT)
        status, out, err = finish(process)
        assert status == CANCELLED and "unplug vcpu1: cancelled" in out, (status, out, err)
        assert real.guest.flags(1) == PRESENT
        # A guest that is stopped, and then has no time at all.
        process = real.start("cpus", "3", "-t", "1")
        real.shown(2, INSERT)
        real.guest.qmp.execute("stop")
        status, _, err = finish(process)
        assert status == UNANSWERED and "the guest is stopped" in err, (status, err)


def test_real_wait_and_cancel():
    with Real("1,maxcpus=4", "-m", "64M,slots=2,maxmem=1G") as real:
        assert "(operation 1)" in real.run("plug", "128M", "--no-wait")[1]
        assert "(operation 2)" in real.run("cpus", "2", "--no-wait")[1]
        process = real.start("wait", "2")
        real.guest.accept(1)
        status, out, err = finish(process)
        assert (status, err) == (DONE, "") and out.startswith("plug vcpu1: done in"), (status, out, err)
        real.run("cpus", "1", "--no-wait")
        assert real.run("cancel", "3") == (DONE, "", "") and real.guest.flags(1) == PRESENT
        status, out, err = real.run("wait", "3")
        assert (status, err) == (CANCELLED, "") and out.startswith("unplug vcpu1: cancelled"), (status, out, err)
        process = real.start("wait", "1")
        for register, value in ((0xa00, 0), (0xa04, 1), (0xa08, 0)):     # the DIMM's _OST: success
            real.guest.qtest.port_out(register, 4, value)
        status, out, err = finish(process)
        assert (status, err) == (DONE, "") and out.startswith("plug dimm0 (128 MiB, slot 0): done"), (status, out, err)
        assert "operation 1 has ended: done" in real.run("cancel", "1")[2]


def test_real_machines_without():
    with Real("2") as real:
        assert "no others are possible" in real.run("cpus", "3")[2]
        assert "cpus:      2 of 2 possible" in real.run("status")[1]
        assert real.run("cpus")[0] == DONE
    with Real("1", "-machine", "none") as real:
        status, _, err = real.run("cpus")
        assert status == ERROR and "does not support hot-plugging CPUs" in err, (status, err)


if __name__ == "__main__":
    tap.main()
