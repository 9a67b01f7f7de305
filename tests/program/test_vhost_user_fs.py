#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""vhost-user-fs-pci: a test plays the driver, and the back end, or has virtiofsd share a folder. It needs no KVM."""

import contextlib
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap, virtio                                  # noqa: E402
from lib.host import DIMM, MIB, Host                         # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.vhost_back_end import ALL, CONFIG, FEATURES, BackEnd  # noqa: E402
from lib.virtiofsd import Virtiofsd, in_c, in_rust           # noqa: E402

BUFFERS = 0x800000
INIT, LOOKUP, OPEN, READ, WRITE = 26, 1, 14, 15, 16
# As a device without a configuration space of its own: virtiofsd has no CONFIG.
NO_CONFIG = ALL & ~CONFIG


class Echo(BackEnd):
    """Answers each request with its own bytes."""

    def __init__(self, path, **more):
        super().__init__(path, **{"protocol": NO_CONFIG, "features": 1 << 28 | 1 << 29 | 1 << 32 | 1 << 30, **more})

    def _request(self, descriptors, index):
        (out, length), (room, _) = self.chain(descriptors, index)
        self._guest(room, length, self._guest(out, length))
        return length


class Folder:
    """A machine with one, and its driver. back_end: made with the folder's socket."""

    def __init__(self, back_end=None, device="", options=(), start=True, **more):
        with contextlib.ExitStack() as made:
            folder = made.enter_context(tempfile.TemporaryDirectory())
            self.path = pathlib.Path(folder) / "back-end"
            self.back_end = (back_end or Echo)(self.path, **more)
            made.callback(lambda: self.back_end.stop())
            self.host = made.enter_context(Host(["-chardev", f"socket,id=c,path={self.path}", "-device",
                                                 f"vhost-user-fs-pci,id=v,chardev=c,tag=shared{device}", *options]))
            self.host.qmp.execute("cont")
            self.unique = 1
            if start:
                self.start()
            self.made = made.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.made.close()

    def start(self):
        space = virtio.Pci(self.host.qtest)
        self.device = virtio.Device(space, space.find(0x1af4, 0x105a))
        self.device.begin(virtio.VERSION_1)
        self.urgent, self.queue = (self.device.queue(index) for index in range(2))
        self.device.ready()

    def ask(self, message, room=4096, at=BUFFERS, queue=None):
        queue = queue or self.queue
        self.host.qtest.write(at, message)
        head = queue.offer([(at, len(message), False), (at + 0x4000, room, True)])
        queue.kick()
        used, written = queue.used()
        assert used == head
        return self.host.qtest.read(at + 0x4000, written)

    def fuse(self, code, node, body, at=BUFFERS):
        """Its answer's bytes, or the error's number."""
        self.unique += 2
        message = struct.pack("<IIQQIIII", 40 + len(body), code, self.unique, node, 0, 0, 1, 0) + body
        answer = self.ask(message, at=at)
        length, error, unique = struct.unpack_from("<IiQ", answer)
        assert (length, unique) == (len(answer), self.unique)
        return answer[16:] if error == 0 else error


