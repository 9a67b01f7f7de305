#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""The picture of the guest's address space: query-memory-map, info memory-map, and the
example in docs/memory-map.md. A test plays the guest, so it needs no KVM.

    tests/program/test_map.py write      makes the documentation's pictures anew
"""

import contextlib
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests/differential"))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from peer import BLOCK, HOTRAM, Peer                         # noqa: E402

MIB, GIB = 1 << 20, 1 << 30
FLAGS = BLOCK + 0x14
PAGE = ROOT / "docs/memory-map.md"
DRAWING = ROOT / "docs/memory-map.svg"
DRAW = pathlib.Path(PROGRAM).resolve().parents[1] / "tests/unit/monitor/draw_map"
SVG = "{http://www.w3.org/2000/svg}"


@contextlib.contextmanager
def machine(memory, *options, locale="C"):
    os.environ["LC_ALL"] = locale
    peer = Peer(HOTRAM, memory, options)
    try:
        yield peer
    finally:
        peer.close()


def query(peer):
    """The map; what must be true of each has been looked at."""
    answer = peer.qmp.execute("query-memory-map")
    at = 0
    for entry in answer["ranges"]:
        assert entry["start"] == at and entry["size"] > 0, answer
        at += entry["size"]
    agrees(peer, answer)
    return answer


def agrees(peer, answer):
    """With what the other commands say."""
    ask = peer.qmp.execute
    dimms = {entry["slot"]: entry for entry in answer["ranges"]
             if entry["type"] == "dimm"}
    for device in ask("query-memory-devices"):
        data = device["data"]
        entry = dimms.pop(data["slot"])
        assert entry.get("id") == data.get("id") and entry["start"] == data["addr"]
        assert entry["size"] == data["size"] and entry["node"] == data["node"]
        assert "/objects/" + entry["memdev"] == data["memdev"]
    assert not dimms, dimms
    assert answer["ram"] == ask("query-memory-size-summary")["base-memory"] \
        == total(answer, "ram")
    for memslot in ask("query-memslot"):
        if memslot["state"] == "unpopulated":
            assert (memslot["id"], memslot["start"], memslot["size"], memslot["slot"],
                    memslot["node"]) in [
                (entry["id"], entry["start"], entry["size"], entry["slot"],
                 entry["node"]) for entry in answer["ranges"]
                if entry["type"] == "memslot"]
    registers_agree(peer, answer)


def registers_agree(peer, answer):
    """`info memory-hotplug` has what the guest reads."""
    text = hmp(peer, "info memory-hotplug")
    if "region" not in answer:
        assert text.startswith("no memory slots")
        return
    region = answer["region"]
    end = region["start"] + region["size"]
    assert f"region: {region['start']:#x}-{end - 1:#x}\n" in text
    assert answer["ranges"][-1]["start"] + answer["ranges"][-1]["size"] == end
    seen = {int(slot): (int(addr, 16), int(size)) for slot, addr, size in re.findall(
        r"slot (\d+): .*, addr (0x[0-9a-f]+), size (\d+)", text)}
    assert seen == {entry["slot"]: (entry["start"], entry["size"])
                    for entry in answer["ranges"] if entry["type"] == "dimm"}
    assert answer["slots"]["total"] == len(re.findall("^slot ", text, re.M))
    assert answer["slots"]["free"] == len(re.findall(": empty,", text))
    held = total(answer, "dimm", "memslot", "reserved")
    assert answer["capacity"]["total"] - answer["capacity"]["free"] == held


def total(answer, *types):
    return sum(entry["size"] for entry in answer["ranges"] if entry["type"] in types)


def hmp(peer, line):
    return peer.qmp.execute("human-monitor-command",
                            {"command-line": line}).replace("\r\n", "\n")


def plug(peer, name, size, backend=(), **properties):
    peer.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "reserve": False,
                                    "id": f"{name}-mem", "size": size, **dict(backend)})
    try:
        peer.qmp.execute("device_add", {"driver": "pc-dimm", "id": name,
                                        "memdev": f"{name}-mem", **properties})
    except QMPError:
        peer.qmp.execute("object-del", {"id": f"{name}-mem"})
        raise


def take_note(peer, slot, bit):
    """The guest sees an event: 2 of an insertion, 4 of a removal."""
    peer.qtest.port_out(BLOCK, 4, slot)
    assert peer.qtest.port_in(FLAGS, 1) & bit, "no such event"
    peer.qtest.port_out(FLAGS, 1, bit)


def report(peer, slot, event, status):
    peer.qtest.port_out(BLOCK, 4, slot)
    peer.qtest.port_out(BLOCK + 4, 4, event)
    peer.qtest.port_out(BLOCK + 8, 4, status)


def refuse(peer, slot):
    take_note(peer, slot, 4)
    report(peer, slot, 3, 0x84)
    report(peer, slot, 3, 0x82)


def eject(peer, slot):
    take_note(peer, slot, 4)
    peer.qtest.port_out(FLAGS, 1, 8)


def state(peer, name):
    found = [entry for entry in query(peer)["ranges"] if entry.get("id") == name]
    assert len(found) <= 1
    return found[0].get("state", found[0]["type"]) if found else None


def svg_of(answer):
    return subprocess.run([DRAW, "svg"], input=json.dumps(answer), check=True,
                          capture_output=True, text=True, timeout=60).stdout


# ---- the example in the documentation ----

@contextlib.contextmanager
def example():
    """The machine of docs/memory-map.md: what the page says was done to it."""
    text = PAGE.read_text()
    words = re.search(r"^hotram -m (\S+) (.*)$", text, re.M)
    commands = re.findall(r"^\(hotram\) (.*)$", text, re.M)
    with machine(words[1], "-machine", "dimm-granularity=auto",
                 *words[2].split(" -kernel")[0].split(),
                 locale="C.UTF-8") as peer:
        for command in commands:
            if command == "info memory-map":
                continue
            assert hmp(peer, command) == "", command
            added = re.search("id=(dimm(.))", command)
            if command.startswith("device_add") and added[2] != "4":
                take_note(peer, slot_of(peer, added[1]), 2)
                report(peer, slot_of(peer, added[1]), 1, 0)
            if command == "device_del dimm2":
                refuse(peer, slot_of(peer, "dimm2"))
        yield peer


def slot_of(peer, name):
    return next(entry["slot"] for entry in query(peer)["ranges"]
                if entry.get("id") == name)


def shown():
    """The picture in the page, with what is in front of it and behind it."""
    return re.fullmatch(r"(.*\(hotram\) info memory-map\n)(.*?)(```\n.*)",
                        PAGE.read_text(), re.S)


def test_the_page_shows_what_the_program_shows():
    with example() as peer:
        assert hmp(peer, "info memory-map") == shown()[2]


def test_the_drawing_is_what_the_program_draws():
    if not DRAW.exists():
        raise tap.Skip(f"there is no {DRAW.name} beside this program")
    with example() as peer:
        assert svg_of(query(peer)) == DRAWING.read_text()


def write():
    with example() as peer:
        before, _, behind = shown().groups()
        PAGE.write_text(before + hmp(peer, "info memory-map") + behind)
        DRAWING.write_text(svg_of(query(peer)))


# ---- what is where ----

def test_no_slots():
    with machine("128M") as peer:
        assert query(peer) == {
            "ram": 128 * MIB,
            "ranges": [{"start": 0, "size": 128 * MIB, "type": "ram", "node": 0,
                        "memdev": "hotram.ram"},
                       {"start": 128 * MIB, "size": 4 * GIB - 128 * MIB,
                        "type": "hole"}]}
        assert "no slots for DIMMs" in hmp(peer, "info memory-map")


def test_no_machine():
    commands = [{"execute": "qmp_capabilities"}, {"execute": "query-memory-map"},
                {"execute": "human-monitor-command",
                 "arguments": {"command-line": "info memory-map"}}, {"execute": "quit"}]
    result = subprocess.run(
        [PROGRAM, "-machine", "none", "-nodefaults", "-display", "none", "-S", "-qmp",
         "stdio"], input="".join(json.dumps(command) + "\n" for command in commands),
        capture_output=True, text=True, timeout=60, check=True)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert {"return": {"ram": 0, "ranges": []}} in answers, answers
    assert {"return": "RAM at start: 0 bytes; no slots for DIMMs\r\n"} in answers, answers


def ram(answer):
    return [(entry["start"], entry["size"], entry["node"], entry["memdev"])
            for entry in answer["ranges"] if entry["type"] == "ram"]


def test_ram_beyond_4_gib():
    with machine("4608M,slots=2,maxmem=8G") as peer:
        answer = query(peer)
        assert ram(answer) == [(0, 2 * GIB, 0, "hotram.ram"),
                               (4 * GIB, 2560 * MIB, 0, "hotram.ram")]
        assert answer["region"] == {"start": 7 * GIB, "size": 3584 * MIB + 2 * GIB}
        assert [entry["type"] for entry in answer["ranges"]] \
            == ["ram", "hole", "ram", "hole", "free"]
        # And it is memory there, to the last byte.
        peer.qtest.write(6 * GIB + 512 * MIB - 4, b"last")


def test_ram_by_node_and_object():
    nodes = [word for size in ("1G", "1536M", "1536M")
             for word in ("-numa", f"node,mem={size}")]
    with machine("4G,slots=2,maxmem=8G", *nodes) as peer:
        assert ram(query(peer)) == [(0, GIB, 0, "hotram.ram"),
                                    (GIB, GIB, 1, "hotram.ram"),
                                    (4 * GIB, 512 * MIB, 1, "hotram.ram"),
                                    (4 * GIB + 512 * MIB, 1536 * MIB, 2, "hotram.ram")]
    objects = [word for name, size in (("a", "1G"), ("b", "3G")) for word in (
        "-object", f"memory-backend-ram,id={name},size={size},reserve=off", "-numa",
        f"node,memdev={name}")]
    with machine("4G,slots=2,maxmem=8G", *objects) as peer:
        assert ram(query(peer)) == [(0, GIB, 0, "a"), (GIB, GIB, 1, "b"),
                                    (4 * GIB, 2 * GIB, 1, "b")]


def test_a_node_without_ram():
    with machine("128M,slots=2,maxmem=8G", "-machine", "dimm-node=own") as peer:
        plug(peer, "d", GIB)
        assert [entry.get("node") for entry in query(peer)["ranges"]] \
            == [0, None, 1, None]


# ---- what is going on ----

def test_the_life_of_a_dimm():
    with machine("128M,slots=2,maxmem=2G") as peer:
        empty = query(peer)
        plug(peer, "d", GIB, slot=1)
        assert state(peer, "d") == "plugging"
        take_note(peer, 1, 2)
        assert state(peer, "d") == "plugging"    # until it says that it has it
        report(peer, 1, 1, 0)
        assert state(peer, "d") == "in-use"
        for _ in range(3):
            peer.qmp.execute("device_del", {"id": "d"})
            assert state(peer, "d") == "removing"
            refuse(peer, 1)
            assert state(peer, "d") == "refused"
        peer.qmp.execute("device_del", {"id": "d"})
        eject(peer, 1)
        report(peer, 1, 3, 0)
        peer.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        assert query(peer) == empty


def test_a_removal_that_was_asked_for_before_the_guest_saw_the_dimm():
    with machine("128M,slots=2,maxmem=2G") as peer:
        plug(peer, "d", GIB)
        peer.qmp.execute("device_del", {"id": "d"})
        assert state(peer, "d") == "removing"


def test_a_dimm_whose_memory_is_coming():
    """It was prealloc'ed, unplugged, and is plugged again: that takes a while."""
    size = GIB
    with machine("128M,slots=2,maxmem=8G") as peer:
        plug(peer, "d", size, {"qom-type": "memory-backend-memfd", "prealloc": True,
                               "prealloc-threads": 1, "reserve": True})
        take_note(peer, 0, 2)
        peer.qmp.execute("device_del", {"id": "d"})
        eject(peer, 0)
        peer.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        other = peer.second()
        other.send_raw(b'{"execute": "device_add", "arguments": {"driver": "pc-dimm", '
                       b'"id": "d", "memdev": "d-mem", "slot": 1}}\r\n')
        while True:
            answer = peer.qmp.execute("query-memory-map")
            if len(answer["ranges"]) > 3:
                break
        picture = hmp(peer, "info memory-map")
        peer.qmp.execute("device_del", {"id": "d"})
        other.close()
        assert answer["ranges"][2] == {
            "start": 4 * GIB, "size": size, "type": "reserved", "id": "d", "slot": 1,
            "node": 0, "memdev": "d-mem"}, answer["ranges"]
        assert answer["slots"]["free"] == 1
        assert re.search(r"0x0*100000000 +1 GiB +DIMM +1 +0 +coming +d\n", picture)


