#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Build into a folder, which is configured first if it is new.
#
#   scripts/build.sh FOLDER [COMPILER [SANITIZERS]]      default: gcc, none
#
# aarch64-linux-gnu-gcc as compiler makes a cross build for arm64.
set -eu
cd "$(dirname "$0")/.."
folder=$1
compiler=${2:-gcc}
sanitizers=${3:-none}

# configure OPTION...
configure() {
    CC=$compiler meson setup --werror -Db_sanitize="$sanitizers" "$@" "$folder"
}

# The library's manual is the same for every processor.
configure_arm64() {
    scripts/arm64-root.sh
    root=build/debian-arm64/root
    printf "[constants]\nroot = '%s'\n" "$PWD/$root" > $root.ini
    configure --cross-file $root.ini --cross-file scripts/arm64.ini -Ddocs=disabled
}

if [ ! -f "$folder/build.ninja" ]; then
    case $compiler in
    aarch64-linux-gnu-*) configure_arm64 ;;
    *)                   configure -Ddocs=enabled ;;
    esac
fi
ninja -C "$folder"
