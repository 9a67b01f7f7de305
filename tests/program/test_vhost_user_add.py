#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: tsan
"""device_add of a device of vhost-user is answered when its back end has answered: nobody else waits meanwhile, and a
device_add that is cancelled leaves nothing. It needs no KVM."""

import contextlib
import json
import pathlib
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib import tap                                          # noqa: E402
from lib.hmp import read_until                               # noqa: E402
from lib.host import DIMM, FLAGS, MIB, Host                  # noqa: E402
from lib.vhost_back_end import BackEnd                       # noqa: E402
from lib.virtio import wait_until                            # noqa: E402
from test_vhost_user_blk import HANDSHAKE, refused           # noqa: E402
from test_vhost_user_fs import Echo                          # noqa: E402
from test_vhost_user_net import Switch                       # noqa: E402

DISK = {"driver": "vhost-user-blk-pci", "id": "v", "chardev": "c", "bus": "p0"}
FOLDER = {"driver": "vhost-user-fs-pci", "id": "v", "chardev": "c", "tag": "shared", "bus": "p0"}
CARD = {"driver": "virtio-net-pci", "id": "v", "netdev": "n", "bus": "p0"}
KINDS = ((BackEnd, DISK), (Echo, FOLDER), (Switch, CARD))
PORTS = 4


class Waiting:
    """A machine to which a device can be added, its back end, and a second client."""

    def __init__(self, kind=BackEnd, device=None, options=(), **more):
        with contextlib.ExitStack() as made:
            self.folder = pathlib.Path(made.enter_context(tempfile.TemporaryDirectory()))
            self.device = device or dict(KINDS)[kind]
            self.back_end = made.enter_context(kind(self.folder / "c", **more))
            ports = [word for port in range(PORTS) for word in ("-device", f"pcie-root-port,id=p{port},chassis={port + 1}")]
            netdev = ["-netdev", "vhost-user,id=n,chardev=c"] if kind is Switch else []
            self.host = made.enter_context(Host([
                *ports, "-object", "memory-backend-memfd,id=ram,size=64M", "-machine", "memory-backend=ram", "-chardev",
                f"socket,id=c,path={self.folder}/c", *netdev, *options]))
            self.host.qmp.execute("cont")
            self.other = made.enter_context(contextlib.closing(self.host.second()))
            self.made = made.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.made.close()

    def send(self, arguments=None, command="device_add", client=None):
        (client or self.other).send_raw(json.dumps({"execute": command, "arguments": arguments or self.device}).encode() + b"\n")

    def answer(self):
        return self.other.read_answer(time.monotonic() + self.other.timeout)

    def asked(self, request, count=1):
        wait_until(lambda: self.back_end.asked.count(request) >= count, request)

    @contextlib.contextmanager
    def at(self, request):
        """The device_add waits for the answer to this."""
        del self.back_end.asked[:]
        with self.back_end.slow(request) as gate:
            self.send()
            self.asked(request)
            yield gate

    def there(self):
        return [device["qdev_id"] for bus in self.host.qmp.execute("query-pci") for bridge in bus["devices"]
                for device in bridge.get("pci_bridge", {}).get("devices", [])]

    def nothing_is_left(self):
        assert self.there() == []
        assert all(child["name"] != "v" for child in self.host.qmp.execute("qom-list", {"path": "/machine/peripheral"}))
        wait_until(lambda: self.back_end.has_gone(), "the end of the connection")

    def add(self):
        self.host.qmp.execute("device_add", self.device)
        assert self.there() == ["v"] and len(self.back_end.regions) >= 1

    def fails(self, words):
        error = self.answer()["error"]["desc"]
        assert words in error, error
        self.nothing_is_left()


