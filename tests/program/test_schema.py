#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""What hotram says of itself to programs: each thing that it lists is there, and each
that is there is listed. It needs no KVM."""

import contextlib
import os
import pathlib
import re
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import CLONE                                # noqa: E402
from lib.nothing import Nothing                              # noqa: E402
from lib.player import SIZE, Guest                           # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402
from lib.schema import Schema                                # noqa: E402
from lib.vhost_back_end import BackEnd                       # noqa: E402
from lib.vhost_stand_in import StandIn                       # noqa: E402

MIB = 1 << 20
STAND_IN = StandIn()      # few hosts have a /dev/vhost-vsock
SOURCES = sorted((CLONE / "vmm").rglob("*.c"))


def test_the_schema_is_whole():
    with Host() as host:
        schema = Schema(host.qmp)
        entities = schema.entities
        assert len(schema.listed) == len(entities), "a name twice"
        used = set()
        for entity in schema.listed:
            refers = [entity.get(key) for key in ("arg-type", "ret-type", "element-type")]
            if entity["meta-type"] == "object":
                names = [member["name"] for member in entity["members"]]
                assert len(names) == len(set(names)), entity
                refers += [member["type"] for member in entity["members"]]
                refers += [variant["type"] for variant in entity.get("variants", ())]
            used.update(filter(None, refers))
        assert used <= set(entities), used - set(entities)
        unused = {name for name, entity in entities.items()
                  if entity["meta-type"] not in ("command", "event")} - used
        assert not unused, unused
        # What is not said to be an object, is one only where it has to be.
        empty = [name for name in schema.names("object") if not entities[name]["members"]]
        assert empty == ["Empty"], empty
        returned = {name: entities[name]["ret-type"] for name in schema.names("command")}
        assert [name for name, kind in returned.items() if kind == "any"] == ["qom-get"], returned
        assert {name for name, kind in returned.items() if kind == "Empty"} \
            == {"announce-self", "balloon", "block-set-write-threshold", "block_resize", "blockdev-add", "blockdev-del", "chardev-remove", "closefd", "cont", "cpu-operation-cancel", "device_add", "device_del", "getfd", "inject-nmi", "machine-snapshot", "memory-operation-cancel", "memory-set-cancel",
                "memslot", "migrate", "migrate-continue", "migrate-incoming", "migrate-set-capabilities",
                "migrate-set-parameters", "migrate_cancel", "netdev_add", "netdev_del", "object-add", "object-del",
                "qmp_capabilities", "qom-set", "quit", "remove-fd", "set-action", "set_link", "stop", "system_powerdown", "system_reset",
                "watchdog-set-action", "x-exit-preconfig"}, returned


def test_commands_are_those_that_there_are():
    with Host() as host:
        names = {command["name"] for command in host.qmp.execute("query-commands")}
        schema = Schema(host.qmp)
        assert names == set(schema.names("command"))
        for name in sorted(names - {"qmp_capabilities"}):
            # What it does not list is refused.
            try:
                host.qmp.execute(name, {"no-such-argument": 1})
            except QMPError as error:
                said = error.desc
                assert "no-such-argument" in said or "is missing" in said, (name, said)
            else:
                raise AssertionError(f"{name} takes anything")


def readable_disk():
    """The path of a disk of this host, or None."""
    for name in sorted(os.listdir("/sys/block")) if os.path.isdir("/sys/block") else ():
        try:
            os.close(os.open(f"/dev/{name}", os.O_RDONLY | os.O_NONBLOCK))
            if int(pathlib.Path(f"/sys/block/{name}/size").read_text()) > 0:
                return f"/dev/{name}"
        except OSError:
            pass
    return None


DEVICE = readable_disk()
# All arguments of every command that has some, with values that go together, and what has to be there before.
RAM = {"qom-type": "memory-backend-ram", "id": "new", "size": 2 * MIB, "share": False,
       "prealloc": False, "prealloc-threads": 1, "reserve": True, "host-nodes": [],
       "policy": "default", "merge": True, "dump": True}
NODE = {"node-name": "new", "read-only": False, "auto-read-only": False, "discard": "unmap", "detect-zeroes": "off",
        "cache": {"direct": False, "no-flush": False}}
IMAGE = {**NODE, "aio": "threads", "locking": "auto"}
VSOCKS = ("vhost-vsock-pci", "vhost-vsock-pci-non-transitional")
VHOST_USER_DISKS = ("vhost-user-blk-pci", "vhost-user-blk-pci-non-transitional")
VHOST_USERS = (*VHOST_USER_DISKS, "vhost-user-fs-pci")
BALLOONS = ("virtio-balloon-pci", "virtio-balloon-pci-non-transitional")
CPU, MIDDLE = (("host-x86_64-cpu", "die-id") if arch.chosen() is arch.X86
               else ("host-arm-cpu", "cluster-id"))
ARGUMENTS = {
    "add-fd": [{"fdset-id": 5, "opaque": "words"}],
    "closefd": [{"fdname": "passed"}],
    "getfd": [{"fdname": "new"}],
    "remove-fd": [{"fdset-id": 0, "fd": "@fd@"}],
    "balloon": [{"value": 64 * MIB}],
    "device-list-properties": [{"typename": "pc-dimm"}],
    "block_resize": [{"node-name": "node", "size": 2 * MIB}],
    "blockdev-add": [{"driver": "file", **IMAGE, "filename": "@file@"},
                     {"driver": "host_device", **IMAGE, "read-only": True, "filename": DEVICE},
                     {"driver": "null-co", **NODE, "size": MIB, "latency-ns": 1, "read-zeroes": True},
                     {"driver": "raw", **NODE, "file": "node"}],
    "blockdev-del": [{"node-name": "node"}],
    "chardev-add": [{"id": "new", "backend": {"type": "null", "data": {}}}],     # all kinds: test_chardev_add.py
    "chardev-remove": [{"id": "unused"}],
    "device_add": [{"driver": "pc-dimm", "id": "new", "memdev": "free", "slot": 3,
                    "addr": (5 << 30), "node": 0},
                   {"driver": CPU, "id": "new", "socket-id": 0, MIDDLE: 0, "core-id": 1, "thread-id": 0, "node-id": 0},
                   *({"driver": driver, "id": "new", "bus": "port", "addr": "0.0", "multifunction": False, "vectors": 2,
                      "indirect_desc": True, "event_idx": True, "disable-legacy": "on", "disable-modern": False,
                      "ioeventfd": True, "romfile": "", "rombar": 0, "iommu_platform": False, "ats": False, "packed": False, "page-per-vq": False, "rng": "random",
                      "max-bytes": 1024, "period": 1000}
                     for driver in ("virtio-rng-pci", "virtio-rng-pci-non-transitional")),
                   *({"driver": driver, "id": "new", "bus": "port", "addr": "0.0", "multifunction": False, "vectors": 2,
                      "indirect_desc": True, "event_idx": True, "disable-legacy": "on", "disable-modern": False,
                      "ioeventfd": True, "romfile": "", "rombar": 0, "iommu_platform": False, "ats": False, "packed": False, "page-per-vq": False,
                      "deflate-on-oom": True, "free-page-reporting": True, "guest-stats-polling-interval": 5}
                     for driver in BALLOONS),
                   {"driver": "virtio-mem-pci", "id": "new", "bus": "port", "addr": "0.0", "multifunction": False, "vectors": 2,
                    "indirect_desc": True, "event_idx": True, "disable-legacy": "on", "disable-modern": False,
                    "ioeventfd": True, "romfile": "", "rombar": 0, "iommu_platform": False, "ats": False, "packed": False, "page-per-vq": False,
                    "memdev": "free", "node": 0, "block-size": 2 * MIB, "requested-size": 2 * MIB, "memaddr": 5 << 30,
                    "prealloc": False, "unplugged-inaccessible": "on", "dynamic-memslots": True},
                   *({"driver": driver, "id": "new", "bus": "port", "addr": "0.0", "multifunction": False, "vectors": 2,
                      "indirect_desc": True, "event_idx": True, "disable-legacy": "on", "disable-modern": False,
                      "ioeventfd": True, "romfile": "", "rombar": 0, "iommu_platform": False, "ats": False, "packed": False, "page-per-vq": False, "drive": "node",
                      "iothread": "thread", "serial": "x", "logical_block_size": 512, "physical_block_size": 512, "bootindex": 1,
                      "discard_granularity": 4096, "share-rw": False,
                      "num-queues": 2, "queue-size": 128, "write-cache": "on", "config-wce": True, "discard": True,
                      "write-zeroes": True, "werror": "stop", "rerror": "report"}
                     for driver in ("virtio-blk-pci", "virtio-blk-pci-non-transitional")),
                   *({"driver": driver, "id": "new", "bus": "port", "addr": "0.0", "multifunction": False, "vectors": 2,
                      "indirect_desc": True, "event_idx": True, "disable-legacy": "on", "disable-modern": False,
                      "ioeventfd": True, "romfile": "", "rombar": 0, "iommu_platform": False, "ats": False, "packed": False, "page-per-vq": False,
                      "netdev": "cable", "mac": "52:54:00:00:00:01", "host_mtu": 1500, "rx_queue_size": 512, "tx_queue_size": 1024, "mq": True, "csum": True, "bootindex": 1,
                      "guest_csum": True, "mrg_rxbuf": True, "status": True, "ctrl_vq": True, "ctrl_rx": True,
                      "ctrl_rx_extra": True, "ctrl_vlan": True, "ctrl_mac_addr": True,
                      "ctrl_guest_offloads": True, "guest_announce": True}
                     for driver in ("virtio-net-pci", "virtio-net-pci-non-transitional")),
                   *({"driver": driver, "id": "new", "bus": "port", "addr": "0.0", "multifunction": False, "vectors": 2,
                      "indirect_desc": True, "event_idx": True, "disable-legacy": "on", "disable-modern": False,
                      "ioeventfd": True, "romfile": "", "rombar": 0,
                      "iommu_platform": False, "ats": False, "packed": False, "page-per-vq": False, "max_ports": 4}
                     for driver in ("virtio-serial-pci", "virtio-serial-pci-non-transitional")),
                   *({"driver": driver, "id": "new", "bus": "port", "addr": "0.0", "multifunction": False, "vectors": 2,
                      "indirect_desc": True, "event_idx": True, "disable-legacy": "on", "disable-modern": False,
                      "ioeventfd": True, "romfile": "", "rombar": 0,
                      "iommu_platform": False, "ats": False, "packed": False, "page-per-vq": False, "guest-cid": 3,
                      "vhostfd": "vhost", "seqpacket": "on"}
                     for driver in VSOCKS),
                   *({"driver": driver, "id": "new", "bus": "port", "addr": "0.0", "multifunction": False, "vectors": 2,
                      "indirect_desc": True, "event_idx": True, "disable-legacy": "on", "disable-modern": False,
                      "ioeventfd": True, "romfile": "", "rombar": 0,
                      "iommu_platform": False, "ats": False, "packed": False, "page-per-vq": False, "chardev": "second",
                      "bootindex": 1, "num-queues": 2, "queue-size": 64, "config-wce": True, "discard": True,
                      "write-zeroes": True, "write-cache": "on"}
                     for driver in VHOST_USER_DISKS),
                   {"driver": "vhost-user-fs-pci", "id": "new", "bus": "port", "addr": "0.0", "multifunction": False, "vectors": 2,
                    "indirect_desc": True, "event_idx": True, "disable-legacy": "on", "disable-modern": False,
                    "ioeventfd": True, "romfile": "", "rombar": 0,
                    "iommu_platform": False, "ats": False, "packed": False, "page-per-vq": False, "chardev": "second",
                    "bootindex": 1, "tag": "shared", "num-request-queues": 2, "queue-size": 64},
                   *({"driver": driver, "id": "new", "bus": "serial.0", "chardev": "unused", "name": "org.example.0",
                      "nr": 2} for driver in ("virtserialport", "virtconsole"))],
    "block-set-write-threshold": [{"node-name": "node", "write-threshold": 4096}],
    "device_del": [{"id": "d"}],
    "machine-snapshot": [{"file": "/nonexistent/snapshot", "background": True}],
    "human-monitor-command": [{"command-line": "info status", "cpu-index": 0}],
    "memory-operation-cancel": [{"id": 2}],
    "cpu-operation-cancel": [{"id": 3}],
    "cpus-set": [{"cpus": 2, "timeout": 5}],
    "memory-plug": [{"size": 2 * MIB, "id": "new", "node": 0, "slot": 3, "addr": 5 << 30,
                     "template": "memory-backend-memfd", "timeout": 5, "wait": False}],
    "memory-set": [{"size": 128 * MIB, "node": 0, "at-most": True, "dry-run": True,
                    "template": "memory-backend-ram", "timeout": 5, "wait": False}],
    "memory-unplug": [{"id": "d", "size": 16 * MIB, "timeout": 5, "wait": False}],
    "memslot": [{"id": "slot", "action": "add"}],
    "migrate": [{"uri": "unix:/nonexistent/socket", "blk": False, "detach": True, "resume": False}],
    "migrate-continue": [{"state": "pre-switchover"}],
    "migrate-incoming": [{"uri": "unix:/nonexistent/socket"}],
    "migrate-set-capabilities": [{"capabilities": []}],
    "migrate-set-parameters": [{"max-bandwidth": 1 << 30, "downtime-limit": 500, "throttle-trigger-threshold": 40, "cpu-throttle-initial": 10,
                                "cpu-throttle-increment": 5, "max-cpu-throttle": 90}],
    "netdev_add": [{"type": "stream", "id": "new", "server": True, "addr": {"type": "unix", "path": "@file@"}},
                   {"type": "vhost-user", "id": "new", "chardev": "unused", "queues": 2, "vhostforce": True}],
    "netdev_del": [{"id": "cable"}],
    "object-add": [RAM,
                   {**RAM, "qom-type": "memory-backend-memfd", "hugetlb": False, "seal": True},
                   {**RAM, "qom-type": "memory-backend-file", "mem-path": "@file@", "offset": 0,
                    "align": 2 * MIB, "readonly": False, "discard-data": False},
                   {"qom-type": "secret", "id": "new", "data": "", "file": "", "format": "",
                    "keyid": "", "iv": ""},
                   {"qom-type": "rng-random", "id": "new", "filename": "/dev/urandom", "opened": True},
                   {"qom-type": "rng-builtin", "id": "new", "opened": False},
                   {"qom-type": "iothread", "id": "new"}],
    "object-del": [{"id": "free"}],
    "qmp_capabilities": [{"enable": []}],
    "qom-get": [{"path": "/machine", "property": "type"}],
    "qom-set": [{"path": "/machine/peripheral-anon/device[0]", "property": "guest-stats-polling-interval", "value": 0}],
    "qom-list": [{"path": "/machine"}],
    "qom-list-properties": [{"typename": "pc-dimm"}],
    "qom-list-types": [{"implements": "memory-backend", "abstract": True}],
    "query-rx-filter": [{"name": "nic"}],
    "query-blockstats": [{"query-nodes": True}],
    "query-command-line-options": [{"option": "m"}],
    "query-named-block-nodes": [{"flat": True}],
    "announce-self": [{"initial": 50, "max": 550, "rounds": 1, "step": 100, "interfaces": [], "id": "now"}],
    "set_link": [{"name": "cable", "up": False}],
    "set-action": [{"reboot": "shutdown", "shutdown": "pause", "panic": "none", "watchdog": "debug"}],
    "watchdog-set-action": [{"action": "none"}],
}
# What can be given only with another value of something else that is given.
ALONE = {"hugetlbsize", "reconnect", "reconnect-ms"}


def with_back_ends(stack):
    """Options for a machine with one disk of vhost-user, whose memory has descriptors, and chardevs for two more devices."""
    folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
    options = []
    for name in "first", "second", "third":
        stack.enter_context(BackEnd(folder / name))
        options += ["-chardev", f"socket,id={name},path={folder / name}"]
    return [*options, "-device", "vhost-user-blk-pci,id=first,chardev=first"]


def busy_host(balloon=True, options=()):
    """One where all that the arguments name is there."""
    host = Host([*options, "-smp", "1,maxcpus=2", "-memslot", "id=slot,size=2M", "-blockdev", "null-co,node-name=node,size=1M",
                 "-device", "pcie-root-port,id=port", "-device", "vmgenid,id=generation", "-object", "rng-builtin,id=random", "-object", "iothread,id=thread",
                 *(("-device", "virtio-balloon-pci") if balloon else ()),
                 "-netdev", "user,id=cable", "-device", "virtio-net-pci,id=nic", "-device", "virtio-serial-pci,id=serial", "-chardev", "null,id=unused"],
                memory="64M,slots=4,maxmem=8G")
    host.add("ram")
    host.dimm()
    host.add("ram", "free")
    host.qmp.execute("cont")
    return host


def attempt(schema, name, arguments):
    """An error's text, or None: of a command with these arguments on a machine of its own."""
    if name == "x-exit-preconfig":      # is for another kind of start: test_libqtest.py
        return None
    with contextlib.ExitStack() as stack:
        driver = arguments.get("driver")
        options = with_back_ends(stack) if driver in VHOST_USERS else []
        host = stack.enter_context(busy_host(driver not in BALLOONS, options))
        arguments = {key: str(host.files / "file") if value == "@file@" else value
                     for key, value in arguments.items()}
        if name == "blockdev-add":
            (host.files / "file").write_bytes(bytes(MIB))
        if name == "netdev_add" and "addr" in arguments:
            arguments["addr"] = {"type": "unix", "path": str(host.files / "file")}
            if "server" not in arguments:
                listener = socket.socket(socket.AF_UNIX)
                listener.bind(arguments["addr"]["path"])
                listener.listen()
        if name in ("getfd", "closefd", "add-fd", "remove-fd"):
            with open("/dev/null", "rb") as null:
                host.qmp.pass_descriptors(null.fileno())
                if name == "closefd":
                    host.qmp.execute("getfd", {"fdname": "passed"})
                if name == "remove-fd":
                    passed = host.qmp.execute("add-fd")["fd"]
                    arguments = {key: passed if value == "@fd@" else value for key, value in arguments.items()}
        if arguments.get("vhostfd"):
            vhost = STAND_IN.descriptor()
            host.qmp.pass_descriptors(vhost)
            host.qmp.execute("getfd", {"fdname": "vhost"})
            os.close(vhost)
        if name == "memory-operation-cancel":
            host.qmp.execute("memory-unplug", {"id": "d"})
        if name == "cpu-operation-cancel":
            host.qmp.execute("cpus-set", {"cpus": 2})
            host.qmp.execute("device_del", {"id": "vcpu1"})
        if name == "memory-set-cancel":
            host.qmp.execute("memory-set", {"size": 128 * MIB})
        if name == "qmp_capabilities":
            host.qmp.close()
            host.qmp = QMP(host.folder / "qmp", negotiate=False)
        try:
            answer = host.qmp.execute(name, arguments)
        except QMPError as error:
            # These go no further; tests/program/test_snapshot.py and test_migrate.py have some.
            further = {"machine-snapshot": "No such file", "migrate": "cannot connect to",
                       "migrate-incoming": "'-incoming' was not specified", "migrate-continue": "not pre-switchover"}
            return None if name in further and further[name] in error.desc else error.desc
        schema.check_answer(name, answer)
        return None


