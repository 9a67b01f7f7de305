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
#   vmlinuz-cloud-6.1 ...-6.12        the first of them in these versions, for tests of
#                                     what depends on the version: the same file if it is
#                                     this machine's, else from the release that has it
#   initramfs.cpio                    user space of the guests, for all these kernels
#   emulated-host.cpio                user space of the emulated host, for the
#                                     generic kernel (see tests/host/emulated)
#   host-6.12/                        arm64: the last two for a host with Linux 6.12,
#                                     whose KVM passes calls of PSCI to programs
#
# Rights are needed for nothing but a first "apt-get update" on a machine whose
# package lists are empty or out of date.
set -euo pipefail
cd "$(dirname "$0")/.."
clone=$PWD
PATH=$PATH:/usr/sbin:/sbin
. scripts/private-apt.sh

# What the kernel's packages are called, the tools' prefix, and busybox.
# Modules are taken from each kernel, besides what they depend on: those that every
# guest loads, those of devices, which a test loads with the guest's `devices`,
# those of the emulated host, and those that it loads with modules=net: what tests of
# network cards, sockets and block devices use on a host. Those of the watchdog, which
# a test loads with the guest's `devices watchdog`, are in the x86-64 generic kernel
# alone. `devices efi` loads the file system of UEFI's variables, `devices fs` that of
# shared folders.
guest_modules=(button evdev)
device_modules=(virtio_pci virtio_blk virtio_net virtio_rng virtio_balloon virtio_mem virtio_console vmw_vsock_virtio_transport)
host_modules=(virtio_pci virtio_console 9pnet_virtio 9p)
efi_modules=(efivarfs)
fs_modules=(virtio_pci virtiofs)
net_modules=(tun vhost_net vhost_vsock bridge loop)
watchdog_modules=()
arch=${1:-x86-64}
case $arch in
x86-64)
    out=build/guest debian=amd64 tools='' busybox=$(command -v busybox)
    compiler=(gcc)
    host_modules+=(kvm-amd overlay)
    watchdog_modules+=(lpc_ich iTCO_wdt)
    own_packages() { "$@"; } ;;
arm64)
    out=build/guest-arm64 debian=arm64 tools=aarch64-linux-gnu-
    root=$PWD/build/debian-arm64/root busybox=$root/bin/busybox
    compiler=(aarch64-linux-gnu-gcc "--sysroot=$root")
    own_packages() { arm64_apt "$@"; }
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

# packages TOOL ARGUMENT...: apt-get or apt-cache, of the release of Debian that $suite
# names, by default of this machine's.
suite=
packages() {
    local tool=$1
    if [ -z "$suite" ]; then
        own_packages "$@"
    else
        shift
        suite_apt "$clone/$out/apt-$suite" "$tool" \
            -o APT::Architecture=$debian -o APT::Architectures=$debian "$@"
    fi
}

# depends_of PACKAGE PATTERN: those of its dependencies whose whole names match.
depends_of() {
    packages apt-cache depends --important "$1" |
        sed -nE "s/^ *\\|?Depends: *($2)\$/\\1/p"
}

# The real packages behind the one that follows the updates: one with everything,
# or, since Debian 14, an empty one that depends on kernel and modules.
kernel_packages() {
    local image
    image=$(depends_of "$1" 'linux-image-[0-9][^ ]*' | head -n 1)
    [ -n "$image" ] || return
    echo "$image"
    depends_of "$image" 'linux-(base|binary|modules)-[0-9][^ ]*'
}

update_lists() {
    local as_root=
    if [ -n "$suite" ]; then
        mkdir -p "$out/apt-$suite/sources"
        suite_sources "$suite" "$out/apt-$suite/sources"
    elif [ "$arch" = x86-64 ] && [ "$(id -u)" -ne 0 ]; then
        as_root=sudo
        command -v sudo >/dev/null || {
            say "apt has no usable package lists; run 'apt-get update' as root" >&2
            exit 1
        }
    fi
    say "updating the package lists"
    packages $as_root apt-get update -qq
}

# download META: leaves the .deb files of the kernel that META stands for, and says
# their names. The second try is for lists that name packages already replaced.
download() {
    local list package try
    for try in 1 2; do
        { [ $try = 1 ] && [ -z "$suite" ]; } || update_lists >&2
        list=$(kernel_packages "$1") && [ -n "$list" ] || continue
        for package in $list; do rm -f $out/"$package"_*.deb; done
        # shellcheck disable=SC2086  # a list of words
        if (cd $out && packages apt-get download -qq -o APT::Sandbox::User=root $list >&2); then
            (cd $out && for package in $list; do echo "$package"_*.deb; done)
            return
        fi
    done
    say "cannot download $1${suite:+ of $suite}" >&2
    return 1
}

