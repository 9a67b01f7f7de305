#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The place of a DIMM has one list of rows (vmm/base/dimm_place.h), which every table that has such rows reads.

usage: dimm_place.py SOURCE-FOLDER
"""

import pathlib
import re
import sys

import checks

SOURCE = pathlib.Path(sys.argv[1]).resolve()
HEADER = "vmm/base/dimm_place.h"
TEXTS = {str(path.relative_to(SOURCE)): path.read_text()
         for folder in ("vmm", "ctl") for path in sorted((SOURCE / folder).rglob("*.[ch]"))}
# name, type, help and default of each
ROWS = re.findall(r'\bROW\(values, (\w+), [\w.]+, (PROPERTY_\w+),[\s\\]*"([^"]+)",[\s\\]*"([^"]+)"\)', TEXTS[HEADER])
READERS = {"DIMM_PLACE_ROWS": ["ctl/args.c", "ctl/change.c", "vmm/hotplug/pc_dimm.c", "vmm/monitor/commands/operation.c"],
           "DIMM_NODE_ROW": ["vmm/hotplug/virtio_mem.c", "vmm/options/opt_memslot.c"]}
# Of the same name and type, with another meaning: memory set without a node is for all nodes.
OTHERS = {("vmm/monitor/commands/set.c", "node")}


def check_list():
    assert {"slot", "addr", "node"} <= {row[0] for row in ROWS}, ROWS
    written = re.findall(r"\bROW\(values, \w+, [\w.]+, PROPERTY_", TEXTS[HEADER])
    assert len(ROWS) == len(written), f"{len(written)} rows, of which {len(ROWS)} are understood"


def check_readers():
    for name, readers in READERS.items():
        missing = [path for path in readers if not re.search(rf"\b{name}\(", TEXTS[path])]
        assert not missing, f"{name} is not read by {missing}"


def check_properties():
    """No table has a row of its own with the name and the type of one of the list, however its macro is named."""
    found = {(path, name) for path, text in TEXTS.items() for name, kind, *_ in ROWS
             if re.search(rf'"{name}",\s*{kind}\b', text)}
    assert found == OTHERS, f"rows beside the list: {sorted(found ^ OTHERS)}"


def check_options():
    """hotramctl has no option of such a name beside those of the list, and sends none by name but memory set's node."""
    names = "|".join(row[0] for row in ROWS)
    found = {(path, name) for path, text in TEXTS.items() if path.startswith("ctl/")
             for name in [*re.findall(rf"\{{\s*'\w',\s*\"({names})\"", text),
                          *re.findall(rf'\bargs, "({names})"', text)]}
    assert found == {("ctl/set.c", "node")}, f"beside the list: {sorted(found)}"


def check_texts():
    """No other file has the help of one, in whatever form of table."""
    found = [f"{path}: {text}" for path, content in TEXTS.items() if path != HEADER
             for *_, text, _ in ROWS if re.search(rf'"(the )?{re.escape(text)}\b', content)]
    assert not found, f"help beside the list: {found}"


TESTS = [("the list is found", check_list), ("each table that has these rows reads the list", check_readers),
         ("no other table of properties has one of them", check_properties),
         ("hotramctl has no other option of these names", check_options),
         ("no other file has the help of one", check_texts)]
checks.run(TESTS)
