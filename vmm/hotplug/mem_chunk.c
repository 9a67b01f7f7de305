/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chunks of a virtio-mem device's memory: each is a region with a KVM slot while a block in it is
 * plugged.
 */
#include "base/message.h"
#include "hotplug/mem.h"
#include "memory/backend_memory.h"
#include "memory/guest_blocks.h"

static struct mem_chunk *chunk_of(struct mem_device *mem, uint32_t block)
{
    return &mem->chunk[mem_offset(mem, block) / mem->chunk_size];
}

static uint32_t first_block(const struct mem_device *mem, const struct mem_chunk *chunk)
{
    return (uint32_t)((uint64_t)(chunk - mem->chunk) * (mem->chunk_size / mem->block_size));
}

static uint32_t block_count(const struct mem_device *mem, const struct mem_chunk *chunk)
{
    const uint32_t usual = (uint32_t)(mem->chunk_size / mem->block_size);
    const uint32_t left = mem->backend->blocks->count - first_block(mem, chunk);

    return left < usual ? left : usual;
}

/* ---- adding ---- */

static bool add_chunk(struct mem_chunk *chunk, struct error *error)
{
    struct mem_device *mem = chunk->mem;
    const uint64_t from = mem_offset(mem, first_block(mem, chunk));
    struct guest_part part = backend_part(mem->backend, from, mem_offset(mem, block_count(mem, chunk)),
                                          mem->sizes.addr + from);

    part.blocks = mem->backend->blocks;
    chunk->region = guest_memory_add_part(mem->virtio.memory, &part, error);
    return chunk->region;
}

bool mem_chunks_add(struct mem_device *mem, uint32_t first, uint32_t count, struct error *error)
{
    const struct mem_chunk *last = chunk_of(mem, first + count - 1);

    for (struct mem_chunk *chunk = chunk_of(mem, first); chunk <= last; chunk++)
        if (!chunk->region && !add_chunk(chunk, error))
            return false;
    return true;
}

/* ---- removing ---- */

static void chunk_gone(void *opaque)
{
    struct mem_chunk *chunk = opaque;
    const bool stayed = chunk->stays;

    chunk->region = NULL;
    chunk->leaving = chunk->stays = false;
    if (!stayed)
        chunk->mem->drained(chunk->mem);
    else if (chunk->mem->virtio.pci.device.leaving)
        board_drained(chunk->mem->virtio.pci.device.board);
}

/* The memory can be returned all the same, since its addresses remain those of zeros. */
static void chunk_stays(void *opaque, const char *why)
{
    struct mem_chunk *chunk = opaque;

    warning("%s: memory that was unplugged keeps its KVM slot for now, without memory in it: %s",
            chunk->mem->virtio.name, why);
    chunk->stays = true;
    chunk->mem->drained(chunk->mem);
}

void mem_chunk_drop(struct mem_chunk *chunk)
{
    const struct region_gone gone = { chunk_gone, chunk_stays, chunk };

    chunk->leaving = true;
    guest_memory_remove(chunk->mem->virtio.memory, chunk->region, gone);
}

void mem_chunks_drop_empty(struct mem_device *mem, uint32_t first, uint32_t count)
{
    struct mem_chunk *last = chunk_of(mem, first + count - 1);

    for (struct mem_chunk *chunk = chunk_of(mem, first); chunk <= last; chunk++)
        if (chunk->region && !chunk->leaving &&
            guest_blocks_plugged(mem->backend->blocks, first_block(mem, chunk), block_count(mem, chunk)) == 0)
            mem_chunk_drop(chunk);
}

bool mem_chunks_leaving(struct mem_device *mem, uint32_t first, uint32_t count)
{
    const struct mem_chunk *last = chunk_of(mem, first + count - 1);

    for (const struct mem_chunk *chunk = chunk_of(mem, first); chunk <= last; chunk++)
        if (chunk->leaving)
            return true;
    return false;
}

/* ---- which there are ---- */

static void set_chunks(struct mem_device *mem)
{
    mem->chunk_size = UINT64_C(128) << 20;
    while (mem->chunk_size < mem->block_size || mem->backend->size > mem->chunk_size * MEM_CHUNKS_MAX)
        mem->chunk_size *= 2;
    mem->chunk_count = (unsigned)((mem->backend->size + mem->chunk_size - 1) / mem->chunk_size);
    for (unsigned i = 0; i < mem->chunk_count; i++)
        mem->chunk[i].mem = mem;
}

bool mem_chunks_begin(struct mem_device *mem, struct error *error)
{
    const struct hotplug *hotplug = mem->hotplug;
    unsigned used = 0;

    set_chunks(mem);
    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++)
        used += hotplug->mem[range] && hotplug->mem[range] != mem ? hotplug->mem[range]->chunk_count : 0;
    return used + mem->chunk_count <= hotplug->config.mem_chunks ||
           error_set(error,
                     "the device needs %u KVM slots; of the %u that virtio-mem devices of this machine can "
                     "have, %u are used; use fewer devices, or DIMMs",
                     mem->chunk_count, hotplug->config.mem_chunks, used);
}
