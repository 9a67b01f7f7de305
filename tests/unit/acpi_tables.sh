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
    "$acpica/iasl" -d "$1.dat" >"$log" 2>&1 && [ -s "$1.dsl" ] && ! grep -qiE 'warning|error' "$log"
}

# -oa: no optimizations, since these would hide that the original was encoded differently
compiles_to_the_same()
{
    "$acpica/iasl" -oa -p again "$1.dsl" >"$log" 2>&1 || return 1
    grep -q '0 Errors, 0 Warnings' "$log" || return 1
    cmp <(unsigned_bytes "$1.dat") <(unsigned_bytes again.aml) >>"$log" 2>&1
}

# ---- acpiexec ----

# In the background, since each run sleeps a second.
load()
{
    "$acpica/acpiexec" -b "$2" DSDT.dat <"/dev/null" >"$1" 2>&1 &
}

# The interpreter has nothing to say against the table, and finds what was asked for.
loaded()
{
    log=$1
    shift
    grep -q 'No outstanding allocations' "$log" && ! grep -qE 'ACPI (Error|Warning)|Exception' "$log" ||
        return 1
    for line in "$@"; do
        grep -qE "$line" "$log" || return 1
    done
}

if ! acpica=$("$(dirname "$0")/../../scripts/acpica.sh"); then
    echo "1..1"
    echo "not ok 1 - no iasl and acpiexec: see scripts/acpica.sh"
    exit 1
fi

# Machines: kind, slots, CPUs, nodes.
machines="$(for slots in 0 1 3 256; do
    for kind in x86 gicv3; do
        echo "$kind $slots 1 1"
        echo "$kind $slots 4 4"
    done
done)
gicv3 3 123 1
gicv2 0 1 1
gicv2 3 8 2"

while read -r kind slots cpus nodes; do
    machine="$kind, $slots slots, $cpus CPUs, $nodes nodes"
    mkdir "$work/$kind-$slots-$cpus"
    cd "$work/$kind-$slots-$cpus" || exit 1
    "$dump" "$kind" . "$slots" "$cpus" "$nodes" >"$log" 2>&1
    result $? "$machine: tables are written"
    for table in *.dat; do
        table=${table%.dat}
        disassembles "$table"
        result $? "$machine: iasl disassembles $table without errors or warnings"
        compiles_to_the_same "$table"
        result $? "$machine: iasl compiles that $table to the same bytes"
    done
    if [ "$kind" = x86 ]; then
        load load 'evaluate \_S5'
    else
        load load 'evaluate \_SB.GED._EVT 41;evaluate \_SB.COM0._CRS;evaluate \_SB.CP00.C000._UID'
    fi
done <<<"$machines"

wait
while read -r kind slots cpus _; do
    cd "$work/$kind-$slots-$cpus" || exit 1
    if [ "$kind" = x86 ]; then
        # PM1 sleep type 5
        loaded load 'Package\] Contains 4 Elements' 'Integer\] = 0*5$'
        result $? "$kind, $slots slots, $cpus CPUs: acpiexec loads the DSDT and finds S5"
    else
        # Memory32Fixed 0x09000000, Interrupt 33; _UID 0
        loaded load '86 09 00 01 00 00 00 09 00 10 00 00 89 06 00 01' '01 21 00 00 00 79' 'Integer\] = 0+$' \
            'valuation of .*_EVT'
        result $? "$kind, $slots slots, $cpus CPUs: acpiexec loads the DSDT, finds devices, handles an event"
    fi
done <<<"$machines"

echo "1..$number"
