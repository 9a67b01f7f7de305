# SPDX-License-Identifier: BSD-2-Clause
"""Saved states, read and written by docs/state.md: what a snapshot says, and forged ones."""

import struct
import zlib

BANK, DEVICE, SECTION = 1, 0x8001, 0x8002
NUMBER, TEXT, BYTES = 1, 2, 3


def frame(kind, contents, version=1):
    front = b"HRST" + struct.pack("<HHI", kind, version, 16 + len(contents)) + contents
    return front + struct.pack("<I", zlib.crc32(front))


def item(name, value):
    kind = {int: NUMBER, str: TEXT, bytes: BYTES}[type(value)]
    value = struct.pack("<Q", value) if kind == NUMBER else value.encode() if kind == TEXT else value
    return struct.pack("<BBI", kind, len(name), len(value)) + name.encode() + value


def section(name, /, **items):
    return frame(SECTION, pack_section(name, items))


def pack_section(name, items):
    return bytes([len(name)]) + name.encode() + b"".join(item(*one) for one in items.items())


def finish(states):
    """The stream of these states, with its end."""
    whole = b"".join(states)
    return whole + section("end", states=len(states), length=len(whole))


def _items(contents):
    items, at = {}, 0
    while at < len(contents):
        kind, name_length, length = struct.unpack_from("<BBI", contents, at)
        at += 6
        name = contents[at:at + name_length].decode()
        value = contents[at + name_length:at + name_length + length]
        items[name] = {NUMBER: lambda value: struct.unpack("<Q", value)[0], TEXT: bytes.decode,
                       BYTES: bytes}[kind](value)
        at += name_length + length
    return items


class Saved:
    """The states of a stream: a list of [kind, version, contents]; of a section, [SECTION, name, items]."""

    def __init__(self, path):
        self.states = []
        with open(path, "rb") as file:
            while True:
                front = file.read(12)
                kind, version, length = struct.unpack("<4xHHI", front)
                rest = file.read(length - 12)
                assert zlib.crc32(front + rest[:-4]) == struct.unpack("<I", rest[-4:])[0]
                contents = rest[:-4]
                if kind == SECTION:
                    name = contents[1:1 + contents[0]].decode()
                    self.states.append([SECTION, name, _items(contents[1 + contents[0]:])])
                    if name == "end":
                        break
                else:
                    self.states.append([kind, version, contents])
        self.states.pop()

    def __getitem__(self, name):
        return next(items for kind, own, items in self.states if kind == SECTION and own == name)

    def names(self):
        return [name for kind, name, _ in self.states if kind == SECTION]

    def write(self, path):
        """Over the stream at the beginning of a file."""
        stream = finish([section(name, **what) if kind == SECTION else frame(kind, what, name)
                         for kind, name, what in self.states])
        with open(path, "r+b") as file:
            file.write(stream)
