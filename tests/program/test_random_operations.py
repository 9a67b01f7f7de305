#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: tsan
"""Random clients and a random guest, which the test plays: each operation has the one result that a model says
(tests/lib/operation_model.py), each event comes once and in its order, all queries tell the same, and at the end
nothing is left over.

While the guest is stopped its time stands still, so it is the test that says when deadlines pass: operations with a
short one begin there, and with cont the test waits for their ends. A client that waits is answered when the guest has
been stopped for as long, which happens where the host is slow.

HOTRAM_SEED=N repeats a run, HOTRAM_RUNS=N does so many. Not covered: memory that is allocated before it is plugged,
and removals that others ask for while a memory set runs, since nobody is told for which of them it waits."""

import collections
import concurrent.futures
import contextlib
import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.operation_model import PLUG, UNPLUG             # noqa: E402
from lib.operation_watch import Waiter, Watched              # noqa: E402
from lib.player import EJECT, FLAGS, INSERT, MIB, REMOVE, SLOT, Guest    # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

RUNS = int(os.environ.get("HOTRAM_RUNS", "60"))     # each a program of its own, and
SEQUENCES, ACTIONS = 5, 40                          # so many sequences of so many actions
AT_ONCE = 20                                        # most of them wait for a deadline
BLOCK, SLOTS, RAM = 128 * MIB, 6, 128 * MIB
PENDING = 0xa18
SHORT, LONG = 1, 600
LAST = 40                                           # so much is shown of what led to a failure
# All of these come often. (A plug that is refused late comes, too, but in some runs only.)
ENDS = {(kind, result, "done") for kind in (PLUG, UNPLUG)
        for result in ("done", "refused", "unanswered", "cancelled")} \
    | {(PLUG, "done", "late"), (UNPLUG, "done", "late"), (UNPLUG, "refused", "late"),
       ("set", "result-size"), ("set", "missed"), ("waited",)}
REPORTS = [(1, 0)] * 4 + [(3, 0x82)] * 4 + [(event, status) for event in (0, 1, 3, 0x103, 0x200, 0x777)
                                            for status in (0, 1, 2, 0x80, 0x81, 0x82, 0x84)]


