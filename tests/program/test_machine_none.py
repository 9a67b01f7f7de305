#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Every command of both monitors on a machine that has nothing: each is answered, and
the program is there afterwards. It needs no KVM."""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.nothing import Nothing                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

# Those that end the program or the connection's usefulness.
ENDS = {"quit", "qmp_capabilities"}
VALUES = {"int": (0, -1, (1 << 64) - 1), "number": (0,), "str": ("", "none", "/machine"),
          "bool": (True, False)}


def arguments_of(entities, command):
    """None; those that it requires; all: each with values of their types."""
    members = entities[entities[command]["arg-type"]]["members"]
    yield {}
    for take in ([m for m in members if "default" not in m], members):
        for index in range(3):
            chosen = {}
            for member in take:
                values = VALUES.get(entities[member["type"]].get("json-type", ""), None) or \
                    VALUES.get(member["type"], ("none", 0, True))
                chosen[member["name"]] = values[index % len(values)]
            yield chosen


def test_every_command_of_programs():
    with Nothing() as machine:
        entities = {entity["name"]: entity
                    for entity in machine.qmp.execute("query-qmp-schema")}
        names = sorted(name for name, entity in entities.items()
                       if entity["meta-type"] == "command" and name not in ENDS)
        assert len(names) > 40 and "system_powerdown" in names, names
        for name in names:
            for arguments in arguments_of(entities, name):
                machine.ask(name, arguments)
                assert machine.process.poll() is None, (name, arguments)
        assert machine.qmp.execute("query-status")["status"]


def test_every_command_of_people():
    with Nothing() as machine:
        def hmp(line):
            return machine.qmp.execute("human-monitor-command", {"command-line": line})

        listed = [line for line in hmp("help").splitlines() if line and not line[0].isspace()]
        # What precedes the parameters; one that is a plain word does no harm.
        names = [re.match(r"[a-z_]+(?:[ |][a-z_?]+(?![^ |]))*", line)[0].split("|")[0]
                 for line in listed]
        assert len(names) > 10 and "memory plug" in names, names
        infos = re.findall(r"^info ([a-z-]+)", hmp("help info"), re.M)
        assert len(infos) > 10, infos
        for name in names + [f"info {word}" for word in infos]:
            if name in ("quit", "q"):
                continue
            for rest in ("", " 0", " none", " none none", " 18446744073709551615"):
                hmp(name + rest)
                assert machine.process.poll() is None, name + rest


def test_the_power_button_that_is_not_there():
    with Nothing() as machine:
        assert machine.qmp.execute("system_powerdown") == {}
        machine.qmp.wait_event("POWERDOWN")


def test_options_of_what_is_not_there():
    """What the command line gives a machine that has no place for it: objects are made, the rest is refused or
    means nothing, as in QEMU; the program does not die of it."""
    with Nothing("-smp", "2", "-m", "64M,slots=2,maxmem=1G", "-name", "x", "-rtc", "base=utc",
                 "-object", "memory-backend-ram,id=m,size=2M", "-chardev", "null,id=c",
                 "-device", "isa-serial,chardev=c") as machine:
        assert [memdev["id"] for memdev in machine.qmp.execute("query-memdev")] == ["m"]
        assert machine.qmp.execute("object-del", {"id": "m"}) == {}
    for options, word in ((["-object", "memory-backend-ram,id=m,size=2M", "-device", "pc-dimm,memdev=m"],
                           "-device pc-dimm,memdev=m: "), (["-memslot", "id=x,size=2M"], "-memslot")):
        result = subprocess.run([PROGRAM, "-machine", "none", "-nodefaults", "-display", "none", *options],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                                check=False)
        assert result.returncode == 1 and word in result.stderr, (options, result)


def test_interrupts_of_cpus_that_are_not_there():
    with Nothing() as machine:
        try:
            machine.qmp.execute("inject-nmi")
        except QMPError as error:
            assert "machine does not provide NMIs" in str(error), error
        else:
            raise AssertionError("there is nobody to interrupt")


if __name__ == "__main__":
    tap.main()
