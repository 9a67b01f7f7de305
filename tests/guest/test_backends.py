#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# architectures: x86-64
# host: --memory 4G --append hugepagesz=1G --append hugepages=1 --append hugepagesz=2M --append hugepages=128
"""Real guests on huge pages: plugged at the start and later, given back to the
pool, too few of them; and a file that becomes shorter below a running guest.

On a machine that is not emulated root has to reserve the pages that the line
above asks for."""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

MIB = 1 << 20
GIB = 1 << 30
MEMORY = ["-m", "256M,slots=4,maxmem=4G"]
POOLS = pathlib.Path("/sys/kernel/mm/hugepages")


class Pool:
    """The host's huge pages of one size, and a mount of them."""

    def __init__(self, size, pages):
        self.size = size
        self._folder = POOLS / f"hugepages-{size >> 10}kB"
        if not self._folder.exists() or self._number("nr") < pages:
            raise tap.Skip(f"the host has fewer than {pages} huge pages of {size >> 20} MiB")
        self.mount = tempfile.mkdtemp(prefix="hotram-huge-")
        subprocess.run(["mount", "-t", "hugetlbfs", "-o", f"pagesize={size}", "none",
                        self.mount], check=True)

    def _number(self, what):
        return int((self._folder / f"{what}_hugepages").read_text())

    @property
    def free(self):
        return self._number("free")

    @property
    def promised(self):
        return self._number("resv")

    @property
    def total(self):
        return self._number("nr")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.mount], check=True)
        os.rmdir(self.mount)


def use(machine, mib):
    """The guest touches this much memory, which it has only in its DIMMs: page by page, which an emulated
    processor that is shared does at some 10 MiB a second."""
    machine.hold("touch", mib)


def plug_huge(machine, name, **properties):
    """A DIMM of 128 MiB in huge pages of the usual size."""
    machine.qmp.execute("object-add", {
        "qom-type": "memory-backend-memfd", "id": f"{name}-mem", "size": 128 * MIB,
        "hugetlb": True, **properties})
    machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": name,
                                       "memdev": f"{name}-mem"})


def memdev(machine, name):
    return {entry["id"]: entry for entry in machine.qmp.execute("query-memdev")}[name]


def refused(machine, command, arguments, *words):
    try:
        machine.qmp.execute(command, arguments)
    except QMPError as error:
        for word in words:
            assert word in error.desc, f"no '{word}' in: {error.desc}"
        return
    raise AssertionError(f"{command} {arguments} was accepted")


def test_the_documented_guest_of_two_page_sizes():
    # QEMU's docs/memory-hotplug.txt: 6 GB of ordinary RAM, 1 GB of one huge page,
    # 256 MB of small ones. Scaled to this host: 256 MiB of ordinary RAM.
    with Pool(GIB, 1) as one, Pool(2 * MIB, 128) as two, \
            Machine(["-m", "256MB,slots=4,maxmem=10G",
                     "-object", f"memory-backend-file,id=mem1,size=1G,mem-path={one.mount}",
                     "-device", "pc-dimm,id=dimm1,memdev=mem1",
                     "-object",
                     f"memory-backend-file,id=mem2,size=256M,mem-path={two.mount}",
                     "-device", "pc-dimm,id=dimm2,memdev=mem2"]) as machine:
        # Promised before the guest has touched any.
        assert one.promised + one.total - one.free >= 1
        assert two.promised + two.total - two.free >= 128
        machine.wait_ready()
        assert machine.meminfo() > (GIB + 400 * MIB) / 1024
        use(machine, 600)                      # more than the rest has: some of it is in the large page
        mem1, mem2 = memdev(machine, "mem1"), memdev(machine, "mem2")
        assert mem1["page-size"] == GIB and mem2["page-size"] == 2 * MIB
        assert mem1["resident"] == GIB and mem1["reserved"] == 0, mem1
        assert mem2["resident"] + mem2["reserved"] == 256 * MIB, mem2
        addresses = {entry["data"]["id"]: entry["data"]["addr"] for entry
                     in machine.qmp.execute("query-memory-devices")}
        assert addresses["dimm1"] % GIB == 0 and addresses["dimm2"] % (2 * MIB) == 0
        machine.shell("killall hog")
        for name in ("1", "2"):
            machine.qmp.execute("device_del", {"id": f"dimm{name}"})
            machine.qmp.wait_event("DEVICE_DELETED", {"device": f"dimm{name}"})
        assert (one.free, one.promised) == (one.total, 0)     # back in the pools
        assert (two.free, two.promised) == (two.total, 0)
        # Plugged again it is reserved again.
        machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "again",
                                           "memdev": "mem2"})
        assert two.promised + two.total - two.free == 128
        assert machine.quit() == 0