class Run(Watched):
    """What the clients and the guest do."""

    # ---- what clients do ----

    def seconds(self):
        """A short deadline only where the guest's time stands still, or when it passes at once."""
        return self.dice.choice((SHORT, LONG, LONG)) if not self.model.running else \
            self.dice.choice((SHORT,) + (LONG,) * 8)

    def plug(self):
        slot, device, seconds = self.model.free_slot(), self.next_id(), self.seconds()
        arguments = {"size": BLOCK * self.dice.choice((1, 2)), "timeout": seconds}
        if self.dice.random() < 0.3:
            device = arguments["id"] = self.dice.choice(("a", "b", "dimm1"))
        wait = arguments["wait"] = self.dice.random() < 0.4
        error = slot is None or self.model.find(device) or wait and not self.model.running
        if error or not wait:
            reply = self.ask("memory-plug", error=bool(error), **arguments)
        else:
            self.wait("memory-plug", arguments, self.model.last + 1)
        if not error:
            operation = self.model.plug(device, slot, arguments["size"], f"memory.{device}", seconds)
            if not wait:
                self.check_operation(reply, operation)

    def wait(self, command, arguments, number):
        self.log.append((command, arguments))
        waiter = Waiter(self, command, arguments)
        waiter.number = number
        self.waiters.append(waiter)

    def unplug(self):
        device, seconds = self.device(), self.seconds()
        dimm = self.model.find(device)
        wait = self.dice.random() < 0.4
        arguments = {"id": device, "timeout": seconds, "wait": wait}
        error = dimm is None or wait and not self.model.running
        if self.resize_alone():
            return
        if error or not wait:
            reply = self.ask("memory-unplug", error=bool(error), **arguments)
            if not error:
                self.check_operation(reply, self.model.ask(dimm, seconds))
            return
        if seconds == LONG:
            seconds = arguments["timeout"] = LONG + self.model.last + len(self.waiters) + 1   # tells when it was heard
        before = self.model.last
        operation = self.model.ask(dimm, seconds)
        self.wait("memory-unplug", arguments, operation.number)
        if self.model.last == before and seconds != SHORT:
            self.guest.wait_until(lambda: any(
                one["id"] == operation.number and one["deadline"] == 1000 * seconds
                for one in self.guest.operations()), what="the waiter's request")

    def device(self):
        devices = [dimm.device for dimm in self.model.dimms.values()]
        return self.dice.choice(devices + ["nobody"] if self.dice.random() < 0.1 or not devices else devices)

    def resize_alone(self):
        """While a memory set runs, nobody else asks for DIMMs back: what it waits for then is not told."""
        return self.resize is not None

    def device_add(self):
        name = self.dice.choice(("m0", "m1"))
        if name not in self.objects:
            self.ask("object-add", **{"qom-type": "memory-backend-ram", "id": name, "size": BLOCK})
            self.objects[name] = BLOCK
        slot, device = self.model.free_slot(), self.dice.choice(("a", "b", "c"))
        used = any(dimm.memory == name for dimm in self.model.dimms.values())
        error = slot is None or used or self.model.find(device) is not None
        self.ask("device_add", error=error, driver="pc-dimm", id=device, memdev=name)
        if not error:
            self.model.plug(device, slot, BLOCK, name, LONG)

    def device_del(self):
        device = self.device()
        dimm = self.model.find(device)
        if self.resize_alone():
            return
        self.ask("device_del", error=dimm is None, id=device)
        if dimm:
            self.model.ask(dimm)

    def cancel(self):
        number = self.dice.randrange(max(1, self.model.last - 8), self.model.last + 2)
        operation = self.model.operation(number)
        good = operation and operation.under_way and operation.kind == UNPLUG
        self.ask("memory-operation-cancel", error=not good, id=number)
        if good:
            self.model.cancel(operation)

    def set(self):
        size = RAM + BLOCK * self.dice.randrange(0, 9)
        if any(dimm.asked for dimm in self.model.dimms.values()) and not self.resize:
            return
        seconds = self.seconds() if self.model.running else LONG
        if self.resize:
            self.ask("memory-set", error=size != self.resize["requested"], size=size, timeout=seconds)
            return
        if not self.model.running and size != self.model.size():
            self.ask("memory-set", error=True, size=size)
            return
        client = self.guest.qmp
        self.log.append(("memory-set", size, seconds))
        with contextlib.suppress(QMPError):     # out of reach
            client.execute("memory-set", {"size": size, "timeout": seconds})
            self.resize = {"requested": size, "seconds": seconds, "operation": None, "ended": [], "stopping": False,
                           "left": None}

    def set_cancel(self):
        resize = self.resize
        self.ask("memory-set-cancel", error=resize is None)
        if not resize:
            return
        resize["stopping"] = True
        operation = resize["operation"]
        if operation and operation.under_way and operation.kind == UNPLUG:
            self.model.cancel(operation)
        elif operation and operation.under_way:     # it goes on alone
            resize["ended"].append(operation)
            resize["left"], resize["operation"] = operation, None

    def reset(self):
        self.ask("system_reset")
        self.model.reset()

    def stop_or_cont(self):
        if self.model.running:
            self.stops()
            self.ask("stop")
            self.model.stop()
        else:
            self.ask("cont")
            self.runs()
            self.model.cont()

    def leave(self):
        """A client that waits goes away; and so does the second one, and comes again."""
        if self.waiters and self.dice.random() < 0.7:
            self.waiters.pop(self.dice.randrange(len(self.waiters))).client.close()
        else:
            self.clients[1].close()
            self.clients[1] = self.guest.second()

    # ---- what the guest does ----

    def line(self, *what):
        self.log.append(what)

    def out(self, slot, port, width, value):
        self.guest.qtest.port_out(SLOT, 4, slot)
        self.guest.qtest.port_out(port, width, value)

    def read_flags(self, slot):
        self.line("flags", slot)
        self.model.reads_flags(slot)
        self.guest.flags(slot)

    def read_range(self, slot):
        self.line("range", slot)
        self.guest.qtest.port_out(SLOT, 4, slot)
        self.guest.qtest.port_in(SLOT, 4)
        self.model.reads_range(slot)

    def read_pending(self):
        self.line("pending")
        found = self.guest.qtest.port_in(PENDING, 4)
        assert found == (0xffffffff if self.model.pending() is None else self.model.pending())
        self.model.reads_pending()
        return found

    def clear(self, slot, what):
        self.line("clear", slot, what)
        self.out(slot, FLAGS, 1, what)
        self.model.clears(slot, what == INSERT)

    def eject(self, slot):
        self.line("eject", slot)
        self.out(slot, FLAGS, 1, EJECT)
        self.model.ejects(slot)

    def report(self, slot, event, status):
        self.line("report", slot, event, status)
        self.guest.ost(slot, event, status)
        self.model.reports(slot, event, status)

    def scan(self):
        """As our AML does: what is pending is asked for, and taken note of."""
        slot = self.read_pending()
        if slot < SLOTS:
            self.read_flags(slot)
            for what in (INSERT, REMOVE):
                if self.model.flags(slot) & what:
                    self.clear(slot, what)

    def serve(self):
        """An honest guest; one that refuses; one that stops half way."""
        if not self.model.dimms:
            return
        slot = self.dice.choice(list(self.model.dimms))
        dimm = self.model.dimms[slot]
        if dimm.insert:
            self.clear(slot, INSERT)
            if self.dice.random() < 0.8:
                self.report(slot, 1, self.dice.choice((0, 0, 0, 2)))
        elif dimm.asked:
            self.clear(slot, REMOVE)
            if self.dice.random() < 0.6:
                self.report(slot, 3, 0x84)
            if self.dice.random() < 0.5:
                self.report(slot, 3, self.dice.choice((0x80, 0x81, 0x82)))
            elif self.dice.random() < 0.7:
                self.eject(slot)
                self.report(slot, 3, 0)

    def enumerate(self):
        """As a guest that starts: _STA, _CRS, _STA."""
        slot = self.dice.randrange(SLOTS)
        self.read_flags(slot)
        self.read_range(slot)
        self.read_flags(slot)

    def disorder(self):
        slot = self.dice.randrange(SLOTS)
        what = self.dice.randrange(7)
        if what == 0:
            self.read_flags(slot)
        elif what == 1:
            self.read_range(slot)
        elif what == 2:
            self.read_pending()
        elif what == 3:
            self.clear(slot, self.dice.choice((INSERT, REMOVE)))
        elif what == 4:
            self.eject(slot)
        else:
            self.report(slot, *self.dice.choice(REPORTS))

    # ---- a sequence ----

    ACTS = ((plug, 5), (unplug, 5), (device_add, 2), (device_del, 2), (cancel, 2), (set, 3), (set_cancel, 1),
            (reset, 1), (stop_or_cont, 2), (leave, 1), (scan, 2), (serve, 10), (enumerate, 2), (disorder, 6))

    def passes(self):
        """The guest's time goes on until the short deadlines have passed."""
        if self.model.running and self.model.short():
            self.line("time passes")
            self.model.time_passes()
            return True
        return False

    def act(self):
        acts, weights = zip(*self.ACTS)
        self.dice.choices(acts, weights)[0](self)
        while True:
            self.passes()
            self.settle()
            if not (self.model.running and self.model.short()):
                break
        self.check()

    def empty(self):
        """The way back: the guest gives everything back, and nothing is left."""
        if self.resize:
            self.set_cancel()
            self.settle()
        if not self.model.running:
            self.stop_or_cont()
        self.passes()
        self.settle()
        for slot in range(SLOTS):
            self.eject(slot)
            self.settle()
        self.check()
        assert not self.model.dimms and not self.model.under_way() and not self.waiters
        for name in list(self.objects):
            self.ask("object-del", id=name)
            del self.objects[name]
        assert [memdev["id"] for memdev in self.guest.qmp.execute("query-memdev")] == ["hotram.ram"]
        assert self.guest.size() == RAM


