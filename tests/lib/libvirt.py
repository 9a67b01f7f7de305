# SPDX-License-Identifier: BSD-2-Clause
"""libvirtd in session mode, virsh, and domains whose emulator is hotram.

All of it runs inside tests/libvirt/run. Every virsh command is shown, with all
that it says, as people would see it: the log of `make check-libvirt` is a
session with virsh.
"""

import json
import os
import pathlib
import re
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import tty
import uuid
import xml.etree.ElementTree as ElementTree

from .machine import CLONE, GUEST, Console, Machine, MachineError
from .micro import MICRO

# tests/libvirt/run --system says so: libvirtd runs as root, and may make bridges and taps.
SYSTEM = os.environ.get("HOTRAM_LIBVIRT") == "system"
URI = "qemu:///system" if SYSTEM else "qemu:///session"
EMULATOR = os.environ.get("HOTRAM") or str(CLONE / "build/native/vmm/hotram")
# For what has gone wrong: in the emulated host of a busy machine all is slow.
VIRSH_LIMIT = 120
DAEMON_LIMIT = 60
VIRT_INSTALL_LIMIT = 900
START = time.monotonic()


class VirshError(Exception):
    """virsh ended with a bad status; the text is what it said."""


def say(text):
    """A line of the log, and when in the test's life it was."""
    print(f"{text:<70} [{time.monotonic() - START:.1f} s]", flush=True)


def show(text):
    print("".join(f"  | {line}\n" for line in text.rstrip("\n").split("\n")),
          end="", flush=True)


