#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Holds the public headers to what doxygen does not check. Speaks TAP.

usage: contract.py SHARED-LIBRARY HEADER...

The comment of every public function says
- when it may be called: a paragraph that begins with "When:";
- of each parameter what it is, once and in order; of a number also its range: "A .. B", "any number" (byte,
  value), "power of two", or the HOTRAM_* names that it may be;
- what it returns: if a status, HOTRAM_OK and each error, all of the enum; else one @return;
- where it comes from: the number of a paragraph in brackets, if the file's comment has "References are to";
  otherwise the file's comment has a line "Source:", which counts for all functions of the file.

Every enumerator and every member of a struct has a comment. The library exports what the headers declare,
and hotram_status_text() gives the sentence beside each code, without capital and full stop.
"""

import ctypes
import pathlib
import re
import subprocess
import sys

FUNCTION = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\n([^;{}#/()]*?)\b(hotram_\w+)\(([^)]*)\);", re.S)
DECLARED = re.compile(r"\b(hotram_\w+)\([^)]*\);")
COMMENT = re.compile(r"/\*.*?\*/", re.S)
BODY = re.compile(r"^(enum|struct) (\w+) \{(.*?)^\};", re.S | re.M)
NUMBER = re.compile(r"^(u?int\d+_t|size_t|unsigned)\b[^*]*$")
RANGE = re.compile(r"\d \.\. |\bany (other )?(number|byte|value)\b|\bpower of two\b|\bHOTRAM_")
PARAGRAPH = re.compile(r"\([^()]*\b\d+\.\d+[^()]*\)")


def plain(comment):
    """The text of a comment without its stars."""
    return re.sub(r"^ *\* ?", "", comment, flags=re.M).strip()


class Function:
    def __init__(self, match, about_file):
        comment, returned, self.name, parameters = match.groups()
        self.comment, self.about_file = plain(comment), about_file
        self.returned = returned.strip()
        self.parameters = [] if parameters == "void" else [
            " ".join(parameter.split()) for parameter in parameters.split(",")]

    def described(self, tag):
        """What follows each tag: (first word, rest) pairs."""
        found = re.findall(rf"^@{tag} +(\S+)\s*(.*?)(?=^@|\Z)", self.comment, re.S | re.M)
        return [(word, " ".join(rest.split())) for word, rest in found]


# ---- Rules: each says what is wrong with a function, or nothing ----

def says_when(function):
    if not re.search(r"^When: \S", function.comment, re.M):
        return "no 'When:'"


def describes_parameters(function):
    names = [re.search(r"\w+$", parameter).group() for parameter in function.parameters]
    described = [name for name, _ in function.described("param")]
    if names != described:
        return f"has {names}, describes {described}"


def gives_ranges(function):
    described = dict(function.described("param"))
    for parameter in function.parameters:
        name = re.search(r"\w+$", parameter).group()
        if NUMBER.match(parameter) and not RANGE.search(described.get(name, "")):
            return f"no range of {name}"


def says_what_it_returns(function, statuses):
    values = [name for name, _ in function.described("retval")]
    returns = len(function.described("return"))
    if function.returned == "void":
        return "returns nothing" if values or returns else None
    if function.returned != "enum hotram_status":
        return None if returns == 1 and not values else "not one @return"
    if values[:1] != ["HOTRAM_OK"] or len(values) < 2 or returns:
        return "not @retval HOTRAM_OK, then the errors"
    if len(set(values)) < len(values) or not set(values) <= statuses:
        return "a status twice, or one that is not in the enum"


def says_where_from(function):
    if "References are to" in function.about_file:
        return None if PARAGRAPH.search(function.comment) else "no paragraph"
    if not re.search(r"^Source: \S", function.about_file, re.M):
        return "no paragraph, and none for the file"


# ---- Headers ----

def functions_of(text):
    about_file = plain(re.search(r"/\*\*(.*?)\*/", text, re.S).group(1))
    return [Function(match, about_file) for match in FUNCTION.finditer(text)]


def bare(text):
    """Enumerators and members without a comment before or behind them."""
    for kind, name, body in BODY.findall(text):
        end = "," if kind == "enum" else ";"
        commented = rf"/\*\*(?!<)((?!\*/).)*\*/[^{end}/]*{end}|[^{end}/]*{end}\s*/\*\*<((?!\*/).)*\*/"
        rest = COMMENT.sub("", re.sub(commented, "", body, flags=re.S))
        yield from (f"{name}: {item.strip()}" for item in rest.split(end) if item.strip())


def codes_of(text):
    """The codes of enum hotram_status in order, each with the sentence beside it."""
    body = "".join(body for _, name, body in BODY.findall(text) if name == "hotram_status")
    codes = re.findall(r"/\*\*((?:(?!\*/).)*)\*/\s*(HOTRAM_\w+)", body, re.S)
    return [(name, " ".join(plain(comment).split())) for comment, name in codes]


def wrong_sentences(library, codes):
    sentence_of = ctypes.CDLL(library).hotram_status_text
    sentence_of.restype = ctypes.c_char_p
    for number, (name, sentence) in enumerate(codes):
        given = sentence_of(number).decode()
        if f"{given}." not in (sentence, sentence[0].lower() + sentence[1:]):
            yield f"{name}: '{given}'"


def exported(library):
    symbols = subprocess.run(["nm", "-D", "--defined-only", library],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
    kinds = [line.split()[1:] for line in symbols.splitlines()]
    return {name.split("@")[0] for kind, name in kinds if kind != "A"}


def results(library, texts):
    """Yields what was held, and a list of what is wrong with it."""
    functions = [function for text in texts for function in functions_of(text)]
    declared = {name for text in texts for name in DECLARED.findall(COMMENT.sub("", text))}
    codes = [code for text in texts for code in codes_of(text)]
    statuses = {name for name, _ in codes}
    rules = {
        "says when it may be called": says_when,
        "describes its parameters": describes_parameters,
        "gives each number's range": gives_ranges,
        "says what it returns": lambda function: says_what_it_returns(function, statuses),
        "says where it comes from": says_where_from,
    }
    yield "every function has a comment", declared ^ {function.name for function in functions}
    for what, rule in rules.items():
        found = ((function.name, rule(function)) for function in functions)
        yield f"every function {what}", [f"{name}: {wrong}" for name, wrong in found if wrong]
    yield "every enumerator and member has a comment", [name for text in texts for name in bare(text)]
    yield "every status has its sentence", list(wrong_sentences(library, codes)) if codes else ["no status"]
    yield "what is declared is exported", declared - exported(library)
    yield "what is exported is declared", exported(library) - declared


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    texts = [pathlib.Path(name).read_text(encoding="ascii") for name in sys.argv[2:]]
    count = bad = 0
    for what, wrong in results(sys.argv[1], texts):
        count += 1
        bad += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {count} - {what}")
        for line in sorted(wrong):
            print(f"# {line}")
    print(f"1..{count}")
    sys.exit(bad > 0)


main()
