#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Where a migration goes to and comes from: descriptors, sockets of the host and of the network, commands; and what is
refused of them."""

import os
import pathlib
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import proc, tap                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.micro import tell                                   # noqa: E402
from lib.migration import BASE, LIMIT, begin_writing, dimm, end, end_writing, info, move, pass_fd, place  # noqa: E402
from lib.migration import plug, refusal, set_capabilities, start, status, wait_migration  # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402


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


# ---- the network ----

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


# ---- sockets and descriptors that are not there, or another's ----

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


def test_a_daemon_waits_for_its_guest():
    """In the folder of its start; what is wrong with the address is known before it is a daemon."""
    with place() as folder:
        command = [PROGRAM, "-nodefaults", "-display", "none", *BASE, "-daemonize", "-pidfile", f"{folder}/pid"]
        result = subprocess.run([*command, "-incoming", f"unix:{folder}/none/m"], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=LIMIT)
        assert result.returncode == 1 and "-incoming 'unix:" in result.stderr, result
        assert subprocess.run([*command, "-incoming", "unix:m"], cwd=folder, stdin=subprocess.DEVNULL, timeout=LIMIT,
                              stderr=subprocess.DEVNULL).returncode == 0
        with proc.daemon((folder / "pid").read_text()) as process:
            assert (folder / "m").is_socket()
            signal.pidfd_send_signal(process, signal.SIGTERM)
            assert select.select([process], [], [], LIMIT)[0]
        assert not (folder / "m").exists()


def processor_ticks(machine):
    """Which all its threads have used."""
    with open(f"/proc/{machine.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


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


def test_a_socket_of_another_program_stays():
    with place() as folder, start(incoming=f"unix:{folder}/m") as target, socket.socket(socket.AF_UNIX) as other:
        (folder / "m").unlink()
        other.bind(f"{folder}/m")
        end(target)
        assert (folder / "m").is_socket()


if __name__ == "__main__":
    tap.main()
