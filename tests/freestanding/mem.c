/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The four functions that libhotram needs, and nothing else is linked to it. Compiled with -fno-builtin, or
 * the compiler would make each loop a call of the very function.
 */
#include "mem.h"

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    return memmove(to, from, count);
}

void *memmove(void *to, const void *from, size_t count)
{
    unsigned char *target = to;
    const unsigned char *source = from;

    if (target < source) {
        for (size_t i = 0; i < count; i++)
            target[i] = source[i];
    } else {
        while (count-- > 0)
            target[count] = source[count];
    }
    return to;
}

void *memset(void *to, int byte, size_t count)
{
    unsigned char *target = to;

    while (count-- > 0)
        target[count] = (unsigned char)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const unsigned char *x = a;
    const unsigned char *y = b;

    for (size_t i = 0; i < count; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}
