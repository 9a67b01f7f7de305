#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# All tests, stage after stage; closes with one line: N passed, N failed.
#
#   scripts/check.sh [STAGE...]     stages: build unit freestanding program faults
#                                           installed prove differential
#                                           clang alone format fuzz libvirt
#                                           distributions guest arm64 asan tsan
#                                           stress
#   scripts/check.sh all            each stage, with all of its tests
#
# With no stage named it is each stage, less those tests that take long where their
# host is emulated, and say so: see is_left_out().
#
# Every stage's whole output is in build/log/. Tests speak TAP; a stage that
# breaks, ends early or runs no test at all counts as one failure more. Two test
# programs run at a time, and what each said is printed when it ends: the order of
# the list below is that of the starts.
#
# GUEST_TESTS="basic power" picks among tests/guest/test_*.py, PROGRAM_TESTS and
# LIBVIRT_TESTS among those of tests/program and tests/libvirt; HOTRAM_ARCH=arm64 is set by the stage of this name.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export HOTRAM_WERROR=1
logs=build/log
mkdir -p $logs build/tmp

passed=0 failed=0 started=() named=yes left_out=()

pass() { passed=$((passed + 1)); echo "ok - $*"; }
fail() { failed=$((failed + 1)); echo "not ok - $*"; }

# step NAME COMMAND...: one result, from the command's exit status; 77 means that
# it could not be tried here, for the reason in the last line.
step() {
    local name=$1 log=$logs/${1// /-}.log start=$SECONDS status=0
    shift
    "$@" > "$log" 2>&1 || status=$?
    case $status in
    0)  pass "$name ($((SECONDS - start)) s)" ;;
    77) echo "ok - $name # SKIP $(tail -n 1 "$log")" ;;
    *)  fail "$name ($((SECONDS - start)) s), see $log:"
        tail -n 30 "$log" | sed 's/^/# /'
        return 1 ;;
    esac
}

# A command that speaks TAP: start it as soon as fewer than two others run, of
# whatever stage. Its results are printed together at its end, and join the sums in
# drain().
#   tap NAME COMMAND...
tap() {
    local log=$logs/${1// /-}.log
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
    rm -f "$log.sums"
    started+=("$1")
    echo "# $1: started"
    tap_run "$log" "$@" &
}

# tap_run LOG NAME COMMAND...: the log ends with the command's exit status.
tap_run() {
    local log=$1 name=$2 start=$SECONDS status=0
    shift 2
    "$@" > "$log" 2>&1 < /dev/null || status=$?
    echo "status $status" >> "$log"
    {
        echo "# $name: $((SECONDS - start)) s"
        grep -aE '^(ok|not ok|#)' "$log"
        passed=0 failed=0
        tap_count "$name" "$log" $status
        echo "$passed $failed" > "$log.sums"
    } > "$log.said"
    flock "$logs" cat "$log.said"
    rm -f "$log.said"
}

# Add the results in a log to the sums. Less than what was planned, or a bad
# end without a bad result, is one failure more.
#   tap_count NAME LOG STATUS
tap_count() {
    local name=$1 log=$2 status=$3 good bad skipped planned
    # In TAP "not ok" may be skipped, too.
    skipped=$(grep -aciE '^(not )?ok\b.*# *skip' "$log")
    good=$(grep -aE '^ok\b' "$log" | grep -aciEv '# *skip')
    bad=$(grep -aE '^not ok\b' "$log" | grep -aciEv '# *skip')
    planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" |
        awk '{ n += $1 } END { print n + 0 }')
    passed=$((passed + good)) failed=$((failed + bad))
    if [ $((good + bad + skipped)) -eq 0 ]; then
        fail "$name: no test ran (status $status), see $log"
        tail -n 20 "$log" | sed 's/^/# /'
    elif [ $((good + bad + skipped)) -ne "$planned" ]; then
        fail "$name: ended early (status $status), see $log"
        tail -n 20 "$log" | sed 's/^/# /'
    elif [ "$status" != 0 ] && [ "$bad" -eq 0 ]; then
        fail "$name: all tests passed, but status $status, see $log"
    fi
}

