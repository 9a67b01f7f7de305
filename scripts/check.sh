#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# All tests, stage after stage; closes with one line: N passed, N failed.
#
#   scripts/check.sh [STAGE...]     stages: build clang unit installed guest
#
# Every stage's whole output is in build/log/. Tests speak TAP; a stage that
# breaks, ends early or runs no test at all counts as one failure more.
#
# GUEST_TESTS="basic power" picks among tests/guest/test_*.py.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
logs=build/log
mkdir -p $logs build/tmp

passed=0 failed=0

pass() { passed=$((passed + 1)); echo "ok - $*"; }
fail() { failed=$((failed + 1)); echo "not ok - $*"; }

# step NAME COMMAND...: one result, from the command's exit status.
step() {
    local name=$1 log=$logs/${1// /-}.log start=$SECONDS
    shift
    if "$@" > "$log" 2>&1; then
        pass "$name ($((SECONDS - start)) s)"
    else
        fail "$name ($((SECONDS - start)) s), see $log:"
        tail -n 30 "$log" | sed 's/^/# /'
        return 1
    fi
}

# A command that speaks TAP.
#   tap NAME COMMAND...
tap() {
    local name=$1 log=$logs/${1// /-}.log start=$SECONDS status
    local good bad skipped planned
    shift
    echo "# $name"
    "$@" 2>&1 | tee "$log" | grep --line-buffered -aE '^(ok|not ok|#)'
    status=${PIPESTATUS[0]}
    skipped=$(grep -aciE '^ok\b.*# *skip' "$log")
    good=$(($(grep -acE '^ok\b' "$log") - skipped))
    bad=$(grep -acE '^not ok\b' "$log")
    planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" |
        awk '{ n += $1 } END { print n + 0 }')
    passed=$((passed + good)) failed=$((failed + bad))
    if [ $((good + bad + skipped)) -eq 0 ]; then
        fail "$name: no test ran (status $status), see $log"
        tail -n 20 "$log" | sed 's/^/# /'
    elif [ $((good + bad + skipped)) -ne "$planned" ]; then
        fail "$name: ended early (status $status), see $log"
        tail -n 20 "$log" | sed 's/^/# /'
    elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        fail "$name: all tests passed, but status $status, see $log"
    fi
    echo "# $name: $((SECONDS - start)) s"
}

# A line "# host: OPTIONS" in a test says what host it wants where the host is
# emulated: see tests/host/emulated --help.
# shellcheck disable=SC2317  # called through tap
guest_test() {
    local file=$1 options
    read -ra options <<< "$(sed -n 's/^# host: *//p' "$file")"
    tests/host/run --timeout 600 "${options[@]}" -- /usr/bin/python3 -S "$file"
}

installed_tests() {
    [ ! -x tests/installed/run ] || tap installed tests/installed/run
}

guest_tests() {
    local file name
    for file in tests/guest/test_*.py; do
        name=${file##*/test_} name=${name%.py}
        case " ${GUEST_TESTS:-$name} " in
        *" $name "*) tap "guest $name" guest_test "$file" ;;
        esac
    done
}

prepare() {
    scripts/setup.sh build guest check && scripts/guest-images.sh
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

if ! prepare 2>&1 | tee $logs/prepare.log; then
    fail "packages and guest images"
    finish
fi
[ $# -gt 0 ] || set -- build clang unit installed guest
for stage; do
    case $stage in
    # When this fails there is nothing to test.
    build)     step "build with gcc" scripts/build.sh build/native gcc || finish ;;
    clang)     step "build with clang" scripts/build.sh build/clang clang ;;
    unit)      tap unit scripts/unit-tests.py build/native ;;
    installed) installed_tests ;;
    guest)     guest_tests ;;
    *)         fail "unknown stage '$stage'" ;;
    esac
done
finish
