#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Every property of every type, as its help lists them, with an empty value, and in a running machine with values of
wrong kinds as well: the value is accepted or refused by an error, and ends no program. It needs no KVM."""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

OPTIONS = ("-blockdev", "-netdev", "-object", "-chardev", "-device")
NAMES = {"-blockdev": "node-name=t", "-netdev": "id=t", "-object": "id=t", "-chardev": "id=t", "-device": "id=t"}
# What a type requires before it examines the rest, so that each value arrives there.
WANTED = {"raw": {"file.driver": "null-co"}, "file": {"path": "/dev/null", "filename": "/dev/null"},
          "host_device": {"filename": "/dev/null"}, "memory-backend-file": {"mem-path": "/dev/null"},
          "vhost-user": {"chardev": "c"}, "socket": {"path": "/nowhere"}, "stream": {"addr.type": "unix", "addr.path": "/nowhere"},
          "pc-dimm": {"memdev": "m"}, "virtio-mem-pci": {"memdev": "m"}, "virtio-blk-pci": {"drive": "n"},
          "vhost-user-blk-pci": {"chardev": "c"}, "vhost-user-fs-pci": {"chardev": "c", "tag": "t"},
          "vhost-vsock-pci": {"guest-cid": "3"}, "tap": {"fd": "99"},
          "memory-backend-ram": {"size": "2M"}, "memory-backend-memfd": {"size": "2M"}}
THERE = ("-m", "64M,slots=2,maxmem=1G", "-object", "memory-backend-ram,id=m,size=128M,reserve=off", "-chardev", "null,id=c",
         "-blockdev", "null-co,node-name=n,size=1M", "-device", "virtio-serial-pci,id=serial")


def shown(*options):
    return subprocess.run([PROGRAM, *options], capture_output=True, text=True, check=True).stdout


def types(option):
    return re.findall(r"^ +([a-z][\w-]+)", shown(option, "help"), re.M)


def properties(option, name):
    found = re.findall(r"^ +([\w.-]+)=<", shown(option, f"{name},help"), re.M)
    return [*found, "file.file", "file.filename"] if option == "-blockdev" else found


def lines(option, name):
    """Each property of the type, empty, and what the type requires beside it."""
    for key in properties(option, name):
        beside = {other: value for other, value in WANTED.get(name, {}).items()
                  if other in properties(option, name) or "." in other}
        beside.pop(key, None)
        if key.split(".")[0] == "file":
            beside.pop("file.driver", None)
        yield key, ",".join([name, NAMES[option], *(f"{other}={given}" for other, given in beside.items()), f"{key}="])


def test_command_lines():
    count = 0
    for option in OPTIONS:
        for name in types(option):
            if "transitional" in name or name in ("pty", "stdio"):
                continue
            for key, line in lines(option, name):
                result = subprocess.run(
                    [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", *THERE, option, line,
                     "-monitor", "stdio"], input="quit\n", capture_output=True, text=True, timeout=60, check=False)
                assert result.returncode in (0, 1), (option, line, result.returncode, result.stderr)
                assert result.returncode == 0 or f"{option} {line}"[:60] in result.stderr or key in result.stderr, \
                    (option, line, result.stderr)
                count += 1
    assert count > 300, count
    print(f"# {count} command lines")


def tried(host, command, arguments):
    try:
        host.qmp.execute(command, arguments)
    except QMPError:
        return False
    return True


def test_a_running_machine():
    commands = {"-netdev": ("netdev_add", "type", "netdev_del", "id"), "-object": ("object-add", "qom-type", "object-del", "id"),
                "-device": ("device_add", "driver", "device_del", "id"), "-blockdev": ("blockdev-add", "driver", "blockdev-del", "node-name")}
    with Host(THERE[2:], memory="64M,slots=2,maxmem=1G") as host:
        for option, (add, kind, remove, name_of) in commands.items():
            for name in types(option):
                for key in properties(option, name):
                    for value in ("", -1, None, [], {}, {"": ""}, {"driver": ""}):
                        arguments = {kind: name, name_of: "t"}
                        arguments.update({other: given for other, given in WANTED.get(name, {}).items() if "." not in other})
                        holder = arguments
                        *path, last = key.split(".")
                        for part in path:
                            holder[part] = {}
                            holder = holder[part]
                        holder[last] = value
                        if tried(host, add, arguments):
                            tried(host, remove, {name_of: "t"})
                        host.qmp.execute("query-status")


if __name__ == "__main__":
    tap.main()
