#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Make build/libvirt/root: the files of Debian's libvirtd, virsh and virt-install,
# and of what they need and this machine has not, unpacked and not installed: no service
# comes with them, and the machine stays as it was. tests/libvirt/run lays the
# folder over the machine's own files. What is there is kept.
#
# Rights are needed for nothing but a first "apt-get update" on a machine whose
# package lists are empty or out of date.
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/libvirt
# virtinst: virt-install. iproute2: tests make bridges.
wanted=(libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients virtinst iproute2)
# Which Debian 12 has in libvirt-daemon: without it virt-install's disks have no path.
later=libvirt-daemon-driver-storage
mkdir -p $out/packages
# Two at once would write the same files.
exec 9> $out/lock
flock 9

say() { echo "libvirt-root: $*"; }

# Packages and their versions that apt would install here, one a line.
missing() {
    local names=("${wanted[@]}")
    ! apt-cache show "$later" > /dev/null 2>&1 || names+=("$later")
    apt-get -s -qq -o Debug::NoLocking=true --no-install-recommends install "${names[@]}" |
        sed -n 's/^Inst \([^ ]*\) .*(\([^ ]*\) .*/\1=\2/p'
}

download() {
    (cd $out/packages && apt-get download -qq -o APT::Sandbox::User=root "$@")
}

update_lists() {
    local as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    say "updating the package lists"
    $as_root apt-get update -qq
}

# A layer over the machine's files must not hide the links that Debian has
# instead of these folders.
make_folders() {
    local folder
    rm -rf "$1"
    mkdir -p "$1/usr"
    for folder in bin sbin lib lib64; do
        [ -L "/$folder" ] || continue
        mkdir -p "$1/usr/$folder"
        ln -s "usr/$folder" "$1/$folder"
    done
}

# Only /usr is laid over the machine's: what a link there takes from elsewhere in
# the packages (usb.ids from /var) goes in its place.
keep_in_usr() {
    local link target
    while IFS=' ' read -r link target; do
        [ ! -f "$1$target" ] || { rm "$link" && cp "$1$target" "$link"; }
    done < <(find "$1/usr" -type l -lname '/[!u]*' -printf '%p %l\n')
}

# virt-install imports python3-requests, which from Debian 13 on loads the certificates at once, from a file in /etc that
# only the installation of ca-certificates makes.
certificates_in_usr() {
    local core=$1/usr/lib/python3/dist-packages/certifi/core.py bundle=usr/share/ca-certificates/bundle.crt
    [ -f "$core" ] && [ ! -f /etc/ssl/certs/ca-certificates.crt ] && [ -d "$1/usr/share/ca-certificates" ] || return 0
    find "$1/usr/share/ca-certificates" -name '*.crt' -exec cat {} + > "$1/bundle" && mv "$1/bundle" "$1/$bundle"
    sed -i "s:/etc/ssl/certs/ca-certificates\\.crt:/$bundle:" "$core"
}

list=$(missing) || { update_lists; list=$(missing); }
if [ -f $out/done ] && [ "$(cat $out/done)" = "$list" ]; then
    exit
fi
say "unpacking: ${list//$'\n'/ }"
rm -f $out/packages/*.deb
if [ -n "$list" ]; then
    # The second try is for lists that name packages already replaced.
    # shellcheck disable=SC2086  # a list of words
    if ! download $list; then
        update_lists
        list=$(missing)
        download $list
    fi
fi
make_folders $out/root.new
for deb in "$out"/packages/*.deb; do
    [ -f "$deb" ] || continue
    dpkg --fsys-tarfile "$deb" | tar -x -C $out/root.new --keep-directory-symlink
done
keep_in_usr $out/root.new
certificates_in_usr $out/root.new
# Otherwise each start of virt-install would compile it anew, in an emulated host for half a minute.
/usr/bin/python3 -S -m compileall -q $out/root.new/usr/lib/python3 $out/root.new/usr/share/virt-manager ||
    say "some of its modules cannot be compiled here"
for program in libvirtd virsh virt-install; do
    [ -n "$(find {,$out/root.new}/usr/{s,}bin/$program 2>/dev/null)" ] || {
        say "no $program in Debian's ${wanted[*]}" >&2
        exit 1
    }
done
rm -rf $out/root
mv $out/root.new $out/root
echo "$list" > $out/done
