#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""-drive snapshot=on and -snapshot: what the guest writes is lost at the end, and no file is left. A test plays the
driver. It needs no KVM."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import storage_daemon, tap, virtio                  # noqa: E402
from lib.host import MIB, Host                               # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.vhost_back_end import FLUSH, IN, OUT                # noqa: E402
from test_qcow2 import OK, RO, Disk, daemons, is_there       # noqa: E402

WORDS = b"words..." * 64


def on(options):
    return lambda path: [word.replace("@", str(path)) for word in options]


class Temporary(Disk):
    """A disk over an image; its temporary file is in a folder of its own."""

    def __init__(self, options, kind="raw", size="64M", name="disk"):
        missing = storage_daemon.missing()
        if missing:
            raise tap.Skip(f"{missing} is not installed")
        self.kind = kind
        self.room = tempfile.TemporaryDirectory()
        os.environ["TMPDIR"] = self.room.name
        try:
            super().__init__(on(options), kind=kind, size=size, name=name)
        finally:
            del os.environ["TMPDIR"]

    def __exit__(self, *details):
        super().__exit__(*details)
        self.room.cleanup()

    def is_unchanged(self):
        raw = self.path.with_suffix(".raw")
        subprocess.run(["qemu-img", "convert", "-U", "-f", self.kind, "-O", "raw", str(self.path), str(raw)], check=True)
        with open(raw, "rb") as file:
            return all(part == bytes(len(part)) for part in iter(lambda: file.read(MIB), b""))

    def leaves_nothing(self):
        return os.listdir(self.room.name) == []


def check_disk(disk, last=64 * MIB // 512 - 1):
    assert len(disk.daemons) == 1 and disk.leaves_nothing(), "the file has no name"
    assert disk.device.config(0, 4) == last + 1 and not disk.device.offered & RO
    assert disk.ask(IN, 8, room=512) == (OK, bytes(512))
    for sector in 8, last:
        assert disk.ask(OUT, sector, data=WORDS)[0] == disk.ask(FLUSH)[0] == OK
        assert disk.ask(IN, sector, room=512) == (OK, WORDS)
    assert disk.ask(IN, 9, room=512) == (OK, bytes(512)), "what is below the rest of a cluster"


def test_writes_are_lost():
    for kind, options in (("raw", ["-drive", "file=@,format=raw,snapshot=on"]),
                          ("raw", ["-drive", "file=@,format=raw,snapshot=on,cache=none,aio=threads,discard=unmap"]),
                          ("raw", ["-drive", "file=@,format=raw,if=none,id=x,snapshot=on", "-device", "virtio-blk-pci,drive=x,bootindex=1"]),
                          ("raw", ["-device", "virtio-blk-pci,drive=x", "-drive", "file=@,format=raw,if=none,id=x", "-snapshot"]),
                          ("raw", ["-snapshot", "-drive", "file=@,format=raw"]),
                          ("qcow2", ["-drive", "file=@,format=qcow2,snapshot=on"]),
                          ("qcow2", ["-hda", "@", "-snapshot"]), ("qcow2", ["-snapshot", "@"])):
        with Temporary(options, kind, name="a disk") as disk:
            check_disk(disk)
            assert disk.host.error_log == "", disk.host.error_log
            assert disk.host.quit() == 0
            virtio.wait_until(lambda: not is_there(disk.daemons[0]), "the daemon's end")       # pylint: disable=W0640
            assert disk.is_unchanged() and disk.leaves_nothing(), options


def test_a_name_with_commas():
    with Temporary(["-drive", "file=@,format=raw,snapshot=on"], name="disk") as disk:
        path = disk.path.with_name("a, b")
        shutil.copy(disk.path, path)
        with Host(["-drive", f"file={str(path).replace(',', ',,')},format=raw,snapshot=on"]) as other:
            assert len(daemons(other.process.pid)) == 1


def test_a_program_that_is_killed_leaves_nothing():
    with Temporary(["-drive", "file=@,format=raw,snapshot=on"]) as disk:
        assert disk.ask(OUT, 8, data=WORDS)[0] == OK
        disk.host.process.send_signal(signal.SIGKILL)
        disk.host.process.wait()
        virtio.wait_until(lambda: not is_there(disk.daemons[0]), "the daemon's end")
        assert disk.is_unchanged() and disk.leaves_nothing()


def test_an_image_with_several_tables():
    """One entry of the first covers 512 MiB, and a cluster of them 4 TiB."""
    for size in 5 << 30, (512 << 20) + 512, 5 << 40:
        with Temporary(["-drive", "file=@,format=raw,snapshot=on"], size=str(size)) as disk:
            assert disk.device.config(0, 4) | disk.device.config(4, 4) << 32 == size // 512
            last = size // 512 - 1
            assert disk.ask(OUT, last, data=WORDS)[0] == OK and disk.ask(IN, last, room=512) == (OK, WORDS)
            assert disk.ask(IN, last - 1, room=512) == (OK, bytes(512))


def test_some_drives_are_written():
    with Temporary(["-snapshot", "-drive", "file=@,format=raw,snapshot=off"]) as disk:
        assert not disk.daemons
        assert disk.ask(OUT, 8, data=WORDS)[0] == disk.ask(FLUSH)[0] == OK
        assert disk.path.read_bytes()[4096:4096 + 512] == WORDS
    for options in ["-snapshot", "-drive", "file=@,format=raw,readonly=on"], ["-drive", "file=@,format=raw,readonly=on,snapshot=on"]:
        with Temporary(options) as disk:
            assert not disk.daemons and disk.device.offered & RO
    with Temporary(["-snapshot", "-blockdev", "raw,node-name=n,file.driver=file,file.filename=@",
                    "-device", "virtio-blk-pci,drive=n"]) as disk:
        assert not disk.daemons, "as in QEMU: -snapshot is for drives"


def test_several_guests_have_one_image():
    with Temporary(["-drive", "file=@,format=raw,snapshot=on"]) as disk:
        assert disk.ask(OUT, 8, data=WORDS)[0] == OK
        with Host(["-drive", f"file={disk.path},format=raw,snapshot=on"]) as other:
            space = virtio.Pci(other.qtest)
            assert len(daemons(other.process.pid)) == 1 and space.find(0x1af4, 0x1042)
        said = refused("-drive", f"file={disk.path},format=raw")
        assert "lock" in said, said


def refused(*options, environment=()):
    run = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-m", "128M", *options],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
                         env={**os.environ, **dict(environment)})
    assert run.returncode == 1, run
    return run.stderr


