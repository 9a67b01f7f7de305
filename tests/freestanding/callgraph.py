# SPDX-License-Identifier: BSD-2-Clause
"""The library's calls and stack frames, as gcc -fcallgraph-info=su writes them:
cycles, calls through pointers, and the deepest stack."""

import re

from objects import FOUR

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \(([^)"]*)\)')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"'
                  r'(?: label: "([^"]+):(\d+):(\d+)")?')
INDIRECT = "__indirect_call"
FIXED = ("static", "dynamic,bounded")   # "bounded": the number is the most

# The three callbacks of a bank (hotram/dimm.h, hotram/cpu.h), the two of its restore (hotram/state.h) and the
# terms of the DSDT (hotram/acpi_set.h) are all that is called by pointer.
CALLBACK = re.compile(r"((bank|cpus)->)?ops->(raise|ost|eject)\(|how->(attach|detach)\(|(record_status\(writer, )?writer->set->dsdt\(")


class CallGraph:
    def __init__(self, paths):
        self.frames = {}            # function: bytes of stack
        self.unbounded = []         # functions whose frame has no fixed size
        self.calls = {}             # function: those that it calls
        self.indirect = []          # the source text of each call by pointer
        for path in paths:
            for line in path.read_text().splitlines():
                self.read(line)

    def read(self, line):
        if match := NODE.match(line):
            self.frames[match[1]] = int(match[2])
            if match[3] not in FIXED:
                self.unbounded.append(match[1])
        elif match := EDGE.match(line):
            self.calls.setdefault(match[1], set()).add(callee(match[2]))
            if match[2] == INDIRECT:
                self.indirect.append(source_text(*match.groups()[2:]))

    def foreign_pointers(self):
        return [text for text in self.indirect if not CALLBACK.match(text)]

    def unknown(self):
        """Functions that are called and neither ours nor expected."""
        called = set().union(*self.calls.values())
        return sorted(called - self.frames.keys() - FOUR - {INDIRECT})

    def deepest(self, function, above=()):
        """Returns bytes and the chain of functions; raises Recursion. What is
        not ours (the four functions, the callbacks) counts as nothing."""
        if function in above:
            raise Recursion(" -> ".join([*above, function]))
        below = [self.deepest(called, (*above, function))
                 for called in sorted(self.calls.get(function, ()))
                 if called in self.frames]
        size, chain = max(below, default=(0, []))
        return size + self.frames[function], [function, *chain]

    def deepest_of_all(self):
        return max(self.deepest(function) for function in self.frames)


class Recursion(Exception):
    """A function calls itself, by the chain that the text shows."""


def callee(name):
    """gcc calls a global function that calls itself "FILE:NAME.localalias"."""
    if name.endswith(".localalias"):
        return name.removesuffix(".localalias").rpartition(":")[2]
    return name


def source_text(path, line, column):
    with open(path, encoding="utf-8") as source:
        return source.read().splitlines()[int(line) - 1][int(column) - 1:]
