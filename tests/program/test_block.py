#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
"""Block nodes from the command line and by QMP: what is made, shown, refused, and left as it was."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import Host                                    # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402

MIB = 1 << 20


def names(host):
    return [node["node-name"] for node in host.qmp.execute("query-named-block-nodes")]


def refused(*options):
    """What a start says that fails."""
    run = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", *options],
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 1, run
    return run.stderr


def test_libvirt_s_disk():
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder) / "disk.img"
        image.write_bytes(bytes(MIB))
        storage = {"driver": "file", "filename": str(image), "node-name": "libvirt-1-storage",
                   "auto-read-only": True, "discard": "unmap", "cache": {"direct": False, "no-flush": False}}
        layer = {"node-name": "libvirt-1-format", "read-only": False, "discard": "unmap", "driver": "raw",
                 "file": "libvirt-1-storage", "cache": {"direct": False, "no-flush": False}}
        with Host(["-blockdev", json.dumps(storage), "-blockdev", json.dumps(layer)]) as host:
            assert names(host) == ["libvirt-1-storage", "libvirt-1-format"]
            node = host.qmp.execute("query-named-block-nodes")[1]
            assert node["image"]["virtual-size"] == MIB and node["file"] == str(image), node
            assert (node["drv"], node["ro"]) == ("raw", False), node
            assert host.qmp.execute("query-block") == host.qmp.execute("query-blockstats") == []
            host.qmp.execute("block_resize", {"node-name": "libvirt-1-format", "size": 2 * MIB})
            assert image.stat().st_size == 2 * MIB
            # The way in which libvirt takes a disk away.
            host.refuses(["is busy", "blockdev-del that first"], "blockdev-del",
                         {"node-name": "libvirt-1-storage"})
            host.qmp.execute("blockdev-del", {"node-name": "libvirt-1-format"})
            host.qmp.execute("blockdev-del", {"node-name": "libvirt-1-storage"})
            assert names(host) == []
            host.qmp.execute("blockdev-add", storage)
            host.qmp.execute("blockdev-add", layer)
            assert names(host) == ["libvirt-1-storage", "libvirt-1-format"]


def test_what_a_failure_leaves():
    """Neither nodes nor, as refuses() looks, descriptors of an image that could be opened."""
    with tempfile.TemporaryDirectory() as folder, Host(["-blockdev", "null-co,node-name=n"]) as host:
        image = pathlib.Path(folder) / "disk.img"
        image.write_bytes(bytes(MIB + 1))
        for words, arguments in (
                (["is not a multiple of 512", "truncate -s 1049088"],
                 {"driver": "file", "node-name": "a", "filename": str(image)}),
                (["file: ", "is not a multiple of 512"],
                 {"driver": "raw", "node-name": "a", "file": {"driver": "file", "filename": str(image)}}),
                (["Duplicate nodes"], {"driver": "null-co", "node-name": "n"}),
                (["Duplicate nodes"],
                 {"driver": "raw", "node-name": "n", "file": {"driver": "null-co"}}),
                (["driver 'qcow2': hotram starts qemu-storage-daemon", "device_add vhost-user-blk-pci,chardev=disk"],
                 {"driver": "qcow2", "node-name": "a", "file": "n"}),
                (["no property 'x'"], {"driver": "raw", "node-name": "a", "file": {"driver": "null-co", "x": 1}}),
                (["No such file"], {"driver": "file", "node-name": "a", "filename": f"{folder}/none"}),
                (["regular file"], {"driver": "file", "node-name": "a", "filename": folder})):
            host.refuses(words, "blockdev-add", arguments)
            assert names(host) == ["n"], arguments
        host.refuses(["multiple of 512"], "block_resize", {"node-name": "n", "size": 1000})
        host.refuses(["a >0 size"], "block_resize", {"node-name": "n", "size": -512})
        host.refuses(["node-name='m'", "available: n"], "block_resize", {"node-name": "m", "size": 512})
        host.refuses(["Failed to find node with node-name='m'"], "blockdev-del", {"node-name": "m"})


def test_a_fifo_is_not_waited_for():
    with tempfile.TemporaryDirectory() as folder:
        os.mkfifo(f"{folder}/fifo")
        said = refused("-blockdev", f"file,node-name=a,filename={folder}/fifo")
        assert "requires" in said and "regular file" in said, said


def test_options_that_are_wrong():
    for option, words in (("null-co,node-name=a,size=1000", "multiple of 512"),
                          ("raw,node-name=a,file=none", "node-name='none'"),
                          ("null-co", "'node-name' must be specified"),
                          ('{"driver":"null-co","node-name":"a","cache":{"direct":true},"cache.direct":false}',
                           "'cache.direct' is given twice"),
                          ('{"driver":"raw","node-name":"a","file.size":512,"file":{"driver":"null-co","size":1024}}',
                           "'file.size' is given twice"),
                          ("null-co,node-name=a,detect-zeroes=on", "detect-zeroes=on: hotram does not look for zeroes"),
                          ("null-co,node-name=a,detect-zeroes=yes", "expects one of 'off', 'on', 'unmap'; got 'yes'"),
                          ("{\"driver\":\"null-co\",\"node-name\":\"a\",\"size\":\"1G\"}", "expected: integer")):
        said = refused("-blockdev", option)
        assert words in said and "-blockdev" in said, said
    said = refused("-blockdev", "qcow3,node-name=a")
    assert "did you mean 'qcow2'? Available: file, host_device, null-co, raw, qcow2, " in said, said
    said = refused("-blockdev", "null-co,node-name=a", "-blockdev", "null-co,node-name=a")
    assert "Duplicate nodes with node-name='a'; choose another name" in said, said


def test_drives():
    """QEMU's short form is a node and, but for if=none, a device."""
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder) / "a,b.img"
        image.write_bytes(bytes(MIB))
        second = pathlib.Path(folder) / "second.img"
        second.write_bytes(bytes(MIB))
        doubled = str(image).replace(",", ",,")
        with Host(["-drive", f"file={doubled},format=raw,if=virtio,cache=writethrough,discard=unmap,aio=threads",
                   "-drive", f"file={second},format=raw,if=none,id=d,readonly=on,cache=unsafe",
                   "-device", "virtio-blk-pci,drive=d,id=disk"]) as host:
            nodes = {node["node-name"]: node for node in host.qmp.execute("query-named-block-nodes")}
            assert set(nodes) == {"#block0", "virtio0", "#block1", "d"}, nodes
            assert nodes["virtio0"]["file"] == str(image) and not nodes["virtio0"]["ro"], nodes
            assert nodes["d"]["ro"] and nodes["d"]["cache"]["no-flush"], nodes
            block = {user["inserted"]["node-name"]: user["qdev"] for user in host.qmp.execute("query-block")}
            assert block == {"virtio0": "/machine/peripheral-anon/device[0]/virtio-backend",
                             "d": "/machine/peripheral/disk/virtio-backend"}, block
            assert host.qmp.execute("qom-get", {"path": "/machine/peripheral-anon/device[0]",
                                                "property": "write-cache"}) == "off"
        for words, option in (("qemu-img convert", f"file={second},format=luks"),
                              ("unsupported bus type 'ide'", f"file={second},format=raw,if=ide"),
                              ("Parameter 'file' is missing", "format=raw"),
                              ("Parameter 'id' is missing", f"file={second},format=raw,if=none"),
                              ("write-cache=off", f"file={second},format=raw,if=none,id=d,cache=directsync"),
                              ("invalid cache option", f"file={second},format=raw,cache=some"),
                              ("media=cdrom is not available", f"file={second},format=raw,media=cdrom"),
                              ("Invalid node-name", f"file={second},format=raw,id=1"),
                              ("'werror' expects one of", f"file={second},format=raw,werror=no"),
                              ("'file' is missing", "file=file:,format=raw"),
                              ("no property 'bus'", f"file={second},format=raw,bus=0")):
            said = refused("-drive", option)
            assert words in said and "-drive" in said, said


