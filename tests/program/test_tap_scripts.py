#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""Scripts of -netdev tap, in a network namespace of the test's own: one before the guest starts, one at the back end's
end, under the sandbox, too, and whatever ends the program."""

import contextlib
import ctypes
import functools
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import proc, tap                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.net import USER_NET, children                       # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402
from lib.virtio import wait_until                            # noqa: E402

NEWUSER, NEWNET = 0x10000000, 0x40000000
BASE = [PROGRAM, "-nodefaults", "-display", "none", "-accel", "qtest", "-m", "64M"]


@functools.cache
def why_no_network():
    """The reason for which this process, and all that it starts, got no network of their own; "" if they have it."""
    user = os.getuid()
    if ctypes.CDLL(None, use_errno=True).unshare(NEWUSER | NEWNET) != 0:
        return f"no network namespace here: {os.strerror(ctypes.get_errno())}"
    try:
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {user} 1")     # or a program that is started loses its rights
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"no tap devices here: {error}"
    return ""


class Scripts:
    """A folder with the scripts `up` and `down`, which note in `log` what they are given and find."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.log = self.folder / "log"
        self.log.touch()
        for name in ("up", "down"):
            self.write(name, f'#!/bin/sh\ngrep -q " *$1:" /proc/net/dev && there=there\n'
                             'for fd in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && open=$open,$fd; done\n'
                             f'echo {name} $# $1 $there$open >> {self.log}\n')

    def write(self, name, text, mode=0o755):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def options(self, name="t0"):
        return f"tap,id=n,ifname={name},script={self.folder}/up,downscript={self.folder}/down"

    def lines(self):
        return self.log.read_text().splitlines()


@contextlib.contextmanager
def scripts():
    if why_no_network():
        raise tap.Skip(why_no_network())
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        yield Scripts(folder)


class Running:
    def __init__(self, made, *options):
        path = f"{made.folder}/qmp"
        self.process = subprocess.Popen([*BASE, "-qmp", f"unix:{path},server=on,wait=off", *options],
                                        stderr=subprocess.PIPE, start_new_session=True)
        try:
            wait_until(lambda: os.path.exists(path) or self.process.poll() is not None, "the monitor")
            assert self.process.poll() is None, self.process.stderr.read().decode()
            self.qmp = QMP(path)
        except BaseException:
            self.process.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def end(self):
        """What it wrote on standard error."""
        with contextlib.suppress(Exception):
            self.qmp.execute("quit")
        said = self.process.communicate(timeout=120)[1].decode()
        assert self.process.returncode == 0, said
        return said


