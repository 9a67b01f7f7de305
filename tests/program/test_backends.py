#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""Memory backends of all types: their properties and effects, and bad input. A test
plays the guest, so it needs no KVM; huge pages are in tests/guest/test_backends.py."""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import DIMM, MIB, TYPES, Host, file_of          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402

GIB = 1 << 30
PAGE = 4096



# ---- properties and their effects ----

def test_what_query_memdev_shows():
    with Host() as host:
        path = file_of(host, 32 * MIB)
        host.add("ram", "r", prealloc=True, prealloc_threads=2, merge=False, dump=False,
                 policy="bind", host_nodes=[0])
        host.add("file", "f", mem_path=path, share=True, offset=16 * MIB, reserve=False)
        host.add("memfd", "m")
        r, f, m = (host.memdev(name) for name in "rfm")
        assert r == {"id": "r", "size": 16 * MIB, "merge": False, "dump": False,
                     "prealloc": True, "share": False, "reserve": True,
                     "host-nodes": [0], "policy": "bind", "page-size": PAGE,
                     "type": "memory-backend-ram", "resident": 16 * MIB,
                     "reserved": 0}, r
        assert f["share"] and not f["reserve"] and not f["prealloc"], f
        assert f["merge"] and f["dump"] and f["mem-path"] == str(path), f
        assert m["share"] and m["resident"] == 0 and "used-by" not in m, m
        host.dimm(memdev="m")
        host.qtest.write(DIMM, b"x")
        assert host.memdev("m")["used-by"] == "d"
        assert PAGE <= host.memdev("m")["resident"] <= 2 * MIB
        shown = host.hmp("info memdev").replace("\r", "")
        for line in ("memory backend: r\n  size:  16777216\n  merge: false\n",
                     "  policy: bind\n  host nodes: 0\n", f"  mem-path: {path}\n",
                     "  resident: 16777216\n", "  used-by: d\n"):
            assert line in shown, f"no {line!r} in {shown}"


def test_advice_to_the_kernel():
    # VmFlags: mg mergeable, dd not dumped, nr no reservation, hg huge pages.
    with Host() as host:
        host.add("ram", "a")
        flags = host.mapping().split("VmFlags:")[1].split()
        assert "hg" in flags and not {"mg", "dd", "nr"} & set(flags), flags
        host.dimm(memdev="a")                # its pages can be merged where it stays, from now on
        flags = host.mapping().split("VmFlags:")[1].split()
        assert {"mg", "hg"} <= set(flags) and not {"dd", "nr"} & set(flags), flags
        host.eject()
        host.qmp.execute("object-del", {"id": "a"})
        host.add("ram", "a", merge=False, dump=False, reserve=False)
        flags = host.mapping().split("VmFlags:")[1].split()
        assert {"dd", "nr"} <= set(flags) and "mg" not in flags, flags
    with Host(["-machine", "mem-merge=off,dump-guest-core=off"]) as host:
        host.add("ram", "a")
        host.add("ram", "b", merge=True, dump=True, size=18 * MIB)
        host.dimm("a", "a", addr=DIMM)
        host.dimm("b", "b", addr=DIMM + (1 << 30))
        flags = host.mapping().split("VmFlags:")[1].split()
        assert "dd" in flags and "mg" not in flags, flags
        flags = host.mapping(18 * MIB).split("VmFlags:")[1].split()
        assert "mg" in flags and "dd" not in flags, flags
        assert host.memdev("a")["merge"] is False


def test_placement():
    with Host() as host:
        for policy, shown in (("bind", "bind:0"), ("preferred", "prefer:0"),
                              ("interleave", "interleave:0")):
            host.add("ram", policy, policy=policy, host_nodes=[0], prealloc=True)
            start = host.mapping().split("-")[0]
            maps = pathlib.Path(f"/proc/{host.process.pid}/numa_maps").read_text()
            assert re.search(rf"^{start} {shown}", maps, re.M), maps
            host.qmp.execute("object-del", {"id": policy})
        for nodes in ("host-nodes=0", "host-nodes=0-0", "host-nodes.0=0",
                      "host-nodes=0,host-nodes=0"):
            said = host.hmp(f"object_add memory-backend-ram,id=h,size=2M,policy=bind,{nodes}")
            assert said == "", said
            assert host.memdev("h")["host-nodes"] == [0]
            host.hmp("object_del h")


def test_a_file_with_offset_and_what_stays_in_it():
    with Host() as host:
        path = file_of(host, 40 * MIB, content=b"head")
        host.add("file", mem_path=path, share=True, offset=16 * MIB)
        host.dimm()
        host.qtest.write(DIMM + 4, b"guest")
        host.eject()
        host.qmp.execute("object-del", {"id": "m"})
        data = path.read_bytes()
        assert len(data) == 40 * MIB and data[:4] == b"head"
        assert data[16 * MIB + 4:16 * MIB + 9] == b"guest"
        assert data.count(0) == len(data) - 9
        host.add("file", mem_path=path, offset=16 * MIB)      # private
        host.dimm()
        assert host.qtest.read(DIMM + 4, 5) == b"guest"
        host.qtest.write(DIMM + 4, b"other")
        host.eject()
        assert path.read_bytes() == data


def test_discard_data():
    with Host() as host:
        path = file_of(host, 48 * MIB, content=b"x" * 48 * MIB)
        host.add("file", mem_path=path, share=True, offset=16 * MIB, discard_data=True)
        host.dimm()
        assert host.qtest.read(DIMM, 2) == b"xx"
        host.eject()
        data = path.read_bytes()                 # holes read as zeros
        assert data.count(b"x") == 32 * MIB and not any(data[16 * MIB:32 * MIB])
        host.qmp.execute("object-del", {"id": "m"})
        host.add("file", mem_path=path, discard_data=True)      # private: stays
        host.qmp.execute("object-del", {"id": "m"})
        assert path.read_bytes() == data
        host.add("file", mem_path=path, share=True, discard_data=True)
        assert host.quit() == 0                  # the program's end counts too
        assert not any(path.read_bytes()[:16 * MIB])


def test_readonly():
    with Host() as host:
        path = file_of(host, 16 * MIB, content=b"read")
        path.chmod(0o444)
        for share in (False, True):
            host.add("file", mem_path=path, readonly=True, share=share)
            assert " r--" in host.mapping().splitlines()[0]
            host.refuses(["readonly=on", "share=off"],
                         "device_add", {"driver": "pc-dimm", "memdev": "m"})
            host.qmp.execute("object-del", {"id": "m"})
        assert path.read_bytes()[:4] == b"read"


def test_align():
    with Host() as host:
        path = file_of(host, 16 * MIB)
        host.add("file", mem_path=path, align=GIB)
        host.add("ram", "small", size=2 * MIB)
        host.dimm("s", "small")
        host.dimm()
        devices = {device["data"]["id"]: device["data"]["addr"]
                   for device in host.qmp.execute("query-memory-devices")}
        assert devices == {"s": DIMM, "d": DIMM + GIB}, devices
        assert int(host.mapping().split("-")[0], 16) % GIB == 0
        host.eject("d", 1)
        host.refuses(["aligned to 0x40000000"], "device_add",
                     {"driver": "pc-dimm", "memdev": "m", "addr": DIMM + 2 * MIB})


def test_seal():
    with Host() as host:
        for seal in (True, False):
            host.add("memfd", seal=seal)
            folder = pathlib.Path(f"/proc/{host.process.pid}/fd")
            memfd, = [fd for fd in folder.iterdir() if "hotram-backend" in os.readlink(fd)]
            with open(memfd, "r+b") as file:
                try:
                    file.truncate(0)
                    assert not seal
                except PermissionError:
                    assert seal
            host.qmp.execute("object-del", {"id": "m"})


# ---- bad input ----

def test_bad_properties():
    with Host() as host:
        path = file_of(host, 4 * MIB)

        def add(kind, *words, size=4 * MIB, **properties):
            arguments = {"qom-type": TYPES[kind], "id": "x", "size": size,
                         **{key.replace("_", "-"): value
                            for key, value in properties.items()}}
            if size is None:
                del arguments["size"]
            host.refuses(words, "object-add", arguments)

        file = {"mem_path": str(path)}
        add("ram", "'size' is missing", size=None)
        add("ram", "property 'size' of memory-backend-ram doesn't take value '0'", size=0)
        add("ram", "4097 bytes", "page size, 4 KiB", size=4097)
        add("ram", "too large", size=1 << 63)
        add("file", "too large", size=(1 << 63) - PAGE, offset=2 * PAGE, **file)
        add("ram", "property 'prealloc-threads' of memory-backend-ram doesn't take "
            "value '0'", prealloc_threads=0)
        add("ram", "from 0 to 4294967295", prealloc_threads=-1)
        add("ram", "expected: boolean", prealloc="on")
        add("ram", "'prealloc=on' and 'reserve=off' are incompatible", prealloc=True,
            reserve=False)
        add("ram", "cannot bind memory to host NUMA nodes", "no node 127",
            policy="bind", host_nodes=[0, 127])
        add("ram", "Invalid parameter type for 'host-nodes', expected: array",
            host_nodes=0, policy="bind")
        add("ram", "invalid host-nodes value: 128", host_nodes=[128], policy="bind")
        add("ram", "host-nodes must be empty for policy default", host_nodes=[0])
        add("ram", "host-nodes must be set for policy bind", policy="bind")
        add("ram", "host-nodes must be set for policy bind", policy="bind", host_nodes=[])
        add("ram", "does not accept value 'frob'", "interleave", policy="frob")
        add("ram", "no property 'mem-path'", mem_path="/tmp")
        add("ram", "no property 'align'", align=PAGE)
        add("ram", "no property 'hugetlb'", hugetlb=True)
        add("memfd", "no property 'offset'", offset=0)
        add("file", "no property 'seal'", seal=True, **file)
        add("file", "no property 'pmem'", pmem=True, **file)
        add("ram", "the host's commit limit", "16 TiB", "reserve=off", size=1 << 44)
        add("file", "'mem-path' is missing")
        add("file", "does not match 'size' option 8 MiB", "4 MiB", "truncate -s 8388608",
            size=8 * MIB, **file)
        add("file", "too small", "truncate -s 8388608", offset=4 * MIB, **file)
        add("file", "offset 5000 bytes is not a multiple of the page size, 4 KiB",
            offset=5000, **file)
        add("file", "alignment 0x3 must be multiples of page size 0x1000", align=3, **file)
        add("file", "alignment 0x800 must be multiples of page size", align=2048, **file)
        add("file", "alignment 0x3000 must be a power of two", align=12288, **file)
        add("file", "1 TiB", align=1 << 41, **file)
        add("file", "can't open backing store", "No such file", readonly=True,
            mem_path=str(host.files / "none"))
        add("file", "is a directory", "readonly", readonly=True, mem_path=str(host.files))
        add("file", "incompatible", readonly=True, prealloc=True, **file)
        add("memfd", "'hugetlbsize' needs 'hugetlb=on'", hugetlbsize=2 * MIB)
        add("memfd", "Hugepage size must be a power of 2", "3 MiB", hugetlb=True,
            hugetlbsize=3 * MIB)
        add("memfd", "hugetlbsize' doesn't take value '0'", hugetlb=True, hugetlbsize=0)
        add("memfd", "hugetlbsize 4 MiB: this host does not support that huge page size; it supports ",
            hugetlb=True, hugetlbsize=4 * MIB)
        empty = file_of(host, 0, "empty")
        add("file", "is empty", "readonly", readonly=True, mem_path=str(empty))
        # Refused by the file system; a tmpfs, as /tmp may be, leaves that to mmap.
        add("file", "4 EiB", size=1 << 62, mem_path=str(empty))
        assert empty.stat().st_size == 0 and path.stat().st_size == 4 * MIB
        add("file", "no node 99", policy="bind", host_nodes=[99], mem_path=str(empty))
        assert empty.stat().st_size == 0


def test_a_memdev_used_twice():
    with Host() as host:
        host.add("ram")
        host.dimm()
        host.refuses(["can't use already busy memdev: m", "'d'"], "device_add",
                     {"driver": "pc-dimm", "id": "e", "memdev": "m"})
        host.refuses(["can't use already busy memdev: hotram.ram"], "device_add",
                     {"driver": "pc-dimm", "id": "e", "memdev": "hotram.ram"})
        host.refuses(["in use"], "object-del", {"id": "m"})


def test_bad_words_of_people():
    with Host() as host:
        for words, *expected in (
                ("size=4M,host-nodes=1-0,policy=bind", "host-nodes", "1-0"),
                ("size=4M,host-nodes=x,policy=bind", "host-nodes", "'x'"),
                ("size=4M,prealloc=maybe", "'prealloc'", "'on' or 'off'"),
                ("size=4M,prealloc-threads=many", "'prealloc-threads'", "many"),
                ("size=4M,polcy=bind", "polcy", "policy"),
                ("size=12Q", "12Q")):
            before = host.state()
            said = host.hmp(f"object_add memory-backend-ram,id=x,{words}")
            assert said.startswith("Error: "), said
            for word in expected:
                assert word in said, (words, said)
            assert host.state() == before


def test_bad_objects_at_the_start():
    for object_, *words in (
            ("memory-backend-ram,id=x,size=4M,policy=bind,host-nodes=99", "no node 99"),
            ("memory-backend-ram,id=x,size=4M,prealloc-threads=0", "prealloc-threads"),
            ("memory-backend-memfd,id=x,size=4M,hugetlbsize=2M", "hugetlb=on"),
            ('{"qom-type":"memory-backend-ram","id":"x","size":4194304,"host-nodes":[0]}',
             "policy default")):
        result = subprocess.run(
            [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S",
             "-object", object_], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=60, check=False)
        assert result.returncode == 1 and f"-object {object_}: " in result.stderr, result
        for word in words:
            assert word in result.stderr, result.stderr


if __name__ == "__main__":
    tap.main()
