# SPDX-License-Identifier: BSD-2-Clause
"""The test's side of QEMU's qtest protocol: it plays the guest of a machine
without vCPUs. hotram and QEMU both speak it (docs/testing.md)."""

import socket


class QtestError(Exception):
    """The machine answered a command with FAIL."""


class QtestServer:
    """Where a machine that is given -qtest unix:PATH connects to."""

    def __init__(self, path, timeout=60):
        self.path = str(path)
        self._timeout = timeout
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(1)
        self._listener.settimeout(timeout)

    def accept(self, kind=None):
        connection, _ = self._listener.accept()
        self._listener.close()
        connection.settimeout(self._timeout)
        return (kind or Qtest)(connection)


class Qtest:
    """One connection. Interrupts that are told of meanwhile are kept in `irqs`,
    pairs of "raise" or "lower" and the line's number, and in `messages`, triples of
    address, data and requester."""

    def __init__(self, connection):
        self._socket = connection
        self._received = b""
        self.irqs = []
        self.messages = []

    def close(self):
        self._socket.close()

    def send(self, line):
        self._socket.sendall(line.encode() + b"\n")

    def _line(self):
        """The words of the next line that tells of no interrupt; [] for one that does."""
        while b"\n" not in self._received:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the machine closed the qtest connection")
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        words = line.decode().split()
        if words[0] == "IRQ":
            self.irqs.append((words[1], int(words[2])))
        elif words[0] == "MSI":
            self.messages.append(tuple(int(word, 0) for word in words[1:]))
        else:
            return words
        return []

    def answer(self):
        """The words behind OK."""
        words = []
        while not words:
            words = self._line()
        if words[0] != "OK":
            raise QtestError(" ".join(words))
        return words[1:]

    def wait_for_interrupt(self, known):
        """One that a device on a thread of its own raises, behind `known`: how many irqs and messages
        there were."""
        while len(self.irqs) + len(self.messages) <= known:
            assert self._line() == [], "an answer that nobody asked for"

    def command(self, line):
        self.send(line)
        return self.answer()

    @staticmethod
    def line_in(port, width):
        return f"in{'bwl'[width // 2]} {port:#x}"

    @staticmethod
    def line_out(port, width, value):
        return f"out{'bwl'[width // 2]} {port:#x} {value:#x}"

    def port_in(self, port, width):
        return int(self.command(self.line_in(port, width))[0], 0)

    def port_out(self, port, width, value):
        self.command(self.line_out(port, width, value))

    def read(self, address, size):
        """Bytes of guest memory."""
        return bytes.fromhex(self.command(f"read {address:#x} {size}")[0][2:])

    def write(self, address, data):
        self.command(f"write {address:#x} {len(data)} 0x{data.hex()}")
