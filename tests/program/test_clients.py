#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Clients of QMP that flood, stall or go half away, beside one that behaves and
a guest at work (tests/micro/micro.S): on any /dev/kvm."""

import contextlib
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import CLONE, Machine                       # noqa: E402
from lib.qmp import QMP, QMPClosed, QMPTimeout               # noqa: E402

MICRO = CLONE / "build/native/tests/micro/micro"
LIMIT = 60
ASK = b'{"execute": "query-qmp-schema"}\n'


@contextlib.contextmanager
def guest():
    with Machine(["-m", "64M,slots=4,maxmem=2G", "-kernel", MICRO], kernel=None,
                 reboot=True) as machine:
        machine.said = 0
        hear(machine, "micro")
        yield machine
        assert machine.quit() == 0


def hear(machine, text):
    _, match = machine.console.wait_for(rf"^{text}\.\r?\n", LIMIT, machine.said)
    machine.said = match.end()


def client(machine):
    return contextlib.closing(QMP(machine.folder / "qmp", LIMIT))


def answer(qmp):
    return qmp.read_answer(time.monotonic() + LIMIT)


def all_goes_on(machine):
    """The guest answers, takes a DIMM and gives it back, and the client that
    behaves learns of each step."""
    machine.plug("d0", "128M")
    machine.console.send_keys("h")
    hear(machine, "")
    machine.qmp.wait_event("ACPI_DEVICE_OST", {"info": {
        "slot": "0", "slot-type": "DIMM", "source": 1, "status": 0,
        "device": "d0"}}, LIMIT)
    machine.qmp.execute("device_del", {"id": "d0"})
    machine.console.send_keys("h")
    hear(machine, "")
    machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"}, LIMIT)
    machine.qmp.execute("object-del", {"id": "d0-mem"})
    machine.qmp.clear_events()


def fill(qmp):
    """Sends commands, reading no answer, until the machine takes no more."""
    with contextlib.suppress(QMPTimeout):
        for _ in range(100000):
            qmp.send_raw(ASK, timeout=0.5)
        raise AssertionError("hotram takes commands without end")


def test_a_client_that_reads_no_answers():
    with guest() as machine, client(machine) as stalled:
        fill(stalled)
        all_goes_on(machine)


def test_a_client_that_floods():
    """It asks as fast as it can, and reads what comes."""
    with guest() as machine, client(machine) as flooding:
        done = threading.Event()
        answers = []

        def flood():
            while not done.is_set():
                flooding.send_raw(ASK * 8)
                answers.extend(answer(flooding) for _ in range(8))

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            for _ in range(3):
                all_goes_on(machine)
        finally:
            done.set()
            thread.join()
        assert len(answers) >= 8 and all("return" in one for one in answers)


def test_clients_that_go_half_away():
    with guest() as machine:
        for words in (b"", b'{"execute": "query-na', ASK * 3):
            with client(machine) as half:
                half.send_raw(words)
                half.send_no_more()
                all_goes_on(machine)
                answers = 0
                with contextlib.suppress(QMPClosed):
                    while True:
                        answer(half)
                        answers += 1
                assert answers == words.count(b"\n"), (words, answers)


def test_clients_that_stop_in_the_middle_of_a_command():
    with guest() as machine, contextlib.ExitStack() as stack:
        for words in (b"{", b'{"execute": "device_add", "arguments": {"id": "',
                      b'"' + b"x" * 100000):
            stack.enter_context(client(machine)).send_raw(words)
        all_goes_on(machine)


def test_a_client_without_negotiation_and_one_that_talks_nonsense():
    with guest() as machine, contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.closing(
            QMP(machine.folder / "qmp", negotiate=False)))
        wild = stack.enter_context(client(machine))
        wild.send_raw(b"\0\xff]}{[" * 1000 + b"\n")
        all_goes_on(machine)


if __name__ == "__main__":
    tap.main()
