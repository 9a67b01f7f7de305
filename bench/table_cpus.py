# SPDX-License-Identifier: BSD-2-Clause
"""The table's rows of CPUs."""

import cpus
from goal import Goal, of, percentile

FEW, MANY = cpus.FEW_AND_MANY
ONE, ABSENT = cpus.ONE_AND_ABSENT
PARTS = {"cpus-start", "cpus", "cpus-boot"}
SOME = 8                    # CPUs at the beginning and at the end


def part_of_all(first, last):
    """Of the CPUs first to last, in all guests that were given all of them."""
    each = cpus.ALL - 1
    return lambda samples: percentile([took for number, took in enumerate(samples.get("ost_all", []))
                                       if first <= number % each < last], 50)


def more_exits(samples):
    """With many possible CPUs, as multiple of those with few."""
    few, many = of(f"exits_{FEW}")(samples), of(f"exits_{MANY}")(samples)
    return many / few if few and many else None


ROWS = [
    ("cpus-start", f"start to monitor's greeting, 1 CPU of {MANY} possible", "ms", of(f"greeting_{MANY}"), None),
    ("cpus-start", f"start to first answer, 1 CPU of {FEW} possible", "ms", of(f"answer_{FEW}"), None),
    ("cpus-start", f"the same, 1 CPU of {MANY} possible", "ms", of(f"answer_{MANY}"), None),
    ("cpus-start", f"resident besides the guest's RAM, 1 CPU of {FEW} possible", "MiB", of(f"resident_{FEW}"), None),
    ("cpus-start", f"the same, 1 CPU of {MANY} possible", "MiB", of(f"resident_{MANY}"), Goal("≤ 5 MiB", limit=5)),
    ("cpus-boot", "start to the guest's init, 1 CPU, no other possible", "s", of(f"boot_{ONE}"), None),
    ("cpus-boot", f"the same, {ABSENT - ONE} others possible and absent", "s", of(f"boot_{ABSENT}"), None),
    ("cpus", f"device_add of a CPU to the guest's _OST, {FEW} possible", "ms", of(f"ost_{FEW}"), None),
    ("cpus", f"the same, {MANY} possible", "ms", of(f"ost_{MANY}"), None),
    ("cpus", f"the same of CPUs 2 to {SOME + 1} of {cpus.ALL}", "ms", part_of_all(0, SOME), None),
    ("cpus", f"the same of the last {SOME} of {cpus.ALL}", "ms", part_of_all(cpus.ALL - 1 - SOME, cpus.ALL - 1), None),
    ("cpus", f"device_add of a CPU until the guest has started it, {FEW} possible", "ms", of(f"running_{FEW}"), None),
    ("cpus", f"the same, {MANY} possible", "ms", of(f"running_{MANY}"), None),
    ("cpus", f"exits to the program for the plug of a CPU, {FEW} possible", "", of(f"exits_{FEW}"), None),
    ("cpus", f"the same, {MANY} possible", "", of(f"exits_{MANY}"), None),
    ("cpus", "many possible / few possible", "", more_exits, Goal("≤ 1.1: no more", limit=1.1)),
]
