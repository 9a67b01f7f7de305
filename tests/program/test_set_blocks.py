#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""memory set, memory plug and memory unplug of a guest that has DIMMs and virtio-mem: which of them change,
and in which order; a guest that follows in part or not at all. A test plays the guest, so it needs no KVM."""

import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import CTL                                      # noqa: E402
from lib.player import Guest                                 # noqa: E402
from lib.virtio_mem import ACK, MIB, PLUG, UNPLUG, Driver   # noqa: E402

RAM = 128 * MIB
OBJECT = ["-object", "memory-backend-ram,id=m0,size=1G,reserve=off"]
DEVICE = [*OBJECT, "-device", "virtio-mem-pci,id=vm0,memdev=m0"]
QUICK = ["-machine", "plug-timeout=1,unplug-timeout=1"]
TEN = "128M,slots=10,maxmem=9G"


class Player:
    """Both levers of a guest; what a device's driver keeps, or does not get, is in MiB by id."""

    def __init__(self, *options, memory=TEN, names=("vm0",)):
        self.guest = Guest(*options, memory=memory)
        self.qmp = self.guest.qmp
        self.drivers = {name: Driver(self.guest.qtest, number, 0x100000 + 0x10000 * number).start()
                        for number, name in enumerate(names)}
        self.keeps, self.refuses, self.limit = {}, set(), {}

    def __enter__(self):
        self.guest.__enter__()
        return self

    def __exit__(self, *words):
        self.guest.__exit__(*words)

    def follow(self, name, size):
        driver = self.drivers[name]
        size = min(max(size, self.keeps.get(name, 0) * MIB), self.limit.get(name, 1 << 20) * MIB)
        while driver.plugged != size:
            here, wanted = driver.plugged // driver.block, size // driver.block
            count = min(abs(wanted - here), 128)
            first = here if wanted > here else here - count
            assert driver.ask(PLUG if wanted > here else UNPLUG, driver.addr + first * driver.block, count) == ACK

    def play(self, data):
        if data["operation"] == "resize":
            self.follow(data["device"], data["size"])
        elif data["operation"] == "plug":
            self.guest.accept(data["slot"])
        elif data["device"] in self.refuses:
            self.guest.refuse(data["slot"])
        else:
            self.guest.give_back(data["slot"])

    def set(self, mib, **properties):
        """Returns the result, and after each step what the guest has, MiB."""
        self.qmp.clear_events()
        self.qmp.execute("memory-set", {"size": mib * MIB, **properties})
        sizes = []
        while True:
            event = self.qmp.wait_event_of("MEMORY_OPERATION_STARTED", "MEMORY_SET_DONE")
            if event["event"] == "MEMORY_SET_DONE":
                return event["data"], sizes
            self.play(event["data"])
            sizes.append(self.guest.size() // MIB)

    def levers(self):
        """MiB of DIMMs, and of each device."""
        entries = [(entry["type"], entry["data"]) for entry in self.qmp.execute("query-memory-devices")]
        dimms = sum(data["size"] for kind, data in entries if kind == "dimm")
        blocks = {data["id"]: data["size"] // MIB for kind, data in entries if kind == "virtio-mem"}
        return (dimms // MIB, *(blocks[name] for name in self.drivers))

    def becomes(self, mib, *levers, **properties):
        result, sizes = self.set(mib, **properties)
        assert result["result-size"] == mib * MIB and "reason" not in result, result
        assert "node" in properties or self.guest.size() == mib * MIB
        assert self.levers() == levers, (mib, self.levers())
        return result, sizes


def test_dimms_stay_and_blocks_are_exact():
    with Player(*DEVICE) as player:
        player.becomes(128 + 386, 384, 2)                      # whole DIMMs, and the rest
        player.becomes(128 + 450, 384, 66)
        player.becomes(128 + 450 + 126, 384, 192)              # no DIMM is so small
        player.becomes(128 + 576 + 130, 512, 194)              # one is, and a block
        result, _ = player.becomes(128 + 514, 512, 2)          # blocks go first
        assert [(step["action"], step["device"], step["current"], step["size"]) for step in result["plan"]] == [
            ("resize", "vm0", 194 * MIB, 2 * MIB)]
        player.becomes(128 + 512, 512, 0)
        player.becomes(128 + 200, 128, 72)                     # then DIMMs, of which blocks replace a part
        player.becomes(128, 0, 0)


def test_never_less_than_before_and_after():
    choice = random.Random(3)
    with Player(*DEVICE) as player:
        size = 128
        for _ in range(60):
            target = 128 + choice.randrange(0, 1200) * 2
            result, sizes = player.set(target)
            assert result["result-size"] == player.guest.size() == target * MIB, result
            assert all(min(size, target) <= between for between in sizes), (size, target, sizes)
            size = target


def test_what_is_shown():
    with Player(*DEVICE) as player:
        plan = player.qmp.execute("memory-set", {"size": 388 * MIB, "dry-run": True})
        assert [step["action"] for step in plan["plan"]][-1] == "resize" and plan["result-size"] == 388 * MIB, plan
        said = player.guest.hmp("memory set 388M,dry-run=on").replace("\r", "")
        assert "  plug 128 MiB at 0x" in said and "  resize vm0 from 0 bytes to 4 MiB\n" in said, said
        assert player.levers() == (0, 0)
        player.becomes(388, 256, 4)
        assert [(entry["operation"], entry["result"]) for entry in player.guest.operations()][-1] == ("resize", "done")
        assert "resize of vm0 to 4 MiB: done" in player.guest.hmp("info memory-operations")


def test_sizes_that_cannot_be():
    with Player(*DEVICE) as player:
        for size, words in ((129 * MIB, "DIMMs are multiples of 128 MiB and blocks of 2 MiB, beside 128 MiB of RAM at start; "
                             "the nearest that can be reached are 128 MiB and 130 MiB"),
                            (126 * MIB, "can't be removed; the nearest that can be reached is 128 MiB"),
                            (10 << 30, "exceeds maxmem")):
            player.guest.fails("memory-set", words, size=size)


def test_without_slots():
    with Player(*DEVICE, memory="128M,maxmem=4G") as player:
        player.becomes(128 + 600, 0, 600)
        player.becomes(128 + 2, 0, 2)
        player.guest.fails("memory-set", "; a size nearby that can be reached is 1152 MiB", size=2048 * MIB)
    with Guest(memory="128M,maxmem=4G") as guest:
        guest.fails("memory-set", "please specify the 'slots' option", size=256 * MIB)


def test_a_guest_that_keeps_blocks():
    """DIMMs go in their place; and if nothing else can go, the result says so."""
    with Player(*DEVICE, *QUICK) as player:
        player.becomes(128 + 512 + 100, 512, 100)
        player.keeps = {"vm0": 60}
        result, _ = player.set(128 + 512)                      # 40 of 100 MiB of blocks go, and no DIMM replaces the rest
        assert result["result-size"] == (128 + 512 + 60) * MIB or player.levers()[1] == 60, result
        assert [entry["result"] for entry in result["operations"]][0] == "refused", result
        assert "60 MiB of the" in result["operations"][0]["reason"], result
        device = player.qmp.execute("query-memory-devices")
        requested, = (entry["data"]["requested-size"] for entry in device if entry["type"] == "virtio-mem")
        assert requested == 60 * MIB                           # nothing goes later that nobody wants any more
        result, _ = player.set(128)
        assert player.levers() == (0, 60) and result["result-size"] == 188 * MIB, result
        assert "resize of vm0: unanswered" in result["reason"], result
        player.keeps = {}
        player.becomes(128, 0, 0)


def test_a_driver_that_does_nothing():
    """DIMMs come before blocks, so that they are there."""
    with Player(*DEVICE, *QUICK) as player:
        player.limit = {"vm0": 0}
        result, _ = player.set(128 + 300)
        assert player.levers() == (256, 0) and "driver did nothing" in result["reason"], result
        player.becomes(128 + 256, 256, 0)


def test_nodes_and_devices():
    """Of several devices, those with the larger blocks change first; each node has its own."""
    nodes = ["-numa", "node,mem=64M", "-numa", "node,mem=64M"]
    objects = [word for number in range(3) for word in ("-object", f"memory-backend-ram,id=m{number},size=256M,reserve=off")]
    devices = [word for number, more in enumerate(("node=0", "node=1", "node=1,block-size=16M"))
               for word in ("-device", f"virtio-mem-pci,id=vm{number},memdev=m{number},{more}")]
    with Player(*nodes, *objects, *devices, memory="128M,maxmem=4G", names=("vm0", "vm1", "vm2")) as player:
        player.becomes(64 + 32, 0, 0, 0, 32, node=1)
        player.becomes(64 + 300 - 300 % 16, 0, 0, 32, 256, node=1)
        player.becomes(64 + 32, 0, 0, 32, 0, node=1)
        player.becomes(64 + 130, 0, 130, 32, 0, node=0)
        player.guest.fails("memory-set", "blocks of 16 MiB", size=(64 + 34) * MIB, node=1)
        player.becomes(128, 0, 0, 0, 0)


def test_a_requested_size_does_not_change_it_later():
    """What was requested before is taken back, also if the size is the present one."""
    with Player(*DEVICE) as player:
        player.qmp.execute("qom-set", {"path": "/machine/peripheral/vm0", "property": "requested-size", "value": 64 * MIB})
        player.qmp.wait_event("MEMORY_OPERATION_STARTED")
        player.follow("vm0", 10 * MIB)
        result, _ = player.becomes(138, 0, 10)
        assert [(step["action"], step["size"]) for step in result["plan"]] == [("resize", 10 * MIB)]
        assert player.drivers["vm0"].requested == 10 * MIB


def test_plug_and_unplug_name_the_lever():
    with Player(*DEVICE) as player:
        def change(command, **arguments):
            operation = player.qmp.execute(command, arguments)
            player.play(operation)
            return player.qmp.wait_event("MEMORY_OPERATION_DONE")["data"]

        assert change("memory-plug", size=6 * MIB, id="vm0")["size"] == 6 * MIB
        assert change("memory-plug", size=64 * MIB, id="vm0")["size"] == 70 * MIB
        assert change("memory-unplug", id="vm0", size=10 * MIB)["size"] == 60 * MIB
        assert change("memory-plug", size=128 * MIB)["device"] == "dimm0"
        assert player.levers() == (128, 60)
        for command, words, arguments in (
                ("memory-unplug", "goes whole, all 128 MiB of it", {"id": "dimm0", "size": MIB}),
                ("memory-unplug", "goes whole, all 128 MiB of it", {"id": "/machine/peripheral/dimm0", "size": MIB}),
                ("memory-unplug", "size above 0; leave it out to unplug all", {"id": "vm0", "size": 0}),
                ("memory-unplug", "size above 0; leave it out to unplug all", {"id": "dimm0", "size": 0}),
                ("memory-unplug", "60 MiB are requested of it", {"id": "vm0", "size": 62 * MIB}),
                ("memory-unplug", "cannot unplug 1 MiB of 'vm0': its size changes by a multiple of 'block-size', which is 2 MiB",
                 {"id": "vm0", "size": MIB}),
                ("memory-plug", "cannot plug 3 MiB of 'vm0'", {"id": "vm0", "size": 3 * MIB}),
                ("memory-plug", "so 964 MiB are left", {"id": "vm0", "size": (1 << 64) - 2 * MIB}),
                ("memory-plug", "60 MiB of its 1 GiB are requested, so 964 MiB are left", {"size": 1 << 30, "id": "vm0"}),
                ("memory-plug", "Parameter 'slot' is for a new DIMM", {"size": 2 * MIB, "id": "vm0", "slot": 1}),
                ("memory-plug", "size above 0", {"size": 0, "id": "vm0"}),
                ("memory-plug", "Duplicate", {"size": 128 * MIB, "id": "dimm0"}),
                ("memory-unplug", "nothing", {"id": "nothing", "size": 2 * MIB})):
            player.guest.fails(command, words, **arguments)
        assert change("memory-unplug", id="vm0")["size"] == 0
        assert change("memory-unplug", id="dimm0")["result"] == "done"
        assert player.levers() == (0, 0)


def test_by_hotramctl():
    with Player(*DEVICE) as player:
        def run(*words):
            done = subprocess.run([CTL, "-s", str(player.guest.folder / "qmp"), *words], capture_output=True, text=True, timeout=60)
            return done.returncode, done.stdout + done.stderr

        assert "resize vm0 from 0 bytes to 4 MiB" in run("set", "260M", "--dry-run")[1]
        status, said = run("plug", "6M", "--id", "vm0", "--no-wait")
        assert status == 0 and "resize vm0" in said, said
        player.follow("vm0", 6 * MIB)
        said = run("status")[1]
        assert "vm0: 6 MiB of 1 GiB plugged, 6 MiB requested" in said and "slots:     0 of 10 in use" in said, said
        said = run("top", "--iterations", "1")[1].splitlines()
        assert said[0].split()[4:8] == ["SIZE", "PLUGGED", "MAXMEM", "SLOTS"], said
        assert "134 MiB" in said[1] and " 6 MiB" in said[1] and " 0/10 " in said[1], said
        status, said = run("unplug", "vm0", "2M", "--no-wait")
        assert status == 0 and player.drivers["vm0"].requested == 4 * MIB, said
        assert run("unplug", "vm0", "0")[0] == 2
        player.follow("vm0", 4 * MIB)
        said = run("set", "+2M", "--node", "0", "--no-wait")[1]
        assert "requested 134 MiB" in said and "resize vm0 from 4 MiB to 6 MiB" in said, said
        assert player.drivers["vm0"].requested == 6 * MIB


if __name__ == "__main__":
    tap.main()
