#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""Every plug and unplug at a root port is an operation with one result. A test works the
slot, as a guest's driver does, and as a guest that has none."""

import contextlib
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, pci, tap                               # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.migration import wait_migration                     # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

PORTS = [word for i in (1, 2) for word in ("-device", f"pcie-root-port,id=pci.{i},chassis={i},addr={i}")]
SLOT_CONTROL, SLOT_STATUS = 0x60, 0x62              # of the capability at 0x48
LISTENS, ON, BLINKS, OFF, NO_POWER = 0x1021, 0x100, 0x200, 0x300, 0x400
PRESSED, PRESENT = 1, 0x40
PATH = "/machine/peripheral/"


class Guest(Host):
    """A machine with a guest's driver of the slot of the first port."""

    def __init__(self, *options, machine="", run=True):
        super().__init__([*PORTS, *(["-machine", machine] if machine else []), *options])
        if run:
            self.qmp.execute("cont")
        self.space, self.port = pci.Ports(self.qtest), pci.devfn(1)

    def status(self):
        return self.space.read(0, self.port, SLOT_STATUS, 2)

    def seen(self):
        self.space.write(0, self.port, SLOT_STATUS, 2, 0x11f)

    def control(self, value):
        self.space.write(0, self.port, SLOT_CONTROL, 2, LISTENS | value)

    def begin(self):
        self.seen()
        self.control(ON if self.status() & PRESENT else OFF | NO_POWER)

    def take(self):
        self.seen()
        self.control(BLINKS)
        self.control(ON)

    def release(self):
        self.seen()
        self.control(BLINKS)
        self.control(OFF | NO_POWER)

    def plug(self, name="rng0", **more):
        self.qmp.execute("device_add", {"driver": "virtio-rng-pci", "bus": "pci.1", **({"id": name} if name else {}),
                                        **more})

    def unplug(self, name="rng0"):
        self.qmp.execute("device_del", {"id": name})

    @contextlib.contextmanager
    def stopped(self):
        """No deadline passes meanwhile."""
        self.qmp.execute("stop")
        yield
        self.qmp.execute("cont")

    def told(self, event, **match):
        return self.qmp.wait_event(f"DEVICE_OPERATION_{event}", match)["data"]

    def operations(self):
        return self.qmp.execute("query-device-operations")

    def results(self):
        return [(one["operation"], one.get("device"), one["result"]) for one in self.operations()]

    def refuses(self, words, command, **arguments):
        try:
            raise AssertionError(self.qmp.execute(command, arguments))
        except QMPError as error:
            assert words in str(error), error


@contextlib.contextmanager
def guest(*options, **more):
    if arch.chosen() is not arch.X86:
        raise tap.Skip("where configuration space is, an arm64 guest reads in its tables")
    with Guest(*options, **more) as host:
        yield host
        assert host.quit() == 0


def test_done():
    with guest() as host:
        host.begin()
        for number in 1, 3:
            host.plug()
            data = host.told("STARTED", id=number)
            assert data == {"id": number, "device": "rng0", "path": f"{PATH}rng0", "operation": "plug",
                            "result": "in-progress", "milliseconds": data["milliseconds"], "deadline": 30000}, data
            assert host.operations()[-1]["result"] == "in-progress"
            host.take()
            data = host.told("DONE", id=number)
            assert data["result"] == "done" and "reason" not in data and "late" not in data, data
            host.unplug()
            assert host.told("STARTED", id=number + 1)["deadline"] == 60000
            host.release()
            host.qmp.wait_event("DEVICE_DELETED", {"device": "rng0"})
            data = host.told("DONE", id=number + 1)
            assert data["result"] == "done" and data["path"] == f"{PATH}rng0" and "reason" not in data, data
        assert host.results() == 2 * [("plug", "rng0", "done"), ("unplug", "rng0", "done")]
        assert not [event for event in host.qmp.events if "OPERATION" in event["event"]], host.qmp.events
        text = host.qmp.execute("human-monitor-command", {"command-line": "info device-operations"})
        assert text.startswith("operation 1: plug of rng0: done after "), text
        assert host.qmp.execute("query-memory-operations") == host.qmp.execute("query-cpu-operations") == []


def test_a_device_without_an_id_has_a_path():
    with guest() as host:
        host.plug(None)
        data = host.told("STARTED")
        assert data["path"] == "/machine/peripheral-anon/device[0]" and "device" not in data, data
        text = host.qmp.execute("human-monitor-command", {"command-line": "info device-operations"})
        assert text.startswith("operation 1: plug of /machine/peripheral-anon/device[0]: in-progress"), text


