#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Debian's arm64 packages, unpacked under build/debian-arm64/root: what a cross
# build is linked to (scripts/arm64.ini), and what the arm64 emulated host runs
# (tests/host/emulated --arch arm64). The system stays as it is; no rights are
# needed. What is there is kept.
#
#   scripts/arm64-root.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/private-apt.sh

packages=(libc6-dev libjson-c-dev libedit-dev libfdt-dev zlib1g-dev libseccomp-dev liburing-dev
    busybox-static python3-minimal libpython3-stdlib qemu-efi-aarch64 qemu-system-common qemu-utils)
out=build/debian-arm64

mkdir -p $out
exec 9> $out/lock
flock 9
[ "$(cat $out/done 2>/dev/null)" != "${packages[*]}" ] || exit 0

echo "arm64-root: getting ${packages[*]} for arm64, and what they need"
rm -rf $out/{done,root,apt}
arm64_apt apt-get update
arm64_apt apt-get install --download-only --no-install-recommends -y "${packages[@]}" || {
    echo "arm64-root: apt's sources on this machine have no arm64 packages" >&2
    exit 1
}

# As Debian lays out a merged /usr; folders that others are mounted on.
mkdir -p $out/root/{usr/{bin,lib,sbin},dev,proc,run,sys,tmp}
ln -s usr/bin usr/lib usr/sbin $out/root/
for deb in "$out"/apt/cache/archives/*.deb; do
    dpkg --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C $out/root \
        --exclude='./usr/share/*' --exclude='./var/*'
done
# Of the firmware the image that QEMU's -bios takes: those for flash are the same, with zeros behind it.
dpkg --fsys-tarfile $out/apt/cache/archives/qemu-efi-aarch64_*.deb |
    tar -x -C $out/root ./usr/share/qemu-efi-aarch64/QEMU_EFI.fd
# Links with a path from / on are meant to begin here.
find $out/root -type l -lname '/*' | while read -r link; do
    ln -srfn "$out/root$(readlink "$link")" "$link"
done
# Shell and tools are busybox's: this machine's, of the same version, names them.
for applet in $(busybox --list); do
    [ -e "$out/root/bin/$applet" ] || ln -s busybox "$out/root/bin/$applet"
done
# Otherwise each start in the emulated host would compile it anew: eight seconds.
/usr/bin/python3 -S -m compileall -q $out/root/usr/lib/python3*
rm -rf $out/apt/cache/archives
echo "${packages[*]}" > $out/done
