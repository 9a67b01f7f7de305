# SPDX-License-Identifier: BSD-2-Clause
"""ACPICA's interpreter, which is Linux's, with libhotram's registers under its
operation regions.

    with Interpreter("gpe", slots=3) as acpi:
        acpi.host("plug", 1, 0x40000000, 0x8000000, 0, "hot")
        answer = acpi.event()
        assert answer.notified == [("MP01", 1)]

acpiexec runs the AML; registers.c, loaded into it, is the host. Each command
gives an Answer with all that happened until the interpreter was idle again.
The accesses that an AML method makes are held against what the register
interface allows, always.
"""

import functools
import os
import pathlib
import re
import selectors
import struct
import subprocess
import tempfile
import time

from lib import proc

CLONE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HOTRAM_BUILD") or CLONE / "build/native")

LIMIT = 120                 # seconds for one command: for what has gone wrong
PROMPT = b"\n@prompt\n"
FILL = 0xa7                # as interpose.c knows it
NOTHING = 0xffffffff       # the pending register when no event is pending

DEVICE_CHECK, EJECT_REQUEST, BUTTON_PRESSED = 1, 3, 0x80
OST_INSERT, OST_EJECT = 1, 3
OST_SUCCESS, OST_BUSY, OST_IN_PROGRESS = 0, 0x82, 0x84
# Numbers of libhotram's enums that the host's commands give back.
OK, E_STATE = 0, 11
PLUGGED, REMOVAL_REQUESTED, EJECTING = 2, 3, 4

# What docs/register-interface.md offers: offset and width of each register.
READS = {("block", 0x00, 4), ("block", 0x04, 4), ("block", 0x08, 4),
         ("block", 0x0c, 4), ("block", 0x10, 4), ("block", 0x14, 1),
         ("block", 0x18, 4), ("ged", 0x00, 4),
         ("cpus", 0x4, 1), ("cpus", 0x8, 4)}
WRITES = {("block", 0x00, 4), ("block", 0x04, 4), ("block", 0x08, 4),
          ("block", 0x14, 1),
          ("cpus", 0x0, 4), ("cpus", 0x4, 1), ("cpus", 0x5, 1), ("cpus", 0x8, 4)}
SELECTOR, PENDING, CONTROL = 0x00, 0x18, {"block": 0x14, "cpus": 0x4}

# Kinds of DSDT that are hotram-1's own, and how dump_tables calls the machine.
MACHINES = {"gpe": "x86", "ged": "gicv3"}


class AcpiError(Exception):
    """The interpreter complained, ended, or did not come to an end."""


class Answer:
    """What a command led to."""

    NOTIFY = re.compile(r"Received a (?:System|Device) Notify on \[(\w+)\] "
                        r"\S+ Value 0x(\w+)")

    def __init__(self, text):
        self.text = text
        # The log of registers.c, in its order: a word, then more and numbers.
        self.log = [[words[0], *map(number_or_word, words[1:])]
                    for words in (line[1:].split()
                                  for line in text.splitlines()
                                  if line.startswith("@"))]
        self.accesses = [tuple(line) for line in self.log
                         if line[0] in ("block", "ged", "cpus")]
        self.osts = [tuple(line[1:]) for line in self.log if line[0] == "ost"]
        self.ejects = [line[1] for line in self.log if line[0] == "eject"]
        self.statuses = [line[1] for line in self.log if line[0] == "status"]
        self.slots = {line[1]: Slot(*line[2:])
                      for line in self.log if line[0] == "slot"}
        self.raised = self.log.count(["raise"])
        self.too_late = ["late"] in self.log
        self.notified = [(name, int(code, 16))
                         for name, code in self.NOTIFY.findall(text)]
        self.value = self._value()

    def _value(self):
        integer = re.search(r"^  \[Integer\] = (\w+)", self.text, re.M)
        if integer:
            return int(integer.group(1), 16)
        if "  [Buffer] Length" not in self.text:
            return None
        dump = re.findall(r"\b[0-9A-F]{4}: ((?:[0-9A-F]{2} )+)", self.text)
        return bytes.fromhex("".join(dump))


