#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Numbers and failures from outside that must not decide how much the main thread
does: sizes of terminals, clients that cannot be answered or watched, files that are
full."""

import contextlib
import errno
import fcntl
import os
import pathlib
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, tap                                  # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMP, QMPClosed                           # noqa: E402
from lib.qtest import QtestServer                            # noqa: E402

LIMIT = 60
DATA, STATUS = 0x3f8, 0x3fd          # of the serial port
EMPTY = 0x20


def until(condition, what):
    deadline = time.monotonic() + LIMIT
    while not (result := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return result


@contextlib.contextmanager
def terminal(host):
    """The other end of the pseudo terminal of -monitor pty."""
    path = until(lambda: re.search(r"redirected to (\S+) \(label compat_monitor",
                                   host.errors.read_text()), "pty").group(1)
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        yield fd
    finally:
        os.close(fd)


def says(fd, pattern):
    heard = b""
    deadline = time.monotonic() + LIMIT
    while not re.search(pattern, heard):
        left = deadline - time.monotonic()
        assert left > 0 and select.select([fd], [], [], left)[0], heard
        heard += os.read(fd, 4096)
    return heard


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_a_terminal_of_any_size():
    with Host(["-monitor", "pty"]) as host, terminal(host) as fd:
        os.write(fd, b"\n")
        says(fd, rb"\(hotram\) ")
        before = host.rss()
        for size in (65535, 65535), (1, 65535), (65535, 1), (1, 1), (0, 0), (10000, 10000):
            resize(fd, *size)
            os.write(fd, b"info status\n")
            says(fd, rb"VM status")
            # What does not fit on the screen is drawn all the same.
            os.write(fd, b"x" * 300 + b"\x15info name\n\n")
            says(fd, rb"\(hotram\) ")
            host.qmp.execute("query-status")
        assert host.rss() - before < 32 << 10, (before, host.rss())


def test_a_terminal_that_changes_its_size_all_the_time():
    with Host(["-monitor", "pty"]) as host, terminal(host) as fd:
        before = host.rss()
        for round_ in range(300):
            resize(fd, 1 + round_ * 7919 % 65535, 1 + round_ * 104729 % 65535)
            os.write(fd, b"\n")
            says(fd, rb"\(hotram\) ")
        host.qmp.execute("query-status")
        assert host.rss() - before < 32 << 10, (before, host.rss())


def most_memory(process):
    """Of its own, in KiB, at any time so far."""
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1))


def monitor_at(rows, columns, **environment):
    """The most memory that a monitor takes whose terminal has had this size from the start."""
    master, slave = os.openpty()
    resize(master, rows, columns)
    process = subprocess.Popen([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-m", "64M",
                                "-monitor", "stdio"], stdin=slave, stdout=slave,
                               env={**os.environ, **{key: str(value) for key, value in environment.items()}})
    try:
        says(master, rb"\(hotram\) ")
        os.write(master, b"info status\r")
        says(master, rb"VM status")
        most = most_memory(process)
        os.write(master, b"quit\r")
        assert process.wait(LIMIT) == 0
        return most
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        os.close(master)


def test_a_terminal_that_is_large_from_the_start():
    """Standard output's window, and what the environment says of it, are looked at by the libraries, too."""
    usual = monitor_at(24, 80)
    for rows, columns, environment in ((10000, 10000, {}), (65535, 65535, {}), (1, 65535, {}), (65535, 1, {}),
                                       (0, 0, {"LINES": 20000, "COLUMNS": 20000}),
                                       (24, 80, {"LINES": 20000, "COLUMNS": 20000}),
                                       (24, 80, {"LINES": -1, "COLUMNS": 99999999999})):
        most = monitor_at(rows, columns, **environment)
        assert most - usual < 32 << 10, (rows, columns, environment, usual, most)


def let_go(client):
    """The program has closed the connection."""
    try:
        while True:
            client.read_message(time.monotonic() + LIMIT)
    except QMPClosed:
        return True


def test_a_client_that_cannot_be_answered():
    for name in "ENOBUFS", "ENOMEM":
        with inject.faults() as faults, Host(environment=faults.environment) as host:
            client = host.second()
            with faults.fail("send", name):
                client.send_raw(b'{"execute": "query-status"}\n')
                assert let_go(client)
            host.second().execute("query-status")
            host.qmp.execute("query-status")
            assert "client disconnected" in host.errors.read_text()
            assert os.strerror(getattr(errno, name)) in host.errors.read_text()


