#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""Commands of a network card's driver, which the test plays: what it wants to receive, and what of that monitors
see. It needs no KVM."""

import ctypes
import fcntl
import os
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import host_tap, tap                                # noqa: E402
from lib.net import BUFFER, CONTROL, CTRL_GUEST_OFFLOADS, CTRL_VQ, HEADER, Machine          # noqa: E402
from lib.schema import Schema                                # noqa: E402


def commands_of(machine, control):
    """A function that has the device obey a command, and returns its answer."""
    def command(*words):
        machine.qtest.write(BUFFER, bytes(words) + b"\x55")
        control.transfer([(BUFFER, len(words), False), (BUFFER + len(words), 1, True)])
        return machine.qtest.read(BUFFER + len(words), 1)[0]
    return command


def test_commands():
    with Machine() as machine:
        _, _, control = machine.start(CONTROL)
        command = commands_of(machine, control)
        assert [command(0, number, 1) for number in range(6)] == [0] * 6
        assert command(0, 6, 1) == 1 and command(9, 0, 0) == 1 and command(0, 0) == 1
        assert command(4, 0, 1, 0) == 1, "there is one pair of queues"
        one, other, group = (bytes.fromhex(text) for text in ("525400000001", "525400000002", "333300000001"))
        table = struct.pack("<I", 2) + one + other + struct.pack("<I", 1) + group
        assert command(0, 0, 0) == 0 and command(0, 1, 1) == 0 and command(1, 0, *table) == 0
        said, = machine.qmp.execute("query-rx-filter", {"name": "net0"})
        assert said == {"name": "net0", "promiscuous": False, "multicast": "none", "unicast": "none", "vlan": "none",
                        "broadcast-allowed": False, "multicast-overflow": False, "unicast-overflow": False,
                        "main-mac": "52:54:00:12:34:56", "vlan-table": [],
                        "unicast-table": ["52:54:00:00:00:01", "52:54:00:00:00:02"],
                        "multicast-table": ["33:33:00:00:00:01"]}, said
        # Tables that are cut off, or longer than they say, change nothing; too long a one overflows.
        for wrong in (table[:-1], table + b"x", table[:4], b"", struct.pack("<II", 0xffffffff, 0)):
            assert command(1, 0, *wrong) == 1, wrong
        assert machine.qmp.execute("query-rx-filter") == [said]
        assert command(1, 0, *(struct.pack("<I", 65) + one * 65 + struct.pack("<I", 0))) == 0
        assert command(2, 0, 0xff, 0x0f) == 0 and command(2, 0, 5, 0) == 0 and command(2, 0, 0, 0x10) == 1
        said, = machine.qmp.execute("query-rx-filter")
        assert said["unicast-overflow"] and said["unicast-table"] == said["multicast-table"] == [], said
        assert said["vlan"] == "normal" and said["vlan-table"] == [5, 4095], said
        control.offer([(BUFFER, 3, False)])
        control.kick()
        machine.net.wait_status(64)
        assert "no room for the answer" in machine.peer.said()


GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, GUEST_ECN = 1 << 1, 1 << 7, 1 << 8, 1 << 9
SIOCETHTOOL, ETHTOOL_GTXCSUM, ETHTOOL_GTSO = 0x8946, 0x16, 0x1e
TAP = "hotram-o0"


def kept(wire):
    """Whether the tap device leaves checksums, and segments, to the card, as its interface says to the host."""
    def ask(command):
        value = bytearray(struct.pack("II", command, 0))
        address = ctypes.addressof(ctypes.c_char.from_buffer(value))
        fcntl.ioctl(wire, SIOCETHTOOL, struct.pack("16sQ16x", TAP.encode(), address))
        return struct.unpack_from("I", value, 4)[0]
    return ask(ETHTOOL_GTXCSUM), ask(ETHTOOL_GTSO)


def test_offloads_change_while_the_card_works():
    device, wire = host_tap.make(TAP)
    every = GUEST_CSUM | GUEST_TSO4 | GUEST_TSO6 | GUEST_ECN
    for card, accepted in (("", every), ("", GUEST_CSUM), (",ctrl_guest_offloads=off", every), (",guest_csum=off", 0)):
        offers = not card
        with Machine(netdev=f"tap,id=n,fd={device}", card=card, connect=False, pass_fds=[device]) as machine:
            assert bool(machine.net.offered & CTRL_GUEST_OFFLOADS) == offers, card
            _, _, control = machine.start(CTRL_VQ | accepted | (CTRL_GUEST_OFFLOADS if offers else 0))
            command = commands_of(machine, control)

            def ask(offloads, *more, answer):
                assert command(5, 0, *struct.pack("<Q", offloads), *more) == answer, (card, offloads, more)

            before = (bool(accepted & GUEST_CSUM), bool(accepted & GUEST_TSO4))
            assert kept(wire) == before, card
            if not offers:
                ask(0, answer=1)
                continue
            ask(0, answer=0)
            assert kept(wire) == (0, 0)
            ask(GUEST_TSO4 & accepted, answer=0)        # segments need checksums
            assert kept(wire) == (0, 0)
            ask(GUEST_CSUM, answer=0)
            assert kept(wire) == (1, 0)
            # What it has not accepted, what there is not, and commands that are cut off or too long.
            for wrong in (every if accepted != every else 1 << 10, 1 << 63):
                ask(wrong, answer=1)
            ask(0, 0, answer=1)
            assert command(5, 0, 0, 0, 0, 0) == 1 and command(5, 1, *bytes(8)) == 1
            assert kept(wire) == (1, 0)
            machine.net.status = 0
            machine.start(accepted)
            assert kept(wire) == before
    wire.close()
    os.close(device)


def test_the_address_is_the_drivers_until_a_reset():
    def config(machine):
        return bytes(machine.net.config(at, 1) for at in range(6))

    own, other = bytes.fromhex("525400123456"), bytes.fromhex("525400000007")
    with Machine() as machine:
        _, _, control = machine.start(CONTROL)
        assert config(machine) == own
        assert commands_of(machine, control)(1, 1, *other) == 0
        assert config(machine) == other, "as soon as the command is answered"
        assert machine.qmp.execute("query-rx-filter")[0]["main-mac"] == "52:54:00:00:00:07"
        machine.net.status = 0
        assert config(machine) == own
        said, = machine.qmp.execute("query-rx-filter")
        assert said["main-mac"] == "52:54:00:12:34:56" and said["promiscuous"] and said["vlan"] == "all", said
        _, _, control = machine.start(CTRL_VQ)
        assert commands_of(machine, control)(1, 1, *other) == 1 and config(machine) == own, "without the feature"


def test_frames_that_the_driver_does_not_want_are_dropped():
    own, other, group = (bytes.fromhex(text) for text in ("525400123456", "525400000007", "333300000001"))
    with Machine() as machine:
        receives, _, control = machine.start(CONTROL)
        command = commands_of(machine, control)

        def passes(frames, wanted):
            for at in range(len(wanted)):
                machine.offer(receives, BUFFER + 0x10000 + 0x1000 * at, 0x1000)
            receives.kick()
            for one in frames:
                machine.put(one.ljust(60, b"\0"))
            for at, one in enumerate(wanted):
                receives.used()
                got = machine.qtest.read(BUFFER + 0x10000 + 0x1000 * at + HEADER, 60)
                assert got == one.ljust(60, b"\0"), (got, one)

        plain = [to + other + b"\x08\0" + bytes([at]) for at, to in enumerate((other, own, group, b"\xff" * 6))]
        tagged = [own + other + struct.pack("!HHH", 0x8100, vlan, 0x800) for vlan in (6, 5)]
        passes(plain + tagged, plain + tagged)               # before the driver has said anything
        assert command(0, 0, 0) == 0
        passes(plain + tagged, [plain[1], plain[3]])
        assert command(1, 0, *(struct.pack("<II", 0, 1) + group)) == 0 and command(2, 0, 5, 0) == 0
        passes(plain + tagged, [*plain[1:], tagged[1]])
        assert command(1, 1, *other) == 0 and command(0, 5, 1) == 0
        passes(plain + tagged, [plain[0], plain[2]])


def test_a_change_of_the_filter_is_told_once_until_it_is_asked_for():
    with Machine() as machine:
        _, _, control = machine.start(CONTROL)
        command = commands_of(machine, control)
        schema = Schema(machine.qmp)

        def told():
            """How many events there were."""
            machine.qmp.execute("query-status")
            events = [event for event in machine.qmp.take_events() if event["event"] == "NIC_RX_FILTER_CHANGED"]
            for event in events:
                schema.check_event(event)
                assert event["data"] == {"name": "net0", "path": "/machine/peripheral/net0"}, event
            return len(events)

        assert told() == 0
        for words in ((0, 0, 0), (1, 1, 2, 0, 0, 0, 0, 1), (2, 0, 7, 0), (1, 0, *bytes(8))):
            assert [command(*words) for _ in range(3)] == [0] * 3
            machine.qmp.wait_event("NIC_RX_FILTER_CHANGED")
            assert command(*words) == 0 and command(9, 9) == 1
            assert told() == 0, "the second time"
            machine.qmp.execute("query-rx-filter", {"name": "net0"})
            assert command(0, 9, 0) == 1
            assert told() == 0, "nothing has changed"
        assert command(2, 1, 7, 0) == 0
        machine.qmp.wait_event("NIC_RX_FILTER_CHANGED", {"name": "net0", "path": "/machine/peripheral/net0"})


if __name__ == "__main__":
    tap.main()
