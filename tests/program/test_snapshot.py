#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: some
"""Snapshots: a guest that continues from a file is the one that was saved, and what differs is refused."""

import contextlib
import copy
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, inject, tap                            # noqa: E402
from lib.ctl import CTL                                      # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import CLONE, PROGRAM, Machine              # noqa: E402
from lib.micro import MICRO, hear, tell                      # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402
from lib.saved import SECTION, Saved                         # noqa: E402
from test_vhost_user_fs import Echo                          # noqa: E402

LIMIT = 60
MIB = 1 << 20
BASE = ["-m", "64M,slots=4,maxmem=2G", "-kernel", MICRO]
DIMM = ["-object", "memory-backend-ram,id=m0,size=128M", "-device", "pc-dimm,memdev=m0,id=d0,slot=1,addr=0x108000000"]


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        yield pathlib.Path(folder) / "guest.snapshot"


@contextlib.contextmanager
def micro(*options, incoming=None, **more):
    """The micro-guest, at its start or as it was saved."""
    more = {"kernel": None, "reboot": True, **more}
    come = ["-incoming", f"file:{incoming}"] if incoming else []
    with Machine([*BASE, *options, *come], **more) as machine:
        if not incoming:
            hear(machine, "micro")
        yield machine
        if machine.process.poll() is None:
            assert machine.quit() == 0


def save(machine, file):
    machine.qmp.execute("machine-snapshot", {"file": str(file)})


def status(machine):
    return machine.qmp.execute("query-status")["status"]


def refusal(machine, file):
    """Why it is not saved; the guest is as before, and there is no file."""
    before = status(machine)
    try:
        save(machine, file)
    except QMPError as error:
        assert status(machine) == before, (status(machine), before)
        assert not file.exists() and not list(file.parent.glob("*.partial")), list(file.parent.iterdir())
        return str(error)
    raise AssertionError("it is saved")


def started(*options):
    """A start that is to fail: what is said."""
    result = subprocess.run([PROGRAM, "-nodefaults", "-display", "none", *map(str, options)], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=LIMIT)
    assert result.returncode == 1, (result.returncode, result.stderr)
    return [line for line in result.stderr.splitlines() if "warning: " not in line][-1]


# ---- the guest continues ----

@tap.kvm
def test_a_guest_continues():
    with place() as file:
        with micro("-smp", "2") as machine:
            machine.qmp.take_events()
            save(machine, file)
            assert [event["event"] for event in machine.qmp.take_events()] == ["STOP", "RESUME"]
            tell(machine, "e", "e")
        with micro("-smp", "2", incoming=file) as machine:
            assert status(machine) == "running"
            tell(machine, "e", "e")
            machine.qmp.execute("system_reset")
            hear(machine, "micro")
            tell(machine, "e", "e")


@tap.kvm
def test_a_paused_guest_stays_paused():
    with place() as file:
        with micro() as machine:
            machine.qmp.execute("stop")
            save(machine, file)
            assert status(machine) == "paused"
        with micro(incoming=file, run=False) as machine:
            assert status(machine) == "paused"
            machine.qmp.execute("cont")
            tell(machine, "e", "e")


@tap.kvm
def test_one_snapshot_for_many():
    """Each has pages of its own; the file stays as it is."""
    with place() as file:
        with micro() as machine:
            save(machine, file)
        before = file.read_bytes()
        with micro(incoming=file) as one, micro(incoming=file) as other:
            for machine in (one, other, one):
                tell(machine, "e", "e")
            one.qmp.execute("system_reset")
            hear(one, "micro")
            tell(other, "e", "e")
        assert file.read_bytes() == before


@tap.kvm
def test_zero_pages_are_absent():
    with place() as file:
        with micro() as machine:
            save(machine, file)
        used = os.stat(file).st_blocks * 512
        assert used < 4 * MIB < 64 * MIB < file.stat().st_size, (used, file.stat().st_size)
        assert stat_mode(file) == 0o600
        saved = Saved(file)
        for name in saved.names():
            if name.startswith("memory "):
                assert saved[name]["offset"] % (2 * MIB) == 0


def stat_mode(file):
    return file.stat().st_mode & 0o777


# ---- exactly ----

WRAP = 1 << 64
PIT_CHANNELS, PIT_CHANNEL, PIT_TIME = 3, 24, 16
GAP = 0.5


def without_time(saved):
    """What is the host's: its counter; when the timer's channels were loaded, which KVM sets itself."""
    timer = bytearray(saved["interrupt controllers"]["timer"])
    for channel in range(PIT_CHANNELS):
        timer[channel * PIT_CHANNEL + PIT_TIME:(channel + 1) * PIT_CHANNEL] = bytes(8)
    saved["interrupt controllers"]["timer"] = bytes(timer)
    return saved["clocks"].pop("host TSC"), {name: saved[name].pop("TSC offset") for name in saved.names()
                                             if name.startswith("cpu ")}


