#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Live migration: a guest that writes and verifies its memory moves between programs; what differs, and what cannot be
sent, is refused while it runs."""

import contextlib
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.micro import hear, tell                             # noqa: E402
from lib.migration import accept, begin_writing, describe, dimm, end, end_writing, failed, info, move  # noqa: E402
from lib.migration import pass_fd, place, plug, refusal, set_capabilities, start, status, wait_migration  # noqa: E402
from lib.vhost_back_end import BackEnd                       # noqa: E402
from test_vhost_user_fs import Echo                          # noqa: E402

MIB = 1 << 20


def test_there_and_back_ten_times_while_it_writes():
    """With DIMMs that come and go between the moves."""
    with place() as folder, contextlib.ExitStack() as machines:
        machine = machines.enter_context(start("-smp", "2"))
        plugged, written = [], 0
        for number in range(10):
            if number in (2, 5):
                plugged.append(len(plugged))
                plug(machine, plugged[-1])
            if number == 8:
                machine.qmp.execute("device_del", {"id": f"d{plugged.pop()}"})
                tell(machine, "h")
                machine.qmp.wait_event("DEVICE_DELETED")
            uri = f"unix:{folder}/{number}"
            target = machines.enter_context(start("-smp", "2", *(word for one in plugged for word in dimm(one)),
                                                  incoming=uri))
            begin_writing(machine)
            result = move(machine, target, uri)
            assert result["ram"]["remaining"] == 0 and result["ram"]["dirty-sync-count"] >= 2, result
            now = end_writing(target)
            assert now > written, (now, written)
            written = now
            end(machine)
            machine = target
        tell(machine, "e", "e")
        machine.qmp.execute("system_reset")
        hear(machine, "micro")
        end(machine)


def test_events_in_order():
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        source.qmp.take_events()
        move(source, target, f"unix:{folder}/m")
        events = [describe(event) for event in source.qmp.take_events()]
        passes = [event for event in events if event.startswith("PASS")]
        assert passes == [f"PASS {number}" for number in range(1, len(passes) + 1)] and len(passes) >= 2, events
        order = [event for event in events if not event.startswith("PASS") or event == "PASS 1"]
        assert order == ["setup", "PASS 1", "active", "STOP", "completed"], events
        assert events.index("STOP") < events.index(passes[-1]) < events.index("completed"), events
        assert "events" not in info(target)
        assert info(target) == {"status": "completed"}
        end(source)
        end(target)


def test_what_the_target_says():
    """Its state, and its events; it runs by itself if it was started without -S, or cont was given before."""
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        assert status(target) == "inmigrate"
        target.qmp.execute("cont")
        assert status(target) == "inmigrate"
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "completed")
        wait_migration(target, "completed")
        events = [describe(event) for event in target.qmp.take_events()]
        assert events[-3:] == ["active", "RESUME", "completed"], events
        assert not (folder / "m").exists()
        tell(target, "e", "e")
        end(source)
        end(target)


def test_a_paused_guest_arrives_paused():
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        source.qmp.execute("stop")
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "completed")
        wait_migration(target, "completed")
        assert status(target) == "paused"
        target.qmp.execute("cont")
        tell(target, "e", "e")
        end(source)
        end(target)


def test_the_target_is_the_source_again():
    """After cont, which an administrator gives who knows that the other one does not run."""
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        move(source, target, f"unix:{folder}/m")
        assert "paused due to previous migration" in refusal(source.qmp.execute, "migrate", {"uri": "unix:/x"})
        end(target)
        source.qmp.execute("cont")
        tell(source, "e", "e")
        end(source)


def test_devices_move():
    """PCI devices over a socket; a disk, whose image the source has locked, by way of a file."""
    devices = ["-device", "virtio-rng-pci", "-device", "virtio-balloon-pci", "-device", "pcie-root-port,id=port"]
    with place() as folder:
        uri = f"unix:{folder}/m"
        with start(*devices) as source, start(*devices, incoming=uri) as target:
            begin_writing(source)
            move(source, target, uri)
            end_writing(target)
            end(source)
            end(target)
        (folder / "disk").write_bytes(bytes(MIB))
        disk = ["-drive", f"file={folder}/disk,format=raw,if=virtio"]
        with start(*disk) as source, open(folder / "stored", "wb") as stored:
            pass_fd(source, "stored", stored.fileno())
            source.qmp.execute("migrate", {"uri": "fd:stored"})
            wait_migration(source, "completed")
            end(source)
        with open(folder / "stored", "rb") as stored:
            number = stored.fileno()
            with start(*disk, incoming=f"fd:{number}", pass_fds=(number,)) as target:
                wait_migration(target, "completed")
                target.qmp.execute("cont")
                tell(target, "e", "e")
                end(target)


# ---- what differs is refused, and the guest runs on ----

def test_targets_that_differ():
    """Each is refused before the guest is stopped, by name and with both values."""
    cases = [
        (["-m", "128M,slots=4,maxmem=2G"], "machine: ", "RAM size"),
        (["-smp", "2"], "machine: ", "cpus"),
        (dimm(0, where=0x108000000), "DIMMs: ", "slot 0 address", "0x100000000", "0x108000000"),
        (["-object", "memory-backend-ram,id=m0,size=128M", "-device", "pc-dimm,memdev=m0,id=other,slot=0"],
         "DIMMs: ", "other"),
        (dimm(0, size="256M"), "DIMMs: ", "size"),
        ([*dimm(0), *dimm(1)], "DIMMs: "),
        ([], "DIMMs: "),
    ]
    with place() as folder, start() as source:
        plug(source, 0)
        for number, (options, *words) in enumerate(cases):
            uri = f"unix:{folder}/{number}"
            here = options if any("pc-dimm" in word for word in options) or not options else [*dimm(0), *options]
            with start(*here, incoming=uri) as target:
                source.qmp.take_events()
                source.qmp.execute("migrate", {"uri": uri})
                reason = failed(source, target)
                assert reason.startswith("the target refuses: ") and all(word in reason for word in words), reason
                events = [describe(event) for event in source.qmp.take_events()]
                assert events == ["setup", "failed"], events
        end(source)


CPU = {"driver": "host-x86_64-cpu", "socket-id": 0, "core-id": 1, "thread-id": 0, "id": "c1"}


def test_cpus_that_were_plugged():
    """The target needs them, too: one that lacks it is refused while the guest runs."""
    cpus = ["-smp", "1,maxcpus=2"]
    with place() as folder, start(*cpus) as source:
        source.qmp.execute("device_add", CPU)
        tell(source, "p")
        with start(*cpus, incoming=f"unix:{folder}/1") as target:
            source.qmp.take_events()
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/1"})
            assert "CPUs: 'CPU 1 id' is 'c1'" in failed(source, target)
            assert [describe(event) for event in source.qmp.take_events()] == ["setup", "failed"]
        here = ["-device", ",".join(f"{key}={value}" for key, value in CPU.items()).removeprefix("driver=")]
        with start(*cpus, *here, incoming=f"unix:{folder}/2") as target:
            move(source, target, f"unix:{folder}/2")
            tell(target, "e", "e")
            end(target)
        end(source)


def test_a_machine_that_has_no_saved_form():
    """libvirt sees it before it begins."""
    with place() as folder, Echo(folder / "back") as back, \
            start("-chardev", f"socket,id=c,path={back.path}", "-device", "vhost-user-fs-pci,id=fs0,chardev=c,tag=t") as source:
        [reason] = info(source)["blocked-reasons"]
        assert "'fs0'" in reason and "has no saved form" in reason, reason
        assert reason in refusal(source.qmp.execute, "migrate", {"uri": "unix:/x"})
        end(source)


def test_devices_whose_writes_have_no_log():
    """A back end of vhost-user writes to guest memory: the guest has to be stopped, and stays so."""
    with place() as folder, BackEnd(folder / "back") as back, BackEnd(folder / "back2") as other:
        def device(one):
            return ["-chardev", f"socket,id=c,path={one.path}", "-device", "vhost-user-blk-pci,chardev=c,id=vu0"]

        with start(*device(back)) as source, start(*device(other), incoming=f"unix:{folder}/m") as target:
            said = refusal(source.qmp.execute, "migrate", {"uri": f"unix:{folder}/m"})
            assert "device 'vu0': the kernel or another program writes to guest memory" in said, said
            source.qmp.execute("stop")
            set_capabilities(source, pause_before_switchover=True)
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
            wait_migration(source, "pre-switchover")
            assert "not finalized" in refusal(source.qmp.execute, "cont")
            source.qmp.execute("migrate-continue", {"state": "pre-switchover"})
            wait_migration(source, "completed")
            target.qmp.execute("cont")
            tell(target, "e", "e")
            end(source)
            end(target)


def test_a_reset_comes_before_what_has_no_log():
    """A guest that asks for a second reset waits for it a quarter of a second, and cannot be sent meanwhile. One with such
    a device is not resumed during a migration for that reason either."""
    with place() as folder, BackEnd(folder / "back") as back, socket.socket(socket.AF_UNIX) as listener, \
            start("-chardev", f"socket,id=c,path={back.path}", "-device", "vhost-user-blk-pci,chardev=c,id=vu0") as source:
        listener.bind(f"{folder}/m")
        listener.listen()
        set_capabilities(source, pause_before_switchover=True)
        for _ in range(20):     # until this is faster than the guest
            source.console.send_keys("r")
            hear(source, "micro")
            source.console.send_keys("r")
            time.sleep(0.02)
            source.qmp.execute("stop")
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
            with accept(listener):
                result = wait_migration(source, "pre-switchover", "failed")
                if result["status"] == "failed":
                    break
                source.qmp.execute("migrate_cancel")
                wait_migration(source, "cancelled")
            source.qmp.execute("cont")
            hear(source, "micro")
        assert result["error-desc"].startswith("the guest has just asked for a reset or to be switched off"), result
        source.qmp.execute("cont")
        hear(source, "micro")
        end(source)


if __name__ == "__main__":
    tap.main()
