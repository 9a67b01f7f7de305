#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# guest: none
"""CPUs under libvirt: plugged at the start and later, and what it knows of them when it comes back. Some tests need no
guest that runs: one is released by a reset. In the others the micro-guest releases and refuses CPUs, on any KVM."""

import contextlib
import pathlib
import re
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.libvirt import Domain, Libvirt, documented_domain   # noqa: E402
from lib.micro import MICRO, tell                            # noqa: E402

libvirt = Libvirt()
NUMA = re.compile(" *<numa>.*</numa>\n", re.S)
MEMORY = re.compile(" *<maxMemory.*</maxMemory>\n")
KERNEL = re.compile("<kernel>.*?</kernel>")
OF_LINUX = re.compile(" *<(initrd|cmdline)>.*?</\\1>\n")


def domain(vcpus):
    """The documented one without nodes, with these CPUs."""
    return MEMORY.sub("", NUMA.sub("", documented_domain())).replace("<vcpu>2</vcpu>", vcpus)


@contextlib.contextmanager
def start(vcpus):
    libvirt.virsh("create", libvirt.file(domain(vcpus)), "--paused")
    with Domain(libvirt, "db1", console=False) as db1:
        yield db1
        libvirt.virsh("destroy", "db1")


@contextlib.contextmanager
def start_micro(vcpus):
    libvirt.virsh("create", libvirt.file(OF_LINUX.sub("", KERNEL.sub(f"<kernel>{MICRO}</kernel>", domain(vcpus)))))
    with Domain(libvirt, "db1") as db1:
        try:
            tell(db1, "e", "e")
            yield db1
        finally:
            libvirt.virsh("destroy", "db1")


@contextlib.contextmanager
def guest_says(db1, letter):
    """The micro-guest does what the letter means again and again: virsh waits for that."""
    end = threading.Event()

    def say():
        while not end.is_set():
            tell(db1, letter)
            time.sleep(0.1)
    thread = threading.Thread(target=say)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def restart():
    libvirt.stop()
    libvirt.start()


def current(db1):
    return int(db1.virsh("vcpucount", "--current", "--live").strip())


def present(db1):
    return [cpu["cpu-index"] for cpu in db1.qmp_command("query-cpus-fast")]


def test_one_after_the_other():
    with start("<vcpu current='1'>4</vcpu>") as db1:
        assert current(db1) == 1
        db1.virsh("setvcpus", "3", "--live")
        assert current(db1) == 3 and present(db1) == [0, 1, 2], present(db1)
        assert "id='2' enabled='yes' hotpluggable='yes' order='3'" in db1.virsh("dumpxml")
        libvirt.refused(["requested vcpus is greater than max allowable"], "setvcpus", "db1", "5", "--live")
        db1.virsh("setvcpu", "3", "--enable", "--live")
        assert present(db1) == [0, 1, 2, 3]
        # A libvirt that starts anew finds the same.
        restart()
        assert current(db1) == 4
        libvirt.refused(["can't be unplugged"], "setvcpu", "db1", "0", "--disable", "--live")
        db1.qmp_command("device_del", id="vcpu2")
        db1.qmp_command("system_reset")
        db1.wait_until(lambda: current(db1) == 3, what="libvirt's number")
        assert present(db1) == [0, 1, 3]


def test_a_guest_that_releases_refuses_and_waits():
    with start_micro("<vcpu current='1'>4</vcpu>") as db1:
        with guest_says(db1, "p"):
            db1.virsh("setvcpus", "4", "--live")
            db1.virsh("setvcpus", "2", "--live")
        assert current(db1) == 2 and present(db1) == [0, 1]
        with guest_says(db1, "p"):
            db1.virsh("setvcpu", "3", "--enable", "--live")
        with guest_says(db1, "q"):
            libvirt.refused(["unplug of device was rejected by the guest"], "setvcpus", "db1", "2", "--live")
        assert current(db1) == 3 and present(db1) == [0, 1, 3]
        with guest_says(db1, "p"):
            db1.virsh("setvcpu", "3", "--disable", "--live")
        assert present(db1) == [0, 1]
        # One that answers after libvirt's 5 seconds, and while no libvirt is there.
        libvirt.refused(["timed out"], "setvcpus", "db1", "1", "--live")
        assert current(db1) == 2
        restart()
        assert current(db1) == 2
        libvirt.stop()
        tell(db1, "p")
        libvirt.start()
        assert current(db1) == 1 and present(db1) == [0]
        libvirt.refused(["processors for a VM"], "setvcpus", "db1", "0", "--live")
        with guest_says(db1, "p"):
            db1.virsh("setvcpus", "2", "--live")
        tell(db1, "a")
        tell(db1, "k", "1")


def test_the_configuration():
    """What a domain that is defined has next time, too."""
    libvirt.virsh("define", libvirt.file(domain("<vcpu current='1'>4</vcpu>")))
    libvirt.virsh("start", "db1", "--paused")
    with Domain(libvirt, "db1", console=False) as db1:
        db1.virsh("setvcpus", "3", "--live", "--config")
        assert current(db1) == 3 and present(db1) == [0, 1, 2], present(db1)
        db1.virsh("destroy")
    assert libvirt.virsh("vcpucount", "--current", "--config", "db1").strip() == "3"
    libvirt.virsh("start", "db1", "--paused")
    with Domain(libvirt, "db1", console=False) as db1:
        assert current(db1) == 3 and present(db1) == [0, 1, 2], present(db1)
        libvirt.virsh("setvcpus", "db1", "1", "--config")
        assert current(db1) == 3 and "<vcpu placement='static' current='1'>4</vcpu>" in db1.virsh("dumpxml", "--inactive")
        db1.virsh("destroy")
    libvirt.virsh("undefine", "db1")


def test_those_of_the_domain():
    with start("<vcpu current='2'>4</vcpu>\n<vcpus>\n"
               "<vcpu id='0' enabled='yes' hotpluggable='no' order='1'/>\n"
               "<vcpu id='1' enabled='no' hotpluggable='yes'/>\n"
               "<vcpu id='2' enabled='no' hotpluggable='yes'/>\n"
               "<vcpu id='3' enabled='yes' hotpluggable='yes' order='2'/>\n</vcpus>") as db1:
        assert present(db1) == [0, 3], present(db1)
        paths = [cpu["qom-path"] for cpu in db1.qmp_command("query-cpus-fast")]
        assert paths == ["/machine/unattached/device[0]", "/machine/peripheral/vcpu3"], paths


if __name__ == "__main__":
    with libvirt:
        tap.main()
