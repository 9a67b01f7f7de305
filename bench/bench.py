#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Measures hotram beside QEMU, in one run and on the same machine, taking turns
(hotram, QEMU, hotram, QEMU ...). Prints a table and keeps all samples.

`make bench` runs this, where there is no hardware virtualization inside the
emulated host. What each figure means is in docs/benchmarks.md, whose tables
come from here too:

  bench/bench.py --write docs/benchmarks.md build/bench/*.json
"""

import argparse
import json
import pathlib
import shlex
import sys
import time

import blocks
import busy
import common
import cpus
import disk
import equipped
import firmware
import guest
import leases
import memory
import moved
import plug
import prealloc
import saved
import start
import table
import vhost_user
import wire

# Part -> what measures a program once, yielding pairs of name and value; and
# how many times, if the time for a part is enough for it. Memory and exits
# hardly differ from one time to the next.
PARTS = {
    "start": (start.measure, 15),
    "kvm": (start.measure_inside_kvm, 15),
    "memory": (memory.measure, 2),
    "leases": (leases.measure, 5),
    "plug": (plug.measure, 15),
    "busy": (busy.measure, 5),
    "prealloc": (prealloc.measure, 5),
    "ost": (guest.measure_ost, 2),
    "exits": (guest.measure_exits, 1),
    "own-exits": (guest.measure_own_exits, 1),
    "cpus-start": (cpus.measure_start, 15),
    "cpus-boot": (cpus.measure_boot, 3),
    "cpus": (cpus.measure_plugs, 1),
    "blocks": (blocks.measure, 1),
    "blocks-large": (blocks.measure_large, 1),
    "blocks-busy": (blocks.measure_shrink, 1),
    "boot": (guest.measure_boot, 3),
    "firmware": (firmware.measure, 3),
    "equipped": (equipped.measure, 9),
    "disk": (disk.measure, 3),
    "disk-dimms": (disk.measure_with_dimms, 3),
    "vhost-user-plug": (vhost_user.measure_plugs, 5),
    "vhost-user-disk": (vhost_user.measure, 3),
    "wire": (wire.measure, 3),
    "snapshot": (saved.measure_write, 3),
    "restore": (saved.measure_restore, 9),
    "crowd": (saved.measure_crowd, 1),
    "move": (moved.measure_speed, 2),
    "downtime": (moved.measure_downtime, 5),
}
LEAST, SECONDS = 3, 120


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="PART,...", default=",".join(PARTS),
                        help="of " + ", ".join(PARTS))
    parser.add_argument("--repeat", type=int, metavar="N",
                        help="measure each part so often, however long it "
                             "takes")
    parser.add_argument("--results", type=pathlib.Path, metavar="FILE",
                        default=common.RESULTS / "results.json",
                        help="keeps all samples; default: build/bench/"
                             "results.json")
    parser.add_argument("--write", type=pathlib.Path, metavar="DOCUMENT",
                        help="measure nothing: put the tables of RESULTS into "
                             "this document")
    parser.add_argument("given", nargs="*", type=pathlib.Path, metavar="RESULTS",
                        help="files that --results wrote, for --write")
    args = parser.parse_args()
    args.only = args.only.split(",")
    unknown = set(args.only) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if bool(args.write) != bool(args.given):
        parser.error("--write needs files with results, and these need --write")
    return args


def once(measure, program, samples):
    """Adds to the samples; returns what went wrong, or None. What was measured
    before that is kept."""
    try:
        for name, value in measure(program):
            samples.setdefault(name, []).append(value)
    except Exception as error:           # pylint: disable=broad-except
        text = " ".join(str(error).split())
        return f"{type(error).__name__}: {text}"
    return None


def measure_part(name, repeat):
    """Both programs in turn; one that fails is not tried again."""
    measure, usual = PARTS[name]
    part = {program.name: {"samples": {}} for program in common.PROGRAMS}
    begin = time.monotonic()
    for done in range(repeat or usual):
        if not repeat and done >= LEAST and time.monotonic() - begin > SECONDS:
            break
        for program in common.PROGRAMS:
            results = part[program.name]
            if "failed" in results:
                continue
            failed = once(measure, program, results["samples"])
            if failed:
                results["failed"] = failed
                print(f"# {name}: {program.name} failed: {failed}", flush=True)
    print(f"# {name}: {time.monotonic() - begin:.0f} s", flush=True)
    return part


def warm_up():
    """Once without counting: from then on the programs' files are in memory."""
    for program in common.PROGRAMS:
        once(start.measure, program, {})


def command():
    shortened = f"HOTRAM_BENCH_SECONDS={disk.SECONDS:g} " if disk.SECONDS != disk.USUAL_SECONDS else ""
    line = shortened + "bench/bench.py " + shlex.join(sys.argv[1:])
    if common.emulated():
        line = f"tests/host/run {'' if common.X86 else '--arch arm64 '}--timeout 3600 -- " + line
    return line.strip()


def run(args):
    results = {"command": command(), "date": time.strftime("%Y-%m-%d", time.gmtime()), "host": common.describe(),
               "parts": {}}
    args.results.parent.mkdir(parents=True, exist_ok=True)
    warm_up()
    quiet = common.Quiet()
    for name in args.only:
        results["parts"][name] = measure_part(name, args.repeat)
        results["host"]["others"] = quiet.others()
        # Each time: what is there stays, should a later part never end.
        args.results.write_text(json.dumps(results, indent=1) + "\n")
    print("\n" + table.report(results), flush=True)
    failed = [name for name, part in results["parts"].items()
              if any("failed" in results for results in part.values())]
    return 1 if failed else 0


def main():
    args = arguments()
    if not args.write:
        sys.exit(run(args))
    reports = [table.report(json.loads(given.read_text())) for given in args.given]
    table.write(args.write, reports)


main()
