#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""-bios, -L, -boot and bootindex=: where firmware is, what it reads, and what is refused. A test is in its place;
tests/guest/test_firmware.py, test_uefi.py and test_uefi_arm64.py run Debian's."""

import contextlib
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, pci, tap                                    # noqa: E402
from lib.fw_cfg import FwCfg                                 # noqa: E402
from lib.host import MIB, Host                               # noqa: E402
from lib.machine import PROGRAM, Machine                     # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.qtest import QtestError, QtestServer                # noqa: E402

KIB, GIB = 1 << 10, 1 << 30
END = 4 * GIB
QUIET = ["-accel", "qtest", "-nodefaults", "-display", "none"]


def only_x86():
    if arch.chosen() is not arch.X86:
        raise tap.Skip("what SeaBIOS and OVMF find")


def image(folder, size=256 * KIB, name="bios"):
    """Each page is different, and so are the last 16 bytes."""
    path = pathlib.Path(folder, name)
    path.write_bytes(b"".join(struct.pack("<I", at) for at in range(0, size, 4)))
    return path


@contextlib.contextmanager
def machine(*options, size=256 * KIB, **properties):
    only_x86()
    with tempfile.TemporaryDirectory() as folder:
        path = image(folder, size)
        host = Host(["-bios", path, *options], **properties)
        try:
            yield host, FwCfg(host.qtest), path.read_bytes()
        finally:
            host.close()


def run(*options):
    return subprocess.run([PROGRAM, *QUIET, *map(str, options)], capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)


def refused(words, *options):
    done = run(*options)
    assert done.returncode == 1 and words in done.stderr, (words, done)


def test_the_image_ends_at_4_gib_and_its_end_below_1_mib():
    for size in (64 * KIB, 256 * KIB):
        low = min(size, 128 * KIB)
        with machine(size=size, memory="64M") as (host, _, content):
            read, write = host.qtest.read, host.qtest.write
            assert read(END - size, size) == content
            assert read(MIB - low, low) == content[-low:]
            try:
                write(END - size, b"changed!")
                raise AssertionError("firmware was written")
            except QtestError:
                assert read(END - size, 8) == content[:8]
            write(MIB - low, b"changed!")
            assert read(MIB - low, 8) == b"changed!"
            host.qmp.execute("system_reset")
            host.qmp.wait_event("RESET")
            assert read(MIB - low, low) == content[-low:]
            assert read(END - size, size) == content


def flash(host, address, size=16):
    return bytes(int(host.qtest.command(f"readb {at:#x}")[0], 0) for at in range(address, address + size))


def test_firmware_in_flash_is_where_the_processor_starts():
    only_x86()
    with tempfile.TemporaryDirectory() as folder:
        code, variables = image(folder, 260 * KIB, "code"), image(folder, 8 * KIB, "variables")
        content = code.read_bytes()
        with Host(["-pflash", code, "-pflash", variables], memory="64M,slots=2,maxmem=1G") as host:
            read, write = host.qtest.read, host.qtest.write
            assert flash(host, END - 16) == content[-16:]
            assert flash(host, END - 260 * KIB) == content[:16]
            assert flash(host, END - 264 * KIB) == variables.read_bytes()[4 * KIB:][:16]
            assert read(MIB - 128 * KIB, 128 * KIB) == content[-128 * KIB:]
            device = FwCfg(host.qtest)
            assert entries(device)[0] == (0, 64 * MIB, 1) and "etc/table-loader" in device.directory()
            write(MIB - 128 * KIB, b"changed!")
            for value in (0x20, 0xd0, 0xff):            # the first block of what is copied is erased
                host.qtest.command(f"writeb {END - 128 * KIB:#x} {value:#x}")
            host.qmp.execute("system_reset")
            host.qmp.wait_event("RESET")
            assert read(MIB - 128 * KIB, 128 * KIB) == b"\xff" * 4 * KIB + content[-124 * KIB:]


# ---- configuration space, which firmware moves ----

