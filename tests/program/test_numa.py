#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""NUMA nodes, the objects that are the RAM at start, and what a booting guest is
told of DIMMs. A test plays the guest, so it needs no KVM."""

import contextlib
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tables, tap                                  # noqa: E402
from lib.machine import CLONE, GUEST                         # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.tables import Memory                                # noqa: E402
from peer import HOTRAM, Peer                                # noqa: E402

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
BZIMAGE = ["-kernel", str(GUEST / "vmlinuz-generic")]
VMLINUX = ["-kernel", str(CLONE / "build/native/tests/micro/micro")]


@contextlib.contextmanager
def machine(memory, *options):
    peer = Peer(HOTRAM, memory, options)
    try:
        yield peer
    finally:
        peer.close()


def hmp(peer, line):
    return peer.qmp.execute("human-monitor-command", {"command-line": line})


def ram_object(name, size):
    return ["-object", f"memory-backend-ram,id={name},size={size}"]


def plug(peer, name, size, **properties):
    peer.qmp.execute("object-add", {"qom-type": "memory-backend-ram",
                                    "id": f"{name}-mem", "size": size})
    peer.qmp.execute("device_add", {"driver": "pc-dimm", "id": name,
                                    "memdev": f"{name}-mem", **properties})


def dimm_nodes(peer):
    return {entry["data"]["id"]: entry["data"]["node"]
            for entry in peer.qmp.execute("query-memory-devices")}


def refused(peer, command, **arguments):
    try:
        peer.qmp.execute(command, arguments)
    except QMPError as error:
        return error.desc
    raise AssertionError(f"{command} {arguments} was taken")


def start_fails(*options):
    result = subprocess.run([HOTRAM["program"], *HOTRAM["options"], "-nodefaults",
                             "-display", "none", *options], timeout=60, check=False,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert result.returncode == 1, (options, result)
    return result.stderr


# ---- nodes ----

def test_one_node_with_slots_and_none_without():
    with machine("128M,slots=2,maxmem=1G", "-smp", "2") as peer:
        cpus, memory = tables.srat(peer.qtest)
        assert cpus == {0: 0, 1: 0}
        assert memory == [Memory(0, 640 * KIB, 0, False),
                          Memory(MIB, 127 * MIB, 0, False),
                          Memory(4 * GIB, GIB - 128 * MIB + 2 * GIB, 0, True)]
        assert tables.slit(peer.qtest) is None
    with machine("128M") as peer:
        assert tables.table(peer.qtest, b"SRAT") is None
        assert hmp(peer, "info numa") == "0 nodes\r\n"


def test_two_nodes_with_objects_and_distances():
    with machine("192M,slots=2,maxmem=1G", "-smp", "4",
                 *ram_object("a", "64M"), *ram_object("b", "128M"),
                 "-numa", "node,memdev=a,cpus=0,cpus=2-3",
                 "-numa", "node,memdev=b,cpus=1",
                 "-numa", "dist,src=0,dst=1,val=15",
                 "-numa", "dist,src=1,dst=0,val=25") as peer:
        cpus, memory = tables.srat(peer.qtest)
        assert cpus == {0: 0, 1: 1, 2: 0, 3: 0}
        assert memory[1:3] == [Memory(MIB, 63 * MIB, 0, False),
                               Memory(64 * MIB, 128 * MIB, 1, False)]
        # As QEMU: the region is in the highest node.
        assert memory[3][2:] == (1, True), memory
        assert tables.slit(peer.qtest) == [[10, 15], [25, 10]]
        plug(peer, "d0", 128 * MIB)
        plug(peer, "d1", 256 * MIB, node=1)
        assert dimm_nodes(peer) == {"d0": 0, "d1": 1}
        assert hmp(peer, "info numa").splitlines() == [
            "2 nodes", "node 0 cpus: 0 2 3", "node 0 size: 192 MB",
            "node 0 plugged: 128 MB", "node 1 cpus: 1", "node 1 size: 384 MB",
            "node 1 plugged: 256 MB"]
        assert [cpu["props"]["node-id"] for cpu in
                peer.qmp.execute("query-cpus-fast")] == [0, 1, 0, 0]
        # The guest's _PXM is the register.
        for slot in (0, 1):
            peer.qtest.port_out(0xa00, 4, slot)
            assert peer.qtest.port_in(0xa10, 4) == slot


def test_a_node_that_is_not_there_or_an_object_in_use_is_refused():
    with machine("192M,slots=2,maxmem=1G", *ram_object("a", "64M"),
                 *ram_object("b", "128M"), *ram_object("c", "128M"),
                 "-numa", "node,memdev=a", "-numa", "node,memdev=b") as peer:
        before = (hmp(peer, "info memory-hotplug"), peer.qmp.execute("query-memdev"))
        words = refused(peer, "device_add", driver="pc-dimm", id="x", memdev="c", node=2)
        assert words == "'DIMM property node has value 2' which exceeds the number " \
                        "of numa nodes: 2; the last is node=1", words
        words = refused(peer, "device_add", driver="pc-dimm", id="x", memdev="b")
        assert words.startswith("can't use already busy memdev: b is used by 'RAM'")
        words = refused(peer, "object-del", id="a")
        assert words.startswith("object 'a' is in use, can not be deleted"), words
        assert before == (hmp(peer, "info memory-hotplug"),
                          peer.qmp.execute("query-memdev"))
        assert [backend["id"] for backend in before[1]] == ["a", "b", "c"]


def test_cpus_left_over_are_in_node_0_with_a_warning():
    with machine("128M", "-smp", "3", "-numa", "node,mem=64M", "-numa",
                 "node,mem=64M,cpus=1") as peer:
        assert tables.srat(peer.qtest)[0] == {0: 0, 1: 1, 2: 0}
        said = peer.said()
        for cpu in (0, 2):
            assert "warning: CPU(s) not present in any NUMA nodes: CPU " \
                   f"{cpu} [socket-id: 0, core-id: {cpu}, thread-id: 0]" in said, said


def test_the_program_refuses_bad_nodes_at_its_start():
    for options, words in (
            (["-numa", "node,nodeid=1,mem=128"], "numa: Node ID missing: 0"),
            (["-numa", "node,mem=64"], "total memory for NUMA nodes (0x4000000) should "
                                       "equal RAM size (0x8000000)"),
            (["-machine", "memory-backend=a"], "Memory backend 'a' not found"),
            (["-m", "64M", *ram_object("a", "65M"), "-machine", "memory-backend=a"],
             "Machine memory size does not match the size of the memory backend"),
            (["-m", "1M", *ram_object("a", "1M"), "-machine", "memory-backend=a"],
             "at least 2 MiB of RAM")):
        said = start_fails(*options)
        assert words in said, (options, said)


def test_ram_that_cannot_be_written_is_refused():
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(64 * MIB)
        said = start_fails("-m", "64M", "-object", "memory-backend-file,id=a,size=64M,"
                           f"mem-path={file.name},readonly=on",
                           "-machine", "memory-backend=a")
        assert "Memory backend 'a' has readonly=on" in said, said


# ---- the objects that are RAM ----

def test_the_bytes_of_ram_are_those_of_the_objects():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        files = {name: pathlib.Path(folder) / name for name in "ab"}
        objects = [word for name, size in (("a", "1G"), ("b", "3G")) for word in (
            "-object", f"memory-backend-file,id={name},size={size},share=on,"
                       f"mem-path={files[name]}")]
        with machine("4G,slots=1,maxmem=5G", *objects, "-numa", "node,memdev=a",
                     "-numa", "node,memdev=b") as peer:
            # Node 1 begins at 1 GiB, and goes on at 4 GiB behind the hole.
            for name, address, offset in (("a", GIB - 4, GIB - 4), ("b", GIB, 0),
                                          ("b", 2 * GIB - 4, GIB - 4),
                                          ("b", 4 * GIB, GIB),
                                          ("b", 6 * GIB - 4, 3 * GIB - 4)):
                peer.qtest.write(address, b"here")
                with files[name].open("rb") as file:
                    file.seek(offset)
                    assert file.read(4) == b"here", (name, hex(address))
            assert tables.srat(peer.qtest)[1][1:] == [
                Memory(MIB, GIB - MIB, 0, False), Memory(GIB, GIB, 1, False),
                Memory(4 * GIB, 2 * GIB, 1, False), Memory(6 * GIB, 2 * GIB, 1, True)]


def test_memory_backend_is_ram_with_and_without_its_size():
    for memory in (["64M"], ["slots=1,maxmem=1G"]):
        with machine(*memory, *ram_object("a", "64M"), "-machine",
                     "memory-backend=a") as peer:
            assert [backend["id"] for backend in peer.qmp.execute("query-memdev")] \
                == ["a"]
            assert peer.qmp.execute("query-memory-size-summary")["base-memory"] \
                == 64 * MIB
            peer.qtest.write(64 * MIB - 4, b"here")


def test_ram_that_is_allocated_before_the_start():
    with machine("64M", "-object", "memory-backend-memfd,id=a,size=64M,prealloc=on",
                 "-machine", "memory-backend=a") as peer:
        ram, = peer.qmp.execute("query-memdev")
        assert ram["resident"] == 64 * MIB and ram["used-by"] == "RAM", ram


def test_a_write_over_two_nodes():
    with machine("64M", *ram_object("a", "16M"), *ram_object("b", "48M"),
                 "-numa", "node,memdev=a", "-numa", "node,memdev=b") as peer:
        peer.qtest.write(16 * MIB - 2, b"four")
        assert peer.qtest.read(16 * MIB - 2, 4) == b"four"


def test_ram_in_a_file_that_becomes_shorter():
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        with machine("64M", *ram_object("a", "16M"), "-object",
                     f"memory-backend-file,id=b,size=48M,share=on,mem-path={file.name}",
                     "-numa", "node,memdev=a", "-numa", "node,memdev=b") as peer:
            file.truncate(MIB)
            data = peer.qmp.wait_event("MEMORY_FAILURE")["data"]
            assert data["id"] == "b" and data["mem-path"] == file.name, data
            assert peer.qmp.execute("query-status")["status"] == "internal-error"


def test_a_kernel_and_tables_that_lie_in_many_nodes():
    # The first node ends in the area of the tables, others in the kernel.
    sizes = [960, 64, 1024, 512] + [3 * 1024 + 4] * 50
    objects = [word for i, size in enumerate(sizes)
               for word in ram_object(f"m{i}", f"{size}K")]
    nodes = [word for i in range(len(sizes)) for word in ("-numa", f"node,memdev=m{i}")]
    memory = f"{sum(sizes) * KIB}B"
    with machine(memory, *objects, *nodes, *BZIMAGE) as split, \
            machine(memory, *BZIMAGE) as whole:
        # Of the second node all is in the hole below 1 MiB.
        assert [entry.node for entry in tables.srat(split.qtest)[1]] \
            == [0] + list(range(2, len(sizes)))
        piece = 4 * KIB                            # a read does not cross a node's end
        for address in range(MIB, 10 * MIB, piece):
            assert split.qtest.read(address, piece) == whole.qtest.read(address, piece)


# ---- DIMMs in a guest that boots ----

def test_dimm_node():
    with machine("128M,slots=4,maxmem=1G", "-machine", "dimm-node=own") as peer:
        assert tables.srat(peer.qtest)[1][-1][2:] == (1, True)
        plug(peer, "a", 128 * MIB)
        plug(peer, "b", 128 * MIB, node=0)
        assert dimm_nodes(peer) == {"a": 1, "b": 0}
        assert "node 1 cpus:\r\n" in hmp(peer, "info numa")
    with machine("128M,slots=4,maxmem=1G", "-numa", "node,mem=128", "-numa", "node",
                 "-machine", "dimm-node=1") as peer:
        plug(peer, "a", 128 * MIB)
        assert dimm_nodes(peer) == {"a": 1}


def test_e820_lists_each_dimm_from_the_next_reset_on():
    region = 4 * GIB
    end = region + GIB - 128 * MIB + 8 * GIB
    for kernel, read in ((BZIMAGE, tables.boot_params_map),
                         (VMLINUX, tables.start_info_map)):
        with machine("128M,slots=8,maxmem=1G", "-machine", "dimm-at-boot=e820",
                     *ram_object("c", "128M"), "-device",
                     "pc-dimm,id=cold,memdev=c,addr=0x140000000", *kernel) as peer:
            cold = (region + GIB, 128 * MIB)
            assert tables.ram_from(read(peer.qtest)[0], 4 * GIB) == [cold]
            for name in "xyz":
                plug(peer, name, 128 * MIB)
            plug(peer, "other", 128 * MIB, node=0)
            assert tables.ram_from(read(peer.qtest)[0], 4 * GIB) == [cold]
            peer.qmp.execute("device_del", {"id": "y"})
            peer.qmp.execute("system_reset")
            peer.qmp.wait_event("DEVICE_DELETED", {"device": "y"})
            x, z, other = [(region + i * 128 * MIB, 128 * MIB) for i in (0, 2, 3)]
            assert tables.ram_from(read(peer.qtest)[0], 4 * GIB) == [x, z, other, cold]
            assert tables.srat(peer.qtest)[1][2:] == [
                Memory(*x, 1, True),
                Memory(region + 128 * MIB, 128 * MIB, 1, True),      # a gap
                Memory(*z, 1, True), Memory(*other, 0, True),
                Memory(region + 512 * MIB, 512 * MIB, 1, True), Memory(*cold, 1, True),
                Memory(cold[0] + cold[1], end - cold[0] - cold[1], 1, True)]
            # Nothing is pending: the guest has them.
            flags = hmp(peer, "info memory-hotplug")
            assert "pending" not in flags, flags


def test_acpi_lists_none():
    with machine("128M,slots=8,maxmem=1G", *BZIMAGE) as peer:
        before = tables.srat(peer.qtest)
        plug(peer, "a", 128 * MIB)
        peer.qmp.execute("system_reset")
        assert tables.ram_from(tables.boot_params_map(peer.qtest)[0], 4 * GIB) == []
        assert tables.srat(peer.qtest) == before


def plug_256(peer, step):
    """DIMMs of a memory block, `step` apart."""
    places = [(4 * GIB + i * step, 128 * MIB) for i in range(256)]
    for i, (address, size) in enumerate(places):
        plug(peer, f"d{i}", size, addr=address)
    peer.qmp.execute("system_reset")
    dimms = [entry[:2] for entry in tables.srat(peer.qtest)[1] if entry.hotpluggable]
    assert [entry for entry in dimms if entry in places] == places
    return places


def test_256_dimms_in_the_map_of_a_bzimage():
    for step in (128 * MIB, 256 * MIB):
        with machine("128M,slots=256,maxmem=40G", "-machine", "dimm-at-boot=e820",
                     *BZIMAGE) as peer:
            places = plug_256(peer, step)
            entries, first = tables.boot_params_map(peer.qtest)
            assert tables.ram_from(entries, 4 * GIB) == places
            assert first == 128 < len(entries)
            # Fewer DIMMs, and what was too much for boot_params is gone.
            for i in range(256):
                if i % 4:
                    peer.qmp.execute("device_del", {"id": f"d{i}"})
            peer.qmp.execute("system_reset")
            entries, first = tables.boot_params_map(peer.qtest)
            assert tables.ram_from(entries, 4 * GIB) == places[::4]
            assert first == len(entries)


def test_256_dimms_in_the_map_of_a_vmlinux():
    options = ("128M,slots=256,maxmem=40G", "-machine", "dimm-at-boot=e820", *VMLINUX)
    with machine(*options) as peer:
        plug_256(peer, 128 * MIB)                  # neighbours become one entry
        entries, count = tables.start_info_map(peer.qtest)
        assert tables.ram_from(entries, 4 * GIB) == [(4 * GIB, 32 * GIB)]
        assert "warning" not in peer.said()
    with machine(*options) as peer:
        places = plug_256(peer, 256 * MIB)
        entries, count = tables.start_info_map(peer.qtest)
        listed = tables.ram_from(entries, 4 * GIB)
        assert count == 128 and listed == places[:len(listed)]
        assert f"{256 - len(listed)} DIMMs at the highest addresses are missing from it" \
            in peer.said(), peer.said()


if __name__ == "__main__":
    tap.main()
