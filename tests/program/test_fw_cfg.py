#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""-fw_cfg, and the device that then reads as QEMU's: a test is the guest."""

import contextlib
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.fw_cfg import ERROR, ID, MAX_CPUS, NB_CPUS, READ, SELECT, SIGNATURE, FwCfg     # noqa: E402
from lib.host import MIB, Host                               # noqa: E402
from lib.machine import PROGRAM, Machine                     # noqa: E402
from lib.qtest import QtestServer                            # noqa: E402

QUIET = ["-accel", "qtest", "-nodefaults", "-display", "none"]
ONE = ["-fw_cfg", "name=opt/org.example/one,string=some words"]


@contextlib.contextmanager
def machine(*options, **properties):
    host = Host([*options], **properties)
    try:
        yield host, FwCfg(host.qtest)
    finally:
        host.close()


def refused(*options):
    done = subprocess.run([PROGRAM, *QUIET, *options], capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 1, done
    return done.stderr


def test_files_of_the_command_line_are_read_by_name():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "blob")
        path.write_bytes(bytes(range(256)) * 20)
        with machine(*ONE, "-fw_cfg", f"opt/org.example/two,file={path}", memory="64M") as (_, device):
            assert device.item(SIGNATURE, 6) == b"QEMU\0\0"
            assert device.item(ID, 4) == struct.pack("<I", 3)
            assert device.file("opt/org.example/one") == b"some words"
            assert device.file("opt/org.example/two") == path.read_bytes()
            number, _ = device.directory()["opt/org.example/one"]
            assert device.item(number, 12) == b"some words\0\0"


ALL = ("opt/org.example/one", "opt/org.example/two", "opt/org.example/three")


def contents(device):
    """Name -> number and bytes, of what was given."""
    return {name: (number, device.item(number, size)) for name, (number, size) in device.directory().items()
            if name.startswith("opt/")}


@contextlib.contextmanager
def restored(file, *options):
    """A program that continues from a snapshot, and its driver."""
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        server = QtestServer(pathlib.Path(folder, "qtest"))
        with Machine(["-restore", file, "-accel", "qtest", "-qtest", f"unix:{server.path}", *options], kernel=None,
                     run=False) as again:
            again.qtest = server.accept()
            yield again, FwCfg(again.qtest)


def test_contents_are_given_anew_beside_a_snapshot():
    """What tells a copy who it is; the order of the files stays, also in the copy of a copy."""
    given = [word for name in ALL for word in ("-fw_cfg", f"name={name},string=of {name[-3:]}")]
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        first, second = pathlib.Path(folder, "first"), pathlib.Path(folder, "second")
        with machine(*given, memory="64M") as (host, device):
            before = contents(device)
            assert [text for _, text in before.values()] == [b"of one", b"of two", b"of ree"], before
            host.qmp.execute("machine-snapshot", {"file": str(first)})
        expected = dict(before)
        expected[ALL[1]] = (before[ALL[1]][0], b"another")
        with restored(first, "-fw_cfg", f"name={ALL[1]},string=another") as (again, device):
            assert contents(device) == expected, (contents(device), expected)
            again.qmp.execute("machine-snapshot", {"file": str(second)})
        with restored(second) as (_, device):
            assert contents(device) == expected, contents(device)
        expected[ALL[0]] = (before[ALL[0]][0], b"first")
        with restored(second, "-fw_cfg", f"name={ALL[0]},string=first") as (_, device):
            assert contents(device) == expected, contents(device)
        for names, words in (((ALL[0], ALL[0]), "duplicate fw_cfg file name"),
                             (("opt/org.example/four",), "the guest in the snapshot has no such file")):
            said = refused("-restore", str(first), *(word for name in names
                                                     for word in ("-fw_cfg", f"name={name},string=x")))
            assert words in said, said


