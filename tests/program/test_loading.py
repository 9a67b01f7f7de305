#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Kernel and initrd that are read slowly, at a reset and at the start, and what is
answered meanwhile. Reading waits until the test lets it go on, or never comes to
its end."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, tap                                  # noqa: E402
from lib.hmp import read_until                               # noqa: E402
from lib.machine import PROGRAM, Machine                     # noqa: E402
from lib.micro import MICRO, hear, tell                      # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402

LIMIT = 60
MIB = 1 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def guest(*options, run=True, kernel=MICRO):
    with inject.faults() as faults, \
            Machine(["-m", "64M,slots=4,maxmem=2G", "-kernel", kernel, *options], kernel=None,
                    reboot=True, run=run, environment=faults.environment) as machine:
        machine.faults = faults
        if run:
            hear(machine, "micro")
        machine.qmp.clear_events()
        yield machine


def second(machine):
    return contextlib.closing(QMP(machine.folder / "qmp", LIMIT))


def status(machine):
    return machine.qmp.execute("query-status")["status"]


def ask_reset(machine, client):
    """Asks, and returns when it is under way."""
    before = machine.threads()
    client.send_raw(b'{"execute": "system_reset"}\n')
    loads(machine, before)


def loads(machine, before):
    """Waits for the thread that loads, which is there for as long as it loads."""
    machine.wait_until(lambda: machine.threads() > before, what="a load")


def answered(client):
    return client.read_answer(time.monotonic() + LIMIT)


def events(machine, *names):
    """Of what was sent until now."""
    machine.qmp.execute("query-name")
    return [event["event"] for event in machine.qmp.take_events() if event["event"] in names]


def all_goes_on(machine):
    for name in "query-memory-devices", "query-memory-map", "query-memdev", "query-memory-operations":
        machine.qmp.execute(name)
    assert "VM status" in machine.hmp("info status")
    with second(machine) as client:
        client.execute("query-status")


def test_what_is_done_while_a_reset_loads():
    with guest() as machine, second(machine) as client:
        machine.plug("d0", "128M")
        tell(machine, "h")
        machine.qmp.clear_events()
        with machine.faults.wait("pread"):
            ask_reset(machine, client)
            assert status(machine) == "running"
            all_goes_on(machine)
            machine.plug("d1", "128M")
            machine.qmp.execute("device_del", {"id": "d0"})
            machine.qmp.execute("system_powerdown")
            assert not events(machine, "RESET", "DEVICE_DELETED")
            assert machine.console.position == machine.said        # the guest does not run
        assert answered(client)["return"] == {}
        hear(machine, "micro")
        tell(machine, "b", "1")                                    # the button
        tell(machine, "s", "5300")                                 # both are events for the new guest
        tell(machine, "h")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"}, LIMIT)
        tell(machine, "s", "0100")
        assert machine.quit() == 0


def test_a_reset_that_the_guest_asks_for():
    with guest() as machine:
        with machine.faults.wait("pread"):
            before = machine.threads()
            machine.console.send_keys("r")
            loads(machine, before)
            all_goes_on(machine)
            assert status(machine) == "running" and not events(machine, "RESET", "STOP")
        machine.qmp.wait_event("RESET", {"guest": True, "reason": "guest-reset"}, LIMIT)
        hear(machine, "micro")
        assert machine.quit() == 0


def test_a_second_reset_begins_anew():
    with guest() as machine, second(machine) as client, second(machine) as other:
        machine.plug("d0", "128M")
        tell(machine, "h")
        with machine.faults.wait("pread"):
            ask_reset(machine, client)
            machine.qmp.execute("device_del", {"id": "d0"})
            other.send_raw(b'{"execute": "system_reset"}\n')
            # Nobody uses the memory, so the second carries the removal out, as any reset does.
            machine.qmp.execute("query-status")
        assert answered(client)["return"] == answered(other)["return"] == {}
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"}, LIMIT)
        hear(machine, "micro")
        tell(machine, "s", "0000")
        other.execute("query-status")
        assert [event["event"] for event in other.take_events()].count("RESET") == 1
        assert machine.quit() == 0


def test_stop_and_cont_while_a_reset_loads():
    with guest() as machine, second(machine) as client:
        with machine.faults.wait("pread"):
            ask_reset(machine, client)
            machine.qmp.execute("stop")
            assert status(machine) == "paused"
        answered(client)
        assert events(machine, "STOP", "RESET", "RESUME") == ["STOP", "RESET"]
        assert status(machine) == "paused" and machine.console.position == machine.said
        with machine.faults.wait("pread"):
            ask_reset(machine, client)
            assert status(machine) == "prelaunch"
            machine.qmp.execute("cont")
            assert status(machine) == "running" and machine.console.position == machine.said
            assert events(machine, "RESUME", "RESET") == ["RESUME"]
        answered(client)
        hear(machine, "micro")
        tell(machine, "e", "e")
        assert machine.quit() == 0


