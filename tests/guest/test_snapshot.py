#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# host: --memory 3G --timeout 900
"""A Linux guest continues from a snapshot: its processes, memory, clocks and timers, its DIMMs, a removal that is
pending, and its CPUs; it is saved again, and rebooted."""

import contextlib
import copy
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.cpus import TYPE                                     # noqa: E402
from lib.machine import ARCH, GUEST, PROGRAM, Machine        # noqa: E402
from lib.saved import DEVICE, SECTION, Saved                 # noqa: E402

OPTIONS = ["-m", "256M,slots=4,maxmem=2G", "-smp", "2,maxcpus=4"]
CPU = ["-device", f"{TYPE},id=vcpu2,socket-id=0,core-id=2,thread-id=0"]
# On arm64 the first whose CPUs come and go.
KERNEL = "cloud" if ARCH is arch.X86 else "cloud-6.12"
DATA_MIB = 24
COMPLAINTS = "grep -ciE 'stall|lockup|hung|BUG|Oops|unstable'"
LIMIT = 120


def dimm_options(dimms):
    """For those that query-memory-devices has shown."""
    options = []
    for dimm in dimms:
        data = dimm["data"]
        memory = data["memdev"].rsplit("/", 1)[-1]
        options += ["-object", f"memory-backend-ram,id={memory},size={data['size']}", "-device",
                    f"pc-dimm,id={data['id']},memdev={memory},slot={data['slot']},addr={data['addr']}"]
    return options


@contextlib.contextmanager
def restored(file, dimms=(), **more):
    with Machine([*OPTIONS, *dimm_options(dimms), *CPU, "-incoming", f"file:{file}"], kernel=KERNEL, reboot=True,
                 **more) as machine:
        yield machine


def plug_cpu(machine):
    """The guest's third."""
    machine.qmp.execute("cpus-set", {"cpus": 3})
    machine.wait_until(lambda: machine.shell("test -e /sys/devices/system/cpu/cpu2/online", check=False)[0] == 0,
                       what="cpu2")
    machine.shell("echo 1 > /sys/devices/system/cpu/cpu2/online")


def online(machine):
    return machine.shell("cat /sys/devices/system/cpu/online").strip()


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
    assert online(machine) == "0-2"
    machine.shell("taskset 4 sleep 1")
    complaints = int(machine.shell(f"dmesg | {COMPLAINTS}", check=False)[1])
    assert complaints == check.complaints, machine.shell("dmesg | tail -n 20")


def check_saved_again(first, second, dimms):
    """One that has not run since is saved as it was restored."""
    with restored(first, dimms, run=False) as machine:
        save(machine, second)
        assert machine.quit() == 0
    one, other = Saved(first), Saved(second)
    assert one["time"].pop("running") == 1 and other["time"].pop("running") == 0
    assert one.names() == other.names() and len(one.states) == len(other.states)
    for own, another in zip(one.states, other.states):
        if own[0] == DEVICE and own[2][1:].startswith(b"pl031"):
            continue                                         # the second up to which it has looked
        if own[0] == SECTION:
            differ = [(key, value, another[2].get(key)) for key, value in own[2].items() if value != another[2].get(key)]
            assert not differ, (own[1], differ)
        assert own == another, (own, another)
    check_other_hosts(one, second, dimms)
    second.unlink()


