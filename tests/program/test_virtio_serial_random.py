#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""A driver of virtio-serial-pci that sends any control messages, while ports and clients come and go: what breaks
the device is what a model says, messages to the driver make sense one after the other, and after a reset all ports
that there are work.

HOTRAM_SEED=N repeats a run."""

import os
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.virtio import NEEDS_RESET, Device                   # noqa: E402
from test_virtio_serial import (ADD, DATA, DEVICE_READY, NAME, OPEN, READY, REMOVE, SERIAL, Driver, Machine,  # noqa: E402
                                pattern, take)

PORTS, STEPS, RUNS = 4, 250, 4
MAX_PORTS = 31
LAST = 30                       # so many steps are shown of what led to a failure


def breaks(message):
    if len(message) < 8:
        return True
    number, event, _ = struct.unpack("<IHH", message[:8])
    return event not in (DEVICE_READY, READY, OPEN) or (event != DEVICE_READY and number >= MAX_PORTS)


class Run:
    def __init__(self, machine, dice):
        self.machine, self.qmp, self.dice = machine, machine.qmp, dice
        self.ports, self.clients, self.steps = {}, {}, []       # number -> chardev; chardev -> socket
        self.begin()

    def begin(self):
        self.driver = Driver(self.machine, ports=PORTS + 1, buffers=self.dice.choice((0, 1, 3, 16)))
        self.known = set()

    def reset(self):
        self.machine.device = Device(self.machine.pci, self.machine.pci.find(0x1af4, SERIAL))
        self.begin()

    # ---- what the driver does ----

    def message(self):
        dice = self.dice
        number = dice.choice((0, 1, 2, 3, 4, 1, 2, 3, 4, 30, 31, 0xffffffff) if dice.random() < 0.2 else (1, 2, 3, 4))
        event = dice.choice((1, 2, 4, 5, 7, 8, 0xffff)) if dice.random() < 0.03 else dice.choice((DEVICE_READY, READY, OPEN))
        data = struct.pack("<IHH", number, event, dice.choice((0, 1, 1, 1, 2, 0xffff)))
        if dice.random() < 0.06:
            data = data[:dice.randrange(8)] or b"x"
        elif dice.random() < 0.1:
            data += bytes(dice.randrange(100))
        self.machine.qtest.write(DATA - 0x1000, data)
        buffer = [(DATA - 0x1000, len(data), False)]
        if breaks(data):
            self.driver.queues[3].offer(buffer)
            self.driver.queues[3].kick()
            self.driver.device.wait_status(NEEDS_RESET)
            self.reset()
        else:
            self.driver.queues[3].transfer(buffer)
            assert not self.driver.device.status & NEEDS_RESET, data
        return data

    def hear(self):
        queue, heard = self.driver.queues[2], []
        while queue.used_index != queue._seen:                  # pylint: disable=protected-access
            number, event, value = self.driver.hears()
            heard.append((number, event, value))
            if event == ADD:
                assert number not in self.known, heard
                self.known.add(number)
            elif event == REMOVE:
                assert number in self.known, heard
                self.known.remove(number)
            else:
                assert number in self.known and event in (NAME, OPEN), heard
        return heard

    def give(self):
        if len(self.driver.place) < 16:
            self.driver.give(DATA + 0x1000 * (len(self.driver.place) + 20))
            self.driver.queues[2].kick()

    # ---- what the host does ----

    def add(self):
        number = self.dice.randrange(1, PORTS + 1)
        free = [chardev for chardev in range(3) if chardev not in self.ports.values()]
        if number not in self.ports:
            chardev = self.dice.choice(free) if free else None
            self.qmp.execute("device_add", {"driver": "virtserialport", "nr": number, "id": f"p{number}",
                                            **({} if chardev is None else {"chardev": f"c{chardev}"}),
                                            **({"name": f"n{number}"} if self.dice.random() < 0.5 else {})})
            self.ports[number] = chardev
        return number

    def remove(self):
        if self.ports:
            number = self.dice.choice(sorted(self.ports))
            del self.ports[number]
            self.qmp.execute("device_del", {"id": f"p{number}"})
            return number
        return None

    def connect(self):
        chardev = self.dice.randrange(3)
        if chardev in self.clients:
            self.clients.pop(chardev).close()
        else:
            self.clients[chardev] = self.machine.connect(chardev)
        return chardev

    def write(self):
        if self.clients:
            self.dice.choice(sorted(self.clients.items()))[1].sendall(bytes(100))

    def step(self):
        name = self.dice.choice(("message",) * 6 + ("hear", "hear", "give", "add", "add", "remove", "connect", "write"))
        self.steps.append(name)
        self.steps.append(getattr(self, name)())

    # ---- the end ----

    def all_is_well(self):
        for client in self.clients.values():
            client.close()
        self.driver = Driver(self.machine, ports=PORTS + 1)
        driver = self.driver
        driver.tell(0, DEVICE_READY)
        for number in sorted(self.ports):
            assert driver.hears() == (number, ADD, 1)
        for number, chardev in self.ports.items():
            if chardev is None:
                continue
            driver.opens(number)
            with self.machine.connect(chardev) as client:
                client.sendall(b"the end")
                got = b""
                while not got.endswith(b"the end"):             # after what others wrote
                    got += driver.receives(number)
                driver.sends(number, pattern(3000))
                assert take(client, 3000) == pattern(3000)


def test_random_drivers():
    seed = int(os.environ.get("HOTRAM_SEED") or random.randrange(1 << 32))
    for number in range(RUNS):
        with Machine(sockets=3) as machine:
            run = Run(machine, random.Random(seed + number))
            try:
                for _ in range(STEPS):
                    run.step()
                run.all_is_well()
            except BaseException:
                print(f"# HOTRAM_SEED={seed + number}; the last steps: {run.steps[-LAST:]}")
                raise


if __name__ == "__main__":
    tap.main()
