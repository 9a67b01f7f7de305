# SPDX-License-Identifier: BSD-2-Clause
"""System calls of the program that fail, or that wait, when a test says so."""

import contextlib
import errno
import os
import pathlib
import tempfile

from .machine import CLONE

LIBRARY = CLONE / "build/native/tests/inject/inject.so"


class Faults:
    """The environment of a program, and what fails in it."""

    def __init__(self, folder):
        assert LIBRARY.exists(), LIBRARY
        self._path = pathlib.Path(folder) / "faults"
        self._path.touch()
        # Sanitizers want to be the first library; this one calls nothing of theirs.
        asan = os.environ.get("ASAN_OPTIONS", "")
        self.environment = dict(os.environ, LD_PRELOAD=str(LIBRARY), INJECT=str(self._path),
                                ASAN_OPTIONS=f"{asan}:verify_asan_link_order=0")

    def _say(self, text):
        new = self._path.with_suffix(".new")
        new.write_text(text)
        new.rename(self._path)

    @contextlib.contextmanager
    def fail(self, call, name):
        """Lets a call fail with the errno of this name, until the block ends."""
        self._say(f"{call} {getattr(errno, name)}\n")
        try:
            yield
        finally:
            self._say("")

    @contextlib.contextmanager
    def wait(self, call):
        """Lets a call wait until the block ends."""
        self._say(f"{call} slow\n")
        try:
            yield
        finally:
            self._say("")


@contextlib.contextmanager
def faults():
    with tempfile.TemporaryDirectory(prefix="hotram-faults-") as folder:
        yield Faults(folder)
