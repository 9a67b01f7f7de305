#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
"""NUMA nodes as the guest's kernel sees them: CPUs, boot memory, plugged memory,
distances."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import ARCH, Machine                        # noqa: E402

NODES = "/sys/devices/system/node"
TWO = ["-m", "512M,slots=4,maxmem=4G", "-smp", "2,sockets=2",
       "-object", "memory-backend-ram,id=a,size=192M",
       "-object", "memory-backend-ram,id=b,size=320M",
       "-numa", "node,memdev=a,cpus=0", "-numa", "node,memdev=b,cpus=1",
       "-numa", "dist,src=0,dst=1,val=31"]


def node_kib(machine, node):
    """The node's memory in KiB."""
    line = machine.shell(f"grep MemTotal {NODES}/node{node}/meminfo")
    return int(line.split()[3])


def words(machine, path):
    return machine.shell(f"cat {NODES}/{path}").split()


def near(kib, mib):
    """A kernel keeps tens of MiB to itself, in the node where it lies."""
    return (mib - 128) * 1024 < kib <= mib * 1024


def two_nodes(**boot):
    with Machine(TWO, **boot) as machine:
        machine.wait_ready()
        assert words(machine, "online") == ["0-1"]
        assert [words(machine, f"node{n}/cpulist") for n in (0, 1)] == [["0"], ["1"]]
        assert [words(machine, f"node{n}/distance") for n in (0, 1)] \
            == [["10", "31"], ["31", "10"]]
        before = [node_kib(machine, n) for n in (0, 1)]
        assert near(before[0], 192) and near(before[1], 320), before

        machine.plug("d0", "256M", node=0)
        machine.plug("d1", "128M", node=1)
        machine.wait_until(lambda: [node_kib(machine, n) for n in (0, 1)]
                           == [before[0] + 256 * 1024, before[1] + 128 * 1024],
                           what="the DIMMs' memory in their nodes")
        nodes = {entry["data"]["id"]: entry["data"]["node"]
                 for entry in machine.qmp.execute("query-memory-devices")}
        assert nodes == {"d0": 0, "d1": 1}
        machine.unplug("d0")
        machine.unplug("d1")
        machine.wait_until(lambda: [node_kib(machine, n) for n in (0, 1)] == before,
                           what="the nodes' memory as before")
        # SRAT and SLIT are to the kernel's liking.
        complaint = machine.shell("dmesg -r | grep '^<[0-4]>' | "
                                  "grep -iE 'srat|slit|numa|node|acpi' || true")
        assert complaint == "", complaint
        assert machine.quit() == 0


def test_two_nodes_cloud():
    two_nodes()


def test_two_nodes_generic():
    two_nodes(kernel="generic", unpacked=True)


def test_a_node_of_the_dimms_own():
    with Machine(["-m", "256M,slots=4,maxmem=4G", "-machine", "dimm-node=own"]) as machine:
        machine.wait_ready()
        before = node_kib(machine, 0)
        assert words(machine, "possible") == ["0-1"]
        # A node without memory is not online; on arm64 Linux has all that the SRAT
        # names online at first.
        empty = ["0"] if ARCH.name == "x86-64" else ["0-1"]
        assert words(machine, "online") == empty
        machine.plug("d0", "128M")
        machine.wait_until(lambda: words(machine, "online") == ["0-1"],
                           what="node 1 online")
        machine.wait_until(lambda: node_kib(machine, 1) == 128 * 1024,
                           what="the DIMM's memory in node 1")
        assert node_kib(machine, 0) == before
        assert words(machine, "node1/cpulist") == []
        machine.unplug("d0")
        machine.wait_until(lambda: words(machine, "online") == ["0"],
                           what="node 1 offline")
        assert node_kib(machine, 0) == before
        assert machine.quit() == 0


def test_ram_of_an_object():
    folder = pathlib.Path("/dev/shm")
    with Machine(["-m", "256M", "-object", "memory-backend-file,id=ram,size=256M,"
                  f"mem-path={folder}", "-machine", "memory-backend=ram"]) as machine:
        machine.wait_ready()
        assert near(machine.meminfo(), 256)
        assert [backend["id"] for backend in machine.qmp.execute("query-memdev")] \
            == ["ram"]
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
