#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Descriptors that a client or whoever starts the program passes: by name, in sets, and what uses them. The last is
a tap device under the sandbox, through which the test, as a guest's driver, sends a frame."""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import host_tap, tap                                # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.virtio import VERSION_1, Device, Pci                # noqa: E402
from peer import HOTRAM, Peer                                # noqa: E402

MIB = 1 << 20
BUFFER = 0x400000


class Host(Peer):
    def __init__(self, *options):
        super().__init__(HOTRAM, "128M", options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def passing(self, descriptor, command, **arguments):
        self.qmp.pass_descriptors(descriptor)
        return self.qmp.execute(command, {name.replace("_", "-"): value for name, value in arguments.items()})

    def refused(self, why, command, **arguments):
        try:
            self.qmp.execute(command, {name.replace("_", "-"): value for name, value in arguments.items()})
        except QMPError as error:
            assert why in error.desc, (command, arguments, error.desc)
        else:
            raise AssertionError(f"{command} {arguments} was taken")


def test_names_come_and_go():
    with Host() as host, open("/dev/null", "rb") as null:
        before = host.open_files()
        host.refused("No file descriptor supplied via SCM_RIGHTS", "getfd", fdname="a")
        host.passing(null.fileno(), "getfd", fdname="a")
        host.passing(null.fileno(), "getfd", fdname="a")         # takes the place of the first
        host.passing(null.fileno(), "getfd", fdname="b")
        assert host.open_files() == before + 2
        host.passing(null.fileno(), "getfd", fdname="tap-net0")
        host.refused("File descriptor named 'tap-net1' not found; did you mean 'tap-net0'? Available: ", "closefd",
                     fdname="tap-net1")
        host.qmp.execute("closefd", {"fdname": "tap-net0"})
        host.qmp.execute("closefd", {"fdname": "a"})
        host.qmp.execute("closefd", {"fdname": "b"})
        host.refused("'a' not found: no descriptor has a name; getfd", "closefd", fdname="a")
        assert host.open_files() == before
        for name in ("", "1a", "a:b"):
            host.qmp.pass_descriptors(null.fileno())
            host.refused("not starting with a digit", "getfd", fdname=name)
        assert host.open_files() == before, "what comes with a refused command is closed"


def test_what_nobody_asks_for_is_not_kept():
    """Only the newest message's first descriptor waits: a client cannot fill the table."""
    with Host() as host, open("/dev/null", "rb") as null:
        before = host.open_files()
        for _ in range(100):
            host.qmp.pass_descriptors(*[null.fileno()] * 10)
            host.qmp.execute("query-status")
        assert host.open_files() <= before + 10
        host.passing(null.fileno(), "getfd", fdname="a")
        assert host.open_files() == before + 1
        for number in range(1, 256):
            host.passing(null.fileno(), "getfd", fdname=f"a{number}")
        host.qmp.pass_descriptors(null.fileno())
        host.refused("256 descriptors have names, which is the limit", "getfd", fdname="b")
        assert host.open_files() == before + 256


def test_sets_come_and_go():
    with Host() as host, open("/dev/null", "rb") as null:
        assert host.qmp.execute("query-fdsets") == []
        host.refused("No file descriptor supplied", "add-fd")
        first = host.passing(null.fileno(), "add-fd", opaque="words")
        second = host.passing(null.fileno(), "add-fd", fdset_id=7)
        third = host.passing(null.fileno(), "add-fd", fdset_id=0)
        fourth = host.passing(null.fileno(), "add-fd")
        assert [one["fdset-id"] for one in (first, second, third, fourth)] == [0, 7, 0, 1]
        assert host.qmp.execute("query-fdsets") == [
            {"fdset-id": 0, "fds": [{"fd": first["fd"], "opaque": "words"}, {"fd": third["fd"]}]},
            {"fdset-id": 1, "fds": [{"fd": fourth["fd"]}]}, {"fdset-id": 7, "fds": [{"fd": second["fd"]}]}]
        host.qmp.pass_descriptors(null.fileno())
        host.refused("expects a non-negative value; got '-1'", "add-fd", fdset_id=-1)
        host.refused("'fdset-id:7, fd:12345' not found", "remove-fd", fdset_id=7, fd=12345)
        host.refused("'fdset-id:8' not found", "remove-fd", fdset_id=8)
        host.qmp.execute("remove-fd", {"fdset-id": 0, "fd": first["fd"]})
        assert host.qmp.execute("query-fdsets")[0]["fds"] == [{"fd": third["fd"]}]
        host.qmp.execute("remove-fd", {"fdset-id": 0})
        host.qmp.execute("remove-fd", {"fdset-id": 1})
        host.qmp.execute("remove-fd", {"fdset-id": 7})
        assert host.qmp.execute("query-fdsets") == []


def test_a_disk_is_opened_from_a_set():
    with Host() as host, tempfile.TemporaryFile() as image, open("/dev/null", "wb") as null:
        image.truncate(MIB)
        node = {"driver": "file", "node-name": "d", "filename": "/dev/fdset/3"}
        host.refused("'/dev/fdset/3': there is no such set of descriptors; -add-fd or add-fd", "blockdev-add", **node)
        host.refused("'/dev/fdset/3': there is no such set of descriptors; -add-fd or add-fd", "object-add",
                     qom_type="rng-random", id="r", filename="/dev/fdset/3")
        host.passing(null.fileno(), "add-fd", fdset_id=3)
        host.refused("no descriptor of the set is open for what is needed", "blockdev-add", **{**node, "read-only": True})
        host.qmp.execute("remove-fd", {"fdset-id": 3})
        host.passing(image.fileno(), "add-fd", fdset_id=3)
        host.qmp.execute("blockdev-add", node)
        assert host.qmp.execute("query-named-block-nodes")[0]["image"]["virtual-size"] == MIB
        host.qmp.execute("remove-fd", {"fdset-id": 3})           # the node has its own
        host.qmp.execute("block_resize", {"node-name": "d", "size": 2 * MIB})
        assert os.fstat(image.fileno()).st_size == 2 * MIB


def run(*options, **more):
    return subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", *options],
                          input=b"quit\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
                          **more)


