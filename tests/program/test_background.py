#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: some
# sanitizers: tsan
"""Snapshots in the background: what a guest writes meanwhile is not in them, and whatever fails, it runs."""

import contextlib
import functools
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, inject, tap, virtio                    # noqa: E402
from lib.ctl import CTL                                      # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import CLONE, Machine                       # noqa: E402
from lib.micro import hear, tell                             # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402
from lib.saved import Saved                                  # noqa: E402

LIMIT = 60
MIB = 1 << 20
COUNTING = CLONE / "build/native/tests/micro/counting"       # whose numbers these are:
PAGES = range(4 * MIB, 32 * MIB, 4096)
MORE = (40 * MIB, 48 * MIB)
BASE = ["-m", "64M,slots=4,maxmem=2G", "-kernel", COUNTING]
WAY_OUT = "; take the snapshot without background"


@functools.cache
def lacks():
    """What the host lacks for these snapshots."""
    if arch.chosen() is not arch.X86:
        return "the counting guest is for x86-64"
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder, Host(memory="16M") as host:
        try:
            save(host, pathlib.Path(folder) / "file")
        except QMPError as error:
            if "userfaultfd" not in str(error):
                raise
            return str(error)
    return None


@contextlib.contextmanager
def place():
    if lacks():
        raise tap.Skip(lacks())
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        yield pathlib.Path(folder) / "guest.snapshot"


@contextlib.contextmanager
def counting(*options, incoming=None, **more):
    come = ["-incoming", f"file:{incoming}"] if incoming else []
    with Machine([*BASE, *options, *come], kernel=None, reboot=True, **more) as machine:
        if not incoming:
            hear(machine, "s")
            passes(machine, 2)
        yield machine
        if machine.process.poll() is None:
            assert machine.quit() == 0


def ask(file):
    return {"file": str(file), "background": True}


def save(machine, file):
    machine.qmp.execute("machine-snapshot", ask(file))


def refusal(machine, file):
    try:
        save(machine, file)
    except QMPError as error:
        assert not list(file.parent.glob("*.snapshot*")), list(file.parent.iterdir())
        return str(error)
    raise AssertionError("it is saved")


def passes(machine, count=3):
    """Complete passes: the guest finds each page as it has left it, or says "mixed"."""
    for _ in range(count):
        tell(machine, "e", "e")


def memory(file):
    """RAM in the file; it has one region, at 0."""
    region = Saved(file)["memory 0"]
    assert (region["address"], region["size"]) == (0, 64 * MIB), region
    with open(file, "rb") as opened:
        opened.seek(region["offset"])
        return opened.read(64 * MIB)


def check_moment(file):
    """One pass in some of the first pages, the one before in all that follow."""
    ram = memory(file)
    counts = [struct.unpack_from("<I", ram, page)[0] for page in PAGES]
    assert counts[0] > 1 and counts[0] - counts[-1] in (0, 1), (counts[0], counts[-1])
    assert counts == sorted(counts, reverse=True), [(i, count) for i, count in enumerate(counts) if count != counts[0]][:9]
    return ram


# ---- what is saved ----

@tap.kvm
def test_memory_is_of_one_moment():
    with place() as file:
        with counting() as machine:
            for number in range(3):
                machine.qmp.take_events()
                save(machine, f"{file}.{number}")
                assert [event["event"] for event in machine.qmp.take_events()] == ["STOP", "RESUME"]
                passes(machine)
        for number in range(3):
            check_moment(f"{file}.{number}")
            with counting(incoming=f"{file}.{number}") as machine:
                assert machine.qmp.execute("query-status")["status"] == "running"
                passes(machine)


@contextlib.contextmanager
def writing(machine, faults, file, call="ftruncate"):
    """A snapshot whose file waits; another client. The guest runs."""
    with contextlib.closing(QMP(machine.folder / "second")) as other, faults.wait(call):
        machine.qmp.send_raw(json.dumps({"execute": "machine-snapshot", "arguments": ask(file)}).encode())
        machine.wait_until(faults.waits, what="a snapshot that is being written")
        yield other


@contextlib.contextmanager
def two_clients(faults, *options):
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder, \
            counting("-qmp", f"unix:{folder}/qmp,server=on,wait=off", *options, environment=faults.environment) as machine:
        (machine.folder / "second").symlink_to(f"{folder}/qmp")
        yield machine


def written(machine):
    """Waits for the answer to the snapshot's client: what has failed, or nothing."""
    answer = machine.qmp.read_answer(time.monotonic() + LIMIT)
    return answer.get("error", {"desc": ""})["desc"]


@tap.kvm
def test_what_is_written_meanwhile_is_absent():
    """Pages that do not exist at the moment, or are the zero page since they were read, are zero in the file."""
    for key in ("", "r"):
        with place() as file, inject.faults() as faults, two_clients(faults) as machine:
            if key:
                tell(machine, key, key)
            with writing(machine, faults, file):
                tell(machine, "g", "g")
                passes(machine)
            assert written(machine) == ""
            passes(machine)
            ram = check_moment(file)
            assert not any(ram[MORE[0]:MORE[1]])
            with counting(incoming=file) as restored:
                passes(restored)
                tell(restored, "g", "g")
                passes(restored)


