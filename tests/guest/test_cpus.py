#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""CPUs come and go while Debian's kernel runs: plugged, started, used, given back, and
there again after a reboot."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.ctl import place                                    # noqa: E402
from lib.machine import Machine                              # noqa: E402

MEMORY = ["-m", "256M"]
TYPE = "host-x86_64-cpu" if arch.chosen() is arch.X86 else "host-arm-cpu"
SYSFS = "/sys/devices/system/cpu"


def ready(machine):
    """On arm64 Linux takes part since 6.11."""
    machine.wait_ready()
    if arch.chosen() is not arch.X86 and machine.kernel_version() < (6, 11):
        raise tap.Skip("this kernel has no CPU hotplug on arm64")


def add(machine, index, cores=4, threads=1):
    machine.qmp.execute("device_add", {
        "driver": TYPE, "id": f"vcpu{index}", "socket-id": index // threads // cores,
        "core-id": index // threads % cores, "thread-id": index % threads})


def done(machine, device, operation):
    data = machine.qmp.wait_event("CPU_OPERATION_DONE",
                                  {"device": device, "operation": operation})["data"]
    assert data["result"] == "done", data
    return data


def only_x86():
    if arch.chosen() is not arch.X86:
        raise tap.Skip("of x86-64")


def online(machine):
    return machine.shell(f"cat {SYSFS}/online").strip()


def start(machine, cpu):
    machine.wait_until(lambda: machine.shell(f"test -e {SYSFS}/cpu{cpu}/online",
                                             check=False)[0] == 0, what=f"cpu{cpu}")
    machine.shell(f"echo 1 > {SYSFS}/cpu{cpu}/online")


def present(machine):
    return [cpu["cpu-index"] for cpu in machine.qmp.execute("query-cpus-fast")]


def use(machine, cpu):
    """Something runs there."""
    assert machine.shell(f"taskset {1 << cpu:x} sh -c 'echo $((6 * 7))'").strip() == "42"


def plug_start_use_and_unplug(machine):
    for _ in range(3):
        add(machine, 2)
        event = done(machine, "vcpu2", "plug")
        assert event["started"] is False and "online" in event["warning"], event
        assert present(machine) == [0, 1, 2]
        start(machine, 2)
        assert online(machine) == "0-2"
        last = machine.qmp.execute("query-cpu-operations")[-1]
        assert last["started"] is True and "warning" not in last, last
        use(machine, 2)
        machine.qmp.clear_events()
        machine.qmp.execute("device_del", {"id": "vcpu2"})
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu2"})
        done(machine, "vcpu2", "unplug")
        assert present(machine) == [0, 1]
        assert online(machine) == "0-1"


def test_plug_start_use_and_unplug():
    with Machine(MEMORY + ["-smp", "2,maxcpus=4"]) as machine:
        ready(machine)
        assert machine.shell(f"cat {SYSFS}/possible").strip() == "0-3"
        plug_start_use_and_unplug(machine)
        threads, fds = machine.count_threads(), machine.fds()
        plug_start_use_and_unplug(machine)
        assert (machine.count_threads(), machine.fds()) == (threads, fds)
        assert machine.quit() == 0


def test_the_generic_event_device():
    only_x86()
    with Machine(MEMORY + ["-smp", "2,maxcpus=4", "-machine", "acpi-events=ged"]) as machine:
        machine.wait_ready()
        plug_start_use_and_unplug(machine)
        assert machine.quit() == 0


def hotramctl(machine):
    """From 3 CPUs to 4, and to 1."""
    with place() as here:
        words = ("-s", machine.folder / "qmp", "cpus")
        status, out, err = here.run(*words, "+1")
        assert status == 0 and out.startswith("cpus: 3, requested 4, now 4\n  plug vcpu3: done"), (out, err)
        print(f"# {out.splitlines()[1]}")
        start(machine, 3)
        assert here.json(*words)[3]["started"] is True
        status, out, err = here.run(*words, "1")
        assert status == 0 and [line.split()[:3] for line in out.splitlines()[1:]] == [
            ["unplug", f"vcpu{cpu}:", "done"] for cpu in (3, 2, 1)], (status, out, err)
        print("\n".join(f"# {line}" for line in (out + here.run(*words)[1]).splitlines()))


def test_reboot_and_a_number():
    with Machine(MEMORY + ["-smp", "1,maxcpus=4,sockets=1,cores=2,threads=2"],
                 reboot=True) as machine:
        ready(machine)
        answer = machine.qmp.execute("cpus-set", {"cpus": 3})
        assert [operation["device"] for operation in answer["operations"]] == ["vcpu1", "vcpu2"]
        for cpu in (1, 2):
            done(machine, f"vcpu{cpu}", "plug")
            start(machine, cpu)
        assert online(machine) == "0-2"
        machine.qmp.execute("system_reset")
        machine.wait_ready()
        if arch.chosen() is arch.X86:
            assert online(machine) == "0-2"
        hotramctl(machine)
        assert online(machine) == "0"
        assert machine.quit() == 0


def test_refused_and_asked_again():
    with Machine(MEMORY + ["-smp", "1,maxcpus=2"]) as machine:
        ready(machine)
        add(machine, 1, cores=2)
        done(machine, "vcpu1", "plug")
        start(machine, 1)
        switch = "/sys/firmware/acpi/hotplug/processor/enabled"
        machine.shell(f"echo 0 > {switch}")
        machine.qmp.execute("device_del", {"id": "vcpu1"})
        machine.qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR", {"device": "vcpu1"})
        refusal = machine.qmp.execute("query-cpu-operations")[-1]
        assert refusal["result"] == "refused" and refusal["ost"]["status"] == 0x80, refusal
        assert present(machine) == [0, 1]
        machine.shell(f"echo 1 > {switch}")
        machine.qmp.execute("device_del", {"id": "vcpu1"})
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
        assert machine.quit() == 0


def test_both_events_of_one_cpu():
    """Plugged and asked for while the guest stands still: neither is lost."""
    with Machine(MEMORY + ["-smp", "1,maxcpus=2"]) as machine:
        ready(machine)
        machine.qmp.execute("stop")
        add(machine, 1, cores=2)
        machine.qmp.execute("device_del", {"id": "vcpu1"})
        machine.qmp.execute("cont")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
        # And again there while it goes.
        machine.qmp.clear_events()
        add(machine, 1, cores=2)
        done(machine, "vcpu1", "plug")
        start(machine, 1)
        machine.qmp.execute("device_del", {"id": "vcpu1"})
        add(machine, 1, cores=2)
        machine.wait_until(lambda: machine.qmp.execute("query-cpu-operations")[-1]["result"]
                           != "in-progress", what="the end of the plug")
        assert present(machine) == [0, 1]
        assert machine.quit() == 0


def test_topology():
    only_x86()
    with Machine(MEMORY + ["-smp", "1,maxcpus=8,sockets=2,cores=2,threads=2"]) as machine:
        machine.wait_ready()
        for index in (5, 1):                     # numbers are in the order of coming, or by APIC id
            add(machine, index, cores=2, threads=2)
            done(machine, f"vcpu{index}", "plug")
        machine.wait_until(lambda: machine.shell(f"ls -d {SYSFS}/cpu[0-9]* | wc -l").strip()
                           == "3", what="the CPUs")
        for cpu in machine.shell(f"ls -d {SYSFS}/cpu[1-9]*").split():
            machine.shell(f"echo 1 > {cpu}/online")
        # Which of them share a core depends on what the host's processor lets a guest see.
        sockets = machine.shell(f"cat {SYSFS}/cpu[0-9]*/topology/physical_package_id | sort")
        assert sockets.split() == ["0", "0", "1"], sockets
        assert machine.quit() == 0


def test_an_older_kernel():
    """It says that all is well, and has no CPU: the result is as good as its word, and
    what the vCPU itself says is with it."""
    if arch.chosen() is arch.X86:
        raise tap.Skip("of arm64")
    with Machine(MEMORY + ["-smp", "1,maxcpus=2"]) as machine:
        machine.wait_ready()
        if machine.kernel_version() >= (6, 11):
            raise tap.Skip("this kernel has CPU hotplug")
        add(machine, 1, cores=2)
        event = done(machine, "vcpu1", "plug")
        assert event["started"] is False and "has not started" in event["warning"], event
        assert online(machine) == "0"
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
