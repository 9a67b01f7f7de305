#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Random scenarios: the host plugs and asks for removals as it likes, also in
the middle of what the guest does; an operating system reacts. Host, bank and
system must be of one mind. HOTRAM_SEED replays a run."""

import os
import pathlib
import random
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1])]
from lib import tap                                          # noqa: E402
from aml.acpica import (                                     # noqa: E402
    BUTTON_PRESSED, CONTROL, DEVICE_CHECK, EJECTING, EJECT_REQUEST, NOTHING,
    OK, OST_BUSY, OST_EJECT, OST_INSERT, OST_IN_PROGRESS, OST_SUCCESS, PENDING,
    PLUGGED, REMOVAL_REQUESTED, SELECTOR, Interpreter, resources, words_of)

GIB = 1 << 30
SCENARIOS = 150
STEPS = 12
ENABLED, INSERT, REMOVE = 1, 2, 4     # bits of the flags register

# The states in which a command of the host is carried out, and what follows.
DEEDS = {"plug": ((None,), PLUGGED),
         "ask": ((PLUGGED, REMOVAL_REQUESTED), REMOVAL_REQUESTED),
         "withdraw": ((REMOVAL_REQUESTED,), PLUGGED),
         "finish": ((EJECTING,), None)}


class Host:
    """Acts at random, and follows the log with a model of slots and registers
    that every access is held against."""

    def __init__(self, acpi, choice):
        self.acpi = acpi
        self.choice = choice
        self.states = {}       # slot: PLUGGED, REMOVAL_REQUESTED or EJECTING
        self.ranges = {}       # slot: (addr, size, node)
        self.pending = {}      # slot: INSERT | REMOVE
        self.selected = 0
        self.events = 0        # of the event device
        self.raised = False    # the system has to run the event's handler
        self.late = None       # what is to happen during the next evaluation
        acpi.new_bank()

    def act(self):
        """Does something now, or in the middle of the next evaluation."""
        deed = self.choose()
        if self.late is None and self.choice.random() < 0.5:
            self.late = deed
            self.acpi.host_later(self.choice.randint(1, 8), *deed)
        else:
            self.follow(self.acpi.command("@" + words_of(deed)), deed)

    def choose(self):
        """Any command, mostly one that the slot's state allows now."""
        if self.acpi.kind == "ged" and self.choice.random() < 0.1:
            return ("press",)
        slot = self.choice.randrange(self.acpi.slot_count)
        name = self.choice.choice([
            name for name, (states, _) in DEEDS.items()
            if self.states.get(slot) in states or self.choice.random() < 0.05]
            or ["ask"])
        if name != "plug":
            return name, slot
        addr = self.choice.choice((GIB + slot * 0x10000,
                                   (slot + 1) * 16 * GIB))
        return (name, slot, addr, self.choice.randint(1, 16) * 0x1000,
                self.choice.randrange(1 << 32),
                self.choice.choice(("hot", "hot", "cold")))

    def evaluated(self, answer):
        deed, self.late = self.late, None
        self.follow(answer, deed)

    def follow(self, answer, deed):
        for what, *values in answer.log:
            if what == "status":
                self.carried_out(deed, values[0])
            elif what == "raise":
                self.raised = True
                self.events |= 1
            elif what == "eject":
                self.states[values[0]] = EJECTING
                self.pending.pop(values[0], None)
            elif what == "block":
                self.block_access(*values)
            elif what == "ged":
                assert values == ["read", 0, 4, self.events], values
                self.events = 0

    def carried_out(self, deed, status):
        name = deed[0]
        if name == "press":
            assert status == OK
            self.events |= 2
            self.raised = True
            return
        slot = deed[1]
        states, state = DEEDS[name]
        is_allowed = self.states.get(slot) in states
        assert (status == OK) == is_allowed, (deed, status, self.states)
        if not is_allowed:
            return
        self.states[slot] = state
        if name == "plug":
            self.ranges[slot] = deed[2:5]
            self.set_pending(slot, INSERT if deed[5] == "hot" else 0)
        elif name == "ask":
            self.set_pending(slot, REMOVE)
        elif name == "withdraw":
            self.clear_pending(slot, REMOVE)
        else:
            del self.states[slot], self.ranges[slot]

    def set_pending(self, slot, flag):
        if flag:
            self.pending[slot] = self.pending.get(slot, 0) | flag

    def clear_pending(self, slot, flag):
        self.pending[slot] = self.pending.get(slot, 0) & ~flag
        if not self.pending[slot]:
            del self.pending[slot]

    def block_access(self, kind, offset, _, value):
        slot = self.selected
        if kind == "write" and offset == SELECTOR:
            self.selected = value
        elif kind == "read" and offset == PENDING:
            assert value == min(self.pending, default=NOTHING), self.pending
        elif kind == "read" and offset == CONTROL["block"]:
            is_visible = self.states.get(slot, EJECTING) != EJECTING
            assert value == (is_visible and ENABLED) | \
                self.pending.get(slot, 0), (value, slot)
        elif kind == "write" and offset == CONTROL["block"] and value != 8:
            self.clear_pending(slot, value)


