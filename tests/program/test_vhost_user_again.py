#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""A back end of vhost-user that is gone and comes back (-chardev socket,reconnect=). It needs no KVM."""

import pathlib
import signal
import socket
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib import tap, virtio                                  # noqa: E402
from lib.host import DIMM, MIB                               # noqa: E402
from lib.vhost_back_end import ALL, FEATURES, FLUSH, IN, INFLIGHT, MEM_SLOTS, OUT, RESET_DEVICE, STATUS, BackEnd  # noqa: E402
from test_vhost_user_blk import BUFFERS, HANDSHAKE, OK, Disk, RealDisk, add_dimm      # noqa: E402
from lib.storage_daemon import StorageDaemon, make_image     # noqa: E402

AGAIN = ",reconnect-ms=20"
START = ["SET_FEATURES", "GET_INFLIGHT_FD", "SET_INFLIGHT_FD", "SET_VRING_NUM", "SET_VRING_BASE", "SET_VRING_ADDR",
         "SET_VRING_ERR", "SET_VRING_CALL", "SET_VRING_KICK", "SET_VRING_ENABLE"]


class Lasting(Disk):
    """A disk whose back end is followed by another one, with the same contents."""

    def __init__(self, protocol=ALL | INFLIGHT, **more):
        self.protocol = protocol
        super().__init__(protocol=protocol, chardev=AGAIN, **more)

    def said(self, words):
        virtio.wait_until(lambda: words in self.host.error_log, words)

    def kill(self):
        before = self.host.error_log.count("is gone")
        self.back_end.stop()
        virtio.wait_until(lambda: self.host.error_log.count("is gone") > before, "the end of its back end")

    def again(self, waits=True, **more):
        before, disk = self.host.error_log.count("is back"), self.back_end.disk
        self.path.unlink()
        self.back_end = BackEnd(self.path, **{"protocol": self.protocol, **more})
        self.back_end.disk = disk
        if waits:
            virtio.wait_until(lambda: self.host.error_log.count("is back") > before, "its return")

    def post_some(self, count):
        """Writes of 512 bytes to sector after sector, each with its own memory; their heads."""
        return [self.post(OUT, number, bytes([number + 1]) * 512, at=BUFFERS + 512 * number, header=BUFFERS - 0x10000 + 64 * number)[0]
                for number in range(count)]


def test_no_request_is_lost_or_repeated():
    for protocol in ALL | INFLIGHT, (ALL | INFLIGHT) & ~MEM_SLOTS:
        with Lasting(protocol) as disk:
            disk.back_end.held = True
            heads = disk.post_some(5)
            virtio.wait_until(lambda: len(disk.back_end.rings[0].again) == 5, "the requests")    # pylint: disable=W0640
            for number in 3, 1:             # not in their order
                disk.back_end.end(disk.back_end.rings[0], heads[number])
            disk.kill()
            assert disk.host.qmp.execute("query-status")["running"]
            late = disk.post(OUT, 5, b"\x06" * 512, at=BUFFERS + 512 * 5)[0]       # while nobody is there
            disk.again()
            used = [disk.queue.used()[0] for _ in range(6)]
            assert used[:2] == [heads[3], heads[1]] and sorted(used) == sorted([*heads, late]), (used, heads, late)
            assert sorted(disk.back_end.ended) == sorted([heads[0], heads[2], heads[4], late])
            assert disk.back_end.disk[:6 * 512] == b"".join(bytes([number + 1]) * 512 for number in range(6))
            for number in range(3):
                disk.kill()
                disk.again()
                assert disk.ask(IN, number, room=512) == (OK, bytes([number + 1]) * 512)
            assert disk.back_end.ended == [disk.back_end.ended[0]], "once"


def test_the_order():
    with Lasting(start=False) as disk:
        disk.find()
        disk.back_end.asked.clear()
        disk.start()
        assert disk.back_end.asked == START, disk.back_end.asked
        assert disk.back_end.wanted[2:4] == (1, 128)
        disk.kill()
        disk.again()
        virtio.wait_until(lambda: disk.back_end.asked[-1] == START[-1], "the rings")
        assert [name for name in disk.back_end.asked if name != "SET_CONFIG"] == [
            *(name for name in HANDSHAKE[:-3]), "ADD_MEM_REG", "GET_CONFIG", START[0], *START[2:]], disk.back_end.asked
        disk.back_end.asked.clear()
        disk.device.status = 0                  # another life, and nothing of the one before
        disk.start()
        assert disk.back_end.asked[1:] == START, disk.back_end.asked


