#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Make a Debian system on a disk image of its own: the release that this machine runs,
# from where its apt gets packages. What is there is kept.
#
#   scripts/debian-disk.sh
#
#   build/disk/disk.raw       ext4 over the whole of it, for root=/dev/vda, 1 GiB, sparse
#   build/disk/vmlinuz        its own kernel and initrd, which are in its /boot, too
#   build/disk/initrd.img
#
# Its serial console logs root in; the network comes by DHCP. As root this takes no more
# than mmdebstrap; as an ordinary user a kernel that lets users have namespaces, and
# subordinate ids (package uidmap).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/private-apt.sh
PATH=$PATH:/usr/sbin:/sbin

out=build/disk
packages=systemd-sysv,udev,kmod,initramfs-tools,linux-image-cloud-amd64,iproute2
say() { echo "debian-disk: $*"; }

# What is in the tree that mmdebstrap gives to its hook is written by mke2fs, without
# mounting anything, and with the owners that it has in there.
if [ "${1:-}" = --hook ]; then
    root=$2
    echo '/dev/vda / ext4 defaults 0 1' > "$root/etc/fstab"
    echo hotram-guest > "$root/etc/hostname"
    printf '[Match]\nName=en* eth*\n\n[Network]\nDHCP=yes\n' > "$root/etc/systemd/network/dhcp.network"
    chroot "$root" systemctl enable --quiet systemd-networkd
    # For the console alone: there is no way in by the network.
    chroot "$root" passwd -d root > /dev/null
    mkdir -p "$root/etc/systemd/system/serial-getty@ttyS0.service.d"
    printf '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear %%I %s\n' linux \
        > "$root/etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf"
    # Nobody waits for these in a guest that lives for minutes.
    for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
                e2scrub_reap.service fstrim.timer systemd-timesyncd.service \
                systemd-networkd-wait-online.service; do
        chroot "$root" systemctl mask --quiet "$unit" 2> /dev/null || :
    done
    cp "$root"/boot/vmlinuz-* "$PWD/$out/vmlinuz"
    cp "$root"/boot/initrd.img-* "$PWD/$out/initrd.img"
    chmod 644 "$PWD/$out/initrd.img"
    rm -f "$PWD/$out/disk.new"
    truncate -s 1G "$PWD/$out/disk.new"
    # Without what is mounted in there for the hooks.
    # shellcheck disable=SC2016  # the inner shell's
    exec unshare --mount sh -c '
        awk -v root="$1/" "index(\$5, root) == 1 { print \$5 }" /proc/self/mountinfo | sort -r |
            while read -r mounted; do umount -l "$mounted"; done
        exec mke2fs -q -t ext4 -L root -d "$1" "$2"' sh "$root" "$PWD/$out/disk.new"
fi

mkdir -p "$out"
# Two at once would write the same files.
exec 9> "$out/lock"
flock 9
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
wanted="$suite $packages $(sha256sum < "$0")"
[ ! -f "$out/done" ] || [ "$(cat "$out/done")" != "$wanted" ] || exit 0
rm -f "$out/done"
say "Debian's $suite on a disk of its own"
# The hook runs where PWD is the same. No documentation, which nobody reads in there.
mmdebstrap --quiet --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d" &&
        printf "MODULES=list\nCOMPRESS=lz4\n" > "$1/etc/initramfs-tools/conf.d/hotram" &&
        printf "virtio_pci\nvirtio_blk\next4\n" > "$1/etc/initramfs-tools/modules"' \
    --customize-hook="$0 --hook \"\$1\"" "$suite" /dev/null "$(debian_mirror)"
mv "$out/disk.new" "$out/disk.raw"
echo "$wanted" > "$out/done"
