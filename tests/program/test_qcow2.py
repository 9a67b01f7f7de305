#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Images in QEMU's formats, which hotram has served by a qemu-storage-daemon that it starts itself. A test plays the
driver. It needs no KVM."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import proc, storage_daemon, tap, virtio            # noqa: E402
from lib.host import DIMM, MIB, Host                         # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.vhost_back_end import FLUSH, IN, OUT                # noqa: E402

BUFFERS = 0x800000
OK, IOERR = 0, 1
RO, WCE = 1 << 5, 1 << 11


def daemons(parent):
    """The processes of qemu-storage-daemon that this one has started."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            name, rest = status.read_text().rsplit(")", 1)
            if "(qemu-storage" in name and int(rest.split()[1]) == parent and rest.split()[0] != "Z":
                found.append(int(status.parent.name))
    return found


def is_there(pid):
    """Also while other threads of it than the first have not ended: its files are open until then."""
    return [stat.rsplit(")", 1)[1].split()[0] for _, stat in proc.threads(pid, "stat")] not in ([], ["Z"])


class Disk:
    """options(path) are for an image at that path."""

    def __init__(self, options, name="disk.qcow2", **image):
        missing = storage_daemon.missing()
        if missing:
            raise tap.Skip(f"{missing} is not installed")
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name) / name
        storage_daemon.make_image(self.path, **image)
        self.host = Host(options(self.path))
        self.qtest = self.host.qtest
        self.daemons = daemons(self.host.process.pid)
        self.host.qmp.execute("cont")
        space = virtio.Pci(self.qtest)
        self.device = virtio.Device(space, space.find(0x1af4, 0x1042))
        self.device.begin(self.device.offered & 0x7fff | virtio.VERSION_1)
        self.queue = self.device.queue(0)
        self.device.ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.host.__exit__()
        self.folder.cleanup()

    def ask(self, kind, sector=0, data=b"", room=0, at=BUFFERS):
        header = BUFFERS - 0x1000
        self.qtest.write(header, struct.pack("<IIQ", kind, 0, sector))
        buffers = [(header, 16, False)]
        if data:
            self.qtest.write(at, data)
            buffers.append((at, len(data), False))
        if room:
            buffers.append((at, room, True))
        self.queue.transfer([*buffers, (header + 32, 1, True)])
        return self.qtest.read(header + 32, 1)[0], self.qtest.read(at, room) if room else b""


def drive(more=""):
    return lambda path: ["-drive", f"file={path}{more}" if "format=" in more else f"file={path},format=qcow2{more}"]


def blockdev(node="", device="", driver="qcow2"):
    return lambda path: ["-device", f"virtio-blk-pci,id=d,drive=n{device}",
                         "-blockdev", f"{driver},node-name=n,file.driver=file,file.filename={path}{node}"]


def as_json(path):
    """Values with JSON's types."""
    return ["-blockdev", json.dumps({"driver": "qcow2", "node-name": "n", "read-only": False, "cache": {"direct": False},
                                     "file": {"driver": "file", "filename": str(path)}}),
            "-device", json.dumps({"driver": "virtio-blk-pci", "id": "d", "drive": "n", "bootindex": 1, "share-rw": False})]


def as_libvirt_does(path):
    return ["-blockdev", json.dumps({"driver": "file", "node-name": "storage", "filename": str(path), "auto-read-only": True,
                                     "discard": "unmap", "cache": {"direct": False, "no-flush": False}}),
            "-blockdev", json.dumps({"driver": "qcow2", "node-name": "format", "read-only": False, "discard": "unmap",
                                     "file": "storage", "backing": None}),
            "-device", json.dumps({"driver": "virtio-blk-pci", "id": "d", "drive": "format", "bootindex": 1, "write-cache": "on"})]


def test_each_way_to_name_an_image():
    for options in (drive(",format=qcow2"), drive(",format=qcow2,if=virtio,cache=none,discard=unmap"), blockdev(),
                    lambda path: ["-drive", f"file={path}"], lambda path: ["-hda", str(path)], lambda path: [str(path)],
                    lambda path: ["-drive", f"file={path},if=none,id=x", "-device", "virtio-blk-pci,drive=x,bootindex=1"],
                    lambda path: ["-drive", f"file={path},if=none,id=x,format=qcow2", "-device", "virtio-blk-pci-non-transitional,drive=x"],
                    as_json, as_libvirt_does):
        with Disk(options, name="disk, of a name.qcow2" if options == as_json else "disk.qcow2") as disk:
            assert len(disk.daemons) == 1
            assert disk.device.config(0, 4) == 64 * MIB // 512 and not disk.device.offered & RO
            assert disk.ask(OUT, 8, data=b"words..." * 64)[0] == disk.ask(FLUSH)[0] == OK
            assert disk.ask(IN, 8, room=512) == (OK, b"words..." * 64)
            assert disk.host.error_log == "", disk.host.error_log
            assert disk.host.quit() == 0
            virtio.wait_until(lambda: not is_there(disk.daemons[0]), "the daemon's end")       # pylint: disable=W0640
            raw = disk.path.with_suffix(".raw")
            subprocess.run(["qemu-img", "convert", "-O", "raw", str(disk.path), str(raw)], check=True)
            assert raw.read_bytes()[4096:4096 + 512] == b"words..." * 64


