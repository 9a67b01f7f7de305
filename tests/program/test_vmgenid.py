#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: some
"""-device vmgenid: what the guest reads, what ACPI says, and which copies have another id. A test is the guest."""

import pathlib
import re
import subprocess
import sys
import tempfile
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tables, tap                                  # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM, Machine                     # noqa: E402
from lib.micro import MICRO, hear, tell                      # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

GUID = "324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87"
PAGE, GSI = 0xfed61000, 21
RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
LIMIT = 60


def guid(machine):
    return machine.qmp.execute("query-vm-generation-id")["guid"]


def page(guest):
    return b"".join(int(guest.qtest.command(f"readq {PAGE + at:#x}")[0], 0).to_bytes(8, "little") for at in (0, 8))


def start_fails(*options):
    done = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", *options],
                          capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 1, done
    return done.stderr


def test_the_guest_reads_it():
    for given in (GUID, GUID.upper()):
        with Host(["-device", f"vmgenid,guid={given}"]) as guest:
            assert guid(guest) == GUID
            assert page(guest) == uuid.UUID(GUID).bytes_le
            guest.qtest.command(f"writeq {PAGE:#x} 0x0")         # it can only be read
            assert page(guest) == uuid.UUID(GUID).bytes_le
            guest.qmp.execute("system_reset")
            guest.qmp.wait_event("RESET")
            assert guid(guest) == GUID and page(guest) == uuid.UUID(GUID).bytes_le
            assert guest.quit() == 0


def test_a_random_one():
    seen = set()
    for device in ("vmgenid", "vmgenid,guid=auto,id=g", "vmgenid"):
        with Host(["-device", device]) as guest:
            assert RANDOM.fullmatch(guid(guest)), guid(guest)
            assert page(guest) == uuid.UUID(guid(guest)).bytes_le
            seen.add(guid(guest))
            assert guest.quit() == 0
    assert len(seen) == 3, seen


def test_what_acpi_says():
    def dsdt(guest):
        address = tables.number(tables.table(guest.qtest, b"FACP"), 140, 8)
        return guest.qtest.read(address, tables.number(guest.qtest.read(address, 8), 4, 4))

    for options in ([], ["-machine", "hotram-1,acpi-events=ged"]):
        with Host(["-device", "vmgenid", *options]) as guest:
            table = dsdt(guest)
            entry = table[table.index(b"VGEN"):]
            assert b"_HID\x0dQEMUVGID\x00" in entry[:40] and b"_CID\x0dVM_Gen_Counter\x00" in entry[:64], entry[:64]
            # Package (2) { DWord address, Zero }
            assert b"ADDR\x12\x08\x02\x0c" + PAGE.to_bytes(4, "little") + b"\x00" in entry[:128], entry[:128]
            # Extended interrupt: consumer, edge, active high (ACPI 6.5, 6.4.3.6)
            assert b"\x89\x06\x00\x03\x01" + GSI.to_bytes(4, "little") in entry, entry[:256]
            assert guest.quit() == 0
    with Host() as guest:
        assert b"VGEN" not in dsdt(guest)
        try:
            guid(guest)
            raise AssertionError("there is an id")
        except QMPError as error:
            assert "VM Generation ID device not found" in str(error), error
        assert guest.quit() == 0


def test_what_is_refused():
    for given in ("x", "", GUID[:-1], GUID + "0", GUID.replace("-", ""), GUID.replace("3", "g", 1), "AUTO"):
        error = start_fails("-device", f"vmgenid,guid={given}")
        assert "Parameter 'guid' expects auto or a UUID such as " in error and f"got '{given}'" in error, error
    assert "vmgenid" in start_fails("-device", "vmgenid", "-device", "vmgenid")
    with Host() as guest:
        try:
            guest.qmp.execute("device_add", {"driver": "vmgenid"})
            raise AssertionError("it is added")
        except QMPError as error:
            assert "vmgenid" in str(error), error
        assert guest.quit() == 0


@tap.kvm
def test_copies_of_a_guest():
    """-incoming: the given id; -restore: always another one."""
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        file = pathlib.Path(folder) / "file"
        base = ["-m", "64M", "-kernel", MICRO]
        own = ["-device", f"vmgenid,guid={GUID}"]

        def run(*options):
            return Machine([*map(str, options)], kernel=None, reboot=True)

        with run(*base, *own) as machine:
            hear(machine, "micro")
            machine.qmp.execute("machine-snapshot", {"file": str(file)})
            assert machine.quit() == 0
        with run(*base, *own, "-incoming", f"file:{file}") as machine:
            assert guid(machine) == GUID
            tell(machine, "e", "e")
            assert machine.quit() == 0
        ids = set()
        for options in ((*base, "-device", "vmgenid", "-incoming", f"file:{file}"), ("-restore", file),
                        ("-restore", file)):
            with run(*options) as machine:
                tell(machine, "e", "e")
                ids.add(guid(machine))
                assert machine.quit() == 0
        assert len(ids) == 3 and GUID not in ids, ids


if __name__ == "__main__":
    tap.main()
