# SPDX-License-Identifier: BSD-2-Clause
"""qemu-storage-daemon, with an image as a disk of vhost-user."""

import os
import shutil
import subprocess
import time

LIMIT = 60


def missing():
    """Which of the programs that this needs, or None."""
    return next((name for name in ("qemu-storage-daemon", "qemu-img") if not shutil.which(name)), None)


def make_image(path, size="64M", kind="qcow2", backing=None, backing_kind="qcow2"):
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, *(["-b", str(backing), "-F", backing_kind] if backing else []),
                    str(path), *([] if backing else [size])], check=True)


class StorageDaemon:
    def __init__(self, image, path, kind="qcow2", queues=1):
        self.process = subprocess.Popen(
            ["qemu-storage-daemon", "--blockdev", f"{kind},node-name=disk,file.driver=file,file.filename={image}",
             "--export", f"vhost-user-blk,id=export,node-name=disk,writable=on,num-queues={queues},addr.type=unix,addr.path={path}"])
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
