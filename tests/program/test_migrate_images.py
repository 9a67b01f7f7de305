#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What a migration does not send: images, whose locks are handed over, and the contents of flash."""

import fcntl
import os
import pathlib
import socket
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.micro import tell                                   # noqa: E402
from lib.migration import ACCEPTED, FAILED, HEADER, LIMIT, LOADED, NO_KERNEL, end, moved_between, place  # noqa: E402
from lib.migration import refusal, set_capabilities, start, status, wait_migration, where_it_runs  # noqa: E402

MIB = 1 << 20


F_OFD_GETLK, F_OFD_SETLK = 36, 37
USED_TO_WRITE, SHARED_WITH_NONE = 101, 201


def disk(folder):
    """A disk, whose image is made with the first one."""
    image = folder / "image"
    if not image.exists():
        image.write_bytes(bytes(MIB))
    return ["-blockdev", f"file,node-name=f,filename={image}", "-device", "virtio-blk-pci,drive=f,id=vd0"]


def lock(file, command, kind, byte):
    return struct.unpack("hhqqi4x", fcntl.fcntl(file, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)))


def is_locked(folder):
    """By one who writes it."""
    with open(folder / "image", "r+b") as file:
        taken = {lock(file, F_OFD_GETLK, fcntl.F_WRLCK, byte)[0] != fcntl.F_UNLCK
                 for byte in (USED_TO_WRITE, SHARED_WITH_NONE)}
    assert len(taken) == 1
    return taken.pop()


def test_images_are_handed_over():
    """On one host: the image is locked where the guest is, and the source gets it again only when the target has ended."""
    with place() as folder, start(*disk(folder)) as source, \
            start(*disk(folder), incoming=f"unix:{folder}/m") as target:
        set_capabilities(source, pause_before_switchover=True)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "pre-switchover")
        assert is_locked(folder)
        source.qmp.execute("migrate-continue", {"state": "pre-switchover"})
        wait_migration(source, "completed")
        target.qmp.execute("cont")
        tell(target, "e", "e")
        assert is_locked(folder)
        said = refusal(source.qmp.execute, "cont")
        assert "Block node 'f': Failed to get " in said and "another program uses the image" in said, said
        assert status(source) == "postmigrate"
        said = refusal(source.qmp.execute, "block_resize", {"node-name": "f", "size": 2 * MIB})
        assert "Block node 'f' belongs to the guest that was sent" in said, said
        assert (folder / "image").stat().st_size == MIB
        end(target)
        assert not is_locked(folder)
        source.qmp.execute("cont")
        assert is_locked(folder)
        tell(source, "e", "e")
        end(source)


def test_images_that_come_back():
    """The target has ended when it had the locks, by itself or killed: the guest runs with its image where it was."""
    for cut in ({"cut_back": HEADER + 4}, {"cut_back": 2 * HEADER - 1}):
        with place() as folder:
            stack, source, target, _ = moved_between(folder, *disk(folder), **cut)
            with stack:
                result, at_source, at_target = where_it_runs(source, target)
                assert (result["status"], at_source, at_target) == ("failed", True, False), (cut, result)
                assert target.process.wait(LIMIT) == 1 and is_locked(folder)
                tell(source, "e", "e")


def test_a_target_that_is_asked_to_end_when_it_has_the_image():
    """It gives it up before it says so: the source takes it back at once."""
    with place() as folder:
        stack, source, target, between = moved_between(folder, *disk(folder))
        with stack:
            where_it_runs(source, target)
            between.join(LIMIT)
        with start(*disk(folder), incoming=f"unix:{folder}/again") as target, \
                socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{folder}/again")
            connection.sendall(between.sent[:-1])
            for answer in (ACCEPTED, LOADED):
                assert connection.recv(HEADER, socket.MSG_WAITALL)[0] == answer
            assert is_locked(folder)
            target.process.terminate()
            assert connection.recv(HEADER, socket.MSG_WAITALL)[0] == FAILED and not is_locked(folder)
            target.process.wait(LIMIT)


def test_an_image_that_somebody_takes():
    """In the moment between the two: the target refuses, and the source waits until somebody decides."""
    with place() as folder, start(*disk(folder)) as source, \
            start(*disk(folder), incoming=f"unix:{folder}/m") as target:
        set_capabilities(source, pause_before_switchover=True)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "pre-switchover")
        with open(folder / "image", "rb") as file:
            lock(file, F_OFD_SETLK, fcntl.F_RDLCK, SHARED_WITH_NONE)
            source.qmp.execute("migrate-continue", {"state": "pre-switchover"})
            result = wait_migration(source, "failed")
            assert target.process.wait(LIMIT) == 1
            assert "another program uses the image" in target.errors.read_text(), target.errors.read_text()
            assert status(source) == "paused", result
            assert "the guest was not sent, and stays paused: Block node 'f'" in source.errors.read_text()
            assert "another program uses the image" in refusal(source.qmp.execute, "cont")
        source.qmp.execute("cont")
        assert is_locked(folder)
        tell(source, "e", "e")
        end(source)


def test_flash_that_has_changed():
    """Since the target read it: it reads it again when the guest is there. Another image is refused."""
    vector = b"\xeb\xfe" + bytes(14)            # of a reset: without one it is no firmware
    old, new, last = (bytes([value]) * (128 << 10) + bytes((128 << 10) - 16) + vector for value in (1, 2, 3))
    behind = bytes(128 << 10) + bytes([2]) * ((128 << 10) - 16) + vector
    for first, meanwhile, found in ((new, old, new), (behind, old, behind), (old, new, last)):
        with place() as folder:
            flash = folder / "flash"
            flash.write_bytes(first)
            with start("-pflash", flash, base=NO_KERNEL, run=False) as source:
                flash.write_bytes(meanwhile)
                with start("-pflash", flash, base=NO_KERNEL, incoming=f"unix:{folder}/m") as target:
                    flash.write_bytes(found)
                    source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
                    result = wait_migration(source, "completed", "failed")
                    if found == first:
                        assert result["status"] == "completed", result
                        end(target)
                    else:
                        assert "block node 'pflash0' has other contents" in result["error-desc"], result
                        assert status(source) == "prelaunch" and target.process.wait(LIMIT) == 1, status(source)
                end(source)


def test_an_image_in_a_stored_stream():
    """A pipe's source gives its image up, too, and takes it again with cont."""
    with place() as folder, start(*disk(folder)) as source, open(folder / "stream", "wb") as file:
        source.qmp.pass_descriptors(file.fileno())
        source.qmp.execute("getfd", {"fdname": "stored"})
        source.qmp.execute("migrate", {"uri": "fd:stored"})
        wait_migration(source, "completed")
        assert not is_locked(folder)
        source.qmp.execute("cont")
        assert is_locked(folder)
        tell(source, "e", "e")
        end(source)


if __name__ == "__main__":
    tap.main()
