#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# hotramctl's man page and its help have the same commands, options and exit statuses. TAP.
# Usage: test_man_page.sh PAGE PROGRAM
page=$1 program=$2
bad=0

# check NUMBER NAME EXPECTED FOUND: two lists of words are equal, and not empty.
check()
{
    if [[ -n $3 && $3 == "$4" ]]; then
        echo "ok $1 - $2"
    else
        bad=1
        echo "not ok $1 - $2"
        diff <(echo "$3") <(echo "$4") | sed 's/^/# /'
    fi
}

commands=$("$program" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
options=$(for command in $commands; do "$program" "$command" --help; done |
    sed -n 's/^  .* --\([a-z-]*\).*/\1/p' | sort -u)

echo 1..3
check 1 'commands' "$(sort <<< "$commands")" "$(sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$page" | sort)"
check 2 'options' "$options" "$(sed -n 's/^\.It \(Fl . , \)\{0,1\}Fl -\([a-z-]*\).*/\2/p' "$page" | sort)"
check 3 'exit statuses' "$(seq 0 6)" "$(sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EX/s/^\.It \([0-9]\)$/\1/p' "$page")"
exit $bad
