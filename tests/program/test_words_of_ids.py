#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Booleans as words and ids of odd characters, by all the ways in: the monitor of people, that of programs, and
hotramctl. It needs no KVM."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import place                                    # noqa: E402
from lib.host import MIB                                     # noqa: E402
from lib.player import Guest                                 # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

YES, NO = ("on", "yes", "true", "y"), ("off", "no", "false", "n")
# Words of commands, letters of both cases, each character that an id can have, and as many as a name may take.
IDS = ("help", "all", "on", "off", "none", "size", "A", "a.b", "a-b", "a_b", "a.", "a-", "a_", "a..b", "device",
       "dimm0", "peripheral", "x" * 100)
WRONG = ("", " ", "1a", "-a", ".a", "_a", "a b", "a,b", "a/b", "a=b", "a%s", "a[0]", "a'b", "a\tb", "ä", "a\x7f")


def test_booleans_of_people():
    with Guest() as guest:
        for word in YES + NO:
            for line in (f"memory set 256M,dry-run=on,at-most={word}",
                         f"object_add memory-backend-ram,id=m,size=2M,share={word},merge={word},dump={word}"):
                answer = guest.hmp(line)
                assert "rror" not in answer, (line, answer)
            assert guest.memdev("m")["share"] == (word in YES), word
            guest.hmp("object_del m")
            answer = guest.hmp(f"memory set 256M,dry-run={word},at-most=on") if word in YES else "nothing has been done"
            assert "nothing has been done" in answer, answer
        for word in ("", "1", "0", "On", "maybe"):
            for line in (f"memory set 256M,dry-run={word}", f"memory plug 128M,wait={word}",
                         f"object_add memory-backend-ram,id=m,size=2M,share={word}"):
                answer = guest.hmp(line)
                assert "Error: " in answer and f"'{word}'" in answer, (line, answer)
        assert guest.qmp.execute("query-memory-devices") == []


def test_booleans_of_programs():
    """They have JSON's."""
    with Guest() as guest:
        for word in (*YES, *NO, 1, 0, None, [], {}):
            for command, arguments in (("memory-set", {"size": 256 * MIB, "dry-run": word}),
                                       ("memory-set", {"size": 256 * MIB, "at-most": word}),
                                       ("object-add", {"qom-type": "memory-backend-ram", "id": "m",
                                                       "size": 2 * MIB, "share": word})):
                try:
                    answer = guest.qmp.execute(command, arguments)
                except QMPError as error:
                    assert list(arguments)[-1] in error.desc, (command, word, error.desc)
                else:
                    raise AssertionError(f"{command} {arguments} was answered with {answer}")
        assert guest.qmp.execute("query-memory-devices") == []


def test_ids():
    with Guest(memory="128M,slots=4,maxmem=8G") as guest, place() as here:
        for name in IDS:
            where = ("-s", guest.folder / "qmp")
            status, out, said = here.run(*where, "plug", "128M", "--no-wait", f"--id={name}")
            assert status == 0, (name, out, said)
            guest.accept(0)
            assert name in here.run(*where, "list")[1].split(), name
            # Asked back by a monitor, the next time by hotramctl.
            if len(name) % 2:
                assert guest.hmp(f"device_del {name}") == "", name
            else:
                status, out, said = here.run(*where, "unplug", "--no-wait", "--", name)
                assert status == 0, (name, out, said)
            guest.notice(0)
            guest.qtest.port_out(0xa14, 1, 8)
            event = guest.qmp.wait_event("DEVICE_DELETED")["data"]
            assert event["device"] == name and event["path"] == f"/machine/peripheral/{name}", event


def test_ids_that_are_none():
    with Guest() as guest, place() as here:
        for name in WRONG:
            for command, arguments in (("memory-plug", {"size": 128 * MIB, "id": name}),
                                       ("object-add", {"qom-type": "memory-backend-ram", "id": name,
                                                       "size": 2 * MIB})):
                try:
                    answer = guest.qmp.execute(command, arguments)
                except QMPError as error:
                    assert "identifier" in error.desc, (name, error.desc)
                else:
                    raise AssertionError(f"{command} {arguments} was answered with {answer}")
            status, out, said = here.run("-s", guest.folder / "qmp", "plug", "128M", "--no-wait", f"--id={name}")
            assert status == 1 and "identifier" in said, (name, status, out, said)
        assert guest.qmp.execute("query-memory-devices") == []


if __name__ == "__main__":
    tap.main()
