#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Make what the guests boot. What is there is kept.
#
#   scripts/guest-images.sh [ARCH]    x86-64, under build/guest/; or
#                                     arm64, under build/guest-arm64/
#
#   vmlinuz-cloud   vmlinux-cloud     Debian's kernel for virtual machines,
#   vmlinuz-generic vmlinux-generic   and the one for everything: as shipped (on
#                                     arm64 a plain Image), and for x86-64
#                                     unpacked (an ELF file with PVH note)
#   initramfs.cpio                    user space of the guests, for both kernels
#   emulated-host.cpio                user space of the emulated host, for the
#                                     generic kernel (see tests/host/emulated)
#
# Rights are needed for nothing but a first "apt-get update" on a machine whose
# package lists are empty or out of date.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
. scripts/private-apt.sh

# What the kernel's packages are called, the tools' prefix, and busybox.
# Modules are taken from each kernel, besides what they depend on.
guest_modules=(button evdev)
host_modules=(virtio_pci virtio_console 9pnet_virtio 9p)
arch=${1:-x86-64}
case $arch in
x86-64)
    out=build/guest debian=amd64 tools='' busybox=$(command -v busybox)
    compiler=(gcc)
    host_modules+=(kvm-amd overlay)
    packages() { "$@"; } ;;
arm64)
    out=build/guest-arm64 debian=arm64 tools=aarch64-linux-gnu-
    root=$PWD/build/debian-arm64/root busybox=$root/bin/busybox
    compiler=(aarch64-linux-gnu-gcc "--sysroot=$root")
    packages() { arm64_apt "$@"; }
    scripts/arm64-root.sh ;;
*)
    echo "guest-images: '$arch' is not an architecture: x86-64 or arm64" >&2
    exit 2 ;;
esac

mkdir -p "$out"
# Two at once would write the same files.
exec 9> $out/lock
flock 9

say() { echo "guest-images: $*"; }

# Debian's name of the real package behind the one that follows the updates.
kernel_package() {
    packages apt-cache depends --important "$1" |
        sed -n 's/^ *Depends: *\(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1
}

update_lists() {
    local as_root=
    if [ "$arch" = x86-64 ] && [ "$(id -u)" -ne 0 ]; then
        as_root=sudo
        command -v sudo >/dev/null || {
            say "apt has no usable package lists; run 'apt-get update' as root" >&2
            exit 1
        }
    fi
    say "updating the package lists"
    packages $as_root apt-get update -qq
}

# download META: leaves the .deb of the kernel that META stands for, and says
# its name. The second try is for lists that name packages already replaced.
download() {
    local package file try
    for try in 1 2; do
        [ $try = 1 ] || update_lists >&2
        package=$(kernel_package "$1") || package=
        [ -z "$package" ] || rm -f $out/"$package"_*.deb
        if [ -n "$package" ] &&
           (cd $out && packages apt-get download -qq \
                -o APT::Sandbox::User=root "$package" >&2); then
            file=$(echo $out/"$package"_*.deb)
            echo "${file##*/}"
            return
        fi
    done
    say "cannot download $1" >&2
    return 1
}

# take_modules TREE VERSION DIR NAME...: stripped copies in DIR, and DIR/order,
# which lists them as they must be inserted.
take_modules() {
    local tree=$1 version=$2 dir=$3 module
    shift 3
    mkdir -p "$dir"
    for name; do
        modprobe -d "$tree" -S "$version" --show-depends "$name"
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' |
    while read -r module; do
        "${tools}strip" --strip-debug -o "$dir/${module##*/}" "$module"
        echo "${module##*/}"
    done > "$dir/order"
}

# unpack_kernel FLAVOUR
unpack_kernel() {
    local packed=$out/vmlinuz-$1 unpacked=$out/vmlinux-$1
    scripts/extract-vmlinux.py "$packed" "$unpacked"
    # Without this note (18, PHYS32_ENTRY) nobody could boot it directly.
    readelf -nW "$unpacked" | grep -q 'Xen.*0x00000012' || {
        say "$unpacked has no PVH entry note" >&2
        return 1
    }
}

