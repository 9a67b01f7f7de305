#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Answers of the host's kernel that are no: what has gone is not used again,
what has not gone is not given away, and people are told."""

import json
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, tap                                  # noqa: E402
from lib.machine import Machine                              # noqa: E402
from lib.micro import MICRO, hear, tell                      # noqa: E402
from lib.qmp import QMP, QMPError                                 # noqa: E402

LIMIT = 20
MIB = 1 << 20


def micro(faults, *options):
    machine = Machine(["-m", "64M,slots=4,maxmem=2G", "-kernel", MICRO, *options],
                      kernel=None, reboot=True, environment=faults.environment)
    hear(machine, "micro")
    return machine


def mapping(machine, size):
    """Mappings of a size: their lines in /proc/PID/maps."""
    found = []
    for line in machine.maps():
        start, end = (int(word, 16) for word in line.split()[0].split("-"))
        if end - start == size:
            found.append(line)
    return found


def operations(machine):
    return {o["operation"]: o
            for o in machine.qmp.execute("query-memory-operations")}


def ends(machine, **data):
    return machine.qmp.wait_event("MEMORY_OPERATION_DONE", data, LIMIT)["data"]


SET_MEMORY_REGION = 0x4020ae46


def test_memory_that_was_allocated_for_a_memslot_that_kvm_refuses():
    """It goes back as slowly as any, and the answer comes when it is back."""
    for how in "go on", "quit":
        with inject.faults() as faults, micro(faults) as machine:
            machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m", "size": 256 * MIB,
                                               "prealloc": True})
            plug = {"driver": "pc-dimm", "id": "d", "memdev": "m"}
            machine.qmp.execute("device_add", plug)
            tell(machine, "h")
            machine.qmp.execute("device_del", {"id": "d"})
            tell(machine, "h")
            machine.qmp.wait_event("DEVICE_DELETED", {"device": "d"}, LIMIT)
            faults.arm("ioctl", at=1, error="ENOMEM", request=SET_MEMORY_REGION)
            with faults.wait("dontneed"):
                other = QMP(machine.folder / "qmp")
                other.send_raw(json.dumps({"execute": "device_add", "arguments": plug}).encode() + b"\n")
                machine.wait_until(lambda: faults.counted().failed == 1, LIMIT, "KVM refuses")
                for name in "query-status", "query-memory-devices", "query-memory-map":
                    machine.qmp.execute(name)
                refused(machine, "device_add", {**plug, "id": "e"}, "m")
                refused(machine, "object-del", {"id": "m"}, "in use")
                assert not any("error" in said for said in other.take_events())
                if how == "quit":
                    machine.qmp.execute("quit")
            if how == "quit":
                assert machine.process.wait(LIMIT) == 0
                continue
            faults.disarm()
            said = other.read_answer(time.monotonic() + LIMIT)
            assert "Cannot allocate memory" in said["error"]["desc"], said
            assert machine.qmp.execute("query-memdev")[-1]["resident"] == 0
            machine.qmp.execute("device_add", plug)


def unplug(machine):
    """Returns where the DIMM's memory is in the host's map."""
    machine.plug("d0", "256M")
    there, = mapping(machine, 256 * MIB)
    tell(machine, "h")
    machine.qmp.execute("device_del", {"id": "d0"})
    tell(machine, "h")
    return int(there.split("-")[0], 16)


def is_empty(machine, address):
    """Nothing is at the host's address, and nothing comes there."""
    for line in machine.maps():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= address < end:
            return "---p" in line
    return False


def kept(machine, address):
    """KVM keeps the memslot: its host addresses and the DIMM's place stay taken."""
    machine.wait_until(lambda: "cannot delete KVM slot" in machine.error_log,
                       LIMIT, "a message")
    assert "slot and addresses remain occupied" in machine.error_log
    assert is_empty(machine, address), machine.maps()
    # What comes next comes to other addresses of the host ...
    machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram",
                                       "id": "next", "size": 256 * MIB})
    assert is_empty(machine, address), machine.maps()
    assert len(mapping(machine, 256 * MIB)) == 1, machine.maps()
    machine.qmp.execute("object-del", {"id": "next"})
    # ... and of the guest.
    refused(machine, "object-del", {"id": "d0-mem"}, "in use")
    machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram",
                                       "id": "other", "size": 256 * MIB})
    refused(machine, "device_add", {"driver": "pc-dimm", "id": "d1", "memdev": "other",
                                    "slot": 0}, "slot 0 is busy")
    machine.qmp.execute("object-del", {"id": "other"})
    assert not any(event["event"] == "DEVICE_DELETED"
                   for event in machine.qmp.take_events())


