#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The form of the last commits, as CONTRIBUTING.md asks for it: `area: what changed`, at most 72 characters, an
empty line, and a body; and no file that is too large for a source, such as a disk image or the output of a build.

usage: commits.py SOURCE-FOLDER [REVISION-RANGE]

Without a range, the last 20 commits of HEAD are checked, or as many as a shallow clone has; a tree without a
repository of its own, such as an unpacked release, has nothing to check.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import checks

SOURCE = pathlib.Path(sys.argv[1]).resolve()
SUBJECT = re.compile(r"[a-zA-Z0-9_/,. -]+: \S.*")
SUBJECT_MAX = 72
COMMITS = 20
FILE_MAX = 1 << 20  # bytes


def lines_of(text):
    return [line for line in text.splitlines() if line]


def git(*arguments, where=SOURCE, given=None):
    """What git prints, or None where there is no git or no repository."""
    try:
        return subprocess.run(["git", "-C", where, *arguments], input=given, capture_output=True, text=True,
                              check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def require_repository():
    top = git("rev-parse", "--show-toplevel")
    if top is None or pathlib.Path(top.strip()).resolve() != SOURCE:
        raise checks.Skip("not a git repository")


def messages(revisions):
    require_repository()
    log = git("log", "--no-merges", "--format=%h%x00%B%x01", *revisions)
    assert log is not None, f"git log {' '.join(revisions)} fails"
    return [entry.strip("\n").split("\0") for entry in log.split("\1") if entry.strip()]


def large_files(revisions, where=SOURCE):
    """Files of more than FILE_MAX bytes as commits left them, with the commit, even if a later one removes them."""
    log = git("log", "--no-merges", "--no-renames", "--diff-filter=AMT", "--raw", "--no-abbrev", "--format=%h",
              *revisions, where=where)
    assert log is not None, f"git log --raw {' '.join(revisions)} fails"
    commit, found = "", []
    for line in lines_of(log):
        if not line.startswith(":"):
            commit = line
            continue
        about, name = line.split("\t", 1)
        mode, blob = about.split()[1], about.split()[3]
        if mode != "160000":        # a submodule has no blob
            found.append((blob, f"{commit} {name}"))
    sizes = git("cat-file", "--batch-check=%(objectsize)", where=where, given="".join(f"{blob}\n" for blob, _ in found))
    assert sizes is not None, "git cat-file fails"
    return [f"{name}: {size} bytes" for (_, name), size in zip(found, sizes.split("\n"))
            if not size.isdigit() or int(size) > FILE_MAX]


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


def check_files():
    require_repository()
    large = large_files(sys.argv[2:] or [f"-{COMMITS}"])
    assert not large, "\n# ".join([f"more than {FILE_MAX} bytes, which no source has:", *large])


def check_large_file():
    """A file that is just too large is found, also after a commit that removes it; one of the largest size is not."""
    if git("--version") is None:
        raise checks.Skip("no git")
    with tempfile.TemporaryDirectory() as folder:
        def commit():
            identity = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")
            assert git("add", "--all", where=folder) is not None
            assert git(*identity, "commit", "--quiet", "--no-verify", "-m", "a: b", where=folder) is not None

        assert git("init", "--quiet", where=folder) is not None
        (pathlib.Path(folder) / "small").write_bytes(bytes(FILE_MAX))
        commit()
        assert not large_files(["HEAD"], folder)
        (pathlib.Path(folder) / "disk.img").write_bytes(bytes(FILE_MAX + 1))
        commit()
        found = large_files(["HEAD"], folder)
        assert len(found) == 1 and found[0].endswith(f"disk.img: {FILE_MAX + 1} bytes"), found
        (pathlib.Path(folder) / "disk.img").unlink()
        commit()
        assert len(large_files(["HEAD"], folder)) == 1


def check_itself():
    """The check finds what it looks for."""
    for message, count in (("base: one\n\nBecause.\n", 0), ("base: one\n", 1), ("base: one\nBecause.\n", 1), ("one\n\nB\n", 1),
                           (f"a: {'x' * 69}\n\nB\n", 0), (f"a: {'x' * 70}\n\nB\n", 1), ("", 2)):
        assert len(list(faults(message))) == count, (message, list(faults(message)))


checks.run([("commits have the form that CONTRIBUTING.md asks for", check_commits),
            ("no commit has a file that is too large for a source", check_files),
            ("a message without that form is found", check_itself),
            ("a file that is too large is found", check_large_file)])