# Wait for all that tap() has started, and add up what they counted.
drain() {
    local name sums good bad
    wait
    for name in "${started[@]}"; do
        sums=$logs/${name// /-}.log.sums
        if [ -f "$sums" ]; then
            read -r good bad < "$sums"
            passed=$((passed + good)) failed=$((failed + bad))
        else
            fail "$name: ended without a result"
        fi
    done
    started=()
}

# A line "# host: OPTIONS" in a test says what host it wants where the host is
# emulated: see tests/host/emulated --help. More of them may follow, and a command
# that the test is an argument of. A line "# disk: FOLDER" wants a copy of Debian's disk
# there, which is x86-64's: see scripts/debian-disk.sh.
#   guest_test BUILD FILE [OPTION...] [-- COMMAND...]
# shellcheck disable=SC2317  # called through tap
guest_test() {
    local build=$1 file=$2 options disk
    shift 2
    read -ra options <<< "$(sed -n 's/^# host: *//p' "$file")"
    case " $* " in *" -- "*) ;; *) set -- "$@" -- ;; esac
    disk=$(sed -n 's/^# disk: *//p' "$file")
    [ -z "$disk" ] || [ "${HOTRAM_ARCH:-}" = arm64 ] || scripts/debian-disk.sh "$disk" >&2 || return
    HOTRAM=${HOTRAM:-$PWD/build/$build/vmm/hotram} \
        tests/host/run --timeout 600 "${options[@]}" "$@" /usr/bin/python3 -S "$file"
}

# Any /dev/kvm, for micro-guests: an emulating one does not run an ordinary Linux.
any_kvm() { [ -r /dev/kvm ] && [ -w /dev/kvm ]; }

# Neither stages nor tests were named, and guests' hosts are emulated here.
is_shortened() { [ $named = no ] && ! tests/host/has-kvm "${HOTRAM_ARCH:-x86-64}" > /dev/null; }

# is_left_out FILE: a line "# emulated: ARCHITECTURE..." or "# emulated: none" in a test says that a run which is
# shortened has it for those only.
is_left_out() {
    local arch=${HOTRAM_ARCH:-x86-64} those
    those=$(sed -n 's/^# emulated: *//p' "$1")
    case " $those " in "  " | *" $arch "*) return 1 ;; esac
    is_shortened || return
    ! any_kvm || ! grep -q '^# guest: none' "$1" || return
    left_out+=("${1#tests/} ($arch)")
}

# Those with guests of their own skip these without /dev/kvm, and run once more where there is one.
unit_tests() {
    local name
    tap unit scripts/unit-tests.py build/native
    ! any_kvm || return 0
    for name in memslots guest_interrupts; do
        tap "unit $name" tests/host/run --timeout 300 --env CMOCKA_MESSAGE_OUTPUT=TAP -- \
            build/native/tests/unit/vmm/test_$name
    done
}

# The whole program with a micro-guest, or without KVM: "# kvm: none" in a test, or some of its tests: "# kvm: some".
# shellcheck disable=SC2317  # called through tap
program_test() {
    local status=0 part=(--env HOTRAM_KVM=all)
    if any_kvm || grep -q '^# kvm: none' "$1"; then
        /usr/bin/python3 -S "$1"
        return
    elif grep -q '^# kvm: some' "$1"; then
        HOTRAM_KVM=none /usr/bin/python3 -S "$1" || status=$?
        part=(--env HOTRAM_KVM=only)
    fi
    tests/host/run --timeout 600 "${part[@]}" -- /usr/bin/python3 -S "$1" || status=$?
    return $status
}

