#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What a test says of KVM is true of it, or a machine without /dev/kvm runs nothing of it, or cannot run it.

usage: kvm_marks.py SOURCE-FOLDER
"""

import pathlib
import re
import sys

import checks

SOURCE = pathlib.Path(sys.argv[1]).resolve()
TEXTS = {path.stem: path.read_text() for path in sorted((SOURCE / "tests/program").glob("test_*.py"))}


def counts(text):
    """How many tests a file has, and how many of them are marked."""
    marked = re.findall(r"^@tap\.kvm\n(?:@.*\n)*def (test_\w+)", text, re.MULTILINE)
    return len(re.findall(r"^def test_\w+", text, re.MULTILINE)), len(marked)


def says(text):
    match = re.search(r"^# kvm: (\w+)$", text, re.MULTILINE)
    return match.group(1) if match else "all"


def check_some():
    """Some of its tests need KVM, and some do not."""
    bad = [name for name, text in TEXTS.items() if says(text) == "some" and not 0 < counts(text)[1] < counts(text)[0]]
    assert not bad, f"all or none of the tests need KVM: {bad}"


def check_emulated():
    """check.sh reads it of guests' tests and those of libvirt, and knows these values."""
    bad = []
    for path in sorted((SOURCE / "tests").glob("*/test_*.py")):
        for value in re.findall(r"^# emulated:(.*)$", path.read_text(), re.MULTILINE):
            if path.parent.name not in ("guest", "libvirt") or value not in (" none", " x86-64", " arm64"):
                bad.append(f"{path.parent.name}/{path.name}:{value}")
    assert not bad, f"marks that nobody reads: {bad}"


def check_others():
    """Where all need it, or none, no test is marked."""
    bad = [name for name, text in TEXTS.items() if says(text) in ("all", "none") and "@tap.kvm" in text]
    assert not bad, f"marks that nobody reads: {bad}"


def check_words():
    kinds = {says(text) for text in TEXTS.values()}
    assert kinds == {"all", "some", "none"}, kinds


checks.run([("the words", check_words), ("where some tests need KVM, others do not", check_some),
            ("no other file marks tests", check_others),
            ("what is left out where hosts are emulated", check_emulated)])
