/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the two halves of the library that is loaded into acpiexec: interpose.c finds the interpreter's
 * register accesses, registers.c and cpu_registers.c answer them with libhotram.
 */
#ifndef TESTS_AML_REGISTERS_H
#define TESTS_AML_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/status.h>

enum device { NO_DEVICE, BLOCK, EVENT_DEVICE, CPU_BLOCK, DEVICES };

/* The device whose operation region has this length, bytes. QEMU's AML has the block without our register. */
enum device registers_with_length(size_t length);

/* The interpreter reads or writes. An access of another width than 1, 2 or 4 bytes ends the program. */
uint32_t registers_read(enum device device, uint32_t offset, size_t width);
void registers_write(enum device device, uint32_t offset, size_t width, uint32_t value);

/* Carry out a command of the host (see registers.c): the line without its '@'. Changes the line. */
void registers_command(char *line);

/* Whether the evaluation that was just started is to go on beside the next one. */
bool registers_go_on(void);

/* The next evaluation begins. */
void registers_begin(void);

/* An evaluation is over: a command that still waits for its access is dropped. */
void registers_stay_idle(void);

/* Print what was accessed, called back and answered since the last call. */
void registers_print_log(void);

/* ---- For cpu_registers.c, under the lock ---- */

/* Append to the log. */
__attribute__((format(printf, 1, 2))) void registers_note(const char *format, ...);

/* Raise an event of the Generic Event Device, HOTRAM_GED_*. */
void registers_raise(uint32_t event);

/* A command of the host whose words are apart; false if there is none of that name and number of words. */
bool cpu_registers_command(char **words, unsigned count, enum hotram_status *status);

/* Accesses to the block of CPUs. */
uint32_t cpu_registers_read(uint32_t offset, unsigned width);
void cpu_registers_write(uint32_t offset, unsigned width, uint32_t value);

/* End the program with a message: nothing that was tested counts any more. */
_Noreturn void registers_die(const char *why);

#endif