def test_memory_while_it_is_away():
    for protocol in ALL | INFLIGHT, (ALL | INFLIGHT) & ~MEM_SLOTS:
        with Lasting(protocol, slots=3) as disk:
            add_dimm(disk.host, "a")
            disk.kill()
            add_dimm(disk.host, "b", addr=DIMM + 1024 * MIB)
            disk.host.eject("a")
            if protocol & MEM_SLOTS:
                add_dimm(disk.host, "c", addr=DIMM + 512 * MIB)
                disk.host.add("ram", "more")
                disk.refused("its back end maps at most 3 ranges of guest memory", driver="pc-dimm", id="d", memdev="more")
                disk.host.eject("c", slot=0)
            for command in "stop", "cont":
                disk.host.qmp.execute(command)
            disk.again()
            assert sorted(region.address for region in disk.back_end.regions) == [0, DIMM + 1024 * MIB]
            assert disk.ask(IN, 1, room=512, at=DIMM + 1024 * MIB)[0] == OK


def test_one_that_does_not_know_what_was_in_progress():
    with Lasting(ALL) as disk:
        assert disk.ask(OUT, 1, data=b"x" * 512)[0] == OK
        disk.kill()                             # nothing was
        disk.again()
        assert disk.ask(IN, 1, room=512) == (OK, b"x" * 512)
        disk.back_end.held = True
        disk.post_some(2)
        disk.kill()
        disk.again()
        disk.device.wait_status(virtio.NEEDS_RESET)
        assert "v: queue 0: requests were in progress when its back end went, and the back end does not know them: it lacks " \
            "INFLIGHT_SHMFD" in disk.host.error_log
        disk.start()
        assert disk.ask(IN, 1, room=512) == (OK, b"x" * 512)


def test_one_that_cannot_come_back():
    for wrong, words in (({"features": FEATURES & ~(1 << 9)}, "it lacks features that the driver may use"),
                         ({"slots": 1}, "its back end maps at most 1 ranges of guest memory"),
                         ({"queues": 1}, "it serves 1 queues, and the device has 2"),
                         ({"protocol": ALL & ~8}, "lacks REPLY_ACK")):
        with Lasting(device=",num-queues=2") as disk:
            add_dimm(disk.host, "a")
            disk.kill()
            disk.again(waits=False, **wrong)
            disk.said(f"v: the back end of chardev 'c' cannot come back: {'the back end ' if 'lacks R' in words else ''}{words}")
            disk.back_end.stop()
            disk.again()
            assert disk.ask(IN, 1, room=512)[0] == OK and disk.host.error_log.count("cannot come back") == 1


def test_one_that_dies_at_each_message():
    for name in [*HANDSHAKE, *START]:
        with Lasting() as disk:
            disk.kill()
            disk.path.unlink()
            disk.back_end = BackEnd(disk.path, protocol=ALL | INFLIGHT, dies_at=name)       # before anybody connects
            virtio.wait_until(lambda: not disk.back_end.dies_at or name == "GET_INFLIGHT_FD", name)     # pylint: disable=W0640
            assert disk.ask(IN, 1, room=512)[0] == OK
            assert disk.host.qmp.execute("query-status")["running"]


def test_a_reset_while_it_is_away():
    with Lasting(options=("-device", "pcie-root-port,id=port")) as disk:
        disk.back_end.held = True
        disk.post_some(1)
        disk.kill()
        disk.host.qmp.execute("system_reset")
        disk.host.qmp.wait_event("RESET")
        disk.find()
        disk.start()
        disk.again()
        assert disk.ask(IN, 1, room=512)[0] == OK and len(disk.back_end.ended) == 1


def test_the_machine_ends_while_it_is_away():
    with Lasting() as disk:
        disk.kill()
        disk.host.quit()
        disk.back_end = BackEnd(disk.path.parent / "nobody")