def test_a_client_that_is_gone_is_still_read():
    """It has sent its commands, and does not wait for the answers."""
    with Host() as host:
        host.qmp.execute("cont")
        client = host.second()
        client.send_raw(b'{"execute": "query-status"}' * 20 + b'{"execute": "stop"}\n')
        client.close()
        host.qmp.wait_event("STOP", timeout=LIMIT)


def test_a_client_that_cannot_be_watched():
    for call in "epoll_add", "epoll_mod", "epoll_del":
        with inject.faults() as faults, Host(environment=faults.environment) as host:
            path = host.folder / "qmp"
            fds = host.fds()
            with faults.fail(call, "ENOSPC"):
                try:
                    with contextlib.closing(QMP(path, LIMIT)) as client:
                        client.execute("query-status")
                except (QMPClosed, ConnectionError):
                    assert call != "epoll_del"
            # Nothing is left of it, and whoever comes later is served, those who were there before too.
            for _ in range(3):
                with contextlib.closing(QMP(path, LIMIT)) as client:
                    client.execute("query-status")
            host.qmp.execute("query-status")
            # At the start there may have been one more, of a connection just closed.
            until(lambda: host.fds() <= fds, "descriptors")


def test_no_watch_is_lost_when_a_paused_client_goes_on():
    """A flood of commands pauses a client; to read it again needs the kernel's help."""
    with inject.faults() as faults, Host(environment=faults.environment) as host:
        clients = [host.second() for _ in range(4)]
        with faults.fail("epoll_add", "ENOMEM"):
            for client in clients:
                client.send_raw(b'{"execute": "query-qmp-schema"}\n' * 10)
            for client in clients:       # let go, or answered to the end
                with contextlib.suppress(QMPClosed):
                    for _ in range(10):
                        client.read_answer(time.monotonic() + LIMIT)
        host.second().execute("query-status")


class Bare:
    """The program with the serial port where a test wants it."""

    def __init__(self, options, environment=None, **more):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hotram-"))
        server = QtestServer(self.folder / "qtest")
        self.process = subprocess.Popen(
            [PROGRAM, "-accel", "qtest", "-qtest", f"unix:{server.path}", "-nodefaults",
             "-display", "none", "-m", "64M", *options],
            env=environment, **{"stdin": subprocess.DEVNULL, **more})
        self.qtest = server.accept()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            assert self.process.wait(LIMIT) == 0
        finally:
            self.process.kill()
            shutil.rmtree(self.folder)

    def serial(self, text):
        for byte in text:
            until(lambda: self.qtest.port_in(STATUS, 1) & EMPTY, "the serial port")
            self.qtest.port_out(DATA, 1, byte)


def goes_on(program, faults, log):
    """What cannot be written is lost, and nothing else."""
    program.serial(b"before.")
    until(lambda: log.read_bytes() == b"before.", log.read_bytes())
    for name in "ENOSPC", "EIO", "EFBIG", "EDQUOT":
        with faults.fail("write", name):
            program.serial(b"lost" * 100)
            time.sleep(0.1)
    program.serial(b"after.")
    until(lambda: log.read_bytes().endswith(b"after."), log.read_bytes())


def test_a_full_disk_does_not_silence_what_is_written_to_a_file():
    with inject.faults() as faults:
        folder = pathlib.Path(faults.environment["INJECT"]).parent
        for number, options in enumerate((["-serial", "file:LOG"],
                                          ["-chardev", "null,id=n,logfile=LOG", "-serial", "chardev:n"],
                                          ["-chardev", "file,id=f,path=LOG,mux=on", "-serial", "chardev:f"])):
            log = folder / str(number)
            options = [option.replace("LOG", str(log)) for option in options]
            with Bare(options, faults.environment) as program:
                goes_on(program, faults, log)
        log = folder / "stdout"
        with log.open("wb") as out, Bare(["-serial", "stdio"], faults.environment, stdout=out) as program:
            goes_on(program, faults, log)


def test_a_fifo_whose_reader_comes_again():
    with tempfile.TemporaryDirectory() as folder:
        fifo = pathlib.Path(folder) / "fifo"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        with Bare(["-serial", f"file:{fifo}"]) as program:
            for text in b"first", b"second":
                program.serial(text)
                assert says(reader, text)
                os.close(reader)
                program.serial(b"nobody")
                time.sleep(0.1)
                reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
            os.close(reader)


if __name__ == "__main__":
    tap.main()
