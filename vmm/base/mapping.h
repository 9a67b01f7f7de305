/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mappings of the host's memory that go, when even that can fail.
 *
 * Threads: any.
 */
#ifndef VMM_BASE_MAPPING_H
#define VMM_BASE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The memory goes back to the host, but its addresses stay taken: nothing is in them, and nothing else comes
 * there. False and errno: all is as it was. */
bool mapping_withhold(void *memory, size_t size);

/* Unmap. Where the host's kernel refuses that, the mapping is emptied, and a message says so; `what` names
 * the memory in it. */
void mapping_give_back(void *memory, size_t size, const char *what);

/* The memory goes back, and its addresses stay taken, as by mapping_withhold(). Where that fails, a message
 * says what stays. */
void mapping_empty(void *memory, size_t size, const char *what);

/* The same of memory that may be populated, piece by piece (pace.h): others of this process map and fault
 * memory meanwhile. The addresses are free from the end on, or with `keep` taken all the time. `page_size` is
 * the mapping's, bytes. */
void mapping_give_back_slowly(void *memory, uint64_t size, uint64_t page_size, bool keep, const char *what);

/* Give back what a file holds in [offset, offset + size): it reads as zeros. Where the file system cannot do
 * that a message says that the contents stay. */
void mapping_discard_file(int fd, uint64_t offset, uint64_t size, const char *what);

#endif
