#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Files and descriptors: what must not hold the program up, what it leaves behind,
and what it takes with it from whoever started it."""

import contextlib
import errno
import fcntl
import os
import pathlib
import select
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, proc, tap                            # noqa: E402
from lib.host import MIB, Host                               # noqa: E402
from lib.machine import CLONE, PROGRAM                       # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402

MICRO = CLONE / "build/native/tests/micro/micro"
LIMIT = 60
QUIET = ["-accel", "qtest", "-nodefaults", "-display", "none", "-m", "64M,slots=2,maxmem=1G"]


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="hotram-files-") as name:
        yield pathlib.Path(name)


def runs(*options, **more):
    """Runs the program that is to end by itself: status and what it said."""
    done = subprocess.run([PROGRAM, *QUIET, *map(str, options)], timeout=LIMIT, check=False,
                          **{"stdin": subprocess.DEVNULL, "capture_output": True, "text": True,
                             **more})
    return done.returncode, done.stderr


def fails(words, *options, **more):
    status, said = runs(*options, **more)
    assert status == 1, (status, said)
    for word in words if isinstance(words, tuple) else (words,):
        assert word in said, said
    return said


@contextlib.contextmanager
def running(*options, **more):
    """The program, with its monitor at PLACE/qmp."""
    with folder() as place:
        process = subprocess.Popen([PROGRAM, *QUIET, "-qmp", f"unix:{place}/qmp,server=on,wait=off",
                                    *map(str, options)], **{"stdin": subprocess.DEVNULL, **more})
        try:
            yield process, connect(process, place / "qmp")
        finally:
            process.terminate()
            try:
                process.wait(LIMIT)
            finally:
                process.kill()


def connect(process, path):
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return QMP(path, LIMIT)
        except (FileNotFoundError, ConnectionRefusedError):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)


def odd_files(place):
    """Paths that are no regular files, and the word for each."""
    os.mkfifo(place / "fifo")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place / "socket"))
    return (place / "fifo", "a FIFO"), (place / "socket", "a socket"), ("/dev/zero", "a device"), \
        ("/dev/ptmx", "a device")


# What waits ----------------------------------------------------------------

def test_nothing_waits_in_open():
    with folder() as place:
        for path, word in odd_files(place):
            fails(word, "-kernel", path)
            fails(word, "-kernel", MICRO, "-initrd", path)
            fails(word, "-pidfile", path)
            fails(word, "-object", f"memory-backend-file,id=m,size=2M,mem-path={path}")
        fails("it has no reader", "-serial", f"file:{place}/fifo")
        fails("it has no reader", "-chardev", f"null,id=n,logfile={place}/fifo", "-serial", "chardev:n")


def test_nothing_waits_in_open_while_others_work():
    with Host() as host:
        for path, word in odd_files(host.files):
            for readonly in False, True:
                try:
                    host.add("file", mem_path=path, readonly=readonly, share=True)
                    raise AssertionError(path)
                except QMPError as error:
                    assert word in error.desc, error.desc
        host.qmp.execute("query-status")


def test_leased_files():
    """To open such a file waits for its holder, for 45 seconds if that says nothing."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    for options in (["-pidfile", "FILE"], ["-serial", "file:FILE"], ["-qtest", "unix:FILE.s,server=on,wait=off", "-qtest-log", "FILE"],
                    ["-chardev", "null,id=n,logfile=FILE", "-serial", "chardev:n"],
                    ["-object", "memory-backend-file,id=m,size=2M,mem-path=FILE"],
                    ["-kernel", MICRO, "-initrd", "FILE"]):
        with folder() as place:
            path = place / "file"
            path.write_bytes(bytes(4096))
            fd = os.open(path, os.O_RDWR)
            # Nobody else may even read it.
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            fails(("another process holds a lease on it", str(path)),
                  *(str(option).replace("FILE", str(path)) for option in options))
            os.close(fd)


