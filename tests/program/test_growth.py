#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""What the guest itself says that it has gained: a test plays a guest that takes
DIMMs and reports its statistics, truly, falsely, or not at all."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import Place                                    # noqa: E402
from lib.host import MIB                                     # noqa: E402
from lib.player import SIZE, Guest, answer, asking           # noqa: E402
from lib.virtio import VERSION_1, Device, Pci, Statistics, wait_until  # noqa: E402

STATS = 1 << 1
TOTAL = 100 * MIB
BALLOON = "/machine/peripheral/b"


class Witness(Guest):
    """A guest with a balloon."""

    def __init__(self, *options, total=TOTAL, **properties):
        super().__init__("-device", "virtio-balloon-pci,id=b", *options, **properties)
        try:
            pci = Pci(self.qtest)
            self.balloon = Device(pci, pci.find(0x1af4, 0x1045))
            self.balloon.begin(VERSION_1 | STATS)
            queues = [self.balloon.queue(index) for index in range(3)]
            self.balloon.ready()
            self.statistics = Statistics(queues[2])
            if total is not None:
                self.report(total)
        except BaseException:
            self.close()
            raise

    def report(self, total):
        """And the host has it."""
        self.statistics.say(total)
        if not self.statistics.asked:
            wait_until(lambda: self.said() == total or self.statistics.asked, "the report")

    def heard(self, total):
        """The host has this report, and its main thread knows: what the I/O thread has posted comes before what it posts
        when it halts."""
        wait_until(lambda: self.said() == total, "the report")
        self.qmp.execute("stop")
        self.qmp.execute("cont")

    def said(self):
        return self.qmp.execute("qom-get", {"path": BALLOON, "property": "guest-stats"})["stats"]["stat-total-memory"]

    def answer(self, total):
        self.statistics.wait()
        self.statistics.say(total)

    def reporting(self, total, event="MEMORY_OPERATION_DONE"):
        """Answers each question so, until the operation has ended."""
        while True:
            for message in self.qmp.take_events():
                if message["event"] == event:
                    return message["data"]
            if self.statistics.asked:
                self.answer(total)
            self.qmp.execute("query-name")
            time.sleep(0.01)


def verdict(data):
    assert data["result"] == "done", data
    return data["verified"], data.get("gained")


