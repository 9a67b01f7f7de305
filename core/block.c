/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/block.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* Where Linux on x86-64 begins to use larger blocks. */
#define LARGE_END (64 * GIB)
#define BLOCK_MIN (128 * MIB)
#define BLOCK_MAX (2 * GIB)

/* The largest block that divides the end. */
static uint64_t dividing(uint64_t end)
{
    uint64_t block = BLOCK_MAX;

    while (block > BLOCK_MIN && (end & (block - 1)) != 0)
        block /= 2;
    return block;
}

uint64_t hotram_block_size(enum hotram_block_guest guest, uint64_t end)
{
    switch (guest) {
    case HOTRAM_BLOCK_X86_64:
        return end < LARGE_END ? BLOCK_MIN : dividing(end);
    case HOTRAM_BLOCK_X86_64_4_0:
        return end < LARGE_END ? BLOCK_MIN : BLOCK_MAX;
    case HOTRAM_BLOCK_ARM64_4K:
    case HOTRAM_BLOCK_ARM64_16K:
        return 128 * MIB;
    case HOTRAM_BLOCK_ARM64_64K:
        return 512 * MIB;
    case HOTRAM_BLOCK_ARM64_5_0:
        return 1 * GIB;
    }
    return BLOCK_MAX;
}

bool hotram_block_whole(uint64_t block, uint64_t addr, uint64_t size)
{
    return block != 0 && size != 0 && ((addr | size) & (block - 1)) == 0;
}
