/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One range of host addresses for the whole hotplug region. Where a DIMM is, its memory is at the host
 * address that follows from the guest's by one addition; everywhere else there is nothing (PROT_NONE), and
 * nothing else of this program ever comes there. So whatever reaches a DIMM's host addresses late, on another
 * thread or inside the kernel, finds no memory, never somebody else's; and whoever is told of the region once
 * need not be told of each DIMM.
 *
 * Threads: made, filled and released on the main thread. What leaves a part of it empty again
 * (base/mapping.h) may be another thread, of memory that nobody uses any more.
 */
#ifndef VMM_MEMORY_RESERVATION_H
#define VMM_MEMORY_RESERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct reservation {
    uint8_t *memory;     /* host address of the region's start; NULL: there are none */
    uint64_t guest_base; /* guest-physical address of the region's start, bytes; a multiple of 1 GiB */
    uint64_t size;       /* bytes */
};

/* Reserve addresses for [guest_base, guest_base + size), to 1 GiB aligned as the guest's are, so that huge
 * pages of either fit. It takes no memory, also where memory is locked. Where the host has no such addresses
 * for this process, a warning says how much was asked for, and DIMMs stay where their memory was mapped. */
void reservation_make(struct reservation *reservation, uint64_t guest_base, uint64_t size);
/* When nothing is in it any more. One that was not made will do. */
void reservation_release(struct reservation *reservation);

/* Move a mapping of `size` bytes, which is one of the kernel's, with what is in it, to where guest address
 * `address` is. Returns its new address; NULL: the kernel does not move it, and it is where it was. */
void *reservation_admit(const struct reservation *reservation, void *memory, uint64_t size, uint64_t address);
/* Move it out again, to an address that is a multiple of `align` bytes; its place is empty again. Returns the
 * address. NULL: the kernel does not do that, with huge pages for one, and it is where it was. */
void *reservation_expel(void *memory, uint64_t size, uint64_t align);

#endif
