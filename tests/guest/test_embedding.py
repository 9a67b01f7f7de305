#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Linux on the ACPI that docs/embedding.md makes: in a machine that has none of its
own, the page's code is all there is. Tables, PM1 registers, GPE block and DIMMs come
from the library alone; hotram, the program, has no part in it."""

import pathlib
import re
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import ARCH, GUEST, ONLINE, PROGRAM         # noqa: E402

VMM = pathlib.Path(PROGRAM).parents[1] / "tests/embedding/embedding_linux"
LIMIT = 300                         # seconds: something has gone wrong
SIZE = 256 << 10                    # of the DIMM, kB
APPEND = f"console=ttyS0 quiet panic=-1 rdinit=/embedding {ONLINE}"

# The guest's side. Of the kernel's messages only these are urgent enough for the
# console: the machine's serial line has no interrupts, so no process writes to it.
INIT = r"""#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
exec >/dev/null 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
say() { echo "<1>@$*@" > /dev/kmsg; }
total() { awk '/^MemTotal/ { print $2 }' /proc/meminfo; }
cd "/lib/modules/$(uname -r)"
while read -r module; do insmod "$module"; done < order
say pci $(ls /sys/bus/pci/devices)
say sci $(grep acpi /proc/interrupts)
say errors $(dmesg | grep -E 'ACPI.*(Error|Exception|Warning)|Firmware Bug')
say windows $(dmesg | grep -o 'root bus resource.*' | tr '\n' ';')
say node $(dmesg | grep -o 'SRAT: Node.*hotplug' | head -n 1)
button=$(dirname /sys/class/input/event*/device/phys)
say button $(cat "$button/phys")
exec 3</dev/input/event0    # who opens it later does not hear of what was before
last=$(total)
say total $last
for change in more less; do
    while now=$(total); [ "$now" = "$last" ]; do usleep 50000; done
    # Block after block comes or goes: until no more does.
    while last=$now; usleep 500000; now=$(total); [ "$now" != "$last" ]; do :; done
    [ $change = more ] && say zones $(grep -h Movable /sys/devices/system/memory/memory*/valid_zones | wc -l)
    say total "$last"
done
head -c 24 <&3
say pressed
poweroff -f
"""


def archive(name, data):
    """A cpio archive of one program, as the kernel takes it behind another."""
    def member(name, mode, data):
        numbers = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        head = "070701" + "".join(f"{number:08X}" for number in numbers) + name + "\0"
        return padded(head.encode()) + padded(data)

    def padded(data):
        return data + bytes(-len(data) % 4)

    return member(name, 0o100755, data) + member("TRAILER!!!", 0, b"")


def boot(kernel):
    with tempfile.NamedTemporaryFile() as initrd:
        initrd.write((GUEST / "initramfs.cpio").read_bytes())
        initrd.write(bytes(-initrd.tell() % 4) + archive("embedding", INIT.encode()))
        initrd.flush()
        return run([VMM, GUEST / f"vmlinuz-{kernel}", initrd.name, APPEND])


def run(command):
    """The program's output, which is shown as it comes."""
    output = ""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as program:
        timer = threading.Timer(LIMIT, program.kill)
        timer.start()
        for line in program.stdout:
            print("#", line.rstrip(), flush=True)
            output += line
        timer.cancel()
    assert program.returncode == 0, program.returncode
    return output


def said(output, what):
    """What the guest said of this, each time."""
    return re.findall(rf"@{what} ?(.*)@", output)


def takes_and_gives_back_a_dimm(kernel):
    if ARCH.name != "x86-64":
        raise tap.Skip("the page's tables are those of an x86 machine")
    output = boot(kernel)
    assert said(output, "errors") == [""], said(output, "errors")
    assert said(output, "pci") == ["0000:00:00.0"]
    assert "acpi" in said(output, "sci")[0]
    for window in ("io 0x0000-0x0cf7", "io 0x0d00-0xffff", "mem 0xc0000000-0xfebfffff",
                   "bus 00-ff"):
        assert window in said(output, "windows")[0], window
    assert "hotplug" in said(output, "node")[0]
    assert said(output, "button")[0].startswith("LNXPWRBN")

    before, more, less = map(int, said(output, "total"))
    assert more - before == SIZE, (before, more)
    assert less == before, (before, less)
    assert said(output, "zones") == [str(SIZE >> 17)], said(output, "zones")
    assert re.findall(r"vmm: (.*)", output) == [
        f"slot 0 has {SIZE} kB",
        "_OST slot 0 event 1 status 0x0",
        "_OST slot 0 event 3 status 0x84",
        "slot 0 is unmapped",
        "_OST slot 0 event 3 status 0x0",
        "the guest has powered off"], output
    assert said(output, "pressed") == [""]


def test_takes_and_gives_back_a_dimm_cloud():
    takes_and_gives_back_a_dimm("cloud")


def test_takes_and_gives_back_a_dimm_generic():
    takes_and_gives_back_a_dimm("generic")


if __name__ == "__main__":
    tap.main()