def tried_with_another(schema, name, case):
    """Optional members that come from a table that another case has, too: a machine for each of them is enough once,
    since a start takes a tenth of a second on a busy host."""
    names = [arguments["driver"] for arguments in ARGUMENTS["device_add"] if arguments["driver"].endswith("-pci")]
    if name != "device_add" or not case.startswith("virtio-") and not case.startswith("vhost-"):
        return set()
    members = schema.arguments(name, case)
    if case.endswith("-non-transitional"):
        assert members == schema.arguments(name, case.removesuffix("-non-transitional")), case
        return set(members)
    if case == names[0]:
        return set()
    common = set.intersection(*(set(schema.arguments(name, other)) for other in names))
    return {member for member in common if members[member]} - {"bus"}


def is_missing(said, member):
    words = (f"'{member}'", f"CPU {member} is not set")     # the latter are QEMU's
    return said and ("is missing" in said or "is not set" in said) and any(word in said for word in words)


def test_what_is_required_is_required_and_what_is_optional_is_optional():
    with Host() as host:
        schema = Schema(host.qmp)
    for name in schema.names("command"):
        required = [member for member, optional in schema.arguments(name).items() if not optional]
        said = attempt(schema, name, {})
        if required:
            assert is_missing(said, required[0]), (name, said)
        else:
            assert said is None, (name, said)
        if name not in ARGUMENTS:
            assert not schema.arguments(name), f"{name}: none of its arguments is tried"
            continue
        tag, cases = schema.cases(name)
        tried = {arguments.get(tag): arguments for arguments in ARGUMENTS[name]}
        if name == "blockdev-add" and not DEVICE:
            print("# not tried: host_device, for want of a disk that this user may read")
            del tried["host_device"]
            cases.remove("host_device")
        if name == "netdev_add":
            cases = ["stream", "vhost-user"]          # the sandbox permits no others: tests/program/test_virtio_net.py
        assert set(tried) == set(cases), (name, cases)
        for case, arguments in tried.items():
            members = schema.arguments(name, case)
            assert set(arguments) == set(members) - ALONE, (name, set(arguments) ^ set(members))
            said = attempt(schema, name, arguments)
            assert said is None, (name, said)
            # At the start pcie.0 will do, but not while the machine runs.
            at_start = {"bus"} & set(members) if "addr" in members else set()
            done = tried_with_another(schema, name, case)
            least = {key: value for key, value in arguments.items() if not members[key] or key in at_start}
            for left_out in [member for member in arguments if member not in done]:
                rest = {key: value for key, value in arguments.items() if key != left_out}
                said = attempt(schema, name, rest)
                if left_out in at_start:
                    assert said and "PCI: slot 0 function 0 not available" in said, (name, left_out, said)
                elif left_out == "addr" and case == "stream":
                    # The schema has no nested object that must be there; those who make it say so.
                    assert is_missing(said, "addr.type"), (name, left_out, said)
                elif members[left_out]:
                    assert said is None, (name, left_out, said)
                else:
                    assert is_missing(said, left_out), (name, left_out, said)
            if case == "stream":
                least["addr"] = arguments["addr"]
            said = attempt(schema, name, least)
            assert said is None, (name, least, said)


