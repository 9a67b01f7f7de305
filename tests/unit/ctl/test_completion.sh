#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The shell's completion of hotramctl, on the words that a user would have typed. TAP.
# Usage: test_completion.sh COMPLETION PROGRAM
# shellcheck source=/dev/null
source "$1"
program=$2
number=0

# What a guest would say; all else is the program's own.
# shellcheck disable=SC2317  # called through the completion
guest()
{
    case " $* " in
    *' -g b -p 1 list '*) printf '        "id": "other",\n' ;;
    *' list '*) printf '        "id": "dimm1",\n        "addr": 1,\n        "id": "dimm2",\n' ;;
    *' status '*) printf 'guest: x\noperation: plug %s: in progress for 1 s (operation %s)\n' 'd (1 GiB)' 12 \
        vcpu1 3 ;;
    *' -g b -p 1 cpus '*) ;;
    *' -p 1 cpus '*) printf ' CPU SOCKET ...\n   0      0\n   1      0\n   2      0\n' ;;
    *) "$program" "$@" ;;
    esac
}

# check LINE EXPECTED...: all of the expected words are offered, and with "=" first nothing else.
check()
{
    local line=$1 exact=no word offered
    shift
    [[ $1 == '=' ]] && exact=yes && shift
    read -ra COMP_WORDS <<< "hotramctl $line"
    [[ $line == *' ' || -z $line ]] && COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _hotramctl_main guest 2>/dev/null
    offered=" ${COMPREPLY[*]} "
    number=$((number + 1))
    for word in "$@"; do
        if [[ $offered != *" $word "* ]]; then
            echo "not ok $number - '$line' does not offer $word but:$offered"
            return
        fi
    done
    if [[ $exact == yes && ${#COMPREPLY[@]} -ne $# ]]; then
        echo "not ok $number - '$line' offers:$offered"
        return
    fi
    echo "ok $number - $line"
}

XDG_RUNTIME_DIR=$(mktemp -d) || exit
trap 'rm -rf "$XDG_RUNTIME_DIR"' EXIT
mkdir "$XDG_RUNTIME_DIR/hotram"
for name in db1 'a%2Fb'; do
    /usr/bin/python3 -S -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
        "$XDG_RUNTIME_DIR/hotram/$name.sock"
done

echo 1..20
check '' = status list map plug unplug set cpus wait cancel events top snapshot inspect quit
check 'un' = unplug
check '-' = --socket --guest --json --monitor-timeout --help --version
check 'plug --t' = --timeout --template
check 'plug --no' = --no-wait --node
check 'list --no' =
check 'plug 1G --template ' memory-backend-memfd
check 'unplug ' = dimm1 dimm2
check '-g b unplug ' = other
check 'unplug --timeout 3 dimm' = dimm1 dimm2
check 'wait ' = all 12 3
check 'cancel ' = 12 3
check 'cpus ' = 1 2 3
check 'cpus --timeout 3 2' = 2
check '-g b cpus ' =
check 'cpus --t' = --timeout
check '-g ' = db1 a/b
check 'status --guest d' = db1
check 'top ' = db1 a/b
check 'plug --timeout ' =
