/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a virtio-mem device: blocks that are mapped and returned, chunks that have a KVM slot.
 */
#include <string.h>

#include "base/message.h"
#include "hotplug/mem.h"
#include "memory/backend_blocks.h"
#include "memory/backend_memory.h"
#include "memory/guest_blocks.h"

static struct guest_memory *map_of(const struct mem_device *mem)
{
    return mem->virtio.memory;
}

static uint64_t offset_of(const struct mem_device *mem, uint32_t block)
{
    return (uint64_t)block * mem->block_size;
}

/* ---- work for another thread ---- */

/* A job of the worker; without one (no memory for it), it is done at once. */
static void work(struct mem_device *mem, void (*run)(void *opaque, const atomic_bool *stop),
                 void (*done)(void *opaque))
{
    struct worker *worker = backends_giver(mem->backend->registry);
    const atomic_bool no_stop = false;

    mem->working = true;
    mem->job = (struct job){ .run = run, .done = done, .opaque = mem };
    if (worker) {
        worker_do(worker, &mem->job);
        return;
    }
    run(mem, &no_stop);
    done(mem);
}

/* What the request in progress names. */
static void clear_blocks(void *opaque, const atomic_bool *stop)
{
    const struct mem_device *mem = opaque;

    (void)stop;
    backend_blocks_clear(mem->backend, offset_of(mem, mem->verdict.first),
                         offset_of(mem, mem->verdict.count));
}

static void clear_all(void *opaque, const atomic_bool *stop)
{
    const struct mem_device *mem = opaque;

    (void)stop;
    backend_blocks_clear(mem->backend, 0, mem->backend->size);
}

static void populate_blocks(void *opaque, const atomic_bool *stop)
{
    struct mem_device *mem = opaque;

    mem->populated = backend_blocks_populate(mem->backend, offset_of(mem, mem->verdict.first),
                                             offset_of(mem, mem->verdict.count));
    if (!mem->populated)
        clear_blocks(mem, stop);
}

static void finish(struct mem_device *mem)
{
    mem->working = false;
    mem->answer(mem);
    if (mem->empty_next)
        mem_memory_empty(mem);
}

static void cleared(void *opaque)
{
    finish(opaque);
}

/* ---- chunks ---- */

static void end_empty(struct mem_device *mem);

/* Nobody uses the chunk's memory any more. */
static void drained(struct mem_chunk *chunk)
{
    struct mem_device *mem = chunk->mem;

    if (mem->emptying)
        end_empty(mem);
}

static void chunk_gone(void *opaque)
{
    struct mem_chunk *chunk = opaque;
    const bool stayed = chunk->stays;

    chunk->region = NULL;
    chunk->leaving = chunk->stays = false;
    if (!stayed)
        drained(chunk);
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
    drained(chunk);
}

static void drop_chunk(struct mem_chunk *chunk)
{
    const struct region_gone gone = { chunk_gone, chunk_stays, chunk };

    chunk->leaving = true;
    guest_memory_remove(map_of(chunk->mem), chunk->region, gone);
}

