#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Any small allocation can fail: the program lives, a client is answered or its connection ends, what a command
would have changed is as before or as after it, and the next try works."""

import json
import pathlib
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, tap                                  # noqa: E402
from lib.ctl import CTL                                      # noqa: E402
from lib.host import Host                                   # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.player import EJECT, FLAGS, INSERT, MIB, REMOVE, SIZE, Guest                      # noqa: E402
from lib.qmp import QMP, QMPClosed, QMPTimeout                           # noqa: E402

OUT_OF_MEMORY = re.compile("out of memory|Cannot allocate memory", re.I)
# How many of an operation's allocations fail in turn, evenly spread where there are more.
SAMPLES = 60
SAMPLES_OF_A_QUERY = 25         # there are many of those, and they change nothing
LIMIT = 20
RESERVE_KIB = 2560              # LENT_MEMORY_MAX
CLOSED = "closed"
MEMORY = {"qom-type": "memory-backend-memfd", "id": "m", "size": SIZE}
DIMM = {"driver": "pc-dimm", "id": "d", "memdev": "m"}


def is_out_of_memory(words):
    return OUT_OF_MEMORY.search(words) is not None


def is_error(answer):
    return isinstance(answer, dict) and "error" in answer


class Victim(Guest):
    """A guest whose clients may be let go, and come again."""

    def __init__(self, faults, *options):
        # What is freed is overwritten, so that nobody reads it unseen.
        super().__init__("-memslot", "id=s,size=128M", "-mon", "chardev=people",
                         "-chardev", f"socket,id=people,path={self.place()}/hmp,server=on,wait=off", *options,
                         memory="128M,slots=5,maxmem=4G",
                         environment=dict(faults.environment, MALLOC_PERTURB_="85"))
        self.faults = faults

    def place(self):
        self.people = tempfile.TemporaryDirectory(prefix="hotram-hmp-")
        return self.people.name

    def close(self):
        super().close()
        self.people.cleanup()

    def again(self):
        """A client that is not known to have missed anything."""
        self.qmp.close()
        self.qmp = QMP(self.folder / "qmp")

    def send(self, command, **arguments):
        self.sent = {"execute": command, "id": [command, {"n": 1}], "arguments": arguments}
        try:
            self.qmp.send_raw(json.dumps(self.sent).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            pass                                # receive() will say so

    def receive(self, limit=LIMIT, expected=OUT_OF_MEMORY):
        """What a command gives: its result, {"error": ...} or CLOSED; nothing else, and not nothing."""
        try:
            answer = self.qmp.read_answer(time.monotonic() + limit)
        except (QMPClosed, BrokenPipeError, ConnectionResetError):
            return CLOSED
        # A request for which there was no memory has no id that could be told.
        assert answer.get("id", self.sent["id"]) == self.sent["id"], answer
        if "error" not in answer:
            return answer["return"]
        assert not expected or expected.search(answer["error"]["desc"]), answer
        return {"error": answer["error"]["desc"]}

    def ask(self, command, **arguments):
        self.send(command, **arguments)
        return self.receive()

    def ask_and_serve(self, command, expected=OUT_OF_MEMORY, **arguments):
        """Until it is answered, and once after that."""
        self.send(command, **arguments)
        deadline = time.monotonic() + LIMIT
        answer = None
        while answer is None:
            assert time.monotonic() < deadline, f"{command} is not answered"
            try:
                answer = self.receive(0.01, expected)
            except QMPTimeout:
                self.serve()
        self.serve()
        return answer

    def serve(self):
        """What an honest guest does, once."""
        for slot in range(5):
            pending = self.notice(slot)
            if pending & INSERT:
                self.ost(slot, 1, 0)
            if pending & REMOVE:
                self.qtest.port_out(FLAGS, 1, EJECT)

    def state(self):
        """As clients see it."""
        ask = self.qmp.execute
        memdevs = [{key: value for key, value in memdev.items() if key not in ("resident", "reserved")}
                   for memdev in ask("query-memdev")]
        return memdevs, ask("query-memory-devices"), ask("query-memory-map"), ask("query-memslot")

    def settle(self):
        """What was begun has ended; memory goes back in a thread of its own."""
        deadline = time.monotonic() + LIMIT
        while any(operation["result"] == "in-progress" for operation in self.operations()):
            assert time.monotonic() < deadline, self.operations()
            self.serve()
            time.sleep(0.002)

    def held(self):
        """What may not leak: descriptors and mappings, but for those of the allocator."""
        maps = [line for line in self.maps() if "[heap]" not in line]
        return self.fds(), len(maps)


def samples(calls, most=SAMPLES):
    if calls <= most:
        return range(1, calls + 1)
    return sorted({1 + number * calls // most for number in range(most)})


def walk(victim, begin, act, undo, state=None, most=SAMPLES):
    """Lets each allocation of `act` fail in turn. `begin` makes the state before, `undo` goes back from the state
    after."""
    faults, state = victim.faults, state or victim.state
    def back():
        undo()
        victim.settle()

    begin()
    victim.settle()
    before = state()
    faults.arm("malloc")
    act()
    calls = faults.disarm().calls
    victim.settle()
    changed = state()
    back()
    assert state() == before, (before, state())
    held = victim.held()
    assert calls > 0
    for at in samples(calls, most):
        faults.arm("malloc", at=at)
        act()
        faults.disarm()
        assert victim.process.poll() is None, f"allocation {at} of {calls} ended the program"
        victim.again()
        victim.settle()
        now = state()
        assert now in (before, changed), (at, now, before, changed)
        if now == before:                       # the next try works
            act()
            victim.settle()
            assert state() == changed, (at, state(), changed)
        back()
        assert state() == before, (at, state(), before)
    assert victim.held()[0] == held[0], (held, victim.held())
    # An arena of the allocator may come.
    assert victim.held()[1] <= held[1] + 2, (held, victim.held())


def nothing():
    pass


QUERIES = [("query-qmp-schema", {}), ("query-memdev", {}), ("query-memory-devices", {}), ("query-memory-map", {}),
           ("query-memslot", {}), ("query-memory-operations", {}), ("query-acpi-ospm-status", {}),
           ("query-cpus-fast", {}), ("query-commands", {}), ("query-command-line-options", {}),
           ("qom-list", {"path": "/objects"}), ("qom-get", {"path": "/objects/m", "property": "size"}),
           ("device-list-properties", {"typename": "pc-dimm"}), ("query-version", {}),
           ("memory-set", {"size": 1024 * MIB, "dry-run": True})]
LINES = ["info memory-map", "info memdev", "info memory-devices", "help", "info status", "info memory-operations",
         "info nothing", "object_add memory-backend-ram,help", "memory set help", "info numa", "device_del nothing"]


def stable(result):
    """Without what differs from one look to the next."""
    return re.sub(r'"(resident|milliseconds)": [0-9]+|resident: [0-9]+|[0-9]+ ms', "", json.dumps(result))


def test_a_query_is_answered_whole_or_refused():
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        victim.qmp.execute("object-add", MEMORY)
        victim.plug(id="p")
        victim.serve()
        victim.settle()
        asked = QUERIES + [("human-monitor-command", {"command-line": line}) for line in LINES]
        for command, arguments in asked:
            whole = stable(victim.ask(command, **arguments))
            seen = set()

            def act():
                result = victim.ask(command, **arguments)
                seen.add(stable(result))
                # Of people's words a part may be the error.
                assert result == CLOSED or is_error(result) or stable(result) == whole \
                    or (command == "human-monitor-command" and is_out_of_memory(result)), (command, result)
            walk(victim, nothing, act, nothing, most=SAMPLES_OF_A_QUERY)
            assert len(seen) > 1, command


def test_objects():
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        path = victim.files / "m"
        for kind in (MEMORY, {**MEMORY, "qom-type": "memory-backend-ram", "prealloc": True, "size": 2 * MIB},
                     {**MEMORY, "qom-type": "memory-backend-file", "mem-path": str(path), "share": True}):
            def add():
                victim.qmp.execute("object-add", kind)

            def delete():
                victim.qmp.execute("object-del", {"id": "m"})
            walk(victim, nothing, lambda: victim.ask("object-add", **kind), delete)
            walk(victim, add, lambda: victim.ask("object-del", id="m"), add)
            delete()


def gone(victim, name="d"):
    """Back out again, as a guest does it."""
    victim.qmp.execute("device_del", {"id": name})
    victim.serve()
    victim.qmp.wait_event("DEVICE_DELETED", {"device": name}, LIMIT)
    victim.qmp.clear_events()


def test_a_dimm_comes_and_goes():
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        served = victim.ask_and_serve

        def come():
            victim.qmp.execute("device_add", DIMM)
            victim.serve()
        victim.qmp.execute("object-add", MEMORY)
        walk(victim, nothing, lambda: served("device_add", **DIMM), lambda: gone(victim))
        walk(victim, come, lambda: served("device_del", id="d"), come)


def test_memory_comes_and_goes():
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        for wait in (False, True):
            def served(command, **arguments):
                victim.ask_and_serve(command, wait=wait, **arguments)

            def come():
                victim.qmp.execute("memory-plug", {"id": "d", "size": SIZE})
                victim.serve()
            walk(victim, nothing, lambda: served("memory-plug", id="d", size=SIZE), lambda: gone(victim))
            walk(victim, come, lambda: served("memory-unplug", id="d"), come)
            gone(victim)


def test_memslots():
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        def served(action):
            victim.ask_and_serve("memslot", id="s", action=action)

        def come():
            victim.qmp.execute("memslot", {"id": "s", "action": "add"})
            victim.serve()
        walk(victim, nothing, lambda: served("add"), lambda: gone(victim, "s"))
        walk(victim, come, lambda: served("delete"), come)


def test_a_size():
    """A memory set may end early; then it says why, and a new one ends it."""
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        def size(count):
            result = victim.ask_and_serve("memory-set", size=SIZE * count, wait=True)
            if result != CLOSED and not is_error(result) and result["result-size"] != SIZE * count:
                assert is_out_of_memory(result["reason"]), result
            return result

        def go(count):
            while size(count) == CLOSED or victim.size() != SIZE * count:
                victim.again()

        for start, end in ((1, 4), (4, 1)):
            go(start)
            faults.arm("malloc")
            size(end)
            calls = faults.disarm().calls
            assert victim.size() == SIZE * end
            for at in samples(calls):
                go(start)
                faults.arm("malloc", at=at)
                size(end)
                faults.disarm()
                assert victim.process.poll() is None, f"allocation {at} of {calls} ended the program"
                victim.again()
                victim.settle()
                go(end)


def test_a_reset():
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        victim.plug(id="d")
        victim.serve()
        victim.settle()

        stops = 0

        def state():
            """A reset for which there was no memory ends in a stop, which the next one ends."""
            nonlocal stops
            status = victim.qmp.execute("query-status")["status"]
            if status == "internal-error":
                stops += 1
                assert "system_reset tries again" in victim.error_log, victim.error_log
                victim.qmp.execute("system_reset")
                victim.qmp.execute("cont")
            else:
                assert status == "running", status
            return victim.state()
        walk(victim, nothing, lambda: victim.ask("system_reset"), nothing, state)
        assert stops > 0


def test_events_are_told_or_the_client_is_let_go():
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        at, calls, closed = 0, 1, 0
        while at <= calls:
            listener = victim.second()
            faults.arm("malloc", at=at)
            answers = [victim.ask(command) for command in ("stop", "cont")]
            calls = max(calls, faults.disarm().calls)
            assert victim.process.poll() is None, at
            # What was done, as far as the one who asked knows, the other one has heard; or it hears no more.
            done = [event for event, answer in zip(("STOP", "RESUME"), answers)
                    if answer == {} or "was executed" in str(answer)]
            done = done if "STOP" in done else []       # there was nothing to resume
            heard = []
            try:
                listener.execute("query-name")
                heard = [event["event"] for event in listener.take_events()]
            except (QMPClosed, BrokenPipeError, ConnectionResetError):
                heard = None
                closed += 1
            assert heard is None or [event for event in heard if event in done] == done, (at, done, heard)
            listener.close()
            victim.again()
            victim.qmp.execute("cont")
            victim.again()
            at += 1
        assert closed > 0


def test_clients_come():
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        def come():
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(LIMIT)
            client.connect(str(victim.folder / "qmp"))
            said = b""
            try:
                client.sendall(b'{"execute": "qmp_capabilities"}{"execute": "query-name", "id": 7}')
                while said.count(b"\n") < 3 and (some := client.recv(65536)):
                    said += some
            except (BrokenPipeError, ConnectionResetError):
                pass
            client.close()
            return said
        come()
        walk(victim, nothing, come, nothing)


def people(victim):
    """What the monitor of people says to two lines, to its second prompt behind them or to its end."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(LIMIT)
    client.connect(f"{victim.people.name}/hmp")
    said = b""
    try:
        client.sendall(b"info sta\t\rinfo memory-map\r")
        while said.count(b"(hotram) ") < 3 and (some := client.recv(65536)):
            said += some
    except (BrokenPipeError, ConnectionResetError):
        pass
    client.close()
    return said


