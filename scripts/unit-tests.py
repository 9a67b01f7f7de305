#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Run meson's tests and report all their results as one TAP stream.

usage: unit-tests.py BUILD-FOLDER [NAME...]

A test program that speaks TAP itself gives one result for each of its own; one
that ends badly without having said so, and every other one, gives one more.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

RESULT = re.compile(r"(ok|not ok)\b *\d* *-? *(.*)")


def results_of(test):
    """Yields lines for one test program of meson's log."""
    name = test["name"].split(" / ")[-1].split(":")[-1]
    output = test.get("stdout", "")
    good = test["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
    said_bad = counted = False
    skipped = None
    for line in output.splitlines():
        match = RESULT.match(line)
        if match:
            counted = True
            said_bad = said_bad or match.group(1) == "not ok"
            skip = f" # SKIP {skipped[1]}" if skipped and skipped[0] == match.group(2) else ""
            yield f"{match.group(1)} - {name}: {match.group(2)}{skip}"
        elif line.startswith("# SKIP "): # tests/unit/skip.h
            skipped = line.removeprefix("# SKIP ").split(": ", 1)
        elif line.startswith("#"):
            yield line
    seconds = f"({test['duration']:.1f} s)"
    if test["result"] == "SKIP" and not counted:
        yield f"ok - {name} # SKIP"
    elif good and not counted:
        yield f"ok - {name} {seconds}"
    elif not good and not said_bad:
        yield (f"not ok - {name}: {test['result']}, "
               f"status {test['returncode']} {seconds}")
    if not good:
        for line in (output if not counted else "").splitlines()[-20:]:
            yield f"# {line}"
        for line in test.get("stderr", "").splitlines()[-40:]:
            yield f"# {line}"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    log = folder / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    status = subprocess.run(
        # Time limits are for what hangs, not for what is slow on a busy machine.
        ["meson", "test", "-C", str(folder),
         "--timeout-multiplier", "5", *sys.argv[2:]],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
    if not log.exists():
        print(status.stdout)
        sys.exit("unit-tests: meson ran no tests")
    count = 0
    for line in log.read_text().splitlines():
        for result in results_of(json.loads(line)):
            count += not result.startswith("#")
            print(result)
    print(f"1..{count}")
    sys.exit(status.returncode)


main()
