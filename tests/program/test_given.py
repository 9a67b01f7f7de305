#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""No number that a user can give means "none was given", but where QEMU says so: the
greatest of each type are refused, by every way in. It needs no KVM."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

MIB = 1 << 20
MEMORY = ("-m", "1G,slots=4,maxmem=32G")
LAST64, LAST32 = (1 << 64) - 1, (1 << 32) - 1


def refused(host, command, arguments):
    before = host.qmp.execute("query-memory-devices")
    try:
        answer = host.qmp.execute(command, arguments)
    except QMPError as error:
        assert host.qmp.execute("query-memory-devices") == before
        return error.desc
    raise AssertionError(f"{command} {arguments} was answered with {answer}")


def test_the_last_numbers_of_programs():
    with Host(memory=MEMORY[1]) as host:
        host.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": "m",
                                        "size": 128 * MIB})
        for name, values in (("addr", (LAST64, str(LAST64), hex(LAST64), LAST64 - 1, 1)),
                             ("slot", (LAST32, str(LAST32), -2, 4)),
                             ("node", (LAST32, str(LAST32), 1))):
            for value in values:
                refused(host, "device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m",
                                             name: value})
                if isinstance(value, int):
                    refused(host, "memory-plug", {"size": 128 * MIB, name: value})
        assert hex(LAST64) in refused(host, "memory-plug", {"size": 128 * MIB, "addr": LAST64})
        # And those that are a default of pc-dimm are no default of memory-plug.
        refused(host, "memory-plug", {"size": 128 * MIB, "addr": 0})
        for size in (0, LAST64):
            refused(host, "memory-plug", {"size": size})
            refused(host, "memory-set", {"size": size})
        refused(host, "memory-set", {"size": 1152 * MIB, "node": LAST32})


def test_numbers_that_no_argument_holds():
    """What is more than 63 bits does not become the greatest number of 63 bits."""
    with Host(["-device", "virtio-balloon-pci", "-blockdev", "null-co,node-name=n,size=1M"]) as host:
        for command, arguments, name in (("balloon", {}, "value"), ("block_resize", {"node-name": "n"}, "size"),
                                         ("add-fd", {}, "fdset-id"), ("remove-fd", {}, "fdset-id"),
                                         ("remove-fd", {"fdset-id": 0}, "fd")):
            for number in (1 << 63, LAST64, 1 << 64, 10 ** 30):
                said = refused(host, command, {**arguments, name: number})
                assert f"'{name}' expects integer from {-1 << 63} to {(1 << 63) - 1}; got " in said, said
                assert number > LAST64 or said.endswith(f"got {number}"), said


def test_the_last_numbers_of_people():
    with Host(memory=MEMORY[1]) as host:
        host.hmp("object_add memory-backend-ram,id=m,size=128M")
        for line in (f"device_add pc-dimm,id=d,memdev=m,addr={LAST64}",
                     f"device_add pc-dimm,id=d,memdev=m,addr={LAST64:#x}",
                     f"device_add pc-dimm,id=d,memdev=m,slot={LAST32}",
                     f"memory plug 128M,addr={LAST64:#x}", f"memory plug 128M,slot={LAST32}",
                     f"memory plug 128M,node={LAST32}"):
            assert "rror" in host.hmp(line), line
        assert host.qmp.execute("query-memory-devices") == []


def test_the_last_numbers_of_the_command_line():
    backend = ("-object", "memory-backend-ram,id=m,size=128M,reserve=off")
    for options in (("-device", f"pc-dimm,memdev=m,addr={LAST64}"),
                    ("-device", f'{{"driver":"pc-dimm","memdev":"m","addr":{LAST64}}}'),
                    ("-device", f"pc-dimm,memdev=m,slot={LAST32}"),
                    ("-device", f"pc-dimm,memdev=m,node={LAST32}"),
                    ("-memslot", f"id=s,size=128M,start={LAST64}"),
                    ("-memslot", f"id=s,size=128M,node={LAST32}")):
        result = subprocess.run(
            [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", *MEMORY, *backend,
             *options], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        assert result.returncode == 1, (options, result)


def test_the_defaults_of_the_device_are_qemus():
    with Host(memory=MEMORY[1]) as host:
        for index, more in enumerate(({"addr": 0}, {"slot": -1}, {})):
            host.qmp.execute("object-add", {"qom-type": "memory-backend-ram",
                                            "id": f"m{index}", "size": 128 * MIB})
            host.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": f"m{index}", **more})
        places = [device["data"] for device in host.qmp.execute("query-memory-devices")]
        assert [place["slot"] for place in places] == [0, 1, 2], places
        assert [place["addr"] for place in places] == [(4 << 30) + n * 128 * MIB
                                                       for n in range(3)], places


if __name__ == "__main__":
    tap.main()
