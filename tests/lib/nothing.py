# SPDX-License-Identifier: BSD-2-Clause
"""hotram without a machine: monitors, and what needs none. It needs no KVM."""

import pathlib
import subprocess
import tempfile
import time

from .machine import PROGRAM
from .qmp import QMP, QMPError


class Nothing:
    """hotram -machine none."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name) / "qmp"
        self.process = subprocess.Popen(
            [PROGRAM, "-machine", "none", "-nodefaults", "-display", "none",
             "-qmp", f"unix:{path},server=on,wait=off", *options],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not path.exists() and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        self.qmp = QMP(path)

    def ask(self, name, arguments):
        """Whatever it says; that it says something."""
        try:
            self.qmp.execute(name, arguments)
        except QMPError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.qmp.close()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()
