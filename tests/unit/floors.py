#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The floors of the house: a folder's files include those of the folders above it
in this list, and nothing below (docs/architecture.md).

usage: floors.py SOURCE-FOLDER
"""

import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1]).resolve()
FLOORS = ["include", "core", "layout", "base", "host", "map", "kvm", "memory", "bus", "chardev", "device", "hotplug",
          "options", "boot", "machine", "qtest", "monitor", "main.c"]
# hotramctl stands beside the program, on these.
UNDER_CTL = ["layout", "base", "map", "ctl"]
# Headers of the system, of Linux, json-c and the like.
SYSTEM = re.compile(r"(sys|(include/)?linux|asm|json-c|histedit|libfdt|arch|drivers|mm|net)/")
INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)')


def folder_of(path):
    """vmm/kvm/vm.h -> kvm, core/dimm.c -> core"""
    parts = path.relative_to(SOURCE).parts
    return parts[1] if parts[0] == "vmm" else parts[0]


def included(path):
    """The files of this project that one includes, with the line."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        for where in match and (path.parent, SOURCE / "vmm", SOURCE / "include") or ():
            target = (where / match[1]).resolve()
            if target.is_file():
                yield number, target
                break


def runs_up(source, target):
    if source == "ctl":
        return target not in UNDER_CTL
    return FLOORS.index(target) > FLOORS.index(source)


def sources():
    for folder in ("include", "core", "vmm", "ctl"):
        yield from sorted((SOURCE / folder).rglob("*.[ch]"))


def check_order():
    lines = [(path, number, target) for path in sources() for number, target in included(path)]
    up = [f"{path.relative_to(SOURCE)}:{number}: {target.relative_to(SOURCE)}" for path, number, target in lines
          if runs_up(folder_of(path), folder_of(target))]
    print(f"# {len(up)} include lines run up, of {len(lines)}")
    assert len(lines) > 500, "the search finds no include lines"
    assert not up, "\n# ".join(["these run up:", *up])


def check_folders():
    """Each folder is on a floor, and each floor is a folder, or main.c."""
    there = {folder_of(path) for path in sources()}
    assert there == {*FLOORS, "ctl"}, f"no floor, or no folder: {sorted(there ^ {*FLOORS, 'ctl'})}"


def check_architecture():
    """docs/architecture.md shows the folders of vmm/ in this order."""
    text = (SOURCE / "docs/architecture.md").read_text()
    shown = re.findall(r"^  (\w+)/ ", text[text.index("\nvmm/ "):], re.M)
    expected = FLOORS[FLOORS.index("core") + 1:-1]
    assert shown[:len(expected)] == expected, f"shown: {shown[:len(expected)]}"


MENTION = re.compile(r"(?<![\w/.*-])((?:[a-z0-9_]+/)+[a-z0-9_]+\.[ch])\b")


def check_mentions():
    """Files that comments and pages name exist, from the root, vmm/, include/ or the file's own folder."""
    stale = []
    for path in [*sources(), *sorted((SOURCE / "docs").rglob("*.md"))]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for name in MENTION.findall(line):
                if not SYSTEM.match(name) and not any((where / name).is_file() for where in (
                        SOURCE, SOURCE / "vmm", SOURCE / "include", SOURCE / "tests", path.parent)):
                    stale.append(f"{path.relative_to(SOURCE)}:{number}: {name}")
    assert not stale, "\n# ".join(["no such file:", *stale])


TESTS = [("no include line runs up", check_order), ("each folder is on a floor", check_folders),
         ("the architecture's picture has the same order", check_architecture),
         ("comments and pages name files that exist", check_mentions)]
bad = 0
print(f"1..{len(TESTS)}")
for count, (name, function) in enumerate(TESTS, 1):
    try:
        function()
        print(f"ok {count} - {name}")
    except AssertionError as error:
        bad += 1
        print(f"not ok {count} - {name}\n# {error}")
sys.exit(bad > 0)
