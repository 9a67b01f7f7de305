# SPDX-License-Identifier: BSD-2-Clause
"""The whole program without a guest: a test is at its registers, its memory and
its monitors, and looks at the host's memory. It needs no KVM."""

import os
import pathlib
import re
import shutil
import tempfile
import time

from .machine import ANSWER_LIMIT, Machine
from .qmp import QMP, QMPError
from .qtest import QtestServer

MIB = 1 << 20
DIMM = 4 << 30          # where the first DIMM is
FLAGS = 0xa14
TYPES = {"ram": "memory-backend-ram", "file": "memory-backend-file",
         "memfd": "memory-backend-memfd"}


class Host(Machine):
    """A machine without a guest, a folder for its files, and a test's hands at its
    registers and its memory."""

    def __init__(self, options=(), memory="64M,slots=4,maxmem=64G", granularity="2M",
                 environment=None):
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="hotram-files-"))
        server = QtestServer(self.files / "qtest")
        super().__init__(["-accel", "qtest", "-qtest", f"unix:{server.path}",
                          "-machine", f"dimm-granularity={granularity}",
                          "-m", memory, *options], kernel=None, run=False, reboot=True,
                         environment=environment)
        self.qtest = server.accept()

    def add(self, kind, name="m", size=16 * MIB, **properties):
        properties = {key.replace("_", "-"): str(value) if key == "mem_path" else value
                      for key, value in properties.items()}
        self.qmp.execute("object-add", {"qom-type": TYPES[kind], "id": name,
                                        "size": size, **properties})

    def dimm(self, name="d", memdev="m", **properties):
        self.qmp.execute("device_add", {"driver": "pc-dimm", "id": name,
                                        "memdev": memdev, **properties})

    def eject(self, name="d", slot=0):
        """As a guest would."""
        self.qmp.execute("device_del", {"id": name})
        self.qtest.port_out(0xa00, 4, slot)
        self.qtest.port_out(FLAGS, 1, 8)
        self.qmp.wait_event("DEVICE_DELETED", {"device": name})

    def memdev(self, name="m"):
        return {memdev["id"]: memdev for memdev
                in self.qmp.execute("query-memdev")}[name]

    def second(self):
        """Another program at the same monitor."""
        return QMP(self.folder / "qmp")

    def mapping(self, size=16 * MIB):
        """Flags and fields of the mapping of this size in /proc/PID/smaps."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps").read_text()
        for part in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.M):
            if re.search(rf"^Size: +{size // 1024} kB", part, re.M):
                return part
        raise AssertionError(f"no mapping of {size} bytes")

    def state(self):
        """What a failed command must not change."""
        ask = self.qmp.execute
        memdevs = [{key: value for key, value in memdev.items()
                    if key not in ("resident", "reserved")}
                   for memdev in ask("query-memdev")]
        return (memdevs, ask("query-memory-devices"), ask("query-status"),
                self.fds(), self.threads(), sorted(self.files.iterdir()))

    def refuses(self, words, command, arguments):
        """Memory that a command had to make goes back in a thread of its own, at times after the error."""
        before = self.state()
        try:
            self.qmp.execute(command, arguments)
        except QMPError as error:
            for word in words:
                assert word in error.desc, f"no '{word}' in: {error.desc}"
        else:
            raise AssertionError(f"{command} {arguments} was accepted")
        deadline = time.monotonic() + ANSWER_LIMIT
        while (now := self.state()) != before:
            assert time.monotonic() < deadline, (before, now)
            time.sleep(0.01)

    def close(self):
        super().close()
        shutil.rmtree(self.files, ignore_errors=True)


def file_of(host, size, name="file", content=b""):
    path = host.files / name
    path.write_bytes(content)
    os.truncate(path, size)
    return path


def warm_up(host):
    """What is made once and stays: the watch on files; with the thread sanitizer a
    thread of its own beside the first."""
    host.add("file", mem_path=file_of(host, MIB, "first"), size=MIB, prealloc=True)
    host.qmp.execute("object-del", {"id": "m"})
    host.qmp.clear_events()
