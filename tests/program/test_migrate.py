#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: some
"""Live migration: a guest that writes and verifies its memory moves between programs; what differs is refused while it
runs; and whatever breaks, it runs in one place at most."""

import contextlib
import fcntl
import os
import pathlib
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.micro import hear, tell                             # noqa: E402
from lib.migration import ACCEPTED, BASE, FAILED, HEADER, LIMIT, LOADED, STATE, accept, info, messages  # noqa: E402
from lib.migration import moved_between, place               # noqa: E402
from lib.migration import set_capabilities, start, status, wait_migration, where_it_runs  # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.saved import Saved                                  # noqa: E402
from lib.vhost_back_end import BackEnd                       # noqa: E402
from test_vhost_user_fs import Echo                          # noqa: E402

MIB = 1 << 20
NO_KERNEL = BASE[:BASE.index("-kernel")]


def dimm(number, where=None, size="128M", **more):
    """A DIMM of the command line; its address is that of the slot, unless given."""
    where = 0x100000000 + number * 128 * MIB if where is None else where
    words = "".join(f",{key}={value}" for key, value in more.items())
    return ["-object", f"memory-backend-ram,id=m{number},size={size}", "-device",
            f"pc-dimm,memdev=m{number},id=d{number},slot={number},addr={where:#x}{words}"]


def plug(machine, number):
    machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram", "id": f"m{number}", "size": 128 * MIB})
    machine.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": f"m{number}", "id": f"d{number}", "slot": number,
                                       "addr": 0x100000000 + number * 128 * MIB})
    tell(machine, "h")


def move(source, target, uri):
    """The guest moves, and the source ends."""
    source.qmp.execute("migrate", {"uri": uri})
    result = wait_migration(source, "completed")
    assert status(source) == "postmigrate"
    target.qmp.execute("cont")
    target.wait_until(lambda: status(target) == "running", LIMIT, "the guest runs")
    return result


def end(machine):
    assert machine.quit() == 0


def refusal(function, *arguments):
    try:
        function(*arguments)
    except QMPError as error:
        return str(error)
    raise AssertionError("it is accepted")


def begin_writing(machine):
    machine.console.send_keys("v")


def end_writing(machine, console=None):
    """The guest has found all that it wrote. Returns how often it has written everything."""
    (console or machine).console.send_keys("e")
    start = getattr(machine, "said", 0)
    _, match = machine.console.wait_for(r"^([0-9a-f]{8}) ([0-9a-f]{8})\.\r?\ne\.\r?\n", LIMIT, start)
    machine.said = match.end()
    wrong, written = (int(number, 16) for number in match.groups())
    assert wrong == 0, f"{wrong:#x} words were wrong"
    return written


# ---- the guest moves ----

@tap.kvm
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


@tap.kvm
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


def describe(event):
    name = event["event"]
    if name == "MIGRATION":
        return event["data"]["status"]
    return f"PASS {event['data']['pass']}" if name == "MIGRATION_PASS" else name


@tap.kvm
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


@tap.kvm
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


@tap.kvm
def test_the_target_is_the_source_again():
    """After cont, which an administrator gives who knows that the other one does not run."""
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        move(source, target, f"unix:{folder}/m")
        assert "paused due to previous migration" in refusal(source.qmp.execute, "migrate", {"uri": "unix:/x"})
        end(target)
        source.qmp.execute("cont")
        tell(source, "e", "e")
        end(source)


# ---- descriptors ----

def pass_fd(machine, name, fd):
    machine.qmp.pass_descriptors(fd)
    machine.qmp.execute("getfd", {"fdname": name})


@tap.kvm
def test_descriptors_and_a_file():
    """As libvirt saves and restores: a pipe into a file, and the file as an inherited descriptor."""
    with place() as folder, start() as source:
        plug(source, 0)
        begin_writing(source)
        source.qmp.execute("stop")
        set_capabilities(source, return_path=False)
        read, write = os.pipe()
        with open(folder / "image", "wb") as image:
            image.write(b"x" * 1669)
            copy = threading.Thread(target=lambda: [image.write(data) for data in iter(lambda: os.read(read, 65536), b"")])
            copy.start()
            pass_fd(source, "migrate", write)
            os.close(write)
            source.qmp.execute("migrate", {"uri": "fd:migrate", "detach": True, "resume": False})
            wait_migration(source, "completed")
            assert "not found" in refusal(source.qmp.execute, "closefd", {"fdname": "migrate"})
            copy.join(LIMIT)
        os.close(read)
        end(source)
        with open(folder / "image", "rb") as image:
            os.lseek(image.fileno(), 1669, os.SEEK_SET)
            with start(*dimm(0), incoming="defer", pass_fds=(image.fileno(),)) as target:
                assert status(target) == "inmigrate"
                target.qmp.execute("migrate-incoming", {"uri": f"fd:{image.fileno()}"})
                wait_migration(target, "completed")
                target.qmp.execute("cont")
                end_writing(target)
                end(target)


@tap.kvm
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

