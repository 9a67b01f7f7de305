#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: tsan
"""Disks that are to halt while the host works on a request: the driver resets one, the machine stops or is reset, a
slot is switched off, the program ends. The request waits until the test lets it end, or never ends. Meanwhile every
monitor is answered, and the request ends exactly once."""

import contextlib
import json
import os
import pathlib
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import pci, tap, virtio                             # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.inject import faults                                # noqa: E402
from lib.migration import accept, wait_migration              # noqa: E402
from lib.qmp import QMP, QMPClosed, QMPError, QMPTimeout     # noqa: E402
from lib.virtio import wait_until                            # noqa: E402
from test_pci import Slot                                    # noqa: E402
from test_virtio_blk import BUFFERS, GET_ID, IN, MIB, OK, OUT, Disk  # noqa: E402

LIMIT = 60
AT, DATA = 8 * 512, bytes(range(256)) * 2


@contextlib.contextmanager
def machine():
    """With a disk, whose image is read and written by threads."""
    with faults() as calls, Disk(",aio=threads", environment=calls.environment) as disk:
        disk.calls = calls
        disk.host.qmp.clear_events()
        yield disk


@contextlib.contextmanager
def writing(disk):
    """A write is at the host until the block ends; behind it the device has answered another request."""
    with disk.calls.wait("pwritev"):
        disk.head, disk.at = disk.post(OUT, AT // 512, data=DATA)
        wait_until(disk.calls.waits, "a write")
        second, _ = disk.post(GET_ID, room=20, at=BUFFERS + 0x4000, number=1)
        assert disk.queue.used()[0] == second
        yield


def client_of(host):
    return contextlib.closing(QMP(host.folder / "qmp", LIMIT))


def ask(client, command, **arguments):
    client.send_raw(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")


def answer(client):
    return client.read_answer(time.monotonic() + LIMIT)


def silent(client):
    """Whether it has got no answer yet."""
    try:
        client.read_answer(time.monotonic() + 0.05)
    except QMPTimeout:
        return True
    return False


def status(host):
    return host.qmp.execute("query-status")


def waits_for(host):
    return status(host).get("waits-for")


def serves(host):
    """Other clients, and other commands."""
    with client_of(host) as client:
        client.execute("query-block")
        client.execute("query-memory-map")
    assert "VM status" in host.hmp("info status")


def has_ended_once(disk):
    """Its data are in the image, and the driver finds it once in the ring, behind the other request."""
    assert disk.queue.used_index == 2, disk.queue.used_index
    assert disk.queue.used()[0] == disk.head and disk.qtest.read(disk.at, 1)[0] == OK
    assert disk.path.read_bytes()[AT:AT + len(DATA)] == DATA
    assert disk.stats()["wr_operations"] == 1


def has_not_ended(disk):
    assert disk.queue.used_index == 1 and disk.path.read_bytes()[AT:AT + len(DATA)] != DATA


def works(disk, fresh=False):
    if fresh:                                                # BARs are where a reset puts them
        disk.device = virtio.Device(virtio.Pci(disk.qtest), disk.device.place)
    disk.start()
    assert disk.ask(IN, AT // 512, room=len(DATA)) == (OK, DATA)


# ---- a driver's reset ----

def test_a_driver_resets_its_device():
    """No vCPU waits: the status reads 0 when the reset is complete, and until then no register can be written."""
    with machine() as disk:
        with writing(disk):
            before = disk.device.status
            disk.device.status = 0
            assert disk.device.status == before != 0
            disk.device.status = virtio.ACKNOWLEDGE
            disk.device.write(0x16, 2, 7)
            assert disk.device.status == before and disk.device.read(0x16, 2) == 0
            assert waits_for(disk.host) == ["d"] and "waits for: d" in disk.host.hmp("info status")
            serves(disk.host)
            disk.device.status = 0                           # once more
            has_not_ended(disk)
        wait_until(lambda: disk.device.status == 0, "the end of the reset")
        has_ended_once(disk)
        assert waits_for(disk.host) is None
        works(disk)


def test_a_queue_is_not_handled_while_its_device_is_reset():
    with machine() as disk:
        with writing(disk):
            disk.device.status = 0
            disk.post(GET_ID, room=20, at=BUFFERS + 0x4000, number=2)
            serves(disk.host)
        wait_until(lambda: disk.device.status == 0, "the end of the reset")
        has_ended_once(disk)
        works(disk)


# ---- stop and cont ----

def test_a_stop_is_answered_when_requests_have_ended():
    with machine() as disk, client_of(disk.host) as client:
        with writing(disk):
            ask(client, "stop")
            disk.host.qmp.wait_event("STOP")
            assert status(disk.host) == {"status": "paused", "running": False, "singlestep": False, "waits-for": ["d"]}
            serves(disk.host)
            assert silent(client)
            has_not_ended(disk)
        assert answer(client)["return"] == {}
        has_ended_once(disk)
        assert status(disk.host) == {"status": "paused", "running": False, "singlestep": False}
        disk.post(GET_ID, room=20, at=BUFFERS + 0x4000, number=2)
        serves(disk.host)
        assert disk.queue.used_index == 2                    # nothing is handled
        disk.host.qmp.execute("cont")
        assert disk.queue.used()
        disk.device.status = 0
        works(disk)


def test_a_second_stop_waits_too():
    with machine() as disk, client_of(disk.host) as client, client_of(disk.host) as other:
        with writing(disk):
            ask(client, "stop")
            disk.host.qmp.wait_event("STOP")
            ask(other, "human-monitor-command", **{"command-line": "stop"})
            assert silent(other) and silent(client)
        assert answer(client)["return"] == {} and answer(other)["return"] == ""
        assert not [event for event in disk.host.qmp.take_events() if event["event"] == "STOP"]


def test_a_guest_continues_before_its_requests_have_ended():
    """The stop has come to its end, and the queues are handled again."""
    with machine() as disk, client_of(disk.host) as client:
        with writing(disk):
            ask(client, "stop")
            disk.host.qmp.wait_event("STOP")
            disk.host.qmp.execute("cont")
            assert answer(client)["return"] == {}
            assert status(disk.host) == {"status": "running", "running": True, "singlestep": False}
            third, _ = disk.post(GET_ID, room=20, at=BUFFERS + 0x4000, number=2)
            assert disk.queue.used()[0] == third
        assert disk.queue.used()[0] == disk.head
        assert disk.path.read_bytes()[AT:AT + len(DATA)] == DATA


def test_a_client_that_leaves_before_its_stop_is_answered():
    with machine() as disk:
        with writing(disk):
            with client_of(disk.host) as client:
                ask(client, "stop")
                disk.host.qmp.wait_event("STOP")
            serves(disk.host)
        wait_until(lambda: waits_for(disk.host) is None, "the end of the write")
        has_ended_once(disk)


# ---- resets of the machine ----

def test_a_reset_of_the_machine():
    with machine() as disk, client_of(disk.host) as client, client_of(disk.host) as other:
        with writing(disk):
            ask(client, "system_reset")
            wait_until(lambda: waits_for(disk.host) == ["d"], "the reset")
            assert status(disk.host)["status"] == "running"
            serves(disk.host)
            ask(other, "system_reset")                       # is the same one
            assert silent(client) and silent(other)
            has_not_ended(disk)
            assert not [event for event in disk.host.qmp.take_events() if event["event"] == "RESET"]
        assert answer(client)["return"] == answer(other)["return"] == {}
        disk.host.qmp.wait_event("RESET")
        has_ended_once(disk)
        assert not [event for event in disk.host.qmp.take_events() if event["event"] == "RESET"]
        works(disk, fresh=True)


def test_a_reset_that_the_guest_asks_for():
    with machine() as disk:
        with writing(disk):
            disk.qtest.port_out(0xcf9, 1, 6)
            wait_until(lambda: waits_for(disk.host) == ["d"], "the reset")
            serves(disk.host)
            has_not_ended(disk)
        assert disk.host.qmp.wait_event("RESET")["data"]["guest"]
        has_ended_once(disk)
        works(disk, fresh=True)


def test_a_stop_during_a_reset():
    """The run state at the end is the last that was asked for."""
    for commands, end in (("stop",), "paused"), (("stop", "cont"), "running"):
        with machine() as disk, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(client_of(disk.host)) for _ in range(3)]
            with writing(disk):
                ask(clients[0], "system_reset")
                wait_until(lambda: waits_for(disk.host) == ["d"], "the reset")
                for client, command in zip(clients[1:], commands):
                    ask(client, command)
                    disk.host.qmp.wait_event("STOP" if command == "stop" else "RESUME")
                assert status(disk.host)["status"] == end
                assert silent(clients[0])
            for client in clients[:1 + len(commands)]:
                assert answer(client)["return"] == {}
            disk.host.qmp.wait_event("RESET")
            has_ended_once(disk)
            assert status(disk.host)["status"] == end
            disk.host.qmp.execute("cont")
            works(disk, fresh=True)


def test_a_reset_during_a_drivers_reset_and_a_stop():
    with machine() as disk, client_of(disk.host) as client, client_of(disk.host) as other:
        with writing(disk):
            disk.device.status = 0
            ask(client, "stop")
            disk.host.qmp.wait_event("STOP")
            ask(other, "system_reset")
            wait_until(lambda: status(disk.host)["status"] == "prelaunch", "the reset")
            serves(disk.host)
            assert silent(client) and silent(other)
        assert answer(client)["return"] == answer(other)["return"] == {}
        disk.host.qmp.wait_event("RESET")
        has_ended_once(disk)
        disk.host.qmp.execute("cont")
        works(disk, fresh=True)


# ---- a slot that is switched off ----

@contextlib.contextmanager
def slot(machine="unplug-timeout=60"):
    """A disk behind a port; its driver has come. There is another port, and a node that is late."""
    with faults() as calls, contextlib.ExitStack() as stack:
        host = stack.enter_context(Host(
            ["-machine", machine, "-device", "pcie-root-port,id=pci.1,addr=0x1",
             "-device", "pcie-root-port,id=pci.2,chassis=2,addr=0x2",
             "-blockdev", "null-co,node-name=m,size=1M,latency-ns=500000000"],
            environment=calls.environment))
        disk = Disk.__new__(Disk)
        disk.calls, disk.host, disk.qtest = calls, host, host.qtest
        disk.path = host.files / "disk.img"
        disk.path.write_bytes(bytes(MIB))
        host.qmp.execute("cont")
        host.qmp.execute("blockdev-add", {"driver": "file", "node-name": "n", "filename": str(disk.path),
                                          "aio": "threads"})
        disk.slot = Slot(host)
        host.qmp.execute("device_add", {"driver": "virtio-blk-pci", "id": "d", "bus": "pci.1", "drive": "n"})
        disk.slot.begin()
        disk.slot.space.write(0, pci.devfn(1), 0x20, 4, 0xc0f0c000)    # the port passes addresses on, and DMA
        disk.slot.space.write(0, pci.devfn(1), pci.COMMAND, 2, 6)
        disk.device = virtio.Device(virtio.Pci(host.qtest), (1, 0))
        disk.start()
        host.qmp.clear_events()
        yield disk


def let_go(disk):
    disk.host.qmp.execute("device_del", {"id": "d"})
    disk.slot.let_go()
    wait_until(lambda: disk.slot.found() == {}, "the removal")


def refuses(host, words, command, **arguments):
    try:
        raise AssertionError(host.qmp.execute(command, arguments))
    except QMPError as error:
        assert words in error.desc, error


def deleted(host):
    return [event["data"].get("device") for event in host.qmp.take_events() if event["event"] == "DEVICE_DELETED"]


def operations(host):
    """The last of each device."""
    return {one["device"]: (one["operation"], one["result"]) for one in host.qmp.execute("query-device-operations")}


def test_a_removal_that_is_late_by_the_host():
    """The guest has done its part, and the reason names what is missing."""
    with slot("unplug-timeout=1") as disk, client_of(disk.host) as client:
        with writing(disk):
            ask(client, "stop")                      # no deadline passes meanwhile
            disk.host.qmp.wait_event("STOP")
            let_go(disk)
            disk.host.qmp.execute("cont")
            assert answer(client)["return"] == {}
            data = disk.host.qmp.wait_event("DEVICE_OPERATION_DONE", {"operation": "unplug"})["data"]
            assert data["result"] == "unanswered" and "the host still works on its requests" in data["reason"], data
            has_not_ended(disk)
        disk.host.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        disk.host.qmp.wait_event("DEVICE_OPERATION_LATE", {"device": "d", "result": "done"})


def test_an_unplug_is_complete_when_requests_have_ended():
    with slot() as disk:
        host = disk.host
        with writing(disk):
            let_go(disk)
            serves(host)
            assert waits_for(host) == ["d"] and deleted(host) == []
            refuses(host, "already in the process of unplug", "device_del", id="d")
            refuses(host, "Duplicate device ID 'd'", "device_add", driver="virtio-blk-pci", id="d", bus="pci.1", drive="m")
            refuses(host, "is in use: by disk 'd'", "blockdev-del", **{"node-name": "n"})
            assert operations(host)["d"] == ("unplug", "in-progress")
            # The slot is free.
            host.qmp.execute("device_add", {"driver": "virtio-blk-pci", "id": "e", "bus": "pci.1", "drive": "m"})
            assert disk.slot.found() == {(0, 0): "1af4:1042"}
            assert operations(host) == {"d": ("unplug", "in-progress"), "e": ("plug", "in-progress")}
            has_not_ended(disk)
        host.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        host.qmp.wait_event("DEVICE_OPERATION_DONE", {"device": "d", "operation": "unplug", "result": "done"})
        assert operations(host) == {"d": ("unplug", "done"), "e": ("plug", "in-progress")}
        assert waits_for(host) is None
        assert disk.path.read_bytes()[AT:AT + len(DATA)] == DATA and disk.qtest.read(disk.at, 1)[0] == OK
        assert disk.queue.used_index == 2
        host.qmp.execute("blockdev-del", {"node-name": "n"})
        assert disk.slot.found() == {(0, 0): "1af4:1042"} and deleted(host) == []


def test_a_reset_during_an_unplug():
    """The device is gone before the guest begins anew."""
    with slot() as disk, client_of(disk.host) as client:
        with writing(disk):
            let_go(disk)
            ask(client, "system_reset")
            assert silent(client)
            serves(disk.host)
            assert waits_for(disk.host) == ["d"] and deleted(disk.host) == []
        assert answer(client)["return"] == {}
        names = [event["event"] for event in disk.host.qmp.take_events()]
        assert [name for name in names if name in ("DEVICE_DELETED", "RESET")] == ["DEVICE_DELETED", "RESET"], names
        assert disk.path.read_bytes()[AT:AT + len(DATA)] == DATA
        disk.host.qmp.execute("blockdev-del", {"node-name": "n"})


def test_a_reset_carries_out_an_unplug():
    """That the guest was asked for: its requests end first, too."""
    with slot() as disk, client_of(disk.host) as client:
        with writing(disk):
            disk.host.qmp.execute("device_del", {"id": "d"})
            ask(client, "system_reset")
            wait_until(lambda: waits_for(disk.host) == ["d"], "the reset")
            assert silent(client) and deleted(disk.host) == []
        assert answer(client)["return"] == {}
        disk.host.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        assert disk.path.read_bytes()[AT:AT + len(DATA)] == DATA


def test_stop_and_cont_during_an_unplug():
    with slot() as disk, client_of(disk.host) as client:
        with writing(disk):
            let_go(disk)
            ask(client, "stop")
            disk.host.qmp.wait_event("STOP")
            assert silent(client)
            disk.host.qmp.execute("cont")
            assert answer(client)["return"] == {}
            assert waits_for(disk.host) == ["d"] and deleted(disk.host) == []
        disk.host.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        disk.host.qmp.execute("blockdev-del", {"node-name": "n"})


def test_a_device_that_comes_during_a_reset():
    """It halts as well, though a driver that no reset stops has begun to use it."""
    with slot() as disk, client_of(disk.host) as client:
        with writing(disk):
            ask(client, "system_reset")
            wait_until(lambda: waits_for(disk.host) == ["d"], "the reset")
            disk.host.qmp.execute("device_add", {"driver": "virtio-blk-pci", "id": "e", "bus": "pci.2", "drive": "m"})
            other = Disk.__new__(Disk)
            other.host, other.qtest = disk.host, disk.qtest
            Slot(disk.host, pci.devfn(2), 2).begin()
            disk.slot.space.write(0, pci.devfn(2), 0x20, 4, 0xc1f0c100)
            disk.slot.space.write(0, pci.devfn(2), pci.COMMAND, 2, 6)
            other.device = virtio.Device(virtio.Pci(disk.qtest, window=0xc1000000), (2, 0), memory=0x200000)
            other.start()
            other.post(IN, 0, room=512, at=BUFFERS + 0x20000, number=4)
            second, _ = other.post(GET_ID, room=20, at=BUFFERS + 0x8000, number=5)
            assert other.queue.used()[0] == second
        assert answer(client)["return"] == {}
        assert other.queue.used_index == 2 and disk.queue.used_index == 2
        assert waits_for(disk.host) is None


# ---- migrations and snapshots ----

def test_a_guest_that_is_reset_as_a_migration_stops_it():
    """It asked for the reset before it was stopped, which comes first: it runs here, and the migration fails. Who stops it
    meanwhile finds it stopped."""
    for stops in False, True:
        with machine() as disk, client_of(disk.host) as client, socket.socket(socket.AF_UNIX) as listener:
            host = disk.host
            listener.bind(str(host.folder / "target"))
            listener.listen()
            with writing(disk):
                host.qmp.execute("migrate", {"uri": f"unix:{host.folder}/target"})
                with accept(listener):
                    wait_until(lambda: status(host)["status"] == "finish-migrate", "the switch")
                    assert waits_for(host) == ["d"]
                    if stops:
                        ask(client, "stop")
                        assert silent(client)
                    disk.qtest.port_out(0xcf9, 1, 6)
                    wait_until(lambda: status(host)["status"] != "finish-migrate", "the reset")
            result = wait_migration(host, "failed")
            assert result["error-desc"] == "the guest was reset or shut down meanwhile", result
            host.qmp.wait_event("RESET", {"reason": "guest-reset"})
            assert status(host)["status"] == ("prelaunch" if stops else "running")
            if stops:
                host.qmp.execute("cont")
            works(disk, fresh=True)


def test_a_guest_that_is_reset_as_a_snapshot_stops_it():
    """Likewise: a machine is not saved in the middle of a reset, and the guest runs again."""
    with machine() as disk, client_of(disk.host) as client:
        host, file = disk.host, disk.host.folder / "snapshot"
        with writing(disk):
            ask(client, "machine-snapshot", file=str(file))
            wait_until(lambda: status(host)["status"] == "paused", "the stop")
            disk.qtest.port_out(0xcf9, 1, 6)
            wait_until(lambda: status(host)["status"] != "paused", "the reset")
        assert "the guest was reset meanwhile; try again" in answer(client)["error"]["desc"]
        host.qmp.wait_event("RESET", {"reason": "guest-reset"})
        assert status(host)["status"] == "running" and not list(host.folder.glob("snapshot*"))
        works(disk, fresh=True)


# ---- the end of the program ----

def ends(host):
    """Its exit status. What it sends until then is in `events`."""
    with contextlib.suppress(QMPClosed, ConnectionError):
        while True:
            host.qmp.events.append(host.qmp.read_message(time.monotonic() + LIMIT))
    return host.wait_exit(LIMIT)


def test_quit_waits_for_requests():
    with machine() as disk:
        with client_of(disk.host) as client, writing(disk):
            assert client.execute("quit") == {}
            disk.host.qmp.wait_event("SHUTDOWN", {"reason": "host-qmp-quit"})
            assert status(disk.host)["status"] == "shutdown" and waits_for(disk.host) == ["d"]
            serves(disk.host)
            for command in "quit", "system_reset":           # is under way; has no effect
                assert disk.host.qmp.execute(command) == {}
            refuses(disk.host, "Resetting the Virtual Machine is required", "cont")
            has_not_ended(disk)
        assert ends(disk.host) == 0
        assert not [event for event in disk.host.qmp.events if event["event"] in ("SHUTDOWN", "RESET")]
        assert disk.path.read_bytes()[AT:AT + len(DATA)] == DATA
        assert disk.host.errors.read_text() == ""


def test_quit_leaves_requests_that_do_not_end():
    with machine() as disk, writing(disk):
        disk.host.qmp.execute("quit")
        assert ends(disk.host) == 0
        assert "device 'd': the host does not complete its requests in time" in disk.host.errors.read_text()


def test_quit_during_everything():
    """A device that leaves, another that its driver resets, a stop and a reset are under way."""
    for late in False, True:
        with slot() as disk, contextlib.ExitStack() as stack:
            host = disk.host
            clients = [stack.enter_context(client_of(host)) for _ in range(2)]
            with writing(disk):
                disk.device.status = 0
                let_go(disk)
                ask(clients[0], "stop")
                host.qmp.wait_event("STOP")
                ask(clients[1], "system_reset")
                wait_until(lambda: status(host)["status"] == "prelaunch", "the reset")
                host.qmp.execute("quit")
                serves(host)
                assert waits_for(host) == ["d"]
                if late:
                    assert ends(host) == 0
            if not late:
                assert ends(host) == 0
                assert disk.path.read_bytes()[AT:AT + len(DATA)] == DATA
            assert ("does not complete its requests" in host.errors.read_text()) == late


def test_a_signal_ends_the_program_as_quit_does():
    with machine() as disk:
        with writing(disk):
            os.kill(disk.host.process.pid, 15)
            disk.host.qmp.wait_event("SHUTDOWN", {"reason": "host-signal"})
            serves(disk.host)
        assert ends(disk.host) == 0
        assert disk.path.read_bytes()[AT:AT + len(DATA)] == DATA


# ---- a disk that fails, and one that is only late ----

def test_a_failure_during_a_stop():
    """The request is kept until the guest continues, and is tried again."""
    with faults() as calls, Disk(",aio=threads", device=",werror=stop", environment=calls.environment) as disk, \
            client_of(disk.host) as client:
        disk.calls = calls
        with writing(disk):
            ask(client, "stop")
            disk.host.qmp.wait_event("STOP")
            calls.fail_waiting("pwritev", "EIO")
            assert answer(client)["return"] == {}
            disk.host.qmp.wait_event("BLOCK_IO_ERROR", {"action": "stop"})
            assert disk.queue.used_index == 1 and status(disk.host)["status"] == "paused"
        disk.host.qmp.execute("cont")
        assert disk.queue.used()[0] == disk.head
        assert disk.path.read_bytes()[AT:AT + len(DATA)] == DATA


def test_a_node_that_is_late():
    """The same with null-co: a reset by the driver, one of the machine, a stop, and the end."""
    with Disk(",latency-ns=1000000000,read-zeroes=on", driver="null-co") as disk:
        host = disk.host
        for kind in "driver", "system_reset", "stop", "quit":
            disk.qtest.write(BUFFERS, b"\xaa" * 512)
            head, at = disk.post(IN, 0, room=512)
            second, _ = disk.post(GET_ID, room=20, at=BUFFERS + 0x4000, number=1)
            assert disk.queue.used()[0] == second
            with client_of(host) as client:
                if kind == "driver":
                    disk.device.status = 0
                else:
                    ask(client, kind)
                assert waits_for(host) == ["d"] or kind != "driver"
                serves(host)
                assert disk.queue.used_index == 1, kind
                if kind == "driver":
                    wait_until(lambda: disk.device.status == 0, "the end of the reset")
                elif kind == "quit":
                    assert answer(client)["return"] == {} and ends(host) == 0
                    break
                else:
                    assert silent(client) and answer(client)["return"] == {}
            assert disk.queue.used()[0] == head and disk.qtest.read(at, 1)[0] == OK
            assert disk.qtest.read(BUFFERS, 512) == bytes(512) and disk.queue.used_index == 2
            host.qmp.execute("cont")
            if kind == "system_reset":
                disk.device = virtio.Device(virtio.Pci(disk.qtest), disk.device.place)
            disk.start()


# ---- a snapshot ----

def test_a_snapshot_waits_for_the_host():
    """Nothing that changes the machine is possible meanwhile; the request is used once, before the state is saved."""
    with machine() as disk, tempfile.TemporaryDirectory() as folder, client_of(disk.host) as client:
        file = pathlib.Path(folder, "guest.snapshot")
        with writing(disk):
            ask(client, "machine-snapshot", file=str(file))
            assert silent(client) and status(disk.host)["status"] == "paused"
            serves(disk.host)
            try:
                disk.host.qmp.execute("cont")
                raise AssertionError("cont is possible")
            except QMPError as error:
                assert "a snapshot is being written" in str(error), error
            assert not file.exists()
        assert answer(client) == {"return": {}} and file.exists()
        assert disk.queue.used()[0] == disk.head and disk.qtest.read(disk.at, 1)[0] == OK
        assert status(disk.host)["status"] == "running"
        assert disk.ask(IN, AT // 512, room=len(DATA)) == (OK, DATA)


def test_a_quit_ends_a_snapshot_that_waits():
    with machine() as disk, tempfile.TemporaryDirectory() as folder, client_of(disk.host) as client:
        with writing(disk):
            ask(client, "machine-snapshot", file=f"{folder}/guest.snapshot")
            assert silent(client)
            disk.host.qmp.execute("quit")
        assert disk.host.process.wait(LIMIT) == 0
        assert not os.listdir(folder)


if __name__ == "__main__":
    tap.main()
