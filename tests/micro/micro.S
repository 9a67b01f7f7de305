/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A micro-guest: a kernel of a few hundred bytes that does what the letters on its serial line say. It needs
 * no interrupts and no hardware virtualization, so it runs on any /dev/kvm, in milliseconds.
 *
 *   e  say "e" (is anybody there?)             h  do the operating system's part of memory hotplug:
 *   o  power off by S5                            scan all slots, take insertions, give removals back
 *   r  reset by the reset register             n  the same, but refuse removals (_OST 3, 0x82)
 *   x  jump to where there is nothing          j  eject slot 0 although nobody asked
 *   b  say 1 if the power button was pressed   s  say the flags of slots 0 to 3, a hexadecimal digit each
 *   m  read registers in memory by               f  flood: report _OST 2000 times
 *      instructions that KVM splits into several  w  set the watchdog to two times 1.2 seconds
 *      accesses, until the next letter comes; say l  let non-maskable interrupts in, and say "!"
 *      how many gave wrong data, in hexadecimal      at the first
 *   v  write to each page of [16 MiB, 48 MiB) and verify what was written before, until the next letter comes;
 *      say "v" and a line feed when all pages were written once more, and at the end how often it was wrong,
 *      and how often all pages were written since the start, in hexadecimal
 *
 * On a machine with CPU hotplug:
 *   p  as h, for CPUs                            a  start all present CPUs, and wait until they run
 *   q  as n, for CPUs                            k  say how many there are besides this one when each of
 *   c  as s, for CPUs 0 to 3                        them has answered
 *   t  take note of removals of CPUs, only       g  eject CPU 1, only
 *   u  report that CPU 1 has gone                i  let all present CPUs write anything to the
 *   y  from now on p, q, t and a are for 255        registers of CPUs, without waiting for them
 *      CPUs rather than the first 4, and k
 *      says two digits
 *
 * After each letter but o, r and x it says "." and a line feed. At its start it says "micro" likewise.
 * It is an ELF kernel with a PVH entry: 32 bits, flat, no paging.
 */
#define COM1 0x3f8
#define MEMHP 0xa00
#define SLOTS 4
#define GED 0xfed60000
#define TCO 0x660
#define GCS 0xfed1f410
#define LAPIC 0xfee00000
#define CPUHP 0xcd8
#define CPUS 4
#define CPUS_MOST 255
/* Started CPUs begin in 16 bits at this page; in the next are three numbers. */
#define BEGIN 0x8000
#define STARTED 0x9000
#define ASKED 0x9004
#define ANSWERED 0x9008
#define VERIFIED 0x1000000
#define VERIFIED_END 0x3000000

#include "entry.inc"
    movl $hello, %esi
    call say_text
next:
    call hear
    movl $commands, %esi
find:
    movb (%esi), %ah
    testb %ah, %ah
    jz next /* unknown letters are passed over */
    cmpb %ah, %al
    je run
    addl $5, %esi
    jmp find
run:
    call *1(%esi)
    movl $done, %esi
    call say_text
    jmp next

/* ---- serial line ---- */

hear: /* -> al */
    movw $COM1 + 5, %dx
1:  inb %dx, %al
    testb $1, %al
    jz 1b
    movw $COM1, %dx
    inb %dx, %al
    ret

say: /* al */
    movb %al, %cl
    movw $COM1 + 5, %dx
1:  inb %dx, %al
    testb $0x20, %al
    jz 1b
    movw $COM1, %dx
    movb %cl, %al
    outb %al, %dx
    ret

say_text: /* esi */
    movb (%esi), %al
    testb %al, %al
    jz 1f
    call say
    incl %esi
    jmp say_text
1:  ret

say_digit: /* low four bits of al */
    andb $0xf, %al
    addb $'0', %al
    cmpb $'9', %al
    jbe say
    addb $'a' - '9' - 1, %al
    jmp say

/* ---- what the letters do ---- */

