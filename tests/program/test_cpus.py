#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""CPUs that come and go. A test plays the guest at the registers, good and hostile, so
it needs no KVM; guest/test_cpus.py has real guests."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError, QMPTimeout                     # noqa: E402
from lib.saved import Saved                                  # noqa: E402

SELECT, FLAGS, COMMAND, DATA = 0xcd8, 0xcdc, 0xcdd, 0xce0
PRESENT, INSERT, REMOVE, EJECT = 1, 2, 4, 8
GPE_STATUS = 0x620
TYPE = "host-x86_64-cpu"


class Guest(Host):
    """What a guest does at the registers of CPUs."""

    def __init__(self, smp="1,maxcpus=4", *options, run=True):
        super().__init__(["-smp", smp, *options], memory="64M", granularity="auto")
        if run:
            self.qmp.execute("cont")

    def flags(self, cpu):
        self.qtest.port_out(SELECT, 4, cpu)
        return self.qtest.port_in(FLAGS, 1)

    def write(self, cpu, value):
        self.qtest.port_out(SELECT, 4, cpu)
        self.qtest.port_out(FLAGS, 1, value)

    def notice(self, cpu):
        """Takes note of what is pending, one event with each write."""
        pending = self.flags(cpu) & (INSERT | REMOVE)
        for bit in (INSERT, REMOVE):
            if pending & bit:
                self.qtest.port_out(FLAGS, 1, bit)
        return pending

    def ost(self, cpu, event, status):
        self.qtest.port_out(SELECT, 4, cpu)
        self.qtest.port_out(COMMAND, 1, 1)
        self.qtest.port_out(DATA, 4, event)
        self.qtest.port_out(COMMAND, 1, 2)
        self.qtest.port_out(DATA, 4, status)

    def accept(self, cpu):
        assert self.notice(cpu) & INSERT
        self.ost(cpu, 1, 0)

    def refuse(self, cpu, status=0x82):
        assert self.notice(cpu) & REMOVE
        self.ost(cpu, 3, status)

    def give_back(self, cpu):
        self.notice(cpu)
        self.write(cpu, EJECT)

    def add(self, cpu, name=None, cores=4, **properties):
        place = {"socket-id": cpu // cores, "core-id": cpu % cores, "thread-id": 0}
        if name:
            place["id"] = name
        return self.qmp.execute("device_add", {"driver": TYPE, **place, **properties})

    def remove(self, name):
        return self.qmp.execute("device_del", {"id": name})

    def done(self, event="CPU_OPERATION_DONE", **match):
        return self.qmp.wait_event(event, match)["data"]

    def nothing(self, event="CPU_OPERATION_DONE", seconds=0.2):
        try:
            found = self.qmp.wait_event(event, timeout=seconds)
        except QMPTimeout:
            return
        raise AssertionError(found)

    def present(self):
        return [cpu["cpu-index"] for cpu in self.qmp.execute("query-cpus-fast")]

    def paths(self):
        return [cpu.get("qom-path") for cpu in self.qmp.execute("query-hotpluggable-cpus")]

    def last(self):
        return self.qmp.execute("query-cpu-operations")[-1]

    def plugged(self, *cpus):
        for cpu in cpus:
            self.add(cpu, f"vcpu{cpu}")
            self.accept(cpu)
            self.done(result="done")
        self.qmp.clear_events()


@contextlib.contextmanager
def refused(*words, error="GenericError"):
    try:
        yield
    except QMPError as refusal:
        text = str(refusal)
        assert all(word in text for word in words), f"{text!r} lacks one of {words}"
        assert refusal.error_class == error, refusal
        return
    raise AssertionError(f"accepted, instead of {words}")


# ---- a life ----

def test_plug_and_unplug():
    with Guest() as guest:
        assert guest.present() == [0]
        assert guest.paths() == [None, None, None, "/machine/unattached/device[0]"]
        assert guest.add(2, "vcpu2") == {}
        assert guest.done("CPU_OPERATION_STARTED")["cpu-index"] == 2
        assert guest.flags(2) == PRESENT | INSERT
        assert guest.qtest.port_in(GPE_STATUS, 1) & 4
        guest.accept(2)
        data = guest.done(id=1)
        assert data["result"] == "done" and data["device"] == "vcpu2", data
        assert data["ost"] == {"source": 1, "status": 0, "text": "success"}, data
        ost = guest.qmp.wait_event("ACPI_DEVICE_OST")["data"]["info"]
        assert ost == {"device": "vcpu2", "slot": "2", "slot-type": "CPU", "source": 1,
                       "status": 0}, ost
        assert guest.present() == [0, 2]
        assert guest.paths()[1] == "/machine/peripheral/vcpu2"
        assert {"name": "vcpu2", "type": f"child<{TYPE}>"} in guest.qmp.execute(
            "qom-list", {"path": "/machine/peripheral"})

        assert guest.remove("vcpu2") == {}
        assert guest.flags(2) == PRESENT | REMOVE
        guest.notice(2)
        guest.ost(2, 3, 0x84)
        guest.write(2, EJECT)
        assert guest.flags(2) == 0
        event = guest.qmp.wait_event("DEVICE_DELETED")["data"]
        assert event == {"device": "vcpu2", "path": "/machine/peripheral/vcpu2"}, event
        assert guest.present() == [0] and guest.paths()[1] is None
        assert guest.done(id=2)["result"] == "done"
        guest.ost(2, 3, 0)
        ost = guest.qmp.wait_event("ACPI_DEVICE_OST", {"info": {"slot": "2", "slot-type": "CPU",
                                                                "source": 3, "status": 0}})
        assert "device" not in ost["data"]["info"], ost


def test_the_order_of_coming():
    with Guest("2,maxcpus=6") as guest:
        for cpu in (5, 3, 2):
            guest.add(cpu, f"vcpu{cpu}", cores=6)
        assert guest.present() == [0, 1, 5, 3, 2]
        assert "CPU #5" in guest.hmp("info cpus")
        slots = [slot for slot in guest.qmp.execute("query-acpi-ospm-status")
                 if slot["slot-type"] == "CPU"]
        assert [slot["slot"] for slot in slots] == [str(cpu) for cpu in range(6)]
        assert [slot.get("device") for slot in slots] == [None, None, "vcpu2", "vcpu3", None,
                                                          "vcpu5"]


def test_a_cpu_of_the_start_goes_by_its_path():
    with Guest("3,maxcpus=4") as guest:
        guest.remove("/machine/unattached/device[2]")
        guest.give_back(2)
        event = guest.qmp.wait_event("DEVICE_DELETED")["data"]
        assert event == {"path": "/machine/unattached/device[2]"}, event
        assert guest.present() == [0, 1]
        guest.add(2, "vcpu2")
        guest.accept(2)
        assert guest.done(operation="plug")["result"] == "done"
        assert guest.paths()[1] == "/machine/peripheral/vcpu2"


def test_refused_then_given_back():
    with Guest() as guest:
        guest.plugged(1)
        guest.remove("vcpu1")
        guest.refuse(1)
        event = guest.qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR")["data"]
        assert event == {"device": "vcpu1", "path": "/machine/peripheral/vcpu1"}, event
        data = guest.done(operation="unplug")
        assert data["result"] == "refused" and "device busy" in data["reason"], data
        guest.remove("vcpu1")
        guest.refuse(1, 0x80)
        assert "processor/enabled" in guest.done(operation="unplug")["reason"]
        guest.remove("vcpu1")
        guest.give_back(1)
        assert guest.done(operation="unplug")["result"] == "done"


def test_unanswered():
    with Guest("1,maxcpus=2", "-machine", "plug-timeout=1,unplug-timeout=1") as guest:
        guest.add(1, "vcpu1", cores=2)
        data = guest.done(operation="plug")
        assert data["result"] == "unanswered" and "has not read" in data["reason"], data
        guest.accept(1)
        assert guest.done("CPU_OPERATION_LATE")["result"] == "done"
        guest.remove("vcpu1")
        guest.notice(1)
        data = guest.done(operation="unplug")
        assert data["result"] == "unanswered" and "has seen" in data["reason"], data
        guest.give_back(1)
        assert guest.done("CPU_OPERATION_LATE")["result"] == "done"


def test_set_with_a_deadline():
    with Guest() as guest:
        answer = guest.qmp.execute("cpus-set", {"cpus": 3, "timeout": 1})
        assert [op["deadline"] for op in answer["operations"]] == [1000, 1000], answer
        assert guest.done("CPU_OPERATION_STARTED", id=2)["deadline"] == 1000
        guest.accept(1)
        assert guest.done(id=1)["result"] == "done"
        assert guest.done(id=2)["result"] == "unanswered"
        answer = guest.qmp.execute("cpus-set", {"cpus": 2})
        assert answer["operations"][0]["deadline"] == 60000, answer
        guest.hmp("cpus set 1,timeout=7")
        assert guest.last()["deadline"] == 7000


# ---- a plug while a removal is pending ----

def test_plugged_again_before_the_guest_knew():
    with Guest() as guest:
        guest.plugged(1)
        guest.remove("vcpu1")
        assert guest.add(1, "vcpu1") == {}
        assert guest.done(operation="unplug")["result"] == "cancelled"
        assert guest.done(operation="plug")["result"] == "done"
        assert guest.flags(1) == PRESENT
        assert guest.present() == [0, 1]


def test_plugged_again_while_it_goes():
    with Guest() as guest:
        guest.plugged(1)
        guest.remove("vcpu1")
        guest.notice(1)
        guest.ost(1, 3, 0x84)
        assert guest.add(1, "vcpu1") == {}
        guest.nothing(event="DEVICE_DELETED")
        guest.write(1, EJECT)
        # Not in between, where Linux looks whether it is gone.
        assert guest.flags(1) == 0
        guest.ost(1, 3, 0)
        guest.wait_until(lambda: guest.flags(1) == PRESENT | INSERT)
        guest.accept(1)
        assert guest.done(operation="plug")["result"] == "done"
        assert guest.present() == [0, 1]
        # The guest that keeps it answers, too.
        guest.qmp.clear_events()
        guest.remove("vcpu1")
        guest.notice(1)
        guest.add(1, "vcpu1")
        guest.ost(1, 3, 0x82)
        data = guest.done(operation="plug")
        assert data["result"] == "done" and "kept" in data["reason"], data


def test_plugged_again_when_the_guest_has_only_read():
    """It will carry out the removal of which it has read, whenever it takes note of it."""
    with Guest() as guest:
        guest.plugged(1)
        guest.remove("vcpu1")
        assert guest.flags(1) == PRESENT | REMOVE
        guest.add(1, "vcpu1")
        assert guest.done(operation="unplug")["result"] == "cancelled"
        guest.nothing()
        guest.write(1, REMOVE)
        guest.give_back(1)
        guest.ost(1, 3, 0)
        guest.wait_until(lambda: guest.flags(1) == PRESENT | INSERT)
        guest.accept(1)
        assert guest.done(operation="plug", id=3)["result"] == "done"
        # Nothing is left: an eject of the guest's own is one.
        guest.give_back(1)
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
        assert guest.present() == [0]


def test_requests_that_the_guest_carries_out_late():
    """It has taken note of two, and the CPU that comes after the first eject is not to go by the second one."""
    for refuses in (False, True):
        with Guest() as guest:
            guest.plugged(1)
            guest.remove("vcpu1")
            guest.notice(1)
            guest.add(1, "vcpu1")
            guest.remove("vcpu1")
            guest.notice(1)
            guest.give_back(1)
            guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
            guest.done(operation="unplug", result="done")
            guest.ost(1, 3, 0)
            guest.qmp.clear_events()
            guest.add(1, "vcpu1")
            if refuses:
                guest.ost(1, 3, 0x82)           # the second one: of a CPU that it has not taken yet
                guest.nothing()
            else:
                guest.write(1, EJECT)
                guest.wait_until(lambda: guest.present() == [0])
                guest.nothing(event="DEVICE_DELETED")
                guest.ost(1, 3, 0)
                guest.wait_until(lambda: guest.flags(1) == PRESENT | INSERT)
            guest.accept(1)
            assert guest.done(operation="plug")["result"] == "done"
            assert guest.present() == [0, 1]
            guest.remove("vcpu1")
            guest.give_back(1)
            guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})


