#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""SMBIOS tables: where a guest and firmware find them, what -smbios makes of them, DIMMs in them
after a reset; and what -smbios refuses. A test reads the guest's memory."""

import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.fw_cfg import FwCfg                                 # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402

MIB = 1 << 20
LIMIT = 60


def only_x86():
    if arch.chosen() is not arch.X86:
        raise tap.Skip("an arm64 guest has SMBIOS tables from firmware only")


def tables(host):
    """As Linux finds them: structures by type, each its formatted part and its strings."""
    area = host.qtest.read(0xf0000, 0x10000)
    places = [at for at in range(0, len(area), 16) if area[at:at + 5] == b"_SM3_"]
    assert len(places) == 1, places
    entry = area[places[0]:places[0] + 24]
    assert sum(entry) % 256 == 0
    size, address = struct.unpack_from("<IQ", entry, 12)
    return structures(host.qtest.read(address, size))


def structures(table):
    found, at = {}, 0
    size = len(table)
    while at < size:
        kind, length = table[at], table[at + 1]
        end = table.index(b"\0\0", at + length)
        found.setdefault(kind, []).append((table[at:at + length], table[at + length:end].split(b"\0")))
        at = end + 2
    assert at == size and list(found)[-1] == 127
    return found


def string(structure, offset):
    number = structure[0][offset]
    return structure[1][number - 1].decode() if number else None


def test_a_guest_finds_them():
    only_x86()
    with Host(["-smp", "4,sockets=2,cores=2", "-uuid", "8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80"]) as host:
        found = tables(host)
        assert {kind: len(all_of) for kind, all_of in found.items()} == {
            0: 1, 1: 1, 3: 1, 4: 2, 16: 1, 17: 1, 19: 1, 32: 1, 127: 1}, found.keys()
        assert string(found[1][0], 5) == "hotram-1"
        assert found[1][0][0][8:12] == bytes.fromhex("8b5ec5a0")[::-1]
        assert struct.unpack_from("<H", found[17][0][0], 12)[0] == 64
        assert host.qtest.read(0xffff0, 1) == b"\xba"        # what a jump to the BIOS runs is still there


def test_dimms_are_in_them_after_a_reset():
    only_x86()
    with Host() as host:
        host.add("ram", "m0", 256 * MIB)
        host.dimm("lower bank".replace(" ", "-"), "m0")
        assert len(tables(host)[17]) == 1
        host.qmp.execute("cont")
        host.qmp.execute("system_reset")
        memory, mapped = tables(host)[17], tables(host)[19]
        assert [string(one, 0x10) for one in memory] == ["DIMM 0", "lower-bank"]
        assert struct.unpack_from("<H", memory[1][0], 12)[0] == 256
        assert struct.unpack_from("<II", mapped[1][0], 4) == (4 * MIB, 4 * MIB + 256 * 1024 - 1)
        host.eject("lower-bank")
        host.qmp.execute("system_reset")
        assert len(tables(host)[17]) == 1


def firmware_tables(host):
    """As firmware finds them, which copies them and gives the entry point their address."""
    device = FwCfg(host.qtest)
    anchor, table = device.file("etc/smbios/smbios-anchor"), device.file("etc/smbios/smbios-tables")
    assert anchor[:5] == b"_SM3_" and len(anchor) == 24 and sum(anchor) % 256 == 0
    assert anchor[7] == 3 and struct.unpack_from("<IQ", anchor, 12) == (len(table), 0)
    return structures(table)


def test_firmware_finds_them():
    with tempfile.TemporaryDirectory() as folder:
        bios = pathlib.Path(folder, "bios")
        bios.write_bytes(bytes(range(256)) * 256)
        with Host(["-bios", bios, "-smbios", "type=1,serial=42", "-smp", "2"]) as host:
            found = firmware_tables(host)
            assert set(found) == {1, 3, 4, 16, 17, 19, 32, 127}     # type 0 is firmware's
            assert string(found[1][0], 7) == "42"
            host.add("ram", "m0", 256 * MIB)
            host.dimm("left", "m0")
            assert len(firmware_tables(host)[17]) == 1
            host.qmp.execute("system_reset")
            host.qmp.wait_event("RESET")
            assert [string(one, 0x10) for one in firmware_tables(host)[17]] == ["DIMM 0", "left"]
        nodes = [word for i in range(128) for word in ("-numa", f"node,mem=2M,cpus={i}")]
        with Host(["-bios", bios, "-smp", "255,sockets=255", *nodes], "256M,slots=256,maxmem=128G") as host:
            found = firmware_tables(host)
            assert (len(found[4]), len(found[17])) == (255, 128)
        with Host(["-bios", bios, "-smbios", "type=0,vendor=V"]) as host:
            assert string(firmware_tables(host)[0][0], 4) == "V"


