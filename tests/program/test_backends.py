#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Memory backends of all types: properties, allocation before use, bad input,
memory that fails. A test plays the guest, so it needs no KVM; huge pages are in
tests/guest/test_backends.py."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM, Machine                     # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402
from lib.qtest import QtestError, QtestServer                # noqa: E402

MIB = 1 << 20
GIB = 1 << 30
DIMM = 4 << 30
FLAGS = 0xa14
PAGE = 4096
TYPES = {"ram": "memory-backend-ram", "file": "memory-backend-file",
         "memfd": "memory-backend-memfd"}


class Host(Machine):
    """A machine without a guest, a folder for its files, and a test's hands at its
    registers and its memory."""

    def __init__(self, options=(), memory="64M,slots=4,maxmem=64G"):
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="hotram-files-"))
        server = QtestServer(self.files / "qtest")
        super().__init__(["-accel", "qtest", "-qtest", f"unix:{server.path}",
                          "-m", memory, *options], kernel=None, run=False, reboot=True)
        self.qtest = server.accept()

    def add(self, kind, name="m", size=16 * MIB, **properties):
        properties = {key.replace("_", "-"): str(value) if key == "mem_path" else value
                      for key, value in properties.items()}
        self.qmp.execute("object-add", {"qom-type": TYPES[kind], "id": name,
                                        "size": size, **properties})

    def dimm(self, name="d", memdev="m", **properties):
        self.qmp.execute("device_add", {"driver": "pc-dimm", "id": name,
                                        "memdev": memdev, **properties})

    def eject(self, name="d", slot=0):
        """As a guest would."""
        self.qmp.execute("device_del", {"id": name})
        self.qtest.port_out(0xa00, 4, slot)
        self.qtest.port_out(FLAGS, 1, 8)
        self.qmp.wait_event("DEVICE_DELETED", {"device": name})

    def memdev(self, name="m"):
        return {memdev["id"]: memdev for memdev
                in self.qmp.execute("query-memdev")}[name]

    def second(self):
        """Another program at the same monitor."""
        return QMP(self.folder / "qmp")

    def mapping(self, size=16 * MIB):
        """Flags and fields of the mapping of this size in /proc/PID/smaps."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps").read_text()
        for part in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.M):
            if re.search(rf"^Size: +{size // 1024} kB", part, re.M):
                return part
        raise AssertionError(f"no mapping of {size} bytes")

    def state(self):
        """What a failed command must not change."""
        ask = self.qmp.execute
        memdevs = [{key: value for key, value in memdev.items()
                    if key not in ("resident", "reserved")}
                   for memdev in ask("query-memdev")]
        return (memdevs, ask("query-memory-devices"), ask("query-status"),
                self.fds(), self.threads(), sorted(self.files.iterdir()))

    def refuses(self, words, command, arguments):
        before = self.state()
        try:
            self.qmp.execute(command, arguments)
        except QMPError as error:
            for word in words:
                assert word in error.desc, f"no '{word}' in: {error.desc}"
        else:
            raise AssertionError(f"{command} {arguments} was accepted")
        assert self.state() == before, (before, self.state())

    def close(self):
        super().close()
        shutil.rmtree(self.files, ignore_errors=True)


def file_of(host, size, name="file", content=b""):
    path = host.files / name
    path.write_bytes(content)
    os.truncate(path, size)
    return path


def warm_up(host):
    """What is made once and stays: the watch on files; with the thread sanitizer a
    thread of its own beside the first."""
    host.add("file", mem_path=file_of(host, MIB, "first"), size=MIB, prealloc=True)
    host.qmp.execute("object-del", {"id": "m"})
    host.qmp.clear_events()


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
        assert "mg" in flags and "hg" in flags, flags
        assert not {"dd", "nr"} & set(flags), flags
        host.qmp.execute("object-del", {"id": "a"})
        host.add("ram", "a", merge=False, dump=False, reserve=False)
        flags = host.mapping().split("VmFlags:")[1].split()
        assert {"dd", "nr"} <= set(flags) and "mg" not in flags, flags
    with Host(["-machine", "mem-merge=off,dump-guest-core=off"]) as host:
        host.add("ram", "a")
        host.add("ram", "b", merge=True, dump=True, size=18 * MIB)
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


# ---- allocation before use ----

def test_prealloc_of_all_types():
    with Host(["-smp", "2"]) as host:
        path = file_of(host, 0)
        warm_up(host)
        before = host.threads()
        for kind, properties in (("ram", {}), ("ram", {"share": True}), ("memfd", {}),
                                 ("memfd", {"share": False}),
                                 ("file", {"mem_path": path, "share": True}),
                                 ("file", {"mem_path": path}),
                                 ("file", {"mem_path": host.files})):
            host.add(kind, size=96 * MIB, prealloc=True, **properties)
            event = host.qmp.wait_event("MEMORY_PREALLOC", {"id": "m"})
            assert event["data"] == {"id": "m", "done": 96 * MIB, "size": 96 * MIB}
            assert host.memdev()["resident"] == 96 * MIB, (kind, properties)
            assert host.threads() == before
            host.dimm()
            assert host.qtest.read(DIMM + 95 * MIB, 4) == bytes(4)
            host.eject()
            host.qmp.execute("object-del", {"id": "m"})


def test_prealloc_keeps_what_a_file_contains():
    with Host() as host:
        path = file_of(host, 16 * MIB, content=b"here" * 4096)
        for share in (True, False):
            host.add("file", mem_path=path, share=share, prealloc=True)
            host.dimm()
            assert host.qtest.read(DIMM, 8) == b"herehere"
            host.eject()
            host.qmp.execute("object-del", {"id": "m"})


def test_unplug_gives_back_and_plugging_again_allocates_again():
    with Host() as host:
        host.add("memfd", size=64 * MIB, prealloc=True)
        for _ in range(3):
            host.dimm()
            host.qtest.write(DIMM, b"x")
            assert host.memdev()["resident"] == 64 * MIB
            host.eject()
            assert host.memdev()["resident"] == 0
        host.dimm()
        assert host.qtest.read(DIMM, 1) == b"\0"


def large(part):
    """Bytes that take a while to allocate, and that this machine has: 1/part of
    what is free, at most 8 GiB."""
    text = pathlib.Path("/proc/meminfo").read_text()
    free = int(re.search(r"MemAvailable: *(\d+)", text)[1]) << 10
    return min(8 * GIB, free // part) // (2 * MIB) * (2 * MIB)


def begin(host, qmp, size=None):
    """Sends an object-add that takes seconds, and does not wait for its answer."""
    qmp.send_raw(b'{"execute": "object-add", "id": "slow", "arguments": {"qom-type": '
                 b'"memory-backend-memfd", "id": "big", "prealloc": true, '
                 b'"prealloc-threads": 1, "size": %d}}\r\n' % (size or large(2)))
    host.wait_until(lambda: any(memdev["id"] == "big" for memdev
                                in host.qmp.execute("query-memdev")),
                    what="the backend is listed")


def answer(qmp):
    message = qmp.read_answer(time.monotonic() + 60)
    assert message["id"] == "slow", message
    return message


def resident_falls(host, below):
    host.wait_until(lambda: host.rss() < below, what=f"less than {below} KiB resident")


def test_others_go_on_while_memory_is_allocated():
    with Host() as host:
        adder = host.second()
        begin(host, adder)
        assert host.qmp.execute("query-status")["status"] == "prelaunch"
        host.add("ram", "other")
        host.dimm(memdev="other")
        host.qtest.write(DIMM, b"x")                # the guest's side too
        assert host.qtest.read(DIMM, 1) == b"x"
        host.refuses(["still being allocated", "big"], "device_add",
                     {"driver": "pc-dimm", "memdev": "big"})
        host.refuses(["'big'"], "object-add", {"qom-type": TYPES["ram"], "id": "big",
                                              "size": MIB})
        # Progress reaches everybody, the one who waits too.
        for qmp in (host.qmp, adder):
            data = qmp.wait_event("MEMORY_PREALLOC", {"id": "big"})["data"]
            assert 0 < data["done"] <= data["size"], data
        host.qmp.execute("object-del", {"id": "big"})
        assert "cancelled" in answer(adder)["error"]["desc"]
        assert all(memdev["id"] != "big" for memdev in host.qmp.execute("query-memdev"))
        resident_falls(host, 256 * 1024)
        adder.close()


def test_two_who_delete_the_same():
    with Host() as host:
        adder, deleter = host.second(), host.second()
        begin(host, adder)
        results = []

        def delete(qmp):
            try:
                results.append(qmp.execute("object-del", {"id": "big"}))
            except QMPError as error:
                results.append(error.desc)

        threads = [threading.Thread(target=delete, args=(qmp,))
                   for qmp in (host.qmp, deleter)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {} in results and len(results) == 2, results
        other, = [result for result in results if result != {}]
        assert "being deleted already" in other or "not found" in other, other
        assert "cancelled" in answer(adder)["error"]["desc"]


def test_a_client_that_leaves():
    with Host() as host:
        adder = host.second()
        begin(host, adder, size=GIB)
        adder.close()
        host.qmp.wait_event("MEMORY_PREALLOC", {"id": "big", "done": GIB})
        assert host.memdev("big")["resident"] == GIB       # its command was done
        host.qmp.execute("object-del", {"id": "big"})


def test_the_program_ends_meanwhile():
    for how in ("quit", "signal"):
        with Host() as host:
            adder = host.second()
            begin(host, adder)
            if how == "quit":
                assert host.quit() == 0
            else:
                host.process.send_signal(signal.SIGTERM)
                assert host.wait_exit() == 0
            adder.close()


def test_device_add_that_allocates_again():
    with Host() as host:
        size = min(large(4), 2 * GIB)
        host.add("memfd", "big", size=size, prealloc=True, prealloc_threads=1)
        host.dimm(memdev="big")
        host.eject()
        plugger = host.second()
        for taken_back in (True, False):
            host.qmp.clear_events()
            plugger.send_raw(b'{"execute": "device_add", "id": "slow", "arguments": '
                             b'{"driver": "pc-dimm", "id": "d", "memdev": "big"}}\r\n')
            host.wait_until(lambda: host.memdev("big").get("used-by") == "d")
            assert host.qmp.execute("query-memory-devices") == []
            assert host.qmp.execute("query-memory-size-summary")["plugged-memory"] == 0
            assert host.qtest.port_in(FLAGS, 1) == 0         # the guest sees nothing
            host.refuses(["in use", "'d'"], "object-del", {"id": "big"})
            host.refuses(["busy memdev"], "device_add",
                         {"driver": "pc-dimm", "memdev": "big", "slot": 3})
            host.refuses(["Duplicate", "'d'"], "device_add",
                         {"driver": "pc-dimm", "id": "d", "memdev": "big"})
            host.refuses(["slot 0"], "device_add",
                         {"driver": "pc-dimm", "slot": 0, "memdev": "big"})
            if taken_back:
                host.qmp.execute("device_del", {"id": "d"})
                assert "cancelled" in answer(plugger)["error"]["desc"]
                assert "used-by" not in host.memdev("big")
                assert host.memdev("big")["resident"] == 0
            else:
                host.qmp.execute("system_reset")              # changes nothing
                assert "return" in answer(plugger)
                assert host.qtest.port_in(FLAGS, 1) & 1
                assert host.memdev("big")["resident"] == size
                assert host.qtest.read(DIMM, 1) == b"\0"
        plugger.close()


def test_start_waits_and_can_be_interrupted():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        command = [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S",
                   "-m", "64M,slots=2,maxmem=64G",
                   "-qmp", f"unix:{folder}/qmp,server=on,wait=off", "-object",
                   "memory-backend-memfd,id=big,"
                   f"size={large(2)},prealloc=on,prealloc-threads=1"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        statm = pathlib.Path(f"/proc/{process.pid}/statm")
        while int(statm.read_text().split()[1]) * PAGE < 128 * MIB:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)               # Ctrl-C
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 1 and "-object: " in said and "cancelled" in said, said
        assert os.listdir(folder) == []                  # nothing is left
    with Host(["-object", "memory-backend-ram,id=m,size=64M,prealloc=on",
               "-device", "pc-dimm,id=d,memdev=m"]) as host:
        assert host.memdev()["resident"] == 64 * MIB
        assert host.memdev()["used-by"] == "d"


# ---- memory that is not there ----

def test_no_space_where_it_comes_from():
    # A file system of 32 MiB: pages beyond are SIGBUS, or an error of madvise().
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32M", "none", folder],
                          check=False).returncode:
            raise tap.Skip("a file system can be mounted by root only")
        try:
            with Host() as host:
                warm_up(host)
                for path in (folder, folder + "/named"):
                    host.refuses(["preallocating memory failed", "64 MiB"], "object-add",
                                 {"qom-type": TYPES["file"], "id": "m", "size": 64 * MIB,
                                  "mem-path": path, "share": True, "prealloc": True})
                    assert os.listdir(folder) == []
                # Not allocated in advance: the access fails, the program does not.
                host.add("file", mem_path=folder, size=64 * MIB, share=True)
                host.dimm()
                host.qmp.execute("cont")
                fails(host, DIMM, 64 * MIB, "m")
        finally:
            subprocess.run(["umount", folder], check=True)


def fails(host, address, size, name):
    """Writes until the host has no more to give; the machine stops and says so."""
    try:
        for at in range(address, address + size, MIB):
            host.qtest.command(f"memset {at:#x} {MIB} 1")
    except QtestError as error:
        assert "the host cannot give the memory" in str(error)
    else:
        raise AssertionError("all could be written")
    stopped(host, name)


def stopped(host, name):
    data = host.qmp.wait_event("MEMORY_FAILURE")["data"]
    assert data["recipient"] == "hypervisor" and data["action"] == "fatal", data
    assert data["flags"] == {"action-required": True, "recursive": False}, data
    assert data["id"] == name, data
    host.qmp.wait_event("STOP")
    status = host.qmp.execute("query-status")
    assert status["status"] == "internal-error" and not status["running"], status
    assert f"guest memory of {name} has failed" in host.error_log
    try:
        host.qmp.execute("cont")
        raise AssertionError("it went on")
    except QMPError as error:
        assert "system_reset" in error.desc
    return data


def test_a_file_that_becomes_shorter():
    with Host() as host:
        path = file_of(host, 16 * MIB, content=b"x")
        # Nobody has to touch it; nobody cares before it is used, or of a file that
        # becomes longer.
        host.add("file", mem_path=path, offset=8 * MIB, size=8 * MIB)
        os.truncate(path, MIB)
        os.truncate(path, 32 * MIB)
        host.dimm()
        host.qmp.execute("cont")
        os.truncate(path, 16 * MIB)
        assert host.qmp.execute("query-status")["status"] == "running"
        os.truncate(path, 16 * MIB - 1)
        stopped(host, "m")
        host.qmp.execute("system_reset")
        host.eject()
        host.qmp.execute("object-del", {"id": "m"})
        host.qmp.clear_events()
        for share in (True, False):
            os.truncate(path, 16 * MIB)
            host.add("file", mem_path=path, share=share)
            host.add("ram", "other")
            host.dimm()
            host.dimm("e", "other")
            host.qmp.execute("cont")
            host.qtest.read(DIMM, 16)
            os.truncate(path, MIB)
            for line in (f"read {DIMM + 2 * MIB:#x} 4", f"writeb {DIMM + 15 * MIB:#x} 1",
                         f"memset {DIMM + MIB - 4096:#x} 8192 1"):
                try:
                    host.qtest.command(line)
                    raise AssertionError(f"{line} went well")
                except QtestError as error:
                    assert "the host cannot give" in str(error), error
            data = stopped(host, "m")
            assert data["mem-path"] == str(path), data
            assert "shorter" in data["reason"] and "1 MiB" in data["reason"], data
            # Everything else is still there.
            host.qtest.write(DIMM + 16 * MIB, b"other")
            assert host.qtest.read(DIMM + 16 * MIB, 5) == b"other"
            host.qmp.execute("system_reset")
            host.qmp.clear_events()
            host.eject("d", 0)
            host.eject("e", 1)
            host.refuses(["shorter", "1 MiB", "16 MiB"], "device_add",
                         {"driver": "pc-dimm", "memdev": "m"})
            host.qmp.execute("object-del", {"id": "m"})
            host.qmp.execute("object-del", {"id": "other"})


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
        add("ram", "the host's count", "16 TiB", "reserve=off", size=1 << 44)
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
        add("memfd", "hugetlbsize 4 MiB: this host has no huge pages of that size, but ",
            hugetlb=True, hugetlbsize=4 * MIB)
        empty = file_of(host, 0, "empty")
        add("file", "is empty", "readonly", readonly=True, mem_path=str(empty))
        add("file", "can't give", "File too large", size=1 << 62,
            mem_path=str(empty))
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
        assert result.returncode == 1 and "-object: " in result.stderr, result
        for word in words:
            assert word in result.stderr, result.stderr


if __name__ == "__main__":
    tap.main()
