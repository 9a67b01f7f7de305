#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""QEMU's words for booleans, in every option that has one. It needs no KVM."""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import CLONE, PROGRAM                       # noqa: E402

WORDS = {True: ("on", "yes", "true", "y"), False: ("off", "no", "false", "n")}
WRONG = ("", "1", "0", "On", "TRUE", "onn", " on", "maybe")
# Option, what comes before the boolean, and what hotram can do.
PLACES = (("-machine", "dump-guest-core", "both"), ("-machine", "mem-merge", "both"),
          ("-machine", "dimm-map-strict", "both"), ("-machine", "usb", False),
          ("-machine", "hpet", False), ("-machine", "i8042", False), ("-machine", "sata", False),
          ("-machine", "smbus", False), ("-machine", "graphics", False), ("-machine", "kernel-irqchip", True),
          ("-accel", "qtest,kernel-irqchip", True),
          ("-overcommit", "mem-lock", None), ("-overcommit", "cpu-pm", False),
          ("-msg", "timestamp", "both"), ("-msg", "guest-name", "both"),
          ("-boot", "strict", "both"), ("-boot", "menu", "both"),
          ("-cpu", "host,migratable", "both"), ("-cpu", "host,pmu", "both"),
          ("-cpu", "host,host-phys-bits", True),
          ("-name", "x,debug-threads", "both"), ("-sandbox", "enable", "both"),
          ("-mon", "chardev=c,mode=control,pretty", "both"),
          ("-chardev", "null,id=d,mux", "both"),
          ("-chardev", "null,id=d,logfile=/dev/null,logappend", "both"),
          ("-chardev", "stdio,id=d,signal", "both"),
          ("-object", "memory-backend-ram,id=m,size=2M,share", "both"),
          ("-object", "memory-backend-ram,id=m,size=2M,reserve", "both"))


def start(option, argument):
    """Standard error of a start that ends of itself."""
    result = subprocess.run(
        [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-m", "64M",
         "-chardev", "null,id=c", option, argument, "-monitor", "stdio"],
        input=b"quit\n", capture_output=True, timeout=60, check=False)
    return result.returncode, result.stderr.decode()


def test_the_words():
    for option, key, can in PLACES:
        if can is None:     # it locks memory, which not every host allows
            continue
        if "stdio" in key:
            continue        # the test's monitor is there
        for value, words in WORDS.items():
            for word in words:
                status, said = start(option, f"{key}={word}")
                good = can == "both" or can == value
                assert (status == 0) == good, (option, key, word, said)
                assert good or key.split(",")[-1] in said, said
        for word in WRONG:
            status, said = start(option, f"{key}={word}")
            assert status == 1 and key.split(",")[-1] in said, (option, key, word, said)


def test_no_boolean_is_missing_here():
    """Each row of the options' tables with on or off among its values is tried above; but those of arm64's, and
    those with auto, of which QEMU takes no other words; share-rw is a property of a device, which has its own table."""
    tried = {key.split(",")[-1] for _, key, _ in PLACES} | {"acpi", "vmport", "its", "share-rw"}
    for path in (CLONE / "vmm/options").glob("opt_*.c"):
        text = path.read_text()
        for key, values in re.findall(r'\{ "([a-z-]+)", "([a-z|]+)"', text):
            values = set(values.split("|"))
            assert key in tried or not values & {"on", "off"} or "auto" in values, (path.name, key)


if __name__ == "__main__":
    tap.main()
