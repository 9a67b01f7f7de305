#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The same random operations on hotram and on QEMU, over the qtest protocol:
every value that is read and every event has to be the same, but for the table
in differences.py.

usage: test_registers.py [BATCH...]     only these, to replay a failure

HOTRAM_SEED=N replays a run, HOTRAM_SEED=random makes a new one.
HOTRAM_OPERATIONS=N does more of them or fewer.
"""

import concurrent.futures
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import differences                                           # noqa: E402
from operations import (ALL_ONES, EJECT, FLAGS, MIB, REGION,  # noqa: E402
                        WIDTHS, Difference, Pair)
from peer import (BLOCK, HOTRAM, HOTRAM_GED, QEMU, QEMU_GED,  # noqa: E402
                  Peer)

DEFAULT_SEED = 20260423
BATCHES = 50            # each with machines of its own
SEQUENCES = 20          # in a batch; the state of one is where the next begins
OPERATIONS = int(os.environ.get("HOTRAM_OPERATIONS", "50000"))
SLOTS = (1, 2, 3, 4, 5, 8, 16, 256)
SIZES = (2, 4, 6, 32, 128, 130, 512, 1024, 3 * 1024)         # MiB
HISTORY = 40
# One batch in five by the Generic Event Device. With this RAM, in GiB, the region begins at 4 GiB on each.
KINDS = ((HOTRAM, 2, QEMU, 2), (HOTRAM_GED, 2, QEMU_GED, 3))


def random_value(dice, slots):
    """What a guest may write: small numbers, bits, and anything."""
    return dice.choice([dice.randrange(slots + 2), 1 << dice.randrange(32),
                        dice.randrange(16), dice.getrandbits(32), ALL_ONES])


def select(pair):
    slot = pair.dice.randrange(pair.slots + (pair.dice.random() < 0.1))
    return pair.block_write(BLOCK, 4, slot)


def anywhere(pair):
    """A place and a width. Beside the block an address of QEMU's memory is none."""
    width = pair.dice.choice(WIDTHS)
    if pair.qemu.ged:
        return BLOCK + pair.dice.randrange(0x18 - width + 1) // width * width, width
    return BLOCK + pair.dice.randrange(-4, 0x20), width


def read_anything(pair):
    return pair.block_read(*anywhere(pair))


def read_register(pair):
    return pair.block_read(BLOCK + 4 * pair.dice.randrange(6), 4)


def write_anything(pair):
    place, width = anywhere(pair)
    value = random_value(pair.dice, pair.slots) & (1 << 8 * width) - 1
    return pair.block_write(place, width, value)


def control(pair):
    return pair.block_write(BLOCK + FLAGS, 1, pair.dice.choice(
        [2, 4, EJECT, pair.dice.randrange(256)]))


def report(pair):
    """_OST as a guest's AML does it, or half of it."""
    dice = pair.dice
    what = []
    if dice.random() < 0.8:
        what.append(pair.block_write(BLOCK + 4, 4, dice.choice([1, 3, 0x103, 7])))
    what.append(pair.block_write(BLOCK + 8, 4, dice.choice(
        [0, 1, 0x80, 0x82, 0x84, dice.getrandbits(32)])))
    return "; ".join(what)


def gpe(pair):
    dice = pair.dice
    if pair.qemu.ged:
        return pair.ged_read()
    offset = dice.randrange(4)
    width = dice.choice([width for width in WIDTHS if offset + width <= 4])
    if dice.random() < 0.5:
        return pair.gpe_read(offset, width)
    value = dice.choice([0, 8, 0xff, dice.getrandbits(32)])
    return pair.gpe_write(offset, width, value & (1 << 8 * width) - 1)


