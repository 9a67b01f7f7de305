#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Install the Debian packages that a kind of work needs; what is there already,
# whoever put it there, costs nothing and needs no rights.
#
#   scripts/setup.sh [--check] GROUP...    groups: build guest unit check fuzz prove
#                                                  bench format arm64 disk distributions
#
# --check installs nothing: it names all that is missing, and how to get it.
set -eu

packages_of() {
    case $1 in
    build)  echo gcc libc6-dev meson ninja-build pkg-config \
                 libjson-c-dev libedit-dev libcmocka-dev libfdt-dev \
                 zlib1g-dev libseccomp-dev liburing-dev libslirp-dev doxygen ;;
    # The guests' kernels and first user space, the emulated host, and images.
    guest)  echo gcc libc6-dev binutils busybox-static cpio kmod lz4 xz-utils \
                 zstd python3 qemu-system-x86 qemu-utils seabios grub-pc-bin \
                 ovmf grub-efi-amd64-bin mtools ;;
    unit)   echo dmidecode ;; # reads the SMBIOS tables
    check)  echo binutils clang git lld qemu-user ;;
    # The sanitizers' and the fuzzer's libraries, and names in their traces: of
    # the version of clang that this release of Debian has.
    fuzz)   echo clang libclang-rt-dev llvm ;;
    bench)  echo qemu-system-x86 python3 ;;
    format) echo clang-format ;;
    # The cross build and the emulated host, besides "build" and "guest".
    arm64)  echo gcc-aarch64-linux-gnu qemu-system-arm qemu-user mtools ;;
    # A disk for a guest, and what logs in there.
    disk)   echo mmdebstrap e2fsprogs python3 grub-pc-bin seabios qemu-utils \
                 qemu-system-common openssh-client ;;
    distributions) echo debootstrap ;;
    # CBMC itself is not in Debian 12: scripts/cbmc.sh gets it.
    prove)  echo gcc libc6-dev ;;
    *)      echo "setup.sh: unknown group '$1'" >&2; return 1 ;;
    esac
}

# Elsewhere than on Debian, or where somebody has built it himself, a package is there
# when what hotram uses of it is. Groups other than "build" and "guest" go with Debian.
there() {
    case $1 in
    gcc | meson | doxygen | cpio | lz4 | zstd) has "$1" ;;
    python3)           [ -x /usr/bin/python3 ] ;; # as the tests call it
    ninja-build)       has ninja ;;
    pkg-config)        has pkg-config || has pkgconf ;;
    binutils)          has objcopy ;;
    kmod)              has depmod ;;
    xz-utils)          has xz ;;
    qemu-system-x86)   has qemu-system-x86_64 ;;
    qemu-utils)        has qemu-img ;;
    seabios)           [ -e /usr/share/seabios/bios-256k.bin ] ;;
    grub-pc-bin)       has grub-mkimage ;;
    ovmf)              [ -e /usr/share/OVMF/OVMF_CODE_4M.fd ] ;;
    grub-efi-amd64-bin) [ -d /usr/lib/grub/x86_64-efi ] ;;
    mtools)            has mformat ;;
    libc6-dev)         header stdio.h ;;
    libfdt-dev)        header libfdt.h ;; # Debian 12's has no module
    libjson-c-dev)     library json-c json-c/json.h ;;
    libedit-dev)       library libedit histedit.h ;;
    libcmocka-dev)     library cmocka cmocka.h ;;
    zlib1g-dev)        library zlib zlib.h ;;
    libseccomp-dev)    library libseccomp seccomp.h ;;
    liburing-dev)      library liburing liburing.h ;;
    libslirp-dev)      header slirp/libslirp.h ;; # its module asks for glib's, which nobody uses here
    *)                 false ;;
    esac
}

has() { command -v "$1" >/dev/null; }

# library MODULE HEADER: pkg-config says so, as to meson; by the header where there is none yet.
library() {
    if has pkg-config; then pkg-config --exists "$1"; else header "$2"; fi
}

# What cmocka.h and stdio.h include goes before them.
header() {
    printf '#include <%s>\n' stdarg.h stddef.h stdint.h setjmp.h "$1" |
        gcc -E -o /dev/null - 2>/dev/null
}

installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
        grep -qx installed
}

check=no
[ "${1:-}" != --check ] || { check=yes; shift; }
[ $# -gt 0 ] || { sed -n '3,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }

missing=
for group; do
    list=$(packages_of "$group")
    for package in $list; do
        case " $missing " in *" $package "*) continue ;; esac
        there "$package" || installed "$package" || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

if ! has apt-get; then
    echo "setup.sh: these are missing, by their names in Debian:$missing" >&2
    echo "There is no apt-get here: install them with this system's own package manager." >&2
    exit 1
elif [ $check = yes ]; then
    echo "setup.sh: these packages are missing:$missing" >&2
    echo "'make setup' installs them." >&2
    exit 1
fi

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
