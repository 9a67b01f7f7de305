#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Answers of the kernel are not dropped: for each call in vmm/base/results.h the
compiler refuses a file that does, and every file of vmm/ and ctl/ is built so.

usage: results.py BUILD-FOLDER SOURCE-FOLDER
"""

import json
import pathlib
import re
import shlex
import subprocess
import sys

import checks

BUILD, SOURCE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
HEADER = SOURCE / "vmm/base/results.h"
DECLARED = re.compile(r"^\w[\w ]*?[ *](\w+)\((.*)\) LOOKED_AT;$", re.M)


def commands():
    """What the program is built with: source and words, of vmm/ and ctl/."""
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        source = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        output = entry.get("output", "")
        if source.is_relative_to(SOURCE) and re.match(r"(vmm|ctl)/", output):
            yield source, shlex.split(entry["command"])


def compiles(words, text):
    """Whether a program of this text would be compiled."""
    words = words[:words.index("-MD")] if "-MD" in words else words
    return subprocess.run([*words, "-Wno-nonnull", "-x", "c", "-c", "-o", "/dev/null", "-"], cwd=BUILD,
                          input=text, text=True, stderr=subprocess.DEVNULL).returncode == 0


def check_all_files():
    missing = [str(source.relative_to(SOURCE)) for source, words in found
               if ("-include", str(HEADER)) not in zip(words, words[1:])]
    assert not missing, f"built without results.h: {missing}"
    assert not any("-Wno-unused-result" in words for _, words in found)
    assert {"vmm", "ctl"} <= {source.relative_to(SOURCE).parts[0] for source, _ in found}


def check(name, arguments):
    count = 2 if "..." in arguments else arguments.count(",") + (arguments != "void")
    call = f"{name}({', '.join(['0'] * count)})"
    words = found[0][1]
    body = "void f(void);\nvoid f(void)\n{{\n    {}\n}}\n"
    assert compiles(words, body.format(f"if ({call}) {{ f(); }}")), f"{call} is no call"
    assert not compiles(words, body.format(f"{call};")), f"{name}: dropped unseen"
    assert not compiles(words, body.format(f"(void){call};")), f"{name}: a cast hides it"


found = list(commands())
calls = DECLARED.findall(HEADER.read_text())
tests = [("every file is built with results.h", check_all_files)]
tests += [(name, check, name, arguments) for name, arguments in calls]
assert len(calls) == HEADER.read_text().count("LOOKED_AT;"), "a line that is not understood"
checks.run(tests)