def plug(pair):
    dice = pair.dice
    size = dice.choice(SIZES) * MIB
    place = {}
    if dice.random() < 0.05:
        size += MIB                     # not a multiple of 2 MiB
    if dice.random() < 0.3:
        place["slot"] = dice.randrange(-1, pair.slots + 1)
    if dice.random() < 0.3:
        place["addr"] = REGION + dice.randrange(-2, 4096) * MIB
    return pair.plug(size, **place)


def unplug(pair):
    names = pair.ids + ["nobody"] * (pair.dice.random() < 0.1)
    return pair.unplug(pair.dice.choice(names)) if names else select(pair)


def compare(pair):
    return pair.compare_dimms()


def reset(pair):
    return pair.reset()


# operation: weight
CHOICES = {select: 160, read_anything: 270, read_register: 150,
           write_anything: 140, control: 90, report: 60, gpe: 90, plug: 24,
           unplug: 20}
# The dearer ones of machines with few slots, where more happens in them.
RARE = {compare: 5, reset: 2}


def run_batch(seed, batch, operations):
    """Returns how many operations were done, or None after a difference."""
    dice = random.Random(f"{seed}/{batch}")
    slots = SLOTS[batch % len(SLOTS)]
    choices = {**CHOICES, **(RARE if slots <= 16 else {})}
    hotram_kind, hotram_ram, qemu_kind, qemu_ram = KINDS[batch % 5 == 4]
    region = dice.choice([5, 7, 16])
    hotram_memory, qemu_memory = (f"{ram}G,slots={slots},maxmem={ram + region}G" for ram in (hotram_ram, qemu_ram))
    history = []
    hotram = qemu = None
    try:
        hotram, qemu = Peer(hotram_kind, hotram_memory), Peer(qemu_kind, qemu_memory)
        hotram.ram, qemu.ram = hotram_ram << 30, qemu_ram << 30
        pair = Pair(hotram, qemu, slots, dice)
        for _ in range(SEQUENCES):
            for operation in dice.choices(list(choices), choices.values(),
                                          k=operations // SEQUENCES):
                history.append(operation.__name__)
                history[-1] = operation(pair)
            history.append(compare(pair))
    except Exception as error:           # pylint: disable=broad-except
        said = [f"{peer.name} said: {peer.said()}"
                for peer in (hotram, qemu) if peer]
        print("\n".join(f"# {line}" for line in [
            *history[-HISTORY:], *said,
            f"{type(error).__name__} in batch {batch} (-m {hotram_memory}): {error}",
            f"replay with HOTRAM_SEED={seed} "
            f"tests/differential/test_registers.py {batch}"]), flush=True)
        return None
    finally:
        for peer in (hotram, qemu):
            if peer:
                peer.close()
    return len(history)


def table_is_documented():
    """docs/compatibility.md names every difference of the table."""
    clone = pathlib.Path(__file__).resolve().parents[2]
    text = (clone / "docs/compatibility.md").read_text()
    return [name for name in differences.TABLE if f"| {name} |" not in text]


def main():
    seed = os.environ.get("HOTRAM_SEED", str(DEFAULT_SEED))
    if seed == "random":
        seed = str(random.SystemRandom().getrandbits(32))
    batches = [int(word) for word in sys.argv[1:]] or range(BATCHES)
    print(f"# HOTRAM_SEED={seed}")
    print("1..2", flush=True)
    missing = table_is_documented()
    print("not ok" if missing else "ok", "1 - docs/compatibility.md lists the",
          "table of differences", f"# missing: {missing}" if missing else "")
    start = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        counts = list(pool.map(run_batch, [seed] * len(batches), batches,
                               [OPERATIONS // BATCHES] * len(batches)))
    different = counts.count(None)
    done = sum(count or 0 for count in counts)
    print("not ok" if different else "ok", f"2 - hotram and QEMU: "
          f"{len(batches) * SEQUENCES} sequences, {done} operations, differences "
          f"outside the table: {different} ({time.monotonic() - start:.0f} s)")
    sys.exit(1 if missing or different else 0)


main()
