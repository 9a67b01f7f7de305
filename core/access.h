/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an access to a register block is divided: shared by the blocks of DIMMs and of CPUs, which are decoded
 * on the exact start offset of each aligned part.
 */
#ifndef CORE_ACCESS_H
#define CORE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

static inline bool libhotram_is_width(unsigned width)
{
    return width == 1 || width == 2 || width == 4;
}

/* All ones in the low width * 8 bits. */
static inline uint32_t libhotram_ones(unsigned width)
{
    return UINT32_MAX >> (32 - 8 * width);
}

/* How much of an access that starts here and has so many bytes left is done in one piece: the largest power
 * of two that is not longer than the rest nor than the offset's natural alignment. */
static inline unsigned libhotram_piece(uint64_t offset, unsigned left)
{
    unsigned width = left >= 4 ? 4 : left >= 2 ? 2 : 1;

    while (offset & (width - 1))
        width /= 2;
    return width;
}

#endif