def test_a_reset_forgets_what_the_guest_was_working_on():
    with Guest() as guest:
        guest.plugged(1)
        guest.remove("vcpu1")
        guest.notice(1)
        guest.qmp.execute("system_reset")
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
        guest.add(1, "vcpu1")
        guest.accept(1)
        guest.give_back(1)
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
        assert guest.present() == [0]


def test_gone_for_good_while_it_is_away():
    with Guest() as guest:
        guest.plugged(1)
        guest.remove("vcpu1")
        guest.notice(1)
        guest.add(1, "vcpu1")
        guest.write(1, EJECT)
        guest.wait_until(lambda: guest.present() == [0])
        guest.remove("vcpu1")
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
        guest.add(1, "other")
        assert guest.present() == [0, 1]


# ---- resets ----

def test_a_cpu_that_goes_while_a_snapshot_begins():
    """It is in no part of the snapshot, of which -restore makes the machine."""
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder, Guest() as guest:
        file = f"{folder}/snapshot"
        guest.plugged(1, 2)
        guest.remove("vcpu2")
        guest.notice(2)
        guest.qtest.port_out(SELECT, 4, 2)
        # The program finds both at once, and what follows from the first one is to be done.
        guest.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, guest.process.pid, os.WSTOPPED)
        guest.qtest.send(guest.qtest.line_out(FLAGS, 1, EJECT))
        guest.qmp.send_raw(json.dumps({"execute": "machine-snapshot", "arguments": {"file": file}}).encode() + b"\n")
        guest.process.send_signal(signal.SIGCONT)
        guest.qtest.answer()
        assert guest.qmp.read_answer(time.monotonic() + 60) == {"return": {}}
        saved = Saved(file)
        devices = [text for name, text in saved["options"].items() if name.endswith(" device")]
        assert saved["CPUs"] == {"CPU 0 id": "", "CPU 1 id": "vcpu1"}, saved["CPUs"]
        assert len(devices) == 1 and ",id=vcpu1," in devices[0], devices


