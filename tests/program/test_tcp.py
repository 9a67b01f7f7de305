#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Chardevs over TCP and telnet: monitors, and the serial port's. It needs no KVM."""

import json
import pathlib
import re
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from peer import HOTRAM, Peer                                # noqa: E402

LIMIT = 60      # seconds; what has gone wrong, not what is slow
ALONE = [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-m", "128M"]
IAC = b"\xff"


class Machine:
    def __init__(self, *options):
        self.peer = Peer(HOTRAM, "128M", options)
        self.qmp = self.peer.qmp

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()

    def filename(self, label):
        return next(entry["filename"] for entry in self.qmp.execute("query-chardev") if entry["label"] == label)

    def port(self, label):
        return int(re.search(r":(\d+),server=on$", self.filename(label))[1])

    def connect(self, label, host="127.0.0.1"):
        return socket.create_connection((host, self.port(label)), LIMIT)


def take(client, until):
    got = b""
    while until not in got:
        more = client.recv(4096)
        assert more, got
        got += more
    return got


def test_qmp_over_tcp():
    with Machine("-qmp", "tcp:127.0.0.1:0,server=on,wait=off") as machine:
        label = "compat_monitor0"
        assert re.fullmatch(r"disconnected:tcp:127\.0\.0\.1:[1-9]\d*,server=on", machine.filename(label))
        with machine.connect(label) as first, machine.connect(label) as second:
            for client in (first, second):
                assert "QMP" in json.loads(take(client, b"\n"))
                client.sendall(b'{"execute": "qmp_capabilities"}')
                assert json.loads(take(client, b"\n")) == {"return": {}}
            assert machine.filename(label).startswith("tcp:")
        assert "listens at" not in machine.peer.said()


def test_the_human_monitor_over_telnet():
    with Machine("-monitor", "telnet:127.0.0.1:0,server,nowait") as machine:
        assert machine.filename("compat_monitor0").startswith("disconnected:telnet:127.0.0.1:")
        with machine.connect("compat_monitor0") as client:
            said = take(client, b"(hotram) ")
            assert said.startswith(b"\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00"), said
            # A client's answers to that are no keys, wherever they are cut.
            for piece in (b"\xff\xfd\x01\xff\xfd", b"\x03\xff\xfa\x1f\x00\x50", b"\x00\x18\xff\xf0info st", b"atus\r"):
                client.sendall(piece)
            said = take(client, b"VM status: paused")
            assert IAC not in said


def test_bytes_of_the_serial_line_over_telnet():
    with Machine("-serial", "telnet:127.0.0.1:0,server=on,wait=off,nodelay=on") as machine:
        with machine.connect("serial0") as client:
            assert take(client, b"\xff\xfd\x00")
            machine.peer.qtest.port_out(0x3f8, 1, 0xff)
            machine.peer.qtest.port_out(0x3f8, 1, 0x41)
            assert take(client, b"A") == b"\xff\xffA"


def test_a_client():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIMIT)
        port = server.getsockname()[1]
        with Machine("-chardev", f"socket,id=c,host=localhost,port={port}", "-serial", "chardev:c") as machine:
            peer, _ = server.accept()
            peer.settimeout(LIMIT)
            machine.peer.qtest.port_out(0x3f8, 1, 0x42)
            assert peer.recv(1) == b"B"
            assert machine.filename("c") == f"tcp:localhost:{port}"
            peer.close()


def test_who_listens_for_others_is_warned():
    for address in ("", "0.0.0.0"):
        with Machine("-monitor", f"tcp:{address}:0,server=on,wait=off") as machine:
            said = machine.peer.said()
            assert "listens at" in said and "anybody who reaches it is let in without a password" in said, said
            assert "host=127.0.0.1" in said
    for address in ("127.0.0.1", "127.1.2.3", "localhost"):
        with Machine("-monitor", f"tcp:{address}:0,server=on,wait=off") as machine:
            assert "listens at" not in machine.peer.said(), address


def test_what_fails():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cases = [
            (f"tcp:127.0.0.1:{port},server=on,wait=off", f"cannot listen at 127.0.0.1:{port}: Address already in use; take another"),
            ("tcp:192.0.2.1:0,server=on,wait=off", "cannot listen at 192.0.2.1:0: Cannot assign requested address; take an address"),
            ("tcp:no-such-host.invalid:1", "host 'no-such-host.invalid': "),
        ]
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        cases.append((f"tcp:127.0.0.1:{unused.getsockname()[1]}", "Connection refused; start the program that listens there first"))
        with socket.create_server(("127.0.0.1", port)):
            for device, words in cases:
                run = subprocess.run([*ALONE, "-qmp", device], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                     timeout=LIMIT, check=False)
                assert run.returncode == 1 and words in run.stderr and f"-qmp {device}: " in run.stderr, (device, run.stderr)


if __name__ == "__main__":
    tap.main()