def test_people_come():
    """A first one has no line editor waiting: a program for each."""
    def come(faults, at=0):
        with Victim(faults) as victim:
            faults.arm("malloc", at=at)
            people(victim)
            calls = faults.disarm().calls
            assert victim.process.poll() is None, f"allocation {at} ended the program"
            assert b"VM status: running" in people(victim), at
            return calls

    with inject.faults(memory=True) as faults:
        for at in samples(come(faults)):
            come(faults, at)


def test_people_type():
    """Later ones find the first one's editor. An editor for which there is no memory is given up, and says so."""
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        people(victim)
        faults.arm("malloc")
        whole = people(victim)
        calls = faults.disarm().calls
        given_up = 0
        for at in range(1, calls + 1):
            faults.arm("malloc", at=at)
            said = people(victim)
            faults.disarm()
            assert victim.process.poll() is None, f"allocation {at} of {calls} ended the program"
            # To lines that are not edited a Tab is a blank; and a client that cannot come hears nothing.
            assert not said or said == whole or b"out of memory" in said \
                or b"unknown command: 'info sta'" in said, (at, said)
            given_up += b"out of memory: line editing" in said
            assert people(victim) == whole, at
        assert given_up > 0


def test_many_fail():
    """Not one allocation, but each, or each second one: nothing works, and everything does afterwards."""
    with inject.faults(memory=True) as faults, Victim(faults) as victim:
        victim.serve()                          # the test's own connection has its memory from now on
        before = victim.state()
        commands = QUERIES + [("object-add", MEMORY), ("device_add", DIMM), ("memslot", {"id": "s", "action": "add"}),
                              ("memory-plug", {"id": "p", "size": SIZE, "wait": True}), ("system_reset", {}),
                              ("device_del", {"id": "d"}), ("memslot", {"id": "s", "action": "delete"}),
                              ("object-del", {"id": "m"}), ("memory-set", {"size": SIZE, "wait": True}),
                              ("human-monitor-command", {"command-line": "info memory-map"})]
        for every in (1, 2, 3, 5, 8, 13):
            for command, arguments in commands:
                faults.arm("malloc", every=every)
                victim.ask_and_serve(command, expected=None, **arguments)
                people_try(victim)
                faults.disarm()
                assert victim.process.poll() is None, (every, command)
                victim.again()
                victim.serve()
            if victim.qmp.execute("query-status")["status"] == "internal-error":
                victim.qmp.execute("system_reset")
                victim.qmp.execute("cont")
            victim.settle()
            for device in victim.qmp.execute("query-memory-devices"):
                gone(victim, device["data"]["id"])
            for memdev in victim.qmp.execute("query-memdev"):
                if memdev["id"] != "hotram.ram":
                    victim.qmp.execute("object-del", {"id": memdev["id"]})
            assert victim.state() == before, every


