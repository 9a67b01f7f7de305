#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Build the fuzz targets of tests/fuzz and run them, two at a time; speaks TAP.
#
#   scripts/fuzz.sh [--seconds N] [--seed N] [TARGET...]      default: 60 s each, all
#
# A target starts from tests/fuzz/corpus/TARGET and from what earlier runs have
# found, in build/fuzz/corpus/TARGET. The seed is random unless one is given. An
# input that makes it fail is kept in build/fuzz/findings/TARGET; run the target
# with it alone to see it again.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
folder=build/fuzz
programs=$folder/tests/fuzz
all=(memhp cpuhp plan state stream migration devices aml set kernel image flash fw_cfg pci ring blocks filter vhost_user virtio serial options config_file qmp hmp)

# Fewer runs than these in a second mean that something is broken; the slowest
# target makes hundreds on an idle machine. On a busy one it gets more time.
least=10
patience=8

build() {
    [ -f $folder/build.ninja ] || CC=clang meson setup ${HOTRAM_WERROR:+--werror} \
        -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all' $folder || return
    ninja -C $folder fuzz-targets
}

# Of a target's last run.
runs_of() { sed -n 's/^stat::number_of_executed_units: *//p' "$logs/fuzz-$1.log"; }

# One target; the whole output of its last run goes to its log.
fuzz() {
    fuzz_for "$seconds" "$1" || return
    [ "0$(runs_of "$1")" -ge $((least * seconds)) ] || fuzz_for $((patience * seconds)) "$1"
}

#   fuzz_for SECONDS TARGET
fuzz_for() {
    local time=$1 target=$2 options=(-max_len=1024)
    case $target in
    kernel|image) options=(-max_len=4096) ;;
    options|qmp) options=(-max_len=4096 "-dict=$programs/$target.dict") ;;
    hmp)         options=(-max_len=1024 "-dict=$programs/$target.dict") ;;
    esac
    mkdir -p "$folder/corpus/$target" "$folder/findings/$target"
    # -close_fd_mask=1: what -help prints is of no use here.
    nice timeout --kill-after=10 $((time + 120)) "$programs/fuzz_$target" \
        -max_total_time="$time" -timeout=20 -rss_limit_mb=1024 \
        -malloc_limit_mb=512 -detect_leaks=1 -close_fd_mask=1 \
        -print_final_stats=1 -seed="$seed" "${options[@]}" \
        -artifact_prefix="$folder/findings/$target/" \
        "$folder/corpus/$target" "tests/fuzz/corpus/$target" \
        > "$logs/fuzz-$target.log" 2>&1
}

# One line of TAP from a target's exit status and log.
report() {
    local target=$1 status=$2 log=$logs/fuzz-$1.log runs coverage finding
    runs=$(runs_of "$target")
    coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    finding=$(sed -n 's/.*Test unit written to //p' "$log")
    number=$((number + 1))
    if [ "$status" -eq 0 ] && [ "${runs:-0}" -ge $((least * seconds)) ]; then
        echo "ok $number - fuzz $target ($seconds s, $runs runs, coverage $coverage)"
        return
    fi
    failed=$((failed + 1))
    echo "not ok $number - fuzz $target (status $status, ${runs:-0} runs), see $log"
    [ -z "$finding" ] || echo "# again: $programs/fuzz_$target $finding"
    grep -aE '^(SUMMARY|==.*ERROR|tests/fuzz|.*not true:)|runtime error' "$log" | head -n 5 | sed 's/^/# /'
}

seconds=60 seed=$RANDOM
while :; do
    case ${1:-} in
    --seconds) seconds=$2 ;;
    --seed)    seed=$2 ;;
    *)         break ;;
    esac
    shift 2
done
[ $# -gt 0 ] || set -- "${all[@]}"
for target; do
    case " ${all[*]} " in *" $target "*) continue ;; esac
    echo "fuzz.sh: there is no target '$target', but: ${all[*]}" >&2
    exit 2
done

logs=build/log number=0 failed=0
mkdir -p $logs
if ! build > $logs/fuzz-build.log 2>&1; then
    tail -n 30 $logs/fuzz-build.log | sed 's/^/# /'
    echo "fuzz.sh: the targets do not build, see $logs/fuzz-build.log" >&2
    exit 1
fi

echo "1..$#"
declare -A running=()
for target; do
    if [ ${#running[@]} -ge 2 ]; then
        wait -n -p pid
        report "${running[$pid]}" $?
        unset "running[$pid]"
    fi
    fuzz "$target" &
    running[$!]=$target
done
while [ ${#running[@]} -gt 0 ]; do
    wait -n -p pid
    report "${running[$pid]}" $?
    unset "running[$pid]"
done
[ $failed -eq 0 ]
