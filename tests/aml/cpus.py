# SPDX-License-Identifier: BSD-2-Clause
"""The interpreter of acpica.py with the devices of hot-pluggable processors."""

import struct

from aml.acpica import DEVICE_CHECK, EJECT_REQUEST, Interpreter

KINDS = ("cpu-gpe", "cpu-ged")
# A device status: absent on x86-64, absent on arm64, there (ACPI 6.5, 6.3.7).
ABSENT = {"cpu-gpe": 0, "cpu-ged": 0xd}
THERE = 0xf
# Numbers of enum hotram_cpu_state.
PLUGGED, REMOVAL_REQUESTED, EJECTING = 2, 3, 4


def entry(kind, slot):
    """The entry of a slot in the MADT with the flag "enabled" (5.2.12), byte for
    byte: write_dsdt.c has its ids."""
    if kind == "cpu-ged":
        mpidr = slot // 16 << 8 | slot % 16
        return struct.pack("<BBHIIIIIQQQQIQQBBH", 0x0b, 80, 0, slot, slot, 1, 0, 23,
                           0, 0, 0, 0, 0, 0, mpidr, 0, 0, 0)
    apic_id = slot // 3 * 4 + slot % 3
    if apic_id >= 255 or slot >= 255:
        return struct.pack("<BBHIII", 9, 16, 0, apic_id, 1, slot)
    return struct.pack("<BBBBI", 0, 8, slot, apic_id, 1)


class Processors(Interpreter):
    """cpu-gpe or cpu-ged of write_dsdt.c."""

    def __init__(self, kind, count, table=None):
        self.container = 4 if kind == "cpu-ged" and count % 4 == 0 else count
        self.fixed = 2 if kind == "cpu-ged" and count >= 2 else 1
        super().__init__(kind, count, table)

    def new_bank(self):
        self.host("cpus", self.slot_count)

    def slots(self):
        return self.host("cpu-slots").slots

    def plug(self, slot, how="hot"):
        return self.host("cpu-plug", slot, how)

    def ask(self, slot):
        return self.host("cpu-ask", slot)

    def path(self, slot):
        return rf"\_SB.CP{slot // self.container:02X}.{self.device(slot)}"

    def device(self, slot):
        """The last name of a slot's device, by which notifications are logged."""
        return f"C{slot % self.container:03X}"

    def insert(self, slot):
        return self.device(slot), DEVICE_CHECK

    def removal(self, slot):
        return self.device(slot), EJECT_REQUEST

    def method(self, slot, name, *arguments):
        return self.evaluate(f"{self.path(slot)}.{name}", *arguments)

    def event(self):
        if self.kind == "cpu-ged":
            return self.evaluate(r"\_SB.GED._EVT", 41)
        return self.evaluate(r"\_GPE._E02")

    def deliver_all(self, answer):
        """Goes on as the operating system does, which clears the event before it
        runs the handler: an event that is raised meanwhile runs it once more."""
        notified, runs = list(answer.notified), 1
        while answer.raised:
            answer = self.event()
            notified += answer.notified
            runs += 1
            assert runs < 5, "the events do not end"
        return notified

    def nothing_pending(self):
        return not any(any(slot.pending) for slot in self.slots().values())
