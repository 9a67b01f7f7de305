#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: qemu
"""The same random operations on the CPU hotplug registers of hotram and of QEMU, over
the qtest protocol, with CPUs that are plugged and removed meanwhile: every value that
is read is the same, and every event, but for DIFFERENCES.

usage: test_cpus.py [BATCH...]     only these, to replay a failure

QEMU has to run with KVM, though no vCPU ever runs: with TCG, QEMU 7.2 does not end the
removal of a CPU, and crashes at the next reset. HOTRAM_SEED and HOTRAM_OPERATIONS are
those of test_registers.py."""

import collections
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from operations import Difference, written                   # noqa: E402
from peer import HOTRAM, QEMU, Peer                           # noqa: E402

# What test and docs/register-interface.md ("Differences from QEMU") have in common.
DIFFERENCES = {
    "legacy mode": "QEMU is switched out of it at the start",
    "events of a CPU after its eject": "QEMU's are cleared",
    "reset": "QEMU's events are cleared, its removals carried out, slot and command 0 selected",
    "bit 4": "is never written",
}

DEFAULT_SEED = 20260424
OPERATIONS = int(os.environ.get("HOTRAM_OPERATIONS", "8000"))
HISTORY = 30
# -smp of each batch, and the number of CPUs that are possible.
TOPOLOGIES = [("2,maxcpus=6,sockets=1,cores=6,threads=1", 6), ("1,maxcpus=12,sockets=2,cores=3,threads=2", 12),
              ("1,maxcpus=2,sockets=2,cores=1,threads=1", 2), ("3,maxcpus=40,sockets=5,cores=4,threads=2", 40)]
GPE_CPU = 4
ENABLED, INSERT, REMOVE, EJECT, FIRMWARE = 1, 2, 4, 8, 0x10
WIDTHS = (1, 2, 4)


class Machine(Peer):
    """A peer with its block, its type of CPU, and what it says of CPUs."""

    def __init__(self, kind, block, cpu, smp):
        self.block, self.cpu = block, cpu
        super().__init__(kind, "128M", ["-smp", smp])
        self.said_of = collections.Counter()        # reports that were told

    def rd(self, offset, width):
        return self.qtest.port_in(self.block + offset, width)

    def wr(self, offset, width, value):
        self.qtest.port_out(self.block + offset, width, value)

    def gpe_status(self):
        return self.qtest.port_in(self.gpe, 1) & GPE_CPU

    def deleted(self):
        """The ids of CPUs that have gone since the last call; None for one of -smp."""
        self.qmp.execute("query-status")    # events come before its answer
        gone = []
        for event in self.qmp.take_events():
            data = event.get("data", {})
            if event["event"] == "DEVICE_DELETED" and not data["path"].endswith("/lapic"):
                gone.append(data.get("device"))
            if event["event"] == "ACPI_DEVICE_OST":
                info = data["info"]
                assert info["slot-type"] == "CPU", info
                self.said_of[info["slot"], info["source"], info["status"]] += 1
        return gone

    def cpus(self):
        return sorted(cpu["cpu-index"] for cpu in self.qmp.execute("query-cpus-fast"))

    def reports(self):
        return sorted((entry["slot"], entry["source"], entry["status"], entry.get("device"))
                      for entry in self.qmp.execute("query-acpi-ospm-status")
                      if entry["slot-type"] == "CPU")

    def places(self):
        return {tuple(sorted(entry["props"].items())): "qom-path" in entry
                for entry in self.qmp.execute("query-hotpluggable-cpus")}


