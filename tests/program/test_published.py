#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Command lines that people use with QEMU: what hotram lacks of them is an error each, and with -machine
ignore-absent=on a warning each; nothing else of a command line becomes one."""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import published, storage_daemon, tap               # noqa: E402
from lib.machine import PROGRAM, Machine                     # noqa: E402

MIB = 1 << 20
LIMIT = 60


def run(options, commands=""):
    return subprocess.run([str(word) for word in (PROGRAM, *options)], input=commands, timeout=LIMIT,
                          capture_output=True, text=True, check=False)


def qtest(*options):
    """A machine without a guest, whose monitor is on the terminal."""
    return ["-accel", "qtest", "-nodefaults", "-display", "none", "-monitor", "stdio", *options]


def published_for_x86(folder):
    """The published line with the machine and the firmware of x86-64; the guest does not run."""
    if storage_daemon.missing():
        raise tap.Skip(f"{storage_daemon.missing()} is missing")
    places = {name: pathlib.Path(folder, name) for name in ("QMP", "CODE", "VARIABLES", "DISK")}
    for name in ("CODE", "VARIABLES"):
        places[name].write_bytes(bytes(MIB - 16) + b"\xe9" + bytes(15))    # a jump
    storage_daemon.make_image(places["DISK"])
    return [*published.options(MACHINE="q35,usb=off,accel=qtest", **places), "-S"]


def cached(options):
    """Not every file system of a test has cache=none."""
    return [word.replace(",cache=none,aio=native", "") for word in options]


def test_a_published_line_says_what_is_absent():
    with tempfile.TemporaryDirectory() as folder:
        result = run(published_for_x86(folder))
        assert result.returncode == 1 and result.stdout == "", result
        lines = result.stderr.splitlines()
        assert len(lines) == len(published.ABSENT), lines
        for line, words in zip(lines, published.ABSENT):
            assert line.startswith(f"hotram: {words}"), (line, words)
            assert line.endswith("; -machine ignore-absent=on starts without it"), line


def test_a_published_line_starts_without_what_is_absent():
    with tempfile.TemporaryDirectory() as folder:
        options = cached(published_for_x86(folder))
        result = run([*options, *published.IGNORE],
                     "object_add memory-backend-ram,id=mem1,size=1G\ndevice_add pc-dimm,id=dimm1,memdev=mem1\n"
                     "info pci\ninfo memory-devices\nquit\n")
        assert result.returncode == 0, result
        lines = result.stderr.splitlines()
        assert len(lines) == len(published.ABSENT), lines
        for line, words in zip(lines, published.ABSENT):
            assert line.startswith(f"hotram: warning: left out: {words}"), (line, words)
        assert all(name in result.stdout for name in ('"dimm1"', '"virtio0"', '"balloon0"')), result.stdout


# ---- ignore-absent=on ----

def test_the_option_may_stand_anywhere():
    for options in (["-machine", "ignore-absent=on", "-usb"], ["-usb", "-M", "hotram-1,ignore-absent=on"]):
        result = run(qtest(*options), "quit\n")
        assert result.returncode == 0 and result.stderr.count("\n") == 1, result
    for options in (["-usb"], ["-machine", "ignore-absent=on", "-usb", "-machine", "ignore-absent=off"]):
        result = run(qtest(*options), "quit\n")
        assert result.returncode == 1 and "no USB" in result.stderr, result
    result = run(qtest("-machine", "ignore-absent=maybe"))
    assert result.returncode == 1 and "on|off" in result.stderr, result


def test_all_forms_of_what_is_left_out():
    options = ["-usb", "-usbdevice", "tablet", "-vnc", ":1", "-spice", "port=1", "-sdl", "-full-screen", "-audio", "pa",
               "-vga", "std", "-display", "gtk,gl=on", "-audiodev", "pa,id=snd0", "-device", "intel-hda",
               "-device", '{"driver":"qemu-xhci","id":"usb"}', "-machine", "usb=on", "-device", "virtio-tablet-pci"]
    result = run(qtest(*options, *published.IGNORE), "quit\n")
    assert result.returncode == 0, result
    lines = result.stderr.splitlines()
    assert len(lines) == 14 and all("warning: left out: -" in line for line in lines), lines
    refused = run(qtest(*options))
    assert refused.returncode == 1 and all(f"hotram: {line.split(' left out: ')[1]}" in refused.stderr for line in lines
                                           if "further options" not in refused.stderr), refused.stderr


def test_an_option_without_an_argument_takes_none():
    """What follows it is an image, which is not lost."""
    with tempfile.NamedTemporaryFile(suffix=".raw") as image:
        os.truncate(image.name, MIB)
        for option in ("-usb", "-full-screen"):
            result = run(qtest(*published.IGNORE, option, image.name), "info block\nquit\n")
            assert result.returncode == 0 and image.name in result.stdout, result


def test_what_a_guest_needs_is_not_left_out():
    for options, *words in (
            (["-device", "e1000"], "virtio-net-pci"), (["-device", "ide-hd,drive=d"], "virtio-blk-pci"),
            (["-device", "usb-storage,drive=d"], "no USB", "virtio-blk-pci"),
            (["-device", "virtio-scsi-pci"], "needs no controller"), (["-device", "usb-net"], "virtio-net-pci"),
            (["-device", "usb-tablett"], "not a valid device model name"), (["-device", "vfio-pci"], "host"),
            (["-device", "ioh3420"], "pcie-root-port"), (["-device", "tpm-tis"], "TPM"),
            (["-usbdevice", "disk:x"], "-usbdevice", "no USB"), (["-tpmdev", "x"], "-tpmdev"), (["-fda", "x"], "-fda"), (["-net", "user"], "-net"),
            (["-display", "gkt"], "none"), (["-vga", "sdt"], "none"), (["-audiodev", "ap,id=x"], "none"),
            (["-device", "virtio-rng-pci,bus=pci.7"], "pci.7"), (["-usbb"], "-usbb")):
        result = run(qtest(*published.IGNORE, *options))
        lines = result.stderr.splitlines()
        assert result.returncode == 1 and len(lines) == 1, result
        assert all(word in lines[0] for word in words), (lines, words)


def test_devices_of_a_bridge_that_is_left_out_come_to_the_root_bus():
    bridges = ["-device", "pcie-root-port,id=p1,chassis=1", "-device", "pcie-pci-bridge,id=b1,bus=p1",
               "-device", "pci-bridge,id=b2,bus=b1,addr=0x2"]
    disks = [word for number, bus in enumerate(("b1", "b2", "p1")) for word in (
        "-blockdev", f"null-co,node-name=n{number},size=1M",
        "-device", f"virtio-blk-pci,id=disk{number},drive=n{number},bus={bus}{',addr=0x9' if bus != 'p1' else ''}")]
    with Machine(["-accel", "qtest", *bridges, *disks, *published.IGNORE], kernel=None, run=False) as machine:
        assert machine.error_log.count("warning") == 2, machine.error_log
        for number, bus in enumerate(("pcie.0", "pcie.0", "p1")):
            place = {"path": f"/machine/peripheral/disk{number}", "property": "bus"}
            assert machine.qmp.execute("qom-get", place) == bus, number
        assert machine.quit() == 0


def test_the_monitor_says_the_same_of_a_device():
    result = run(qtest(), "device_add usb-tablet,id=t\ndevice_add e1000\nquit\n")
    assert "'usb-tablet' is not a valid device model name: hotram has no USB" in result.stdout, result.stdout
    assert "a network card is virtio-net-pci" in result.stdout, result.stdout


# ---- names of machines ----

def test_machines_of_qemu():
    for name in ("pc", "microvm", "isapc", "pc-i440fx-7.2", "pc-q35-7.2", "virt", "virt-7.2"):
        result = run(["-machine", name])
        lines = result.stderr.splitlines()
        assert result.returncode == 1 and len(lines) == 1, result
        assert f"'{name}' is a machine type of QEMU" in lines[0] and "write -machine q35" in lines[0], lines
    for name in ("q36", "pc-q35-hotram-2"):
        assert "did you mean" in run(["-machine", name]).stderr, name


# ---- another published text: QEMU's own docs/memory-hotplug.txt ----

def test_qemus_own_examples_with_a_disk():
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder, "disk.img")
        image.touch()
        os.truncate(image, MIB)
        result = run([*qtest("-m", "1G,slots=3,maxmem=4G"), "-hda", image],
                     "object_add memory-backend-ram,id=mem1,size=1G\ndevice_add pc-dimm,id=dimm1,memdev=mem1\n"
                     f"object_add memory-backend-file,id=mem2,size=1G,mem-path={folder}\n"
                     "device_add pc-dimm,id=dimm2,memdev=mem2\n"
                     "info memory-devices\ninfo block\ndevice_del dimm1\nobject_del mem1\nquit\n")
        assert result.returncode == 0, result
        assert result.stdout.count('Memory device [dimm]: "dimm') == 2 and str(image) in result.stdout, result.stdout
        cold = ["-m", "6GB,slots=4,maxmem=10G", "-object", f"memory-backend-file,id=mem1,size=1G,mem-path={folder}",
                "-device", "pc-dimm,id=dimm1,memdev=mem1", "-object",
                f"memory-backend-file,id=mem2,size=256M,mem-path={folder}", "-device", "pc-dimm,id=dimm2,memdev=mem2"]
        result = run([*qtest(*cold), "-hda", image], "info memory-devices\nquit\n")
        assert result.returncode == 0, result
        assert result.stdout.count('Memory device [dimm]: "dimm') == 2, result.stdout


if __name__ == "__main__":
    tap.main()
