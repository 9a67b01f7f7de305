/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reserve of memory for libraries that do not survive a failed allocation: libedit and its terminal library
 * then use NULL or end the program, and libseccomp does not return. While one of them runs, an allocation
 * that fails is made from the reserve. The caller of the library is told so, and destroys what was created
 * from the reserve.
 *
 * The linker replaces malloc() and related functions by those of lent_memory.c (vmm/meson.build); for all
 * other callers they behave as before.
 *
 * Threads: main thread only, except the replacements of malloc(), which use the reserve for the main thread
 * only.
 */
#ifndef VMM_HOST_LENT_MEMORY_H
#define VMM_HOST_LENT_MEMORY_H

#include <stdbool.h>

/* Bytes; untouched ones cost nothing. */
#define LENT_MEMORY_MAX (2560u << 10)

/* Enable or disable the reserve; returns whether it was enabled. It is disabled while such a library calls
 * back, since those functions check their allocations, and may keep them. */
bool memory_lend(bool lend);
/* Whether a part of the reserve is allocated. */
bool memory_is_lent(void);
/* Free the whole reserve, after all objects in it have been destroyed. */
void memory_take_back(void);

#endif