def test_memslots():
    with machine("128M,slots=3,maxmem=4G", "-memslot",
                 "id=hot1,size=256M,start=5G") as peer:
        assert state(peer, "hot1") == "memslot"
        assert [entry["type"] for entry in query(peer)["ranges"]] \
            == ["ram", "hole", "free", "memslot", "free"]
        peer.qmp.execute("memslot", {"id": "hot1", "action": "add"})
        assert state(peer, "hot1") == "plugging"
        peer.qmp.execute("memslot", {"id": "hot1", "action": "delete"})
        eject(peer, 0)
        peer.qmp.wait_event("DEVICE_DELETED", {"device": "hot1"})
        assert state(peer, "hot1") == "memslot"


# ---- what there is room for ----

def refused(peer, *arguments, **properties):
    before = query(peer)
    try:
        plug(peer, *arguments, **properties)
    except QMPError:
        assert query(peer) == before
        return
    raise AssertionError("it was taken")


def test_the_largest_dimm_is_the_largest_dimm():
    for memory, address in (("128M,slots=3,maxmem=6G", None),         # capacity
                            ("128M,slots=1,maxmem=6G", None),
                            ("128M,slots=4,maxmem=6G", 8 * GIB),      # the gap
                            ("129M,slots=2,maxmem=6G", None)):
        with machine(memory) as peer:
            if address:
                plug(peer, "x", 2 * MIB, addr=address)
                plug(peer, "y", 2 * MIB, addr=address - 2 * GIB)
            answer = query(peer)
            largest = answer["largest-dimm"]
            assert largest % (2 * MIB) == 0
            refused(peer, "d", largest + 2 * MIB)
            plug(peer, "d", largest)
            if not address:
                assert answer["largest-free"]["start"] == 4 * GIB
            assert any(entry["size"] == answer["largest-free"]["size"]
                       and entry["start"] == answer["largest-free"]["start"]
                       for entry in answer["ranges"] if entry["type"] == "free")