def test_protocols_are_named_with_the_way_out():
    for options, words in (
            (["-drive", "file=nbd://localhost/x"], ["protocol 'nbd'", "--blockdev nbd,server.type=inet", "writable=on",
                                                    "a file of this name is ./nbd://localhost/x"]),
            (["-drive", "file=nbd+unix:///x?socket=y,format=qcow2"], ["protocol 'nbd'"]),
            (["-drive", "file=rbd:pool/image,if=none,id=d"], ["protocol 'rbd'", "--blockdev rbd,pool=POOL"]),
            (["-drive", "file=fat:rw:/tmp,format=raw"], ["--blockdev vvfat,dir=FOLDER,read-only=on", "writable=off"]),
            (["-drive", "file=json:{}"], ["-blockdev '{", "./json:{}"]),
            (["-hda", "http://x/y"], ["protocol 'http'"]), (["https://x/y"], ["protocol 'https'", "writable=off"]),
            (["-pflash", "ssh://x/y"], ["protocol 'ssh'"]),
            (["-blockdev", "nbd,node-name=d,export=x"], ["protocol 'nbd'", "vhost-user-blk-pci,chardev=disk"]),
            (["-blockdev", "raw,node-name=d,file.driver=https,file.url=x"], ["file: protocol 'https'"])):
        said = refused(*options)
        assert all(word in said for word in words) and "truncate" not in said, (words, said)
        assert ("a file of this name" in said) == (options[0] != "-blockdev"), said
    with tempfile.TemporaryDirectory() as folder:
        # Files: by a path, by a word that is no protocol's, and by QEMU's prefix, in which a protocol's name is a file's.
        for written, name in (("./nbd:x", "nbd:x"), ("other:y", "other:y"), ("file:nbd:x", "nbd:x"),
                              (f"file:{folder}/plain", "plain")):
            pathlib.Path(folder, name).write_bytes(bytes(MIB))
            run = subprocess.run([PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-monitor", "stdio", "-drive",
                                  f"format=raw,file={written}"], cwd=folder, input="info block\nquit\n",
                                 capture_output=True, text=True, timeout=60)
            assert run.returncode == 0 and f"{name} (raw)" in run.stdout, run