def same_states(one, other):
    """But for these, the same; and the TSCs of all vCPUs are where they were."""
    (host, offsets), (later, new_offsets) = without_time(one), without_time(other)
    shifts = {(new_offsets[name] - offset) % WRAP for name, offset in offsets.items()}
    assert len(offsets) == 2, offsets
    assert shifts == {(host - later) % WRAP}, (host, later, offsets, new_offsets)
    assert one.names() == other.names()
    for own, another in zip(one.states, other.states):
        if own[0] == SECTION:
            differ = [(key, value, another[2].get(key)) for key, value in own[2].items() if value != another[2].get(key)]
            assert not differ, (own[1], differ)
        assert own == another, (own[:2], another[:2])


def pages(file):
    with open(file, "rb") as opened:
        opened.seek(2 * MIB)
        return opened.read()


@tap.kvm
def test_what_is_restored_is_saved_as_the_same():
    """A guest that writes to all state that it can reach, stopped at some moments; the restored one has not run."""
    if arch.chosen() is not arch.X86:
        raise tap.Skip("machines of arm64 are not saved")
    options = ["-m", "128M", "-smp", "2", "-kernel", CLONE / "build/native/tests/micro/scribble"]
    for device in ("virtio-rng-pci", "virtio-balloon-pci", "virtio-net-pci", "virtio-serial-pci", "pcie-root-port,id=port",
                   "virtio-rng-pci,bus=port"):
        options += ["-device", device]
    with place() as file:
        with Machine(options, kernel=None, reboot=True, run=False) as machine:
            for number in range(5):
                machine.qmp.execute("cont")
                time.sleep(0.003 * number)
                machine.qmp.execute("stop")
                save(machine, f"{file}.{number}")
            assert machine.quit() == 0
        for number in range(5):
            with Machine([*options, "-incoming", f"file:{file}.{number}"], kernel=None, run=False) as machine:
                save(machine, file)
                assert machine.quit() == 0
            same_states(Saved(f"{file}.{number}"), Saved(file))
            assert pages(f"{file}.{number}") == pages(file)
            file.unlink()


def clocks(file):
    """Both clocks of the guest that it compares, in seconds."""
    saved = Saved(file)
    offset, times = saved["cpu 0"]["TSC offset"], saved["clocks"]
    return times["kvmclock"] / 1e9, (times["host TSC"] + offset) % WRAP / times["TSC kHz"] / 1e3


@tap.kvm
def test_the_tsc_and_the_clock_continue_together():
    """However long a guest has been saved and stopped when it continues: Linux compares them, and would not trust
    the TSC any more."""
    if arch.chosen() is not arch.X86:
        raise tap.Skip("arm64 has one counter")
    with place() as file:
        with micro() as machine:
            machine.qmp.execute("stop")
            time.sleep(GAP)
            save(machine, file)
        before = clocks(file)
        with micro(incoming=file, run=False) as machine:
            time.sleep(GAP)
            machine.qmp.execute("cont")
            time.sleep(0.1)
            machine.qmp.execute("stop")
            file.unlink()
            save(machine, file)
        clock, tsc = (later - earlier for earlier, later in zip(before, clocks(file)))
        assert clock > 0 and abs(clock - tsc) < GAP / 2, (clock, tsc)


# ---- DIMMs ----

def plug(machine):
    machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m0", "size": 128 * MIB})
    machine.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": "m0", "id": "d0", "slot": 1, "addr": 0x108000000})


def operations(machine):
    return {one["id"]: (one["operation"], one["device"], one["result"]) for one in
            machine.qmp.execute("query-memory-operations")}


@tap.kvm
def test_a_removal_that_is_pending_ends_in_the_target():
    with place() as file:
        with micro() as machine:
            plug(machine)
            tell(machine, "h")
            machine.qmp.execute("device_del", {"id": "d0"})
            save(machine, file)
        with micro(*DIMM, incoming=file) as machine:
            assert operations(machine) == {2: ("unplug", "d0", "in-progress")}
            machine.qmp.execute("device_del", {"id": "d0"})        # the same one
            assert operations(machine) == {2: ("unplug", "d0", "in-progress")}
            tell(machine, "h")
            assert machine.qmp.wait_event("DEVICE_DELETED", timeout=LIMIT)["data"]["device"] == "d0"
            assert operations(machine) == {2: ("unplug", "d0", "done")}
            machine.qmp.execute("object-del", {"id": "m0"})
            plug(machine)
            assert operations(machine)[3] == ("plug", "d0", "in-progress")


