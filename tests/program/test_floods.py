#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: some
"""A guest that reports, or resets itself, without end: monitors hear of it a bounded
number of times and of its last state always, and stay connected though they do not
read for a while."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import CLONE, Machine                       # noqa: E402
from lib.player import EJECT, FLAGS, SIZE, Guest             # noqa: E402
from lib.qmp import QMP                                      # noqa: E402

MICRO = CLONE / "build/native/tests/micro/micro"
LIMIT = 60
BURST = 8                # events of a slot at once
PAUSE = 0.25             # seconds between two resets that a guest asks for


def osts(qmp, last):
    """All ACPI_DEVICE_OST up to that with this status: (slot, status)."""
    found = []
    while not found or found[-1][1] != last:
        info = qmp.wait_event("ACPI_DEVICE_OST", timeout=LIMIT)["data"]["info"]
        found.append((info["slot"], info["status"]))
    return found


def test_a_flood_of_reports_and_its_last_state():
    with Guest() as guest:
        started = time.monotonic()           # where the host is slow, the reports alone take seconds
        for status in range(1, 1001):
            guest.ost(2, 0x100, status)
        found = osts(guest.qmp, 1000)
        seconds = time.monotonic() - started
        assert [slot for slot, _ in found] == ["2"] * len(found)
        assert [status for _, status in found[:BURST]] == [*range(1, BURST + 1)], found
        assert len(found) <= BURST + 2 + seconds, (found, seconds)
        # What the guest has said is known at once, whatever was told.
        assert guest.qmp.execute("query-acpi-ospm-status")[2]["status"] == 1000


def test_a_flood_does_not_silence_other_slots():
    with Guest() as guest:
        for status in range(1, 301):
            guest.ost(0, 0x100, status)
        guest.ost(1, 0x100, 7)
        while guest.qmp.wait_event("ACPI_DEVICE_OST", timeout=LIMIT)["data"]["info"]["slot"] != "1":
            pass


def test_what_an_honest_guest_reports_is_told_at_once_and_in_order():
    with Guest() as guest:
        guest.plug()
        guest.accept(0)
        guest.done(result="done")
        guest.unplug()
        guest.notice(0)
        for _ in range(3):                   # "ejection in progress"
            guest.ost(0, 0x103, 0x84)
        guest.qtest.port_out(FLAGS, 1, EJECT)
        names = []
        while "MEMORY_OPERATION_DONE" not in names:
            names.append(guest.qmp.wait_event_of("ACPI_DEVICE_OST", "DEVICE_DELETED",
                                                 "MEMORY_OPERATION_DONE")["event"])
        assert names == ["ACPI_DEVICE_OST"] * 4 + ["DEVICE_DELETED", "MEMORY_OPERATION_DONE"], names


def test_answers_are_told_at_once_however_often_the_host_asks():
    """Before the operation's own end: one slot's DIMM comes and goes, as an orchestrator's
    may, and each answer is told although none of the events before is a second old."""
    with Guest() as guest:
        for _ in range(3 * BURST):
            guest.plug()
            guest.accept(0)
            assert next_of(guest.qmp) == "ACPI_DEVICE_OST"
            guest.done(result="done")
            guest.unplug()
            guest.notice(0)
            guest.ost(0, 0x103, 0x84)
            assert next_of(guest.qmp) == "ACPI_DEVICE_OST"
            guest.qtest.port_out(FLAGS, 1, EJECT)
            guest.done(result="done", operation="unplug")


def next_of(qmp):
    return qmp.wait_event_of("ACPI_DEVICE_OST", "MEMORY_OPERATION_DONE")["event"]


def test_the_last_report_comes_before_the_dimm_is_gone():
    with Guest() as guest:
        guest.plugged()
        guest.unplug()
        guest.notice(0)
        for status in range(0x1000, 0x1000 + 500):
            guest.ost(0, 0x100, status)
        guest.qtest.port_out(FLAGS, 1, EJECT)
        statuses = []
        while True:
            event = guest.qmp.wait_event_of("ACPI_DEVICE_OST", "DEVICE_DELETED")
            if event["event"] == "DEVICE_DELETED":
                break
            statuses.append((event["data"]["info"]["device"], event["data"]["info"]["status"]))
        assert statuses[-1] == ("dimm0", 0x1000 + 499), statuses
        guest.done(result="done", operation="unplug")


def test_operations_end_as_the_guest_said_last():
    """Of more reports than are kept, the last of each slot still counts."""
    with Guest(memory="128M,slots=4,maxmem=2G") as guest:
        for slot in range(4):
            guest.plug(size=SIZE)
            guest.notice(slot)
        for _ in range(200):
            for slot in range(4):
                guest.ost(slot, 1, 0x80)
        for slot in range(4):
            guest.done(device=f"dimm{slot}", result="refused")


def micro(*options):
    return Machine(["-m", "64M,slots=4,maxmem=8G", "-kernel", MICRO, *options], kernel=None,
                   reboot=True)


@tap.kvm
def test_a_client_that_does_not_read_stays_connected():
    with micro() as machine:
        machine.console.wait_for("micro", LIMIT)
        idle = QMP(machine.folder / "qmp", LIMIT)
        fds = machine.fds()
        for _ in range(40):
            machine.console.send_keys("f")
            machine.qmp.execute("query-status")
            machine.qmp.clear_events()
            time.sleep(0.03)
        assert machine.fds() == fds
        idle.execute("query-status")
        assert sum(event["event"] == "ACPI_DEVICE_OST" for event in idle.take_events()) < 200


@tap.kvm
def test_a_guest_that_resets_itself_all_the_time():
    with micro() as machine:
        position = 0

        def reset(again=True):
            nonlocal position
            machine.console.wait_for("micro", LIMIT, position)
            position = machine.console.position
            if again:
                machine.console.send_keys("r")

        # However slow all else is: so many resets have waited for all pauses but the first.
        count, begin = 6, time.monotonic()
        for _ in range(count):
            reset()
            machine.qmp.wait_event("RESET", {"guest": True}, LIMIT)
            assert machine.qmp.execute("query-status")["status"] == "running"
        passed = time.monotonic() - begin
        assert passed >= (count - 1) * PAUSE, passed
        # It can be stopped, reset and ended while its own reset waits.
        reset()
        machine.qmp.execute("stop")
        machine.qmp.execute("system_reset")
        machine.qmp.wait_event("RESET", {"guest": False}, LIMIT)
        machine.qmp.execute("cont")
        reset()
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
