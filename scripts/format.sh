#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Put the C sources into shape with clang-format, of the one version whose shape it
# is: other ones wrap lines differently.
#
#   scripts/format.sh [--check]     --check: only say what is not in shape
#
# Exit status 77: this version is not to be had here.
set -eu
cd "$(dirname "$0")/.."
version=14
options=-i
[ "${1:-}" != --check ] || options='--dry-run -Werror'

for program in clang-format-$version clang-format; do
    "$program" --version 2>/dev/null | grep -q " version $version\." || continue
    # shellcheck disable=SC2086  # a list of words
    git ls-files -z --cached --others --exclude-standard '*.[ch]' | xargs -0 "$program" $options
    exit
done
echo "no clang-format-$version, whose shape the sources have" >&2
exit 77
