#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: tsan
"""vhost-user-blk-pci: a test plays the driver, and the back end, or has qemu-storage-daemon serve a qcow2 image. It needs
no KVM."""

import contextlib
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import storage_daemon, tap, virtio                  # noqa: E402
from lib.host import DIMM, MIB, Host                         # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.vhost_back_end import ALL, FEATURES, FLUSH, GET_ID, IN, MEM_SLOTS, OUT, BackEnd  # noqa: E402

BUFFERS = 0x800000
OK = 0
CONFIG_WCE, MANY = 1 << 11, 1 << 12
BLOCK_FEATURES = 0x7fff
HANDSHAKE = ["GET_FEATURES", "GET_PROTOCOL_FEATURES", "SET_PROTOCOL_FEATURES", "SET_OWNER", "GET_QUEUE_NUM",
             "GET_MAX_MEM_SLOTS", "SET_BACKEND_REQ_FD", "SET_CONFIG", "GET_CONFIG", "ADD_MEM_REG"]


class Disk:
    """A machine with one, and its driver. back_end: made with the folder's socket."""

    def __init__(self, back_end=None, device="", options=(), start=True, chardev="", **more):
        with contextlib.ExitStack() as made:
            folder = made.enter_context(tempfile.TemporaryDirectory())
            self.path = pathlib.Path(folder) / "back-end"
            self.back_end = (back_end or BackEnd)(self.path, **more)
            made.callback(lambda: self.back_end.stop())     # of the one that is there then
            self.host = made.enter_context(Host(["-chardev", f"socket,id=c,path={self.path}{chardev}", "-device",
                                                 f"vhost-user-blk-pci,id=v,chardev=c{device}", *options]))
            self.host.qmp.execute("cont")
            self.qtest = self.host.qtest
            if start:
                self.find()
                self.start()
            self.made = made.pop_all()

    def find(self):
        space = virtio.Pci(self.qtest)
        self.device = virtio.Device(space, space.find(0x1af4, 0x1042))

    def start(self):
        self.device.begin(self.device.offered & BLOCK_FEATURES | virtio.VERSION_1)
        self.queue = self.device.queue(0)
        self.device.ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.made.close()

    def post(self, kind, sector=0, data=b"", room=0, at=BUFFERS, header=BUFFERS - 0x1000):
        self.qtest.write(header, struct.pack("<IIQ", kind, 0, sector))
        self.qtest.write(header + 32, b"\xff")
        buffers = [(header, 16, False)]
        if data:
            self.qtest.write(at, data)
            buffers.append((at, len(data), False))
        if room:
            buffers.append((at, room, True))
        head = self.queue.offer([*buffers, (header + 32, 1, True)])
        self.queue.kick()
        return head, header + 32

    def ask(self, kind, sector=0, data=b"", room=0, at=BUFFERS):
        head, status = self.post(kind, sector, data, room, at)
        assert self.queue.used()[0] == head
        return self.qtest.read(status, 1)[0], self.qtest.read(at, room) if room else b""

    def lost(self, words):
        """The back end is, once, and all else lives."""
        said = virtio.wait_until(lambda: self.host.error_log if "is lost" in self.host.error_log else None, "the loss")
        assert said.count("is lost") == said.count("warning") == 1 and words in said, said
        assert self.host.qmp.execute("query-status")["running"]

    def refused(self, words, command="device_add", **arguments):
        refused(self.host, words, command, **arguments)


def refused(host, words, command="device_add", **arguments):
    try:
        host.qmp.execute(command, arguments)
    except QMPError as error:
        assert words in error.desc, error.desc
    else:
        raise AssertionError(f"{command} {arguments}: nothing was wrong")


def add_dimm(host, name, size=128 * MIB, addr=None):
    host.add("ram", "m" + name, size=size)
    host.dimm(name, "m" + name, **({"addr": addr} if addr else {}))


# ---- the disk ----

