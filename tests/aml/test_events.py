#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""How the guest learns of events: the scan, started by GPE 3 (\\_GPE._E03, on
machine hotram-1's own DSDT) or by the Generic Event Device (_EVT)."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1])]
from lib import tap                                          # noqa: E402
from aml.acpica import (                                     # noqa: E402
    BUTTON_PRESSED, DEVICE_CHECK, EJECT_REQUEST, NOTHING, Interpreter, device)

GIB = 1 << 30
KINDS = ("gpe", "ged")
COUNTS = (1, 3, 256)


def interpreters(*counts):
    for kind in KINDS:
        for count in counts:
            with Interpreter(kind, count) as acpi:
                yield acpi


def plug(acpi, slot, how="hot"):
    return acpi.host("plug", slot, (slot + 1) * GIB, GIB, 0, how)


def insert(slot):
    return device(slot), DEVICE_CHECK


def removal(slot):
    return device(slot), EJECT_REQUEST


def nothing_pending(acpi):
    return not any(any(slot.pending) for slot in acpi.slots().values())


def test_an_insertion_is_a_device_check_of_its_slot():
    for acpi in interpreters(*COUNTS):
        for slot in range(acpi.slot_count):
            assert plug(acpi, slot).raised == 1
            assert acpi.slots()[slot].pending == (True, False)
            assert acpi.event().notified == [insert(slot)]
            assert nothing_pending(acpi)


def test_a_removal_is_an_eject_request_to_its_slot():
    for acpi in interpreters(*COUNTS):
        for slot in range(acpi.slot_count):
            plug(acpi, slot, "cold")
        for slot in range(acpi.slot_count):
            assert acpi.host("ask", slot).raised == 1
            assert acpi.event().notified == [removal(slot)]
            assert nothing_pending(acpi)


def test_a_dimm_that_is_there_at_start_is_no_event():
    for acpi in interpreters(3):
        assert plug(acpi, 1, "cold").raised == 0
        assert acpi.event().notified == []


def test_insertion_and_removal_pending_in_one_slot_are_both_delivered():
    for acpi in interpreters(*COUNTS):
        slot = acpi.slot_count - 1
        plug(acpi, slot)
        acpi.host("ask", slot)
        assert acpi.slots()[slot].pending == (True, True)
        assert acpi.event().notified == [insert(slot), removal(slot)]
        assert nothing_pending(acpi)
        assert acpi.event().notified == []


def test_insertion_and_removal_pending_in_two_slots_are_both_delivered():
    for acpi in interpreters(3, 256):
        for first, second in ((0, 1), (1, 0), (0, acpi.slot_count - 1)):
            acpi.new_bank()
            plug(acpi, first, "cold")
            acpi.host("ask", first)
            plug(acpi, second)
            wanted = {first: removal(first), second: insert(second)}
            assert acpi.event().notified == [wanted[slot]
                                             for slot in sorted(wanted)]
            assert nothing_pending(acpi)


def test_one_scan_delivers_the_events_of_all_slots():
    for acpi in interpreters(3, 256):
        wanted = []
        for slot in range(acpi.slot_count):
            is_cold, is_asked = slot % 3 == 0, slot % 3 != 1
            plug(acpi, slot, "cold" if is_cold else "hot")
            if not is_cold:
                wanted.append(insert(slot))
            if is_asked:
                acpi.host("ask", slot)
                wanted.append(removal(slot))
        assert acpi.event().notified == wanted
        assert nothing_pending(acpi)


def test_a_repeated_request_is_delivered_once_for_each_scan():
    for acpi in interpreters(3):
        plug(acpi, 2, "cold")
        for _ in range(2):
            acpi.host("ask", 2)
            acpi.host("ask", 2)
            assert acpi.event().notified == [removal(2)]
            assert acpi.event().notified == []


def test_a_request_taken_back_before_the_scan_is_not_delivered():
    for acpi in interpreters(3):
        plug(acpi, 2, "cold")
        acpi.host("ask", 2)
        acpi.host("withdraw", 2)
        assert acpi.event().notified == []


# ---- an event that is raised while the scan runs ----

def deliver_all(acpi, answer):
    """Goes on as the operating system does, which clears the event before it
    runs the handler: an event that is raised meanwhile runs it once more."""
    notified = list(answer.notified)
    runs = 1
    while answer.raised:
        answer = acpi.event()
        notified += answer.notified
        runs += 1
        assert runs < 5, "the events do not end"
    return notified


def during_the_scan(acpi, prepare, happen, wanted):
    """Lets something happen before each register access in turn of the scan
    for what was prepared: whenever it is, exactly the wanted notifications
    come, and nothing is left. Returns how many moments there were."""
    moment = 1
    while True:
        acpi.new_bank()
        prepare()
        acpi.host_later(moment, *happen)
        answer = acpi.event()
        if answer.too_late:
            return moment - 1
        # The preparation's status came with the scan's answer: it was done.
        assert answer.statuses == [0], answer.statuses
        notified = deliver_all(acpi, answer)
        assert sorted(notified) == sorted(wanted), (moment, notified)
        assert nothing_pending(acpi), moment
        moment += 1