echo:
    movb $'e', %al
    jmp say

power_off:
    movw $0x604, %dx
    movw $(5 << 10 | 1 << 13), %ax
    outw %ax, %dx
    jmp . /* it does not return to the guest */

reset:
    movw $0xcf9, %dx
    movb $0x06, %al
    outb %al, %dx
    jmp .

nowhere:
    movl $0xd0000000, %eax
    jmp *%eax

button:
    movw $0x600, %dx
    inw %dx, %ax
    movw %ax, %bx
    andw $0x100, %ax
    outw %ax, %dx /* clear it */
    movb %bh, %al
    andb $1, %al
    jmp say_digit

/* Select slot ebx; edx is left at the flags register, al has the flags. */
flags:
    movw $MEMHP, %dx
    movl %ebx, %eax
    outl %eax, %dx
    movw $MEMHP + 0x14, %dx
    inb %dx, %al
    ret

control: /* al to the selected slot */
    movw $MEMHP + 0x14, %dx
    outb %al, %dx
    ret

ost: /* eax event, ecx status, of the selected slot */
    movw $MEMHP + 4, %dx
    outl %eax, %dx
    movl %ecx, %eax
    movw $MEMHP + 8, %dx
    outl %eax, %dx
    ret

say_flags:
    xorl %ebx, %ebx
1:  call flags
    call say_digit
    incl %ebx
    cmpl $SLOTS, %ebx
    jb 1b
    ret

refuse:
    movl $1, %edi
    jmp scan
hotplug:
    xorl %edi, %edi
scan:
    xorl %ebx, %ebx
1:  call flags
    testb $2, %al
    jz 2f
    movb $2, %al
    call control
    movl $1, %eax
    xorl %ecx, %ecx
    call ost
2:  call flags
    testb $4, %al
    jz 3f
    movb $4, %al
    call control
    call remove
3:  incl %ebx
    cmpl $SLOTS, %ebx
    jb 1b
    ret

remove: /* the selected slot; edi says whether to refuse */
    movl $3, %eax
    movl $0x84, %ecx
    call ost
    testl %edi, %edi
    jnz 1f
    movb $8, %al
    call control
    movl $3, %eax
    xorl %ecx, %ecx
    jmp ost
1:  movl $3, %eax
    movl $0x82, %ecx
    jmp ost

eject:
    xorl %ebx, %ebx
    call flags
    movb $8, %al
    jmp control

flood:
    xorl %ebx, %ebx
    call flags
    movl $2000, %esi
1:  movl $7, %eax
    movl %esi, %ecx
    call ost
    decl %esi
    jnz 1b
    ret

/* ---- CPUs ---- */

/* Select CPU ebx; edx is left at the flags register, al has the flags. */
cpu_flags:
    movw $CPUHP, %dx
    movl %ebx, %eax
    outl %eax, %dx
    movw $CPUHP + 4, %dx
    inb %dx, %al
    ret

cpu_ost: /* eax event, ecx status, of the selected CPU */
    movl %eax, %esi
    movw $CPUHP + 5, %dx
    movb $1, %al
    outb %al, %dx
    movw $CPUHP + 8, %dx
    movl %esi, %eax
    outl %eax, %dx
    movw $CPUHP + 5, %dx
    movb $2, %al
    outb %al, %dx
    movw $CPUHP + 8, %dx
    movl %ecx, %eax
    outl %eax, %dx
    movw $CPUHP + 4, %dx
    ret

say_cpu_flags:
    xorl %ebx, %ebx
1:  call cpu_flags
    call say_digit
    incl %ebx
    cmpl $CPUS, %ebx
    jb 1b
    ret

note_cpus:
    movl $2, %edi
    jmp scan_cpus
refuse_cpus:
    movl $1, %edi
    jmp scan_cpus
hotplug_cpus:
    xorl %edi, %edi
scan_cpus:
    xorl %ebx, %ebx
