#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# host: --memory 4G
"""libvirt's <memory model='virtio-mem'>: from the start and attached, beside a DIMM, other
sizes by virsh update-memory-device, what dumpxml shows of them, a reboot. The domain of
the first tests is paused, and so plugs nothing."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.libvirt import Domain, Libvirt, dimm, documented_domain         # noqa: E402

MIB = 1 << 20
NAME = "db1"
libvirt = Libvirt()


def blocks(size, requested, alias=None, block=2, node=0):
    """Of sizes in MiB."""
    name = f"<alias name='{alias}'/>" if alias else ""
    return f"""    <memory model='virtio-mem'>
      <target>
        <size unit='MiB'>{size}</size>
        <node>{node}</node>
        <block unit='MiB'>{block}</block>
        <requested unit='MiB'>{requested}</requested>
      </target>{name}
    </memory>
"""


class Running:
    """A transient domain, gone at the end."""

    def __init__(self, devices, *words):
        text = documented_domain().replace("  </devices>", devices + "  </devices>")
        libvirt.virsh("create", libvirt.file(text), *words)
        self.domain = Domain(libvirt, NAME)

    def __enter__(self):
        return self.domain

    def __exit__(self, *_):
        self.domain.close_console()
        libvirt.virsh("destroy", NAME)


def device(domain, alias):
    """Node, block, size, requested and plugged, MiB."""
    data, = (entry["data"] for entry in domain.qmp_command("query-memory-devices") if entry["data"]["id"] == alias)
    return (data["node"], *(data[name] // MIB for name in ("block-size", "max-size", "requested-size", "size")))


def shown(domain):
    """What dumpxml has: {alias: (size, requested, current)}, MiB."""
    return {memory.find("alias").get("name"): tuple(int(memory.findtext(f"target/{name}")) >> 10
                                                    for name in ("size", "requested", "current"))
            for memory in domain.xml().iter("memory") if memory.get("model") == "virtio-mem"}


def request(alias, mib):
    libvirt.virsh("update-memory-device", NAME, "--alias", alias, "--requested-size", f"{mib}MiB")


def test_from_the_start_and_attached():
    with Running(blocks(1024, 256), "--paused") as domain:
        assert device(domain, "virtiomem0") == (0, 2, 1024, 256, 0)
        libvirt.virsh("attach-device", NAME, libvirt.file(blocks(512, 0, alias="ua-more", block=4, node=1)))
        assert device(domain, "ua-more") == (1, 4, 512, 0, 0)
        libvirt.virsh("attach-device", NAME, libvirt.file(dimm(128)))
        slots = {entry["data"]["id"]: entry["data"].get("slot") for entry in domain.qmp_command("query-memory-devices")}
        assert slots == {"virtiomem0": None, "ua-more": None, "dimm0": 0}
        request("virtiomem0", 512)
        request("ua-more", 32)
        assert device(domain, "virtiomem0")[3] == 512 and device(domain, "ua-more")[3] == 32
        assert shown(domain) == {"virtiomem0": (1024, 512, 0), "ua-more": (512, 32, 0)}


def test_what_is_refused():
    with Running(blocks(512, 0), "--paused") as domain:
        libvirt.refused(["requested"], "update-memory-device", NAME, "--alias", "virtiomem0", "--requested-size", "1GiB")
        libvirt.refused(["block"], "attach-device", NAME, libvirt.file(blocks(512, 0, block=3)))
        libvirt.refused(["exceed domain's maxMemory"], "attach-device", NAME, libvirt.file(blocks(16384, 0)))
        # By hotram, whose sentence libvirt passes on.
        libvirt.refused(["backend memory size must be multiple of"], "attach-device", NAME, libvirt.file(blocks(514, 0)))
        assert shown(domain) == {"virtiomem0": (512, 0, 0)}


def test_a_guest_follows():
    with Running(blocks(1024, 128)) as domain:
        libvirt.watch_events()
        domain.wait_ready()
        base = domain.meminfo()

        def wait(mib):
            domain.wait_until(lambda: shown(domain)["virtiomem0"] == (1024, mib, mib), what=f"{mib} MiB")
            domain.wait_total(base + mib * 1024)

        domain.shell("devices")                            # loads its driver
        wait(128)
        libvirt.wait_event(f"memory-device-size-change' for domain '{NAME}'")
        for mib in (512, 64, 0, 96):
            request("virtiomem0", mib)
            wait(mib)
        domain.console.send("x reboot -f")
        libvirt.wait_event(f"reboot' for domain '{NAME}'")
        domain.wait_ready()
        domain.wait_until(lambda: shown(domain)["virtiomem0"] == (1024, 96, 0), what="no blocks")
        base = domain.meminfo()     # a kernel that boots at random addresses has a page more or less each time
        domain.shell("devices")
        wait(96)
        libvirt.stop_events()


if __name__ == "__main__":
    with libvirt:
        tap.main()