program_tests() {
    local file name
    for file in tests/program/test_*.py; do
        name=${file##*/test_} name=${name%.py}
        [[ -z ${PROGRAM_TESTS:-} || " $PROGRAM_TESTS " == *" $name "* ]] || continue
        tap "program $name" program_test "$file"
    done
}

# Every call that can fail does, in every operation; with HOTRAM=... of another build, too.
fault_tests() {
    tap faults program_test tests/faults/test_faults.py
}

# One test of libvirt: where this machine lets its programs be laid over its own,
# and has what the test needs ("# guest: none": any /dev/kvm), else in the emulated
# host.
# shellcheck disable=SC2317  # called through tap
libvirt_test() {
    local file=$1 inside=(tests/libvirt/run /usr/bin/python3 -S "$1") options
    if ! tests/libvirt/run true 2>/dev/null; then
        read -ra options <<< "$(sed -n 's/^# host: *//p' "$file")"
        tests/host/emulated --timeout 600 "${options[@]}" -- "${inside[@]}"
    elif any_kvm && grep -q '^# guest: none' "$file"; then
        timeout --kill-after=10 600 "${inside[@]}" < /dev/null
    else
        guest_test native "$file" -- tests/libvirt/run
    fi
}

# The real libvirtd and virsh of Debian, and real guests.
libvirt_tests() {
    local file name
    step "libvirt's programs, unpacked" scripts/libvirt-root.sh || return
    for file in tests/libvirt/test_*.py; do
        name=${file##*/test_} name=${name%.py}
        [[ -z ${LIBVIRT_TESTS:-} || " $LIBVIRT_TESTS " == *" $name "* ]] || continue
        [ "$name" != arm64 ] || continue        # see arm64_tests
        ! is_left_out "$file" || continue
        tap "libvirt $name" libvirt_test "$file"
    done
    echo "# what virsh said: $logs/libvirt-*.log"
}

# "# kvm: qemu" in a test: QEMU needs any /dev/kvm. An emulated host does fewer operations in that time.
# shellcheck disable=SC2317  # called through tap
differential_test() {
    if any_kvm || ! grep -q '^# kvm: qemu' "$1"; then
        /usr/bin/python3 -S "$1"
    else
        tests/host/run --timeout 600 --env HOTRAM_OPERATIONS=1000 -- /usr/bin/python3 -S "$1"
    fi
}

# All guest tests with the program of one build, each in an emulated host of its own
# where one is needed. "# architectures: ..." in a test says which it is for, or which
# suffices: on another it asks nothing else, and runs only if GUEST_TESTS names it.
#   guest_tests BUILD TITLE
guest_tests() {
    local build=$1 title=$2 file name those
    for file in tests/guest/test_*.py; do
        name=${file##*/test_} name=${name%.py}
        case " ${GUEST_TESTS:-$name} " in *" $name "*) ;; *) continue ;; esac
        those=$(sed -n 's/^# architectures: *//p' "$file")
        case " ${GUEST_TESTS:+${HOTRAM_ARCH:-x86-64}} ${those:-${HOTRAM_ARCH:-x86-64}} " in
        *" ${HOTRAM_ARCH:-x86-64} "*) ;;
        *) continue ;;
        esac
        ! is_left_out "$file" || continue
        tap "$title $name" guest_test "$build" "$file"
    done
}

# Those that the first build has made, by their names in a build's folder: HOTRAM_TARGETS for another one that is to
# build no more. If there are none, all is built.
programs() { (cd build/native && find vmm ctl -maxdepth 1 -type f -perm /u+x -name 'hotram*') 2> /dev/null | xargs; }

# Of the unit tests, those that run are built when they do.
#   build_sanitized asan|tsan
build_sanitized() {
    local -x HOTRAM_TARGETS
    HOTRAM_TARGETS=$(programs)
    case $1 in
    asan) step "build with address,undefined sanitizers" scripts/build.sh build/asan gcc address,undefined -Dtests=false ;;
    tsan) step "build with thread sanitizers" scripts/build.sh build/tsan gcc thread ;;
    esac
}

# Those program and guest tests once more that say "# sanitizers: BUILD...", with a program that is
# built with sanitizers; what these find ends it (tests/lib/machine.py).
#   sanitized_tests asan|tsan
sanitized_tests() {
    local chosen
    build_sanitized "$1" || return
    [ "$1" != tsan ] || tap "unit-$1" scripts/unit-tests.py "build/$1" bus guest_dirty guest_leases guest_listeners \
        interrupts reservation msix net-port net-backend net-tap
    [ -n "${GUEST_TESTS:-}" ] || sanitized_program_tests "$1"
    chosen=$(grep -lE "^# sanitizers:.* $1\\b" tests/guest/test_*.py | sed 's/.*test_//; s/\.py//' | tr '\n' ' ')
    if is_shortened; then
        left_out+=("guests with $1: $chosen")
    else
        local GUEST_TESTS=${GUEST_TESTS:-$chosen}
        guest_tests "$1" "guest-$1"
    fi
}