def test_answers_are_as_listed():
    """Of every query, on machines of all kinds."""
    with Nothing("-serial", "null") as none, \
            Guest("-name", "x", "-device", "virtio-balloon-pci", "-device", "vmgenid", "-smp", "2", "-numa",
                  "node,cpus=0,mem=64M", "-numa", "node,cpus=1,mem=64M", "-memslot", "id=slot,size=128M") as guest:
        guest.plug()            # slot 0 is the memslot's
        guest.accept(1)
        guest.done(result="done")
        guest.add("file", "f", mem_path=guest.files / "file", size=SIZE)
        guest.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": "f"})
        guest.unplug()
        guest.refuse(1)
        guest.done(result="refused")
        guest.qmp.execute("memslot", {"id": "slot", "action": "add"})
        guest.unplug(timeout=5)
        for host in (none, guest):
            schema = Schema(host.qmp)
            for name in schema.names("command"):
                if not any(not optional for optional in schema.arguments(name).values()) \
                        and name.startswith(("query-", "qom-")) \
                        and (host, name) not in ((none, "query-acpi-ospm-status"), (none, "query-balloon"),
                                                 (none, "query-hotpluggable-cpus"),
                                                 (none, "query-vm-generation-id")):  # refused
                    schema.check_answer(name, host.qmp.execute(name))
        for arguments in ({"size": guest.size() + SIZE, "dry-run": True},
                          {"size": 192 * MIB, "node": 1, "dry-run": True, "at-most": True}):
            schema.check_answer("memory-set", guest.qmp.execute("memory-set", arguments))
        schema.check_answer("memory-plug", guest.plug(timeout=1, wait=True))
        for path in ("/", "/machine", "/objects", "/objects/f", "/machine/peripheral/slot"):
            schema.check_answer("qom-list", guest.qmp.execute("qom-list", {"path": path}))
        for event in guest.qmp.take_events():
            schema.check_event(event)


