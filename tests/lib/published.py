# SPDX-License-Identifier: BSD-2-Clause
"""A command line that people use, as somebody published it in 2020, for QEMU. Only the places of files are the test's;
what hotram lacks of it is in ABSENT, as hotram's messages begin."""

import shlex

LINE = r"""
/usr/bin/qemu-system-aarch64 \
    -M virt,usb=off,accel=kvm,gic-version=3 \
    -cpu host \
    -smp sockets=1,cores=4 \
    -m size=8G,slots=128,maxmem=512G \
    -numa node,nodeid=0,cpus=0-1,mem=4G \
    -numa node,nodeid=1,cpus=2-3,mem=4G \
    -chardev socket,id=qmp,path=/var/run/qemu-qmp.qmp,server,nowait \
    -mon chardev=qmp,mode=control \
    -nodefaults \
    -drive file=/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw,if=pflash,format=raw,unit=0,readonly=on \
    -drive file=/var/lib/libvirt/qemu/nvram/fangying_openeuler_VARS.fd,if=pflash,format=raw,unit=1 \
    -device pcie-root-port,port=0x8,chassis=1,id=pci.1,bus=pcie.0,multifunction=on,addr=0x1 \
    -device pcie-root-port,port=0x9,chassis=2,id=pci.2,bus=pcie.0,addr=0x1.0x1 \
    -device pcie-pci-bridge,id=pci.3,bus=pci.1,addr=0x0 \
    -device pcie-root-port,port=0xa,chassis=4,id=pci.4,bus=pcie.0,addr=0x1.0x2 \
    -device pcie-root-port,port=0xb,chassis=5,id=pci.5,bus=pcie.0,addr=0x1.0x3 \
    -device pcie-root-port,port=0xc,chassis=6,id=pci.6,bus=pcie.0,addr=0x1.0x4 \
    -device pcie-root-port,port=0xd,chassis=7,id=pci.7,bus=pcie.0,addr=0x1.0x5 \
    -device pcie-root-port,port=0xe,chassis=8,id=pci.8,bus=pcie.0,addr=0x1.0x6 \
    -device pcie-root-port,port=0xf,chassis=9,id=pci.9,bus=pcie.0,addr=0x1.0x7 \
    -device virtio-blk-pci,drive=drive-virtio0,id=virtio0,bus=pci.4,addr=0x0 \
    -drive file=./openeuler-lts.qcow2,if=none,id=drive-virtio0,cache=none,aio=native \
    -device usb-ehci,id=usb,bus=pci.3,addr=0x1 \
    -device usb-tablet,id=input0,bus=usb.0,port=1 \
    -device usb-kbd,id=input1,bus=usb.0,port=2 \
    -device virtio-gpu-pci,id=video0,bus=pci.3,addr=0x4 \
    -device virtio-balloon-pci,id=balloon0,bus=pci.3,addr=0x3 \
    -vnc :99 \
    -monitor stdio
"""
QMP = "/var/run/qemu-qmp.qmp"
CODE = "/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw"
VARIABLES = "/var/lib/libvirt/qemu/nvram/fangying_openeuler_VARS.fd"
DISK = "./openeuler-lts.qcow2"
IGNORE = ["-machine", "ignore-absent=on"]
ABSENT = ("-device pcie-pci-bridge,id=pci.3: hotram has no conventional PCI bus",
          "-device usb-ehci,id=usb: hotram has no USB", "-device usb-tablet,id=input0: hotram has no USB",
          "-device usb-kbd,id=input1: hotram has no USB", "-device virtio-gpu-pci,id=video0: hotram has no video card",
          "-vnc: QEMU option not supported by hotram (no display)")


def options(**places):
    """The words after the program, with QMP=, CODE=, VARIABLES= and DISK= in place of the published files; MACHINE= in
    place of the machine."""
    line = LINE
    for name, place in places.items():
        published = {"MACHINE": "virt,usb=off,accel=kvm,gic-version=3"}.get(name) or globals()[name]
        assert published in line, published
        line = line.replace(published, shlex.quote(str(place)))
    return shlex.split(line.replace("\\\n", ""))[1:]