class Pair:
    def __init__(self, smp, possible, dice):
        kind = {**QEMU, "options": [word.replace("tcg", "kvm") for word in QEMU["options"]]}
        self.hotram = Machine(HOTRAM, 0xcd8, "host-x86_64-cpu", smp)
        try:
            self.qemu = Machine(kind, 0xaf00, "qemu64-x86_64-cpu", smp)
        except BaseException:
            self.hotram.close()
            raise
        self.both = (self.hotram, self.qemu)
        self.possible, self.dice = possible, dice
        self.ids = 0
        self.plugged = {}                   # id: place
        self.selector = 0                   # of both: what was written, or command 0 has found
        self.asked = set()
        self.qemu.wr(0, 4, 0)               # out of legacy mode

    def close(self):
        for peer in self.both:
            peer.close()

    def same(self, what, function):
        values = [function(peer) for peer in self.both]
        if values[0] != values[1]:
            raise Difference(f"{what}: hotram {values[0]}, QEMU {values[1]}")
        return values[0]

    # ---- operations ----

    def read(self, offset, width):
        value = self.same(f"read {offset:#x} {width}", lambda peer: peer.rd(offset, width))
        return f"read {offset:#x} {width}: {value:#x}"

    def write(self, offset, width, value):
        control = written(offset, width, value, 4) if offset >= 0 else None
        if control is not None and control & FIRMWARE:
            value &= ~(FIRMWARE << 8 * (4 - offset))
        for peer in self.both:
            peer.wr(offset, width, value)
        self.compare_removed()
        return f"write {offset:#x} {width} {value:#x}"

    def compare_removed(self):
        """CPUs that a write, or a reset of hotram, has removed."""
        gone = self.qemu.deleted()
        known = self.hotram.deleted()
        while len(known) < len(gone):       # hotram's comes from its main thread
            known.append(self.hotram.qmp.wait_event("DEVICE_DELETED")["data"].get("device"))
        if sorted(map(str, known)) != sorted(map(str, gone)):
            raise Difference(f"removed: hotram {known}, QEMU {gone}")
        if gone:
            self.forget(gone)
            self.clear_empty()
        if self.hotram.said_of - self.qemu.said_of:
            raise Difference(f"reports of hotram alone: {self.hotram.said_of - self.qemu.said_of}")

    def forget(self, ids):
        for name in ids:
            self.plugged.pop(name, None)
            self.asked.discard(name)

    def with_slots_of_qemu(self, function):
        """Does something with each slot of QEMU's while it is selected; then the selector is what it was."""
        for slot in range(self.possible):
            self.qemu.wr(0, 4, slot)
            function(self.qemu.rd(4, 1))
        self.qemu.wr(0, 4, self.selector)

    def clear_empty(self):
        def clear(flags):
            if not flags & ENABLED:
                self.clear_events()
        self.with_slots_of_qemu(clear)

    def clear_events(self):
        self.qemu.wr(4, 1, INSERT)
        self.qemu.wr(4, 1, REMOVE)

    def plug(self):
        free = [place for place, taken in self.same("places", Machine.places).items() if not taken]
        if not free:
            return "plug: full"
        place = self.dice.choice(free)
        self.ids += 1
        for peer in self.both:
            peer.qmp.execute("device_add", {"driver": peer.cpu, "id": f"c{self.ids}", **dict(place)})
        self.plugged[f"c{self.ids}"] = place
        return f"plug c{self.ids} {dict(place)}"

    def ask(self):
        if not self.plugged:
            return "ask: none"
        name = self.dice.choice(sorted(self.plugged))
        for peer in self.both:
            peer.qmp.execute("device_del", {"id": name})
        self.asked.add(name)
        return f"ask {name}"

    def select(self):
        self.selector = self.dice.choice([self.dice.randrange(self.possible), self.possible, 0xffffffff,
                                           self.dice.randrange(self.possible)])
        return self.write(0, 4, self.selector)

    def command(self):
        value = self.dice.choice([0, 0, 1, 2, 3, 4, 255])
        text = self.write(5, 1, value)
        if value == 0:
            self.look_for_selector()
        return text

    def look_for_selector(self):
        if self.selector < self.possible:
            self.selector = self.same("slot that was found", lambda peer: peer.rd(8, 4))

    def report(self):
        """_OST as a guest's AML does it; of few codes, since hotram limits how many are told."""
        text = []
        for offset, width, value in ((5, 1, 1), (8, 4, self.dice.choice([1, 3, 0x103, self.dice.getrandbits(32)])),
                                     (5, 1, 2), (8, self.dice.choice(WIDTHS), self.dice.choice([0, 0x84, 0x80]))):
            text.append(self.write(offset, width, value))
        return "; ".join(text)

    def control(self):
        return self.write(4, self.dice.choice(WIDTHS),
                          self.dice.choice([INSERT, REMOVE, EJECT, self.dice.randrange(256)]))

    def read_anything(self):
        return self.read(self.dice.randrange(-4, 14), self.dice.choice(WIDTHS))

    def read_register(self):
        return self.read(*self.dice.choice([(0, 4), (4, 1), (8, 4)]))

    def write_anything(self):
        """Anywhere but where it would change the selector unseen, or be a command 0."""
        width = self.dice.choice(WIDTHS)
        offset = self.dice.randrange(1, 13)
        value = self.dice.choice([self.dice.getrandbits(8 * width), self.dice.randrange(8)])
        text = self.write(offset, width, value)
        if written(offset, width, value, 5) == 0:
            # Into a known state; only command 0 lets the selector be read.
            self.look_for_selector()
        return text

    def gpe(self):
        value = self.same("GPE", Machine.gpe_status)
        if self.dice.random() < 0.5:
            for peer in self.both:
                peer.qtest.port_out(peer.gpe, 1, GPE_CPU)
        return f"GPE {value}"

    def reset(self):
        for peer in self.both:
            peer.qmp.execute("system_reset")
            peer.qmp.wait_event("RESET")
        gone = self.hotram.deleted()
        if not set(gone) <= self.asked:
            raise Difference(f"a reset removed {gone}, of {self.asked}")
        stays = self.hotram.cpus()
        for slot in range(self.possible):
            self.qemu.wr(0, 4, slot)
            self.clear_events()
            if slot not in stays:
                self.qemu.wr(4, 1, EJECT)
        self.qemu.wr(0, 4, 0)
        self.qemu.wr(5, 1, 0)
        if sorted(self.qemu.deleted()) != sorted(gone):
            raise Difference(f"removed by a reset: hotram {gone}")
        self.selector = 0
        self.forget(gone)
        self.asked.clear()
        return f"reset: {gone} gone"

    STEPS = [(plug, 8), (ask, 8), (select, 20), (command, 20), (report, 6), (control, 14), (read_anything, 12),
             (read_register, 12), (write_anything, 12), (gpe, 4), (reset, 1)]

    def run(self, operations):
        history = collections.deque(maxlen=HISTORY)
        steps, weights = zip(*self.STEPS)
        try:
            for count in range(operations):
                step = self.dice.choices(steps, weights)[0]
                history.append(step.__name__)
                history[-1] = step(self)
                if count % 16 == 0:
                    self.same("CPUs", Machine.cpus)
                    self.same("places", Machine.places)
                    self.same("reports", Machine.reports)
        except Exception:
            print("# the last operations:")
            print("\n".join(f"#   {text}" for text in history))
            raise


def run_batch(seed, batch, operations):
    smp, possible = TOPOLOGIES[batch]
    pair = Pair(smp, possible, random.Random(f"{seed}/{batch}"))
    try:
        pair.run(operations)
    except Difference as difference:
        print(f"# batch {batch}, -smp {smp}: {difference}")
        return False
    finally:
        pair.close()
    return True


def main():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("1..0 # SKIP QEMU needs /dev/kvm")
        return
    seed = os.environ.get("HOTRAM_SEED", str(DEFAULT_SEED))
    if seed == "random":
        seed = str(random.SystemRandom().getrandbits(32))
    batches = [int(word) for word in sys.argv[1:]] or range(len(TOPOLOGIES))
    print(f"# HOTRAM_SEED={seed}")
    print("1..1", flush=True)
    start = time.monotonic()
    each = OPERATIONS // len(TOPOLOGIES)
    different = [batch for batch in batches if not run_batch(seed, batch, each)]
    print("not ok" if different else "ok", f"1 - CPU registers of hotram and QEMU: {each * len(batches)} operations, "
          f"batches with differences: {different} ({time.monotonic() - start:.0f} s)")
    sys.exit(bool(different))


main()
