/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only functions that the library requires of a C library. Declared here because a freestanding
 * implementation need not provide <string.h> (C11, 4p6).
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
int memcmp(const void *a, const void *b, size_t count);

#endif