def test_a_limit_of_address_space():
    """The host's own no, to everything that needs more than the program has."""
    refused, whole = 0, None
    for pages in (0, 4, 16, 33, 64, 100):
        with inject.faults() as faults, Victim(faults) as victim:
            victim.ask("query-version")
            status = pathlib.Path(f"/proc/{victim.process.pid}/status").read_text()
            size = int(re.search(r"VmSize:\s+(\d+) kB", status).group(1)) * 1024
            _, most = resource.prlimit(victim.process.pid, resource.RLIMIT_AS)
            resource.prlimit(victim.process.pid, resource.RLIMIT_AS, (size + pages * 4096, most))
            for command, arguments in QUERIES:
                answer = victim.ask_and_serve(command, expected=None, **arguments)
                refused += is_error(answer)
                if answer == CLOSED:
                    victim.again()
            resource.prlimit(victim.process.pid, resource.RLIMIT_AS, (most, most))
            assert victim.process.poll() is None, pages
            victim.again()
            whole = whole or victim.qmp.execute("query-qmp-schema")
            assert victim.qmp.execute("query-qmp-schema") == whole, pages
    assert refused > 0


def people_try(victim):
    """Somebody types, and is answered or let go."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(LIMIT)
    client.connect(f"{victim.people.name}/hmp")
    try:
        client.sendall(b"info status\r")
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    except (BrokenPipeError, ConnectionResetError):
        pass
    client.close()


def start(faults, folder, *options):
    """A program that is to start in a folder of its own: its status if it ended by itself, and what it said."""
    errors = folder / "errors"
    environment = dict(faults.environment, XDG_RUNTIME_DIR=str(folder), MALLOC_PERTURB_="85")
    with errors.open("wb") as file:
        process = subprocess.Popen(
            [PROGRAM, "-nodefaults", "-display", "none", "-accel", "qtest", "-S", "-m", "64M,slots=4,maxmem=4G",
             "-machine", "dimm-granularity=2M", "-object", "memory-backend-memfd,id=m,size=16M",
             "-device", "pc-dimm,id=d,memdev=m", "-memslot", "id=s,size=16M", "-name", "guest", "-smp", "2",
             "-numa", "node,cpus=0-1,memdev=r", "-object", '{"qom-type": "memory-backend-ram", "id": "r", "size": 67108864}',
             "-chardev", f"socket,id=c,path={folder}/hmp,server=on,wait=off", "-mon", "chardev=c",
             "-qmp", f"unix:{folder}/qmp,server=on,wait=off", "-pidfile", folder / "pid", *options],
            env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    deadline = time.monotonic() + LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            client = QMP(folder / "qmp", negotiate=False)
            client.close()
            break
        except (FileNotFoundError, QMPClosed, ConnectionRefusedError):
            time.sleep(0.002)                   # not yet; or no memory for this client
    return process, errors


def calls_of_a_start(faults):
    with tempfile.TemporaryDirectory(prefix="hotram-start-") as name:
        faults.arm("malloc")
        process, _ = start(faults, pathlib.Path(name))
        calls = faults.disarm().calls
        process.terminate()
        assert process.wait(LIMIT) == 0
        return calls


def test_a_start_without_memory_says_so():
    with inject.faults(memory=True) as faults:
        failures = 0
        for at in samples(calls_of_a_start(faults), 150):
            with tempfile.TemporaryDirectory(prefix="hotram-start-") as name:
                folder = pathlib.Path(name)
                faults.arm("malloc", at=at)
                process, errors = start(faults, folder)
                faults.disarm()
                said = errors.read_text()
                if process.poll() is None:
                    QMP(folder / "qmp").execute("quit")
                    assert process.wait(LIMIT) == 0, (at, said)
                else:
                    failures += 1
                    assert process.poll() == 1, (at, process.poll(), said)
                    assert said.startswith("hotram: ") and is_out_of_memory(said), (at, said)
                left = [str(path) for path in folder.rglob("*") if path.name not in ("errors", "hotram")]
                assert left == [], (at, left)
        assert failures > 100, failures


def test_hotramctl_says_so():
    with inject.faults(memory=True) as faults, Host() as host:
        host.add("memfd")
        for command in (["status"], ["list"], ["map"], ["--json", "status"], ["--json", "list"],
                        ["wait", "all"], ["set", "64M"]):
            def ctl():
                return subprocess.run([CTL, "-s", host.folder / "qmp", *command], capture_output=True, text=True,
                                      env=dict(faults.environment, MALLOC_PERTURB_="85"), timeout=LIMIT,
                                      check=False)
            faults.arm("malloc")
            whole, calls, failures = ctl(), faults.disarm().calls, 0
            assert whole.returncode == 0, whole
            for at in samples(calls):
                faults.arm("malloc", at=at)
                run = ctl()
                faults.disarm()
                if run.returncode == 0:
                    assert stable(run.stdout) == stable(whole.stdout), (at, run, whole)
                else:
                    failures += 1
                    assert run.returncode == 1 and is_out_of_memory(run.stderr), (at, calls, run)
            assert failures > 5


def test_the_reserve_is_no_huge_page():
    """Where the kernel makes huge pages by itself, a write next to the reserve would make one of it: 2 MiB."""
    if not pathlib.Path("/sys/kernel/mm/transparent_hugepage").exists():
        raise tap.Skip("the kernel makes no huge pages")
    with Host() as host:
        mappings = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )",
                            pathlib.Path(f"/proc/{host.process.pid}/smaps").read_text(), flags=re.M)
    reserves = [mapping for mapping in mappings if re.search(r"^VmFlags:.* nh\b", mapping, re.M)
                and RESERVE_KIB - 8 < int(re.search(r"^Size: *(\d+) kB", mapping, re.M)[1]) <= RESERVE_KIB]
    assert len(reserves) == 1, mappings
    assert re.search(r"^Rss: *0 kB", reserves[0], re.M), reserves


if __name__ == "__main__":
    tap.main()