def test_forwarded_ports_are_a_list_as_in_qemu():
    with Host() as host:
        entities = {entity["name"]: entity for entity in host.qmp.execute("query-qmp-schema")}
    command = entities[entities["netdev_add"]["arg-type"]]
    user = entities[next(variant["type"] for variant in command["variants"] if variant["case"] == "user")]
    for name in "hostfwd", "guestfwd":
        kind = next(member["type"] for member in user["members"] if member["name"] == name)
        element = entities[entities[kind]["element-type"]]
        assert entities[kind]["meta-type"] == "array", entities[kind]
        assert [(member["name"], member["type"]) for member in element["members"]] == [("str", "str")], element


def test_events_are_those_that_the_program_sends():
    """Each kind has its row (monitor/events.c), and is sent by somebody else."""
    find = re.compile(r"\bEVENT_([A-Z_]+)\b").findall
    kinds = set(find((CLONE / "vmm/base/event.h").read_text())) - {"KINDS"}
    sent = {name for source in SOURCES if source.parent.name != "monitor" for name in find(source.read_text())}
    with Host() as host:
        listed = set(Schema(host.qmp).names("event"))
    assert kinds == listed, kinds ^ listed
    assert kinds <= sent, kinds - sent


def test_data_of_events_is_as_listed():
    with Host() as host:
        schema = Schema(host.qmp)
        host.add("ram", prealloc=True)
        host.dimm()
        host.eject()
        host.qmp.execute("cont")
        host.qmp.execute("system_powerdown")
        host.qmp.execute("system_reset")
        host.qmp.execute("memory-plug", {"size": 2 << 20})
        host.qmp.execute("stop")
        events = host.qmp.take_events()
        assert len({event["event"] for event in events}) >= 7, events
        for event in events:
            schema.check_event(event)


