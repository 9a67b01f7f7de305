# SPDX-License-Identifier: BSD-2-Clause
"""Results as Markdown: a table of figures, goals, and whether they are met."""

import math
import re

import leases
import table_blocks
import table_cpus
import table_devices
import table_moves
from common import SLOTS
from goal import MISSED, Goal, of, percentile

FEW = 32                    # DIMMs at the beginning and at the end
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
HEAD = """\
| | hotram | QEMU | hotram / QEMU | goal | met |
| --- | ---: | ---: | ---: | --- | --- |
"""


def pairs(samples):
    return [first + second for first, second in
            zip(samples.get("object_add", []), samples.get("device_add", []))]


def of_pairs(percent, first=0, last=SLOTS):
    """Of the pairs for DIMMs first to last, of all machines measured."""
    return lambda samples: percentile(
        [took for number, took in enumerate(pairs(samples))
         if first <= number % SLOTS < last], percent)


def growth(samples):
    """The last DIMMs' time as multiple of the first ones', each DIMM in its
    fastest run: a machine that is slow for a while would hide it, or feign it."""
    took = pairs(samples)
    fastest = [min(took[number::SLOTS]) for number in range(min(SLOTS, len(took)))]
    if len(fastest) < SLOTS:
        return None
    return percentile(fastest[-FEW:], 50) / percentile(fastest[:FEW], 50)


# Part, label, unit, what makes a figure of the samples, goal.
ROWS = [
    ("start", "start to monitor's greeting", "ms", of("greeting"),
     Goal("≤ 1/5 of QEMU's", fraction=0.2)),
    ("start", "start to first answer", "ms", of("answer"), None),
    ("kvm", "greeting, besides KVM's own calls", "ms", of("greeting_besides"),
     Goal("≤ 5 ms", limit=5, time=True)),
    ("kvm", "KVM's own calls until greeting", "ms", of("greeting_kvm"), None),
    ("kvm", "first answer, besides KVM's own calls", "ms", of("answer_besides"),
     None),
    ("kvm", "KVM's own calls until first answer", "ms", of("answer_kvm"), None),
    ("kvm", "number of these calls", "", of("answer_kvm_calls"), None),
    ("memory", f"resident besides the guest's RAM, {SLOTS} slots, no DIMM", "MiB",
     of("empty"), Goal("≤ 5 MiB", limit=5)),
    ("memory", f"the same with {SLOTS} DIMMs", "MiB", of("full"),
     Goal("≤ 5 MiB", limit=5)),
    ("memory", "of this data, not mapped from files", "MiB", of("full_data"), None),
    *[("leases", f"a lease and its return, {regions} regions, {threads} thread(s), {direction}", "ns",
       of(f"lease_{regions}_{threads}_{direction}", 0), Goal("≤ 25 ns", limit=25, time=True))
      for regions, threads, direction in leases.ALL],
    ("plug", f"object-add + device_add, DIMMs 1 to {FEW}, p50", "ms",
     of_pairs(50, last=FEW), None),
    ("plug", f"the same, DIMMs {SLOTS - FEW + 1} to {SLOTS}, p50", "ms",
     of_pairs(50, first=SLOTS - FEW), None),
    ("plug", "last / first, each in its fastest run", "", growth,
     Goal("≤ 1.1: no slower", limit=1.1)),
    ("plug", f"object-add + device_add, DIMMs 1 to {FEW}, p99", "ms",
     of_pairs(99, last=FEW), None),
    ("plug", f"the same, DIMMs {SLOTS - FEW + 1} to {SLOTS}, p99", "ms",
     of_pairs(99, first=SLOTS - FEW), None),
    ("plug", f"device_add alone, all {SLOTS}, p50", "ms", of("device_add"), None),
    ("plug", f"device_add alone, all {SLOTS}, p99", "ms", of("device_add", 99),
     Goal("≤ 1 ms", limit=1, time=True)),
    ("plug", "for comparison: query-status, p50", "ms", of("query"), None),
    ("plug", "for comparison: query-status, p99", "ms", of("query", 99), None),
    ("busy", "query-status while 4 GiB of 4 KiB pages are given back, p99", "ms",
     of("while_given", 99), Goal("≤ 20 ms", limit=20, time=True)),
    ("busy", "query-status while 1 TiB, untouched, is counted, p99", "ms",
     of("while_counted", 99), Goal("≤ 20 ms", limit=20, time=True)),
    ("prealloc", "preallocation of ram, huge-page-aligned", "GiB/s", of("ram_rate"), None),
    ("prealloc", "the same beside a parallel memset", "", of("ram_of_memset"),
     Goal("≥ 0.9", least=0.9, time=True)),
    ("prealloc", "preallocation of memfd", "GiB/s", of("memfd_rate"), None),
    ("prealloc", "the same beside a parallel memset", "", of("memfd_of_memset"),
     Goal("≥ 0.9", least=0.9, time=True)),
    ("ost", "device_add to the guest's _OST, 1 slot", "ms", of("ost_1"), None),
    ("ost", f"the same, {SLOTS} slots", "ms", of(f"ost_{SLOTS}"), None),
    ("exits", "exits to the program for one plug, 1 slot", "", of("exits_1"), None),
    ("exits", f"the same, {SLOTS} slots", "", of(f"exits_{SLOTS}"), None),
    ("exits", "for comparison: exits of an idle second", "",
     of(f"idle_exits_{SLOTS}"), None),
    ("own-exits", "one plug by hotram's own count, 1 slot", "", of("own_exits_1"),
     None),
    ("own-exits", f"the same, {SLOTS} slots", "", of(f"own_exits_{SLOTS}"), None),
    *table_cpus.ROWS,
    *table_blocks.ROWS,
    ("boot", "start to the guest's init, bzImage", "s", of("bzimage"), None),
    ("boot", "the same, vmlinux", "s", of("vmlinux"), None),
    *(("firmware", f"power-on to {what}, by SeaBIOS and GRUB", "s", of(name), Goal("≤ 0.8 of QEMU's", fraction=0.8))
      for name, what in (("grub", "GRUB"), ("kernel", "the start of Debian's kernel"), ("login", "Debian's login"))),
    ("firmware", "exits to the program from power-on to GRUB", "", of("exits"), None),
    *table_devices.ROWS,
    *table_moves.ROWS,
]


