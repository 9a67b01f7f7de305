#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""passt as the back end of a network card (vhost-user): a test plays the driver, and asks passt for an address by DHCP, out
of RAM and of DIMMs that come and go. It needs no KVM."""

import contextlib
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import later_daemon, proc, tap, virtio              # noqa: E402
from lib.host import DIMM, MIB, Host                         # noqa: E402

BUFFERS = 0x800000
HEADER = 12
LENGTH = 2048
MERGED, STATUS = 1 << 15, 1 << 16
MAC = bytes.fromhex("525400123456")
ADDRESS = "10.77.0.15"
LIMIT = 60


class Passt:
    """With an address and a network of its own, so that it needs none of this machine's."""

    def __init__(self, path):
        self.process = subprocess.Popen([*later_daemon.command("passt"), "--foreground", "--quiet", "--vhost-user", f"--socket={path}",
                                         "--ipv4-only", f"--address={ADDRESS}", "--netmask=24", "--gateway=10.77.0.1",
                                         "--mac-addr=52:54:00:99:99:99", "--dns=none"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + LIMIT
        while not proc.listens(self.process.pid, path):
            if self.process.poll() is not None:
                said = self.process.stderr.read().strip()
                later_daemon.check_isolated("passt", said)
                raise AssertionError(said)
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def ranges(self):
        return pathlib.Path(f"/proc/{self.process.pid}/maps").read_text().count("memfd:")


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def discover(number):
    """DHCPDISCOVER, with this transaction's number."""
    dhcp = struct.pack(">BBBBIHHIIII", 1, 1, 6, 0, number, 0, 0x8000, 0, 0, 0, 0) + MAC + bytes(10 + 192) + \
        bytes.fromhex("63825363") + bytes([53, 1, 1, 255]) + bytes(60)
    udp = struct.pack(">HHHH", 68, 67, 8 + len(dhcp), 0) + dhcp
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0, 0xffffffff)
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return b"\xff" * 6 + MAC + b"\x08\x00" + ip + udp


class Card:
    def __init__(self, folder):
        with contextlib.ExitStack() as made:
            self.passt = Passt(folder / "socket")
            made.callback(self.passt.stop)
            self.host = made.enter_context(Host(["-chardev", f"socket,id=c,path={folder}/socket,reconnect-ms=20", "-netdev",
                                                 "vhost-user,id=n,chardev=c", "-device",
                                                 f"virtio-net-pci,id=w,netdev=n,mac={MAC.hex(':')}"]))
            self.host.qmp.execute("cont")
            space = virtio.Pci(self.host.qtest)
            self.card = virtio.Device(space, space.find(0x1af4, 0x1041))
            self.card.begin(MERGED | STATUS | virtio.VERSION_1)
            self.receives, self.sends = self.card.queue(0), self.card.queue(1)
            self.card.ready()
            self.made = made.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.made.close()

    def ask(self, number, at=BUFFERS):
        """The address that it offers. Its frames for others (router advertisements) are passed over."""
        frame = discover(number)
        head = self.receives.offer([(at + 0x10000, LENGTH, True)])
        self.receives.kick()
        self.host.qtest.write(at, bytes(HEADER) + frame)
        sent = self.sends.offer([(at, HEADER + len(frame), False)])
        self.sends.kick()
        assert self.sends.used()[0] == sent
        while True:
            used, length = self.receives.used()
            assert used == head and length > HEADER
            answer = self.host.qtest.read(at + 0x10000 + HEADER, length - HEADER)
            if answer[12:14] == b"\x08\x00" and answer[36:38] == struct.pack(">H", 68):
                assert answer[46:50] == struct.pack(">I", number) and answer[:6] in (MAC, b"\xff" * 6)
                return ".".join(str(byte) for byte in answer[58:62])
            head = self.receives.offer([(at + 0x10000, LENGTH, True)])
            self.receives.kick()

    def said(self, words, count=1):
        virtio.wait_until(lambda: self.host.error_log.count(words) == count, words)


@contextlib.contextmanager
def card():
    if later_daemon.missing("passt"):
        raise tap.Skip(later_daemon.missing("passt"))
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        os.chmod(folder, 0o755)         # passt is somebody else once it has started
        with Card(pathlib.Path(folder)) as made:
            made.folder = pathlib.Path(folder)
            yield made


def test_frames_by_memory_that_comes_and_goes():
    with card() as made:
        ranges = made.passt.ranges()
        assert ranges > 0 and made.ask(1) == ADDRESS
        for number in range(3):
            made.host.add("ram", "m", size=128 * MIB)
            made.host.dimm("d", "m")
            assert made.passt.ranges() == ranges + 1
            assert made.ask(10 + number, DIMM + 64 * MIB) == ADDRESS
            made.host.eject("d")
            made.host.qmp.execute("object-del", {"id": "m"})
            assert made.passt.ranges() == ranges and made.ask(20 + number) == ADDRESS
        made.host.qmp.execute("stop")
        made.host.qmp.execute("cont")
        assert made.ask(30) == ADDRESS
        assert made.host.error_log == "", made.host.error_log


def test_passt_is_restarted():
    with card() as made:
        assert made.ask(1) == ADDRESS
        made.passt.stop()
        made.said("the back end of chardev 'c' is gone")
        (made.folder / "socket").unlink()
        made.passt.__init__(made.folder / "socket")
        made.said("the back end of chardev 'c' is back")
        assert made.ask(2) == ADDRESS


if __name__ == "__main__":
    tap.main()
