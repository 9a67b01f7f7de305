#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Where the serial line and the monitors are: terminal, pty, sockets, files; and
a program in the background."""

import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import proc, tap                                    # noqa: E402
from lib.machine import CLONE, PROGRAM                       # noqa: E402
from lib.qmp import QMP                                      # noqa: E402

MICRO = str(CLONE / "build/native/tests/micro/micro")
MEMORY = ["-m", "64M,slots=3,maxmem=4G"]
LIMIT = 20


class Terminal:
    """The program on a terminal, as a person has it."""

    def __init__(self, *options):
        self.said = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp(PROGRAM, [PROGRAM, *MEMORY, "-kernel", MICRO, *options])

    def read_some(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 4096)
        except OSError:                          # the program closed it
            return False
        self.said += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern):
        deadline = time.monotonic() + LIMIT
        while not (match := re.search(pattern, self.said)):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.said!r}"
            self.read_some(0.1)
        self.said = self.said[match.end():]
        return match

    def type(self, text):
        os.write(self.fd, text.encode())

    def status(self):
        """Waits for the end; what is still said stays to be expected."""
        while self.read_some(LIMIT):
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


def test_terminal_shared_by_serial_line_and_monitor():
    with Terminal("-nographic") as terminal:
        terminal.expect(r"micro\.\r\n")
        terminal.type("e")
        terminal.expect(r"e\.\r\n")
        terminal.type("\x01c")                   # Ctrl-A c
        terminal.expect(r"monitor - type 'help'")
        terminal.expect(r"\(hotram\) ")
        # A type completed with Tab comes with its comma.
        terminal.type("object_a\t")
        terminal.type("memory-backend-r\tid=mem1,size=1G\n")
        terminal.expect(r"\(hotram\) ")
        terminal.type("device_add pc-dimm,id=dimm1,memdev=m\t\n")
        terminal.expect(r"memdev=m.*em1\r")    # however the line is redrawn
        terminal.type("info memory-devices\n")
        terminal.expect(r"(?s)\[dimm\]: \"dimm1\".*size: 1073741824.*memdev: /objects/mem1")
        terminal.type("\x01c")
        terminal.type("h")
        terminal.expect(r"\.\r\n")
        # Ctrl-A c comes before what a monitor has yet to do: the request is there when the next prompt is.
        terminal.type("\x01cdevice_del dimm1\n")
        terminal.expect(r"del dimm1[^\n]*\n[^\n]*\(hotram\) ")
        terminal.type("\x01ch")
        terminal.expect(r"\.\r\n")
        terminal.type("\x01c")

        # The guest has answered; that the memory is given back comes after it.
        def gone():
            terminal.type("info memory-devices\n")
            return "dimm1" not in terminal.expect(r"(?s)info memory-devices(.*?)\(hotram\) ").group(1)
        wait_for(gone, "the DIMM's end")
        terminal.type("object_del mem1\ninfo memdev\n")
        listed = terminal.expect(r"(?s)info memdev(.*)\(hotram\) ").group(1)
        assert "hotram.ram" in listed and "mem1" not in listed, listed
        terminal.type("\x01x")
        assert terminal.status() == 0


def test_terminal_when_nothing_is_said():
    with Terminal() as terminal:
        terminal.expect(r"micro\.\r\n")
        terminal.type("\x01x")
        assert terminal.status() == 0


def test_monitor_on_the_terminal_alone():
    with Terminal("-serial", "none", "-monitor", "stdio") as terminal:
        terminal.expect(r"\(hotram\) ")
        terminal.type("info status\n")
        terminal.expect("VM status: running")
        terminal.type("stop\ninfo status\n")
        terminal.expect("VM status: paused")
        terminal.type("quit\n")
        assert terminal.status() == 0


def run_until_quit(options, drive, **more):
    """Starts the program, lets drive(process, folder) use it, and ends it."""
    with tempfile.TemporaryDirectory() as folder:
        options = [str(option).replace("FOLDER", folder) for option in options]
        with subprocess.Popen(
                [PROGRAM, *MEMORY, "-kernel", MICRO, "-nodefaults", "-display",
                 "none", *options], stdin=subprocess.DEVNULL, **more,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                drive(process, pathlib.Path(folder))
                process.terminate()
                assert process.wait(LIMIT) == 0
            finally:
                process.kill()


def wait_for(condition, what):
    deadline = time.monotonic() + LIMIT
    while not (result := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return result


def test_serial_line_to_a_file():
    def drive(_process, folder):
        log = folder / "log"
        wait_for(lambda: log.exists() and log.read_text() == "micro.\n", "the log")
    run_until_quit(["-serial", "file:FOLDER/log"], drive)


def test_serial_line_on_a_pty():
    def drive(process, _folder):
        said = process.stdout.readline().decode()
        match = re.match(r"char device redirected to (/dev/pts/\d+) \(label serial0\)",
                         said)
        assert match, said
        fd = os.open(match.group(1), os.O_RDWR | os.O_NOCTTY)
        os.write(fd, b"e")
        heard = b""
        while b"e." not in heard:
            assert select.select([fd], [], [], LIMIT)[0], heard
            heard += os.read(fd, 100)
        os.close(fd)
    run_until_quit(["-serial", "pty"], drive)


def test_who_opens_a_pty_and_then_lets_the_guest_run_misses_nothing():
    def drive(process, folder):
        name = re.search(r"/dev/pts/\d+", process.stdout.readline().decode())[0]
        connect(folder / "qmp").close()
        monitor = QMP(folder / "qmp")           # the program has looked for a reader, and looks again in a second
        fd = os.open(name, os.O_RDWR | os.O_NOCTTY)
        monitor.execute("cont")
        assert select.select([fd], [], [], LIMIT)[0]
        heard = os.read(fd, 6)
        assert heard == b"micro."[:len(heard)], heard
        os.close(fd)
        monitor.close()
    run_until_quit(["-S", "-serial", "pty", "-qmp", "unix:FOLDER/qmp,server=on,wait=off"], drive)


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(LIMIT)
    wait_for(lambda: client.connect_ex(str(path)) == 0, f"connection to {path}")
    return client


def test_several_clients_and_one_that_leaves():
    def drive(_process, folder):
        path = folder / "qmp"
        connect(path).close()
        first, second = QMP(path), QMP(path)
        rude = connect(path)
        rude.sendall(b'{"execute": "qmp_capabil')
        rude.close()
        first.execute("stop")
        for client in (first, second):
            client.wait_event("STOP", timeout=LIMIT)
        assert second.execute("query-status")["status"] == "paused"
        second.close()
        first.execute("cont")
        first.wait_event("RESUME", timeout=LIMIT)
        first.close()
    run_until_quit(["-qmp", "unix:FOLDER/qmp,server=on,wait=off"], drive)


def test_monitor_on_an_inherited_descriptor():
    # As libvirt does it: a socket that already listens, by its number.
    with tempfile.TemporaryDirectory() as place, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{place}/qmp")
        listening.listen()
        fd = listening.fileno()

        def drive(_process, _folder):
            for _ in range(2):                   # and again after a disconnect
                client = QMP(f"{place}/qmp", LIMIT)
                assert client.greeting["QMP"]["version"]["qemu"]["major"] == 7
                client.execute("query-status")
                client.close()
        run_until_quit(["-chardev", f"socket,id=m,fd={fd},server=on,wait=off",
                        "-mon", "chardev=m,mode=control"], drive, pass_fds=[fd])


def test_serial_line_connects_out():
    with tempfile.TemporaryDirectory() as place, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{place}/serial")
        listening.listen()
        listening.settimeout(LIMIT)

        def drive(_process, _folder):
            client, _ = listening.accept()
            client.settimeout(LIMIT)
            client.sendall(b"e")
            heard = b""
            while b"e." not in heard:
                heard += client.recv(100)
            client.close()
        run_until_quit(["-chardev", f"socket,id=s,path={place}/serial",
                        "-serial", "chardev:s"], drive)


def test_in_the_background():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAM, *MEMORY, "-kernel", MICRO, "-nodefaults", "-display",
                        "none", "-daemonize", "-pidfile", f"{folder}/pid",
                        "-qmp", f"unix:{folder}/qmp,server=on,wait=off"],
                       check=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
        # Both are there as soon as the command returns.
        pid = int(pathlib.Path(folder, "pid").read_text())
        with proc.daemon(pid):
            client = QMP(f"{folder}/qmp", LIMIT)
            assert client.execute("query-status")["running"] is True
            second = subprocess.run(
                [PROGRAM, *MEMORY, "-kernel", MICRO, "-nodefaults", "-display", "none",
                 "-pidfile", f"{folder}/pid"], timeout=LIMIT, check=False,
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            assert second.returncode == 1 and b"/pid" in second.stderr, second
            os.kill(pid, signal.SIGTERM)
            client.wait_event("SHUTDOWN", {"guest": False, "reason": "host-signal"},
                              LIMIT)
            wait_for(lambda: not proc.is_alive(pid), "the program's end")
            assert not os.path.exists(f"{folder}/pid")
            assert not os.path.exists(f"{folder}/qmp")


def test_background_that_cannot_start():
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run([PROGRAM, "-kernel", "/none/such", "-display", "none",
                                 "-daemonize", "-pidfile", f"{folder}/pid"],
                                timeout=LIMIT, check=False, capture_output=True)
        assert result.returncode == 1 and b"/none/such" in result.stderr, result
        assert not os.path.exists(f"{folder}/pid")


def test_machine_none_with_slots():
    def drive(_process, folder):
        client = QMP(wait_for(lambda: (folder / "qmp").exists() and folder / "qmp",
                              "the socket"), LIMIT)
        assert client.execute("query-memory-devices") == []
        client.close()
    run_until_quit(["-machine", "none", "-qmp", "unix:FOLDER/qmp,server=on,wait=off"],
                   drive)


def test_help_and_version():
    text = subprocess.run([PROGRAM, "-version"], check=True, capture_output=True,
                          text=True).stdout
    assert re.match(r"hotram version \d+\.\d+\.\d+", text), text
    text = subprocess.run([PROGRAM, "-help"], check=True, capture_output=True,
                          text=True).stdout
    for option in ("-m ", "-smp", "-object", "-device", "-qmp", "-daemonize"):
        assert option in text, option


if __name__ == "__main__":
    tap.main()