HERE, THERE, PCIEXBAR = 0xb0000000, 0xe0000000, 0x60
PORT = ["-device", "pcie-root-port,id=port,chassis=1,addr=2"]
FUNCTIONS = {(0, 0): "8086:29c0", (2, 0): "1b36:000c", (0x1f, 0): "8086:2918"}


def is_described(device, base, window):
    """Where the tables have configuration space (None: not in memory), and the window below 4 GiB."""
    content = device.file("etc/acpi/tables")
    at = content.find(b"MCFG")
    mcfg = struct.unpack("<Q", content[at + 44:at + 52])[0] if at >= 0 else None
    length = window[1] - window[0] + 1
    return mcfg == base and struct.pack("<IIII", *window, 0, length) in content


def answers(host, address):
    try:
        host.qtest.command(f"readl {address:#x}")
    except QtestError:
        return False
    return True


def check_place(host, device, base, window):
    """The one place where configuration space is; that BARs are beside it; and that the tables have both."""
    ports, port = pci.Ports(host.qtest), pci.devfn(2)
    assert pci.functions(ports) == FUNCTIONS
    for place in (HERE, THERE, 0xc0000000):
        assert answers(host, place) == (place == base), hex(place)
    if base is not None:
        assert pci.functions(pci.Ecam(host.qtest, base)) == FUNCTIONS
    for address, there in ((window[0], True), (window[1] - 0xfff, True), (window[0] - 0x1000, False),
                           (window[1] + 1, False)):
        ports.write(0, port, pci.BAR, 4, address)
        ports.write(0, port, pci.COMMAND, 2, pci.MEMORY)
        assert not there or answers(host, address), hex(address)
        ports.write(0, port, pci.COMMAND, 2, 0)
        assert not answers(host, address) or base is not None and base <= address < base + 256 * MIB
    host.wait_until(lambda: is_described(device, base, window), what="the tables")


def restored_firmware(folder, file):
    server = QtestServer(pathlib.Path(folder, "qtest"))
    again = Machine(["-restore", file, "-accel", "qtest", "-qtest", f"unix:{server.path}"], kernel=None, run=False)
    return server, again


BESIDE = {HERE: (0xc0000000, 0xfebfffff), THERE: (0x80000000, 0xdfffffff), 0x80000000: (0x90000000, 0xfebfffff),
          0xa0000000: (0xb0000000, 0xfebfffff)}


def test_firmware_moves_configuration_space():
    with machine(*PORT, memory="64M") as (host, device, _), tempfile.TemporaryDirectory() as folder:
        ports = pci.Ports(host.qtest)
        place = HERE
        check_place(host, device, place, BESIDE[place])
        for base in (THERE, 0x80000000, 0xa0000000, HERE, THERE):
            pci.Ecam(host.qtest, place).write(0, 0, PCIEXBAR, 4, base | 1)
            check_place(host, device, base, BESIDE[base])
            place = base
        file = pathlib.Path(folder, "snapshot")
        host.qmp.execute("machine-snapshot", {"file": str(file)})
        server, again = restored_firmware(folder, file)
        with again:
            again.qtest = server.accept()
            check_place(again, FwCfg(again.qtest), THERE, BESIDE[THERE])
        # Sizes and places that firmware does not use: it is at its ports alone, and the window stays.
        for high, low in ((0, THERE), (0, THERE | 3), (0, THERE | 5), (0, 0xf0000001), (0, 0x70000001), (1, 1),
                          (0xf, 0xf0000001), (0, 1)):
            ports.write(0, 0, PCIEXBAR + 4, 4, high)
            ports.write(0, 0, PCIEXBAR, 4, low)
            check_place(host, device, None, BESIDE[THERE])
        # Nor is it where a BAR is; and the place is its own as soon as that goes.
        ports.write(0, 0, PCIEXBAR + 4, 4, 0)
        ports.write(0, pci.devfn(2), pci.BAR, 4, 0xa0000000)
        ports.write(0, pci.devfn(2), pci.COMMAND, 2, pci.MEMORY)
        ports.write(0, 0, PCIEXBAR, 4, 0xa0000001)
        assert not answers(host, 0xa0100000)
        ports.write(0, pci.devfn(2), pci.COMMAND, 2, 0)
        check_place(host, device, 0xa0000000, BESIDE[0xa0000000])
        # A reset ends BARs and moves it, whichever comes first.
        ports.write(0, 0, PCIEXBAR, 4, THERE | 1)
        ports.write(0, pci.devfn(2), pci.BAR, 4, HERE)
        ports.write(0, pci.devfn(2), pci.COMMAND, 2, pci.MEMORY)
        assert answers(host, HERE)
        host.qmp.execute("system_reset")
        host.qmp.wait_event("RESET")
        check_place(host, device, HERE, BESIDE[HERE])


