#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""virtio-blk: a test plays the driver, and looks at the image behind it."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap, virtio                                  # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.inject import faults                                # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from test_pci import Slot                                    # noqa: E402

MIB = 1 << 20
BUFFERS = 0x800000
IN, OUT, FLUSH, GET_ID, DISCARD, WRITE_ZEROES = 0, 1, 4, 8, 11, 13
OK, IOERR, UNSUPP = 0, 1, 2
RO, F_FLUSH, CONFIG_WCE, MQ, F_DISCARD, F_WRITE_ZEROES = (1 << bit for bit in (5, 9, 11, 12, 13, 14))
ALL = F_FLUSH | CONFIG_WCE | F_DISCARD | F_WRITE_ZEROES


class Disk:
    """A machine with one, and its driver. What a request has is at BUFFERS, its header and status before it."""

    def __init__(self, node="", device="", features=ALL, image=MIB, driver="file", environment=None):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name) / "disk.img"
        self.path.write_bytes(bytes(i * 7 & 0xff for i in range(256)) * (image // 256))
        where = f",filename={self.path}" if driver == "file" else f",size={image}"
        self.host = Host(["-blockdev", f"{driver},node-name=n{where}{node}",
                          "-device", f"virtio-blk-pci,id=d,drive=n{device}"], environment=environment)
        self.host.qmp.execute("cont")
        self.qtest = self.host.qtest
        space = virtio.Pci(self.qtest)
        self.device = virtio.Device(space, space.find(0x1af4, 0x1042))
        self.start(features)

    def start(self, features=ALL):
        self.device.begin(features | virtio.VERSION_1)
        self.queue = self.device.queue(0)
        self.device.ready()

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self.host.__exit__(*arguments)
        self.folder.cleanup()

    def post(self, kind, sector=0, data=b"", room=0, at=BUFFERS, number=0, kick=True):
        """Returns its head, and where its status is."""
        header = BUFFERS - 0x1000 + 64 * number
        self.qtest.write(header, struct.pack("<IIQ", kind, 0, sector))
        self.qtest.write(header + 32, b"\xff")
        buffers = [(header, 16, False)]
        if data:
            self.qtest.write(at, data)
            buffers.append((at, len(data), False))
        if room:
            buffers.append((at, room, True))
        head = self.queue.offer([*buffers, (header + 32, 1, True)])
        if kick:
            self.queue.kick()
        return head, header + 32

    def ask(self, kind, sector=0, data=b"", room=0, at=BUFFERS):
        """The status, and what was read."""
        head, status = self.post(kind, sector, data, room, at)
        assert self.queue.used()[0] == head
        return self.qtest.read(status, 1)[0], self.qtest.read(at, room) if room else b""

    def range(self, kind, sector, count, flags=0):
        return self.ask(kind, sector=0, data=struct.pack("<QII", sector, count, flags))[0]

    def stats(self):
        return self.host.qmp.execute("query-blockstats")[0]["stats"]

    def io_status(self):
        block, = self.host.qmp.execute("query-block")
        return block.get("io-status")


def each_engine():
    for aio in "threads", "io_uring":
        for direct in "off", "on":
            yield f",aio={aio},cache.direct={direct},discard=unmap"


def test_reads_and_writes():
    for node in each_engine():
        with Disk(node) as disk:
            before = disk.path.read_bytes()
            assert disk.ask(IN, 3, room=4096) == (OK, before[3 * 512:3 * 512 + 4096]), node
            text = bytes(range(255, -1, -1)) * 8
            assert disk.ask(OUT, 100, data=text)[0] == OK
            assert disk.ask(FLUSH)[0] == OK
            assert disk.path.read_bytes() == before[:51200] + text + before[51200 + 2048:]
            assert disk.ask(IN, 100, room=2048) == (OK, text)
            # Memory that no disk takes by itself.
            assert disk.ask(IN, 100, room=512, at=BUFFERS + 7) == (OK, text[:512])
            stats = disk.stats()
            assert (stats["rd_operations"], stats["rd_bytes"]) == (3, 4096 + 2048 + 512), stats
            assert (stats["wr_operations"], stats["wr_bytes"]) == (1, 2048), stats
            assert stats["flush_operations"] == 1 and stats["wr_highest_offset"] == 51200 + 2048, stats


def test_a_node_counts_what_all_its_users_have_asked():
    """Also that over which it stands."""
    with Host(["-blockdev", "null-co,node-name=n,size=1M,read-zeroes=on", "-blockdev", "raw,node-name=r,file=n",
               "-blockdev", "null-co,node-name=other,size=1M", "-device", "virtio-blk-pci,drive=r"]) as host:
        host.qmp.execute("cont")
        disk = Disk.__new__(Disk)
        disk.host, disk.qtest = host, host.qtest
        space = virtio.Pci(host.qtest)
        disk.device = virtio.Device(space, space.find(0x1af4, 0x1042))
        disk.start()
        assert disk.ask(OUT, 8, data=bytes(1024))[0] == disk.ask(IN, 0, room=512)[0] == OK
        own = disk.stats()
        nodes = {node["node-name"]: node["stats"]
                 for node in host.qmp.execute("query-blockstats", {"query-nodes": True})}
        for stats in own, nodes["n"], nodes["r"]:
            assert (stats["wr_bytes"], stats["wr_operations"], stats["rd_bytes"], stats["rd_operations"]) \
                == (1024, 1, 512, 1), stats
            assert stats["wr_highest_offset"] == 8 * 512 + 1024 and stats["idle_time_ns"] > 0, stats
        assert nodes["other"]["rd_operations"] == 0 and "idle_time_ns" not in nodes["other"], nodes


def test_a_write_beyond_a_threshold_is_told_once():
    """By the node that has it: a threshold is set on the storage under a format, as libvirt does."""
    def threshold(host, name):
        return {node["node-name"]: node["write_threshold"] for node in host.qmp.execute("query-named-block-nodes")}[name]

    with Host(["-blockdev", "null-co,node-name=n,size=1M,read-zeroes=on", "-blockdev", "raw,node-name=r,file=n",
               "-device", "virtio-blk-pci,drive=r"]) as host:
        host.qmp.execute("cont")
        disk = Disk.__new__(Disk)
        disk.host, disk.qtest = host, host.qtest
        space = virtio.Pci(host.qtest)
        disk.device = virtio.Device(space, space.find(0x1af4, 0x1042))
        disk.start()
        host.qmp.execute("block-set-write-threshold", {"node-name": "n", "write-threshold": 64 * 512})
        assert (threshold(host, "n"), threshold(host, "r")) == (64 * 512, 0)
        disk.ask(OUT, 62, data=bytes(1024))                  # up to it
        disk.ask(IN, 100, room=512)
        assert threshold(host, "n") == 64 * 512
        disk.ask(OUT, 63, data=bytes(1536))
        told = host.qmp.wait_event("BLOCK_WRITE_THRESHOLD")["data"]
        assert told == {"node-name": "n", "amount-exceeded": 1024, "write-threshold": 64 * 512}, told
        assert threshold(host, "n") == 0
        disk.ask(OUT, 100, data=bytes(512))
        host.qmp.execute("block-set-write-threshold", {"node-name": "r", "write-threshold": 512})
        disk.ask(OUT, 1, data=bytes(512))
        assert host.qmp.wait_event("BLOCK_WRITE_THRESHOLD")["data"]["node-name"] == "r"
        host.refuses(["0 or more"], "block-set-write-threshold", {"node-name": "n", "write-threshold": -1})
        host.refuses(["node-name='x'"], "block-set-write-threshold", {"node-name": "x", "write-threshold": 1})


def test_what_is_there():
    with Disk(device=",serial=abc,num-queues=1,physical_block_size=4096") as disk:
        driver = disk.device
        assert driver.config(0, 4) == MIB // 512 and driver.config(20, 4) == 512
        assert driver.config(24, 1) == 3 and driver.config(32, 1) == 1
        assert driver.offered & ALL == ALL and not driver.offered & (RO | MQ)
        assert driver.config(44, 4) == 1                    # alignment of discards, in sectors
        assert disk.ask(GET_ID, room=20) == (OK, b"abc".ljust(20, b"\0"))
        assert disk.ask(99)[0] == UNSUPP
        block, = disk.host.qmp.execute("query-block")
        assert block["qdev"] == "/machine/peripheral/d/virtio-backend", block
        assert block["inserted"]["node-name"] == "n", block
        assert block["io-status"] == "ok", block


def test_the_granularity_of_discards():
    with Disk(device=",discard_granularity=65536,logical_block_size=4096") as disk:
        assert disk.device.config(44, 4) == 128


def test_ranges():
    with Disk(",discard=unmap") as disk:
        before = disk.path.read_bytes()
        assert disk.range(WRITE_ZEROES, 8, 8) == disk.range(WRITE_ZEROES, 32, 8, flags=1) == OK
        assert disk.range(DISCARD, 64, 64) == OK
        for kind, sector, count, flags, status in (
                (DISCARD, 0, 8, 1, UNSUPP), (WRITE_ZEROES, 0, 8, 2, UNSUPP),
                (DISCARD, MIB // 512, 1, 0, IOERR), (WRITE_ZEROES, 0, 0xffffffff, 0, IOERR),
                (DISCARD, 1 << 63, 8, 0, IOERR)):
            assert disk.range(kind, sector, count, flags) == status, (kind, sector, count)
        zeroes = bytes(4096)
        assert disk.path.read_bytes() == (before[:4096] + zeroes + before[8192:16384] + zeroes +
                                          before[20480:32768] + bytes(32768) + before[65536:])
        stats = disk.stats()
        assert (stats["unmap_operations"], stats["unmap_bytes"]) == (1, 32768), stats
        assert stats["invalid_unmap_operations"] == 3 and stats["invalid_wr_operations"] == 2, stats


def test_what_is_refused():
    with Disk() as disk:
        before = disk.path.read_bytes()
        end = MIB // 512
        for kind, sector, length in ((IN, end, 512), (IN, end - 1, 1024), (IN, (1 << 64) - 1, 512), (IN, 0, 100),
                                     (OUT, end, 512), (OUT, 1 << 55, 512), (OUT, 0, 700)):
            data = bytes(length) if kind == OUT else b""
            status, _ = disk.ask(kind, sector, data=data, room=0 if data else length)
            assert status == IOERR, (kind, sector, length)
        assert disk.path.read_bytes() == before
        stats = disk.stats()
        assert (stats["invalid_rd_operations"], stats["invalid_wr_operations"]) == (4, 3), stats
        assert stats["failed_rd_operations"] == stats["rd_operations"] == 0, stats


def test_requests_that_make_no_sense():
    for buffers, words in (([(BUFFERS, 8, False), (BUFFERS, 1, True)], "no header"),
                           ([(BUFFERS, 16, False)], "no byte for its status")):
        with Disk() as disk:
            disk.queue.offer(buffers)
            disk.queue.kick()
            disk.device.wait_status(virtio.NEEDS_RESET)
            said = disk.host.errors.read_text()
            assert words in said and said.count("\n") == 1, said
            disk.start()
            assert disk.ask(IN, 0, room=512)[0] == OK


def test_a_disk_that_is_only_read():
    with Disk(",read-only=on", features=F_FLUSH) as disk:
        before = disk.path.read_bytes()
        assert disk.device.offered & (RO | F_DISCARD | F_WRITE_ZEROES) == RO
        assert disk.ask(IN, 0, room=512) == (OK, before[:512])
        assert disk.ask(OUT, 0, data=bytes(512))[0] == IOERR
        assert disk.range(DISCARD, 0, 8) == UNSUPP
        assert disk.path.read_bytes() == before


def test_it_grows():
    with Disk() as disk:
        generation = disk.device.read(0x15, 1)
        disk.host.qmp.execute("block_resize", {"node-name": "n", "size": 2 * MIB})
        assert disk.device.config(0, 4) == 2 * MIB // 512
        assert disk.device.read(0x15, 1) != generation
        assert disk.device.interrupt_status() & 2
        assert disk.ask(OUT, MIB // 512, data=b"x" * 512)[0] == OK
        assert disk.path.read_bytes()[MIB:MIB + 512] == b"x" * 512


def test_writes_are_safe_without_flushes():
    """A driver that knows no flushes, and one that turns the cache off: each write is followed by one."""
    for features in 0, ALL:
        with Disk(features=features) as disk:
            if features:
                disk.device.pci.write(disk.device.structures[4] + 32, 1, 0)
            assert disk.ask(OUT, 0, data=bytes(512))[0] == OK
            stats = disk.stats()
            assert (stats["wr_operations"], stats["flush_operations"]) == (1, 1), (features, stats)


def refused(*options):
    """What a start says that fails."""
    run = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none",
                          "-blockdev", "null-co,node-name=n,size=1M", *options], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1, run
    return run.stderr


def test_options_that_are_wrong():
    for options, words in (("drive=n,id=d -device virtio-blk-pci,drive=n", "Block node 'n' is in use: disk 'd' writes it"),
                           ("drive=n -device virtio-blk-pci,drive=n", "in use: a disk without an id writes it"),
                           ("id=d", "Parameter 'drive' is missing"),
                           ("drive=m", "can't find value 'm': Cannot find device='' nor node-name='m'; available: n"),
                           ("drive=n,num-queues=0", "from 1 to 64"), ("drive=n,queue-size=100", "a power of two"),
                           ("drive=n,werror=no", "'werror' expects one of"),
                           ("drive=n,rerror=enospc", "'rerror' expects one of"),
                           ("drive=n,write-cache=maybe", "'write-cache' expects one of"),
                           ("drive=n,logical_block_size=1000", "a power of two"),
                           ("drive=n,logical_block_size=4096,physical_block_size=512", "not supported"),
                           ("drive=n,discard_granularity=1000", "not a multiple of logical_block_size=512"),
                           ("drive=n,id=d -device virtio-blk-pci,drive=n,share-rw=on",
                            "disk 'd' writes it with share-rw=off; for a disk that writes with share-rw=on"),
                           (f"drive=n,serial={'x' * 21}", "at most 20 characters")):
        said = refused("-device", *f"virtio-blk-pci,{options}".split(" "))
        assert words in said and "-device virtio-blk-pci" in said, said
    said = refused("-blockdev", "null-co,node-name=o,size=512", "-device", "virtio-blk-pci,drive=o,logical_block_size=1024")
    assert "512 bytes, which is not a multiple of logical_block_size=1024" in said, said


def test_a_node_that_is_used_stays():
    with Disk() as disk:
        disk.host.refuses(["is in use: by disk 'd'; that device stays with the machine"], "blockdev-del",
                          {"node-name": "n"})
        assert disk.ask(IN, 0, room=512)[0] == OK


def test_an_image_that_is_shared():
    """Two programs write one image if both say so; not if one does not."""
    with Disk(device=",share-rw=on") as disk:
        node = json.dumps({"driver": "file", "node-name": "n", "filename": str(disk.path)})
        with Host(["-blockdev", node, "-device", "virtio-blk-pci,id=d,drive=n,share-rw=on", "-device",
                   "virtio-blk-pci,drive=n,share-rw=on"]) as other:
            other.qmp.execute("cont")
            space = virtio.Pci(other.qtest)
            second = Disk.__new__(Disk)
            second.host, second.qtest, second.device = other, other.qtest, \
                virtio.Device(space, space.find(0x1af4, 0x1042))
            second.start()
            assert disk.ask(OUT, 8, b"one".ljust(512))[0] == OK
            assert second.ask(IN, 8, room=512) == (OK, b"one".ljust(512))
            assert second.ask(OUT, 8, b"two".ljust(512))[0] == OK
            assert disk.ask(IN, 8, room=512) == (OK, b"two".ljust(512))
        for share in ("", ",share-rw=off"):
            said = refused("-blockdev", node.replace('"n"', '"m"'), "-device", f"virtio-blk-pci,drive=m{share}")
            assert "lock: another program uses the image" in said, said


def late(seconds, **options):
    return Disk(f",latency-ns={int(seconds * 1e9)}", driver="null-co", **options)


def test_a_reset_waits_for_what_is_under_way():
    with late(0.3) as disk:
        for number in range(8):
            disk.post(IN, 0, room=512, number=number)
        last, _ = disk.post(GET_ID, room=20, at=BUFFERS + 0x1000, number=8)
        assert disk.queue.used()[0] == last                 # the others are under way
        disk.device.status = 0
        virtio.wait_until(lambda: disk.device.status == 0, "the end of the reset")
        assert disk.queue.used_index == 9
        disk.start()
        assert disk.ask(IN, 0, room=512)[0] == OK
        disk.host.qmp.execute("system_reset")
        assert disk.host.qmp.execute("query-status")["status"] in ("running", "prelaunch", "paused")


def test_an_eject_says_which_disk_it_waits_for():
    """While it waits, and in the reason at its deadline; and DEVICE_DELETED comes when the request has ended."""
    with late(3) as disk:
        host = disk.host
        host.add("ram", size=128 * MIB)
        host.dimm("dimm")
        dimm, = host.qmp.execute("query-memory-devices")
        host.qmp.execute("cont")
        disk.post(IN, 0, room=4096, at=dimm["data"]["addr"])
        second, _ = disk.post(GET_ID, room=20, number=1)
        assert disk.queue.used()[0] == second
        host.qmp.execute("memory-unplug", {"id": "dimm", "timeout": 1})
        host.qtest.port_out(0xa00, 4, 0)
        host.qtest.port_out(0xa14, 1, 8)
        end = host.qmp.wait_event("MEMORY_OPERATION_DONE", {"operation": "unplug"}, 60)["data"]
        assert end["result"] == "unanswered" and end["waits-for"] == ["d"], end
        assert "in use by d;" in end["reason"], end
        assert host.qmp.execute("query-memory-operations")[-1]["waits-for"] == ["d"]
        assert "waits for: d" in host.hmp("info memory-operations")
        late_end = host.qmp.wait_event("MEMORY_OPERATION_LATE", {}, 60)["data"]
        assert late_end["result"] == "done" and "waits-for" not in late_end, late_end


def test_a_dimm_goes_when_its_requests_have_ended():
    with late(0.5) as disk:
        host = disk.host
        host.add("ram", size=128 * MIB)
        host.dimm("dimm")
        dimm, = host.qmp.execute("query-memory-devices")
        address = dimm["data"]["addr"]
        begin = time.monotonic()
        head, _ = disk.post(IN, 0, room=4096, at=address)
        # One behind it that ends at once: the first is at the host now.
        second, _ = disk.post(GET_ID, room=20, number=1)
        assert disk.queue.used()[0] == second
        host.eject("dimm")
        assert time.monotonic() - begin >= 0.5
        assert disk.queue.used()[0] == head
        # The device works on, and memory that is gone is the guest's fault.
        assert disk.ask(IN, 0, room=512)[0] == OK


def test_failures_are_reported_or_ignored():
    with faults() as calls, Disk(",aio=threads", device=",rerror=ignore", environment=calls.environment) as disk:
        with calls.fail("preadv", "EIO"):
            assert disk.ask(IN, 0, room=512)[0] == OK
            event = disk.host.qmp.wait_event("BLOCK_IO_ERROR")["data"]
            assert (event["operation"], event["action"], event["nospace"]) == ("read", "ignore", False), event
            assert event["qdev"] == "/machine/peripheral/d/virtio-backend" and event["node-name"] == "n", event
        with calls.fail("pwritev", "EIO"):
            assert disk.ask(OUT, 0, data=bytes(512))[0] == IOERR
            event = disk.host.qmp.wait_event("BLOCK_IO_ERROR")["data"]
            assert (event["operation"], event["action"]) == ("write", "report"), event
        assert disk.host.qmp.execute("query-status")["status"] == "running"
        stats = disk.stats()
        assert stats["failed_rd_operations"] == stats["failed_wr_operations"] == 1, stats


def test_a_guest_stands_still_until_there_is_space():
    with faults() as calls, Disk(",aio=threads", environment=calls.environment) as disk:
        with calls.fail("pwritev", "ENOSPC"):
            heads = [disk.post(OUT, 8 * number, data=bytes([number]) * 512, at=BUFFERS + 512 * number, number=number)
                     for number in range(3)]
            disk.host.qmp.wait_event("STOP")
            assert disk.host.qmp.execute("query-status")["status"] == "io-error"
            assert disk.queue.used_index == 0 and disk.io_status() == "nospace"
            said = disk.host.qmp.execute("human-monitor-command", {"command-line": "info block"})
            assert "I/O status:       nospace" in said, said
        disk.host.qmp.execute("cont")
        assert disk.io_status() == "ok"
        assert {disk.queue.used()[0] for _ in heads} == {head for head, _ in heads}
        assert all(disk.qtest.read(status, 1) == b"\0" for _, status in heads)
        assert all(disk.path.read_bytes()[4096 * number:][:512] == bytes([number]) * 512 for number in range(3))


def test_a_failure_that_stops_is_not_forgotten_for_a_later_one():
    """Of requests that fail together, those that are reported end, and those that wait stop the machine."""
    with faults() as calls, Disk(",aio=threads", environment=calls.environment) as disk:
        with calls.fail("pwritev", "ENOSPC", "preadv", "EIO"):
            writes = [disk.post(OUT, number, data=bytes([number]) * 512, at=BUFFERS + 512 * number, number=number,
                                kick=False)[0] for number in range(8)]
            reads = [disk.post(IN, number, room=512, at=BUFFERS + 512 * number, number=number, kick=False)[0]
                     for number in range(8, 16)]
            disk.queue.kick()
            disk.host.qmp.wait_event("STOP")
            assert {disk.queue.used()[0] for _ in reads} == set(reads)
            assert disk.io_status() == "nospace"
        disk.host.qmp.execute("cont")
        assert {disk.queue.used()[0] for _ in writes} == set(writes)


def test_a_status_of_disks_that_may_stop_the_machine():
    for device, status in ((",werror=report", None), (",werror=ignore,rerror=ignore", None),
                           (",werror=report,rerror=stop", "ok"), (",werror=enospc", "ok"), (",werror=stop", "ok")):
        with Disk(device=device) as disk:
            assert disk.io_status() == status, device


def test_a_reset_gives_up_what_has_failed():
    with faults() as calls, Disk(",aio=threads", device=",rerror=stop", environment=calls.environment) as disk:
        with calls.fail("preadv", "EIO"):
            disk.post(IN, 0, room=512)
            disk.host.qmp.wait_event("STOP")
        disk.host.qmp.execute("system_reset")
        assert disk.io_status() == "failed"
        disk.host.qmp.execute("cont")
        assert disk.io_status() == "ok"
        disk.device = virtio.Device(virtio.Pci(disk.qtest), disk.device.place)
        disk.start()
        assert disk.ask(IN, 0, room=512)[0] == OK


def switches(host, thread):
    """How often a thread of the program has waited."""
    text = pathlib.Path(f"/proc/{host.process.pid}/task/{thread}/status").read_text()
    return int(text.split("voluntary_ctxt_switches:")[1].split()[0])


def test_threads_of_ones_own():
    """Requests of a disk are handled on the thread that it names, and on no other."""
    with Host(["-object", "iothread,id=io0", "-object", "iothread,id=io1",
               "-blockdev", "null-co,node-name=a,size=1M", "-blockdev", "null-co,node-name=b,size=1M",
               "-device", "virtio-blk-pci,id=d,drive=a,iothread=io0", "-device", "virtio-blk-pci,drive=b,iothread=io0",
               "-device", "virtio-rng-pci", "-device", "pcie-root-port,id=port,addr=0x8"]) as host:
        qmp = host.qmp
        qmp.execute("cont")
        threads = {entry["id"]: entry["thread-id"] for entry in qmp.execute("query-iothreads")}
        assert list(threads) == ["io0", "io1"] and len(set(threads.values())) == 2
        assert f"io0:\n  thread_id={threads['io0']}" in host.hmp("info iothreads").replace("\r", "")
        disk = Disk.__new__(Disk)
        disk.host, disk.qtest = host, host.qtest
        space = virtio.Pci(host.qtest)
        disk.device = virtio.Device(space, space.find(0x1af4, 0x1042))
        disk.start()
        before = {name: switches(host, threads[name]) for name in threads}
        for _ in range(20):
            assert disk.ask(IN, 0, room=512)[0] == OK
        after = {name: switches(host, threads[name]) for name in threads}
        assert after["io0"] >= before["io0"] + 10 and after["io1"] == before["io1"], (before, after)
        host.refuses(["object 'io0' is in use", "that device stays with the machine"], "object-del", {"id": "io0"})
        qmp.execute("object-del", {"id": "io1"})
        assert [entry["id"] for entry in qmp.execute("query-iothreads")] == ["io0"]
        # And while the machine runs.
        count = host.threads()
        qmp.execute("object-add", {"qom-type": "iothread", "id": "io2"})
        assert host.threads() == count + 1
        qmp.execute("blockdev-add", {"driver": "null-co", "node-name": "c", "size": MIB})
        hot = {"driver": "virtio-blk-pci", "id": "e", "drive": "c", "iothread": "io2", "bus": "port"}
        host.refuses(["can't find value 'io1'", "-object iothread,id=io1"], "device_add", {**hot, "iothread": "io1"})
        qmp.execute("device_add", hot)
        host.refuses(["object 'io2' is in use", "'e' uses it"], "object-del", {"id": "io2"})
        host.refuses(["iothread has no property 'poll-max-ns'"], "object-add",
                     {"qom-type": "iothread", "id": "io3", "poll-max-ns": 1})


def test_a_disk_comes_and_goes():
    """Into a root port, whose guest's driver lets it go again: its node is free then."""
    with Host(["-device", "pcie-root-port,id=pci.1,addr=0x1", "-blockdev", "null-co,node-name=n,size=1M"]) as host:
        host.qmp.execute("cont")
        slot = Slot(host)
        slot.begin()
        for _ in range(3):
            host.qmp.execute("device_add", {"driver": "virtio-blk-pci", "id": "d", "bus": "pci.1", "drive": "n"})
            slot.begin()
            assert list(slot.found().values()) == ["1af4:1042"], slot.found()
            host.refuses(["is in use: by disk 'd'; device_del frees it"], "blockdev-del", {"node-name": "n"})
            host.qmp.execute("device_del", {"id": "d"})
            slot.let_go()
            host.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
            assert host.qmp.execute("query-block") == []
        host.qmp.execute("blockdev-del", {"node-name": "n"})


if __name__ == "__main__":
    tap.main()