# They need no KVM, or some of their tests need none. There are fewer random operations than with the build that is
# not slowed down.
sanitized_program_tests() {
    local file name
    for file in $(grep -lE "^# sanitizers:.* $1\\b" tests/program/test_*.py); do
        name=${file##*/test_} name=${name%.py}
        tap "program-$1 $name" sanitized_program_test "$1" "$file"
    done
}

# shellcheck disable=SC2317  # called through tap
sanitized_program_test() {
    local -x HOTRAM=$PWD/build/$1/vmm/hotram HOTRAM_RUNS=20
    # What needs KVM takes minutes in an emulated host.
    if ! any_kvm && grep -q '^# kvm: some' "$2"; then
        HOTRAM_KVM=none /usr/bin/python3 -S "$2"
    else
        program_test "$2"
    fi
}

# Random commands, clients and guests on the real hotplug code, with the sanitizers of the two stages before it: half
# a minute each with a test and with a micro-guest as the guest, the two builds at the same time.
stress_tests() {
    local build
    build_sanitized asan && build_sanitized tsan || return
    for build in asan tsan; do
        tap "stress $build" stress_test $build
    done
}

# shellcheck disable=SC2317  # called through tap
stress_test() {
    local -x HOTRAM=$PWD/build/$1/vmm/hotram HOTRAM_SECONDS=${HOTRAM_SECONDS:-30}
    program_test tests/stress/test_stress.py
}

# The cross build, its host, and those guest tests that depend on the processor; the first of them once more where KVM
# has to do without the virtualization host extensions, and those of CPUs there with a GICv2, and with a later kernel,
# where a snapshot is restored, too.
arm64_tests() {
    step "packages and guest images for arm64" prepare_arm64 &&
        step "build for arm64" scripts/build.sh build/arm64 aarch64-linux-gnu-gcc || return
    tap "arm64 host" /usr/bin/python3 -S tests/host/test_arm64.py
    local -x HOTRAM_ARCH=arm64
    [ -n "${GUEST_TESTS:-}" ] || HOTRAM=$PWD/tests/host/arm64-program tap "program firmware arm64" \
        /usr/bin/python3 -S tests/program/test_firmware.py
    [ -n "${GUEST_TESTS:-}" ] || HOTRAM=$PWD/tests/host/arm64-program tap "program firmware_kernel arm64" \
        /usr/bin/python3 -S tests/program/test_firmware_kernel.py
    guest_tests arm64 guest-arm64
    tap "guest-arm64 basic nvhe" guest_test arm64 tests/guest/test_basic.py --vhe 0
    [ -n "${GUEST_TESTS:-}" ] || HOTRAM=$PWD/build/arm64/vmm/hotram tap "guest-arm64 uefi gicv2" tests/host/run \
        --timeout 600 --vhe 0 --gic 2 -- /usr/bin/python3 -S tests/guest/test_uefi_arm64.py bootindex
    tap "guest-arm64 cpus gicv2" guest_test arm64 tests/guest/test_cpus.py --vhe 0 --gic 2
    tap "guest-arm64 cpus host-6.12" guest_test arm64 tests/guest/test_cpus.py --images guest-arm64/host-6.12
    [ -n "${GUEST_TESTS:-}" ] || HOTRAM=$PWD/build/arm64/vmm/hotram tap "guest-arm64 snapshot host-6.12" tests/host/run \
        --memory 3G --timeout 900 --images guest-arm64/host-6.12 -- /usr/bin/python3 -S tests/guest/test_snapshot.py continues
    [ -n "${GUEST_TESTS:-}" ] || is_left_out tests/libvirt/test_arm64.py ||
        ! step "libvirt's programs for arm64, unpacked" scripts/libvirt-arm64-root.sh ||
        tap "libvirt arm64" guest_test arm64 tests/libvirt/test_arm64.py --root build/libvirt-arm64/root -- tests/libvirt/run
}

# shellcheck disable=SC2317  # called through step
prepare_arm64() {
    scripts/setup.sh arm64 && scripts/guest-images.sh arm64
}

# `make` in a folder of its own, on a machine that knows nothing of packages: what asks for them comes before the first
# program, and one is enough.
# shellcheck disable=SC2317  # called through step
make_alone() {
    rm -rf build/alone
    HOTRAM_TARGETS=ctl/hotramctl PATH=$(tests/lib/without build/alone/path 'apt* dpkg*') make BUILD=build/alone/build &&
        build/alone/build/ctl/hotramctl --version
}

# What a stage needs that is not in every Debian: groups of scripts/setup.sh, "images",
# "acpica" and "daemons", whose tests skip where there is no way to get them.
needs_of() {
    case $1 in
    build)                  echo build ;;
    unit)                   echo build unit guest acpica ;;
    freestanding | clang)   echo build check ;;
    alone)                  echo build ;;
    differential)           echo build guest arm64 ;;
    fuzz)                   echo build fuzz ;;
    format)                 echo format ;;
    arm64)                  echo arm64 ;;
    prove | distributions) ;; # these see to it themselves
    guest)                  echo build guest images disk daemons ;;
    program)                echo build guest images daemons ;;
    installed)              echo build guest check images ;;
    *)                      echo build guest images ;;
    esac
}