def test_the_machine_is_described():
    with machine(*ONE, "-smp", "3", "-uuid", "8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80",
                 memory="64M,slots=2,maxmem=1G") as (host, device):
        assert device.read(NB_CPUS, 2) == device.read(MAX_CPUS, 2) == struct.pack("<H", 3)
        assert device.read(2, 16) == bytes.fromhex("8b5ec5a02c3f4ad29a550c5c5d6e7f80")
        assert device.read(3, 8) == struct.pack("<Q", 64 * MIB)
        assert device.read(4, 2) == b"\1\0"
        end = struct.unpack("<Q", device.file("etc/reserved-memory-end"))[0]
        region = host.qmp.execute("query-memory-map")["region"]
        assert end == region["start"] + region["size"], (end, region)


def test_a_machine_that_is_not_asked_for_it_has_none():
    """And its guest is not told of one."""
    with machine(memory="64M") as (host, device):
        assert device.item(SIGNATURE, 4) in (b"\xff" * 4, b"\0" * 4)
        if arch.chosen() is arch.X86:
            assert b"QEMU0002" not in host.qtest.read(0xe0000, 0x20000)
    with machine(*ONE, memory="64M") as (host, device):
        assert device.item(SIGNATURE, 4) == b"QEMU"
        if arch.chosen() is arch.X86:
            assert b"QEMU0002" in host.qtest.read(0xe0000, 0x20000)


def test_hostile_transfers_set_the_error_bit():
    with machine(*ONE, memory="64M") as (_, device):
        for address, length in ((0x7fff00000000, 4), (2 ** 64 - 2, 4), (device.room + 63 * MIB, 0xffffffff)):
            assert device.transfer(ID << 16 | SELECT | READ, length, address) == ERROR
        assert device.read(ID, 4) == b"\3\0\0\0"


def test_a_reset_selects_the_signature():
    with machine(*ONE, memory="64M") as (host, device):
        device.select(ID)
        host.qmp.execute("system_reset")
        host.qmp.wait_event("RESET")
        assert bytes(device.byte() for _ in range(4)) == b"QEMU"
        assert device.file("opt/org.example/one") == b"some words"


def test_bad_options_are_refused():
    with tempfile.TemporaryDirectory() as folder:
        large = pathlib.Path(folder, "large")
        with large.open("wb") as file:
            file.truncate(64 * MIB + 1)
        cases = [
            (["string=x"], "name, plus exactly one of file and string, are needed"),
            (["name=opt/a"], "name, plus exactly one of file and string, are needed"),
            (["name=opt/a,string=x,file=/dev/null"], "name, plus exactly one of"),
            (["name=opt/a,gen_id=r"], "gen_id=r"),
            (["name=opt/" + "a" * 52 + ",string=x"], "name too long (max. 55 char)"),
            (["name=opt/a,string=x", "name=opt/a,string=y"], "duplicate fw_cfg file name: opt/a"),
            (["name=etc/reserved-memory-end,string=x"], "duplicate fw_cfg file name: etc/reserved-memory-end"),
            ([f"name=opt/a,file={folder}/none"], f"can't load '{folder}/none': No such file or directory"),
            ([f"name=opt/a,file={folder}"], f"can't load '{folder}'"),
            ([f"name=opt/a,file={large}"], "67108865 bytes, which exceeds the limit of 64 MiB"),
            ([f"name=opt/{i},string=x" for i in range(64)], "there are 64 files, which is the limit"),
        ]
        for arguments, words in cases:
            said = refused(*(word for argument in arguments for word in ("-fw_cfg", argument)))
            assert words in said, (words, said)
        assert "fw_cfg device not available" in refused("-machine", "none", *ONE)


def test_names_without_opt_are_warned_of():
    with machine("-fw_cfg", "name=mine,string=x", memory="64M") as (host, device):
        assert device.file("mine") == b"x"
        assert 'item names should be prefixed with "opt/"' in host.error_log, host.error_log


if __name__ == "__main__":
    tap.main()
