#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# host: --timeout 900
"""CPUs come and go while Debian's kernels run: plugged, started, used, given back, refused,
and there again after a reboot. On arm64 Linux 6.12 takes part, and 6.1 does not."""

import pathlib
import platform
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap, topology                                # noqa: E402
from lib.cpus import SYSFS, X86, Guest                       # noqa: E402
from lib.ctl import place                                    # noqa: E402

SWITCH = "/sys/firmware/acpi/hotplug/processor/enabled"
# A place that is not the next: Linux 6.1 numbers CPUs as they come, 6.12 by their places.
FIRST = 2
SMP = topology.Smp(sockets=1, cores=2, threads=2)


def busy(guest):
    """The guest has to move a process that computes there, and may run nowhere else."""
    cpu = guest.start_cpu(FIRST)
    guest.use(cpu)
    guest.shell(f"taskset {1 << cpu:x} sha1sum /dev/zero > /dev/null 2>&1 & true")


def offline(guest):
    """By the guest, which starts it once more in between."""
    cpu = guest.start_cpu(FIRST)
    for _ in range(2):
        guest.shell(f"echo 1 > {SYSFS}/cpu{cpu}/online")
        guest.use(cpu)
        guest.shell(f"echo 0 > {SYSFS}/cpu{cpu}/online")


def never_started(guest):
    guest.number(FIRST)


def life(guest):
    """A CPU that is removed in each state, and is as good as new when it comes again."""
    counts = None
    for state in (busy, offline, never_started, busy):
        guest.add(FIRST)
        event = guest.done(FIRST, "plug")
        assert event["started"] is False and "online" in event["warning"], event
        assert guest.present() == [0, FIRST]
        state(guest)
        last = guest.qmp.execute("query-cpu-operations")[-1]
        assert last["started"] is (state is not never_started), last
        assert ("warning" in last) is not last["started"], last
        guest.remove(FIRST)
        guest.done(FIRST, "unplug")
        assert guest.present() == [0] and guest.online() == 1
        guest.shell("killall sha1sum", check=state is busy)
        counts = counts or (guest.threads(), guest.fds())
        assert (guest.threads(), guest.fds()) == counts, (guest.threads(), guest.fds(), counts)


def refused(guest):
    """By a switch of the guest's; then it has thought better of it."""
    guest.add(1)
    guest.done(1, "plug")
    guest.start_cpu(1)
    guest.shell(f"echo 0 > {SWITCH}")
    guest.qmp.execute("device_del", {"id": "vcpu1"})
    guest.qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR", {"device": "vcpu1"})
    refusal = guest.qmp.execute("query-cpu-operations")[-1]
    assert refusal["result"] == "refused" and refusal["ost"]["status"] == 0x80, refusal
    assert guest.present() == [0, 1]
    guest.shell(f"echo 1 > {SWITCH}")
    guest.remove(1)


def both_events(guest):
    """Plugged and asked for while the guest stands still: neither is lost."""
    guest.qmp.execute("stop")
    guest.add(1)
    guest.qmp.execute("device_del", {"id": "vcpu1"})
    guest.qmp.execute("cont")
    guest.qmp.wait_event("DEVICE_DELETED", {"device": "vcpu1"})
    # And again there while it goes.
    guest.qmp.clear_events()
    guest.add(1)
    guest.done(1, "plug")
    guest.start_cpu(1)
    guest.qmp.execute("device_del", {"id": "vcpu1"})
    guest.add(1)
    guest.wait_until(lambda: guest.qmp.execute("query-cpu-operations")[-1]["result"]
                     != "in-progress", what="the end of the plug")
    assert guest.present() == [0, 1]
    guest.remove(1)
    assert guest.present() == [0]


def all_of_them(guest):
    """By their number; after a reset they are the guest's from its start."""
    answer = guest.qmp.execute("cpus-set", {"cpus": 3})
    assert [operation["device"] for operation in answer["operations"]] == ["vcpu1", "vcpu2"]
    for index in (1, 2):
        guest.done(index, "plug")
        guest.start_cpu(index)
    assert guest.online() == 3
    guest.qmp.execute("system_reset")
    guest.wait_ready()
    assert guest.online() == 3 and guest.present() == [0, 1, 2]
    hotramctl(guest)
    assert guest.online() == 1


