#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What takes long, and what is answered meanwhile. Each slow thing waits until the
test lets it go on, so what is answered before that did not wait for it."""

import contextlib
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, tap                                  # noqa: E402
from lib.host import FLAGS, MIB, Host                        # noqa: E402
from lib.player import EJECT, REMOVE, Guest                  # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

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
