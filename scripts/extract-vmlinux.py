#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Take the uncompressed kernel (an ELF file) out of a bzImage.

usage: extract-vmlinux.py BZIMAGE VMLINUX

The boot header says where the compressed kernel lies, so nothing is guessed:
see Documentation/x86/boot.rst of Linux, fields setup_sects, payload_offset
and payload_length (boot protocol 2.08 and later).
"""

import lzma
import struct
import subprocess
import sys
import zlib

# What a payload starts with, and who unpacks it. Python knows some of the
# formats itself; for the others the usual program is run as a filter.
FORMATS = [
    ("gzip", b"\x1f\x8b", lambda data: zlib.decompress(data, 31)),
    ("xz", b"\xfd7zXZ\x00", lzma.decompress),
    ("lz4", b"\x02\x21\x4c\x18", lambda data: filtered(["lz4", "-dc"], data)),
    ("zstd", b"\x28\xb5\x2f\xfd", lambda data: filtered(["zstd", "-dc"], data)),
]


def filtered(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE,
                          check=True).stdout


def payload_of(image):
    if image[0x202:0x206] != b"HdrS":
        raise ValueError("no Linux boot header")
    version, = struct.unpack_from("<H", image, 0x206)
    if version < 0x208:
        raise ValueError(f"boot protocol {version:#x} names no payload")
    setup_sects = image[0x1f1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sects + 1) * 512 + offset
    payload = image[start:start + length]
    if len(payload) != length:
        raise ValueError("the file ends inside the payload")
    return payload


def unpack(payload):
    for name, magic, decompress in FORMATS:
        if payload.startswith(magic):
            # Linux appends the uncompressed size, except to gzip, whose own
            # last field is that size. The tools would take it for garbage.
            size, = struct.unpack("<I", payload[-4:])
            data = decompress(payload if name == "gzip" else payload[:-4])
            if len(data) != size:
                raise ValueError(f"{name}: {len(data)} bytes, expected {size}")
            return data
    raise ValueError(f"unknown compression, starts with {payload[:6].hex()}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        image = file.read()
    try:
        kernel = unpack(payload_of(image))
        if not kernel.startswith(b"\x7fELF"):
            raise ValueError("the payload is no ELF file")
    except ValueError as error:
        sys.exit(f"extract-vmlinux: {sys.argv[1]}: {error}")
    with open(sys.argv[2], "wb") as file:
        file.write(kernel)


main()