class Libvirt:
    """A libvirtd of its own, with folders of its own."""

    def __init__(self):
        # Below it are unix sockets, whose paths have 107 bytes at most.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lv-", dir="/tmp"))
        self.environment = dict(os.environ, HOME=str(self.folder), LC_ALL="C")
        self.environment.pop("DISPLAY", None)
        for name, folder in (("XDG_RUNTIME_DIR", "r"), ("XDG_CONFIG_HOME", "c"),
                             ("XDG_CACHE_HOME", "k"), ("XDG_DATA_HOME", "d")):
            (self.folder / folder).mkdir()
            self.environment[name] = str(self.folder / folder)
        self.run_folder = pathlib.Path("/run/libvirt/qemu") if SYSTEM else self.folder / "r/libvirt/qemu/run"
        self.log_folder = pathlib.Path("/var/log/libvirt/qemu") if SYSTEM else self.folder / "k/libvirt/qemu/log"
        # virtlogd, which would write the emulators' logs, is not needed.
        self.configure('stdio_handler = "file"\n')
        # A host of its own: libvirt migrates no domain to the host where it is.
        self.configure(f'host_uuid = "{uuid.uuid4()}"\n', "libvirtd.conf")
        if SYSTEM:
            # No user of its own, and no systemd or AppArmor, in these namespaces.
            self.configure('user = "root"\ngroup = "root"\nremember_owner = 0\nnamespaces = []\n'
                           'security_driver = "none"\ncgroup_controllers = []\n')
        self.filters = "1:qemu.qemu_monitor 3:*"
        self.daemon = None
        self._events = None
        self._files = 0

    @property
    def uri(self):
        """For another libvirt."""
        return f"qemu+unix:///session?socket={self.folder}/r/libvirt/libvirt-sock"

    @property
    def log_path(self):
        return self.folder / "libvirtd.log"

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def configure(self, text, name="qemu.conf"):
        """More of a configuration file of libvirt's, for the next start of libvirtd."""
        folder = pathlib.Path("/etc/libvirt") if SYSTEM else self.folder / "c/libvirt"
        folder.mkdir(exist_ok=True)
        with open(folder / name, "a", encoding="utf-8") as file:
            file.write(text)

    # The daemon --------------------------------------------------------

    def _path(self):
        """libvirtd's $PATH, and thus hotram's: without QEMU, which libvirtd would probe at its start, and with the one
        program of QEMU's that hotram starts, where this machine has it."""
        program = shutil.which("qemu-storage-daemon")
        if program:
            self.link_program("qemu-storage-daemon", program)
        return f"{self.folder / 'bin'}:/usr/sbin"

    def link_program(self, name, path):
        """Something that libvirtd finds by its name, from its start on."""
        (self.folder / "bin").mkdir(exist_ok=True)
        if not (self.folder / "bin" / name).exists():
            (self.folder / "bin" / name).symlink_to(path)

    def start(self):
        say("  $ libvirtd &")
        with open(self.folder / "libvirtd.errors", "ab") as errors:
            environment = dict(self.environment, PATH=self._path(),
                               LIBVIRT_LOG_FILTERS=self.filters,
                               LIBVIRT_LOG_OUTPUTS=f"1:file:{self.log_path}")
            self.daemon = subprocess.Popen(["/usr/sbin/libvirtd"], env=environment,
                                           stdin=subprocess.DEVNULL, stdout=errors,
                                           stderr=errors, preexec_fn=os.setpgrp)
        deadline = time.monotonic() + DAEMON_LIMIT
        while subprocess.run(["virsh", "-c", URI, "uri"], env=self.environment,
                             capture_output=True, timeout=VIRSH_LIMIT).returncode:
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                raise MachineError("libvirtd does not answer:\n" + self.log[-2000:])
            time.sleep(0.1)

    def stop(self, number=signal.SIGTERM):
        say(f"  $ kill -{signal.Signals(number).name[3:]} libvirtd")
        self.daemon.send_signal(number)
        self.daemon.wait(DAEMON_LIMIT)
        self.daemon = None

    def close(self):
        self.stop_events()
        if self.daemon:
            self.daemon.kill()
            self.daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # virsh -------------------------------------------------------------

    def virsh(self, *words, quiet=False):
        """Runs virsh and returns its output; VirshError when it fails."""
        words = [str(word) for word in words]
        say(f"  $ virsh {shlex.join(words)}")
        done = subprocess.run(["virsh", "-c", URI, *words], env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=VIRSH_LIMIT)
        text = done.stdout.decode(errors="replace")
        if not quiet:
            show(text)
        if done.returncode:
            raise VirshError(text)
        return text

    def virt_install(self, words):
        """Runs virt-install and returns its output; VirshError when it fails."""
        say(f"  $ {shlex.join(words)}")
        done = subprocess.run([words[0], "--connect", URI, *words[1:]], env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=VIRT_INSTALL_LIMIT)
        text = done.stdout.decode(errors="replace")
        show(text)
        if done.returncode:
            raise VirshError(text)
        return text

    def start_virsh(self, *words):
        """The same without waiting for its end."""
        words = [str(word) for word in words]
        say(f"  $ virsh {shlex.join(words)} &")
        return subprocess.Popen(["virsh", "-c", URI, *words], env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def console(self, name, line, until, timeout=60):
        """Types a line at virsh console, which wants a terminal, and returns what it
        showed."""
        say(f"  $ virsh console {name}")
        master, slave = os.openpty()
        virsh = subprocess.Popen(["virsh", "-c", URI, "console", name], stdin=slave,
                                 stdout=slave, stderr=slave, env=self.environment)
        os.close(slave)
        text, deadline = "", time.monotonic() + timeout
        try:
            while until not in text:
                if select.select([master], [], [], 2)[0]:
                    text += os.read(master, 4096).decode(errors="replace")
                elif time.monotonic() > deadline:
                    raise MachineError(f"no '{until}' on virsh console:\n{text}")
                elif "(Ctrl + ])" in text:
                    # Again, if need be: it drops what was typed while it got ready.
                    os.write(master, f"{line}\r".encode())
            os.write(master, b"\x1d")           # Ctrl-] leaves it
            virsh.wait(timeout)
        finally:
            virsh.kill()
            virsh.wait()
            os.close(master)
        show(text.replace("\r", ""))
        return text

    def refused(self, words, *command):
        """virsh must fail, and say all of these words; of several in a tuple one."""
        try:
            self.virsh(*command)
        except VirshError as error:
            for word in words:
                versions = word if isinstance(word, tuple) else (word,)
                assert any(version in str(error) for version in versions), \
                    f"no '{word}' in: {error}"
            assert "cause is unknown" not in str(error), error
            return str(error)
        raise AssertionError(f"virsh {shlex.join(map(str, command))} succeeded")

    def file(self, text):
        """A file with this text, to give to virsh; shown, as people would write it."""
        self._files += 1
        path = self.folder / f"{self._files}.xml"
        path.write_text(text)
        say(f"  $ cat {path}")
        show(text)
        return path

    # Events ------------------------------------------------------------

    def watch_events(self):
        """Starts virsh event; wait_event() sees what it says from now on."""
        self.stop_events()
        say("  $ virsh event --all --loop &")
        with open(self.folder / "events", "wb") as file:
            self._events = subprocess.Popen(
                ["virsh", "-c", URI, "event", "--all", "--loop"], env=self.environment,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        # It says nothing when it is ready. Its connection shows in libvirtd's list
        # of clients, but not whether it has registered: a moment has to do.
        time.sleep(2)

    def stop_events(self):
        if self._events:
            self._events.kill()
            self._events.wait()
            self._events = None

    def events(self):
        return (self.folder / "events").read_text()

    def wait_event(self, text, times=1, timeout=60):
        """Waits until virsh event has said it so many times."""
        deadline = time.monotonic() + timeout
        while True:
            lines = [line for line in self.events().splitlines() if text in line]
            if len(lines) >= times:
                show(lines[times - 1])
                return
            if time.monotonic() > deadline:
                raise MachineError(f"no event '{text}' in:\n{self.events()}")
            time.sleep(0.1)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()


class PtyConsole(Console):
    """The serial console at a pseudo terminal's name."""

    def _open(self, path):
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._fd)
        self._closing = False

    def _receive(self):
        # Closing a terminal wakes no reader.
        while not self._closing:
            if select.select([self._fd], [], [], 0.1)[0]:
                return os.read(self._fd, 65536)
        return b""

    def send_keys(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self._fd, data):]

    def close(self):
        self._closing = True
        self._reader.join()
        os.close(self._fd)