def number(value):
    """Three digits that count, and all of a large number."""
    if value is None:
        return "–"
    if value == int(value) or value >= 100:
        return f"{value:.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def figure(part, program, value, unit):
    if program not in part:
        return None, "–"
    found = value(part[program]["samples"])
    if found is None and "failed" in part[program]:
        return None, "failed"
    return found, f"{number(found)} {unit if found is not None else ''}".strip()


def line(row, part, emulated):
    """One line of the table, and what it says of the row's goal."""
    _, label, unit, value, goal = row
    hotram, hotram_text = figure(part, "hotram", value, unit)
    qemu, qemu_text = figure(part, "QEMU", value, unit)
    ratio = number(hotram / qemu) if hotram is not None and qemu else "–"
    goal_text = met = ""
    if goal:
        goal_text, met = goal.text, goal.judge(hotram, qemu, emulated)
    return (f"| {label} | {hotram_text} | {qemu_text} | {ratio} | {goal_text} "
            f"| {met} |\n"), met


def failures(results):
    for name, part in results["parts"].items():
        for program in part:
            if "failed" in part[program]:
                yield f"- {name}, {program}: {part[program]['failed']}\n"


def head(results):
    host = results["host"]
    others = f"- kept busy by others meanwhile: {host['others']:.2f} processors\n"
    if host["kind"] == "emulated host":     # it does not see them
        others = ""
    sections = (*table_devices.SECTIONS, (": CPUs", table_cpus.PARTS),
                (": guests that are saved and moved", table_moves.PARTS))
    arm64 = " for arm64" if host.get("architecture") == "arm64" else ""
    programs = "; ".join(host[name] for name in ("hotram", "QEMU") if name in host)
    what = next((name for name, parts in sections if set(results["parts"]) <= parts), "")
    date = f"- measured on {results['date']}\n" if "date" in results else ""
    return (f"### {host['kind'].capitalize()}{arm64}{what}\n\n"
            f"{date}"
            f"- {host['processor']}, {host['processors']} processor(s), "
            f"{host['memory_gib']} GiB, Linux {host['kernel']}\n"
            f"- {programs}\n"
            f"{others}"
            f"- `{results['command']}`\n\n")


def report(results):
    """One Markdown section."""
    emulated = results["host"]["kind"] == "emulated host"
    text, missed = head(results) + HEAD, []
    for row in ROWS:
        part = results["parts"].get(row[0])
        if part:
            added, met = line(row, part, emulated)
            text += added
            if met == MISSED:
                missed.append(f"- {row[1]}: {row[4].text}\n")
    if missed:
        text += "\nNot met:\n\n" + "".join(missed)
    failed = "".join(failures(results))
    return text + (f"\nFailed:\n\n{failed}" if failed else "")


def sections(text):
    """Heading -> section."""
    return {part.splitlines()[0]: part.strip() + "\n" for part in re.split(r"^(?=### )", text, flags=re.M)
            if part.startswith("### ")}


def write(document, reports):
    """Puts the reports between the document's two marks, each in place of the one with the same heading; others
    stay."""
    text = document.read_text()
    found = re.search(re.escape(BEGIN) + "(.*)" + re.escape(END), text, flags=re.S)
    if not found:
        raise SystemExit(f"{document} has no '{BEGIN}' ... '{END}'")
    all_of_them = sections(found[1]) | sections("\n".join(reports))
    new = f"{BEGIN}\n\n" + "\n".join(all_of_them.values()) + f"\n{END}"
    document.write_text(text[:found.start()] + new + text[found.end():])
