# SPDX-License-Identifier: BSD-2-Clause
"""Random commands of several clients at once, while a guest acts at the registers, honestly and not: who ends, frees
or waits for what in an order that no other test thought of. The program is to be built with a sanitizer.

Nothing here waits for the program, so that it has to be the program that stands still when nothing goes on."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import time

from lib import proc
from lib.machine import PROGRAM
from lib.qmp import QMP, QMPClosed

MIB = 1 << 20
BLOCKS = (4, 16, 16, 128)    # MiB: much goes on, or memory takes long
QUERIES = ("query-memory-map", "query-memory-devices", "query-memdev", "query-memory-operations",
           "query-acpi-ospm-status", "query-memslot", "query-status", "query-exits", "qom-list-types",
           "query-cpu-operations", "query-hotpluggable-cpus", "query-cpus-fast")
TEMPLATES = ("memory-backend-ram", "memory-backend-ram,prealloc=on", "memory-backend-memfd",
             "memory-backend-memfd,prealloc=on")
IDS = ("a", "b", "c", "d", "dimm0", "dimm1", "dimm2", "ms0", "ms1")
OBJECTS = ("m0", "m1", "m2")
CPU_IDS = ("vcpu1", "vcpu2", "vcpu3", "a", "/machine/unattached/device[1]", "/machine/unattached/device[0]")
RUBBISH = (b"{", b"}", b"]", b"[[[", b'"', b"\\", b"\0", b"\xff\xfe", b"{\"execute\": 1}", b"{\"execute\": \"stop\",}",
           b"{\"execute\": \"memory-plug\", \"arguments\": {\"size\": 1e999}}", b"{'execute': 'query-status'}", b"nul",
           b"{\"execute\": \"memory-set\", \"arguments\": {\"size\": 18446744073709551616}}", b"\n", b"\r\n", b"01 ",
           b"{\"execute\": \"query-status\", \"execute\": \"stop\"}", b"{\"id\": {\"a\": [1, null]}, \"execute\": \"x\"}")
# One run: a program, and a seed.
SECONDS = 10
END_LIMIT = 60


class Stress:
    """Clients that send without waiting, and read what comes now and then."""

    def __init__(self, machine, dice, slots, block):
        self.machine, self.dice, self.slots, self.block = machine, dice, slots, block
        self.clients = [QMP(machine.folder / "qmp") for _ in range(3)]
        self.sent = 0

    def send(self, command, **arguments):
        text = json.dumps({"execute": command, "arguments": {
            key.rstrip("_").replace("_", "-"): value for key, value in arguments.items()}})
        self.send_bytes(text.encode() + (b"\n" if self.dice.random() < 0.5 else b""))

    def send_bytes(self, data):
        """The program reads no more from a client whose command waits. Such a client loses its patience, and goes."""
        number = self.dice.randrange(len(self.clients))
        self.sent += 1
        if not self.clients[number].offer_raw(data):
            self.renew(number)

    def maybe(self, chance=0.5, **arguments):
        return arguments if self.dice.random() < chance else {}

    # ---- what clients do ----

    def plug(self):
        self.send("memory-plug", size=self.dice.choice((1, 1, 2, 4)) * self.block,
                  template=self.dice.choice(TEMPLATES), wait=self.dice.random() < 0.4,
                  **self.maybe(id=self.dice.choice(IDS)), **self.maybe(timeout=self.dice.choice((1, 2, 30))))

    def unplug(self):
        self.send("memory-unplug", id=self.dice.choice(IDS), wait=self.dice.random() < 0.4,
                  **self.maybe(timeout=self.dice.choice((1, 2, 30))))

    def resize(self):
        self.send("memory-set", size=self.block * self.dice.randrange(1, 12), wait=self.dice.random() < 0.5,
                  template=self.dice.choice(TEMPLATES), **self.maybe(timeout=self.dice.choice((1, 2))))

    def cancel(self):
        if self.dice.random() < 0.5:
            self.send("memory-set-cancel")
        else:
            self.send(self.dice.choice(("memory-operation-cancel", "cpu-operation-cancel")), id=self.dice.randrange(1, 2 + self.sent // 3))

    def objects(self):
        if self.dice.random() < 0.5:
            self.send("object-add", qom_type=self.dice.choice(("memory-backend-ram", "memory-backend-memfd")),
                      id=self.dice.choice(OBJECTS), size=self.dice.choice((1, 2)) * self.block,
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

    def cpus(self):
        what = self.dice.randrange(5)
        if what < 3:
            self.send("cpus-set", cpus=self.dice.choice((1, 2, 3, 4, 4, 5)),
                      **self.maybe(timeout=self.dice.choice((1, 2, 30))))
        elif what == 3:
            self.send("device_add", driver="host-x86_64-cpu", socket_id=0, core_id=self.dice.randrange(4), thread_id=0,
                      **self.maybe(0.8, id=self.dice.choice(CPU_IDS[:4])))
        else:
            self.send("device_del", id=self.dice.choice(CPU_IDS))

    def memslots(self):
        self.send("memslot", id=self.dice.choice(("ms0", "ms1")), action=self.dice.choice(("add", "delete")))

    def run_state(self):
        self.send(self.dice.choice(("stop", "cont", "cont", "cont", "system_reset", "system_powerdown")))

    def query(self):
        self.send(self.dice.choice(QUERIES))

    def people(self):
        self.send("human-monitor-command", command_line=self.dice.choice((
            "memory plug 128M,wait=off", "info memory-map", "info memory-devices", "memory unplug dimm0,timeout=1",
            "memory set 512M,timeout=1", "info memory-hotplug", "memory plug 256M,timeout=1", "cpus set 3",
            "info cpu-operations", "info cpus", "info hotpluggable-cpus")))

    def objects_that_do_not_last(self):
        """Its memory is still being allocated when it is taken away, or used, or both."""
        name = self.dice.choice(OBJECTS)
        self.send("object-add", qom_type=self.dice.choice(("memory-backend-ram", "memory-backend-memfd")), id=name,
                  size=self.dice.choice((2, 4)) * self.block, prealloc=True)
        for _ in range(self.dice.randrange(3)):
            self.devices()
        self.send("object-del", id=name)

    def reset(self):
        """And what comes just before and just after."""
        around = (self.plug, self.unplug, self.resize, self.cpus, self.memslots, self.cancel, self.query)
        for _ in range(self.dice.randrange(3)):
            self.dice.choice(around)()
        self.send("system_reset")
        for _ in range(self.dice.randrange(3)):
            self.dice.choice(around)()

    def rubbish(self):
        self.send_bytes(b"".join(self.dice.choice(RUBBISH) for _ in range(self.dice.randrange(1, 4))))

    def leave(self):
        self.renew(self.dice.randrange(len(self.clients)))

    def renew(self, number):
        self.clients[number].close()
        self.clients[number] = QMP(self.machine.folder / "qmp")

    # ---- the run ----

    def read(self):
        for number, client in enumerate(self.clients):
            try:
                client.discard()
            except (QMPClosed, ConnectionError):    # for rubbish, or because it did not read
                self.renew(number)
        self.machine.qmp.discard()

    def run(self, guest):
        """`guest` is called for what the guest does. Then everything ends at once, in the middle of it."""
        actions = (self.plug, self.plug, self.unplug, self.unplug, self.resize, self.resize, self.cancel, self.objects,
                   self.objects, self.objects_that_do_not_last, self.devices, self.devices, self.cpus, self.cpus, self.memslots,
                   self.run_state, self.reset, self.query, self.people, self.leave, self.rubbish, *(guest,) * 7)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.dice.choice(actions)()
            if self.dice.randrange(7) == 0:
                self.read()
        self.send("object-add", qom_type="memory-backend-ram", id="last", size=512 * MIB, prealloc=True)
        QMP(self.machine.folder / "qmp").send_raw(b'{"execute": "quit"}\n')
        return self.machine.process.wait(END_LIMIT)


def drive(machine, stress, guest, seed):
    """One run. What breaks it off is told with where each thread of the program is. Returns how much was sent."""
    try:
        status = stress.run(guest)
    except (OSError, QMPClosed, subprocess.SubprocessError) as error:
        try:
            status = machine.process.wait(5)        # then the sanitizer says why
        except subprocess.TimeoutExpired:
            tell_threads(machine.process.pid)
            raise AssertionError(f"seed {seed}: {error!r}") from error
        check(machine, f"{status} after {error!r}", seed)
    check(machine, status, seed)
    return stress.sent


def check(machine, status, seed):
    said = "".join(line for line in machine.error_log.splitlines(True) if ": warning: " not in line)
    assert status == 0 and "Sanitizer" not in said and "runtime error" not in said, \
        f"seed {seed}: status {status}\n{said[:6000]}"


def tell_threads(pid):
    """Where they are: in the kernel, and in the program if there is a debugger."""
    for number, stat, name, place in proc.threads(pid, "stat", "comm", "wchan"):
        print(f"# {number} {name.strip()} {stat.rpartition(')')[2].split()[0]} {place}")
    if shutil.which("gdb"):
        said = subprocess.run(["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all bt 24"], check=False,
                              capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL).stdout
        print("".join(f"# {line}\n" for line in said.splitlines() if line.startswith(("Thread", "#"))), flush=True)


def repeat(run, name):
    """One seed after the other until the time is over; each is named before it is used."""
    given = os.environ.get("HOTRAM_SEED")
    first = seed = int(given) if given else random.SystemRandom().randrange(1 << 31)
    build = pathlib.Path(PROGRAM).resolve().parents[1].name
    start = time.monotonic()
    end = start + (0 if given else float(os.environ.get("HOTRAM_SECONDS", "60")) - SECONDS / 2)
    operations = 0
    while True:
        print(f"# stress {build} {name}: HOTRAM_SEED={seed}", flush=True)
        operations += run(random.Random(seed), seed)
        seed += 1
        if time.monotonic() > end:
            break
    print(f"# stress {build} {name}: {time.monotonic() - start:.0f} s, {operations} operations, seed {first}",
          flush=True)
