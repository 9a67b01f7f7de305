#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# architectures: x86-64
"""The commands of QEMU's document about memory hotplug (docs/memory-hotplug.txt
in its sources), typed as they stand there with hotram in qemu's place."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import Machine                              # noqa: E402

GIB_KIB = 1 << 20


def types(machine, line):
    answer = machine.hmp(line)
    assert answer == "", f"{line}: {answer}"


def test_basic_hotplug_and_unplug():
    with Machine(["-m", "1G,slots=3,maxmem=4G"]) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        types(machine, "object_add memory-backend-ram,id=mem1,size=1G")
        types(machine, "device_add pc-dimm,id=dimm1,memdev=mem1")
        machine.wait_total(before + GIB_KIB)
        types(machine, "device_del dimm1")
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "dimm1"})
        types(machine, "object_del mem1")
        assert machine.meminfo() == before
        assert machine.quit() == 0


def test_file_backend_and_dimms_at_the_start():
    # The document's guest has 6GB and two files on hugetlbfs; here it has 512MiB
    # and files in an ordinary folder, as much as a small host can give.
    folder = pathlib.Path("/dev/shm")
    with Machine(["-m", "512MiB,slots=4,maxmem=10G",
                  "-object", f"memory-backend-file,id=mem1,size=1G,mem-path={folder}",
                  "-device", "pc-dimm,id=dimm1,memdev=mem1",
                  "-object", f"memory-backend-file,id=mem2,size=256M,mem-path={folder}",
                  "-device", "pc-dimm,id=dimm2,memdev=mem2"]) as machine:
        machine.wait_ready()
        assert machine.meminfo() > 1.5 * GIB_KIB
        for name in ("dimm2", "dimm1"):
            types(machine, f"device_del {name}")
            machine.qmp.wait_event("DEVICE_DELETED", {"device": name})
        types(machine, "object_del mem1")
        types(machine, "object_del mem2")
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