def entries(device):
    data = device.file("etc/e820")
    return [struct.unpack("<QQI", data[at:at + 20]) for at in range(0, len(data), 20)]


def test_firmware_that_needs_system_management_mode():
    """It would not start, and would not say so."""
    only_x86()
    refused("'smm' expects off|auto (hotram does not support system management mode; UEFI firmware without it is "
            "OVMF_CODE_4M.fd)", "-machine", "q35,smm=on")
    with tempfile.TemporaryDirectory() as folder:
        for name, words in (("OVMF_CODE_4M.secboot.fd", 1), ("OVMF_CODE_4M.ms.fd", 1), ("OVMF_CODE_4M.fd", 0)):
            with Host(["-pflash", image(folder, name=name)]) as host:
                assert host.error_log.count("is by its name an image for secure boot") == words, (name, host.error_log)
                assert host.quit() == 0


def test_the_memory_map_has_ram_and_dimms_as_asked():
    with machine("-machine", "dimm-at-boot=e820", memory="3G,slots=20,maxmem=64G", granularity="128M") as (
            host, device, _):
        fixed = [(0, 2 * GIB, 1), (0xfeffc000, 16 * KIB, 2), (END, GIB, 1)]
        assert entries(device) == fixed
        for place in range(18):                         # each with a gap behind it
            host.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": f"m{place}", "size": 128 * MIB})
            host.dimm(f"d{place}", f"m{place}", addr=8 * GIB + place * 256 * MIB)
        host.qmp.execute("system_reset")
        host.qmp.wait_event("RESET")
        listed = entries(device)
        assert listed[:3] == fixed
        assert listed[3:] == [(8 * GIB + place * 256 * MIB, 128 * MIB, 1) for place in range(16)], listed
        assert "room for DIMMs in 16 separate ranges: 2 DIMMs" in host.error_log, host.error_log
    with machine(memory="64M,slots=2,maxmem=1G") as (host, device, _):
        host.add("ram")
        host.dimm()
        host.qmp.execute("system_reset")
        host.qmp.wait_event("RESET")
        assert entries(device) == [(0, 64 * MIB, 1), (0xfeffc000, 16 * KIB, 2)]


def test_firmware_finds_the_tables():
    with machine(memory="64M,slots=2,maxmem=1G") as (host, device, _):
        assert device.file("etc/acpi/rsdp")[:8] == b"RSD PTR "
        tables = device.file("etc/acpi/tables")
        assert tables[:4] == b"FACS" and b"DSDT" in tables and b"QEMU0002" in tables
        commands = device.file("etc/table-loader")
        assert len(commands) % 128 == 0
        kinds = [struct.unpack("<I", commands[at:at + 4])[0] for at in range(0, len(commands), 128)]
        assert kinds[:2] == [1, 1] and set(kinds) == {1, 2, 3}
        host.qmp.execute("system_reset")
        host.qmp.wait_event("RESET")
        assert device.file("etc/acpi/tables") == tables


DISK = ["-blockdev", "null-co,node-name=n{0},size=1M", "-device", "virtio-blk-pci,drive=n{0},id=k{0}{1}"]


def disk(name, more=""):
    return [word.format(name, more) for word in DISK]


