#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# host: --memory 4G
"""One domain's life under libvirt, with a real guest: what `make check-libvirt` is
there to show. The tests follow each other; the guest boots once, and at each
reset."""

import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.libvirt import EMULATOR, Domain, Libvirt, dimm, documented_domain   # noqa: E402

GIB = 1 << 30
NAME = "db1"
POLICY = "/sys/devices/system/memory/auto_online_blocks"
libvirt = Libvirt()
base_kib = 0        # the guest's MemTotal without DIMMs


def guest():
    """The running domain, as this test's own machine."""
    return Domain(libvirt, NAME)


def attach(domain, text, *words):
    domain.virsh("attach-device", libvirt.file(text), *(words or ["--live"]))


def detach(domain, text, *words):
    domain.virsh("detach-device", libvirt.file(text), *(words or ["--live"]))


def element(domain, alias):
    """The <memory> element that dumpxml has of a DIMM, to give to detach-device."""
    size, node, slot, base = domain.dimms()[alias]
    return dimm(size, node=node, slot=slot, base=base, alias=alias)


def wait_total(domain, mib):
    # A kernel that boots at random addresses has a page more or less each time.
    expected = base_kib + mib * 1024
    domain.wait_until(lambda: abs(domain.meminfo() - expected) <= 64, what=f"MemTotal of {expected} kB")
    tap.comment(f"the guest has {mib} MiB more than at its start")


def test_what_the_emulator_can():
    text = libvirt.virsh("domcapabilities", "--emulatorbin", EMULATOR,
                         "--machine", "hotram-1", "--virttype", "kvm")
    assert "<domain>kvm</domain>" in text and "hotram-1" in text
    assert "<value>memfd</value>" in text, "no memory backing by memfd"
    libvirt.virsh("define", libvirt.file(documented_domain()))
    assert "hotram-1" in libvirt.virsh("dumpxml", NAME)
    assert "Persistent:     yes" in libvirt.virsh("dominfo", NAME)


def test_start_and_look():
    global base_kib                                          # pylint: disable=W0603
    libvirt.virsh("start", NAME, "--paused")
    domain = guest()
    assert domain.state() == "paused"
    domain.virsh("resume")
    domain.wait_ready()
    base_kib = domain.meminfo()
    assert domain.dimms() == {}
    assert f"Used memory:    {512 * 1024} KiB" in domain.virsh("dominfo")
    assert int(domain.virsh("dommemstat").split()[1]) > 50000     # rss, in KiB
    assert domain.virsh("vcpuinfo").count("running") == 2
    assert domain.virsh("numatune")
    assert "pty" in domain.virsh("dumpxml", "--xpath", "//devices/console", quiet=True)
    libvirt.watch_events()


def test_attach_and_the_guest_grows():
    domain = guest()
    attach(domain, dimm(512))
    wait_total(domain, 512)
    assert domain.dimms() == {"dimm0": (512, 0, 0, 4 * GIB)}
    assert f"Used memory:    {1024 * 1024} KiB" in domain.virsh("dominfo")
    attach(domain, dimm(256, node=1, slot=5, base=8 * GIB, alias="ua-more"))
    wait_total(domain, 768)
    assert domain.dimms()["ua-more"] == (256, 1, 5, 8 * GIB)
    assert "MemTotal" in domain.shell("cat /sys/devices/system/node/node1/meminfo")
    listed = domain.qmp_command("query-memory-devices")
    assert {entry["data"]["id"] for entry in listed} == {"dimm0", "ua-more"}
    assert "ua-more" in domain.virsh("qemu-monitor-command", "--hmp",
                                     "info memory-devices")


def test_detach_and_it_shrinks():
    domain = guest()
    detach(domain, element(domain, "dimm0"))
    libvirt.wait_event("device-removed' for domain 'db1': dimm0")
    wait_total(domain, 256)
    assert set(domain.dimms()) == {"ua-more"}
    domain.virsh("detach-device-alias", "ua-more", "--live")
    libvirt.wait_event("device-removed' for domain 'db1': ua-more")
    wait_total(domain, 0)
    assert domain.dimms() == {}
    assert domain.qmp_command("query-memory-devices") == []
    assert not [memdev for memdev in domain.qmp_command("query-memdev")
                if memdev.get("id", "").startswith("mem")]


def test_a_refused_detach_fails():
    domain = guest()
    # The kernel's own allocations come from this DIMM first, and cannot be moved. It
    # is a single block, so that the guest says no within libvirt's five seconds.
    domain.shell(f"echo online_kernel > {POLICY}")
    attach(domain, dimm(128))
    wait_total(domain, 128)
    domain.shell("taskset 1 hog pin 40 > /tmp/hog & "
                 "while ! grep holding /tmp/hog; do usleep 100000; done")
    text = element(domain, "dimm0")
    for times in (1, 2):
        libvirt.refused(["error: Failed to detach device", "rejected by the guest"],
                        "detach-device", NAME, libvirt.file(text), "--live")
        libvirt.wait_event("device-removal-failed' for domain 'db1': dimm0", times)
    wait_total(domain, 128)
    assert set(domain.dimms()) == {"dimm0"}
    domain.shell(f"killall hog; echo online_movable > {POLICY}")


