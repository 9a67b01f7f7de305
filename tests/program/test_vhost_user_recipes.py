#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""The recipes of docs/vhost-user.md: their commands as they stand there, but for -accel qtest, in a folder of their own;
a DIMM is plugged into each, and the other program maps it. It needs no KVM."""

import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import later_daemon, proc, tap                      # noqa: E402
from lib.host import MIB, Host                               # noqa: E402
from lib.machine import CLONE                                # noqa: E402

LIMIT = 60


def recipes():
    """The command lines of each."""
    text = (CLONE / "docs/vhost-user.md").read_text()
    return [block.strip().splitlines() for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)]


def maps(process):
    return pathlib.Path(f"/proc/{process.pid}/maps").read_text().count("memfd:")


def find(words):
    """The program, or this system's stand-in for one of a later release."""
    if words[0] in later_daemon.OWN:
        if later_daemon.missing(words[0]):
            raise tap.Skip(later_daemon.missing(words[0]))
        return [*later_daemon.command(words[0]), *words[1:]]
    if not shutil.which(words[0]):
        raise tap.Skip(f"{words[0]} is not installed")
    return words


def follow(lines):
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        before, daemon, hotram = lines[:-2], lines[-2], shlex.split(lines[-1])
        assert daemon.endswith(" &") and hotram[0] == "hotram", lines
        for line in before:
            subprocess.run(line, shell=True, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        # In the foreground, so that it is this test's to end.
        words = [word.replace("$PWD", folder) for word in shlex.split(daemon[:-2])]
        name, words = words[0], find(words)
        extra = ["-o", "sandbox=chroot"] if "virtiofsd" in words[0] else []       # a container forbids the default
        said = pathlib.Path(folder) / "said"
        with said.open("w") as errors, subprocess.Popen([*words, *extra], cwd=folder, stderr=errors) as process:
            try:
                options = [re.sub(r"path=([^/,]+)", rf"path={folder}/\1", word) for word in hotram[1:]]
                path = re.search(r"path=([^, ]+)", lines[-1])[1]
                deadline = time.monotonic() + LIMIT
                while not proc.listens(process.pid, path):
                    if process.poll() is not None:
                        later_daemon.check_isolated(name, said.read_text().strip())
                        raise AssertionError(said.read_text())
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                with Host(options) as host:
                    ranges = maps(process)
                    assert ranges > 0
                    host.add("ram", "m", size=128 * MIB)
                    host.dimm("d", "m")
                    assert maps(process) == ranges + 1
                    host.eject("d")
                    assert maps(process) == ranges
                    assert host.error_log == "", host.error_log
            finally:
                process.kill()


def test_a_qcow2_image():
    follow(recipes()[0])


def test_a_shared_folder():
    follow(recipes()[1])


def test_a_network():
    follow(recipes()[2])


def test_there_are_no_others():
    assert len(recipes()) == 3


if __name__ == "__main__":
    tap.main()