def test_pages_that_a_balloon_returns():
    """They stay until they are saved, although no write announces their end. A test plays the driver."""
    first, other, page = 0x2000000, 0x2400000, bytes(range(256)) * 16
    with place() as file, inject.faults() as faults, \
            Host(["-device", "virtio-balloon-pci"], memory="64M", environment=faults.environment) as host:
        function = virtio.Pci(host.qtest)
        device = virtio.Device(function, function.find(0x1af4, 0x1045))
        device.begin(virtio.VERSION_1)
        queues = [device.queue(index) for index in range(device.read(0x12, 2))]
        device.ready()

        def inflate(address):
            host.qtest.write(0x200000, struct.pack("<I", address // 4096))
            assert queues[0].transfer([(0x200000, 4, False)]) == 0

        for address in (first, other):
            host.qtest.write(address, page)
        with faults.wait("ftruncate"):
            host.qmp.send_raw(json.dumps({"execute": "machine-snapshot", "arguments": ask(file)}).encode())
            host.wait_until(faults.waits, what="a snapshot that is being written")
            inflate(first)
            host.qtest.write(other, bytes(4096))
        assert written(host) == ""
        ram = memory(file)
        assert ram[first:first + 4096] == ram[other:other + 4096] == page
        host.qtest.write(first, page)
        inflate(first)
        assert host.qtest.read(first, 4096) == bytes(4096)


@tap.kvm
def test_a_dimm():
    dimm = ["-object", "memory-backend-ram,id=m0,size=128M", "-device", "pc-dimm,memdev=m0,id=d0,slot=1,addr=0x108000000"]
    with place() as file:
        with counting(*dimm) as machine:
            save(machine, file)
            passes(machine)
        check_moment(file)
        with counting(*dimm, incoming=file) as machine:
            passes(machine)


@tap.kvm
def test_a_paused_guest_stays_paused():
    with place() as file:
        with counting() as machine:
            machine.qmp.execute("stop")
            save(machine, file)
            assert machine.qmp.execute("query-status")["status"] == "paused"
            machine.qmp.execute("cont")
            passes(machine)
        check_moment(file)


@tap.kvm
def test_a_machine_does_not_change_meanwhile():
    with place() as file, inject.faults() as faults, two_clients(faults) as machine:
        with writing(machine, faults, file) as other:
            passes(machine)
            for command in ("system_reset", "stop", "cont", "migrate"):
                try:
                    other.execute(command)
                    raise AssertionError(f"{command} is possible")
                except QMPError as error:
                    assert f"a snapshot is being written; '{command}' is possible when" in str(error), error
        assert written(machine) == ""
        check_moment(file)
        passes(machine)


@tap.kvm
def test_a_guest_that_resets_itself_meanwhile():
    """Its kernel is read into memory that is protected, and the snapshot is that of the guest before."""
    with place() as file, inject.faults() as faults, two_clients(faults) as machine:
        with writing(machine, faults, file):
            machine.console.send_keys("x")
            hear(machine, "s")
            passes(machine)
        assert written(machine) == ""
        ram = check_moment(file)
        assert struct.unpack_from("<I", ram, PAGES[0])[0] > 2
        with counting(incoming=file) as restored:
            passes(restored)


# ---- what fails ----

@tap.kvm
def test_a_disk_that_becomes_full():
    """The file's size cannot be set, or pages cannot be written, by one thread or the other: the guest runs on."""
    with place() as file, inject.faults() as faults, two_clients(faults) as machine:
        for call in ("ftruncate", "pwrite"):
            with faults.fail(call, "ENOSPC"):
                assert "No space left" in refusal(machine, file)
                passes(machine)
            passes(machine)
        with writing(machine, faults, file, "pwrite"):
            faults.fail_waiting("pwrite", "ENOSPC")
            error = written(machine)
            assert f"'{file}': No space left" in error, error
            passes(machine)
        assert not list(file.parent.iterdir()), list(file.parent.iterdir())
        save(machine, file)
        check_moment(file)


@tap.kvm
def test_a_quit_does_not_wait_for_the_file():
    """A guest that waits for pages to be written is let go."""
    with place() as file, inject.faults() as faults, two_clients(faults) as machine:
        with writing(machine, faults, file, "pwrite") as other:
            other.execute("quit")
            machine.process.wait(LIMIT)
        assert not list(file.parent.glob("*.snapshot")), list(file.parent.iterdir())


@tap.kvm
def test_what_the_host_lacks_is_named():
    with place() as file:
        with counting("-object", "memory-backend-memfd,id=m0,size=64M,share=on", "-machine", "memory-backend=m0") as machine:
            error = refusal(machine, file)
            assert "'m0' is shared" in error and error.endswith(WAY_OUT), error
            passes(machine)
        with counting() as machine:
            save(machine, file)
        with counting(incoming=file) as machine:
            other = file.parent / "other"
            try:
                save(machine, other)
                raise AssertionError("it is saved")
            except QMPError as error:
                assert "was restored from" in str(error) and str(error).endswith(WAY_OUT), error
            passes(machine)


@tap.kvm
def test_memory_of_a_private_file():
    with place() as file:
        options = ["-object", "memory-backend-memfd,id=m0,size=64M,share=off", "-machine", "memory-backend=m0"]
        with counting(*options) as machine:
            save(machine, file)
            passes(machine)
        check_moment(file)


# ---- hotramctl, the monitor ----

@tap.kvm
def test_hotramctl_and_the_monitor():
    with place() as file, counting("-qmp", f"unix:{file.parent}/qmp,server=on,wait=off") as machine:
        result = subprocess.run([CTL, "-s", file.parent / "qmp", "snapshot", "--background", file.name], capture_output=True,
                                text=True, cwd=file.parent, timeout=LIMIT)
        assert (result.returncode, result.stdout, result.stderr) == (0, f"snapshot: {file}\n", ""), result
        check_moment(file)
        file.unlink()
        answer = machine.qmp.execute("human-monitor-command", {"command-line": f"machine_snapshot -b {file}"})
        assert answer == "", answer
        check_moment(file)
        passes(machine)


if __name__ == "__main__":
    tap.main()
