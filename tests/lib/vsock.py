# SPDX-License-Identifier: BSD-2-Clause
"""The guest's side of vhost-vsock-pci, played over the qtest protocol, and the host's side by the kernel's sockets (VIRTIO
1.2, 5.10)."""

import socket
import struct

from .machine import MachineError
from .virtio import VERSION_1, Device, Pci

DEVICE = "/dev/vhost-vsock"
CID, HOST = 4242, 2
HEADER = struct.Struct("<QQIIIHHIII")
REQUEST, RESPONSE, RESET, SHUTDOWN, DATA, CREDIT, CREDIT_ASKED = 1, 2, 3, 4, 5, 6, 7
STREAM = 1
ROOM = 0x1000       # of each buffer
BUFFERS = 0x600000
SENT = 0x500000
PORT = 1234


def connect_when_there(machine, kind, cid, port):
    """A socket that is connected to a program of a guest that runs, as soon as that listens."""
    said = []

    def attempt():
        end = socket.socket(socket.AF_VSOCK, kind)
        end.settimeout(60)
        said.append(end.connect_ex((cid, port)))
        if said[-1] == 0:
            return end
        return end.close()

    try:
        return machine.wait_until(attempt, what="a guest that listens")
    except MachineError as error:
        raise AssertionError(f"{error}: {said[-3:]}, {machine.shell('dmesg | tail -n 5', check=False)}") from None


class Driver:
    """Of a peer's device: receives into `buffers`, answers, sends."""

    def __init__(self, peer):
        pci = Pci(peer.qtest)
        self.qtest = peer.qtest
        self.device = Device(pci, pci.find(0x1af4, 0x1053))
        self.port = self.receives = self.sends = None

    def start(self, features=0, rings=(None, None), buffers=BUFFERS, count=8):
        self.device.begin(VERSION_1 | features)
        self.receives, self.sends, _ = (self.device.queue(index, memory=(*rings, None)[index]) for index in range(3))
        self.device.ready()
        self._next, self._buffers = 0, [buffers + ROOM * number for number in range(count)]
        for buffer in self._buffers:
            self.receives.offer([(buffer, ROOM, True)])
        self.receives.kick()

    def connect(self):
        """A socket of the host's that is connected to the guest's port."""
        end = socket.socket(socket.AF_VSOCK)
        end.settimeout(0)
        try:
            end.connect((CID, PORT))
        except BlockingIOError:
            pass
        end.settimeout(60)
        operation = None
        while operation != REQUEST:                 # the end of an earlier connection may come first
            operation, self.port, _ = self.received()
        self.send(RESPONSE)
        assert end.getpeername() == (CID, PORT)
        return end

    def send(self, operation, data=b"", at=SENT):
        self.offer(operation, data, at)
        self.sends.used()

    def offer(self, operation, data=b"", at=SENT):
        header = HEADER.pack(CID, HOST, PORT, self.port, len(data), STREAM, operation, 0, 1 << 20, 0)
        self.qtest.write(at, header + data)
        self.sends.offer([(at, len(header + data), False)])
        self.sends.kick()

    def received(self):
        """Operation, the host's port, data of the next packet; its buffer is the driver's again."""
        _, written = self.receives.used()
        buffer = self._buffers[self._next % len(self._buffers)]
        self._next += 1
        packet = self.qtest.read(buffer, written)
        source, target, port, to, length, _, operation, _, _, _ = HEADER.unpack(packet[:HEADER.size])
        assert (source, target, to) == (HOST, CID, PORT) and length == written - HEADER.size, packet[:HEADER.size]
        self.receives.offer([(buffer, ROOM, True)])
        self.receives.kick()
        return operation, port, packet[HEADER.size:]

    def data(self):
        """The next bytes that the host's socket has sent."""
        while True:
            operation, port, data = self.received()
            if (operation, port) == (DATA, self.port):
                return data
            assert operation in (CREDIT, CREDIT_ASKED) or port != self.port, operation

    def exchange(self, end, number, at=SENT):
        """Bytes both ways."""
        there, back = (bytes([number & 0xff, which]) * 300 for which in (1, 2))
        end.sendall(there)
        assert self.data() == there
        self.send(DATA, back, at)
        got = b""
        while len(got) < len(back):
            got += end.recv(len(back) - len(got)) or b"the end"
        assert got == back
