#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# architectures: x86-64
"""A size instead of DIMMs, on real guests: up and down, per node, by hotramctl as a
new user would."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import place                                    # noqa: E402
from lib.machine import Machine                              # noqa: E402

MIB = 1 << 20
POLICY = "/sys/devices/system/memory/auto_online_blocks"
SIZES = (1024, 640, 2304, 1152, 512, 1792, 896, 384, 2048, 256)


def test_ten_sizes():
    with Machine(["-m", "256M,slots=8,maxmem=4G"]) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        for size in SIZES:
            result = machine.qmp.execute("memory-set", {"size": size * MIB, "wait": True})
            assert result["result-size"] == size * MIB, result
            assert all(entry["result"] == "done" for entry in result["operations"]), result
            machine.wait_total(before + (size - 256) * 1024)
        assert machine.qmp.execute("query-memory-devices") == []
        assert machine.quit() == 0


def pin(machine, name, size):
    """A DIMM that the guest's kernel uses: it can't be given back."""
    machine.shell(f"echo online_kernel > {POLICY}")
    before = machine.meminfo()
    machine.qmp.execute("memory-plug", {"id": name, "size": size * MIB, "wait": True})
    machine.wait_until(lambda: machine.meminfo() > before)
    machine.hold("pin", size // 2)


def test_a_guest_that_keeps_one_dimm():
    with Machine(["-m", "256M,slots=8,maxmem=4G"]) as machine:
        machine.wait_ready()
        before = machine.meminfo()
        for name, size in (("a", 256), ("b", 512)):
            machine.qmp.execute("memory-plug", {"id": name, "size": size * MIB, "wait": True})
        machine.wait_total(before + 768 * 1024)
        pin(machine, "kept", 256)
        # The one at the highest address is asked for first, then the other of its size.
        result = machine.qmp.execute("memory-set", {"size": 1024 * MIB, "wait": True})
        assert result["result-size"] == 1024 * MIB and "reason" not in result, result
        assert [(entry["device"], entry["result"]) for entry in result["operations"]] \
            == [("kept", "refused"), ("a", "done")], result
        result = machine.qmp.execute("memory-set", {"size": 256 * MIB, "wait": True})
        assert result["result-size"] == 512 * MIB, result
        assert "device busy" in result["reason"], result
        names = [entry["data"]["id"] for entry in machine.qmp.execute("query-memory-devices")]
        assert names == ["kept"], names
        assert machine.quit() == 0


def test_nodes():
    with Machine(["-m", "512M,slots=8,maxmem=4G", "-smp", "2", "-numa", "node,mem=256M,cpus=0",
                  "-numa", "node,mem=256M,cpus=1"]) as machine:
        machine.wait_ready()

        def in_node(node):
            line = machine.shell(f"grep MemTotal /sys/devices/system/node/node{node}/meminfo")
            return int(line.split()[3])

        before = [in_node(0), in_node(1)]
        for arguments, grown in (({"size": 1024 * MIB}, (256, 256)),
                                 ({"size": 256 * MIB, "node": 0}, (0, 256)),
                                 ({"size": 512 * MIB}, (0, 0))):
            machine.qmp.execute("memory-set", {**arguments, "wait": True})
            machine.wait_until(lambda: [in_node(0), in_node(1)] == [
                before[node] + grown[node] * 1024 for node in (0, 1)], what=f"{grown}")
        assert machine.quit() == 0


def test_hotramctl_as_the_readme_has_it():
    with place() as here:
        with Machine(["-name", "db1", "-m", "256M,slots=8,maxmem=4G"],
                     environment=here.environment) as machine:
            machine.wait_ready()
            before = machine.meminfo()
            status, out, err = here.run("set", "1G")
            assert status == 0, (status, out, err)
            machine.wait_total(before + 768 * 1024)
            assert here.json("status")["name"] == "db1"
            status, out, err = here.run("plug", "256M", "--id", "more")
            assert status == 0 and "done in" in out, (status, out, err)
            machine.wait_total(before + 1024 * 1024)
            assert "more" in here.run("list")[1]
            assert "more" in here.run("map")[1]
            status, out, err = here.run("unplug", "more")
            assert status == 0, (status, out, err)
            status, out, err = here.run("set", "256M")
            assert status == 0, (status, out, err)
            machine.wait_total(before)
            # The guest refuses: said, and told by the exit status.
            pin(machine, "kept", 256)
            status, out, err = here.run("unplug", "kept")
            assert status == 3 and "refused" in out + err, (status, out, err)
            status, out, err = here.run("quit")
            assert status == 0 and machine.wait_exit() == 0, (status, out, err)


if __name__ == "__main__":
    tap.main()
