/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file block.h
 * The memory block of a Linux guest: the unit in which it takes memory and gives it back.
 *
 * Linux adds a DIMM only if address and size are multiples of its block (mm/memory_hotplug.c,
 * check_hotplug_memory_range). Of any other DIMM it takes nothing, and reports success all the same. Where
 * the memory map that the guest booted with lists such a DIMM, the guest uses its memory without being able
 * to give it back, and an eject takes away what is in use.
 *
 * The size is chosen once, at boot. On x86-64 it follows from the end of the memory map; so whatever
 * lengthens the map, such as a DIMM that is listed in it, can change the block at the next boot. A hypervisor
 * sets no other size as long as its guest sees no CXL memory window (CEDT with CFMWS, heeded by Linux 6.14
 * and later) and sees the CPUID bit "hypervisor" (heeded by Linux 5.9 and later; without it the block is 2
 * GiB from 64 GiB on).
 *
 * Source: Linux, arch/x86/mm/init_64.c, probe_memory_block_size(); arch/arm64/include/asm/sparsemem.h,
 * SECTION_SIZE_BITS; drivers/base/memory.c, memory_block_size_bytes().
 */
#ifndef HOTRAM_BLOCK_H
#define HOTRAM_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Whose block it is: the kernel's architecture, pages and age. */
enum hotram_block_guest {
    HOTRAM_BLOCK_X86_64,     /**< Linux 4.17 and later */
    HOTRAM_BLOCK_X86_64_4_0, /**< Linux 3.16 to 4.16: 2 GiB from 64 GiB on (some of them take less where the
                              *   end is no multiple of it; what is whole blocks of 2 GiB suits them, too) */
    HOTRAM_BLOCK_ARM64_4K,   /**< Linux 5.12 and later, pages of 4 KiB */
    HOTRAM_BLOCK_ARM64_16K,  /**< Linux 5.12 and later, pages of 16 KiB */
    HOTRAM_BLOCK_ARM64_64K,  /**< Linux 5.12 and later, pages of 64 KiB */
    HOTRAM_BLOCK_ARM64_5_0,  /**< Linux 5.0 to 5.11, any pages */
};

/**
 * The guest's memory block.
 *
 * When: at any time.
 *
 * @param guest  the kernel
 * @param end    end of the memory map that it boots with, any number, bytes: behind the last byte that is RAM
 * in it
 * @return bytes, a power of two from 128 MiB to 2 GiB; of a guest that is none of the above 2 GiB, which no
 *         block exceeds
 */
uint64_t hotram_block_size(enum hotram_block_guest guest, uint64_t end);

/**
 * Whether a range is whole memory blocks: only such a DIMM is taken and can be given back.
 *
 * When: at any time.
 *
 * @param block  what hotram_block_size() says, bytes: a power of two
 * @param addr   guest-physical address of the range, any number
 * @param size   its bytes, any number
 * @return true when address and size are multiples of the block and there is at least one of it
 */
bool hotram_block_whole(uint64_t block, uint64_t addr, uint64_t size);

#ifdef __cplusplus
}
#endif

#endif
