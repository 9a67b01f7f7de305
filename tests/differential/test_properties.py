#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The table of properties in docs/compatibility.md against what QEMU and hotram list
as theirs: each is in it, and it says of each whether it is there."""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import CLONE                                # noqa: E402
from peer import HOTRAM, QEMU                                # noqa: E402

TABLE = CLONE / "docs/compatibility.md"
OBJECTS = ("memory-backend-ram", "memory-backend-file", "memory-backend-memfd")
VERDICTS = ("same", "different", "not there", "ours")
# What QEMU of Debian 12 does not have, and that of Debian 13 does.
LATER = {"memory-backend-file offset", "memory-backend-file rom", "virtio-mem-pci dynamic-memslots",
         "virtio-mem-pci x-early-migration"}


def listed(kind, option, name):
    """The properties of a type, as a program's help has them."""
    result = subprocess.run([kind["program"], option, f"{name},help"], timeout=60,
                            check=True, capture_output=True, text=True)
    found = re.findall(r"^ +([a-z0-9-]+)=<", result.stdout, re.M)
    assert len(found) > 3, result
    return {f"{name} {key}" for key in found}


def rows():
    section = TABLE.read_text().split("## Memory, property by property")[1].split("\n## ")[0]
    table = {}
    for keys, verdict in re.findall(r"^\| (`.*?) \| (.*?) \| .*\|$", section, re.M):
        for key in re.findall(r"`([^`]*)`", keys):
            assert key not in table, f"{key} is there twice"
            table[key] = verdict
    return table


def compare(option, name, common=frozenset()):
    """All properties of a type but those named in common."""
    table = rows()
    qemu, hotram = ({key for key in listed(kind, option, name) if key.split()[1] not in common}
                    for kind in (QEMU, HOTRAM))
    unknown = LATER - qemu - hotram
    said = {key: verdict for key, verdict in table.items()
            if key.startswith(name + " ") and key not in unknown}
    assert set(said) == qemu | hotram, set(said) ^ (qemu | hotram)
    for key, verdict in said.items():
        expected = {(True, True): ("same", "different"), (True, False): ("not there",),
                    (False, True): ("different",) if key in LATER else ("ours",)}
        assert verdict in expected[key in qemu, key in hotram], (key, verdict)


def test_every_row_has_a_verdict():
    table = rows()
    assert len(table) > 70, table
    assert not {key: verdict for key, verdict in table.items() if verdict not in VERDICTS}


def test_memory_backends():
    for name in OBJECTS:
        compare("-object", name)


def test_pc_dimm():
    compare("-device", "pc-dimm")


def test_virtio_mem():
    """Without what all virtio devices have, which docs/devices.md lists."""
    common = {key.split()[1] for kind in (QEMU, HOTRAM) for key in listed(kind, "-device", "virtio-rng-pci")}
    compare("-device", "virtio-mem-pci", common)


if __name__ == "__main__":
    tap.main()
