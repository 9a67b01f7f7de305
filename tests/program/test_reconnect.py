#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""reconnect= and reconnect-ms= of a chardev and of a netdev, over UNIX sockets and TCP: servers that are not there yet, go
and come back. It needs no KVM."""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.virtio import VERSION_1, Device, Pci, wait_until    # noqa: E402
from peer import HOTRAM, Peer                                # noqa: E402
from test_virtio_serial import LIMIT, OPEN, SERIAL, Driver, take      # noqa: E402

NET = 0x1041
ALONE = [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-m", "128M"]


class Unix:
    """Where a server listens, with what an option says of that."""

    def __init__(self, folder):
        self.path = f"{folder}/server"
        self.option, self.netdev = f"path={self.path}", f"addr.type=unix,addr.path={self.path}"
        self.name, self.text = f"unix:{self.path}", f"cannot connect to '{self.path}'"
        self.event = {"addr": {"type": "unix", "path": self.path}}

    def listen(self):
        server = socket.socket(socket.AF_UNIX)
        server.settimeout(LIMIT)
        server.bind(self.path)
        server.listen(1)
        return server

    def close(self, server):
        del server
        os.unlink(self.path)


class Tcp:
    """At an address that nobody else uses, so that its port is not taken meanwhile."""

    def __init__(self, folder):
        del folder
        self.host = f"127.{os.getpid() >> 16 & 0x7f | 64}.{os.getpid() >> 8 & 0xff}.{os.getpid() & 0xff}"
        with socket.create_server((self.host, 0)) as server:
            self.port = server.getsockname()[1]
        self.option = f"host={self.host},port={self.port}"
        self.netdev = f"addr.type=inet,addr.host={self.host},addr.port={self.port}"
        self.name = f"tcp:{self.host}:{self.port}"
        self.text = f"cannot connect to {self.name}: Connection refused"
        self.event = {"addr": {"type": "inet", "host": self.host, "port": str(self.port)}}

    def listen(self):
        server = socket.create_server((self.host, self.port), backlog=1)
        server.settimeout(LIMIT)
        return server

    def close(self, server):
        server.close()


KINDS = (Unix, Tcp)


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


def check_chardev(place):
    with Machine("-device", "virtio-serial-pci", "-chardev", f"socket,id=c,{place.option},reconnect-ms=10",
                 "-device", "virtserialport,chardev=c") as machine:
        driver = Driver(machine.find(SERIAL))
        driver.begins(1)
        assert machine.qmp.execute("query-chardev")[0]["filename"] == f"disconnected:{place.name}"
        for turn in range(1, 4):
            wait_until(lambda count=turn: machine.peer.said().count("\n") == count, "a message")
            said = machine.peer.said().splitlines()[-1]
            assert f"Unable to connect character device c: {place.text}" in said and "10 ms" in said, said
            with place.listen() as server:
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
                        assert machine.qmp.execute("query-chardev")[0]["filename"] == place.name
                        if last:
                            place.close(server)
                    assert driver.hears() == (1, OPEN, 0)


def test_a_chardev_connects_again():
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            check_chardev(kind(folder))


def test_a_monitor_connects_again():
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            place = kind(folder)
            with place.listen() as server, Machine("-chardev", f"socket,id=m,{place.option},reconnect=1",
                                                   "-mon", "m,mode=control"):
                for _ in range(2):
                    client, _ = server.accept()
                    with client:
                        client.settimeout(LIMIT)
                        assert client.recv(7) == b'{"QMP":'
                place.close(server)


def test_a_server_hears_the_end_at_once():
    """Not when hotram connects again."""
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            place = kind(folder)
            with place.listen() as server, Machine("-chardev", f"socket,id=m,{place.option},reconnect=1000",
                                                   "-mon", "m,mode=control"):
                client, _ = server.accept()
                client.settimeout(LIMIT)
                client.shutdown(socket.SHUT_WR)
                while client.recv(4096):
                    pass
                client.close()
                place.close(server)


def test_each_address_of_a_name_is_tried():
    """Those of IPv6 first, where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIMIT)
        port = server.getsockname()[1]
        with Machine("-chardev", f"socket,id=m,host=localhost,port={port},reconnect-ms=1,nodelay=on", "-mon", "m,mode=control",
                     "-chardev", f"socket,id=unused,host=localhost,port={port},reconnect-ms=1") as machine:
            for _ in range(3):
                client, _ = server.accept()
                client.settimeout(LIMIT)
                client.close()
            assert "Unable" not in machine.peer.said()


def test_what_cannot_be_looked_up():
    for option, why in (("-chardev", "socket,id=m,host=no-such-host.invalid,port=1,reconnect=1"),
                        ("-netdev", "stream,id=n,addr.type=inet,addr.host=no-such-host.invalid,addr.port=1,reconnect=1")):
        run = subprocess.run([*ALONE, option, why], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT,
                             check=False)
        assert run.returncode == 1 and "host 'no-such-host.invalid': " in run.stderr, run.stderr


def check_netdev(place, folder):
    with Machine("-netdev", f"stream,id=n,{place.netdev},reconnect-ms=10",
                 "-device", "virtio-net-pci,netdev=n,id=net0") as machine:
        net = machine.find(NET).device
        net.begin(VERSION_1)
        for index in range(2):
            net.queue(index)
        net.ready()
        for turn in range(1, 3):
            wait_until(lambda count=turn: machine.peer.said().count("netdev 'n': cannot connect") == count, "a message")
            assert place.text in machine.peer.said()
            with place.listen() as server:
                client, _ = server.accept()
                told = machine.qmp.wait_event("NETDEV_STREAM_CONNECTED")["data"]
                assert told["netdev-id"] == "n" and place.event["addr"].items() <= told["addr"].items(), told
                client.close()
                assert machine.qmp.wait_event("NETDEV_STREAM_DISCONNECTED")["data"]["netdev-id"] == "n"
                client, _ = server.accept()
                assert machine.qmp.wait_event("NETDEV_STREAM_CONNECTED")
                place.close(server)
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


def test_a_netdev_connects_again():
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            check_netdev(kind(folder), folder)


if __name__ == "__main__":
    tap.main()
