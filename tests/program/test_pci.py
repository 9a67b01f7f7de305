#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""PCI as a guest finds it: a test is at the machine's ports and memory, in a kernel's
or firmware's place."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, pci, tables, tap                       # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.qtest import QtestError                             # noqa: E402

HOST, ISA = pci.devfn(0), pci.devfn(0x1f)


def only_x86():
    if arch.chosen() is not arch.X86:
        raise tap.Skip("where configuration space is, an arm64 guest reads in its tables")


def test_two_functions_by_either_door():
    only_x86()
    with Host() as host:
        for space in (pci.Ports(host.qtest), pci.Ecam(host.qtest)):
            assert pci.functions(space) == {(0, 0): "8086:29c0", (0x1f, 0): "8086:2918"}
            assert pci.functions(space, 1) == {}
            assert space.read(0, HOST, 0x08, 4) == 0x06000000       # host bridge
            assert space.read(0, ISA, 0x08, 4) == 0x06010002        # ISA bridge
            assert space.read(0, HOST, 0x2c, 4) == 0x11001af4
            space.write(0, ISA, 0x04, 2, 0)
            assert (space.read(0, HOST, 0x04, 2), space.read(0, ISA, 0x04, 2)) == (0, 7)    # it always decodes
            assert space.read(0, HOST, 0x34, 1) == 0                # no capabilities
            assert not any(pci.bar_size(space, 0, HOST, bar)[0] for bar in range(6))
        assert host.quit() == 0


def test_what_an_address_is():
    only_x86()
    with Host() as host:
        qtest = host.qtest
        qtest.port_out(0xcf8, 4, 0xffffffff)
        assert qtest.port_in(0xcf8, 4) == 0x80fffffc
        qtest.port_out(0xcf8, 4, 0x80000000)
        qtest.port_out(0xcfb, 1, 1)          # as Linux does before it looks: no access to the address
        assert qtest.port_in(0xcf8, 4) == 0x80000000
        assert qtest.port_in(0xcfc, 4) == 0x29c08086
        assert [qtest.port_in(0xcfc + i, 1) for i in range(4)] == [0x86, 0x80, 0xc0, 0x29]
        assert qtest.port_in(0xcfe, 2) == 0x29c0
        qtest.port_out(0xcf8, 4, 0)          # not enabled
        assert qtest.port_in(0xcfc, 4) == 0xffffffff
        qtest.port_out(0xcf8, 4, 0x80000800) # slot 1: nobody
        assert qtest.port_in(0xcfc, 4) == 0xffffffff
        qtest.port_out(0xcfc, 4, 0)
        space = pci.Ecam(qtest)
        assert space.read(0, HOST, 0x100, 4) == 0        # no extended capability
        assert space.read(0, HOST, 0xffc, 4) == 0
        assert space.read(0, pci.devfn(1), 0x100, 4) == 0xffffffff
        assert space.read(255, pci.devfn(31, 7), 0, 4) == 0xffffffff
        assert host.quit() == 0


def test_what_firmware_stores_is_read_back():
    only_x86()
    with Host() as host:
        space = pci.Ports(host.qtest)
        stored = {HOST: [0x04, *range(0x60, 0x68), *range(0x90, 0x97), 0x9d],
                  ISA: [*range(0x60, 0x64), *range(0x68, 0x6c), *range(0xa0, 0xa8), *range(0xf0, 0xf4)]}
        for where, registers in stored.items():
            before = bytes(space.read(0, where, i, 1) for i in range(256))
            for i in range(256):
                space.write(0, where, i, 1, 0xa5)
            now = bytes(space.read(0, where, i, 1) for i in range(256))
            changed = [i for i in range(256) if now[i] != before[i]]
            assert changed == sorted([0x05, 0x0c, *registers]), [hex(i) for i in changed]
            assert all(now[i] == 0xa5 for i in registers if i != 0x04)
        assert space.read(0, ISA, 0x40, 4) == 0x601      # power management is at 0x600
        assert space.read(0, ISA, 0x44, 1) == 0x80       # and answers
        host.qmp.execute("system_reset")
        host.qmp.wait_event("RESET")
        assert space.read(0, HOST, 0x60, 4) == 0xb0000001
        assert space.read(0, HOST, 0x90, 4) == 0         # firmware's image is there, not RAM
        assert space.read(0, ISA, 0x60, 4) == 0x80808080
        assert host.quit() == 0


def test_the_tables_say_where_it_is():
    only_x86()
    with Host() as host:
        mcfg = tables.table(host.qtest, b"MCFG")
        assert int.from_bytes(mcfg[44:52], "little") == pci.ECAM, mcfg.hex()
        assert mcfg[52:56] == b"\0\0\0\xff"
        assert host.quit() == 0


