#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""QEMU's words for booleans, in every option that has one. It needs no KVM."""

import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import storage_daemon, tap                          # noqa: E402
from lib.machine import CLONE, PROGRAM                       # noqa: E402

WORDS = {True: ("on", "yes", "true", "y"), False: ("off", "no", "false", "n")}
WRONG = ("", "1", "0", "On", "TRUE", "onn", " on", "maybe")
# Option, what comes before the boolean, and what hotram can do.
PLACES = (("-machine", "dump-guest-core", "both"), ("-machine", "mem-merge", "both"), ("-machine", "ignore-absent", "both"),
          ("-machine", "dimm-map-strict", "both"), ("-machine", "usb", False),
          ("-machine", "hpet", False), ("-machine", "i8042", False), ("-machine", "sata", False),
          ("-machine", "smbus", False), ("-machine", "graphics", False), ("-machine", "kernel-irqchip", True),
          ("-accel", "qtest,kernel-irqchip", True),
          ("-overcommit", "mem-lock", None), ("-overcommit", "cpu-pm", False),
          ("-msg", "timestamp", "both"), ("-msg", "guest-name", "both"),
          ("-boot", "strict", "both"), ("-boot", "menu", "both"),
          ("-cpu", "host,migratable", "both"), ("-cpu", "host,pmu", "both"),
          ("-cpu", "host,host-phys-bits", True), ("-cpu", "host,kvm-pv-eoi", "both"),
          ("-name", "x,debug-threads", "both"), ("-sandbox", "enable", "both"),
          ("-mon", "chardev=c,mode=control,pretty", "both"),
          ("-chardev", "null,id=d,mux", "both"),
          ("-chardev", "null,id=d,logfile=/dev/null,logappend", "both"),
          ("-chardev", "stdio,id=d,signal", "both"),
          ("-object", "memory-backend-ram,id=m,size=2M,share", "both"),
          ("-object", "memory-backend-ram,id=m,size=2M,reserve", "both"))


def start(*words):
    """Status and standard error of a start that ends of itself."""
    result = subprocess.run(
        [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-m", "64M",
         "-chardev", "null,id=c", *words, "-monitor", "stdio"],
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


def properties(option, name, kind="bool"):
    """Those of one kind, as help shows them."""
    said = subprocess.run([PROGRAM, option, f"{name},help"], capture_output=True, text=True, check=True, timeout=60)
    return re.findall(f"^  (\\S+)=<{kind}>", said.stdout, re.M)


# What a property cannot be, whatever the disk: the device is refused then.
CANNOT = {True: {"disable-modern", "iommu_platform", "ats", "packed", "page-per-vq"}, False: {"ioeventfd"}}


class Disks:
    """The same arguments for a raw disk and for one in qcow2 format: what each says, without the image's name."""

    def __init__(self, folder):
        self.images = {}
        for kind in ("raw",) if storage_daemon.missing() else ("raw", "qcow2"):
            self.images[kind] = pathlib.Path(folder) / f"disk.{kind}"
            storage_daemon.make_image(self.images[kind], size="16M", kind=kind)

    def start(self, node="", device=""):
        for kind, image in self.images.items():
            words = ("-blockdev", f"{kind},node-name=n,file.driver=file,file.filename={image}{node}",
                     "-device", f"virtio-blk-pci,drive=n{device}")
            status, said = start(*words)
            yield kind, status, said.replace(f"{kind},node-name", "raw,node-name").replace(str(image), "IMAGE")


def test_disks_in_all_formats():
    with tempfile.TemporaryDirectory() as folder:
        disks = Disks(folder)
        device = properties("-device", "virtio-blk-pci")
        node = [*properties("-blockdev", "raw"), *(f"file.{name}" for name in properties("-blockdev", "file"))]
        node = [name for name in node if not name.endswith("cache.direct")]     # not in each folder for temporary files
        assert {"share-rw", "config-wce", "discard"} <= set(device) and "read-only" in node
        for value, words in WORDS.items():
            some = {kind: [name for name in device if name not in CANNOT[value] and (kind, name, value) != ("qcow2", "share-rw", True)]
                    for kind in ("raw", "qcow2")}
            for word in words:
                for what in some.values():
                    for kind, status, said in disks.start("".join(f",{name}={word}" for name in node),
                                                          "".join(f",{name}={word}" for name in what)):
                        assert (status == 0) == (kind == "raw" or what == some[kind]), (kind, word, said)
                        assert status == 0 or f"share-rw={word} is not available" in said, said
                for name in CANNOT[value]:
                    (_, status, said), *other = disks.start(device=f",{name}={word}")
                    assert status == 1 and name in said, said
                    assert all(end[1:] == (status, said) for end in other), other
        for word in WRONG:
            for name, arguments in ((name, {kind: f",{name}={word}"}) for kind, names in
                                    (("device", device), ("node", node)) for name in names):
                (_, status, said), *other = disks.start(**arguments)
                assert status == 1 and f"'{name.removeprefix('file.')}' expects 'on' or 'off'; got '{word}'" in said, said
                assert all(end[1:] == (status, said) for end in other), other


def test_no_boolean_is_missing_here():
    """Each row of the options' tables with on or off among its values is tried above; but those of arm64's, and
    those with auto, of which QEMU takes no other words."""
    tried = {key.split(",")[-1] for _, key, _ in PLACES} | {"acpi", "vmport", "its", "read-only"}
    for path in (CLONE / "vmm/options").glob("opt_*.c"):
        text = path.read_text()
        for key, values in re.findall(r'\{ "([a-z-]+)", "([a-z|]+)"', text):
            values = set(values.split("|"))
            assert key in tried or not values & {"on", "off"} or "auto" in values, (path.name, key)


if __name__ == "__main__":
    tap.main()
