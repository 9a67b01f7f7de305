#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Make build/libvirt-arm64/root: that of the arm64 emulated host
# (scripts/arm64-root.sh), with Debian's libvirtd and virsh in it, and EDK2 as
# libvirt has it, as images for flash. The system stays as it is; no rights are
# needed. What is there is kept.
#
#   scripts/libvirt-arm64-root.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/private-apt.sh

# bash, util-linux: tests/libvirt/run needs more than busybox has.
packages=(libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients bash util-linux qemu-efi-aarch64)
out=build/libvirt-arm64 base=build/debian-arm64
scripts/arm64-root.sh
mkdir -p $out
exec 9> $out/lock
flock 9
wanted="${packages[*]} on $(cat $base/done)"
[ "$(cat $out/done 2>/dev/null)" != "$wanted" ] || exit 0

echo "libvirt-arm64-root: getting ${packages[*]} for arm64, and what they need"
rm -rf $out/{done,root}
arm64_apt apt-get update
arm64_apt apt-get install --download-only --no-install-recommends -y "${packages[@]}"
# Links to the same files: tar replaces a file, and writes into none.
cp -al $base/root $out/root
for deb in "$base"/apt/cache/archives/*.deb; do
    dpkg --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C $out/root \
        --exclude='./usr/share/doc' --exclude='./usr/share/locale' --exclude='./usr/share/man' --exclude='./var/*' \
        --exclude='*VARS.ms.fd' --exclude='*VARS.snakeoil.fd'
done
# Links with a path from / on are meant to begin here.
find $out/root -type l -lname '/*' | while read -r link; do
    ln -srfn "$out/root$(readlink "$link")" "$link"
done
# libvirtd asks who its user is.
printf '%s\n' root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534:nobody:/:/bin/sh > $out/root/etc/passwd
printf '%s\n' root:x:0: nogroup:x:65534: > $out/root/etc/group
rm -rf $base/apt/cache/archives
echo "$wanted" > $out/done
