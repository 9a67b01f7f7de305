# SPDX-License-Identifier: BSD-2-Clause
"""A test that plays the guest of memory operations: takes, refuses, gives back, or
does not answer."""

import contextlib
import json
import time

from .host import MIB, Host
from .qmp import QMPTimeout

SLOT, EVENT, STATUS, FLAGS = 0xa00, 0xa04, 0xa08, 0xa14
INSERT, REMOVE, EJECT = 2, 4, 8
SIZE = 128 * MIB
DEFAULTS = {"granularity": "128M", "memory": "128M,slots=4,maxmem=2G"}


class Guest(Host):
    """What a guest does at the registers."""

    def __init__(self, *options, **properties):
        super().__init__(["-machine", "dimm-map-limit=0", *options],
                         **{**DEFAULTS, **properties})
        self.qmp.execute("cont")

    def flags(self, slot):
        self.qtest.port_out(SLOT, 4, slot)
        return self.qtest.port_in(FLAGS, 1)

    def notice(self, slot):
        """Takes note of what is pending."""
        pending = self.flags(slot) & (INSERT | REMOVE)
        self.qtest.port_out(FLAGS, 1, pending)
        return pending

    def ost(self, slot, event, status):
        self.qtest.port_out(SLOT, 4, slot)
        self.qtest.port_out(EVENT, 4, event)
        self.qtest.port_out(STATUS, 4, status)

    def accept(self, slot):
        assert self.notice(slot) & INSERT
        self.ost(slot, 1, 0)

    def refuse(self, slot, status=0x82):
        assert self.notice(slot) & REMOVE
        self.ost(slot, 3, status)

    def give_back(self, slot):
        self.notice(slot)
        self.qtest.port_out(FLAGS, 1, EJECT)

    def plug(self, **properties):
        return self.qmp.execute("memory-plug", {"size": SIZE, **properties})

    def unplug(self, device="dimm0", **properties):
        return self.qmp.execute("memory-unplug", {"id": device, **properties})

    def plugged(self, count=1, **properties):
        for slot in range(count):
            self.plug(**properties)
            self.accept(slot)
            self.done(result="done")
        self.qmp.clear_events()

    def done(self, event="MEMORY_OPERATION_DONE", **match):
        return self.qmp.wait_event(event, match)["data"]

    def nothing(self, event="MEMORY_OPERATION_DONE", seconds=0.2):
        try:
            found = self.qmp.wait_event(event, timeout=seconds)
        except QMPTimeout:
            return
        raise AssertionError(found)

    def operations(self):
        return self.qmp.execute("query-memory-operations")

    def size(self):
        summary = self.qmp.execute("query-memory-size-summary")
        return summary["base-memory"] + summary["plugged-memory"]

    def fails(self, command, words, **arguments):
        self.refuses(words, command, arguments)


@contextlib.contextmanager
def asking(guest, command, **arguments):
    """A second client that waits for the answer."""
    client = guest.second()
    client.send_raw(json.dumps({"execute": command, "id": 1, "arguments": arguments}).encode() + b"\r\n")
    try:
        yield client
    finally:
        client.close()


def answer(client):
    message = client.read_answer(time.monotonic() + 30)
    assert "return" in message, message
    return message["return"]
