#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""memory set: a size instead of DIMMs. A test plays the guest, willing or not, so it
needs no KVM."""

import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import MIB                                     # noqa: E402
from lib.player import Guest                                 # noqa: E402

GIB = 1 << 30
RAM = 128 * MIB
TEN = {"memory": "128M,slots=10,maxmem=9G"}


def play(guest, keeps=(), silent=()):
    """Plays until memory set has ended; returns its result. The guest refuses to give
    back what is in `keeps`, and does not answer for what is in `silent`."""
    while True:
        event = guest.qmp.wait_event_of("MEMORY_OPERATION_STARTED", "MEMORY_SET_DONE")
        data = event["data"]
        if event["event"] == "MEMORY_SET_DONE":
            return data
        if data["device"] in silent:
            continue
        if data["operation"] == "plug":
            guest.accept(data["slot"])
        elif data["device"] in keeps:
            guest.refuse(data["slot"])
        else:
            guest.give_back(data["slot"])


def set_size(guest, size, keeps=(), silent=(), **properties):
    guest.qmp.clear_events()
    begun = guest.qmp.execute("memory-set", {"size": size, **properties})
    result = play(guest, keeps, silent)
    assert result["requested"] == size and result["current"] == begun["current"], result
    assert result["plan"] == begun["plan"], (begun, result)
    return result


def sizes(guest):
    return sorted(entry["data"]["size"] // MIB
                  for entry in guest.qmp.execute("query-memory-devices"))


def test_up_and_down():
    with Guest(**TEN) as guest:
        result = set_size(guest, 4 * GIB)
        assert result["result-size"] == guest.size() == 4 * GIB, result
        assert result["current"] == RAM and "reason" not in result, result
        assert all(entry["result"] == "done" for entry in result["operations"])
        # Every multiple of 128 MiB can be given back by removals alone.
        assert sizes(guest) == [128, 256, 512, 1024, 2048], sizes(guest)
        for size in (3 * GIB, 3 * GIB + 128 * MIB, RAM, 9 * GIB, 1 * GIB):
            result = set_size(guest, size)
            assert result["result-size"] == guest.size() == size, result
        assert set_size(guest, GIB)["operations"] == []


def test_dry_run():
    with Guest(**TEN) as guest:
        plan = guest.qmp.execute("memory-set", {"size": GIB, "dry-run": True})
        assert plan["current"] == RAM and plan["result-size"] == GIB, plan
        assert "operations" not in plan, plan
        assert [step["action"] for step in plan["plan"]] == ["plug"] * len(plan["plan"])
        assert sum(step["size"] for step in plan["plan"]) == GIB - RAM
        assert guest.size() == RAM and guest.operations() == []
        said = guest.hmp("memory set 1G,dry-run=on").replace("\r", "")
        assert said.startswith(f"{len(plan['plan'])} steps:\n  plug 128 MiB at 0x"), said
        assert said.endswith("from 128 MiB to 1 GiB; nothing has been done\n"), said
        assert guest.hmp("memory set 256M,dry-run=on").startswith("1 step:")


def test_a_sign_makes_a_size_relative():
    with Guest("-smp", "2", "-numa", "node,mem=128M,cpus=0", "-numa", "node,mem=128M,cpus=1",
               memory="256M,slots=16,maxmem=9G") as guest:
        def planned(words):
            said = guest.hmp(f"memory set {words},dry-run=on")
            return said.replace("\r", "").splitlines()[-1].partition(";")[0]

        assert set_size(guest, 2 * GIB)["result-size"] == 2 * GIB
        assert planned("+1G") == "from 2 GiB to 3 GiB", planned("+1G")
        assert planned("-1G") == "from 2 GiB to 1 GiB", planned("-1G")
        assert planned("-0.5G") == "from 2 GiB to 1.5 GiB", planned("-0.5G")
        assert planned("+1G,node=1") == "from 1 GiB to 2 GiB", planned("+1G,node=1")
        for words, said in (("-3G", "memory set -3 GiB: the guest has 2 GiB"),
                            ("-2G,node=0", "memory set -2 GiB: the node has 1 GiB"),
                            ("+16383P,node=2", "node has value 2"), ("+", "expects a size"),
                            ("+18446744073709551615B", "the guest has 2 GiB"), ("-2G", "less than")):
            assert said in guest.hmp(f"memory set {words}"), (words, guest.hmp(f"memory set {words}"))
        # Programs compute: a number has no sign in front of it that could be meant so.
        guest.fails("memory-set", ["expected: integer"], size="+1G")
        assert guest.size() == 2 * GIB


def test_random_sizes():
    choose = random.Random(20261123)
    with Guest(**TEN) as guest:
        for _ in range(60):
            size = RAM + 128 * MIB * choose.randrange(0, 72)
            result = set_size(guest, size)
            assert result["result-size"] == guest.size() == size, result
        result = set_size(guest, 9 * GIB)        # nothing is stranded
        assert result["result-size"] == 9 * GIB, result


def test_a_guest_that_keeps_one():
    with Guest(**TEN) as guest:
        for name in ("a", "b", "c"):
            guest.plug(id=name, size=256 * MIB)
            guest.accept(len(guest.qmp.execute("query-memory-devices")) - 1)
            guest.done(device=name)
        for _ in range(2):                       # first b goes, then a
            size = guest.size() - 256 * MIB
            result = set_size(guest, size, keeps=("c",))
            assert result["result-size"] == guest.size() == size, result
            outcomes = [entry["result"] for entry in result["operations"]]
            assert outcomes == ["refused", "done"], result
        # And the last one not.
        size = guest.size()
        names = [entry["data"]["id"] for entry in guest.qmp.execute("query-memory-devices")]
        result = set_size(guest, RAM, keeps=names)
        assert result["result-size"] == guest.size() == size, result
        assert {entry["result"] for entry in result["operations"]} == {"refused"}, result
        assert "device busy" in result["reason"], result


def test_a_guest_that_does_not_answer():
    with Guest(**TEN) as guest:
        result = set_size(guest, GIB, silent=("dimm0",), timeout=1)
        assert len(result["operations"]) == 1, result
        assert result["operations"][0]["result"] == "unanswered"
        assert "plug of dimm0: unanswered: no answer in 1 s" in result["reason"], result
        guest.notice(0)
        set_size(guest, GIB)
        result = set_size(guest, RAM, timeout=1,
                          silent=[f"dimm{number}" for number in range(10)])
        assert [entry["result"] for entry in result["operations"]] == ["unanswered"], result
        # It is not asked for any more.
        slot = result["operations"][0]["slot"]
        assert guest.flags(slot) & 4 == 0


def test_rather_below_or_above():
    with Guest(memory="128M,slots=1,maxmem=9G") as guest:
        set_size(guest, GIB + RAM)
        result = set_size(guest, 512 * MIB)
        assert result["result-size"] == GIB + RAM and result["operations"] == [], result
        assert ("512 MiB can't be reached" in result["reason"] and
                "nearest that can be reached are 128 MiB and 1152 MiB" in result["reason"]), result
        plan = guest.qmp.execute("memory-set", {"size": 512 * MIB, "dry-run": True})
        assert plan["reason"] == result["reason"] and plan["plan"] == [], plan
        result = set_size(guest, 512 * MIB, **{"at-most": True})
        # Removed first, and then a smaller one: below the size on the way.
        assert result["result-size"] == 512 * MIB and "reason" not in result, result


def ask_back(guest, device):
    """device_del; returns slot and size."""
    guest.qmp.execute("device_del", {"id": device})
    guest.done("MEMORY_OPERATION_STARTED", operation="unplug", device=device)
    guest.qmp.clear_events()
    return next((entry["data"]["slot"], entry["data"]["size"])
                for entry in guest.qmp.execute("query-memory-devices") if entry["data"]["id"] == device)


def test_dimms_that_are_leaving_do_not_count():
    with Guest(**TEN) as guest:
        set_size(guest, 4 * GIB)
        slot, size = ask_back(guest, "dimm0")
        # What is leaving is replaced at once, and then waited for.
        plan = guest.qmp.execute("memory-set", {"size": 4 * GIB})["plan"]
        assert [step["action"] for step in plan] == ["plug", "unplug"], plan
        assert plan[0]["size"] == size and plan[1]["slot"] == slot, plan
        guest.accept(guest.done("MEMORY_OPERATION_STARTED", operation="plug")["slot"])
        guest.give_back(slot)
        result = guest.done("MEMORY_SET_DONE")
        assert result["result-size"] == guest.size() == 4 * GIB and "reason" not in result, result
        # It may be all that is wanted.
        slot, size = ask_back(guest, "dimm1")
        plan = guest.qmp.execute("memory-set", {"size": 4 * GIB - size})["plan"]
        assert [(step["action"], step["slot"]) for step in plan] == [("unplug", slot)], plan
        guest.give_back(slot)
        result = guest.done("MEMORY_SET_DONE")
        assert result["result-size"] == guest.size() == 4 * GIB - size, result
    with Guest(memory="128M,slots=1,maxmem=1152M") as guest:
        set_size(guest, 1152 * MIB)
        ask_back(guest, "dimm0")
        # Its slot and its share of maxmem are needed: it goes first.
        plan = guest.qmp.execute("memory-set", {"size": 640 * MIB})["plan"]
        assert [step["action"] for step in plan] == ["unplug", "plug"], plan
        guest.refuse(0)
        result = guest.done("MEMORY_SET_DONE")
        assert "device busy" in result["reason"] and "640 MiB can't be reached" in result["reason"], result
        assert result["result-size"] == 1152 * MIB, result


def test_the_guest_gives_back_late_what_the_set_gave_up():
    with Guest(**TEN) as guest:
        set_size(guest, 2 * GIB)
        slow = guest.qmp.execute("query-memory-devices")[0]["data"]["id"]
        guest.qmp.execute("memory-set", {"size": RAM, "timeout": 1})
        result = play(guest, silent=(slow,))
        assert [entry["result"] for entry in result["operations"]][-1] == "unanswered", result
        # The next one finds it there; it goes meanwhile, and what is missing then is planned again.
        guest.qmp.clear_events()
        guest.qmp.execute("memory-set", {"size": 2 * GIB})
        guest.give_back(result["operations"][-1]["slot"])
        guest.qmp.wait_event("DEVICE_DELETED", {"device": slow})
        result = play(guest)
        assert result["result-size"] == guest.size() == 2 * GIB and "reason" not in result, result


def test_nodes():
    with Guest("-smp", "2", "-numa", "node,mem=128M,cpus=0", "-numa", "node,mem=128M,cpus=1",
               memory="256M,slots=16,maxmem=9G") as guest:
        def in_nodes():
            have = [128, 128]
            for entry in guest.qmp.execute("query-memory-devices"):
                have[entry["data"]["node"]] += entry["data"]["size"] // MIB
            return have

        assert set_size(guest, 2 * GIB)["result-size"] == 2 * GIB
        assert in_nodes() == [1024, 1024]
        result = set_size(guest, 512 * MIB, node=0)
        assert result["result-size"] == 512 * MIB and result["current"] == GIB, result
        assert in_nodes() == [512, 1024]
        assert set_size(guest, 2 * GIB)["result-size"] == 2 * GIB
        assert in_nodes() == [1024, 1024]
        set_size(guest, GIB)
        assert in_nodes() == [512, 512]
        guest.fails("memory-set", ["node has value 2"], size=GIB, node=2)


def test_template_s_pages_rule():
    with Guest(memory="128M,slots=10,maxmem=9G") as guest:
        set_size(guest, 640 * MIB, template="memory-backend-memfd")
        assert {memdev["type"] for memdev in guest.qmp.execute("query-memdev")
                if memdev["id"] != "hotram.ram"} == {"memory-backend-memfd"}
        guest.fails("memory-set", ["has no property"], size=GIB, template="memory-backend-ram,x=1")
        folder = guest.files / "none"
        guest.fails("memory-set", ["No such file"], size=GIB,
                    template=f"memory-backend-file,mem-path={folder}")


def test_memslots_are_left_alone():
    with Guest("-memslot", "id=m,size=256M", memory="128M,slots=3,maxmem=1G") as guest:
        guest.qmp.execute("memslot", {"id": "m", "action": "add"})
        guest.accept(0)
        guest.done(device="m")
        result = set_size(guest, RAM)
        assert result["result-size"] == RAM + 256 * MIB and result["operations"] == [], result
        set_size(guest, 640 * MIB)
        assert 256 in sizes(guest), sizes(guest)


def test_no_slot_left():
    names = [f"d{number}" for number in range(4)]
    with Guest(memory="128M,slots=4,maxmem=2G") as guest:
        for slot, name in enumerate(names):
            guest.plug(id=name, size=128 * MIB)
            guest.accept(slot)
            guest.done(device=name)
        # All that it has in DIMMs is of memslots or not to be had: nothing can be replaced.
        result = set_size(guest, 2 * GIB)
        assert result["result-size"] == 2 * GIB, result
        assert [step["action"] for step in result["plan"]] == ["unplug", "plug"], result
    with Guest(*(word for name in names for word in ("-memslot", f"id={name},size=128M")),
               memory="128M,slots=4,maxmem=2G") as guest:
        guest.fails("memory-set", ["can't be reached", "of the 4 slots are empty",
                                   "nearest that can be reached is 128 MiB"], size=GIB)


def test_two_at_once():
    with Guest(**TEN) as guest:
        guest.qmp.execute("memory-set", {"size": GIB})
        guest.done("MEMORY_OPERATION_STARTED")
        words = ["memory set to 1 GiB is in progress", "MEMORY_SET_DONE"]
        guest.fails("memory-set", words, size=2 * GIB)
        guest.fails("memory-set", words, size=GIB, node=0)
        joined = guest.qmp.execute("memory-set", {"size": GIB})
        assert joined["requested"] == GIB and joined["operations"] == [], joined
        guest.accept(0)
        assert play(guest)["result-size"] == GIB
        guest.nothing("MEMORY_SET_DONE")


def test_cancel():
    with Guest(**TEN) as guest:
        set_size(guest, GIB)
        guest.qmp.execute("memory-set", {"size": RAM})
        data = guest.done("MEMORY_OPERATION_STARTED")
        guest.qmp.execute("memory-operation-cancel", {"id": data["id"]})
        result = guest.done("MEMORY_SET_DONE")
        assert result["result-size"] == GIB and "cancelled" in result["reason"], result
        assert guest.flags(data["slot"]) & 4 == 0
        assert set_size(guest, RAM)["result-size"] == RAM


def test_cancel_all_of_it():
    with Guest(**TEN) as guest:
        guest.fails("memory-set-cancel", ["no memory set is in progress"])
        guest.qmp.execute("memory-set", {"size": GIB})
        data = guest.done("MEMORY_OPERATION_STARTED")
        guest.qmp.execute("memory-set-cancel")
        result = guest.done("MEMORY_SET_DONE")
        assert result["reason"] == "cancelled", result
        # A plug can't be withdrawn: it goes on by itself.
        assert result["operations"][0]["result"] == "in-progress", result
        guest.accept(data["slot"])
        assert guest.done(id=data["id"])["result"] == "done"
        guest.qmp.execute("memory-set", {"size": RAM})
        guest.done("MEMORY_OPERATION_STARTED", operation="unplug")
        guest.qmp.execute("memory-set-cancel")
        assert guest.done("MEMORY_SET_DONE")["operations"][0]["result"] == "cancelled"


def test_reset_on_the_way():
    with Guest(**TEN) as guest:
        guest.qmp.execute("memory-set", {"size": GIB})
        guest.done("MEMORY_OPERATION_STARTED")
        guest.qmp.execute("system_reset")
        result = guest.done("MEMORY_SET_DONE")
        assert result["operations"][0]["result"] == "cancelled", result
        assert "reset" in result["reason"] and result["result-size"] == guest.size(), result


def test_people():
    with Guest(**TEN) as guest:
        client = guest.second()
        client.send_raw(b'{"execute": "human-monitor-command", "id": 1, "arguments": '
                        b'{"command-line": "memory set 384M"}}\r\n')
        play(guest)
        said = client.read_message(10 ** 9)
        while "event" in said:
            said = client.read_message(10 ** 9)
        client.close()
        lines = said["return"].replace("\r", "").splitlines()
        assert lines[-1] == "from 128 MiB to 384 MiB", lines
        assert sum(": done after " in line for line in lines) == len(lines) - 1 - sum(
            line.startswith("plug of ") for line in lines), lines
        assert guest.quit() == 0


def test_the_end_of_the_program_on_the_way():
    with Guest(**TEN) as guest:
        guest.qmp.execute("memory-set", {"size": GIB})
        assert guest.quit() == 0


def test_bad_input():
    with Guest(memory="128M,slots=4,maxmem=2G") as guest:
        for words, arguments in (
                (["'size' is missing"], {}), (["expected: integer"], {"size": "1G"}),
                (["64 MiB is less than the 128 MiB", "nearest that can be reached is 128 MiB"],
                 {"size": 64 * MIB}),
                (["0 bytes is less than"], {"size": 0}),
                (["3 GiB exceeds maxmem, 2 GiB",
                  "nearest that can be reached is 2 GiB"], {"size": 3 * GIB}),
                (["exceeds maxmem"], {"size": (1 << 64) - 1}),
                (["700 MiB can't be reached: DIMMs are multiples of 128 MiB",
                  "are 640 MiB and 768 MiB"], {"size": 700 * MIB}),
                (["1 to 86400"], {"size": GIB, "timeout": 0}),
                (["no property 'atmost'"], {"size": GIB, "atmost": True})):
            guest.fails("memory-set", words, **arguments)
        for line in ("memory set", "memory set 12Q", "memory set -1", "memory set 1G,node=x"):
            before = guest.state()
            said = guest.hmp(line)
            assert "Error: " in said or "expected" in said, (line, said)
            assert guest.state() == before
        guest.qmp.execute("stop")
        guest.fails("memory-set", ["the guest is stopped", "cont"], size=GIB)
        assert guest.operations() == []


if __name__ == "__main__":
    tap.main()
