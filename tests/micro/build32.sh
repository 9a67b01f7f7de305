#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A micro-guest of C: 32-bit code in the 64-bit ELF file that hotram loads.
#
#   build32.sh LINKER-SCRIPT START.S CODE.c OUTPUT
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -m32 -std=c11 -O1 -Wall -Wextra -Werror -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none \
    -fno-asynchronous-unwind-tables -fno-builtin -mno-sse -mno-mmx -mno-80387 -S "$3" -o "$work/code.s"
{ echo .code32; cat "$work/code.s"; } > "$work/code32.s"
as --64 "$work/code32.s" -o "$work/code.o"
gcc -c "$2" -o "$work/start.o"
ld -nostdlib -static -n --no-warn-rwx-segments -T "$1" "$work/start.o" "$work/code.o" -o "$4"
