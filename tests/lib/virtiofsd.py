# SPDX-License-Identifier: BSD-2-Clause
"""virtiofsd, which shares a folder by vhost-user: Debian 12's, in C, is in qemu-system-common; that of Debian 13, in Rust,
in virtiofsd, and scripts/later-daemon.sh gets it."""

import os
import subprocess
import time

from . import later_daemon, proc, tap

LIMIT = 60
IN_C = "/usr/lib/qemu/virtiofsd"


def in_c():
    """The words that begin it."""
    if not os.access(IN_C, os.X_OK):
        raise tap.Skip(f"{IN_C} is not installed")
    return [IN_C]


def in_rust():
    if later_daemon.missing("virtiofsd"):
        raise tap.Skip(later_daemon.missing("virtiofsd"))
    return later_daemon.command("virtiofsd")


class Virtiofsd:
    """One client: it ends with the connection."""

    def __init__(self, command, folder, path):
        # Neither needs a namespace of its own for this; caches would hide what the test writes.
        words = (["-o", f"source={folder}", "-o", "sandbox=chroot", "-o", "cache=none"] if command == [IN_C] else
                 ["--shared-dir", str(folder), "--sandbox", "none", "--cache", "never"])
        self.process = subprocess.Popen([*command, f"--socket-path={path}", *words], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + LIMIT
        while not proc.listens(self.process.pid, path):
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.kill()
        self.process.wait()