def test_bootindex_is_the_order():
    with machine(*disk(0, ",bootindex=9,addr=4"), *disk(1), *disk(2, ",bootindex=2,addr=5.0"),
                 "-device", "pcie-root-port,id=r,addr=3,multifunction=on", *disk(3, ",bootindex=0,bus=r"),
                 "-boot", "strict=on") as (host, device, _):
        expected = ["/pci@i0cf8/pci-bridge@3/scsi@0/disk@0,0", "/pci@i0cf8/scsi@5/disk@0,0",
                    "/pci@i0cf8/scsi@4/disk@0,0", "HALT"]
        assert device.file("bootorder") == "\n".join(expected).encode() + b"\0", device.file("bootorder")
        try:
            host.qmp.execute("blockdev-add", {"driver": "null-co", "node-name": "n4", "size": MIB})
            host.qmp.execute("device_add", {"driver": "virtio-blk-pci", "drive": "n4", "id": "k4", "bus": "r",
                                            "bootindex": 2})
            raise AssertionError("a bootindex was given twice")
        except QMPError as error:
            assert "The bootindex 2 has already been used: 'k2' has it" in error.desc, error.desc
    with machine(*disk(0), memory="64M") as (_, device, _):
        assert device.file("bootorder") == b""
    only_x86()
    refused("The bootindex 1 has already been used: 'k0' has it", *disk(0, ",bootindex=1"), *disk(1, ",bootindex=1"))


def test_a_negative_bootindex_is_none():
    with machine(*disk(0, ",bootindex=-1"), *disk(1, ",bootindex=2,addr=4"), *disk(2, ",bootindex=-1"), *disk(3, ",bootindex=-2"),
                 *disk(4), "-device", "virtio-net-pci,id=c,bootindex=-1", "-boot", "strict=on") as (host, device, _):
        assert device.file("bootorder") == b"/pci@i0cf8/scsi@4/disk@0,0\nHALT\0", device.file("bootorder")
        assert [host.qmp.execute("qom-get", {"path": f"/machine/peripheral/{name}", "property": "bootindex"})
                for name in ("k0", "k1", "k3", "k4", "c")] == [-1, 2, -2, -1, -1]
    only_x86()
    refused("'bootindex' expects a number from -2147483648 to 2147483647", *disk(0, ",bootindex=2147483648"))


def test_boot_options_reach_firmware():
    def cmos(host, at):
        host.qtest.port_out(0x70, 1, at)
        return host.qtest.port_in(0x71, 1)

    with machine("-boot", "order=nc,once=d,menu=on,splash-time=700,reboot-timeout=1000", memory="64M") as (
            host, device, _):
        assert device.read(0xe, 2) == b"\1\0"
        assert device.file("etc/boot-menu-wait") == struct.pack("<H", 700)
        assert device.file("etc/boot-fail-wait") == struct.pack("<i", 1000)
        assert (cmos(host, 0x3d), cmos(host, 0x38)) == (0x03, 0)
        host.qmp.execute("system_reset")
        host.qmp.wait_event("RESET")
        assert (cmos(host, 0x3d), cmos(host, 0x38)) == (0x24, 0)
    with machine(memory="64M") as (host, device, _):
        assert device.read(0xe, 2) == b"\0\0"
        assert "etc/boot-menu-wait" not in device.directory()
        assert device.file("etc/boot-fail-wait") == struct.pack("<i", -1)
        assert (cmos(host, 0x3d), cmos(host, 0x38)) == (0x12, 0x30)


def test_firmware_is_found_in_folders():
    only_x86()
    with tempfile.TemporaryDirectory() as folder:
        path = image(folder, name="mine.bin")
        host = Host(["-L", "/none", "-L", folder, "-bios", "mine.bin"], memory="64M")
        try:
            assert host.qtest.read(END - 256 * KIB, 64) == path.read_bytes()[:64]
        finally:
            host.close()
        done = run("-L", folder, "-L", "help")
        assert done.returncode == 0
        assert done.stdout.splitlines() == [folder, "/usr/share/seabios", "/usr/share/qemu"]


