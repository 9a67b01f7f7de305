#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: x86-64
# host: --timeout 900
"""As many CPUs as a machine can have: what it costs a guest's boot that they are absent, and all of them plugged and
removed."""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.cpus import X86, Guest                              # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402

KERNEL = "cloud-6.1" if X86 else "cloud-6.12"
LIMIT = 400


def most():
    """On arm64 it depends on the interrupt controller."""
    if X86:
        return 255
    refused = subprocess.run([PROGRAM, "-nodefaults", "-display", "none", "-smp", "255"], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=60, check=False)
    return int(re.search(r"serves at most (\d+) vCPUs", refused.stderr)[1])


def set_cpus(guest, count, kind, indexes):
    guest.qmp.execute("cpus-set", {"cpus": count, "timeout": LIMIT}, timeout=LIMIT)
    for index in indexes:
        data = guest.qmp.wait_event("CPU_OPERATION_DONE", {"device": f"vcpu{index}", "operation": kind}, LIMIT)["data"]
        assert data["result"] == "done", data


def test_all_of_them_come_and_go():
    count = most()
    with Guest(KERNEL, "1,maxcpus=2", memory="512M") as guest:
        print(f"# 1 absent CPU: ready after {guest.uptime} s")
        assert guest.quit() == 0
    with Guest(KERNEL, f"1,maxcpus={count}", memory="512M") as guest:
        print(f"# {count - 1} absent CPUs: ready after {guest.uptime} s")
        set_cpus(guest, count, "plug", range(1, count))
        guest.start_cpu(count - 1)
        assert guest.online() == 2 and len(guest.present()) == count
        set_cpus(guest, 1, "unplug", reversed(range(1, count)))
        assert guest.online() == 1 and guest.present() == [0]
        assert guest.quit() == 0


if __name__ == "__main__":
    tap.main()