def test_what_is_given():
    only_x86()
    with Host(["-smbios", "type=1,manufacturer=A,,B,serial=one", "-smbios", "type=1,serial=two,family=F",
               "-smbios", "type=0,vendor=V,release=1.2,uefi=on", "-smbios", "type=2,asset=X",
               "-smbios", "type=17,loc_pfx=Slot,speed=3200", "-smbios", "type=4,sock_pfx=S,processor-id=0x1234",
               "-smbios", "type=11,value=a=b,,c", "-smbios", "type=11,value=second"]) as host:
        found = tables(host)
        assert [string(found[1][0], at) for at in (4, 7, 26)] == ["A,B", "two", "F"]
        assert string(found[0][0], 4) == "V" and found[0][0][0][0x13:0x16] == b"\x1c\x01\x02"
        assert string(found[2][0], 8) == "X"
        assert string(found[17][0], 16) == "Slot 0" and struct.unpack_from("<H", found[17][0][0], 0x15)[0] == 3200
        assert string(found[4][0], 4) == "S 0" and found[4][0][0][8:16] == b"\x34\x12" + bytes(6)
        assert found[11][0][1] == [b"a=b,c", b"second"]


def test_what_is_on_the_board():
    """One structure for each option; a place of PCI only where a device is named."""
    only_x86()
    with Host(["-device", "virtio-rng-pci,id=r,addr=5.0", "-smbios", "type=8,internal_reference=J1,external_reference=COM1",
               "-smbios", "type=8,connector_type=8,port_type=9", "-smbios", "type=9,slot_designation=S,slot_type=0xa5,"
               "slot_data_bus_width=8,current_usage=4,slot_length=3,slot_id=258,slot_characteristics1=4,"
               "slot_characteristics2=1,pci_device=r", "-smbios", "type=41,designation=Random,kind=ethernet,instance=2,"
               "pcidev=r", "-smbios", "type=41"]) as host:
        found = tables(host)
        assert [len(found[kind]) for kind in (8, 9, 41)] == [2, 1, 2]
        assert [string(found[8][0], at) for at in (4, 6)] == ["J1", "COM1"] and found[8][1][0][4:] == bytes((0, 0, 0, 8, 9))
        assert string(found[9][0], 4) == "S"
        assert found[9][0][0][5:] == bytes((0xa5, 8, 4, 3, 2, 1, 4, 1, 0, 0, 0, 0x28)), found[9][0][0]
        assert string(found[41][0], 4) == "Random" and found[41][0][0][5:] == bytes((0x85, 2, 0, 0, 0, 0x28))
        assert found[41][1][0][4:] == b"\0\x81\0" + b"\xff" * 4


def test_the_largest_machine_has_room():
    only_x86()
    nodes = [word for i in range(128) for word in ("-numa", f"node,mem=2M,cpus={i}")]
    with Host(["-smp", "255,sockets=255", *nodes], "256M,slots=256,maxmem=128G") as host:
        found = tables(host)
        assert (len(found[4]), len(found[17])) == (255, 128)


def test_what_is_refused():
    only_x86()
    for argument, words in (("type=1,uuid=5", "Parameter 'uuid' expects a UUID"),
                            ("type=0,release=1.256", "Parameter 'release' expects MAJOR.MINOR"),
                            ("type=0,uefi=perhaps", "Parameter 'uefi' expects "),
                            ("type=7", "Parameter 'type' expects 0, 1, 2, 3, 4, 8, 9, 11, 17 or 41; got '7'"),
                            ("type=8,port_type=256", "Parameter 'port_type' expects "),
                            ("type=9,slot_id=65536", "Parameter 'slot_id' expects "),
                            ("type=9,serial=1", "has no property 'serial'"),
                            ("type=41,kind=toaster", "Parameter 'kind' expects "),
                            ("type=41,pcidev=none", "-smbios type=41: pcidev='none' is no PCI device"),
                            ("type=9,pci_device=r -device pcie-root-port,id=p,chassis=1 -device virtio-rng-pci,bus=p,id=r",
                             "pci_device='r' is behind a root port, whose bus the guest numbers"),
                            ("type=8 " + "-smbios type=8 " * 255, "type=8 is given 255 times, which is the limit"),
                            ("type=01", "Parameter 'type' expects "),
                            ("serial=1", "Parameter 'type' is missing"),
                            ("file=x", "file= is not available"),
                            ("type=11", "Parameter 'value' is missing"),
                            ("type=11,value=a,value=b", "value= is given twice"),
                            ("type=11,path=x,value=y", "type=11 has no property 'path'"),
                            ("type=4,max-speed=65536", "Parameter 'max-speed' expects "),
                            ("type=17,loc_pfx=" + "x" * 101, "Parameter 'loc_pfx' expects at most 100 bytes"),
                            ("type=1,serial=1 -machine none", "-smbios: -machine none has no memory for the tables"),
                            ("type=3,colour=red", "has no property 'colour'"),
                            ("type=1,serial=" + "x" * 70000, "the SMBIOS tables have ")):
        run = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-monitor", "stdio",
                              "-smbios", *argument.split()], input="quit\n", capture_output=True, text=True, timeout=LIMIT,
                             check=False)
        assert run.returncode == 1 and words in run.stderr, (argument[:80], run.returncode, run.stderr[:500])


if __name__ == "__main__":
    tap.main()
