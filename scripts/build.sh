#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Build into a folder, which is configured first if it is new.
#
#   scripts/build.sh FOLDER [COMPILER [SANITIZERS [OPTION...]]]      default: gcc, none; options are of meson setup
#
# aarch64-linux-gnu-gcc as compiler makes a cross build for arm64. Warnings are errors
# where HOTRAM_WERROR is set, as in `make check`: other compilers know other ones. They
# are not with sanitizers, whose checks make compilers see what cannot be (GCC's manual
# advises against the two together, at -fsanitize=). HOTRAM_TARGETS="vmm/hotram ..."
# builds these alone.
set -eu
cd "$(dirname "$0")/.."
folder=$1
compiler=${2:-gcc}
sanitizers=${3:-none}
shift $(($# < 3 ? $# : 3))
[ "$sanitizers" = none ] || unset HOTRAM_WERROR

# configure OPTION...
configure() {
    CC=$compiler meson setup ${HOTRAM_WERROR:+--werror} -Db_sanitize="$sanitizers" "$@" "$folder"
}

# The library's manual is the same for every processor.
configure_arm64() {
    root=build/debian-arm64/root
    printf "[constants]\nroot = '%s'\n" "$PWD/$root" > $root.ini
    configure --cross-file $root.ini --cross-file scripts/arm64.ini -Ddocs=disabled "$@"
}

case $compiler in
aarch64-linux-gnu-*) scripts/arm64-root.sh; configure=configure_arm64 ;;
*)                   configure="configure -Ddocs=enabled" ;;
esac
if [ ! -f "$folder/build.ninja" ]; then
    $configure "$@"
elif [ -n "${HOTRAM_WERROR:-}" ] && ! grep -q -- ' -Werror ' "$folder/build.ninja"; then
    meson configure -Dwerror=true "$folder"
fi
# Since meson 1.7 what only tests need is not part of "all".
# shellcheck disable=SC2086  # they are words
ninja -C "$folder" ${HOTRAM_TARGETS:-all meson-test-prereq}
