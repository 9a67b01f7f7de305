#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# architectures: arm64
"""What only arm64 guests have: direct boot by EFI tables, a machine without ACPI, and
what the program says of kernels and hosts that do not fit."""

import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap, topology                          # noqa: E402
from lib.machine import GUEST, PROGRAM, Machine              # noqa: E402

MEMORY = ["-m", "512M,slots=4,maxmem=4G"]


def only_arm64():
    if arch.chosen().name != "arm64":
        raise tap.Skip("x86-64 guests have none of it")


def test_direct_boot_without_a_complaint():
    only_arm64()
    with Machine(MEMORY + ["-smp", "2"]) as machine:
        machine.wait_ready()
        log = machine.shell("dmesg")
        # Older kernels print the version as 2.70.
        assert re.search("efi: EFI v2[.]70? by hotram: direct boot, no firmware", log), log
        for words in ("ACPI: RSDP", "ACPI: Using GIC",
                      "psci: PSCIv1", "ACPI: button: Power Button"):
            assert words in log, f"no {words!r} in {log}"
        assert "ACPI:Ged" in machine.shell("cat /proc/interrupts")
        complaints = machine.shell("dmesg -r | grep '^<[0-4]>' | "
                                   "grep -iE 'acpi|efi|gic|pptt|spcr|gtdt|srat' || true")
        assert complaints == "", complaints
        assert machine.shell("nproc").strip() == "2"
        machine.console.send("x poweroff -f")
        assert machine.wait_exit() == 0


def expect_its(machine):
    """With LPIs on at its start, Linux would say that the last kernel's tables have been written over."""
    log = machine.shell("dmesg")
    if "GICv3:" not in log:
        return                                   # a GICv2 has none
    assert re.search("ITS.*0x0*8080000", log), log
    assert len(re.findall("GICv3: CPU[01]: using allocated LPI pending table", log)) == 2, log
    assert "Booted with LPIs enabled" not in log, log


def test_the_its_starts_anew_at_a_reset():
    only_arm64()
    with Machine([*MEMORY, "-smp", "2"], reboot=True) as machine:
        machine.wait_ready()
        expect_its(machine)
        machine.console.send("x reboot -f")
        machine.qmp.wait_event("RESET", {"guest": True})
        machine.wait_ready()
        expect_its(machine)
        assert machine.quit() == 0
    with Machine([*MEMORY, "-machine", "its=off"]) as machine:
        machine.wait_ready()
        assert not re.search("ITS.*0x0*8080000", machine.shell("dmesg"))
        assert machine.quit() == 0


def test_without_acpi():
    only_arm64()
    smp = topology.Smp(sockets=1, cores=1, threads=2)
    with Machine(["-m", "512M", "-smp", f"2,{smp}", "-machine", "acpi=off"], reboot=True) as machine:
        for _ in range(2):
            machine.wait_ready()
            assert machine.shell("nproc").strip() == "2"
            assert "memory@40000000" in machine.shell("ls /proc/device-tree")
            assert "ACPI: RSDP" not in machine.shell("dmesg")
            assert machine.shell("cat /proc/device-tree/psci/method").startswith("hvc")
            assert machine.shell("cat /sys/class/rtc/rtc0/name").startswith("rtc-pl031 ")
            assert abs(int(machine.shell("cat /sys/class/rtc/rtc0/since_epoch")) - time.time()) < 60
            expect_its(machine)
            machine.console.send("x reboot -f")
            machine.qmp.wait_event("RESET", {"guest": True})
        machine.wait_ready()
        topology.check(machine, smp)
        assert machine.quit() == 0


def refused(*options):
    result = subprocess.run([PROGRAM, "-nodefaults", "-display", "none", "-m", "256M", *options],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=60, check=False)
    assert result.returncode == 1, (options, result)
    return result.stderr


def test_kernels_and_hosts_that_do_not_fit():
    only_arm64()
    kernel = str(GUEST / "vmlinuz-cloud")
    with tempfile.TemporaryDirectory() as folder:
        bzimage = pathlib.Path(folder) / "bzimage"
        head = bytearray(4096)
        head[0x1fe:0x200] = b"\x55\xaa"
        head[0x202:0x206] = b"HdrS"
        bzimage.write_bytes(head)
        nothing = pathlib.Path(folder) / "nothing"
        nothing.write_bytes(b"nothing" * 1000)
        image = bytearray(pathlib.Path(kernel).read_bytes()[:1 << 20])
        image[0:2] = b"\0\0"                     # no PE header: no EFI stub
        without_efi = pathlib.Path(folder) / "without-efi"
        without_efi.write_bytes(image)
        for path, words in ((bzimage, "bzImage"), (nothing, "Image"), (without_efi, "EFI")):
            said = refused("-kernel", str(path))
            assert str(path) in said and words in said, said
    for options, words in (
            (("-machine", "acpi=off", "-m", "256M,slots=1,maxmem=1G"), "memory hotplug requires ACPI"),
            (("-machine", "gic-version=4"), "expects 2|3|host|max; got '4'"),
            (("-machine", "dimm-at-boot=e820"), "expects acpi"),
            (("-machine", "acpi-events=gpe"), "expects ged"),
            (("-cpu", "cortex-a57"), "host"),
            (("-smp", "124"), "a GICv3 serves at most 123 vCPUs"),
            (("-m", "256M,slots=4,maxmem=1000T"), "physical address bits")):
        said = refused("-kernel", kernel, *options)
        assert words in said, (options, said)


def test_gic_versions():
    """What the host lacks is refused, and the error says how to get what it has."""
    only_arm64()
    there = []
    for version in "23":
        result = subprocess.run([PROGRAM, "-nodefaults", "-display", "none", "-m", "256M", "-S",
                                 "-monitor", "stdio", "-kernel", GUEST / "vmlinuz-cloud",
                                 "-machine", f"gic-version={version}"],
                                input="quit\n", capture_output=True, text=True, timeout=60, check=False)
        if result.returncode == 0:
            there.append(version)
        else:
            for words in (f"this host's KVM has no GICv{version} for guests", "leave gic-version out"):
                assert words in result.stderr, result
    assert there, "no GIC at all"


if __name__ == "__main__":
    tap.main()
