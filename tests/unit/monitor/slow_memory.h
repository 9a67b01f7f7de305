/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host that allocates memory when the test permits it: it stands in for madvise(MADV_POPULATE_WRITE), by
 * which prealloc=on allocates (the linker's --wrap), so that a command takes as long as the test requires,
 * and fails when it says so. All other advice goes to the kernel.
 */
#ifndef TESTS_UNIT_MONITOR_SLOW_MEMORY_H
#define TESTS_UNIT_MONITOR_SLOW_MEMORY_H

/* From now on each call waits. */
void slow_memory_hold(void);
/* Let one call, one that waits or the next one, allocate its memory. */
void slow_memory_give(void);
/* Let it fail with this errno instead. */
void slow_memory_refuse(int failure);
/* All calls, those that wait included, are the kernel's again. */
void slow_memory_release(void);

#endif
