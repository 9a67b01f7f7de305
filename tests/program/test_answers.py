#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""What takes long, and what is answered meanwhile. Each slow thing waits until the
test lets it go on, so what is answered before that did not wait for it."""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, tap                                  # noqa: E402
from lib.host import FLAGS, MIB, Host                        # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.player import EJECT, REMOVE, Guest                  # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402

LIMIT = 60


@contextlib.contextmanager
def host(*options, **more):
    with inject.faults() as faults, Host(options, environment=faults.environment, **more) as machine:
        machine.faults = faults
        yield machine


def give_back(machine, slot=0, name="d"):
    machine.qmp.execute("device_del", {"id": name})
    machine.qtest.port_out(0xa00, 4, slot)
    machine.qtest.port_out(FLAGS, 1, EJECT)


def all_goes_on(machine):
    """Queries, commands, other clients, the guest's registers."""
    ask = machine.qmp.execute
    for name in "query-status", "query-memory-devices", "query-memory-map", "query-memslot":
        ask(name)
    ask("object-add", {"qom-type": "memory-backend-ram", "id": "other", "size": MIB * 2})
    ask("device_add", {"driver": "pc-dimm", "id": "other", "memdev": "other"})
    machine.second().execute("query-status")
    machine.qtest.port_in(FLAGS, 1)
    assert "VM status" in machine.hmp("info status")


def events(machine, name):
    machine.qmp.execute("query-status")
    return [event for event in machine.qmp.take_events() if event["event"] == name]


KINDS = [("ram", {}), ("memfd", {}), ("file", {}), ("file", {"share": True, "discard_data": True})]


def test_memory_that_is_given_back_slowly():
    for kind, properties in KINDS:
        with host() as machine:
            if kind == "file":
                properties = {**properties, "mem_path": machine.files / "memory"}
            machine.add(kind, prealloc=True, **properties)
            machine.dimm()
            with machine.faults.wait("dontneed"):
                give_back(machine)
                all_goes_on(machine)
                # It is not gone before its memory is: neither slot nor object nor id are free.
                assert not events(machine, "DEVICE_DELETED")
                for words, command, arguments in (
                        ("in use", "object-del", {"id": "m"}),
                        ("busy", "device_add", {"driver": "pc-dimm", "id": "e", "memdev": "m"}),
                        ("d", "device_add", {"driver": "pc-dimm", "id": "d", "memdev": "hotram.ram"}),
                        ("", "device_add", {"driver": "pc-dimm", "id": "e", "memdev": "m", "slot": 0})):
                    try:
                        machine.qmp.execute(command, arguments)
                        raise AssertionError(command)
                    except QMPError as error:
                        assert words in error.desc, error.desc
            machine.qmp.wait_event("DEVICE_DELETED", {"device": "d"}, LIMIT)
            assert machine.memdev()["resident"] == 0
            machine.dimm()                               # and again, with the same memory
            machine.qmp.execute("query-memory-devices")


def test_a_reset_amid_giving_back():
    with host("-machine", "dimm-at-boot=e820") as machine:
        machine.add("memfd", prealloc=True)
        machine.dimm()
        with machine.faults.wait("dontneed"):
            give_back(machine)
            machine.qmp.execute("system_reset")
            machine.qmp.wait_event("RESET", timeout=LIMIT)
            # The guest that starts does not find it.
            machine.qtest.port_out(0xa00, 4, 0)
            assert machine.qtest.port_in(FLAGS, 1) == 0
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d"}, LIMIT)


def test_an_object_that_is_deleted_slowly():
    with host() as machine:
        machine.add("memfd", prealloc=True)
        client = machine.second()
        with machine.faults.wait("dontneed"):
            client.send_raw(b'{"execute": "object-del", "arguments": {"id": "m"}}\n')
            deadline = time.monotonic() + LIMIT
            while "m" in [memdev["id"] for memdev in machine.second().execute("query-memdev")]:
                assert time.monotonic() < deadline
            all_goes_on(machine)
            assert not any("return" in said for said in client.take_events())
        assert client.read_answer(time.monotonic() + LIMIT)["return"] == {}


