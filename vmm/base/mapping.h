/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Removal of mappings, and what remains where the host's kernel refuses it.
 *
 * Threads: any.
 */
#ifndef VMM_BASE_MAPPING_H
#define VMM_BASE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Return the memory to the host but keep its addresses reserved: they are not accessible, and nothing else is
 * mapped there. False and errno: nothing has changed. */
bool mapping_withhold(void *memory, size_t size);

/* Unmap. If the kernel refuses, the memory is returned without the addresses, with a message in which `what`
 * names it. */
void mapping_give_back(void *memory, size_t size, const char *what);

/* Return the memory and keep its addresses, as mapping_withhold(). If this fails, a message states what
 * remains. */
void mapping_empty(void *memory, size_t size, const char *what);

/* Return populated memory in pieces (pace.h), so that other threads can map and fault memory meanwhile. The
 * addresses are freed at the end, or remain reserved with `keep`. `page_size` is that of the mapping, in
 * bytes. */
void mapping_give_back_slowly(void *memory, uint64_t size, uint64_t page_size, bool keep, const char *what);

/* Return the storage of a file in [offset, offset + size), which then reads as zeros. If the file system does
 * not support this, a message states that the contents remain. */
void mapping_discard_file(int fd, uint64_t offset, uint64_t size, const char *what);

#endif
