#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""The sockets of guests that have a name, and hotramctl with the real program: it
finds guests, shows and ends them. No guest runs, so it needs no KVM."""

import contextlib
import os
import pathlib
import select
import signal
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import proc, tap                                    # noqa: E402
from lib.ctl import LIMIT, place                             # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMP                                      # noqa: E402

MIB = 1 << 20
OPTIONS = ("-accel", "qtest", "-nodefaults", "-display", "none", "-m", "64M,slots=2,maxmem=1G")


class Guest:
    """The program, with a monitor that tells when it has started."""

    def __init__(self, here, *options, environment=None):
        self.place = here
        self._monitor = here.runtime / f"monitor{time.monotonic_ns()}"
        self._errors = open(f"{self._monitor}.stderr", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [PROGRAM, *OPTIONS, "-qmp", f"unix:{self._monitor},server=on,wait=off", *options],
            stdin=subprocess.DEVNULL, stderr=self._errors, env=environment or here.environment)
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                self.qmp = QMP(self._monitor, LIMIT)
                return
            except (FileNotFoundError, ConnectionRefusedError):
                assert self.process.poll() is None and time.monotonic() < deadline, self.said()
                time.sleep(0.002)

    def said(self):
        self._errors.seek(0)
        return self._errors.read()

    def end(self, sign=signal.SIGTERM):
        self.process.send_signal(sign)
        return self.process.wait(LIMIT)

    def close(self):
        self.qmp.close()
        self.process.kill()
        self.process.wait()
        self._errors.close()


@contextlib.contextmanager
def guest(here, *options, **more):
    started = Guest(here, *options, **more)
    try:
        yield started
    finally:
        started.close()


def sockets(here):
    return sorted(os.listdir(here.folder)) if here.folder.exists() else []


def alive(here, name):
    client = QMP(here.folder / f"{name}.sock", LIMIT)
    answer = client.execute("query-name")
    client.close()
    return answer["name"]


# ---- the socket ----

def test_socket_of_a_name():
    for options in (("-name", "db1"), ("-name", "guest=db1,debug-threads=on")):
        with place() as here, guest(here, *options) as started:
            file = here.folder / "db1.sock"
            assert stat.S_IMODE(here.folder.stat().st_mode) == 0o700
            assert stat.S_ISSOCK(file.stat().st_mode) and stat.S_IMODE(file.stat().st_mode) == 0o600
            first, second = QMP(file, LIMIT), QMP(file, LIMIT)      # several clients
            assert first.execute("query-name") == second.execute("query-name") == {"name": "db1"}
            assert {"label": "#control", "filename": f"unix:{file},server=on", "frontend-open": True} \
                in first.execute("query-chardev")
            assert started.said() == ""
            assert started.end() == 0 and sockets(here) == []
            first.close()
            second.close()


def test_no_name_no_socket():
    with place() as here, guest(here) as started:
        assert not here.folder.exists()
        assert [entry["label"] for entry in started.qmp.execute("query-chardev")] == ["compat_monitor0"]


def test_two_guests_of_a_name():
    with place() as here, guest(here, "-name", "db1") as first:
        with guest(here, "-name", "db1") as second:
            assert f"warning: -name db1: process {first.process.pid} runs a guest with this name" in \
                second.said(), second.said()
            assert here.json("status")["pid"] == first.process.pid
            assert second.end() == 0
        assert sockets(here) == ["db1.sock"] and alive(here, "db1") == "db1"


def test_socket_of_a_dead_guest():
    with place() as here:
        with guest(here, "-name", "db1") as first:
            first.end(signal.SIGKILL)
        assert sockets(here) == ["db1.sock"]
        assert "has no socket of a guest that runs" in here.refused("status")
        assert "the one that made this socket is gone" in here.refused("-g", "db1", "status")
        with guest(here, "-name", "db1") as second:
            assert second.said() == "" and here.json("status")["pid"] == second.process.pid


def test_another_file_in_its_place_stays():
    with place() as here, guest(here, "-name", "db1") as first:
        file = here.folder / "db1.sock"
        file.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(file))
            assert first.end() == 0 and sockets(here) == ["db1.sock"]


def test_many_start_at_once():
    """Exactly one has the socket, and it answers, whatever a dead guest left."""
    with place() as here:
        with guest(here, "-name", "x") as dead:
            dead.end(signal.SIGKILL)
        processes = [subprocess.Popen([PROGRAM, *OPTIONS, "-name", "x"], env=here.environment,
                                      stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                     for _ in range(8)]
        try:
            pid = here.json("status", "-g", "x", "-p", "20")["pid"]
            assert pid in [process.pid for process in processes]
            time.sleep(0.5)
            assert here.json("status")["pid"] == pid
            for process in processes:
                process.terminate()
            said = [process.communicate(timeout=LIMIT)[1] for process in processes]
            assert sorted(text.count("runs a guest with this name") for text in said) == [0] + [1] * 7, said
        finally:
            for process in processes:
                process.kill()
                process.wait()


def test_names_that_are_no_file_names():
    for name, file in (("a/b", "a%2Fb"), ("..", "%2E."), (".hidden", "%2Ehidden"), ("50%", "50%25"),
                       ("two words", "two%20words"), ("tab\there", "tab%09here"), ("grün", "grün"),
                       ("a" * 40, "a" * 40)):
        with place() as here, guest(here, "-name", name) as started:
            assert sockets(here) == [f"{file}.sock"], (name, sockets(here))
            assert here.json("-g", name, "status")["name"] == name
            assert here.json("status")["pid"] == started.process.pid
            assert started.end() == 0 and sockets(here) == []


def test_no_socket_and_no_word_without_the_variable():
    with place() as here:
        for value in (None, ""):
            environment = {**here.environment, "XDG_RUNTIME_DIR": value}
            if value is None:
                del environment["XDG_RUNTIME_DIR"]
            with guest(here, "-name", "x", environment=environment) as started:
                assert started.qmp.execute("query-status")["running"]
                assert started.said() == "" and not here.folder.exists()


def test_no_socket_is_only_a_warning():
    def folder(mode):
        def make(here):
            here.folder.mkdir(mode=0o700)
            here.folder.chmod(mode)
            return here.environment
        return make

    def file(here):
        here.folder.write_text("")
        return here.environment

    def runtime(path):
        return lambda here: {**here.environment, "XDG_RUNTIME_DIR": path}
    for name, prepare, words in (
            ("x", runtime("run"), "does not begin with '/'"),
            ("x", runtime("/none/such"), "cannot create the directory '/none/such/hotram'"),
            ("x", runtime("/" + "r" * 100), "at most 107 bytes"),
            ("x", folder(0o755), "chmod 700"), ("x", file, "Not a directory"),
            ("n" * 200, lambda here: here.environment, "a shorter name"),
            ("", lambda here: here.environment, "the name is empty")):
        with place() as here:
            with guest(here, "-name", f"guest={name}", environment=prepare(here)) as started:
                assert started.qmp.execute("query-status")["running"]
                assert started.said().count("\n") == 1 and "hotram: warning: -name" in started.said() \
                    and words in started.said(), (words, started.said())
                assert "#control" not in str(started.qmp.execute("query-chardev"))
                assert started.end() == 0


def test_start_that_fails_leaves_nothing():
    with place() as here:
        result = subprocess.run([PROGRAM, *OPTIONS, "-name", "x", "-device", "pc-dimm,memdev=none"],
                                env=here.environment, capture_output=True, text=True, timeout=LIMIT,
                                check=False)
        assert result.returncode == 1 and sockets(here) == [], result


def test_in_the_background():
    with place() as here:
        subprocess.run([PROGRAM, *OPTIONS, "-name", "db1", "-daemonize"], env=here.environment,
                       check=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
        pid = here.json("status")["pid"]       # there as soon as the command returns
        with proc.daemon(pid):
            assert here.run("quit") == (0, f"guest db1 (process {pid}) ends\n", "")
            deadline = time.monotonic() + LIMIT
            while sockets(here):
                assert time.monotonic() < deadline
                time.sleep(0.01)


# ---- which guest ----

def test_no_guest():
    with place() as here:
        said = here.refused("status")
        assert f"no guest found: '{here.folder}': No such file" in said and "-name NAME" in said, said
        assert "no such socket" in here.refused("-g", "db1", "status")
        assert "no such socket" in here.refused("-s", "/none/such", "status")
        assert "at most 107 bytes" in here.refused("-s", "/" * 200, "status")
        assert here.run("top", "-n", "1")[0] == 1
        here.environment.pop("XDG_RUNTIME_DIR")
        assert "XDG_RUNTIME_DIR is not set" in here.refused("status")


def test_several_guests():
    with place() as here, guest(here, "-name", "b") as second, guest(here, "-name", "a") as first:
        assert "2 guests are running; say which with -g NAME: a, b" in here.refused("status")
        assert here.json("status", "-g", "a")["pid"] == first.process.pid
        assert here.json("status", "-s", here.folder / "b.sock")["pid"] == second.process.pid
        assert [entry["name"] for entry in here.json("top", "-n", "1")] == ["a", "b"]
        assert here.run("-g", "a", "quit")[0] == 0 and first.process.wait(LIMIT) == 0
        assert here.json("status")["pid"] == second.process.pid   # the only one now
        assert here.json("quit") == {"guest": "b", "pid": second.process.pid}
        assert second.process.wait(LIMIT) == 0


# ---- what it shows ----

def test_status_and_list_of_a_guest():
    with place() as here, guest(here, "-name", "db1", "-object", "memory-backend-ram,id=m1,size=128M",
                                "-device", "pc-dimm,id=d1,memdev=m1") as started:
        document = here.json("status")
        assert document["base-memory"] == 64 * MIB and document["plugged-memory"] == 128 * MIB
        assert (document["dimms"], document["slots"], document["status"]) == (1, 2, "running")
        assert 0 < document["resident"] < 64 * MIB and document["operations"] == []
        assert document.get("maxmem", 1 << 30) == 1 << 30
        assert here.json("list") == started.qmp.execute("query-memory-devices")
        assert here.run("list")[1].splitlines()[1].split()[:4] == ["0", "d1", "128", "MiB"]
        started.qmp.execute("stop")
        assert here.json("status")["status"] == "paused"
        # Also by a monitor that is no control socket.
        assert here.json("-s", started._monitor, "status")["pid"] == started.process.pid


def test_map_of_a_guest():
    with place() as here, guest(here, "-name", "db1") as started:
        assert here.json("map") == started.qmp.execute("query-memory-map")
        assert "RAM at start: 64 MiB" in here.run("map")[1]
        assert here.run("map", "--svg", "-")[1].startswith("<svg")


def test_set_by_a_difference_of_a_node():
    with place() as here, guest(here, "-name", "db1", "-m", "1G,slots=4,maxmem=9G", "-smp", "2",
                                "-numa", "node,mem=256M,cpus=0", "-numa", "node,mem=768M,cpus=1") as started:
        started.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m", "size": 2048 * MIB})
        started.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m", "node": 1})

        def requested(*words):
            return here.json("set", *words, "--dry-run")["requested"] // MIB

        assert requested("+1G") == 4096
        assert requested("+1G", "--node", "0") == 256 + 1024
        assert requested("+1G", "--node", "1") == 768 + 2048 + 1024
        assert requested("-2G", "--node", "1") == 768
        assert "set -512 MiB: node 0 has 256 MiB" in here.refused("set", "-512M", "--node", "0", status=2)
        assert "node has value 2" in here.refused("set", "+1G", "--node", "2")


def test_events_of_a_guest():
    with place() as here, guest(here, "-name", "db1") as started:
        watcher = here.start("events")
        while not select.select([watcher.stdout], [], [], 0.1)[0]:
            started.qmp.execute("stop")         # until it has connected
            started.qmp.execute("cont")
        started.qmp.execute("quit")
        out, err = watcher.communicate(timeout=LIMIT)
        assert watcher.returncode == 0 and err == "", err
        events = [line.split()[2] for line in out.splitlines()]
        assert events[-1] == "SHUTDOWN" and set(events[:-1]) <= {"STOP", "RESUME"}, out


if __name__ == "__main__":
    tap.main()
