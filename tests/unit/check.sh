#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# scripts/check.sh counts what passes and what fails, however a test program ends.
# Speaks TAP.
#
#   check.sh SOURCE-FOLDER
#
# It runs a copy, whose only stage is a few lines of shell.
set -u
source=$1
unset PROGRAM_TESTS GUEST_TESTS LIBVIRT_TESTS
copy=$(mktemp -d) || exit
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/scripts" "$copy/tests/program" || exit
cp "$source/scripts/check.sh" "$copy/scripts" || exit
: > "$copy/tests/program/test_some.py"
cd "$copy" || exit

count=0 bad=0
# closes SUMS WORDS SHELL: check.sh's last line when a stage is this.
closes() {
    printf '#!/bin/sh\n%s\n' "$3" > scripts/distributions.sh
    chmod +x scripts/distributions.sh
    scripts/check.sh distributions > said 2>&1
    status=$? count=$((count + 1))
    if [ "$(tail -n 1 said)" = "$1" ] && grep -qF -- "$2" said &&
        case $1 in *" 0 failed") [ $status -eq 0 ] ;; *) [ $status -ne 0 ] ;; esac; then
        echo "ok $count - $1: $2"
    else
        bad=$((bad + 1))
        echo "not ok $count - $1: $2"
        sed 's/^/# /' said
    fi
}

closes '2 passed, 0 failed' 'ok 2 - b' 'echo ok 1 - a; echo ok 2 - b; echo 1..2'
closes '1 passed, 1 failed' '# its reason' 'echo ok 1; echo not ok 2; echo "# its reason"; echo 1..2; exit 1'
closes '1 passed, 1 failed' 'ended early' 'echo ok 1; echo 1..2'
closes '0 passed, 1 failed' 'no test ran' 'echo nothing'
closes '1 passed, 1 failed' 'all tests passed, but status 3' 'echo ok 1; echo 1..1; exit 3'
closes '0 passed, 0 failed' 'SKIP' 'echo "ok 1 - a # SKIP why"; echo 1..1'
closes '1 passed, 0 failed' 'SKIP' 'echo "not ok 1 - # SKIP a"; echo ok 2; echo 1..2'
# shellcheck disable=SC2016  # the written script expands it
closes '0 passed, 1 failed' 'ended without a result' 'echo ok 1; echo 1..1; kill -KILL $PPID'

# What is picked is for the one that was asked, not for a check.sh that a test runs.
export PROGRAM_TESTS=some
closes '1 passed, 0 failed' 'nothing picked' 'env | grep -q _TESTS= || echo ok 1 - nothing picked; echo 1..1'
PROGRAM_TESTS=other
closes '0 passed, 1 failed' 'PROGRAM_TESTS: there is no tests/program/test_other.py' 'echo ok 1; echo 1..1'

# What takes long in an emulated host is left out, and that is said, only if nothing is named.
unset PROGRAM_TESTS
rm -r tests scripts/distributions.sh
mkdir -p tests/guest tests/host
printf '# emulated: none\n' > tests/guest/test_slow.py
echo '# sanitizers: asan tsan' > tests/guest/test_other.py
for name in scripts/setup scripts/guest-images scripts/acpica scripts/later-daemon scripts/build scripts/debian-disk; do
    printf '#!/bin/sh\n' > $name.sh
done
printf '#!/bin/sh\nexit 1\n' > tests/host/has-kvm
# shellcheck disable=SC2016
printf '#!/bin/sh\nfor last; do :; done\necho "ok 1 - ran $last"; echo 1..1\n' > tests/host/run
chmod +x scripts/* tests/host/*
# runs WORDS YES-OR-NO [STAGE]: whether check.sh runs the slow test.
runs() {
    count=$((count + 1)) is=no
    # shellcheck disable=SC2086  # none or one
    scripts/check.sh $3 > said 2>&1
    ! grep -q 'ok 1 - ran tests/guest/test_slow.py' said || is=yes
    if [ $is = "$2" ] && grep -q 'ok 1 - ran tests/guest/test_other.py' said &&
        [ "$(grep -c '^# left out.*guest/test_slow.py (x86-64)' said)" = "$([ $is = yes ] && echo 0 || echo 1)" ]; then
        echo "ok $count - $1"
    else
        bad=$((bad + 1))
        echo "not ok $count - $1"
        sed 's/^/# /' said
    fi
}
runs 'make check, where hosts are emulated' no ''
runs 'make check-all there' yes all
runs 'a stage that is named' yes guest
export GUEST_TESTS='slow other'
runs 'tests that are named' yes ''

echo "1..$count"
[ $bad -eq 0 ]