def test_what_is_asked_for_and_in_which_order():
    with Disk(start=False) as disk:
        assert disk.back_end.asked == HANDSHAKE, disk.back_end.asked
        disk.find()
        assert disk.device.offered & BLOCK_FEATURES == FEATURES & BLOCK_FEATURES & ~MANY
        assert disk.device.config(0, 4) == MIB // 512 and disk.device.config(12, 4) == 126
        assert disk.device.config(34, 2) == 1 and disk.device.read(0x12, 2) == 1
        disk.back_end.asked.clear()
        disk.start()
        assert disk.back_end.asked == ["SET_FEATURES", "SET_VRING_NUM", "SET_VRING_BASE", "SET_VRING_ADDR", "SET_VRING_ERR",
                                       "SET_VRING_CALL", "SET_VRING_KICK", "SET_VRING_ENABLE"], disk.back_end.asked
        assert disk.back_end.accepted & virtio.VERSION_1 and disk.back_end.rings[0].enabled


def test_reads_and_writes():
    with Disk() as disk:
        assert disk.ask(IN, 3, room=4096) == (OK, bytes(disk.back_end.disk[1536:1536 + 4096]))
        text = bytes(range(255, -1, -1)) * 4
        assert disk.ask(OUT, 100, data=text)[0] == OK
        assert disk.back_end.disk[51200:51200 + 1024] == text
        for change in ("stop", "cont"), ("system_reset",):
            for command in change:
                disk.host.qmp.execute(command)
            if change == ("system_reset",):
                disk.host.qmp.wait_event("RESET")
                disk.find()
                disk.start()
            assert disk.ask(IN, 100, room=1024) == (OK, text)
        assert disk.host.error_log == "", disk.host.error_log


def test_requests_that_the_back_end_has_taken_end_before_the_disk_stops():
    """libvhost-user gives a ring back while requests from it are under way; the interrupt is made good later."""
    for stop in True, False:
        with Disk() as disk:
            disk.back_end.late = 0.5
            disk.post(IN, 1, room=512)
            virtio.wait_until(lambda: disk.back_end.rings[0].next == 1, "the request")      # pylint: disable=W0640
            assert disk.queue.used_index == 0
            if stop:
                disk.host.qmp.execute("stop")
                assert disk.queue.used_index == 1
                disk.back_end.late = 0
                assert not disk.device.interrupt_status() & 1
                disk.host.qmp.execute("cont")
                virtio.wait_until(lambda: disk.device.interrupt_status() & 1, "the interrupt")      # pylint: disable=W0640
            else:
                disk.device.status = 0
                virtio.wait_until(lambda: disk.device.status == 0, "the end of the reset")      # pylint: disable=W0640
                assert disk.queue.used_index == 1


def test_properties():
    with Disk(device=",config-wce=off,num-queues=3,queue-size=16,bootindex=1") as disk:
        assert not disk.device.offered & CONFIG_WCE and disk.device.offered & MANY
        assert disk.device.config(12, 4) == 14 and disk.device.config(34, 2) == disk.device.read(0x12, 2) == 3
        assert disk.queue.size_max == 16
        assert disk.ask(IN, room=512)[0] == OK, "one queue of three is in use"
    for given, expected in ((",write-cache=off", 0), (",write-cache=on", 1), (",write-cache=auto,config-wce=off", 1)):
        with Disk(device=given) as disk:
            assert disk.back_end.config[32] == disk.device.config(32, 1) == expected
    with Disk() as disk:
        disk.device.pci.write(disk.device.structures[4] + 32, 1, 0)
        assert disk.back_end.config[32] == 0 and disk.device.config(32, 1) == 0


def test_all_queues():
    with Disk(device=",num-queues=2", start=False) as disk:
        disk.find()
        disk.device.begin(disk.device.offered & BLOCK_FEATURES | virtio.VERSION_1)
        for index in range(2):
            disk.queue = disk.device.queue(index)
        disk.device.ready()
        assert sorted(disk.back_end.rings) == [0, 1]
        assert disk.ask(IN, 1, room=512) == (OK, bytes(disk.back_end.disk[512:1024]))


