#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The methods of the slots' devices, for every slot."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1])]
from lib import tap                                          # noqa: E402
from aml.acpica import (                                     # noqa: E402
    EJECTING, EJECT_REQUEST, E_STATE, NOTHING, OST_EJECT, OST_IN_PROGRESS,
    OST_SUCCESS, PLUGGED, REMOVAL_REQUESTED, Interpreter, device, resources)

GIB = 1 << 30
FOUR_GIB = 4 * GIB
KINDS = ("gpe", "ged")
COUNTS = (1, 3, 256)


def interpreters():
    for kind in KINDS:
        for count in COUNTS:
            with Interpreter(kind, count) as acpi:
                yield acpi


def dimm_of(slot):
    """A range whose registers all differ, and from slot to slot."""
    addr = 0x1_2345_6000 + slot * 0x1_0101_0000_0000
    return addr, 0x3_0000_1000 + slot * 0x1000, 0x70605040 + slot


def reads_empty(acpi, slot):
    return (acpi.method(slot, "_STA").value == 0
            and acpi.method(slot, "_PXM").value == 0
            and acpi.method(slot, "_CRS").value == resources(0, 0))


def test_the_interpreter_reads_our_registers():
    # With the region's fill value it would not be all ones.
    for acpi in interpreters():
        answer = acpi.evaluate(r"\_SB.MHPD.MPND")
        assert answer.value == NOTHING, answer.text
        assert answer.accesses == [("block", "read", 0x18, 4, NOTHING)]
        # While it starts, ACPICA evaluates each device's _STA.
        assert len(acpi.started.accesses) == 2 * acpi.slot_count


def test_empty_slots_have_no_status_no_node_and_no_range():
    for acpi in interpreters():
        for slot in range(acpi.slot_count):
            assert reads_empty(acpi, slot), slot


def test_plugged_slots_have_the_dimm_s_own_status_node_and_range():
    for acpi in interpreters():
        for slot in range(acpi.slot_count):
            acpi.host("plug", slot, *dimm_of(slot), "cold")
        for slot in range(acpi.slot_count):
            addr, size, node = dimm_of(slot)
            assert acpi.method(slot, "_STA").value == 0xf
            assert acpi.method(slot, "_PXM").value == node
            crs = acpi.method(slot, "_CRS").value
            assert crs == resources(addr, size), (slot, crs.hex())


def test_only_the_slot_itself_answers():
    for acpi in interpreters():
        middle = acpi.slot_count // 2
        acpi.host("plug", middle, *dimm_of(middle), "cold")
        for slot in range(acpi.slot_count):
            assert reads_empty(acpi, slot) != (slot == middle), slot


def test_ranges_around_4_gib():
    ranges = [(0x1000_0000, 0x1000),             # the bank's first page
              (GIB, GIB),
              (FOUR_GIB - 0x1000, 0x1000),       # ends at 4 GiB
              (0x1000_0000, FOUR_GIB - 0x1000_0000),
              (FOUR_GIB - 0x1000, 0x1001),       # a byte longer
              (FOUR_GIB - 1, 2),
              (FOUR_GIB, 0x1000),                # begins there
              (0x1000_0000, 1 << 40),
              ((1 << 63) - 0x1000, 0x1000)]      # the bank's last page
    for kind in KINDS:
        with Interpreter(kind, 3) as acpi:
            for addr, size in ranges:
                acpi.new_bank()
                acpi.host("plug", 1, addr, size, 0, "cold")
                crs = acpi.method(1, "_CRS").value
                assert crs == resources(addr, size), (hex(addr), crs.hex())
                is_small = crs[0] == 0x87
                assert is_small == (addr + size <= FOUR_GIB), hex(addr)


def test_ost_reports_event_and_status_of_the_slot_empty_or_not():
    for acpi in interpreters():
        for slot in range(0, acpi.slot_count, 2):
            acpi.host("plug", slot, *dimm_of(slot), "cold")
        for slot in range(acpi.slot_count):
            event, status = 0x100 + slot, 0x80000000 + slot
            answer = acpi.ost(slot, event, status)
            assert answer.osts == [(slot, event, status)], answer.osts
            assert not answer.ejects and not answer.notified


def test_eject_gives_back_the_slot_and_no_other():
    for acpi in interpreters():
        everyone = range(acpi.slot_count)
        for slot in everyone:
            acpi.host("plug", slot, *dimm_of(slot), "cold")
        for slot in everyone:
            answer = acpi.method(slot, "_EJ0", 1)
            assert answer.ejects == [slot] and not answer.osts
            # The guest reads an empty slot at once, the host finishes later.
            assert reads_empty(acpi, slot), slot
            states = {number: slot.state
                      for number, slot in acpi.slots().items()}
            assert states == {number: EJECTING if number == slot else PLUGGED
                              for number in everyone if number >= slot}
            acpi.host("finish", slot)
            assert reads_empty(acpi, slot), slot
        assert not acpi.slots()


def test_eject_of_an_empty_slot_is_ignored():
    for acpi in interpreters():
        for slot in range(acpi.slot_count):
            assert not acpi.method(slot, "_EJ0", 1).ejects
        assert not acpi.slots()


def test_an_unplug_as_linux_does_it():
    for acpi in interpreters():
        slot = acpi.slot_count - 1
        for _ in range(2):                      # the slot can be used again
            acpi.host("plug", slot, *dimm_of(slot), "cold")
            acpi.host("ask", slot)
            assert acpi.event().notified == [(device(slot), EJECT_REQUEST)]
            assert acpi.slots()[slot].state == REMOVAL_REQUESTED

            answer = acpi.ost(slot, OST_EJECT, OST_IN_PROGRESS)
            assert answer.osts == [(slot, OST_EJECT, OST_IN_PROGRESS)]
            assert acpi.method(slot, "_EJ0", 1).ejects == [slot]
            assert acpi.method(slot, "_STA").value == 0
            answer = acpi.ost(slot, OST_EJECT, OST_SUCCESS)
            assert answer.osts == [(slot, OST_EJECT, OST_SUCCESS)]

            acpi.host("finish", slot)
            acpi.host("finish", slot, status=E_STATE)
            assert not acpi.slots()
            assert not acpi.event().notified


def test_methods_that_run_at_the_same_time_keep_their_accesses_together():
    """ACPICA runs one method while another waits at an operation region; the
    AML's mutex keeps them apart from the selector to the last access."""
    with Interpreter("gpe", 3) as acpi:
        scope = r"\_SB.MHPD."
        other = [scope + "MP02._PXM"]
        methods = ([scope + "MP01._STA"], [scope + "MP01._CRS"],
                   [scope + "MP01._PXM"], [scope + "MP01._EJ0", "1"],
                   [scope + "MP01._OST", "3", "0x84", "(00)"], [r"\_GPE._E03"])

        def prepare():
            acpi.new_bank()
            acpi.host("plug", 1, *dimm_of(1), "hot")
            acpi.host("plug", 2, *dimm_of(2), "cold")

        for method in methods:
            prepare()
            alone = acpi.evaluate(*method).accesses
            others = acpi.evaluate(*other).accesses
            for moment in range(1, len(alone) + 1):
                prepare()
                both = acpi.together(moment, method, other)
                assert both == alone + others, (moment, method, other, both, alone, others)
            for moment in range(1, len(others) + 1):
                prepare()
                both = acpi.together(moment, other, method)
                assert both == others + alone, (moment, other, method, both, others, alone)


if __name__ == "__main__":
    tap.main()
