#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Back ends of vhost-user that Debian 12 lacks, or has in an older version: those of
# Debian 13, unpacked below build/daemons with the libraries that they were made for. Nothing
# is installed, and the first use gets them.
#
#   scripts/later-daemon.sh passt|virtiofsd ARGUMENT...
#   scripts/later-daemon.sh              only get them
set -euo pipefail
clone=$(cd "$(dirname "$0")/.." && pwd)
. "$clone/scripts/private-apt.sh"

suite=trixie
packages=(passt virtiofsd libc6 libcap-ng0 libseccomp2 libgcc-s1)
out=$clone/build/daemons

say() { echo "later-daemon: $*" >&2; }

# Through the loader of the libc beside it, as the process that was started.
run() {
    local lib program=$1
    shift
    lib=$(echo "$out"/root/usr/lib/*-linux-gnu*)
    case $program in
    passt)     program=$out/root/usr/bin/passt ;;
    virtiofsd) program=$out/root/usr/libexec/virtiofsd ;;
    *)         say "'$program' is neither passt nor virtiofsd"; exit 2 ;;
    esac
    exec "$(echo "$lib"/ld-linux-*.so.*)" --library-path "$lib" "$program" "$@"
}

get() {
    say "getting ${packages[*]:0:2} from Debian's $suite"
    unpack_from_suite "$suite" "$out" "${packages[@]}"
    (run virtiofsd --version) > "$out/version"
}

get_once "$out" get
[ $# -eq 0 ] || run "$@"
