#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""A device of vhost-user is halted while its back end is slow: who halts it waits, and nobody else. It needs no KVM."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib import tap, virtio                                  # noqa: E402
from lib.host import MIB, Host                               # noqa: E402
from lib.saved import DEVICE, Saved                          # noqa: E402
from lib.vhost_back_end import IN, BackEnd                   # noqa: E402
from test_vhost_user_blk import OK, Disk                    # noqa: E402


@contextlib.contextmanager
def disk_and_other():
    """And another program at its monitor."""
    with Disk() as disk, contextlib.closing(disk.host.second()) as other:
        yield disk, other


def send(qmp, command):
    qmp.send_raw(json.dumps({"execute": command}).encode() + b"\n")


def answer(qmp):
    return qmp.read_answer(time.monotonic() + qmp.timeout)["return"]


def asked(disk, request):
    virtio.wait_until(lambda: request in disk.back_end.asked, request)


def status(disk):
    return disk.host.qmp.execute("query-status")["status"]


def test_a_stop():
    with disk_and_other() as (disk, other):
        with disk.back_end.slow("GET_VRING_BASE") as gate:
            send(other, "stop")
            asked(disk, "GET_VRING_BASE")
            assert status(disk) == "paused" and len(disk.host.qmp.execute("query-pci")) == 1
            gate.set()
            answer(other)
        disk.host.qmp.execute("cont")
        assert disk.ask(IN, room=512)[0] == OK and disk.host.error_log == ""


def test_a_stop_that_is_taken_back():
    """The guest runs again before the back end has given the rings back, and then has them again."""
    with disk_and_other() as (disk, other):
        for _ in range(3):
            with disk.back_end.slow("GET_VRING_BASE") as gate:
                del disk.back_end.asked[:]
                send(other, "stop")
                asked(disk, "GET_VRING_BASE")
                disk.host.qmp.execute("cont")
                answer(other)
                assert status(disk) == "running"
                gate.set()
            assert disk.ask(IN, room=512)[0] == OK and disk.host.error_log == ""


def test_a_reset_by_the_driver():
    with Disk() as disk:
        with disk.back_end.slow("GET_VRING_BASE") as gate:
            disk.device.status = 0
            asked(disk, "GET_VRING_BASE")
            assert disk.device.status != 0 and status(disk) == "running"
            gate.set()
            virtio.wait_until(lambda: disk.device.status == 0, "the end of the reset")
        disk.start()
        assert disk.ask(IN, room=512)[0] == OK and disk.host.error_log == ""


def test_a_driver_that_does_not_wait_for_the_end_of_a_reset():
    """As EDK2's, which resets the device and begins anew."""
    def slow(result):
        time.sleep(0.005)
        return result

    ready = virtio.ACKNOWLEDGE | virtio.DRIVER
    with Disk() as disk:
        disk.back_end.answers["GET_VRING_BASE"] = slow
        for _ in range(5):
            for status in 0, virtio.ACKNOWLEDGE, ready:
                disk.device.status = status
            disk.device.accept(disk.device.features)
            disk.device.status = ready | virtio.FEATURES_OK
            disk.queue = disk.device.queue(0)
            disk.device.ready()
            assert disk.ask(IN, room=512)[0] == OK
        assert disk.host.error_log == ""


def test_a_reset_of_the_machine():
    with disk_and_other() as (disk, other):
        with disk.back_end.slow("GET_VRING_BASE") as gate:
            send(other, "system_reset")
            asked(disk, "GET_VRING_BASE")
            assert [event for event in disk.host.qmp.take_events() if event["event"] == "RESET"] == []
            status(disk)
            gate.set()
            answer(other)
        disk.host.qmp.wait_event("RESET")
        disk.find()
        assert disk.device.status == 0
        disk.start()
        assert disk.ask(IN, room=512)[0] == OK and disk.host.error_log == ""


