/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest: what an operating system and its AML do with the registers, without either. 32 bits, flat, no
 * paging, no interrupts (it asks the GPE block instead), no stack. It halts once it has given a DIMM back.
 */
#include "layout.h"

#define EVENT (1 << 3) /* HOTRAM_GPE_MEMORY */

    .macro read_register offset, register
    movw $PORT_MEMHP + \offset, %dx
    inl %dx, \register
    .endm

    .macro write_register offset, value
    movw $PORT_MEMHP + \offset, %dx
    movl \value, %eax
    outl %eax, %dx
    .endm

    .macro control value /* the control register is a byte */
    movw $PORT_MEMHP + 0x14, %dx
    movb $\value, %al
    outb %al, %dx
    .endm

    .macro ost event, status
    write_register 0x04, $\event
    write_register 0x08, $\status
    .endm

    .section .rodata /* for the VMM it is data, to be copied; no instruction here holds an address of its own */
    .globl guest_start, guest_end
    .code32
guest_start:
    cmpl $0x54445344, DSDT_START /* "DSDT" */
    jne end
    movw $PORT_GPE + 2, %dx /* enable */
    movb $EVENT, %al
    outb %al, %dx

wait:
    movw $PORT_GPE, %dx /* status; this is where an operating system sleeps until the SCI */
    inb %dx, %al
    testb $EVENT, %al
    jz wait
    movb $EVENT, %al
    outb %al, %dx /* before the slots are looked at: what comes from here on is a new event */

next: /* slot with an event pending, as \_SB.MHPD.MSCN does */
    read_register 0x18, %eax
    cmpl $-1, %eax
    je wait
    write_register 0x00, %eax
    read_register 0x14, %eax
    movl %eax, %ebx
    testl $2, %ebx
    jnz insert
    testl $4, %ebx
    jnz remove
    jmp end /* it said there was something */

insert:
    control 2
    read_register 0x00, %eax /* the address; its high half, at 4, is 0 here */
    movl %eax, %edi
    read_register 0x08, %eax /* the size */
    movl $PATTERN, (%edi)
    movl $PATTERN, -4(%edi, %eax)
    ost 1, 0 /* device check: success */
    jmp next

remove:
    control 4
    ost 3, 0x84 /* eject request: in progress */
    control 8   /* the memory is no longer ours from here on */
    ost 3, 0    /* eject request: success */
end:
    hlt
    jmp end
guest_end:

    .section .note.GNU-stack, "", @progbits