def test_locked_files():
    with folder() as place, open(place / "file", "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        fails("locked by another running process", "-pidfile", place / "file")
    with folder() as place, inject.faults() as faults, faults.fail("flock", "EIO"):
        said = fails("Input/output error", "-pidfile", place / "pid", env=faults.environment)
        assert "another process" not in said, said
        assert not list(place.iterdir())
    # The folder of control sockets: a start waits a moment for whoever holds it, and goes on without.
    with folder() as place:
        (place / "hotram").mkdir(0o700)
        fd = os.open(place / "hotram", os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        environment = dict(os.environ, XDG_RUNTIME_DIR=str(place))
        with running("-name", "x", env=environment, stderr=subprocess.PIPE) as (process, qmp):
            qmp.execute("query-status")
            qmp.execute("quit")
            assert "locked by another process" in process.stderr.read().decode()
        os.close(fd)


@contextlib.contextmanager
def failed_start():
    """One that fails with the socket of a client inherited, as libvirt starts programs: the process and the path."""
    with socket.socket(socket.AF_UNIX) as listening, folder() as place:
        listening.bind(str(place / "s"))
        listening.listen()
        fd = listening.fileno()
        options = ["-chardev", f"socket,id=s,fd={fd},server=on", "-mon", "chardev=s,mode=control",
                   "-kernel", "/nowhere"]
        with subprocess.Popen([PROGRAM, *QUIET, *options], stderr=subprocess.PIPE, pass_fds=[fd]) as process:
            listening.close()           # the program has the only one
            yield process, place / "s"


def test_signals_end_a_start_that_waits():
    """For its first client, and after a failed start for the client that is to read why."""
    with folder() as place:
        options = ["-chardev", f"socket,id=s,path={place}/s,server=on,wait=on", "-serial", "chardev:s"]
        with subprocess.Popen([PROGRAM, *QUIET, *options], stderr=subprocess.PIPE) as process:
            process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            process.wait(LIMIT)
    with failed_start() as (process, _):
        assert b"/nowhere" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT)


def test_the_client_of_a_failed_start_sees_its_end():
    """And no reset, for which libvirt does not look at the messages."""
    with failed_start() as (process, path), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(LIMIT)
        client.connect(str(path))
        assert client.recv(1) == b""
        assert process.wait(LIMIT) == 1


def test_messages_that_nobody_reads():
    """A pipe as standard error that is full holds nobody up."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"x")
    os.set_blocking(write, True)
    with inject.faults() as faults, \
            running(stderr=write, env=faults.environment) as (process, qmp):
        path = qmp._socket.getpeername()           # pylint: disable=protected-access
        with faults.fail("send", "ENOBUFS"):       # which is said
            raw = socket.socket(socket.AF_UNIX)
            raw.connect(path)
            raw.settimeout(LIMIT)
            while raw.recv(65536):
                pass
            raw.close()
        qmp.execute("query-status")
    os.close(read)
    os.close(write)


# What is left ----------------------------------------------------------------

def test_a_failed_start_leaves_nothing():
    with folder() as place:
        (place / "theirs").write_bytes(b"")
        (place / "kept").write_bytes(b"k" * (2 * MIB))
        before = {path.name: path.read_bytes() for path in place.iterdir()}
        environment = dict(os.environ, XDG_RUNTIME_DIR=str(place / "run"))
        (place / "run").mkdir()
        options = ["-name", "x", "-pidfile", place / "pid",
                   "-object", f"memory-backend-file,id=m,size=2M,mem-path={place}/new",
                   "-object", f"memory-backend-file,id=e,size=2M,mem-path={place}/theirs",
                   "-object", f"memory-backend-file,id=k,size=2M,mem-path={place}/kept",
                   "-chardev", f"socket,id=s,path={place}/s,server=on,wait=off"]
        for last in (["-device", "pc-dimm,memdev=nothing"],
                     ["-object", "memory-backend-ram,id=m,size=1M"],
                     ["-chardev", f"socket,id=t,path={place}/nobody"],
                     ["-qmp", f"unix:{place}/nobody,server=off"],
                     ["-kernel", "/nowhere"]):
            fails((), *options, *last, env=environment)
            if (place / "run" / "hotram").exists():
                (place / "run" / "hotram").rmdir()
            left = {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}
            assert left == before, (last, left.keys())
            assert sorted(path.name for path in place.iterdir()) == \
                sorted([*before, "run"]), list(place.iterdir())


def test_a_start_that_a_fault_ends_leaves_nothing():
    with folder() as place, inject.faults() as faults:
        environment = dict(faults.environment, XDG_RUNTIME_DIR=str(place / "run"))
        (place / "run").mkdir()
        options = ["-name", "x", "-pidfile", place / "pid",
                   "-chardev", f"socket,id=s,path={place}/s,server=on,wait=off"]
        for call, name in (("listen", "ENOBUFS"), ("ftruncate", "ENOSPC"), ("write", "ENOSPC")):
            with faults.fail(call, name):
                fails(os.strerror(getattr(errno, name)), *options, env=environment)
            names = sorted(path.name for path in place.rglob("*"))
            assert names in (["run"], ["hotram", "run"]), names


SERVERS = [("-qmp", "unix:{},server=on,wait=off"), ("-chardev", "socket,id=c,path={},server=on,wait=off"),
           ("-netdev", "stream,id=n,server=on,addr.type=unix,addr.path={}"), ("-incoming", "unix:{}")]


def test_what_is_where_a_socket_is_to_be():
    """Only a socket that is left over is replaced, whatever listens there."""
    for option, form in SERVERS:
        with folder() as place, socket.socket(socket.AF_UNIX) as used:
            (place / "file").write_text("contents")
            (place / "folder").mkdir()
            (place / "link").symlink_to(place / "file")
            (place / "broken").symlink_to(place / "nowhere")
            os.mkfifo(place / "fifo")
            used.bind(str(place / "used"))
            used.listen()
            for name in ("file", "folder", "link", "broken", "fifo"):
                fails((f"'{place / name}' is there, and is not a socket", "take another path"), option, form.format(place / name))
            fails((f"another program listens at '{place}/used'", "take another path"), option, form.format(place / "used"))
            assert (place / "file").read_text() == "contents" and (place / "used").is_socket()
            assert {path.name for path in place.iterdir()} == {"file", "folder", "link", "broken", "fifo", "used"}
            used.close()
            with running(option, form.format(place / "used")) as (process, _):
                assert (place / "used").is_socket()
                process.terminate()
                assert process.wait(LIMIT) == 0
            assert not (place / "used").exists(), option


def test_an_old_pidfile_and_one_that_somebody_replaced():
    with folder() as place:
        pid = place / "pid"
        pid.write_text("12345678\n")
        with running("-pidfile", pid) as (process, qmp):
            assert pid.read_text() == f"{process.pid}\n"
            qmp.execute("quit")
            process.wait(LIMIT)
            assert not pid.exists()
        with running("-pidfile", pid) as (process, qmp):
            pid.unlink()
            pid.write_text("another\n")
            qmp.execute("quit")
            process.wait(LIMIT)
            assert pid.read_text() == "another\n"


def test_relative_paths_in_the_background():
    """The program changes its folder to /; what it made is found again all the same."""
    with folder() as place:
        status, said = runs("-daemonize", "-qmp", "unix:q,server=on,wait=off", "-pidfile", "pid",
                            "-object", "memory-backend-file,id=m,size=2M,mem-path=memory", cwd=place)
        assert status == 0, said
        assert stat.S_ISSOCK((place / "q").stat().st_mode)
        with proc.daemon((place / "pid").read_text()) as process:
            qmp = QMP(place / "q", LIMIT)
            qmp.execute("quit")
            assert select.select([process], [], [], LIMIT)[0]
        assert sorted(path.name for path in place.iterdir()) == ["memory"], list(place.iterdir())


def test_memory_files_are_their_owners():
    with folder() as place, Host() as host:
        before = os.umask(0)
        try:
            with running("-object", f"memory-backend-file,id=m,size=2M,mem-path={place}/a") as (_, qmp):
                assert (place / "a").stat().st_mode & 0o777 == 0o600
                qmp.execute("object-add", {"qom-type": "memory-backend-file", "id": "n",
                                           "size": 2 * MIB, "mem-path": f"{place}/b"})
                assert (place / "b").stat().st_mode & 0o777 == 0o600
        finally:
            os.umask(before)
        (place / "c").touch(0o644)
        mode = (place / "c").stat().st_mode
        host.add("file", mem_path=place / "c")
        assert (place / "c").stat().st_mode == mode     # what is there stays as it is


# What comes along --------------------------------------------------------------

def descriptors(process):
    return {int(name): os.readlink(f"/proc/{process.pid}/fd/{name}")
            for name in os.listdir(f"/proc/{process.pid}/fd")}


def test_closed_standard_descriptors():
    for closed in ((0,), (1,), (0, 1), (0, 1, 2)):
        shut = " ".join({0: "<&-", 1: ">&-", 2: "2>&-"}[fd] for fd in closed)
        with folder() as place:
            command = [PROGRAM, *QUIET, "-qmp", f"unix:{place}/qmp,server=on,wait=off",
                       "-serial", "stdio"]
            process = subprocess.Popen(["sh", "-c", f'exec "$@" {shut}', "sh", *command])
            qmp = connect(process, place / "qmp")
            for fd in closed:
                assert descriptors(process)[fd] == "/dev/null", descriptors(process)
            qmp.execute("quit")
            assert process.wait(LIMIT) == 0


def test_inherited_descriptors_are_closed():
    with folder() as place, socket.socket(socket.AF_UNIX) as listening:
        read, write = os.pipe()
        high = os.dup2(write, 251)
        memory = os.memfd_create("m")
        os.ftruncate(memory, 2 * MIB)
        listening.bind(str(place / "s"))
        listening.listen()
        fd = listening.fileno()
        with running("-chardev", f"socket,id=s,fd={fd},server=on,wait=off", "-mon", "chardev=s,mode=control",
                     "-object", f"memory-backend-file,id=m,size=2M,share=on,mem-path=/proc/self/fd/{memory}",
                     pass_fds=[fd, read, write, high, memory]) as (process, qmp):
            has = descriptors(process)
            assert not any(link.startswith("pipe:") for link in has.values() if link != has[2]), has
            assert has[fd].startswith("socket:") and "memfd:m" in has[memory], has
            QMP(place / "s", LIMIT).execute("query-status")
            os.close(write)
            os.close(high)
            assert os.read(read, 1) == b""         # the program was not the last to hold it
            qmp.execute("query-status")
        os.close(read)
        os.close(memory)


if __name__ == "__main__":
    tap.main()
