/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file block.h
 * The memory block of a Linux guest: the unit in which it adds and removes memory.
 *
 * Linux adds a DIMM only if address and size are multiples of its block (mm/memory_hotplug.c,
 * check_hotplug_memory_range). It uses nothing of any other DIMM, but reports success. If the memory map that
 * the guest booted with lists such a DIMM, the guest uses its memory but cannot offline it, and an eject
 * removes memory that is in use.
 *
 * The size is chosen once, at boot. On x86-64 it follows from the end of the memory map; so whatever extends
 * the map, such as a DIMM that is listed in it, can change the block at the next boot. The result assumes
 * that the guest sees no CXL memory window (CEDT with CFMWS, which Linux 6.14 and later evaluates), and sees
 * the CPUID bit "hypervisor" (which Linux 5.9 and later evaluates; without it the block is 2 GiB if the map
 * ends at 64 GiB or above).
 *
 * Threads: the functions depend only on their arguments.
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

/** The guest's kernel: architecture, version, and page size. */
enum hotram_block_guest {
    HOTRAM_BLOCK_X86_64,     /**< x86-64, Linux 4.17 and later */
    HOTRAM_BLOCK_X86_64_4_0, /**< x86-64, Linux 3.16 to 4.16: 2 GiB if the map ends at 64 GiB or above. Some
                              * of these versions use less if the end is not a multiple of 2 GiB; multiples of
                              *   2 GiB then fit, too */
    HOTRAM_BLOCK_ARM64_4K,   /**< arm64, Linux 5.12 and later, pages of 4 KiB */
    HOTRAM_BLOCK_ARM64_16K,  /**< arm64, Linux 5.12 and later, pages of 16 KiB */
    HOTRAM_BLOCK_ARM64_64K,  /**< arm64, Linux 5.12 and later, pages of 64 KiB */
    HOTRAM_BLOCK_ARM64_5_0,  /**< arm64, Linux 5.0 to 5.11, any page size */
};

/**
 * The guest's memory block.
 *
 * When: at any time.
 *
 * @param guest  the kernel
 * @param end    end of the memory map that the guest boots with: the guest-physical address after its last
 *               byte of RAM, any number
 * @return bytes, a power of two from 128 MiB to 2 GiB; 2 GiB, which no block exceeds, for a value of guest
 *         that is not in the enum
 */
uint64_t hotram_block_size(enum hotram_block_guest guest, uint64_t end);

/**
 * Whether a range consists of whole memory blocks: only such a DIMM is used and can be removed.
 *
 * When: at any time.
 *
 * @param block  the guest's memory block, as hotram_block_size() returns it, bytes: a power of two
 * @param addr   guest-physical address of the range, any number
 * @param size   of the range, bytes, any number
 * @return true if address and size are multiples of the block, and neither block nor size is 0
 */
bool hotram_block_whole(uint64_t block, uint64_t addr, uint64_t size);

#ifdef __cplusplus
}
#endif

#endif