1:  call cpu_flags
    testb $2, %al
    jz 2f
    movb $2, %al
    outb %al, %dx
    movl $1, %eax
    xorl %ecx, %ecx
    call cpu_ost
2:  call cpu_flags
    testb $4, %al
    jz 3f
    movb $4, %al
    outb %al, %dx
    call remove_cpu
3:  incl %ebx
    cmpl cpus, %ebx
    jb 1b
    ret

remove_cpu: /* the selected one; edi says whether to refuse (1), or to leave it at that for now (2) */
    movl $3, %eax
    movl $0x84, %ecx
    call cpu_ost
    movl $0x82, %ecx
    cmpl $1, %edi
    je 1f
    ja 2f
    movb $8, %al
    outb %al, %dx
    xorl %ecx, %ecx
1:  movl $3, %eax
    jmp cpu_ost
2:  ret

eject_cpu:
    movl $1, %ebx
    call cpu_flags
    movb $8, %al
    outb %al, %dx
    ret

report_cpu:
    movl $1, %ebx
    call cpu_flags
    xorl %ecx, %ecx
    movl $3, %eax
    jmp cpu_ost

/* INIT and SIPI to all others, which run the code of ecx bytes at esi. */
send_starts:
    cld
    movl $BEGIN, %edi
    rep movsb
    movl $0, STARTED
    movl $0, ASKED
    movl $0, ANSWERED
    movl $0xc4500, LAPIC + 0x300
    movl $0xc4600 | BEGIN >> 12, LAPIC + 0x300
    ret

/* As many answers as there are CPUs. */
start_cpus:
    movl $begin_16, %esi
    movl $begin_16_end - begin_16, %ecx
    call send_starts
    xorl %ebx, %ebx
    xorl %edi, %edi
1:  call cpu_flags
    andl $1, %eax
    addl %eax, %edi
    incl %ebx
    cmpl cpus, %ebx
    jb 1b
    decl %edi
2:  pause
    cmpl %edi, STARTED
    jne 2b
    ret

let_cpus_write:
    movl $write_16, %esi
    movl $write_16_end - write_16, %ecx
    jmp send_starts

write_16:
    .code16
    movw $200, %cx
1:  rdtsc
    andl $7, %eax
    movw $CPUHP, %dx
    outl %eax, %dx
    rdtsc
    shrl $3, %eax
    movw $CPUHP + 4, %dx
    outb %al, %dx
    shrl $2, %eax
    andb $3, %al
    movw $CPUHP + 5, %dx
    outb %al, %dx
    movw $CPUHP + 8, %dx
    outl %eax, %dx
    inl %dx, %eax
    loop 1b
2:  hlt
    jmp 2b
    .code32
write_16_end:

begin_16:
    .code16
    xorw %ax, %ax
    movw %ax, %ds
    lock incw STARTED
1:  pause
    cmpw $0, ASKED
    je 1b
    lock incw ANSWERED
2:  pause
    cmpw $0, ASKED
    jne 2b
    lock decw ANSWERED
    jmp 1b
    .code32
begin_16_end:

ask_cpus:
    movl STARTED, %eax
    movl $1, ASKED
1:  pause
    cmpl %eax, ANSWERED
    jne 1b
    movl $0, ASKED
2:  pause
    cmpl $0, ANSWERED
    jne 2b
    cmpl $CPUS, cpus
    je say_digit
    movl %eax, %ebp
    shrl $4, %eax
    call say_digit
    movl %ebp, %eax
    jmp say_digit

more_cpus:
    movl $CPUS_MOST, cpus
    ret

/* As a driver does: halt, allow the reboot, set the time, load, count. */
watchdog:
    movw $TCO + 8, %dx
    movw $0x800, %ax
    outw %ax, %dx
    movl $0, GCS
    movw $TCO + 0x12, %dx
    movw $2, %ax
    outw %ax, %dx
    movw $TCO, %dx
    outw %ax, %dx
    movw $TCO + 8, %dx
    xorl %eax, %eax
    outw %ax, %dx
    ret