def gone(machine, address):
    machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"}, LIMIT)
    assert machine.qmp.execute("query-memory-devices") == []
    assert not mapping(machine, 256 * MIB), machine.maps()
    assert is_empty(machine, address), machine.maps()
    machine.qmp.execute("object-del", {"id": "d0-mem"})
    machine.plug("d0", "256M")                   # place and name are free again


def test_a_memslot_that_stays_keeps_its_addresses():
    with inject.faults() as faults, micro(faults) as machine:
        with faults.fail("memslot_delete", "ENOMEM"):
            address = unplug(machine)
            kept(machine, address)
            assert operations(machine)["unplug"]["result"] == "in-progress"
        assert ends(machine, operation="unplug")["result"] == "done"
        gone(machine, address)
        assert machine.quit() == 0


def test_a_memslot_that_stays_over_the_deadline():
    with inject.faults() as faults, \
            micro(faults, "-machine", "unplug-timeout=1") as machine:
        with faults.fail("memslot_delete", "ENOMEM"):
            address = unplug(machine)
            end = ends(machine, operation="unplug")
            assert end["result"] == "unanswered", end
            assert "KVM keeps its KVM slot" in end["reason"], end
        late = machine.qmp.wait_event("MEMORY_OPERATION_LATE", timeout=LIMIT)["data"]
        assert late["result"] == "done", late
        gone(machine, address)
        assert machine.quit() == 0


def test_a_memslot_that_stays_over_a_reset():
    with inject.faults() as faults, micro(faults) as machine:
        with faults.fail("memslot_delete", "ENOMEM"):
            address = unplug(machine)
            kept(machine, address)
            machine.qmp.execute("system_reset")
            hear(machine, "micro")
            tell(machine, "s", "0000")           # not the next guest's
        gone(machine, address)
        assert machine.quit() == 0


def test_cpus_of_which_one_cannot_come():
    """None comes then, and one whose removal the guest was asked for is still asked for."""
    def known(machine):
        return [(one["operation"], one["cpu-index"], one["result"]) for one in
                machine.qmp.execute("query-cpu-operations")]

    with inject.faults() as faults, micro(faults, "-smp", "2,maxcpus=4") as machine:
        going, = (cpu["qom-path"] for cpu in machine.qmp.execute("query-cpus-fast") if cpu["cpu-index"] == 1)
        machine.qmp.execute("device_del", {"id": going})
        faults.arm("pthread_create", at=2, error="EAGAIN")
        refused(machine, "cpus-set", {"cpus": 4}, "no thread")
        assert faults.disarm().failed == 1
        assert known(machine) == [("unplug", 1, "in-progress")], known(machine)
        assert [cpu["cpu-index"] for cpu in machine.qmp.execute("query-cpus-fast")] == [0, 1]
        machine.qmp.execute("cpus-set", {"cpus": 4})
        assert known(machine) == [("unplug", 1, "cancelled"), ("plug", 1, "done"), ("plug", 2, "in-progress"),
                                  ("plug", 3, "in-progress")], known(machine)
        assert machine.quit() == 0


def test_a_mapping_that_stays_is_empty():
    with inject.faults() as faults, micro(faults) as machine:
        with faults.fail("munmap", "ENOMEM"):
            address = unplug(machine)
            machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"}, LIMIT)
        assert "stays in this program, without memory in it" in machine.error_log
        machine.plug("d1", "256M")
        assert machine.quit() == 0


def test_a_file_that_cannot_be_watched_is_told_of():
    with inject.faults() as faults, micro(faults) as machine, \
            tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        said = 0
        for call, limit in (("epoll_add", "fs.epoll.max_user_watches"),
                            ("inotify_add_watch", "fs.inotify.max_user_watches")):
            with faults.fail(call, "ENOSPC"):
                machine.qmp.execute("object-add", {
                    "qom-type": "memory-backend-file", "id": call, "size": 2 * MIB,
                    "share": True, "mem-path": f"{folder}/memory"})
            machine.qmp.execute("object-del", {"id": call})
            log = machine.error_log[said:]
            assert "detected late" in log and limit in log, (call, log)
            said += len(log)
        assert machine.quit() == 0


def refused(machine, command, arguments, word):
    try:
        machine.qmp.execute(command, arguments)
    except QMPError as error:
        assert word.lower() in error.desc.lower(), error.desc
        return
    raise AssertionError(f"{command} was not refused")


if __name__ == "__main__":
    tap.main()