def test_a_device_of_the_start_has_no_plug():
    with guest("-device", "virtio-rng-pci,id=rng0,bus=pci.1") as host:
        assert host.operations() == []
        host.begin()
        host.unplug()
        host.release()
        assert host.told("DONE")["result"] == "done"


def test_a_guest_that_cannot_use_the_device():
    with guest() as host:
        host.begin()
        host.plug()
        host.seen()
        host.control(BLINKS)
        host.control(OFF | NO_POWER)
        host.qmp.wait_event("DEVICE_DELETED", {"device": "rng0"})
        data = host.told("DONE", id=1)
        assert data["result"] == "refused" and "turned the slot's power off" in data["reason"], data


def test_refused_and_asked_again():
    with guest() as host:
        host.begin()
        host.plug()
        host.take()
        host.unplug()
        host.seen()
        host.control(BLINKS)
        host.control(ON)
        event = host.qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR")
        assert event["data"] == {"device": "rng0", "path": f"{PATH}rng0"}, event
        data = host.told("DONE", id=2)
        assert data["result"] == "refused" and "power indicator on again" in data["reason"], data
        assert not [one for one in host.qmp.events if one["event"] == "DEVICE_UNPLUG_GUEST_ERROR"]
        host.unplug()
        host.release()
        assert host.told("DONE", id=3)["result"] == "done"


def test_a_guest_without_a_driver():
    """It does not answer; a reset carries the removal out, and the device has been found by the next boot."""
    with guest(machine="plug-timeout=1,unplug-timeout=1") as host:
        host.plug()
        data = host.told("DONE", id=1)
        assert data["result"] == "unanswered", data
        assert data["reason"].startswith("no answer in 1 s: the guest has not acknowledged the slot's event"), data
        host.control(ON)                            # late
        data = host.told("LATE", id=1)
        assert data["result"] == "done" and data["late"], data
        assert host.operations()[0]["result"] == "unanswered"
        host.seen()
        with host.stopped():
            host.unplug()
            host.seen()
        data = host.told("DONE", id=2)
        assert data["result"] == "unanswered" and "not acted on it" in data["reason"], data
        with host.stopped():
            host.unplug()                           # a new operation
            host.control(BLINKS)
        data = host.told("DONE", id=3)
        assert data["result"] == "unanswered" and "is working on it" in data["reason"], data
        host.qmp.execute("system_reset")
        host.qmp.wait_event("DEVICE_DELETED", {"device": "rng0"})
        data = host.told("LATE", id=3)
        assert data["result"] == "done" and data["reason"].startswith("completed when the guest was reset"), data
        assert [one["result"] for one in host.operations()] == 3 * ["unanswered"]


def test_a_late_refusal():
    with guest("-device", "virtio-rng-pci,id=rng0,bus=pci.1", machine="unplug-timeout=1") as host:
        host.begin()
        host.unplug()
        host.seen()
        host.control(BLINKS)
        assert host.told("DONE")["result"] == "unanswered"
        host.control(ON)
        host.qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR", {"device": "rng0"})
        assert host.told("LATE")["result"] == "refused"


def test_a_second_request_joins():
    with guest("-device", "virtio-rng-pci,id=rng0,bus=pci.1") as host:
        host.begin()
        host.unplug()
        host.seen()
        host.unplug()                               # reminds the guest
        assert host.status() & PRESSED
        host.seen()
        host.control(BLINKS)
        host.refuses("guest is busy", "device_del", id="rng0")
        host.release()
        assert host.told("DONE", id=1)["result"] == "done"
        assert host.results() == [("unplug", "rng0", "done")]


def test_an_unplug_replaces_a_plug():
    with guest() as host:
        host.begin()
        host.plug()
        host.unplug()                               # a slot without power needs nobody
        data = host.told("DONE", id=1)
        assert data["result"] == "cancelled" and "an unplug was requested" in data["reason"], data
        assert host.told("DONE", id=2)["result"] == "done"