def needs_locks():
    """More may be locked than the machines of these tests are, or all."""
    capabilities = re.search(r"^CapEff:\s*(\w+)", pathlib.Path("/proc/self/status").read_text(), re.M)[1]
    if not int(capabilities, 16) >> 14 & 1 and resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] < 512 * MIB:
        raise tap.Skip("RLIMIT_MEMLOCK is too low, and this is no process with CAP_IPC_LOCK")


LOCK = ("-overcommit", "mem-lock=on")


def is_locked(machine, size):
    """Of the mapping of this size. The address sanitizer's mlockall() does nothing."""
    if re.search(r"^VmLck:\s*0 kB", pathlib.Path(f"/proc/{machine.process.pid}/status").read_text(), re.M):
        return "sanitizer"
    mapping = machine.mapping(size)
    assert re.search(rf"^Rss: +{size // 1024} kB", mapping, re.M), mapping
    return re.search(r"^VmFlags:.*\blo\b", mapping, re.M)


LOCKED = [("ram", {}), ("ram", {"prealloc": True}), ("memfd", {}), ("memfd", {"share": False}), ("file", {}),
          ("file", {"share": True}), ("file", {"share": True, "readonly": True})]


def test_locked_memory_that_comes_slowly():
    """At object-add and at a plug of what was given back before; and it is all there when these are answered."""
    needs_locks()
    for kind, properties in LOCKED:
        with host(*LOCK) as machine:
            if kind == "file":
                path = machine.files / "memory"
                path.write_bytes(b"here" * 4 * MIB)
                properties = {**properties, "mem-path": str(path)}
            client = machine.second()
            commands = [("object-add", {"qom-type": f"memory-backend-{kind}", "id": "m", "size": 16 * MIB,
                                        **properties})]
            if not properties.get("readonly"):
                commands += [("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})] * 2
            for index, (command, arguments) in enumerate(commands):
                waits = index != 1                   # the memory of a new object is there already
                with machine.faults.wait("populate"):
                    client.send_raw(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
                    if waits:
                        for _ in range(2):
                            machine.second().execute("query-memory-devices")
                            assert "VM status" in machine.hmp("info status")
                        assert not any("return" in said for said in client.take_events())
                assert client.read_answer(time.monotonic() + LIMIT)["return"] == {}
                assert machine.memdev()["resident"] == 16 * MIB
                assert is_locked(machine, 16 * MIB)
                if waits:
                    machine.qmp.wait_event("MEMORY_PREALLOC", {"id": "m", "done": 16 * MIB}, LIMIT)
                if index == 1:
                    machine.eject()
            if kind == "file":
                assert path.read_bytes() == b"here" * 4 * MIB


def test_locked_memory_that_is_given_back_slowly():
    """The kernel empties none of it before it is unmapped."""
    needs_locks()
    for kind in "ram", "memfd":
        with host(*LOCK) as machine:
            machine.add(kind)
            machine.dimm()
            if is_locked(machine, 16 * MIB) == "sanitizer":
                raise tap.Skip("mlockall() is the sanitizer's")
            with machine.faults.wait("helper_empty"):
                give_back(machine)
                for name in "query-status", "query-memory-devices", "query-memory-map":
                    machine.second().execute(name)
                assert not events(machine, "DEVICE_DELETED")
            machine.qmp.wait_event("DEVICE_DELETED", {"device": "d"}, LIMIT)
            assert machine.memdev()["resident"] == 0


def test_an_end_while_the_ram_is_locked():
    needs_locks()
    with inject.faults() as faults:
        with faults.wait("populate"):
            process = subprocess.Popen(
                [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-m", "64M", *LOCK, "-monitor",
                 f"unix:{faults.folder}/hmp,server=on,wait=off"], env=faults.environment, text=True,
                stderr=subprocess.PIPE)
            deadline = time.monotonic() + LIMIT
            while not faults.waits():
                assert time.monotonic() < deadline and process.poll() is None
            # The main thread waits for events, so it takes the signal before the memory is there.
            process.send_signal(signal.SIGTERM)
            while int(re.search(r"ShdPnd:\t(\w+)",
                                pathlib.Path(f"/proc/{process.pid}/status").read_text())[1], 16):
                assert time.monotonic() < deadline
            assert process.poll() is None
        said = process.communicate(timeout=LIMIT)[1]
        assert process.returncode == 1 and "was cancelled" in said and "RLIMIT" not in said, said


def limited(limit, *options, **more):
    """The program where so many bytes may be locked, by whoever runs it."""
    def prepare():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0)

    return subprocess.Popen([PROGRAM, "-nodefaults", "-display", "none", *LOCK, *options], text=True,
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=prepare, **more)


PR_CAPBSET_DROP, CAP_IPC_LOCK = 24, 14


def test_what_may_be_locked_is_limited():
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    most = 8 * MIB if hard == resource.RLIM_INFINITY else min(8 * MIB, hard)
    if os.environ.get("ASAN_OPTIONS") and "native" not in str(PROGRAM):
        raise tap.Skip("mlockall() is the sanitizer's")
    for limit, words in (0, ("may lock 0 bytes",)), (most, ("-m 64M: ", "'hotram.ram'", "leaves no 66 MiB")):
        said = limited(limit, "-accel", "qtest", "-m", "64M").communicate(timeout=LIMIT)[1]
        for word in (*words, "-overcommit mem-lock=on", "RLIMIT_MEMLOCK", "ulimit -l"):
            assert word in said, said
    # What else meets the limit while the machine is built: a thread's stack.
    with inject.faults() as faults:
        faults.arm("pthread_create", every=1, error="EAGAIN")
        said = limited(most, "-machine", "none", "-object", "memory-backend-ram,id=m,size=4K",
                       env=faults.environment).communicate(timeout=LIMIT)[1]
        assert "RLIMIT_MEMLOCK" in said and "-object memory-backend-ram" in said, said
    with tempfile.TemporaryDirectory(prefix="hotram-lock-") as folder:
        process = limited(most, "-machine", "none", "-qmp", f"unix:{folder}/qmp,server=on,wait=off")
        try:
            deadline = time.monotonic() + LIMIT
            while not pathlib.Path(folder, "qmp").exists():
                assert process.poll() is None and time.monotonic() < deadline
            qmp = QMP(pathlib.Path(folder, "qmp"))
            maps = pathlib.Path(f"/proc/{process.pid}/maps")
            for _ in range(2):
                before = len(maps.read_text().splitlines()), len(os.listdir(f"/proc/{process.pid}/fd"))
                for kind in "ram", "memfd":
                    try:
                        qmp.execute("object-add", {"qom-type": f"memory-backend-{kind}", "id": "m",
                                                   "size": 64 * MIB})
                        raise AssertionError("it was accepted")
                    except QMPError as error:
                        assert "RLIMIT_MEMLOCK" in error.desc and "'m'" in error.desc, error.desc
                assert qmp.execute("query-memdev") == []
            assert before == (len(maps.read_text().splitlines()), len(os.listdir(f"/proc/{process.pid}/fd")))
            qmp.execute("quit")
            assert process.wait(LIMIT) == 0
        finally:
            process.kill()
            process.communicate()


def test_addresses_without_memory_are_not_locked():
    """The hotplug region is far more than may be locked, and what came and went does not count. Where this test may not
    raise the limit it is without one."""
    needs_locks()
    if os.environ.get("ASAN_OPTIONS") and "native" not in str(PROGRAM):
        raise tap.Skip("mlockall() is the sanitizer's")
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    options = ["-accel", "qtest", "-m", "16M,slots=4,maxmem=4T", "-machine", "dimm-granularity=2M"]
    with tempfile.TemporaryDirectory(prefix="hotram-lock-") as folder:
        options += ["-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
        if hard == resource.RLIM_INFINITY or hard >= 96 * MIB:
            process = limited(96 * MIB, *options)
        else:
            process = subprocess.Popen([PROGRAM, "-nodefaults", "-display", "none", *LOCK, *options], text=True,
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            cycle_locked(process, pathlib.Path(folder, "qmp"))
            assert process.wait(LIMIT) == 0
        finally:
            process.kill()
            process.communicate()


def cycle_locked(process, socket):
    deadline = time.monotonic() + LIMIT
    while not socket.exists():
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
    qmp = QMP(socket)

    def locked():
        return int(re.search(r"^VmLck:\s*(\d+) kB", pathlib.Path(f"/proc/{process.pid}/status").read_text(), re.M)[1])

    qmp.execute("query-status")
    for kind in ("ram", "memfd") * 3:
        before = locked()
        qmp.execute("object-add", {"qom-type": f"memory-backend-{kind}", "id": "m", "size": 32 * MIB})
        qmp.execute("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})
        assert 32 << 10 <= locked() - before < 64 << 10, (before, locked())
        qmp.execute("device_del", {"id": "d"})
        qmp.execute("system_reset")
        qmp.wait_event("DEVICE_DELETED", {"device": "d"}, LIMIT)
        qmp.execute("object-del", {"id": "m"})
        assert locked() - before < 16 << 10, (before, locked())
    qmp.execute("quit")


def test_an_allocation_that_is_cancelled():
    """What was allocated goes back slowly, too."""
    with host() as machine:
        client = machine.second()
        machine.qmp.execute("query-status")
        deleter = machine.second()
        with machine.faults.wait("populate"):
            client.send_raw(b'{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram",'
                            b' "id": "m", "size": 67108864, "prealloc": true}}\n')
            deadline = time.monotonic() + LIMIT
            while not [memdev for memdev in machine.qmp.execute("query-memdev") if memdev["id"] == "m"]:
                assert time.monotonic() < deadline
            deleter.send_raw(b'{"execute": "object-del", "arguments": {"id": "m"}}\n')
            while not [memdev for memdev in machine.qmp.execute("query-memdev") if memdev["id"] == "m"]:
                assert time.monotonic() < deadline
            with machine.faults.wait("dontneed"):
                all_goes_on(machine)
        answer = client.read_answer(time.monotonic() + LIMIT)
        assert "cancelled" in answer["error"]["desc"], answer
        assert deleter.read_answer(time.monotonic() + LIMIT)["return"] == {}


def test_memory_that_is_counted_slowly():
    with host(memory="64M,slots=4,maxmem=1025G") as machine:
        machine.add("ram", size=16 * MIB, prealloc=True)
        client = machine.second()
        with machine.faults.wait("mincore"):
            client.send_raw(b'{"execute": "query-memdev"}\n{"execute": "query-status"}\n')
            all_goes_on(machine)
            machine.add("ram", name="late", size=4 * MIB, prealloc=True)
        sizes = {memdev["id"]: memdev["resident"] for memdev
                 in client.read_answer(time.monotonic() + LIMIT)["return"]}
        assert sizes["m"] == 16 * MIB and sizes["late"] == 4 * MIB, sizes
        assert client.read_answer(time.monotonic() + LIMIT)["return"]["status"]


def test_an_operation_outlives_its_deadline_while_memory_goes_back():
    with inject.faults() as faults:
        with Guest(environment=faults.environment) as guest:
            guest.plugged(template="memory-backend-memfd,prealloc=on")
            with faults.wait("dontneed"):
                guest.unplug(timeout=1)
                assert guest.notice(0) & REMOVE
                guest.qtest.port_out(FLAGS, 1, EJECT)
                guest.nothing(seconds=1.5)
            assert guest.done()["result"] == "done"


def test_quit_amid_it():
    for call, start in (("dontneed", None), ("mincore", b'{"execute": "query-memdev"}\n'),
                        ("dontneed", b'{"execute": "object-del", "arguments": {"id": "n"}}\n')):
        for how in "quit", "signal":
            with host() as machine:
                machine.add("memfd", prealloc=True)
                machine.add("memfd", name="n", prealloc=True)
                machine.dimm()
                client = machine.second()
                with machine.faults.wait(call):
                    if start:
                        client.send_raw(start)
                    else:
                        give_back(machine)
                    machine.second().execute("query-status")
                    if how == "quit":
                        machine.second().send_raw(b'{"execute": "quit"}\n')
                    else:
                        machine.process.send_signal(signal.SIGTERM)
                    machine.qmp.wait_event("SHUTDOWN", timeout=LIMIT)
                assert machine.process.wait(LIMIT) == 0, machine.errors.read_text()


if __name__ == "__main__":
    tap.main()
