/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram/block.h, whole: every kernel, every end of memory, every range.
 *
 * proof: sources core/block.c
 * proof: options --unwind 6
 */
#include <hotram/block.h>

#include "proof.h"

void prove_block_size(void)
{
    const uint32_t guest = nondet_uint32();
    const uint64_t end = nondet_uint64();
    const uint64_t block = hotram_block_size((enum hotram_block_guest)guest, end);

    PROVE(block >= UINT64_C(128) << 20 && block <= UINT64_C(2) << 30 && (block & (block - 1)) == 0);
    if (guest == HOTRAM_BLOCK_X86_64 && end >= UINT64_C(64) << 30) {
        /* It divides the end if anything does, and the next larger one does not. */
        PROVE(IMPLIES(block > UINT64_C(128) << 20, (end & (block - 1)) == 0));
        PROVE(IMPLIES(block < UINT64_C(2) << 30, (end & (2 * block - 1)) != 0));
        REACHABLE(block == UINT64_C(512) << 20);
    }
    if (guest == HOTRAM_BLOCK_X86_64 && end < UINT64_C(64) << 30)
        PROVE(block == UINT64_C(128) << 20);
    /* What is whole in the older kernel's block is whole in the newer one's. */
    if (guest == HOTRAM_BLOCK_X86_64)
        PROVE(hotram_block_size(HOTRAM_BLOCK_X86_64_4_0, end) >= block);
}

void prove_block_whole(void)
{
    const uint64_t block = UINT64_C(1) << (nondet_uint8() & 63);
    const uint64_t addr = nondet_uint64();
    const uint64_t size = nondet_uint64();
    const bool whole = hotram_block_whole(block, addr, size);

    PROVE(whole == (size > 0 && (addr & (block - 1)) == 0 && (size & (block - 1)) == 0));
    PROVE(!hotram_block_whole(0, addr, size));
    REACHABLE(whole && block == UINT64_C(2) << 30);
}
