#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `make demo`: everything that the story of scripts/demo.py needs, then the story.
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

echo 'hotram: a Linux guest gains 1 GiB of memory while it runs, uses it, and gives it back.'
echo
step 'Installing the packages that are missing' scripts/setup.sh build guest
step 'Building hotram' scripts/build.sh build/native
step "Fetching and unpacking Debian's kernels" scripts/guest-images.sh
exec tests/host/run -- scripts/demo.py