def test_nobody_else_waits():
    for kind, device in KINDS:
        requests = ("GET_FEATURES", "GET_CONFIG", "ADD_MEM_REG") if kind is BackEnd else ("GET_FEATURES", "ADD_MEM_REG")
        for request in requests:
            with Waiting(kind) as waiting:
                qmp = waiting.host.qmp
                with waiting.at(request) as gate:
                    assert qmp.execute("query-status")["running"] and waiting.there() == []
                    qmp.execute("device_add", {"driver": "virtio-rng-pci", "id": "r", "bus": "p1"})
                    for command in "stop", "cont", "system_reset":
                        qmp.execute(command)
                    gate.set()
                    assert waiting.answer() == {"return": {}}
                assert sorted(waiting.there()) == ["r", device["id"]] and waiting.host.error_log == ""
                qmp.execute("device_del", {"id": "v"})
                qmp.execute("system_reset")                     # upon which it goes
                qmp.wait_event("DEVICE_DELETED", {"device": "v"})
                assert waiting.there() == ["r"]
                wait_until(lambda: waiting.back_end.has_gone(), "the end of the connection")


def test_dimms_come_and_go_meanwhile():
    """Before it maps memory, and while it does."""
    with Waiting() as waiting, contextlib.closing(waiting.host.second()) as third:
        host = waiting.host
        host.add("memfd", "m1", size=128 * MIB)
        host.add("memfd", "m2", size=128 * MIB)
        with waiting.at("GET_FEATURES") as gate:
            host.dimm("d1", "m1", addr=DIMM)
            host.eject("d1")
            host.dimm("d1", "m1", addr=DIMM)
            gate.set()
            assert waiting.answer() == {"return": {}}
        assert sorted(region.address for region in waiting.back_end.regions) == [0, DIMM]
        host.qmp.execute("device_del", {"id": "v"})
        host.qmp.execute("system_reset")
        host.qmp.wait_event("DEVICE_DELETED", {"device": "v"})
        with waiting.at("ADD_MEM_REG") as gate:
            waiting.send({"driver": "pc-dimm", "id": "d2", "memdev": "m2", "addr": DIMM + 128 * MIB}, client=third)
            host.qmp.execute("device_del", {"id": "d1"})        # it goes before it has been mapped
            host.qtest.port_out(0xa00, 4, 0)
            host.qtest.port_out(FLAGS, 1, 8)
            host.qmp.execute("query-status")
            gate.set()
            assert waiting.answer() == {"return": {}}
        assert "return" in third.read_answer(time.monotonic() + third.timeout)
        host.qmp.wait_event("DEVICE_DELETED", {"device": "d1"})
        assert sorted(region.address for region in waiting.back_end.regions) == [0, DIMM + 128 * MIB]
        assert host.error_log == "", host.error_log


def test_what_it_will_use_is_taken():
    with Waiting(options=("-chardev", "null,id=other")) as waiting:
        host = waiting.host
        with waiting.at("GET_CONFIG") as gate:
            rng = {"driver": "virtio-rng-pci", "id": "r", "bus": "p1"}
            coming = "vhost-user-blk-pci,id=v, which is still being added"
            refused(host, "Duplicate device ID 'v': a vhost-user-blk-pci uses it, whose back end has not answered yet",
                    **{**rng, "id": "v"})
            refused(host, f"slot 0 function 0 not available for virtio-rng-pci, in use by {coming}", **{**rng, "bus": "p0", "addr": "0"})
            refused(host, f"and {coming} is there; bus=p1 is free", **{**rng, "bus": "p0"})
            refused(host, f"slot 0 function 0 already occupied by {coming}", **{**rng, "bus": "p0", "addr": "0.1"})
            host.refuses(["chardev 'c' is already in use"], "device_add", {**DISK, "id": "w", "bus": "p1"})
            host.refuses(["Chardev 'c' is busy"], "chardev-remove", {"id": "c"})
            host.refuses(["device 'v' is being added"], "machine-snapshot", {"file": str(host.files / "s")})
            for command, arguments in (("machine-snapshot", {"file": str(host.files / "s"), "background": True}),
                                       ("migrate", {"uri": f"file:{host.files / 's'}"})):
                host.refuses(["device 'v' is being added"], command, arguments)
            assert host.qmp.execute("query-device-operations") == []        # it begins when the device is there
            gate.set()
            waiting.answer()
        assert waiting.there() == ["v"]
        assert [one["device"] for one in host.qmp.execute("query-device-operations")] == ["v"]
    with Waiting(Echo) as waiting, waiting.at("GET_FEATURES") as gate:
        waiting.host.refuses(["device 'v' has the tag 'shared' already"], "device_add", {**FOLDER, "id": "w", "bus": "p1"})
        gate.set()
        waiting.answer()
    with Waiting(Switch) as waiting, waiting.at("ADD_MEM_REG") as gate:
        waiting.host.refuses(["netdev 'n' is used by v"], "device_add", {**CARD, "id": "w", "bus": "p1"})
        waiting.host.refuses(["netdev 'n' is used by v"], "netdev_del", {"id": "n"})
        for up in False, True, False:
            waiting.host.qmp.execute("set_link", {"name": "v", "up": up})
        waiting.host.qmp.execute("announce-self", {"initial": 50, "max": 50, "rounds": 1, "step": 0})
        waiting.host.qmp.execute("device_add", {"driver": "virtio-net-pci", "id": "w", "bus": "p1"})
        gate.set()
        waiting.answer()
        names = {one["name"]: one["main-mac"] for one in waiting.host.qmp.execute("query-rx-filter")}
        assert sorted(names) == ["v", "w"] and len(set(names.values())) == 2, names


