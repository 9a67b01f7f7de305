# SPDX-License-Identifier: BSD-2-Clause
"""Running hotramctl in a place of its own: sockets are in a folder that only the
test has."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

from .fake_qmp import FakeGuest
from .machine import PROGRAM

CTL = os.environ.get("HOTRAMCTL") \
    or str(pathlib.Path(PROGRAM).resolve().parents[1] / "ctl/hotramctl")
LIMIT = 30


class Place:
    """A folder as $XDG_RUNTIME_DIR."""

    def __init__(self, runtime):
        self.runtime = pathlib.Path(runtime)
        self.folder = self.runtime / "hotram"
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "LC_ALL": "C.UTF-8"}

    def start(self, *words, **more):
        more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE, **more}
        return subprocess.Popen([CTL, *map(str, words)], text=True,
                                env=self.environment, **more)

    def run(self, *words, **more):
        """(exit status, stdout, stderr)"""
        with self.start(*words, **more) as process:
            return finish(process)

    def json(self, *words, status=0):
        """What --json prints."""
        code, out, err = self.run(*words, "--json")
        assert code == status, (code, out, err)
        return json.loads(out)

    def refused(self, *words, status=1):
        """What is said of a command that fails; stdout has nothing."""
        code, out, err = self.run(*words)
        assert code == status and out == "", (code, out, err)
        assert err.startswith("hotramctl: ") and err.count("\n") == 1, err
        return err

    @contextlib.contextmanager
    def guest(self, handlers=None, name="fake", **more):
        """A fake guest that is found by itself."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        with FakeGuest(self.folder / f"{name}.sock", handlers, **more) as guest:
            yield guest


def finish(process):
    """(exit status, stdout, stderr) at its end, which has to come."""
    try:
        out, err = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert process.returncode >= 0, f"killed by signal {-process.returncode}: {err}"
    return process.returncode, out, err


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory(prefix="hotramctl-") as runtime:
        yield Place(runtime)
