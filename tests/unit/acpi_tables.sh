#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Holds the ACPI tables against ACPICA, Linux's own interpreter: iasl disassembles each one without errors or
# warnings, compiles what came out, and gets the same bytes again; acpiexec runs the methods of the memory
# devices. Speaks TAP.
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

# start NAME OPTIONS COMMANDS: acpiexec on the DSDT here, in the background, since each run sleeps a second.
# It simulates the registers as plain memory: -fv fills it, -fi sets single fields.
start()
{
    # shellcheck disable=SC2086
    acpiexec $2 -b "$3" DSDT.dat <"/dev/null" >"$work/run-$1" 2>&1 &
}

# ran NAME: its log is to be looked at, and says nothing of errors or warnings
ran()
{
    log=$work/run-$1
    grep -q 'No outstanding allocations' "$log" && ! grep -qE 'ACPI (Error|Warning)|Exception' "$log"
}

# says PATTERN...: all of them in the log, in this order
says()
{
    local line=0 found pattern
    for pattern; do
        found=$(tail -n +$((line + 1)) "$log" | grep -nE -m1 -- "$pattern" | cut -d: -f1)
        [ -n "$found" ] || { echo "not found: $pattern" >>"$log"; return 1; }
        line=$((line + found))
    done
}

# integer NAME VALUE: what an evaluation returned
integer()
{
    says "Evaluation of .*$1 returned" "Integer\] = 0*$2\$"
}

notifications()
{
    grep -o 'System Notify on \[MP..\].*' "$log" | sed 's/.*\[\(MP..\)\].*(\(.*\))/\1 \2/'
}

if ! command -v iasl >/dev/null || ! command -v acpiexec >/dev/null; then
    echo "1..0 # SKIP iasl and acpiexec (package acpica-tools) are not installed"
    exit 0
fi

for slots in 0 1 3 256; do
    for cpus in 1 4; do
        machine="$slots slots, $cpus CPUs"
        mkdir "$work/$slots-$cpus"
        cd "$work/$slots-$cpus" || exit 1
        "$dump" . "$slots" "$cpus" >"$log" 2>&1
        result $? "$machine: tables are written"
        for table in *.dat; do
            table=${table%.dat}
            disassembles "$table"
            result $? "$machine: iasl disassembles $table without errors or warnings"
            compiles_to_the_same "$table"
            result $? "$machine: iasl compiles that $table to the same bytes"
        done
        start "load-$slots-$cpus" "" 'evaluate \_S5'
    done
done

cd "$work/256-1" || exit 1
mhpd='\_SB.MHPD.'
printf '%sMRLL 0x40000000\n' "$mhpd" >below
printf '%sMRLL 0xFFFFFF01\n' "$mhpd" >upto
printf '%sMRLL 0xFFFFFF02\n' "$mhpd" >beyond
start empty "-fv 0" "evaluate ${mhpd}MPFF._STA; resources ${mhpd}MPFF"
start plugged "-fv 1" "evaluate ${mhpd}MPFF._STA; resources ${mhpd}MPFF; evaluate ${mhpd}MPFF._PXM"
start below "-fi below" "resources ${mhpd}MPFF"
start upto "-fi upto" "resources ${mhpd}MPFF"
start beyond "-fi beyond" "resources ${mhpd}MPFF"
start ost "-fv 0" "evaluate ${mhpd}MP7F._OST 3 0x84 (00); evaluate ${mhpd}MSEL; evaluate ${mhpd}MOEV;
                   evaluate ${mhpd}MOSC"
start eject "-fv 0" "evaluate ${mhpd}MP80._EJ0 1; evaluate ${mhpd}MSEL; evaluate ${mhpd}MFLG"
start idle "-fv 0xff" 'evaluate \_GPE._E03'
start one "-fv 0" "evaluate ${mhpd}MTFY 0xFF 3"
wait

for slots in 0 1 3 256; do
    for cpus in 1 4; do
        ran "load-$slots-$cpus" && says 'Package\] Contains 4 Elements' 'Integer\] = 0*5$'
        result $? "$slots slots, $cpus CPUs: acpiexec loads the DSDT and finds S5"
    done
done

ran empty && integer _STA 0
result $? "_STA of an empty slot is 0"
ran empty && says 'EndTag' && ! grep -q 'Address Minimum' "$log"
result $? "_CRS of an empty slot has no range"
ran plugged && integer _STA F
result $? "_STA of a plugged slot is 0xf"
ran plugged && integer _PXM 1010101
result $? "_PXM is the proximity register"

attributes=('Memory Range' ReadWrite Cacheable ResourceConsumer PosDecode MinFixed MaxFixed)
ran plugged && says '64-Bit QWORD Address Space' "${attributes[@]}" 'Granularity : 0*$' \
    'Minimum : 01010101000000FF' 'Maximum : 02020202010101FF' 'Length : 0101010101010101' EndTag
result $? "_CRS above 4 GiB is a QWordMemory"
ran below && says '32-Bit DWORD Address Space' "${attributes[@]}" 'Granularity : 0*$' \
    'Minimum : 000000FF' 'Maximum : 400000FE' 'Length : 40000000' EndTag
result $? "_CRS below 4 GiB is a DWordMemory"
ran upto && says '32-Bit DWORD' 'Maximum : FFFFFFFF' EndTag
result $? "_CRS that ends at 4 GiB is a DWordMemory"
ran beyond && says '64-Bit QWORD' 'Maximum : 0000000100000000' EndTag
result $? "_CRS that ends a byte beyond 4 GiB is a QWordMemory"

ran ost && integer MSEL 7F && integer MOEV 3 && integer MOSC 84
result $? "_OST writes selector, event and status"
ran eject && integer MSEL 80 && integer MFLG 8
result $? "_EJ0 writes selector and eject bit"

ran idle && [ -z "$(notifications)" ]
result $? "_E03 without pending events notifies nobody"
ran one && [ "$(notifications)" = 'MPFF Eject Request' ]
result $? "MTFY notifies the device of its slot only"

echo "1..$number"
