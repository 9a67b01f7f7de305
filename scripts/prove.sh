#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Prove properties of the library with CBMC, and say the results as TAP. A
# proof is a function prove_NAME() in tests/proof/prove_*.c; docs/proofs.md
# says what is proven and how to read this.
#
#   scripts/prove.sh [--fast] [NAME...]
#
# --fast leaves out the proofs that are marked "slow", and takes the smaller
# bounds of FAST. Two proofs run at a time. Each one's whole output is in build/log/prove-NAME.log, with CBMC's
# trace of the case in which a proof fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
logs=build/log
mkdir -p $logs

# What has to hold besides what the proofs say: no undefined behaviour, and no
# loop that runs longer than the proof looked. docs/proofs.md has the list.
checks=(--bounds-check --pointer-check --pointer-overflow-check
        --pointer-primitive-check --div-by-zero-check --signed-overflow-check
        --undefined-shift-check --unwinding-assertions)
limit=${PROVE_TIMEOUT:-900} # seconds for one proof

# cbmc FILE FUNCTION OPTION...: with what FILE's own comment asks for.
cbmc() {
    local file=$1 function=$2 sources options
    shift 2
    read -ra sources <<< "$(sed -n 's/^ \* proof: sources //p' "$file")"
    read -ra options <<< "$(sed -n 's/^ \* proof: options //p' "$file" | tr '\n' ' ')"
    [ $fast = no ] || options+=(-D FAST)
    timeout "$limit" scripts/cbmc.sh -I include -I core "$file" \
        "${sources[@]}" --function "$function" --drop-unused-functions \
        --no-malloc-may-fail --slice-formula --verbosity 8 \
        "${checks[@]}" "${options[@]}" "$@"
}

# A log is that of a proof if CBMC came to its end, knew each function, refuted
# every "reachable" and nothing else. Prints what is wrong; the first word of a
# line that names a property is its name.
faults() {
    grep -aE "is not declared|no body for|CONVERSION ERROR|PARSING ERROR" "$1" |
        grep -av 'nondet_'
    grep -aqE '^VERIFICATION (FAILED|SUCCESSFUL)$' "$1" || echo "(no result)"
    grep -aqE '\] .*reachable: .*: FAILURE$' "$1" || echo "(nothing is reachable)"
    sed -nE '/reachable: /!s/^\[(.*)\] (.*): (FAILURE|UNKNOWN|ERROR)$/\1 \2/p' "$1"
    sed -nE '/reachable: /s/^\[(.*)\] (.*): SUCCESS$/\1 not \2/p' "$1"
}

# prove NUMBER FILE FUNCTION: one result.
prove() {
    local number=$1 file=$2 function=$3 name=${3#prove_} start=$SECONDS
    local log=$logs/prove-$name.log bad properties seconds
    cbmc "$file" "$function" > "$log" 2>&1
    bad=$(faults "$log")
    seconds=$((SECONDS - start))
    properties=$(grep -acE '^\[.*\] .*: (SUCCESS|FAILURE)$' "$log")
    if [ -z "$bad" ]; then
        echo "ok $number - $name ($seconds s, $properties properties)"
        return
    fi
    trace "$file" "$function" "${bad%% *}" >> "$log" 2>&1
    printf '%s\n' "not ok $number - $name ($seconds s), see $log:" \
        "$(head -n 10 <<< "$bad" | sed 's/^/#   /')"
}

# How the first property that fails comes to fail.
trace() {
    case $3 in
    *.*.[0-9]*) cbmc "$1" "$2" --property "$3" --trace ;;
    esac
}

# The proofs, as FILE:FUNCTION lines.
proofs() {
    grep -HE '^void prove_\w+\(void\)' tests/proof/prove_*.c |
        if [ $fast = yes ]; then grep -v '/\* slow \*/'; else cat; fi |
        sed -E 's/:void (prove_\w+).*/:\1/'
}

fast=no
[ "${1-}" != --fast ] || { fast=yes; shift; }
scripts/setup.sh prove && scripts/cbmc.sh || exit

list=$(proofs)
if [ $# -gt 0 ]; then
    list=$(for name; do grep ":prove_$name\$" <<< "$list" || echo "?:$name"; done)
fi
results=$(mktemp -p $logs prove-XXXXXX) || exit
trap 'rm -f "$results"' EXIT
count=0
for proof in $list; do
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
    count=$((count + 1))
    prove $count "${proof%:*}" "${proof#*:}" | tee -a "$results" &
done
wait
echo "1..$count"
failed=$(sed -n 's/^not ok [0-9]* - \([^ ]*\).*/\1/p' "$results" | xargs)
good=$(grep -c '^ok' "$results")
if [ "$count" -gt 0 ] && [ "$good" -eq "$count" ]; then
    echo "# $count proofs, all successful"
else
    echo "# $count proofs, $good successful; failed: $failed"
    exit 1
fi
