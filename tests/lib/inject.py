# SPDX-License-Identifier: BSD-2-Clause
"""System calls of the program that fail, or that wait, when a test says so."""

import contextlib
import errno
import os
import pathlib
import tempfile

from .machine import CLONE

SIZE = 512              # tests/inject/inject.c
LIBRARY = CLONE / "build/native/tests/inject/inject.so"


class Faults:
    """The environment of a program, and what fails in it."""

    def __init__(self, folder):
        assert LIBRARY.exists(), LIBRARY
        self._path = pathlib.Path(folder) / "faults"
        self._path.write_bytes(bytes(SIZE))
        # Sanitizers want to be the first library; this one calls nothing of theirs.
        asan = os.environ.get("ASAN_OPTIONS", "")
        self.environment = dict(os.environ, LD_PRELOAD=str(LIBRARY), INJECT=str(self._path),
                                ASAN_OPTIONS=f"{asan}:verify_asan_link_order=0")

    def _say(self, text):
        # The program sees each byte as it comes, and a text that begins with NUL as empty.
        assert len(text) < SIZE
        with self._path.open("r+b", buffering=0) as file:
            file.write(b"\0")
            file.write(text[1:].encode().ljust(SIZE - 1, b"\0"))
            file.seek(0)
            file.write(text[:1].encode() or b"\0")

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
