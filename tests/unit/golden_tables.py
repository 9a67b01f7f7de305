#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The ACPI tables of machine hotram-1 are, byte for byte, those in tests/golden/acpi: what a guest sees of a
machine type does not change after a release (docs/testing.md says when they may be written anew). A table that
differs is shown as the lines of iasl's disassembly that changed, where iasl is there, else of a hexadecimal dump.
Speaks TAP.

usage: golden_tables.py DUMP_TABLES [--write]
"""

import difflib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden/acpi"
LINES = 60              # of a difference that are shown
# Name of the folder: arguments of dump_tables: kind, slots, possible CPUs, nodes, present CPUs (default: all).
MACHINES = {
    "x86": ("x86", 3, 4, 1),
    "x86-numa": ("x86", 3, 4, 2),
    "x86-no-slots": ("x86", 0, 1, 1),
    "x86-ged": ("x86-ged", 3, 4, 1),
    "x86-ged-no-slots": ("x86-ged", 0, 1, 1),
    "x86-cpus": ("x86", 3, 4, 2, 2),
    "x86-ged-cpus": ("x86-ged", 0, 4, 1, 1),
    "arm64-gicv3": ("gicv3", 3, 4, 1),
    "arm64-gicv3-numa": ("gicv3", 3, 8, 2),
    "arm64-gicv3-no-slots": ("gicv3", 0, 1, 1),
    "arm64-gicv3-cpus": ("gicv3", 3, 8, 2, 2),
    "arm64-gicv2-cpus": ("gicv2", 0, 4, 1, 1),
    "arm64-gicv2": ("gicv2", 3, 4, 1),
    "arm64-gicv2-no-slots": ("gicv2", 0, 1, 1),
}


def dump(program, machine, folder):
    kind, *numbers = MACHINES[machine]
    subprocess.run([program, kind, folder, *map(str, numbers)], stdout=subprocess.DEVNULL, check=True)


def disassembled(iasl, table):
    """Without the comments, which name files, offsets and the day."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([iasl, "-p", f"{folder}/table", "-d", table], capture_output=True, check=True)
        lines = pathlib.Path(folder, "table.dsl").read_text(errors="replace").splitlines()
    return [line for line in lines if not line.startswith((" *", "/*"))]


def hexdump(table):
    content = table.read_bytes()
    return [f"{at:04x}  {content[at:at + 16].hex(' '):<47}  "
            + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in content[at:at + 16])
            for at in range(0, len(content), 16)]


def difference(old, new):
    iasl = shutil.which("iasl")
    lines = []
    if iasl:
        try:
            lines = list(difflib.unified_diff(disassembled(iasl, old), disassembled(iasl, new), "golden", "now",
                                              lineterm="", n=2))
        except (subprocess.CalledProcessError, OSError) as error:
            lines = []
            print(f"# iasl: {error}")
    # What a disassembly does not show, such as the encoding of a number.
    return lines or list(difflib.unified_diff(hexdump(old), hexdump(new), "golden", "now", lineterm="", n=1))


def problem_of(machine, folder):
    """Lines; none: all is as it was."""
    golden = GOLDEN / machine
    before, now = ({path.name for path in where.glob("*.dat")} for where in (golden, folder))
    lines = [f"{name}: is gone" for name in sorted(before - now)] + [f"{name}: is new" for name in sorted(now - before)]
    for name in sorted(before & now):
        if (golden / name).read_bytes() != (folder / name).read_bytes():
            shown = difference(golden / name, folder / name)
            lines += [f"{name} differs:", *shown[:LINES]]
            if len(shown) > LINES:
                lines.append(f"and {len(shown) - LINES} more lines")
    return lines


def write(program):
    if GOLDEN.exists():
        shutil.rmtree(GOLDEN)
    for machine in MACHINES:
        (GOLDEN / machine).mkdir(parents=True)
        dump(program, machine, GOLDEN / machine)
    print(f"written: {GOLDEN}; git status --short says which changed")


def check(program):
    unknown = {path.name for path in GOLDEN.iterdir()} ^ set(MACHINES)
    failed = bool(unknown)
    print(f"1..{len(MACHINES) + 1}", flush=True)
    print(("not " if failed else "") + "ok 1 - a folder for each machine" + "".join(f"\n# {name}" for name in unknown))
    for number, machine in enumerate(MACHINES, 2):
        with tempfile.TemporaryDirectory() as folder:
            dump(program, machine, folder)
            lines = problem_of(machine, pathlib.Path(folder))
        print(("not " if lines else "") + f"ok {number} - {machine}: the same bytes", flush=True)
        for line in lines:
            print(f"#   {line}")
        failed |= bool(lines)
    if failed:
        print("# docs/testing.md says when tables may change, and how they are written anew")
    return failed


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--write"]):
        sys.exit(__doc__)
    program = os.path.abspath(sys.argv[1])
    if sys.argv[2:]:
        write(program)
    else:
        sys.exit(check(program))


main()
