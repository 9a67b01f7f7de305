/* SPDX-License-Identifier: BSD-2-Clause */
/* The start of scribble.c, and its exceptions: each ends the instruction that attempt() tried. */
#include "entry.inc"
    pushl 24(%ebx) /* PVH start info: where the command line is */
    movl $idt, %edi
    movl $32, %ecx
1:  movl $fault, %eax
    movw %ax, (%edi)
    movw $0x10, 2(%edi)
    movw $0x8e00, 4(%edi)
    shrl $16, %eax
    movw %ax, 6(%edi)
    addl $8, %edi
    loop 1b
    lidt idt_pointer
    call scribble
    hlt

/* Without IRET, which not every KVM's emulator has: interrupts are off anyway. */
fault:
    movl resume_sp, %esp
    movl $1, faulted
    jmp *resume_ip

    .balign 8
idt_pointer:
    .word 255
    .long idt

    .globl faulted, resume_ip, resume_sp
    .bss
    .balign 16
idt:
    .space 256
faulted:
    .long 0
resume_ip:
    .long 0
resume_sp:
    .long 0
    .balign 16
    .space 16384
stack_end:
    .section .note.GNU-stack, "", @progbits
