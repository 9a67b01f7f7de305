# SPDX-License-Identifier: BSD-2-Clause
"""What the program takes for itself: its resident memory besides the guest's.

The guest does not run, and no kernel is loaded (QEMU would keep a copy of it).
"""

import pathlib
import re

from common import DIMM_MIB, MEMORY, SLOTS, machine

RAM_KIB = 128 * 1024
DIMM_KIB = DIMM_MIB * 1024
# No mapping of the program's own is as large as a DIMM. Mappings side by side
# may be shown as one, so RAM may seem a little larger than it is, not smaller.
TOLERANCE_KIB = 8 * 1024


def mappings(pid):
    """The fields of each mapping in /proc/PID/smaps, in KiB."""
    text = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    for part in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.M)[1:]:
        fields = {name: int(value) for name, value in
                  re.findall(r"^(\w+): *(\d+) kB$", part, flags=re.M)}
        fields["writable"] = part.split()[1].startswith("rw")
        yield fields


def resident(pid, ram_kib):
    """Resident KiB besides the guest's RAM: all, and the program's own data,
    which is in no file."""
    everything = list(mappings(pid))
    guest = [m for m in everything if m["writable"] and m["Size"] >= DIMM_KIB]
    found = sum(m["Size"] for m in guest)
    if not ram_kib <= found <= ram_kib + TOLERANCE_KIB:
        raise RuntimeError(f"cannot tell the guest's RAM, {ram_kib} KiB, among "
                           f"the mappings: {[m['Size'] for m in guest]} KiB")
    own = [m for m in everything if m not in guest]
    return sum(m["Rss"] for m in own), sum(m["Anonymous"] for m in own)


def measure(program):
    with machine.Machine([*program.options, "-m", MEMORY], kernel=None, run=False,
                         program=program.path) as paused:
        pid = paused.process.pid
        everything, data = resident(pid, RAM_KIB)
        yield "empty", everything / 1024
        yield "empty_data", data / 1024
        for number in range(SLOTS):
            paused.plug(f"d{number}", f"{DIMM_MIB}M")
        everything, data = resident(pid, RAM_KIB + SLOTS * DIMM_KIB)
        yield "full", everything / 1024
        yield "full_data", data / 1024
