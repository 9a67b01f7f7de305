#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: some
"""-restore: the machine's options come from the snapshot, the host's from the command line."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.ctl import CTL                                      # noqa: E402
from lib.machine import PROGRAM, Machine                     # noqa: E402
from lib.micro import MICRO, hear, tell                      # noqa: E402
from lib.saved import SECTION, Saved, finish, section        # noqa: E402

LIMIT = 60
MIB = 1 << 20
BASE = ["-m", "64M,slots=4,maxmem=2G", "-smp", "2,sockets=2", "-kernel", MICRO]


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        yield pathlib.Path(folder) / "guest.snapshot"


@contextlib.contextmanager
def started(*options, **more):
    with Machine(options, kernel=None, reboot=True, **more) as machine:
        yield machine
        assert machine.quit() == 0


def save(machine, file):
    machine.qmp.execute("machine-snapshot", {"file": str(file)})


def saved(file, *options):
    """A snapshot of the micro-guest, which has two DIMMs that were plugged."""
    with started(*BASE, *options) as machine:
        hear(machine, "micro")
        machine.qmp.execute("object-add", {"qom-type": "memory-backend-memfd", "id": "m0", "size": 128 * MIB})
        machine.qmp.execute("device_add", {"driver": "pc-dimm", "memdev": "m0", "id": "d0", "slot": 2,
                                           "addr": 0x110000000})
        machine.qmp.execute("memory-plug", {"size": 256 * MIB})
        tell(machine, "h", "")
        save(machine, file)
        return seen(machine)


def seen(machine):
    """What the guest has."""
    dimms = [dimm["data"] for dimm in machine.qmp.execute("query-memory-devices")]
    return ([(dimm["id"], dimm["slot"], dimm["addr"], dimm["size"], dimm["node"], dimm["memdev"]) for dimm in dimms],
            [cpu["props"] for cpu in machine.qmp.execute("query-cpus-fast")])


def refused(*options):
    result = subprocess.run([PROGRAM, "-nodefaults", "-display", "none", *map(str, options)], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=LIMIT)
    assert result.returncode == 1, (result.returncode, result.stdout, result.stderr)
    return result.stderr


# ---- one step ----

@tap.kvm
def test_cpus_that_were_plugged_are_in_the_file():
    with place() as file:
        with started("-m", "64M", "-smp", "2,maxcpus=4", "-kernel", MICRO) as machine:
            hear(machine, "micro")
            machine.qmp.execute("cpus-set", {"cpus": 4})
            tell(machine, "p", "")
            machine.qmp.execute("device_del", {"id": "vcpu2"})
            tell(machine, "p", "")
            tell(machine, "a", "")
            save(machine, file)
            before = seen(machine)
        with started("-restore", file) as machine:
            assert seen(machine) == before, (seen(machine), before)
            assert [cpu["qom-path"] for cpu in machine.qmp.execute("query-cpus-fast")][-1] == "/machine/peripheral/vcpu3"
            tell(machine, "k", "2")


@tap.kvm
def test_the_machine_is_in_the_file():
    with place() as file:
        before = saved(file, "-numa", "node,cpus=0,mem=32M", "-numa", "node,cpus=1,mem=32M", "-numa",
                       "dist,src=0,dst=1,val=30")
        assert len(before[0]) == 2
        with started("-restore", file) as machine:
            assert seen(machine) == before
            tell(machine, "e", "e")
            save(machine, f"{file}.2")
        with started("-restore", f"{file}.2", "-name", "other") as machine:     # so it is in that one
            assert seen(machine) == before
            assert machine.qmp.execute("query-name") == {"name": "other"}
            machine.qmp.execute("device_del", {"id": "d0"})
            tell(machine, "h")
            assert machine.qmp.wait_event("DEVICE_DELETED", timeout=LIMIT)["data"]["device"] == "d0"
            machine.qmp.execute("object-del", {"id": "m0"})
            machine.qmp.execute("system_reset")
            hear(machine, "micro")
            tell(machine, "e", "e")
            save(machine, f"{file}.3")
        with started("-restore", f"{file}.3") as machine:
            assert [dimm[0] for dimm in seen(machine)[0]] == ["dimm0"]
            tell(machine, "e", "e")


@tap.kvm
def test_what_is_stored():
    """Each option as it was given; objects and devices as they are; files by absolute names."""
    with place() as file:
        saved(file, "-uuid", "8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80", "-append", "a\tb", "-name", "n", "-device",
              "pvpanic,id=p", "-overcommit", "mem-lock=off")
        options = [(name.split(" ", 1)[1], value) for name, value in Saved(file)["options"].items()]
        assert options == [
            ("m", BASE[1]), ("smp", BASE[3]), ("kernel", str(pathlib.Path(MICRO).resolve())),
            ("uuid", "8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80"), ("append", b"a\tb"),
            ("object", "memory-backend-ram,id=m0,size=134217728"),
            ("object", "memory-backend-ram,id=memory.dimm0,size=268435456"),
            ("device", "pvpanic,id=p,ioport=1285,events=3"),
            ("device", "pc-dimm,id=d0,memdev=/objects/m0,slot=2,addr=4563402752,node=0"),
            ("device", "pc-dimm,id=dimm0,memdev=/objects/memory.dimm0,slot=0,addr=4294967296,node=0")], options
        with started("-restore", file) as machine:
            assert machine.qmp.execute("query-uuid") == {"UUID": "8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80"}
            tell(machine, "e", "e")
        shown = subprocess.run([CTL, "inspect", str(file)], capture_output=True, text=True, timeout=LIMIT).stdout
        assert "section options, version 1" in shown and f"2 smp                    {BASE[3]}\n" in shown, shown


@tap.kvm
def test_files_of_fw_cfg_are_found_from_any_folder():
    with place() as file:
        folder = file.parent / "a,b"
        folder.mkdir()
        (folder / "data").write_text("contents")
        before = os.getcwd()
        try:
            os.chdir(folder)
            with started(*BASE, "-fw_cfg", "opt/x,file=data", "-fw_cfg", "name=opt/y,string=z") as machine:
                hear(machine, "micro")
                save(machine, file)
        finally:
            os.chdir(before)
        options = next(state[2] for state in Saved(file).states if state[0] == SECTION and state[1] == "options")
        assert options["4 fw_cfg"] == f"name=opt/x,file={str(folder).replace(',', ',,')}/data", options
        assert options["5 fw_cfg"] == "name=opt/y,string=z", options
        with started("-restore", file) as machine:
            tell(machine, "e", "e")


@tap.kvm
def test_sections_of_a_configuration_file_are_stored():
    with place() as file:
        config = file.parent / "config"
        config.write_text('[memory]\nsize = "64M"\nslots = "4"\nmaxmem = "2G"\n[smp-opts]\ncpus = "2"\n[name]\nguest = "n"\n')
        with started("-readconfig", config, "-kernel", MICRO) as machine:
            hear(machine, "micro")
            save(machine, file)
        config.unlink()
        with started("-restore", file) as machine:
            assert machine.qmp.execute("query-name") == {}
            assert len(machine.qmp.execute("query-cpus-fast")) == 2
            tell(machine, "e", "e")


@tap.kvm
def test_many_from_one_file():
    with place() as file:
        before = saved(file)
        with started("-restore", file) as one, started("-restore", file) as other:
            assert seen(one) == seen(other) == before
            for machine in (one, other, one):
                tell(machine, "e", "e")


# ---- the host's part ----

@tap.kvm
def test_devices_with_back_ends():
    """The devices are stored, one that was plugged among them; what is behind them is given."""
    with place() as file:
        disk = file.parent / "disk"
        disk.write_bytes(bytes(8 * MIB))
        with started("-m", "64M", "-kernel", MICRO, "-drive", f"file={disk},format=raw", "-object", "rng-builtin,id=r",
                     "-device", "pcie-root-port,id=rp", "-device", "pcie-root-port,id=empty,chassis=1", "-device",
                     "virtio-balloon-pci,id=b") as machine:
            hear(machine, "micro")
            machine.qmp.execute("device_add", {"driver": "virtio-rng-pci", "rng": "r", "bus": "rp", "id": "hot"})
            save(machine, file)
        back = ["-blockdev", f"raw,node-name=virtio0,file.driver=file,file.filename={disk}", "-object", "rng-builtin,id=r"]
        with started("-restore", file, *back) as machine:
            tell(machine, "e", "e")
            assert [one["inserted"]["node-name"] for one in machine.qmp.execute("query-block")] == ["virtio0"]
            assert machine.qmp.execute("qom-get", {"path": "/machine/peripheral/hot", "property": "type"}) == "virtio-rng-pci"
            save(machine, file)
        with started("-restore", file, *back) as machine:
            tell(machine, "e", "e")
        assert "virtio0" in refused("-restore", file, *back[2:]) and "'r'" in refused("-restore", file, *back[:2])


@tap.kvm
def test_memory_of_another_kind():
    with place() as file:
        saved(file)
        with started("-object", "memory-backend-memfd,id=m0,size=128M,share=on", "-restore", file) as machine:
            assert {one["id"]: one["share"] for one in machine.qmp.execute("query-memdev")} == {
                "hotram.ram": False, "m0": True, "memory.dimm0": False}
            tell(machine, "e", "e")
        error = refused("-restore", file, "-object", "memory-backend-ram,id=m0,size=256M")
        assert "DIMMs: 'slot 2 size' is 134217728 (0x8000000) in the saved state, and 268435456" in error, error


@tap.kvm
def test_a_kernel_that_has_moved():
    with place() as file:
        first, second = file.parent / "first", file.parent / "second"
        shutil.copy(MICRO, first)
        with started(*BASE[:-1], first) as machine:
            hear(machine, "micro")
            save(machine, file)
        first.rename(second)
        assert f"'{first}': No such file" in refused("-restore", file)
        with started("-restore", file, "-kernel", second) as machine:
            machine.qmp.execute("system_reset")
            hear(machine, "micro")
            save(machine, file)
        assert (str(second) in Saved(file)["options"].values()) and str(first) not in Saved(file)["options"].values()


@tap.kvm
def test_flash():
    """Its image is the host's, and given anew."""
    with place() as file:
        image, other = file.parent / "flash", file.parent / "other"
        image.write_bytes(bytes((1 << 20) - 16) + b"\xf4\xeb\xfd" + bytes(13))     # it halts at the reset vector
        shutil.copy(image, other)
        with started("-m", "64M", "-pflash", image) as machine:
            save(machine, file)
        with started("-restore", file, "-pflash", other) as machine:
            assert machine.qmp.execute("query-status")["status"] == "running"
        assert "machine: 'firmware' is 'flash' in the saved state, and 'image' in this machine" in refused("-restore", file)