def test_reset():
    with Guest() as guest:
        guest.plugged(1, 2)
        guest.add(3, "vcpu3")
        guest.remove("vcpu1")
        guest.qtest.port_out(SELECT, 4, 3)
        guest.qtest.port_out(COMMAND, 1, 3)
        guest.qmp.execute("system_reset")
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
        assert guest.present() == [0, 2, 3]
        # The guest finds them in its tables.
        assert [guest.flags(cpu) for cpu in range(4)] == [1, 0, 1, 1]
        assert guest.qtest.port_in(DATA, 4) == 3                  # the selector: command 0
        results = [(op["operation"], op["device"], op["result"])
                   for op in guest.qmp.execute("query-cpu-operations")[-2:]]
        assert results == [("plug", "vcpu3", "cancelled"), ("unplug", "vcpu1", "done")], results


def test_before_the_guest_runs():
    """As libvirt has it: then its tables have them, and there is no event."""
    with Guest(run=False) as guest:
        guest.add(1, "vcpu1")
        guest.qmp.execute("cont")
        assert guest.flags(1) == PRESENT
        data = guest.done(operation="plug")
        assert data["result"] == "done" and "boots" in data["reason"], data
        guest.qtest.port_out(0x70, 1, 0x5f)
        assert guest.qtest.port_in(0x71, 1) == 1


