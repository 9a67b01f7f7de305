#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Install the Debian packages that a kind of work needs; those that are there
# already cost nothing and need no rights.
#
#   scripts/setup.sh GROUP...      groups: build guest check fuzz prove bench
#                                          format arm64 distributions
set -eu

packages_of() {
    case $1 in
    build)  echo gcc libc6-dev meson ninja-build pkg-config \
                 libjson-c-dev libedit-dev libcmocka-dev libfdt-dev \
                 zlib1g-dev libseccomp-dev doxygen ;;
    # The guests' kernels and first user space, and the emulated host.
    guest)  echo gcc libc6-dev binutils busybox-static cpio kmod lz4 xz-utils \
                 zstd python3 qemu-system-x86 ;;
    check)  echo binutils clang git lld qemu-user ;;
    # The sanitizers' and the fuzzer's libraries, and names in their traces: of
    # the version of clang that this release of Debian has.
    fuzz)   echo clang libclang-rt-dev llvm ;;
    bench)  echo qemu-system-x86 python3 ;;
    format) echo clang-format ;;
    # The cross build and the emulated host, besides "build" and "guest".
    arm64)  echo gcc-aarch64-linux-gnu qemu-system-arm ;;
    distributions) echo debootstrap ;;
    # CBMC itself is not in Debian 12: scripts/cbmc.sh gets it.
    prove)  echo gcc libc6-dev ;;
    *)      echo "setup.sh: unknown group '$1'" >&2; return 1 ;;
    esac
}

installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
        grep -qx installed
}

[ $# -gt 0 ] || { sed -n '3,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }

missing=
for group; do
    list=$(packages_of "$group")
    for package in $list; do
        case " $missing " in *" $package "*) continue ;; esac
        installed "$package" || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "setup.sh: these packages are missing, and it takes root or sudo to" \
         "install them:$missing" >&2
    exit 1
fi

echo "Installing:$missing"
# shellcheck disable=SC2086  # both variables are lists of words
{
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends $missing >/dev/null
}
