#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Run CBMC, the bounded model checker. Debian 12 has no package of it, so the
# first run takes Debian 13's, with the libraries that it wants, and unpacks
# them under build/cbmc. The system stays as it is; no rights are needed.
#
#   scripts/cbmc.sh [ARGUMENT...]     without arguments: only get it
set -euo pipefail
clone=$(cd "$(dirname "$0")/.." && pwd)
. "$clone/scripts/private-apt.sh"

suite=trixie
packages=(cbmc minisat libstdc++6 libc6 libgcc-s1)
out=$clone/build/cbmc

say() { echo "cbmc: $*" >&2; }

# This machine's sources of its own Debian release, turned into those of the
# suite. Updates and security have suites of their own and are left out.
#   suite_sources DIR
suite_sources() {
    local own
    own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    find /etc/apt -path '*/sources.list.d/*.sources' -exec cat {} + |
        awk -v RS= -v ORS='\n\n' -v own="$own" '
            $0 ~ "(^|\n)Suites:([^\n]* )?" own "( |\n|$)" &&
            !/(^|\n)Enabled: *no/' |
        sed -E "s/^Types:.*/Types: deb/
                s/^Suites:.*/Suites: $suite/
                s/^Components:.*/Components: main/" > "$1/suite.sources"
    find /etc/apt \( -name sources.list -o -path '*/sources.list.d/*.list' \) \
        -type f -exec cat {} + |
        sed -nE "s/^(deb +(\[[^]]*\] +)?[^ ]+) +$own .*/\1 $suite main/p" \
            > "$1/suite.list"
    [ -s "$1/suite.sources" ] || [ -s "$1/suite.list" ] || {
        say "apt has no source of '$own' to take the place of '$suite' from"
        return 1
    }
}

# apt-get with the suite's sources.
#   suite_apt DIR ARGUMENT...
suite_apt() {
    local dir=$1
    shift
    private_apt "$dir" apt-get -o Dir::Etc::SourceList=/dev/null \
        -o Dir::Etc::SourceParts="$dir/sources" "$@"
}

# Through the loader of the libc beside it, which an option tells where the
# libraries are: the C preprocessor that CBMC starts is this machine's own and
# must not see them.
run() {
    local lib
    lib=$(echo "$out"/root/usr/lib/*-linux-gnu*)
    "$(echo "$lib"/ld-linux-*.so.*)" --library-path "$lib:$out/root/usr/lib" \
        "$out/root/usr/bin/cbmc" "$@"
}

get() {
    local dir=$out/apt deb
    say "getting it from Debian's $suite"
    rm -rf "$out/root" "$dir"
    mkdir -p "$dir"/{sources,debs}
    suite_sources "$dir/sources"
    suite_apt "$dir" update
    (cd "$dir/debs" && suite_apt "$dir" download "${packages[@]}")
    for deb in "$dir"/debs/*.deb; do
        dpkg -x "$deb" "$out/root"
    done
    rm -rf "$dir"
    run --version > "$out/version"
}

mkdir -p "$out"
if [ ! -s "$out/version" ]; then
    # Two at once would write the same files.
    exec 9> "$out/lock"
    flock 9
    [ -s "$out/version" ] || get
    exec 9>&-
fi
[ $# -eq 0 ] || run "$@"