# are_there DEB...: at least one, and all of them downloaded.
are_there() {
    local deb
    for deb; do
        [ -f "$out/$deb" ] || return
    done
    [ $# -gt 0 ]
}

# unpack TREE DEB...: with one folder for /lib and /usr/lib, since packages have their
# modules in the one or the other.
unpack() {
    local tree=$1 deb
    shift
    mkdir -p "$tree/usr/lib"
    ln -s usr/lib "$tree/lib"
    for deb; do
        dpkg --fsys-tarfile "$out/$deb" | tar -x -C "$tree" --keep-directory-symlink
    done
}

# first_of FILE...: the first that is there.
first_of() {
    local file
    for file; do
        [ ! -f "$file" ] || { echo "$file"; return; }
    done
    say "there is none of these files: $*" >&2
    return 1
}

# plain_module FILE: its contents, whichever way they are packed.
plain_module() {
    case $1 in
    *.xz)  xz -dc "$1" ;;
    *.zst) zstd -dcq "$1" ;;
    *.gz)  gzip -dc "$1" ;;
    *)     cat "$1" ;;
    esac
}

# take_modules TREE VERSION DIR LIST NAME...: stripped copies in DIR, and DIR/LIST,
# which names them as they must be inserted.
take_modules() {
    local tree=$1 version=$2 dir=$3 list=$4 module name
    shift 4
    mkdir -p "$dir"
    for name; do
        modprobe -d "$tree" -S "$version" --show-depends "$name"
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' |
    while read -r module; do
        name=${module##*/} name=${name%.ko*}.ko
        plain_module "$module" > "$dir/$name"
        "${tools}strip" --strip-debug "$dir/$name"
        echo "$name"
    done > "$dir/$list"
}

# unpack_kernel FLAVOUR
unpack_kernel() {
    local packed=$out/vmlinuz-$1 unpacked=$out/vmlinux-$1
    scripts/extract-vmlinux.py "$packed" "$unpacked"
    # Without this note (18, PHYS32_ENTRY) nobody could boot it directly.
    [[ $(readelf -nW "$unpacked") == *Xen*0x00000012* ]] || {
        say "$unpacked has no PVH entry note" >&2
        return 1
    }
}

# kernel FLAVOUR META
# shellcheck disable=SC2086  # debs is a list of words
kernel() {
    local flavour=$1 dir=$out/$1 wanted debs tree version
    wanted="${guest_modules[*]} / ${device_modules[*]} / ${host_modules[*]} / ${net_modules[*]}"
    wanted+=" / ${watchdog_modules[*]} / ${efi_modules[*]} / ${fs_modules[*]}"
    if [ -f "$dir/done" ] && [ "$(cat "$dir/done")" = "$wanted" ]; then
        return
    fi
    rm -rf "$dir"
    mkdir -p "$dir"
    debs=$(cat "$out/$flavour.deb.name" 2>/dev/null) || debs=
    if ! are_there $debs; then
        say "downloading $2${suite:+ of $suite}"
        debs=$(download "$2")
        echo "$debs" > "$out/$flavour.deb.name"
    fi
    say "unpacking" $debs
    tree=$dir/tree
    unpack "$tree" $debs
    version=$(basename "$tree"/usr/lib/modules/*)
    depmod -b "$tree" "$version"
    take_modules "$tree" "$version" "$dir/guest-modules" order "${guest_modules[@]}"
    take_modules "$tree" "$version" "$dir/guest-modules" devices "${device_modules[@]}"
    if [ -z "$suite" ]; then
        take_modules "$tree" "$version" "$dir/guest-modules" efi "${efi_modules[@]}"
        take_modules "$tree" "$version" "$dir/guest-modules" fs "${fs_modules[@]}"
    fi
    if [ "$flavour" = generic ]; then
        take_modules "$tree" "$version" "$dir/guest-modules" watchdog "${watchdog_modules[@]}"
        take_modules "$tree" "$version" "$dir/host-modules" order "${host_modules[@]}"
        take_modules "$tree" "$version" "$dir/host-modules" net "${net_modules[@]}"
    fi
    echo "$version" > "$dir/version"
    rm -f "$out"/vmlinu[xz]-"$flavour" # which may be links to others
    cp "$(first_of "$tree"/{boot/config-"$version",usr/lib/modules/"$version"/config})" "$dir/config"
    cp "$(first_of "$tree"/{boot/vmlinuz-"$version",usr/lib/modules/"$version"/vmlinuz})" "$out/vmlinuz-$flavour"
    [ "$arch" != x86-64 ] || unpack_kernel "$flavour"
    rm -rf "$tree"
    echo "$wanted" > "$dir/done"
}

# The cloud kernel in one version.
#   cloud_of VERSION SUITE
cloud_of() {
    local version=$1 suite=$2 kind
    if [[ $(cat $out/cloud/version) != "$version".* ]]; then
        kernel "cloud-$version" linux-image-cloud-$debian
        rm -rf "$out/apt-$suite"
        return
    fi
    rm -rf "$out/cloud-$version"
    for kind in vmlinuz vmlinux; do
        [ ! -f $out/$kind-cloud ] || ln -sfn $kind-cloud "$out/$kind-cloud-$version"
    done
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
    local cpio=$out/initramfs.cpio tree=$out/initramfs.tree modules version program
    older $cpio "$0" tests/guest/initramfs/* $out/*/done || return 0
    say "making $cpio"
    busybox_tree $tree
    cp tests/guest/initramfs/init $tree/init
    mkdir -p $tree/etc/acpi/PWRF
    cp tests/guest/initramfs/power-button $tree/etc/acpi/PWRF/00000080
    for program in hog dma load talk vsock cpus; do
        "${compiler[@]}" -O2 -s -static -Wall -Wextra -o $tree/bin/$program tests/guest/initramfs/$program.c
    done
    cp tests/guest/initramfs/devices $tree/bin/devices
    for modules in $out/*/guest-modules; do
        version=$(cat "${modules%/*}/version")
        mkdir -p "$tree/lib/modules/$version"
        cp "$modules"/* "$tree/lib/modules/$version/"
    done
    chmod +x $tree/init $tree/bin/devices $tree/etc/acpi/PWRF/00000080
    pack $tree $cpio
    rm -rf $tree
}

host_initramfs() {
    local cpio=$out/emulated-host.cpio tree=$out/emulated-host.tree
    older "$cpio" "$0" tests/host/emulated-init "$out/generic/done" || return 0
    say "making $cpio"
    busybox_tree "$tree"
    cp tests/host/emulated-init "$tree/init"
    cp "$out"/generic/host-modules/* "$tree/lib/modules/"
    chmod +x "$tree/init"
    pack "$tree" "$cpio"
    rm -rf "$tree"
}

# The generic kernel in one version, for an emulated host: this machine's, or one that is newer.
#   newer_host VERSION SUITE
newer_host() {
    local suite=$2
    if [[ $(cat $out/generic/version) != 6.1.* ]]; then
        ln -sfn . "$out/host-$1"
        return
    fi
    local out=$out/host-$1
    mkdir -p "$out"
    kernel generic linux-image-$debian
    rm -rf "$out/apt-$suite"
    host_initramfs
}

# A disk from which UEFI's shell starts Debian's cloud kernel: there are no tools in the emulated host.
uefi_disk() {
    local disk=$out/uefi.raw script=$out/startup.nsh
    older $disk "$0" tests/lib/esp.py $out/{vmlinuz-cloud,initramfs.cpio} || return 0
    say "making $disk"
    printf '%s\r\n' 'fs0:\vmlinuz initrd=\initramfs console=ttyAMA0 quiet panic=-1 memhp_default_state=online_movable' > $script
    tests/lib/esp.py $disk.new startup.nsh=$script vmlinuz=$out/vmlinuz-cloud initramfs=$out/initramfs.cpio
    mv $disk.new $disk
    rm $script
}

# Two that UEFI starts by itself: their boot loader is a kernel, which says which one it is.
order_disks() {
    local flavour
    for flavour in cloud generic; do
        older $out/uefi-$flavour.raw "$0" tests/lib/esp.py $out/vmlinuz-$flavour || continue
        say "making $out/uefi-$flavour.raw"
        tests/lib/esp.py $out/uefi.new EFI/BOOT/BOOTAA64.EFI=$out/vmlinuz-$flavour
        mv $out/uefi.new $out/uefi-$flavour.raw
    done
}

# One on which UEFI finds GRUB, as Debian builds it for its own disks: its configuration is where Debian has it.
grub_disk() {
    local disk=$out/uefi-grub.raw tree=$out/grub.tree image=usr/lib/grub/arm64-efi/monolithic/grubaa64.efi
    older $disk "$0" tests/lib/esp.py $out/{vmlinuz-cloud,initramfs.cpio} || return 0
    say "making $disk"
    rm -rf $tree
    mkdir $tree
    (cd $tree && arm64_apt apt-get download grub-efi-arm64-bin)
    dpkg --fsys-tarfile $tree/*.deb | tar -x -C $tree ./$image
    cat > $tree/grub.cfg <<EOF
linux /vmlinuz console=ttyAMA0 quiet panic=-1 memhp_default_state=online_movable
initrd /initramfs
boot
EOF
    tests/lib/esp.py $disk.new EFI/BOOT/BOOTAA64.EFI=$tree/$image EFI/debian/grub.cfg=$tree/grub.cfg \
        vmlinuz=$out/vmlinuz-cloud initramfs=$out/initramfs.cpio
    mv $disk.new $disk
    rm -r $tree
}

kernel cloud linux-image-cloud-$debian
kernel generic linux-image-$debian
cloud_of 6.1 bookworm
cloud_of 6.12 trixie
guest_initramfs
host_initramfs
[ "$arch" != arm64 ] || { uefi_disk && order_disks && grub_disk && newer_host 6.12 trixie; }
