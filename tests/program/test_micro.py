#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The whole program with a micro-guest (tests/micro/micro.S): in milliseconds,
on any /dev/kvm."""

import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402
from lib.micro import MICRO, hear, tell                      # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

MEMORY = ["-m", "64M,slots=4,maxmem=2G"]
LIMIT = 20


def micro(options=(), **more):
    machine = Machine(MEMORY + ["-kernel", MICRO, *options], kernel=None,
                      reboot=True, **more)
    if more.get("run", True):
        hear(machine, "micro")
    return machine


def ost(machine, source, status, **more):
    machine.qmp.wait_event("ACPI_DEVICE_OST", {"info": {
        "slot": "0", "slot-type": "DIMM", "source": source, "status": status,
        **more}}, LIMIT)


def test_plug_and_unplug_at_the_registers():
    with micro() as machine:
        tell(machine, "s", "0000")
        machine.plug("d0", "128M")
        tell(machine, "s", "3000")
        tell(machine, "h")
        ost(machine, 1, 0, device="d0")
        tell(machine, "s", "1000")
        machine.qmp.execute("device_del", {"id": "d0"})
        tell(machine, "s", "5000")
        tell(machine, "h")
        ost(machine, 3, 0x84, device="d0")
        machine.qmp.wait_event("DEVICE_DELETED", {
            "device": "d0", "path": "/machine/peripheral/d0"}, LIMIT)
        ost(machine, 3, 0)
        tell(machine, "s", "0000")
        assert machine.quit() == 0


def test_refusal_and_second_try():
    with micro() as machine:
        machine.plug("d0", "128M")
        tell(machine, "h")
        for _ in range(2):
            machine.qmp.execute("device_del", {"id": "d0"})
            tell(machine, "n")
            ost(machine, 3, 0x82, device="d0")
            tell(machine, "s", "1000")
            assert len(machine.qmp.execute("query-memory-devices")) == 1
        status = machine.qmp.execute("query-acpi-ospm-status")
        assert status[0] == {"device": "d0", "slot": "0", "slot-type": "DIMM",
                             "source": 3, "status": 0x82}, status[0]
        machine.qmp.execute("device_del", {"id": "d0"})
        tell(machine, "h")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"}, LIMIT)
        assert machine.quit() == 0


def test_eject_that_nobody_asked_for():
    with micro() as machine:
        tell(machine, "j")                       # an empty slot: ignored
        machine.plug("d0", "128M")
        tell(machine, "j")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"}, LIMIT)
        assert machine.qmp.execute("query-memory-devices") == []
        machine.qmp.execute("object-del", {"id": "d0-mem"})
        machine.plug("d0", "128M")               # name and place are free again
        assert machine.quit() == 0


def test_flood_of_reports():
    with micro() as machine:
        tell(machine, "f")
        ost(machine, 7, 2000)
        # What the monitor was not told one by one is kept for each slot.
        status = machine.qmp.execute("query-acpi-ospm-status")
        assert (status[0]["source"], status[0]["status"]) == (7, 1), status[0]
        assert machine.quit() == 0


def test_reset_register_keeps_dimms_and_finishes_removals():
    with micro() as machine:
        for name in ("a", "b"):
            machine.plug(name, "128M")
        machine.qmp.execute("device_del", {"id": "a"})
        machine.console.send_keys("r")
        machine.qmp.wait_event("RESET", {"guest": True, "reason": "guest-reset"},
                               LIMIT)
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "a"}, LIMIT)
        hear(machine, "micro")
        tell(machine, "s", "0100")               # present, no event pending
        assert machine.quit() == 0


def test_power_off_and_power_button():
    with micro() as machine:
        tell(machine, "b", "0")
        machine.qmp.execute("system_powerdown")
        machine.qmp.wait_event("POWERDOWN")
        tell(machine, "b", "1")
        tell(machine, "b", "0")
        machine.console.send_keys("o")
        machine.qmp.wait_event("SHUTDOWN", {"guest": True,
                                            "reason": "guest-shutdown"}, LIMIT)
        assert machine.wait_exit() == 0


def test_no_shutdown_keeps_the_program():
    with micro(["-no-shutdown"]) as machine:
        machine.console.send_keys("o")
        machine.qmp.wait_event("SHUTDOWN", timeout=LIMIT)
        machine.qmp.wait_event("STOP", timeout=LIMIT)
        assert machine.qmp.execute("query-status")["status"] == "shutdown"
        refused(machine, "cont", {}, "reset")
        machine.qmp.execute("system_reset")
        assert machine.qmp.execute("query-status")["status"] == "prelaunch"
        machine.qmp.execute("cont")
        hear(machine, "micro")
        assert machine.quit() == 0


def test_actions_are_changed_while_the_guest_runs():
    with micro() as machine:
        machine.qmp.execute("set-action", {"shutdown": "pause", "panic": "pause"})
        machine.console.send_keys("o")
        machine.qmp.wait_event("SHUTDOWN", timeout=LIMIT)
        machine.qmp.wait_event("STOP", timeout=LIMIT)
        assert machine.qmp.execute("query-status")["status"] == "shutdown"
        machine.qmp.execute("system_reset")
        machine.qmp.execute("cont")
        hear(machine, "micro")
        refused(machine, "set-action", {"reboot": "shutdown", "shutdown": "off"}, "'off'")
        machine.console.send_keys("r")              # nothing of the refused was done
        hear(machine, "micro")
        machine.qmp.execute("set-action", {"reboot": "shutdown"})
        machine.console.send_keys("r")              # both: it is off, and the program stays
        machine.qmp.wait_event("SHUTDOWN", {"guest": True, "reason": "guest-reset"}, LIMIT)
        assert machine.qmp.execute("query-status")["status"] == "shutdown"
        machine.qmp.execute("set-action", {"reboot": "reset", "shutdown": "poweroff"})
        machine.qmp.execute("system_reset")
        machine.qmp.execute("cont")
        hear(machine, "micro")
        machine.console.send_keys("o")
        machine.qmp.wait_event("SHUTDOWN", {"guest": True, "reason": "guest-shutdown"}, LIMIT)
        assert machine.wait_exit() == 0


def test_guest_that_kvm_cannot_run():
    with micro() as machine:
        machine.console.send_keys("x")
        machine.wait_until(
            lambda: machine.qmp.execute("query-status")["status"] ==
            "internal-error", LIMIT, "state internal-error")
        assert "vCPU 0" in machine.error_log and "rip" in machine.error_log
        refused(machine, "cont", {}, "reset")
        machine.qmp.execute("system_reset")
        machine.qmp.execute("cont")
        hear(machine, "micro")
        assert machine.quit() == 0


def test_plug_while_stopped_and_before_the_start():
    with micro(run=False) as machine:
        assert machine.qmp.execute("query-status")["status"] == "prelaunch"
        machine.plug("a", "128M")
        machine.qmp.execute("cont")
        hear(machine, "micro")
        tell(machine, "s", "3000")
        machine.qmp.execute("stop")
        machine.plug("b", "128M")
        machine.qmp.execute("device_del", {"id": "a"})
        machine.qmp.execute("cont")
        tell(machine, "s", "7300")
        tell(machine, "h")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "a"}, LIMIT)
        tell(machine, "s", "0100")
        assert machine.quit() == 0


def test_unplug_returns_the_pages_of_a_memfd():
    # They live in a file of the program's, so they could outlive the mapping. It
    # is filled from here, as another process that shares it would.
    with micro() as machine:
        machine.plug("d0", "256M", backend="memory-backend-memfd")
        touch_memfd(machine, 256 << 20)
        tell(machine, "h")
        machine.qmp.execute("device_del", {"id": "d0"})
        tell(machine, "h")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "d0"}, LIMIT)
        # Neither mapped nor open: the host has them back.
        assert not any("hotram-backend" in line for line in machine.maps())
        assert memfd(machine) is None
        machine.qmp.execute("object-del", {"id": "d0-mem"})
        assert machine.quit() == 0


def memfd(machine):
    folder = pathlib.Path(f"/proc/{machine.process.pid}/fd")
    for link in folder.iterdir():
        if "hotram-backend" in str(link.readlink()):
            return link
    return None


def touch_memfd(machine, size):
    with open(memfd(machine), "r+b") as file:
        for _ in range(size >> 20):
            file.write(b"x" * (1 << 20))
    assert memfd_pages(machine) >= size >> 9


def memfd_pages(machine):
    """Blocks of 512 bytes that the memfd occupies."""
    return memfd(machine).stat().st_blocks


def test_several_vcpus_and_many_slots():
    with micro(["-smp", "4", "-m", "64M,slots=256,maxmem=40G",
                "-machine", "dimm-granularity=2M"]) as machine:
        for number in range(256):
            machine.plug(f"d{number}", "2M")
        assert len(machine.qmp.execute("query-memory-devices")) == 256
        refused(machine, "device_add", {"driver": "pc-dimm", "id": "more",
                                        "memdev": "d0-mem"}, "256")
        tell(machine, "s", "3333")
        assert machine.quit() == 0


def sleeps(machine, name):
    """How often the thread of this name has slept."""
    for task in pathlib.Path(f"/proc/{machine.process.pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", (task / "status").read_text(), re.M)[1])
    raise AssertionError(name)


def test_cpus_come_start_and_go():
    with micro(["-smp", "1,maxcpus=4", "-name", "debug-threads=on"]) as machine:
        def last(count):
            return [(one["result"], one.get("started")) for one in machine.qmp.execute("query-cpu-operations")[-count:]]
        machine.qmp.execute("cpus-set", {"cpus": 3})
        tell(machine, "c", "1330")
        tell(machine, "p")
        tell(machine, "c", "1110")
        assert last(2) == [("done", False)] * 2
        # A query wakes no vCPU: one that waits says itself when it has been started.
        before = sleeps(machine, "CPU 1/KVM")
        for _ in range(20):
            machine.qmp.execute("query-cpu-operations")
        after = sleeps(machine, "CPU 1/KVM")
        assert after < before + 10, (before, after)        # at first it may still be on its way there
        tell(machine, "a")
        assert last(2) == [("done", True)] * 2
        tell(machine, "k", "2")
        machine.qmp.execute("stop")
        assert last(2) == [("done", True)] * 2
        machine.qmp.execute("cont")
        machine.qmp.execute("cpus-set", {"cpus": 1})
        tell(machine, "q")
        assert last(2) == [("refused", None)] * 2
        tell(machine, "k", "2")
        machine.qmp.execute("cpus-set", {"cpus": 2})
        tell(machine, "p")
        assert last(1) == [("done", None)]
        tell(machine, "a")
        tell(machine, "k", "1")
        machine.qmp.execute("system_reset")
        hear(machine, "micro")
        tell(machine, "a")
        tell(machine, "k", "1")
        assert machine.quit() == 0


def test_as_many_cpus_as_there_can_be():
    """All 255 run, also after a reset; then the guest has one again."""
    with micro(["-smp", "1,maxcpus=255"]) as machine:
        def all_are_done(kind):
            for _ in range(254):
                machine.qmp.wait_event("CPU_OPERATION_DONE", {"operation": kind, "result": "done"}, 60)
        tell(machine, "y")
        machine.qmp.execute("cpus-set", {"cpus": 255})
        tell(machine, "p")
        all_are_done("plug")
        refused(machine, "cpus-set", {"cpus": 256}, "expects 1 to 255; got 256")
        refused(machine, "device_add", {"driver": "host-x86_64-cpu", "socket-id": 0, "core-id": 255, "thread-id": 0},
                "Invalid CPU core-id: 255 must be in range 0:254")
        tell(machine, "a")
        tell(machine, "k", "fe")
        machine.qmp.execute("system_reset")
        hear(machine, "micro")
        tell(machine, "y")
        tell(machine, "a")
        tell(machine, "k", "fe")
        machine.qmp.execute("system_reset")      # the others wait to be started, instead of competing for the host
        hear(machine, "micro")
        tell(machine, "y")
        machine.qmp.execute("cpus-set", {"cpus": 1})
        tell(machine, "p")
        all_are_done("unplug")
        assert len(machine.qmp.execute("query-cpus-fast")) == 1
        assert machine.quit() == 0


def test_cpus_are_threads():
    with micro(["-smp", "2"]) as machine:
        ids = [cpu["thread-id"] for cpu in machine.qmp.execute("query-cpus-fast")]
        threads = {int(path.name) for path in pathlib.Path(f"/proc/{machine.process.pid}/task").iterdir()}
        assert len(set(ids)) == 2 and set(ids) < threads, (ids, threads)
        assert machine.hmp("info cpus").split("\r\n")[:2] == [
            f"* CPU #0: thread_id={ids[0]}", f"  CPU #1: thread_id={ids[1]}"]


def test_cpus_that_write_anything():
    """Several at once, which eject each other and themselves."""
    with micro(["-smp", "1,maxcpus=4"]) as machine:
        for _ in range(20):
            machine.qmp.execute("cpus-set", {"cpus": 4})
            tell(machine, "i")
            tell(machine, "p")
        machine.qmp.execute("system_reset")
        hear(machine, "micro")
        machine.qmp.execute("cpus-set", {"cpus": 1})
        machine.qmp.execute("system_reset")
        hear(machine, "micro")
        tell(machine, "c", "1000")
        machine.qmp.execute("cpus-set", {"cpus": 4})
        tell(machine, "p")
        tell(machine, "a")
        tell(machine, "k", "3")
        assert machine.quit() == 0


def test_threads_stop_when_told():
    with micro(["-smp", "4"]) as machine:
        for _ in range(200):
            machine.qmp.execute("stop")
            machine.qmp.execute("cont")
        tell(machine, "e", "e")
        machine.qmp.execute("stop")
        exits = machine.qmp.execute("query-exits")["exits"]
        time.sleep(0.05)
        assert machine.qmp.execute("query-exits")["exits"] == exits
        assert machine.quit() == 0


def test_stop_loses_no_part_of_an_instruction():
    # One instruction can be several exits; a stop comes between any two of them.
    with micro(["-machine", "acpi-events=ged"]) as machine:
        machine.console.send_keys("m")
        for _ in range(400):
            machine.qmp.execute("stop")
            machine.qmp.execute("cont")
            time.sleep(0.002)
        machine.console.send_keys("e")       # ends it, and is the next letter
        hear(machine, "00000000")
        hear(machine, "e")
        assert machine.quit() == 0


def refused(machine, command, arguments, word):
    try:
        machine.qmp.execute(command, arguments)
    except QMPError as error:
        assert word.lower() in error.desc.lower(), error.desc
        return
    raise AssertionError(f"{command} was not refused")


if __name__ == "__main__":
    tap.main()
