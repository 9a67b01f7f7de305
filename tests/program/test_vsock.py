#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""Sockets between guest and host, as far as hotram goes: what it asks of the kernel's vhost-vsock, for which there is a
stand-in. The test plays the driver. tests/guest/test_vhost.py has the kernel's own. It needs no KVM."""

import errno
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import host_tap, tap                                # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.vhost_stand_in import StandIn                       # noqa: E402
from lib.virtio import EVENT_INDEX, INDIRECT, NEEDS_RESET, VERSION_1, Device, Pci, wait_until       # noqa: E402
from peer import BLOCK, HOTRAM, Peer                         # noqa: E402

MIB = 1 << 20
VSOCK = 0x1053
SEQPACKET = 1 << 1
CID = 4294967294
STAND_IN = StandIn()


class Machine(Peer):
    def __init__(self, *options, device=f"vhost-vsock-pci,guest-cid={CID},id=v", **more):
        STAND_IN.running = STAND_IN.taken_cid = STAND_IN.open_errno = STAND_IN.table_errno = 0
        super().__init__(HOTRAM, "128M,slots=4,maxmem=2G", [*options, "-device", device], **more)
        pci = Pci(self.qtest)
        self.vsock = Device(pci, pci.find(0x1af4, VSOCK))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, features=VERSION_1, memory=None):
        self.vsock.begin(features)
        made = [self.vsock.queue(index, memory=memory if index == 0 else None) for index in range(3)]
        self.vsock.ready()
        return made

    def dimm(self):
        self.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m", "size": 128 * MIB})
        self.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})

    def eject(self):
        self.qmp.execute("device_del", {"id": "d"})
        self.qtest.port_out(BLOCK + 0x14, 1, 4)
        self.qtest.port_out(BLOCK + 0x14, 1, 8)
        self.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        self.qmp.execute("object-del", {"id": "m"})

    def refused(self, words, command, **arguments):
        try:
            self.qmp.execute(command, arguments)
        except QMPError as error:
            assert words in error.desc, error
        else:
            raise AssertionError(f"{command} {arguments}: nothing was wrong")

    def pass_vhost(self, name, fd=None):
        given = STAND_IN.descriptor() if fd is None else fd
        self.qmp.pass_descriptors(given)
        self.qmp.execute("getfd", {"fdname": name})
        if fd is None:
            os.close(given)


def test_it_is_what_drivers_look_for():
    for device in ("vhost-vsock-pci", "vhost-vsock-pci-non-transitional"):
        with Machine(device=f"{device},guest-cid={CID}") as machine:
            place = machine.vsock.place
            assert machine.vsock.pci.config_read(place, 8, 4) >> 8 == 0x078000, "class"
            assert machine.vsock.offered == VERSION_1 | INDIRECT | EVENT_INDEX | SEQPACKET
            assert machine.vsock.read(0x12, 2) == 3, "queues"
            assert [machine.vsock.config(offset, 4) for offset in (0, 4)] == [CID, 0]
    for value, bit in (("on", SEQPACKET), ("auto", SEQPACKET), ("off", 0)):
        with Machine(device=f"vhost-vsock-pci,guest-cid=3,seqpacket={value}") as machine:
            assert machine.vsock.offered & SEQPACKET == bit
            machine.start(VERSION_1 | bit)
            wait_until(lambda: STAND_IN.running, "the kernel's serving")
            assert STAND_IN.features == bit


def test_the_kernel_serves_while_the_guest_runs():
    with Machine() as machine:
        events = machine.start()[2]
        assert STAND_IN.running == 1
        events.offer([(0x400000, 8, True)])                      # for what never happens
        events.kick()
        for _ in range(3):
            machine.qmp.execute("cont")
            machine.qmp.execute("stop")
            assert STAND_IN.running == 0
            machine.qmp.execute("cont")
            assert STAND_IN.running == 1
        machine.vsock.status = 0
        assert STAND_IN.running == 0
        machine.qmp.execute("stop")
        machine.start()
        machine.qmp.execute("cont")
        assert STAND_IN.running == 1
        machine.qmp.execute("system_reset")
        wait_until(lambda: STAND_IN.running == 0, "the reset")
        assert events.used_index == 0
        assert machine.qmp.execute("qom-get", {"path": "/machine/peripheral/v", "property": "guest-cid"}) == CID


