# SPDX-License-Identifier: BSD-2-Clause
"""Operations on two machines at once, and the comparison of what comes of them."""

import itertools

from lib.qmp import QMPError
from differences import OST_BURST, mask_of_block, pending_slot
from peer import BLOCK, PENDING

MIB = 1 << 20
REGION = 4 << 30        # the hotplug region of a machine with little RAM
WIDTHS = (1, 2, 4)
STATUS, FLAGS = 0x08, 0x14
GPE_MEMORY = 0x8
INSERT, EJECT = 0x2, 0x8
REMOVE = 0x4
EJECT_REQUESTS = (0x3, 0x103)       # _OST source events (ACPI 6.5, table 6.7)
WITHOUT_REASON = 0x1
NO_REFUSAL = (0x0, 0x84)            # success, ejection in progress
ALL_ONES = 0xffffffff


class Difference(Exception):
    """The two machines differ where the table of differences does not say so."""


def codes(data):
    """Of a report; the DIMM that it names may be another one by the time that hotram tells it."""
    return data["info"]["source"], data["info"]["status"]


def written(offset, width, value, register):
    """What a write that begins at an offset writes to a register, or None: parts that
    are not aligned are written for themselves."""
    while width:
        part = next(part for part in (4, 2, 1) if part <= width and offset % part == 0)
        if offset == register:
            return value & (1 << 8 * part) - 1
        offset, width, value = offset + part, width - part, value >> 8 * part
    return None