def failed(source, target):
    """Why a migration that must fail has failed; the guest runs here, and the target has ended."""
    reason = wait_migration(source, "failed")["error-desc"]
    assert status(source) == "running"
    tell(source, "e", "e")
    if target:
        assert target.process.wait(LIMIT) == 1
    return reason


@tap.kvm
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


@tap.kvm
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


@tap.kvm
def test_refused_at_once():
    with place() as folder, start() as source:
        def refused(uri):
            return refusal(source.qmp.execute, "migrate", {"uri": uri})

        assert f"cannot connect to '{folder}/none': No such file" in refused(f"unix:{folder}/none")
        for uri, why in (("tcp:127.0.0.1:1", "opens no connections to the network"), ("exec:cat", "starts no other programs")):
            assert f"'{uri}': in the sandbox, the program {why}; connect it outside and pass the descriptor " \
                "(getfd, then migrate fd:NAME), or start the program with -sandbox off" in refused(uri), refused(uri)
        assert "machine_snapshot writes a file" in refused("file:/tmp/x")
        assert "'x' expects unix:PATH, fd:NAME, tcp:ADDRESS:PORT or exec:COMMAND" in refused("x")
        assert "'none' not found" in refused("fd:none")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with ours, theirs:
            source.qmp.pass_descriptors(theirs.fileno())
            source.qmp.execute("getfd", {"fdname": "datagrams"})
            assert "fd:datagrams is a socket for datagrams" in refused("fd:datagrams")
        assert "has 200 bytes; the limit is 107" in refused("unix:/" + "x" * 199)
        assert "not specified on the command line" in refusal(source.qmp.execute, "migrate-incoming", {"uri": "fd:x"})
        assert "it is not pre-switchover" in refusal(source.qmp.execute, "migrate-continue", {"state": "pre-switchover"})
        assert "'xbzrle' is not supported" in refusal(
            source.qmp.execute, "migrate-set-capabilities", {"capabilities": [{"capability": "xbzrle", "state": True}]})
        assert "got 2000001" in refusal(source.qmp.execute, "migrate-set-parameters", {"downtime-limit": 2000001})
        source.qmp.execute("migrate_cancel")
        assert info(source) == {}
        end(source)
    with start(incoming="defer") as target:
        assert "waiting for an incoming migration" in refusal(target.qmp.execute, "migrate", {"uri": "unix:/x"})
        assert "cannot create socket '/nowhere/x'" in refusal(target.qmp.execute, "migrate-incoming", {"uri": "unix:/nowhere/x"})
        assert "device_del not allowed while migrating; it is possible when the guest has arrived" in \
            refusal(target.qmp.execute, "device_del", {"id": "d0"})
        end(target)


def free_port(address="127.0.0.1", family=socket.AF_INET):
    with socket.socket(family) as one:
        one.bind((address, 0))
        return one.getsockname()[1]


def sockets_of(machine, *tables):
    """The sockets of the network that the program has open."""
    numbers = {line.split()[9] for table in tables or ("tcp", "tcp6") if os.path.exists(f"/proc/net/{table}")
               for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]}
    links = [os.readlink(path) for path in pathlib.Path(f"/proc/{machine.process.pid}/fd").iterdir()]
    return [link for link in links if link.removeprefix("socket:[").removesuffix("]") in numbers]


def connect_passed(machine, port, address="127.0.0.1"):
    """As libvirt does: the source gets a socket that is connected."""
    with socket.create_connection((address, port)) as ours:
        machine.qmp.pass_descriptors(ours.fileno())
        machine.qmp.execute("getfd", {"fdname": "migrate"})


@tap.kvm
def test_a_target_on_the_network():
    """It listens, by a socket that was there before the sandbox, and has none when the guest runs."""
    for incoming, address, text in (("defer", "127.0.0.1", "127.0.0.1"), ("defer", "127.0.0.1", "[::]"), (None, "127.0.0.1", ""),
                                    (None, "127.0.0.1", "0"), ("defer", "::1", "[::1]")):
        if ":" in address + text and not os.path.exists("/proc/net/if_inet6"):
            continue
        port = free_port()
        uri = f"tcp:{text}:{port}"
        with start() as source, start(incoming=incoming or uri) as target:
            if incoming:
                target.qmp.execute("migrate-incoming", {"uri": uri})
            assert len(sockets_of(target)) == 1, sockets_of(target)
            connect_passed(source, port, address)
            begin_writing(source)
            move(source, target, "fd:migrate")
            assert sockets_of(target) == []
            end_writing(target)
            end(source)
            end(target)


@tap.kvm
def test_a_source_without_the_sandbox():
    """It connects to the network by itself."""
    for address, text in (("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")):
        if ":" in address and not os.path.exists("/proc/net/if_inet6"):
            continue
        uri = f"tcp:{text}:{free_port()}"
        with start("-sandbox", "off") as source, start(incoming=uri) as target:
            begin_writing(source)
            assert "running" == status(source)
            move(source, target, uri)
            end_writing(target)
            end(source)
            end(target)


