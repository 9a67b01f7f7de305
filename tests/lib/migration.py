# SPDX-License-Identifier: BSD-2-Clause
"""Migrations of tests, and a program between source and target, which reads the stream and ends the connection."""

import contextlib
import pathlib
import select
import socket
import tempfile
import threading
import time

from .machine import Machine
from .micro import MICRO, hear, tell
from .qmp import QMPClosed, QMPError

MIB = 1 << 20
LIMIT = 60
GREETING, HEADER = 16, 16
CONFIG, PAGES, ZEROS, STATE = 1, 2, 3, 4
ACCEPTED, LOADED, RUNS, FAILED = 16, 17, 18, 19
BASE = ["-m", "64M,slots=4,maxmem=2G", "-kernel", MICRO]
NO_KERNEL = BASE[:BASE.index("-kernel")]
ON = {"events": True, "return-path": True}


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        yield pathlib.Path(folder)


def start(*options, incoming=None, run=True, base=None, **more):
    come = ["-incoming", incoming] if incoming else []
    machine = Machine([*(base or BASE), *options, *come], kernel=None, reboot=True, run=run and not incoming, **more)
    if run and not incoming:
        hear(machine, "micro")
    set_capabilities(machine, **ON)
    return machine


def set_capabilities(machine, **states):
    machine.qmp.execute("migrate-set-capabilities", {"capabilities": [
        {"capability": name.replace("_", "-"), "state": state} for name, state in states.items()]})


def status(machine):
    return machine.qmp.execute("query-status")["status"]


def info(machine):
    return machine.qmp.execute("query-migrate")


def wait_migration(machine, *wanted):
    deadline = time.monotonic() + LIMIT
    while True:
        now = info(machine)
        if now.get("status") in wanted:
            return now
        assert now.get("status") not in ("completed", "failed", "cancelled"), now
        assert time.monotonic() < deadline, now
        time.sleep(0.005)


# ---- what tests do ----

def dimm(number, where=None, size="128M", **more):
    """A DIMM of the command line; its address is that of the slot, unless given."""
    where = 0x100000000 + number * 128 * MIB if where is None else where
    words = "".join(f",{key}={value}" for key, value in more.items())
    return ["-object", f"memory-backend-ram,id=m{number},size={size}", "-device",
            f"pc-dimm,memdev=m{number},id=d{number},slot={number},addr={where:#x}{words}"]


def plug(machine, number):
    machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": f"m{number}", "size": 128 * MIB})
    machine.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": f"m{number}", "id": f"d{number}", "slot": number,
                                       "addr": 0x100000000 + number * 128 * MIB})
    tell(machine, "h")


def move(source, target, uri):
    """The guest moves, and the source ends."""
    source.qmp.execute("migrate", {"uri": uri})
    result = wait_migration(source, "completed")
    assert status(source) == "postmigrate"
    target.qmp.execute("cont")
    target.wait_until(lambda: status(target) == "running", LIMIT, "the guest runs")
    return result


def end(machine):
    assert machine.quit() == 0


def refusal(function, *arguments):
    try:
        function(*arguments)
    except QMPError as error:
        return str(error)
    raise AssertionError("it is accepted")


def begin_writing(machine):
    """Returns when the guest has written everything: from then on a migration sends pages that are not zero."""
    position = machine.console.position
    machine.console.send_keys("v")
    machine.console.wait_for(r"^v\r?\n", LIMIT, position)


def end_writing(machine, console=None):
    """The guest has found all that it wrote. Returns how often it has written everything."""
    (console or machine).console.send_keys("e")
    start = getattr(machine, "said", 0)
    _, match = machine.console.wait_for(r"^([0-9a-f]{8}) ([0-9a-f]{8})\.\r?\ne\.\r?\n", LIMIT, start)
    machine.said = match.end()
    wrong, written = (int(number, 16) for number in match.groups())
    assert wrong == 0, f"{wrong:#x} words were wrong"
    return written


def failed(source, target):
    """Why a migration that must fail has failed; the guest runs here, and the target has ended."""
    reason = wait_migration(source, "failed")["error-desc"]
    assert status(source) == "running"
    tell(source, "e", "e")
    if target:
        assert target.process.wait(LIMIT) == 1
    return reason


def pass_fd(machine, name, fd):
    machine.qmp.pass_descriptors(fd)
    machine.qmp.execute("getfd", {"fdname": name})


def slow(source, rate=1):
    """So slow that it does not end by itself."""
    source.qmp.execute("migrate-set-parameters", {"max-bandwidth": rate, "downtime-limit": 0})


def describe(event):
    name = event["event"]
    if name == "MIGRATION":
        return event["data"]["status"]
    return f"PASS {event['data']['pass']}" if name == "MIGRATION_PASS" else name


# ---- the stream ----

START, GO = "greeting", "go"       # its other parts


def messages(sent):
    """Where each message begins, its kind and its length."""
    at, found = GREETING, []
    while at + HEADER < len(sent):
        kind, length = (int.from_bytes(sent[at + start:at + start + 4], "little") for start in (0, 4))
        found.append((at, kind, length))
        at += HEADER + (0 if kind == ZEROS else length)
    return found


