#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""chardev-add and chardev-remove, in QMP and in the human monitor: chardevs of all kinds for ports that come while
the machine runs. It needs no KVM."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402
from lib.schema import Schema                                # noqa: E402
from lib.virtio import wait_until                            # noqa: E402
from test_virtio_serial import ADD, ALONE, LIMIT, OPEN, READY, REMOVE, Driver, Machine, take      # noqa: E402

KINDS = ["null", "stdio", "pty", "file", "socket"]


def unix(path, **data):
    return {"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": path}}, **data}}


def labels(machine):
    return [entry["label"] for entry in machine.qmp.execute("query-chardev") if entry["label"] not in ("c0", "c1")]


def descriptors(machine):
    return len(os.listdir(f"/proc/{machine.peer.process.pid}/fd"))


def words(machine, line):
    return machine.qmp.execute("human-monitor-command", {"command-line": line})


def plug(machine, driver, chardev):
    """A port on it; the driver opens it."""
    machine.qmp.execute("device_add", {"driver": "virtserialport", "id": "p", "chardev": chardev, "nr": 1})
    assert driver.hears() == (1, ADD, 1)
    driver.tell(1, READY)


def unplug(machine, driver):
    machine.qmp.execute("device_del", {"id": "p"})
    while driver.hears()[1] != REMOVE:
        pass


def test_a_channel_comes_and_goes():
    """The server is the default, and nobody is waited for."""
    with Machine(sockets=0) as machine:
        qmp, driver, path = machine.qmp, Driver(machine), f"{machine.folder.name}/new"
        driver.begins()
        before = labels(machine)
        for turn in range(3):
            if turn == 2:               # the human monitor waits for nobody either, whatever it says
                assert words(machine, f"chardev-add socket,id=new,path={path},server=on,wait=on") == ""
            else:
                assert qmp.execute("chardev-add", {"id": "new", "backend": unix(path)}) == {}
            assert labels(machine) == [*before, "new"]
            machine.refuses("chardev-add", "Chardev with id 'new' already exists", id="new", backend=unix(path))
            plug(machine, driver, "new")
            machine.refuses("chardev-remove", "Chardev 'new' is busy", id="new")
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(LIMIT)
                client.connect(path)
                assert driver.hears() == (1, OPEN, 1)
                driver.opens(1)
                client.sendall(b"in")
                assert driver.receives(1) == b"in"
                driver.sends(1, b"out")
                assert take(client, 3) == b"out"
                unplug(machine, driver)
                assert words(machine, "chardev-remove new") == "" if turn == 1 else \
                    qmp.execute("chardev-remove", {"id": "new"}) == {}
                assert client.recv(1) == b"", "its client is gone, too"
            assert labels(machine) == before and not os.path.exists(path)
            machine.refuses("chardev-remove", "Chardev 'new' not found", id="new")


def test_each_kind():
    with tempfile.TemporaryDirectory() as folder, Machine(sockets=0) as machine:
        schema = Schema(machine.qmp)
        backend = schema.entities["chardev-add-arg.backend"]
        assert sorted(variant["case"] for variant in backend["variants"]) == sorted(KINDS)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"{folder}/server")
            server.listen(4)
            common = {"logfile": f"{folder}/log", "logappend": True}
            client = unix(f"{folder}/server", server=False, nodelay=False, telnet=False, **common)["data"]
            for kind, data in (("null", common), ("stdio", {"signal": False, **common}), ("pty", common),
                               ("file", {"out": f"{folder}/out", "append": True, **common}),
                               ("socket", {**client, "reconnect": 1, "wait": False}),
                               ("socket", {**client, "reconnect-ms": 1}), ("null", {}), ("file", {"out": f"{folder}/out"}),
                               ("socket", unix(f"{folder}/other")["data"])):
                members = {member["name"]: member for member in
                           schema.entities[f"chardev-add-arg.backend.{kind}"]["members"]}
                assert set(data) <= set(members), (kind, data, members)
                assert {name for name, member in members.items() if "default" not in member} <= set(data), (kind, members)
                answer = machine.qmp.execute("chardev-add", {"id": "new", "backend": {"type": kind, "data": data}})
                schema.check_answer("chardev-add", answer)
                assert ("pty" in answer) == (kind == "pty") and (kind != "pty" or os.path.exists(answer["pty"])), answer
                machine.qmp.execute("device_add", {"driver": "virtserialport", "id": "p", "chardev": "new"})
                machine.qmp.execute("device_del", {"id": "p"})
                machine.qmp.execute("chardev-remove", {"id": "new"})
        said = words(machine, "chardev-add pty,id=p")
        assert re.fullmatch(r"char device redirected to /dev/pts/\d+\r?\n", said), said
        assert words(machine, "chardev-add help").split() == KINDS


