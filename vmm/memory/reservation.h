/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One range of host addresses for the whole hotplug region. A DIMM's memory is at the host address that has a
 * constant difference to its guest-physical address; the rest is inaccessible (PROT_NONE), and is never used
 * for anything else. So a late access to a removed DIMM, on another thread or in the kernel, fails rather
 * than reach other memory; and a user of the region as a whole need not be informed of each DIMM.
 *
 * Threads: main thread. Another thread may empty a part of it again (base/mapping.h), once its memory is
 * unused.
 */
#ifndef VMM_MEMORY_RESERVATION_H
#define VMM_MEMORY_RESERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct reservation {
    uint8_t *memory;     /* host address of the region's start; NULL: nothing is reserved */
    uint64_t guest_base; /* guest-physical address of the region's start, bytes; a multiple of 1 GiB */
    uint64_t size;       /* bytes */
};

/* Reserve addresses for [guest_base, guest_base + size), with the guest's alignment up to 1 GiB, so that huge
 * pages fit on both sides. This uses no memory, even if memory is locked. If the process cannot have the
 * addresses, a warning states the size, and the reservation is empty. */
void reservation_make(struct reservation *reservation, uint64_t guest_base, uint64_t size);
/* Release it, when it contains no memory any more. Has no effect on an empty one. */
void reservation_release(struct reservation *reservation);

/* Move a mapping of `size` bytes, with its contents, to the place of guest-physical address `address`.
 * Returns its new host address; NULL: the kernel cannot move it; it is unchanged. */
void *reservation_admit(const struct reservation *reservation, void *memory, uint64_t size, uint64_t address);
/* Move it out again, to a host address that is a multiple of `align` bytes; its place is empty again. Returns
 * the address; NULL: the kernel cannot move it, for example because of huge pages; it is unchanged. */
void *reservation_expel(void *memory, uint64_t size, uint64_t align);

#endif