@tap.kvm
def test_a_plug_that_the_guest_has_not_seen_ends_in_the_target():
    with place() as file:
        with micro() as machine:
            plug(machine)
            save(machine, file)
        with micro(*DIMM, incoming=file) as machine:
            assert operations(machine) == {1: ("plug", "d0", "in-progress")}
            tell(machine, "h")
            assert machine.qmp.wait_event("MEMORY_OPERATION_DONE", timeout=LIMIT)["data"]["result"] == "done"


@tap.kvm
def test_a_refusal_after_the_restore_is_one():
    with place() as file:
        with micro() as machine:
            plug(machine)
            tell(machine, "h")
            machine.qmp.execute("device_del", {"id": "d0"})
            save(machine, file)
        with micro(*DIMM, incoming=file) as machine:
            tell(machine, "n")
            machine.qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR", timeout=LIMIT)
            assert operations(machine) == {2: ("unplug", "d0", "refused")}


@tap.kvm
def test_dimms_that_differ_are_refused_with_both_values():
    with place() as file:
        with micro() as machine:
            plug(machine)
            save(machine, file)
        backend, device = DIMM[:2], "pc-dimm,memdev=m0,id=d0,slot=1,addr=0x108000000"
        for options, words in (
                ([], "'slot 1 id' is 'd0' in the saved state, and this machine has none"),
                ([*backend, "-device", device.replace("slot=1", "slot=2")], "'slot 1 id' is 'd0' in the saved state"),
                ([*backend, "-device", device.replace("0x108", "0x110")],
                 "'slot 1 address' is 4429185024 (0x108000000) in the saved state, and 4563402752 (0x110000000)"),
                ([*backend, "-device", device.replace("id=d0", "id=d1")], "'slot 1 id' is 'd0' in the saved state, and 'd1'"),
                (["-object", "memory-backend-ram,id=m0,size=256M", "-device", device],
                 "'slot 1 size' is 134217728 (0x8000000) in the saved state, and 268435456 (0x10000000) in this machine"),
                ([*DIMM, "-object", "memory-backend-ram,id=m1,size=128M", "-device", "pc-dimm,memdev=m1,id=d1,slot=3"],
                 "'slot 3 id' is 'd1' in this machine, and the saved state has none")):
            error = started(*BASE, *options, "-incoming", f"file:{file}")
            assert f"-incoming 'file:{file}': DIMMs: " in error and words in error, (words, error)


@tap.kvm
def test_memory_of_other_kinds():
    """What cannot be a mapping of the file is read."""
    with place() as file:
        with micro() as machine:
            plug(machine)
            tell(machine, "h")
            save(machine, file)
        memfd = ["-object", "memory-backend-memfd,id=m0,size=128M,share=on", *DIMM[2:]]
        ram = ["-object", "memory-backend-memfd,id=ram,size=64M", "-machine", "memory-backend=ram"]
        with micro(*memfd, *ram, incoming=file, run=False) as machine:
            save(machine, f"{file}.again")
            machine.qmp.execute("cont")
            tell(machine, "e", "e")
        assert pages(file) == pages(f"{file}.again")


@tap.kvm
def test_empty_memslots_are_saved():
    memslot = ["-memslot", "id=s1,size=128M"]
    with place() as file:
        with micro(*memslot) as machine:
            save(machine, file)
        with micro(*memslot, incoming=file) as machine:
            tell(machine, "e", "e")
            assert [slot["id"] for slot in machine.qmp.execute("query-memslot")] == ["s1"]


# ---- CPUs ----

SMP = ["-smp", "1,maxcpus=4"]
TYPE = "host-x86_64-cpu"


def cpu(number, name=None):
    name = f"vcpu{number}" if name is None else name
    return ["-device", f"{TYPE},{f'id={name},' if name else ''}socket-id=0,core-id={number},thread-id=0"]


def cpu_operations(machine):
    return {one["id"]: (one["operation"], one["cpu-index"], one["result"]) for one in
            machine.qmp.execute("query-cpu-operations")}


def present(machine):
    return sorted(one["cpu-index"] for one in machine.qmp.execute("query-cpus-fast"))


