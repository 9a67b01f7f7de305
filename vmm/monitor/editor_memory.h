/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for libedit when the host gives none. libedit and the terminal library below it use what they
 * allocate without a look, or end the program. So while they run, an allocation that fails is made from a
 * reserve; whose editor that was is spent, and is destroyed before long.
 *
 * The linker puts these functions in the place of malloc() and its like (vmm/meson.build); for everybody else
 * they do nothing.
 *
 * Threads: main thread only, but for what stands for malloc().
 */
#ifndef VMM_MONITOR_EDITOR_MEMORY_H
#define VMM_MONITOR_EDITOR_MEMORY_H

#include <stdbool.h>

/* From now on, or no longer, the reserve is there for this thread; returns what was before. It is not for
 * what libedit calls back, which can look at its allocations and keep them. */
bool editor_memory_lend(bool lend);
/* Whether some of it is in use. */
bool editor_memory_is_lent(void);
/* All who had some of it are gone. */
void editor_memory_take_back(void);

#endif