# ---- what is refused ----

def test_options_of_the_machine_are_refused_by_name():
    with place() as file:
        for options, name in ((["-m", "64M"], "m"), (["-smp", "1"], "smp"), (["-device", "virtio-rng-pci"], "device"),
                              (["-append", "x"], "append"), (["-drive", "file=/dev/null,format=raw"], "drive"),
                              (["-memslot", "id=a,size=128M"], "memslot"), (["-machine", "q35"], "machine")):
            for words in ([*options, "-restore", file], ["-restore", file, *options]):
                error = refused(*words)
                assert f"-{name}: with -restore, the machine's options come from the snapshot; leave it out, or give all " \
                       f"of them, and -incoming 'file:{file}'" in error, error
        assert "-restore and -incoming exclude each other" in refused("-restore", file, "-incoming", f"file:{file}")


def test_files_that_are_none():
    with place() as file:
        assert f"-restore '{file}': No such file" in refused("-restore", file)
        file.mkdir()
        assert "it is a directory" in refused("-restore", file).lower() or "not a regular file" in refused("-restore", file)
        file.rmdir()
        file.write_bytes(b"x" * 100)
        assert f"-restore '{file}': saved state, at byte 0: " in refused("-restore", file)
        assert "expects the file of a snapshot" in refused("-restore", "")


