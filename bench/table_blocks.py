# SPDX-License-Identifier: BSD-2-Clause
"""The table's rows of virtio-mem, and of DIMMs beside it."""

from blocks import LARGE_GIB, LESS_MIB, TOUCHED_MIB
from goal import of

NAMES = {"dimms": "8 DIMMs of 128 MiB", "blocks": "1 GiB of virtio-mem"}

ROWS = [
    ("blocks", "virtio-mem grows by 1 GiB", "ms", of("grow"), None),
    ("blocks", "exits to the program for a block of 2 MiB", "", of("grow_exits"), None),
    ("blocks", "virtio-mem shrinks by 1 GiB", "ms", of("shrink"), None),
    ("blocks", "exits to the program for a block of 2 MiB, then", "", of("shrink_exits"), None),
    ("blocks", f"the same, until most of {TOUCHED_MIB} MiB that were touched is the host's", "ms", of("back"), None),
    ("blocks-large", f"resident for a device of {LARGE_GIB} GiB with 1 GiB plugged", "MiB", of("large"), None),
    *(row for lever, name in NAMES.items() for row in (
        ("blocks-busy", f"a busy guest with {name} is to give back {LESS_MIB} MiB: given back", "MiB",
         of(f"{lever}_back"), None),
        ("blocks-busy", "the same: duration", "s", of(f"{lever}_s"), None),
        ("blocks-busy", "the same: the guest's work meanwhile, less than before by", "%", of(f"{lever}_lost"), None))),
]
