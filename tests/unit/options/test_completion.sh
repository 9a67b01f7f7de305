#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The shell's completion, on the words that a user would have typed. TAP.
# Usage: test_completion.sh COMPLETION PROGRAM
# shellcheck source=/dev/null
source "$1"
program=$2
number=0

# check LINE EXPECTED...: all of the expected words are offered, and with "=" first nothing else.
check()
{
    local line=$1 exact=no word offered
    shift
    [[ $1 == '=' ]] && exact=yes && shift
    COMP_LINE="hotram $line" COMP_POINT=$((7 + ${#line}))
    _hotram_main "$program" 2>/dev/null
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

echo 1..17
check '' -kernel -m -object -version -qmp-pretty
check '-ker' = -kernel
check '-fw' = -fw_cfg
check '-S -no' -no-reboot -no-shutdown -no-user-config
check '-machine ' = hotram-1 q35 pc-q35-hotram-1 none
check '-accel ' = kvm qtest
check '-cpu ' = host max migratable= pmu= host-phys-bits=on kvm-pv-eoi=
check '-cpu host,p' = host,pmu=
check '-no-h' = -no-hpet
check '-parallel ' = none
# Each option that -help lists is offered, those that ask for nothing among them.
mapfile -t listed < <("$program" -help | sed -n 's/^\(-[A-Za-z][A-Za-z0-9_-]*\).*/\1/p' | sort -u)
check '' = "${listed[@]}"
check '-device ' isa-serial pc-dimm
check '--device pc-' = pc-dimm
check '-device isa-serial,ch' = isa-serial,chardev=
check '-object memory-backend-r' = memory-backend-ram
check '-chardev socket,id=a,ser' = a,server=
check '-m 1G,' = 1G,size= 1G,slots= 1G,maxmem=
