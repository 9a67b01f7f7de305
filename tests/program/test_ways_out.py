#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Bad input names the value, what it collides with and the limit, and changes nothing; and the way out that its
error offers is taken from the error's own words, tried, and works. It needs no KVM."""

import json
import pathlib
import re
import select
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import place                                    # noqa: E402
from lib.host import MIB                                     # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.player import Guest                                 # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from ways_out_run import CTL, EVENT, PEOPLE, PROGRAMS        # noqa: E402
from ways_out_start import ROWS                              # noqa: E402

WRONG = ("Error", "unknown command", "Try \"help", "string expected")


def way_out(given, said, words, pattern):
    """What the error says, held against what it has to name; the groups that its way out is."""
    for word in words:
        assert word in said, f"{given}: no '{word}' in: {said}"
    found = re.search(pattern, said)
    assert found, f"{given}: no way out ({pattern}) in: {said}"
    return found.groups()


def start(options):
    result = subprocess.run(
        [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", *options, "-monitor", "stdio"],
        input="quit\n", capture_output=True, text=True, timeout=60, check=False)
    return result.returncode, result.stderr


def test_command_lines():
    for options, words, pattern, instead in ROWS:
        status, said = start(options)
        assert status == 1 and said.startswith("hotram: "), (options, status, said)
        groups = way_out(options, said.strip(), words, pattern)
        instead = [word.format(*groups) for word in instead]
        status, more = start(instead)
        assert status == 0 and "hotram: " not in more.replace("hotram: warning", ""), (options, said, instead, more)
    print(f"# {len(ROWS)} command lines")


def test_no_way_out_needs_a_monitor_that_is_not_there():
    for options, *_ in ROWS:
        said = start(options)[1]
        assert "device_del" not in said, (options, said)


class Prepared(Guest):
    """What ways_out_run.py says."""

    def __init__(self):
        super().__init__("-memslot", "id=s,size=128M", memory="64M,slots=3,maxmem=2G")
        for name in ("used", "free"):
            self.add("ram", name, size=128 * MIB, reserve=False)
        self.dimm("d0", "used")


def test_people():
    for line, words, pattern, instead in PEOPLE:
        with Prepared() as guest:
            before = guest.state()
            said = guest.hmp(line).strip()
            assert said and guest.state() == before, (line, said)
            groups = way_out(line, said, words, pattern)
            for other in instead:
                answer = guest.hmp(other.format(*groups))
                assert not any(word in answer for word in WRONG), (line, said, other.format(*groups), answer)
    print(f"# {len(PEOPLE)} lines")


def test_programs():
    for command, arguments, words, pattern, instead in PROGRAMS:
        with Prepared() as guest:
            before = guest.state()
            try:
                answer = guest.qmp.execute(command, arguments)
                raise AssertionError(f"{command} {arguments} was answered with {answer}")
            except QMPError as error:
                said = error.desc
            assert guest.state() == before, (command, said)
            groups = way_out(command, said, words, pattern)
            # Sizes are named in MiB; QMP takes bytes.
            other, better = json.loads(re.sub(r'"(\d+) << 20"', lambda m: str(int(m[1]) << 20),
                                              instead.format(*groups)))
            guest.qmp.execute(other, better)
    print(f"# {len(PROGRAMS)} commands")


def test_hotramctl():
    with place() as here:
        for arguments, words, pattern, instead in CTL:
            with Prepared() as guest:
                where = ("-s", control(guest))
                before = guest.state()
                status, _, said = here.run(*where, *arguments)
                assert status != 0, (arguments, said)
                assert guest.state() == before, (arguments, said)
                groups = way_out(arguments, said.strip(), words, pattern)
                better = [word.format(*groups) for word in instead]
                status, out, more = here.run(*where, *better)
                assert status == 0, (arguments, said, better, status, out, more)
    print(f"# {len(CTL)} of hotramctl's")


def test_an_event_that_never_comes_is_not_waited_for():
    arguments, words, pattern = EVENT
    with place() as here, Prepared() as guest:
        where = ("-s", control(guest))
        status, _, said = here.run(*where, *arguments)
        assert status != 0, said
        (name,) = way_out(arguments, said.strip(), words, pattern)
        with here.start(*where, "events", name, "STOP") as process:
            while not select.select([process.stdout], [], [], 0.05)[0]:
                guest.qmp.execute("stop")       # until it listens
                guest.qmp.execute("cont")
            guest.qmp.execute("quit")
            out, errors = process.communicate(timeout=60)
        assert name in out and process.returncode == 0, (out, errors)


def control(guest):
    """Several clients of one socket are served."""
    return str(guest.folder / "qmp")


if __name__ == "__main__":
    tap.main()
