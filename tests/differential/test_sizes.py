#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What text is a size, and which: the same strings to hotram's object_add and to QEMU's, in the monitors of people.
Both take or refuse them, and what they take has the same value."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from peer import HOTRAM, QEMU, Peer                          # noqa: E402

MEMORY = "64M,slots=2,maxmem=2G"
TRIED = 1 << 38         # larger ones are compared by whether they are taken
UNITS = {"byte": 1, "bytes": 1, None: 1, **{letter + "iB": 1 << 10 * (1 + n) for n, letter in enumerate("KMGTPE")}}

TAKEN = "taken"         # a size, but not tried

# Text: (QEMU's bytes or None for refused, hotram's, why). docs/compatibility.md says the same.
KIB = 1 << 10
DIFFERENCES = {
    text: (None, size, "a suffix may be followed by B or iB") for text, size in
    (("4KiB", 4 * KIB), ("4kb", 4 * KIB), ("4KB", 4 * KIB), ("4kib", 4 * KIB), ("1MiB", 1 << 20), ("1MB", 1 << 20),
     ("1mIb", 1 << 20), ("1GB", 1 << 30), ("0.5GiB", 1 << 29))}
UNTIL_8_0 = {
    "1.99999999999999999999M": (1 << 20, 2 << 20, "QEMU's fraction is a double: it becomes 1 and is lost")}
FROM_8_1 = {
    ".5M": (TAKEN, None, "QEMU 7.2 wants a digit before the point"),
    **{text: (None, size, "QEMU 7.2 takes a suffix behind a hexadecimal number") for text, size in
       (("0x1000K", 4 << 20), ("0x1p", 1 << 50), ("0x1000P", 4 << 60))}}

SIZES = (
    "0", "1", "4095", "4096", "4097", "8192", "1048576", "4096B", "4096b", "1B", "4K", "4k", "4KiB", "4kb", "4KB",
    "4kib", "4Ki", "4KK", "4KM", "1M", "1m", "1MiB", "1MB", "1mIb", "1G", "1g", "1GB", "1T", "1P", "1E", "7E", "8E",
    "15E", "16E", "17E", "1Z", "1Q", "1.5M", "0.5M", ".5M", "5.M", "1.M", ".M", ".", "1.5", "4096.0", "4096.5", "1.5K",
    "0.5GiB", "1.0001M", "1.99999999999999999999M", "0.1M", "0.3G", "1e3", "1e6K", "1E3", "0x1000", "0X1000", "0x1000K",
    "0x1.8M", "0x", "0x1p", "0x1000P", "010M", "00004K", "+1M", "-1M", "--1M", "+-1M", "- 1M", " 1M", "  1M", "\t1M",
    "1M ", "1 M", "1M1", "1MM", "M", "K", "", "1_000K", "1'000K", "1;", "1M;", "one", "inf", "nan", "infinity",
    "18446744073709551615", "18446744073709551616", "18446744073709547520", "9223372036854775807",
    "9223372036854775808", "99999999999999999999", "0x10000000000000000", "0xffffffffffffffff",
)


def add(peer, text, kind="ram"):
    """The size of an object that is made with this text, and what was said."""
    said = peer.qmp.execute("human-monitor-command", {
        "command-line": f"object_add memory-backend-{kind},reserve=off,size={text},id=m"})
    for memdev in peer.qmp.execute("query-memdev"):
        if memdev.get("id") == "m":
            peer.qmp.execute("object-del", {"id": "m"})
            return memdev["size"], said
    assert said.strip(), (peer.name, text)
    return None, said


def hotrams(peer, text):
    """Bytes, or None for what is no size. What is one, but cannot be had, is named in full."""
    size, said = add(peer, text)
    if size is None and "take value '0'" in said:
        return 0
    named = re.search(r"(?:too few: |must be multiple of the page size: |mapping |size )([\d.]+)( (bytes?|[KMGTPE]iB))?(?: is|: C|, )",
                      said)
    if size is None and named:
        return int(float(named[1]) * UNITS[named[3]]) if named[3] and "." in named[1] else \
            int(named[1]) * UNITS[named[3]]
    assert size is not None or "expects a" in said, (text, said)
    return size


def qemus(peer, text, largest):
    """The same. A file without a path is refused after its size was read; QEMU ends where there is no room for RAM."""
    said = add(peer, text, "file")[1]
    if "mem-path" not in said:
        return None
    if largest == 0:
        return 0 if "take value '0'" in add(peer, text)[1] else None
    return add(peer, text)[0] if largest is not None and largest <= TRIED else TAKEN


def differences(peer):
    """Those of this QEMU, whose parser was written anew for 8.1; 7.2 and 10.0 were tried. hotram follows 7.2."""
    version = peer.qmp.execute("query-version")["qemu"]
    later = (version["major"], version["minor"]) >= (8, 1)
    return {**DIFFERENCES, **(FROM_8_1 if later else UNTIL_8_0)}


def test_sizes():
    assert len(SIZES) >= 67 and len(set(SIZES)) == len(SIZES)
    wrong, different = [], set()
    qemu, hotram = Peer(QEMU, MEMORY), Peer(HOTRAM, MEMORY)
    try:
        table = differences(qemu)
        for text in SIZES:
            ours = hotrams(hotram, text)
            theirs = qemus(qemu, text, ours)
            if theirs == TAKEN and ours is not None and ours > TRIED:
                theirs = ours
            if text in table:
                different.add(text)
            if (theirs, ours) != table.get(text, (ours, ours))[:2]:
                wrong.append((text, "QEMU", theirs, "hotram", ours))
    finally:
        qemu.close()
        hotram.close()
    assert not wrong, "\n".join(map(str, wrong))
    assert different == set(table)
    print(f"# {len(SIZES)} texts, {len(table)} of them different on purpose")


if __name__ == "__main__":
    tap.main()
