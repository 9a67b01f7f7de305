/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a virtio-mem device: blocks are mapped and plugged, unplugged and returned.
 */
#include <string.h>

#include "base/bits.h"
#include "base/message.h"
#include "hotplug/mem.h"
#include "memory/backend_blocks.h"
#include "memory/backend_memory.h"
#include "memory/guest_blocks.h"

static struct guest_memory *map_of(const struct mem_device *mem)
{
    return mem->virtio.memory;
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
    backend_blocks_clear(mem->backend, mem_offset(mem, mem->verdict.first),
                         mem_offset(mem, mem->verdict.count));
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

    mem->populated = backend_blocks_populate(mem->backend, mem_offset(mem, mem->verdict.first),
                                             mem_offset(mem, mem->verdict.count));
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

/* ---- requests ---- */

static void refuse(struct mem_device *mem, const struct error *why)
{
    mem->verdict.response = MEM_BUSY;
    if (!mem->told)
        warning("%s: the guest cannot plug memory now, and will try again: %s", mem->virtio.name, why->text);
    mem->told = true;
}

/* The machine is copied elsewhere: it stays as it is. The driver tries again later. */
static bool is_held(const struct mem_device *mem)
{
    return guest_memory_is_held(map_of(mem));
}

/* The memory is there: let the guest have it. */
static void plug_blocks(struct mem_device *mem)
{
    const uint32_t first = mem->verdict.first, count = mem->verdict.count;
    struct error error;

    if (!mem_chunks_add(mem, first, count, &error)) {
        refuse(mem, &error);
        mem_chunks_drop_empty(mem, first, count);
        work(mem, clear_blocks, cleared);
        return;
    }
    guest_blocks_plug(mem->backend->blocks, first, count);
    mem->sizes.plugged += mem_offset(mem, count);
    mem->changed(mem);
    finish(mem);
}

static void populated(void *opaque)
{
    struct mem_device *mem = opaque;
    struct error error;

    if (mem->populated && is_held(mem)) {
        mem->verdict.response = MEM_BUSY;
        work(mem, clear_blocks, cleared);
        return;
    }
    if (mem->populated) {
        plug_blocks(mem);
        return;
    }
    error_set(&error, "the host cannot allocate it");
    refuse(mem, &error);
    finish(mem);
}

void mem_memory_plug(struct mem_device *mem)
{
    struct error error;

    if (mem->emptying || is_held(mem) || mem_chunks_leaving(mem, mem->verdict.first, mem->verdict.count)) {
        mem->verdict.response = MEM_BUSY;
        finish(mem);
    } else if (!backend_blocks_map(mem->backend, mem_offset(mem, mem->verdict.first),
                                   mem_offset(mem, mem->verdict.count), &error)) {
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
    const uint64_t before = mem_offset(mem, guest_blocks_plugged(mem->backend->blocks, first, count));

    if (mem->emptying || is_held(mem) || !guest_blocks_unplug(mem->backend->blocks, first, count)) {
        mem->verdict.response = MEM_BUSY; /* or a device still uses it */
        finish(mem);
        return;
    }
    mem->sizes.plugged -= before;
    mem->changed(mem);
    mem_chunks_drop_empty(mem, first, count);
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

static void drained(struct mem_device *mem)
{
    if (mem->emptying)
        end_empty(mem);
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
            mem_chunk_drop(chunk);
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

/* ---- from a saved state ---- */

static bool restore_run(struct mem_device *mem, uint32_t first, uint32_t count, struct error *error)
{
    const uint64_t from = mem_offset(mem, first), size = mem_offset(mem, count);

    if (!backend_blocks_map(mem->backend, from, size, error))
        return false;
    if (mem->values.prealloc && !backend_blocks_populate(mem->backend, from, size))
        return error_set(error, "the host cannot allocate the memory of device '%.80s'", mem->virtio.name);
    if (!mem_chunks_add(mem, first, count, error))
        return false;
    guest_blocks_plug(mem->backend->blocks, first, count);
    return true;
}

bool mem_memory_restore(struct mem_device *mem, const uint64_t *plugged, struct error *error)
{
    const uint32_t count = mem->backend->blocks->count;

    for (uint32_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && bit_is_set(plugged, end) == bit_is_set(plugged, first); end++)
            continue;
        if (bit_is_set(plugged, first) && !restore_run(mem, first, end - first, error))
            return false;
    }
    mem->sizes.plugged = mem_offset(mem, guest_blocks_plugged(mem->backend->blocks, 0, count));
    return true;
}

/* ---- begin and end ---- */

bool mem_memory_begin(struct mem_device *mem, struct error *error)
{
    struct backend *backend = mem->backend;

    mem->drained = drained;
    if (!mem_chunks_begin(mem, error) || !backend_map(backend, error))
        return false;
    if (backend_place(backend, mem->hotplug->config.reservation, mem->sizes.addr, error) &&
        backend_blocks_begin(backend, error)) {
        backend->blocks = guest_blocks_create(backend->memory, backend->size, mem->block_size);
        if (backend->blocks) {
            backend->blocks->allocated = mem->values.prealloc;
            return true;
        }
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
