# SPDX-License-Identifier: BSD-2-Clause
"""A virtual machine under test: the program, its monitor, its guest's console.

    with Machine(["-m", "256M,slots=4,maxmem=4G"]) as machine:
        machine.wait_ready()
        machine.plug("d0", "512M")
        machine.wait_until(lambda: machine.meminfo() > 600000)

The program is $HOTRAM, by default what the build made for the architecture that
$HOTRAM_ARCH names (see arch.py). QEMU serves for comparison on x86-64:
HOTRAM=qemu-system-x86_64.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from . import arch, proc
from .qmp import QMP, QMPClosed, QMPTimeout

ARCH = arch.chosen()
CLONE = pathlib.Path(__file__).resolve().parents[2]
GUEST = CLONE / ARCH.guest
PROGRAM = os.environ.get("HOTRAM") or str(CLONE / ARCH.program)

# For builds with sanitizers: what they find ends the program.
for _name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
    os.environ.setdefault(_name, "halt_on_error=1")
if "suppressions=" not in os.environ["TSAN_OPTIONS"]:
    os.environ["TSAN_OPTIONS"] += f":suppressions={CLONE / 'tests/lib/tsan.supp'}"

# Starting, booting and answering are slow in the emulated host of a busy
# machine; these limits are for what has gone wrong, not for what is slow.
START_LIMIT = 60
BOOT_LIMIT = 180
ANSWER_LIMIT = 60
# A guest that touches hundreds of MiB for the first time makes the emulated host do as much.
TOUCH_LIMIT = 240

# A serial line is slow, so the kernel says little unless a test wants more.
APPEND = f"console={ARCH.console} quiet panic=-1"
# Memory that is plugged is used at once, for what can be moved away again.
ONLINE = "memhp_default_state=online_movable"


class MachineError(Exception):
    """The machine did something else than the test needed."""


class ShellError(MachineError):
    """A command in the guest failed."""

    def __init__(self, command, status, output):
        super().__init__(f"'{command}' in the guest: status {status}\n{output}")
        self.status = status
        self.output = output


OPEN_END = re.compile(r"(?<!\\)[+*?}]\)*$")


class Console:
    """Reads a serial console, always, and keeps all of it."""

    def __init__(self, path):
        self._open(path)
        self._text = b""
        self._changed = threading.Condition()
        self._closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _open(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))

    def _receive(self):
        return self._socket.recv(65536)

    def _read(self):
        while True:
            try:
                data = self._receive()
            except OSError:
                data = b""
            with self._changed:
                self._text += data
                self._closed = not data
                self._changed.notify_all()
            if not data:
                return

    @property
    def text(self):
        with self._changed:
            return self._text.decode(errors="replace").replace("\r", "")

    @property
    def position(self):
        """How much was read so far: a `start` for wait_for()."""
        with self._changed:
            return len(self._text)

    def send(self, line):
        self.send_keys(line + "\n")

    def send_keys(self, text):
        """Sends what a person types, without a line end."""
        self._socket.sendall(text.encode())

    def offer_keys(self, text):
        """The same, but those that the machine has no room for are lost: one that is stopped takes none."""
        with contextlib.suppress(BlockingIOError):
            self._socket.send(text.encode(), socket.MSG_DONTWAIT)

    def wait_for(self, pattern, timeout, start=0):
        """Waits for a regular expression; returns what came before it since
        `start`, and the match. The expression must not end with a repetition,
        which matches what has arrived of a word."""
        if OPEN_END.search(pattern):
            raise ValueError(f"{pattern!r}: its match depends on how much has arrived; add what follows it")
        expression = re.compile(pattern.encode(), re.MULTILINE)

        def found():
            return expression.search(self._text, start) or self._closed

        with self._changed:
            self._changed.wait_for(found, timeout)
            match = expression.search(self._text, start)
            if match:
                return self._text[start:match.start()].decode(
                    errors="replace").replace("\r", ""), match
            why = "console closed" if self._closed else f"{timeout:g} s over"
        raise MachineError(f"no {pattern!r} on the console: {why}")

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        self._reader.join()


class Machine:
    """A machine that runs until the `with` block ends, whatever happens.

    options   of the program, besides those for monitor and console
    kernel    "cloud" or "generic", or one of the versions that scripts/guest-images.sh has,
              "cloud-6.12"; an absolute path; None: the test gives all
    unpacked  boot the kernel as ELF file rather than as bzImage
    append    added to the kernel's command line
    run       False: leave the machine as -S started it
    reboot    True: a reset starts the guest again instead of ending the program
    environment  the program's, if it is not to be the test's own
    pass_fds  descriptors that the program gets
    stdin     as subprocess.Popen has it: what the program reads as its terminal

    The test is skipped if the architecture has no such machine.
    """

    last = None          # the newest one, for a failed test's report

    def __init__(self, options=(), *, kernel="cloud", unpacked=False,
                 append=ONLINE, run=True, reboot=False, program=None,
                 environment=None, pass_fds=(),
                 stdin=subprocess.DEVNULL):
        lacks = ARCH.lacks(kernel, unpacked, [*map(str, options), *append.split()])
        if lacks:
            raise arch.Skip(lacks)
        Machine.last = self
        self.program = program or PROGRAM
        self.is_qemu = os.path.basename(self.program).startswith("qemu")
        self.process = None
        self.thread_count = None
        self.console = None
        self.qmp = None
        self.uptime = None
        # A unix socket's path may have 107 bytes at most: not under build/.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hotram-"))
        self.errors = self.folder / "stderr"
        self._tokens = 0
        self._ready_after = 0
        self._console_text = ""
        self._error_text = ""
        try:
            command = self._command(options, kernel, unpacked, append)
            if not reboot:
                command.append("-no-reboot")
            self._start(command, run, environment, pass_fds, stdin)
        except BaseException:
            self.close()
            raise

    def _command(self, options, kernel, unpacked, append):
        command = [self.program]
        if self.is_qemu:
            command += ["-accel", "kvm", "-cpu", "host"]
        command += ["-nodefaults", "-display", "none", "-S",
                    "-chardev", f"socket,id=console,path={self.folder}/console,"
                                "server=on,wait=off",
                    "-serial", "chardev:console",
                    "-qmp", f"unix:{self.folder}/qmp,server=on,wait=off"]
        if kernel:
            if "/" not in kernel:
                name = "vmlinux" if unpacked else "vmlinuz"
                kernel = GUEST / f"{name}-{kernel}"
            command += ["-kernel", str(kernel),
                        "-initrd", str(GUEST / "initramfs.cpio"),
                        "-append", f"{APPEND} {append}"]
        return command + [str(option) for option in options]

    def _start(self, command, run, environment, pass_fds, stdin):
        self.started = time.monotonic()
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(command, stdin=stdin,
                                            stdout=errors, stderr=errors,
                                            env=environment, pass_fds=pass_fds)
        self.qmp = self._when_there(lambda: QMP(self.folder / "qmp", ANSWER_LIMIT))
        self.console = self._when_there(lambda: Console(self.folder / "console"))
        if ("-machine", "none") not in zip(command, command[1:]):    # it has no serial port
            self._wait_accepted(self.folder / "console")
        if run:
            self.qmp.execute("cont")

    def _wait_accepted(self, path):
        """Until then, who counts descriptors may not count this one: an answer at the other socket need not come later."""
        deadline = time.monotonic() + START_LIMIT
        while not proc.is_accepted(path) and self.process.poll() is None:
            if time.monotonic() > deadline:
                raise MachineError(f"{self.program} accepts nobody at {path}")
            time.sleep(0.002)

    def _when_there(self, connect):
        deadline = time.monotonic() + START_LIMIT
        while True:
            try:
                return connect()
            except (FileNotFoundError, ConnectionRefusedError):
                pass
            if self.process.poll() is not None:
                raise MachineError(f"{self.program} ended with status "
                                   f"{self.process.returncode} at its start")
            if time.monotonic() > deadline:
                raise MachineError(f"{self.program} opens no sockets")
            time.sleep(0.002)

    # The guest ---------------------------------------------------------

    def wait_ready(self, timeout=BOOT_LIMIT):
        """Waits for the guest's user space, after a reboot for the next one;
        returns the guest's uptime."""
        _, match = self.console.wait_for(r"@ready ([0-9.]+)@\r?\n", timeout,
                                         self._ready_after)
        self._ready_after = match.end()
        self.uptime = float(match.group(1))
        return self.uptime

    def shell(self, command, check=True, timeout=ANSWER_LIMIT):
        """Runs one line in the guest's shell and returns its output. Raises
        ShellError when it fails; with check=False returns status and output."""
        if "\n" in command:
            raise ValueError("a command for the guest is one line")
        self._tokens += 1
        token = f"t{self._tokens}"
        start = self.console.position
        self.console.send(f"{token} {command}")
        output, match = self.console.wait_for(rf"@{token} (\d+)@\r?\n",
                                              timeout, start)
        status = int(match.group(1))
        if not check:
            return status, output
        if status:
            raise ShellError(command, status, output)
        return output

    def hold(self, how, mib):
        """Memory inside the guest that is in use from now on ("touch": it can be moved; "pin": it cannot), until
        `killall hog`."""
        self.shell(f"hog {how} {mib} > /tmp/hog & while ! grep -q holding /tmp/hog; do usleep 100000; done",
                   timeout=TOUCH_LIMIT)

    def meminfo(self, field="MemTotal"):
        """A field of the guest's /proc/meminfo, in KiB."""
        line = self.shell(f"grep '^{field}:' /proc/meminfo")
        return int(line.split()[1])

    def smbios_memory(self):
        """The locators of SMBIOS's memory devices: the first string of each structure of type 17, which has 40 bytes
        before."""
        return [self.shell(f"tail -c +41 {path} | tr '\\0' '\\n' | head -n 1").strip()
                for path in self.shell("ls -d /sys/firmware/dmi/entries/17-*/raw").split()]

    def kernel_version(self):
        """The guest's kernel, as (major, minor)."""
        match = re.search(r"(\d+)\.(\d+)", self.shell("uname -r"))
        return int(match.group(1)), int(match.group(2))

    def mask_events(self):
        """From now on the guest's kernel does not hear of ACPI events."""
        self.shell(ARCH.mask)

    def unmask_events(self):
        """It hears again, of those meanwhile, too."""
        self.shell(ARCH.unmask)

    def wait_until(self, condition, timeout=ANSWER_LIMIT, what="condition"):
        """Calls condition until it returns something true, and returns that."""
        deadline = time.monotonic() + timeout
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > deadline:
                raise MachineError(f"{what} not met within {timeout:g} s")
            time.sleep(0.1)

    # Memory ------------------------------------------------------------

    def wait_total(self, kib):
        """Waits until the guest's MemTotal is this many KiB."""
        self.wait_until(lambda: self.meminfo() == kib,
                        what=f"MemTotal of {kib} kB")

    def plug(self, name, size, backend="memory-backend-ram", **properties):
        """object-add and device_add of a DIMM `name` with backend `name`-mem.
        Size as QEMU's command line takes it: 512M, 1G, or bytes."""
        memory = f"{name}-mem"
        self.qmp.execute("object-add", {"qom-type": backend, "id": memory,
                                        "size": parse_size(size)})
        try:
            self.qmp.execute("device_add", {"driver": "pc-dimm", "id": name,
                                            "memdev": memory, **properties})
        except BaseException:
            self.qmp.execute("object-del", {"id": memory})
            raise

    def unplug(self, name, timeout=ANSWER_LIMIT):
        """Asks the guest for a DIMM, waits until it is gone and deletes its
        backend too."""
        self.qmp.execute("device_del", {"id": name})
        self.qmp.wait_event("DEVICE_DELETED", {"device": name}, timeout)
        self.qmp.execute("object-del", {"id": f"{name}-mem"})

    def hmp(self, line):
        """Runs a command as a person types it, and returns what it says. A
        command that succeeds says nothing, unless it was to show something."""
        return self.qmp.execute("human-monitor-command", {"command-line": line})

    # The program -------------------------------------------------------

    def rss(self):
        """Resident memory of the program in KiB, the guest's included."""
        for line in self._proc("status").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise MachineError("the program is gone")

    def maps(self):
        """The program's mappings: lines of /proc/PID/maps."""
        return self._proc("maps").splitlines()

    def fds(self):
        """The number of the program's open file descriptors."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def count_threads(self):
        return sum(not name.startswith(("kvm-", "iou-")) for _, name in proc.threads(self.process.pid, "comm"))

    def threads(self):
        """The number of the program's threads, without the kernel's own helpers that newer KVMs and io_uring start in
        its name: io_uring's are as many as there are requests at the moment. A thread that has been joined is listed
        for a moment longer: a number that is not the last one is read again."""
        count = self.count_threads()
        while count != self.thread_count:
            time.sleep(0.05)
            self.thread_count, count = count, self.count_threads()
        return count

    def _proc(self, name):
        return pathlib.Path(f"/proc/{self.process.pid}/{name}").read_text()

    # The end -----------------------------------------------------------

    def quit(self):
        """Ends the program by the monitor and returns its exit status."""
        try:
            self.qmp.execute("quit")
        except QMPClosed:
            pass
        return self.wait_exit()

    def wait_exit(self, timeout=ANSWER_LIMIT):
        """Waits for the program's end and returns its exit status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise MachineError(f"the program still runs after {timeout:g} s") \
                from None

    @property
    def console_log(self):
        return self.console.text if self.console else self._console_text

    @property
    def error_log(self):
        """What the program wrote to its standard output and standard error."""
        try:
            return self.errors.read_text(errors="replace")
        except OSError:
            return self._error_text

    def close(self):
        """Ends the program if it still runs; the logs stay readable."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process and self.process.stdin:
            self.process.stdin.close()
        if self.qmp:
            self.qmp.close()
        if self.console:
            self.console.close()
            self._console_text = self.console.text
            self.console = None
        self._error_text = self.error_log
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def parse_size(size):
    """Bytes of "512M" and the like."""
    if isinstance(size, int):
        return size
    units = {"K": 10, "M": 20, "G": 30, "T": 40}
    if size[-1] in units:
        return int(size[:-1]) << units[size[-1]]
    return int(size)


def end_by_signal(number, _frame):
    raise SystemExit(128 + number)


# A test that is told to end leaves its `with` blocks, which end the machines.
if threading.current_thread() is threading.main_thread():
    for _number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(_number, end_by_signal)
