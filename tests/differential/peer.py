# SPDX-License-Identifier: BSD-2-Clause
"""hotram or QEMU as a machine that a test plays the guest of."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from lib.machine import PROGRAM
from lib.qmp import QMP
from lib.qtest import Qtest, QtestServer

BLOCK = 0xa00           # the memory hotplug register block
PENDING = BLOCK + 0x18  # hotram's own register beside it
ARM_BLOCK = 0x09070000  # where QEMU has it on arm64
SCI = 9
START_LIMIT = 60
# What hotram tells besides (differences.py, "results of operations"); tested in
# tests/program/test_operations.py.
OWN_EVENTS = ("MEMORY_OPERATION_STARTED", "MEMORY_OPERATION_DONE",
              "MEMORY_OPERATION_LATE", "DEVICE_UNPLUG_GUEST_ERROR")

# Where the GPE block is, and what makes a machine without a running vCPU.
HOTRAM = {"program": PROGRAM, "gpe": 0x620,
          "options": ["-accel", "qtest", "-machine", "dimm-granularity=2M"]}
QEMU = {"program": "qemu-system-x86_64", "gpe": 0xafe0,
        "options": ["-accel", "tcg", "-machine", "pc", "-qtest-log", "none"]}


class MemoryQtest(Qtest):
    """To whom the ports of the register block are addresses among the memory."""

    @staticmethod
    def line_in(port, width):
        return f"read{'bwl'[width // 2]} {ARM_BLOCK + port - BLOCK:#x}"

    @staticmethod
    def line_out(port, width, value):
        return f"write{'bwl'[width // 2]} {ARM_BLOCK + port - BLOCK:#x} {value:#x}"


# The same block, and a Generic Event Device: QEMU has it on arm64 only, and only with
# firmware, of which nothing runs.
HOTRAM_GED = {**HOTRAM, "ged": 0xfed60000,
              "options": [*HOTRAM["options"], "-machine", "acpi-events=ged"]}
QEMU_GED = {"program": "qemu-system-aarch64", "gpe": None, "ged": 0x09080000,
            "qtest": MemoryQtest, "firmware": True,
            "options": ["-accel", "tcg", "-machine", "virt", "-cpu", "cortex-a57",
                        "-qtest-log", "none"]}


class Peer:
    def __init__(self, kind, memory, options=(), pass_fds=()):
        self.name = os.path.basename(kind["program"])
        self.gpe = kind["gpe"]
        self.ged = kind.get("ged")
        self.ram = None                 # bytes, for whom they matter
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="hotram-"))
        self._errors = open(self._folder / "stderr", "w+b")
        self.process = self.qmp = self.qtest = None
        try:
            server = QtestServer(self._folder / "qtest", START_LIMIT)
            if kind.get("firmware"):
                (self._folder / "firmware").write_bytes(bytes(64))
                options = [*options, "-bios", str(self._folder / "firmware")]
            self.process = subprocess.Popen(
                [kind["program"], *kind["options"], "-nodefaults",
                 "-display", "none", "-S", "-m", memory, *options,
                 "-qmp", f"unix:{self._folder}/qmp,server=on,wait=off",
                 "-qtest", f"unix:{server.path}"],
                stdin=subprocess.DEVNULL, pass_fds=pass_fds, stdout=self._errors,
                stderr=self._errors)
            self.qtest = server.accept(kind.get("qtest"))
            self.qmp = self._connect()
            if not self.ged:
                self.qtest.command("irq_intercept_in ioapic")
        except BaseException:
            self.close()
            raise

    def _connect(self):
        deadline = time.monotonic() + START_LIMIT
        while True:
            try:
                return QMP(self._folder / "qmp")
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.002)

    def second(self):
        """Another program at the same monitor."""
        return QMP(self._folder / "qmp")

    def events(self):
        """What happened since the last call: QMP events without their time, and
        the changes of the SCI."""
        events = [(event["event"], event.get("data"))
                  for event in self.qmp.take_events()
                  if event["event"] not in OWN_EVENTS]
        events += [("SCI", level) for level, line in self.qtest.irqs
                   if line == SCI]
        self.qtest.irqs.clear()
        return events

    def said(self):
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def close(self):
        for connection in (self.qmp, self.qtest):
            if connection:
                connection.close()
        if self.process:
            self.process.kill()
            self.process.wait()
        self._errors.close()
        shutil.rmtree(self._folder, ignore_errors=True)