def test_memory_comes_and_goes():
    """One range for all DIMMs, and the same table once more for each that goes: then nothing is under way."""
    with Machine() as machine:
        machine.start()
        machine.qmp.execute("cont")
        tables, ranges = STAND_IN.tables, STAND_IN.ranges
        assert tables > 0 and ranges >= 2
        machine.dimm()
        assert (STAND_IN.tables, STAND_IN.ranges) == (tables, ranges)
        machine.eject()
        assert (STAND_IN.tables, STAND_IN.ranges) == (tables + 1, ranges)
        assert STAND_IN.running and not machine.vsock.status & NEEDS_RESET


def test_rings_that_leave():
    with Machine() as machine:
        machine.dimm()
        machine.start(memory=4 << 30)
        machine.qmp.execute("cont")
        assert STAND_IN.running == 1
        machine.eject()
        machine.vsock.wait_status(NEEDS_RESET)
        assert STAND_IN.running == 0 and "removed the memory that its rings are in" in machine.said()
        machine.start()
        assert STAND_IN.running == 1


def test_a_table_that_the_kernel_refuses_is_not_used():
    with Machine() as machine:
        machine.start()
        machine.qmp.execute("cont")
        machine.dimm()
        STAND_IN.table_errno = errno.ENOMEM
        machine.eject()
        machine.vsock.wait_status(NEEDS_RESET)
        assert STAND_IN.running == 0
        assert "v: queue 0: the kernel's vhost-vsock: VHOST_SET_MEM_TABLE: Cannot allocate memory" in machine.said(), machine.said()
        machine.start()                                          # the kernel's table is still the old one
        machine.vsock.wait_status(NEEDS_RESET)
        assert STAND_IN.running == 0
        STAND_IN.table_errno = 0
        machine.dimm()
        machine.eject()
        machine.start()
        assert STAND_IN.running == 1 and not machine.vsock.status & NEEDS_RESET


def test_it_comes_and_goes():
    with Machine("-device", "pcie-root-port,id=port") as machine:
        add = {"driver": "vhost-vsock-pci", "id": "w", "bus": "port"}
        machine.refused(f"guest-cid={CID}: device 'v' of this machine has this CID", "device_add", **add,
                        **{"guest-cid": CID})
        for turn in range(3):
            if turn:
                machine.pass_vhost("vhost")
                add["vhostfd"] = "vhost"
            machine.qmp.execute("device_add", {**add, "guest-cid": 3})
            machine.refused("'vhost' not found", "closefd", fdname="vhost")
            machine.qmp.execute("device_del", {"id": "w"})
            machine.qmp.execute("system_reset")
            machine.qmp.wait_event("DEVICE_DELETED", {"device": "w"})
        # Of what fails, nothing is left: neither the name nor the CID.
        machine.pass_vhost("vhost")
        STAND_IN.taken_cid = 7
        machine.refused("another guest of this host has this CID", "device_add", **add, **{"guest-cid": 7})
        machine.refused("slot 5 is not valid for vhost-vsock-pci", "device_add", **add, **{"guest-cid": 3, "addr": "5"})
        machine.qmp.execute("device_add", {**add, "guest-cid": 3})
        machine.refused("File descriptor named 'vhost' not found", "device_add",
                        **{**add, "id": "x", "guest-cid": 4})
        with open("/dev/null", "rb") as null:
            machine.pass_vhost("null", null.fileno())
        machine.refused("vhostfd=null: it is no descriptor of /dev/vhost-vsock", "device_add",
                        **{**add, "id": "x", "guest-cid": 4, "vhostfd": "null"})


def test_a_descriptor_by_its_number():
    fd = STAND_IN.descriptor()
    with Machine(device=f"vhost-vsock-pci,guest-cid=3,vhostfd={fd}", pass_fds=[fd]) as machine:
        machine.start()
        assert STAND_IN.running == 1
        held = [os.readlink(path) for path in pathlib.Path(f"/proc/{machine.process.pid}/fd").iterdir()]
        assert sum("stand-in" in target for target in held) == 1, held      # and not closed at the start
    os.close(fd)


