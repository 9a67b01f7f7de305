#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Memory that is allocated before its use, while everything else goes on; and memory
that the host cannot give, or not any more. A test plays the guest."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import DIMM, FLAGS, MIB, TYPES, Host, file_of, warm_up   # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.qtest import QtestError                             # noqa: E402

GIB = 1 << 30
PAGE = 4096



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
            # On a busy machine there are others on the way.
            host.qmp.wait_event("MEMORY_PREALLOC", {"id": "m", "done": 96 * MIB,
                                                    "size": 96 * MIB})
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
        assert "already being deleted" in other or "not found" in other, other
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
        assert process.returncode == 1 and "-object memory-backend-" in said and "cancelled" in said, said
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
            assert "truncated" in data["reason"] and "1 MiB" in data["reason"], data
            # Everything else is still there.
            host.qtest.write(DIMM + 16 * MIB, b"other")
            assert host.qtest.read(DIMM + 16 * MIB, 5) == b"other"
            host.qmp.execute("system_reset")
            host.qmp.clear_events()
            host.eject("d", 0)
            host.eject("e", 1)
            host.refuses(["truncated", "1 MiB", "16 MiB"], "device_add",
                         {"driver": "pc-dimm", "memdev": "m"})
            host.qmp.execute("object-del", {"id": "m"})
            host.qmp.execute("object-del", {"id": "other"})


if __name__ == "__main__":
    tap.main()