def test_a_disk_that_changes_its_size():
    with Disk() as disk:
        for size in 2 * MIB, MIB, 8 * MIB:
            disk.back_end.resize(size, need_reply=size != MIB)
            virtio.wait_until(lambda: disk.device.config(0, 4) == size // 512, "the new size")     # pylint: disable=W0640


# ---- memory ----

def test_memory_is_made_of_descriptors_by_itself():
    for memory, ranges in (("64M,slots=4,maxmem=64G", 1), ("3G,slots=4,maxmem=64G", 2)):
        with tempfile.TemporaryDirectory() as folder, BackEnd(pathlib.Path(folder) / "s") as back_end, \
                Host(["-chardev", f"socket,id=c,path={folder}/s", "-device", "vhost-user-blk-pci,chardev=c"], memory=memory):
            assert len(back_end.regions) == ranges, back_end.regions


def test_a_dimm_is_mapped_before_the_guest_hears_of_it_and_unmapped_before_it_goes():
    for protocol in ALL, ALL & ~MEM_SLOTS:
        with Disk(protocol=protocol) as disk:
            add_dimm(disk.host, "d")
            assert [region.address for region in disk.back_end.regions] == [0, DIMM]
            assert disk.ask(OUT, 8, data=b"dimm" * 128, at=DIMM + 4096)[0] == OK
            assert disk.back_end.disk[4096:4096 + 512] == b"dimm" * 128
            disk.host.eject("d")
            assert [region.address for region in disk.back_end.regions] == [0]
            assert disk.ask(IN, 8, room=512) == (OK, b"dimm" * 128)
            disk.host.dimm("d", "md")               # the same object again
            assert disk.ask(IN, 8, room=512, at=DIMM) == (OK, b"dimm" * 128)
            assert disk.host.error_log == "", disk.host.error_log


def test_slots_are_counted():
    for protocol, slots, fit in (ALL, 3, 2), (ALL & ~MEM_SLOTS, 3, 7):
        with Disk(protocol=protocol, slots=slots, options=("-m", "64M,slots=16,maxmem=64G")) as disk:
            for number in range(fit):
                add_dimm(disk.host, f"d{number}")
            disk.host.add("ram", "m")
            for _ in range(2):
                disk.refused("device 'v' (vhost-user-blk-pci): its back end maps at most "
                             f"{fit + 1} ranges of guest memory, and has so many; give fewer and larger DIMMs, or device_del",
                             driver="pc-dimm", id="more", memdev="m")
            assert len(disk.host.qmp.execute("query-memory-devices")) == fit
            disk.host.eject("d0")
            disk.host.dimm("more", "m")
            assert disk.ask(IN, room=512)[0] == OK


def test_memory_that_is_refused():
    with Disk() as disk:
        disk.back_end.refuses = {"ADD_MEM_REG"}
        disk.host.add("ram", "m")
        disk.refused("its back end has refused 16777216 bytes of guest memory at 0x100000000", driver="pc-dimm", id="d",
                     memdev="m")
        assert disk.host.qmp.execute("query-memory-devices") == []
        disk.back_end.refuses = set()
        disk.host.dimm()
        assert disk.ask(IN, room=512, at=DIMM)[0] == OK


def test_memory_without_a_descriptor():
    words = "guest memory at 0x0 has no descriptor by which the back end of chardev 'c' could map it"
    port = ("-device", "pcie-root-port,id=port")
    with tempfile.TemporaryDirectory() as folder, BackEnd(pathlib.Path(folder) / "s") as back_end:
        plug = {"driver": "vhost-user-blk-pci", "id": "v", "chardev": "c", "bus": "port"}
        with Host(["-chardev", f"socket,id=c,path={folder}/s", *port]) as host:
            for _ in range(2):                      # the chardev connects again
                refused(host, words, **plug)
            refused(host, "-object memory-backend-memfd,id=ram,size=SIZE -machine memory-backend=ram", **plug)
            assert host.qmp.execute("query-memdev")[0]["id"] == "hotram.ram"
        # The way out, and DIMMs then have descriptors by themselves.
        with Host(["-chardev", f"socket,id=c,path={folder}/s", *port, "-object", "memory-backend-memfd,id=ram,size=64M",
                   "-machine", "memory-backend=ram"]) as host:
            host.add("ram", "early")
            host.qmp.execute("device_add", plug)
            host.refuses(["guest memory at 0x100000000 has no descriptor", "a memory-backend-memfd"],
                         "device_add", {"driver": "pc-dimm", "id": "d", "memdev": "early"})
            add_dimm(host, "d")
            assert [region.address for region in back_end.regions] == [0, DIMM]


# ---- plugging ----

def test_it_comes_and_goes():
    with Disk(options=("-device", "pcie-root-port,id=port", "-chardev", "null,id=other")) as disk:
        for device, words in (
                ({"chardev": "c"}, "chardev 'c' is already in use"), ({"chardev": "x"}, "can't find value 'x'"),
                ({"chardev": "other"}, "chardev 'other' is not a Unix socket that connects"), ({}, "'chardev' is missing")):
            disk.refused(words, driver="vhost-user-blk-pci", id="w", bus="port", **device)
        disk.refused("Chardev 'c' is busy", command="chardev-remove", id="c")
        assert disk.ask(IN, room=512)[0] == OK
    with tempfile.TemporaryDirectory() as folder, BackEnd(pathlib.Path(folder) / "s", queues=2) as back_end:
        port = ("-device", "pcie-root-port,id=port", "-object", "memory-backend-memfd,id=ram,size=64M", "-machine", "memory-backend=ram")
        with Host(port) as host:
            data = {"addr": {"type": "unix", "data": {"path": f"{folder}/other"}}, "server": True, "wait": False}
            host.qmp.execute("chardev-add", {"id": "k", "backend": {"type": "socket", "data": data}})
            host.refuses(["server=on is not possible for a device of vhost-user"], "device_add",
                         {"driver": "vhost-user-blk-pci", "id": "v", "chardev": "k", "bus": "port"})
            host.qmp.execute("chardev-remove", {"id": "k"})
            host.qmp.execute("chardev-add", {"id": "c", "backend": {"type": "socket", "data": {
                "addr": {"type": "unix", "data": {"path": f"{folder}/s"}}, "server": False}}})
            many = {"driver": "vhost-user-blk-pci", "id": "v", "chardev": "c", "bus": "port", "num-queues": 3}
            refused(host, "The maximum number of queues supported by the backend is 2: num-queues=3", **many)
            host.qmp.execute("device_add", {**many, "num-queues": 2})
            assert len(back_end.regions) == 1


# ---- back ends that fail ----

def test_a_back_end_that_goes():
    with Disk() as disk:
        disk.back_end.stop()
        disk.lost("v: the back end of chardev 'c' is lost: it has closed the connection")
        disk.device.wait_status(virtio.NEEDS_RESET)
        add_dimm(disk.host, "d")                    # it is in nobody's way
        disk.host.eject("d")
        disk.start()                                # a driver that resets it gets no further
        disk.device.wait_status(virtio.NEEDS_RESET)
        for command in "stop", "cont", "system_reset":
            disk.host.qmp.execute(command)
        disk.lost("")


def refuses_to_start(words, device="", **more):
    with tempfile.TemporaryDirectory() as folder, BackEnd(pathlib.Path(folder) / "s") as back_end:
        back_end.answers.update(more.pop("answers", {}))
        for name, value in more.items():
            setattr(back_end, name, value)
        said = subprocess.run([PROGRAM, "-accel", "qtest", "-display", "none", "-m", "64M", "-nodefaults", "-chardev",
                               f"socket,id=c,path={folder}/s", "-device", f"vhost-user-blk-pci,chardev=c{device}"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert said.returncode == 1 and f"-device vhost-user-blk-pci,chardev=c{device}: " in said.stderr and words in said.stderr, said
        assert len(said.stderr.splitlines()) == 1, said.stderr


def test_back_ends_that_are_refused():
    refuses_to_start("lacks the protocol features of vhost-user", features=FEATURES & ~(1 << 30))
    refuses_to_start("lacks REPLY_ACK", protocol=ALL & ~8)
    refuses_to_start("lacks CONFIG", protocol=ALL & ~512)
    refuses_to_start("is older than virtio 1.0", features=FEATURES & ~(1 << 32))
    refuses_to_start("serves 0 queues", queues=0)
    refuses_to_start("write-cache=off: the back end of chardev 'c' does not let it be set", device=",write-cache=off",
                     features=FEATURES & ~CONFIG_WCE)
    refuses_to_start("Parameter 'write-cache' expects one of on, off, auto; got 'no'", device=",write-cache=no")
    refuses_to_start("it has refused SET_OWNER", refuses={"SET_OWNER"})
    for name in HANDSHAKE[:2] + HANDSHAKE[3:]:
        refuses_to_start("it has not answered" if name == "ADD_MEM_REG" else "has", answers={
            name: (lambda answer: (b"",)) if name == "ADD_MEM_REG" else lambda answer: answer[:-1]})
    refuses_to_start("its answer to GET_FEATURES is none: message 2", answers={
        "GET_FEATURES": lambda answer: (struct.pack("<III", 2, 5, 8) + answer,)})
    refuses_to_start("its answer to GET_CONFIG is of 0 bytes", answers={
        "GET_CONFIG": lambda answer: struct.pack("<III", 0, 0, 0) + answer[12:]})


def test_answers_to_what_was_not_asked():
    for message in b"x", struct.pack("<IIIQ", 24, 5, 8, 0):
        with Disk() as disk:
            disk.back_end._client.sendall(message)
            disk.lost("it has sent something that nobody asked for")
    for message in struct.pack("<III", 3, 1, 0), struct.pack("<III", 2, 1, 8), struct.pack("<III", 2, 5, 0):
        with Disk() as disk:
            disk.back_end.say(message)
            disk.lost("is none that it may make")


def test_a_back_end_that_is_silent():
    """The machine waits for it once."""
    with Disk() as disk:
        disk.back_end.answers["GET_VRING_BASE"] = lambda answer: (b"",)
        disk.host.qmp.execute("stop")
        disk.host.qmp.execute("cont")
        disk.lost("it has not answered GET_VRING_BASE for 5 seconds")
    with Disk() as disk:
        add_dimm(disk.host, "d")
        disk.back_end.answers["REM_MEM_REG"] = lambda answer: (b"",)
        disk.host.eject("d")                        # its memory is gone nevertheless
        disk.lost("it has not answered REM_MEM_REG for 5 seconds")
        assert disk.host.qmp.execute("query-memory-devices") == []


def test_a_ring_that_comes_back_wrong():
    for answer in struct.pack("<II", 1, 0), struct.pack("<II", 0, 65536):
        with Disk() as disk:
            disk.back_end.answers["GET_VRING_BASE"] = lambda _, wrong=answer: wrong
            disk.host.qmp.execute("stop")
            disk.host.qmp.execute("cont")
            disk.lost("its answer to GET_VRING_BASE of queue 0 is")


def test_requests_without_end_for_its_configuration():
    with Disk() as disk:
        for _ in range(2000):
            disk.back_end.say(struct.pack("<III", 2, 1, 0))
        assert disk.ask(IN, room=512)[0] == OK
        assert disk.host.qmp.execute("query-status")["running"]


# ---- the real one ----

class RealDisk(Disk):
    def __init__(self, **more):
        missing = storage_daemon.missing()
        if missing:
            raise tap.Skip(f"{missing} is not installed")
        self.files = tempfile.TemporaryDirectory()
        self.image = pathlib.Path(self.files.name) / "disk.qcow2"
        storage_daemon.make_image(self.image)
        super().__init__(lambda path: storage_daemon.StorageDaemon(self.image, path, queues=2), **more)

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self.files.cleanup()


def test_qcow2_by_qemu_storage_daemon():
    with RealDisk() as disk:
        assert disk.device.config(0, 4) == 64 * MIB // 512 and disk.device.config(32, 1) == 1
        text = b"written through hotram" * 100
        text = text[:len(text) // 512 * 512]
        assert disk.ask(OUT, 1000, data=text)[0] == OK and disk.ask(FLUSH)[0] == OK
        assert disk.ask(IN, 1000, room=len(text)) == (OK, text)
        assert disk.ask(GET_ID, room=20)[0] == OK
        for number in range(3):
            add_dimm(disk.host, f"d{number}")
        assert disk.ask(IN, 1000, room=512, at=DIMM + 300 * MIB) == (OK, text[:512])
        for number in range(3):
            disk.host.eject(f"d{number}", slot=number)
        disk.host.qmp.execute("stop")
        disk.host.qmp.execute("cont")
        assert disk.ask(IN, 1000, room=512) == (OK, text[:512])
        assert disk.host.error_log == "", disk.host.error_log
        disk.back_end.process.kill()
        disk.lost("it has closed the connection")
    with RealDisk() as disk:
        disk.host.quit()
        disk.back_end.stop()
        raw = subprocess.run(["qemu-img", "info", str(disk.image)], capture_output=True, text=True, check=True)
        assert "file format: qcow2" in raw.stdout, raw


def storage_daemon_version():
    said = subprocess.run(["qemu-storage-daemon", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.search(r"version (\d+)\.(\d+)", said).groups()))


def test_ranges_of_qemu_storage_daemon():
    """It maps 32 up to QEMU 8.2, and 509 from 9.0 on, which are more than a machine has slots."""
    with RealDisk(options=("-m", "64M,slots=40,maxmem=64G")) as disk:
        for number in range(31):
            add_dimm(disk.host, f"d{number}", size=2 * MIB)
        disk.host.add("ram", "m", size=2 * MIB)
        if storage_daemon_version() < (9, 0):
            disk.refused("its back end maps at most 32 ranges of guest memory", driver="pc-dimm", id="more", memdev="m")
        else:
            disk.host.dimm("more", "m")
        assert disk.ask(IN, room=512)[0] == OK


# ---- snapshots ----

def test_a_restored_machine_continues_with_its_back_end():
    """From the entry at which the first one has stopped; where it is gone, nothing is saved."""
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/guest.snapshot"
        with Disk() as disk:
            for sector in range(5):
                assert disk.ask(OUT, sector, data=bytes(512))[0] == OK
            disk.host.qmp.execute("machine-snapshot", {"file": file})
            assert disk.ask(OUT, 5, data=bytes(512))[0] == OK
            disk.back_end.stop()
            disk.lost("it has closed the connection")
            disk.refused("the back end of chardev 'c' is gone", "machine-snapshot", file=f"{folder}/other")
        with Disk(options=["-incoming", f"file:{file}"], start=False) as other:
            other.device, other.queue = disk.device, disk.queue
            other.device.qtest = other.device.pci.qtest = other.queue.qtest = other.qtest
            other.queue._next = other.queue._seen = 5
            for sector in range(5, 8):
                assert other.ask(OUT, sector, data=bytes(512))[0] == OK
            assert other.queue.used_index == 8


if __name__ == "__main__":
    tap.main()
