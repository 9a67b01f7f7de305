#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Holds what is compiled into a program of libhotram against a list: sizes of
structs, places of their members, values of enumerators and macros. Speaks TAP.

usage: abi.py [--write] SOVERSION LIST INCLUDE-FOLDER COMPILER...

What the list has must be the same as long as the soversion is (docs/libhotram.md,
"Versions"). What is new in the headers must be added to it: --write does that, for
a change that the soversion permits as well as for one with a new soversion.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

COMMENT = re.compile(r"/\*.*?\*/", re.S)
BODY = re.compile(r"^(enum|struct) (\w+) \{(.*?)^\};", re.S | re.M)
MACRO = re.compile(r"^#define (HOTRAM_\w+)\s+(?:\\\s+)?(?:[\d(]|U?INT|SIZE_MAX|HOTRAM_)", re.M)   # numbers only
ATTRIBUTE = "HOTRAM_NO_TERMINATOR"
MEMBER = re.compile(r"\(\*(\w+)\)\(|(\w+)(?:\[[^\]]*\])*$")


def members(body):
    """The names in a struct's body; "uint64_t a, b" has two."""
    for declaration in body.split(";"):
        declaration = " ".join(declaration.replace(ATTRIBUTE, "").split())
        if not declaration:
            continue
        parts = [declaration] if "(" in declaration else declaration.split(",")
        for part in parts:
            found = MEMBER.search(part.strip())
            yield found[1] or found[2]


def expressions(text):
    """(name in the list, C expression) of each number that a header compiles into its users."""
    plain = COMMENT.sub("", text)
    for kind, name, body in BODY.findall(plain):
        if kind == "enum":
            for enumerator in re.findall(r"^\s*(HOTRAM_\w+)", body, re.M):
                yield enumerator, enumerator
            continue
        yield f"sizeof {name}", f"sizeof(struct {name})"
        for member in members(body):
            of = f"struct {name}, {member}"
            yield f"{name}.{member} at", f"offsetof({of})"
            yield f"{name}.{member} size", f"sizeof(((struct {name} *)0)->{member})"
    for macro in MACRO.findall(plain):
        yield macro, macro


def numbers(include, compiler):
    """All of them as "NAME NUMBER", by header."""
    headers = sorted(include.glob("hotram/*.h"))
    pairs = [pair for header in headers for pair in expressions(header.read_text(encoding="ascii"))]
    source = "".join([*(f"#include <{header.relative_to(include)}>\n" for header in headers),
                      "#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n",
                      *(f'printf("%s %lld\\n", "{name}", (long long)({value}));\n' for name, value in pairs),
                      "return 0; }\n"])
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder, "abi")
        subprocess.run([*compiler, f"-I{include}", "-x", "c", "-", "-o", program],
                       input=source, text=True, check=True)
        return subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


def table(lines):
    return dict(line.rsplit(" ", 1) for line in lines)


def changes(listed, now):
    for name, number in listed.items():
        if name not in now:
            yield f"{name} was {number} and is gone"
        elif now[name] != number:
            yield f"{name} was {number} and is {now[name]}"


def main():
    arguments = sys.argv[1:]
    write = arguments[:1] == ["--write"]
    if len(arguments) < 4 + write:
        sys.exit(__doc__)
    soversion, path, include, *compiler = arguments[write:]
    path = pathlib.Path(path)
    lines = numbers(pathlib.Path(include), compiler)
    if write:
        path.write_text("\n".join([f"soversion {soversion}", *lines, ""]), encoding="ascii")
        return
    listed, now = table(path.read_text(encoding="ascii").splitlines()), table(lines)
    of_list = listed.pop("soversion")
    count = bad = 0
    for what, wrong in (
            ("the list is of this soversion", [] if of_list == soversion else [f"it is of {of_list}"]),
            ("what is compiled into programs is as listed", list(changes(listed, now))),
            ("what is new is listed", [f"{name} is not" for name in now.keys() - listed.keys()])):
        count += 1
        bad += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {count} - {what}")
        for line in sorted(wrong):
            print(f"# {line}")
    if bad:
        print("# docs/libhotram.md, \"Versions\", says what may change; then: ninja -C BUILD abi-list")
    print(f"1..{count}")
    sys.exit(bad > 0)


main()