def test_a_guest_that_gains_it():
    with Witness() as guest:
        assert "verified" not in guest.plug()
        guest.accept(0)
        guest.answer(TOTAL + SIZE)
        data = guest.done()
        assert verdict(data) == ("yes", SIZE) and "warning" not in data, data
        # The next one adds to that; with its memory map in the DIMM (1/64).
        guest.plug()
        guest.accept(1)
        guest.answer(TOTAL + 2 * SIZE - SIZE // 64)
        assert verdict(guest.done()) == ("yes", SIZE - SIZE // 64)
        assert [verdict(operation) for operation in guest.operations()] == [("yes", SIZE), ("yes", SIZE - SIZE // 64)]
        said = guest.qmp.execute("human-monitor-command", {"command-line": "info memory-operations"})
        assert "  verified: yes, the guest has gained 128 MiB" in said and "warning" not in said, said


def test_memory_that_is_brought_online_later():
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        for part in (0, 1, 2):
            guest.answer(TOTAL + part * SIZE // 4)
            assert guest.operations()[0]["result"] == "in-progress"
        guest.answer(TOTAL + SIZE)
        assert verdict(guest.done()) == ("yes", SIZE)


def test_a_guest_that_takes_nothing():
    with Witness() as guest:
        guest.add("ram", size=SIZE)
        guest.dimm()
        guest.accept(0)
        data = guest.reporting(TOTAL)
        assert verdict(data) == ("no", 0), data
        assert data["warning"].startswith("by its own statistics the guest has gained nothing of the DIMM's 128 MiB"), data
        assert data["ost"]["text"] == "success", data
        said = guest.qmp.execute("human-monitor-command", {"command-line": "info memory-operations"})
        assert "  verified: no, the guest has gained 0 bytes" in said and "  warning: by its own" in said, said


def test_a_guest_that_takes_a_part():
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        data = guest.reporting(TOTAL + SIZE // 2)
        assert verdict(data) == ("no", SIZE // 2), data
        assert "has gained 64 MiB of the DIMM's 128 MiB" in data["warning"], data


def test_a_guest_that_is_silent():
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        assert verdict(guest.done()) == ("unknown", None)
        # Its word, when it comes, is not taken for the next one's growth.
        guest.plug()
        guest.accept(1)
        guest.answer(TOTAL + 2 * SIZE)
        assert verdict(guest.done()) == ("unknown", None)
        said = guest.qmp.execute("human-monitor-command", {"command-line": "info memory-operations"})
        assert "verified" not in said and "warning" not in said, said


def test_numbers_that_make_no_sense():
    for total in (TOTAL - 1, 1 << 62, (1 << 64) - 1, 0, TOTAL + 10 * SIZE):
        with Witness() as guest:
            guest.plug()
            guest.accept(0)
            guest.answer(total)
            assert verdict(guest.done()) == ("unknown", None), total
    with Witness(total=1 << 40) as guest:
        guest.plug()
        guest.accept(0)
        guest.answer((1 << 40) + SIZE)
        assert verdict(guest.done()) == ("unknown", None)


def test_without_statistics_nothing_waits():
    for make in (Guest, lambda: Witness(total=None)):
        with make() as guest:
            guest.plug()
            guest.qmp.execute("stop")           # what is verified would wait for this guest
            guest.accept(0)
            assert verdict(guest.done()) == ("unknown", None)


def test_statistics_that_come_before_the_dimm_is_noticed():
    """The driver was there, and had said nothing yet."""
    with Witness(total=None) as guest:
        guest.plug()
        guest.statistics.say(TOTAL - MIB)       # perhaps made before it was asked
        guest.answer(TOTAL)
        guest.heard(TOTAL)
        guest.accept(0)
        guest.answer(TOTAL + SIZE)
        assert verdict(guest.done()) == ("yes", SIZE)


def test_several_at_once():
    with Witness() as guest:
        guest.plug()
        guest.plug()
        guest.accept(1)
        guest.accept(0)
        guest.answer(TOTAL + SIZE)
        assert verdict(guest.done(id=2)) == ("yes", SIZE)
        guest.answer(TOTAL + SIZE)
        guest.answer(TOTAL + 2 * SIZE)
        assert verdict(guest.done(id=1)) == ("yes", SIZE)


def test_after_an_unplug():
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        guest.answer(TOTAL + SIZE)
        assert verdict(guest.done()) == ("yes", SIZE)
        guest.unplug()
        guest.give_back(0)
        assert "verified" not in guest.done()
        guest.answer(TOTAL)                     # the host keeps itself up to date
        guest.heard(TOTAL)
        guest.plug()
        guest.accept(0)
        guest.answer(TOTAL + SIZE)
        assert verdict(guest.done()) == ("yes", SIZE)


def test_what_else_changes_the_guest_s_memory():
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        guest.answer(TOTAL + SIZE)
        guest.done()
        guest.unplug()
        guest.plug()
        guest.accept(1)                         # while the other one may go
        assert verdict(guest.done()) == ("unknown", None)
        guest.give_back(0)
        guest.done()
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        guest.balloon.pci.write(guest.balloon.structures[4] + 4, 4, 256)    # pages that it lends
        guest.answer(TOTAL + SIZE - MIB)
        assert verdict(guest.done()) == ("unknown", None)


def test_what_happens_meanwhile():
    """The guest has accepted the DIMM: that is done, and no later event changes it."""
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        guest.statistics.wait()
        guest.unplug()
        assert verdict(guest.done(operation="plug")) == ("unknown", None)
        guest.give_back(0)
        assert guest.done()["operation"] == "unplug"
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        guest.statistics.wait()
        guest.ost(0, 1, 0x80)                   # and changes its mind
        guest.qmp.execute("system_reset")
        data = guest.done()
        assert verdict(data) == ("unknown", None) and data["ost"]["status"] == 0, data
    with Witness() as guest:
        guest.plug(timeout=1)
        guest.accept(0)
        data = guest.reporting(TOTAL)
        assert verdict(data) == ("unknown", None), data
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        guest.balloon.status = 0                # its driver goes
        assert verdict(guest.done()) == ("unknown", None)
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        assert guest.quit() == 0


def test_a_guest_that_is_stopped_has_time():
    with Witness() as guest:
        guest.plug()
        guest.accept(0)
        guest.statistics.wait()
        guest.qmp.execute("stop")
        guest.nothing(seconds=2.5)              # longer than a running guest gets
        guest.qmp.execute("cont")
        guest.statistics.say(TOTAL + SIZE)
        assert verdict(guest.done()) == ("yes", SIZE)


def test_memory_set_says_it():
    with Witness() as guest:
        with asking(guest, "memory-set", size=3 * SIZE, wait=True) as client:
            wait_until(lambda: guest.operations(), "the first step")
            slot, total = 0, TOTAL
            while guest.size() < 3 * SIZE or guest.operations()[-1]["result"] == "in-progress":
                if guest.flags(slot) & 2:
                    guest.accept(slot)
                    total += guest.operations()[-1]["size"]
                    guest.answer(total)
                    guest.done()
                    slot += 1
            result = answer(client)
        assert result["result-size"] == 3 * SIZE, result
        assert {operation["verified"] for operation in result["operations"]} == {"yes"}, result
        assert sum(operation["gained"] for operation in result["operations"]) == 2 * SIZE, result


def test_hotramctl_says_it():
    with Witness() as guest:
        place = Place(guest.files)
        socket = guest.folder / "qmp"
        for accepts, words in ((SIZE, "; the guest has gained 128 MiB\n"),
                               (0, "; the guest has gained 0 bytes of it, by its own statistics: its memory blocks are "
                                   "probably offline\n")):
            slot = len(guest.operations())
            process = place.start("--socket", socket, "plug", "128M")
            wait_until(lambda: guest.flags(slot) & 2, "the DIMM")
            guest.accept(slot)
            guest.reporting(TOTAL + SIZE * slot + accepts)
            out, err = process.communicate(timeout=30)
            assert process.returncode == 0 and out.endswith(words), (out, err)


if __name__ == "__main__":
    tap.main()