@tap.kvm
def test_a_network_that_refuses():
    with start("-sandbox", "off") as source, socket.socket() as silent:
        for address, why in (("127.0.0.1", "with a port from 1 to 65535"), ("localhost:1", "expects an address in numbers"),
                             ("0:1", "expects the address of the host"), ("[::]:1", "expects the address of the host"),
                             (":1", "expects the address of the host"), ("127.0.0.1:1,to=4", "with a port")):
            said = refusal(source.qmp.execute, "migrate", {"uri": f"tcp:{address}"})
            assert why in said and f"'{address}'" in said, said
        source.qmp.execute("migrate", {"uri": f"tcp:127.0.0.1:{free_port()}"})
        assert wait_migration(source, "failed")["error-desc"] == "the target is not reached: Connection refused"
        silent.bind(("127.0.0.1", 0))           # whoever connects is not accepted, and waits for an answer
        silent.listen(0)
        source.qmp.execute("migrate", {"uri": "tcp:127.0.0.1:%d" % silent.getsockname()[1]})
        source.qmp.execute("migrate_cancel")
        wait_migration(source, "cancelled")
        assert status(source) == "running"
        end(source)


@tap.kvm
def test_commands():
    """A guest is packed into a file by one, and unpacked by another."""
    with place() as folder, start("-sandbox", "off") as source:
        begin_writing(source)
        assert "expects a command" in refusal(source.qmp.execute, "migrate", {"uri": "exec:"})
        source.qmp.execute("stop")
        said = source.qmp.execute("human-monitor-command", {"command-line": f'migrate -d "exec:gzip -1 > {folder}/image"'})
        assert said == "", said
        wait_migration(source, "completed")
        end(source)
        unpack = f"exec:gzip -dc < {folder}/image"
        source.wait_until(lambda: subprocess.run(["gzip", "-t", folder / "image"], check=False, capture_output=True).returncode == 0,
                          LIMIT, "the command's end")
        with start("-sandbox", "off", incoming=unpack) as target:
            target.wait_until(lambda: info(target).get("status") == "completed", LIMIT, "the guest")
            target.qmp.execute("cont")
            end_writing(target)
            end(target)
        with start("-sandbox", "off", incoming="defer") as target:
            target.qmp.execute("migrate-incoming", {"uri": "exec:echo nonsense"})
            assert target.wait_exit(LIMIT) == 1
            assert "ended after" in target.error_log or "other bytes" in target.error_log, target.error_log
    with start(incoming="defer") as target:
        said = refusal(target.qmp.execute, "migrate-incoming", {"uri": "exec:cat"})
        assert "starts no other programs" in said and "migrate-incoming fd:NAME" in said, said
        end(target)
    with start("-sandbox", "off") as source:
        source.qmp.execute("migrate", {"uri": "exec:exit 3"})
        wait_migration(source, "failed")
        assert status(source) == "running"
        end(source)


@tap.kvm
def test_addresses_of_the_network():
    with start(incoming="defer") as target, socket.socket() as used:
        def refused(address):
            return refusal(target.qmp.execute, "migrate-incoming", {"uri": f"tcp:{address}"})

        used.bind(("127.0.0.1", 0))
        used.listen()
        for address in ("", "1", ":", ":0", ":65536", ":x", ":1x", ":-1", ": 1", "127.0.0.1", "127.0.0.1:1,to=4"):
            assert f"'{address}' expects ADDRESS:PORT, with a port from 1 to 65535" in refused(address), address
        for address in ("localhost:1", "::1:1", "[::1:1", "[]:1", "[127.0.0.1]:1", "127.0.0:1", "256.0.0.1:1", "x" * 90 + ":1"):
            assert f"'{address}' expects an address in numbers" in refused(address), address
        assert "Cannot assign requested address; take an address of this host" in refused("192.0.2.1:4444")
        taken = f"127.0.0.1:{used.getsockname()[1]}"
        assert f"cannot listen at '{taken}': Address already in use; take another port" in refused(taken)
        port = free_port()
        target.qmp.execute("migrate-incoming", {"uri": f"tcp:127.0.0.1:{port}"})
        assert "already been started" in refused(f"127.0.0.1:{port}")
        end(target)


@tap.kvm
def test_sockets_of_the_network_are_closed():
    """Those that a target has, and does not need."""
    with place() as folder, start() as source, start(incoming="defer") as target:
        assert sockets_of(source) == []
        target.qmp.execute("migrate-incoming", {"uri": f"unix:{folder}/x"})
        unbound = [os.readlink(path) for path in pathlib.Path(f"/proc/{target.process.pid}/fd").iterdir()]
        families = [line.split()[6] for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]]
        sockets = [link for link in unbound if link.startswith("socket:[")]
        assert all(link[8:-1] in families for link in sockets), sockets
        move(source, target, f"unix:{folder}/x")
        end(source)
        end(target)