def test_a_stop_while_memory_is_waited_for():
    with disk_and_other() as (disk, other):
        disk.host.add("ram", "m", size=128 * MIB)
        with disk.back_end.slow("ADD_MEM_REG") as gate:
            del disk.back_end.asked[:]
            other.send_raw(json.dumps({"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "m"}}).encode() + b"\n")
            asked(disk, "ADD_MEM_REG")
            with contextlib.closing(disk.host.second()) as third:
                send(third, "stop")
                virtio.wait_until(lambda: status(disk) == "paused", "the stop")
                assert disk.host.qmp.execute("query-memory-devices") == []
                gate.set()
                answer(other)
                answer(third)
        disk.host.qmp.execute("cont")
        assert disk.ask(IN, room=512)[0] == OK and disk.host.error_log == ""


SOME_TIME = [("query-commands", {})] * 5


@contextlib.contextmanager
def at_once(host):
    """What is sent meanwhile arrives while the program does not run."""
    os.kill(host.process.pid, signal.SIGSTOP)
    yield
    os.kill(host.process.pid, signal.SIGCONT)


def test_a_snapshot_at_the_end_of_a_reset_by_the_driver():
    """The back end lets the device go while the main thread is at commands, the last of which is the snapshot: it comes to
    that before, after, or between what the device's thread and the main loop do for the reset."""
    with tempfile.TemporaryDirectory() as folder, disk_and_other() as (disk, other):
        host = disk.host
        for number in range(10):
            file = f"{folder}/{number}"
            with disk.back_end.slow("GET_VRING_BASE") as gate:
                del disk.back_end.asked[:]
                send(other, "stop")
                asked(disk, "GET_VRING_BASE")
                disk.device.status = 0                  # answered while the reset is under way
                commands = [*SOME_TIME, *SOME_TIME, ("machine-snapshot", {"file": file})]
                host.qmp.send_raw(b"".join(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"
                                           for command, arguments in commands))
                gate.set()
                for _ in commands:
                    answer(host.qmp)
            answer(other)
            state, = (contents for kind, _, contents in Saved(file).states if kind == DEVICE and contents[:9] == b"\x08virtio/v")
            assert state[9 + 28] == 0, f"status {state[9 + 28]:#x}"
            host.qmp.execute("cont")
            disk.start()
        assert disk.ask(IN, room=512)[0] == OK and host.error_log == ""


def test_a_snapshot_when_a_device_has_just_gone():
    """Its removal comes with the next round of the main loop, and so does what a new client has to say."""
    with tempfile.TemporaryDirectory() as folder, BackEnd(pathlib.Path(folder) / "s"), \
            Host(["-chardev", f"socket,id=c,path={folder}/s", "-device", "pcie-root-port,id=port", "-object",
                  "memory-backend-memfd,id=ram,size=64M", "-machine", "memory-backend=ram"]) as host:
        for number in range(10):
            file = f"{folder}/{number}"
            host.qmp.execute("device_add", {"driver": "vhost-user-blk-pci", "id": "v", "chardev": "c", "bus": "port"})
            host.qmp.execute("query-status")            # its monitor reads again, so that the removal is the first to come
            with socket.socket(socket.AF_UNIX) as other:
                with at_once(host):
                    host.qmp.send_raw(b'{"execute": "device_del", "arguments": {"id": "v"}}\n')
                    other.connect(str(host.folder / "qmp"))
                    for command, arguments in [("qmp_capabilities", {}), *SOME_TIME, ("machine-snapshot", {"file": file})]:
                        other.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
                answer(host.qmp)
                virtio.wait_until(lambda: os.path.exists(file), "the snapshot")        # pylint: disable=W0640
            names = [contents[1:1 + contents[0]] for kind, _, contents in Saved(file).states if kind == DEVICE]
            assert b"pci-function/port" in names and b"virtio/v" not in names, names
            host.qmp.wait_event("DEVICE_DELETED", {"device": "v"})


def test_the_end_of_the_program():
    with disk_and_other() as (disk, other):
        with disk.back_end.slow("GET_VRING_BASE") as gate:
            send(other, "quit")
            asked(disk, "GET_VRING_BASE")
            gate.set()
        assert disk.host.process.wait(60) == 0


if __name__ == "__main__":
    tap.main()