def test_the_shortest_forms():
    """-hda to -hdd are drives 0 to 3, and so is an image alone; none of them says a format."""
    with tempfile.TemporaryDirectory() as folder:
        images = [f"{folder}/{name}.img" for name in ("a,b", "c", "d", "e")]
        for image in images:
            pathlib.Path(image).write_bytes(bytes(MIB))
        with Host(["-hdc", images[1], images[0], "-drive", f"file={images[2]},format=raw", "-drive",
                   f"file={images[3]},format=raw,index=7"]) as host:
            files = {node["node-name"]: node["file"] for node in host.qmp.execute("query-named-block-nodes")
                     if node["drv"] == "raw"}
            assert files == {"virtio2": images[1], "virtio0": images[0], "virtio1": images[2],
                             "virtio7": images[3]}, files
            assert len(host.qmp.execute("query-block")) == 4
            said = host.errors.read_text()
        for option, image, way in (("hda", images[0], "index=N,format=raw in its place removes"),
                                   ("hdc", images[1], "index=N,format=raw in its place removes")):
            assert f"warning: -{option} {image}: the format of '{image}' was not specified" in said, said
            assert way in said, said
        assert said.count("was not specified") == 2, said
        # An io_uring lets go of an image, and of its lock, some time after its program has ended.
        pathlib.Path(f"{folder}/f.img").write_bytes(bytes(MIB))
        with Host(["-drive", f"file={folder}/f.img"]) as host:
            assert "to be raw; format=raw removes this warning" in host.errors.read_text(), host.errors.read_text()


