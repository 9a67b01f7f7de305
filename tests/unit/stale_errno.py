#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""errno is looked at before another call may change it: no call stands between the
one that failed and a statement that reads errno, nor beside errno in a message.

It reads lines, not C: what a block above has called, it does not see.

usage: stale_errno.py SOURCE-FOLDER
"""

import pathlib
import re
import sys

import checks

SOURCE = pathlib.Path(sys.argv[1]).resolve()
CALLED = re.compile(r"\b([a-z_]\w*)\(")
# A statement that is a call.
CALL = re.compile(r"(?:\(void\))?(?:\w+(?:->|\.))*\w+\(.*\);$", re.S)
# What a message is made with, none of which changes errno.
WORDS = {"error_set", "error_set_class", "warning", "message", "snprintf", "fail", "broken", "strerror", "gai_strerror",
         "file_why", "advice", "open_advice", "cannot_open", "cannot_place", "cannot_map", "cannot_watch", "connection_let_go", "if",
         "while", "for", "switch", "return", "sizeof"}


def statements(text):
    """(line, indentation, words) of each, as lines end: at ; { } or a label."""
    text = re.sub(r"/\*.*?\*/", lambda found: "\n" * found.group().count("\n"), text, flags=re.S)
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)
    first, words = 0, []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        first = first or number
        words.append(line)
        if line.rstrip().endswith((";", "{", "}", ":")):
            yield first, len(words[0]) - len(words[0].lstrip()), " ".join(word.strip() for word in words)
            first, words = 0, []


def stale(text):
    """Lines at which errno may be another call's."""
    before = (0, 0, "")
    for line, indentation, words in statements(text):
        read = re.search(r"\berrno\b(?! = )", words)
        if read:
            others = set(CALLED.findall(words)) - WORDS
            message = re.search(r"\b(error_set|warning|message|snprintf)\(", words[:read.start()])
            beside = message and set(CALLED.findall(words[message.start():])) - WORDS
            if beside or (not others and not words.startswith(("else", "} else")) and before[1] == indentation
                          and CALL.match(before[2])):
                yield line
        before = (line, indentation, words)


def check_rule():
    """It finds what it is for, and lets pass what is right."""
    wrong = ["    collect();\n    if (length < 0 && errno == EINTR)\n        return;\n",
             "    free(null);\n    return error_set(error, \"%s\", strerror(errno));\n",
             "    if (x() < 0)\n        return error_set(error, \"%s\", size_text(y), strerror(errno));\n"]
    right = ["    if (x() < 0 && errno == EINTR)\n        return;\n",
             "    x();\n    if (y() < 0 && errno == EINTR)\n        z();\n",
             "    if (x() < 0)\n        return error_set(error, \"f(): %s\", strerror(errno));\n"]
    assert all(list(stale(text)) for text in wrong) and not any(list(stale(text)) for text in right)


def check_file(path):
    found = list(stale(path.read_text()))
    assert not found, f"errno is read behind or beside another call: lines {found}"


files = sorted(path for folder in ("vmm", "ctl", "examples") for path in (SOURCE / folder).rglob("*.c")
               if "errno" in path.read_text())
assert len(files) > 50, files
checks.run([("the rule", check_rule)] + [(str(path.relative_to(SOURCE)), check_file, path) for path in files])
