#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""-readconfig: a machine from a file is the machine from the command line, and descriptors that a file names stay open.
What is read is compared with the real QEMU where that is installed."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402

QEMU = "qemu-system-x86_64"
MACHINE = """\
# As Incus writes it
[machine]
graphics = "off"
usb = "off"

[global]
driver = "ICH9-LPC"
property = "disable_s3"
value = "1"

[boot-opts]
strict = "on"

[memory]
maxmem = "1024M"
size = "128M"
slots = "4"

[smp-opts]
cpus = "2"

[object "mem0"]
qom-type = "memory-backend-memfd"
share = "on"
size = "128M"

[numa]
memdev = "mem0"
nodeid = "0"
type = "node"

[object "m1"]
qom-type = "memory-backend-ram"
size = "128M"

[device "d1"]
driver = "pc-dimm"
memdev = "m1"

[device "qemu_pcie0"]
addr = "1.0"
bus = "pcie.0"
chassis = "0"
driver = "pcie-root-port"
multifunction = "on"

[device "qemu_pcie1"]
addr = "1.1"
bus = "pcie.0"
chassis = "1"
driver = "pcie-root-port"

[device "qemu_balloon"]
addr = "00.0"
bus = "qemu_pcie0"
driver = "virtio-balloon-pci"

[drive "disk"]
  file = "%s"  # CHANGE ME
  format = "raw"
  if = "none"
  aio = "threads"

[device "blk"]
driver = "virtio-blk-pci"
bus = "qemu_pcie1"
drive = "disk"
"""
LINE = ["-machine", "graphics=off,usb=off", "-global", "ICH9-LPC.disable_s3=1", "-boot", "strict=on",
        "-m", "128M,slots=4,maxmem=1024M", "-smp", "2", "-object", "memory-backend-memfd,id=mem0,share=on,size=128M",
        "-numa", "node,nodeid=0,memdev=mem0", "-object", "memory-backend-ram,id=m1,size=128M",
        "-device", "pc-dimm,id=d1,memdev=m1",
        "-device", "pcie-root-port,id=qemu_pcie0,addr=1.0,bus=pcie.0,chassis=0,multifunction=on",
        "-device", "pcie-root-port,id=qemu_pcie1,addr=1.1,bus=pcie.0,chassis=1",
        "-device", "virtio-balloon-pci,id=qemu_balloon,addr=00.0,bus=qemu_pcie0"]
QUERIES = ("query-memory-devices", "query-memdev", "query-memory-size-summary", "query-cpus-fast", "query-pci",
           "query-block", "query-named-block-nodes")


def answers(options):
    with Host(options) as host:
        return {query: host.qmp.execute(query) for query in QUERIES}


def test_a_file_is_the_same_as_options():
    """aio=threads: the kernel lets go of an image that an io_uring has some time after the program's end."""
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder, "a,b = c.img")
        image.write_bytes(bytes(1 << 20))
        config = pathlib.Path(folder, "qemu.conf")
        config.write_text(MACHINE % image)
        name = str(image).replace(",", ",,")
        expected = answers([*LINE, "-drive", f"file={name},format=raw,if=none,id=disk,aio=threads",
                            "-device", "virtio-blk-pci,id=blk,bus=qemu_pcie1,drive=disk"])
        assert answers(["-readconfig", str(config)]) == expected
        assert expected["query-block"] and expected["query-memory-devices"], expected


def run(*options, **more):
    return subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", *options],
                          input="quit\n", text=True, capture_output=True, timeout=60, check=False, **more)


def test_a_socket_device_as_incus_writes_it():
    """With the descriptor that Incus passes: of another file, so that no module of the host's is needed."""
    with tempfile.TemporaryDirectory() as folder, open("/dev/null", "rb") as null:
        config = pathlib.Path(folder, "qemu.conf")
        config.write_text(f"""[device "qemu_pcie0"]
                              driver = "pcie-root-port"
                              bus = "pcie.0"
                              addr = "1.0"
                              chassis = "0"
                              multifunction = "on"
                              [device "qemu_vsock"]
                              driver = "vhost-vsock-pci"
                              bus = "qemu_pcie0"
                              addr = "00.0"
                              guest-cid = "5"
                              vhostfd = "{null.fileno()}"
                           """.replace("  ", ""))
        said = run("-readconfig", str(config), pass_fds=[null.fileno()])
        assert said.returncode == 1 and "it is no descriptor of /dev/vhost-vsock" in said.stderr, said.stderr