class System:
    """An operating system as small as can be: it knows what memory it has,
    and acts on notifications in their order."""

    def __init__(self, host, choice):
        self.acpi = host.acpi
        self.host = host
        self.choice = choice
        self.memory = {}       # slot: (addr, size, node)
        self.reported = {}     # slot: the last _OST status
        self.ejected = 0
        self.restless = True   # the host acts between the evaluations

    def run(self, method, *arguments):
        if self.restless and self.choice.random() < 0.1:
            self.host.act()
        answer = method(*arguments)
        self.host.evaluated(answer)
        return answer

    def look_at_every_slot(self):
        for slot in range(self.acpi.slot_count):
            self.check(slot)

    def handle_events(self):
        """While the event is raised: its handler, then what it notified."""
        while self.host.raised:
            self.host.raised = False
            for name, code in self.run(self.acpi.event).notified:
                if code == BUTTON_PRESSED:
                    assert name == "PWRB"
                elif code == DEVICE_CHECK:
                    self.check(slot_of(name))
                    self.report(slot_of(name), OST_INSERT, OST_SUCCESS)
                else:
                    assert code == EJECT_REQUEST, code
                    self.consider_eject(slot_of(name))

    def check(self, slot):
        """Takes note of a DIMM, or that there is none."""
        if self.run(self.acpi.method, slot, "_STA").value == 0:
            assert slot not in self.memory
            return
        crs = self.run(self.acpi.method, slot, "_CRS").value
        node = self.run(self.acpi.method, slot, "_PXM").value
        addr, size, _ = self.host.ranges[slot]
        assert crs == resources(addr, size), crs.hex()
        self.memory[slot] = (addr, size, node)

    def consider_eject(self, slot):
        """Refuses one in three. A request for a DIMM that it gave back already
        is nothing to it."""
        if slot not in self.memory:
            return
        self.report(slot, OST_EJECT, OST_IN_PROGRESS)
        if self.choice.random() < 1 / 3:
            self.report(slot, OST_EJECT, OST_BUSY)
            return
        del self.memory[slot]
        assert self.run(self.acpi.method, slot, "_EJ0", 1).ejects == [slot]
        self.ejected += 1
        self.report(slot, OST_EJECT, OST_SUCCESS)

    def report(self, slot, event, status):
        answer = self.run(self.acpi.ost, slot, event, status)
        assert answer.osts == [(slot, event, status)], answer.osts
        self.reported[slot] = status


def slot_of(name):
    assert name.startswith("MP"), name
    return int(name[2:], 16)


def compare(host, system):
    """Bank, model and system agree, and no event is left."""
    slots = host.acpi.slots()
    assert {slot: dimm.state for slot, dimm in slots.items()} == host.states
    assert {slot: dimm.range for slot, dimm in slots.items()} == host.ranges
    assert not any(any(dimm.pending) for dimm in slots.values())
    assert not host.pending
    assert host.acpi.kind != "ged" or host.events == 0
    assert system.memory == {slot: dimm.range for slot, dimm in slots.items()
                             if dimm.state != EJECTING}
    for slot, dimm in slots.items():
        assert dimm.ost_status == system.reported.get(slot, 0), slot


def scenario(acpi, choice):
    """Returns how many DIMMs were given back."""
    host = Host(acpi, choice)
    system = System(host, choice)
    for _ in range(choice.randrange(4)):
        host.act()
    system.look_at_every_slot()                       # as at boot
    for _ in range(STEPS):
        host.act()
        if choice.random() < 0.5:
            system.handle_events()
    system.restless = False
    system.look_at_every_slot()       # nobody tells of DIMMs plugged cold
    system.handle_events()
    compare(host, system)
    return system.ejected


def run_scenarios(kind, slots):
    seed = int(os.environ.get("HOTRAM_SEED")
               or str(random.SystemRandom().randrange(1 << 32)), 0)
    print(f"# HOTRAM_SEED={seed:#x}", flush=True)
    choice = random.Random(seed)
    ejected = 0
    with Interpreter(kind, slots) as acpi:
        for number in range(SCENARIOS):
            try:
                ejected += scenario(acpi, choice)
            except Exception as error:
                error.add_note(f"scenario {number}, HOTRAM_SEED={seed:#x}")
                raise
    assert ejected > SCENARIOS / 3, f"little happened: {ejected} ejected"


def test_1_slot_with_gpe():
    run_scenarios("gpe", 1)


def test_3_slots_with_gpe():
    run_scenarios("gpe", 3)


def test_3_slots_with_event_device():
    run_scenarios("ged", 3)


def test_16_slots_with_event_device():
    run_scenarios("ged", 16)


if __name__ == "__main__":
    tap.main()
