#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# host: --memory 3G --timeout 900
"""A Linux guest continues from a snapshot: its processes, memory, clocks and timers, its DIMMs and a removal that is
pending; it is saved again, and rebooted."""

import contextlib
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.machine import ARCH, Machine                        # noqa: E402

OPTIONS = ["-m", "256M,slots=4,maxmem=2G", "-smp", "2"]
DATA_MIB = 24
COMPLAINTS = "grep -ciE 'stall|lockup|hung|BUG|Oops|unstable'"
LIMIT = 120


@contextlib.contextmanager
def restored(file, dimms=()):
    """A machine with the DIMMs that query-memory-devices has shown."""
    options = []
    for dimm in dimms:
        data = dimm["data"]
        memory = data["memdev"].rsplit("/", 1)[-1]
        options += ["-object", f"memory-backend-ram,id={memory},size={data['size']}", "-device",
                    f"pc-dimm,id={data['id']},memdev={memory},slot={data['slot']},addr={data['addr']}"]
    with Machine([*OPTIONS, *options, "-incoming", f"file:{file}"], reboot=True) as machine:
        yield machine


def save(machine, file):
    machine.qmp.execute("machine-snapshot", {"file": str(file)}, timeout=LIMIT)


def count(machine):
    """How far the process in the guest has counted, by a timer of 50 ms."""
    return int(machine.shell("cat /tmp/count"))


def check(machine, checksum, total, least):
    """Memory as it was, a process that goes on, timers that expire, a kernel that does not complain."""
    assert machine.shell("md5sum < /tmp/data") == checksum
    assert machine.meminfo() == total
    machine.wait_until(lambda: count(machine) > least + 5, what="a process that continues")
    machine.shell("sleep 1")
    machine.shell("taskset 2 sleep 1 2>/dev/null || sleep 1")
    complaints = int(machine.shell(f"dmesg | {COMPLAINTS}", check=False)[1])
    assert complaints == check.complaints, machine.shell("dmesg | tail -n 20")


def test_a_linux_guest_continues():
    if ARCH is not arch.X86:
        raise tap.Skip("machines of arm64 are not saved")
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        first, second = pathlib.Path(folder) / "first", pathlib.Path(folder) / "second"
        with Machine(OPTIONS, reboot=True) as machine:
            machine.wait_ready()
            machine.plug("d0", "256M")
            machine.wait_until(lambda: machine.meminfo() > 400 << 10, what="the DIMM's memory")
            total = machine.meminfo()
            machine.shell(f"dd if=/dev/urandom of=/tmp/data bs=1M count={DATA_MIB} 2>/dev/null", timeout=LIMIT)
            checksum = machine.shell("md5sum < /tmp/data")
            machine.shell("(n=0; while :; do n=$((n+1)); echo $n > /tmp/next; mv /tmp/next /tmp/count; usleep 50000; done)"
                          " > /dev/null 2>&1 &")
            machine.wait_until(lambda: count(machine) > 3, what="a process that counts")
            check.complaints = int(machine.shell(f"dmesg | {COMPLAINTS}", check=False)[1])
            counted = count(machine)
            dimms = machine.qmp.execute("query-memory-devices")
            save(machine, first)
            check(machine, checksum, total, counted)         # the one that was saved continues, too
            assert machine.quit() == 0

        with restored(first, dimms) as machine:
            check(machine, checksum, total, counted)
            uptime = float(machine.shell("cat /proc/uptime").split()[0])
            machine.mask_events()                            # it does not hear of the request yet
            machine.qmp.execute("device_del", {"id": "d0"})
            counted = count(machine)
            save(machine, second)
            assert machine.quit() == 0

        with restored(second, dimms) as machine:
            check(machine, checksum, total, counted)
            assert float(machine.shell("cat /proc/uptime").split()[0]) > uptime
            machine.unmask_events()
            machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"}, LIMIT)
            machine.wait_until(lambda: machine.meminfo() < total - (200 << 10), what="memory that is gone")
            assert machine.shell("md5sum < /tmp/data") == checksum
            machine.plug("d1", "128M")
            machine.wait_until(lambda: machine.meminfo() > total - (180 << 10), what="the next DIMM's memory")
            machine.qmp.execute("system_reset")
            machine.wait_ready()
            assert machine.shell("cat /tmp/count", check=False)[0] != 0
            assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
