# SPDX-License-Identifier: BSD-2-Clause
"""What tests and the micro-guest of tests/micro/micro.S say to each other."""

from .machine import CLONE

MICRO = CLONE / "build/native/tests/micro/micro"
LIMIT = 60


def hear(machine, text):
    """Waits for a line of the guest, behind those that were heard."""
    said = getattr(machine, "said", 0)
    _, match = machine.console.wait_for(rf"^{text}\.\r?\n", LIMIT, said)
    machine.said = match.end()


def tell(machine, letter, answer=""):
    """Tells the guest what to do, and waits until it has done so."""
    machine.console.send_keys(letter)
    hear(machine, answer)