def test_what_libvirt_looks_for():
    with Host() as host:
        entities = Schema(host.qmp).entities
        kinds = entities[entities["object-add"]["arg-type"]]["members"][0]
        assert kinds["name"] == "qom-type"
        assert "secret" in entities[kinds["type"]]["values"]
        assert "json-cli-hotplug" in entities["device_add"]["features"]
        # blockdev-add/arg-type/+file/aio/^io_uring
        drivers = entities[entities["blockdev-add"]["arg-type"]]["variants"]
        image, = [entities[driver["type"]] for driver in drivers if driver["case"] == "file"]
        aio, = [member["type"] for member in image["members"] if member["name"] == "aio"]
        assert entities[aio]["values"] == ["auto", "threads", "io_uring", "native"], entities[aio]
        for value in entities[aio]["values"]:
            host.refuses(["Could not open '/none'"], "blockdev-add",
                         {"driver": "file", "node-name": "n", "filename": "/none", "aio": value})
        host.refuses(["'aio' expects one of 'auto', 'threads', 'io_uring', 'native'; got 'uring'"], "blockdev-add",
                     {"driver": "file", "node-name": "n", "filename": "/none", "aio": "uring"})
        host.qmp.execute("object-add", {"qom-type": "secret", "id": "masterKey0",
                                        "format": "raw", "file": "/none"})
        host.refuses(["no property 'x'"], "object-add",
                     {"qom-type": "secret", "id": "s", "x": 1})
        for name in ("query-block", "query-named-block-nodes", "query-jobs",
                     "query-iothreads", "query-blockstats"):
            assert host.qmp.execute(name) == [], name
        events = [{"capability": "events", "state": True}]
        host.qmp.execute("migrate-set-capabilities", {"capabilities": events})
        capabilities = host.qmp.execute("query-migrate-capabilities")
        assert events[0] in capabilities and {"capability": "return-path", "state": True} in capabilities
        for words, one in ((["capability 'xbzrle' is not supported"], {"capability": "xbzrle", "state": True}),
                           (["expects objects"], {"capability": "events"}),
                           (["expects objects"], 1), (["capability '' is not supported"], {"state": True})):
            host.refuses(words, "migrate-set-capabilities",
                         {"capabilities": [{"capability": "events", "state": False}, one]})
        assert host.qmp.execute("query-migrate-capabilities") == capabilities
        assert [cpu["name"] for cpu in host.qmp.execute("query-cpu-definitions")] == ["host"]
        machines = {machine["name"]: machine for machine
                    in host.qmp.execute("query-machines")}
        assert set(machines) == {"hotram-1", "pc-q35-hotram-1", "none"}, machines
        assert machines["hotram-1"]["is-default"] and "alias" not in machines["hotram-1"]
        assert machines["pc-q35-hotram-1"]["alias"] == "q35", machines
        # But for its name it is the same machine.
        assert machines["hotram-1"] == {**{key: value for key, value in
                                           machines["pc-q35-hotram-1"].items() if key != "alias"},
                                        "name": "hotram-1", "is-default": True}