class Slot:
    """A slot of the bank, as the host sees it."""

    def __init__(self, state, addr, size, node, insert, remove, status):
        self.state = state
        self.range = (addr, size, node)
        self.pending = (bool(insert), bool(remove))
        self.ost_status = status


def number_or_word(text):
    return text if text in ("read", "write") else int(text, 16)


def device(slot):
    """The name of a slot's device."""
    return f"MP{slot:02X}"


def resources(addr, size):
    """The _CRS of a DIMM, byte for byte (ACPI 6.5, 6.4.3.5): a consumed range
    of memory with both ends fixed, cacheable and writable, in the smaller
    descriptor that holds it; then the end tag. An empty slot has no range."""
    end_tag = bytes([0x79, 0])
    if size == 0:
        return end_tag
    last = addr + size - 1
    kind, number = (0x87, "I") if last < 1 << 32 else (0x8a, "Q")
    body = struct.pack("<BBB5" + number, 0, 0x0d, 0x03, 0, addr, last, 0, size)
    return struct.pack("<BH", kind, len(body)) + body + end_tag


def write_dsdt(folder, kind, slots):
    """Writes a DSDT and returns its path: machine hotram-1's own, on x86-64 (gpe)
    or arm64 (ged), or one of write_dsdt.c."""
    path = pathlib.Path(folder, f"{kind}-{slots}.dat")
    if kind in MACHINES:
        command = [BUILD / "tests/unit/dump_tables", MACHINES[kind], folder,
                   slots, 1]
    else:
        command = [BUILD / "tests/aml/write_dsdt", path, kind, slots]
    subprocess.run([str(word) for word in command], check=True, timeout=LIMIT,
                   stdout=subprocess.DEVNULL)
    if kind in MACHINES:
        pathlib.Path(folder, "DSDT.dat").rename(path)
    return path


@functools.cache
def tool(name):
    """The path of one of ACPICA's programs, of the version that the tests know."""
    folder = subprocess.check_output([CLONE / "scripts/acpica.sh"], text=True)
    return str(pathlib.Path(folder.strip()) / name)


def temporary_folder():
    parent = BUILD / "tests/aml"
    return tempfile.TemporaryDirectory(prefix="run-", dir=parent)