def test_an_address_is_taken():
    card = {**CARD, "mac": "52:54:00:12:34:56"}
    with Waiting(Switch, card) as waiting:
        with waiting.at("GET_FEATURES") as gate:
            waiting.host.qmp.execute("device_add", {"driver": "virtio-net-pci", "id": "w", "bus": "p1"})
            gate.set()
            assert waiting.answer() == {"return": {}}
        macs = {one["main-mac"] for one in waiting.host.qmp.execute("query-rx-filter")}
        assert len(macs) == 2 and card["mac"] in macs, macs


def test_a_boot_index_is_taken():
    with Waiting(device={**DISK, "bootindex": 3}) as waiting, waiting.at("GET_FEATURES") as gate:
        waiting.host.refuses(["The bootindex 3 has already been used: 'v'"], "device_add",
                             {"driver": "virtio-net-pci", "id": "w", "bus": "p1", "bootindex": 3})
        gate.set()
        assert waiting.answer() == {"return": {}}


def test_functions_of_one_slot():
    """Function 0 comes last, since the guest then looks for all."""
    device = {**DISK, "addr": "0.1"}
    with Waiting(device=device) as waiting:
        zero = {"driver": "virtio-rng-pci", "id": "r", "bus": "p0", "addr": "0.0", "multifunction": True}
        with waiting.at("GET_FEATURES") as gate:
            refused(waiting.host, "function 1 of the slot is vhost-user-blk-pci,id=v, which is still being added", **zero)
            gate.set()
            assert waiting.answer() == {"return": {}}
        waiting.host.qmp.execute("device_add", zero)
        assert sorted(waiting.there()) == ["r", "v"]


def test_device_del_cancels_it():
    for kind, _ in KINDS:
        for request in "GET_FEATURES", "ADD_MEM_REG":
            for name in "v", "/machine/peripheral/v":
                with Waiting(kind) as waiting:
                    with waiting.at(request) as gate:
                        waiting.host.qmp.execute("device_del", {"id": name})
                        assert "device_del v has cancelled its device_add" in waiting.answer()["error"]["desc"]
                        gate.set()
                    waiting.nothing_is_left()
                    waiting.add()
                    assert waiting.host.error_log == "", waiting.host.error_log