def test_types():
    with Host() as host:
        ask = host.qmp.execute
        types = {kind["name"]: kind.get("parent")
                 for kind in ask("qom-list-types", {"abstract": True})}
        assert all(parent is None or parent in types for parent in types.values()), types
        made = {kind["name"] for kind in ask("qom-list-types")}
        assert {"pc-dimm", "isa-serial", "memory-backend-file", "hotram-1-machine"} <= made
        assert "device" not in made
        assert {kind["name"] for kind in ask("qom-list-types", {"implements": "memory-backend"})} \
            == {"memory-backend-ram", "memory-backend-file", "memory-backend-memfd"}
        assert [entry["name"] for entry in ask("device-list-properties",
                                               {"typename": "pc-dimm"})] \
            == ["memdev", "slot", "addr", "node"]
        # By which libvirt sees that <pm>, <cpu migratable=''> and <vmport> can be passed on.
        if arch.chosen() is arch.X86:
            assert [entry["name"] for entry in ask("device-list-properties", {"typename": "ICH9-LPC"})] \
                == ["disable_s3", "disable_s4", "noreboot"]
            assert types["vmport"] == "object"
        cpu, = [name for name in made if re.fullmatch("max-.*-cpu", name)]
        assert {"name": "migratable", "type": "bool"}.items() <= \
            ask("device-list-properties", {"typename": cpu})[0].items()
        for name in made:
            ask("qom-list-properties", {"typename": name})
        keys = {entry["name"] for entry in
                ask("qom-list-properties", {"typename": "hotram-1-machine"})}
        assert {"memory-backend", "dimm-granularity", "dump-guest-core"} <= keys, keys
        # libvirt ends, or will not have the emulator, where these are errors.
        assert types["generic-pc-machine"] == "machine" and "generic-pc-machine" not in made
        family = {kind["name"] for kind in ask("qom-list-types", {"implements": "generic-pc-machine"})}
        assert family == {"hotram-1-machine", "pc-q35-hotram-1-machine"}, family
        for name in ("generic-pc-machine", "none-machine", "memory-backend-file",
                     *(machine["name"] + "-machine" for machine in ask("query-machines"))):
            assert ask("qom-list-properties", {"typename": name}), name
        for command in ("device-list-properties", "qom-list-properties"):
            try:
                ask(command, {"typename": "e1000"})
            except QMPError as error:
                assert error.error_class == "DeviceNotFound" and "e1000" in error.desc
            else:
                raise AssertionError(command)
        host.refuses(["expects a device type; got 'memory-backend-ram'"],
                     "device-list-properties", {"typename": "memory-backend-ram"})


