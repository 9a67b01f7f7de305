#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The sandbox: code in each kind of thread tries what it must not be able to do."""

import errno
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, proc, tap                            # noqa: E402
from lib.machine import CLONE, PROGRAM, Machine              # noqa: E402
from lib.qmp import QMP                                      # noqa: E402

MICRO = CLONE / "build/native/tests/micro/micro"
PROBE = CLONE / "build/native/tests/sandbox/libsandbox_probe.so"
KINDS = ("main", "vcpu", "helper")


def attempts(*arguments, guest=("-kernel", MICRO)):
    """What each kind of thread tried: {kind: {name: errno}}."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report"
        read = lambda: report.read_bytes().rstrip(b"\0").decode()         # noqa: E731
        with Machine(["-m", "64M,slots=2,maxmem=1G", *map(str, guest), *arguments],
                     kernel=None, environment={"LD_PRELOAD": str(PROBE),
                                               "SANDBOX_PROBE": str(report)}) as machine:
            if MICRO in guest:
                machine.console.wait_for("micro", 20)
            machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m",
                                               "size": 128 << 20, "prealloc": True})
            machine.wait_until(lambda: all(f"{kind} end" in read() for kind in KINDS))
            # It works as before.
            machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})
        tried = {kind: {} for kind in KINDS}
        for line in read().splitlines():
            kind, name, number = line.split()
            if name != "end":
                tried[kind][name] = int(number)
        return tried


def test_each_kind_of_thread_is_refused_everything_else():
    tried = attempts()
    for kind, names in tried.items():
        assert len(names) >= 40, (kind, names)
        # A new process is made by a call that no list can look into: as if the kernel did not have it.
        wrong = {name: errno.errorcode.get(number, number) for name, number in names.items()
                 if number != (errno.ENOSYS if name == "clone3" else errno.EPERM)}
        assert not wrong, f"not refused in the {kind} thread: {wrong}"
    assert len(tried["vcpu"]) > len(tried["helper"]) > len(tried["main"]), tried


def test_only_a_machine_with_flash_maps_it_in_vcpu_threads():
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder) / "flash"
        image.write_bytes(bytes(4096 - 16) + b"\xeb\xfe" + bytes(14))         # starts there, and remains there
        tried = attempts(guest=("-pflash", image))
    granted = {kind: [name for name, number in names.items() if number not in (errno.EPERM, errno.ENOSYS)]
               for kind, names in tried.items()}
    assert granted == {"main": [], "vcpu": ["memory-slot"], "helper": []}, granted


def test_without_the_sandbox_the_same_is_not_refused():
    """The test above can fail: the kernel itself answers these otherwise."""
    for mode in ("off", "log"):
        tried = attempts("-sandbox", mode)
        for kind, names in tried.items():
            refused = [name for name, number in names.items() if number == errno.EPERM]
            for name in ("execve", "kill", "tgkill", "ptrace", "internet", "executable", "fork"):
                assert name not in refused, (mode, kind, name)
            assert len(refused) < len(names) / 2, (mode, kind, refused)


def status(machine):
    """NoNewPrivs and Seccomp of all threads; KVM's own worker is one of them."""
    found = set()
    for _, text in proc.threads(machine.process.pid, "status"):
        lines = dict(line.split(":", 1) for line in text.splitlines())
        found.add((lines["NoNewPrivs"].strip(), lines["Seccomp"].strip()))
    return found


def test_every_thread_has_it_from_the_start():
    with Machine(["-smp", "3", "-m", "64M", "-kernel", str(MICRO)], kernel=None) as machine:
        assert status(machine) == {("1", "2")}, status(machine)
    with Machine(["-m", "64M", "-kernel", str(MICRO), "-sandbox", "off"], kernel=None) as machine:
        assert status(machine) == {("0", "0")}, status(machine)


def test_qemu_s_properties_are_accepted():
    for words in ("on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
                  "on,elevateprivileges=children,spawn=allow", "enable=on"):
        with Machine(["-m", "64M", "-kernel", str(MICRO), "-sandbox", words], kernel=None) as machine:
            assert status(machine) == {("1", "2")}, (words, status(machine))


def test_what_is_neither_is_refused():
    for words, said in (("maybe", "expects on|off|log"), ("on,spawn=maybe", "expects allow|deny"),
                        ("on,network=deny", "has no property 'network'"), ("on,log=on", "'log'")):
        run = subprocess.run([PROGRAM, "-machine", "none", "-nodefaults", "-display", "none",
                              "-sandbox", words], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=30)
        assert run.returncode == 1 and said in run.stderr, (words, run)


def said_by_a_helper(stderr, read):
    """What the thread says that gives memory back, when a mapping stays."""
    with inject.faults() as faults, tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        process = subprocess.Popen([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-m",
                                    "64M,slots=2,maxmem=1G", "-qmp", f"unix:{folder}/qmp,server=on,wait=off"],
                                   env=faults.environment, stdin=subprocess.DEVNULL, stderr=stderr)
        try:
            while not pathlib.Path(folder, "qmp").exists():
                assert process.poll() is None
                time.sleep(0.002)
            qmp = QMP(f"{folder}/qmp")
            qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m", "size": 16 << 20})
            with faults.fail("munmap", "ENOMEM"):
                qmp.execute("object-del", {"id": "m"})
            qmp.execute("quit")
            assert process.wait(60) == 0
            return read()
        finally:
            process.kill()
            process.wait()


def test_every_thread_can_say_something():
    """Whatever standard error is."""
    words = "its mapping of 16 MiB stays"
    with tempfile.TemporaryFile() as file:
        said = said_by_a_helper(file, lambda: (file.seek(0), file.read())[1].decode())
        assert words in said, f"to a file: {said}"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        said = said_by_a_helper(theirs, lambda: ours.recv(65536, socket.MSG_DONTWAIT).decode())
        assert words in said, f"to a socket: {said}"
    reads, writes = os.pipe()
    with open(reads, "rb") as ours, open(writes, "wb") as theirs:
        said = said_by_a_helper(theirs, lambda: os.read(ours.fileno(), 65536).decode())
        assert words in said, f"to a pipe: {said}"


def test_lists_that_cannot_be_made():
    """No sandbox, no start, unless that is what was asked for."""
    for call, error in (("memfd_create", errno.EMFILE), ("write", errno.ENOSPC)):
        for options, status in (([], 1), (["-sandbox", "on"], 1), (["-sandbox", "log"], 1), (["-sandbox", "off"], 0)):
            with inject.faults() as faults:
                faults.arm(call, at=1, error=errno.errorcode[error])
                run = subprocess.run([PROGRAM, "-machine", "none", "-nodefaults", "-display", "none", *options,
                                      "-monitor", "stdio"], env=faults.environment, input="quit\n",
                                     capture_output=True, text=True, timeout=60)
            assert run.returncode == status, (call, options, run)
            if status:
                assert os.strerror(error) in run.stderr and "-sandbox off" in run.stderr, (call, options, run)


if __name__ == "__main__":
    tap.main()
