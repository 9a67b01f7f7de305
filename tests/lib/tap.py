# SPDX-License-Identifier: BSD-2-Clause
"""Runs the test_* functions of a module and reports in TAP, the Test Anything
Protocol. A test fails by raising an exception (assert is enough) and is
skipped by raising Skip("why").

    if __name__ == "__main__":
        tap.main()

An argument on the command line picks the tests whose names contain it. Where a machine is without KVM, a module
marks the tests that need it with @tap.kvm and says "# kvm: some": scripts/check.sh runs them in the emulated host
($HOTRAM_KVM is "only"), and the others directly, much faster ("none").
"""

import os
import re
import sys
import time
import traceback

from .arch import Skip               # noqa: F401  tests raise tap.Skip
from .machine import Machine

LOG_LINES = 30
PART = os.environ.get("HOTRAM_KVM", "all")
# Of many cases that are alike, an emulated host, where each takes a second or more, tries one in so many.
STRIDE = 10 if os.environ.get("HOTRAM_KVM") in ("all", "only") else 1
SANITIZER = re.compile(r"(Address|Leak|Thread)Sanitizer|runtime error:")


def kvm(function):
    """Marks a test that needs KVM."""
    function.needs_kvm = True
    return function


def is_chosen(function):
    return PART not in ("only", "none") or (PART == "only") == hasattr(function, "needs_kvm")


def comment(text):
    for line in text.rstrip("\n").split("\n"):
        print(f"# {line}", flush=True)


def tail(text):
    return "\n".join(text.rstrip("\n").split("\n")[-LOG_LINES:])


def report_failure(trace):
    comment(trace)
    if Machine.last:
        comment("--- the program said:\n" + tail(Machine.last.error_log))
        comment("--- the end of the guest's console:\n"
                + tail(Machine.last.console_log))


def sanitizers_are_silent():
    """A build with sanitizers ends at what they find, but a test may not notice."""
    if Machine.last and SANITIZER.search(Machine.last.error_log):
        raise AssertionError("a sanitizer found something")


def run(number, name, function):
    """Runs one test and says how it went: True unless it failed."""
    Machine.last = None
    start = time.monotonic()
    result, more, trace = "ok", "", None
    try:
        function()
        sanitizers_are_silent()
    except Skip as skip:
        more = f" # SKIP {skip}"
    except Exception:                # pylint: disable=broad-except
        result, trace = "not ok", traceback.format_exc()
    seconds = time.monotonic() - start
    print(f"{result} {number} - {name} ({seconds:.1f} s){more}", flush=True)
    if trace:
        report_failure(trace)
    if Machine.last:
        Machine.last.close()
    return trace is None


def main(module=None):
    module = module or sys.modules["__main__"]
    picks = sys.argv[1:]
    tests = [(name, function) for name, function in vars(module).items()
             if name.startswith("test_") and callable(function) and is_chosen(function)
             and (not picks or any(pick in name for pick in picks))]
    print(f"1..{len(tests)}", flush=True)
    results = [run(number, name, function)
               for number, (name, function) in enumerate(tests, 1)]
    sys.exit(0 if tests and all(results) else 1)
