#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""A guest that switches itself off, or resets itself, and a client that resets the
machine before the program has looked: what came first is not forgotten."""

import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lib import tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402

LIMIT = 60
OFF = f"outw 0x604 {5 << 10 | 1 << 13}"
AGAIN = "outb 0xcf9 6"
RESET = b'{"execute": "system_reset"}\n'
GUEST_OFF = {"guest": True, "reason": "guest-shutdown"}


def wait_for_state(host, letter):
    stat = pathlib.Path(f"/proc/{host.process.pid}/stat")
    until = time.monotonic() + LIMIT
    while stat.read_text().rpartition(")")[2].split()[0] != letter:
        assert time.monotonic() < until
        time.sleep(0.001)


def both(host, line, command):
    """Both are there when the program next looks, the guest's first: it sleeps by
    then, and finds what has come in the order in which it came."""
    host.qmp.clear_events()
    wait_for_state(host, "S")
    host.process.send_signal(signal.SIGSTOP)
    wait_for_state(host, "T")
    host.qtest.send(line)
    host.qmp.send_raw(command)
    host.process.send_signal(signal.SIGCONT)


def answered(host):
    """The answer to what both() sent, with the events before it."""
    while True:
        message = host.qmp.read_message(time.monotonic() + LIMIT)
        if "event" not in message:
            return message["return"]
        host.qmp.events.append(message)


def names(host):
    return [event["event"] for event in host.qmp.events]


def test_what_a_guest_says_last_is_heard():
    said = "it is now safe"
    for end in (OFF, None):
        with Host() as host:
            host.qmp.execute("cont")
            host.qtest.send("\n".join([f"outb 0x3f8 {byte}" for byte in said.encode()] + ([end] if end else [])))
            if not end:
                for _ in said:
                    host.qtest.answer()
                host.qmp.send_raw(b'{"execute": "quit"}\n')
            host.console.wait_for(said, LIMIT)
            assert host.wait_exit(LIMIT) == 0


def test_a_power_off_is_one():
    with Host() as host:
        host.qmp.execute("cont")
        both(host, OFF, RESET)
        assert answered(host) == {}
        assert names(host) == ["SHUTDOWN"], names(host)
        assert host.qmp.events[0]["data"] == GUEST_OFF
        assert host.process.wait(LIMIT) == 0


def test_a_power_off_is_told_before_the_reset():
    with Host(["-no-shutdown"]) as host:
        host.qmp.execute("cont")
        both(host, OFF, RESET)
        assert answered(host) == {}
        assert names(host) == ["SHUTDOWN", "STOP", "RESET"], names(host)
        assert host.qmp.events[0]["data"] == GUEST_OFF
        assert host.qmp.execute("query-status")["status"] == "prelaunch"
        host.qmp.execute("cont")
        assert host.qmp.execute("query-status")["status"] == "running"


def test_two_resets_are_one():
    with Host() as host:
        host.qmp.execute("cont")
        both(host, AGAIN, RESET)
        assert answered(host) == {}
        assert host.qmp.execute("query-status")["status"] == "running"
        assert names(host) == ["RESET"], names(host)


if __name__ == "__main__":
    tap.main()
