# SPDX-License-Identifier: BSD-2-Clause
"""What the micro-guest of tests/micro/scribble.c finds changed over a reset."""

import re

from . import arch
from .machine import CLONE, Machine

SCRIBBLE = CLONE / "build/native/tests/micro/scribble"
LIMIT = 60
# At least so many of each kind of state can be changed on any host.
LEAST = {"msr": 80, "debug": 6, "lapic": 8, "ioapic": 40, "port": 8, "pit": 3,
         "fpu": 50, "xcr": 0, "control": 4}
# VM_CR: SVMDIS cannot be cleared once it is set, not even by the host; DE_CFG: nor
# can its one bit, on hosts whose KVM lets a guest set it.
STAYS = {("msr", "c0010114"), ("msr", "c0011029")}


def changed_and_kept(*options, **least):
    """Runs the guest; checks that it changed enough, and returns what a reset left
    as the guest had made it: lines."""
    if arch.chosen() is not arch.X86:
        raise arch.Skip("the micro-guest that changes all of a vCPU's state is x86's")
    with Machine(["-m", "128M", "-kernel", SCRIBBLE, *options], kernel=None,
                 reboot=True) as machine:
        text, _ = machine.console.wait_for(r"^END\r?$", LIMIT)
        machine.qmp.wait_event("RESET", timeout=LIMIT)
        assert machine.quit() == 0
    changed = {kind: int(count, 16)
               for kind, count in re.findall(r"^changed (\w+) (\w+)", text, re.M)}
    print(f"# changed: {changed}")
    assert set(changed) == set(LEAST), changed
    for kind, count in {**LEAST, **least}.items():
        assert changed[kind] >= count, (kind, changed)
    return [line for line in text.splitlines() if line.startswith("kept")
            and tuple(line.split()[1:3]) not in STAYS]
