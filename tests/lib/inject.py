# SPDX-License-Identifier: BSD-2-Clause
"""System calls of the program that fail, or that wait, when a test says so."""

import contextlib
import errno
import mmap
import os
import pathlib
import struct
import tempfile

from .machine import CLONE

# tests/inject/count.h
SIZE = 512
PAGE = 4096
KINDS = ["malloc", "mmap", "munmap", "ioctl", "open", "memfd_create", "pthread_create", "mbind", "fallocate",
         "ftruncate", "epoll_ctl", "accept", "write", "send", "mremap"]
FOLDER = CLONE / "build/native/tests/inject"
LIBRARY = FOLDER / "inject.so"
MEMORY = FOLDER / "memory.so"


class Count:
    """How many calls there were while it was armed, and how many of them failed."""
    calls = failed = 0


class Faults:
    """The environment of a program, and what fails in it."""

    def __init__(self, folder, memory=False):
        libraries = [LIBRARY] + [MEMORY] * memory
        assert all(library.exists() for library in libraries), libraries
        self.folder = pathlib.Path(folder)       # room for files of the test
        self._path = self.folder / "faults"
        self._path.write_bytes(bytes(PAGE))
        with self._path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), PAGE)
        # Sanitizers want to be the first library; this one calls nothing of theirs.
        asan = os.environ.get("ASAN_OPTIONS", "")
        # One pool of small memory: a thread's own comes and goes as threads meet at the lock.
        self.environment = dict(os.environ, LD_PRELOAD=" ".join(map(str, libraries)), INJECT=str(self._path),
                                MALLOC_ARENA_MAX="1", ASAN_OPTIONS=f"{asan}:verify_asan_link_order=0")

    def _say(self, text):
        # The program sees each byte as it comes, and a text that begins with NUL as empty.
        assert len(text) < SIZE
        with self._path.open("r+b", buffering=0) as file:
            file.write(b"\0")
            file.write(text[1:].encode().ljust(SIZE - 1, b"\0"))
            file.seek(0)
            file.write(text[:1].encode() or b"\0")

    @contextlib.contextmanager
    def fail(self, *pairs):
        """Lets a call fail with the errno of a name ("pread", "EIO"), or several, until the block ends."""
        self._say("".join(f"{call} {getattr(errno, name)}\n" for call, name in zip(pairs[::2], pairs[1::2])))
        try:
            yield
        finally:
            self._say("")

    def arm(self, calls, at=0, every=0, error="ENOMEM", request=0):
        """Counts calls of these kinds ("malloc,mmap") from now on; the n-th of them fails, or every n-th. Before
        the program starts, too. `request`: of ioctl only this one; else all but KVM_RUN."""
        kinds = sum(1 << KINDS.index(call) for call in calls.split(","))
        self.disarm()
        struct.pack_into("=III", self._page, SIZE + 4, getattr(errno, error), request, 0)
        struct.pack_into("=QQQQ", self._page, SIZE + 16, at, every, 0, 0)
        struct.pack_into("=I", self._page, SIZE, kinds)

    def counted(self):
        count = Count()
        count.calls, count.failed = struct.unpack_from("=QQ", self._page, SIZE + 32)
        return count

    def disarm(self):
        """Nothing is counted any more; what was counted is returned."""
        struct.pack_into("=I", self._page, SIZE, 0)
        return self.counted()

    @contextlib.contextmanager
    def wait(self, call):
        """Lets a call wait until the block ends."""
        self._waited = self._waiting()
        self._say(f"{call} slow\n")
        try:
            yield
        finally:
            self._say("")

    def fail_waiting(self, call, name):
        """In a block of wait(): what waits fails with the errno of a name, and so do later calls."""
        text = str(getattr(errno, name)).ljust(4).encode()       # in the place of "slow", at once
        self._page[len(call) + 1:len(call) + 5] = text

    def _waiting(self):
        return struct.unpack_from("=I", self._page, SIZE + 12)[0]

    def waits(self):
        """Whether a call has come to wait in the block that is open."""
        return self._waiting() != self._waited


@contextlib.contextmanager
def faults(memory=False):
    """`memory`: small allocations can fail, too, in programs without sanitizers."""
    with tempfile.TemporaryDirectory(prefix="hotram-faults-") as folder:
        yield Faults(folder, memory)