def test_an_image_of_another_format_is_not_taken_to_be_raw():
    """Whichever option leaves the format out; one that says raw gets it, as in QEMU."""
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder) / "image"
        for name, offset, magic in (("qcow2", 0, b"QFI\xfb\0\0\0\3" + bytes(6) + b"\2"), ("vmdk", 0, b"KDMV"),
                                    ("vdi", 64, b"\x7f\x10\xda\xbe"), ("luks", 0, b"LUKS\xba\xbe")):
            image.write_bytes((bytes(offset) + magic).ljust(MIB, b"\0"))
            for options in (["-hda", str(image)], [str(image)], ["-drive", f"file={image}"],
                            ["-drive", f"file={image},cache=none"]):
                said = refused(*options)
                if "does not know O_DIRECT" in said:
                    continue
                assert f"'{image}' begins as a {name} image does" in said, said
                assert ("qemu-img convert -O raw" if name == "luks" else f"format={name} has qemu-storage-daemon serve it") in said, said
                assert "format=raw says so" in said and "warning" not in said, said
            with Host(["-drive", f"file={image},format=raw"]) as host:
                assert "format" not in host.errors.read_text(), host.errors.read_text()


def test_the_option_that_was_given_is_quoted():
    """What fails after all options have been read is told with the one that was given, not with those it is short for."""
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder) / "image"
        image.write_bytes(bytes(MIB))
        said = refused("-drive", f"file={folder}/none,format=raw")
        assert f"-drive file={folder}/none,format=raw: " in said and "No such file" in said, said
        with Host(["-drive", f"file={image},format=raw"]):
            said = refused("-drive", f"file={image},format=raw")
        assert f"-drive file={image},format=raw: " in said and "another program uses the image" in said, said
    said = refused("-nic", "stream,addr.type=unix,addr.path=/none/x", "-sandbox", "off")
    assert "-nic stream," in said and "No such file" in said, said
    said = refused("-nic", "none", "-blockdev", "null-co,node-name=a,size=1M,read-only=on",
                   "-device", "virtio-blk-pci,drive=a,bus=x")
    assert "-device virtio-blk-pci,drive=a,bus=x: " in said, said


def why_not(file, flags):
    """What the kernel of this host answers when a file is opened so; None: it opens it."""
    try:
        os.close(os.open(file, flags))
    except OSError as failure:
        return failure.strerror
    return None


def test_an_image_that_may_not_be_written():
    """The way out is offered where it is one. Whatever the user, the kernel lets nobody write the first, nor read the
    second; where /sys is mounted read-only, it says so before anything else."""
    for file, way in (("/sys/kernel/uevent_seqnum", True), ("/sys/bus/platform/drivers_probe", False)):
        assert (why_not(file, os.O_RDONLY) is None) == way, file
        said = refused("-blockdev", f"file,node-name=a,filename={file}")
        assert f"Could not open '{file}': {why_not(file, os.O_RDWR)}" in said, said
        assert ("read-only=on opens it for reading alone" in said) == way, said


def test_help():
    for argument, words in (("help", ["file", "host_device", "null-co", "raw", "qemu-storage-daemon", "qcow2", "vmdk"]),
                            ("file,help", ["filename=", "cache.direct=", "aio="]),
                            ("null-co,help", ["latency-ns="])):
        run = subprocess.run([PROGRAM, "-blockdev", argument], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0 and all(word in run.stdout for word in words), run


def test_nodes_by_people():
    with Host() as host:
        host.qmp.execute("blockdev-add", {"driver": "null-co", "node-name": "n", "size": MIB})
        said = host.qmp.execute("human-monitor-command", {"command-line": "info block"})
        assert "n: null-co:// (null-co)" in said and "1048576 (1 MiB)" in said, said
        said = host.qmp.execute("human-monitor-command", {"command-line": "block_resize n 3"})
        assert said == "", said
        assert host.qmp.execute("query-named-block-nodes")[0]["image"]["virtual-size"] == 3 * MIB
        nodes = host.qmp.execute("query-blockstats", {"query-nodes": True})
        assert [node["node-name"] for node in nodes] == ["n"], nodes


def test_the_image_of_a_program_that_was_killed_is_free_at_once():
    """Its rings of io_uring live longer than it does."""
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder, "disk")
        image.write_bytes(bytes(MIB))
        for _ in range(10):
            with Host(["-blockdev", f"file,node-name=n,filename={image}", "-device", "virtio-blk-pci,drive=n"]) as host:
                assert host.qmp.execute("query-named-block-nodes")      # and is killed


if __name__ == "__main__":
    tap.main()