def walk(ask, path="/"):
    """All that is at a path and below, to its type."""
    found = {path: ask("qom-get", {"path": path, "property": "type"})}
    for entry in ask("qom-list", {"path": path}):
        if child := re.fullmatch(r"child<(.*)>", entry["type"]):
            below = path.rstrip("/") + "/" + entry["name"]
            found |= walk(ask, below)
            assert found[below] == child[1], (below, entry)
    return found


CHIPS = {"acpi-ged", "cfi.pflash01"} | (
    {"serial", "mc146818rtc"} if arch.chosen() is arch.X86 else {"pl011", "pl031", "gpex-pcihost"})
# Types that stand for keys of options.
WITHOUT_OBJECTS = {"vhost-vsock-device", "vhost-user-fs-device"} | (
    {"max-x86_64-cpu", "vmport", "ICH9-LPC"} if arch.chosen() is arch.X86 else {"max-arm-cpu"})


def test_objects_have_what_their_types_list():
    """One list for qom-list-properties, qom-list and qom-get, and values of the listed types."""
    kinds = {"bool": bool, "string": str, "str": str, "size": int, "uint32": int, "uint64": int,
             "int32": int, "guest statistics": dict, "HostMemPolicy": str, "link<memory-backend>": str}
    only_x86 = ["-device", "pvpanic,id=p"] if arch.chosen() is arch.X86 else []
    devices = [*only_x86, "-device", "virtio-rng-pci,rng=r,id=v", "-device", "virtio-rng-pci-non-transitional",
               "-device", "pcie-root-port,id=port", "-device", "virtio-balloon-pci", "-netdev", "user,id=n",
               "-device", "virtio-serial-pci", "-device", "virtio-serial-pci-non-transitional", "-device", "virtserialport,id=sp",
               "-device", "virtconsole", "-device", "vmgenid,id=g0",
               "-device", "virtio-net-pci,netdev=n,id=w", "-device", "virtio-net-pci-non-transitional", "-object", "rng-random,id=r", "-object", "rng-builtin,id=b",
               "-object", "iothread,id=t",
               "-blockdev", "null-co,node-name=n", "-device", "virtio-blk-pci,drive=n,id=k,iothread=t",
               "-blockdev", "null-co,node-name=o", "-device", "virtio-blk-pci-non-transitional,drive=o",
               "-device", "vhost-vsock-pci,guest-cid=3", "-device", "vhost-vsock-pci-non-transitional,guest-cid=4"]
    blocks = ["-object", "memory-backend-ram,id=x,size=128M", "-device", "virtio-mem-pci,id=y,memdev=x"]
    with contextlib.ExitStack() as stack, Host([*devices, *with_back_ends(stack), "-device",
              "vhost-user-blk-pci-non-transitional,chardev=second", "-device", "vhost-user-fs-pci,chardev=third,tag=t"]) as host, Host(blocks) as other, Nothing("-chardev", "null,id=c", "-device", "isa-serial,id=s,chardev=c",
                                 "-object", "memory-backend-ram,id=m,size=2M") as none:
        host.add("ram", policy="preferred", host_nodes=[0], prealloc_threads=3)
        host.add("file", "f", mem_path=host.files / "file", discard_data=True)
        host.add("memfd", "g", seal=False)
        host.dimm(slot=2)
        host.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": "g"})
        seen = set()
        for ask in (host.qmp.execute, other.qmp.execute, none.qmp.execute):
            for path, kind in walk(ask).items():
                seen.add(kind)
                listed = {entry["name"]: entry["type"]
                          for entry in ask("qom-list-properties", {"typename": kind})}
                own = {entry["name"]: entry["type"] for entry in ask("qom-list", {"path": path})
                       if not entry["type"].startswith("child<")}
                assert own == listed, (path, own, listed)
                for name, wanted in own.items():
                    value = ask("qom-get", {"path": path, "property": name})
                    assert isinstance(value, kinds.get(wanted, (int, list))) and \
                        (wanted == "bool") == isinstance(value, bool), (path, name, value)
        made = {kind["name"] for kind in host.qmp.execute("qom-list-types")}
        # Chips have types, as in QEMU, and are no objects here.
        assert CHIPS <= made and "acpi-pm" not in made and "acpi-sleep" not in made, made
        assert seen == made - CHIPS - WITHOUT_OBJECTS - {"virtio-balloon-pci-non-transitional", "secret", "kvm-accel",
                                       "qtest-accel", "pc-q35-hotram-1-machine"}, made - seen
        got = {(path, name): host.qmp.execute("qom-get", {"path": path, "property": name})
               for path, names in (
                   ("m", ("size", "policy", "host-nodes", "prealloc-threads", "prealloc")),
                   ("f", ("mem-path", "discard-data", "share")), ("g", ("seal", "hugetlb", "share")),
                   ("/machine", ("dimm-granularity", "accel", "dimm-map-strict", "dump-guest-core")))
               for name in names}
        assert list(got.values()) == [16 * MIB, "preferred", [0], 3, False,
                                      str(host.files / "file"), True, False, False, False, True,
                                      str(2 * MIB), "qtest", False, True], got


