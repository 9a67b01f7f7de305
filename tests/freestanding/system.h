/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux without a C library: where the program starts, and the two system calls that it makes. What differs
 * between the targets is the registers and the numbers (syscall(2), "Architecture calling conventions").
 */
#ifndef FREESTANDING_SYSTEM_H
#define FREESTANDING_SYSTEM_H

#include <stddef.h>

#if defined(__x86_64__)
#define REGISTERS(number, a, b, c) number("rax") a("rdi") b("rsi") c("rdx")
#define TRAP "syscall"
#define LOST "rcx", "r11"
#define CALL "call"
#define NUMBER_WRITE 1
#define NUMBER_EXIT 60
#elif defined(__i386__)
#define REGISTERS(number, a, b, c) number("eax") a("ebx") b("ecx") c("edx")
#define TRAP "int $0x80"
#define LOST "cc"
#define CALL "call"
#define NUMBER_WRITE 4
#define NUMBER_EXIT 1
#elif defined(__aarch64__)
#define REGISTERS(number, a, b, c) number("x8") a("x0") b("x1") c("x2")
#define TRAP "svc #0"
#define LOST "cc"
#define CALL "bl"
#define NUMBER_WRITE 64
#define NUMBER_EXIT 93
#elif defined(__arm__)
#define REGISTERS(number, a, b, c) number("r7") a("r0") b("r1") c("r2")
#define TRAP "svc #0"
#define LOST "cc"
#define CALL "bl"
#define NUMBER_WRITE 4
#define NUMBER_EXIT 1
#elif defined(__powerpc__)
#define REGISTERS(number, a, b, c) number("r0") a("r3") b("r4") c("r5")
#define TRAP "sc"
#define LOST "cr0", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "ctr"
#define CALL "bl"
#define NUMBER_WRITE 4
#define NUMBER_EXIT 1
#else
#error "this target's system calls are not here yet"
#endif

/* The stack that the kernel gives is aligned as a function's caller has it. */
#define START_AT(function) __asm__(".globl _start\n_start:\n\t" CALL " " #function "\n")

#define IN_NUMBER(name) register long number_ __asm__(name) = number;
#define IN_A(name) register long a_ __asm__(name) = a;
#define IN_B(name) register long b_ __asm__(name) = b;
#define IN_C(name) register long c_ __asm__(name) = c;

static inline void system_call(long number, long a, long b, long c)
{
    REGISTERS(IN_NUMBER, IN_A, IN_B, IN_C)
    __asm__ volatile(TRAP : "+r"(number_), "+r"(a_), "+r"(b_), "+r"(c_) : : LOST, "memory");
}

/* Text that gets lost is missed by whoever reads it, so there is nothing to return. */
static inline void system_write(const char *text, size_t length)
{
    system_call(NUMBER_WRITE, 1, (long)text, (long)length);
}

static inline _Noreturn void system_exit(int status)
{
    for (;;)
        system_call(NUMBER_EXIT, status, 0, 0);
}

#endif