def run(seed):
    """How often each end came; or what went wrong."""
    with Guest("-machine", f"plug-timeout={LONG},unplug-timeout={LONG}",
               memory=f"{RAM // MIB}M,slots={SLOTS},maxmem=16G") as guest:
        one = Run(guest, random.Random(seed), SLOTS, RAM)
        one.begin()
        try:
            for _ in range(SEQUENCES):
                for _ in range(ACTIONS):
                    one.act()
                one.empty()
            guest.nothing("MEMORY_OPERATION_LATE", 0.01)
            assert guest.quit() == 0
            assert guest.error_log == "", guest.error_log
        except Exception as error:
            log = "\n".join(map(str, one.log[-LAST:]))
            raise AssertionError(f"HOTRAM_SEED={seed}: {error!r}\n{guest.error_log}what came before:\n{log}") from error
        return one.counts


def test_random_operations():
    given = os.environ.get("HOTRAM_SEED")
    first = int(given) if given else random.randrange(1 << 32)
    seeds = range(first, first + (1 if given else RUNS))
    tap.comment(f"HOTRAM_SEED={first}" + ("" if given else f" to {seeds[-1]}"))
    ends = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for counted in pool.map(run, seeds):
            ends.update(counted)
    tap.comment(f"{len(seeds) * SEQUENCES} sequences, {ends['started']} operations: " +
                ", ".join(f"{' '.join(what)} {count}" for what, count in sorted(
                    (what, count) for what, count in ends.items() if what != "started")))
    assert RUNS < 60 or given or set(ends) >= ENDS, ENDS - set(ends)    # or it would show nothing


if __name__ == "__main__":
    tap.main()