def pass_end(machine, server):
    """One end of a pair of sockets, by name; returns the other end, and what asks for the first."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with theirs:
        machine.qmp.pass_descriptors(theirs.fileno())
        machine.qmp.execute("getfd", {"fdname": "end"})
    ours.settimeout(LIMIT)
    return ours, {"type": "socket", "data": {"server": server, "addr": {"type": "fd", "data": {"str": "end"}}}}


def test_descriptors_that_a_client_passes():
    with Machine(sockets=0) as machine:
        driver = Driver(machine)
        driver.begins()
        opened = descriptors(machine)
        ours, backend = pass_end(machine, False)
        with ours:
            machine.qmp.execute("chardev-add", {"id": "new", "backend": backend})
            plug(machine, driver, "new")
            assert driver.hears() == (1, OPEN, 1)
            driver.opens(1)
            ours.sendall(b"in")
            assert driver.receives(1) == b"in"
            unplug(machine, driver)
            machine.qmp.execute("chardev-remove", {"id": "new"})
            assert ours.recv(1) == b""
        ours, backend = pass_end(machine, True)
        with ours:
            machine.refuses("chardev-add", "server=on requires a listening socket", id="new", backend=backend)
            backend["data"]["logfile"] = "/nowhere/x"
            machine.refuses("chardev-add", "cannot open logfile", id="new", backend=backend)
            machine.qmp.execute("closefd", {"fdname": "end"})       # which has stayed
            assert ours.recv(1) == b"", "a descriptor is left"
            said = words(machine, "chardev-add socket,id=new,fd=3")
            assert "a descriptor is passed by QMP's getfd" in said, said
        assert descriptors(machine) == opened


BAD = [
    ({"type": "nul", "data": {}}, "Parameter 'backend.type' does not accept value 'nul': null, stdio, pty, file, socket"),
    ({"data": {}}, "Parameter 'backend.type' is missing"),
    ({"type": "null"}, "Parameter 'backend.data' is missing"),
    ({"type": "null", "data": {}, "more": 1}, "Parameter 'backend.more' is unexpected"),
    ({"type": "null", "data": {"path": "x"}}, "Parameter 'backend.data.path' is unexpected"),
    ({"type": "null", "data": {"mux": True}}, "Parameter 'backend.data.mux' is unexpected"),
    ({"type": "null", "data": {"logfile": 1}}, "logfile"),
    ({"type": "null", "data": {"logfile": "/nowhere/x"}}, "Failed to add chardev 'new': cannot open logfile '/nowhere/x'"),
    ({"type": "file", "data": {}}, "Parameter 'backend.data.out' is missing"),
    ({"type": "file", "data": {"out": "/nowhere/x"}}, "Failed to add chardev 'new': cannot open '/nowhere/x'"),
    ({"type": "socket", "data": {}}, "Parameter 'backend.data.addr' is missing"),
    ({"type": "socket", "data": {"path": "/x", "addr": {"type": "unix", "data": {"path": "/x"}}}},
     "Parameter 'backend.data.path' is unexpected"),
    ({"type": "socket", "data": {"addr": {"type": "vsock", "data": {}}}}, "does not accept value 'vsock': unix, inet, fd"),
    ({"type": "socket", "data": {"addr": {"type": "unix", "data": {}}}}, "Parameter 'backend.data.addr.data.path' is missing"),
    ({"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": "/x", "abstract": True}}}},
     "Parameter 'backend.data.addr.data.abstract' is unexpected"),
    ({"type": "socket", "data": {"addr": {"type": "inet", "data": {"host": "127.0.0.1", "port": "0"}}}},
     "TCP is not possible while the program runs, because of -sandbox on"),
    ({"type": "socket", "data": {"addr": {"type": "fd", "data": {"str": "nobody"}}}}, "nobody"),
    ({"type": "socket", "data": {"addr": {"type": "fd", "data": {"str": 3}}}}, "expected: string"),
    ({"type": "socket", "data": {"addr": {"type": "fd", "data": {"str": "3"}}}}, "passed by QMP's getfd"),
    (unix("/nowhere/x", server=False), "Failed to add chardev 'new': cannot connect to '/nowhere/x'"),
    (unix("/nowhere/x"), "Failed to add chardev 'new': cannot create socket '/nowhere/x'"),
    (unix("/nowhere/x", reconnect=1), "'reconnect' option is incompatible with socket in server listen mode"),
    (unix("/nowhere/x", server=False, reconnect=1, **{"reconnect-ms": 1}), "mutually exclusive"),
]


def test_bad_words():
    with Machine("virtserialport,chardev=c0") as machine:
        before = labels(machine)
        opened = descriptors(machine)
        for backend, said in BAD:
            machine.refuses("chardev-add", said, id="new", backend=backend)
        for name in ("1", "", "#control", "a b"):
            machine.refuses("chardev-add", f"'{name}'", id=name, backend={"type": "null", "data": {}})
        for name in [*before, "c0"]:
            machine.refuses("chardev-remove", f"Chardev '{name}' is busy", id=name)
        assert "Parameter 'id' is missing" in words(machine, "chardev-add null")
        assert "did you mean 'socket'" in words(machine, "chardev-add sockt,id=x,path=y")
        assert labels(machine) == before
        assert descriptors(machine) == opened, "descriptors are left"
        machine.qmp.execute("chardev-remove", {"id": "c1"})


def test_one_that_waits_for_its_first_client_stays():
    """The start runs the event loop for it, and monitors that were started before are served meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["-chardev", f"socket,id=q,path={folder}/q,server=on,wait=off", "-mon", "q,mode=control",
                   "-chardev", f"socket,id=w,path={folder}/w,server=on,wait=on",
                   "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=w,id=p"]
        with subprocess.Popen([*ALONE, *options], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert "waiting for connection on" in process.stderr.readline()
                with contextlib.closing(QMP(f"{folder}/q")) as qmp, socket.socket(socket.AF_UNIX) as client:
                    qmp.execute("device_del", {"id": "p"})
                    try:
                        raise AssertionError(qmp.execute("chardev-remove", {"id": "w"}))
                    except QMPError as error:
                        assert "Chardev 'w' is busy: the program waits for its first client" in str(error), error
                    client.connect(f"{folder}/w")
                    wait_until(lambda: "disconnected" not in qmp.execute("query-chardev")[1]["filename"], "the client")
                    qmp.execute("chardev-remove", {"id": "w"})
                    qmp.execute("quit")
                assert process.wait(LIMIT) == 0, process.stderr.read()
            finally:
                process.kill()


if __name__ == "__main__":
    tap.main()
