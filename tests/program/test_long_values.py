#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Values of any length, wherever one can be given: what is said of them is short, shows
that it is shortened, and keeps what comes behind the value. It needs no KVM."""

import json
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import CLONE, PROGRAM                       # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.schema import Schema                                # noqa: E402

CTL = CLONE / "build/native/ctl/hotramctl"
LONG = 1 << 17
WORDS = ("x" * LONG, "é" * (LONG // 2), "/" + "x" * LONG, "1" * LONG, "x,y=" + "z" * LONG)
MOST = 1100             # bytes of an error


def check(said, where):
    assert len(said.encode()) < MOST, (where, len(said), said[:300])
    assert not re.search(r"(.)\1{220}", said), (where, said)
    if re.search(r"(.)\1{60}", said):
        assert "..." in said, (where, said)
    assert "�" not in said, (where, said)


def test_arguments_of_programs():
    with Host() as host:
        schema = Schema(host.qmp)
        seen = 0
        for name in schema.names("command"):
            for case in schema.cases(name)[1]:
                members = schema.arguments(name, case)
                for member in members:
                    for word in WORDS[:3]:
                        arguments = {key: "memory-backend-ram" if key == "qom-type" else "pc-dimm" if
                                     key in ("driver", "typename") else "x"
                                     for key, optional in members.items() if not optional}
                        arguments[member] = word
                        try:
                            host.qmp.execute(name, arguments)
                        except QMPError as error:
                            check(error.desc, (name, member))
                            seen += "..." in error.desc
        assert seen > 20, seen
        for request in ({"execute": WORDS[0]}, {"execute": "stop", WORDS[0]: 1},
                        {"execute": "stop", "arguments": {WORDS[1]: 1}},
                        {"execute": "memory-plug", "arguments": {"size": 1 << 21, WORDS[1]: 1}},
                        {"execute": "qmp_capabilities", "arguments": {"enable": [WORDS[0]]}},
                        {"execute": "human-monitor-command",
                         "arguments": {"command-line": "info " + WORDS[0]}}):
            host.qmp.send_raw(json.dumps(request, ensure_ascii=False).encode() + b"\n")
            answer = host.qmp.read_answer(time.monotonic() + 60)
            check(answer["error"]["desc"] if "error" in answer else answer["return"], list(request))
        # An id is the client's own, and comes back as it was, up to its limit (docs/compatibility.md).
        for length, good in ((60 << 10, True), (LONG, False)):
            host.qmp.send_raw(json.dumps({"execute": "query-name", "id": "x" * length}).encode() + b"\n")
            answer = host.qmp.read_answer(time.monotonic() + 60)
            if good:
                assert answer == {"return": {}, "id": "x" * length}
            else:
                assert "id" not in answer
                check(answer["error"]["desc"], "id")


def test_what_comes_behind_a_value_is_said():
    with Host() as host:
        for command, arguments, words in (
                ("device_add", {"driver": "pc-dimm", "memdev": WORDS[0]}, "x...' not found"),
                ("device_add", {"driver": WORDS[0]}, "x...' is not a valid device model name; available"),
                ("object-add", {"qom-type": "memory-backend-ram", "id": "/" + WORDS[0]}, "x...'"),
                ("object-del", {"id": WORDS[1]}, "é...' not found"),
                ("memslot", {"id": "x", "action": WORDS[0]}, "x...'"),
                ("qom-list", {"path": WORDS[0]}, "x...' not found")):
            host.refuses([words], command, arguments)


def test_lines_of_people():
    with Host() as host:
        names = re.findall(r"^([a-z_]+(?: [a-z]+)?)", host.hmp("help"), re.M)
        assert len(names) > 10, names
        for name in names + ["info memdev", "x" * 900, "info"]:
            if name in ("help", "info", "quit"):
                continue
            for word in ("x" * 800, "size=" + "9" * 800, "1G," + "k" * 800 + "=1",
                         "memory-backend-ram,id=" + "-" * 800 + ",size=1M"):
                said = host.hmp(f"{name} {word}")
                check(said, (name, word[:20]))


def test_arguments_of_options():
    shown = subprocess.run([PROGRAM, "-help"], capture_output=True, text=True, check=True).stdout
    options = sorted(set(re.findall(r"^(-[\w-]+) \S", shown, re.M)))
    assert len(options) > 30, options
    word = "x" * 50000
    for option in [*options, "-" + word, word]:
        for value in (word, f"id={word}", f"{word}=1", f"type={word}", "9" * 50000,
                      f"memory-backend-ram,id=m,size={word}", f"unix:/{word},server=on,wait=off",
                      "é" * 50000, '{"driver":"' + word + '"}'):
            result = subprocess.run(
                [PROGRAM, "-accel", "qtest", "-S", "-nodefaults", "-display", "none", option, value,
                 "-monitor", "stdio"], input="quit\n", capture_output=True, text=True, timeout=60,
                check=False)
            for line in result.stderr.splitlines():
                check(line, (option, value[:30]))


def test_hotramctl():
    word = "x" * 50000
    for arguments in ([word], ["-s", "/" + word, "status"], ["plug", word], ["status", word],
                      ["-n", word, "status"], ["unplug", word], ["set", "9" * 50000], ["-" + word],
                      ["events", word], ["map", f"--{word}=1"]):
        result = subprocess.run([CTL, *arguments], capture_output=True, text=True, timeout=60,
                                stdin=subprocess.DEVNULL, check=False)
        assert result.returncode != 0, arguments[0][:20]
        check(result.stderr, arguments[0][:20])


if __name__ == "__main__":
    tap.main()
