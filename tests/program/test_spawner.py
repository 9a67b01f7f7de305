#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""Networks of libslirp's that are added while the guest runs: the process that starts their programs. It needs no
KVM."""

import contextlib
import os
import pathlib
import signal
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.net import USER_NET, Machine, children              # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402
from lib.virtio import wait_until                            # noqa: E402


def test_a_network_of_libslirps_is_added_in_the_sandbox():
    """By the spawner, which starts nothing but that program, and ends with hotram."""
    if not USER_NET.exists():
        raise tap.Skip("built without libslirp")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Machine("-device", "pcie-root-port,id=port,chassis=1") as machine, \
            socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        target = f"tcp:127.0.0.1:{server.getsockname()[1]}"
        user = {"type": "user", "id": "u", "hostfwd": [{"str": f"tcp:127.0.0.1:{port}-:22"}],
                "guestfwd": [{"str": f"tcp:10.0.2.100:{number}-{target}"} for number in (7, 8)]}
        spawner, = children(machine.peer.process.pid)
        assert pathlib.Path(f"/proc/{spawner}/comm").read_text() == "hotram-spawner\n"
        assert sorted(os.listdir(f"/proc/{spawner}/fd")) == ["0", "1", "2", "3"]
        for _ in range(3):
            machine.qmp.execute("netdev_add", user)
            program, = children(spawner)
            assert os.readlink(f"/proc/{program}/exe") == str(USER_NET.resolve())
            with socket.create_connection(("127.0.0.1", port), timeout=60):
                try:
                    machine.qmp.execute("netdev_add", {**user, "id": "v"})
                except QMPError as error:
                    assert "another program uses the port" in error.desc, error
                else:
                    raise AssertionError("the port was taken")
            machine.qmp.execute("device_add", {"driver": "virtio-net-pci", "id": "c", "netdev": "u", "bus": "port"})
            machine.qmp.execute("device_del", {"id": "c"})
            machine.qmp.execute("system_reset")             # removes it without the guest's consent
            machine.qmp.wait_event("DEVICE_DELETED")
            machine.qmp.execute("netdev_del", {"id": "u"})
            wait_until(lambda: not children(spawner), "the program's end")
        machine.qmp.execute("netdev_add", user)
        program, = children(spawner)
        os.kill(spawner, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{program}"), "the end of the spawner's programs")
        try:
            machine.qmp.execute("netdev_add", {"type": "user", "id": "w"})
        except QMPError as error:
            assert "hotram-spawner) is gone" in error.desc, error
        machine.qmp.execute("query-status")
    with Machine("-device", "pcie-root-port,id=port,chassis=1") as machine:
        spawner, = children(machine.peer.process.pid)
        machine.qmp.execute("netdev_add", {"type": "user", "id": "u"})
        program, = children(spawner)
        machine.peer.process.kill()
        wait_until(lambda: not os.path.exists(f"/proc/{program}") and not os.path.exists(f"/proc/{spawner}"), "the end")


def test_nobody_waits_for_a_program_that_has_not_begun():
    if not USER_NET.exists():
        raise tap.Skip("built without libslirp")
    with tempfile.TemporaryDirectory() as folder, \
            Machine("-device", "pcie-root-port,id=port,chassis=1", "-qmp",
                    f"unix:{folder}/other,server=on,wait=off") as machine, \
            contextlib.closing(QMP(f"{folder}/other")) as other:
        spawner, = children(machine.peer.process.pid)

        def begin(name):
            """A request that waits, for whose id another client is refused: it asks for what there never is."""
            os.kill(spawner, signal.SIGSTOP)
            machine.qmp.send_raw(b'{"execute": "netdev_add", "arguments": {"type": "user", "id": "%s"}}' % name.encode())
            wait_until(lambda: refusal(other, "netdev_add", {"type": "user", "id": name, "ipv4": False, "ipv6": False})
                       == f"Duplicate ID '{name}' for netdev: another netdev_add creates it now", "the request")

        def network():
            return other.execute("human-monitor-command", {"command-line": "info network"})

        begin("u")
        assert "Device 'u' not found" in refusal(other, "netdev_del", {"id": "u"})
        assert "u:" not in network()
        assert "Device 'u' not found" in refusal(other, "device_add", {"driver": "virtio-net-pci", "netdev": "u",
                                                                       "bus": "port"})
        os.kill(spawner, signal.SIGCONT)
        wait_until(lambda: "u: index=0,type=user" in network(), "it")
        assert "netdev_del frees it" in refusal(other, "netdev_add", {"type": "user", "id": "u"})
        other.execute("netdev_del", {"id": "u"})
        begin("v")
        other.execute("quit")                               # while it waits
        assert machine.peer.process.wait(60) == 0
        wait_until(lambda: not os.path.exists(f"/proc/{spawner}"), "the spawner's end")


def refusal(qmp, command, arguments):
    """What the error of a command says."""
    try:
        qmp.execute(command, arguments)
    except QMPError as error:
        return error.desc
    return None


if __name__ == "__main__":
    tap.main()
