# SPDX-License-Identifier: BSD-2-Clause
"""A /dev/vhost-vsock for programs that the test starts from now on, on machines whose kernel has none: it moves nothing,
and tells what it was asked for (tests/inject/vhost.c). What the kernel's own does is in tests/guest/test_vhost.py."""

import mmap
import os
import struct
import tempfile

from .machine import CLONE

NAME = "vhost-vsock-stand-in"
LIBRARY = CLONE / "build/native/tests/inject/vhost.so"
FIELDS = ("open_errno", "table_errno", "taken_cid", "tables", "ranges", "running", "features")


class StandIn:
    """One page: page.running, page.table_errno = ENOMEM ..."""

    def __init__(self):
        assert LIBRARY.exists(), LIBRARY
        with tempfile.NamedTemporaryFile(prefix="hotram-", delete=False) as file:
            file.truncate(4096)
            self.__dict__["_page"] = mmap.mmap(file.fileno(), 4096)
            self.__dict__["_path"] = file.name
        os.environ.update(LD_PRELOAD=str(LIBRARY), VHOST_STAND_IN=file.name,
                          ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")

    def __getattr__(self, name):
        return struct.unpack_from("<I", self._page, 4 * FIELDS.index(name))[0]

    def __setattr__(self, name, value):
        struct.pack_into("<I", self._page, 4 * FIELDS.index(name), value)

    @staticmethod
    def descriptor():
        """One that somebody else has opened."""
        return os.memfd_create(NAME)

    def remove(self):
        os.unlink(self._path)
