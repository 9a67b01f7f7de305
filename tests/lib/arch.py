# SPDX-License-Identifier: BSD-2-Clause
"""What differs between the guests of one architecture and another's: the one place
where the guest tests' scripts, which are the same, learn of it.

$HOTRAM_ARCH says which guests a test is to have: x86-64 (the default) or arm64.
tests/host/run and tests/host/emulated take it as their default, too, and set it.
"""

import os

GIB = 1 << 30


class Skip(Exception):
    """This test has nothing to do here; the text says why."""


class X86:
    name = "x86-64"
    guest = "build/guest"                   # what guests boot
    program = "build/native/vmm/hotram"
    console = "ttyS0"
    clocksource = "kvm-clock"
    rtcs = ["rtc0"]
    pci = ["0000:00:00.0 0x8086 0x29c0 0x060000", "0000:00:1f.0 0x8086 0x2918 0x060100"]
    # The kernel uses all of configuration space, and does not doubt that it is there.
    ecam = "(mmconfig|ecam) .*0xb0000000-0xbfffffff\\]? reserved|ecam \\[mem 0xb0000000-0xbfffffff"
    # The kernel's ACPI does not hear of events any more, and hears again.
    mask = "echo mask > /sys/firmware/acpi/interrupts/gpe03"
    unmask = "echo unmask > /sys/firmware/acpi/interrupts/gpe03"

    @staticmethod
    def region(ram):
        """Where the first DIMM is, if the guest has so much RAM, in bytes."""
        high = max(0, ram - 2 * GIB)        # the rest is below the hole for devices
        return 4 * GIB + -(-high // GIB) * GIB

    @staticmethod
    def lacks(_kernel, _unpacked, _words):
        return None


class Arm64:
    name = "arm64"
    guest = "build/guest-arm64"
    program = "build/arm64/vmm/hotram"
    console = "ttyAMA0"
    clocksource = "arch_sys_counter"
    rtcs = []
    pci = ["0000:00:00.0 0x1b36 0x0008 0x060000"]
    ecam = "ecam area .* reserved by PNP0C02"
    mask = "echo ACPI0013:00 > /sys/bus/platform/drivers/acpi-ged/unbind"
    unmask = "echo ACPI0013:00 > /sys/bus/platform/drivers/acpi-ged/bind"

    @staticmethod
    def region(ram):
        return -(-(GIB + ram) // GIB) * GIB

    @staticmethod
    def lacks(kernel, unpacked, words):
        """Why there is no such machine, or None. Words are those of the program's
        options and of the kernel's command line."""
        if kernel == "generic":
            return "Debian's generic arm64 kernel has no ACPI memory hotplug"
        if unpacked:
            return "an arm64 kernel is an Image, never an ELF file"
        for word, why in (("reboot=t", "a triple fault is x86's"),
                          ("dimm-at-boot=e820", "an e820 map is x86's"),
                          ("-rtc", "a guest with ACPI and without firmware finds no clock chip on arm64")):
            if any(word in given for given in words):
                return why
        return None


ALL = {arch.name: arch for arch in (X86, Arm64)}


def chosen():
    name = os.environ.get("HOTRAM_ARCH") or X86.name
    if name not in ALL:
        raise SystemExit(f"HOTRAM_ARCH is '{name}', not one of: {' '.join(ALL)}")
    return ALL[name]