static struct mem_chunk *chunk_of(struct mem_device *mem, uint32_t block)
{
    return &mem->chunk[offset_of(mem, block) / mem->chunk_size];
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

static bool add_chunk(struct mem_chunk *chunk, struct error *error)
{
    struct mem_device *mem = chunk->mem;
    const uint64_t from = offset_of(mem, first_block(mem, chunk));
    struct guest_part part = backend_part(mem->backend, from, offset_of(mem, block_count(mem, chunk)),
                                          mem->sizes.addr + from);

    part.blocks = mem->backend->blocks;
    chunk->region = guest_memory_add_part(map_of(mem), &part, error);
    return chunk->region;
}

/* Remove the regions of chunks in which nothing is plugged. */
static void drop_empty(struct mem_device *mem, uint32_t first, uint32_t count)
{
    struct mem_chunk *last = chunk_of(mem, first + count - 1);

    for (struct mem_chunk *chunk = chunk_of(mem, first); chunk <= last; chunk++)
        if (chunk->region && !chunk->leaving &&
            guest_blocks_plugged(mem->backend->blocks, first_block(mem, chunk), block_count(mem, chunk)) == 0)
            drop_chunk(chunk);
}

/* ---- requests ---- */

static void refuse(struct mem_device *mem, const struct error *why)
{
    mem->verdict.response = MEM_BUSY;
    if (!mem->told)
        warning("%s: the guest cannot plug memory now, and will try again: %s", mem->virtio.name, why->text);
    mem->told = true;
}

/* The memory is there: let the guest have it. */
static void plug_blocks(struct mem_device *mem)
{
    const uint32_t first = mem->verdict.first, count = mem->verdict.count;
    struct mem_chunk *last = chunk_of(mem, first + count - 1);
    struct error error;

    for (struct mem_chunk *chunk = chunk_of(mem, first); chunk <= last; chunk++)
        if (!chunk->region && !add_chunk(chunk, &error)) {
            refuse(mem, &error);
            drop_empty(mem, first, count);
            work(mem, clear_blocks, cleared);
            return;
        }
    guest_blocks_plug(mem->backend->blocks, first, count);
    mem->sizes.plugged += offset_of(mem, count);
    mem->changed(mem);
    finish(mem);
}

static void populated(void *opaque)
{
    struct mem_device *mem = opaque;
    struct error error;

    if (mem->populated) {
        plug_blocks(mem);
        return;
    }
    error_set(&error, "the host cannot allocate it");
    refuse(mem, &error);
    finish(mem);
}

static bool has_leaving(struct mem_device *mem)
{
    struct mem_chunk *last = chunk_of(mem, mem->verdict.first + mem->verdict.count - 1);

    for (struct mem_chunk *chunk = chunk_of(mem, mem->verdict.first); chunk <= last; chunk++)
        if (chunk->leaving)
            return true;
    return false;
}

void mem_memory_plug(struct mem_device *mem)
{
    struct error error;

    if (mem->emptying || has_leaving(mem)) {
        mem->verdict.response = MEM_BUSY;
        finish(mem);
    } else if (!backend_blocks_map(mem->backend, offset_of(mem, mem->verdict.first),
                                   offset_of(mem, mem->verdict.count), &error)) {
        refuse(mem, &error);
        finish(mem);
    } else if (mem->values.prealloc) {
        work(mem, populate_blocks, populated);
    } else {
        plug_blocks(mem);
    }
}

void mem_memory_unplug(struct mem_device *mem)
{
    const uint32_t first = mem->verdict.first, count = mem->verdict.count;
    const uint64_t before = offset_of(mem, guest_blocks_plugged(mem->backend->blocks, first, count));

    if (mem->emptying || !guest_blocks_unplug(mem->backend->blocks, first, count)) {
        mem->verdict.response = MEM_BUSY; /* a device still uses it */
        finish(mem);
        return;
    }
    mem->sizes.plugged -= before;
    mem->changed(mem);
    drop_empty(mem, first, count);
    work(mem, clear_blocks, cleared);
}

/* ---- all of it ---- */

static void emptied(void *opaque)
{
    struct mem_device *mem = opaque;

    mem->working = mem->emptying = false;
    board_drained(mem->virtio.pci.device.board);
}

/* One of those who use the memory does not any more; after the last, it is returned. */
static void end_empty(struct mem_device *mem)
{
    if (--mem->leaving == 0)
        work(mem, clear_all, emptied);
}

void mem_memory_empty(struct mem_device *mem)
{
    bool any = false;

    mem->empty_next = mem->working;
    if (mem->working || mem->emptying)
        return;
    for (unsigned i = 0; i < mem->chunk_count; i++)
        any |= mem->chunk[i].region != NULL;
    if (!any)
        return;
    guest_blocks_clear(mem->backend->blocks);
    mem->sizes.plugged = 0;
    mem->changed(mem);
    mem->emptying = true;
    mem->leaving = 1; /* this function */
    for (unsigned i = 0; i < mem->chunk_count; i++) {
        struct mem_chunk *chunk = &mem->chunk[i];

        mem->leaving += chunk->region && !chunk->stays;
        if (chunk->region && !chunk->leaving)
            drop_chunk(chunk);
    }
    end_empty(mem);
}

bool mem_memory_busy(const struct mem_device *mem)
{
    bool uses = mem->emptying || mem->empty_next;

    /* What is only removed keeps nobody waiting but the device's own end. */
    for (unsigned i = 0; i < mem->chunk_count && mem->virtio.pci.device.leaving; i++)
        uses |= mem->chunk[i].leaving;
    return uses;
}

/* ---- begin and end ---- */

static void set_chunks(struct mem_device *mem)
{
    mem->chunk_size = UINT64_C(128) << 20;
    while (mem->chunk_size < mem->block_size || mem->backend->size > mem->chunk_size * MEM_CHUNKS_MAX)
        mem->chunk_size *= 2;
    mem->chunk_count = (unsigned)((mem->backend->size + mem->chunk_size - 1) / mem->chunk_size);
    for (unsigned i = 0; i < mem->chunk_count; i++)
        mem->chunk[i].mem = mem;
}

/* Each chunk may need a KVM slot. */
static bool check_chunks(const struct mem_device *mem, struct error *error)
{
    const struct hotplug *hotplug = mem->hotplug;
    unsigned used = 0;

    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++)
        used += hotplug->mem[range] && hotplug->mem[range] != mem ? hotplug->mem[range]->chunk_count : 0;
    return used + mem->chunk_count <= hotplug->config.mem_chunks ||
           error_set(error,
                     "the device needs %u KVM slots; of the %u that virtio-mem devices of this machine can "
                     "have, %u are used; use fewer devices, or DIMMs",
                     mem->chunk_count, hotplug->config.mem_chunks, used);
}

bool mem_memory_begin(struct mem_device *mem, struct error *error)
{
    struct backend *backend = mem->backend;

    set_chunks(mem);
    if (!check_chunks(mem, error))
        return false;
    if (!backend_map(backend, error))
        return false;
    if (backend_place(backend, mem->hotplug->config.reservation, mem->sizes.addr, error) &&
        backend_blocks_begin(backend, error)) {
        backend->blocks = guest_blocks_create(backend->memory, backend->size, mem->block_size);
        if (backend->blocks)
            return true;
        error_set(error, "out of memory");
    }
    backend_unmap(backend);
    return false;
}

void mem_memory_end(struct mem_device *mem)
{
    struct backend *backend = mem->backend;

    for (unsigned i = 0; i < mem->chunk_count; i++)
        if (mem->chunk[i].region)
            return;
    backend_unmap(backend);
    guest_blocks_destroy(backend->blocks);
    backend->blocks = NULL;
}