def test_huge_memfd_plugged_while_the_guest_runs():
    with Pool(2 * MIB, 128) as pool, Machine(MEMORY) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        plug_huge(machine, "a")
        plug_huge(machine, "b", prealloc=True)
        assert memdev(machine, "b-mem")["resident"] == 128 * MIB
        assert memdev(machine, "a-mem")["reserved"] \
            + memdev(machine, "a-mem")["resident"] == 128 * MIB
        assert pool.free - pool.promised == pool.total - 128
        machine.wait_total(before + 256 * 1024)
        for name in ("x", "y"):
            # None is left, and that is said before the guest could miss any.
            arguments = {"qom-type": "memory-backend-memfd", "id": name, "hugetlb": True,
                         "size": 128 * MIB, "prealloc": name == "y"}
            if pool.free - pool.promised < 64:
                refused(machine, "object-add", arguments, "needs 64 huge pages of 2 MiB",
                        f"but {pool.free - pool.promised} of {pool.total} are free",
                        "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
        use(machine, 300)
        machine.shell("killall hog")
        machine.unplug("a")
        assert pool.free - pool.promised == pool.total - 64
        machine.unplug("b")
        assert (pool.free, pool.promised) == (pool.total, 0)
        assert machine.quit() == 0


def test_too_few_pages():
    with Pool(2 * MIB, 128) as pool, Machine(MEMORY, run=False) as machine:
        pages = pool.total + 1
        size = pages * 2 * MIB
        node = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"
        for kind, place, properties in (
                ("memory-backend-memfd", POOLS, {"hugetlb": True, "hugetlbsize": 2 * MIB}),
                ("memory-backend-file", POOLS, {"mem-path": pool.mount}),
                ("memory-backend-file", POOLS, {"mem-path": pool.mount, "share": True,
                                               "prealloc": True}),
                ("memory-backend-memfd", node, {"hugetlb": True, "policy": "bind",
                                                "host-nodes": [0]})):
            refused(machine, "object-add",
                    {"qom-type": kind, "id": "m", "size": size, **properties},
                    f"'m' needs {pages} huge pages of 2 MiB, but {pool.total} of "
                    f"{pool.total} are free", str(place))
            assert (pool.free, pool.promised) == (pool.total, 0), (kind, properties)
            assert os.listdir(pool.mount) == []
        refused(machine, "object-add",
                {"qom-type": "memory-backend-file", "id": "m", "size": 3 * MIB,
                 "mem-path": pool.mount}, "3 MiB is not a multiple of the page size, 2 MiB")
        refused(machine, "object-add",
                {"qom-type": "memory-backend-file", "id": "m", "size": 4 * MIB,
                 "offset": MIB, "mem-path": pool.mount}, "offset 1 MiB", "2 MiB")
        refused(machine, "object-add",
                {"qom-type": "memory-backend-file", "id": "m", "size": 4 * MIB,
                 "align": MIB, "mem-path": pool.mount}, "alignment 0x100000", "0x200000")
        # Not reserved: accepted, as it says, and nothing is taken.
        machine.qmp.execute("object-add", {
            "qom-type": "memory-backend-memfd", "id": "m", "hugetlb": True,
            "size": 4 * MIB, "reserve": False})
        assert pool.promised == 0
        assert memdev(machine, "m")["reserved"] == 0
        # Bound to a node, the pages are taken at once: a promise would be of the
        # whole host's.
        machine.qmp.execute("object-add", {
            "qom-type": "memory-backend-memfd", "id": "b", "hugetlb": True,
            "size": 4 * MIB, "policy": "bind", "host-nodes": [0]})
        assert (pool.free, pool.promised) == (pool.total - 2, 0)
        assert machine.quit() == 0
        assert pool.free == pool.total


def test_pages_that_are_gone_when_it_is_plugged_again():
    with Pool(2 * MIB, 128) as pool, Machine(MEMORY) as machine:
        machine.wait_ready()
        plug_huge(machine, "a")
        machine.qmp.execute("device_del", {"id": "a"})
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "a"})
        assert (pool.free, pool.promised) == (pool.total, 0)
        other = {"qom-type": "memory-backend-memfd", "id": "other", "hugetlb": True,
                 "size": pool.total * 2 * MIB}
        machine.qmp.execute("object-add", other)
        refused(machine, "device_add", {"driver": "pc-dimm", "id": "a", "memdev": "a-mem"},
                "'a-mem' needs 64 huge pages of 2 MiB, but 0 of")
        assert machine.qmp.execute("query-memory-devices") == []
        machine.qmp.execute("object-del", {"id": "other"})
        machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "a",
                                           "memdev": "a-mem"})
        machine.unplug("a")
        assert machine.quit() == 0


def test_a_mount_with_a_limit():
    with Pool(2 * MIB, 128) as pool, tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M,size=8M", "none",
                        folder], check=True)
        try:
            with Machine(MEMORY, run=False) as machine:
                refused(machine, "object-add",
                        {"qom-type": "memory-backend-file", "id": "m", "size": 16 * MIB,
                         "mem-path": folder}, "needs 8 huge pages", "has 4 free", "size=")
                assert (pool.free, pool.promised) == (pool.total, 0)
        finally:
            subprocess.run(["umount", folder], check=True)


def test_a_file_that_becomes_shorter():
    with tempfile.TemporaryDirectory() as folder, \
            Machine(MEMORY, reboot=True) as machine:
        path = pathlib.Path(folder) / "dimm"
        machine.wait_ready()
        before = machine.meminfo()
        machine.qmp.execute("object-add", {
            "qom-type": "memory-backend-file", "id": "m", "size": 256 * MIB,
            "mem-path": str(path), "share": True})
        machine.qmp.execute("device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})
        machine.wait_total(before + 256 * 1024)
        use(machine, 350)
        machine.qmp.clear_events()
        os.truncate(path, 0)
        data = machine.qmp.wait_event("MEMORY_FAILURE", {"id": "m"})["data"]
        assert data["recipient"] == "hypervisor" and data["action"] == "fatal", data
        assert data["mem-path"] == str(path) and "truncated" in data["reason"], data
        machine.qmp.wait_event("STOP")
        assert machine.qmp.execute("query-status")["status"] == "internal-error"
        assert "guest memory of m has failed: its file was truncated" \
            in machine.error_log
        refused(machine, "cont", None, "system_reset")
        assert memdev(machine, "m")["used-by"] == "d"
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