@tap.kvm
def test_plugged_cpus_continue():
    with place() as file:
        with micro(*SMP) as machine:
            machine.qmp.execute("cpus-set", {"cpus": 3})
            tell(machine, "p")
            tell(machine, "a")
            save(machine, file)
            tell(machine, "k", "2")
        with micro(*SMP, *cpu(2), *cpu(1), incoming=file) as machine:
            assert cpu_operations(machine) == {} and present(machine) == [0, 1, 2]
            tell(machine, "k", "2")
            machine.qmp.execute("cpus-set", {"cpus": 4})
            assert cpu_operations(machine) == {3: ("plug", 3, "in-progress")}
            tell(machine, "p")
            tell(machine, "a")
            tell(machine, "k", "3")
            save(machine, file)
            machine.qmp.execute("cpus-set", {"cpus": 2})
            tell(machine, "p")
            assert present(machine) == [0, 1]
            tell(machine, "a")
            tell(machine, "k", "1")
        saved = Saved(file)
        # What came after the restore has the others' time.
        offsets = {saved[f"cpu {number}"]["TSC offset"] for number in range(4)}
        assert len(offsets) == 1, offsets
        # A reset in the target finds the CPUs that are present.
        with micro(*SMP, *cpu(1), *cpu(2), *cpu(3), incoming=file) as machine:
            machine.qmp.execute("system_reset")
            hear(machine, "micro")
            tell(machine, "a")
            tell(machine, "k", "3")


@tap.kvm
def test_cpus_that_were_never_started_wait_in_the_target():
    with place() as file:
        with micro(*SMP) as machine:
            machine.qmp.execute("cpus-set", {"cpus": 2})
            save(machine, file)
        with micro(*SMP, *cpu(1), incoming=file) as machine:
            assert cpu_operations(machine) == {1: ("plug", 1, "in-progress")}
            tell(machine, "c", "1300")
            tell(machine, "p")
            data = machine.qmp.wait_event("CPU_OPERATION_DONE", timeout=LIMIT)["data"]
            assert (data["id"], data["result"], data["started"]) == (1, "done", False), data
            tell(machine, "a")
            assert machine.qmp.execute("query-cpu-operations")[0]["started"] is True
            tell(machine, "k", "1")


@tap.kvm
def test_cpus_come_before_the_guest_has_begun():
    with place() as file:
        with Machine([*BASE, *SMP], kernel=None, run=False) as machine:
            machine.qmp.execute("cpus-set", {"cpus": 2})
            save(machine, file)
            assert machine.quit() == 0
        with micro(*SMP, *cpu(1), incoming=file, run=False) as machine:
            assert cpu_operations(machine) == {1: ("plug", 1, "in-progress")}
            machine.qmp.execute("cont")
            hear(machine, "micro")
            tell(machine, "p")
            assert cpu_operations(machine) == {1: ("plug", 1, "done")}
            tell(machine, "a")
            tell(machine, "k", "1")


@tap.kvm
def test_removals_of_cpus_end_in_the_target():
    with place() as file:
        with micro(*SMP) as machine:
            plug(machine)
            machine.qmp.execute("cpus-set", {"cpus": 4})
            tell(machine, "p")
            for number in (1, 2):
                machine.qmp.execute("device_del", {"id": f"vcpu{number}"})
            tell(machine, "t")                                 # seen, and not answered
            machine.qmp.execute("device_add", {"driver": TYPE, "id": "vcpu1", "socket-id": 0, "core-id": 1,
                                               "thread-id": 0})
            machine.qmp.execute("device_del", {"id": "vcpu3"})  # not seen
            save(machine, file)
        with micro(*SMP, *DIMM, *cpu(1), *cpu(2), *cpu(3), incoming=file) as machine:
            assert operations(machine) == {1: ("plug", "d0", "in-progress")}
            assert cpu_operations(machine) == {6: ("unplug", 2, "in-progress"), 7: ("plug", 1, "in-progress"),
                                               8: ("unplug", 3, "in-progress")}
            tell(machine, "c", "1115")
            tell(machine, "g")                                 # it was plugged again: it comes back
            assert "has released CPU 1, which was plugged again" in refusal(machine, file.parent / "another")
            tell(machine, "c", "1015")
            tell(machine, "u")
            machine.wait_until(lambda: present(machine) == [0, 1, 2, 3], what="CPU 1")
            tell(machine, "q")                                 # accepts 1, refuses 3
            assert cpu_operations(machine) == {6: ("unplug", 2, "in-progress"), 7: ("plug", 1, "done"),
                                               8: ("unplug", 3, "refused")}
            machine.qmp.execute("memory-operation-cancel", {"id": 6})
            machine.qmp.execute("cpus-set", {"cpus": 1})
            assert {9, 10, 11} <= set(cpu_operations(machine))
            tell(machine, "p")
            assert present(machine) == [0]