@tap.kvm
def test_files_that_are_no_sockets():
    """A socket that is left is replaced; another file, or a socket at which somebody listens, stays."""
    with place() as folder, start(incoming="defer") as target, socket.socket(socket.AF_UNIX) as listener:
        (folder / "image").write_text("contents")
        (folder / "folder").mkdir()
        (folder / "link").symlink_to(folder / "image")
        listener.bind(f"{folder}/used")
        listener.listen()
        for name, why in (("image", "is there, and is not a socket"), ("folder", "is not a socket"),
                          ("link", "is not a socket"), ("used", "another program listens at")):
            said = refusal(target.qmp.execute, "migrate-incoming", {"uri": f"unix:{folder}/{name}"})
            assert why in said and f"'{folder}/{name}'" in said and "take another path" in said, said
        assert (folder / "image").read_text() == "contents" and (folder / "link").is_symlink()
        assert (folder / "used").is_socket()
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(f"{folder}/left")
        target.qmp.execute("migrate-incoming", {"uri": f"unix:{folder}/left"})
        end(target)


@tap.kvm
def test_a_daemon_waits_for_its_guest():
    """In the folder of its start; what is wrong with the address is known before it is a daemon."""
    with place() as folder:
        command = [PROGRAM, "-nodefaults", "-display", "none", *BASE, "-daemonize", "-pidfile", f"{folder}/pid"]
        result = subprocess.run([*command, "-incoming", f"unix:{folder}/none/m"], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=LIMIT)
        assert result.returncode == 1 and "-incoming 'unix:" in result.stderr, result
        assert subprocess.run([*command, "-incoming", "unix:m"], cwd=folder, stdin=subprocess.DEVNULL, timeout=LIMIT,
                              stderr=subprocess.DEVNULL).returncode == 0
        pid = os.pidfd_open(int((folder / "pid").read_text()))
        try:
            assert (folder / "m").is_socket()
            signal.pidfd_send_signal(pid, signal.SIGTERM)
            assert select.select([pid], [], [], LIMIT)[0]
        finally:
            os.close(pid)
        assert not (folder / "m").exists()


