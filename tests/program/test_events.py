#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: tsan
"""An event reaches the guest whenever it comes: before the guest's ACPI is up, at each
of its steps, and after it; and its operation ends with the truth. A test plays Linux
at the registers, so it needs no KVM; the real one is in tests/guest/test_events.py."""

import itertools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.player import EJECT, FLAGS, INSERT, REMOVE, SLOT, Guest  # noqa: E402

PENDING = 0xa18
GPE_STATUS, GPE_ENABLE, GPE_MEMORY = 0x620, 0x622, 8
GED, GED_MEMORY, GED_LINE = 0xfed60000, 1, 20
SLOTS = 4
DEVICE_CHECK, EJECT_REQUEST = 1, 3
NO_REASON, IN_PROGRESS = 1, 0x84


class Linux:
    """Its start as far as memory hotplug goes, step by step."""

    def __init__(self, guest, ged=False):
        self.guest, self.ged = guest, ged
        self.port = guest.qtest
        self.objects = set()    # slots whose ACPI devices have objects: where events can go
        self.scanned = False    # the DIMMs that are present have been taken
        self.driver = False     # of the GED
        self.mine = set()       # DIMMs that it has
        self.queue = []
        self.steps = [lambda slot=slot: self.make_object(slot) for slot in range(SLOTS)]
        self.steps += [lambda slot=slot: self.take_present(slot) for slot in range(SLOTS)]
        self.steps.append(self.finish_scan)
        if ged:
            self.steps.append(self.start_driver)
        else:
            self.steps[:0] = [self.clear_events, self.enable_event]

    def boot(self, moments=None):
        """`moments`: what somebody does before each step (by its number)."""
        for number, step in enumerate([*self.steps, lambda: None]):
            for act in (moments or {}).get(number, ()):
                act()
                self.interrupts()
            step()
            self.interrupts()

    # ---- its steps ----

    def clear_events(self):
        self.port.port_out(GPE_ENABLE, 1, 0)
        self.port.port_out(GPE_STATUS, 1, 0xff)

    def enable_event(self):
        self.port.port_out(GPE_ENABLE, 1, GPE_MEMORY)

    def make_object(self, slot):
        self.read_range(slot)
        self.guest.flags(slot)
        self.objects.add(slot)

    def take_present(self, slot):
        if self.guest.flags(slot) & 1:
            self.take(slot)

    def finish_scan(self):
        self.scanned = True
        self.work()

    def start_driver(self):
        self.driver = True

    # ---- its interrupts ----

    def interrupts(self):
        for _ in range(8):
            if self.ged:
                if not (self.driver and self.line()):
                    return
                if int(self.port.command(f"readl {GED:#x}")[0], 0) & GED_MEMORY:
                    self.scan()
            else:
                enabled = self.port.port_in(GPE_ENABLE, 1)
                if not self.port.port_in(GPE_STATUS, 1) & enabled & GPE_MEMORY:
                    return
                # As ACPICA does with an edge event: disabled and cleared before
                # its method runs, enabled when that has ended.
                self.port.port_out(GPE_ENABLE, 1, enabled & ~GPE_MEMORY)
                self.port.port_out(GPE_STATUS, 1, GPE_MEMORY)
                self.scan()
                self.port.port_out(GPE_ENABLE, 1, enabled)
        raise AssertionError("the interrupt comes again and again")

    def line(self):
        self.port.port_in(GPE_STATUS, 1)        # changes before this were told
        levels = [level for level, line in self.port.irqs if line == GED_LINE]
        return levels[-1:] == ["raise"]

    def scan(self):
        while (slot := self.port.port_in(PENDING, 4)) < SLOTS:
            flags = self.guest.flags(slot)
            for flag, code in ((INSERT, DEVICE_CHECK), (REMOVE, EJECT_REQUEST)):
                if flags & flag:
                    self.port.port_out(FLAGS, 1, flag)
                    self.notify(slot, code)
        self.work()

    def notify(self, slot, code):
        if slot in self.objects:
            self.queue.append((slot, code))
        else:
            self.guest.ost(slot, code, NO_REASON)

    # ---- its work, which waits until the devices are scanned ----

    def work(self):
        while self.scanned and self.queue:
            slot, code = self.queue.pop(0)
            if code == EJECT_REQUEST:
                self.give_back(slot)
            elif not self.guest.flags(slot) & 1 or slot in self.mine:
                self.guest.ost(slot, code, NO_REASON)   # "Already enumerated"
            else:
                self.take(slot)
                self.guest.ost(slot, code, 0)

    def give_back(self, slot):
        self.guest.ost(slot, EJECT_REQUEST, IN_PROGRESS)
        self.guest.flags(slot)
        self.port.port_out(FLAGS, 1, EJECT)
        self.mine.discard(slot)
        self.guest.ost(slot, EJECT_REQUEST, 0)

    def take(self, slot):
        self.guest.flags(slot)
        self.read_range(slot)
        self.guest.flags(slot)
        self.mine.add(slot)

    def read_range(self, slot):
        self.port.port_out(SLOT, 4, slot)
        for register in range(0, 16, 4):
            self.port.port_in(SLOT + register, 4)