class Domain(Machine):
    """A domain that virsh has started, as the machine that it is: its guest's
    console is read from the pseudo terminal, and the test ends with it."""

    def __init__(self, libvirt, name, console=True):    # pylint: disable=W0231
        Machine.last = self
        self.libvirt = libvirt
        self.name = name
        self.process = None
        self.qmp = None
        self.console = None
        self._tokens = 0
        self._ready_after = 0
        self._console_text = ""
        self._error_text = ""
        if console:
            self.open_console()

    def open_console(self):
        self.console = PtyConsole(self.libvirt.virsh("ttyconsole", self.name).strip())

    def close_console(self):
        if self.console:
            self.console.close()
            self._console_text += self.console.text
            self.console = None
            self._ready_after = 0

    @property
    def pid(self):
        return int((self.libvirt.run_folder / f"{self.name}.pid").read_text())

    @property
    def error_log(self):
        """What the emulator wrote, and libvirtd's complaints."""
        try:
            log = self.libvirt.log_folder / f"{self.name}.log"
            text = log.read_text(errors="replace") if log.exists() else ""
            complaints = [line for line in self.libvirt.log.splitlines()
                          if re.search(r": (error|warning) :", line)
                          and not re.search("GDBus|DBus|dnsmasq|DMI|ethtool", line)]
            return "\n".join([text, *complaints])
        except OSError:
            return self._error_text

    def close(self):
        self._error_text = self.error_log
        self.close_console()

    # What virsh says of it ----------------------------------------------

    def virsh(self, command, *words, **options):
        return self.libvirt.virsh(command, self.name, *words, **options)

    def state(self):
        return self.virsh("domstate").strip()

    def wait_state(self, state):
        self.wait_until(lambda: self.state() == state, what=f"state '{state}'")

    def xml(self, *words):
        return ElementTree.fromstring(self.virsh("dumpxml", *words, quiet=True))

    def dimms(self, *words):
        """The DIMMs of dumpxml, shown as it has them: {alias: (MiB, node, slot,
        base)}; slot and base may be None."""
        result = {}
        for memory in self.xml(*words).findall("devices/memory"):
            show(ElementTree.tostring(memory, encoding="unicode").rstrip())
            address = memory.find("address")
            place = (None, None) if address is None else (
                int(address.get("slot", -1)), int(address.get("base", "-1"), 0))
            alias = memory.find("alias")
            size, node = memory.find("target/size"), memory.find("target/node")
            result[len(result) if alias is None else alias.get("name")] = (
                int(size.text) >> 10, int(node.text), *place)
        return result

    def qmp_command(self, command, **arguments):
        """Through virsh qemu-monitor-command."""
        text = json.dumps({"execute": command, "arguments": arguments}
                          if arguments else {"execute": command})
        answer = json.loads(self.virsh("qemu-monitor-command", text))
        return answer["return"]