def processor_ticks(machine):
    """Which all its threads have used."""
    with open(f"/proc/{machine.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


@tap.kvm
def test_a_target_without_descriptors():
    """It waits until it can accept the source, and does nothing but wait."""
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        limits = resource.prlimit(target.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(target.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        before = processor_ticks(target)
        time.sleep(1)
        used = processor_ticks(target) - before
        assert used < os.sysconf("SC_CLK_TCK") // 10, used       # trying all the time would use all of them
        first = min(set(range(99)) - set(map(int, os.listdir(f"/proc/{target.process.pid}/fd"))))
        resource.prlimit(target.process.pid, resource.RLIMIT_NOFILE, (first + 1, limits[1]))
        time.sleep(0.5)             # one is enough to accept it, but not to use it
        assert info(target)["status"] == "setup"
        resource.prlimit(target.process.pid, resource.RLIMIT_NOFILE, limits)
        wait_migration(source, "completed")
        target.qmp.execute("cont")
        tell(target, "e", "e")
        end(source)
        end(target)


@tap.kvm
def test_a_source_without_descriptors():
    """Each that it lacks is noticed before it has connected: the target waits on."""
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        limits = resource.prlimit(source.process.pid, resource.RLIMIT_NOFILE)
        used = max(map(int, os.listdir(f"/proc/{source.process.pid}/fd"))) + 1
        for more in range(8):
            resource.prlimit(source.process.pid, resource.RLIMIT_NOFILE, (used + more, limits[1]))
            try:
                source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
                break
            except QMPError as error:
                assert "Too many open files" in str(error), error
            assert info(target)["status"] == "setup" and status(source) == "running"
        assert more > 0
        wait_migration(source, "completed")
        target.qmp.execute("cont")
        tell(target, "e", "e")
        end(source)
        end(target)


@tap.kvm
def test_a_socket_of_another_program_stays():
    with place() as folder, start(incoming=f"unix:{folder}/m") as target, socket.socket(socket.AF_UNIX) as other:
        (folder / "m").unlink()
        other.bind(f"{folder}/m")
        end(target)
        assert (folder / "m").is_socket()


@tap.kvm
def test_a_machine_that_has_no_saved_form():
    """libvirt sees it before it begins."""
    with place() as folder, Echo(folder / "back") as back, \
            start("-chardev", f"socket,id=c,path={back.path}", "-device", "vhost-user-fs-pci,id=fs0,chardev=c,tag=t") as source:
        [reason] = info(source)["blocked-reasons"]
        assert "'fs0'" in reason and "has no saved form" in reason, reason
        assert reason in refusal(source.qmp.execute, "migrate", {"uri": "unix:/x"})
        end(source)


@tap.kvm
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


@tap.kvm
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


# ---- images ----

F_OFD_GETLK, F_OFD_SETLK = 36, 37
USED_TO_WRITE, SHARED_WITH_NONE = 101, 201


def disk(folder):
    """A disk, whose image is made with the first one."""
    image = folder / "image"
    if not image.exists():
        image.write_bytes(bytes(MIB))
    return ["-blockdev", f"file,node-name=f,filename={image}", "-device", "virtio-blk-pci,drive=f,id=vd0"]


def lock(file, command, kind, byte):
    return struct.unpack("hhqqi4x", fcntl.fcntl(file, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)))


def is_locked(folder):
    """By one who writes it."""
    with open(folder / "image", "r+b") as file:
        taken = {lock(file, F_OFD_GETLK, fcntl.F_WRLCK, byte)[0] != fcntl.F_UNLCK
                 for byte in (USED_TO_WRITE, SHARED_WITH_NONE)}
    assert len(taken) == 1
    return taken.pop()


@tap.kvm
def test_images_are_handed_over():
    """On one host: the image is locked where the guest is, and the source gets it again only when the target has ended."""
    with place() as folder, start(*disk(folder)) as source, \
            start(*disk(folder), incoming=f"unix:{folder}/m") as target:
        set_capabilities(source, pause_before_switchover=True)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "pre-switchover")
        assert is_locked(folder)
        source.qmp.execute("migrate-continue", {"state": "pre-switchover"})
        wait_migration(source, "completed")
        target.qmp.execute("cont")
        tell(target, "e", "e")
        assert is_locked(folder)
        said = refusal(source.qmp.execute, "cont")
        assert "Block node 'f': Failed to get " in said and "another program uses the image" in said, said
        assert status(source) == "postmigrate"
        said = refusal(source.qmp.execute, "block_resize", {"node-name": "f", "size": 2 * MIB})
        assert "Block node 'f' belongs to the guest that was sent" in said, said
        assert (folder / "image").stat().st_size == MIB
        end(target)
        assert not is_locked(folder)
        source.qmp.execute("cont")
        assert is_locked(folder)
        tell(source, "e", "e")
        end(source)


@tap.kvm
def test_images_that_come_back():
    """The target has ended when it had the locks, by itself or killed: the guest runs with its image where it was."""
    for cut in ({"cut_back": HEADER + 4}, {"cut_back": 2 * HEADER - 1}):
        with place() as folder:
            stack, source, target, _ = moved_between(folder, *disk(folder), **cut)
            with stack:
                result, at_source, at_target = where_it_runs(source, target)
                assert (result["status"], at_source, at_target) == ("failed", True, False), (cut, result)
                assert target.process.wait(LIMIT) == 1 and is_locked(folder)
                tell(source, "e", "e")


@tap.kvm
def test_a_target_that_is_asked_to_end_when_it_has_the_image():
    """It gives it up before it says so: the source takes it back at once."""
    with place() as folder:
        stack, source, target, between = moved_between(folder, *disk(folder))
        with stack:
            where_it_runs(source, target)
            between.join(LIMIT)
        with start(*disk(folder), incoming=f"unix:{folder}/again") as target, \
                socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{folder}/again")
            connection.sendall(between.sent[:-1])
            for answer in (ACCEPTED, LOADED):
                assert connection.recv(HEADER, socket.MSG_WAITALL)[0] == answer
            assert is_locked(folder)
            target.process.terminate()
            assert connection.recv(HEADER, socket.MSG_WAITALL)[0] == FAILED and not is_locked(folder)
            target.process.wait(LIMIT)


@tap.kvm
def test_an_image_that_somebody_takes():
    """In the moment between the two: the target refuses, and the source waits until somebody decides."""
    with place() as folder, start(*disk(folder)) as source, \
            start(*disk(folder), incoming=f"unix:{folder}/m") as target:
        set_capabilities(source, pause_before_switchover=True)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "pre-switchover")
        with open(folder / "image", "rb") as file:
            lock(file, F_OFD_SETLK, fcntl.F_RDLCK, SHARED_WITH_NONE)
            source.qmp.execute("migrate-continue", {"state": "pre-switchover"})
            result = wait_migration(source, "failed")
            assert target.process.wait(LIMIT) == 1
            assert "another program uses the image" in target.errors.read_text(), target.errors.read_text()
            assert status(source) == "paused", result
            assert "the guest was not sent, and stays paused: Block node 'f'" in source.errors.read_text()
            assert "another program uses the image" in refusal(source.qmp.execute, "cont")
        source.qmp.execute("cont")
        assert is_locked(folder)
        tell(source, "e", "e")
        end(source)


@tap.kvm
def test_flash_that_has_changed():
    """Since the target read it: it reads it again when the guest is there. Another image is refused."""
    vector = b"\xeb\xfe" + bytes(14)            # of a reset: without one it is no firmware
    old, new, last = (bytes([value]) * (128 << 10) + bytes((128 << 10) - 16) + vector for value in (1, 2, 3))
    behind = bytes(128 << 10) + bytes([2]) * ((128 << 10) - 16) + vector
    for first, meanwhile, found in ((new, old, new), (behind, old, behind), (old, new, last)):
        with place() as folder:
            flash = folder / "flash"
            flash.write_bytes(first)
            with start("-pflash", flash, base=NO_KERNEL, run=False) as source:
                flash.write_bytes(meanwhile)
                with start("-pflash", flash, base=NO_KERNEL, incoming=f"unix:{folder}/m") as target:
                    flash.write_bytes(found)
                    source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
                    result = wait_migration(source, "completed", "failed")
                    if found == first:
                        assert result["status"] == "completed", result
                        end(target)
                    else:
                        assert "block node 'pflash0' has other contents" in result["error-desc"], result
                        assert status(source) == "prelaunch" and target.process.wait(LIMIT) == 1, status(source)
                end(source)


