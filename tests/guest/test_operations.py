#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
"""One result for every plug and unplug, with real guests: done, refused, unanswered,
late, cancelled, tried again."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402

MIB = 1 << 20
MEMORY = ["-m", "256M,slots=4,maxmem=4G"]


def plug(machine, size, **more):
    return machine.qmp.execute("memory-plug", {"size": size, **more})


def unplug(machine, device, **more):
    return machine.qmp.execute("memory-unplug", {"id": device, **more})


def done(machine, operation, result, event="MEMORY_OPERATION_DONE"):
    data = machine.qmp.wait_event(event, {"id": operation["id"]})["data"]
    assert data["result"] == result, data
    return data


def test_done():
    with Machine(MEMORY) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        data = plug(machine, 512 * MIB, wait=True)
        assert data["result"] == "done", data
        assert data["ost"] == {"source": 1, "status": 0, "text": "success"}, data
        machine.wait_total(before + 512 * 1024)
        data = unplug(machine, data["device"], wait=True)
        assert data["result"] == "done" and data["milliseconds"] < 60000, data
        machine.wait_total(before)
        assert "done after" in machine.hmp("info memory-operations")
        assert machine.quit() == 0


def test_refused_with_its_reason_and_tried_again():
    # Memory in a normal zone, where the kernel's own allocations come from.
    with Machine(MEMORY, append="memhp_default_state=online_kernel") as machine:
        machine.wait_ready()
        before = machine.meminfo()
        plug(machine, 256 * MIB, wait=True)
        machine.wait_until(lambda: machine.meminfo() > before)
        grown = machine.meminfo()
        machine.hold("pin", 200)
        first = unplug(machine, "dimm0")
        for _ in range(2):
            data = done(machine, first, "refused")
            assert data["ost"]["source"] == 3 and data["ost"]["status"] == 0x82, data
            assert data["reason"].startswith("device busy: probably the guest's kernel"), data
            machine.qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR", {"device": "dimm0"})
            machine.wait_total(grown)
            again = unplug(machine, "dimm0")
            assert again["id"] == first["id"] + 1, again
            first = again
        assert machine.quit() == 0


def test_a_guest_without_room_does_not_end():
    """Linux moves what is in the DIMM, again and again, until there is room."""
    with Machine(MEMORY) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        plug(machine, 512 * MIB, wait=True)
        machine.wait_total(before + 512 * 1024)
        machine.hold("touch", 400)
        operation = unplug(machine, "dimm0", timeout=3)
        data = done(machine, operation, "unanswered")
        assert data["ost"]["text"] == "ejection in progress", data
        assert "no free memory to migrate it to" in data["reason"], data
        machine.shell("killall hog")
        done(machine, operation, "done", "MEMORY_OPERATION_LATE")
        machine.wait_total(before)
        assert machine.quit() == 0


def test_unanswered_and_late():
    with Machine(MEMORY) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        # Its ACPI does not hear of events any more.
        machine.mask_events()
        data = done(machine, plug(machine, 128 * MIB, timeout=2), "unanswered")
        assert "has not read its slots" in data["reason"], data
        machine.unmask_events()
        machine.qmp.wait_event("MEMORY_OPERATION_LATE", {"id": data["id"], "result": "done"})
        machine.wait_total(before + 128 * 1024)

        machine.mask_events()
        first = unplug(machine, "dimm0", timeout=2)
        done(machine, first, "unanswered")
        machine.unmask_events()
        late = machine.qmp.wait_event("MEMORY_OPERATION_LATE", {"id": first["id"]})["data"]
        assert late["result"] == "done" and late["late"], late
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "dimm0"})
        machine.wait_total(before)
        results = [entry["result"] for entry
                   in machine.qmp.execute("query-memory-operations")]
        assert results == ["unanswered", "unanswered"], results
        assert machine.quit() == 0


def test_cancelled_by_whoever_asked_and_by_reset():
    with Machine(MEMORY, reboot=True) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        plug(machine, 128 * MIB, wait=True)
        machine.wait_total(before + 128 * 1024)
        machine.mask_events()
        operation = unplug(machine, "dimm0")
        machine.qmp.execute("memory-operation-cancel", {"id": operation["id"]})
        done(machine, operation, "cancelled")
        machine.unmask_events()
        assert machine.meminfo() == before + 128 * 1024

        machine.mask_events()
        operation = plug(machine, 128 * MIB)
        machine.qmp.execute("system_reset")
        data = done(machine, operation, "cancelled")
        assert "reset" in data["reason"], data
        machine.wait_ready()
        # It found both as it started.
        machine.wait_until(lambda: machine.meminfo() > before + 250 * 1024,
                           what="both DIMMs after the reset")

        machine.mask_events()
        operation = unplug(machine, "dimm1")
        machine.qmp.execute("system_reset")
        data = done(machine, operation, "done")
        assert "completed when the guest was reset" in data["reason"], data
        machine.wait_ready()
        machine.wait_until(lambda: machine.meminfo() > before + 125 * 1024,
                           what="one DIMM after the reset")
        assert machine.meminfo() < before + 200 * 1024
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
