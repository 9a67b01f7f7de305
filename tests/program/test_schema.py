#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What hotram says of itself to programs: each thing that it lists is there, and each
that is there is listed. It needs no KVM."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import CLONE                                # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

SOURCES = sorted((CLONE / "vmm").glob("*/*.c"))


def schema(host):
    return {entity["name"]: entity for entity in host.qmp.execute("query-qmp-schema")}


def test_the_schema_is_whole():
    with Host() as host:
        listed = host.qmp.execute("query-qmp-schema")
        entities = schema(host)
        assert len(listed) == len(entities), "a name twice"
        used = set()
        for entity in listed:
            refers = [entity.get(key) for key in ("arg-type", "ret-type", "element-type")]
            if entity["meta-type"] == "object":
                refers += [member["type"] for member in entity["members"]]
                refers += [variant["type"] for variant in entity.get("variants", ())]
            used.update(filter(None, refers))
        assert used <= set(entities), used - set(entities)
        unused = {name for name, entity in entities.items()
                  if entity["meta-type"] not in ("command", "event")} - used
        assert not unused, unused


def test_commands_are_those_that_there_are():
    with Host() as host:
        names = {command["name"] for command in host.qmp.execute("query-commands")}
        entities = schema(host)
        assert names == {name for name, entity in entities.items()
                         if entity["meta-type"] == "command"}
        for name in sorted(names - {"qmp_capabilities"}):
            members = entities[entities[name]["arg-type"]]["members"]
            required = [member["name"] for member in members if "default" not in member]
            known = {member["name"] for member in members}
            # What it does not list is refused; of what is required the lack is said.
            try:
                host.qmp.execute(name, {"no-such-argument": 1})
            except QMPError as error:
                said = error.desc
                assert "no-such-argument" in said or "is missing" in said, (name, said)
            else:
                raise AssertionError(f"{name} takes anything")
            if required:
                try:
                    host.qmp.execute(name)
                except QMPError as error:
                    assert f"'{required[0]}' is missing" in error.desc, (name, error.desc)
                else:
                    raise AssertionError(f"{name} does not require {required}")
            assert len(known) == len(members), name


def test_events_are_those_that_the_program_sends():
    pattern = re.compile(r'(?:machine_emit|emit|emit_cause|hotplug_tell|config\.event)\([^;]*?"([A-Z_]{4,})"', re.S)
    sent = {name for source in SOURCES for name in pattern.findall(source.read_text())}
    with Host() as host:
        listed = {name for name, entity in schema(host).items()
                  if entity["meta-type"] == "event"}
    assert sent == listed, sent ^ listed


def test_data_of_events_is_as_listed():
    with Host() as host:
        entities = schema(host)
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
            check_object(entities, f"{event['event']}-data", event.get("data", {}))


def check_object(entities, name, data):
    members = {member["name"]: member for member in entities[name]["members"]}
    assert set(data) <= set(members), (name, data)
    types = {"str": str, "int": int, "bool": bool, "[any]": list, "any": object}
    for key, member in members.items():
        if key in data:
            assert isinstance(data[key], types[member["type"]]), (name, key, data)
        else:
            assert "default" in member, f"{name}: no {key} in {data}"


def test_what_libvirt_looks_for():
    with Host() as host:
        entities = schema(host)
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
        assert set(machines) == {"hotram-1", "none"} and machines["hotram-1"]["is-default"]


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
        for command in ("device-list-properties", "qom-list-properties"):
            try:
                ask(command, {"typename": "virtio-net-pci"})
            except QMPError as error:
                assert error.error_class == "DeviceNotFound" and "virtio-net-pci" in error.desc
            else:
                raise AssertionError(command)
        host.refuses(["expects a device type; got 'memory-backend-ram'"],
                     "device-list-properties", {"typename": "memory-backend-ram"})


def test_the_tree():
    with Host() as host:
        ask = host.qmp.execute
        host.add("ram")
        host.dimm(slot=2)

        def walk(path, kind):
            """All that is below; each node is of the type that its parent says."""
            assert ask("qom-get", {"path": path, "property": "type"}) == kind, path
            found = {path}
            for entry in ask("qom-list", {"path": path}):
                child = re.fullmatch(r"child<(.*)>", entry["type"])
                if child:
                    below = path.rstrip("/") + "/" + entry["name"]
                    found |= walk(below, child[1])
                else:
                    value = ask("qom-get", {"path": path, "property": entry["name"]})
                    assert value is not None, (path, entry)
            return found

        found = walk("/", "container")
        assert {"/machine/peripheral/d", "/objects/m",
                "/objects/hotram.ram", "/machine/unattached/device[0]"} <= found, found
        data, = ask("query-memory-devices")
        for key, value in data["data"].items():
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