def test_no_free_slot_no_room():
    with machine("128M,slots=1,maxmem=4G") as peer:
        plug(peer, "d", 2 * MIB)
        answer = query(peer)
        assert answer["largest-dimm"] == 0 and answer["slots"]["free"] == 0
        assert answer["largest-free"]["size"] > GIB
        refused(peer, "e", 2 * MIB)


def test_random_machines():
    seed = int(os.environ.get("HOTRAM_SEED", "0x5eed"), 0)
    tap.comment(f"HOTRAM_SEED={seed:#x}")
    numbers = random.Random(seed)
    with machine("1G,slots=16,maxmem=64G", "-memslot", "id=hot1,size=512M") as peer:
        for number in range(120):
            answer = query(peer)
            dimms = [entry for entry in answer["ranges"] if entry["type"] == "dimm"]
            if numbers.random() < 0.6 or not dimms:
                places = {}
                if numbers.random() < 0.5:
                    places["addr"] = (4 + numbers.randrange(64)) * GIB
                with contextlib.suppress(QMPError):
                    plug(peer, f"d{number}", numbers.choice((2, 128, 1024)) * MIB
                         * numbers.randrange(1, 9), **places)
                    take_note(peer, slot_of(peer, f"d{number}"), 2)
                continue
            dimm = numbers.choice(dimms)
            peer.qmp.execute("device_del", {"id": dimm["id"]})
            if numbers.random() < 0.3:
                refuse(peer, dimm["slot"])
                assert state(peer, dimm["id"]) == "refused"
            else:
                eject(peer, dimm["slot"])
                peer.qmp.wait_event("DEVICE_DELETED", {"device": dimm["id"]})
                peer.qmp.execute("object-del", {"id": dimm["memdev"]})