def stream(**options):
    """A saved state with nothing but these options."""
    return finish([section("stream", version=1, program="test"),
                   section("options", **{name.replace("_", " "): value for name, value in options.items()})])


def test_forged_options():
    """A file says what the machine is, and nothing of the host."""
    with place() as file:
        victim = file.parent / "victim"
        for options, words in (
                ({"1_chardev": f"file,id=a,path={victim}"}, "'1 chardev' is not an option of a machine"),
                ({"1_qmp": "stdio"}, "'1 qmp' is not an option of a machine"),
                ({"1_pidfile": str(victim)}, "'1 pidfile' is not an option of a machine"),
                ({"1_drive": f"file={victim}"}, "'1 drive' is not an option of a machine"),
                ({"1_incoming": f"file:{victim}"}, "'1 incoming' is not an option of a machine"),
                ({"1_restore": str(file)}, "'1 restore' is not an option of a machine"),
                ({"1_readconfig": str(victim)}, "'1 readconfig' is not an option of a machine"),
                ({"1_xyz": ""}, "'1 xyz' is not an option of a machine"),
                ({"m": "64M"}, "'m' is not an option of a machine"),
                ({"1_m": 64}, "'1 m' is not an option of a machine"),
                ({"1_m": "64X"}, "m 64X: "),
                ({"1_smp": "0,cpus=help,x"}, "smp "),
                ({"1_machine": "help"}, "'1 machine' asks for help"),
                ({"1_object": f"memory-backend-file,id=m,size=64M,share=on,mem-path={victim}"},
                 "'1 object' is not the memory of a machine"),
                ({"1_object": "{"}, "object {: ")):
            file.write_bytes(stream(**options))
            error = refused("-restore", file)
            assert f"-restore '{file}': " in error and words in error, (words, error)
            assert not victim.exists()
        file.write_bytes(finish([section("stream", version=1, program="test")]))
        assert "options" in refused("-restore", file)