def test_devices_of_the_command_line():
    with Guest("1,maxcpus=4", "-device", f"{TYPE},id=vcpu3,socket-id=0,core-id=3,thread-id=0") \
            as guest:
        assert guest.present() == [0, 3] and guest.flags(3) == PRESENT
        guest.remove("vcpu3")
        guest.give_back(3)
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu3"})


# ---- a number of CPUs ----

def test_set():
    with Guest() as guest:
        answer = guest.qmp.execute("cpus-set", {"cpus": 3})
        assert answer["cpus"] == 3, answer
        assert [op["device"] for op in answer["operations"]] == ["vcpu1", "vcpu2"], answer
        guest.accept(1)
        guest.accept(2)
        answer = guest.qmp.execute("cpus-set", {"cpus": 1})
        assert [op["device"] for op in answer["operations"]] == ["vcpu2", "vcpu1"], answer
        assert guest.qmp.execute("cpus-set", {"cpus": 1})["operations"] == []
        # Another thought: what the guest has not seen is withdrawn.
        guest.qmp.execute("cpus-set", {"cpus": 3})
        assert [guest.flags(cpu) for cpu in range(4)] == [1, 1, 1, 0]
        assert "plug of vcpu2" in guest.hmp("info cpu-operations")
        assert guest.hmp("cpus set 3") == ""
        with refused("expects 1 to 4; got 0: CPU 0 stays"):
            guest.qmp.execute("cpus-set", {"cpus": 0})
        with refused("expects 1 to 4; got 5: -smp maxcpus= sets the limit"):
            guest.qmp.execute("cpus-set", {"cpus": 5})
        assert guest.present() == [0, 1, 2]
        for seconds in (0, 86401):
            with refused(f"Parameter 'timeout' expects 1 to 86400 seconds; got {seconds}"):
                guest.qmp.execute("cpus-set", {"cpus": 4, "timeout": seconds})
        assert guest.present() == [0, 1, 2]
    with Guest("2") as guest, refused("no others are possible; start with -smp 2,maxcpus=M"):
        guest.qmp.execute("cpus-set", {"cpus": 1})


