# SPDX-License-Identifier: BSD-2-Clause
"""Starts in which calls fail: the program serves as it should, or ends, says why, and leaves nothing behind."""

import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import time

from faults.watched import LIMIT, MICRO, Client, general
from lib.machine import PROGRAM
from lib.qmp import QMPClosed, QMPError, QMPTimeout

# Files for output are whoever's who named them: they stay, as QEMU leaves them.
OUTPUT = ["hotram", "log", "serial"]
QUIET = ["-nodefaults", "-display", "none"]


@dataclasses.dataclass
class Start:
    """`options`, in which FOLDER is an empty folder; `calls` as of an Operation. `says`: what the guest writes to
    FOLDER/serial. `detaches`: the program goes into the background."""
    name: str
    calls: str
    options: str
    says: bytes = b""
    detaches: bool = False

    @property
    def needs_kvm(self):
        return "-accel qtest" not in self.options


# Of all kinds of memory, character devices and files that a start makes.
EVERYTHING = ("-m 64M,slots=4,maxmem=2G -object memory-backend-ram,id=a,size=16M,prealloc=on,prealloc-threads=2 "
              "-object memory-backend-memfd,id=b,size=16M "
              "-object memory-backend-file,id=c,size=16M,mem-path=FOLDER/memory,share=on "
              "-object memory-backend-ram,id=d,size=16M,host-nodes=0,policy=bind -machine dimm-granularity=2M "
              "-device pc-dimm,id=dimm,memdev=a -memslot id=memslot,size=128M -serial file:FOLDER/serial "
              "-chardev socket,id=hmp,path=FOLDER/hmp,server=on,wait=off,logfile=FOLDER/log -mon chardev=hmp "
              "-chardev pty,id=pty -mon chardev=pty -pidfile FOLDER/pid -name guest")

STARTS = [
    Start("start", "mmap memfd_create ftruncate open mbind pthread_create epoll_ctl write accept send",
          f"-accel qtest {EVERYTHING}"),
    Start("start in the background", "mmap open epoll_ctl write",
          "-accel qtest -m 64M -daemonize -pidfile FOLDER/pid", detaches=True),
    Start("start on KVM", "ioctl mmap pthread_create open",
          f"-smp 2 -m 64M,slots=4,maxmem=2G -kernel {MICRO} -serial file:FOLDER/serial "
          "-object memory-backend-ram,id=a,size=128M -device pc-dimm,id=dimm,memdev=a", says=b"micro."),
]


class Started:
    """One start, from an empty folder to the end."""

    def __init__(self, start, faults):
        self.start, self.faults = start, faults
        self.folder = faults.folder / "start"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        (self.folder / "hotram").mkdir(0o700)        # of control sockets: stays
        self.control = self.folder / "hotram/guest.sock"
        self.errors = faults.folder / "stderr"
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [PROGRAM, *QUIET, "-qmp", f"unix:{self.folder}/qmp,server=on,wait=off",
                 *start.options.replace("FOLDER", str(self.folder)).split()],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                env={**faults.environment, "XDG_RUNTIME_DIR": str(self.folder)})

    def said(self):
        return self.errors.read_text(errors="replace")

    def status(self):
        """Of the program, or None while it serves."""
        if self.start.detaches and self.process.wait(LIMIT) == 0:
            return None
        return self.process.poll()

    def client(self):
        """A client, or None if the program ends instead. Who is let go, or refused, comes again."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            status = self.status()
            if status is not None:
                return None
            try:
                return Client(self.folder / "qmp", LIMIT)
            except (FileNotFoundError, ConnectionError, QMPClosed, QMPError):
                time.sleep(0.002)
        raise QMPTimeout("the program neither serves nor ends")

    def state(self, client):
        ask = client.execute
        memdevs = [memdev["id"] for memdev in ask("query-memdev")]
        self.wait(lambda: self.start.says in self.serial(), "the guest's first words")
        return (memdevs, ask("query-memory-devices"), ask("query-memslot"), ask("query-status")["status"],
                self.files())

    def wait(self, condition, what):
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not there"
            time.sleep(0.002)

    def serial(self):
        path = self.folder / "serial"
        return path.read_bytes() if path.exists() else b""

    def files(self):
        return sorted(general(str(path.relative_to(self.folder))) for path in self.folder.rglob("*"))

    def quit(self, client):
        client.execute("quit")
        client.close()
        if self.start.detaches:
            self.wait(lambda: not self.remains(), "the end")
        else:
            assert self.process.wait(LIMIT) == 0, f"status {self.process.returncode}"
        return self.files()

    def remains(self):
        """Processes of this start, by what it gave them in their environment."""
        mine = f"INJECT={self.faults.environment['INJECT']}".encode()
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mine in (path / "environ").read_bytes().split(b"\0"):
                    found.append(int(path.name))
            except OSError:
                pass
        return found

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.start.detaches:
            for process in self.remains():
                os.kill(process, signal.SIGKILL)
