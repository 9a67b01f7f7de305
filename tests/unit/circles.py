#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""No circle of calls: of the files of a folder, each uses functions and data of
those below it alone, in some order. As the linker sees it.

usage: circles.py LIBRARY...     static libraries, one of each folder
"""

import collections
import pathlib
import subprocess
import sys


def uses(library):
    """Each file's, of what the others define."""
    defined, wanted = {}, collections.defaultdict(set)
    for line in subprocess.check_output(["nm", "-A", "-P", library], text=True).splitlines():
        where, name, kind = line.split()[:3]
        file = where.rstrip(":").rstrip("]").split("[")[1].split("/")[-1].split(".c.o")[0]
        if kind in "TDRBC":
            defined[name] = file
        elif kind == "U":
            wanted[file].add(name)
    return {file: {defined[name]: name for name in names if defined.get(name, file) != file}
            for file, names in wanted.items()}, set(defined.values())


def circle(library):
    """Files that reach each other, as words; or None."""
    below, files = uses(library)
    left = {file: set(below.get(file, ())) for file in files}
    while free := [file for file, others in left.items() if not others & set(left)]:
        for file in free:
            del left[file]
    return ", ".join(f"{file} -> {other} ({below[file][other]})"
                     for file, others in sorted(left.items()) for other in sorted(others & set(left)))


bad = 0
print(f"1..{len(sys.argv) - 1}")
for number, library in enumerate(map(pathlib.Path, sys.argv[1:]), 1):
    found = circle(library)
    assert len(uses(library)[1]) > 2, f"{library}: nm names no files"
    bad += bool(found)
    print(f"{'not ok' if found else 'ok'} {number} - no circle of calls in {library.parent.name}/")
    if found:
        print(f"# {found}")
sys.exit(bad > 0)
