# SPDX-License-Identifier: BSD-2-Clause
"""A program whose guest is a test, beside the model of what its operations come to: what clients are told has to be
what the model says, each event once, in its order, to each client."""

import collections
import json
import re
import time

from .operation_model import PLUG, UNDER_WAY, UNPLUG, Model
from .qmp import QMPTimeout

LIMIT = 60
IGNORED = ("ACPI_DEVICE_OST",)          # how many there are is limited: test_floods.py


class Waiter:
    """A client that waits for an operation's end."""

    def __init__(self, run, command, arguments):
        self.run, self.client, self.number = run, run.guest.second(), None
        self.client.send_raw(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")

    def answered(self):
        """The answer has come, behind the event, and says what the event said; or it came before, since the guest was
        stopped for as long as the operation had: on a slow host a sequence takes seconds."""
        message = self.client.read_answer(time.monotonic() + LIMIT)
        operation = message["return"]
        if operation["result"] == "in-progress":
            assert operation["id"] == self.number and "the guest is stopped" in operation["warning"], message
            assert 1000 * self.run.longest_stop() >= operation["deadline"], (message, self.run.longest_stop())
            self.client.close()
            return
        told = [event["data"] for event in self.client.events if event["event"] == "MEMORY_OPERATION_DONE"
                and event["data"]["id"] == self.number]
        assert operation["id"] == self.number and told == [operation], (message, told)
        self.client.close()


class Watched:
    """The program, and its model."""

    def __init__(self, guest, dice, slots, ram):
        self.guest, self.dice = guest, dice
        self.model = Model(slots, ram)
        self.clients = [guest.qmp, guest.second()]
        self.waiters, self.objects = [], {}
        self.seen, self.wanted = [], []     # events that wait for the other side
        self.came = []                      # events to the first client, for the second one to have the same
        self.resize = None              # memory set under way: {"requested", "operation", "ended"}
        self.log = []
        self.counts = collections.Counter()
        self.stopped_at, self.longest = None, 0     # in the host's seconds

    # ---- how long the guest was stopped ----

    def stops(self):
        """Before the guest is."""
        self.stopped_at = time.monotonic()

    def runs(self):
        """After it does again."""
        self.longest, self.stopped_at = self.longest_stop(), None

    def longest_stop(self):
        return max(self.longest, time.monotonic() - self.stopped_at if self.stopped_at else 0)

    def begin(self):
        """What the start brought is no matter here."""
        self.drain()
        self.seen.clear()
        self.came.clear()

    # ---- events ----

    def take(self, message):
        """An event, and what identifies it, as the model has it."""
        event, data = message["event"], message.get("data", {})
        if event not in IGNORED:
            self.came.append((event, data))
        if event.startswith("MEMORY_OPERATION_"):
            self.seen.append(((event, data["id"], data["result"]), data))
        elif event.startswith("DEVICE_"):
            self.seen.append(((event, data["device"]), data))
        elif event not in IGNORED:
            self.seen.append(((event,), data))

    def match(self):
        """Takes an event that is wanted off both lists. Those of one slot come in their order."""
        for seen in self.seen:
            for place, wanted in enumerate(self.wanted):
                if wanted[1:] == seen[0]:
                    assert not any(other[0] == wanted[0] for other in self.wanted[:place]), \
                        f"{seen} came before {self.wanted[:place]}"
                    self.count(*wanted[1:], seen[1])
                    del self.wanted[place]
                    self.seen.remove(seen)
                    return True
        return False

    def count(self, event, *what):
        data = what[-1]
        if event == "MEMORY_OPERATION_STARTED":
            self.counts["started"] += 1
        elif event.startswith("MEMORY_OPERATION_"):
            self.counts[(data["operation"], data["result"], event.rsplit("_", 1)[1].lower())] += 1

    def advance(self):
        """A memory set whose operation has ended begins the next one, or ends."""
        resize = self.resize
        if not resize or (resize["operation"] and resize["operation"].under_way):
            return False
        for what, data in self.seen:
            if what == ("MEMORY_SET_DONE",):
                self.seen.remove((what, data))
                self.resize_ended(data)
                return True
            if what[:2] == ("MEMORY_OPERATION_STARTED", self.model.last + 1) and not resize["stopping"]:
                self.resize_goes_on(data)
                return True
        return False

    def resize_goes_on(self, data):
        model, resize = self.model, self.resize
        if resize["operation"]:
            resize["ended"].append(resize["operation"])
        if data["operation"] == PLUG:
            assert data["slot"] not in model.dimms and data["device"] == self.next_id(), data
            operation = model.plug(data["device"], data["slot"], data["size"], f"memory.{data['device']}",
                                   resize["seconds"])
        else:
            dimm = model.dimms[data["slot"]]
            assert not dimm.asked, data
            operation = model.ask(dimm, resize["seconds"])
        resize["operation"] = operation
        self.want()

    def resize_ended(self, data):
        model, resize = self.model, self.resize
        self.resize = None
        self.counts[("set", "result-size" if data["result-size"] == data["requested"] else "missed")] += 1
        if resize["operation"]:
            resize["ended"].append(resize["operation"])
        assert data["requested"] == resize["requested"], (data, resize)
        told = [(one["id"], one["result"]) for one in data["operations"]]
        assert told == [(one.number, one.result if one is not resize["left"] else UNDER_WAY)
                        for one in resize["ended"]], (data, resize)
        if not any(dimm.asked for dimm in model.dimms.values()):
            assert data["result-size"] == model.size(), (data, model.size())
        assert data["result-size"] == data["requested"] or data["reason"], data
        last = resize["operation"]
        if last and last.kind == UNPLUG and last.result == "unanswered" and model.current.get(last.slot) is last:
            model.withdraw(last.dimm)

    def want(self):
        self.wanted += self.model.expected
        self.model.expected.clear()

    def must_stop(self):
        """Whether the operation of a memory set ended in a way after which it does not go on."""
        last = self.resize and self.resize["operation"]
        if last and not last.under_way and not (last.result == "done" or
                                                (last.kind == UNPLUG and last.result == "refused")):
            self.resize["stopping"] = True

    def settle(self):
        """All that was to come has come, and nothing else."""
        deadline = time.monotonic() + LIMIT
        self.want()
        while True:
            self.must_stop()
            if self.match() or self.advance():
                continue
            stands = self.resize and not (self.resize["operation"] and self.resize["operation"].under_way)
            if not self.wanted and not stands:
                break
            if not self.drain():
                try:
                    self.take(self.guest.qmp.read_message(deadline))
                except QMPTimeout:
                    raise AssertionError(f"missing: {self.wanted} or the set's next; came: {self.seen}") from None
        self.guest.qmp.execute("query-status")
        self.drain()
        assert not self.seen, f"too much: {self.seen}"
        self.compare_clients()
        for waiter in [one for one in self.waiters if not self.is_under_way(one.number)]:
            waiter.answered()
            self.counts[("waited",)] += 1
            self.waiters.remove(waiter)
        self.model.forget()

    def compare_clients(self):
        other = self.clients[1]
        other.execute("query-status")
        came = [(event["event"], event.get("data", {})) for event in other.events if event["event"] not in IGNORED]
        assert came == self.came, (came, self.came)
        other.clear_events()
        self.came.clear()

    def drain(self):
        """Events that came with answers; whether there were any."""
        events = list(self.guest.qmp.events)
        self.guest.qmp.clear_events()
        for message in events:
            self.take(message)
        return bool(events)

    def is_under_way(self, number):
        operation = self.model.operation(number)
        return bool(operation) and operation.under_way

    # ---- what is told ----

    def check(self):
        model, ask = self.model, self.guest.qmp.execute
        operations = ask("query-memory-operations")
        assert len(operations) == len(model.operations), (operations, [one.seen() for one in model.operations])
        for told, operation in zip(operations, model.operations):
            self.check_operation(told, operation)
        devices = {entry["data"]["slot"]: entry["data"] for entry in ask("query-memory-devices")}
        assert {slot: (data["id"], data["size"]) for slot, data in devices.items()} == \
            {slot: (dimm.device, dimm.size) for slot, dimm in model.dimms.items()}, devices
        memory = {memdev["id"]: memdev.get("used-by") for memdev in ask("query-memdev")}
        del memory["hotram.ram"]
        wanted = {name: None for name in self.objects}
        wanted.update((dimm.memory, dimm.device) for dimm in model.dimms.values())
        assert memory == wanted, (memory, wanted)
        said = self.guest.hmp("info memory-hotplug")
        flags = {int(slot): int(value, 16) for slot, value in re.findall(r"slot (\d+): .*flags (0x\w+)", said)}
        assert flags == {slot: model.flags(slot) for slot in range(self.model.slots)}, said
        assert (ask("query-status")["status"] == "running") == model.running

    def check_operation(self, told, operation):
        wanted = operation.seen()
        told = dict(told)
        if "ost" in told:
            told["ost"] = {key: told["ost"][key] for key in ("source", "status")}
        assert {key: value for key, value in told.items() if key not in ("reason", "warning", "milliseconds")} \
            == wanted, (told, wanted)
        assert ("warning" in told) == (operation.under_way and not self.model.running), told
        assert "reason" in told or operation.result in (UNDER_WAY, "done"), told

    # ---- what is asked ----

    def ask(self, command, error=False, **arguments):
        """By one of the clients. The reply comes before any event of its own; `error`: it is to be refused."""
        client = self.dice.choice(self.clients)
        self.log.append((command, arguments))
        client.send_raw(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        message = client.read_answer(time.monotonic() + LIMIT)
        before = [event["event"] for event in client.events if event["event"].startswith("MEMORY_")]
        assert not before or command == "system_reset", f"{before} came before the reply of {command}"
        assert ("error" in message) == error, (command, arguments, message)
        return message.get("return")

    def next_id(self):
        """The first that neither a DIMM has, nor an object that would be its memory."""
        number = 0
        while self.model.find(f"dimm{number}") or f"memory.dimm{number}" in self.objects:
            number += 1
        return f"dimm{number}"