def test_cancelled():
    """Before the guest has seen it the button is released; afterwards it is pressed again."""
    with guest("-device", "virtio-rng-pci,id=rng0,bus=pci.1") as host:
        host.begin()
        host.unplug()
        assert host.status() == PRESENT | PRESSED
        host.qmp.execute("memory-operation-cancel", {"id": 1})
        assert host.told("DONE", id=1)["result"] == "cancelled" and host.status() == PRESENT
        host.unplug()
        host.seen()
        host.control(BLINKS)
        host.qmp.execute("cpu-operation-cancel", {"id": 2})
        assert host.status() == PRESENT | PRESSED
        host.seen()
        host.control(ON)                            # as it was told
        assert host.told("DONE", id=2)["result"] == "cancelled"
        host.refuses("operation 2 has ended: cancelled", "memory-operation-cancel", id=2)
        host.qmp.execute("system_reset")            # nothing is requested any more
        host.qmp.wait_event("RESET")
        host.begin()
        host.unplug()
        host.seen()
        host.control(BLINKS)
        host.qmp.execute("memory-operation-cancel", {"id": 3})
        host.control(OFF | NO_POWER)                # too late
        data = host.told("LATE", id=3)
        assert data["result"] == "done" and host.operations()[-1]["result"] == "cancelled", data
        events = [event["event"] for event in host.qmp.events]
        assert "DEVICE_UNPLUG_GUEST_ERROR" not in events and events.count("DEVICE_DELETED") == 1, events
        host.plug()
        host.told("STARTED", id=4)
        host.refuses("a plug can't be withdrawn", "memory-operation-cancel", id=4)


def test_a_reset_ends_both():
    with guest("-device", "virtio-rng-pci,id=old,bus=pci.2") as host:
        host.begin()
        host.plug()
        host.unplug("old")
        host.qmp.execute("system_reset")
        data = host.told("DONE", id=1)
        assert data["result"] == "cancelled" and "finds the device when it boots" in data["reason"], data
        host.qmp.wait_event("DEVICE_DELETED", {"device": "old"})
        data = host.told("DONE", id=2)
        assert data["result"] == "done" and data["reason"].startswith("completed when the guest was reset"), data
        host.qmp.wait_event("RESET")
        host.unplug()
        host.told("STARTED", id=3)
        host.release()
        assert host.told("DONE", id=3)["result"] == "done"


def test_a_reset_leaves_an_unanswered_plug():
    """A slot that has power since a reset says nothing of a driver."""
    with guest(machine="plug-timeout=1") as host:
        host.plug()
        assert host.told("DONE", id=1)["result"] == "unanswered"
        for _ in range(2):
            host.qmp.execute("system_reset")
            host.qmp.wait_event("RESET")
        host.take()
        host.unplug()
        host.release()
        assert host.told("DONE", id=2)["result"] == "done"
        assert not [event for event in host.qmp.events if event["event"] == "DEVICE_OPERATION_LATE"], host.qmp.events


def test_functions_of_a_slot():
    """They come with function 0 and go with any: one operation for all."""
    with guest() as host:
        host.begin()
        host.plug("b", addr="0.1")
        assert host.operations() == []              # the guest does not look yet
        host.plug("a", addr="0.0", multifunction=True)
        host.take()
        assert host.told("DONE", id=1)["device"] == "a"
        host.unplug("b")
        host.unplug("a")                            # joins
        host.seen()
        host.control(BLINKS)
        host.control(ON)                            # not yet
        for name in "a", "b":
            host.qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR", {"device": name})
        assert host.told("DONE", id=2)["result"] == "refused"
        host.unplug("b")
        host.release()
        for name in "b", "a":
            host.qmp.wait_event("DEVICE_DELETED", {"device": name})
        assert host.told("DONE", id=3)["result"] == "done"
        assert host.results() == [("plug", "a", "done"), ("unplug", "b", "refused"), ("unplug", "b", "done")]


def test_what_fails_is_no_operation():
    with guest("-device", "virtio-rng-pci,id=fixed,addr=4") as host:
        host.refuses("does not support hotplugging", "device_del", id="fixed")
        host.refuses("does not support hotplugging", "device_add", driver="virtio-rng-pci", id="x")
        host.refuses("", "device_add", driver="virtio-mem-pci", id="x", bus="pci.1", memdev="none")
        host.control(BLINKS)
        host.refuses("guest is busy", "device_add", driver="virtio-rng-pci", id="x", bus="pci.1")
        assert host.operations() == []


def test_a_stopped_guest():
    """Its time does not count."""
    with guest(machine="unplug-timeout=1", run=False) as host:
        host.plug()
        data, = host.operations()
        assert data["result"] == "in-progress" and "its deadline is suspended" in data["warning"], data
        host.qmp.execute("cont")
        host.begin()
        host.take()
        assert host.told("DONE", id=1)["result"] == "done"
        host.qmp.execute("stop")
        host.unplug()
        data = host.told("STARTED", id=2)
        assert "its deadline is suspended" in data["warning"], data
        host.qmp.execute("cont")
        data = host.told("DONE", id=2)
        assert data["result"] == "unanswered" and 1000 <= data["milliseconds"], data