def test_descriptors_that_a_file_names():
    """They stay open: a log behind /dev/fd/N, and a set that the file itself makes."""
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as folder:
        fd = log.fileno()
        os.set_inheritable(fd, True)
        for number, text in enumerate((f"""[chardev "c"]
                              backend = "stdio"
                              logfile = "/dev/fd/{fd}"
                              logappend = "on"
                              [mon]
                              chardev = "c"
                           """, f"""[add-fd]
                              fd = "{fd}"
                              set = "3"
                              [chardev "c"]
                              backend = "stdio"
                              logfile = "/dev/fdset/3"
                              [mon]
                              chardev = "c"
                           """)):
            config = pathlib.Path(folder, "config")
            config.write_text("\n".join(line.strip() for line in text.splitlines()))
            said = run("-readconfig", str(config), pass_fds=[fd])
            assert said.returncode == 0, said
            log.seek(0)
            assert b"hotram" in log.read(), (number, said)
            log.seek(0)
            log.truncate()


def test_a_pipe():
    """As a shell's <(...) gives it: read to its end, whoever writes late."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as end:
        process = subprocess.Popen([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S",
                                    "-monitor", "stdio", "-readconfig", f"/dev/fd/{reader}"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=[reader])
        os.close(reader)
        end.write("[memory]\n size")
        end.flush()
        end.write(" = \"384\"\n")
    said, _ = process.communicate("info memory_size_summary\nquit\n", timeout=60)
    assert process.returncode == 0 and str(384 << 20) in said, said


def test_what_incus_asks_for_in_vain():
    """Each section that hotram does not support is named, in one run, with its line."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "qemu.conf")
        config.write_text('[drive]\nfile = "/x"\nif = "sd"\nformat = "raw"\n'
                          '[chardev "c"]\nbackend = "ringbuf"\nsize = "32B"\n'
                          '[device "g"]\ndriver = "virtio-vga"\n[spice]\nunix = "on"\n')
        said = run("-readconfig", str(config))
        assert said.returncode == 1, said
        for words in ("line 1: [drive]: unsupported bus type 'sd'", "line 5: [chardev]: 'ringbuf' is not a chardev",
                      "line 8: -device virtio-vga,id=g: hotram has no video card", "line 10: [spice]: QEMU option group not supported"):
            assert words in said.stderr, (words, said.stderr)
        config.write_text('[device "d"]\ndriver = "pc-dimm"\nmemdev = "none"\n')
        said = run("-readconfig", str(config), "-m", "128M,slots=1,maxmem=1G")
        assert said.returncode == 1 and "-device id=d,driver=pc-dimm,memdev=none: " in said.stderr, said.stderr


# Lines of a section [memory], whether QEMU 7.2 reads them, and whether hotram does.
LINES = [('\tsize\t=\t"256"# x', True, True), ('size="256"', False, False), ("size = 256", False, False),
         ('size = "256" x', True, False), ('size = "256"\r', True, False), ("   ", False, True), ("  # x", False, True),
         ("#" + "x" * 1021, True, True)]


def test_lines_as_qemu_reads_them():
    """All that hotram reads, QEMU reads, but for blanks and comments behind blanks."""
    programs = {PROGRAM: ["-accel", "qtest"]}
    if shutil.which(QEMU):
        programs[QEMU] = []
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "config")
        for line, *expected in LINES:
            config.write_text(f"[memory]\n{line}\n", newline="")
            for program, options in programs.items():
                said = subprocess.run([program, *options, "-machine", "none", "-nodefaults", "-display", "none", "-S",
                                       "-monitor", "stdio", "-readconfig", str(config)], input="quit\n", text=True,
                                      capture_output=True, timeout=60, check=False)
                assert (said.returncode == 0) == expected[program == PROGRAM], (program, line, said)


if __name__ == "__main__":
    tap.main()
