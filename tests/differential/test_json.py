#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""What is JSON and what is none, where a value ends and where the next one begins: the same bytes to hotram's
and QEMU's QMP and command lines, and as many answers of the same kind with the same id."""

import json
import os
import pathlib
import random
import re
import select
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from peer import HOTRAM, QEMU                                # noqa: E402

LIMIT = 60
sys.setrecursionlimit(10000)         # Python's own parser
SEED = os.environ.get("HOTRAM_SEED", "1")
MUTATIONS = int(os.environ.get("HOTRAM_OPERATIONS", 600))
BARE = ["-machine", "none", "-nodefaults", "-display", "none"]
QUERY = b'{"execute":"query-name"}'

# What may differ: (what the input has, why). docs/compatibility.md says the same.
DIFFERENCES = [
    (re.compile(rb"(?<![0-9.])0[eE]"), "QEMU takes no exponent behind a 0; RFC 8259 has it"),
    (re.compile(rb"[eE]\+?[0-9]{3}|[0-9]{300}"), "QEMU answers a number that no double holds with inf"),
]

# Values, as the id of a request.
VALUES = [
    # numbers
    "0", "-0", "1", "-1", "1.5", "-0.0", "0.1", "1.0", "1e0", "1e5", "1E+5", "1e-5", "1e-999", "0e1", "0E1",
    "1.", ".5", "-.5", "+1", "01", "-01", "-", "1e", "1e+", "1.e1", "1.5.5", "0x10", "1_0", "1e999", "-1e999",
    "NaN", "nan", "-NaN", "Infinity", "-Infinity", "inf", "18446744073709551615", "18446744073709551616",
    "-9223372036854775808", "-9223372036854775809", "9223372036854775807", "9223372036854775808",
    "-18446744073709551615", "123456789012345678901234567890", "1" * 299, "9" * 400,
    # arrays and objects
    "[]", "[1]", "[1,]", "[,1]", "[,]", "[1 2]", "[1,,2]", "[[1],[2]]", "{}", "{,}", '{"a":1}', '{"a":1,}',
    '{"a"}', '{"a":}', "{a:1}", "{1:1}", '{"a":1 "b":2}', '{"a" 1}', '{"a":1,"a":1}', "{\"a\":1,'a':1}",
    '{"a":{"b":1},"b":{"b":1}}', '{"":1}', '{"a\\u0062":1,"ab":2}', '{"a":{"b":1,"b":2}}', '{"a":1}]', "[1}",
    # words
    "true", "false", "null", "True", "TRUE", "nul", "nulll", "none", "undefined", "tru e",
    # strings
    '"a"', "'a'", "'it\\'s'", "\"it\\'s\"", '"a\\"b"', "'a\"b'", '"a\'b"', '""', "''", '"\\u0000"',
    '"a\\u0000b"', '"\\x41"', '"\\a"', '"\\/"', '"\\b\\f\\n\\r\\t"', '"\\v"', '"\\0"', '"\\u12"', '"\\u123"',
    '"\\u12g4"', '"\\uD800"', '"\\uDC00"', '"\\uD83D\\uDE00"', '"\\uD83D\\u0041"', '"\\uD83Dx"',
    '"\\uDE00\\uD83D"', '"\\uFFFE"', '"\\uFFFF"', '"\\uFDD0"', '"\\uFFFD"', '"\\uD83F\\uDFFE"', '"\\u00e4"',
    '"\\u00E4"', '"\\U00e4"', '"\\"', '"ä"', '"€"', '"😀"', b'"\xff"', b'"\xfe"', b'"\xc0\x80"', b'"\xc1\x80"',
    b'"\xc0\xaf"', b'"\xe0\x80\x80"', b'"\xed\xa0\x80"', b'"\xef\xbf\xbe"', b'"\xef\xbf\xbf"',
    b'"\xf0\x9f\xbf\xbe"', b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"', b'"\xf8\x88\x80\x80\x80"', b'"\xc3"',
    b'"\xe2\x82"', b'"\x80"', b'"a\x7fb"', b'"\x01"', b'"\x00"', '"\t"', '"\n"', b'"\x1f"', '"\\\n"',
    b'"\\\xff"', b'"\\\xc3\xa4"',
    # what is no token
    "/*c*/1", "1//c", "#", "%p", "%d", "%s", "`a`", "(1)", "<a>", "1;", "\ufeff1", "\x7f", "\x0c1", "\x0b1",
    b"\xa01", "\x001",
    # depth
    "[" * 1000 + "]" * 1000, "[" * 1023 + "]" * 1023, "[" * 1024 + "]" * 1024, "[" * 1100 + "]" * 1100,
    '{"a":' * 1000 + "1" + "}" * 1000,
]