def dimm(size, *, node=0, source="", access="", slot=None, base=None, alias=None):
    """A <memory> element, of `size` MiB."""
    place = "" if slot is None and base is None else "  <address type='dimm'" + (
        f" slot='{slot}'" if slot is not None else "") + (
        f" base='{base:#x}'" if base is not None else "") + "/>\n"
    return (f"<memory model='dimm'{f' access={access!r}' if access else ''}>\n"
            + (f"  <source>{source}</source>\n" if source else "")
            + f"  <target><size unit='MiB'>{size}</size><node>{node}</node></target>\n"
            + (f"  <alias name='{alias}'/>\n" if alias else "")
            + place + "</memory>\n")


def with_devices(domain, devices):
    """A domain with more devices than it has, and a balloon if it is one of them."""
    if "<memballoon" in devices:
        domain = re.sub(" *<memballoon model='none'/>\n", "", domain)
    assert domain.count("  </devices>") == 1
    return domain.replace("  </devices>", devices + "  </devices>")


def documented_devices(image):
    """The devices of docs/libvirt.md, with this image for the disk."""
    text = (CLONE / "docs/libvirt.md").read_text()
    devices = re.search(r"^```xml\n( *<disk.*?)```", text, re.S | re.M).group(1)
    devices, found = re.subn("<source file='.*?'/>", f"<source file='{image}'/>", devices)
    assert found == 1, devices
    return devices


def documented_virt_install(image):
    """The words of docs/libvirt.md's virt-install, with this image."""
    text = (CLONE / "docs/libvirt.md").read_text()
    command = re.search(r"^```sh\n(virt-install .*?)```", text, re.S | re.M).group(1)
    words = shlex.split(command.replace("\\\n", " "))
    for option, name, value in (("--disk", "path", image), ("--xml", "./devices/emulator", EMULATOR)):
        at = words.index(option) + 1
        words[at], found = re.subn(f"{name}=[^,]*", f"{name}={value}", words[at])
        assert found == 1, words
    return words


def documented_domain():
    """The domain of docs/libvirt.md: what is tested is what people read. Only the
    paths are this machine's."""
    text = (CLONE / "docs/libvirt.md").read_text()
    domain = re.search(r"^```xml\n(<domain.*?</domain>\n)```", text, re.S | re.M).group(1)
    for element, path in (("kernel", GUEST / "vmlinuz-cloud"),
                          ("initrd", GUEST / "initramfs.cpio"), ("emulator", EMULATOR)):
        domain, found = re.subn(f"<{element}>.*?</{element}>",
                                f"<{element}>{path}</{element}>", domain)
        assert found == 1, element
    return domain


def micro_domain():
    """The same with the micro-guest."""
    text = re.sub("<kernel>.*?</kernel>", f"<kernel>{MICRO}</kernel>", documented_domain())
    return re.sub(" *<(initrd|cmdline)>.*?</\\1>\n", "", text)