def test_an_event_in_another_slot_while_the_scan_runs():
    for acpi in interpreters(3, 256):
        last = acpi.slot_count - 1
        for scanned, other in ((0, last), (last, 0)):
            moments = during_the_scan(
                acpi, lambda: plug(acpi, scanned),
                ("plug", other, 600 * GIB, GIB, 0, "hot"),
                [insert(scanned), insert(other)])
            assert moments >= 5, moments


def test_a_removal_asked_for_while_the_scan_delivers_the_insertion():
    for acpi in interpreters(1, 256):
        slot = acpi.slot_count - 1
        moments = during_the_scan(acpi, lambda: plug(acpi, slot),
                                  ("ask", slot),
                                  [insert(slot), removal(slot)])
        assert moments >= 5, moments


def test_a_repeated_request_while_the_scan_runs_is_never_lost():
    """Before the scan clears the event the two requests are one; afterwards
    the second is delivered on its own."""
    for acpi in interpreters(1, 256):
        slot = acpi.slot_count - 1
        times = []
        for moment in range(1, 7):
            acpi.new_bank()
            plug(acpi, slot, "cold")
            acpi.host("ask", slot)
            acpi.host_later(moment, "ask", slot)
            answer = acpi.event()
            if answer.too_late:
                break
            notified = deliver_all(acpi, answer)
            assert set(notified) == {removal(slot)}
            assert nothing_pending(acpi)
            times.append(len(notified))
        # pending, selector, flags, clear | pending; the selector first for GED
        before = 4 if acpi.kind == "gpe" else 5
        assert times == [1] * before + [2], times


# ---- what a scan costs ----

def test_an_idle_scan_is_one_access_to_the_block():
    for acpi in interpreters(*COUNTS):
        if acpi.kind == "gpe":
            expected = [("block", "read", 0x18, 4, NOTHING)]
        else:
            plug(acpi, 0)
            acpi.event()
            acpi.host("ask", 0)              # raises the event, is taken back
            acpi.host("withdraw", 0)
            expected = [("ged", "read", 0, 4, 1),
                        ("block", "read", 0x18, 4, NOTHING)]
        assert acpi.event().accesses == expected


def test_the_cost_of_an_event_does_not_depend_on_the_slots():
    costs = set()
    for acpi in interpreters(*COUNTS):
        for slot in {0, acpi.slot_count // 2, acpi.slot_count - 1}:
            plug(acpi, slot)
            answer = acpi.event()
            block = [access[1:] for access in answer.accesses
                     if access[0] == "block"]
            assert block == [("read", 0x18, 4, slot), ("write", 0, 4, slot),
                             ("read", 0x14, 1, 3), ("write", 0x14, 1, 2),
                             ("read", 0x18, 4, NOTHING)], block
            costs.add((acpi.kind, len(answer.accesses)))
    assert costs == {("gpe", 5), ("ged", 6)}, costs


# ---- Generic Event Device ----

def test_the_event_device_reads_its_selector_once_and_clears_it():
    with Interpreter("ged", 3) as acpi:
        plug(acpi, 1)
        plug(acpi, 2)
        answer = acpi.event()
        assert [access for access in answer.accesses
                if access[0] == "ged"] == [("ged", "read", 0, 4, 1)]
        assert answer.notified == [insert(1), insert(2)]
        # Nobody raised the event: the block is not even looked at.
        assert acpi.event().accesses == [("ged", "read", 0, 4, 0)]


def test_the_event_device_notifies_the_power_button():
    pressed = ("PWRB", BUTTON_PRESSED)
    with Interpreter("ged", 3) as acpi:
        acpi.host("press")
        answer = acpi.event()
        assert answer.notified == [pressed]
        assert answer.accesses == [("ged", "read", 0, 4, 2)]
        assert acpi.event().notified == []

        plug(acpi, 1)
        acpi.host("press")
        assert acpi.event().notified == [insert(1), pressed]


def test_the_power_button_pressed_while_the_scan_runs():
    with Interpreter("ged", 3) as acpi:
        for moment in range(1, 7):
            acpi.new_bank()
            plug(acpi, 1)
            acpi.host_later(moment, "press")
            answer = acpi.event()
            assert answer.statuses == [0] and not answer.too_late
            notified = answer.notified + acpi.event().notified
            assert sorted(notified) == sorted(
                [insert(1), ("PWRB", BUTTON_PRESSED)]), (moment, notified)


if __name__ == "__main__":
    tap.main()