def test_bad_firmware_is_refused():
    only_x86()
    with tempfile.TemporaryDirectory() as folder:
        short, large, empty, blank = (pathlib.Path(folder, name) for name in ("short", "large", "empty", "blank"))
        short.write_bytes(bytes(64 * KIB - 1))
        empty.write_bytes(b"")
        blank.write_bytes(b"\xff" * 64 * KIB)
        with large.open("wb") as file:
            file.truncate(16 * MIB + 64 * KIB)
        size = "but firmware for x86-64 is a multiple of 64 KiB, and at most 16 MiB"
        refused("there is no such file that can be read", "-bios", "none")
        refused("expects the name of a file", "-bios", "")
        refused("it may be that of the package ovmf", "-bios", "/none/OVMF.fd")
        for path in (short, large, empty):
            refused(size, "-bios", path)
        refused("is not firmware for x86-64: there is no reset vector in its last 16 bytes", "-bios", blank)
        refused(f"-bios '{folder}'", "-bios", folder)
        good = image(folder)
        refused("a kernel given by -kernel is booted without firmware, which would show the menu", "-boot", "menu=on",
                "-kernel", "k")
        refused("pflash0: Block node 'pflash0' is not firmware for x86-64: there is no reset vector in its last 16 bytes; "
                "pflash0 is the image of the code, and pflash1 that of its variables", "-pflash", blank)
        refused(f"-bios '{good}' and pflash0 'pflash0' are both firmware, and both end at 4 GiB; omit -bios to start what "
                "is in flash", "-bios", good, "-pflash", good)
        refused("-bios: -machine none has no memory", "-bios", good, "-machine", "none")


# ---- arm64 ----

BANK = 64 * MIB
CODE = b"\x00\x04\x00\x14" + b"\xff" * (70 * KIB - 4)     # a branch, and what EDK2's image has behind it
RAM = 1 << 30


def only_arm64():
    if arch.chosen() is arch.X86:
        raise tap.Skip("an arm64 machine starts at 0")


@contextlib.contextmanager
def arm64_machine(*options, memory="256M,slots=2,maxmem=1G"):
    only_arm64()
    host = Host([*options], memory=memory)
    try:
        yield host, FwCfg(host.qtest)
    finally:
        host.close()


def word(host, address):
    return int(host.qtest.command(f"readl {address:#x}")[0], 0)


def compatibles(host):
    """What the device tree at the start of RAM names, a list of bytes."""
    magic, size = struct.unpack(">II", host.qtest.read(RAM, 8))
    assert magic == 0xd00dfeed, hex(magic)
    return host.qtest.read(RAM, size)


def check_acpi(device):
    """Each pointer leads to a table of the file whose checksum is right once those that firmware sets are."""
    tables, commands = device.file("etc/acpi/tables"), device.file("etc/table-loader")
    found = set()
    for at in range(0, len(commands), 128):
        kind, = struct.unpack_from("<I", commands, at)
        if kind != 2 or commands[at + 4:].startswith(b"etc/acpi/rsdp"):
            continue
        offset, size = struct.unpack_from("<IB", commands, at + 116)
        target = int.from_bytes(tables[offset:offset + size], "little")
        signature, length = struct.unpack_from("<4sI", tables, target)
        assert target % 8 == 0 and target + length <= len(tables), (signature, target, length)
        assert signature == b"FACP" or sum(tables[target:target + length]) & 0xff == 0, signature
        found.add(signature.decode())
    assert {"FACP", "DSDT", "APIC", "GTDT", "MCFG", "SPCR", "PPTT", "SRAT", "IORT"} <= found, found