def test_dimms():
    with Disk(drive()) as disk:
        disk.host.add("ram", "m", size=128 * MIB)
        disk.host.dimm()
        assert disk.ask(OUT, 8, data=b"dimm" * 128, at=DIMM)[0] == OK
        disk.host.eject()
        assert disk.ask(IN, 8, room=512) == (OK, b"dimm" * 128)


def test_other_formats():
    for kind in "vmdk", "vdi", "vhdx", "qed", "vpc", "parallels":
        with Disk(drive(f",format={kind}"), name="disk", kind=kind) as disk:
            assert disk.ask(IN, 8, room=512) == (OK, bytes(512)), kind


def test_read_only_and_write_through():
    with Disk(drive(",readonly=on")) as disk:
        assert disk.device.offered & RO
    with Disk(drive(",cache=writethrough")) as disk:
        assert disk.device.config(32, 1) == 0
    with Disk(blockdev(device=",write-cache=off,num-queues=1,bootindex=1,werror=report,rerror=auto")) as disk:
        assert disk.device.config(32, 1) == 0 and disk.ask(IN, room=512)[0] == OK
    for said in "on", "auto":
        with Disk(blockdev(node=",read-only=n", device=f",write-cache={said},share-rw=no")) as disk:
            assert disk.device.config(32, 1) == 1 and not disk.device.offered & RO
    for word in "on", "yes", "true", "y":
        with Disk(blockdev(node=f",read-only={word},cache.no-flush={word},file.auto-read-only={word}")) as disk:
            assert disk.device.offered & RO


def test_block_sizes():
    """Of its own are those that the daemon has."""
    for given, size in (("", 512), (",logical_block_size=512,discard_granularity=512", 512),
                        (",logical_block_size=4K,physical_block_size=4096,discard_granularity=0x1000", 4096)):
        with Disk(blockdev(device=given)) as disk:
            assert disk.device.config(20, 4) == size and disk.device.config(24, 1) == 0, given
            assert disk.ask(OUT, 8, data=b"words..." * 512)[0] == OK


def test_what_is_written_through_is_in_the_image():
    """The daemon keeps tables of qcow2's in its own memory until the image is flushed."""
    for given, cached in ((",write-cache=off", 0), ("", 1)):
        with Disk(blockdev(device=given)) as disk:
            assert disk.device.config(32, 1) == cached
            assert disk.ask(OUT, 8, data=b"words..." * 64)[0] == OK
            assert not cached or disk.ask(FLUSH)[0] == OK
            os.kill(disk.daemons[0], signal.SIGKILL)
            virtio.wait_until(lambda: not is_there(disk.daemons[0]), "the daemon's end")        # pylint: disable=W0640
            raw = disk.path.with_suffix(".raw")
            subprocess.run(["qemu-img", "convert", "-O", "raw", str(disk.path), str(raw)], check=True)
            assert raw.read_bytes()[4096:4096 + 512] == b"words..." * 64, given


def test_a_backing_file():
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder) / "base.raw"
        base.write_bytes(b"base" * 128 * 2048)
        with Disk(drive(), backing=base, backing_kind="raw") as disk:
            assert disk.ask(IN, 100, room=512) == (OK, b"base" * 128)
            assert disk.ask(OUT, 100, data=b"over" * 128)[0] == OK
        assert base.read_bytes() == b"base" * 128 * 2048