def test_a_log_is_written_through_add_fd():
    with tempfile.TemporaryFile() as log:
        fd = log.fileno()
        os.set_inheritable(fd, True)
        said = run("-add-fd", f"fd={fd},set=2,opaque=log", "-chardev", "stdio,id=c,logfile=/dev/fdset/2", "-mon",
                   "chardev=c,mode=readline", pass_fds=[fd])
        assert said.returncode == 0, said
        log.seek(0)
        assert b"hotram" in log.read(), "the monitor's greeting"
        for option, why in ((f"fd={fd}", b"'set' is missing"), ("set=1", b"'fd' is missing"),
                            ("fd=1,set=1", b"above 2; got '1'"), ("fd=999,set=1", b"fd=999: it is not open"),
                            (f"fd={fd},set=1,x=1", b"'x'")):
            said = run("-add-fd", option, pass_fds=[fd])
            assert said.returncode == 1 and why in said.stderr, (option, said.stderr)
        said = run("-add-fd", f"fd={fd},set=1", "-add-fd", f"fd={fd},set=2", pass_fds=[fd])
        assert said.returncode == 1 and b"is in set 1 already" in said.stderr, said.stderr


def test_a_number_serves_once():
    """Whichever options name it: the second would have what is another's."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0" + f"hotram-once-{os.getpid()}")
        server.listen()
        fd = server.fileno()
        for first, second in (("-chardev", f"socket,id=a,fd={fd},server=on,wait=off"), ("-add-fd", f"fd={fd},set=1")), \
                             (("-chardev", f"socket,id=a,fd={fd},server=on,wait=off"),
                              ("-chardev", f"socket,id=b,fd={fd},server=on,wait=off")):
            said = run(*first, *second, pass_fds=[fd])
            assert said.returncode == 1 and f"fd={fd}".encode() in said.stderr, said.stderr
            assert b"another option has taken" in said.stderr or b"is in a set already" in said.stderr, said.stderr


def test_numbers_of_the_program_s_own_are_refused():
    """A client that mistakes a number would otherwise have the image of another disk, or guest memory."""
    with tempfile.NamedTemporaryFile() as image, Host() as host:
        image.truncate(MIB)
        host.qmp.execute("blockdev-add", {"driver": "file", "node-name": "a", "filename": image.name})
        own = [name for name in os.listdir(f"/proc/{host.process.pid}/fd")
               if os.readlink(f"/proc/{host.process.pid}/fd/{name}") == image.name]
        assert len(own) == 1, own
        host.refused("a descriptor of hotram's own", "netdev_add", type="tap", id="n", fd=own[0])
        host.refused("is not open", "netdev_add", type="tap", id="n", fd="999")
        for folder in ("/dev/fd", "/proc/self/fd"):
            host.refused("not started with an open descriptor of this number", "blockdev-add", driver="file",
                         node_name="b", filename=f"{folder}/{own[0]}", read_only=True, locking="off")


def test_what_is_named_stays_open_however_many_there_are():
    fds = [os.open("/dev/null", os.O_RDWR) for _ in range(256 + 257 + 1)]
    try:
        sets = [word for fd in fds[:256] for word in ("-add-fd", f"fd={fd},set=1")]
        chardevs = [word for fd in fds[256:-1] for word in ("-chardev", f"socket,id=c{fd},fd={fd}")]
        said = run(*sets, *chardevs, "-netdev", f"tap,id=n,fd={fds[-1]}", pass_fds=fds)
        assert said.returncode == 1 and b"it is no tap device" in said.stderr, said.stderr
    finally:
        for fd in fds:
            os.close(fd)


def test_a_tap_device_by_name_serves_a_card():
    name = f"hotram{os.getpid()}"
    device, wire = host_tap.make(name)
    with wire, Host("-device", "pcie-root-port,id=port,chassis=1") as host, open("/dev/null", "rb") as null:
        add = {"type": "tap", "id": "n", "fd": "net"}
        host.refused("fd: File descriptor named 'net' not found: no descriptor has a name", "netdev_add", **add)
        host.passing(null.fileno(), "getfd", fdname="net")
        host.refused("fd=net: it is no tap device", "netdev_add", **add)
        host.passing(device, "getfd", fdname="net")              # a refused one keeps its name
        host.qmp.execute("netdev_add", add)
        host.refused("'net' not found", "closefd", fdname="net")
        said = host.qmp.execute("human-monitor-command", {"command-line": "info network"})
        assert f"type=tap,fds=net,ifname={name}" in said, said
        # Its descriptor is nobody else's.
        ours = [name for name in os.listdir(f"/proc/{host.process.pid}/fd")
                if os.readlink(f"/proc/{host.process.pid}/fd/{name}") == "/dev/net/tun"]
        assert len(ours) == 1, ours
        host.refused("netdev 'n' uses it already", "netdev_add", type="tap", id="m", fd=ours[0])
        host.qmp.execute("device_add", {"driver": "virtio-net-pci", "id": "card", "netdev": "n", "bus": "port"})
        send_a_frame(host, wire)
    os.close(device)


def send_a_frame(host, wire):
    """As a guest that has numbered the bus and mapped the card's BARs behind the port."""
    pci = Pci(host.qtest)
    port = pci.find(0x1b36, 0x000c)
    pci.config_write(port, 0x18, 4, 0x00010100)                  # bus 1 is behind it
    pci.config_write(port, 0x20, 4, 0xcff0c000)                  # and so is memory from 0xc0000000 on
    pci.config_write(port, 0x24, 4, 0xcff1c001)
    pci.config_write(port, 4, 2, 6)
    card = Device(pci, pci.find(0x1af4, 0x1041, bus=1))
    card.begin(VERSION_1)
    _, sends = [card.queue(index) for index in range(2)]
    card.ready()
    frame = b"\xff" * 6 + bytes.fromhex("52540012345688b5") + b"x" * 50
    host.qtest.write(BUFFER, bytes(12) + frame)
    sends.transfer([(BUFFER, 12 + len(frame), False)])
    wire.settimeout(60)
    assert wire.recv(2000) == frame


if __name__ == "__main__":
    tap.main()