def test_status_and_reset():
    for protocol, ends in (ALL | STATUS | RESET_DEVICE, "SET_STATUS"), (ALL | RESET_DEVICE, "RESET_DEVICE"):
        with Disk(protocol=protocol) as disk:
            assert disk.back_end.status == (15 if protocol & STATUS else 0)
            disk.device.status = 0
            virtio.wait_until(lambda: disk.device.status == 0, "the reset")       # pylint: disable=W0640
            assert disk.back_end.asked[-2:] == ["GET_VRING_BASE", ends] and disk.back_end.status == 0, disk.back_end.asked
            disk.start()
            assert disk.ask(IN, 1, room=512)[0] == OK
    with Disk(protocol=ALL | STATUS, start=False) as disk:
        disk.find()
        disk.back_end.answers["GET_STATUS"] = lambda _: struct.pack("<Q", 3)
        disk.start()
        disk.lost("it does not accept features 0x")


def test_memory_of_requests_that_is_none():
    """Answers to GET_INFLIGHT_FD: without a descriptor, of no bytes, of another length."""
    def plain(size, value):
        return (struct.pack("<III", 31, 5, size) + struct.pack("<QQHHI", value, 0, 1, 128, 0)[:size],)

    for answer, words in (plain(24, 16384), "has no memory"), (plain(24, 0), "has no memory"), (plain(20, 16384), "has 20 bytes"):
        with Lasting(start=False) as disk:
            disk.find()
            disk.back_end.get_inflight_fd = lambda *_, wrong=answer: (disk.back_end._client.sendall(wrong[0]), (b"",))[1]    # pylint: disable=W0640
            disk.start()
            disk.said("v: the back end of chardev 'c' is gone: its answer to GET_INFLIGHT_FD " + words)
            virtio.wait_until(lambda: disk.host.error_log.count("is gone") > 1, "again")       # pylint: disable=W0640
            del disk.back_end.get_inflight_fd
            assert disk.ask(IN, 1, room=512)[0] == OK


def offered_by(path):
    """Protocol features of a back end that has no client."""
    with socket.socket(socket.AF_UNIX) as client:
        virtio.wait_until(lambda: client.connect_ex(str(path)) == 0, "a daemon that listens")      # its socket is there before
        client.sendall(struct.pack("<III", 15, 1, 0))
        return struct.unpack("<IIIQ", client.recv(20, socket.MSG_WAITALL))[3]


def test_qemu_storage_daemon_is_restarted_with_a_request_in_progress():
    """That of Debian 12 and before does not know which requests were: docs/vhost-user.md."""
    with RealDisk(chardev=AGAIN) as disk:
        with tempfile.TemporaryDirectory() as folder:
            image = pathlib.Path(folder) / "image"
            make_image(image)
            with StorageDaemon(image, f"{folder}/s"):
                if offered_by(f"{folder}/s") & INFLIGHT:
                    raise tap.Skip("this qemu-storage-daemon has INFLIGHT_SHMFD")
        assert disk.ask(OUT, 8, data=b"1" * 512)[0] == OK and disk.ask(FLUSH)[0] == OK
        disk.back_end.process.send_signal(signal.SIGSTOP)
        disk.post(OUT, 16, data=b"2" * 512)
        disk.back_end.process.kill()
        virtio.wait_until(lambda: "is gone" in disk.host.error_log, "its end")
        disk.back_end.process.wait()
        disk.back_end = StorageDaemon(disk.image, disk.path, queues=2)
        disk.device.wait_status(virtio.NEEDS_RESET)
        assert "the back end does not know them: it lacks INFLIGHT_SHMFD" in disk.host.error_log
        disk.start()                        # as a driver that is unbound and bound
        assert disk.ask(IN, 8, room=512) == (OK, b"1" * 512)
        assert disk.ask(OUT, 16, data=b"2" * 512)[0] == OK and disk.ask(IN, 16, room=512) == (OK, b"2" * 512)


def test_qemu_storage_daemon_is_restarted():
    with RealDisk(chardev=AGAIN) as disk:
        for number in range(3):
            assert disk.ask(OUT, 8 * number, data=bytes([number + 1]) * 512)[0] == OK and disk.ask(FLUSH)[0] == OK
            disk.back_end.process.kill()
            virtio.wait_until(lambda: disk.host.error_log.count("is gone") > number, "its end")       # pylint: disable=W0640
            disk.back_end.process.wait()
            disk.back_end = StorageDaemon(disk.image, disk.path, queues=2)
            virtio.wait_until(lambda: disk.host.error_log.count("is back") > number, "its return")       # pylint: disable=W0640
            for other in range(number + 1):
                assert disk.ask(IN, 8 * other, room=512) == (OK, bytes([other + 1]) * 512)


if __name__ == "__main__":
    tap.main()