@tap.kvm
def test_a_template_that_names_files():
    """Memory that is plugged later does not go where a file says that somebody else may have written."""
    with place() as file:
        folder = file.parent / "victim"
        folder.mkdir()
        for template, plain in ((f"memory-backend-file,,share=on,,mem-path={folder}", False),
                                (f"memory-backend-memfd,,qom-type=memory-backend-file,,mem-path={folder}", False),
                                ("memory-backend-memfd,,prealloc=on", True)):
            saved(file)
            whole = Saved(file)
            options = next(state[2] for state in whole.states if state[0] == SECTION and state[1] == "options")
            options["99 machine"] = f"dimm-template={template}"
            whole.write(file)
            with started("-restore", file) as machine:
                machine.qmp.execute("memory-plug", {"size": 128 * MIB})
                said = machine.errors.read_text()
                assert ("dimm-template is left out" in said) != plain, (template, said)
                kinds = [one["type"] for one in machine.qmp.execute("qom-list", {"path": "/objects"})]
                assert ("child<memory-backend-memfd>" in kinds) == plain, kinds
            assert not list(folder.iterdir())


@tap.kvm
def test_options_that_do_not_fit_the_state():
    with place() as file:
        saved(file)
        whole = Saved(file)
        options = next(state[2] for state in whole.states if state[0] == SECTION and state[1] == "options")
        options["1 m"] = "64M,slots=5,maxmem=2G"
        whole.write(file)
        error = refused("-restore", file)
        assert f"-restore '{file}': " in error and "'slots' is 4 (0x4) in the saved state, and 5 (0x5)" in error, error


if __name__ == "__main__":
    tap.main()
