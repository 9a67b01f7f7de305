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
    say "getting it from Debian's $suite"
    unpack_from_suite "$suite" "$out" "${packages[@]}"
    run --version > "$out/version"
}

get_once "$out" get
[ $# -eq 0 ] || run "$@"
