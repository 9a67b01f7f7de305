# SPDX-License-Identifier: BSD-2-Clause
"""The table's rows of guests that are saved, restored and moved."""

import saved
from goal import Goal, of

PARTS = {"snapshot", "restore", "crowd", "move", "downtime"}
NAMES = {"256m": "256 MiB", "1g_dimms": "1 GiB and 4 DIMMs", "8g": "8 GiB"}
NOT_ABOVE = Goal("≤ QEMU's", fraction=1)


def growth(samples):
    """The largest guest's time as multiple of the smallest one's, each in its fastest run."""
    small, large = (of(f"restore_{name}_vm", 0)(samples) for name in ("256m", "8g"))
    return large / small if small and large else None


ROWS = [
    ("snapshot", "snapshot of 256 MiB without zero pages, to a file in memory", "MiB/s", of("write_rate"),
     Goal("≥ QEMU's", least_fraction=1)),
    ("snapshot", "the same beside dd", "", of("write_of_dd"), Goal("≥ 0.9", least=0.9)),
    *(("restore", f"restore of {NAMES[name]}: start of the program to the guest's first exit", "ms",
       of(f"restore_{name}"), NOT_ABOVE) for name in saved.SIZES),
    *(("restore", f"restore of {NAMES[name]}: from when VM and vCPUs exist", "ms", of(f"restore_{name}_vm"),
       Goal("≤ 2 ms", limit=2, time=True)) for name in saved.SIZES),
    ("restore", "8 GiB / 256 MiB, each in its fastest run", "", growth, Goal("≤ 1.1: the same", limit=1.1, time=True)),
    ("crowd", "guests from one snapshot of 256 MiB: start to the first exit, p50", "ms", of("crowd_restore"), NOT_ABOVE),
    ("crowd", "the same, p99", "ms", of("crowd_restore", 99), None),
    ("crowd", "resident memory of each, with its part of what they share", "MiB", of("crowd_pss"), NOT_ABOVE),
    ("crowd", "resident memory of each, with all of it", "MiB", of("crowd_rss"), None),
    ("move", "migration of 512 MiB without zero pages over a UNIX socket", "MiB/s", of("full_rate"),
     Goal("≥ QEMU's", least_fraction=1)),
    ("move", "the same beside a plain write and read", "", of("full_of_plain"), Goal("≥ 0.9", least=0.9)),
    ("move", "migration of 512 MiB of zero pages", "MiB/s", of("zero_rate"), Goal("≥ QEMU's", least_fraction=1)),
    ("move", "the same beside a zero test", "", of("zero_of_plain"), Goal("≥ 0.8", least=0.8)),
    *(row for name, what in (("idle", "a guest at rest"), ("writing", "a guest that writes to 32 MiB"))
      for row in (("downtime", f"{what} of 1 GiB stands still", "ms", of(f"{name}_gap"), NOT_ABOVE),
                  ("downtime", f"{what}: downtime in query-migrate", "ms", of(f"{name}_said"), None),
                  ("downtime", f"{what}: passes", "", of(f"{name}_passes"), None))),
]
