#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Build and test hotram in another release of Debian: a minimal system of its own
# (scripts/debian-root.sh) with git and make, and what README promises there, with the
# compilers, tools, libraries and kernels of that release. Speaks TAP.
#
#   scripts/distributions.sh [SUITE [STAGE...]]
#
# default: Debian 13, on Debian 13 itself Debian 12; stages build, unit and program of
# scripts/check.sh, some of the tests of the latter, and the demo, which boots guests.
# GUEST_TESTS, PROGRAM_TESTS and LIBVIRT_TESTS pick those of a stage that is named.
#
# The sources are those of this clone as they are, at /root/hotram in there. Packages
# and kernels stay for the next run, the build does not.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
default=trixie
! grep -qx VERSION_CODENAME=trixie /etc/os-release || default=bookworm
suite=${1:-$default} demo=yes
shift $(($# < 1 ? $# : 1))
guest_tests=${GUEST_TESTS:-} program_tests=${PROGRAM_TESTS:-} libvirt_tests=${LIBVIRT_TESTS:-}
if [ $# -gt 0 ]; then
    demo=no
else
    set -- build unit program
    # What depends on the libraries, the kernel's headers and the Python of a release;
    # the others ask the same of the same code.
    program_tests="backends block clients console ctl descriptors files libqtest"
    program_tests+=" libvirt sandbox schema tcp user_net virtio_blk virtio_net"
    program_tests+=" virtio_serial"
fi
there=build/distributions/$suite/root/root/hotram
log=build/log/distributions-$suite.log
count=0 failed=0

# result ok|"not ok" WORDS
result() {
    count=$((count + 1))
    [ "$1" = ok ] || failed=$((failed + 1))
    echo "$1 $count - $suite: $2"
}

skip() {
    echo "ok 1 - $suite # SKIP $*"
    echo 1..1
    exit 0
}

[ "$(id -u)" -eq 0 ] || skip "to mount and chroot takes root"
# Also where the user is called root, containers may forbid both.
unshare --mount --pid --fork sh -c 'mount --bind / / && chroot / true' 2>/dev/null ||
    skip "mount or chroot is not permitted here"
scripts/setup.sh distributions >/dev/null || skip "no debootstrap"

# What runs in there ends with this shell, whose children debian-root.sh has to be.
inside() { scripts/debian-root.sh "$suite" "$@" < /dev/null; }

# What README takes for granted, and the sources.
prepare() {
    inside sh -c 'command -v make && command -v git || {
        apt-get -qq update && apt-get -qq -y --no-install-recommends install make git; }' &&
        mkdir -p "$there/build" &&
        find "$there" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} + &&
        find "$there/build" -mindepth 1 -maxdepth 1 ! -name guest ! -name acpica \
            ! -name libvirt ! -name disk -exec rm -rf {} + &&
        git ls-files -z --cached --others --exclude-standard |
        tar -c --ignore-failed-read --null -T - | tar -x -C "$there"
}

# The results of check.sh in there, as they come and with the numbers of this plan;
# its last line says that it came to its end.
results() {
    local line ended=no
    while read -r line; do
        echo "$line" >> "$log"
        case $line in
        "ok - "*)     result ok "${line#ok - }" ;;
        "not ok - "*) result "not ok" "${line#not ok - }" ;;
        "ok "[0-9]*)  result ok "${line#ok * - }" ;;
        "not ok "[0-9]*) result "not ok" "${line#not ok * - }" ;;
        "# "*)        echo "$line" ;;
        *" passed, "*" failed") ended=yes ;;
        esac
    done
    [ $ended = yes ] || result "not ok" "ended early, see $log"
}

# The demo's status says whether all went as told; its story is in the log.
demo() {
    echo "# $suite: make demo"
    if inside make -C /root/hotram demo > "$log.demo" 2>&1; then
        result ok "make demo"
    else
        result "not ok" "make demo, see $log.demo"
        tail -n 20 "$log.demo" | sed 's/^/# /'
    fi
}

mkdir -p build/log
if ! prepare > "$log" 2>&1; then
    result "not ok" "a minimal system, see $log"
    tail -n 20 "$log" | sed 's/^/# /'
else
    # shellcheck disable=SC2016  # for the shell inside
    results < <(exec scripts/debian-root.sh "$suite" \
        env GUEST_TESTS="$guest_tests" PROGRAM_TESTS="$program_tests" LIBVIRT_TESTS="$libvirt_tests" \
            sh -c 'cd /root/hotram && exec scripts/check.sh "$@"' sh "$@" 2>&1 < /dev/null)
    [ $demo = no ] || demo
fi
echo "1..$count"
[ $failed -eq 0 ]
