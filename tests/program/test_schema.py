#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What hotram says of itself to programs: each thing that it lists is there, and each
that is there is listed. It needs no KVM."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import CLONE                                # noqa: E402
from lib.nothing import Nothing                              # noqa: E402
from lib.player import SIZE, Guest                           # noqa: E402
from lib.qmp import QMP, QMPError                            # noqa: E402
from lib.schema import Schema                                # noqa: E402

MIB = 1 << 20
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
            == {"cont", "device_add", "device_del", "memory-operation-cancel", "memory-set-cancel",
                "memslot", "migrate-set-capabilities", "object-add", "object-del", "qmp_capabilities",
                "quit", "set-action", "stop", "system_powerdown", "system_reset",
                "x-exit-preconfig"}, returned


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


# All arguments of every command that has some, with values that go together, and what has to be there before.
RAM = {"qom-type": "memory-backend-ram", "id": "new", "size": 2 * MIB, "share": False,
       "prealloc": False, "prealloc-threads": 1, "reserve": True, "host-nodes": [],
       "policy": "default", "merge": True, "dump": True}
ARGUMENTS = {
    "device-list-properties": [{"typename": "pc-dimm"}],
    "device_add": [{"driver": "pc-dimm", "id": "new", "memdev": "free", "slot": 3,
                    "addr": (5 << 30), "node": 0}],
    "device_del": [{"id": "d"}],
    "human-monitor-command": [{"command-line": "info status", "cpu-index": 0}],
    "memory-operation-cancel": [{"id": 2}],
    "memory-plug": [{"size": 2 * MIB, "id": "new", "node": 0, "slot": 3, "addr": 5 << 30,
                     "template": "memory-backend-memfd", "timeout": 5, "wait": False}],
    "memory-set": [{"size": 128 * MIB, "node": 0, "at-most": True, "dry-run": True,
                    "template": "memory-backend-ram", "timeout": 5, "wait": False}],
    "memory-unplug": [{"id": "d", "timeout": 5, "wait": False}],
    "memslot": [{"id": "slot", "action": "add"}],
    "migrate-set-capabilities": [{"capabilities": []}],
    "object-add": [RAM,
                   {**RAM, "qom-type": "memory-backend-memfd", "hugetlb": False, "seal": True},
                   {**RAM, "qom-type": "memory-backend-file", "mem-path": "@file@", "offset": 0,
                    "align": 2 * MIB, "readonly": False, "discard-data": False},
                   {"qom-type": "secret", "id": "new", "data": "", "file": "", "format": "",
                    "keyid": "", "iv": ""}],
    "object-del": [{"id": "free"}],
    "qmp_capabilities": [{"enable": []}],
    "qom-get": [{"path": "/machine", "property": "type"}],
    "qom-list": [{"path": "/machine"}],
    "qom-list-properties": [{"typename": "pc-dimm"}],
    "qom-list-types": [{"implements": "memory-backend", "abstract": True}],
    "query-blockstats": [{"query-nodes": True}],
    "query-command-line-options": [{"option": "m"}],
    "query-named-block-nodes": [{"flat": True}],
    "set-action": [{"reboot": "shutdown", "shutdown": "pause", "panic": "none", "watchdog": "debug"}],
}
# What can be given only with another value of something else that is given.
ALONE = {"hugetlbsize"}


def busy_host():
    """One where all that the arguments name is there."""
    host = Host(["-memslot", "id=slot,size=2M"], memory="64M,slots=4,maxmem=8G")
    host.add("ram")
    host.dimm()
    host.add("ram", "free")
    host.qmp.execute("cont")
    return host


def attempt(name, arguments):
    """An error's text, or None: of a command with these arguments on a machine of its own."""
    if name == "x-exit-preconfig":      # is for another kind of start: test_libqtest.py
        return None
    with busy_host() as host:
        schema = Schema(host.qmp)
        arguments = {key: str(host.files / "file") if value == "@file@" else value
                     for key, value in arguments.items()}
        if name == "memory-operation-cancel":
            host.qmp.execute("memory-unplug", {"id": "d"})
        if name == "memory-set-cancel":
            host.qmp.execute("memory-set", {"size": 128 * MIB})
        if name == "qmp_capabilities":
            host.qmp.close()
            host.qmp = QMP(host.folder / "qmp", negotiate=False)
        try:
            answer = host.qmp.execute(name, arguments)
        except QMPError as error:
            return error.desc
        schema.check_answer(name, answer)
        return None


def is_missing(said, member):
    return said and ("is missing" in said or "is not set" in said) and f"'{member}'" in said


