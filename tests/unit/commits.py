#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The form of the last commits, as CONTRIBUTING.md asks for it: `area: what changed`, at most 72 characters, an
empty line, and a body.

usage: commits.py SOURCE-FOLDER [REVISION-RANGE]

Without a range, the last 20 commits of HEAD are checked, or as many as a shallow clone has; a tree without a
repository of its own, such as an unpacked release, has nothing to check.
"""

import pathlib
import re
import subprocess
import sys

import checks

SOURCE = pathlib.Path(sys.argv[1]).resolve()
SUBJECT = re.compile(r"[a-zA-Z0-9_/,. -]+: \S.*")
SUBJECT_MAX = 72
COMMITS = 20


def git(*arguments):
    """What git prints, or None where there is no git or no repository."""
    try:
        return subprocess.run(["git", "-C", SOURCE, *arguments], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def messages(revisions):
    top = git("rev-parse", "--show-toplevel")
    if top is None or pathlib.Path(top.strip()).resolve() != SOURCE:
        raise checks.Skip("not a git repository")
    log = git("log", "--no-merges", "--format=%h%x00%B%x01", *revisions)
    assert log is not None, f"git log {' '.join(revisions)} fails"
    return [entry.strip("\n").split("\0") for entry in log.split("\1") if entry.strip()]


def faults(message):
    """What is wrong with a commit's message."""
    subject, *rest = message.strip("\n").splitlines() or [""]
    if len(subject) > SUBJECT_MAX:
        yield f"the first line has {len(subject)} characters, at most {SUBJECT_MAX} are allowed"
    if not SUBJECT.fullmatch(subject):
        yield "the first line is not of the form `area: what changed`"
    if rest and rest[0]:
        yield "the second line is not empty"
    if not any(line.strip() for line in rest):
        yield "there is no body"


def check_commits():
    wrong = [f"{commit} {message.splitlines()[0]!r}: {fault}" for commit, message in
             messages(sys.argv[2:] or [f"-{COMMITS}"]) for fault in faults(message)]
    assert not wrong, "\n# ".join(["see CONTRIBUTING.md, \"Commits\":", *wrong])


def check_itself():
    """The check finds what it looks for."""
    for message, count in (("base: one\n\nBecause.\n", 0), ("base: one\n", 1), ("base: one\nBecause.\n", 1), ("one\n\nB\n", 1),
                           (f"a: {'x' * 69}\n\nB\n", 0), (f"a: {'x' * 70}\n\nB\n", 1), ("", 2)):
        assert len(list(faults(message))) == count, (message, list(faults(message)))


checks.run([("commits have the form that CONTRIBUTING.md asks for", check_commits),
            ("a message without that form is found", check_itself)])
