#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""JSON values are built in one place, which marks what memory is short for:
no other source file of vmm/ and ctl/ makes or fills one by json-c's functions,
whose failures nobody would look at.

usage: json_sources.py SOURCE-FOLDER
"""

import pathlib
import re
import sys

import checks

SOURCE = pathlib.Path(sys.argv[1]).resolve()
BUILDER = "vmm/base/json_build.c"
READER = "vmm/base/json_value.c"           # looks at each, and answers "out of memory"
BUILDS = re.compile(r"\bjson_object_(new\w*|object_add\w*|array_add|array_put_idx|array_insert_idx|"
                    r"set_(?:string|int|uint|double|boolean)\w*|deep_copy|from_\w+|to_json_\w+)\s*\(|"
                    r"\bjson_tokener_\w+\s*\(")


def sources():
    for folder in ("vmm", "ctl"):
        yield from sorted(path for path in (SOURCE / folder).rglob("*.[ch]"))


def check_others():
    found = [f"{path.relative_to(SOURCE)}:{number}: {match.group(0)}"
             for path in sources() if str(path.relative_to(SOURCE)) not in (BUILDER, READER)
             for number, line in enumerate(path.read_text().splitlines(), 1)
             for match in BUILDS.finditer(line)]
    assert not found, "use base/json_build.h: " + ", ".join(found)


def check_the_two():
    """That the pattern still finds what it looks for."""
    for name in (BUILDER, READER):
        assert BUILDS.search((SOURCE / name).read_text()), f"{name} builds nothing"
    assert len(list(sources())) > 100


tests = [("no other file builds JSON", check_others), ("the builder and the reader do", check_the_two)]
checks.run(tests)