def test_an_arm64_machine_starts_at_0_with_a_device_tree_and_tables():
    with tempfile.TemporaryDirectory() as folder:
        code = pathlib.Path(folder, "code")
        code.write_bytes(CODE)
        with arm64_machine("-bios", code) as (host, device):
            assert host.qtest.read(0, len(CODE) + 16) == CODE + bytes(16)
            check_acpi(device)
            tree = compatibles(host)
            for name in (b"cfi-flash", b"arm,pl031", b"arm,pl011", b"qemu,fw-cfg-mmio", b"pci-host-ecam-generic",
                         b"arm,gic-v3", b"arm,psci-1.0"):
                assert name in tree, name
            host.qtest.write(RAM, bytes(8))
            for value in (0x00200020, 0x00d000d0, 0x00400040, 0x12345678, 0x00ff00ff):
                host.qtest.command(f"writel {BANK:#x} {value:#x}")
            assert word(host, BANK) == 0x12345678              # the bank of variables, of no file
            host.qmp.execute("system_reset")
            host.qmp.wait_event("RESET")
            assert compatibles(host) != b"" and word(host, BANK) == 0x12345678
        with arm64_machine("-bios", code, "-machine", "acpi=off", memory="256M") as (host, device):
            assert "etc/table-loader" not in device.directory()
            tree = compatibles(host)
            assert b"arm,pl031" in tree
            # A small machine's window for large BARs, by its three cells of address: not where EDK2 refuses it.
            cells = struct.unpack(f">{len(tree) // 4}I", tree[:len(tree) // 4 * 4])
            assert any(cells[at:at + 5] == (0x03000000, 1, 0, 1, 0) for at in range(len(cells)))


def test_arm64_boot_options_reach_firmware():
    """There is no clock chip with memory for order= and once=: the boot order has the devices themselves."""
    with tempfile.TemporaryDirectory() as folder:
        code = pathlib.Path(folder, "code")
        code.write_bytes(CODE)
        options = ["-bios", code, *disk(0), *disk(1, ",bootindex=1"), *disk(2), "-device", "virtio-net-pci"]
        first, second, third = (f"/pci@i0cf8/scsi@{slot}/disk@0,0" for slot in (1, 2, 3))
        card = "/pci@i0cf8/ethernet@4/ethernet-phy@0"

        def order(device):
            return device.file("bootorder").rstrip(b"\0").decode().split("\n")

        with arm64_machine(*options, "-boot", "order=anc,once=c,menu=on,splash-time=700") as (host, device):
            assert device.read(0xe, 2) == b"\1\0" and device.file("etc/boot-menu-wait") == struct.pack("<H", 700)
            assert order(device) == [second, first, third], order(device)
            for _ in range(2):
                host.qmp.execute("system_reset")
                host.qmp.wait_event("RESET")
                assert order(device) == [second, card, first, third], order(device)
        with arm64_machine(*options) as (_, device):
            assert order(device) == [second], order(device)
        with arm64_machine(*options, "-boot", "order=nc,strict=on") as (_, device):
            assert order(device) == [second, "HALT"], order(device)


def test_arm64_firmware_in_flash():
    with tempfile.TemporaryDirectory() as folder:
        code, variables = pathlib.Path(folder, "code"), pathlib.Path(folder, "variables")
        code.write_bytes(CODE.ljust(256 * KIB, b"\0"))
        variables.write_bytes(bytes(256 * KIB))
        with arm64_machine("-pflash", code, "-pflash", variables) as (host, device):
            assert (word(host, 0), word(host, BANK)) == (0x14000400, 0)
            check_acpi(device)
        with arm64_machine("-bios", code, "-drive", f"if=pflash,format=raw,unit=1,file={variables}") as (host, _):
            assert host.qtest.read(0, 4) == CODE[:4] and word(host, BANK) == 0


def test_bad_arm64_firmware_is_refused():
    only_arm64()
    with tempfile.TemporaryDirectory() as folder:
        blank, odd, good = (pathlib.Path(folder, name) for name in ("blank", "odd", "good"))
        blank.write_bytes(bytes(256 * KIB))
        odd.write_bytes(CODE + b"\0")
        good.write_bytes(CODE.ljust(256 * KIB, b"\0"))
        refused("is not firmware for arm64: its first instruction is none", "-bios", blank)
        refused("firmware for arm64 is a multiple of 4 bytes, and at most 64 MiB", "-bios", odd)
        refused("pflash0: Block node 'pflash0' is not firmware for arm64: its first instruction is none; pflash0 is the "
                "image of the code, and pflash1 that of its variables", "-pflash", blank)
        refused(f"-bios '{good}' and pflash0 'pflash0' are both firmware, and both begin at 0; omit -bios", "-bios", good,
                "-pflash", good)
        done = run("-L", folder, "-L", "help")
        assert done.stdout.splitlines() == [folder, "/usr/share/qemu-efi-aarch64", "/usr/share/AAVMF", "/usr/share/qemu"]


if __name__ == "__main__":
    tap.main()
