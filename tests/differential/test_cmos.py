#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What firmware reads in the CMOS memory - sizes of RAM, number of CPUs, boot order - beside QEMU's q35, whose RAM is
divided at 2 GiB, too, when it is 2.75 GiB or more."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]),
                str(pathlib.Path(__file__).resolve().parent)]
from lib import tap                                          # noqa: E402
from peer import HOTRAM, QEMU, Peer                          # noqa: E402

Q35 = {**QEMU, "options": ["-accel", "tcg", "-machine", "q35", "-qtest-log", "none"]}
PLACES = (0x0f, 0x15, 0x16, 0x17, 0x18, 0x30, 0x31, 0x34, 0x35, 0x38, 0x3d, 0x5b, 0x5c, 0x5d, 0x5f)


def cmos(peer):
    found = {}
    for place in PLACES:
        peer.qtest.port_out(0x70, 1, place)
        found[hex(place)] = hex(peer.qtest.port_in(0x71, 1))
    return found


def test_what_firmware_reads():
    # RAM that QEMU has only address space for is not touched.
    for memory, cpus in (("64M", 1), ("512M", 3), ("2G", 4), ("2816M", 2), ("3G", 16), ("4100M", 1)):
        answers = []
        for kind in (HOTRAM, Q35):
            peer = Peer(kind, memory, ["-smp", str(cpus), "-object",
                                       f"memory-backend-ram,id=ram,size={memory},reserve=off",
                                       "-machine", "memory-backend=ram"])
            try:
                answers.append(cmos(peer))
            finally:
                peer.close()
        assert answers[0] == answers[1], (memory, cpus, answers)


if __name__ == "__main__":
    tap.main()