def check_other_hosts(saved, file, dimms):
    """A processor or controller that the guest does not know is refused with both values. `file` may change."""
    for section, name, value, words in (
            ("cpu 1", "register 0x603000000013c000", bytes(8), "register 0x603000000013c000 is 0x0 in the saved state"),
            ("cpu 0", "register 0x603000000013c000", None, "KVM lists register 0x603000000013c000 here"),
            ("GIC", "version", 4, "GIC: 'version' is 0x4 in the saved state, and 0x"),
            ("clocks", "counter Hz", 1, "the counter's frequency is 1 Hz in the saved state")):
        changed = copy.deepcopy(saved)
        changed["time"]["running"] = 1
        changed[section][name] = value
        if value is None:
            del changed[section][name]
        changed.write(file)
        result = subprocess.run([PROGRAM, "-nodefaults", "-display", "none", "-kernel", GUEST / f"vmlinuz-{KERNEL}",
                                 *OPTIONS, *dimm_options(dimms), *CPU, "-incoming", f"file:{file}"],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
        assert result.returncode == 1 and words in result.stderr, (words, result)


def test_a_linux_guest_continues():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        first, second = pathlib.Path(folder) / "first", pathlib.Path(folder) / "second"
        with Machine(OPTIONS, kernel=KERNEL, reboot=True) as machine:
            machine.wait_ready()
            machine.plug("d0", "256M")
            machine.wait_until(lambda: machine.meminfo() > 400 << 10, what="the DIMM's memory")
            total = machine.meminfo()
            plug_cpu(machine)
            machine.shell(f"dd if=/dev/urandom of=/tmp/data bs=1M count={DATA_MIB} 2>/dev/null", timeout=LIMIT)
            checksum = machine.shell("md5sum < /tmp/data")
            machine.shell("echo 0 > /tmp/count")
            machine.shell("(n=0; while :; do n=$((n+1)); echo $n > /tmp/next; mv /tmp/next /tmp/count; usleep 50000; done)"
                          " > /dev/null 2>&1 &")
            machine.wait_until(lambda: count(machine) > 3, what="a process that counts")
            check.complaints = int(machine.shell(f"dmesg | {COMPLAINTS}", check=False)[1])
            counted = count(machine)
            dimms = machine.qmp.execute("query-memory-devices")
            save(machine, first)
            check(machine, checksum, total, counted)         # the one that was saved continues, too
            assert machine.quit() == 0

        if ARCH is not arch.X86:
            check_saved_again(first, second, dimms)          # x86-64: program/test_snapshot.py
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
            machine.qmp.execute("device_del", {"id": "vcpu2"})
            machine.wait_until(lambda: online(machine) == "0-1", what="a CPU that is gone")
            machine.wait_until(lambda: len(machine.qmp.execute("query-cpus-fast")) == 2, what="its place")
            plug_cpu(machine)
            machine.shell("taskset 4 sleep 1")
            machine.plug("d1", "128M")
            machine.wait_until(lambda: machine.meminfo() > total - (180 << 10), what="the next DIMM's memory")
            machine.qmp.execute("system_reset")
            machine.wait_ready()
            assert machine.shell("cat /tmp/count", check=False)[0] != 0
            assert machine.quit() == 0


def forks(machine):
    """How often the guest's kernel has learned that it is another copy, and has reseeded its random numbers."""
    return int(machine.shell("dmesg | grep -c 'crng reseeded due to virtual machine fork'", check=False)[1])


def test_a_copy_learns_that_it_is_one():
    """The kernel "cloud" has no driver of vmgenid."""
    options = ["-m", "256M", "-device", "vmgenid"]
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        file = pathlib.Path(folder) / "first"
        with Machine(options, kernel=str(GUEST / "vmlinuz-generic")) as machine:
            machine.wait_ready()
            guid = machine.qmp.execute("query-vm-generation-id")["guid"]
            save(machine, file)
            assert forks(machine) == 0
            assert machine.quit() == 0
        with Machine([*options[:2], "-device", f"vmgenid,guid={guid}", "-incoming", f"file:{file}"],
                     kernel=str(GUEST / "vmlinuz-generic")) as machine:
            machine.shell("sleep 1")
            assert forks(machine) == 0                       # it is the same
            assert machine.quit() == 0
        with Machine([*options, "-incoming", f"file:{file}"], kernel=str(GUEST / "vmlinuz-generic")) as machine:
            machine.wait_until(lambda: forks(machine) == 1, what="a reseeded kernel")
            assert machine.qmp.execute("query-vm-generation-id")["guid"] != guid
            assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
