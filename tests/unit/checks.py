# SPDX-License-Identifier: BSD-2-Clause
"""Checks of the source tree as a test in the Test Anything Protocol."""

import sys


class Skip(Exception):
    """The check does not apply here."""


def run(checks):
    """Run (name, function, arguments...) one by one; ends the program. A check that fails raises AssertionError."""
    bad = 0
    print(f"1..{len(checks)}")
    for number, (name, function, *arguments) in enumerate(checks, 1):
        try:
            function(*arguments)
            print(f"ok {number} - {name}")
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}")
        except AssertionError as error:
            bad += 1
            print(f"not ok {number} - {name}\n# {error}")
    sys.exit(bad > 0)
