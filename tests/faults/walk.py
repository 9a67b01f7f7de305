# SPDX-License-Identifier: BSD-2-Clause
"""Walks over the faults of an operation: the first call of a kind fails, the second, and so on until the operation
ends without a fault. After each: it is whole, or nothing has happened and the next try succeeds; nothing is left
behind; and every client is answered or let go."""

import collections
import errno
import itertools
import os
import pathlib

from faults.operations import Partial, Refused
from faults.starts import OUTPUT, Started
from faults.watched import LIMIT, Ended
from lib import inject, tap
from lib.machine import PROGRAM, MachineError
from lib.qmp import QMPClosed, QMPError, QMPTimeout

ERRORS = {"malloc": "ENOMEM", "mmap": "ENOMEM", "munmap": "ENOMEM", "ioctl": "ENOMEM", "open": "EMFILE",
          "memfd_create": "EMFILE", "pthread_create": "EAGAIN", "mbind": "EPERM", "fallocate": "ENOSPC",
          "ftruncate": "ENOSPC", "epoll_ctl": "ENOSPC", "accept": "EMFILE", "write": "ENOSPC", "send": "ENOBUFS",
          "mremap": "ENOMEM"}
FAILURES = (AssertionError, Ended, MachineError, QMPError, QMPTimeout, QMPClosed, ConnectionError, TimeoutError)
SAMPLES = int(os.environ.get("HOTRAM_SAMPLES", "20"))
CARRIED_OUT = "the command was executed"
NO_CONTROL = "hotramctl can reach this guest only by -s SOCKET"
STAYS = "stays in this program, without memory in it"
# Newer json-c seeds its hashes from libbsd's generator, whose state is two mappings: without them it ends the
# program there and then, without a word. That is before there is a machine.
SILENT = 2 if b"arc4random_buf" in pathlib.Path(PROGRAM).read_bytes() else 0


class Tally(collections.Counter):
    """What happened: injected, refused, tolerated, let go, intact; and faults of a kind."""

    def __str__(self):
        return (f"faults: {self['injected']} injected, {self['refused']} refused, {self['tolerated']} tolerated, "
                f"{self['let go']} connections let go; state intact {self['intact']}")


def check_words(words, error):
    """A refusal says why."""
    reasons = [os.strerror(getattr(errno, error)).lower()] + ["out of memory"] * (error == "ENOMEM")
    assert any(reason in words.lower() for reason in reasons), f"this says not why it failed: '{words}'"


def few(kinds, walked):
    """In an emulated host: calls of KVM, and what must be met; the others are made without KVM, too."""
    return [kind for kind in kinds if tap.STRIDE == 1 or kind == "ioctl" or kind in walked.calls.split()]


