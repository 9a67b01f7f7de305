#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""reconnect= and reconnect-ms= of a chardev and of a netdev: servers that are not there yet, go and come back. It
needs no KVM."""

import os
import pathlib
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.virtio import VERSION_1, Device, Pci, wait_until    # noqa: E402
from peer import HOTRAM, Peer                                # noqa: E402
from test_virtio_serial import LIMIT, OPEN, SERIAL, Driver, take      # noqa: E402

NET = 0x1041


def listen(path):
    server = socket.socket(socket.AF_UNIX)
    server.settimeout(LIMIT)
    server.bind(path)
    server.listen(1)
    return server


class Machine:
    """hotram with a driver for what it has."""

    def __init__(self, *options):
        self.peer = Peer(HOTRAM, "128M", options)
        self.qtest, self.qmp = self.peer.qtest, self.peer.qmp
        self.pci = Pci(self.qtest)

    def find(self, kind):
        self.device = Device(self.pci, self.pci.find(0x1af4, kind))
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def test_a_chardev_connects_again():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/server"
        with Machine("-device", "virtio-serial-pci", "-chardev", f"socket,id=c,path={path},reconnect-ms=10",
                     "-device", "virtserialport,chardev=c") as machine:
            driver = Driver(machine.find(SERIAL))
            driver.begins(1)
            assert machine.qmp.execute("query-chardev")[0]["filename"] == f"disconnected:unix:{path}"
            for turn in range(1, 4):
                wait_until(lambda count=turn: machine.peer.said().count("\n") == count, "a message")
                said = machine.peer.said().splitlines()[-1]
                assert f"Unable to connect character device c: cannot connect to '{path}'" in said and "10 ms" in said, said
                with listen(path) as server:
                    for last in (False, True):          # nothing is said in between
                        client, _ = server.accept()
                        with client:
                            client.settimeout(LIMIT)
                            assert driver.hears() == (1, OPEN, 1)
                            client.sendall(b"in")
                            driver.opens(1)
                            assert driver.receives(1) == b"in"
                            driver.sends(1, b"out")
                            assert take(client, 3) == b"out"
                            assert machine.peer.said().count("\n") == turn
                            if last:
                                os.unlink(path)
                        assert driver.hears() == (1, OPEN, 0)


def test_a_monitor_connects_again():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/server"
        with listen(path) as server, Machine("-chardev", f"socket,id=m,path={path},reconnect=1",
                                             "-mon", "m,mode=control"):
            for _ in range(2):
                client, _ = server.accept()
                with client:
                    client.settimeout(LIMIT)
                    assert client.recv(7) == b'{"QMP":'


def test_a_netdev_connects_again():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/server"
        with Machine("-netdev", f"stream,id=n,addr.type=unix,addr.path={path},reconnect-ms=10",
                     "-device", "virtio-net-pci,netdev=n,id=net0") as machine:
            net = machine.find(NET).device
            net.begin(VERSION_1)
            for index in range(2):
                net.queue(index)
            net.ready()
            for turn in range(1, 3):
                wait_until(lambda count=turn: machine.peer.said().count("netdev 'n': cannot connect") == count, "a message")
                with listen(path) as server:
                    client, _ = server.accept()
                    assert machine.qmp.wait_event("NETDEV_STREAM_CONNECTED")["data"]["netdev-id"] == "n"
                    client.close()
                    assert machine.qmp.wait_event("NETDEV_STREAM_DISCONNECTED")["data"]["netdev-id"] == "n"
                    client, _ = server.accept()
                    assert machine.qmp.wait_event("NETDEV_STREAM_CONNECTED")
                    os.unlink(path)
                    client.close()
                assert machine.qmp.wait_event("NETDEV_STREAM_DISCONNECTED")
            # One that waits for its server can go.
            stream = {"type": "stream", "id": "m", "addr": {"type": "unix", "path": f"{folder}/m"}, "reconnect-ms": 1}
            machine.qmp.execute("netdev_add", stream)
            machine.qmp.execute("netdev_del", {"id": "m"})
            try:
                raise AssertionError(machine.qmp.execute("netdev_add", {**stream, "server": True}))
            except QMPError as error:
                assert "'reconnect-ms' option is incompatible with socket in server mode" in str(error), error


if __name__ == "__main__":
    tap.main()
