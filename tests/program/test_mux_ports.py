#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""A chardev with mux=on that a virtconsole, a virtserialport and a monitor share. It needs no KVM."""

import pathlib
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from test_virtio_serial import ADD, LIMIT, OPEN, READY, REMOVE, Driver, Machine, pattern, take      # noqa: E402

NEXT = b"\x01c"         # the next one gets the keyboard


def read_until(client, words):
    got = b""
    while words not in got:
        more = client.recv(4096)
        assert more, got
        got += more
    return got


def receive(driver, number, length):
    got = b""
    while len(got) < length:
        got += driver.receives(number)
    return got


def test_a_console_a_port_and_a_monitor():
    with tempfile.TemporaryDirectory() as folder, \
            Machine("virtconsole,chardev=m,id=con", "virtserialport,chardev=m,id=p", sockets=0,
                    options=["-chardev", f"socket,id=m,path={folder}/m,server=on,wait=off,mux=on", "-mon", "m"]) as machine:
        qmp, driver = machine.qmp, Driver(machine)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(LIMIT)
            client.connect(f"{folder}/m")
            driver.begins(0, 1)
            said = [driver.hears() for _ in range(3)]
            assert (1, OPEN, 1) in said and (0, OPEN, 1) in said, said
            for number in (0, 1):
                driver.opens(number)

            # What all write goes to the client, and what it types to one of them.
            client.sendall(b"to the console")
            assert driver.receives(0) == b"to the console"
            driver.sends(0, b"of the console")
            assert take(client, 14) == b"of the console"
            driver.sends(1, b"of the port")
            assert take(client, 11) == b"of the port"
            client.sendall(NEXT + b"to the port")
            assert driver.receives(1) == b"to the port"
            client.sendall(NEXT + b"info status\r")
            read_until(client, b"VM status: paused")
            client.sendall(NEXT + b"again")
            assert driver.receives(0) == b"again"

            # One that is removed loses the keyboard, and one that comes gets it in its turn.
            client.sendall(NEXT + b"port")
            assert driver.receives(1) == b"port"
            qmp.execute("device_del", {"id": "p"})
            assert driver.hears() == (1, REMOVE, 1)
            client.sendall(b"console")
            assert driver.receives(0) == b"console"
            qmp.execute("device_add", {"driver": "virtserialport", "chardev": "m", "id": "q", "nr": 2})
            assert driver.hears() == (2, ADD, 1)
            driver.tell(2, READY)
            assert driver.hears() == (2, OPEN, 1)
            driver.opens(2)
            client.sendall(NEXT + NEXT + b"port 2")
            assert driver.receives(2) == b"port 2"
            machine.refuses("chardev-remove", "Chardev 'm' is busy", id="m")

            # A guest that does not read keeps nobody from the keys, until there is too much.
            data = pattern(64000).replace(b"\x01", b"\x02")
            client.sendall(data + NEXT + b"console")
            assert driver.receives(0) == b"console"
            assert receive(driver, 2, len(data)) == data


if __name__ == "__main__":
    tap.main()