def test_what_is_required_is_required_and_what_is_optional_is_optional():
    with Host() as host:
        schema = Schema(host.qmp)
    for name in schema.names("command"):
        required = [member for member, optional in schema.arguments(name).items() if not optional]
        said = attempt(name, {})
        if required:
            assert is_missing(said, required[0]), (name, said)
        else:
            assert said is None, (name, said)
        if name not in ARGUMENTS:
            assert not schema.arguments(name), f"{name}: none of its arguments is tried"
            continue
        tag, cases = schema.cases(name)
        tried = {arguments.get(tag): arguments for arguments in ARGUMENTS[name]}
        assert set(tried) == set(cases), (name, cases)
        for case, arguments in tried.items():
            members = schema.arguments(name, case)
            assert set(arguments) == set(members) - ALONE, (name, set(arguments) ^ set(members))
            said = attempt(name, arguments)
            assert said is None, (name, said)
            least = {key: value for key, value in arguments.items() if not members[key]}
            for left_out in arguments:
                rest = {key: value for key, value in arguments.items() if key != left_out}
                said = attempt(name, rest)
                if members[left_out]:
                    assert said is None, (name, left_out, said)
                else:
                    assert is_missing(said, left_out), (name, left_out, said)
            said = attempt(name, least)
            assert said is None, (name, least, said)


def test_answers_are_as_listed():
    """Of every query, on machines of all kinds."""
    with Nothing("-serial", "null") as none, \
            Guest("-name", "x", "-smp", "2", "-numa", "node,cpus=0,mem=64M",
                  "-numa", "node,cpus=1,mem=64M", "-memslot", "id=slot,size=128M") as guest:
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
                        and (host, name) != (none, "query-acpi-ospm-status"):   # refused
                    schema.check_answer(name, host.qmp.execute(name))
        for arguments in ({"size": guest.size() + SIZE, "dry-run": True},
                          {"size": 192 * MIB, "node": 1, "dry-run": True, "at-most": True}):
            schema.check_answer("memory-set", guest.qmp.execute("memory-set", arguments))
        schema.check_answer("memory-plug", guest.plug(timeout=1, wait=True))
        for path in ("/", "/machine", "/objects", "/objects/f", "/machine/peripheral/slot"):
            schema.check_answer("qom-list", guest.qmp.execute("qom-list", {"path": path}))
        for event in guest.qmp.take_events():
            schema.check_event(event)


def test_events_are_those_that_the_program_sends():
    pattern = re.compile(r'(?:machine_emit|emit|emit_cause|emit_panic|hotplug_tell|config\.event)\([^;]*?"([A-Z_]{4,})"', re.S)
    sent = {name for source in SOURCES for name in pattern.findall(source.read_text())}
    with Host() as host:
        listed = set(Schema(host.qmp).names("event"))
    assert sent == listed, sent ^ listed


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
        host.qmp.execute("object-add", {"qom-type": "secret", "id": "masterKey0",
                                        "format": "raw", "file": "/none"})
        host.refuses(["no property 'x'"], "object-add",
                     {"qom-type": "secret", "id": "s", "x": 1})
        for name in ("query-block", "query-named-block-nodes", "query-jobs",
                     "query-iothreads", "query-blockstats"):
            assert host.qmp.execute(name) == [], name
        events = [{"capability": "events", "state": True}]
        host.qmp.execute("migrate-set-capabilities", {"capabilities": events})
        assert host.qmp.execute("query-migrate-capabilities") == events
        for words, one in ((["no capability 'xbzrle'"], {"capability": "xbzrle", "state": True}),
                           (["expects objects"], {"capability": "events"}),
                           (["expects objects"], 1), (["no capability ''"], {"state": True})):
            host.refuses(words, "migrate-set-capabilities",
                         {"capabilities": [{"capability": "events", "state": False}, one]})
        assert host.qmp.execute("query-migrate-capabilities") == events
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
                ask(command, {"typename": "virtio-net-pci"})
            except QMPError as error:
                assert error.error_class == "DeviceNotFound" and "virtio-net-pci" in error.desc
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


def test_objects_have_what_their_types_list():
    """One list for qom-list-properties, qom-list and qom-get, and values of the listed types."""
    kinds = {"bool": bool, "string": str, "str": str, "size": int, "uint32": int, "uint64": int,
             "int32": int, "HostMemPolicy": str, "link<memory-backend>": str}
    only_x86 = ["-device", "pvpanic,id=p"] if arch.chosen() is arch.X86 else []
    with Host(only_x86) as host, Nothing("-chardev", "null,id=c", "-device", "isa-serial,id=s,chardev=c",
                                 "-object", "memory-backend-ram,id=m,size=2M") as none:
        host.add("ram", policy="preferred", host_nodes=[0], prealloc_threads=3)
        host.add("file", "f", mem_path=host.files / "file", discard_data=True)
        host.add("memfd", "g", seal=False)
        host.dimm(slot=2)
        host.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": "g"})
        seen = set()
        for ask in (host.qmp.execute, none.qmp.execute):
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
        assert seen == made - {"secret", "kvm-accel", "qtest-accel",
                               "pc-q35-hotram-1-machine"}, made - seen
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
    tap.main()
