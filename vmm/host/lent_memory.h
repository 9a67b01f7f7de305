/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for libraries that cannot be without. Where the host has none, libedit and the terminal library
 * below it use NULL or end the program, and libseccomp does not end at all. So while one of them runs, an
 * allocation that fails is made from a reserve. Whoever called it learns that, and gives up what was made so.
 *
 * The linker puts these functions in the place of malloc() and its like (vmm/meson.build); for everybody else
 * they change nothing.
 *
 * Threads: main thread only, but for what stands for malloc(), which lends to the main thread only.
 */
#ifndef VMM_HOST_LENT_MEMORY_H
#define VMM_HOST_LENT_MEMORY_H

#include <stdbool.h>

/* Bytes; untouched ones cost nothing. */
#define LENT_MEMORY_MAX (2560u << 10)

/* From now on, or no longer, the reserve is there; returns what was before. Not for what such a library calls
 * back: that can look at its allocations, and may keep them. */
bool memory_lend(bool lend);
/* Whether some of it is in use. */
bool memory_is_lent(void);
/* All who had some of it are gone. */
void memory_take_back(void);

#endif