def hotramctl(guest):
    """From 3 CPUs to 4, and to 1."""
    with place() as here:
        words = ("-s", guest.folder / "qmp", "cpus")
        status, out, err = here.run(*words, "+1")
        assert status == 0 and out.startswith("cpus: 3, requested 4, now 4\n  plug vcpu3: done"), (out, err)
        print(f"# {out.splitlines()[1]}")
        guest.start_cpu(3)
        assert here.json(*words)[3]["started"] is True
        topology.check(guest, SMP)
        status, out, err = here.run(*words, "1")
        assert status == 0 and [line.split()[:3] for line in out.splitlines()[1:]] == [
            ["unplug", f"vcpu{cpu}:", "done"] for cpu in (3, 2, 1)], (status, out, err)
        print("\n".join(f"# {line}" for line in (out + here.run(*words)[1]).splitlines()))


def attempts_to_start_absent_ones(guest):
    """Those of a guest that boots on arm64. KVM of Linux 6.4 and later lets hotram answer them."""
    release = tuple(map(int, platform.release().split("-")[0].split(".")[:2]))
    complaints = int(guest.shell("dmesg | grep -c 'failed to boot'", check=False)[1])
    assert complaints == (0 if release >= (6, 4) else 6), (release, guest.shell("dmesg | grep boot"))
    print(f"# host {platform.release()}: {complaints} complaints about 3 absent CPUs")


def everything(kernel, *options, reboot=True):
    with Guest(kernel, f"1,{SMP}", *options, reboot=reboot) as guest:
        print(f"# {guest.shell('uname -r').strip()}")
        assert guest.shell(f"cat {SYSFS}/possible").strip() == "0-3"
        if not X86:
            attempts_to_start_absent_ones(guest)
        life(guest)
        refused(guest)
        both_events(guest)
        if reboot:
            all_of_them(guest)
        assert guest.quit() == 0


def sockets_cores_and_threads(kernel, smp, online, order, *options):
    """The CPUs of -smp, and each that comes later, are where they belong: beside those that the guest has already."""
    with Guest(kernel, f"{online},{smp}", *options) as guest:
        topology.check(guest, smp)
        for index in order:
            guest.add(index)
            guest.done(index, "plug")
            guest.start_cpu(index)
        topology.check(guest, smp)
        complaint = guest.shell("dmesg | grep -iE 'firmware bug|topology.*(bug|mismatch)|sched.*(domain|group).*error' || true")
        assert complaint == "", complaint
        assert guest.quit() == 0


def cannot():
    """It says that all is well, and has no CPU: the result is as good as its word, and what the vCPU
    itself says is with it."""
    with Guest("cloud-6.1", "1,maxcpus=2") as guest:
        guest.add(1)
        event = guest.done(1, "plug")
        assert event["started"] is False and "has not started" in event["warning"], event
        assert guest.shell(f"cat {SYSFS}/online {SYSFS}/possible").split() == ["0", "0"]
        assert guest.quit() == 0


if X86:
    def test_linux_6_1_and_a_gpe():
        everything("cloud-6.1")

    def test_linux_6_1_and_the_generic_event_device():
        everything("cloud-6.1", "-machine", "acpi-events=ged", reboot=False)

    def test_linux_6_12_and_a_gpe():
        everything("cloud-6.12")

    def test_linux_6_12_and_the_generic_event_device():
        everything("cloud-6.12", "-machine", "acpi-events=ged", reboot=False)

    def test_two_sockets_of_three_cores():
        sockets_cores_and_threads("cloud-6.1", topology.Smp(2, 3, 1), 2, (4, 2, 5))

    def test_two_sockets_of_three_cores_of_two_threads():
        sockets_cores_and_threads("cloud-6.12", topology.Smp(2, 3, 2), 2, (5, 9, 4, 8))
else:
    def test_linux_6_12():
        everything("cloud-6.12")

    def test_linux_6_1_which_cannot():
        cannot()


if __name__ == "__main__":
    tap.main()
