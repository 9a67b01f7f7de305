/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of which the guest has some blocks, at its own choice (virtio-mem): one bit for each block, and a
 * count of the leases on it. A lease is on plugged blocks only, and a block that is leased stays plugged.
 *
 * Threads: one thread at a time plugs and unplugs. Leases are taken and returned on any thread, without a
 * lock: a lease is counted before the bits are read, and bits are cleared before the counts are read, so that
 * of a lease and an unplug at the same time at least one sees the other.
 */
#ifndef VMM_MEMORY_GUEST_BLOCKS_H
#define VMM_MEMORY_GUEST_BLOCKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct guest_blocks {
    uint8_t *memory; /* host address of the first block; fixed, like the next two */
    unsigned shift;  /* a block has 2^shift bytes */
    uint32_t count;
    bool allocated;            /* plugged blocks are to have their memory from the beginning */
    _Atomic uint64_t *plugged; /* one bit each, the first block's being the lowest bit of the first word */
    uint64_t *before;          /* those that an unplug took away, until it has succeeded */
    _Atomic uint32_t *leases;  /* [count] */
};

/* Blocks of `size` bytes of memory, none of them plugged. `block_size` is a power of two, of which `size` is
 * a multiple; there are fewer than 2^32 of them. NULL: out of memory. */
struct guest_blocks *guest_blocks_create(void *memory, uint64_t size, uint64_t block_size);
/* When nobody can find it any more. Without effect if it is NULL. */
void guest_blocks_destroy(struct guest_blocks *blocks);

/* How many of [first, first + count) are plugged. Any thread. */
uint32_t guest_blocks_plugged(const struct guest_blocks *blocks, uint32_t first, uint32_t count);
/* Bytes of them in [memory, memory + size), which is a multiple of blocks. Any thread. */
uint64_t guest_blocks_size(const struct guest_blocks *blocks, const void *memory, uint64_t size);
/* Whether all blocks are plugged that have a byte of [memory, memory + size), which are of the blocks; `size`
 * is not 0. Any thread. */
bool guest_blocks_have(const struct guest_blocks *blocks, const void *memory, uint64_t size);
/* The next run of plugged blocks at or behind block *first, before block `end`: *first is its beginning, and
 * the result its length; 0: there is none. Any thread. */
uint32_t guest_blocks_run(const struct guest_blocks *blocks, uint32_t *first, uint32_t end);
/* The same in bytes of [memory, memory + size), of which *from is one. Any thread. */
uint64_t guest_blocks_bytes(const struct guest_blocks *blocks, const void *memory, uint64_t size,
                            uint64_t *from);

/* Plug [first, first + count), whatever they were. Their memory is there. */
void guest_blocks_plug(struct guest_blocks *blocks, uint32_t first, uint32_t count);
/* Unplug them: there are no new leases. False: one of them is leased, and all that were plugged still are. */
bool guest_blocks_unplug(struct guest_blocks *blocks, uint32_t first, uint32_t count);
/* Unplug all. Those that are leased must not lose their memory before the leases are returned. */
void guest_blocks_clear(struct guest_blocks *blocks);

/* For guest_lease.c: lease [memory, memory + length), or as much of it as is plugged without a gap. Returns
 * the bytes; 0: the first block is not plugged. And return exactly these, which are some. Any thread. */
uint64_t guest_blocks_lease(struct guest_blocks *blocks, const void *memory, uint64_t length);
void guest_blocks_return(struct guest_blocks *blocks, const void *memory, uint64_t length);

#endif
