#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: tsan
"""Memory of several devices of vhost-user: all are asked at once, all or none have it, and nobody else waits for them. It
needs no KVM."""

import contextlib
import json
import pathlib
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.hmp import read_until                               # noqa: E402
from lib.host import DIMM, MIB, Host                         # noqa: E402
from lib.vhost_back_end import BackEnd                       # noqa: E402
from lib.virtio import wait_until                            # noqa: E402

COUNT = 4
PLUG = {"driver": "pc-dimm", "id": "d", "memdev": "m"}


class Together(BackEnd):
    """Answers about a DIMM once all of them have been asked."""

    barrier = None

    def _wait(self):
        if self.barrier:
            self.barrier.wait(4)        # seconds, and hotram would give up

    def add_mem_reg(self, payload, fds):
        self._wait()
        super().add_mem_reg(payload, fds)

    def rem_mem_reg(self, payload, fds):
        self._wait()
        super().rem_mem_reg(payload, fds)


@contextlib.contextmanager
def machine(slots=(32,) * COUNT, more=()):
    with contextlib.ExitStack() as made:
        folder = pathlib.Path(made.enter_context(tempfile.TemporaryDirectory()))
        back_ends, options = [], []
        for number, limit in enumerate(slots):
            back_ends.append(made.enter_context(Together(folder / f"{number}", slots=limit)))
            options += ["-chardev", f"socket,id=c{number},path={folder}/{number}", "-device",
                        f"vhost-user-blk-pci,id=v{number},chardev=c{number}"]
        yield made.enter_context(Host(["-m", "64M,slots=16,maxmem=64G", *options, *more])), back_ends


def have(back_ends):
    return [sorted(region.address for region in back_end.regions) for back_end in back_ends]


def test_all_are_asked_at_once():
    with machine() as (host, back_ends):
        barrier = threading.Barrier(COUNT)
        for back_end in back_ends:
            back_end.barrier = barrier
        host.add("ram", "m", size=128 * MIB)
        host.dimm("d", "m")
        assert have(back_ends) == [[0, DIMM]] * COUNT
        host.eject("d")
        assert have(back_ends) == [[0]] * COUNT
        for back_end in back_ends:
            back_end.barrier = None
        assert host.error_log == "", host.error_log


def test_all_or_none():
    for number in range(COUNT):
        with machine() as (host, back_ends):
            host.add("ram", "m", size=128 * MIB)
            back_ends[number].refuses = {"ADD_MEM_REG"}
            for _ in range(2):
                host.refuses([f"device 'v{number}' (vhost-user-blk-pci): its back end has refused"], "device_add",
                             {"driver": "pc-dimm", "id": "d", "memdev": "m"})
                assert have(back_ends) == [[0]] * COUNT
            back_ends[number].refuses = set()
            host.dimm("d", "m")
            assert have(back_ends) == [[0, DIMM]] * COUNT