/* They come by LINT1 of the local APIC, which has to be enabled. */
let_nmis_in:
    movl $nmi, %eax
    movw %ax, idt + 16
    movw $0x10, idt + 18
    movw $0x8e00, idt + 20
    shrl $16, %eax
    movw %ax, idt + 22
    lidt idt_register
    movl $0x1ff, LAPIC + 0xf0
    movl $0x400, LAPIC + 0x360
    ret
/* Not every KVM emulates iret: what it interrupted is given up, and no other one comes before a reset. */
nmi:
    movl $stack_end, %esp
    movb $'!', %al
    call say
    jmp next

/* Data that lies over the end of a device's registers: a byte at a time by a string instruction, and by one
 * access in two parts. The GED's register is 0, around it there is nothing, which reads as all ones. */
split_reads:
    xorl %ebp, %ebp
1:  movl $GED - 8, %esi
    movl $copied, %edi
    movl $16, %ecx
    cld
    rep movsb
    movl $copied, %esi
    movl $expected, %edi
    movl $16, %ecx
    repe cmpsb
    je 2f
    incl %ebp
2:  movl GED - 2, %eax
    cmpl $0x0000ffff, %eax
    je 3f
    incl %ebp
3:  movw $COM1 + 5, %dx
    inb %dx, %al
    testb $1, %al
    jz 1b
    /* fall through */
say_number: /* ebp */
    movl $8, %ebx
1:  roll $4, %ebp
    movl %ebp, %eax
    call say_digit
    decl %ebx
    jnz 1b
    ret

/* At both ends of a page is its address plus the number of times that all were written; 0 at the start. */
verify:
    xorl %edi, %edi
    movb $0, writes
1:  movl written, %ebp
    movl $VERIFIED, %esi
2:  xorl %eax, %eax
    testl %ebp, %ebp
    jz 3f
    leal (%ebp, %esi), %eax
3:  cmpl (%esi), %eax
    je 4f
    incl %edi
4:  cmpl 4092(%esi), %eax
    je 5f
    incl %edi
5:  leal 1(%ebp, %esi), %eax
    movl %eax, (%esi)
    movl %eax, 4092(%esi)
    addl $4096, %esi
    cmpl $VERIFIED_END, %esi
    jb 2b
    incl %ebp
    movl %ebp, written
    cmpb $0, writes
    jne 6f
    movb $1, writes
    movb $'v', %al
    call say
    movb $'\n', %al
    call say
6:  movw $COM1 + 5, %dx
    inb %dx, %al
    testb $1, %al
    jz 1b
    movl %edi, %ebp
    call say_number
    movb $' ', %al
    call say
    movl written, %ebp
    jmp say_number

    .section .rodata
expected:
    .byte 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255
commands:
    .macro command letter, routine
    .ascii "\letter"
    .long \routine
    .endm
    command e, echo
    command o, power_off
    command r, reset
    command x, nowhere
    command b, button
    command s, say_flags
    command h, hotplug
    command n, refuse
    command j, eject
    command f, flood
    command m, split_reads
    command w, watchdog
    command l, let_nmis_in
    command p, hotplug_cpus
    command q, refuse_cpus
    command c, say_cpu_flags
    command a, start_cpus
    command k, ask_cpus
    command t, note_cpus
    command g, eject_cpu
    command i, let_cpus_write
    command u, report_cpu
    command y, more_cpus
    command v, verify
    .byte 0
hello:
    .asciz "micro.\n"
done:
    .asciz ".\n"

idt_register:
    .word 23
    .long idt

    .data
cpus:
    .long CPUS

    .bss
idt:
    .space 24
copied:
    .space 16
writes: /* whether v has said so */
    .space 4
written:
    .space 4
    .space 4096
stack_end:

    .section .note.GNU-stack, "", @progbits
