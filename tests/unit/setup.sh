#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# `make` compiles and installs nothing: it names all that is missing, and what installs
# it. What promises to do everything from a fresh clone calls scripts/setup.sh itself.
# Speaks TAP.
#
#   setup.sh SOURCE-FOLDER
#
# It runs a copy of Makefile and scripts, with an apt-get that only writes down what
# it is asked for.
set -u
source=$1
unset MAKEFLAGS MAKELEVEL MFLAGS TARGETS ARCH PROGRAM_TESTS GUEST_TESTS LIBVIRT_TESTS
copy=$(mktemp -d) || exit
trap 'rm -rf "$copy"' EXIT
cp -r "$source/Makefile" "$source/scripts" "$copy" || exit
cd "$copy" || exit
mkdir fake
calls=$copy/calls
# shellcheck disable=SC2016  # the written script expands it
printf '#!/bin/sh\necho "apt-get $*" >> %s\nexit ${FAKE_STATUS:-0}\n' "$calls" > fake/apt-get
printf '#!/bin/sh\nexec "$@"\n' > fake/sudo
chmod +x fake/*

all=$("$source/tests/lib/without" all 'apt* dpkg*') || exit
less=$("$source/tests/lib/without" less 'apt* dpkg* meson doxygen') || exit
# A Debian where these two are missing: dpkg has no word of them, or of anything.
debian=$copy/fake:$less

count=0 bad=0
# result NAME: whether the command before it did what it should.
result() {
    status=$? count=$((count + 1))
    if [ $status -eq 0 ]; then
        echo "ok $count - $1"
    else
        bad=$((bad + 1))
        echo "not ok $count - $1"
        sed 's/^/# /' said "$calls" 2>/dev/null
    fi
    rm -f "$calls"
}

# says WORDS: in what the last command said.
says() { grep -qF -- "$1" said; }
asked_for() { grep -qF -- "$1" "$calls" 2>/dev/null; }

PATH=$all scripts/setup.sh --check build > said 2>&1 && [ ! -s said ]
result 'all is there: no apt and no dpkg is asked'

PATH=$all scripts/setup.sh build > said 2>&1 && [ ! -s said ]
result 'all is there: setup does nothing, where there is no apt either'

! PATH=$less make > said 2>&1 && says ' meson doxygen' &&
    says 'package manager' && [ ! -e build ]
result 'no apt: all that is missing is named at once, and who has it'

! PATH=$debian make > said 2>&1 && says ' meson doxygen' && says "'make setup'" &&
    [ ! -e "$calls" ] && [ ! -e build ]
result 'make names what is missing, and the command; it installs nothing'

printf '#!/bin/sh\ncase "$*" in *json-c* | *libedit*) exit 1 ;; esac\n' > fake/pkg-config
chmod +x fake/pkg-config
! PATH=$copy/fake:$all scripts/setup.sh --check build > said 2>&1 &&
    says 'are missing: libjson-c-dev libedit-dev'
result 'libraries that pkg-config does not know are missing'
rm fake/pkg-config

PATH=$debian make setup > said 2>&1 && asked_for 'apt-get install' && asked_for ' meson doxygen'
result 'make setup installs it'

# An apt-get that fails: nothing is built in this test.
export FAKE_STATUS=100
for target in demo check check-libvirt fuzz stress bench install; do
    ! PATH=$debian make $target > said 2>&1 && asked_for 'apt-get update'
    result "make $target sets up by itself"
done

echo "1..$count"
[ $bad -eq 0 ]