def test_cancel():
    with Guest() as guest:
        guest.plugged(1)
        guest.remove("vcpu1")
        number = guest.last()["id"]
        guest.qmp.execute("cpu-operation-cancel", {"id": number})
        assert guest.flags(1) == PRESENT and guest.last()["result"] == "cancelled"
        with refused("has ended: cancelled"):
            guest.qmp.execute("cpu-operation-cancel", {"id": number})
        for command in ("cpu-operation-cancel", "memory-operation-cancel"):
            with refused("operation 77 not found; query-memory-operations, query-cpu-operations and query-device-"):
                guest.qmp.execute(command, {"id": 77})


def test_one_count():
    with Guest("1,maxcpus=4", "-m", "64M,slots=2,maxmem=1G") as guest:
        guest.plugged(1)
        dimm = guest.qmp.execute("memory-plug", {"size": 128 << 20})
        assert dimm["id"] == 2, dimm
        guest.remove("vcpu1")
        assert guest.last()["id"] == 3
        # Each query shows those of its kind; either command cancels both.
        assert [entry["id"] for entry in guest.qmp.execute("query-memory-operations")] == [2]
        assert [entry["id"] for entry in guest.qmp.execute("query-cpu-operations")] == [1, 3]
        with refused("already visible to the guest"):
            guest.qmp.execute("cpu-operation-cancel", {"id": 2})
        guest.qmp.execute("memory-operation-cancel", {"id": 3})
        assert guest.flags(1) == PRESENT and guest.last()["result"] == "cancelled"
        assert guest.qmp.execute("cpus-set", {"cpus": 3})["operations"][0]["id"] == 4


# ---- what is refused ----

def test_places():
    with Guest("1,maxcpus=8,sockets=2,cores=2,threads=2", "-numa", "node,cpus=0-3,mem=32M",
               "-numa", "node,cpus=4-7,mem=32M") as guest:
        def add(**properties):
            guest.qmp.execute("device_add", {"driver": TYPE, **{
                key.replace("_", "-"): value for key, value in properties.items()}})

        with refused("CPU socket-id is not set; query-hotpluggable-cpus lists the places"):
            add()
        with refused("CPU core-id is not set"):
            add(socket_id=0)
        with refused("CPU thread-id is not set"):
            add(socket_id=0, core_id=0)
        for name, last in (("socket-id", 1), ("core-id", 1), ("thread-id", 1), ("die-id", 0)):
            with refused(f"Invalid CPU {name}: 2 must be in range 0:{last}"):
                add(**{"socket-id": 1, "core-id": 1, "thread-id": 1, name: 2})
        with refused("CPU socket-id is not set; free is socket-id=0,core-id=0,thread-id=1"):
            add(socket_id=-1, core_id=0, thread_id=0)
        with refused("socket-id"):
            add(socket_id=4294967296, core_id=0, thread_id=0)
        with refused("socket-id"):
            add(socket_id="x", core_id=0, thread_id=0)
        with refused("invalid node-id, must be 1"):
            add(socket_id=1, core_id=0, thread_id=0, node_id=0)
        with refused("CPU[0] with APIC ID 0 exists: it is /machine/unattached/device[0]; free is"):
            add(socket_id=0, core_id=0, thread_id=0)
        add(socket_id=1, core_id=0, thread_id=1, node_id=1, id="b")
        with refused("Duplicate device ID 'b'"):
            add(socket_id=0, core_id=0, thread_id=0, id="b")
        with refused("CPU[5] with APIC ID 5 exists: it is b"):
            add(socket_id=1, core_id=0, thread_id=1, id="c")
        with refused("bus"):
            add(socket_id=1, core_id=1, thread_id=1, bus="pci.0")
        with refused("Parameter 'id' expects an identifier"):
            add(socket_id=1, core_id=1, thread_id=1, id="9z")
        with refused("'qemu64' is not a valid device model name"):
            guest.qmp.execute("device_add", {"driver": "qemu64"})
        with refused("Device 'nope' not found", error="DeviceNotFound"):
            guest.remove("nope")
        with refused("Boot CPU is unpluggable"):
            guest.remove("/machine/unattached/device[0]")
        assert guest.present() == [0, 5]
        node = guest.qmp.execute("query-cpus-fast")[1]["props"]
        assert node == {"socket-id": 1, "core-id": 0, "thread-id": 1, "node-id": 1}, node
        assert "node 1 cpus: 5\n" in guest.hmp("info numa").replace("\r", "")


