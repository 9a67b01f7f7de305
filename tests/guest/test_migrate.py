#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# host: --memory 3G --timeout 900
"""A Linux guest with network cards moves to another program while it runs: its processes, memory and interrupts."""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import cards, tap                                   # noqa: E402
from lib.machine import Machine                              # noqa: E402

LIMIT = 120
APPEND = "net.ifnames=0"


def options(folder, name):
    (folder / name).mkdir()
    return ["-m", "192M", "-smp", "2,maxcpus=3", "-device", "virtio-rng-pci", *cards.options(folder / name)]


def test_a_linux_guest_moves():
    """On arm64 messages of PCI devices arrive by tables that KVM writes to the guest's memory when it is saved."""
    with tempfile.TemporaryDirectory(prefix="hotram-") as place:
        folder = pathlib.Path(place)
        with Machine(options(folder, "source"), reboot=True, append=APPEND) as source:
            source.wait_ready()
            source.shell("devices")
            cards.join(source)
            with Machine([*options(folder, "target"), "-incoming", f"unix:{folder}/m"], reboot=True, append=APPEND,
                         run=False) as target:
                source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 0})
                source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
                source.wait_until(lambda: source.qmp.execute("query-migrate")["status"] not in ("setup", "active"), LIMIT,
                                  "the end of the migration")
                result = source.qmp.execute("query-migrate")
                assert result["status"] == "completed", result
                assert source.quit() == 0
                target.qmp.execute("cont")
                target.shell(cards.SEND, timeout=LIMIT)
                target.shell("dd if=/dev/hwrng of=/dev/null bs=16 count=1", timeout=LIMIT)
                assert target.quit() == 0


if __name__ == "__main__":
    tap.main()