# prepare STAGE...
prepare() {
    local stage need groups=() images=no acpica=no daemons=no
    for stage; do
        for need in $(needs_of "$stage"); do
            case $need in
            images) images=yes ;;
            acpica) acpica=yes ;;
            daemons) daemons=yes ;;
            *)      groups+=("$need") ;;
            esac
        done
    done
    { [ ${#groups[@]} -eq 0 ] || scripts/setup.sh "${groups[@]}"; } &&
        { [ $images = no ] || scripts/guest-images.sh; } &&
        { [ $acpica = no ] || scripts/acpica.sh > /dev/null; } &&
        { [ $daemons = no ] || scripts/later-daemon.sh || true; }
}

finish() {
    drain
    [ ${#left_out[@]} -eq 0 ] ||
        echo "# left out, where hosts are emulated; scripts/check.sh all runs them, too: ${left_out[*]}"
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

# A name that no test has would pick nothing, and nothing would fail. What is picked
# here is not for a check.sh that a test runs.
for kind in program guest libvirt; do
    list=${kind^^}_TESTS
    for name in ${!list:-}; do
        [ -f "tests/$kind/test_$name.py" ] || {
            fail "$list: there is no tests/$kind/test_$name.py"
            finish
        }
    done
    export -n "${list?}"
done

[ $# -gt 0 ] || [ -n "${GUEST_TESTS:-}${LIBVIRT_TESTS:-}" ] || named=no
case ${*:-all} in
all) set -- build unit freestanding program faults installed prove differential clang alone format fuzz libvirt \
    distributions guest arm64 asan tsan stress ;;
esac
if ! prepare "$@" 2>&1 | tee $logs/prepare.log; then
    fail "packages and guest images"
    finish
fi
for stage; do
    case $stage in
    # When this fails there is nothing to test.
    build)     step "build with gcc" scripts/build.sh build/native gcc || finish ;;
    alone)     step "make, with neither apt nor dpkg" make_alone ;;
    clang)     step "build with clang" scripts/build.sh build/clang clang none -Doptimization=1 -Dtests=false ;;
    unit)      unit_tests ;;
    freestanding) tap freestanding tests/freestanding/run build/native ;;
    installed) tap installed tests/installed/run ;;
    prove)     tap prove scripts/prove.sh --fast ;;
    format)    step "format of the sources" scripts/format.sh --check ;;
    program)   program_tests ;;
    faults)    fault_tests ;;
    # A check judges a change: what it tries is the same before and after. `make fuzz` explores.
    fuzz)      tap fuzz scripts/fuzz.sh --seconds 4 --seed 1 ;;
    libvirt)   libvirt_tests ;;
    guest)     guest_tests native guest ;;
    arm64)     arm64_tests ;;
    asan|tsan) sanitized_tests "$stage" ;;
    distributions) tap distributions setpriv --pdeathsig TERM scripts/distributions.sh ;;
    stress)    stress_tests ;;
    differential)
        for name in properties json sizes cmos cpus registers; do
            tap "differential $name" differential_test "tests/differential/test_$name.py"
        done ;;
    *)         fail "unknown stage '$stage'" ;;
    esac
done
finish
