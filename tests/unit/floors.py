#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The floors of the house: a folder's files include those of the folders above it
in this list, and nothing below (docs/architecture.md).

usage: floors.py SOURCE-FOLDER
"""

import collections
import pathlib
import re
import sys

import checks

SOURCE = pathlib.Path(sys.argv[1]).resolve()
FLOORS = ["include", "core", "layout", "base", "state", "host", "map", "kvm", "memory", "bus", "chardev", "block", "vhost", "net", "device", "pci",
          "virtio", "firmware", "hotplug", "options", "boot", "machine", "qtest", "monitor", "main.c"]
# hotramctl stands beside the program, on these.
UNDER_CTL = ["layout", "base", "state", "map", "ctl"]
# Headers of the system, of Linux, json-c and the like.
SYSTEM = re.compile(r"(sys|(include/)?linux|asm|json-c|histedit|libfdt|slirp|arch|arpa|drivers|mm|net|netinet)/")
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


# Below the monitors, JSON is read where a user's properties are; what the rest has to say is plain structs
# (base/event.h, block/node.h), of which monitor/ makes JSON.
WITH_JSON = ["base", "map", "block", "net", "options", "monitor", "main.c", "ctl"]
JSON = re.compile(r'\bjson_|#\s*include\s*[<"](json-c/|base/(json_\w+|result)\.h)')


# Numbers and lists are in answers only; of properties there are texts.
ANSWER = re.compile(r"\b(add_number|add_bool|json_append|json_new_array)\(")
WITH_ANSWERS = ["base", "map", "monitor", "ctl"]


def check_answers():
    """What QMP answers is made in monitor/ alone."""
    makers = {(folder_of(path), str(path.relative_to(SOURCE))) for path in sources() if ANSWER.search(path.read_text())}
    assert len(makers) > 10, f"the search finds only {sorted(makers)}"
    wrong = [path for folder, path in sorted(makers) if folder not in WITH_ANSWERS]
    assert not wrong, f"JSON of answers below the monitors: {wrong}"


def check_json():
    users = collections.defaultdict(list)
    for path in sources():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if JSON.search(line):
                users[folder_of(path)].append(f"{path.relative_to(SOURCE)}:{number}: {line.strip()}")
    assert set(users) >= {"base", "block", "options", "monitor"}, f"the search finds only {sorted(users)}"
    wrong = [line for folder, lines in users.items() if folder not in WITH_JSON for line in lines]
    assert not wrong, "\n# ".join(["JSON, where there is to be none:", *wrong])


# Operations are of whatever can come and go; what a DIMM is begins above them.
OPERATIONS = ["operation.c", "operation_info.c", "operation_list.c", "operation_table.c", "event_queue.c"]
OF_DIMMS = ["state.h", "hotplug.h"]


def check_operations():
    folder = SOURCE / "vmm/hotplug"
    reached = [folder / name for name in OPERATIONS]
    for path in reached:        # which grows
        reached.extend({target for _, target in included(path) if target.parent == folder} - set(reached))
    assert len(reached) > len(OPERATIONS), "the search finds no include lines"
    wrong = [path.name for path in reached if path.name in OF_DIMMS]
    assert not wrong, f"operations reach {wrong}"


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


LINES_MAX = 400


def check_lengths():
    """A file has one subject (CONTRIBUTING.md, "Style"); one that grows beyond the limit has a second."""
    lengths = {str(path.relative_to(SOURCE)): len(path.read_text().splitlines()) for path in sources()}
    assert max(lengths.values()) > LINES_MAX // 2, "the search finds no files"
    wrong = [f"{path}: {lines} lines" for path, lines in sorted(lengths.items()) if lines > LINES_MAX]
    assert not wrong, "\n# ".join([f"more than {LINES_MAX} lines; divide them by subject:", *wrong])


TESTS = [("no include line runs up", check_order), ("each folder is on a floor", check_folders),
         (f"no file has more than {LINES_MAX} lines", check_lengths),
         ("JSON is made and read in few folders", check_json),
         ("JSON of answers is made by the monitors", check_answers),
         ("operations know nothing of what is plugged", check_operations),
         ("the architecture's picture has the same order", check_architecture),
         ("comments and pages name files that exist", check_mentions)]
checks.run(TESTS)