def test_the_end_does_not_wait_for_a_file_that_is_never_read():
    def quits(machine):
        machine.qmp.execute("quit")

    def terminates(machine):
        machine.process.send_signal(signal.SIGTERM)

    for end in quits, terminates:
        with tempfile.TemporaryDirectory(prefix="hotram-") as folder, \
                guest("-pidfile", f"{folder}/pid", "-monitor", f"unix:{folder}/hmp,server=on,wait=off") as machine, \
                second(machine) as client, machine.faults.wait("pread"):
            ask_reset(machine, client)
            machine.wait_until(machine.faults.waits, LIMIT, "the thread that reads")
            end(machine)
            assert machine.wait_exit(LIMIT) == 0
            assert "cannot read the file in time" in machine.error_log, machine.error_log
            assert os.listdir(folder) == []


def test_the_end_of_a_load_that_can_be_ended():
    """A large file is left in its middle, and all is taken down."""
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        sparse = pathlib.Path(folder) / "initrd"
        sparse.write_bytes(b"")
        os.truncate(sparse, 256 * MIB)
        with guest("-m", "1G,slots=4,maxmem=4G", "-initrd", sparse, run=False) as machine, second(machine) as client:
            client.send_raw(b'{"execute": "system_reset"}\n')
            assert machine.quit() == 0
            assert "cannot read the file in time" not in machine.error_log, machine.error_log


def test_a_person_does_not_have_to_wait():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder, \
            guest("-monitor", f"unix:{folder}/hmp,server=on,wait=off") as machine, \
            socket.socket(socket.AF_UNIX) as person:
        person.connect(f"{folder}/hmp")
        person.settimeout(LIMIT)
        read_until(person, b"(hotram) ")
        with machine.faults.wait("pread"):
            before = machine.threads()
            person.sendall(b"system_reset\n")
            loads(machine, before)
            person.sendall(b"\x03")
            read_until(person, b"(hotram) ")
            person.sendall(b"info status\n")
            assert b"running" in read_until(person, b"(hotram) ")
        machine.qmp.wait_event("RESET", timeout=LIMIT)
        hear(machine, "micro")
        assert machine.quit() == 0


def test_a_load_that_fails():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        kernel = pathlib.Path(folder) / "kernel"
        shutil.copy(MICRO, kernel)
        with guest(kernel=kernel) as machine, second(machine) as client:
            whole = kernel.read_bytes()
            for run in True, False:
                os.truncate(kernel, 64)
                client.execute("system_reset")
                assert status(machine) == "internal-error"
                assert events(machine, "STOP", "RESET") == ["STOP"] * run
                assert "truncated" in machine.error_log
                try:
                    machine.qmp.execute("cont")
                    raise AssertionError("it went on")
                except QMPError as error:
                    assert "system_reset" in error.desc
                kernel.write_bytes(whole)
                client.execute("system_reset")
                assert status(machine) == "prelaunch"
                machine.qmp.execute("cont")
                hear(machine, "micro")
                machine.qmp.clear_events()
                machine.qmp.execute("stop")
                machine.qmp.clear_events()
            assert machine.quit() == 0


# ---- the start ----

def heed_signals():
    """What a shell starts in the background ignores some of them, and so does what that starts."""
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, signal.SIG_DFL)


def start(folder, *options, **more):
    return subprocess.Popen([PROGRAM, "-nodefaults", "-display", "none", "-S", "-kernel", MICRO, "-pidfile",
                             f"{folder}/pid", "-qmp", f"unix:{folder}/qmp,server=on,wait=off", *options],
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            preexec_fn=heed_signals, **more)


def test_a_start_that_loads_can_be_interrupted():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder, \
            tempfile.NamedTemporaryFile(prefix="hotram-initrd-") as sparse:
        os.truncate(sparse.name, 1 << 30)
        process = start(folder, "-m", "2G", "-initrd", sparse.name)
        statm = pathlib.Path(f"/proc/{process.pid}/statm")
        while int(statm.read_text().split()[1]) * PAGE < 64 * MIB:
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)                     # Ctrl-C
        said = process.communicate(timeout=LIMIT)[1]
        assert process.returncode == 1 and "-kernel" in said and "cancelled" in said, said
        assert os.listdir(folder) == []


def opened(process):
    """What files it has open."""
    found = []
    for name in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(name.resolve())
    return found


def test_a_start_that_does_not_come_to_the_kernels_head_can_be_interrupted():
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        with tempfile.TemporaryDirectory(prefix="hotram-") as folder, inject.faults() as faults, \
                faults.wait("pread"):
            process = start(folder, "-sandbox", "off", env=faults.environment)  # which reads, too
            deadline = time.monotonic() + LIMIT
            while MICRO not in opened(process):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.001)
            process.send_signal(number)
            process.communicate(timeout=LIMIT)
            assert process.returncode == -number, process.returncode
            assert os.listdir(folder) == []


if __name__ == "__main__":
    tap.main()
