#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""virtio-mem by Linux's driver, 6.1 and 6.12: a guest grows and shrinks in blocks, beside a DIMM, by memory set, and
through a reboot, a snapshot and a migration; what it does not have, it cannot reach, and looking at it stops nobody."""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.machine import ARCH, Machine                        # noqa: E402

MIB = 1 << 20
OPTIONS = ["-m", "256M,slots=4,maxmem=4G", "-object", "memory-backend-ram,id=m0,size=1G,reserve=off",
           "-device", "virtio-mem-pci,id=vm0,memdev=m0"]
MOVABLE = "memhp_default_state=online_movable"
# Linux tries again 50 s after a block that it could not empty, and then less often.
LIMIT = 400


def request(machine, mib):
    machine.qmp.execute("qom-set", {"path": "/machine/peripheral/vm0", "property": "requested-size", "value": mib * MIB})


def size(machine):
    """What the guest has plugged, MiB."""
    device, = (entry["data"] for entry in machine.qmp.execute("query-memory-devices") if entry["type"] == "virtio-mem")
    return device["size"] // MIB


def resize(machine, mib):
    request(machine, mib)
    machine.wait_until(lambda: size(machine) == mib, LIMIT, f"{mib} MiB of blocks")


def set_size(machine, mib, dimms, blocks):
    """By memory set; what is in DIMMs and in blocks then, MiB."""
    result = machine.qmp.execute("memory-set", {"size": mib * MIB, "wait": True, "timeout": LIMIT}, timeout=2 * LIMIT)
    assert result["result-size"] == mib * MIB and "reason" not in result, result
    devices = [(entry["type"], entry["data"]["size"] // MIB) for entry in machine.qmp.execute("query-memory-devices")]
    assert sum(has for kind, has in devices if kind == "dimm") == dimms and ("virtio-mem", blocks) in devices, devices


def resident(machine):
    """Of the backend, MiB."""
    backend, = (entry for entry in machine.qmp.execute("query-memdev") if entry["id"] == "m0")
    return backend["resident"] / MIB


def test_a_guest_grows_and_shrinks():
    with Machine(OPTIONS, append=MOVABLE, reboot=True) as machine:
        machine.wait_ready()
        machine.shell("devices")
        before = machine.meminfo()
        assert size(machine) == 0
        resize(machine, 512)
        machine.wait_total(before + 512 * 1024)
        resize(machine, 202)                           # parts of Linux's memory blocks
        machine.wait_total(before + 202 * 1024)
        machine.hold("touch", 200)                     # some of it in blocks, from which it has to move
        assert resident(machine) > 10
        machine.plug("d0", "128M")
        resize(machine, 730)
        assert size(machine) == 730 and machine.qmp.execute("query-memory-size-summary")["plugged-memory"] == (730 + 128) * MIB
        for mib in (0, 6, 128, 2, 400, 0):
            resize(machine, mib)
        machine.wait_until(lambda: resident(machine) < 1, what="the host's memory back")
        machine.wait_total(before + 128 * 1024)
        machine.shell("killall hog")
        # Linux finds the same request when it starts anew.
        resize(machine, 256)
        machine.console.send("x reboot -f")
        machine.qmp.wait_event("RESET", {"guest": True, "reason": "guest-reset"}, LIMIT)
        machine.wait_ready()
        assert size(machine) == 0
        machine.shell("devices")
        machine.wait_until(lambda: size(machine) == 256, LIMIT, "256 MiB again")
        machine.unplug("d0")
        set_size(machine, 256 + 256 + 130, 128, 258)   # a DIMM, and a block more
        set_size(machine, 256 + 128 + 70, 128, 70)     # blocks go first
        set_size(machine, 256 + 74, 0, 74)             # then the DIMM
        assert machine.quit() == 0
        assert machine.error_log == "", machine.error_log


def wait_moved(source):
    source.wait_until(lambda: source.qmp.execute("query-migrate").get("status") in ("completed", "failed"), LIMIT, "the move")
    result = source.qmp.execute("query-migrate")
    assert result["status"] == "completed", result


def test_a_guest_continues_from_a_snapshot_and_moves():
    """With what it has in blocks; and grows and shrinks again."""
    if ARCH is not arch.X86:
        raise tap.Skip("on x86-64 only; program/test_saved_blocks.py has each step")
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        file, uri = f"{folder}/guest.snapshot", f"unix:{folder}/move"
        with Machine(OPTIONS, append=MOVABLE, reboot=True) as machine:
            machine.wait_ready()
            machine.shell("devices")
            before = machine.meminfo()
            resize(machine, 384)
            machine.wait_total(before + 384 * 1024)
            machine.shell("mkdir /data; mount -t tmpfs -o size=300m none /data")
            machine.shell("dd if=/dev/urandom of=/data/file bs=1M count=180 2>/dev/null", timeout=LIMIT)
            wanted = machine.shell("sha256sum /data/file", timeout=LIMIT).split()[0]
            assert resident(machine) > 50              # more than the guest had at its start
            resize(machine, 302)
            machine.qmp.execute("machine-snapshot", {"file": file}, timeout=LIMIT)
            assert machine.quit() == 0
        with Machine([*OPTIONS, "-incoming", f"file:{file}"], append=MOVABLE, reboot=True, run=False) as source, \
                Machine([*OPTIONS, "-incoming", uri], append=MOVABLE, reboot=True, run=False) as target:
            source.qmp.execute("cont")
            assert size(source) == 302
            assert source.shell("sha256sum /data/file", timeout=LIMIT).split()[0] == wanted
            resize(source, 512)
            source.wait_total(before + 512 * 1024)
            resize(source, 250)
            source.qmp.execute("migrate", {"uri": uri})
            wait_moved(source)
            target.qmp.execute("cont")
            assert size(target) == 250
            assert target.shell("sha256sum /data/file", timeout=LIMIT).split()[0] == wanted
            resize(target, 400)
            target.wait_total(before + 400 * 1024)
            assert target.shell("sha256sum /data/file; rm /data/file", timeout=LIMIT).split()[0] == wanted
            for mib in (6, 130, 0):
                resize(target, mib)
            target.wait_total(before)
            target.wait_until(lambda: resident(target) < 1, what="the host's memory back")
            for machine in source, target:
                assert machine.quit() == 0 and machine.error_log == "", machine.error_log


def test_where_nothing_is_plugged_there_is_no_memory():
    """By /dev/mem, before there is a driver that claims the device's addresses; in a machine without slots."""
    with Machine(["-m", "256M,maxmem=4G", *OPTIONS[2:]], append=MOVABLE, kernel="cloud-6.12") as machine:
        machine.wait_ready()
        print(f"# {machine.shell('uname -r').strip()}")
        device, = machine.qmp.execute("query-memory-devices")
        address = device["data"]["memaddr"] + 64 * MIB
        machine.shell(f"devmem {address:#x} 32 0x12345678")
        assert machine.shell(f"devmem {address:#x} 32").split() == ["0xFFFFFFFF"]
        assert resident(machine) == 0
        before = machine.meminfo()
        machine.shell("devices")
        resize(machine, 256)
        machine.wait_total(before + 256 * 1024)
        machine.hold("touch", 200)
        set_size(machine, 256 + 350, 0, 350)
        resize(machine, 202)
        machine.shell("killall hog")
        resize(machine, 6)
        resize(machine, 0)
        machine.wait_total(before)
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