class Walk:
    """All faults of one operation; what went wrong is in `failures`."""

    def __init__(self, operation, tally, kinds):
        self.operation, self.tally = operation, tally
        possible = operation.calls.split() if operation.fresh else operation.kind.kinds
        self.kinds = few([kind for kind in kinds if kind in possible], operation)
        self.failures = []
        self.faults = self.machine = None
        self.before = self.marks = self.after = None

    def run(self):
        with inject.faults(memory="malloc" in self.kinds) as self.faults:
            try:
                for kind in self.kinds:
                    self.walk(kind)
            finally:
                self.drop()

    def walk(self, kind):
        injected = 0
        for number in itertools.count(1, self.step(kind)):
            try:
                if not self.one(kind, number):
                    break
            except FAILURES as failure:
                self.failures.append(f"{kind} {number}: {type(failure).__name__}: {failure}")
                if self.machine:
                    said = self.machine.error_log.strip()[-500:]
                    self.failures.append(f"    it said: {said}")
                self.drop()
            injected += 1
            if len(self.failures) > 8:
                break
        if not injected and kind in self.operation.calls.split():
            self.failures.append(f"{kind}: there is no such call in it")

    def step(self, kind):
        """Every call of the kernel; of the many allocations some, evenly spread (all of them are those of
        tests/program/test_out_of_memory.py). Where each takes a start, an emulated host takes fewer."""
        if kind != "malloc":
            return tap.STRIDE if self.operation.fresh else 1
        self.ready()
        self.operation.prepare(self.machine)
        self.faults.arm(kind)
        self.operation.act(self.machine)
        calls = self.faults.disarm().calls
        self.machine.clear()
        return max(1, calls // SAMPLES)

    # ---- a machine, and the states that it passes through without faults ----

    def drop(self):
        self.faults.disarm()
        if self.machine:
            self.machine.close()
        self.machine = None

    def ready(self):
        if self.machine and not self.operation.fresh:
            return
        self.drop()
        self.machine = self.operation.kind(self.faults)
        if self.operation.fresh and self.after:
            return
        if not self.operation.fresh:
            self.rehearse()              # what is made once and stays
            self.rehearse()
        self.rehearse()
        if self.operation.fresh:
            self.drop()
            self.machine = self.operation.kind(self.faults)

    def rehearse(self):
        machine, operation = self.machine, self.operation
        machine.marks = None
        operation.prepare(machine)
        machine.qmp.clear_events()
        self.before, machine.marks = machine.state(), []
        operation.act(machine)
        self.marks, machine.marks = machine.marks, None
        self.after = machine.rest()
        if not operation.fresh:
            machine.clear()

    # ---- one fault ----

    def one(self, kind, number):
        """False: there is no such call in the operation any more."""
        self.ready()
        machine, operation = self.machine, self.operation
        operation.prepare(machine)
        machine.qmp.clear_events()
        machine.settle(self.before)
        machine.news()
        self.faults.arm(kind, at=number, error=ERRORS[kind])
        outcome, words = self.attempt()
        fault = self.faults.disarm().failed > 0
        machine.alive()
        if not fault:
            assert outcome == "done", (outcome, words)
            self.back((self.after,))
            return False
        self.tally["injected"] += 1
        self.tally[kind] += 1
        getattr(self, "after_" + outcome.replace(" ", "_"))(kind, words)
        self.tally["intact"] += 1
        return True

    def attempt(self):
        try:
            self.operation.act(self.machine)
            return "done", ""
        except Partial as partial:
            return "partial", str(partial)
        except Refused as refusal:
            return "refused", str(refusal)
        except QMPError as refusal:
            # An answer that there is no memory for: what it answers has happened.
            return "unanswered" if CARRIED_OUT in refusal.desc else "refused", refusal.desc
        except (QMPClosed, ConnectionError) as end:
            self.machine.alive()
            return "let go", str(end)

    def after_done(self, kind, _words):
        self.tally["tolerated"] += 1
        self.back((self.after,), kind)

    def after_refused(self, kind, words):
        self.tally["refused"] += 1
        check_words(words, ERRORS[kind])
        machine = self.machine
        self.tally["let go"] += machine.renew()
        if not self.operation.heals:
            machine.settle(self.before, without=self.exempt(kind))
        again, words = self.attempt()
        assert again == "done", f"the second try: {again}: {words}"
        self.back((self.after,), kind)

    def after_partial(self, kind, words):
        self.tally["refused"] += 1
        check_words(words, ERRORS[kind])
        self.back(None, kind)

    def after_unanswered(self, kind, words):
        self.tally["tolerated"] += 1
        check_words(words, ERRORS[kind])
        self.back((self.before, *self.marks, self.after), kind)

    def after_let_go(self, kind, _words):
        if not self.machine.renew():
            self.tally["let go"] += 1    # another one of the operation's own
        self.tally["let go"] += 1
        self.back((self.before, *self.marks, self.after), kind)

    def back(self, states, kind=None):
        """The state is one of these, and the way back leads to where it began."""
        machine = self.machine
        self.tally["let go"] += machine.renew()
        if states:
            # What is made at the first time may be done without: line editing, the watch on files.
            lacks = ("descriptors",) if self.operation.fresh else ()
            machine.settle(*states, without=lacks + self.exempt(kind))
        if self.operation.fresh:
            self.drop()
            return
        self.clear()
        self.operation.prepare(machine)
        machine.settle(self.before, without=self.exempt(kind))
        machine.clear()
        if kind == "munmap" and STAYS in machine.error_log:
            self.drop()                  # the next one begins without what stayed

    def clear(self):
        """A memory set that was refused its answer goes on, and its last event may lack what there was no memory for:
        who misses it is let go."""
        try:
            self.machine.clear()
        except (QMPClosed, ConnectionError):
            self.tally["let go"] += self.machine.renew()
            self.machine.clear()

    def exempt(self, kind):
        """What need not be the same. A mapping that cannot be unmapped stays, and the program says so: soon, where a
        worker gives the memory back. That tries again what has failed, so it may be that nothing stays."""
        if kind != "munmap":
            return ()
        machine = self.machine
        good = [state["mappings"] for state in (self.before, self.after, *(self.marks or ())) if state]
        machine.wait_until(lambda: STAYS in machine.error_log or machine.mappings() in good,
                           LIMIT, "a word on what is still mapped")
        return ("mappings",) if STAYS in machine.error_log else ()


class StartWalk:
    """All faults of a start."""

    def __init__(self, start, tally, kinds):
        self.start, self.tally = start, tally
        # Bytes of a serial port may be lost; what the guest says is how this knows that it runs.
        self.kinds = few([kind for kind in kinds if not (start.says and kind == "write")], start)
        self.failures = []
        self.faults = self.whole = self.left = None
        self.step = tap.STRIDE               # between allocations that fail

    def run(self):
        with inject.faults(memory="malloc" in self.kinds) as self.faults:
            self.whole, self.left = self.clean()
            for kind in self.kinds:
                injected, step = 0, self.step if kind == "malloc" else tap.STRIDE
                while len(self.failures) < 10 and self.one(kind, injected * step + 1):
                    injected += 1
                if not injected and kind in self.start.calls.split():
                    self.failures.append(f"{kind}: there is no such call in it")

    def clean(self):
        """The state when it serves, and the files that it leaves at its end."""
        self.faults.arm("malloc")
        started = Started(self.start, self.faults)
        try:
            client = started.client()
            assert client, f"it does not start: {started.said()}"
            self.step = max(tap.STRIDE, self.faults.disarm().calls // SAMPLES)
            return started.state(client), started.quit(client)
        finally:
            started.close()

    def one(self, kind, number):
        self.faults.arm(kind, at=number, error=ERRORS[kind])
        started = Started(self.start, self.faults)
        failed = 0
        try:
            client = started.client()
            failed = self.faults.disarm().failed
            if failed:
                self.tally["injected"] += 1
                self.tally[kind] += 1
            if client:
                self.tally["tolerated"] += failed
                self.serves(started, client)
            else:
                self.tally["refused"] += failed
                self.has_ended(started, kind, silent=kind == "mmap" and number <= SILENT)
            self.tally["intact"] += failed
        except FAILURES as failure:
            self.failures.append(f"{kind} {number}: {type(failure).__name__}: {failure}\n"
                                 f"    it said: {started.said()[-500:]}")
        finally:
            started.close()
        return failed > 0

    def serves(self, started, client):
        state = started.state(client)
        if NO_CONTROL in started.said():
            started.control.touch()      # it does without, says so, and the rest is as it should be
            state = started.state(client)
            started.control.unlink()
        assert state == self.whole, f"it serves, but {self.whole} -> {state}"
        left = started.quit(client)
        assert left == self.left, f"it leaves {left} behind, not {self.left}"

    def has_ended(self, started, kind, silent):
        said = started.said()
        assert started.process.returncode == 1, f"status {started.process.returncode}"
        if not silent:
            check_words(said, ERRORS[kind])
        assert not started.remains(), "a process remains"
        left = [name for name in started.files() if name not in OUTPUT]
        assert not left, f"it leaves {left} behind"
