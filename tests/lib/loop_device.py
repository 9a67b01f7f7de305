# SPDX-License-Identifier: BSD-2-Clause
"""Block devices of the host that are files, for tests that may make them."""

import os
import subprocess

from . import tap


class LoopDevice:
    """A block device on this file. It goes with the last who has it open, however the test ends."""

    def __init__(self, image):
        done = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True)
        if done.returncode:
            raise tap.Skip(f"no loop device: {done.stderr.strip()}")
        self.path = done.stdout.strip()
        self._fd = os.open(self.path, os.O_RDONLY)
        subprocess.run(["losetup", "--detach", self.path], check=True)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        os.close(self._fd)
