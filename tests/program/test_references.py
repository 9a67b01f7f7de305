#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Ids and QOM paths, whole and partial, by every command that takes a reference. It
needs no KVM."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import place                                    # noqa: E402
from lib.host import FLAGS, MIB, Host                        # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402



def refused(host, command, **arguments):
    try:
        answer = host.qmp.execute(command, arguments)
    except QMPError as error:
        return error
    raise AssertionError(f"{command} {arguments} was answered with {answer}")


def taken(host, slot):
    """The guest gives back what it was asked for."""
    host.qtest.port_out(0xa00, 4, slot)
    assert host.qtest.port_in(FLAGS, 1) & 4, "the guest was not asked"
    host.qtest.port_out(FLAGS, 1, 4)
    host.qtest.port_out(FLAGS, 1, 8)
    return host.qmp.wait_event("DEVICE_DELETED")["data"]


def test_a_dimm_by_its_path():
    with Host() as host:
        host.add("ram")
        for name in ("/machine/peripheral/d", "//machine///peripheral/d/", "d", "peripheral/d",
                     "machine/peripheral/d", "d/"):
            host.dimm("d")
            assert host.qmp.execute("device_del", {"id": name}) == {}
            assert taken(host, 0)["path"] == "/machine/peripheral/d"
            host.dimm("d")
            host.qmp.execute("memory-unplug", {"id": name})
            taken(host, 0)


def test_a_dimm_without_id():
    with Host() as host:
        for number in range(3):
            host.add("ram", f"m{number}")
            host.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": f"m{number}"})
        place = "/machine/peripheral-anon"
        names = [entry["name"] for entry in host.qmp.execute("qom-list", {"path": place})]
        assert {"device[0]", "device[1]", "device[2]"} <= set(names), names
        assert host.qmp.execute("qom-get", {"path": f"{place}/device[1]",
                                            "property": "slot"}) == 1
        # The way out that the error offers is one.
        said = refused(host, "object-del", id="m1").desc
        offered = said.rsplit("device_del ", 1)[1]
        assert host.hmp(f"device_del {offered}") == ""
        assert taken(host, 1) == {"path": f"{place}/device[1]"}
        assert host.qmp.execute("object-del", {"id": "m1"}) == {}
        assert host.hmp("device_del device[2]") == ""
        taken(host, 2)
        # Numbers are not given twice.
        host.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": "m2"})
        host.qmp.execute("device_del", {"id": f"{place}/device[3]"})
        assert taken(host, 1)["path"] == f"{place}/device[3]"


def test_an_object_by_its_path():
    with Host() as host:
        for number, name in enumerate(("/objects/{}", "{}", "objects/{}", "/objects//{}/")):
            host.add("ram", f"m{number}")
            host.dimm(f"d{number}", name.format(f"m{number}"))
        devices = host.qmp.execute("query-memory-devices")
        assert [device["data"]["memdev"] for device in devices] == \
            [f"/objects/m{number}" for number in range(4)]
        host.add("ram", "free")
        for name in ("/objects", "/objects/none", "/machine/peripheral/d0", "/free", "jects/free",
                     "", "/", "//"):
            error = refused(host, "device_add", driver="pc-dimm", id="x", memdev=name)
            assert error.error_class == "DeviceNotFound", (name, error.desc)