# ---- the pictures ----

def test_256_dimms():
    with machine("1G,slots=256,maxmem=64G") as peer:
        for slot in range(256):
            plug(peer, f"d{slot}", 128 * MIB)
        text = hmp(peer, "info memory-map")
        assert max(map(len, text.split("\n"))) <= 80
        for slot in range(256):
            assert re.search(rf"^0x\w+ +128 MiB +DIMM +{slot} +0 +plugging +d{slot}$",
                             text, re.M), slot


def test_the_terminal_s_signs():
    for locale, unicode in (("C", False), ("C.UTF-8", True), ("de_DE.utf8", True)):
        with machine("128M,slots=2,maxmem=2G", locale=locale) as peer:
            text = hmp(peer, "info memory-map")
            assert text.isascii() != unicode
            assert ("▓▓▓▓···" if unicode else "####---") in text


def test_svg():
    if not DRAW.exists():
        raise tap.Skip(f"there is no {DRAW.name} beside this program")
    with example() as peer:
        answer = query(peer)
    answer["ranges"][-2]["id"] = hostile = "<&>\"'中\x1b\ud800x" * 9
    root = xml.etree.ElementTree.fromstring(svg_of(answer))
    assert root.tag == SVG + "svg" and root.get("viewBox").startswith("0 0 960 ")
    assert root.find(SVG + "title").text and root.find(SVG + "desc").text
    assert not [tag for tag in root.iter() if tag.tag in (SVG + "script", SVG + "image")]
    titles = [title.text for title in root.iter(SVG + "title")]
    for entry in answer["ranges"]:
        assert any(title.endswith(f" at {entry['start']:#x}") for title in titles), entry
        if "state" in entry and entry.get("id") != hostile:
            assert any(f"slot {entry['slot']}, node 0, {entry['id']}," in title
                       for title in titles), entry
    assert any("<&>\"'中\ufffd" in title for title in titles)
    for tag in root.iter(SVG + "rect"):          # nothing is outside
        if "x" in tag.attrib:
            assert 0 <= float(tag.get("x")) <= 960 - float(tag.get("width")) + 0.02


def test_wrong_commands():
    with machine("128M,slots=2,maxmem=2G") as peer:
        try:
            peer.qmp.execute("query-memory-map", {"svg": True})
            raise AssertionError("it was taken")
        except QMPError as error:
            assert error.desc == "Parameter 'svg' is unexpected"
        assert hmp(peer, "info memory-map now").startswith("info memory-map: extraneous")
        assert "did you mean 'info memory-map'" in hmp(peer, "info memory-mop")


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        write()
    else:
        tap.main()
