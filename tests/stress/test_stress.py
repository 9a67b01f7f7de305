#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Random stress of the real hotplug code. HOTRAM_SEED=N replays one run."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import CLONE, Machine                       # noqa: E402
from lib.player import EJECT, FLAGS, INSERT, REMOVE, SLOT, Guest    # noqa: E402
from stress import Stress, check, repeat                     # noqa: E402

MICRO = CLONE / "build/native/tests/micro/micro"
SLOTS = 8


def play(guest, dice):
    """The guest at the registers: as it should, and as it should not."""
    slot = dice.randrange(SLOTS)
    what = dice.randrange(6)
    if what == 0:
        guest.notice(slot)
    elif what == 1:
        guest.ost(slot, dice.choice((0, 1, 3, 0x103, 0x200)), dice.choice((0, 0, 0x80, 0x81, 0x82, 0x84, 1)))
    elif what == 2:
        guest.qtest.port_out(SLOT, 4, slot)
        guest.qtest.port_out(FLAGS, 1, EJECT)
    else:
        pending = guest.notice(slot)
        if pending & INSERT:
            guest.ost(slot, 1, 0)
        if pending & REMOVE and dice.random() < 0.7:
            guest.qtest.port_out(FLAGS, 1, EJECT)
        elif pending & REMOVE:
            guest.ost(slot, 3, 0x82)


def with_a_test_as_the_guest(dice, seed):
    options = []
    if dice.random() < 0.5:
        options += ["-memslot", "id=ms0,size=128M", "-memslot", "id=ms1,size=256M"]
    elif dice.random() < 0.3:
        options += ["-numa", "node,mem=64M", "-numa", "node,mem=64M"]
    if dice.random() < 0.3:
        options += ["-machine", "dimm-at-boot=e820"]
    with Guest(*options, memory=f"128M,slots={SLOTS},maxmem=4G") as guest:
        stress = Stress(guest, dice, SLOTS)
        check(guest, stress.run(lambda: play(guest, dice)), seed)
        return stress.sent


def with_a_guest_on_kvm(dice, seed):
    with Machine(["-machine", "dimm-map-limit=0", "-m", "64M,slots=4,maxmem=8G", "-kernel", str(MICRO)],
                 kernel=None, reboot=True) as machine:
        machine.console.wait_for("micro", 60)
        stress = Stress(machine, dice, 4)
        keys = "hhhnjsfeb"
        check(machine, stress.run(lambda: machine.console.send_keys(dice.choice(keys))), seed)
        return stress.sent


def test_with_a_test_as_the_guest():
    repeat(with_a_test_as_the_guest)


def test_with_a_guest_on_kvm():
    repeat(with_a_guest_on_kvm)


if __name__ == "__main__":
    tap.main()