def test_they_continue_where_a_snapshot_is_restored():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        file = pathlib.Path(folder, "guest.snapshot")
        devices = ["-device", "virtio-rng-pci,id=old,bus=pci.1", "-device", "virtio-rng-pci,id=new,bus=pci.2"]
        with guest(*devices[:2]) as host:
            host.begin()
            host.unplug("old")
            host.seen()
            host.control(BLINKS)
            host.plug("new", bus="pci.2")
            host.qmp.execute("machine-snapshot", {"file": str(file)})
            before = host.operations()
        with guest(*devices, "-incoming", f"file:{file}") as host:
            after = host.operations()
            for one in before + after:
                one.pop("milliseconds")
                one.pop("warning", None)
            assert before == after and len(after) == 2, (before, after)
            host.control(OFF | NO_POWER)
            assert host.told("DONE", id=1)["result"] == "done"
            host.port = pci.devfn(2)
            host.take()
            assert host.told("DONE", id=2)["result"] == "done"
            host.plug()
            assert host.told("STARTED")["id"] == 3
            host.qmp.execute("system_reset")
            host.told("DONE", id=3)
            host.qmp.execute("machine-snapshot", {"file": f"{file}.idle"})
        with guest(*devices[2:], "-device", "virtio-rng-pci,id=rng0,bus=pci.1", "-incoming",
                   f"file:{file}.idle") as host:
            assert host.operations() == []


def slow(host):
    """A migration that begins does not end until fast()."""
    host.qmp.execute("migrate-set-parameters", {"max-bandwidth": 1, "downtime-limit": 0})


def fast(host):
    host.qmp.execute("migrate-set-parameters", {"max-bandwidth": 0, "downtime-limit": 300})


def test_they_move_with_the_guest():
    """An end that comes while memory is sent is the source's; what is in progress at the switch ends at the target."""
    old, new = (["-device", f"virtio-rng-pci,id={name},bus=pci.{i}"] for i, name in ((1, "old"), (2, "new")))
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder, guest(*old) as source:
        uri = f"unix:{folder}/m"
        with guest(*old, *new, "-incoming", uri, run=False) as target:
            source.begin()
            source.unplug("old")
            source.seen()
            source.control(BLINKS)
            source.plug("new", bus="pci.2")
            slow(source)
            source.qmp.execute("migrate", {"uri": uri})
            wait_migration(source, "active")
            source.refuses("not allowed while migrating", "device_del", id="new")
            source.port = pci.devfn(2)
            source.take()
            assert source.told("DONE", id=2)["result"] == "done"
            fast(source)
            wait_migration(source, "completed")
            target.qmp.execute("cont")
            assert [(one["id"], one["result"]) for one in target.operations()] == [(1, "in-progress")]
            target.control(OFF | NO_POWER)
            target.qmp.wait_event("DEVICE_DELETED", {"device": "old"})
            data = target.told("DONE", id=1)
            assert data["result"] == "done" and "reason" not in data, data
            target.plug()
            assert target.told("STARTED")["id"] == 3


def test_a_device_that_is_released_while_the_guest_moves():
    """The target has it: the guest stays, and the operation ends here."""
    device = ["-device", "virtio-rng-pci,id=rng0,bus=pci.1"]
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder, guest(*device) as source:
        uri = f"unix:{folder}/m"
        with Guest(*device, "-incoming", uri, run=False) as target:
            source.begin()
            source.unplug()
            slow(source)
            source.qmp.execute("migrate", {"uri": uri})
            wait_migration(source, "active")
            source.release()
            source.qmp.wait_event("DEVICE_DELETED", {"device": "rng0"})
            assert source.told("DONE")["result"] == "done"
            fast(source)
            reason = wait_migration(source, "failed")["error-desc"]
            assert "rng0" in reason, reason
            assert target.wait_exit() == 1
        assert source.qmp.execute("query-status")["status"] == "running"
        source.plug()
        source.take()
        assert source.told("DONE", id=2)["result"] == "done"


def test_quit_with_operations_that_have_no_end():
    """In progress, unanswered and withdrawn: each may still receive an answer."""
    devices = [word for name in (1, 2) for word in ("-device", f"virtio-rng-pci,id=old{name},bus=pci.{name}")]
    with guest(*devices, "-device", "pcie-root-port,id=pci.3,chassis=3,addr=3", machine="unplug-timeout=1") as host:
        host.plug("new", bus="pci.3")
        host.unplug("old1")
        assert host.told("DONE", id=2)["result"] == "unanswered"
        host.unplug("old2")
        host.qmp.execute("memory-operation-cancel", {"id": 3})
        assert host.results() == [("plug", "new", "in-progress"), ("unplug", "old1", "unanswered"),
                                  ("unplug", "old2", "cancelled")]


if __name__ == "__main__":
    tap.main()
