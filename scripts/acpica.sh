#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Print the folder where ACPICA's tools are, iasl and acpiexec, in the one version
# that the tests are made for: how iasl writes a table and what acpiexec says and
# does inside differ from one to the next. That is Debian 12's. Where the machine
# has another one or none, the first run unpacks that package under build/acpica;
# the system stays as it is, and no rights are needed.
set -euo pipefail
clone=$(cd "$(dirname "$0")/.." && pwd)
. "$clone/scripts/private-apt.sh"

suite=bookworm version=20200925
out=$clone/build/acpica

# Whether the programs in a folder are there, and of the version.
is_right() {
    [ -x "$1/acpiexec" ] && [[ $("$1/iasl" -v 2> /dev/null) == *"version $version"* ]]
}

get() {
    echo "acpica: getting version $version from Debian's $suite" >&2
    unpack_from_suite "$suite" "$out" acpica-tools
    is_right "$out/root/usr/bin" || {
        echo "acpica: Debian's $suite has another version than $version" >&2
        return 1
    }
}

if is_right /usr/bin; then
    echo /usr/bin
    exit
fi
mkdir -p "$out"
# Two at once would write the same files.
exec 9> "$out/lock"
flock 9
is_right "$out/root/usr/bin" || get
echo "$out/root/usr/bin"
