/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The numbers of the descriptors that the program was started with, which options and commands may name. Each
 * of them is taken once; any other number is that of a descriptor of the program's own, or of none.
 *
 * There is one list, as there is one table of descriptors. Threads: main thread only.
 */
#ifndef VMM_HOST_NUMBERS_H
#define VMM_HOST_NUMBERS_H

#include <stdbool.h>

#include "base/error.h"

/* Note what is open, at the start, before the program opens anything. False and an error: out of memory.
 * Without /proc nothing is known, and every number counts as inherited. */
bool numbers_begin(struct error *error);
/* Whether the number was inherited and is not taken. */
bool numbers_has(int fd);
/* From now on it is not. */
void numbers_take(int fd);
/* The error for one that numbers_has() denies, with the property that names it ("fd"). Returns false. */
bool numbers_refuse(const char *property, int fd, struct error *error);
/* Forget all. */
void numbers_end(void);

#endif
