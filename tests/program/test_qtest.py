#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""The qtest protocol: a test plays the guest of the whole program. It needs no
KVM."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.qtest import QtestError                             # noqa: E402
from peer import BLOCK, HOTRAM, PENDING, Peer                # noqa: E402

MIB = 1 << 20
DIMM = 4 << 30
FLAGS = BLOCK + 0x14
MEMORY = "128M,slots=3,maxmem=2G"


class Machine:
    """hotram with one DIMM's backend."""

    def __init__(self):
        self.peer = Peer(HOTRAM, MEMORY)
        self.qtest, self.qmp = self.peer.qtest, self.peer.qmp
        self.qmp.execute("object-add", {"qom-type": "memory-backend-ram",
                                        "id": "m", "size": 128 * MIB})

    def plug(self):
        self.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d",
                                        "memdev": "m"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def refused(qtest, line):
    """What FAIL said."""
    try:
        answer = qtest.command(line)
    except QtestError as error:
        return str(error)
    raise AssertionError(f"{line} was answered with {answer}")


def test_a_dimm_comes_and_goes():
    with Machine() as machine:
        qtest = machine.qtest
        assert "no memory" in refused(qtest, f"readq {DIMM:#x}")
        qtest.port_out(0x622, 1, 8)                  # enable GPE 3
        machine.plug()
        assert machine.peer.events() == []           # the interrupt is not read yet
        assert qtest.port_in(FLAGS, 1) == 3
        assert machine.peer.events() == [("SCI", "raise")]
        assert qtest.port_in(PENDING, 4) == 0
        qtest.port_out(FLAGS, 1, 2)
        qtest.port_out(0x620, 1, 8)
        assert machine.peer.events() == [("SCI", "lower")]
        assert qtest.port_in(PENDING, 4) == 0xffffffff

        assert qtest.read(DIMM, 8) == bytes(8)
        qtest.write(DIMM + 128 * MIB - 4, b"\xde\xad\xbe\xef")
        assert int(qtest.command(f"readl {DIMM + 128 * MIB - 4:#x}")[0], 0) \
            == 0xefbeadde
        assert "no memory" in refused(qtest, f"readl {DIMM + 128 * MIB - 2:#x}")

        machine.qmp.execute("device_del", {"id": "d"})
        qtest.port_out(FLAGS, 1, 4)
        qtest.port_out(FLAGS, 1, 8)
        # The memory goes back on a thread of its own, and the event comes when it has.
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        assert [event["event"] for event in machine.qmp.take_events()
                if "OPERATION" not in event["event"]] == []
        assert "no memory" in refused(qtest, f"readq {DIMM:#x}")
        machine.plug()
        assert qtest.read(DIMM + 128 * MIB - 4, 4) == bytes(4)


def test_accesses_of_all_kinds():
    with Machine() as machine:
        qtest = machine.qtest
        assert qtest.read(0xe0000, 8) == b"RSD PTR "  # the tables are there
        qtest.command("memset 0x100000 0x1000 0xa5")
        assert qtest.read(0x100ffe, 4) == b"\xa5\xa5\x00\x00"
        for width, letter in ((1, "b"), (2, "w"), (4, "l"), (8, "q")):
            value = 0x1122334455667788 & (1 << 8 * width) - 1
            qtest.command(f"write{letter} 0x200000 0x1122334455667788")
            assert qtest.command(f"read{letter} 0x200000") == [f"{value:#018x}"]
        assert qtest.command("endianness") == ["little"]
        assert qtest.command("inb 0x123") == ["0x00ff"]
        qtest.port_out(BLOCK, 4, 7)                   # there is no slot 7
        assert qtest.port_in(BLOCK + 1, 2) == 0
        assert qtest.read(0x100000, MIB)[-1:] == b"\0"
        qtest.write(0x100000, b"x" * MIB)


def test_wrong_commands_are_refused_and_change_nothing():
    with Machine() as machine:
        qtest = machine.qtest
        for line, reason in (
                ("clock_step 1", "Unknown command 'clock_step'"),
                ("inb", "inb takes 1 arguments"),
                ("inb 1 2", "inb takes 1 arguments"),
                ("write 1 2 3 4 5 6", "write takes 3 arguments"),
                ("inb port", "'port' is not a number"),
                ("inb -1", "'-1' is not a number"),
                ("inb 0x10000", "port 0x10000 is above 0xffff"),
                ("outl 0x10000 0", "port 0x10000 is above 0xffff"),
                ("inb 0x1ffffffffffffffff", "is not a number"),
                ("read 0 0", "a size is 1 to 1048576 bytes; got 0"),
                ("read 0 0x100001", "got 1048577"),
                ("memset 0x7fffff0 0x20 0", "no memory at 0x7fffff0 of 32 bytes"),
                ("readl 0xfffffffffffffffe", "no memory"),
                ("write 0 2 0x112", "2 bytes are 0x and 2 times two digits"),
                ("write 0 2 0x11223", "two digits"),
                ("write 0 1 0x-1", "two digits"),
                ("write 0 1 11", "two digits"),
                ("irq_eoi 9", "no eventfd with resample raises interrupt 9"),
                ("irq_eoi 0x100000009", "no eventfd with resample"),
                ("irq_intercept_in i8259", "Unknown device")):
            assert reason in refused(qtest, line), line
        assert qtest.read(0, 2) == bytes(2)
        assert qtest.read(0x7fffff0, 16) == bytes(16)


def test_commands_may_come_together_and_in_pieces():
    with Machine() as machine:
        qtest = machine.qtest
        for part in ("writeb 0x1000 1\nwriteb 0x1001 2\r\n\nread", "b 0x1000",
                     "\nreadb 0x1001\n"):
            qtest._socket.sendall(part.encode())      # pylint: disable=W0212
        assert [qtest.answer() for _ in range(4)] == [
            [], [], ["0x0000000000000001"], ["0x0000000000000002"]]


def test_a_line_without_end_closes_the_connection():
    with Machine() as machine:
        qtest = machine.qtest
        try:
            for _ in range(64):
                qtest._socket.sendall(b"x" * 65536)   # pylint: disable=W0212
            qtest.answer()
            raise AssertionError("it was taken")
        except ConnectionError:
            pass
        assert machine.qmp.execute("query-status")["running"] is False


def test_the_reset_register_and_what_the_machine_is():
    with Machine() as machine:
        qtest, qmp = machine.qtest, machine.qmp
        assert qmp.execute("query-kvm")["enabled"] is False
        assert qmp.execute("query-status")["status"] == "prelaunch"
        qmp.execute("cont")
        assert qmp.execute("query-status")["status"] == "running"
        qtest.port_out(BLOCK, 4, 2)
        qtest.port_out(0xcf8, 4, 0x0600)              # a double word is not for 0xcf9
        assert not [event for event in qmp.take_events() if event["event"] == "RESET"]
        qtest.port_out(0xcf9, 1, 6)
        assert [event["data"]["reason"] for event in qmp.take_events()
                if event["event"] == "RESET"] == ["guest-reset"]
        qtest.port_out(0x604, 2, 5 << 10 | 1 << 13)   # S5
        qmp.wait_event("SHUTDOWN", {"reason": "guest-shutdown"})
        assert machine.peer.process.wait(60) == 0


if __name__ == "__main__":
    tap.main()