def test_nodes_by_their_names():
    """As libvirt names all of a chain: a raw image, one over it, and one over both."""
    with tempfile.TemporaryDirectory() as folder:
        base, middle = pathlib.Path(folder) / "base.raw", pathlib.Path(folder) / "middle"
        base.write_bytes(b"base" * 128 * 2048)
        storage_daemon.make_image(middle, backing=base, backing_kind="raw")

        def node(name, **members):
            return ["-blockdev", json.dumps({"node-name": name, **members})]

        def options(path):
            return [*node("s3", driver="file", filename=str(base), **{"read-only": True}),
                    *node("f3", driver="raw", file="s3", **{"read-only": True}),
                    *node("s2", driver="file", filename=str(middle), **{"read-only": True}),
                    *node("f2", driver="qcow2", file="s2", backing="f3", **{"read-only": True, "cache": {"direct": False}}),
                    *node("s1", driver="file", filename=str(path)), *node("f1", driver="qcow2", file="s1", backing="f2"),
                    "-device", "virtio-blk-pci,drive=f1"]

        with Disk(options, backing=middle, backing_kind="qcow2") as disk:
            assert len(disk.daemons) == 1 and disk.host.error_log == "", disk.host.error_log
            assert disk.ask(IN, 100, room=512) == (OK, b"base" * 128)
            assert disk.ask(OUT, 100, data=b"over" * 128)[0] == OK
        refused([*options(pathlib.Path(folder) / "none"), *node("f0", driver="qcow2", file="s1")],
                "nor node-name='s1': file= is the node-name of a -blockdev before this one, over which no other image is")


# ---- ends ----

def test_no_daemon_stays():
    for end in ("SIGKILL", "SIGTERM"):
        with Disk(drive()) as disk:
            os.kill(disk.host.process.pid, getattr(signal, end))
            disk.host.process.wait()
            virtio.wait_until(lambda: not is_there(disk.daemons[0]), "the daemon's end")        # pylint: disable=W0640


def test_a_daemon_that_dies():
    with Disk(drive()) as disk:
        os.kill(disk.daemons[0], signal.SIGKILL)
        said = virtio.wait_until(lambda: disk.host.error_log if "is lost" in disk.host.error_log else None, "the loss")
        assert said.count("warning") == 1 and "it has closed the connection" in said, said
        disk.device.wait_status(virtio.NEEDS_RESET)
        assert disk.host.qmp.execute("query-status")["running"]
        assert disk.host.quit() == 0


# ---- what is refused ----

def refused(arguments, *words, path=None):
    said = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-m", "64M", *arguments],
                          capture_output=True, text=True, timeout=60, check=False,
                          env=None if path is None else {**os.environ, "PATH": path})
    assert said.returncode == 1 and len(said.stderr.splitlines()) == 1, said
    for word in words:
        assert word in said.stderr, (word, said.stderr)


def test_images_that_cannot_be_opened():
    if storage_daemon.missing():
        raise tap.Skip("qemu-storage-daemon or qemu-img is not installed")
    with tempfile.TemporaryDirectory() as folder:
        image, bad, over = (pathlib.Path(folder) / name for name in ("good", "bad", "over"))
        storage_daemon.make_image(image)
        bad.write_bytes(image.read_bytes()[:20] + b"\xff" * 4 + image.read_bytes()[24:])
        storage_daemon.make_image(over, backing=image, kind="qcow2")
        image.rename(image.with_name("elsewhere"))
        refused(drive()(bad), f"-drive file={bad},format=qcow2: qemu-storage-daemon: ", "luster size")
        refused(drive()(over), f"-drive file={over},format=qcow2: qemu-storage-daemon: Could not open backing file", f"{image}': No such file")
        refused(drive(",format=qcow2")(folder + "/none"), "qemu-storage-daemon: Could not open", "No such file")
        refused(as_libvirt_does(bad), "}: qemu-storage-daemon: ", "luster size")
        wrong = json.dumps({"driver": "qcow2", "node-name": "n", "wrong": 1, "wrong.b": 2,
                            "file": {"driver": "file", "filename": str(image)}})
        refused(["-blockdev", wrong], f"-blockdev {wrong}: qemu-storage-daemon: ", "'wrong")
        refused(as_libvirt_does(pathlib.Path(__file__)), "}: qemu-storage-daemon: Image is not in qcow2 format")
        image.with_name("elsewhere").rename(image)
        refused(drive()(image), "the program qemu-storage-daemon, which serves this format, is not in $PATH",
                "package qemu-system-common", path=folder)
        with contextlib.closing(Host(drive()(image))):
            refused(drive()(image), "lock")
        refused(blockdev(device=",serial=x")(image), "-device virtio-blk-pci,id=d,drive=n,serial=x: serial=x is not available")
        refused(drive(",werror=stop")(image), "werror=stop is not available", "failed writes are reported")
        for given in "physical_block_size=4K", "discard_granularity=1024", "share-rw=y", "iothread=auto", "rerror=ignore", "serial=":
            name, value = given.split("=")
            refused(blockdev(device=f",{given}")(image), f"{given}: {name}={value} is not available for image 'n'", "qemu-img convert -O raw")
        refused(blockdev(device=",logical_block_size=4096,physical_block_size=512")(image), "it is logical_block_size, which is 4096")
        refused([*blockdev()(image), "-machine", "pflash0=n"], "pflash0: node 'n' is in a format", "qemu-img convert -O raw")
        refused([*blockdev()(image), "-device", "virtio-blk-pci,drive=n"], "Node 'n' is busy")
        refused(["-blockdev", "qcow2,node-name=n,file=x"], "nor node-name='x'", "file.driver=file,file.filename=PATH")
        refused([*blockdev(node=",backing=x")(image)], "nor node-name='x': backing= is", "backing.driver=file,backing.filename=PATH")
        refused(["-blockdev", f"qcow2,node-name=n,file.driver=file,file.filename={image},wrong=1"], "'wrong'")
        refused([*drive(",id=n")(image), *blockdev()(image)], "Duplicate nodes with node-name='n'")
        refused(["-drive", f"file={over}"], "begins as a qcow2 image does that needs another file, or is of an unknown version: "
                                            "-drive file=FILE,format=qcow2 has qemu-storage-daemon")
        refused(["-drive", f"file={bad}"], f"-drive file={bad}: qemu-storage-daemon: ", "luster size")
        refused(["-drive", f"file={image},format=luks"], "format 'luks'")


