#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""hotram as QEMU's libqtest starts its programs: two sockets that the program connects to,
and the command lines of QEMU's tests behind them. It needs no KVM."""

import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import CLONE, PROGRAM                       # noqa: E402

LIMIT = 30


class Libqtest:
    """The start, and the ends of both protocols."""

    def __init__(self, *options, newer=False, log="/dev/null"):
        self.folder = tempfile.TemporaryDirectory()
        listeners = []
        for name in ("qtest", "qmp"):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"{self.folder.name}/{name}")
            listener.listen(1)
            listener.settimeout(LIMIT)
            listeners.append(listener)
        self.process = subprocess.Popen(
            [PROGRAM, "-qtest", f"unix:{self.folder.name}/qtest", "-qtest-log", log,
             "-chardev", f"socket,path={self.folder.name}/qmp,id=char0",
             "-mon", "chardev=char0,mode=control", "-display", "none",
             *(["-audio", "none"] if newer else []), *options, "-accel", "qtest"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.files = []
        for listener in listeners:
            try:
                connection, _ = listener.accept()
            except socket.timeout:
                self.process.kill()
                raise AssertionError(self.process.communicate()[1]) from None
            connection.settimeout(LIMIT)
            self.files.append(connection.makefile("rw"))
            connection.close()
            listener.close()
        self.qtest, self.qmp = self.files

    def handshake(self):
        greeting = json.loads(self.qmp.readline())
        assert "version" in greeting["QMP"], greeting
        assert self.ask("qmp_capabilities") == {"return": {}}
        return self

    def ask(self, command, **arguments):
        """The whole answer; events are dropped, as libqtest does."""
        self.qmp.write(json.dumps({"execute": command, "arguments": arguments}))  # no newline, as there
        self.qmp.flush()
        while True:
            answer = json.loads(self.qmp.readline())
            if "event" not in answer:
                return answer

    def line(self, text):
        self.qtest.write(text + "\n")
        self.qtest.flush()
        return self.qtest.readline().strip()

    def __enter__(self):
        return self.handshake()

    def __exit__(self, *_):
        for file in self.files:
            file.close()
        self.process.kill()     # as libqtest ends it, but that this one is not asked first
        self.process.communicate()
        self.folder.cleanup()


def status(guest):
    return guest.ask("query-status")["return"]["status"]


def test_the_machine_of_tests():
    for newer in (False, True):
        with Libqtest("-m", "128,slots=3,maxmem=1G", "-machine", "smp.cpus=8", newer=newer) as guest:
            assert guest.line("endianness") == "OK little"
            assert guest.line("inl 0xa00").startswith("OK 0x")
            assert len(guest.ask("query-cpus-fast")["return"]) == 8
            assert status(guest) == "running"


def test_no_machine():
    """qmp-test and qmp-cmd-test: -machine none, where a test has nothing to reach."""
    with Libqtest("-nodefaults", "-machine", "none") as guest:
        assert guest.line("endianness") == "OK little"
        assert guest.line("inb 0x70") == "OK 0x00ff"
        assert guest.line("outb 0x70 1") == "OK"
        for line in ("readl 0x1000", "writeb 0 1", "read 0 16", "write 0 1 0x00", "memset 0 16 0"):
            assert guest.line(line).startswith("FAIL there is no memory"), line
        assert guest.line("irq_intercept_in ioapic") == "OK"
        answer = guest.ask("query-acpi-ospm-status")
        assert "missing ACPI device" in answer["error"]["desc"], answer
        assert guest.ask("query-cpus-fast")["return"] == []


def test_preconfig():
    """qmp-test's assertions of the state before the machine is complete."""
    for options in ([], ["-machine", "none"], ["-S"]):
        with Libqtest("--preconfig", *options) as guest:
            answer = guest.ask("query-cpus-fast")
            assert "permitted only after machine initialization" in answer["error"]["desc"], answer
            assert answer["error"]["class"] == "GenericError"
            for command in ("cont", "stop", "system_reset", "query-memory-devices"):
                assert "x-exit-preconfig" in guest.ask(command)["error"]["desc"], command
            assert status(guest) == "preconfig"
            for command in ("query-version", "query-commands", "query-qmp-schema", "query-machines"):
                assert "return" in guest.ask(command), command
            object_ = {"qom-type": "memory-backend-ram", "id": "m", "size": 1 << 21}
            assert guest.ask("object-add", **object_) == {"return": {}}
            answer = guest.ask("set-numa-node", type="node", nodeid=0)
            assert answer["error"]["class"] == "CommandNotFound" and "-numa" in answer["error"]["desc"]
            said = guest.ask("human-monitor-command", **{"command-line": "info numa"})["return"]
            assert "permitted only after" in said, said
            assert guest.ask("x-exit-preconfig") == {"return": {}}
            answer = guest.ask("x-exit-preconfig")
            assert "permitted only before machine initialization" in answer["error"]["desc"], answer
            assert status(guest) == ("prelaunch" if "-S" in options else "running")
            assert "return" in guest.ask("query-cpus-fast")
            assert guest.ask("object-del", id="m") == {"return": {}}
    with Libqtest("--preconfig") as guest:
        assert guest.ask("quit") == {"return": {}}
        assert guest.process.wait(LIMIT) == 0
    with Libqtest() as guest:
        assert "only before" in guest.ask("x-exit-preconfig")["error"]["desc"]


def test_the_log():
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "log"
        log.write_text("old\n")
        with Libqtest(log=str(log)) as guest:
            guest.line("endianness")
            guest.line("inb 0x70000")
        lines = log.read_text().splitlines()
        assert lines[:3] == ["[R] endianness", "[S] OK little", "[R] inb 0x70000"], lines
        assert lines[3].startswith("[S] FAIL"), lines
        guest = Libqtest(log="/dev/fd/2").handshake()
        guest.line("endianness")
        guest.process.terminate()
        assert guest.process.communicate()[1] == "[R] endianness\n[S] OK little\n"
        result = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-qtest", "null",
                                 "-qtest-log", "/none/such"], stdin=subprocess.DEVNULL, timeout=LIMIT,
                                capture_output=True, text=True, check=False)
        assert result.returncode == 1 and "-qtest-log '/none/such': No such file" in result.stderr, result


def test_commands_that_qemu_has():
    """Each is refused as such, and is really not there."""
    rows = re.findall(r'\{ "([^"]+)",\s*"([^"]+)" \}',
                      (CLONE / "vmm/monitor/commands/qemu_only_commands.c").read_text())
    assert len(rows) >= 5, rows
    with Libqtest() as guest:
        there = {command["name"] for command in guest.ask("query-commands")["return"]}
        for names, reason in rows:
            for name in names.split():
                assert name not in there, name
                error = guest.ask(name)["error"]
                assert error["class"] == "CommandNotFound", error
                assert error["desc"].startswith(f"The command {name} has not been found") and \
                    reason in error["desc"], error
        assert guest.ask("query")["error"]["desc"] == "The command query has not been found"


if __name__ == "__main__":
    tap.main()
