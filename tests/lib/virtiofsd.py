# SPDX-License-Identifier: BSD-2-Clause
"""virtiofsd, which shares a folder by vhost-user: Debian 12's is in qemu-system-common, that of a later suite in
virtiofsd."""

import os
import shutil
import subprocess
import time

LIMIT = 60
PLACES = ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd")


def program():
    """Its path, or None."""
    return next((path for path in PLACES if os.access(path, os.X_OK)), shutil.which("virtiofsd"))


class Virtiofsd:
    """One client: it ends with the connection."""

    def __init__(self, folder, path):
        # Neither needs a namespace of its own for this; caches would hide what the test writes.
        words = (["-o", f"source={folder}", "-o", "sandbox=chroot", "-o", "cache=none"] if program().startswith("/usr/lib/") else
                 ["--shared-dir", str(folder), "--sandbox", "none", "--cache", "never"])
        self.process = subprocess.Popen([program(), f"--socket-path={path}", *words], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + LIMIT
        while not os.path.exists(path):
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.kill()
        self.process.wait()