@tap.kvm
def test_cpus_of_the_start_may_have_gone():
    with place() as file:
        with micro("-smp", "3,maxcpus=4") as machine:
            machine.qmp.execute("device_del", {"id": "/machine/unattached/device[1]"})
            tell(machine, "p")
            assert present(machine) == [0, 2]
            save(machine, file)
        with micro(*SMP, *cpu(2, ""), incoming=file) as machine:
            tell(machine, "c", "1010")
            tell(machine, "a")
            tell(machine, "k", "1")
        error = started(*BASE, "-smp", "3,maxcpus=4", "-incoming", f"file:{file}")
        assert "CPUs: 'CPU 1 id' is '' in this machine, and the saved state has none" in error, error


@tap.kvm
def test_cpus_that_differ_are_refused_with_both_values():
    with place() as file:
        with micro(*SMP) as machine:
            machine.qmp.execute("cpus-set", {"cpus": 2})
            tell(machine, "p")
            save(machine, file)
        for options, words in (
                (SMP, "CPUs: 'CPU 1 id' is 'vcpu1' in the saved state, and this machine has none"),
                ([*SMP, *cpu(1), *cpu(3)], "CPUs: 'CPU 3 id' is 'vcpu3' in this machine, and the saved state has none"),
                ([*SMP, *cpu(1, "x")], "CPUs: 'CPU 1 id' is 'vcpu1' in the saved state, and 'x' in this machine"),
                (["-smp", "2,maxcpus=4"], "CPUs: 'CPU 1 id' is 'vcpu1' in the saved state, and '' in this machine"),
                (["-smp", "1,maxcpus=8", *cpu(1)], "machine: 'cpus' is 4 (0x4) in the saved state, and 8 (0x8) in this"),
                (["-smp", "1,maxcpus=4,sockets=4,cores=1", "-device", f"{TYPE},id=vcpu1,socket-id=1,core-id=0,thread-id=0"],
                 "machine: 'sockets' is 1 (0x1) in the saved state, and 4 (0x4)"),
                (["-smp", "4"], "machine: 'CPU hotplug' is 1 (0x1) in the saved state, and this machine has none")):
            error = started(*BASE, *options, "-incoming", f"file:{file}")
            assert words in error, (words, error)
        with micro("-smp", "4") as machine:
            save(machine, file)
        error = started(*BASE, "-smp", "1,maxcpus=4", "-incoming", f"file:{file}")
        assert "machine: 'CPU hotplug' is 1 (0x1) in this machine, and the saved state has none" in error, error


def refused_bank(saved, file, change, *words):
    """What is said of a bank of CPUs that was changed."""
    saved = copy.deepcopy(saved)
    state = next(state for state in saved.states if state[0] == CPU_BANK)
    contents = bytearray(state[2])
    change(contents)
    state[2] = bytes(contents)
    forged_file = pathlib.Path(f"{file}.forged")
    subprocess.run(["cp", "--sparse=always", file, forged_file], check=True)
    saved.write(forged_file)
    error = started(*BASE, *SMP, *cpu(1), "-incoming", f"file:{forged_file}")
    assert all(word in error for word in words), (words, error)


CPU_BANK, SLOT = 6, 18


@tap.kvm
def test_cpus_that_the_bank_denies_are_refused():
    with place() as file:
        with micro(*SMP) as machine:
            machine.qmp.execute("cpus-set", {"cpus": 2})
            save(machine, file)
        saved = Saved(file)

        def value(slot, at, what):
            def change(contents):
                contents[4 + SLOT * slot + at] = what
            return change
        for slot, at, what, *words in ((0, 16, 2, "CPU 0: its saved state is 2, and in this machine it is one that stays"),
                                       (1, 16, 1, "CPU 1"), (1, 16, 0, "CPU 1"), (1, 16, 4, "CPU 1"), (1, 16, 9, "CPU 1"),
                                       (2, 16, 2, "CPU 2: its saved state is 2, and in this machine it is absent"),
                                       (1, 17, 2, "CPU 1"), (3, 0, 9, "CPU 3")):
            refused_bank(saved, file, value(slot, at, what), *words)


# ---- machines that differ ----