# As libvirt writes them.
PORTS = [f'{{"driver":"pcie-root-port","port":{8 + i},"chassis":{1 + i},"id":"pci.{1 + i}","bus":"pcie.0",'
         f'"multifunction":{"true" if i == 0 else "false"},"addr":"0x1.0x{i}"}}' for i in range(3)]
WINDOW = 0xc0000000


def with_ports(*more):
    return Host([word for port in PORTS for word in ("-device", port)] + list(more))


def test_ports_lead_to_buses():
    only_x86()
    with with_ports() as host:
        for space in (pci.Ports(host.qtest), pci.Ecam(host.qtest)):
            found = pci.functions(space)
            assert found == {(0, 0): "8086:29c0", (1, 0): "1b36:000c", (1, 1): "1b36:000c",
                             (1, 2): "1b36:000c", (0x1f, 0): "8086:2918"}, found
            for i in range(3):
                port = pci.devfn(1, i)
                space.write(0, port, 0x18, 4, 0x00010100 * (i + 1))      # buses 1, 2, 3
                assert space.read(0, port, 0x18, 4) == 0x00010100 * (i + 1)
                assert pci.functions(space, i + 1) == {}
                assert space.read(0, port, 0x3d, 1) == 1                # INTA#
        host.qmp.execute("system_reset")
        host.qmp.wait_event("RESET")
        assert pci.Ports(host.qtest).read(0, pci.devfn(1), 0x18, 4) == 0
        assert host.quit() == 0


def test_a_bar_has_a_size_and_moves():
    only_x86()
    with with_ports() as host:
        space, qtest = pci.Ports(host.qtest), host.qtest
        port = pci.devfn(1, 2)
        assert [pci.bar_size(space, 0, port, i) for i in range(2)] == [(0x1000, False), (0, False)]
        try:
            raise AssertionError(qtest.command(f"readl {WINDOW:#x}"))
        except QtestError:
            pass                                                         # nobody is there
        space.write(0, port, pci.BAR, 4, WINDOW)
        space.write(0, port, pci.COMMAND, 2, pci.MEMORY)
        qtest.command(f"writel {WINDOW + 8:#x} 0x1234")                  # a message's data
        for there in (WINDOW + 0x1000, WINDOW + 0x30000000, 0xfebff000, WINDOW):
            space.write(0, port, pci.BAR, 4, there)
            assert space.read(0, port, pci.BAR, 4) == there
            assert int(qtest.command(f"readl {there + 8:#x}")[0], 0) == 0x1234, hex(there)
        for outside in (0x80000000, 0xb0000000, 0xfec00000, 0xfee00000):
            space.write(0, port, pci.BAR, 4, outside)
            assert space.read(0, port, pci.BAR, 4) == outside
        assert space.read(0, pci.devfn(0), 0, 4) == 0x29c08086           # nothing was covered
        space.write(0, port, pci.BAR, 4, WINDOW)
        other = pci.devfn(1, 1)                                          # two in one place
        space.write(0, other, pci.BAR, 4, WINDOW)
        space.write(0, other, pci.COMMAND, 2, pci.MEMORY)
        assert int(qtest.command(f"readl {WINDOW + 8:#x}")[0], 0) == 0x1234
        space.write(0, port, pci.COMMAND, 2, 0)
        assert int(qtest.command(f"readl {WINDOW + 8:#x}")[0], 0) == 0   # the other's
        assert host.quit() == 0


SLOT_CONTROL, SLOT_STATUS = 0x60, 0x62              # of the capability at 0x48
LISTENS, ON, BLINKS, OFF, NO_POWER = 0x1021, 0x100, 0x200, 0x300, 0x400
PRESSED, CHANGED, PRESENT, LINK = 1, 8, 0x40, 0x100


class Slot:
    """A port's slot, as a guest's driver works it."""

    def __init__(self, host, port=pci.devfn(1), number=1):
        self.space, self.port, self.number = pci.Ports(host.qtest), port, number
        self.space.write(0, port, 0x18, 4, number << 16 | number << 8)

    def status(self):
        return self.space.read(0, self.port, SLOT_STATUS, 2)

    def seen(self):
        self.space.write(0, self.port, SLOT_STATUS, 2, 0x11f)

    def control(self, value):
        self.space.write(0, self.port, SLOT_CONTROL, 2, value)

    def begin(self):
        self.seen()
        self.control(LISTENS | (ON if self.status() & PRESENT else OFF | NO_POWER))

    def found(self):
        return pci.functions(self.space, self.number)

    def let_go(self):
        self.seen()
        self.control(LISTENS | BLINKS)
        self.control(LISTENS | BLINKS | NO_POWER)
        self.control(LISTENS | OFF | NO_POWER)