def test_the_smallest_limit_counts():
    with machine(slots=(32, 3, 5, 32)) as (host, back_ends):
        for name in "ab":
            host.add("ram", "m" + name, size=128 * MIB)
            host.dimm(name, "m" + name)
        host.add("ram", "m", size=128 * MIB)
        host.refuses(["device 'v1' (vhost-user-blk-pci): its back end maps at most 3 ranges of guest memory, and has so many"],
                     "device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})
        assert len({tuple(regions) for regions in have(back_ends)}) == 1
        host.eject("a")
        host.dimm("d", "m")


def test_a_size_is_planned_within_the_limit():
    memslots = ("-memslot", "id=a,size=128M", "-memslot", "id=b,size=128M")
    with machine(slots=(32, 3, 7), more=memslots) as (host, back_ends):
        host.qmp.execute("cont")

        def plan(size):
            steps = host.qmp.execute("memory-set", {"size": size * MIB, "dry-run": True})["plan"]
            assert sum(step["size"] for step in steps) == size * MIB - host.qmp.execute("query-memory-size-summary")["base-memory"] - \
                host.qmp.execute("query-memory-size-summary")["plugged-memory"]
            return len(steps)

        assert 1 <= plan(576) <= 2 and 1 <= plan(64 + 1022) <= 2 and 1 <= plan(64 + 8190) <= 2
        host.qmp.execute("memslot", {"id": "a", "action": "add"})
        assert plan(64 + 1022) == 1
        host.qmp.execute("memslot", {"id": "b", "action": "add"})
        host.refuses(["can't be reached", "the back end of device 'v1' (vhost-user-blk-pci) maps at most 3 ranges of guest memory"],
                     "memory-set", {"size": 1024 * MIB})
        back_ends[1].stop()                     # without it 4 are left
        back_ends[1].stop = lambda: None
        wait_until(lambda: "v1: the back end of chardev 'c1' is lost" in host.error_log, "the loss")
        assert 1 < plan(64 + 1022) <= 4


def test_a_size_is_planned_with_gaps_among_the_slots():
    """It does not matter which slots are in use."""
    with machine(slots=(32, 4)) as (host, back_ends):
        host.qmp.execute("cont")
        for slot in 15, 7:
            host.add("ram", f"m{slot}", size=128 * MIB)
            host.dimm(f"d{slot}", f"m{slot}", slot=slot)

        def plan(size):
            """As many DIMMs at a time as there may be."""
            steps, count = host.qmp.execute("memory-set", {"size": size * MIB, "dry-run": True})["plan"], 2
            for step in steps:
                count += 1 if step["action"] == "plug" else -1
                assert count <= 3, steps
            return steps

        for size in 64 + 256 + 2048, 64 + 256 + 1022, 64 + 8190:
            assert plan(size), size
        assert {step["device"] for step in plan(64)} == {"d15", "d7"}
        host.qmp.execute("memory-set", {"size": (64 + 256 + 2048) * MIB})
        wait_until(lambda: len(back_ends[1].regions) == 4, "the last DIMM")


def test_a_size_beyond_the_limit():
    with machine(slots=(32, 1)) as (host, back_ends):
        host.qmp.execute("cont")
        done = host.qmp.execute("memory-set", {"size": 576 * MIB, "wait": True})
        assert "device 'v1' (vhost-user-blk-pci): its back end maps at most 1 ranges of guest memory" in done["reason"], done
        assert done["result-size"] == 64 * MIB and have(back_ends) == [[0], [0]]


def test_one_of_them_is_silent():
    with machine() as (host, back_ends):
        back_ends[2].answers["ADD_MEM_REG"] = lambda answer: (b"",)
        host.add("ram", "m", size=128 * MIB)
        host.refuses(["device 'v2' (vhost-user-blk-pci): its back end: it has not answered ADD_MEM_REG for 5 seconds"], "device_add",
                     {"driver": "pc-dimm", "id": "d", "memdev": "m"})
        assert "v2: the back end of chardev 'c2' is lost" in host.error_log
        host.dimm("d", "m")                     # it is in nobody's way
        assert have([back_ends[number] for number in (0, 1, 3)]) == [[0, DIMM]] * 3


# ---- one that is slow, or silent ----

def send(qmp, command, arguments):
    qmp.send_raw(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")


def answer(qmp):
    return qmp.read_answer(time.monotonic() + qmp.timeout)


def asked(back_end, request, count=1):
    wait_until(lambda: back_end.asked.count(request) >= count, request)


def test_a_plug_waits_and_nobody_else():
    with machine() as (host, back_ends):
        host.add("ram", "m", size=128 * MIB)
        with contextlib.closing(host.second()) as other:
            with back_ends[1].slow("ADD_MEM_REG") as gate:
                send(other, "device_add", PLUG)
                for back_end in back_ends:
                    asked(back_end, "ADD_MEM_REG", 2)
                assert host.qmp.execute("query-status")["status"] == "prelaunch"
                assert host.qmp.execute("query-memory-devices") == []
                host.refuses(["memory of 'd' is still being mapped by the back ends of vhost-user devices"], "memory-unplug", {"id": "d"})
                host.refuses(["Duplicate device ID 'd'"], "device_add", PLUG)
                host.refuses(["'d' uses it"], "object-del", {"id": "m"})
                gate.set()
                assert "return" in answer(other)
        assert have(back_ends) == [[0, DIMM]] * COUNT


def test_a_memslot_waits_likewise():
    with machine(more=("-memslot", "id=a,size=128M")) as (host, back_ends):
        with contextlib.closing(host.second()) as other:
            with back_ends[1].slow("ADD_MEM_REG") as gate:
                send(other, "memslot", {"id": "a", "action": "add"})
                asked(back_ends[1], "ADD_MEM_REG", 2)
                assert host.qmp.execute("query-memslot")[0]["state"] == "unpopulated"
                gate.set()
                assert "return" in answer(other)
        assert host.qmp.execute("query-memslot")[0]["state"] == "populated"
        host.eject("a")
        back_ends[2].refuses = {"ADD_MEM_REG"}
        for _ in range(2):
            host.refuses(["device 'v2' (vhost-user-blk-pci): its back end has refused"], "memslot", {"id": "a", "action": "add"})
        assert have(back_ends) == [[0]] * COUNT


def test_a_plug_that_waits_is_cancelled():
    with machine() as (host, back_ends):
        host.add("ram", "m", size=128 * MIB)
        with contextlib.closing(host.second()) as other:
            with back_ends[1].slow("ADD_MEM_REG") as gate:
                send(other, "device_add", PLUG)
                asked(back_ends[1], "ADD_MEM_REG", 2)
                host.qmp.execute("device_del", {"id": "d"})
                gate.set()
                assert "device_del d has cancelled the plug" in answer(other)["error"]["desc"]
        assert have(back_ends) == [[0]] * COUNT
        host.dimm("d", "m")


def test_a_memory_set_that_waits_is_cancelled():
    """The guest does not answer for what it has not seen."""
    with machine() as (host, back_ends):
        host.qmp.execute("cont")
        with contextlib.closing(host.second()) as other:
            with back_ends[1].slow("ADD_MEM_REG") as gate:
                send(other, "memory-set", {"size": 192 * MIB, "wait": True})
                asked(back_ends[1], "ADD_MEM_REG", 2)
                host.qmp.execute("memory-set-cancel")
                gate.set()
                done = answer(other)["return"]
        assert done["reason"] == "cancelled" and done["operations"] == [] and done["result-size"] == 64 * MIB, done
        assert have(back_ends) == [[0]] * COUNT
        host.qmp.execute("memory-set", {"size": 128 * MIB})
        wait_until(lambda: all(len(regions) > 1 for regions in have(back_ends)), "another one")


def test_a_person_cancels_a_plug_that_waits():
    with tempfile.TemporaryDirectory() as folder, machine(more=("-monitor", f"unix:{folder}/hmp,server=on,wait=off")) as (
            host, back_ends), socket.socket(socket.AF_UNIX) as person:
        person.connect(f"{folder}/hmp")
        person.settimeout(host.qmp.timeout)
        read_until(person, b"(hotram) ")
        host.qmp.execute("cont")
        host.add("ram", "m", size=128 * MIB)
        for number, line in enumerate((b"device_add pc-dimm,id=d,memdev=m", b"device_add pc-dimm,id=d,memdev=/objects/m",
                                       b"memory plug 128M,id=d")):
            with back_ends[1].slow("ADD_MEM_REG") as gate:
                person.sendall(line + b"\n")
                asked(back_ends[1], "ADD_MEM_REG", 2 + number)
                person.sendall(b"\x03")
                host.qmp.execute("query-status")        # it has been read
                gate.set()
            said = read_until(person, b"(hotram) ")
            assert b"was cancelled" in said, said
            assert have(back_ends) == [[0]] * COUNT
            assert {memdev["id"] for memdev in host.qmp.execute("query-memdev")} == {"hotram.ram", "m"}
        host.dimm("d", "m")


def test_the_program_ends_while_a_plug_waits():
    with machine() as (host, back_ends):
        host.add("ram", "m", size=128 * MIB)
        with contextlib.closing(host.second()) as other:
            with back_ends[1].slow("ADD_MEM_REG") as gate:
                send(other, "device_add", PLUG)
                asked(back_ends[1], "ADD_MEM_REG", 2)
                host.qmp.execute("quit")
                gate.set()
                assert host.process.wait(60) == 0


def test_one_of_them_dies_at_a_plug():
    with machine() as (host, back_ends):
        host.add("ram", "m", size=128 * MIB)
        back_ends[3].dies_at = "ADD_MEM_REG"
        host.refuses(["device 'v3' (vhost-user-blk-pci): its back end: it has closed the connection"], "device_add", PLUG)
        host.dimm("d", "m")
        assert have(back_ends[:3]) == [[0, DIMM]] * 3


def test_an_eject_waits_and_names_whom_for():
    with machine(more=("-machine", "unplug-timeout=1")) as (host, back_ends):
        host.qmp.execute("cont")
        host.add("ram", "m", size=128 * MIB)
        host.dimm("d", "m")
        with back_ends[2].slow("REM_MEM_REG") as gate:
            host.qmp.execute("device_del", {"id": "d"})
            host.qtest.port_out(0xa00, 4, 0)
            host.qtest.port_out(0xa14, 1, 8)
            for back_end in back_ends:
                asked(back_end, "REM_MEM_REG")
            wait_until(lambda: host.qmp.execute("query-memory-operations")[-1].get("waits-for") == ["v2"], "its name")
            done = host.qmp.wait_event("MEMORY_OPERATION_DONE", {"operation": "unplug"})["data"]
            assert done["result"] == "unanswered" and "its memory is in use by v2" in done["reason"], done
            assert [event for event in host.qmp.events if event["event"] == "DEVICE_DELETED"] == []
            gate.set()
            host.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        assert have(back_ends) == [[0]] * COUNT
        host.dimm("d", "m")


def test_one_of_them_is_silent_at_an_eject():
    """It is lost, and with the connection goes what it mapped."""
    with machine() as (host, back_ends):
        host.add("ram", "m", size=128 * MIB)
        host.dimm("d", "m")
        back_ends[2].answers["REM_MEM_REG"] = lambda answer: (b"",)
        host.eject("d")
        assert "v2: the back end of chardev 'c2' is lost: it has not answered REM_MEM_REG for 5 seconds" in host.error_log
        host.dimm("d", "m")
        assert have([back_ends[number] for number in (0, 1, 3)]) == [[0, DIMM]] * 3


if __name__ == "__main__":
    tap.main()