@tap.kvm
def test_an_image_in_a_stored_stream():
    """A pipe's source gives its image up, too, and takes it again with cont."""
    with place() as folder, start(*disk(folder)) as source, open(folder / "stream", "wb") as file:
        source.qmp.pass_descriptors(file.fileno())
        source.qmp.execute("getfd", {"fdname": "stored"})
        source.qmp.execute("migrate", {"uri": "fd:stored"})
        wait_migration(source, "completed")
        assert not is_locked(folder)
        source.qmp.execute("cont")
        assert is_locked(folder)
        tell(source, "e", "e")
        end(source)


# ---- cancelled, killed, full ----

def slow(source, rate=1):
    """So slow that it does not end by itself."""
    source.qmp.execute("migrate-set-parameters", {"max-bandwidth": rate, "downtime-limit": 0})


@tap.kvm
def test_cancelled():
    """While it is set up, while it sends, and while it pauses; the guest runs on each time."""
    with place() as folder, start() as source:
        begin_writing(source)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/silent")
        listener.listen()
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/silent"})
        assert info(source)["status"] == "setup"
        source.qmp.execute("migrate_cancel")
        wait_migration(source, "cancelled")
        assert status(source) == "running"
        with start(incoming=f"unix:{folder}/1") as target:
            slow(source)
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/1"})
            wait_migration(source, "active")
            assert "There's a migration process" in refusal(source.qmp.execute, "migrate", {"uri": "unix:/x"})
            source.qmp.execute("migrate_cancel")
            wait_migration(source, "cancelled")
            assert status(source) == "running" and target.process.wait(LIMIT) == 1
        source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 0, "downtime-limit": 300})
        set_capabilities(source, pause_before_switchover=True)
        with start(incoming=f"unix:{folder}/2") as target:
            source.qmp.take_events()
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/2"})
            wait_migration(source, "pre-switchover")
            assert status(source) == "finish-migrate"
            assert "Migration is not finalized yet" in refusal(source.qmp.execute, "cont")
            source.qmp.execute("migrate_cancel")
            wait_migration(source, "cancelled")
            assert status(source) == "running" and target.process.wait(LIMIT) == 1
            events = [describe(event) for event in source.qmp.take_events()]
            assert [one for one in events if not one.startswith("PASS")] == \
                ["setup", "active", "STOP", "pre-switchover", "cancelling", "RESUME", "cancelled"], events
        with start(incoming=f"unix:{folder}/3") as target:
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/3"})
            wait_migration(source, "pre-switchover")
            source.qmp.execute("migrate-continue", {"state": "pre-switchover"})
            wait_migration(source, "completed")
            target.qmp.execute("cont")
            end_writing(target)
            end(target)
        end(source)


# ---- a guest that writes faster than it is sent ----

def parameters(machine):
    return machine.qmp.execute("query-migrate-parameters")


def is_sent_soon(source, uri, passes=4):
    """Whether so many passes suffice."""
    source.qmp.execute("migrate", {"uri": uri})
    now = wait_migration(source, "active", "completed")
    while now["status"] == "active" and now["ram"]["dirty-sync-count"] <= passes:
        time.sleep(0.005)
        now = info(source)
    return now["status"] == "completed"


def percentages(source):
    """Those that are seen until the migration ends, each once."""
    seen, now, deadline = [], info(source), time.monotonic() + LIMIT
    while now["status"] == "active":
        assert time.monotonic() < deadline, now
        percent = now.get("cpu-throttle-percentage", 0)
        if percent not in seen:
            seen.append(percent)
        time.sleep(0.005)
        now = info(source)
    assert now["status"] == "completed" and "cpu-throttle-percentage" not in now, now
    return seen


