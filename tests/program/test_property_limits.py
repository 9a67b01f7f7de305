#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""What an error about a number says is true: each limit that it names is accepted, and what lies beyond is
answered with the same limits, in the words that were given. It needs no KVM."""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402

# What a device needs besides; None: what a number may be depends on the machine.
NEEDS = {"virtio-blk-pci": ("drive=n",), "vhost-vsock-pci": ("guest-cid=3",), "vhost-user-blk-pci": ("chardev=c",),
         "vhost-user-fs-pci": ("chardev=c", "tag=t"), "pc-dimm": None,
         # Places, which -smp limits: test_cpus.py.
         "host-x86_64-cpu": None, "host-arm-cpu": None, "virtconsole": None, "virtserialport": None}
# What else must be given with a number, for it to be accepted.
WITH = {"logical_block_size": "physical_block_size=32768"}
RANGE = re.compile(r"Parameter '([^']+)' expects (?:a number from (-?\d+) to (\d+)|"
                   r"a power of two from (\d+) to (\d+)|(\d+)(?:: [^;]*)?); got '([^']*)'")


def start(option, value):
    """What is said of it; "" if it is accepted."""
    result = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-monitor", "stdio",
                             "-blockdev", "null-co,node-name=n,size=1M", option, value],
                            input="quit\n", capture_output=True, text=True, timeout=60, check=False)
    return "".join(line for line in result.stderr.splitlines() if "warning" not in line)


def numbers():
    """Option, and what is in front of the value, of each number of a device or a network back end."""
    with Host() as host:
        for line in host.qmp.execute("qom-list-types", {"implements": "device"}):
            name = line["name"]
            listed = subprocess.run([PROGRAM, "-device", f"{name},help"], capture_output=True, text=True, check=False)
            if listed.returncode or NEEDS.get(name, ()) is None or name.endswith("-non-transitional"):
                continue
            for found in re.finditer(r"^  (\S+)=<(?:u?int\d+|size32)>", listed.stdout, re.M):
                more = (*NEEDS.get(name, ()), *filter(None, [WITH.get(found[1])]))
                yield "-device", ",".join((name, *more, found[1] + "="))
    yield "-netdev", "tap,id=t,queues="
    yield "-netdev", "vhost-user,id=t,chardev=c,queues="


def test_each_limit_that_is_named():
    count = 0
    for option, text in numbers():
        said = start(option, text + "x")
        found = RANGE.search(said)
        assert found and found[7] == "x", (text, said)
        limits = [int(group) for group in found.groups()[1:6] if group]
        for limit in sorted({*limits}):
            again = start(option, f"{text}{limit}")
            assert "expects" not in again and " size" not in again, (text, limit, again)
        for beyond in {min(limits) - 1, max(limits) + 1, min(-1, *limits) - 1, "1.5", " 1", "0x"}:
            other = RANGE.search(start(option, f"{text}{beyond}"))
            assert other and other[7] == str(beyond), (text, beyond, other)
            assert other.groups()[:6] == found.groups()[:6], (text, beyond, other[0])
        count += 1
    assert count > 20, count
    print(f"# {count} numbers")


def test_the_words_that_were_given():
    """0x10 is not answered with 16."""
    for text in ("virtio-rng-pci,rombar=0x10", "virtio-blk-pci,drive=n,queue-size=0X3", "virtio-net-pci,host_mtu=0x10",
                 "pcie-root-port,chassis=0x100"):
        said = start("-device", text)
        assert f"got '{text.rpartition('=')[2]}'" in said, said


def test_bytes_with_a_suffix():
    """As QEMU's size32."""
    with Host(["-blockdev", "null-co,node-name=n,size=1M",
               "-device", "virtio-blk-pci,id=d,drive=n,logical_block_size=4K,physical_block_size=8k"]) as host:
        for name, bytes_ in (("logical_block_size", 4096), ("physical_block_size", 8192),
                             ("discard_granularity", 4096)):
            assert host.qmp.execute("qom-get", {"path": "/machine/peripheral/d", "property": name}) == bytes_, name
    said = start("-device", "virtio-blk-pci,drive=n,logical_block_size=4G")
    assert "expects a power of two from 512 to 32768; got '4G'" in said, said


def test_numbers_of_programs():
    """In JSON as well, whatever the number is."""
    with Host(["-device", "pcie-root-port,id=p", "-blockdev", "null-co,node-name=n"]) as host:
        for value, got in ((0, "0"), (65, "65"), (-1, "-1"), (1 << 32, str(1 << 32)), (1 << 64, None)):
            said = "expects a number from 1 to 64; got '" + got if got else "18446744073709551615 is the largest"
            host.refuses([said], "device_add", {"driver": "virtio-blk-pci", "id": "d", "bus": "p", "drive": "n",
                                                "num-queues": value})


def test_an_address_that_no_guest_uses():
    said = start("-device", "virtio-net-pci,mac=00:00:00:00:00:00")
    assert "'00:00:00:00:00:00' is none" in said and "leave it out" in said, said


if __name__ == "__main__":
    tap.main()
