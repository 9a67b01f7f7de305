#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Holds the documents to each other and to the tree: what they link to and name is there.

usage: papers.py SOURCE-FOLDER
"""

import os
import pathlib
import re
import sys

import checks

SOURCE = pathlib.Path(sys.argv[1]).resolve()
PAPERS = sorted([*SOURCE.glob("*.md"), *(SOURCE / "docs").rglob("*.md")])
# A file or folder that a document names, from the root or one of the folders that documents speak of. Not there
# is what is built, what is QEMU's, and what the reader puts in for a word in capitals.
NAMED = re.compile(r"(?<!QEMU's )(?<![\w/.$<~-])((?:(?:\.ci|[a-z][\w-]*)/)+(?:[\w.*-]*\w)?)(?![\w/])")
PLACEHOLDER = re.compile(r"[A-Z]{2,}|_[NX]\b")
ROOTS = ("", "vmm", "include", "tests", "docs")
FOLDERS = {path.name for root in ROOTS for path in (SOURCE / root).iterdir() if path.is_dir()} - {"build"}
VERSION = re.search(r"version: '([\d.]+)'", (SOURCE / "meson.build").read_text())[1]


def where(path, number):
    return f"{path.relative_to(SOURCE)}:{number}"


def lines(path):
    yield from enumerate(path.read_text().splitlines(), 1)


def anchors(path):
    """As the forges make them of headings."""
    fenced, found = False, set()
    for _, line in lines(path):
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            title = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(title.replace(" ", "-"))
    return found


def report(stale, what):
    assert not stale, "\n# ".join([f"{what}:", *stale])


def check_links():
    count, stale = 0, []
    for path in PAPERS:
        for number, line in lines(path):
            for link in re.findall(r"\]\(([^)\s]+)\)", line):
                if re.match(r"\w+:", link):
                    continue
                count += 1
                name, _, anchor = link.partition("#")
                target = (path.parent / name).resolve() if name else path
                if not target.exists() or (anchor and anchor not in anchors(target)):
                    stale.append(f"{where(path, number)}: {link}")
    assert count > 40, "the search finds no links"
    report(stale, "links to nothing")


def is_there(name, path):
    for folder in (*(SOURCE / root for root in ROOTS), path.parent):
        if (list(folder.glob(name)) if "*" in name else (folder / name).exists()):
            return True
    return False


def check_files():
    count, stale = 0, []
    for path in PAPERS:
        for number, line in lines(path):
            for name in NAMED.findall(line):
                if name.split("/")[0] in FOLDERS and not PLACEHOLDER.search(name):
                    count += 1
                    if not is_there(name, path):
                        stale.append(f"{where(path, number)}: {name}")
    assert count > 150, f"the search finds {count} files"
    report(stale, "no such file")


def check_readme():
    """The reader finds every document from README."""
    text = (SOURCE / "README.md").read_text()
    names = [str(path.relative_to(SOURCE)) for path in PAPERS if path.name != "README.md"]
    report([name for name in names if f"]({name})" not in text], "README does not link to")


def check_figures():
    """README's figures are those of docs/benchmarks.md."""
    text = (SOURCE / "README.md").read_text()
    text = text[text.index("Measured with"):text.index("## State")]
    figures = re.findall(r"\b\d+(?:\.\d+)? (?:ms|MiB)\b|(?<=\| )\d+(?= \|)", text)
    assert len(figures) > 8, f"the search finds {figures}"
    cells = {cell.strip() for _, line in lines(SOURCE / "docs/benchmarks.md") for cell in line.split("|")}
    report([figure for figure in figures if figure not in cells], "not in docs/benchmarks.md")


def check_glossary():
    terms = re.findall(r"^\*\*(.+?)\.?\*\*", (SOURCE / "docs/glossary.md").read_text(), re.M)
    assert len(terms) > 20, f"the search finds {terms}"
    chapters = (SOURCE / "docs/glossary.md").read_text().split("\n## ")
    for chapter in chapters:
        found = [term.lower().lstrip("_") for term in re.findall(r"^\*\*(.+?)\.?\*\*", chapter, re.M)]
        assert found == sorted(found), f"not in order: {found}"
    report(sorted({term for term in terms if terms.count(term) > 1}), "twice")


def check_drawing():
    """docs/start-here.md draws the floors from the top down, docs/architecture.md lists them from the ground up."""
    text = (SOURCE / "docs/architecture.md").read_text()
    listed = re.findall(r"^  (\w+)/ ", text[text.index("\nvmm/ "):text.index("\n  main.c")], re.M)
    drawn = re.findall(r"^ +│ (\w+) {2,}\w", (SOURCE / "docs/start-here.md").read_text(), re.M)
    assert len(listed) > 10 and drawn == listed[::-1], f"drawn: {drawn}, listed: {listed}"


def check_version():
    """The version is meson.build's alone; pages of measurements and the list of changes are of one version."""
    stale = []
    for folder in ("include", "core", "vmm", "ctl", "scripts", "tests", "bench", "contrib", "docs", "examples"):
        for path in sorted((SOURCE / folder).rglob("*")):
            if path.suffix not in (".c", ".h", ".py", ".sh", ".md", ".1", ".build", "") or not path.is_file() \
                    or "corpus" in path.parts or "__pycache__" in path.parts or path.name == "benchmarks.md":
                continue
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if re.search(rf"(?<![\d.]){re.escape(VERSION)}(?![\d.]*\d)", line):
                    stale.append(where(path, number))
    report(stale, f"{VERSION} stands outside meson.build")


WIDTH = 120


def check_width():
    """Texts are wrapped; rows of tables, drawings and commands cannot be."""
    wide, count = [], 0
    for path in PAPERS:
        fenced = False
        for number, line in lines(path):
            fenced ^= line.lstrip().startswith("```")
            count += 1
            if len(line) > WIDTH and not fenced and not line.lstrip().startswith("|"):
                wide.append(f"{where(path, number)}: {len(line)} characters")
    assert count > 1000, f"the search finds {count} lines"
    report(wide, f"longer than {WIDTH} characters")


def check_modes():
    """What begins with #! can be run: a lost mode is seen by nobody who has an older copy."""
    lost = []
    for folder in ("scripts", "tests", "bench", "contrib", ".ci"):
        for path in sorted((SOURCE / folder).rglob("*")):
            if path.is_file() and "corpus" not in path.parts and not os.access(path, os.X_OK):
                with path.open("rb") as file:
                    if file.read(2) == b"#!":
                        lost.append(where(path, 1))
    report(lost, "these begin with #! and cannot be run")


TESTS = [("links between documents resolve", check_links), ("documents name files that exist", check_files),
         ("README leads to every document", check_readme),
         ("README's figures are those of the benchmarks", check_figures),
         ("the floors are drawn as they are listed", check_drawing),
         ("texts are wrapped", check_width), ("the glossary is in order", check_glossary), ("the version is in one place", check_version),
         ("scripts can be run", check_modes)]
checks.run(TESTS)