@tap.kvm
def test_machines_that_differ_are_refused_with_both_values():
    with place() as file:
        with micro("-smp", "2") as machine:
            save(machine, file)
        for options, words in (
                (["-smp", "1"], "machine: 'cpus' is 2 (0x2) in the saved state, and 1 (0x1) in this machine"),
                (["-smp", "2,sockets=2,cores=1"], "machine: 'sockets' is 1 (0x1) in the saved state, and 2 (0x2)"),
                (["-smp", "2", "-m", "128M,slots=4,maxmem=2G"], "machine: 'RAM size' is 67108864"),
                (["-smp", "2", "-m", "64M,slots=4,maxmem=3G"], "machine: 'maxmem' is "),
                (["-smp", "2", "-m", "64M,slots=5,maxmem=2G"], "DIMMs: 'slots' is 4 (0x4) in the saved state, and 5 (0x5)"),
                (["-smp", "2", "-machine", "hotram-1,acpi-events=ged"], "machine: 'acpi-events' is 'fixed' in the saved"),
                (["-smp", "2", "-numa", "node,cpus=0,mem=32M", "-numa", "node,cpus=1,mem=32M"], "machine: ")):
            error = started(*BASE, *options, "-incoming", f"file:{file}")
            assert words in error, (words, error)
        rng = ["-device", "virtio-rng-pci,id=r0"]
        assert "devices: 'device 0' is 'virtio-rng-pci r0 at pcie.0 01.0, 2 vectors, 1 queues' in this machine, and the " \
            "saved state has none" in started(*BASE, "-smp", "2", *rng, "-incoming", f"file:{file}")


@tap.kvm
def test_another_processor_is_refused_with_both_values():
    with place() as file:
        with micro() as machine:
            save(machine, file)
        saved = Saved(file)
        cpuid = bytearray(saved["cpu 0"]["CPUID"])
        cpuid[12] ^= 1                                         # eax of the first leaf
        saved["cpu 0"]["CPUID"] = bytes(cpuid)
        saved.write(file)
        error = started(*BASE, "-incoming", f"file:{file}")
        assert "vCPU 0: CPUID 0x" in error and " in the saved state, and 0x" in error, error
        saved["cpu 0"]["CPUID"] = bytes(cpuid[:-40])
        saved.write(file)
        assert "CPUID has " in started(*BASE, "-incoming", f"file:{file}")


def pv_eoi(*options):
    """Whether the guest sees KVM's paravirtual EOI: CPUID 0x40000001, eax, bit 6."""
    with place() as file:
        with micro(*options) as machine:
            save(machine, file)
        entries = struct.iter_unpack("<10I", Saved(file)["cpu 0"]["CPUID"])
        (features,) = [entry[3] for entry in entries if entry[0] == 0x40000001]
        return bool(features & 1 << 6)


@tap.kvm
def test_paravirtual_eoi_can_be_hidden():
    if arch.chosen() is not arch.X86:
        raise tap.Skip("x86-64's")
    if not pv_eoi():
        raise tap.Skip("this host's KVM has no paravirtual EOI")
    assert not pv_eoi("-cpu", "host,kvm-pv-eoi=off")
    assert pv_eoi("-cpu", "host,kvm-pv-eoi=on")
    assert pv_eoi("-cpu", "host,kvm-pv-eoi=off", "-cpu", "host,pmu=on")     # the last one, as in QEMU
    assert not pv_eoi("-cpu", "max", "-cpu", "max,kvm-pv-eoi=no")


@tap.kvm
def test_another_firmware_is_refused():
    """An image that halts at the reset vector is compared, since the guest cannot have changed it."""
    with place() as file:
        image = bytearray(128 << 10)
        image[-16:-13] = b"\xf4\xeb\xfd"
        bios = file.parent / "bios"
        bios.write_bytes(image)
        options = ["-m", "64M", "-bios", bios]
        with Machine(options, kernel=None) as machine:
            save(machine, file)
            assert machine.quit() == 0
        with Machine([*options, "-incoming", f"file:{file}"], kernel=None) as machine:
            assert status(machine) == "running"
            assert machine.quit() == 0
        image[5000] = 1
        bios.write_bytes(image)
        error = started(*options, "-incoming", f"file:{file}")
        assert "the firmware at 0xfffe0000 is not the one in the saved state" in error or "memory 0" in error, error
        assert "'firmware' is 'image' in the saved state, and 'none' in this machine" in \
            started("-m", "64M", "-kernel", MICRO, "-incoming", f"file:{file}")


# ---- what cannot be saved ----

@tap.kvm
def test_what_cannot_be_saved_is_named_before_anything_stops():
    with place() as file:
        with Echo(file.parent / "back") as back, micro("-chardev", f"socket,id=c,path={back.path}", "-device",
                                                       "vhost-user-fs-pci,id=v0,chardev=c,tag=t") as machine:
            error = refusal(machine, file)
            assert "'v0'" in error and "vhost-user-fs-pci" in error, error
            tell(machine, "e", "e")


