#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Holds the ACPI tables against ACPICA, Linux's own interpreter: iasl disassembles each one without errors or
# warnings, compiles what came out, and gets the same bytes again; acpiexec loads the DSDT. What its methods do
# is shown in tests/aml. Speaks TAP.
#
#   acpi_tables.sh DUMP_TABLES
set -u

dump=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
log=$work/log

# result STATUS WORDS...: one line of TAP; on failure with the log beside it
result()
{
    local status=$1
    shift
    number=$((number + 1))
    if [ "$status" -eq 0 ]; then
        echo "ok $number - $*"
    else
        echo "not ok $number - $*"
        sed 's/^/# /' "$log"
    fi
}

# ---- iasl ----

# All bytes but those that the compiler signs with: checksum and compiler id (5.2.6). A FACS has neither.
unsigned_bytes()
{
    if [ "$(head -c 4 "$1")" = FACS ]; then
        cat "$1"
    else
        head -c 9 "$1"
        tail -c +11 "$1" | head -c 18
        tail -c +37 "$1"
    fi
}

disassembles()
{
    iasl -d "$1.dat" >"$log" 2>&1 && [ -s "$1.dsl" ] && ! grep -qiE 'warning|error' "$log"
}

# -oa: no optimizations, since these would hide that the original was encoded differently
compiles_to_the_same()
{
    iasl -oa -p again "$1.dsl" >"$log" 2>&1 || return 1
    grep -q '0 Errors, 0 Warnings' "$log" || return 1
    cmp <(unsigned_bytes "$1.dat") <(unsigned_bytes again.aml) >>"$log" 2>&1
}

# ---- acpiexec ----

# In the background, since each run sleeps a second.
load()
{
    acpiexec -b 'evaluate \_S5' DSDT.dat <"/dev/null" >"$1" 2>&1 &
}

# The interpreter has nothing to say against the table, and finds how to power off.
loaded()
{
    log=$1
    grep -q 'No outstanding allocations' "$log" && ! grep -qE 'ACPI (Error|Warning)|Exception' "$log" &&
        grep -q 'Package\] Contains 4 Elements' "$log" && grep -qE 'Integer\] = 0*5$' "$log"
}

if ! command -v iasl >/dev/null || ! command -v acpiexec >/dev/null; then
    echo "1..1"
    echo "not ok 1 - iasl and acpiexec (package acpica-tools) are not installed"
    exit 1
fi

for slots in 0 1 3 256; do
    for cpus in 1 4; do
        nodes=$cpus
        machine="$slots slots, $cpus CPUs, $nodes nodes"
        mkdir "$work/$slots-$cpus"
        cd "$work/$slots-$cpus" || exit 1
        "$dump" . "$slots" "$cpus" "$nodes" >"$log" 2>&1
        result $? "$machine: tables are written"
        for table in *.dat; do
            table=${table%.dat}
            disassembles "$table"
            result $? "$machine: iasl disassembles $table without errors or warnings"
            compiles_to_the_same "$table"
            result $? "$machine: iasl compiles that $table to the same bytes"
        done
        load "$work/load-$slots-$cpus"
    done
done

wait
for slots in 0 1 3 256; do
    for cpus in 1 4; do
        loaded "$work/load-$slots-$cpus"
        result $? "$slots slots, $cpus CPUs: acpiexec loads the DSDT and finds S5"
    done
done

echo "1..$number"