def test_a_person_cancels_it():
    with tempfile.TemporaryDirectory() as folder, Waiting(options=("-monitor", f"unix:{folder}/hmp,server=on,wait=off")) as waiting, \
            socket.socket(socket.AF_UNIX) as person:
        person.connect(f"{folder}/hmp")
        person.settimeout(waiting.host.qmp.timeout)
        read_until(person, b"(hotram) ")
        for line in b"device_add vhost-user-blk-pci,id=v,chardev=c,bus=p0", b"device_add vhost-user-blk-pci,chardev=c,bus=p0":
            del waiting.back_end.asked[:]
            with waiting.back_end.slow("GET_CONFIG") as gate:
                person.sendall(line + b"\n")
                waiting.asked("GET_CONFIG")
                person.sendall(b"\x03")
                said = read_until(person, b"(hotram) ")
                gate.set()
            assert b"was cancelled" in said, said
            waiting.nothing_is_left()
        waiting.add()


def test_the_client_goes():
    """As with every command, its work ends as if it were there."""
    for good in True, False:
        with Waiting() as waiting:
            if not good:
                waiting.back_end.refuses = {"ADD_MEM_REG"}
            with waiting.at("GET_CONFIG") as gate:
                waiting.other.close()
                waiting.host.qmp.execute("query-status")
                gate.set()
            waiting.asked("ADD_MEM_REG")
            if good:
                wait_until(lambda: waiting.there() == ["v"], "the device")
            else:
                waiting.nothing_is_left()
                waiting.back_end.refuses = set()
                waiting.add()


def test_the_program_ends():
    for request in "GET_FEATURES", "ADD_MEM_REG":
        with Waiting() as waiting:
            with waiting.at(request) as gate:
                waiting.host.qmp.execute("quit")
                assert waiting.host.process.wait(60) == 0
                gate.set()
            assert waiting.host.error_log == "", waiting.host.error_log


def test_a_back_end_that_is_silent():
    for request in "GET_FEATURES", "ADD_MEM_REG":
        with Waiting() as waiting:
            waiting.back_end.answers[request] = lambda answer: (b"",)
            waiting.send()
            waiting.asked(request)
            for _ in range(3):
                waiting.host.qmp.execute("query-status")
            waiting.fails(f"it has not answered {request} for 5 seconds")
            waiting.back_end.answers.clear()
            waiting.add()
            assert waiting.host.error_log == "", waiting.host.error_log


def test_a_back_end_that_dies():
    for kind, _ in KINDS:
        for request in HANDSHAKE if kind is BackEnd else ("SET_OWNER", "ADD_MEM_REG"):
            with Waiting(kind) as waiting:
                waiting.back_end.dies_at = request
                refused(waiting.host, "it has closed the connection", **waiting.device)
                waiting.nothing_is_left()
                waiting.add()
                assert waiting.host.error_log == "", waiting.host.error_log


def test_memory_that_is_refused():
    with Waiting() as waiting:
        waiting.back_end.refuses = {"ADD_MEM_REG"}
        refused(waiting.host, "device 'v' (vhost-user-blk-pci): its back end has refused 67108864 bytes of guest memory at 0x0",
                **DISK)
        waiting.nothing_is_left()
    with Waiting(slots=1) as waiting:
        waiting.host.add("memfd", "m", size=128 * MIB)
        waiting.host.dimm("d", "m")
        refused(waiting.host, "device 'v' (vhost-user-blk-pci): its back end maps at most 1 ranges", **DISK)
        waiting.nothing_is_left()


def test_two_at_once():
    """Each waits for its own back end."""
    with Waiting() as waiting, BackEnd(waiting.folder / "k") as other:
        data = {"addr": {"type": "unix", "data": {"path": f"{waiting.folder}/k"}}, "server": False}
        waiting.host.qmp.execute("chardev-add", {"id": "k", "backend": {"type": "socket", "data": data}})
        with waiting.at("GET_CONFIG") as gate:
            waiting.host.qmp.execute("device_add", {**DISK, "id": "w", "chardev": "k", "bus": "p1"})
            assert waiting.there() == ["w"] and len(other.regions) == 1
            gate.set()
            waiting.answer()
        assert sorted(waiting.there()) == ["v", "w"]


if __name__ == "__main__":
    tap.main()