def test_a_machine_without_other_cpus():
    with Guest("2") as guest:
        assert guest.qtest.port_in(FLAGS, 1) == 0xff              # no registers
        with refused("CPU[1] with APIC ID 1 exists", "for more CPUs start with -smp N,maxcpus=M"):
            guest.add(1, cores=2)
        with refused("not found", error="DeviceNotFound"):
            guest.remove("/machine/unattached/device[1]")
        assert len(guest.qmp.execute("query-hotpluggable-cpus")) == 2
        assert all(slot["slot-type"] != "CPU"
                   for slot in guest.qmp.execute("query-acpi-ospm-status"))


def test_the_command_line():
    for options, word in (
            (["-smp", "1,maxcpus=2", "-device", f"{TYPE},socket-id=0,core-id=0,thread-id=0"],
             "CPU[0] with APIC ID 0 exists"),
            (["-smp", "1,maxcpus=2", "-device", TYPE], "CPU socket-id is not set"),
            (["-machine", "none", "-device", f"{TYPE},socket-id=0,core-id=0,thread-id=0"],
             "this machine has no CPUs")):
        ended = subprocess.run([PROGRAM, "-accel", "qtest", "-S", *options], timeout=60,
                               capture_output=True, text=True, check=False)
        assert ended.returncode == 1 and word in ended.stderr, ended


# ---- hostile guests ----

def test_registers():
    with Guest("1,maxcpus=3,sockets=1,cores=3,threads=1") as guest:
        guest.add(2, "vcpu2", cores=3)
        for cpu in (0, 1, 3, 0xffffffff):
            guest.write(cpu, EJECT)                               # the boot CPU, empty, none
        assert guest.present() == [0, 2]
        for offset in range(12):
            for width in (1, 2, 4):
                for value in (0, 1, 2, 0xff, 0xffffffff):
                    if not (offset <= 4 < offset + width and value & EJECT):
                        guest.qtest.port_out(SELECT + offset, width, value & (1 << 8 * width) - 1)
                    guest.qtest.port_in(SELECT + offset, width)
        assert guest.present() == [0, 2]
        guest.notice(2)
        # Nobody asked for it.
        guest.write(2, EJECT)
        guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu2"})
        assert "without a request" in guest.last()["reason"] or guest.last()["result"] == "done"
        guest.write(2, EJECT)
        guest.add(2, "vcpu2", cores=3)
        assert guest.flags(2) == PRESENT | INSERT


def test_reports_without_end():
    with Guest() as guest:
        guest.plugged(1)
        for number in range(2000):
            guest.ost(1, 3, number)
            guest.ost(3, 1, number)
        assert guest.present() == [0, 1]
        last = [slot for slot in guest.qmp.execute("query-acpi-ospm-status")
                if slot["slot-type"] == "CPU"][1]
        assert last["status"] == 1999, last
        events = [event for event in guest.qmp.take_events() if event["event"] == "ACPI_DEVICE_OST"]
        assert len(events) < 200, len(events)


def test_a_thousand_times():
    with Guest() as guest:
        guest.plugged(1)
        guest.remove("vcpu1")
        guest.give_back(1)
        guest.qmp.wait_event("DEVICE_DELETED")
        threads, fds = guest.count_threads(), guest.fds()
        for _ in range(200):
            guest.add(1, "vcpu1")
            guest.accept(1)
            guest.done(operation="plug")
            guest.remove("vcpu1")
            guest.give_back(1)
            guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
            guest.done(operation="unplug")
        assert (guest.count_threads(), guest.fds()) == (threads, fds)


if __name__ == "__main__":
    tap.main()