def refuses_to_start(words, device="", **more):
    with tempfile.TemporaryDirectory() as folder, Echo(pathlib.Path(folder) / "s", **more):
        said = subprocess.run([PROGRAM, "-accel", "qtest", "-display", "none", "-m", "64M", "-nodefaults", "-chardev",
                               f"socket,id=c,path={folder}/s", "-device", f"vhost-user-fs-pci,{device}"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert said.returncode == 1 and words in said.stderr and len(said.stderr.splitlines()) == 1, said


def test_the_device():
    with Folder(device=",num-request-queues=2,queue-size=64", start=False) as folder:
        space = virtio.Pci(folder.host.qtest)
        device = virtio.Device(space, space.find(0x1af4, 0x105a))
        assert space.config_read(device.place, 8, 4) >> 8 == 0x018000
        assert [device.config(offset, 4) for offset in range(0, 40, 4)] == [*struct.unpack("<II", b"shared\0\0"), *[0] * 7, 2]
        assert device.read(0x12, 2) == 3 and device.offered & virtio.VERSION_1
        assert "GET_CONFIG" not in folder.back_end.asked and folder.back_end.agreed == NO_CONFIG
        device.begin(virtio.VERSION_1)
        queues = [device.queue(index) for index in range(3)]
        assert [queue.size_max for queue in queues] == [64] * 3
        device.ready()
        for queue in queues:
            assert folder.ask(b"request", queue=queue) == b"request"
    with Folder(device="x" * 30) as folder:
        assert bytes(folder.device.config(offset, 1) for offset in range(36)) == b"shared" + b"x" * 30


def test_values_that_are_refused():
    refuses_to_start("Parameter 'tag' is missing", "chardev=c")
    refuses_to_start("Parameter 'chardev' is missing", "tag=t")
    refuses_to_start("Parameter 'tag' expects a name of 1 to 36 bytes; it is empty", "chardev=c,tag=")
    refuses_to_start(f"Parameter 'tag' expects a name of 1 to 36 bytes; '{'t' * 37}' has 37", f"chardev=c,tag={'t' * 37}")
    refuses_to_start("can't find value 'other'", "chardev=other,tag=t")
    refuses_to_start("num-request-queues=4: the back end of chardev 'c' serves 4 queues, of which one is for urgent requests",
                     "chardev=c,tag=t,num-request-queues=4")
    refuses_to_start("num-request-queues' expects a number from 1 to 129; got '0'", "chardev=c,tag=t,num-request-queues=0")
    refuses_to_start("queue-size' expects a power of two from 4 to 1024; got '24'", "chardev=c,tag=t,queue-size=24")
    refuses_to_start("lacks REPLY_ACK", "chardev=c,tag=t", protocol=NO_CONFIG & ~8)
    refuses_to_start("is older than virtio 1.0", "chardev=c,tag=t", features=FEATURES & ~(1 << 32))


def test_two_with_one_tag():
    with Folder(options=("-device", "pcie-root-port,id=port")) as folder, Echo(folder.path.parent / "second") as second:
        folder.host.qmp.execute("chardev-add", {"id": "d", "backend": {"type": "socket", "data": {
            "addr": {"type": "unix", "data": {"path": str(second.path)}}, "server": False}}})
        plug = {"driver": "vhost-user-fs-pci", "id": "w", "chardev": "d", "bus": "port"}
        folder.host.refuses(["device 'v' has the tag 'shared' already"], "device_add", {**plug, "tag": "shared"})
        folder.host.qmp.execute("device_add", {**plug, "tag": "other"})
        assert len(second.regions) == 1


def test_memory_comes_and_goes():
    with Folder() as folder:
        folder.host.add("ram", "m", size=128 * MIB)
        folder.host.dimm("d", "m")
        assert [region.address for region in folder.back_end.regions] == [0, DIMM]
        assert folder.ask(b"out of a DIMM", at=DIMM) == b"out of a DIMM"
        folder.host.eject("d")
        assert [region.address for region in folder.back_end.regions] == [0]
        assert folder.ask(b"out of RAM") == b"out of RAM"
        for command in "stop", "cont":
            folder.host.qmp.execute(command)
        assert folder.ask(b"again") == b"again"
        folder.host.qmp.execute("system_reset")
        folder.host.qmp.wait_event("RESET")
        folder.start()
        assert folder.ask(b"after a reset") == b"after a reset"
        assert folder.host.error_log == ""


def test_a_back_end_that_goes():
    with Folder() as folder:
        folder.back_end.stop()
        virtio.wait_until(lambda: "is lost" in folder.host.error_log, "the loss")
        folder.device.wait_status(virtio.NEEDS_RESET)
        said = folder.host.error_log
        assert "v: the back end of chardev 'c' is lost: it has closed the connection; requests of this folder" in said, said
        assert folder.host.qmp.execute("query-status")["running"]


def share_by(command):
    with tempfile.TemporaryDirectory() as shared:
        (pathlib.Path(shared) / "name").write_bytes(b"of the host's")
        with Folder(lambda path: Virtiofsd(command, shared, path)) as folder:
            init = folder.fuse(INIT, 0, struct.pack("<IIII", 7, 31, 0, 0))
            assert struct.unpack_from("<I", init)[0] == 7
            folder.host.add("ram", "m", size=128 * MIB)
            folder.host.dimm("d", "m")
            for at in BUFFERS, DIMM + MIB, DIMM + 100 * MIB:
                node, = struct.unpack_from("<Q", folder.fuse(LOOKUP, 1, b"name\0", at=at))
                handle, = struct.unpack_from("<Q", folder.fuse(OPEN, node, struct.pack("<II", 2, 0), at=at))
                assert folder.fuse(READ, node, struct.pack("<QQIIQII", handle, 0, 100, 0, 0, 0, 0), at=at) == b"of the host's"
                body = struct.pack("<QQIIQII", handle, 0, 13, 0, 0, 0, 0) + b"of the guest's"[:13]
                assert struct.unpack_from("<I", folder.fuse(WRITE, node, body, at=at)) == (13,)
                assert (pathlib.Path(shared) / "name").read_bytes() == b"of the guest'"
                (pathlib.Path(shared) / "name").write_bytes(b"of the host's")
            assert folder.fuse(LOOKUP, 1, b"other\0") == -2
            folder.host.eject("d")
            assert folder.fuse(LOOKUP, 1, b"other\0") == -2
            folder.back_end.stop()
            virtio.wait_until(lambda: "is lost" in folder.host.error_log, "the loss")


def test_a_folder_by_virtiofsd_in_c():
    share_by(in_c())


def test_a_folder_by_virtiofsd_in_rust():
    share_by(in_rust())


if __name__ == "__main__":
    tap.main()
