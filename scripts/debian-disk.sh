#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Make a Debian system on a disk image of its own: the release that this machine runs,
# from where its apt gets packages. What is there is kept.
#
#   scripts/debian-disk.sh [FOLDER]     and a copy of disk and key in FOLDER, for a guest to write
#
#   build/disk/debian.qcow2   a disk that a BIOS boots by GRUB: one partition, ext4, 1 GiB
#   build/disk/disk.raw       the same, sparse; its root is /dev/vda1
#   build/disk/vmlinuz        its own kernel and initrd, which are in its /boot, too
#   build/disk/initrd.img
#   build/disk/key            a key for ssh, which logs root in; made for this image
#
# Its serial console logs root in; the network comes by DHCP. As root this takes no more
# than mmdebstrap; as an ordinary user a kernel that lets users have namespaces, and
# subordinate ids (package uidmap).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/private-apt.sh
# The programs of Debian's packages, whatever else is called python3.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

out=build/disk
packages=systemd-sysv,udev,kmod,initramfs-tools,linux-image-cloud-amd64,iproute2,openssh-server
say() { echo "debian-disk: $*"; }

# GRUB's commands. Debian's links point to its newest kernel.
grub_commands() {
    cat << 'END'
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial
echo "GRUB: Debian"
linux /vmlinuz root=/dev/vda1 rw console=ttyS0 quiet memhp_default_state=online_movable
initrd /initrd.img
echo "GRUB: the kernel starts"
boot
END
}

# What is in the tree that mmdebstrap gives to its hook is written by mke2fs, without
# mounting anything, and with the owners that it has in there.
if [ "${1:-}" = --hook ]; then
    root=$2
    echo '/dev/vda1 / ext4 defaults 0 1' > "$root/etc/fstab"
    echo hotram-guest > "$root/etc/hostname"
    printf '[Match]\nName=en* eth*\n\n[Network]\nDHCP=yes\n' > "$root/etc/systemd/network/dhcp.network"
    chroot "$root" systemctl enable --quiet systemd-networkd
    # docs/guests.md
    echo 'ACTION=="add", SUBSYSTEM=="cpu", ATTR{online}=="0", ATTR{online}="1"' > "$root/etc/udev/rules.d/80-cpus.rules"
    # For the console alone: sshd lets nobody in without a password, and root by a key only.
    chroot "$root" passwd -d root > /dev/null
    mkdir -p "$root/etc/systemd/system/serial-getty@ttyS0.service.d"
    printf '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear %%I %s\n' linux \
        > "$root/etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf"
    mkdir -m 700 -p "$root/root/.ssh"
    cp "$PWD/$out/key.pub" "$root/root/.ssh/authorized_keys"
    mkdir -p "$root/boot/grub"
    grub_commands > "$root/boot/grub/grub.cfg"
    # Where the host is emulated, and busy, a device or a service may take minutes.
    mkdir -p "$root/etc/systemd/system.conf.d"
    printf '[Manager]\nDefaultTimeoutStartSec=900\nDefaultDeviceTimeoutSec=900\n' \
        > "$root/etc/systemd/system.conf.d/slow.conf"
    # Nobody waits for these in a guest that lives for minutes.
    for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
                e2scrub_reap.service fstrim.timer systemd-timesyncd.service \
                systemd-networkd-wait-online.service; do
        chroot "$root" systemctl mask --quiet "$unit" 2> /dev/null || :
    done
    cp "$root"/boot/vmlinuz-* "$PWD/$out/vmlinuz"
    cp "$root"/boot/initrd.img-* "$PWD/$out/initrd.img"
    chmod 644 "$PWD/$out/initrd.img"
    # What apt keeps is a third of it all.
    find "$root/var/cache/apt" "$root/var/lib/apt/lists" -type f -delete
    rm -f "$PWD/$out/disk.new"
    truncate -s 1G "$PWD/$out/disk.new"
    # Without what is mounted in there for the hooks.
    # shellcheck disable=SC2016  # the inner shell's
    exec unshare --mount sh -c '
        awk -v root="$1/" "index(\$5, root) == 1 { print \$5 }" /proc/self/mountinfo | sort -r |
            while read -r mounted; do umount -l "$mounted"; done
        exec mke2fs -q -t ext4 -L root -E offset=1048576 -d "$1" "$2" 1047552k' sh "$root" "$PWD/$out/disk.new"
fi

copy_to() {
    [ -n "$1" ] || return 0
    mkdir -p "$1"
    cp --reflink=auto --sparse=always "$out/debian.qcow2" "$out/key" "$1"
}

mkdir -p "$out"
# Two at once would write the same files.
exec 9> "$out/lock"
flock 9
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
wanted="$suite $packages $(cat "$0" tests/lib/grub.py | sha256sum)"
if [ -f "$out/done" ] && [ "$(cat "$out/done")" = "$wanted" ]; then
    copy_to "${1:-}"
    exit
fi
rm -f "$out/done"
say "Debian's $suite on a disk of its own"
rm -f "$out/key" "$out/key.pub"
ssh-keygen -q -t ed25519 -N '' -C hotram-guest -f "$out/key"
# The hook runs where PWD is the same. No documentation, which nobody reads in there.
mmdebstrap --quiet --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d" &&
        printf "MODULES=list\nCOMPRESS=lz4\n" > "$1/etc/initramfs-tools/conf.d/hotram" &&
        printf "virtio_pci\nvirtio_blk\next4\n" > "$1/etc/initramfs-tools/modules"' \
    --customize-hook="$0 --hook \"\$1\"" "$suite" /dev/null "$(debian_mirror)"
tests/lib/grub.py "$out/disk.new"
qemu-img convert -q -O qcow2 "$out/disk.new" "$out/debian.qcow2"
mv "$out/disk.new" "$out/disk.raw"
echo "$wanted" > "$out/done"
copy_to "${1:-}"
