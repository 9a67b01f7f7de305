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
    mkdir -p "$dir"/{state/lists/partial,cache/archives/partial,none}
    : > "$dir/state/status" # apt puts locks beside it
    # Of two at once the second waits; apt would end with an error.
    flock "$dir/lock" "$tool" -qq -o APT::Sandbox::User=root \
        -o Acquire::Languages=none \
        -o Dir::Etc::Preferences=/dev/null \
        -o Dir::Etc::PreferencesParts="$dir/none" \
        -o Dir::State="$dir/state" -o Dir::State::status="$dir/state/status" \
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

# Where this machine's apt gets Debian from: by what the archive says of itself, since
# sources call a release by its code name or as "stable", and so do other archives.
debian_mirror() {
    local try found
    for try in 1 2; do
        [ $try = 1 ] || apt-get -qq update >&2 || sudo -n apt-get -qq update >&2 || break
        # shellcheck disable=SC2016  # names of apt-get's
        found=$(apt-get indextargets --format '$(REPO_URI)' \
            'Created-By: Packages' 'Origin: Debian' 'Label: Debian')
        [ -z "$found" ] || { echo "${found%%$'\n'*}"; return; }
    done
    echo "apt's sources on this machine have no archive of Debian's" >&2
    return 1
}

# Another release of Debian from there, as a list of sources in DIR. Updates and
# security have suites of their own and are left out.
#   suite_sources SUITE DIR
suite_sources() {
    local suite=$1 dir=$2 mirror keys
    mirror=$(debian_mirror) || return
    for keys in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
        [ ! -f $keys ] || break
    done
    echo "deb [signed-by=$keys] $mirror $suite main" > "$dir/suite.list"
}

# apt-get or apt-cache with the sources that suite_sources has written to DIR/sources.
#   suite_apt DIR TOOL ARGUMENT...
suite_apt() {
    local dir=$1 tool=$2
    shift 2
    private_apt "$dir" "$tool" -o Dir::Etc::SourceList=/dev/null \
        -o Dir::Etc::SourceParts="$dir/sources" "$@"
}

# Packages of another suite, without what they depend on, unpacked as DIR/root.
#   unpack_from_suite SUITE DIR PACKAGE...
unpack_from_suite() {
    local suite=$1 dir=$2 deb
    shift 2
    rm -rf "$dir/root" "$dir/apt"
    mkdir -p "$dir"/apt/{sources,debs}
    suite_sources "$suite" "$dir/apt/sources"
    suite_apt "$dir/apt" apt-get update
    (cd "$dir/apt/debs" && suite_apt "$dir/apt" apt-get download "$@")
    for deb in "$dir"/apt/debs/*.deb; do
        dpkg -x "$deb" "$dir/root"
    done
    rm -rf "$dir/apt"
}

# Run a command that makes DIR/version, unless it is there: once, if several ask at a time.
#   get_once DIR COMMAND...
get_once() {
    local dir=$1
    shift
    [ ! -s "$dir/version" ] || return 0
    mkdir -p "$dir"
    exec 9> "$dir/lock"
    flock 9
    [ -s "$dir/version" ] || "$@"
    exec 9>&-
}
