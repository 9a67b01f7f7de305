#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""Flash: the options that make it, what they refuse, and what a guest writes comes into
the file, through resets and the end of the program. A test plays the guest."""

import fcntl
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import arch, tap                                    # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402

KIB = 1 << 10
X86 = arch.chosen() is arch.X86
BLOCK = (4 if X86 else 256) * KIB
SIZE = 2 * BLOCK
LIMIT = 60


def image(folder, name, size=SIZE):
    path = pathlib.Path(folder, name)
    path.write_bytes(bytes(range(256)) * (size // 256) + bytes(size % 256))
    return path


def base(bank, sizes=(SIZE, SIZE)):
    return (4 << 30) - sum(sizes[:bank + 1]) if X86 else bank << 26


class Guest:
    """A driver of one bank: commands for all its chips at once."""

    def __init__(self, host, bank=0):
        self.qtest, self.base = host.qtest, base(bank)

    def read(self, offset):
        return int(self.qtest.command(f"readb {self.base + offset:#x}")[0], 0)

    def write(self, offset, value):
        if X86:
            self.qtest.command(f"writeb {self.base + offset:#x} {value:#x}")
        else:
            self.qtest.command(f"writel {self.base + offset:#x} {value * 0x10001:#x}")

    def erase(self, offset):
        self.write(offset, 0x20)
        self.write(offset, 0xd0)
        return self.read(offset)

    def program(self, offset, value):
        self.write(offset, 0x40)
        self.write(offset, value)
        return self.read(offset)


def wait_for(path, offset, value):
    end = time.monotonic() + LIMIT
    while path.read_bytes()[offset] != value:
        assert time.monotonic() < end, path.read_bytes()[offset]
        time.sleep(0.01)


def starts(*options):
    """What the options come to: None, or the errors."""
    run = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-monitor", "stdio", "-S",
                          *map(str, options)], input="quit\n", capture_output=True, text=True, timeout=LIMIT,
                         check=False)
    return None if run.returncode == 0 else run.stderr


def refused(words, *options):
    said = starts(*options)
    assert said is not None, f"{options} were accepted"
    assert words in said, f"no '{words}' in: {said}"


def forms(code, variables):
    yield ["-pflash", code, "-pflash", variables]
    yield ["-drive", f"if=pflash,format=raw,unit=1,file={variables}", "-drive", f"if=pflash,format=raw,file={code}"]
    yield ["-blockdev", f'{{"driver":"file","filename":"{code}","node-name":"c-storage","auto-read-only":true}}',
           "-blockdev", '{"node-name":"c","driver":"raw","file":"c-storage"}',
           "-blockdev", f"file,node-name=v,filename={variables}", "-machine", "pflash0=c,pflash1=v"]


def test_what_is_written_survives():
    with tempfile.TemporaryDirectory() as folder:
        code, variables = image(folder, "code,fd"), image(folder, "vars.fd")
        for number, options in enumerate(forms(str(code), str(variables))):
            if number == 1:
                options[-1] = options[-1].replace("code,fd", "code,,fd")
            with Host(options) as host:
                first, second = Guest(host), Guest(host, 1)
                assert first.read(5) == second.read(5) == 5
                assert second.erase(BLOCK) == 0x80
                assert second.program(BLOCK + 4, 0x10 + number) == 0x80
                assert second.read(BLOCK + 4) == 0x80      # the status, as long as nothing else is asked for
                wait_for(variables, BLOCK + 4, 0x10 + number)
                assert second.program(BLOCK + 8, 0x20 + number) == 0x80
                host.qmp.execute("cont")
                host.qmp.execute("system_reset")
                assert second.read(BLOCK + 8) == 0x20 + number, "a reset shows the array"
                assert variables.read_bytes()[BLOCK + 8] == 0x20 + number
                assert second.program(BLOCK + 12, 0x30 + number) == 0x80
                names = {block["inserted"]["node-name"] for block in host.qmp.execute("query-block")}
                assert len(names) == 2, names
                host.qmp.execute("quit")
                host.wait_exit()
            assert variables.read_bytes()[BLOCK + 12] == 0x30 + number
            assert code.read_bytes() == bytes(range(256)) * (SIZE // 256)
            image(folder, "vars.fd")


def test_it_says_what_it_is():
    with tempfile.TemporaryDirectory() as folder:
        with Host(["-pflash", str(image(folder, "f"))]) as host:
            guest, width = Guest(host), 1 if X86 else 4
            guest.write(0, 0x98)
            assert bytes(guest.read(i * width) for i in range(0x10, 0x13)) == b"QRY"
            guest.write(0, 0x90)
            assert (guest.read(0), guest.read(width)) == (0x89, 0x18)
            guest.write(0, 0xff)
            assert guest.read(7) == 7


def test_a_read_only_image_is_not_changed():
    with tempfile.TemporaryDirectory() as folder:
        path = image(folder, "f")
        before = path.read_bytes()
        path.chmod(0o444)
        with Host(["-drive", f"if=pflash,format=raw,readonly=on,file={path}"]) as host:
            guest = Guest(host)
            assert guest.erase(0) == 0xa2
            guest.write(0, 0x50)
            assert guest.program(4, 0) == 0x92
            guest.write(0, 0xff)
            assert guest.read(4) == 4
        assert path.read_bytes() == before


def test_what_is_no_flash_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        good = image(folder, "good")
        refused("No such file or directory", "-pflash", pathlib.Path(folder, "missing"))
        for name in ("OVMF_CODE_4M.fd", "OVMF.fd"):
            refused("No such file or directory; install the package ovmf, or name another file", "-pflash",
                    pathlib.Path(folder, name))
        refused("; install the package ovmf, or", "-blockdev", f"file,node-name=n,filename={folder}/OVMF.fd")
        refused("; install the package qemu-efi-aarch64, or", "-pflash", pathlib.Path(folder, "AAVMF_CODE.fd"))
        refused("pflash0: Block node 'pflash0' has 1024 bytes, which is not a multiple of ", "-pflash",
                image(folder, "short", 1024))
        refused("pflash0: Block node 'pflash0' has 0 bytes; a bank of this machine's flash has ", "-pflash",
                image(folder, "empty", 0))
        large = image(folder, "large", 0)
        with large.open("wb") as file:
            file.truncate(64 * KIB * KIB + BLOCK)
        refused("bytes; a bank of this machine's flash has ", "-pflash", large)
        refused("drive with bus=0, unit=0 (index=0) exists", "-pflash", good, "-drive",
                f"if=pflash,unit=0,format=raw,file={good}")
        refused("all banks of flash have an image: a machine has 2", *["-pflash", good] * 3)
        refused("unit=1 is for if=pflash", "-drive", f"if=virtio,unit=1,format=raw,file={good}")
        refused("index cannot be used with bus and unit", "-drive",
                f"if=pflash,unit=1,index=1,format=raw,file={good}")
        refused("format 'qcow2': with if=pflash the image is raw", "-drive",
                f"if=pflash,format=qcow2,file={good}")
        refused("index=2: a machine has 2 banks", "-drive", f"if=pflash,index=2,format=raw,file={good}")
        refused("Parameter 'unit' expects ", "-drive", f"if=pflash,unit=2,format=raw,file={good}")
        refused("werror and rerror are a disk's", "-drive", f"if=pflash,werror=stop,format=raw,file={good}")
        refused("-machine pflash0=x: bank 0 is node 'pflash0' already", "-pflash", good, "-machine", "pflash0=x")
        refused("Cannot find device='' nor node-name='x'", "-machine", "pflash0=x")
        refused("pflash0 and pflash1 are both node 'x'", "-machine", "pflash0=x,pflash1=x")
        refused("-machine none has no flash", "-machine", "none", "-pflash", good)
        if X86:
            refused("pflash1 requires pflash0", "-machine", "pflash1=x")
        refused("Block node 'pflash1': ", "-pflash", good, "-pflash", good)


def test_an_image_belongs_to_one_machine():
    with tempfile.TemporaryDirectory() as folder:
        path = image(folder, "f")
        with Host(["-pflash", str(path)]):
            refused("Failed to get \"write\" lock", "-pflash", path)
        # The kernel gives the locks of a program that was killed back when it gets to its io_uring.
        end = time.monotonic() + LIMIT
        while (said := starts("-pflash", path)) is not None:
            assert "Failed to get \"write\" lock" in said and time.monotonic() < end, said
        # As any program that knows nothing of flash locks it.
        with path.open("rb") as file:
            lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 201, 1, 0)
            fcntl.fcntl(file, 37, lock)                      # F_OFD_SETLK
            refused("Failed to get \"write\" lock", "-pflash", path)


if __name__ == "__main__":
    tap.main()