class Pair:
    """hotram and QEMU, given the same. Each operation returns what it did in
    words, for the history of a failure."""

    def __init__(self, hotram, qemu, slots, dice):
        self.hotram, self.qemu = hotram, qemu
        self.both = (hotram, qemu)
        self.slots = slots
        self.dice = dice
        self.numbers = itertools.count()
        self.ids = []           # DIMMs that were plugged and not seen deleted
        self.reports = {}       # QEMU's events of each slot's _OST
        self.others = set()     # slots with reports besides
        self.repeated = False   # GPE 3 was raised again since it was raised
        self.asked = set()      # those whose removal is asked for and not refused

    def same(self, what, values):
        if values[0] != values[1]:
            raise Difference(f"{what}: hotram {values[0]}, QEMU {values[1]}")
        return values[0]

    def each(self, function):
        return [function(peer) for peer in self.both]

    def compare_events(self, what):
        qemu = self.qemu.events()
        hotram = self.hotram.events()
        for event in qemu:              # hotram's comes when the memory has gone back
            if event[0] == "DEVICE_DELETED" and event not in hotram:
                self.hotram.qmp.wait_event("DEVICE_DELETED", {"device": event[1]["device"]})
                hotram = [event, *hotram, *self.hotram.events()]
        self.compare_reports(what, hotram, qemu)
        others = [sorted((event for event in events if event[0] != "ACPI_DEVICE_OST"), key=repr)
                  for events in (hotram, qemu)]
        self.same(f"events of {what}", others)
        for name, data in qemu:
            if name == "DEVICE_DELETED":
                self.deleted(data["device"])
                self.forget_events_of_empty_slot()
            if name == "ACPI_DEVICE_OST":
                self.reported(data["info"])
        return qemu

    def compare_reports(self, what, hotram, qemu):
        """hotram tells what QEMU tells, and of a slot's first reports each one; of many it leaves some out. The
        last codes of each slot are compared by query-acpi-ospm-status."""
        for name, data in qemu:
            if name == "ACPI_DEVICE_OST":
                self.reports.setdefault(data["info"]["slot"], []).append(data)
        for name, data in hotram:
            if name == "ACPI_DEVICE_OST" and codes(data) not in map(codes, self.reports.get(
                    data["info"]["slot"], [])):
                raise Difference(f"report at {what}: QEMU has not told {data}")
        new = [[event for event in events if event[0] == "ACPI_DEVICE_OST"
                and len(self.reports[event[1]["info"]["slot"]]) <= OST_BURST
                and event[1]["info"]["slot"] not in self.others] for events in (hotram, qemu)]
        self.same(f"reports of {what}", new)

    def forget_events_of_empty_slot(self):
        """The selected slot was ejected. QEMU leaves its events pending."""
        hotram, qemu = self.each(lambda peer: peer.qtest.port_in(BLOCK + FLAGS, 1))
        if hotram != 0 or qemu & ~(INSERT | REMOVE):
            raise Difference(f"flags after eject: hotram {hotram:#x}, QEMU {qemu:#x}")
        for event in (INSERT, REMOVE):
            self.qemu.qtest.port_out(BLOCK + FLAGS, 1, event)

    def reported(self, info):
        """A refusal ends hotram's request, unless it was repeated since."""
        refused = (info["source"] in EJECT_REQUESTS
                   and info["status"] not in NO_REFUSAL)
        if refused and not self.qemu.qtest.port_in(BLOCK + FLAGS, 1) & REMOVE:
            self.asked.discard(info.get("device"))

    def deleted(self, name):
        self.ids.remove(name)
        self.asked.discard(name)
        self.each(lambda peer: peer.qmp.execute("object-del", {"id": f"m-{name}"}))

    # Ports --------------------------------------------------------------

    def read(self, port_of, width, what):
        for peer in self.both:
            peer.qtest.send(peer.qtest.line_in(port_of(peer), width))
        return [int(peer.qtest.answer()[0], 0) for peer in self.both], what

    def write(self, port_of, width, value, what):
        for peer in self.both:
            peer.qtest.send(peer.qtest.line_out(port_of(peer), width, value))
        for peer in self.both:
            peer.qtest.answer()
        self.compare_events(what)
        return what

    def block_read(self, port, width):
        what = f"read {width} at {port:#x}"
        values, _ = self.read(lambda peer: port, width, what)
        outside = ~mask_of_block(port, width) & (1 << 8 * width) - 1
        if values[1] & outside != outside:
            raise Difference(f"{what}: QEMU has something beside the block")
        value = self.same(what, [value & ~outside for value in values])
        return f"{what}: {value:#x}"

    def block_write(self, port, width, value):
        # What the table says of a removal's failure: tests/program/test_events.py.
        if written(port - BLOCK, width, value, STATUS) == WITHOUT_REASON:
            return "report left out"
        return self.write(lambda peer: port, width, value,
                          f"write {width} at {port:#x}: {value:#x}")

    def gpe_read(self, offset, width):
        what = f"read {width} at GPE {offset}"
        values, _ = self.read(lambda peer: peer.gpe + offset, width, what)
        return f"{what}: {self.same(what, values):#x}"

    def gpe_write(self, offset, width, value):
        what = f"write {width} at GPE {offset}: {value:#x}"
        before = self.qemu.qtest.port_in(self.qemu.gpe + 2, 1)
        for peer in self.both:
            peer.qtest.port_out(peer.gpe + offset, width, value)
        if offset + width <= 2 or not self.raised_again(before, what):
            self.compare_events(what)
        return what

    def raised_again(self, before, what):
        """GPE 3 is raised again when it is enabled while a slot waits: once. Then
        hotram is brought to where QEMU is."""
        enable = self.qemu.qtest.port_in(self.qemu.gpe + 2, 1)
        waits = self.hotram.qtest.port_in(PENDING, 4) != ALL_ONES
        self.repeated = self.repeated and waits
        if not waits or self.repeated or not enable & ~before & GPE_MEMORY:
            return False
        self.repeated = True
        hotram, qemu = self.each(
            lambda peer: peer.qtest.port_in(peer.gpe, 1) & GPE_MEMORY)
        if not hotram:
            raise Difference(f"{what}: GPE 3 is not raised again")
        if qemu:
            return False
        self.hotram.qtest.port_out(self.hotram.gpe, 1, GPE_MEMORY)
        others = [event for events in self.each(lambda peer: peer.events())
                  for event in events if event[0] != "SCI"]
        if others:
            raise Difference(f"{what}: {others}")
        return True

    def ged_read(self):
        values = self.each(lambda peer: int(peer.qtest.command(
            f"readl {peer.ged:#x}")[0], 0))
        return f"read GED: {self.same('GED', values):#x}"

    # Monitors -----------------------------------------------------------

    def monitor(self, command, arguments=None):
        """Runs a command on both: the results, or the errors' classes."""
        def execute(peer):
            try:
                return peer.qmp.execute(command, arguments)
            except QMPError as error:
                return ("error", error.error_class)
        return self.each(execute)

    def plug(self, size, **place):
        name = f"d{next(self.numbers)}"
        what = f"device_add {name} {size:#x} {place}"
        memory = {"qom-type": "memory-backend-ram", "id": f"m-{name}", "size": size}
        self.same(f"object-add {size}", self.monitor("object-add", memory))
        self.ids.append(name)
        result = self.same(what, self.monitor("device_add", {
            "driver": "pc-dimm", "id": name, "memdev": f"m-{name}", **place}))
        if result:
            self.deleted(name)
        else:
            self.repeated = False
        self.compare_events(what)
        return f"{what}: {result}"

    def unplug(self, name):
        what = f"device_del {name}"
        result = self.same(what, self.monitor("device_del", {"id": name}))
        if not result:
            self.asked.add(name)
            self.repeated = False
        self.compare_events(what)
        return f"{what}: {result}"

    def compare_dimms(self):
        """The DIMMs, the guest's reports, every slot's registers, and hotram's
        pending register. A random slot is selected afterwards."""
        for query in ("query-memory-devices", "query-acpi-ospm-status"):
            self.same(query, self.monitor(query))
        self.compare_sizes()
        for slot in range(self.slots):
            self.block_write(BLOCK, 4, slot)
            for offset in range(0, 0x18, 4):
                self.block_read(BLOCK + offset, 4)
        pending = self.same("pending slot", self.each(
            lambda peer: pending_slot(peer, self.slots)))
        if self.hotram.qtest.port_in(PENDING, 4) != pending:
            raise Difference(f"pending register is not {pending:#x}")
        self.block_write(BLOCK, 4, self.dice.randrange(self.slots + 2))
        return f"all slots compared, pending: {pending:#x}"

    def compare_sizes(self):
        """Each has its own RAM."""
        answers = self.each(lambda peer: peer.qmp.execute("query-memory-size-summary"))
        for peer, answer in zip(self.both, answers):
            if answer.pop("base-memory") != peer.ram:
                raise Difference(f"base memory of {peer.name} is not {peer.ram}")
        self.same("query-memory-size-summary", answers)

    # Reset --------------------------------------------------------------

    def flags(self, peer):
        result = []
        for slot in range(self.slots):
            peer.qtest.port_out(BLOCK, 4, slot)
            result.append(peer.qtest.port_in(BLOCK + FLAGS, 1))
        return result

    def reset(self):
        """Both machines are reset. What the table of differences says of each
        has to be so; then QEMU is brought to where hotram is."""
        before = self.same("flags before reset", self.each(self.flags))
        asked = sorted(self.asked)
        selected = self.dice.randrange(self.slots)
        self.each(lambda peer: peer.qtest.port_out(BLOCK, 4, selected))
        self.each(lambda peer: peer.qmp.execute("system_reset"))
        self.each(lambda peer: peer.qmp.wait_event("RESET"))
        self.show_selector(selected)
        for name in asked:
            self.hotram.qmp.wait_event("DEVICE_DELETED", {"device": name})
        kept = self.flags(self.qemu)
        if kept != before:
            raise Difference(f"QEMU's flags {before} became {kept} at reset")
        self.follow(before, asked)
        self.repeated = False
        return f"reset: flags {before}, removed {asked}"

    def report(self, peer):
        """An _OST report: the number of the selected slot."""
        peer.qtest.port_out(BLOCK + 4, 4, 0x77)
        peer.qtest.port_out(BLOCK + 8, 4, 0x88)
        event = peer.qmp.wait_event("ACPI_DEVICE_OST",
                                    {"info": {"source": 0x77, "status": 0x88}})
        self.others.add(event["data"]["info"]["slot"])
        return int(event["data"]["info"]["slot"])

    def show_selector(self, selected):
        slots = self.each(self.report)
        if slots != [0, selected]:
            raise Difference(f"selector at reset was {selected}, is now {slots}")
        for peer, other in zip(self.both, (selected, 0)):
            peer.qtest.port_out(BLOCK, 4, other)
            self.report(peer)

    def follow(self, before, asked):
        where = {entry["data"]["id"]: entry["data"]["slot"] for entry
                 in self.qemu.qmp.execute("query-memory-devices")}
        for slot, flags in enumerate(before):
            self.qemu.qtest.port_out(BLOCK, 4, slot)
            if flags & INSERT:
                self.qemu.qtest.port_out(BLOCK + FLAGS, 1, INSERT)
        for name in asked:
            self.qemu.qtest.port_out(BLOCK, 4, where[name])
            self.qemu.qtest.port_out(BLOCK + FLAGS, 1, REMOVE)
            self.qemu.qtest.port_out(BLOCK + FLAGS, 1, EJECT)
            self.qemu.qmp.wait_event("DEVICE_DELETED", {"device": name})
            self.deleted(name)
        self.each(lambda peer: peer.qtest.port_out(BLOCK, 4, 0))
        if self.qemu.ged:
            if int(self.hotram.qtest.command(f"readl {self.hotram.ged:#x}")[0], 0):
                raise Difference("hotram's GED has an event after a reset")
            self.qemu.qtest.command(f"readl {self.qemu.ged:#x}")
        self.each(lambda peer: peer.events())
        self.same("flags after reset", self.each(self.flags))