def test_the_tree():
    with Host() as host:
        ask = host.qmp.execute
        host.add("ram")
        host.dimm(slot=2)
        assert {"/machine/peripheral/d", "/objects/m", "/objects/hotram.ram",
                "/machine/unattached/device[0]"} <= set(walk(ask))
        data, = ask("query-memory-devices")
        for key, value in data["data"].items():
            if key != "id":
                assert ask("qom-get", {"path": "/machine/peripheral/d", "property": key}) == value
        for path in ("", "x", "/x", "/machine/peripheral/x",
                     "/machine/unattached/device[1]", "/machine/unattached/device[0]x",
                     "/machine/unattached/device["):
            try:
                ask("qom-list", {"path": path})
            except QMPError as error:
                assert error.error_class == "DeviceNotFound", error
            else:
                raise AssertionError(f"{path} is there")
        host.refuses(["Property 'pc-dimm.x' not found"], "qom-get",
                     {"path": "/machine/peripheral/d", "property": "x"})


def test_options():
    with Host() as host:
        options = {option["option"]: [key["name"] for key in option["parameters"]]
                   for option in host.qmp.execute("query-command-line-options")}
        assert options["m"] == ["size", "slots", "maxmem"], options["m"]
        assert {"id", "path", "server", "wait", "fd"} <= set(options["chardev"]), options
        assert options["S"] == [] and "chroot" not in options
        one, = host.qmp.execute("query-command-line-options", {"option": "memslot"})
        assert [key["name"] for key in one["parameters"]] == ["id", "size", "start", "node"]
        host.refuses(["invalid option name: chroot"], "query-command-line-options",
                     {"option": "chroot"})


if __name__ == "__main__":
    try:
        tap.main()
    finally:
        STAND_IN.remove()