@tap.kvm
def test_a_guest_that_writes_too_fast_is_slowed():
    """What is too fast depends on the machine and its load: the bandwidth is halved until the guest is not sent soon, and
    once more. Then its CPUs rest for a part of the time, which grows until what it writes can be sent."""
    with place() as folder, contextlib.ExitStack() as machines:
        source, seen = machines.enter_context(start("-smp", "2")), [0]
        begin_writing(source)
        bandwidth, step = 128 * MIB, {"cpu-throttle-initial": 60, "cpu-throttle-increment": 38}
        for number in range(40):
            uri = f"unix:{folder}/{number}"
            source.qmp.execute("migrate-set-parameters", {**step, "max-bandwidth": bandwidth, "downtime-limit": 100})
            target = machines.enter_context(start("-smp", "2", incoming=uri))
            if not is_sent_soon(source, uri):
                assert "cpu-throttle-percentage" not in info(source)
                assert "migration process in progress" in refusal(set_capabilities, source)
                source.qmp.execute("migrate_cancel")
                wait_migration(source, "cancelled")
                assert target.process.wait(LIMIT) == 1
                set_capabilities(source, auto_converge=True)
                source.qmp.execute("migrate-set-parameters", {"max-bandwidth": bandwidth // 2})
                target = machines.enter_context(start("-smp", "2", incoming=uri))
                source.qmp.execute("migrate", {"uri": uri})
                wait_migration(source, "active")
                seen = percentages(source)
            target.qmp.execute("cont")
            target.wait_until(lambda: status(target) == "running", LIMIT, "the guest runs")     # pylint: disable=W0640
            end(source)
            source, bandwidth = target, bandwidth // 2
            if seen != [0]:
                break
        assert len(seen) > 1 and seen == sorted(seen) and set(seen) <= {0, 60, 98, 99}, seen
        end_writing(source)
        end(source)


@tap.kvm
def test_a_slowed_guest_goes_on():
    """One that is stopped and resumed meanwhile stays slowed; whether the migration is cancelled or fails ends that."""
    with place() as folder, start() as source:
        set_capabilities(source, auto_converge=True)
        source.qmp.execute("migrate-set-parameters", {
            "max-bandwidth": 8 * MIB, "downtime-limit": 0, "cpu-throttle-initial": 90, "max-cpu-throttle": 30,
            "throttle-trigger-threshold": 1})
        for end_it, result in ((lambda _: source.qmp.execute("migrate_cancel"), "cancelled"),
                               (lambda target: target.process.kill(), "failed")):
            with start(incoming=f"unix:{folder}/{result}") as target:
                begin_writing(source)
                source.qmp.execute("migrate", {"uri": f"unix:{folder}/{result}"})
                wait_migration(source, "active")
                source.wait_until(lambda: "cpu-throttle-percentage" in info(source), LIMIT, "the guest is slowed")
                assert info(source)["cpu-throttle-percentage"] == 30
                assert "cpu throttle percentage: 30" in source.hmp("info migrate")
                end_writing(source)
                source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 1})      # it does not end by itself
                source.qmp.execute("stop")
                source.qmp.execute("cont")
                assert info(source)["cpu-throttle-percentage"] == 30
                begin_writing(source)
                end_it(target)
                assert "cpu-throttle-percentage" not in wait_migration(source, result)
                assert status(source) == "running"
                end_writing(source)
                source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 8 * MIB})
        end(source)


@tap.kvm
def test_parameters_of_the_throttle():
    with start() as source:
        names = {"throttle-trigger-threshold": (50, 100), "cpu-throttle-initial": (20, 99),
                 "cpu-throttle-increment": (10, 99), "max-cpu-throttle": (99, 99)}
        for name, (value, most) in names.items():
            assert parameters(source)[name] == value
            for wrong in (0, most + 1, -1):
                said = refusal(source.qmp.execute, "migrate-set-parameters", {"max-bandwidth": 1, name: wrong})
                assert f"'{name}' expects an integer in the range of 1 to {most}; got {wrong}" in said, said
                assert f"'{name}' expects an" in source.hmp(f"migrate_set_parameter {name} {wrong}")
            assert source.hmp(f"migrate_set_parameter {name} {most}") == ""
            assert parameters(source)[name] == most and f"{name}: {most}%" in source.hmp("info migrate_parameters")
        assert parameters(source)["max-bandwidth"] == 128 * MIB
        assert "did you mean 'max-cpu-throttle'" in source.hmp("migrate_set_parameter max-cpu-throttel 1")
        source.hmp("migrate_set_parameter max-bandwidth 2")
        source.hmp("migrate_set_parameter downtime-limit 1")
        assert parameters(source)["max-bandwidth"] == 2 * MIB and parameters(source)["downtime-limit"] == 1
        end(source)


@tap.kvm
def test_stopped_at_the_switch():
    """Who stops the guest while the migration has stopped it finds it paused, here and there."""
    with place() as folder, start() as source:
        set_capabilities(source, pause_before_switchover=True)
        with start(incoming=f"unix:{folder}/1") as target:
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/1"})
            wait_migration(source, "pre-switchover")
            source.qmp.execute("stop")
            source.qmp.execute("migrate_cancel")
            wait_migration(source, "cancelled")
            assert status(source) == "paused" and target.process.wait(LIMIT) == 1
        source.qmp.execute("cont")
        tell(source, "e", "e")
        with open(f"{folder}/stored", "w+b") as stored:
            pass_fd(source, "stored", stored.fileno())
            source.qmp.execute("migrate", {"uri": "fd:stored"})
            wait_migration(source, "pre-switchover")
            source.qmp.execute("stop")
            source.qmp.execute("migrate-continue", {"state": "pre-switchover"})
            wait_migration(source, "completed")
            stored.seek(0)
            sent = stored.read()
        state, length = next((at, length) for at, kind, length in messages(sent) if kind == STATE)
        (folder / "state").write_bytes(sent[state + HEADER:state + HEADER + length])
        assert Saved(folder / "state")["time"]["running"] == 0
        end(source)


