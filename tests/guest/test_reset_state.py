#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""A reset puts a vCPU's state back where the host's processor runs the guest:
XCR0 is among it, and what only that processor has."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.scribble import changed_and_kept                    # noqa: E402


def test_nothing_that_a_guest_wrote_stays():
    kept = changed_and_kept("-append", "xcr")
    assert not kept, "\n".join(kept)


if __name__ == "__main__":
    tap.main()
