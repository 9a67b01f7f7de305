#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Bad input: each gives an error that names the value and the limit, and leaves
everything as it was."""

import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.machine import CLONE, PROGRAM, Machine              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402

MICRO = CLONE / "build/native/tests/micro/micro"
GIB = 1 << 30
MIB = 1 << 20


# ---- at the start, with a client that comes later: libvirt ----

def failed_start(server, kernel="/none", socket_options="server=on,wait=off"):
    """A start that fails while the test holds the socket."""
    return subprocess.Popen(
        [PROGRAM, "-nodefaults", "-display", "none", "-chardev",
         f"socket,id=m,fd={server.fileno()},{socket_options}",
         "-mon", "m,mode=control", "-kernel", kernel, *(["-m", "x"] if not kernel else [])],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[server.fileno()])


def listener(folder):
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{folder}/socket")
    server.listen(1)
    return server


def test_a_failed_start_waits_for_the_client_of_an_inherited_socket():
    for kernel, word in (("/none", b"/none"), ("", b"'x'")):
        with tempfile.TemporaryDirectory() as folder:
            server = listener(folder)
            process = failed_start(server, kernel)
            server.close()              # the program's is the last one
            said = process.stderr.readline()
            assert word in said or b"warning" in said, said
            time.sleep(0.3)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(f"{folder}/socket")
                client.settimeout(30)
                try:
                    assert client.recv(100) == b""
                except ConnectionResetError:
                    pass
            assert word in said + process.stderr.read()
            assert process.wait(30) == 1


def test_a_failed_start_does_not_wait_for_ever_and_not_for_others():
    with tempfile.TemporaryDirectory() as folder:
        process = failed_start(listener(folder))
        assert process.wait(30) == 1
        process.stderr.close()
        pair = socket.socketpair()      # does not listen: nobody can come later
        process = failed_start(pair[0], socket_options="server=off")
        assert process.wait(2.5) == 1
        process.stderr.close()


# ---- at the start: exit status 1, one line on standard error ----

def start(*options, prefix=()):
    """Runs the program where it is to refuse; returns what it said."""
    command = [*prefix, PROGRAM, "-nodefaults", "-display", "none", *options]
    result = subprocess.run([str(word) for word in command], timeout=30,
                            stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, check=False)
    assert result.returncode == 1, (command, result)
    assert result.stdout == "", result.stdout
    lines = [line for line in result.stderr.splitlines() if "warning:" not in line]
    assert len(lines) == 1 and lines[0].startswith("hotram: "), result.stderr
    return lines[0]


def refuses(options, *words, prefix=()):
    said = start(*options, prefix=prefix)
    for word in words:
        assert word in said, f"{options}: no '{word}' in: {said}"


def test_memory_option():
    kernel = ["-kernel", MICRO]
    for value, *words in (
            ("12Q", "12Q"), ("-1", "-1"), ("1M", "1 MiB", "2 MiB"),
            ("1G,slots=2", "maxmem"),
            ("1G,slots=2,maxmem=512M", "512 MiB", "1 GiB"),
            ("1G,slots=1,maxmem=1G", "slots"),
            ("1G,slots=257,maxmem=2G", "257", "256"),
            ("1G,slots=x,maxmem=2G", "slots", "x"),
            ("1G,sluts=2,maxmem=2G", "sluts", "slots"),
            ("99999999999999999999G", "99999999999999999999G")):
        refuses(["-m", value, *kernel], *words)


def test_more_memory_than_the_processor_addresses():
    # 52 bits are the most that a processor can have; RAM and the hole below
    # 4 GiB need some of them.
    refuses(["-m", f"64M,slots=1,maxmem={1 << 52}B", "-kernel", MICRO],
            "physical address bits", "maxmem", "smaller")
    refuses(["-m", f"64M,slots=1,maxmem={1 << 63}B", "-kernel", MICRO],
            "maxmem", "4 PiB")


def test_options_that_are_unknown_or_not_there():
    for options, *words in (
            (["-frobnicate"], "-frobnicate"),
            (["-netdev", "vde,id=n"], "-netdev", "vde", "user"),
            (["-drive", "file=x"], "-drive", "No such file"),
            (["-hda", "x"], "-hda", "No such file"), (["-fda", "x"], "-fda", "QEMU"),
            (["-smp", "x"], "x"), (["-smp", "-1"], "-1"), (["-smp", "100000"], "100000"),
            (["-mem-prealloc"], "prealloc=on", "memory-backend="),
            (["-global", "pc-dimm.addr=1"], "-global"), (["-net", "user"], "-net"),
            (["-cpu", "host,host-phys-bits=off"], "host-phys-bits"),
            (["-cpu", "qemu64"], "qemu64", "host"),
            (["-accel", "tcg"], "tcg", "kvm"),
            (["-machine", "pc"], "pc", "hotram-1", "q35"), (["-machine", "x"], "hotram-1", "default"),
            (["-serial", "chardev:none-such"], "none-such"),
            (["-qmp"], "-qmp")):
        refuses(options + ["-kernel", MICRO], *words)


def test_all_that_is_not_there_is_said_at_once():
    options = ["-fda", "x", "-spice", "x", "-smp", "x=1",
               "-usb", "-m", "x", "-fda", "y", "-object", "can-bus,id=r",
               "-machine", "q36", "-smp", "many"]
    result = subprocess.run([PROGRAM, *options], stdin=subprocess.DEVNULL, timeout=30,
                            capture_output=True, text=True, check=False)
    lines = result.stderr.splitlines()
    # What a guest can do without comes last.
    words = ("-fda", "x=1", "-m x", "can-bus", "q36", "many", "-spice", "-usb")
    assert result.returncode == 1 and len(lines) == len(words), result.stderr
    for line, word in zip(lines, words):
        assert line.startswith("hotram: ") and word in line, (line, word)
    # Where the next option begins cannot be told, nothing more is guessed.
    result = subprocess.run([PROGRAM, "-usb", "-frobnicate", "-usb", "-fda", "x"], timeout=30,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert len(result.stderr.splitlines()) == 2, result.stderr
    # However many there are.
    result = subprocess.run([PROGRAM, *(word for n in range(300) for word in
                                        ("-device", f"e{n}"))], timeout=30,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert result.returncode == 1 and "further options" in result.stderr, result.stderr
    assert len(result.stderr) < 2000, result.stderr


def test_options_that_ask_for_nothing():
    for options in (["-net", "none"], ["-nic", "none"], ["-vga", "none"], ["-vnc", "none"],
                    ["-parallel", "none"], ["-watchdog", "none"], ["-no-hpet"],
                    ["-no-fd-bootchk"], ["-win2k-hack"], ["-rtc", "driftfix=slew"],
                    ["-rtc", "base=utc,driftfix=none"], ["-k", "en-us"], ["-k", "de"],
                    ["-realtime", "mlock=off"], ["-qtest-log", "/dev/null"],
                    ["-global", "kvm-pit.lost_tick_policy=discard"],
                    ["-global", "ICH9-LPC.disable_s3=1"],
                    ["-global", "driver=PIIX4_PM,property=disable_s3,value=1"],
                    ["-global", "ICH9-LPC.noreboot=off"], ["-watchdog-action", "reset"],
                    ["-action", "panic=pause"], ["-machine", "q35,smm=off,vmport=off"],
                    ["-machine", "hotram-1,accel=mshv:qtest:kvm"], ["-accel", "mshv"],
                    ["-cpu", "host,pmu=off,host-phys-bits=on,migratable=off"],
                    ["-cpu", "max"], ["-smp", "0"], ["-smp", "2,sockets=0,cores=0,threads=0"],
                    ["--net", "none"]):
        result = subprocess.run(
            [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", *options,
             "-monitor", "stdio"], input="quit\n", timeout=30, capture_output=True, text=True,
            check=False)
        assert result.returncode == 0 and result.stderr == "", (options, result)


def test_topology_by_the_machines_keys():
    for keys, cpus in (("smp.cpus=8", 8), ("smp.cpus=4,smp.sockets=2,smp.cores=2", 4),
                       ("hotram-1,smp.cores=2", 2)):
        result = subprocess.run(
            [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-machine", keys,
             "-monitor", "stdio"], input="info cpus\nquit\n", timeout=30, capture_output=True,
            text=True, check=False)
        assert result.returncode == 0 and result.stdout.count("CPU #") == cpus, (keys, result)
    refuses(["-machine", "smp.cpu=8"], "cpus")
    refuses(["-machine", "smp.cpus=x"], "'x'")


def test_the_program_of_user_networking_is_named_where_it_was_looked_for():
    with tempfile.TemporaryDirectory() as folder:
        alone = shutil.copy2(PROGRAM, folder)
        run = subprocess.run([alone, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-monitor", "stdio",
                              "-netdev", "user,id=n"], input="quit\n", capture_output=True, text=True, timeout=60, check=False)
        if run.returncode == 0:
            raise tap.Skip("hotram is installed")
        for word in (f"neither '{folder}/hotram-user-net' nor '/", "/hotram/hotram-user-net': ", "libslirp-dev", "passt"):
            assert word in run.stderr, (word, run.stderr)


def test_words_of_the_option_that_was_given():
    for option in ("-qmp", "-monitor", "-serial", "-qtest"):
        said = start("-accel", "qtest", option, "unix:/none/such,server=on,wait=off")
        assert f"{option} unix:/none/such" in said and "compat_" not in said, said
    said = start("-accel", "qtest", "-m", "1073741824")
    assert "MiB" in said and "maxmem" not in said and "slots" not in said, said


def test_errors_of_building_quote_the_option():
    memory = ["-accel", "qtest", "-m", "64M,slots=1,maxmem=1G"]
    backends = [word for name in "ab" for word in
                ("-object", f"memory-backend-ram,id={name},size=128M")]
    refuses([*memory, *backends, "-device", "pc-dimm,memdev=a", "-device",
             "pc-dimm,id=two,memdev=b"], "-device pc-dimm,id=two,memdev=b: ", "slots=N")
    refuses([*memory, *backends, "-device", '{"driver":"pc-dimm","memdev":"c"}'],
            '-device {"driver":"pc-dimm","memdev":"c"}: ', "'c' not found")
    refuses([*memory, *backends, "-object", "memory-backend-ram,id=c,size=4097"],
            "-object memory-backend-ram,id=c,size=4097: ", "page size")
    refuses([*memory, "-object", "memory-backend-file,id=f,size=2M,mem-path=/none/such"],
            "-object memory-backend-file,id=f,size=2M,mem-path=/none/such: ")


def test_objects_and_devices_on_the_command_line():
    memory = ["-accel", "qtest", "-m", "64M,slots=2,maxmem=1G", "-kernel", MICRO]
    backend = ["-object", "memory-backend-ram,id=m0,size=128M"]
    refuses(memory + ["-object", "can-bus,id=r"], "can-bus")
    refuses(memory + backend + backend, "m0")
    refuses(memory + ["-device", "pc-dimm,id=d0,memdev=m0"], "m0")
    refuses(memory + backend + ["-device", "e1000"], "e1000")
    refuses(memory + backend + ["-device", '{"driver":"pc-dimm",'], "JSON")
    refuses(["-accel", "qtest", "-kernel", MICRO] + backend + ["-device", "pc-dimm,id=d0,memdev=m0"],
            "slots=")


def file_with(folder, content, size=None):
    path = pathlib.Path(folder) / "file"
    path.write_bytes(content)
    if size is not None:
        os.truncate(path, size)
    return path


def bzimage(**fields):
    """The head of a kernel that announces what `fields` say."""
    head = bytearray(8192)
    values = {"setup_sects": 1, "syssize": 16, "version": 0x20f, "loadflags": 1,
              "init_size": 16 * MIB, "pref_address": 16 * MIB, **fields}
    head[0x1f1] = values["setup_sects"]
    struct.pack_into("<I", head, 0x1f4, values["syssize"])
    struct.pack_into("<H", head, 0x1fe, 0xaa55)
    head[0x200:0x202] = b"\xeb\x6a"
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x206, values["version"])
    head[0x211] = values["loadflags"]
    struct.pack_into("<I", head, 0x22c, 0x7fffffff)
    struct.pack_into("<I", head, 0x238, 2047)
    struct.pack_into("<Q", head, 0x258, values["pref_address"])
    struct.pack_into("<I", head, 0x260, values["init_size"])
    return bytes(head)


def test_kernel_files():
    refuses(["-kernel", "/none/such"], "/none/such", "No such file")
    refuses(["-kernel", "/"], "not a regular file")
    with tempfile.TemporaryDirectory() as folder:
        for content, *words in (
                (b"", "not a kernel"),
                (b"#!/bin/sh\n", "not a kernel"),
                (os.urandom(4096), "not a kernel"),
                (b"\0" * 0x38 + b"ARM\x64" + b"\0" * 64, "arm64"),
                (b"\x7fELF", "not one for x86-64"),
                (MICRO.read_bytes()[:100], "truncated"),
                (MICRO.read_bytes()[:300], "truncated"),
                (pathlib.Path("/bin/true").read_bytes(), "kernel"),
                (bzimage(version=0x0200), "2.00", "2.10"),
                (bzimage(syssize=1 << 20), "truncated", "8192"),
                (bzimage(syssize=0), "truncated"),
                (bzimage(init_size=0xffffffff), "-m", "64 MiB"),
                (bzimage(pref_address=0xfffffffffffff000), "-m")):
            refuses(["-m", "64M", "-kernel", file_with(folder, content)], *words)
        good = file_with(folder, bzimage())
        refuses(["-m", "64M", "-kernel", good, "-append", "x" * 3000], "3000", "2047")


def test_initrd_files():
    refuses(["-kernel", MICRO, "-initrd", "/none/such"], "/none/such")
    refuses(["-kernel", MICRO, "-initrd", "/"], "not a regular file")
    with tempfile.TemporaryDirectory() as folder:
        large = file_with(folder, b"", size=65 * MIB)
        refuses(["-m", "64M", "-kernel", MICRO, "-initrd", large], "65 MiB",
                "64 MiB", "-m")


def test_kvm_missing_or_not_permitted():
    if os.getuid() != 0:
        raise AssertionError("this test needs root, as make check says")
    options = ["-kernel", MICRO]
    hide = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev && exec \"$@\"", "sh"]
    refuses(options, "/dev/kvm is missing", "kvm_amd", prefix=hide)
    lock = ["unshare", "-m", "sh", "-c",
            "mount -t tmpfs -o mode=755 none /dev && touch /dev/kvm && chmod 600 /dev/kvm &&"
            "exec setpriv --reuid 65534 --clear-groups \"$@\"", "sh"]
    with tempfile.NamedTemporaryFile() as file:
        # Where everybody may read it, which root's own folder is not.
        file.write(pathlib.Path(MICRO).read_bytes())
        file.flush()
        os.chmod(file.name, 0o644)
        refuses(["-kernel", file.name], "/dev/kvm may not be opened", "group kvm",
                prefix=lock)


# ---- at the monitor: an error, and the machine as it was ----

class Unchanged:
    """Nothing that can be asked for is different after the block."""

    def __init__(self, machine):
        self.machine = machine

    def look(self):
        ask = self.machine.qmp.execute
        return (ask("query-memory-devices"), ask("query-memdev"),
                ask("query-acpi-ospm-status"), ask("query-memory-size-summary"),
                ask("query-status"), self.machine.hmp("info memory-hotplug"),
                self.machine.fds(), self.machine.threads(),
                [line.split()[-1] for line in self.machine.maps()
                 if "memfd" in line or "kvm" in line])

    def __enter__(self):
        self.before = self.look()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            after = self.look()
            assert after == self.before, (self.before, after)


def machine_with_dimm():
    machine = Machine(["-accel", "qtest", "-m", "64M,slots=3,maxmem=1G", "-kernel", MICRO,
                       "-machine", "dimm-granularity=2M"], kernel=None, run=False)
    machine.plug("d0", "256M", addr=5 * GIB, slot=1)
    machine.qmp.execute("object-add", {"qom-type": "memory-backend-ram",
                                       "id": "free", "size": 256 * MIB})
    return machine


def rejects(machine, command, arguments, *words, error_class="GenericError"):
    with Unchanged(machine):
        try:
            machine.qmp.execute(command, arguments)
        except QMPError as error:
            for word in words:
                assert word in error.desc, \
                    f"{command} {arguments}: no '{word}' in: {error.desc}"
            assert error.error_class == error_class, error.error_class
            return
    raise AssertionError(f"{command} {arguments} was not refused")


def test_device_add():
    with machine_with_dimm() as machine:
        def dimm(*words, error_class="GenericError", **properties):
            rejects(machine, "device_add", {"driver": "pc-dimm", **properties},
                    *words, error_class=error_class)

        dimm("memdev", id="x")
        dimm("none", id="x", memdev="none", error_class="DeviceNotFound")
        dimm("d0-mem", "'d0'", id="x", memdev="d0-mem")
        dimm("'d0'", "slot 1", id="d0", memdev="free")
        for bad in ("1x", "", "a b", "a,b", "ä", "-a", "/x"):
            dimm("identifier", id=bad, memdev="free")
        dimm("3", "[0-2]", id="x", memdev="free", slot=3)
        dimm("-2", "[0-2]", id="x", memdev="free", slot=-2)
        dimm("slot 1 is busy", "'d0'", id="x", memdev="free", slot=1)
        dimm("slot", id="x", memdev="free", slot="many")
        dimm("slot", id="x", memdev="free", slot=1 << 40)
        dimm("0x200000", hex(5 * GIB + MIB), id="x", memdev="free", addr=5 * GIB + MIB)
        dimm("usable range", "0x100000000", id="x", memdev="free", addr=GIB)
        dimm("usable range", id="x", memdev="free", addr=1 << 40)
        dimm("usable range", id="x", memdev="free", addr=(1 << 64) - 2 * MIB)
        dimm("'d0'", "0x140000000", "0x14fffffff", id="x", memdev="free",
             addr=5 * GIB)
        dimm("'d0'", id="x", memdev="free", addr=5 * GIB - 128 * MIB)
        dimm("'d0'", id="x", memdev="free", addr=5 * GIB + 128 * MIB)
        dimm("node", "7", "1", id="x", memdev="free", node=7)
        dimm("frob", id="x", memdev="free", frob=1)
        rejects(machine, "device_add", {"driver": "e1000", "id": "x"}, "e1000")
        rejects(machine, "device_add", {"id": "x"}, "driver")
        rejects(machine, "device_add", {"driver": "isa-serial", "id": "x"},
                "isa-serial", "hotplug")
        rejects(machine, "device_add", {"driver": "acpi-ged", "id": "x"},
                "acpi-ged", "part of the machine")
        rejects(machine, "device_del", {"id": "none"}, "none",
                error_class="DeviceNotFound")
        rejects(machine, "device_del", {}, "id")


def test_sizes_against_machine():
    with machine_with_dimm() as machine:
        ask = machine.qmp.execute
        for name, size in (("odd", 129 * MIB), ("big", 2 * GIB)):
            ask("object-add", {"qom-type": "memory-backend-ram", "id": name,
                               "size": size})
        rejects(machine, "device_add", {"driver": "pc-dimm", "id": "x",
                                        "memdev": "odd"}, "0x200000", "129 MiB")
        rejects(machine, "device_add", {"driver": "pc-dimm", "id": "x",
                                        "memdev": "big"}, "704 MiB", "2 GiB", "maxmem")
        for name in ("a", "b"):
            machine.plug(name, "2M")
        rejects(machine, "device_add", {"driver": "pc-dimm", "id": "x",
                                        "memdev": "free"}, "no free slots", "3")


def test_object_add():
    with machine_with_dimm() as machine, tempfile.TemporaryDirectory() as folder:
        def add(*words, kind="memory-backend-ram", **properties):
            rejects(machine, "object-add", {"qom-type": kind, **properties}, *words)

        add("rng", kind="rng", id="x")
        add("size", id="x")
        add("size", "0", id="x", size=0)
        add("page size", id="x", size=4097)
        add("size", id="x", size="1G")           # QMP has numbers for sizes
        add("size", id="x", size=-1)
        add("share", id="x", size=MIB, share=1)
        add("frob", id="x", size=MIB, frob=1)
        add("identifier", id="9x", size=MIB)
        add("free", id="free", size=MIB)
        add("large", id="x", size=(1 << 64) - 4096)
        file = {"kind": "memory-backend-file", "id": "x", "size": 2 * MIB}
        add("mem-path", **file)
        add("/none/such", "No such file", **file, **{"mem-path": "/none/such/file"})
        small = file_with(folder, b"x", size=MIB)
        add("too small", "1 MiB", "2 MiB", str(small), **file,
            **{"mem-path": str(small)})
        add("regular", **file, **{"mem-path": "/dev/null"})
        assert small.stat().st_size == MIB
        rejects(machine, "object-del", {"id": "none"}, "none")
        rejects(machine, "object-del", {"id": "d0-mem"}, "in use", "d0")


def test_monitor_of_people():
    with machine_with_dimm() as machine:
        for line, *words in (
                ("frobnicate", "frobnicate"),
                ("info frobnicate", "frobnicate"),
                ("device_add", "device_add"),
                ("device_add pc-dimm,id=x,memdev=none", "none"),
                ("device_add pc-dimm,id=x,memdev=free,slot=9", "9", "[0-2]"),
                ("object_add memory-backend-ram,id=x,size=12Q", "12Q"),
                ("object_add memory-backend-ram,id=x", "size"),
                ("object_del none", "none"),
                ("device_del none", "none")):
            with Unchanged(machine):
                answer = machine.hmp(line)
            for word in words:
                assert word in answer, f"{line}: no '{word}' in: {answer}"


def test_ways_out_are_ways_out():
    """What an error offers as a command is one that works."""
    with machine_with_dimm() as machine:
        ask = machine.qmp.execute
        # The RAM's object and one in use cannot be removed, and are not said to be.
        for taken in ("hotram.ram", "d0-mem"):
            rejects(machine, "object-add", {"qom-type": "memory-backend-ram", "id": taken,
                                            "size": MIB}, "choose another id")
            said = machine.hmp(f"object_add memory-backend-ram,id={taken},size=1M")
            assert "object_del" not in said, said
        said = machine.hmp("object_add memory-backend-ram,id=free,size=1M")
        assert machine.hmp(said.strip().rsplit("remove it with ", 1)[1]) == "", said
        assert machine.hmp("object_add memory-backend-ram,id=free,size=1M") == ""
        # A way out of object_del is to ask for the DIMM back.
        said = machine.hmp("object_del d0-mem")
        assert machine.hmp(said.strip().rsplit("unplug that first: ", 1)[1]) == "", said
        assert ask("query-memory-operations"), said
        said = machine.hmp("memory plug 128M addr=0x140000000")
        assert "commas" in said, said


def test_commands_of_two_words_are_listed():
    with machine_with_dimm() as machine:
        for line in ("memory", "help memory", "memory frob"):
            said = machine.hmp(line)
            assert "unknown command" in said, said
            for name in ("plug", "unplug", "set", "cancel"):
                assert "frob" in line or f"memory {name}" in said, said


def test_qmp_text_that_is_not_valid():
    with machine_with_dimm() as machine:
        def answer(data):
            machine.qmp.send_raw(data)
            return machine.qmp.read_answer(time.monotonic() + 60)

        with Unchanged(machine):
            for data, error_class in (
                    (b'{"execute": }\r\n', "GenericError"),
                    (b'{"execute": "frob"}\r\n', "CommandNotFound"),
                    (b'{"execute": 5}\r\n', "GenericError"),
                    (b'[1, 2]\r\n', "GenericError"),
                    (b'{"execute": "stop", "arguments": 5}\r\n', "GenericError"),
                    (b'{"execute": "stop", "arguments": {"x": 1}}\r\n', "GenericError"),
                    (b'[' * 1025 + b'\r\n', "GenericError"),
                    (b'{"a":' * 1024 + b'{\r\n', "GenericError"),
                    (b'\xff\r\n', "GenericError")):
                reply = answer(data)
                assert reply["error"]["class"] == error_class, (data[:40], reply)
        with Unchanged(machine):
            before = machine.rss()
            line = b'{"execute": "' + b"x" * (1 << 20)
            machine.qmp.send_raw(line)
            for _ in range(99):
                machine.qmp.send_raw(b"x" * (1 << 20))
            reply = answer(b'"}\r\n')
            assert "error" in reply, reply
            assert machine.rss() < before + 64 * 1024
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
