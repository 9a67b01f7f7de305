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
    root=build/debian-arm64/root
    printf "[constants]\nroot = '%s'\n" "$PWD/$root" > $root.ini
    configure --cross-file $root.ini --cross-file scripts/arm64.ini -Ddocs=disabled
}

case $compiler in
aarch64-linux-gnu-*) scripts/arm64-root.sh; configure=configure_arm64 ;;
*)                   configure="configure -Ddocs=enabled" ;;
esac
[ -f "$folder/build.ninja" ] || $configure
ninja -C "$folder"