def plug(host, name, bus="pci.1"):
    host.qmp.execute("device_add", {"driver": "virtio-rng-pci", "id": name, "bus": bus, "addr": "0x0"})


def refuses(host, command, words, **arguments):
    try:
        raise AssertionError(host.qmp.execute(command, arguments))
    except QMPError as error:
        assert words in str(error), error


def test_devices_come_and_go():
    only_x86()
    with with_ports() as host:
        slot = Slot(host)
        slot.begin()
        for run in range(3):
            plug(host, "rng0")
            assert slot.status() == PRESENT | PRESSED | CHANGED | LINK, hex(slot.status())
            assert slot.found() == {(0, 0): "1af4:1044"}
            refuses(host, "device_add", "Duplicate device ID 'rng0': a virtio-rng-pci uses it",
                    driver="virtio-rng-pci", id="rng0", bus="pci.2")
            refuses(host, "device_add", "has one slot, and virtio-rng-pci,id=rng0 is there; bus=pci.2 is free",
                    driver="virtio-rng-pci", id="rng1", bus="pci.1")
            slot.seen()
            slot.control(LISTENS | BLINKS)
            refuses(host, "device_del", "guest is busy (power indicator of 'pci.1' blinking)", id="rng0")
            slot.control(LISTENS | ON)
            host.qmp.execute("device_del", {"id": "rng0"})
            assert slot.status() == PRESENT | PRESSED
            if run == 1:                        # once it does not want to
                slot.seen()
                slot.control(LISTENS | BLINKS)
                slot.control(LISTENS | ON)
                event = host.qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR")
                assert event["data"] == {"device": "rng0", "path": "/machine/peripheral/rng0"}, event
                host.qmp.execute("device_del", {"id": "rng0"})
            slot.let_go()
            event = host.qmp.wait_event("DEVICE_DELETED")
            assert event["data"] == {"device": "rng0", "path": "/machine/peripheral/rng0"}, event
            assert slot.found() == {}
            assert slot.status() == CHANGED | LINK
            refuses(host, "device_del", "not found", id="rng0")
        refuses(host, "device_add", "Bus 'pcie.0' does not support hotplugging: bus=pci.1 is free",
                driver="virtio-rng-pci", id="rng1")
        assert host.quit() == 0


def test_a_guest_that_does_not_look():
    """It is asked when it does; a reset needs nobody."""
    only_x86()
    with with_ports("-device", "virtio-rng-pci,id=rng0,bus=pci.1") as host:
        host.qmp.execute("device_del", {"id": "rng0"})      # not booted
        host.qmp.execute("device_del", {"id": "rng0"})
        slot = Slot(host)
        slot.begin()
        assert slot.status() == PRESENT | PRESSED
        slot.let_go()
        host.qmp.wait_event("DEVICE_DELETED", {"device": "rng0"})
        plug(host, "rng1")
        slot.control(LISTENS | ON)
        host.qmp.execute("device_del", {"id": "rng1"})
        host.qmp.execute("system_reset")
        host.qmp.wait_event("DEVICE_DELETED", {"device": "rng1"})
        host.qmp.wait_event("RESET")
        assert Slot(host).status() == 0
        plug(host, "rng2")                                  # a slot without power needs nobody, either
        host.qmp.execute("device_del", {"id": "rng2"})
        host.qmp.wait_event("DEVICE_DELETED", {"device": "rng2"})
        plug(host, "rng3")                                  # nor if a reset, which gives it power, comes at once
        host.qmp.execute("device_del", {"id": "rng3"})
        host.qmp.execute("system_reset")
        plug(host, "rng4")                                  # which stays
        host.qmp.wait_event("DEVICE_DELETED", {"device": "rng3"})
        host.qmp.execute("query-status")
        assert host.qmp.execute("qom-get", {"path": "/machine/peripheral/rng4", "property": "bus"}) == "pci.1"
        assert host.quit() == 0


