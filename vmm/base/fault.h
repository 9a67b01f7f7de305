/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to memory that the host may fail to give: a file that became shorter, a pool of huge pages that is
 * empty, a page that the hardware lost. The kernel answers such an access with SIGBUS.
 *
 * Threads: any. The state is each thread's own.
 */
#ifndef VMM_BASE_FAULT_H
#define VMM_BASE_FAULT_H

#include <stdbool.h>

/* Once, before the first thread: catch SIGBUS. */
void fault_init(void);

/* Run access(opaque). False when the host could not give memory that it touched: it was left in the middle,
 * so it must hold nothing that has to be given back. *address is where; it may be NULL. Cannot be nested. */
bool fault_guard(void (*access)(void *opaque), void *opaque, void **address);

/* For threads that run a guest: KVM reports a page that the hardware lost by a SIGBUS to the vCPU's thread,
 * which touched nothing itself. From now on that is noted, and the signal is not blocked. */
void fault_note_guests(void);
/* The address of the last one that was noted, once; or NULL. */
void *fault_take_noted(void);

#endif
