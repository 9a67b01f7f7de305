#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The AML of hot-pluggable processors: the methods of their devices, and how the
guest learns of events, by GPE 2 (\\_GPE._E02, local APICs) or by the Generic
Event Device (_EVT, a GIC)."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1])]
from lib import tap                                          # noqa: E402
from aml.acpica import (                                     # noqa: E402
    AcpiError, DEVICE_CHECK, EJECT_REQUEST, OST_EJECT, OST_IN_PROGRESS, OST_SUCCESS)
from aml.cpus import (                                       # noqa: E402
    ABSENT, EJECTING, KINDS, PLUGGED, REMOVAL_REQUESTED, THERE, Processors, entry)

COUNTS = (1, 3, 255)


def interpreters(*counts, kinds=KINDS):
    for kind in kinds:
        for count in counts:
            with Processors(kind, count) as acpi:
                yield acpi


def some(acpi):
    """First, middle and last slot."""
    return sorted({0, acpi.slot_count // 2, acpi.slot_count - 1})


# ---- the devices ----

def test_each_slot_has_a_device_with_its_ids_and_its_entry_of_the_madt():
    for acpi in interpreters(1, 3, 8, 255):
        for slot in range(acpi.slot_count):
            assert acpi.method(slot, "_UID").value == slot
            assert acpi.method(slot, "_MAT").value == entry(acpi.kind, slot), slot
            if acpi.kind == "cpu-ged":
                assert acpi.method(slot, "_PXM").value == slot // 4


def test_an_absent_processor_may_come():
    for acpi in interpreters(*COUNTS):
        for slot in range(acpi.slot_count):
            assert acpi.method(slot, "_STA").value == ABSENT[acpi.kind]


def test_the_status_is_that_of_the_slot():
    for acpi in interpreters(*COUNTS):
        for slot in some(acpi):
            acpi.plug(slot, "cold")
            for other in some(acpi):
                there = other <= slot
                assert acpi.method(other, "_STA").value == (THERE if there else ABSENT[acpi.kind])


def test_from_the_eject_on_the_status_is_absent():
    for acpi in interpreters(3, 255):
        slot = acpi.slot_count - 1
        acpi.plug(slot, "cold")
        acpi.ask(slot)
        assert acpi.slots()[slot].state == REMOVAL_REQUESTED
        assert acpi.method(slot, "_EJ0", 1).ejects == [slot]
        assert acpi.slots()[slot].state == EJECTING
        assert acpi.method(slot, "_STA").value == ABSENT[acpi.kind]
        acpi.host("cpu-finish", slot)
        acpi.plug(slot)
        assert acpi.method(slot, "_STA").value == THERE
        assert acpi.event().notified == [acpi.insert(slot)]


def test_fixed_processors_have_no_eject_method():
    for acpi in interpreters(*COUNTS):
        for slot in range(acpi.fixed):
            try:
                acpi.method(slot, "_EJ0", 1)
            except AcpiError:
                continue
            raise AssertionError(f"{slot} can be ejected")


def test_reports_name_their_slot():
    for acpi in interpreters(*COUNTS):
        for slot in some(acpi):
            for event, status in ((1, OST_SUCCESS), (OST_EJECT, OST_IN_PROGRESS), (0x103, 0xffffffff)):
                answer = acpi.method(slot, "_OST", event, status, "(00)")
                assert answer.osts == [(slot, event, status)]


# ---- events ----

def test_an_insertion_is_a_device_check_of_its_slot():
    for acpi in interpreters(*COUNTS):
        for slot in range(acpi.slot_count):
            assert acpi.plug(slot).raised == 1
            assert acpi.event().notified == [acpi.insert(slot)]
        assert acpi.nothing_pending()


def test_a_removal_is_an_eject_request_to_its_slot():
    for acpi in interpreters(*COUNTS):
        for slot in range(acpi.slot_count):
            acpi.plug(slot, "cold")
            assert acpi.event().notified == []
            assert acpi.ask(slot).raised == 1
            assert acpi.event().notified == [acpi.removal(slot)]
        assert acpi.nothing_pending()


def test_one_scan_delivers_all_that_is_pending():
    for acpi in interpreters(*COUNTS):
        wanted = []
        for slot in range(acpi.slot_count):
            acpi.plug(slot)
            acpi.ask(slot)
            wanted += [acpi.insert(slot), acpi.removal(slot)]
        assert acpi.event().notified == wanted
        assert acpi.nothing_pending()
        assert acpi.event().notified == []


def test_a_scan_finds_an_event_whatever_the_guest_has_selected():
    for acpi in interpreters(3):
        for selected in (0, 2, 3, 0xffffffff):
            acpi.new_bank()
            acpi.plug(1)
            acpi.evaluate(r"\_SB.CHPD.CSTA", selected)
            assert acpi.event().notified == [acpi.insert(1)]


def test_a_request_taken_back_before_the_scan_is_not_delivered():
    for acpi in interpreters(3):
        acpi.plug(2, "cold")
        acpi.ask(2)
        acpi.host("cpu-withdraw", 2)
        assert acpi.event().notified == []
        assert acpi.slots()[2].state == PLUGGED


# ---- an event that is raised while the scan runs ----

def during_the_scan(acpi, prepare, happen, wanted):
    """Lets something happen before each register access in turn of the scan for
    what was prepared: whenever it is, exactly the wanted notifications come, and
    nothing is left. Returns how many moments there were."""
    moment = 1
    while True:
        acpi.new_bank()
        prepare()
        acpi.host_later(moment, *happen)
        answer = acpi.event()
        if answer.too_late:
            return moment - 1
        assert answer.statuses == [0], answer.statuses
        notified = acpi.deliver_all(answer)
        assert sorted(notified) == sorted(wanted), (moment, notified)
        assert acpi.nothing_pending(), moment
        moment += 1


def test_an_event_of_another_slot_before_each_access_of_the_scan():
    for acpi in interpreters(3, 255):
        last = acpi.slot_count - 1
        for scanned, other in ((0, last), (last, 0)):
            moments = during_the_scan(acpi, lambda: acpi.plug(scanned), ("cpu-plug", other, "hot"),
                                      [acpi.insert(scanned), acpi.insert(other)])
            assert moments >= 7, moments


def test_a_removal_asked_for_before_each_access_of_the_scan():
    for acpi in interpreters(*COUNTS):
        slot = acpi.slot_count - 1
        moments = during_the_scan(acpi, lambda: acpi.plug(slot), ("cpu-ask", slot),
                                  [acpi.insert(slot), acpi.removal(slot)])
        assert moments >= 7, moments


def test_an_event_before_each_access_while_everything_is_pending():
    """With every other slot pending: the new event may come before or behind
    those, and is delivered, like all of them, exactly once."""
    for acpi in interpreters(3, kinds=("cpu-gpe",)):
        def prepare():
            for slot in (0, 2):
                acpi.plug(slot)
                acpi.ask(slot)
        wanted = [step(slot) for slot in (0, 2) for step in (acpi.insert, acpi.removal)]
        assert during_the_scan(acpi, prepare, ("cpu-plug", 1, "hot"), wanted + [acpi.insert(1)]) >= 12


# ---- what a scan costs ----

def test_the_cost_of_an_event_does_not_depend_on_the_slots():
    for acpi in interpreters(*COUNTS):
        for slot in some(acpi):
            acpi.plug(slot)
            block = [access[1:] for access in acpi.event().accesses if access[0] == "cpus"]
            assert block == [("write", 0, 4, 0), ("write", 5, 1, 0), ("read", 4, 1, 3), ("read", 8, 4, slot),
                             ("write", 4, 1, 2), ("write", 5, 1, 0), ("read", 4, 1, 1)], block


def test_two_events_of_a_slot_cost_one_access_more_than_one():
    for acpi in interpreters(3):
        acpi.plug(1)
        acpi.ask(1)
        answer = acpi.event()
        assert answer.notified == [(acpi.device(1), DEVICE_CHECK), (acpi.device(1), EJECT_REQUEST)]
        assert len([access for access in answer.accesses if access[0] == "cpus"]) == 8


def test_the_event_device_hears_of_cpus_in_bit_3():
    with Processors("cpu-ged", 3) as acpi:
        acpi.plug(1)
        answer = acpi.event()
        assert [access for access in answer.accesses if access[0] == "ged"] == [("ged", "read", 0, 4, 8)]
        assert acpi.event().accesses == [("ged", "read", 0, 4, 0)]


if __name__ == "__main__":
    tap.main()
