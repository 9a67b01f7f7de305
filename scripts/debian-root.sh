#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Run a command as root in another release of Debian: a minimal system that the
# first run makes with debootstrap under build/distributions/SUITE/root, from where
# this machine's apt gets its own packages. What the command installs or leaves
# there is kept.
#
#   scripts/debian-root.sh SUITE [COMMAND...]     without a command: only make it
#
# The command sees this machine's devices, and of processes its own only. It ends,
# and all that it started and mounted, with this script and with the script's parent,
# however these end.
set -euo pipefail
clone=$(cd "$(dirname "$0")/.." && pwd)
. "$clone/scripts/private-apt.sh"
PATH=$PATH:/usr/sbin:/sbin

say() { echo "debian-root: $*" >&2; }

# make_root SUITE DIR
make_root() {
    local suite=$1 dir=$2 mirror
    say "getting Debian's $suite"
    rm -rf "$dir/root"
    mirror=$(debian_mirror)
    debootstrap --variant=minbase "$suite" "$dir/root" "$mirror" > "$dir/debootstrap.log" 2>&1 || {
        tail -n 20 "$dir/debootstrap.log" >&2
        return 1
    }
    # How this machine's apt reaches others.
    apt-config dump | grep -E '^Acquire::https?::Proxy' > "$dir/root/etc/apt/apt.conf.d/90proxy" || :
    rm -f "$dir"/root/var/cache/apt/archives/*.deb
    touch "$dir/done"
}

# The first process of the namespaces. The shell stays, to reap what the command
# leaves behind.
inside() {
    local dir=$1 status=0
    shift
    mkdir -p "$dir"
    # Two at once would write the same files.
    exec 9> "$dir/lock"
    flock 9
    [ -f "$dir/done" ] || make_root "${dir##*/}" "$dir"
    [ $# -gt 0 ] || exit 0
    cp -L /etc/resolv.conf /etc/hosts "$dir/root/etc/"
    # The root of a file system, as commands in there expect of /.
    mount --bind "$dir/root" "$dir/root"
    mount -t proc proc "$dir/root/proc"
    mount -t sysfs -o ro sysfs "$dir/root/sys"
    mount --rbind /dev "$dir/root/dev"
    mount -t tmpfs tmpfs "$dir/root/run"
    mount -t tmpfs tmpfs "$dir/root/tmp"
    env -i HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        chroot "$dir/root" "$@" || status=$?
    exit $status
}

if [ "${1:-}" = --inside ]; then
    shift
    inside "$@"
fi
[ $# -gt 0 ] || { sed -n '3,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
# Whichever of these processes ends, the kernel ends the next.
exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child \
    "$0" --inside "$clone/build/distributions/$1" "${@:2}"