BAD = [
    ("", "Parameter 'guest-cid' is missing: the guest's address among sockets, such as guest-cid=3"),
    *((f",guest-cid={bad}", f"Parameter 'guest-cid' expects a number from 3 to 4294967294; got '{bad}'")
      for bad in (0, 1, 2, 4294967295, 4294967296, 18446744073709551616, -1)),
    (",guest-cid=3,seqpacket=maybe", "expects one of 'auto', 'on', 'off'; got 'maybe'"),
    (",guest-cid=3,vhostfd=none", "vhostfd: File descriptor named 'none' not found"),
    (",guest-cid=3,vhostfd=900", "vhostfd=900: it is not open"),
    (",guest-cid=5", "guest-cid=5: another guest of this host has this CID, or a descriptor that is still open; choose "
                     "another one"),
    ("-transitional,guest-cid=3", "virtio devices are modern only; use 'vhost-vsock-pci'"),
]


def start(device, *options, pass_fds=()):
    return subprocess.run([PROGRAM, *HOTRAM["options"], "-nodefaults", "-display", "none", "-S", "-m", "128M", *options,
                           "-device", device], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          check=False, pass_fds=pass_fds)


def test_bad_words():
    STAND_IN.taken_cid, STAND_IN.open_errno = 5, 0
    for more, words in BAD:
        run = start("vhost-vsock-pci" + more)
        assert run.returncode == 1 and words in run.stderr, (more, run.stderr)


def test_a_host_without_it():
    for failure, words in ((errno.ENOENT, "No such file or directory; load the kernel's module (modprobe vhost_vsock)\n"),
                           (errno.EACCES, "Permission denied; add the user to the device's group, usually kvm (adduser USER kvm), and log in "
                                          "again, or pass an open one (vhostfd=NAME)\n")):
        STAND_IN.open_errno = failure
        run = start("vhost-vsock-pci,guest-cid=3")
        assert run.returncode == 1 and "vhost-vsock-pci: cannot open '/dev/vhost-vsock': " + words in run.stderr, run


def test_a_host_without_vhost_net():
    device, wire = host_tap.make("hotram-v0")
    with wire:
        for failure, words in ((errno.ENOENT, "No such file or directory; load the kernel's module (modprobe vhost_net), or say "
                                              "vhost=off, which serves every tap device\n"),
                               (errno.EACCES, "Permission denied; add the user to the device's group, usually kvm (adduser USER "
                                              "kvm), and log in again, or pass an open one (vhostfd=NAME), or say vhost=off")):
            STAND_IN.open_errno = failure
            run = start("virtio-net-pci", "-netdev", f"tap,id=n,fd={device},vhost=on", pass_fds=[device])
            assert run.returncode == 1 and "vhost=on: cannot open '/dev/vhost-net': " + words in run.stderr, run
    os.close(device)


def test_a_restored_driver_learns_that_connections_are_lost():
    """Once, and it may have another CID."""
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/guest.snapshot"
        with Machine() as machine:
            queues = machine.start()
            for number in range(2):
                queues[2].offer([(0x600000 + 64 * number, 8, True)])
            queues[2].kick()
            machine.qmp.execute("machine-snapshot", {"file": file})
            assert queues[2].used_index == 0
        with Machine("-incoming", f"file:{file}", device="vhost-vsock-pci,guest-cid=78,id=v") as machine:
            machine.qmp.execute("cont")
            for queue in queues:
                queue.device, queue.qtest = machine.vsock, machine.qtest
            assert queues[2].used()[1] == 4 and machine.qtest.read(0x600000, 4) == bytes(4)
            assert machine.vsock.config(0, 4) == 78
            wait_until(lambda: STAND_IN.running, "the kernel's serving")
            queues[2].kick()
            machine.qmp.execute("machine-snapshot", {"file": file})
            assert queues[2].used_index == 1


if __name__ == "__main__":
    try:
        tap.main()
    finally:
        STAND_IN.remove()
