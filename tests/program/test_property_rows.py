#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""The documentation has a row for every property that the program's help lists, and the list of all commands and
events."""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import CTL                                      # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
DEVICES, COMPATIBILITY = ((DOCS / name).read_text() for name in ("devices.md", "compatibility.md"))
SECTIONS = re.split(r"^## ", DEVICES, flags=re.MULTILINE)[1:]
# QEMU's secret is accepted for libvirt, and without effect.
WITHOUT_EFFECT = {"secret": {"keyid", "iv"}}


def help_of(*words):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60, check=True)
    return [line.split()[0] for line in done.stdout.splitlines()[1:] if line.startswith("  ")]


def types(option):
    return [name for name in help_of(option, "help") if not name.endswith("-non-transitional")]


def properties(option, name):
    found = [word.split("=")[0] for word in help_of(option, f"{name},help") if "=<" in word]
    assert found or name == "iothread", f"{option} {name},help"
    return found


def section(name):
    """Of the headings that name it, with what all virtio devices have; "" if there is none."""
    found = [text for text in SECTIONS if name in re.split(r"[,: ]+", text.split("\n")[0])]
    return "".join([SECTIONS[0], *found]) if found else ""


def rows(text, prop):
    """Rows of tables whose first cell has the property, alone or with a value."""
    return re.search(rf"^\|([^|\\]|\\.)*`{re.escape(prop)}(=[^`]*)?`", text, re.MULTILINE)


def row_of(option, name):
    """The table's row of an option, or the rows that have the name of the type."""
    return "".join(line for line in COMPATIBILITY.split("\n") if line.startswith(f"| `{option}") or name in line)


def own_words(option, name):
    """Of that row, what the parentheses behind the name say: another type's properties are not this one's."""
    found = re.search(rf"\b{re.escape(name)}(?: and [\w-]+)? \(([^)]*)\)", row_of(option, name))
    return found[1] if found else ""


def test_devices_and_back_ends():
    for option in ("-device", "-netdev"):
        for name in types(option):
            text = section(name)
            missing = [prop for prop in properties(option, name)
                       if not (rows(text, prop) if text else re.search(rf"\b{re.escape(prop)}\b", own_words(option, name)))]
            assert not missing, f"docs: {option} {name}: {missing}"


def test_what_devices_use():
    for option in ("-chardev", "-object", "-blockdev"):
        for name in types(option):
            missing = [prop for prop in properties(option, name)
                       if prop not in WITHOUT_EFFECT.get(name, ())
                       and not re.search(rf"\b{re.escape(prop)}\b", row_of(option, name) + DEVICES)]
            assert not missing, f"docs: {option} {name}: {missing}"


def places(text):
    """The help of each property or option that is a row of vmm/base/dimm_place.h."""
    found = re.findall(r"^  +(?:--)?(slot|addr|node)(?:=<\w+>| N) +(?:- )?(.+?)\r?$", text, re.MULTILINE)
    return dict(found)


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_place_of_a_dimm():
    """pc-dimm, memory plug and hotramctl describe it alike; the options lack the default, which is the monitor's."""
    of_type = places(output(PROGRAM, "-device", "pc-dimm,help"))
    assert set(of_type) == {"slot", "addr", "node"}, of_type
    with Host() as host:
        assert places(host.qmp.execute("human-monitor-command", {"command-line": "memory plug help"})) == of_type
    options = {name: text.split(" (default: ")[0] for name, text in of_type.items()}
    assert all(options[name] != text for name, text in of_type.items()), of_type
    assert places(output(CTL, "plug", "--help")) == options
    assert places(output(CTL, "set", "--help")) == {"node": options["node"]}
    for words in (("-device", "virtio-mem-pci,help"), ("-memslot", "help")):
        assert places(output(PROGRAM, *words))["node"] == of_type["node"], words


def test_commands_and_events():
    """Under "Monitor commands and events", by what the program says of itself."""
    text = COMPATIBILITY.split("\n## Monitor commands and events\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"[\w-]+", text))
    with Host() as host:
        named = {entry["name"] for entry in host.qmp.execute("query-qmp-schema")
                 if entry["meta-type"] in ("command", "event")}
    assert len(named) > 100, named
    assert not named - listed, sorted(named - listed)


if __name__ == "__main__":
    tap.main()