def test_the_ram_of_the_command_line():
    for name in ("r", "/objects/r", "objects/r", "//objects//r/"):
        for options in (("-machine", f"memory-backend={name}"), ("-numa", f"node,memdev={name}")):
            with Host(("-object", "memory-backend-ram,id=r,size=64M", *options)) as host:
                (memdev,) = host.qmp.execute("query-memdev")
                assert memdev["id"] == "r", memdev
                error = refused(host, "object-del", id="r")
                assert "in use" in error.desc, error.desc
    for name in ("/r", "/objects", "jects/r", "/objects/r/x", "/", "/machine/peripheral/r", "q"):
        for option, value in (("-machine", f"memory-backend={name}"), ("-numa", f"node,memdev={name}")):
            result = subprocess.run(
                [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-m", "64M", "-object",
                 "memory-backend-ram,id=r,size=64M", option, value, "-monitor", "stdio"], input="quit\n",
                capture_output=True, text=True, timeout=60, check=False)
            assert result.returncode == 1 and f"{option} " in result.stderr and name in result.stderr, (value, result)
    # One object cannot be two nodes' memory, whatever it is called.
    result = subprocess.run(
        [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-m", "128M", "-object",
         "memory-backend-ram,id=r,size=64M", "-numa", "node,memdev=r", "-numa", "node,memdev=/objects/r"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1 and "multiple times" in result.stderr, result


def test_memslots_and_hotramctl():
    """A populated memslot is a DIMM, and has the path of one; hotramctl passes on what it is given."""
    with Host(("-memslot", "id=s,size=16M")) as host, place() as here:
        host.qmp.execute("cont")
        for name in ("s", "/machine/peripheral/s", "peripheral/s"):
            host.qmp.execute("memslot", {"id": "s", "action": "add"})
            status, _, said = here.run("-s", host.folder / "qmp", "unplug", name, "--no-wait")
            assert status == 0, said
            taken(host, 0)
        # A memslot is no object of the tree, and its command takes its id alone.
        error = refused(host, "memslot", id="/machine/peripheral/s", action="add")
        assert "not found" in error.desc, error.desc


def test_sources_and_threads_by_their_paths():
    """Objects that are no memory: rng= and iothread= are links as memdev= is."""
    with Host(["-device", "pcie-root-port,id=p0,chassis=1", "-object", "rng-builtin,id=r", "-object", "iothread,id=io",
               "-blockdev", "null-co,node-name=n,size=1M"]) as host:
        for reference in ("{}", "/objects/{}", "//objects///{}/", "objects/{}"):
            for device in ({"driver": "virtio-rng-pci", "rng": reference.format("r")},
                           {"driver": "virtio-blk-pci", "drive": "n", "iothread": reference.format("io")}):
                host.qmp.execute("device_add", {"id": "d", "bus": "p0", **device})
                used = device.get("rng") and "r" or "io"
                assert "in use" in str(refused(host, "object-del", id=used))
                host.qmp.execute("device_del", {"id": "d"})
                host.qmp.wait_event("DEVICE_DELETED", {"device": "d"})
        for reference in ("/objects", "/objects/io/x", "/", "", "/objects/r", "/objects/none"):
            error = refused(host, "device_add", driver="virtio-blk-pci", id="d", bus="p0", drive="n", iothread=reference)
            assert "iothread" in str(error), error
        assert "id=none," in str(error), error


def test_what_is_not_there():
    with Host() as host:
        assert "there is no device that can be unplugged" in refused(host, "device_del", id="nope").desc
        host.add("ram", "m0")
        host.add("ram", "m1")
        host.dimm("d", "m0")
        host.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": "m1"})
        for name in ("nope", "/machine/peripheral/nope", "/d", "/peripheral/d", "ripheral/d", "",
                     "/", "slot[1]", "/objects/m0", "machine", "device[0", "device[00]",
                     "d/x", "x" * 3000):
            for command in ("device_del", "memory-unplug"):
                error = refused(host, command, id=name)
                assert error.error_class == "DeviceNotFound", (name, error.desc)
                for offered in ("d,", "/machine/peripheral-anon/device[0]"):
                    assert offered in error.desc, error.desc
        assert len(host.qmp.execute("query-memory-devices")) == 2


def test_the_tree_by_partial_paths():
    with Host() as host:
        host.add("ram", "m")
        host.dimm("d", "m")
        for path in ("d", "peripheral/d", "/machine/peripheral/d", "/machine//peripheral/d/"):
            assert host.qmp.execute("qom-get", {"path": path, "property": "type"}) == "pc-dimm"
        for path in ("m", "objects/m", "/objects/m"):
            assert host.qmp.execute("qom-get", {"path": path, "property": "type"}) == \
                "memory-backend-ram"
        for path in ("/", "//", "machine", "/machine/", "peripheral-anon"):
            assert host.qmp.execute("qom-list", {"path": path})
        # An id that two kinds of things have names neither.
        host.add("ram", "same")
        host.qmp.execute("device_add", {"driver": "pc-dimm", "id": "same", "memdev": "same"})
        for command, more in (("qom-list", {}), ("qom-get", {"property": "type"})):
            error = refused(host, command, path="same", **more)
            assert "does not uniquely identify" in error.desc, error.desc
        # But to those who want a DIMM, or memory, it is clear.
        host.qmp.execute("device_del", {"id": "same"})
        assert refused(host, "qom-list", path="").error_class == "DeviceNotFound"


if __name__ == "__main__":
    tap.main()
