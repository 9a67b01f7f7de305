/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A micro-guest that writes to its memory all the time, such that memory of two moments is not taken for that
 * of one: it counts in each page from 4 MiB to 32 MiB, one page after the other, and checks before each write
 * that the count there is that of the previous pass, but in the first. "mixed." and it ends if it is not. Keys,
 * after a pass:
 *
 *     e   nothing; "e." shows that a pass has been completed
 *     r   read the pages from 40 MiB to 48 MiB, which it has not written yet: "r."
 *     g   count there, too: "g."
 *     x   reset the machine
 *
 * 32 bits, without paging and interrupts.
 */
#define FIRST 0x400000
#define END 0x2000000
#define MORE_FIRST 0x2800000
#define MORE_END 0x3000000

#include "entry.inc"
    movl $1, %ebp       /* the pass */
    xorl %ebx, %ebx     /* since when it counts in the other pages: 0 it does not, 1 this pass, 2 earlier */
    movb $'s', %cl
    jmp say

pass:
    movl $FIRST, %edi
1:  movl (%edi), %eax
    incl %eax
    cmpl $1, %ebp
    je 2f
    cmpl %ebp, %eax
    jne mixed
2:  movl %ebp, (%edi)
    addl $4096, %edi
    cmpl $END, %edi
    jb 1b

    testl %ebx, %ebx
    jz keys
    movl $MORE_FIRST, %edi
1:  movl (%edi), %eax
    incl %eax
    cmpl $1, %ebx
    je 2f
    cmpl %ebp, %eax
    jne mixed
2:  movl %ebp, (%edi)
    addl $4096, %edi
    cmpl $MORE_END, %edi
    jb 1b
    movl $2, %ebx

keys:
    incl %ebp
    movw $0x3fd, %dx
    inb %dx, %al
    testb $1, %al
    jz pass
    movw $0x3f8, %dx
    inb %dx, %al
    movb %al, %cl
    cmpb $'g', %al
    jne 1f
    movl $1, %ebx
1:  cmpb $'x', %al
    jne 1f
    movb $6, %al
    movw $0xcf9, %dx
    outb %al, %dx
1:  cmpb $'r', %al
    jne say
    movl $MORE_FIRST, %edi
2:  movl (%edi), %eax
    addl $4096, %edi
    cmpl $MORE_END, %edi
    jb 2b

say:
    movb %cl, %al
    call put
    movb $'.', %al
    call put
    movb $'\n', %al
    call put
    jmp pass

mixed:
    movl $words, %esi
1:  movb (%esi), %al
    call put
    incl %esi
    cmpl $words_end, %esi
    jb 1b
2:  hlt
    jmp 2b

put:
    movb %al, %ah
    movw $0x3fd, %dx
2:  inb %dx, %al
    testb $0x20, %al
    jz 2b
    movb %ah, %al
    movw $0x3f8, %dx
    outb %al, %dx
    ret

words:
    .ascii "mixed.\n"
words_end:

    .bss
    .balign 16
    .space 256
stack_end:
    .section .note.GNU-stack, "", @progbits
