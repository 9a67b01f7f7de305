#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The AML of QEMU's PC, as it is in the QEMU that is installed, over the same
registers: what docs/compatibility.md says of both scans."""

import pathlib
import socket
import struct
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1])]
from lib import tap                                          # noqa: E402
from aml.acpica import (                                     # noqa: E402
    DEVICE_CHECK, EJECT_REQUEST, LIMIT, Interpreter, resources,
    temporary_folder)
from aml.cpus import Processors                              # noqa: E402

SLOTS = 4
CPUS = 3
GIB = 1 << 30

# QEMU's fw_cfg device (its docs/specs/fw_cfg): files are read by DMA, after
# the address of a control structure, big endian, was written to two ports.
PORT_DMA_HIGH, PORT_DMA_LOW = 0x514, 0x518
SELECT, READ = 8, 2
DIRECTORY = 0x19
CONTROL, DATA = 0x1000, 0x10000      # where in the guest's memory


class Qemu:
    """QEMU with stopped CPUs, whose ports and memory are used through its
    qtest socket."""

    def __init__(self, folder):
        path = f"{folder}/qtest"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            listener.settimeout(LIMIT)
            self._program = subprocess.Popen(
                ["qemu-system-x86_64", "-accel", "tcg", "-S", "-M", "pc",
                 "-smp", f"1,maxcpus={CPUS}",
                 "-m", f"128M,slots={SLOTS},maxmem=2G", "-nodefaults",
                 "-display", "none", "-qtest", f"unix:{path}",
                 "-qtest-log", "/dev/null"], stdin=subprocess.DEVNULL)
            try:
                self._socket = listener.accept()[0]
            except BaseException:
                self.close()
                raise
        self._socket.settimeout(LIMIT)
        self._lines = self._socket.makefile("rw")

    def close(self):
        self._program.kill()
        self._program.wait(LIMIT)

    def command(self, line):
        self._lines.write(line + "\n")
        self._lines.flush()
        answer = self._lines.readline().split()
        assert answer and answer[0] == "OK", (line, answer)
        return answer[1] if len(answer) > 1 else None

    def memory(self, addr, size):
        return bytes.fromhex(self.command(f"read {addr:#x} {size}")[2:])

    def read_file(self, key, size):
        control = struct.pack(">IIQ", key << 16 | SELECT | READ, size, DATA)
        self.command(f"write {CONTROL:#x} {len(control)} 0x{control.hex()}")
        low = int.from_bytes(CONTROL.to_bytes(4, "big"), "little")
        self.command(f"outl {PORT_DMA_HIGH:#x} 0")
        self.command(f"outl {PORT_DMA_LOW:#x} {low:#x}")
        assert self.memory(CONTROL, 4) == bytes(4), "fw_cfg refused"
        return self.memory(DATA, size)

    def acpi_tables(self):
        count, = struct.unpack(">I", self.read_file(DIRECTORY, 4))
        entries = self.read_file(DIRECTORY, 4 + 64 * count)[4:]
        for size, key, _, name in struct.iter_unpack(">IHH56s", entries):
            if name.rstrip(b"\0") == b"etc/acpi/tables":
                return self.read_file(key, size)
        raise AssertionError("QEMU has no tables")


def qemu_dsdt(folder):
    """QEMU's DSDT as it is, but for the checksum that its firmware fills in."""
    qemu = Qemu(folder)
    try:
        tables = qemu.acpi_tables()
    finally:
        qemu.close()
    start = tables.index(b"DSDT")
    length, = struct.unpack_from("<I", tables, start + 4)
    table = bytearray(tables[start:start + length])
    table[9] = (table[9] - sum(table)) % 256
    path = pathlib.Path(folder, "qemu.dat")
    path.write_bytes(table)
    return path


class Machines:
    """QEMU's AML and hotram's, each over registers in the same state."""

    def __enter__(self):
        with temporary_folder() as folder:
            self.qemu = Interpreter("qemu", SLOTS, table=qemu_dsdt(folder))
        self.hotram = Interpreter("gpe", SLOTS)
        return self

    def __exit__(self, *why):
        self.qemu.__exit__(*why)
        self.hotram.__exit__(*why)

    def host(self, *words):
        self.qemu.host(*words)
        self.hotram.host(*words)

    def events(self):
        """What each scan notifies as (slot, code), and its accesses."""
        answers = self.qemu.event(), self.hotram.event()
        return [([(int(name[2:], 16), code) for name, code in answer.notified],
                 len(answer.accesses)) for answer in answers]


def plug(machines, slot, how):
    machines.host("plug", slot, (slot + 1) * GIB, GIB, slot, how)


