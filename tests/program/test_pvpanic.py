#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""-device pvpanic: what a guest tells, the events, and each -action panic=. A test is
the guest, and reads its table."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tables, tap                                    # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

PORT, PANICKED, CRASH_LOADED = 0x505, 1, 2


def only_x86():
    if arch.chosen() is not arch.X86:
        raise tap.Skip("pvpanic is at an I/O port, which x86 alone has")


class Guest(Host):
    def __init__(self, *options, device="pvpanic,id=p"):
        super().__init__(["-device", device, *options])
        self.qmp.execute("cont")
        self.qmp.wait_event("RESUME")

    def tell(self, what, port=PORT):
        self.qtest.port_out(port, 1, what)

    def status(self):
        return self.qmp.execute("query-status")["status"]


def start_fails(*options):
    done = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", *options],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1, done
    return done.stderr


def test_what_it_offers():
    only_x86()
    for options, port, events in (("pvpanic", 0x505, 3), ("pvpanic,events=1", 0x505, 1),
                                  ("pvpanic,ioport=0x510,events=0", 0x510, 0)):
        with Guest(device=options) as guest:
            assert guest.qtest.port_in(port, 1) == events
            assert guest.quit() == 0


def test_pause():
    only_x86()
    for options in (["-action", "panic=pause"], ["-no-shutdown"]):
        with Guest(*options) as guest:
            guest.tell(PANICKED)
            event = guest.qmp.wait_event("GUEST_PANICKED")
            assert event["data"] == {"action": "pause"}, event
            guest.qmp.wait_event("STOP")
            assert guest.status() == "guest-panicked"
            guest.qmp.execute("cont")            # as in QEMU: to look at it
            assert guest.status() == "running"
            guest.qmp.execute("system_reset")
            guest.qmp.wait_event("RESET")
            assert guest.quit() == 0


def ends(action, status):
    with Guest(*action) as guest:
        guest.tell(PANICKED)
        event = guest.qmp.wait_event("GUEST_PANICKED")
        assert event["data"] == {"action": "poweroff"}, event
        event = guest.qmp.wait_event("SHUTDOWN")
        assert event["data"] == {"guest": True, "reason": "guest-panic"}, event
        assert guest.wait_exit() == status


def test_shutdown_and_exit_failure():
    only_x86()
    ends([], 0)
    ends(["-action", "panic=shutdown"], 0)
    ends(["-action", "panic=exit-failure"], 1)


def test_none_and_crash_kernel():
    only_x86()
    with Guest("-action", "panic=none") as guest:
        for _ in range(3):
            guest.tell(PANICKED)
            event = guest.qmp.wait_event("GUEST_PANICKED")
            assert event["data"] == {"action": "run"}, event
        guest.tell(CRASH_LOADED)
        event = guest.qmp.wait_event("GUEST_CRASHLOADED")
        assert event["data"] == {"action": "run"}, event
        guest.tell(0xfc)                          # nothing that it knows
        assert guest.status() == "running"
        guest.qmp.execute("set-action", {"panic": "pause"})
        guest.tell(PANICKED | CRASH_LOADED)
        assert guest.qmp.wait_event("GUEST_PANICKED")["data"] == {"action": "pause"}
        assert guest.quit() == 0


def test_what_it_does_not_offer_is_nothing():
    only_x86()
    with Guest(device="pvpanic,events=2") as guest:
        guest.tell(PANICKED)
        guest.tell(CRASH_LOADED)
        assert guest.qmp.wait_event("GUEST_CRASHLOADED")
        assert guest.status() == "running"
        assert "GUEST_PANICKED" not in [event["event"] for event in guest.qmp.take_events()]
        assert guest.quit() == 0


def dsdt_bytes(qtest):
    """The FADT says where it is."""
    address = tables.number(tables.table(qtest, b"FACP"), 140, 8)
    return qtest.read(address, tables.number(qtest.read(address, 8), 4, 4))


def test_what_acpi_says():
    only_x86()
    entry = bytes.fromhex("47 01 10 05 10 05 01 01")     # IO, decodes 16 bits (ACPI 6.5, 6.4.2.5)
    with Guest(device="pvpanic,ioport=0x510") as guest:
        dsdt = dsdt_bytes(guest.qtest)
        at = dsdt.index(b"PEVT")
        assert b"_HID\x0dQEMU0001\x00" in dsdt[at:at + 64] and entry in dsdt[at:at + 64], dsdt[at:at + 64]
        assert sum(dsdt) % 256 == 0
        assert guest.quit() == 0
    with Host() as guest:
        assert b"PEVT" not in dsdt_bytes(guest.qtest)


def test_in_the_lists():
    only_x86()
    with Guest(device="pvpanic,id=p,ioport=0x510") as guest:
        names = [entry["name"] for entry in
                 guest.qmp.execute("qom-list", {"path": "/machine/peripheral"})]
        assert "p" in names, names
        get = lambda name: guest.qmp.execute("qom-get", {"path": "/machine/peripheral/p",  # noqa: E731
                                                         "property": name})
        assert (get("ioport"), get("events"), get("type")) == (0x510, 3, "pvpanic")
        for command, arguments, words in (
                ("device_add", {"driver": "pvpanic", "id": "q"}, "can not be hotplugged"),
                ("device_del", {"id": "p"}, "cannot be unplugged"),
                ("device_add", {"driver": "pvpanik"}, "did you mean 'pvpanic'")):
            try:
                guest.qmp.execute(command, arguments)
                raise AssertionError(f"{command} {arguments} works")
            except QMPError as error:
                assert words in str(error), error
        assert guest.quit() == 0


def test_starts_that_are_refused():
    only_x86()
    for device, words in (("pvpanic,ioport=65536", "expects a number from 0 to 65535; got '65536'"),
                          ("pvpanic,events=4", "expects a number from 0 to 3; got '4'"),
                          ("pvpanic,ioport=0x3f8", "collides with 0x3f8-0x3ff (serial port)"),
                          ("pvpanic,port=1", "pvpanic has no property 'port'")):
        log = start_fails("-device", device)
        assert words in log, log
    log = start_fails("-device", "pvpanic,id=a", "-device", "pvpanic,ioport=0x510")
    assert "supports only one pvpanic, and 'a' already exists" in log, log
    log = start_fails("-device", "pvpanic", "-device", "pvpanic")
    assert "supports only one pvpanic, and one without an id already exists" in log, log


if __name__ == "__main__":
    tap.main()
