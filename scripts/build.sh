#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Build into a folder, which is configured first if it is new.
#
#   scripts/build.sh FOLDER [COMPILER [SANITIZERS]]      default: gcc, none
set -eu
cd "$(dirname "$0")/.."
folder=$1
compiler=${2:-gcc}
sanitizers=${3:-none}

if [ ! -f "$folder/build.ninja" ]; then
    CC=$compiler meson setup --werror -Ddocs=enabled -Db_sanitize="$sanitizers" "$folder"
fi
ninja -C "$folder"