# kernel FLAVOUR META
kernel() {
    local flavour=$1 dir=$out/$1 wanted deb tree version
    wanted="${guest_modules[*]} / ${host_modules[*]}"
    if [ -f "$dir/done" ] && [ "$(cat "$dir/done")" = "$wanted" ]; then
        return
    fi
    rm -rf "$dir"
    mkdir -p "$dir"
    deb=$(cat "$out/$flavour.deb.name" 2>/dev/null) || deb=
    if [ -z "$deb" ] || [ ! -f "$out/$deb" ]; then
        say "downloading $2"
        deb=$(download "$2")
        echo "$deb" > "$out/$flavour.deb.name"
    fi
    say "unpacking $deb"
    tree=$dir/tree
    dpkg -x "$out/$deb" "$tree"
    version=$(basename "$tree"/lib/modules/*)
    depmod -b "$tree" "$version"
    take_modules "$tree" "$version" "$dir/guest-modules" "${guest_modules[@]}"
    if [ "$flavour" = generic ]; then
        take_modules "$tree" "$version" "$dir/host-modules" "${host_modules[@]}"
    fi
    echo "$version" > "$dir/version"
    cp "$tree/boot/config-$version" "$dir/config"
    cp "$tree/boot/vmlinuz-$version" "$out/vmlinuz-$flavour"
    [ "$arch" != x86-64 ] || unpack_kernel "$flavour"
    rm -rf "$tree"
    echo "$wanted" > "$dir/done"
}

# pack TREE CPIO
pack() {
    (cd "$1" && find . | sort | cpio -o -H newc -R 0:0 --quiet) > "$2.new"
    mv "$2.new" "$2"
}

busybox_tree() {
    rm -rf "$1"
    mkdir -p "$1"/{bin,dev,etc,lib/modules,newroot,proc,run,sys,tmp}
    cp "$busybox" "$1/bin/busybox"
    ln -s busybox "$1/bin/sh"
}

# Whether FILE is older than any of the others.
older() {
    local file=$1 other
    shift
    for other; do
        [ "$file" -nt "$other" ] || return 0
    done
    return 1
}

guest_initramfs() {
    local cpio=$out/initramfs.cpio tree=$out/initramfs.tree flavour version
    older $cpio "$0" tests/guest/initramfs/* $out/{cloud,generic}/done || return 0
    say "making $cpio"
    busybox_tree $tree
    cp tests/guest/initramfs/init $tree/init
    mkdir -p $tree/etc/acpi/PWRF
    cp tests/guest/initramfs/power-button $tree/etc/acpi/PWRF/00000080
    "${compiler[@]}" -O2 -static -Wall -Wextra -o $tree/bin/hog tests/guest/initramfs/hog.c
    for flavour in cloud generic; do
        version=$(cat $out/$flavour/version)
        mkdir -p "$tree/lib/modules/$version"
        cp $out/$flavour/guest-modules/* "$tree/lib/modules/$version/"
    done
    chmod +x $tree/init $tree/etc/acpi/PWRF/00000080
    pack $tree $cpio
    rm -rf $tree
}

host_initramfs() {
    local cpio=$out/emulated-host.cpio tree=$out/emulated-host.tree
    older $cpio "$0" tests/host/emulated-init $out/generic/done || return 0
    say "making $cpio"
    busybox_tree $tree
    cp tests/host/emulated-init $tree/init
    cp $out/generic/host-modules/* $tree/lib/modules/
    chmod +x $tree/init
    pack $tree $cpio
    rm -rf $tree
}

kernel cloud linux-image-cloud-$debian
kernel generic linux-image-$debian
guest_initramfs
host_initramfs
