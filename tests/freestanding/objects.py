# SPDX-License-Identifier: BSD-2-Clause
"""What is in an object file, of any target: its unresolved symbols and its
writable sections, as readelf tells them."""

import re
import subprocess

FOUR = {"memcpy", "memmove", "memset", "memcmp"}

# The linker's own: how 32-bit x86 code finds its data at any address.
LINKER = {"_GLOBAL_OFFSET_TABLE_"}

# Written by whoever loads the program, never by the library: addresses of
# constants, in position-independent code (.got2: PowerPC's).
ADDRESSES = re.compile(r"\.data\.rel\.ro|\.got2$")

SECTION = re.compile(r"\]\s+(\S+)\s+\S+\s+[0-9a-f]+\s+[0-9a-f]+\s+"
                     r"(?P<size>[0-9a-f]+)\s+[0-9a-f]+\s+(?P<flags>[A-Zop]+)\s")


def readelf(option, path):
    return subprocess.run(["readelf", "--wide", option, path], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.splitlines()


def symbols(path):
    """Yields name and section index, UND for what is not there."""
    for line in readelf("--symbols", path):
        fields = line.split()
        if len(fields) >= 8 and fields[0].rstrip(":").isdigit():
            yield fields[7], fields[6]


def undefined(path):
    """What must be linked to it, besides the four functions."""
    return sorted({name for name, section in symbols(path)
                   if section == "UND"} - FOUR - LINKER)


def writable(path):
    """Data that the program could change, with sizes."""
    found = [f"{name} (common)" for name, section in symbols(path)
             if section == "COM"]
    for line in readelf("--sections", path):
        match = SECTION.search(line)
        if match and "W" in match["flags"] and int(match["size"], 16) > 0 \
                and not ADDRESSES.match(match[1]):
            found.append(f"{match[1]} ({int(match['size'], 16)} bytes)")
    return found