def test_what_is_wrong_is_said_as_of_a_raw_disk():
    """Where the daemon is not asked: the same words, in either syntax."""
    def said(driver, node, device):
        def words(more, given):
            if isinstance(given, dict):
                return json.dumps({**more, **given})
            return ",".join([more.pop("driver"), *(f"{name}={value}" for name, value in more.items())]) + given

        done = subprocess.run(
            [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-m", "64M",
             "-blockdev", words({"driver": driver, "node-name": "n"}, node),
             "-device", words({"driver": "virtio-blk-pci", "drive": "n"}, device)],
            capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done
        return done.stderr.replace(driver, "FORMAT", 1)

    file = ",file.driver=file,file.filename=/nowhere"
    for node, device in (
            (f"{file},discard=foo", ""), (f"{file},detect-zeroes=no", ""), (f"{file},file.aio=foo", ""),
            (f"{file},file.locking=yes", ""), (f"{file},file=x", ""), (",file.driver=file", ""), (",file.filename=x", ""), ("", ""),
            (f"{file},file.filename=", ""), ({"file": {"driver": "file", "filename": "a\0b"}}, ""),
            ({"read-only": "on", "file": {"driver": "file", "filename": "x"}}, ""),
            ({"cache": {"direct": 1}, "file": {"driver": "file", "filename": "x"}}, ""),
            ({"file": {"driver": "file", "filename": "x", "auto-read-only": "yes"}}, ""),
            ({"file": {"driver": 1, "filename": "x"}}, ""), ({"file": {"driver": "file", "filename": 5}}, ""),
            *((file, device) for device in (
                ",wrong=1", ",write-cache=no", ",werror=foo", ",num-queues=99", ",addr=99", ",bootindex=x", ",logical_block_size=auto",
                ",serial=123456789012345678901", ",chardev=c", {"share-rw": "off"}, {"write-cache": False}, {"serial": 5},
                {"num-queues": "2"}, {"logical_block_size": 513}, {"wrong": None}))):
        assert said("qcow2", node, device) == said("raw", node, device)


def test_a_running_machine_names_the_commands_that_do_it():
    """Those that the error gives, word by word."""
    if storage_daemon.missing():
        raise tap.Skip("qemu-storage-daemon or qemu-img is not installed")
    with tempfile.TemporaryDirectory() as folder:
        image, socket = (pathlib.Path(folder) / name for name in ("disk.qcow2", "socket"))
        storage_daemon.make_image(image)
        with Host(["-device", "pcie-root-port,id=port", "-object", "memory-backend-memfd,id=ram,size=64M",
                   "-machine", "memory-backend=ram"]) as host:
            answer = ""
            try:
                host.qmp.execute("blockdev-add", {"driver": "qcow2", "node-name": "n",
                                                  "file": {"driver": "file", "filename": str(image)}})
            except Exception as error:                          # pylint: disable=broad-except
                answer = str(error)
            commands = [part.replace("IMAGE", str(image)).replace("SOCKET", str(socket)) for part in answer.split("`")[1::2]]
            assert len(commands) == 3, answer
            daemon = subprocess.Popen(commands[0].split())
            try:
                deadline = time.monotonic() + 60
                while not socket.exists():
                    assert time.monotonic() < deadline and daemon.poll() is None
                    time.sleep(0.01)
                assert host.hmp(commands[1]) == ""
                assert host.hmp(commands[2] + ",bus=port,id=v") == ""
            finally:
                daemon.kill()
                daemon.wait()


if __name__ == "__main__":
    tap.main()
