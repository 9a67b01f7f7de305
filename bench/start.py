# SPDX-License-Identifier: BSD-2-Clause
"""From the start of the program to its monitor.

The monitor connects to a socket on which this program waits already, so that
nothing has to be polled for. Two moments count: the greeting, and the answer to
the first command. QEMU greets before its machine is there, and answers after.
"""

import os
import pathlib
import select
import socket
import subprocess
import tempfile
import time

import kvm_time
from common import MEMORY

LIMIT = 60


class Connection:
    """The program's end of the socket, as soon as it is there."""

    def __init__(self, listener, process):
        self._ended = os.pidfd_open(process.pid)
        try:
            self._wait(listener)
            self._socket, _ = listener.accept()
        except BaseException:
            os.close(self._ended)
            raise

    def _wait(self, source):
        """Until there is something to read, or the program has ended."""
        ready = select.select([source, self._ended], [], [], LIMIT)[0]
        if source not in ready:
            raise RuntimeError("the program ended at its start" if ready
                               else f"nothing within {LIMIT} s")

    def read_line(self):
        data = b""
        while not data.endswith(b"\n"):
            self._wait(self._socket)
            received = self._socket.recv(65536)
            if not received:
                raise RuntimeError("the program closed its monitor")
            data += received

    def send(self, line):
        self._socket.sendall(line + b"\r\n")

    def close(self):
        self._socket.close()
        os.close(self._ended)


def command(program, path):
    return [program.path, *program.options, "-nodefaults", "-display", "none",
            "-S", "-m", MEMORY, "-qmp", f"unix:{path}"]


def moments(program, folder, environment, look):
    """Starts the program once; yields the milliseconds until each moment, and
    what look() says then."""
    path = folder / "qmp"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        start = time.monotonic()
        with open(folder / "stderr", "wb") as errors:
            process = subprocess.Popen(command(program, path), env=environment,
                                       stdin=subprocess.DEVNULL,
                                       stdout=errors, stderr=errors)
        try:
            connection = Connection(listener, process)
            connection.read_line()
            yield (time.monotonic() - start) * 1000, look()
            connection.send(b'{"execute": "qmp_capabilities"}')
            connection.read_line()
            yield (time.monotonic() - start) * 1000, look()
            connection.close()
        except RuntimeError as error:
            said = (folder / "stderr").read_text(errors="replace").strip()
            raise RuntimeError(f"{error}: {said}") from None
        finally:
            process.kill()
            process.wait()


def measure(program):
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        greeting, answer = moments(program, pathlib.Path(folder), None,
                                   lambda: None)
    yield "greeting", greeting[0]
    yield "answer", answer[0]


def measure_inside_kvm(program):
    """Once more with the library that adds up the time inside KVM's calls: a
    start of its own, because loading the library takes time too."""
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        folder = pathlib.Path(folder)
        notes = kvm_time.Notes(folder / "totals")
        greeting, answer = moments(program, folder, notes.environment, notes.read)
    for name, (total, noted) in (("greeting", greeting), ("answer", answer)):
        inside = noted.inside / 1e6
        yield f"{name}_kvm", inside
        yield f"{name}_kvm_calls", noted.calls
        yield f"{name}_besides", total - inside