# Bytes as they are.
BYTES = [
    "", " ", "\n\n", "1", '"a"', "'a'", "null", "true", "[1]", "{}", "[]", "1 2 3", "1,2", '"a""b"',
    "\"a\" \"b\"'c'", "}", "]", ":", ",", "}}]]", "{]", "[}", "{]}", "[}]", "{{}", '{"a":[}', '{"a":[}]}', "[{]",
    '{"execute"', '{"execute":', '{"execute":"query-name"', b"{\xff", "{\x01", b"{'bad \xff",
    "{'execute': 'nonexistent', 'id':'\n", "%p", "%%p", "{%p}", "NaN", "abc", "Abc", "ABC def", '"abc', '"abc\n',
    "'abc\ndef'", "\x00", "\x01\x02\x03", "\x01\x01", b"\xff", b"\xff\xff", b"\xfe", b"\x80", "ä", "01", "-",
    "--1", "1-1", "1a", '1"a"', "truefalse", "true false", "tRue", "1e5x", "0x1f", '{"a":1b}', '{"a":01}',
    "{'execute':'query-name'}", "{'execute':'query-name',}", '{"execute":"query-name",}',
    '{"execute":"query-name","execute":"query-version"}', '{"execute":"query-name","arguments":{}}',
    '{"execute":"query-name","arguments":null}', '{"execute":"query-name","arguments":[]}',
    '{"execute":"query-name","arguments":{"x":1}}', '{"execute":1}', '{"execute":null}',
    '{"execute":"query-name","foo":1}', '{"execute":"query-name\\u0000"}', '{"execute":"query\\u002dname"}',
    '{"execute":"query-name","id":1,"id":2}', '{"id":1}', '{"id":1,"execute":"nonsense"}',
    '{"execute":"object-del","arguments":{"id":1}}', '{"execute":"object-del","arguments":{"id":"a","id":"b"}}',
    '{"execute":"object-add","arguments":{"id":"m","qom-type":"memory-backend-ram","size":18446744073709551616}}',
    '{"execute":"object-add","arguments":{"id":"m","qom-type":"memory-backend-ram","size":1.5}}',
    '{"execute":"object-add","arguments":{"id":"m","qom-type":"memory-backend-ram","size":2097152,'
    '"size":4194304}}',
    '{"execute":"object-add","arguments":{"id":"m\\u0000","qom-type":"memory-backend-ram","size":2097152}}',
]

# In front of, between and behind requests.
AROUND = [
    "", ",", "\n", "}", "{", "{\n", "%p", "%p\n", "%p ", "%p\t", "%p\r", "%p\t\"", "%\x7f", "x", '"x', '"x\n', '"x"', b"{'bad \xff", "{\x01", b"{\xff",
    "[1,2,\x01", "[[[\x02]]]", '{"a":"\x1f"}', b'{"a":"\xff"}', '{"a" 1}', '{"a":1,}', '{"a":1,"a":2}', "\x00",
    "\ufeff", "\x0c", " \t\r\n", "//c\n", "#c\n", "]" * 50, "[" * 1025, "[" * 2050, "[" * 1025 + "]" * 1025,
    '{"a":' * 1025, '[{"a":' * 513,
]

# Behind -object.
SIZED = "'qom-type':'memory-backend-ram','id':'m','size':2097152"
OPTIONS = [
    f"{{{SIZED}}}", f"{{{SIZED}}}".replace("'", '"'), f"{{{SIZED},}}", f"{{{SIZED}}}}}", f"{{{SIZED}}} ",
    f"{{{SIZED}}} {{}}", f"{{{SIZED}", f"{{{SIZED},'size':4194304}}", f"{{{SIZED},'share':true}}",
    f"{{{SIZED},'share':True}}", f"{{{SIZED},'share':1}}", f"{{{SIZED},'share':NaN}}", f"{{{SIZED} 'share':true}}",
    f"{{\n{SIZED}\n}}", f"{{{SIZED}}}//", f"{{/**/{SIZED}}}", "{", "{}", "{]", "{'qom-type'}",
    f"{{{SIZED},'share':true,\"share\":true}}", f"{{{SIZED.replace('2097152', '02097152')}}}",
    f"{{{SIZED.replace('2097152', '2097152.')}}}", f"{{{SIZED.replace('2097152', '2097152.5')}}}",
    f"{{{SIZED.replace('2097152', '18446744073709551616')}}}", f"{{{SIZED.replace('2097152', '+2097152')}}}",
    f"{{{SIZED}" + ",'x':" + "[" * 1100,
]


def raw(text):
    return text if isinstance(text, bytes) else text.encode()


