#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `make demo`: everything that the story of scripts/demo.py needs, then the story.
#
#   scripts/demo.sh [ARCH]      x86-64 or arm64
set -u
cd "$(dirname "$0")/.." || exit
mkdir -p build/log

# step TEXT COMMAND...: one line, with the time it took; what it says only when it fails.
step() {
    local text=$1 start=$SECONDS
    shift
    printf '  %s ... ' "$text"
    if "$@" > build/log/demo.log 2>&1; then
        echo "$((SECONDS - start)) s"
    else
        echo failed
        tail -n 40 build/log/demo.log
        exit 1
    fi
}

echo 'hotram: a Linux guest gains 1 GiB of memory and two CPUs while it runs, uses them, and gives them back. Then it moves'
echo 'to another hotram while it writes, and continues from a snapshot.'
echo
case ${1:-x86-64} in
x86-64) groups=(build guest disk) folder=build/native compiler=gcc ;;
arm64)  groups=(build guest arm64) folder=build/arm64 compiler=aarch64-linux-gnu-gcc ;;
*)      echo "demo.sh: '$1' is not an architecture: x86-64 or arm64" >&2; exit 2 ;;
esac
export HOTRAM_ARCH=${1:-x86-64}
step 'Installing the packages that are missing' scripts/setup.sh "${groups[@]}"
step 'Building hotram' scripts/build.sh $folder $compiler
step "Fetching and unpacking Debian's kernels" scripts/guest-images.sh "$HOTRAM_ARCH"
if [ "$HOTRAM_ARCH" = x86-64 ]; then
    step "Making a disk with Debian on it, of Debian's packages" scripts/debian-disk.sh
    # The guest writes to a copy, so that each story begins alike.
    cp --sparse=always build/disk/disk.raw build/disk/demo.raw || exit
fi
exec tests/host/run --timeout 600 -- scripts/demo.py
