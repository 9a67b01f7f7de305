/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For LD_PRELOAD: small allocations that fail, as count.h says. A library of its own, since sanitizers bring
 * allocators of their own, which this one would hide.
 */
#define _GNU_SOURCE
#include "count.h"

/* glibc's own names of its allocator: they need no lookup, which would allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

__attribute__((constructor)) static void map_file(void)
{
    map_orders();
}

void *malloc(size_t size)
{
    return counted(COUNT_MALLOC) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return counted(COUNT_MALLOC) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return counted(COUNT_MALLOC) ? NULL : __libc_realloc(memory, size);
}
