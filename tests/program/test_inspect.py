#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""hotramctl inspect: what is in a saved state. The test writes streams by docs/state.md."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import place                                    # noqa: E402
from lib.saved import BANK, DEVICE, finish, frame, section   # noqa: E402

def stream(*states, version=1):
    return finish([section("stream", version=version, program="test 1"), *states])


def device(name, contents):
    return frame(DEVICE, bytes([len(name)]) + name.encode() + contents)


WHOLE = stream(section("fields", serial="lcr:1x1;line speed:2x1;fifo:1x4;ged:20x1"),
               section("machine", type="hotram-1", cpus=0xffffffffffffffff, raw=bytes(range(20))),
               frame(BANK, b"\0" * 50),
               device("serial", b"\x03\x0c\x00" + b"abcd" + b"\x11" * 20),
               device("unknown/d0", b"xyz"))


def written(here, contents):
    file = here.runtime / "state"
    file.write_bytes(contents)
    return file


def test_all_that_it_contains_is_printed():
    with place() as here:
        status, out, err = here.run("inspect", written(here, WHOLE + b"pages of memory"))
    assert (status, err) == (0, ""), err
    lines = out.splitlines()
    assert lines[0].endswith(f"saved state, 7 states, {len(WHOLE)} bytes"), lines[0]
    assert "section machine, version 1, " in out
    assert "    type                     hotram-1" in lines
    assert "    cpus                     18446744073709551615 (0xffffffffffffffff)" in lines
    assert "    raw                      000102030405060708090a0b0c0d0e0f... (20 bytes)" in lines
    assert "DIMM slots, version 1, 66 bytes" in lines
    assert "device serial, version 1, 50 bytes" in lines
    assert "    line speed               12 (0xc)" in lines
    assert "    fifo                     0x61 0x62 0x63 0x64" in lines
    assert "device unknown/d0, version 1, 30 bytes" in lines


def test_all_of_it_is_one_document():
    with place() as here:
        states = here.json("inspect", written(here, WHOLE))
    assert [state["kind"] for state in states] == ["section"] * 3 + ["DIMM slots"] + ["device"] * 2 + ["section"]
    assert states[2]["items"] == {"type": "hotram-1", "cpus": 0xffffffffffffffff, "raw": bytes(range(20)).hex()}
    assert states[4]["fields"] == {"lcr": 3, "line speed": 12, "fifo": [97, 98, 99, 100], "ged": "11" * 20}
    assert "fields" not in states[5] and states[5]["name"] == "unknown/d0"
    assert sum(state["length"] for state in states) == len(WHOLE)
    assert states[6]["items"]["length"] == states[6]["offset"]


def test_descriptions_that_do_not_fit_are_ignored():
    for words in ("lcr:1x1", "lcr:1x9", "lcr:0x3", "lcr:1x3:", "lcr", ";", "a:99999x99999", ":1x3", "x" * 80 + ":1x3"):
        with place() as here:
            states = here.json("inspect", written(here, stream(section("fields", serial=words), device("serial", b"abc"))))
        assert "fields" not in states[2], (words, states[2])


def test_characters_for_a_terminal_are_replaced():
    with place() as here:
        file = written(here, stream(section("machine", name="a\u009bb"), device("\x1b[2J", b"")))
        status, out, _ = here.run("inspect", file)
        states = here.json("inspect", file)
    assert status == 0 and "\x1b" not in out and "\u009b" not in out, out
    assert states[2]["name"] == "?[2J", states


def test_damaged_files_are_refused():
    changed = bytearray(WHOLE)
    changed[100] ^= 1
    for contents, words in ((b"", "at byte 0"), (b"#!/bin/sh\n", "at byte 0"), (WHOLE[:-1], "at byte "),
                            (bytes(changed), "checksum"), (stream(version=2), "of version 2, and this program reads version 1"),
                            (stream(section("s"), section("s")), "section 's' is there twice")):
        with place() as here:
            error = here.refused("inspect", written(here, contents))
        assert words in error, (words, error)


def test_every_end_is_noticed():
    with place() as here:
        for length in range(0, len(WHOLE), 37):
            here.refused("inspect", written(here, WHOLE[:length]))


def test_usage():
    with place() as here:
        assert "No such file" in here.refused("inspect", here.runtime / "none")
        assert "missing argument FILE" in here.refused("inspect", status=2)
        assert "select a guest" in here.refused("inspect", "-g", "x", written(here, WHOLE), status=2)
        assert "Is a directory" in here.refused("inspect", here.runtime)


if __name__ == "__main__":
    tap.main()