def run(*options, **keywords):
    return subprocess.run([*BASE, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
                          text=True, **keywords)


def test_one_runs_before_the_start_and_one_after_the_end():
    with scripts() as made, Running(made, "-netdev", made.options(), "-device", "virtio-net-pci,netdev=n") as running:
        assert made.lines() == ["up 1 t0 there"], made.lines()
        said = running.qmp.execute("human-monitor-command", {"command-line": "info network"})
        assert f"type=tap,ifname=t0,script={made.folder}/up,downscript={made.folder}/down" in said, said
        waiting, = children(running.process.pid)
        assert pathlib.Path(f"/proc/{waiting}/comm").read_text() == "hotram-script\n"
        assert sorted(os.listdir(f"/proc/{waiting}/fd")) == ["0", "1", "2", "3", "4"]
        os.kill(waiting, signal.SIGTERM)            # whoever ends a group of processes
        assert running.end() == ""
        # The program waits for it, and so the interface can be made again.
        assert made.lines() == ["up 1 t0 there", "down 1 t0 there"], made.lines()
        assert "t0:" not in pathlib.Path("/proc/self/net/dev").read_text()


def test_whatever_ends_the_program():
    for number, how in enumerate((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)):
        with scripts() as made, Running(made, "-netdev", made.options(f"t{number}")) as running:
            os.killpg(running.process.pid, how) if how != signal.SIGKILL else running.process.kill()
            running.process.communicate(timeout=120)
            wait_until(lambda: len(made.lines()) == 2, "the second script")
            assert made.lines() == [f"up 1 t{number} there", f"down 1 t{number} there"], made.lines()


def test_a_netdev_that_is_removed_runs_its_own():
    with scripts() as made:
        made.write("down", f"#!/bin/sh\necho down $1 >> {made.log}\necho heard >&2\nexit 7\n")
        with Running(made, "-netdev", made.options()) as running:
            running.qmp.execute("netdev_del", {"id": "n"})
            wait_until(lambda: not children(running.process.pid), "the script's end")
            assert made.lines() == ["up 1 t0 there", "down t0"], made.lines()
            said = running.end()
        assert "heard\n" in said, said
        assert f"warning: netdev 'n': downscript: '{made.folder}/down t0' failed with status 7" in said, said
        assert made.lines()[2:] == [], "it ran once"


def test_whoever_ends_what_waits_is_named():
    with scripts() as made:
        for end in (lambda running: running.qmp.execute("netdev_del", {"id": "n"}), lambda running: None):
            with Running(made, "-netdev", made.options()) as running:
                waiting, = children(running.process.pid)
                os.kill(waiting, signal.SIGKILL)
                wait_until(lambda: not children(running.process.pid), "its end")
                end(running)
                said = running.end()
            assert "warning: netdev 'n': downscript: the process 'hotram-script', which was to run it, has ended" in said, said
        assert made.lines() == ["up 1 t0 there"] * 2, made.lines()


def test_a_script_that_fails_ends_the_start():
    with scripts() as made:
        for text, mode, why in (
                ("#!/bin/sh\nexit 3\n", 0o755, "up t0' failed with status 3"),
                ("#!/bin/sh\nkill -9 $$\n", 0o755, "up t0' was ended by signal 9 (Killed)"),
                ("#!/bin/sh\n", 0o644, "up': Permission denied"),
                ("exit 0\n", 0o755, "up': Exec format error; a script begins with a line such as #!/bin/sh"),
                ("#!/nowhere/sh\n", 0o755, "up': No such file or directory")):
            made.write("up", text, mode)
            done = run("-netdev", made.options())
            assert done.returncode == 1 and why in done.stdout, done.stdout
            assert "-netdev tap,id=n" in done.stdout and "script=no runs none" in done.stdout, done.stdout
        (made.folder / "up").unlink()
        done = run("-netdev", made.options())
        assert done.returncode == 1 and "up': No such file or directory" in done.stdout, done.stdout
        assert made.lines() == [], "the second is for what the first has done"


def test_a_start_that_fails_later_takes_the_interface_down():
    with scripts() as made:
        done = run("-netdev", made.options(), "-netdev", "tap,id=m,ifname=t0,script=no,downscript=no")
        assert done.returncode == 1 and "another program or netdev uses it" in done.stdout, done.stdout
        assert made.lines() == ["up 1 t0 there", "down 1 t0 there"], made.lines()


def test_several_queues_are_one_interface():
    with scripts() as made, Running(made, "-netdev", made.options() + ",queues=3") as running:
        assert running.end() == ""
        assert made.lines() == ["up 1 t0 there", "down 1 t0 there"], made.lines()


def test_netdev_add_runs_none():
    """Also without the sandbox."""
    with scripts() as made, Running(made, "-sandbox", "off") as running:
        netdev = {"type": "tap", "id": "n", "ifname": "t0"}
        for name in ("script", "downscript"):
            try:
                running.qmp.execute("netdev_add", {**netdev, name: f"{made.folder}/up"})
            except QMPError as error:
                assert error.desc == (f"Parameter '{name}' of netdev_add expects 'no'; got '{made.folder}/up': scripts are "
                                      "run only for the -netdev of the start; bring the interface up before "
                                      "(ip link set tap0 up master br0)"), error.desc
            else:
                raise AssertionError(f"{name} was taken")
        for given in ({}, {"script": "no", "downscript": "no"}):
            running.qmp.execute("netdev_add", {**netdev, **given})
            said = running.qmp.execute("human-monitor-command", {"command-line": "info network"})
            assert "type=tap,ifname=t0\r\n" in said or said.rstrip().endswith("type=tap,ifname=t0"), said
            running.qmp.execute("netdev_del", {"id": "n"})
        assert running.end() == "" and made.lines() == []


def test_a_daemon_keeps_nobody_waiting():
    """Who reads what the program prints reads to the end, with $(hotram ...): no process of a daemon's keeps it open."""
    with scripts() as made:
        made.write("up", f"#!/bin/sh\necho up >> {made.log}\necho heard\n")
        options = ["-netdev", made.options(), "-device", "pcie-root-port,id=port,chassis=1"]
        if USER_NET.exists():
            options += ["-netdev", "user,id=u"]
        done = run(*options, "-daemonize", "-pidfile", f"{made.folder}/pid", cwd=made.folder)
        pid = int((made.folder / "pid").read_text())
        with proc.daemon(pid):
            assert done.returncode == 0 and done.stdout == "heard\n", done.stdout
            started = children(pid)
            assert len(started) == len(options) // 2, started
            for process in started:
                assert os.readlink(f"/proc/{process}/fd/2") == "/dev/null", process
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: len(made.lines()) == 2, "the second script")


if __name__ == "__main__":
    tap.main()
