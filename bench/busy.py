# SPDX-License-Identifier: BSD-2-Clause
"""How soon query-status is answered while something takes long: while 4 GiB of 4 KiB
pages go back to the host (object-del of a memfd that was allocated), and while
query-memdev counts 1 TiB of which nothing was touched. One client asks for what
takes long, another one asks for the status until the first has its answer. (QEMU's
query-memdev counts nothing.)"""

import json
import pathlib
import select
import tempfile
import time

import common
from common import machine
from lib.qmp import QMP
from plug import LIMIT, timed

GIB = 1 << 30
COUNTED_GIB = 1024


def given_gib():
    """Less where the host has little."""
    return min(4, max(1, int(common.memory_gib() / 4)))


def meanwhile(busy, asker, command, **arguments):
    """Times of query-status until the busy client has its answer."""
    line = json.dumps({"execute": command, "arguments": arguments}).encode()
    busy.send_raw(line + b"\r\n")
    while True:
        yield timed(asker, "query-status")
        if select.select([busy._socket], [], [], 0)[0]:  # pylint: disable=protected-access
            break
    answer = busy.read_answer(time.monotonic() + LIMIT)
    if "return" not in answer:
        raise RuntimeError(f"{command}: {answer}")


def measure(program):
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        path = pathlib.Path(folder) / "second"
        with machine.Machine([*program.options, "-m", "64M", "-qmp",
                              f"unix:{path},server=on,wait=off"], kernel=None, run=False,
                             program=program.path) as paused:
            asker = QMP(path)
            paused.qmp.execute("object-add", {
                "qom-type": "memory-backend-memfd", "id": "given", "prealloc": True,
                "size": given_gib() * GIB}, timeout=300)
            for took in meanwhile(paused.qmp, asker, "object-del", id="given"):
                yield "while_given", took
            paused.qmp.execute("object-add", {
                "qom-type": "memory-backend-ram", "id": "counted", "reserve": False,
                "size": COUNTED_GIB * GIB})
            for took in meanwhile(paused.qmp, asker, "query-memdev"):
                yield "while_counted", took
            asker.close()