class Interpreter:
    """acpiexec with a DSDT of a kind (see write_dsdt) or with a given one."""

    def __init__(self, kind, slots, table=None):
        self.kind = kind
        self.slot_count = slots
        self._said = b""
        with temporary_folder() as folder:
            path = table or write_dsdt(folder, kind, slots)
            self._program = subprocess.Popen(
                # -to: seconds after which ACPICA gives up a loop
                [tool("acpiexec"), "-fv", hex(FILL), "-to", "5", str(path)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ,
                     "LD_PRELOAD": str(BUILD / "tests/aml/aml_registers.so")})
            self._selector = selectors.DefaultSelector()
            self._selector.register(self._program.stdout,
                                    selectors.EVENT_READ)
            try:
                self.started = self._read_answer()
                # ACPICA has looked at each slot's _STA by now.
                if not self.started.accesses:
                    raise AcpiError("the registers are not in their place")
            except BaseException:
                self._program.kill()
                raise
        self.new_bank()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error:
            # Also GeneratorExit, where a test failed in a loop over several.
            said = self._said[-3000:].decode(errors="replace")
            print("# --- the end of what the interpreter said:")
            print("\n".join("# " + line for line in said.splitlines()))
            self._program.kill()
        else:
            self._program.stdin.write(b"quit\n")
        self._program.stdin.close()
        rest = self._program.stdout.read()
        status = self._program.wait(LIMIT)
        self._selector.close()
        self._program.stdout.close()
        if not error and (status or b"No outstanding allocations" not in rest):
            raise AcpiError(f"acpiexec ended with status {status}: {rest!r}")

    def _threads(self):
        """Where each of the interpreter's threads is: its state, and in which
        place of the kernel it waits."""
        for _, stat, place in proc.threads(self._program.pid, "stat", "wchan"):
            yield f"{stat.rpartition(')')[2].split()[0]}:{place}"

    def _read_answer(self):
        deadline = time.monotonic() + LIMIT
        answer = b""
        while not answer.endswith(PROMPT):
            if not self._selector.select(deadline - time.monotonic()):
                raise AcpiError("acpiexec does not answer; its threads: "
                                + " ".join(self._threads()))
            data = os.read(self._program.stdout.fileno(), 65536)
            if not data:
                raise AcpiError("acpiexec ended: "
                                + (self._said + answer)[-3000:].decode())
            answer += data
        self._said = self._said[-3000:] + answer
        return Answer(answer[:-len(PROMPT)].decode(errors="replace"))

    def command(self, line):
        """A command of acpiexec's debugger, or with '@' of registers.c."""
        self._said += f"\n>>> {line}\n".encode()
        self._program.stdin.write(line.encode() + b"\n")
        self._program.stdin.flush()
        return self._read_answer()

    # ---- the host ----

    def host(self, *words, status=OK):
        """A command of registers.c that has to have a certain outcome."""
        answer = self.command("@" + words_of(words))
        assert answer.statuses == [status], (words, answer.statuses)
        return answer

    def host_later(self, count, *words):
        """A command for just before the count-th register access from now."""
        self.command(f"@at {count:x} " + words_of(words))

    def new_bank(self):
        """All slots are empty again."""
        self.host("bank", self.slot_count)

    def slots(self):
        """The slots that are not empty or have an event pending."""
        return self.host("slots").slots

    # ---- the guest ----

    def evaluate(self, path, *arguments):
        """Evaluates a method, which must not fail and must keep to the
        register interface."""
        answer = self.command(" ".join(["evaluate", path, *map(
            lambda word: hex(word) if isinstance(word, int) else word,
            arguments)]))
        if (re.search(r"ACPI (Error|Warning|Exception)|failed with|Exception",
                      answer.text)
                or f"valuation of {path}" not in answer.text):
            raise AcpiError(answer.text)
        check_accesses(answer.accesses)
        return answer

    def method(self, slot, name, *arguments):
        """Evaluates a method of a slot's device."""
        return self.evaluate(rf"\_SB.MHPD.{device(slot)}.{name}", *arguments)

    def ost(self, slot, event, status):
        return self.method(slot, "_OST", event, status, "(00)")

    def event(self):
        """What the operating system evaluates when the event came."""
        if self.kind == "ged":
            return self.evaluate(r"\_SB.GED._EVT", 41)
        return self.evaluate(r"\_GPE._E03")


    def together(self, moment, first, second):
        """Evaluates two methods, given as lists of path and arguments: the
        second starts while the first waits at its moment-th register access.
        Returns the accesses of both, in their order."""
        self.host_later(moment, "hold")
        first, second = (" ".join(map(str, words)) for words in (first, second))
        started = self.command("background " + first)
        ended = self.command("evaluate " + second)
        if "background thread completed" not in ended.text.lower():
            raise AcpiError(started.text + ended.text)
        return started.accesses + ended.accesses


def words_of(words):
    return " ".join(f"{word:x}" if isinstance(word, int) else word
                    for word in words)


def check_accesses(accesses):
    """Every access is to a register, in its width. A method selects a slot
    before it speaks of one; the control register gets one action at a time."""
    selected = False
    for where, kind, offset, width, value in accesses:
        allowed = READS if kind == "read" else WRITES
        assert (where, offset, width) in allowed, (where, kind, offset, width)
        if where == "ged" or offset == PENDING:
            continue
        if kind == "write" and offset == SELECTOR:
            selected = True
            continue
        assert selected, f"{kind} of {offset:#x} without a slot: {accesses}"
        if kind == "write" and offset == CONTROL[where]:
            assert value in (2, 4, 8), f"control register: {value:#x}"