class Monitor:
    """One program's QMP, and how many answers bytes have."""

    def __init__(self, program):
        self.process = subprocess.Popen([program, *BARE, "-qmp", "stdio"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.heard = b""
        self.asked = 0
        self.line()
        self.send(b'{"execute":"qmp_capabilities"}')
        self.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def line(self):
        while b"\n" not in self.heard:
            assert select.select([self.process.stdout], [], [], LIMIT)[0], "no answer"
            more = os.read(self.process.stdout.fileno(), 65536)
            assert more, "it has ended"
            self.heard += more
        line, self.heard = self.heard.split(b"\n", 1)
        return line.strip()

    def answers(self, data, reset=b"\x01"):
        """The kind of each, and its id. `reset`: a byte that is in nothing ends what has begun, as the
        specification of QMP has it; it is an error of its own."""
        self.asked += 1
        last = f"the last, {self.asked}"
        self.send(data + reset + json.dumps({"execute": "query-name", "id": last}).encode())
        found = []
        while True:
            line = self.line()
            try:
                answer = json.loads(line, parse_constant=lambda word: 1 / 0)
            except (ValueError, ZeroDivisionError):
                found.append(("no JSON", line))
                continue
            if answer.get("id") == last:
                return found
            found.append(("error" if "error" in answer else "return", json.dumps(answer.get("id", "none"), sort_keys=True)))


def excused(data):
    return any(pattern.search(data) for pattern, _ in DIFFERENCES)


def compare(inputs, reset=b"\x01"):
    """Returns how many were compared, and were excused."""
    different = 0
    with Monitor(HOTRAM["program"]) as hotram, Monitor(QEMU["program"]) as qemu:
        for data in inputs:
            ours = hotram.answers(data, reset)
            assert not any(kind == "no JSON" for kind, _ in ours), (data, ours)
            if excused(data):
                different += 1
                continue
            theirs = qemu.answers(data, reset)
            assert ours == theirs, f"{data[:200]}\nhotram {ours[:8]}\nQEMU   {theirs[:8]}"
    print(f"# {len(inputs)} inputs, {different} of them excused")


def written():
    return [b'{"execute":"query-name","id":' + raw(value) + b"}" for value in VALUES] + \
        [raw(data) for data in BYTES] + \
        [first + between + last for between in map(raw, AROUND)
         for first, last in ((b"", QUERY), (QUERY, QUERY), (QUERY, b""))]


def test_values_and_bytes():
    compare(written())


def test_the_next_request_is_answered():
    """Without anything between an error and the request that follows: QEMU's qmp-test is written so."""
    compare([raw(data) for data in ("{\x01", b"{\xff", b"{'bad \xff", "{'execute': 'nonexistent', 'id':'\n",
                                    "%p", "%%p", "null", "}", "[1,]", '{"a" 1}', "[" * 1025, "1 ", "01 ")],
            reset=b"")


def mutated(rng, samples):
    tokens = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"'", b"\\", b"\\u", b"1", b"0", b"-", b".", b"e", b"true",
              b"null", b"x", b"\n", b"\t", b"\r", b" ", b"\x7f", b"\xfe", b"\x00", b"\x01", b"\xff", b"\xc3", b'"a"', b"\x7f", b"%", b'"execute"', b'"id":']
    data = bytearray(rng.choice(samples))
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(data))
        match rng.randint(0, 3):
            case 0:
                data[at:at] = rng.choice(tokens)
            case 1:
                del data[at:at + rng.randint(1, 4)]
            case 2:
                data[at:at + 1] = rng.choice(tokens)
            case _:
                data += rng.choice(samples)
    return bytes(data)


def test_mutations():
    seed = random.randrange(1 << 32) if SEED == "random" else int(SEED, 0)
    print(f"# HOTRAM_SEED={seed}")
    rng = random.Random(seed)
    # Nothing that makes objects: a size below 0 ends QEMU.
    samples = [data for data in written() if len(data) < 200 and b"object" not in data]
    compare([mutated(rng, samples) for _ in range(MUTATIONS)])


def takes(program, text):
    # hotram makes no objects for a machine that has none.
    machine = ["-accel", "qtest", *BARE[2:]] if program == HOTRAM["program"] else BARE
    ended = subprocess.run([program, *machine, "-qmp", "stdio", "-object", text],
                           input=b'{"execute":"qmp_capabilities"}{"execute":"quit"}', capture_output=True,
                           timeout=LIMIT)
    assert ended.returncode in (0, 1), (text, ended)
    assert ended.returncode == 0 or text[:40].encode() in ended.stderr or program != HOTRAM["program"], ended
    return ended.returncode == 0


def test_options():
    for text in OPTIONS:
        assert takes(HOTRAM["program"], text) == takes(QEMU["program"], text), text


if __name__ == "__main__":
    tap.main()