@tap.kvm
def test_files_that_cannot_be_written():
    with place() as file:
        with micro() as machine:
            assert "No such file" in refusal(machine, file.parent / "none" / "file")
            partial = pathlib.Path(f"{file}.partial")
            partial.write_text("")
            try:
                save(machine, file)
                raise AssertionError("it is saved")
            except QMPError as error:
                assert "remove it" in str(error), error
            partial.unlink()
            save(machine, file)
            save(machine, file)                                 # over the older one
            tell(machine, "e", "e")
        with micro(incoming=file) as machine:
            tell(machine, "e", "e")


def test_what_is_no_snapshot_is_not_replaced():
    """The image of a disk, a FIFO, a folder, by name and by a link; a device, nothing, by a link."""
    with place() as file, Host(memory="16M") as host:
        places = {name: file.parent / name for name in ("image", "short", "fifo", "folder")}
        places["image"].write_bytes(bytes(4096))
        places["short"].write_bytes(b"HRS")
        os.mkfifo(places["fifo"])
        places["folder"].mkdir()
        for name, path, words in (("image", places["image"], "no snapshot"), ("short", places["short"], "no snapshot"),
                                  ("fifo", places["fifo"], "a FIFO"), ("folder", places["folder"], "a directory"),
                                  ("device", "/dev/null", "a device"), ("nothing", file.parent / "no" / "x", "No such")):
            link = file.parent / f"{name}.link"
            link.symlink_to(path)
            before = [(entry.name, entry.lstat().st_ino) for entry in sorted(file.parent.iterdir())]
            for named in (link, path) if name in places else (link,):
                try:
                    save(host, named)
                    raise AssertionError(f"{named} was replaced")
                except QMPError as error:
                    assert words in str(error) and f"'{named}'" in str(error), error
            assert before == [(entry.name, entry.lstat().st_ino) for entry in sorted(file.parent.iterdir())], name
        assert status(host) == "prelaunch"


def test_a_link_remains_one():
    with place() as file, Host(memory="16M") as host:
        link = file.parent / "latest"
        file.touch()
        link.symlink_to(file)
        for _ in range(2):
            save(host, link)
            assert link.is_symlink() and file.read_bytes()[:4] == b"HRST"


@tap.kvm
def test_a_disk_that_is_full():
    with place() as file, inject.faults() as faults, micro(environment=faults.environment) as machine:
        with faults.fail("ftruncate", "ENOSPC"):
            assert "No space left" in refusal(machine, file)
        tell(machine, "e", "e")
        save(machine, file)


@tap.kvm
def test_states_that_are_not_saved():
    with place() as file:
        with micro("-action", "shutdown=pause") as machine:
            machine.console.send_keys("o")
            machine.qmp.wait_event("STOP", timeout=LIMIT)
            assert "state is shutdown" in refusal(machine, file)


def test_machines_that_are_not_saved():
    words = "-machine none has no state"
    with place() as file, Machine(["-machine", "none"], kernel=None, run=False) as machine:
        assert words in refusal(machine, file)
        assert machine.quit() == 0
    assert words in started("-machine", "none", "-incoming", f"file:{file}")


# ---- damaged and forged files ----

@tap.kvm
def test_files_that_are_none():
    with place() as file:
        incoming = ["-incoming", f"file:{file}"]
        assert "No such file" in started(*BASE, *incoming)
        file.write_bytes(b"")
        assert f"-incoming 'file:{file}': saved state, at byte 0: " in started(*BASE, *incoming)
        file.unlink()
        file.mkdir()
        assert "it is not a regular file" in started(*BASE, *incoming)
        file.rmdir()
        with micro() as machine:
            save(machine, file)
        os.truncate(file, 16 * MIB)
        error = started(*BASE, *incoming)
        assert "memory 0: the file has 16777216 bytes, and the memory is to end at byte " in error, error
        os.truncate(file, 1000)
        assert "saved state, at byte " in started(*BASE, *incoming)


def forged(saved, chance):
    """A copy in which something is different."""
    saved = copy.deepcopy(saved)
    index = chance.randrange(1, len(saved.states))
    kind, _, what = saved.states[index]
    if kind != SECTION:
        changed = bytearray(what)
        if changed and chance.random() < 0.7:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        else:
            changed = changed[:chance.randrange(len(changed) + 1)]
        saved.states[index][2] = bytes(changed)
    elif chance.random() < 0.1:
        del saved.states[index]
    elif what:
        name = chance.choice(list(what))
        value = what[name]
        if chance.random() < 0.2:
            del what[name]
        elif isinstance(value, int):
            what[name] = chance.choice([0, 1, value ^ 1 << chance.randrange(64), (1 << 64) - 1, 1 << 63, 0x7fffffff])
        elif isinstance(value, str):
            what[name] = value + "x"
        elif value:
            changed = bytearray(value)
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            what[name] = bytes(changed)
    return saved


