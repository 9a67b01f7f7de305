# SPDX-License-Identifier: BSD-2-Clause
"""object-add and device_add, from the first DIMM to the last, over QMP. The
guest does not run: this is the program's own work, and KVM's. Between them a
command that does next to nothing, to tell how much of the time, and above all
of its outliers, is the machine's: two processes that wake each other."""

import json
import time

from common import DIMM_MIB, MEMORY, SLOTS, machine

LIMIT = 60


def timed(qmp, command, **arguments):
    """Milliseconds from the command's last byte sent to its answer's last."""
    line = json.dumps({"execute": command, "arguments": arguments}).encode()
    start = time.monotonic()
    qmp.send_raw(line + b"\r\n")
    answer = qmp.read_answer(start + LIMIT)
    took = time.monotonic() - start
    if "return" not in answer:
        raise RuntimeError(f"{command}: {answer}")
    return took * 1000


def measure(program):
    with machine.Machine([*program.options, "-m", MEMORY], kernel=None, run=False,
                         program=program.path) as paused:
        for number in range(SLOTS):
            memory = f"m{number}"
            object_add = timed(paused.qmp, "object-add", id=memory,
                               **{"qom-type": "memory-backend-ram",
                                  "size": DIMM_MIB << 20})
            device_add = timed(paused.qmp, "device_add", driver="pc-dimm",
                               id=f"d{number}", memdev=memory)
            yield "object_add", object_add
            yield "device_add", device_add
            yield "query", timed(paused.qmp, "query-status")
