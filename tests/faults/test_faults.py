#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: some
"""Every call of the kernel that can fail does, one after the other, in every operation."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from faults.operations import OPERATIONS                     # noqa: E402
from faults.starts import STARTS                             # noqa: E402
from faults.walk import StartWalk, Tally, Walk               # noqa: E402
from faults.watched import SANITIZED                         # noqa: E402
from lib import inject, tap                                  # noqa: E402

TALLY = Tally()
# A sanitizer's allocations are its own.
KINDS = [kind for kind in inject.KINDS if not (SANITIZED and kind == "malloc")]


def walks(kind, operation):
    def test():
        mine = Tally()
        walk = kind(operation, mine, KINDS)
        walk.run()
        TALLY.update(mine)
        tap.comment(str(mine))
        assert not walk.failures, "\n".join([operation.name, *walk.failures])
    return test


for _kind, _operations in ((StartWalk, STARTS), (Walk, OPERATIONS)):
    for _operation in _operations:
        _test = walks(_kind, _operation)
        globals()["test_" + re.sub(r"\W+", "_", _operation.name)] = tap.kvm(_test) if _operation.needs_kvm else _test


def test_every_kind_was_met():
    tap.comment(str(TALLY))
    # Without KVM there is no ioctl; each test that has one says so if it is not met.
    missing = [kind for kind in KINDS if not TALLY[kind] and not (kind == "ioctl" and tap.PART == "none")]
    assert not missing, f"no fault was injected into {missing}"


if __name__ == "__main__":
    tap.main()