class Stage:
    """A source whose migration has come so far, and stays there: the test is its target, and answers no more."""

    NAMES = ("setup", "active", "pre-switchover", "device", "go")

    def __init__(self, folder, source, name):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{folder}/{name}")
        self.listener.listen()
        self.connection = None
        set_capabilities(source, pause_before_switchover=name == "pre-switchover")
        source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 1 if name == "active" else 0,
                                                      "downtime-limit": 0 if name == "active" else 300})
        source.qmp.take_events()
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/{name}"})
        if name == "setup":
            return
        self.connection = accept(self.listener)
        if name in ("active", "pre-switchover"):
            wait_migration(source, name)
            return
        source.wait_until(lambda: status(source) == "finish-migrate", LIMIT, "the guest is stopped")
        if name == "go":
            self.connection.sendall(LOADED.to_bytes(4, "little") + bytes(12))

    def close(self):
        if self.connection:
            self.connection.close()
        self.listener.close()


def at_once(machine, *commands):
    """In one write, so that nothing happens between them."""
    machine.qmp.send_raw("".join(f'{{"execute": "{command}"}}\n' for command in commands).encode())
    for command in commands:
        answer = machine.qmp.read_answer(time.monotonic() + LIMIT)
        assert "return" in answer, (command, answer)


@tap.kvm
def test_the_guest_is_stopped_and_resumed_at_each_stage():
    """Who stops it finds it paused when the migration is cancelled; who resumes it, and be it in the same moment, finds it
    running. Before the switch, cont is possible; from there on, only when the migration is being cancelled."""
    with place() as folder, start() as source:
        for name in Stage.NAMES[:-1]:
            for stops in (False, True):
                for resumes in (False, True):
                    (folder / name).unlink(missing_ok=True)
                    stage = Stage(folder, source, name)
                    if stops:
                        source.qmp.execute("stop")
                    if name in ("setup", "active"):
                        source.qmp.execute("cont") if resumes else None                 # pylint: disable=W0106
                    else:
                        assert "not finalized yet" in refusal(source.qmp.execute, "cont")
                    if resumes:
                        at_once(source, "migrate_cancel", "cont")
                    else:
                        source.qmp.execute("migrate_cancel")
                    wait_migration(source, "cancelled")
                    assert status(source) == ("paused" if stops and not resumes else "running"), (name, stops, resumes)
                    events = [one["event"] for one in source.qmp.take_events()]
                    assert events.count("STOP") - events.count("RESUME") == int(stops and not resumes), (name, events)
                    source.qmp.execute("cont")
                    tell(source, "e", "e")
                    stage.close()
        end(source)


@tap.kvm
def test_quit_at_each_stage():
    """Stopped before or not; the target's connection ends, and the program has no reason to complain."""
    for name in Stage.NAMES:
        for stops in (False, True):
            with place() as folder, start() as source:
                stage = Stage(folder, source, name)
                if stops:
                    source.qmp.execute("stop")
                assert "system_reset not allowed while migrating" in refusal(source.qmp.execute, "system_reset")
                end(source)
                stage.close()


@tap.kvm
def test_nothing_is_changed_meanwhile():
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        slow(source)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "active")
        for command, arguments in (("device_add", {"driver": "pc-dimm", "id": "d0", "memdev": "m0"}),
                                   ("device_del", {"id": "d0"}), ("memory-set", {"size": 128 * MIB}),
                                   ("memory-plug", {"size": 128 * MIB}), ("memory-unplug", {"id": "d0"}),
                                   ("machine-snapshot", {"file": f"{folder}/x"}), ("system_reset", None)):
            assert f"{command} not allowed while migrating; migrate_cancel ends" in \
                refusal(source.qmp.execute, command, arguments)
        source.qmp.execute("stop")
        source.qmp.execute("cont")
        tell(source, "e", "e")
        source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 0, "downtime-limit": 300})
        wait_migration(source, "completed")
        target.qmp.execute("cont")
        tell(target, "e", "e")
        end(source)
        end(target)


@tap.kvm
def test_the_target_is_killed():
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        slow(source)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "active")
        target.process.send_signal(signal.SIGKILL)
        failed(source, None)
        end(source)


@tap.kvm
def test_the_source_is_killed():
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        slow(source)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "active")
        source.process.send_signal(signal.SIGKILL)
        assert target.process.wait(LIMIT) == 1
        assert "-incoming: " in target.errors.read_text()


@tap.kvm
def test_quit_while_it_moves():
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        slow(source)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "active")
        end(source)
        assert target.process.wait(LIMIT) == 1
    with place() as folder, start(incoming=f"unix:{folder}/m") as target:
        end(target)
        assert not (folder / "m").exists()


@tap.kvm
def test_a_full_disk():
    """The guest runs on, and what was written is refused."""
    with place() as folder, start() as source:
        with open("/dev/full", "wb") as full:
            pass_fd(source, "image", full.fileno())
        source.qmp.execute("migrate", {"uri": "fd:image"})
        assert "No space left" in failed(source, None)
        end(source)


if __name__ == "__main__":
    tap.main()
