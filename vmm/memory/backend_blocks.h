/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A backend of which parts are there and others are not (virtio-mem). Where its memory is not, its addresses
 * read as zeros without using memory, and cannot be written: a guest that looks at the bytes behind a block
 * that it has plugged (Linux reads whole words of strings) is not stopped for that.
 *
 * Threads: main thread, except for the two functions that say so.
 */
#ifndef VMM_MEMORY_BACKEND_BLOCKS_H
#define VMM_MEMORY_BACKEND_BLOCKS_H

#include "memory/backend.h"

/* After backend_map() and backend_place(): nothing of it is there. False and an error: the kernel refuses;
 * the backend is to be unmapped. */
bool backend_blocks_begin(const struct backend *backend, struct error *error);
/* Map [from, from + size), bytes of the backend. False and an error: the kernel refuses, and it is as before.
 */
bool backend_blocks_map(const struct backend *backend, uint64_t from, uint64_t size, struct error *error);
/* Allocate memory that was mapped. False: the host has not enough. Any thread. */
bool backend_blocks_populate(const struct backend *backend, uint64_t from, uint64_t size);
/* Return it to the host, also from its file, in pieces (base/pace.h). Any thread. */
void backend_blocks_clear(const struct backend *backend, uint64_t from, uint64_t size);

#endif
