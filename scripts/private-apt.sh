# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# To be sourced: packages that this machine's own system is not to know of.

# apt-get or apt-cache with lists and cache of its own below DIR, as if nothing
# were installed. The packages come from where this machine's apt gets Debian
# from, and are checked against the same keys.
#   private_apt DIR TOOL ARGUMENT...
private_apt() {
    local dir=$1 tool=$2
    shift 2
    mkdir -p "$dir"/{state/lists/partial,cache/archives/partial}
    # Of two at once the second waits; apt would end with an error.
    flock "$dir/lock" "$tool" -qq -o APT::Sandbox::User=root \
        -o Acquire::Languages=none \
        -o Dir::Etc::Preferences=/dev/null \
        -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State="$dir/state" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$dir/cache" "$@"
}

# The same for arm64's packages, on a machine of any kind.
#   arm64_apt TOOL ARGUMENT...
arm64_apt() {
    local tool=$1
    shift
    private_apt "$arm64_apt_dir" "$tool" \
        -o APT::Architecture=arm64 -o APT::Architectures=arm64 "$@"
}
arm64_apt_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/debian-arm64/apt