def guests(**properties):
    """One with each kind of event."""
    for ged in (False, True):
        options = ["-machine", "acpi-events=ged"] if ged else []
        with Guest(*options, **properties) as guest:
            guest.qtest.command("irq_intercept_in ioapic")
            yield guest, ged


def moments(guest, ged):
    return range(len(Linux(guest, ged).steps) + 1)


def reset(guest):
    guest.qmp.execute("system_reset")
    guest.qmp.wait_event("RESET")


def nothing_is_pending(guest):
    assert guest.qtest.port_in(PENDING, 4) == 0xffffffff
    for slot in range(SLOTS):
        assert guest.flags(slot) & (INSERT | REMOVE) == 0, (slot, guest.flags(slot))


# ---- at each moment of a start ----

def test_plug_at_each_moment():
    for guest, ged in guests():
        for when in moments(guest, ged):
            linux, started = Linux(guest, ged), []
            linux.boot({when: [lambda: started.append(guest.plug())]})
            result = guest.done(id=started[0]["id"])
            assert result["result"] == "done", (ged, when, result)
            assert linux.mine == {0}, (ged, when, linux.mine)
            nothing_is_pending(guest)
            guest.unplug(started[0]["device"])
            linux.interrupts()
            guest.done(operation="unplug", result="done")
            guest.qmp.clear_events()
            reset(guest)


def test_unplug_at_each_moment():
    for guest, ged in guests():
        for when in moments(guest, ged):
            device = guest.plug()["device"]
            Linux(guest, ged).boot()
            guest.done(operation="plug", result="done")
            reset(guest)
            guest.qmp.clear_events()
            linux = Linux(guest, ged)
            linux.boot({when: [lambda: guest.unplug(device)]})
            result = guest.done(operation="unplug")
            assert result["result"] == "done", (ged, when, result)
            guest.qmp.wait_event("DEVICE_DELETED", {"device": device})
            assert not linux.mine, (ged, when, linux.mine)
            nothing_is_pending(guest)
            guest.qmp.clear_events()
            reset(guest)


def test_two_dimms_at_any_two_moments():
    for guest, ged in guests():
        for first, second in itertools.product(moments(guest, ged), repeat=2):
            linux, acts = Linux(guest, ged), {}
            acts.setdefault(first, []).append(guest.plug)
            acts.setdefault(second, []).append(guest.plug)
            linux.boot(acts)
            for _ in range(2):
                result = guest.done()
                assert result["result"] == "done", (ged, first, second, result)
            assert linux.mine == {0, 1}, (ged, first, second, linux.mine)
            nothing_is_pending(guest)
            # Both go at a reset.
            for dimm in guest.qmp.execute("query-memory-devices"):
                guest.unplug(dimm["data"]["id"])
            reset(guest)
            for _ in range(2):
                guest.done(operation="unplug", result="done")
            guest.qmp.clear_events()


def test_asked_back_at_any_later_moment():
    for guest, ged in guests():
        for first, second in itertools.combinations_with_replacement(
                moments(guest, ged), 2):
            linux, acts, plugs = Linux(guest, ged), {}, []
            acts.setdefault(first, []).append(lambda: plugs.append(guest.plug()))
            acts.setdefault(second, []).append(
                lambda: guest.unplug(plugs[0]["device"]))
            linux.boot(acts)
            result = guest.done(operation="unplug")
            assert result["result"] == "done", (ged, first, second, result)
            # It was taken before, or asked back before that.
            result = guest.done(operation="plug")
            assert result["result"] in ("done", "cancelled"), (ged, first, second, result)
            assert not linux.mine, (ged, first, second)
            nothing_is_pending(guest)
            guest.qmp.clear_events()
            reset(guest)


