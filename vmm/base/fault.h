/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to memory that the host may fail to provide: a file that became shorter, an empty pool of huge
 * pages, a page with a hardware error. The kernel answers such an access with SIGBUS.
 *
 * Threads: any. The state is each thread's own.
 */
#ifndef VMM_BASE_FAULT_H
#define VMM_BASE_FAULT_H

#include <stdbool.h>

/* Install the handler of SIGBUS. Called once, before the first thread is started. */
void fault_init(void);

/* Run access(opaque). False: the host could not provide memory at *address (`address` may be NULL), and
 * access() was abandoned there, so it must not hold locks or allocations. Calls cannot be nested. */
bool fault_guard(void (*access)(void *opaque), void *opaque, void **address);

/* For threads that run a guest: KVM reports a page with a hardware error by a SIGBUS to the vCPU's thread,
 * which did not access it itself. From now on the calling thread records such signals, and SIGBUS is not
 * blocked. */
void fault_note_guests(void);
/* Return the address of the last recorded page, and forget it; NULL: none since the last call. */
void *fault_take_noted(void);

#endif