def test_what_is_wrong():
    missing = storage_daemon.missing()
    if missing:
        raise tap.Skip(f"{missing} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        raw, odd, qcow2, other, fifo = (pathlib.Path(folder) / name for name in ("raw", "odd", "qcow2", "other", "fifo"))
        os.mkfifo(fifo)
        storage_daemon.make_image(raw, kind="raw")
        storage_daemon.make_image(qcow2)
        storage_daemon.make_image(other, kind="vmdk")
        odd.write_bytes(bytes(1000))
        for options, words in (
                (["-drive", f"file={folder}/none,format=raw,snapshot=on"], "Could not open"),
                (["-drive", f"file={folder},format=raw,snapshot=on"], "-drive file="),
                (["-drive", f"file={fifo},format=raw,snapshot=on"], f"'{fifo}' is neither"),
                (["-drive", f"file={fifo}", "-snapshot"], f"'{fifo}' is neither"),
                (["-drive", "file=/dev/zero,format=raw,snapshot=on"], "'/dev/zero' is neither"),
                (["-drive", f"file={odd},format=raw,snapshot=on"], f"`truncate -s 1024 {odd}` makes it one"),
                (["-drive", f"file={raw},format=qcow2,snapshot=on"], f"'{raw}' is no qcow2 image"),
                (["-drive", f"file={other},format=vmdk,snapshot=on"], f"`qemu-img create -f qcow2 -b {other} -F vmdk OVERLAY`"),
                (["-drive", f"file={other},snapshot=on"], "begins as a vmdk image does, and its format was not given"),
                (["-snapshot", "-drive", f"file={raw},format=raw,werror=stop"], "leave it out, or snapshot=on"),
                (["-snapshot", "-drive", f"file={raw},format=raw,if=none,id=d", "-device", "virtio-blk-pci,drive=d,serial=s"],
                 "the guest sees 'vhost_user_blk'; leave it out, or snapshot=on"),
                (["-drive", f"file={raw},format=raw,if=pflash,snapshot=on"], "snapshot=on is for disks"),
                (["-pflash", str(raw), "-snapshot"], "-snapshot is for disks: what is written to flash goes to its image; give "
                                                     "readonly=on, or a copy of the image with snapshot=off")):
            said = refused(*options)
            assert words in said and len(said.splitlines()) == 1, (options, said)
        drive = ["-drive", f"file={raw},format=raw,snapshot=on"]
        said = refused(*drive, environment={"TMPDIR": f"{folder}/none"})
        assert f"can be made in '{folder}/none': No such file or directory; $TMPDIR names another folder" in said, said
        said = refused(*drive, environment={"PATH": folder})
        assert "image 'virtio0': the program qemu-storage-daemon, which serves drives with snapshot=on, is not in $PATH" in said \
            and "cp --reflink=auto" in said, said


def test_a_machine_is_not_saved_without_it():
    with Temporary(["-drive", "file=@,format=raw,if=virtio,snapshot=on"]) as disk:
        disk.host.qmp.execute("cont")
        disk.host.refuses(["what the guest writes is lost at the end (snapshot=on)",
                           f"qemu-img create -f qcow2 -b {disk.path} -F raw OVERLAY"],
                          "machine-snapshot", {"file": f"{disk.room.name}/guest"})
        assert disk.leaves_nothing() and disk.host.qmp.execute("query-status")["status"] == "running"


if __name__ == "__main__":
    tap.main()