class Between(threading.Thread):
    """Passes on what the source sends, up to `cut`, and what the target answers, up to `cut_back` bytes; then it ends both
    connections, as `how` says: one of HOW, or "nothing", if `before` ends them. `cut` is a number of bytes, or (KIND, N, BYTES): so many of the Nth message of
    a kind, of the greeting (START) or of the last byte (GO). `before` is called before the end. With `lose_last`, the last
    byte is read, but not passed on; with `leave_last`, it is not even read."""

    HOW = ("shutdown", "close", "source first", "target first", "half")

    def __init__(self, folder, cut=None, cut_back=None, damage=None, lose_last=False, leave_last=False, how="shutdown",
                 before=lambda: None):
        super().__init__(daemon=True)
        self.uri, self.target_path = f"unix:{folder}/between", f"{folder}/target"
        self.cut, self.cut_back, self.damage, self.how, self.before = cut, cut_back, damage or {}, how, before
        self.lose_last, self.leave_last, self.was_cut = lose_last, leave_last, False
        self.sent, self.answered = bytearray(), bytearray()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{folder}/between")
        self.listener.listen()
        self.start()

    def run(self):
        self.source, _ = self.listener.accept()
        self.listener.close()
        self.target = socket.socket(socket.AF_UNIX)
        self.target.connect(self.target_path)
        back = threading.Thread(target=self.pass_back, daemon=True)
        back.start()
        self.pass_on()
        back.join()
        self.source.close()
        self.target.close()

    def end(self, how="shutdown"):
        """Both connections; half: the target sees the end of what the source sends, and its answers are passed on."""
        if how == "nothing":        # what `before` has ended will be seen
            return
        for one in (self.target, self.source) if how == "target first" else (self.source, self.target):
            with contextlib.suppress(OSError):
                if how == "half":
                    self.target.shutdown(socket.SHUT_WR)
                    return
                if how != "close" or not is_readable(one):
                    one.shutdown(socket.SHUT_RDWR)
                else:
                    one.close()         # with what nobody has read
            if how.endswith("first"):
                time.sleep(0.02)

    def read(self, length):
        return self.source.recv(length, socket.MSG_WAITALL) if length else b""

    def parts(self):
        """What the source sends, message by message."""
        yield START, self.read(GREETING)
        kind = START
        while kind != STATE:
            header = self.read(HEADER)
            kind, length = (int.from_bytes(header[start:start + 4], "little") for start in (0, 4))
            yield kind, header + self.read(0 if kind == ZEROS else length)
        if self.leave_last:
            is_readable(self.source, LIMIT)
            yield GO, b""
        yield GO, self.read(1)
        self.source.recv(1)             # its end

    def damaged(self, data):
        data, at = bytearray(data), len(self.sent)
        for place, value in self.damage.items():
            if at <= place < at + len(data):
                data[place - at] ^= value
        return data

    def where(self, kind, number, data):
        """Of this part, so much is passed on before the end; or None."""
        if kind == GO and (self.lose_last or self.leave_last):
            return 0
        if isinstance(self.cut, int):
            left = self.cut - len(self.sent)
            return left if left <= len(data) else None
        return self.cut[2] if self.cut and self.cut[:2] == (kind, number) else None

    def pass_on(self):
        counts = {}
        with contextlib.suppress(OSError):
            for kind, data in self.parts():
                stop = self.where(kind, counts.get(kind, 0), data)
                counts[kind] = counts.get(kind, 0) + 1
                passed = self.damaged(data[:stop])
                self.sent += passed
                self.target.sendall(passed)
                if stop is not None:
                    self.was_cut = True
                    self.before()
                    self.end("close" if self.leave_last else self.how)
                    return
                if not data:
                    break           # the source has ended
        self.end()

    def pass_back(self):
        left, how = self.cut_back, "shutdown"
        with contextlib.suppress(OSError):
            while left is None or left > 0:
                data = self.target.recv(65536 if left is None else left)
                if not data:
                    break
                self.answered += data
                self.source.sendall(data)
                left = None if left is None else left - len(data)
        if left == 0:
            self.was_cut, how = True, "shutdown" if self.how == "half" else self.how
            self.before()
        self.end(how)


def is_readable(one, seconds=0):
    return bool(select.select([one], [], [], seconds)[0])


def where_it_runs(source, target):
    """After a migration that may have been cut: neither, or which of the two; never both."""
    result = wait_migration(source, "completed", "failed")
    at_target = None
    while at_target is None:
        with contextlib.suppress(QMPClosed, OSError):
            if info(target)["status"] == "completed":
                at_target = status(target) == "running"
        if target.process.poll() is not None:
            at_target = False
    at_source = status(source) == "running"
    assert not (at_source and at_target)
    return result, at_source, at_target


def moved_between(folder, *options, **cuts):
    """One migration by way of a Between; the target runs the guest when it has arrived."""
    stack = contextlib.ExitStack()
    between = Between(folder, **cuts)
    source = stack.enter_context(start(*options))
    target = stack.enter_context(start(*options, incoming=f"unix:{folder}/target"))
    target.qmp.execute("cont")
    source.qmp.execute("migrate", {"uri": between.uri})
    return stack, source, target, between


# ---- a target that the test is ----

def accept(listener):
    """The connection of a source whose configuration is accepted; what it sends then is read, and not looked at."""
    connection, _ = listener.accept()
    received = b""
    while not any(len(received) == at + HEADER + length for at, _, length in messages(received)):
        received += connection.recv(1 << 16)
    connection.sendall(ACCEPTED.to_bytes(4, "little") + bytes(12))
    threading.Thread(target=drain, args=[connection.dup()], daemon=True).start()
    return connection


def drain(connection):
    with connection, contextlib.suppress(OSError):
        while connection.recv(1 << 16):
            pass