def test_queries():
    only_x86()
    with with_ports("-device", "virtio-rng-pci,id=rng0,bus=pci.2") as host:
        Slot(host, pci.devfn(1, 1), 2)
        space = pci.Ports(host.qtest)
        space.write(0, pci.devfn(1, 1), pci.BAR, 4, WINDOW)
        space.write(0, pci.devfn(1, 1), pci.COMMAND, 2, pci.MEMORY)
        bus, = host.qmp.execute("query-pci")
        found = {(entry["slot"], entry["function"]): entry for entry in bus["devices"]}
        assert list(found) == [(0, 0), (1, 0), (1, 1), (1, 2), (0x1f, 0)]
        assert found[0, 0]["id"] == {"vendor": 0x8086, "device": 0x29c0, "subsystem": 0x1100,
                                     "subsystem-vendor": 0x1af4}
        port = found[1, 1]
        assert port["qdev_id"] == "pci.2" and port["class_info"] == {"desc": "PCI bridge", "class": 0x604}
        assert port["regions"] == [{"bar": 0, "type": "memory", "size": 4096, "address": WINDOW,
                                    "prefetch": False, "mem_type_64": False}]
        assert port["pci_bridge"]["bus"]["secondary"] == 2
        rng, = port["pci_bridge"]["devices"]
        assert (rng["bus"], rng["slot"], rng["qdev_id"], rng["irq_pin"]) == (2, 0, "rng0", 1)
        assert "address" not in rng["regions"][0]
        text = host.qmp.execute("human-monitor-command", {"command-line": "info pci"})
        for line in ("  Bus  0, device   1, function 1:\r\n    PCI bridge: PCI device 1b36:000c\r\n",
                     "      BAR0: 32 bit memory at 0xc0000000 [0xc0000fff].\r\n", "      secondary bus 2.\r\n",
                     "  Bus  2, device   0, function 0:\r\n    Class 0255: PCI device 1af4:1044\r\n",
                     '      id "rng0"\r\n'):
            assert line in text, (line, text)
        assert host.quit() == 0


def test_what_cannot_be():
    for device, words in (
            ("pcie-root-port,id=p,chassis=1,addr=0x20", "addr=0x3 or addr=3.1; got '0x20'"),
            ("pcie-root-port,id=p,chassis=1,addr=1", "single function"),
            ("pcie-root-port,id=p,chassis=1,bus=pci.9", "Bus 'pci.9' not found; there are: pcie.0, pci.1"),
            ("pcie-root-port,id=p,chassis=1,bus=pci.1", "can be on pcie.0 only"),
            ("pcie-root-port,id=p,chassis=2", "chassis 2 with slot 0 is 'pci.1'; chassis=0 is free"),
            ("pcie-root-port,id=p,chassis=256", "from 0 to 255"),
            ("pcie-root-port,id=p,chasis=1", "chassis")):
        first = PORTS[0].replace('"chassis":1', '"chassis":2').replace("0x1.0x0", "0x2").replace("true", "false")
        second = PORTS[1] if "addr=1" in device else first
        done = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-device", second,
                               "-device", device], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and words in done.stderr, (device, done)
    with with_ports() as host:
        for command, arguments, words in (
                ("device_add", {"driver": "pcie-root-port", "id": "q", "chassis": 9}, "can not be hotplugged"),
                ("device_del", {"id": "pci.1"}, "cannot be unplugged")):
            try:
                raise AssertionError(host.qmp.execute(command, arguments))
            except QMPError as error:
                assert words in str(error), error
        assert host.quit() == 0


def test_an_id_that_is_not_there_or_of_another_kind():
    only_x86()
    devices = ("pcie-root-port,id=p1,chassis=1,addr=2", "pcie-root-port,id=p2,chassis=2,addr=3,hotplug=off",
               "virtio-rng-pci,id=fixed,addr=4", "virtio-rng-pci,id=fixed2,bus=p2")
    with Host([word for device in devices for word in ("-device", device)]) as host:
        none = "Device 'x' not found; there is no device that can be unplugged"
        refuses(host, "device_del", none, id="x")
        refuses(host, "memory-unplug", "Device 'x' not found; no pc-dimm is plugged", id="x")
        refuses(host, "memory-unplug", "Device 'fixed' is a virtio-rng-pci, not a pc-dimm, and permanent", id="fixed")
        plug(host, "rng", bus="p1")
        refuses(host, "memory-unplug", "Device 'rng' is a virtio-rng-pci, not a pc-dimm; device_del rng unplugs it",
                id="rng")
        host.add("ram")
        host.dimm()
        refuses(host, "device_del", "Device 'x' not found; available: rng, d", id="x")
        refuses(host, "memory-unplug", "Device 'x' not found; available: d", id="x")
        for name in ("fixed", "fixed2"):               # and these are refused, whose names were not offered
            refuses(host, "device_del", "stays with the machine", id=name)
        assert host.quit() == 0


if __name__ == "__main__":
    tap.main()