@tap.kvm
def test_forged_files_are_refused_or_run():
    """Whatever a file says, the program says what is wrong with it, or there is a machine with a monitor."""
    chance = random.Random(int(os.environ.get("HOTRAM_SEED", "1"), 0))
    runs = int(os.environ.get("HOTRAM_RUNS", "40"))
    refused = 0
    with place() as file:
        with micro(*SMP) as machine:
            plug(machine)
            tell(machine, "h")
            machine.qmp.execute("device_del", {"id": "d0"})
            machine.qmp.execute("cpus-set", {"cpus": 3})
            tell(machine, "p")
            tell(machine, "a")
            machine.qmp.execute("cpus-set", {"cpus": 2})
            save(machine, file)
        whole = Saved(file)
        other = pathlib.Path(f"{file}.forged")
        for _ in range(runs):
            subprocess.run(["cp", "--sparse=always", file, other], check=True)
            forged(whole, chance).write(other)
            result = subprocess.run([PROGRAM, "-nodefaults", "-display", "none", *map(str, BASE), *SMP, *DIMM, *cpu(1),
                                     *cpu(2), "-S", "-qmp",
                                     "stdio", "-incoming", f"file:{other}"], input='{"execute": "qmp_capabilities"}\n'
                                    '{"execute": "query-status"}\n{"execute": "cont"}\n{"execute": "quit"}\n',
                                    capture_output=True, text=True, timeout=LIMIT)
            if result.returncode == 1:
                refused += 1
                assert f"-incoming 'file:{other}': " in result.stderr, result.stderr
            else:
                assert result.returncode == 0 and '"return"' in result.stdout, (result.returncode, result.stderr)
    print(f"# {refused} of {runs} refused")
    assert refused > runs // 3


# ---- while it is written, and hotramctl ----

@contextlib.contextmanager
def writing(machine, faults, file):
    """A snapshot whose file waits; another client."""
    with contextlib.closing(QMP(machine.folder / "second")) as other, faults.wait("ftruncate"):
        machine.qmp.send_raw(json.dumps({"execute": "machine-snapshot", "arguments": {"file": str(file)}}).encode())
        machine.wait_until(faults.waits, what="a snapshot that is being written")
        yield other


@contextlib.contextmanager
def two_clients(faults):
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder, \
            Machine([*BASE, "-qmp", f"unix:{folder}/qmp,server=on,wait=off"], kernel=None, reboot=True,
                    environment=faults.environment) as machine:
        (machine.folder / "second").symlink_to(f"{folder}/qmp")
        hear(machine, "micro")
        yield machine


@tap.kvm
def test_a_machine_does_not_change_while_it_is_saved():
    with place() as file, inject.faults() as faults, two_clients(faults) as machine:
        with writing(machine, faults, file) as other:
            assert other.execute("query-status")["status"] == "paused"
            for command, arguments in (("cont", None), ("system_reset", None), ("stop", None),
                                       ("device_add", {"driver": "pc-dimm", "memdev": "m0"}),
                                       ("machine-snapshot", {"file": f"{file}.2"})):
                try:
                    other.execute(command, arguments)
                    raise AssertionError(f"{command} is possible")
                except QMPError as error:
                    assert f"a snapshot is being written; '{command}' is possible when" in str(error), error
            assert not file.exists()
        machine.qmp.read_answer(time.monotonic() + LIMIT)
        assert file.exists()
        tell(machine, "e", "e")
        assert machine.quit() == 0


@tap.kvm
def test_a_quit_while_it_is_written_leaves_no_file():
    with place() as file, inject.faults() as faults, two_clients(faults) as machine:
        with writing(machine, faults, file) as other:
            other.execute("quit")
        assert machine.process.wait(LIMIT) == 0
        assert not list(file.parent.iterdir()), list(file.parent.iterdir())


@tap.kvm
def test_hotramctl_writes_one():
    with place() as file, micro("-qmp", f"unix:{file.parent}/qmp,server=on,wait=off") as machine:
        def run(*words):
            return subprocess.run([CTL, *map(str, words)], capture_output=True, text=True, cwd=file.parent, timeout=LIMIT)

        result = run("-s", file.parent / "qmp", "snapshot", file.name)
        assert (result.returncode, result.stdout, result.stderr) == (0, f"snapshot: {file}\n", ""), result
        result = run("-s", file.parent / "qmp", "snapshot", "none/x")
        assert result.returncode == 1 and "No such file" in result.stderr, result
        shown = run("inspect", file).stdout
        assert "section machine, version 1" in shown and "device serial, version 1" in shown and "    ier " in shown, shown
        tell(machine, "e", "e")


if __name__ == "__main__":
    tap.main()
