# SPDX-License-Identifier: BSD-2-Clause
"""Random commands of several clients at once, while a guest acts at the registers, honestly and not: who ends, frees
or waits for what in an order that no other test thought of. The program is to be built with a sanitizer."""

import json
import os
import random
import time

from lib.qmp import QMP

MIB = 1 << 20
BLOCK = 128 * MIB
QUERIES = ("query-memory-map", "query-memory-devices", "query-memdev", "query-memory-operations",
           "query-acpi-ospm-status", "query-memslot", "query-status", "query-exits", "qom-list-types")
TEMPLATES = ("memory-backend-ram", "memory-backend-ram,prealloc=on", "memory-backend-memfd",
             "memory-backend-memfd,prealloc=on")
IDS = ("a", "b", "c", "d", "dimm0", "dimm1", "dimm2", "ms0", "ms1")
OBJECTS = ("m0", "m1", "m2")
SECONDS = float(os.environ.get("HOTRAM_SECONDS", "10"))


class Stress:
    """Clients that send without waiting, and read what comes now and then."""

    def __init__(self, machine, dice, slots):
        self.machine, self.dice, self.slots = machine, dice, slots
        self.clients = [QMP(machine.folder / "qmp") for _ in range(3)]
        self.sent = 0

    def send(self, command, **arguments):
        text = json.dumps({"execute": command, "arguments": {
            key.rstrip("_").replace("_", "-"): value for key, value in arguments.items()}})
        end = b"\n" if self.dice.random() < 0.5 else b""
        self.dice.choice(self.clients).send_raw(text.encode() + end)
        self.sent += 1

    def maybe(self, chance=0.5, **arguments):
        return arguments if self.dice.random() < chance else {}

    # ---- what clients do ----

    def plug(self):
        self.send("memory-plug", size=self.dice.choice((1, 1, 2, 4)) * BLOCK,
                  template=self.dice.choice(TEMPLATES), wait=self.dice.random() < 0.4,
                  **self.maybe(id=self.dice.choice(IDS)), **self.maybe(timeout=self.dice.choice((1, 2, 30))))

    def unplug(self):
        self.send("memory-unplug", id=self.dice.choice(IDS), wait=self.dice.random() < 0.4,
                  **self.maybe(timeout=self.dice.choice((1, 2, 30))))

    def resize(self):
        self.send("memory-set", size=BLOCK * self.dice.randrange(1, 12), wait=self.dice.random() < 0.5,
                  template=self.dice.choice(TEMPLATES), **self.maybe(timeout=self.dice.choice((1, 2))))

    def cancel(self):
        if self.dice.random() < 0.5:
            self.send("memory-set-cancel")
        else:
            self.send("memory-operation-cancel", id=self.dice.randrange(1, 2 + self.sent // 3))

    def objects(self):
        if self.dice.random() < 0.5:
            self.send("object-add", qom_type=self.dice.choice(("memory-backend-ram", "memory-backend-memfd")),
                      id=self.dice.choice(OBJECTS), size=self.dice.choice((1, 2)) * BLOCK,
                      prealloc=self.dice.random() < 0.5)
        else:
            self.send("object-del", id=self.dice.choice((*OBJECTS, "memory.dimm0", "memory.a", "memory.b",
                                                         "memslot.ms0")))

    def devices(self):
        if self.dice.random() < 0.5:
            self.send("device_add", driver="pc-dimm", id=self.dice.choice(IDS[:4]),
                      memdev=self.dice.choice((*OBJECTS, "memory.a", "memory.dimm0")),
                      **self.maybe(0.3, slot=self.dice.randrange(self.slots)))
        else:
            self.send("device_del", id=self.dice.choice(IDS))

    def memslots(self):
        self.send("memslot", id=self.dice.choice(("ms0", "ms1")), action=self.dice.choice(("add", "delete")))

    def run_state(self):
        self.send(self.dice.choice(("stop", "cont", "cont", "cont", "system_reset", "system_powerdown")))

    def query(self):
        self.send(self.dice.choice(QUERIES))

    def people(self):
        self.send("human-monitor-command", command_line=self.dice.choice((
            "memory plug 128M,wait=off", "info memory-map", "info memory-devices", "memory unplug dimm0,timeout=1",
            "memory set 512M,timeout=1", "info memory-hotplug", "memory plug 256M,timeout=1")))

    def leave(self):
        number = self.dice.randrange(len(self.clients))
        self.clients[number].close()
        self.clients[number] = QMP(self.machine.folder / "qmp")

    # ---- the run ----

    def read(self):
        for client in (*self.clients, self.machine.qmp):
            client.discard()

    def run(self, guest, seconds=SECONDS):
        """`guest` is called for what the guest does. Then everything ends at once, in the middle of it."""
        actions = (self.plug, self.plug, self.unplug, self.unplug, self.resize, self.cancel, self.objects,
                   self.objects, self.devices, self.devices, self.memslots, self.run_state, self.query,
                   self.people, self.leave, *(guest,) * 6)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.dice.choice(actions)()
            if self.dice.randrange(7) == 0:
                self.read()
        self.send("object-add", qom_type="memory-backend-ram", id="last", size=512 * MIB, prealloc=True)
        QMP(self.machine.folder / "qmp").send_raw(b'{"execute": "quit"}\n')
        return self.machine.process.wait(60)


def repeat(run):
    """Seeds until the time is over; each is named before it is used."""
    seed = int(os.environ.get("HOTRAM_SEED") or random.SystemRandom().randrange(1 << 31))
    total = float(os.environ.get("HOTRAM_STRESS_SECONDS", "60"))
    end = time.monotonic() + total
    operations = 0
    while True:
        print(f"# HOTRAM_SEED={seed}", flush=True)
        operations += run(random.Random(seed), seed)
        seed += 1
        if "HOTRAM_SEED" in os.environ or time.monotonic() > end:
            break
    print(f"# {operations} operations", flush=True)


def check(machine, status, seed):
    with open(machine.errors, encoding="utf-8", errors="replace") as file:
        said = file.read()
    assert status == 0 and "Sanitizer" not in said and "runtime error" not in said, \
        f"seed {seed}: status {status}\n{said[:6000]}"
