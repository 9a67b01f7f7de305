# SPDX-License-Identifier: BSD-2-Clause
"""What moving and saving a guest have in common: the micro-guest, memory with contents, and a program that begins as
it does for its users, without a monitor that starts the guest."""

import contextlib
import os
import pathlib
import socket
import subprocess
import tempfile
import time

import kvm_time
from common import HOTRAM, machine
from lib.micro import MICRO, hear                          # noqa: E402

MIB = 1 << 20
LIMIT = 60
# As fast as it goes; QEMU has no word for "no limit".
UNLIMITED = 1 << 40
DIMM_AT = 1 << 32


@contextlib.contextmanager
def place():
    """A folder in memory, if there is one: disks are not what is compared."""
    shm = "/dev/shm"
    with tempfile.TemporaryDirectory(prefix="hotram-", dir=shm if os.access(shm, os.W_OK) else None) as folder:
        yield pathlib.Path(folder)


def fill(path, size, random=True):
    """A file whose every page is different, or zero and there."""
    piece = os.urandom(MIB) if random else bytes(MIB)
    with path.open("wb") as file:
        for number in range(size // MIB):
            file.write(number.to_bytes(8, "little") + piece[8:] if random else piece)


def dimm(size, file=None, number=0, at=DIMM_AT):
    """In a file, or new memory."""
    memory = f"memory-backend-file,mem-path={file},share=on" if file else "memory-backend-ram"
    return ["-object", f"{memory},id=m{number},size={size}",
            "-device", f"pc-dimm,memdev=m{number},id=d{number},slot={number},addr={at:#x}"]


def options(program, memory, *more):
    return [*program.options, "-m", f"{memory},slots=4,maxmem=16G", "-kernel", MICRO, *more]


@contextlib.contextmanager
def guest(program, memory, *more, run=True, environment=None):
    """With the micro-guest at its beginning, if it runs."""
    with machine.Machine(options(program, memory, *more), kernel=None, run=run, program=program.path,
                         environment=environment) as started:
        if run:
            hear(started, "micro")
        yield started


def let_migrate(vmm, **parameters):
    """As fast as it goes, with events."""
    vmm.qmp.execute("migrate-set-parameters", {
        "max-bandwidth": 0 if vmm.program == HOTRAM.path else UNLIMITED, **parameters})
    vmm.qmp.execute("migrate-set-capabilities", {"capabilities": [{"capability": "events", "state": True}]})


def migrated(vmm, uri):
    """Seconds from the command to the event of its completion, and query-migrate."""
    vmm.qmp.clear_events()
    began = time.monotonic()
    vmm.qmp.execute("migrate", {"uri": uri})
    while True:
        status = vmm.qmp.wait_event("MIGRATION", timeout=LIMIT)["data"]["status"]
        if status in ("completed", "failed"):
            break
    took = time.monotonic() - began
    result = vmm.qmp.execute("query-migrate")
    if status != "completed":
        raise RuntimeError(f"migrate: {result}")
    return took, result


class Continued:
    """A program that continues from `come`, options, by itself: nobody has to tell it to run the guest."""

    def __init__(self, program, memory, come, pass_fds=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hotram-"))
        self.notes = kvm_time.Notes(self.folder / "notes")
        command = [program.path, *map(str, options(program, memory, *come)), "-nodefaults", "-display", "none",
                   "-qmp", f"unix:{self.folder}/qmp,server=on,wait=off",
                   "-chardev", f"socket,id=console,path={self.folder}/console,server=on,wait=off",
                   "-serial", "chardev:console"]
        self.errors = self.folder / "stderr"
        with self.errors.open("wb") as errors:
            self.began = time.monotonic_ns()
            self.process = subprocess.Popen(command, env=self.notes.environment, stdin=subprocess.DEVNULL,
                                            stdout=errors, stderr=errors, pass_fds=pass_fds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for path in self.folder.iterdir():
            path.unlink()
        self.folder.rmdir()

    def wait_first_exit(self):
        """Its notes, once the guest has run."""
        deadline = time.monotonic() + LIMIT
        while True:
            noted = self.notes.read()
            if noted.first_exit:
                return noted
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the guest does not run: {self.errors.read_text(errors='replace').strip()}")
            time.sleep(0.001)

    def check(self):
        """It is the guest that was saved: it answers as the micro-guest does."""
        console = machine.Console(self.folder / "console")
        try:
            console.send_keys("e")
            console.wait_for(r"e\.", LIMIT)
        finally:
            console.close()


def write_once(vmm):
    """The guest writes 32 MiB, so that there is something to save."""
    vmm.console.send_keys("v")
    time.sleep(0.1)
    vmm.console.send_keys("e")
    hear(vmm, "[0-9a-f]{8} [0-9a-f]{8}")
    hear(vmm, "e")