def test_both_deliver_an_insertion_and_then_a_removal():
    with Machines() as machines:
        plug(machines, 2, "hot")
        for said, _ in machines.events():
            assert said == [(2, DEVICE_CHECK)], said
        machines.host("ask", 2)
        for said, _ in machines.events():
            assert said == [(2, EJECT_REQUEST)], said


def test_qemu_s_scan_leaves_a_removal_that_is_pending_with_an_insertion():
    with Machines() as machines:
        plug(machines, 1, "hot")
        machines.host("ask", 1)
        (qemu, _), (hotram, _) = machines.events()
        assert qemu == [(1, DEVICE_CHECK)], qemu
        assert hotram == [(1, DEVICE_CHECK), (1, EJECT_REQUEST)], hotram
        assert machines.qemu.slots()[1].pending == (False, True)
        assert machines.hotram.slots()[1].pending == (False, False)
        # Any later event brings it.
        (qemu, _), (hotram, _) = machines.events()
        assert qemu == [(1, EJECT_REQUEST)] and hotram == []


def test_qemu_s_scan_asks_every_slot_and_ours_only_those_with_events():
    with Machines() as machines:
        (_, qemu), (_, hotram) = machines.events()
        # Selector, flags for the insertion, flags for the removal.
        assert qemu == 3 * SLOTS and hotram == 1, (qemu, hotram)


def test_qemu_s_aml_finds_in_our_registers_what_ours_finds():
    with Machines() as machines:
        plug(machines, 3, "cold")
        for slot in range(SLOTS):
            wanted = 0xf if slot == 3 else 0
            for acpi, scope in ((machines.qemu, r"\_SB.MHPC"),
                                (machines.hotram, r"\_SB.MHPD")):
                path = f"{scope}.MP{slot:02X}"
                assert acpi.evaluate(f"{path}._STA").value == wanted
                assert acpi.evaluate(f"{path}._PXM").value == \
                    (3 if slot == 3 else 0)
        # A range above 4 GiB in a QWordMemory, except that QEMU's is a range
        # that it produces, not one that it consumes.
        theirs = machines.qemu.evaluate(r"\_SB.MHPC.MP03._CRS").value
        ours = machines.hotram.evaluate(r"\_SB.MHPD.MP03._CRS").value
        assert ours == resources(4 * GIB, GIB)
        assert theirs[:4] + b"\x0d" + theirs[5:] == ours, theirs.hex()
        for acpi, scope in ((machines.qemu, r"\_SB.MHPC"),
                            (machines.hotram, r"\_SB.MHPD")):
            answer = acpi.evaluate(rf"{scope}.MP03._OST", 3, 0x84, "(00)")
            assert answer.osts == [(3, 3, 0x84)]
            assert acpi.evaluate(rf"{scope}.MP03._EJ0", 1).ejects == [3]


# ---- processors ----

class QemuProcessors(Processors):
    """QEMU's devices of processors: _SB.CPUS.C000, C001, ..."""

    def path(self, slot):
        return rf"\_SB.CPUS.C{slot:03X}"


def test_qemu_s_aml_of_processors_works_on_our_registers():
    with temporary_folder() as folder, QemuProcessors("cpu-gpe", CPUS, table=qemu_dsdt(folder)) as acpi:
        acpi.plug(0, "cold")
        for slot in range(CPUS):
            assert acpi.evaluate(acpi.path(slot) + "._STA").value == (0 if slot else 0xf)
        acpi.plug(2)
        acpi.plug(1)
        assert acpi.event().notified == [acpi.insert(1), acpi.insert(2)]
        assert acpi.nothing_pending()
        acpi.ask(2)
        assert acpi.event().notified == [acpi.removal(2)]
        assert acpi.method(2, "_OST", 3, 0x84, "(00)").osts == [(2, 3, 0x84)]
        assert acpi.method(2, "_EJ0", 1).ejects == [2]
        assert acpi.method(2, "_STA").value == 0


def test_qemu_s_scan_of_processors_delivers_an_insertion_and_a_removal():
    """Version 10.0 both at once, 7.2 the removal with the next event."""
    with temporary_folder() as folder, QemuProcessors("cpu-gpe", CPUS, table=qemu_dsdt(folder)) as acpi:
        acpi.plug(1)
        acpi.ask(1)
        notified = acpi.event().notified
        if notified == [acpi.insert(1)]:
            assert acpi.slots()[1].pending == (False, True)
            notified += acpi.event().notified
        assert notified == [acpi.insert(1), acpi.removal(1)], notified
        assert acpi.nothing_pending()


if __name__ == "__main__":
    tap.main()