def test_a_reset_at_each_moment():
    """The guest starts again, and then has what is plugged and not what was asked back."""
    for guest, ged in guests():
        for when in moments(guest, ged):
            for unplug in (False, True):
                device = guest.plug()["device"]
                linux = Linux(guest, ged)
                linux.steps = linux.steps[:when]
                linux.boot()
                if unplug:
                    guest.unplug(device)
                reset(guest)
                linux = Linux(guest, ged)
                linux.boot()
                assert linux.mine == (set() if unplug else {0}), (ged, when, unplug)
                nothing_is_pending(guest)
                if unplug:
                    assert guest.done(operation="unplug")["result"] == "done"
                else:
                    guest.unplug(device)
                    linux.interrupts()
                    guest.done(operation="unplug", result="done")
                under_way = [entry for entry in guest.operations()
                             if entry["result"] == "in-progress"]
                assert not under_way, (ged, when, unplug, under_way)
                guest.qmp.clear_events()
                reset(guest)


def test_a_second_kernel_without_a_reset():
    """As by kexec, with something pending that the first one has not seen."""
    for guest, ged in guests():
        Linux(guest, ged).boot()
        guest.plug()                            # the first one ends before its interrupt
        linux = Linux(guest, ged)
        linux.boot()
        assert guest.done(operation="plug")["result"] == "done"
        assert linux.mine == {0}
        nothing_is_pending(guest)
        guest.unplug()
        linux = Linux(guest, ged)
        linux.boot()
        assert guest.done(operation="unplug")["result"] == "done"
        assert not linux.mine
        nothing_is_pending(guest)


# ---- what comes late, or never ----

def test_a_start_after_the_deadline_is_told_once():
    for guest, ged in guests():
        guest.plug(timeout=1)
        result = guest.done()
        assert result["result"] == "unanswered", result
        Linux(guest, ged).boot()
        late = guest.done("MEMORY_OPERATION_LATE")
        assert late["result"] == "done" and "when it booted" in late["reason"], late
        nothing_is_pending(guest)
        guest.nothing("MEMORY_OPERATION_LATE")
        reset(guest)
        Linux(guest, ged).boot()
        guest.nothing("MEMORY_OPERATION_LATE")


def test_memory_set_while_the_guest_starts():
    for guest, ged in guests():
        target = guest.size() + 3 * (128 << 20)
        guest.qmp.execute("memory-set", {"size": target})
        linux = Linux(guest, ged)
        linux.boot()
        ended = []
        for _ in range(8):
            guest.size()                                # what is posted was handled
            linux.interrupts()
            ended += [event["data"] for event in guest.qmp.take_events()
                      if event["event"] == "MEMORY_SET_DONE"]
        assert [end["result-size"] for end in ended] == [target], ended
        nothing_is_pending(guest)


def test_a_guest_that_never_acts_is_interrupted_once_more():
    with Guest() as guest:
        guest.plug()
        times = 0
        for _ in range(20):
            guest.qtest.port_out(GPE_ENABLE, 1, 0)
            guest.qtest.port_out(GPE_STATUS, 1, 0xff)
            guest.qtest.port_out(GPE_ENABLE, 1, GPE_MEMORY)
            times += bool(guest.qtest.port_in(GPE_STATUS, 1) & GPE_MEMORY)
        assert times == 1, times
        assert guest.flags(0) & INSERT


def test_a_failure_of_a_guest_that_has_looked_is_a_refusal():
    for guest, ged in guests():
        linux = Linux(guest, ged)
        linux.boot()

        def fail(slot):
            guest.flags(slot)
            linux.read_range(slot)
            guest.flags(slot)
            guest.ost(slot, DEVICE_CHECK, NO_REASON)
        linux.take = fail
        guest.plug()
        linux.interrupts()
        assert guest.done()["result"] == "refused"


def test_reports_of_another_guest_are_taken_as_they_come():
    """One without our AML, which never reads the pending register."""
    with Guest() as guest:
        guest.plug()
        guest.notice(0)
        guest.ost(0, DEVICE_CHECK, NO_REASON)
        assert guest.done()["result"] == "refused"
        guest.unplug()
        guest.refuse(0, NO_REASON)
        assert guest.done(operation="unplug")["result"] == "refused"


if __name__ == "__main__":
    tap.main()
