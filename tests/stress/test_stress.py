#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: some
"""Random stress of the real hotplug code, for $HOTRAM_SECONDS with each guest. HOTRAM_SEED=N replays one run."""

import contextlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import CLONE, Machine                       # noqa: E402
from lib.player import EJECT, FLAGS, INSERT, REMOVE, SLOT, Guest    # noqa: E402
from lib.qtest import QtestError                             # noqa: E402
from stress import BLOCKS, MIB, Stress, drive, repeat        # noqa: E402

MICRO = CLONE / "build/native/tests/micro/micro"
SLOTS = 8
GED = 0xfed60000
CPU_SLOT, CPU_FLAGS, CPU_COMMAND, CPU_DATA = 0xcd8, 0xcdc, 0xcdd, 0xce0
# Serial line, clock, PM1 (not its control register, which powers off), GPE0, memory hotplug, CPU hotplug. What is
# accessed is aligned to its width.
PORTS = (*range(0x3f8, 0x400), 0x70, 0x71, *range(0x600, 0x604), *range(0x620, 0x624), *range(0xa00, 0xa1c),
         *range(0xcd8, 0xce4))


def some_events(dice):
    return ["-machine", "acpi-events=ged"] if dice.random() < 0.4 else []


def some_cpus(dice):
    """Often with some that can come; a few of the start, too."""
    return ["-smp", dice.choice(("1,maxcpus=4", "1,maxcpus=4", "3,maxcpus=4", "2"))]


def where(dice):
    width = dice.choice((1, 2, 4))
    return dice.choice(PORTS) & -width, width


def play(guest, dice):
    """The guest at the registers: as it should, and as it should not."""
    slot = dice.randrange(SLOTS)
    what = dice.randrange(9)
    with contextlib.suppress(QtestError):       # there is nothing: no GED, no DIMM
        if dice.random() < 0.3:
            play_cpus(guest.qtest, dice)
        else:
            act(guest, dice, slot, what)


def play_cpus(qtest, dice):
    """Takes note, accepts, gives back or refuses, honestly; or reports and ejects what it likes."""
    qtest.port_out(CPU_SLOT, 4, dice.choice((0, 1, 2, 3, 3, 4)))
    pending = qtest.port_in(CPU_FLAGS, 1)
    if dice.random() < 0.3:
        report(qtest, dice.choice((0, 1, 3, 0x103)), dice.choice((0, 0x80, 0x82, 0x84)))
        qtest.port_out(CPU_FLAGS, 1, dice.choice((2, 4, EJECT, 0xff)))
        return
    if pending & 2:
        qtest.port_out(CPU_FLAGS, 1, 2)
        report(qtest, 1, 0)
    if pending & 4:
        qtest.port_out(CPU_FLAGS, 1, 4)
        report(qtest, 3, 0x84)
        if dice.random() < 0.7:
            qtest.port_out(CPU_FLAGS, 1, EJECT)
        report(qtest, 3, dice.choice((0, 0, 0x82)))


def report(qtest, event, status):
    for register, width, value in ((CPU_COMMAND, 1, 1), (CPU_DATA, 4, event), (CPU_COMMAND, 1, 2), (CPU_DATA, 4, status)):
        qtest.port_out(register, width, value)


def act(guest, dice, slot, what):
    if what == 0:
        guest.notice(slot)
    elif what == 1:
        guest.ost(slot, dice.choice((0, 1, 3, 0x103, 0x200)), dice.choice((0, 0, 0x80, 0x81, 0x82, 0x84, 1)))
    elif what == 2:
        guest.qtest.port_out(SLOT, 4, slot)
        guest.qtest.port_out(FLAGS, 1, EJECT)
    elif what == 3:
        guest.qtest.port_in(*where(dice))
    elif what == 4:
        guest.qtest.port_out(*where(dice), dice.randrange(1 << 32) >> dice.randrange(32))
    elif what == 5:
        guest.qtest.command(dice.choice((f"readl {GED:#x}", f"writel {GED:#x} 0xffffffff", "outb 0x620 0xff",
                                         "outb 0x622 8", "inb 0x620", "outb 0xcf9 6")))
    else:
        pending = guest.notice(slot)
        if pending & INSERT:
            guest.ost(slot, 1, 0)
        if pending & REMOVE and dice.random() < 0.7:
            guest.qtest.port_out(FLAGS, 1, EJECT)
        elif pending & REMOVE:
            guest.ost(slot, 3, 0x82)


def with_a_test_as_the_guest(dice, seed):
    options = [*some_events(dice), *some_cpus(dice)]
    if dice.random() < 0.5:
        options += ["-memslot", "id=ms0,size=128M", "-memslot", "id=ms1,size=256M"]
    elif dice.random() < 0.3:
        options += ["-numa", "node,mem=64M", "-numa", "node,mem=64M"]
    if dice.random() < 0.3:
        options += ["-machine", "dimm-at-boot=e820"]
    block = dice.choice(BLOCKS)
    with Guest(*options, memory=f"128M,slots={SLOTS},maxmem=4G", granularity=f"{block}M") as guest:
        return drive(guest, Stress(guest, dice, SLOTS, block * MIB), lambda: play(guest, dice), seed)


def with_a_guest_on_kvm(dice, seed):
    block = dice.choice(BLOCKS)
    options = ["-machine", f"dimm-map-limit=0,dimm-granularity={block}M", "-m", "64M,slots=4,maxmem=8G", "-kernel", str(MICRO),
               *some_events(dice), *some_cpus(dice)]
    with Machine(options, kernel=None, reboot=True) as machine:
        machine.console.wait_for("micro", 60)
        return drive(machine, Stress(machine, dice, 4, block * MIB), lambda: machine.console.offer_keys(dice.choice("hhhnjsfebrmxpppqciiit")), seed)


def test_with_a_test_as_the_guest():
    repeat(with_a_test_as_the_guest, "qtest")


@tap.kvm
def test_with_a_guest_on_kvm():
    repeat(with_a_guest_on_kvm, "kvm")


if __name__ == "__main__":
    tap.main()
