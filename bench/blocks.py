# SPDX-License-Identifier: BSD-2-Clause
"""virtio-mem: how long a guest takes to grow and shrink by 1 GiB, what that costs, and what a large device of which
little is plugged takes from the host. And the two levers side by side: a busy guest of 256 MiB and 1 GiB of DIMMs, or of
blocks, is to give back 512 MiB."""

import contextlib
import pathlib
import re
import time

import exits
from common import HOTRAM, machine

MIB = 1 << 20
GIB = 1 << 30
BLOCK_MIB = 2
TOUCHED_MIB = 256
LARGE_GIB = 64
LIMIT = 600
MOVABLE = "memhp_default_state=online_movable"

# The busy guest: HELD are in use all the time, and have to be moved if need be; beside that, a file of UNIT is written and
# deleted again and again, which is its work.
DIMMS, DIMM_MIB = 8, 128
LESS_MIB = 512
HELD_MIB, UNIT_MIB = 400, 8
BASE_SECONDS = 20
LATEST = 120                    # seconds: what has not been given back by then counts as kept
KEPT = 20                       # and a DIMM by then, of which QEMU's client hears nothing
WORK = (f"echo 0 > /tmp/work; (n=0; while :; do dd if=/dev/zero of=/tmp/unit bs=1M count={UNIT_MIB} 2> /dev/null; rm /tmp/unit; n=$((n+1)); "
        "echo $n > /tmp/work.new; mv /tmp/work.new /tmp/work; done) & true")


@contextlib.contextmanager
def booted(program, size, *options, memory="256M,slots=16,maxmem=4G", requested=0):
    device = ["-object", f"memory-backend-ram,id=m0,size={size},reserve=off",
              "-device", f"virtio-mem-pci,id=vm0,memdev=m0,requested-size={requested}"] if size else []
    with machine.Machine([*program.options, "-m", memory, *device, *options], append=MOVABLE,
                         program=program.path) as guest:
        guest.wait_ready()
        guest.shell("devices")
        yield guest


def plugged(guest):
    """MiB of blocks."""
    return sum(entry["data"]["size"] for entry in guest.qmp.execute("query-memory-devices")
               if entry["type"] == "virtio-mem") // MIB


def resident(guest):
    """Of the whole program, MiB."""
    text = pathlib.Path(f"/proc/{guest.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def request(guest, mib):
    guest.qmp.execute("qom-set", {"path": "/machine/peripheral/vm0", "property": "requested-size", "value": mib * MIB})


def wait(start, condition, what):
    """Milliseconds from `start`."""
    while not condition():
        if time.monotonic() - start > LIMIT:
            raise RuntimeError(f"{what}: not in {LIMIT} s")
        time.sleep(0.002)
    return (time.monotonic() - start) * 1000


def resize(guest, mib):
    start = time.monotonic()
    request(guest, mib)
    return wait(start, lambda: plugged(guest) == mib, f"{mib} MiB of blocks")


def measure(program):
    """The touched memory is free again when the guest shrinks."""
    with exits.Counter() as counter, booted(program, "2G") as guest:
        resize(guest, BLOCK_MIB * 64)
        resize(guest, 0)
        before = counter.count(guest.process.pid)
        yield "grow", resize(guest, 1024)
        yield "grow_exits", (counter.count(guest.process.pid) - before) / (1024 / BLOCK_MIB)
        least = resident(guest)
        guest.hold("touch", TOUCHED_MIB)
        guest.shell("killall hog")
        full = resident(guest)
        before, start = counter.count(guest.process.pid), time.monotonic()
        yield "shrink", resize(guest, 0)
        yield "shrink_exits", (counter.count(guest.process.pid) - before) / (1024 / BLOCK_MIB)
        if full > least + TOUCHED_MIB / 2:
            yield "back", wait(start, lambda: resident(guest) < (least + full) / 2, "the host's memory back")


def measure_large(program):
    memory = f"256M,slots=1,maxmem={LARGE_GIB + 2}G"
    with booted(program, 0, memory=memory) as guest:
        without = resident(guest)
    with booted(program, f"{LARGE_GIB}G", memory=memory) as guest:
        resize(guest, 1024)
        yield "large", resident(guest) - without


# ---- a shrink by half of a busy guest ----

def work(guest):
    return int(guest.shell("cat /tmp/work").strip() or 0)


def rate(guest, run):
    """Units of work in a second while something runs."""
    before, start = work(guest), time.monotonic()
    run()
    return (work(guest) - before) / (time.monotonic() - start)


def by_memory_set(guest, _lever):
    size = guest.qmp.execute("query-memory-size-summary")
    guest.qmp.execute("memory-set", {"size": size["base-memory"] + size["plugged-memory"] - LESS_MIB * MIB,
                                     "timeout": LATEST // 2, "wait": True}, timeout=LIMIT)


def by_hand(guest, lever):
    """As a client of QEMU does: DIMM after DIMM, another one for each that the guest keeps."""
    start, gone = time.monotonic(), 0
    if lever == "blocks":
        request(guest, 1024 - LESS_MIB)
        while plugged(guest) > 1024 - LESS_MIB and time.monotonic() - start < LATEST:
            time.sleep(0.01)
        return
    for number in range(DIMMS - 1, -1, -1):
        asked = time.monotonic()
        if gone * DIMM_MIB >= LESS_MIB or asked - start > LATEST:
            break
        guest.qmp.execute("device_del", {"id": f"d{number}"})
        while dimm_count(guest) == DIMMS - gone and time.monotonic() - asked < KEPT:
            time.sleep(0.01)
        gone = DIMMS - dimm_count(guest)


def dimm_count(guest):
    return sum(entry["type"] == "dimm" for entry in guest.qmp.execute("query-memory-devices"))


def measure_shrink(program):
    for lever in ("dimms", "blocks"):
        with booted(program, "1G" if lever == "blocks" else None) as guest:
            if lever == "blocks":
                resize(guest, 1024)
            else:
                for number in range(DIMMS):
                    guest.plug(f"d{number}", f"{DIMM_MIB}M")
            guest.wait_until(lambda: guest.meminfo() > 1100 * 1024, what="all memory")
            guest.hold("touch", HELD_MIB)
            guest.shell(WORK)
            usual = rate(guest, lambda: time.sleep(BASE_SECONDS))
            size = guest.qmp.execute("query-memory-size-summary")["plugged-memory"]
            start = time.monotonic()
            then = rate(guest, lambda: (by_memory_set if program is HOTRAM else by_hand)(guest, lever))
            yield f"{lever}_s", time.monotonic() - start
            yield f"{lever}_back", (size - guest.qmp.execute("query-memory-size-summary")["plugged-memory"]) / MIB
            yield f"{lever}_lost", max(0, 100 - 100 * then / usual)