def test_libvirtd_restarts_with_the_guest_running():
    domain = guest()
    before, pid = domain.dimms(), domain.pid
    libvirt.stop()
    domain.shell("true")                # the guest goes on without it
    libvirt.start()
    assert domain.state() == "running" and domain.pid == pid
    assert domain.dimms() == before
    libvirt.watch_events()
    attach(domain, dimm(256))
    wait_total(domain, 384)
    domain.virsh("detach-device-alias", "dimm1", "--live")
    libvirt.wait_event("device-removed' for domain 'db1': dimm1")
    wait_total(domain, 128)


def test_libvirtd_is_killed_in_the_middle_of_an_attach():
    domain = guest()
    # The emulator is stopped for a moment, so that the middle is long enough.
    asked = libvirt.log.count('"execute":"object-add"')
    late = libvirt.file(dimm(256, slot=2, alias="ua-late"))
    os.kill(domain.pid, signal.SIGSTOP)
    command = libvirt.start_virsh("attach-device", NAME, late, "--live")
    domain.wait_until(lambda: libvirt.log.count('"execute":"object-add"') > asked,
                      what="object-add")
    libvirt.stop(signal.SIGKILL)
    os.kill(domain.pid, signal.SIGCONT)
    assert command.wait() != 0
    domain.shell("true")
    libvirt.start()
    libvirt.watch_events()
    assert domain.state() == "running"
    assert set(domain.dimms()) == {"dimm0"}
    # The memory without a device is in the way of the same name only, and goes.
    libvirt.refused(["memua-late"], "attach-device", NAME, late, "--live")
    domain.qmp_command("object-del", id="memua-late")
    attach(domain, dimm(256, slot=2, alias="ua-late"))
    wait_total(domain, 384)
    domain.virsh("detach-device-alias", "ua-late", "--live")
    libvirt.wait_event("device-removed' for domain 'db1': ua-late")
    wait_total(domain, 128)
    assert len(domain.qmp_command("query-memory-devices")) == 1


def test_suspend_and_resume():
    domain = guest()
    domain.virsh("suspend")
    assert domain.state() == "paused"
    libvirt.wait_event("lifecycle' for domain 'db1': Suspended")
    domain.virsh("resume")
    assert domain.state() == "running"
    libvirt.wait_event("lifecycle' for domain 'db1': Resumed")
    domain.shell("true")


def test_console():
    guest().close_console()         # one reader at a time
    output = libvirt.console(NAME, "c1 uname -s", "@c1 0@")
    assert "Linux" in output, output


def reboots(domain, command, times):
    start = domain.console.position
    domain.virsh(command)
    if domain.state() == "paused":
        domain.virsh("resume")
    domain.console.wait_for(r"@ready [0-9.]+@\r?\n", 180, start)
    assert domain.state() == "running"
    libvirt.wait_event("reboot' for domain 'db1'", times)


def test_reset_keeps_the_memory_but_what_was_asked_back():
    domain = guest()
    before = domain.dimms()
    attach(domain, dimm(256, alias="ua-asked"))
    domain.virsh("suspend")         # so that there is no answer before the reset
    domain.virsh("detach-device-alias", "ua-asked", "--live")
    assert "ua-asked" in domain.dimms()
    reboots(domain, "reset", 1)
    libvirt.wait_event("device-removed' for domain 'db1': ua-asked")
    assert domain.dimms() == before
    wait_total(domain, 128)


def test_reboot_keeps_the_memory():
    domain = guest()
    before = domain.dimms()
    reboots(domain, "reboot", 2)
    assert domain.dimms() == before
    wait_total(domain, 128)


def test_config_is_for_the_next_start():
    domain = guest()
    attach(domain, dimm(256, node=1, slot=3), "--config")
    assert len(domain.dimms()) == 1
    assert domain.dimms("--inactive") == {0: (256, 1, 3, -1)}
    detach(domain, dimm(256, node=1, slot=3), "--config")
    assert domain.dimms("--inactive") == {}
    attach(domain, dimm(256, node=1, slot=3), "--config")


def test_shutdown():
    domain = guest()
    domain.virsh("shutdown")
    domain.wait_state("shut off")
    libvirt.wait_event("lifecycle' for domain 'db1': Stopped Shutdown")


def test_start_with_what_was_configured():
    libvirt.virsh("start", NAME, "--paused")
    domain = guest()
    assert domain.dimms() == {"dimm3": (256, 1, 3, 4 * GIB)}
    domain.virsh("destroy")
    assert domain.state() == "shut off"
    libvirt.virsh("undefine", NAME)
    libvirt.refused(["failed to get domain 'db1'"], "domstate", NAME)


if __name__ == "__main__":
    with libvirt:
        tap.main()
