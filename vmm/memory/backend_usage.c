/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a backend's memory is really there, and whether the host can still give it.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/backend_memory.h"

/* The kernel's answer is one byte for each page: so many at a time. */
#define PAGES 65536u

/* What there was when it was begun, in case backends come meanwhile. */
#define ROUNDS 3

struct mapping {
    void *memory;
    uint64_t size;
    uint64_t resident; /* bytes */
};

struct counting {
    struct job job;
    struct backends *backends;
    void (*counted)(void *opaque);
    void (*dropped)(void *opaque);
    void *opaque;
    unsigned round;
    unsigned char answer[PAGES];
    size_t count;
    struct mapping mappings[];
};

/* On the worker's thread. Of a mapping that goes meanwhile, what was found of it counts for nothing. */
static uint64_t count_pages(const struct mapping *mapping, unsigned char answer[PAGES],
                            const atomic_bool *stop)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t count = 0;

    for (uint64_t at = 0; at < mapping->size && !atomic_load(stop); at += PAGES * page) {
        uint64_t length = mapping->size - at < PAGES * page ? mapping->size - at : PAGES * page;

        if (mincore((uint8_t *)mapping->memory + at, length, answer) < 0)
            break;
        for (uint64_t i = 0; i < length / page; i++)
            count += answer[i] & 1;
    }
    return count * page;
}

static void count_all(void *opaque, const atomic_bool *stop)
{
    struct counting *counting = opaque;

    for (size_t i = 0; i < counting->count; i++)
        counting->mappings[i].resident = count_pages(&counting->mappings[i], counting->answer, stop);
}

/* False: it came after the counting began. */
static bool take_count(const struct counting *counting, struct backend *backend)
{
    if (!backend->memory) {
        backend->resident = 0;
        return true;
    }
    for (size_t i = 0; i < counting->count; i++)
        if (counting->mappings[i].memory == backend->memory && counting->mappings[i].size == backend->size) {
            backend->resident = counting->mappings[i].resident;
            return true;
        }
    return false;
}

static bool count_again(struct counting *before);

static void all_counted(void *opaque)
{
    struct counting *counting = opaque;
    struct backend *backend = NULL;
    bool complete = true;

    while ((backend = backend_next(counting->backends, backend)) != NULL)
        complete &= take_count(counting, backend);
    if (complete || counting->round == ROUNDS || !count_again(counting))
        counting->counted(counting->opaque);
    free(counting);
}

static void count_dropped(void *opaque)
{
    struct counting *counting = opaque;

    counting->dropped(counting->opaque);
    free(counting);
}

/* Of what there is now; the rest is as in `before`. */
static bool count_again(struct counting *before)
{
    struct worker *counter = backends_counter(before->backends);
    struct backend *backend = NULL;
    struct counting *counting;
    size_t count = 0;

    while ((backend = backend_next(before->backends, backend)) != NULL)
        count++;
    counting = counter ? calloc(1, sizeof *counting + count * sizeof counting->mappings[0]) : NULL;
    if (!counting)
        return false;
    *counting = (struct counting){
        .job = { .run = count_all, .done = all_counted, .dropped = count_dropped, .opaque = counting },
        .backends = before->backends,
        .counted = before->counted,
        .dropped = before->dropped,
        .opaque = before->opaque,
        .round = before->round + 1,
    };
    while ((backend = backend_next(before->backends, backend)) != NULL)
        if (backend->memory)
            counting->mappings[counting->count++] = (struct mapping){ backend->memory, backend->size, 0 };
    worker_do(counter, &counting->job);
    return true;
}

bool backends_count(struct backends *backends, void (*counted)(void *opaque), void (*dropped)(void *opaque),
                    void *opaque)
{
    struct counting *none = calloc(1, sizeof *none);
    bool begun = false;

    if (none) {
        none->backends = backends;
        none->counted = counted;
        none->dropped = dropped;
        none->opaque = opaque;
        begun = count_again(none);
    }
    free(none);
    return begun;
}

/* Huge pages of a file belong to it, whether they are mapped here or not. */
static uint64_t allocated(const struct backend *backend, uint64_t in_mapping)
{
    struct stat status;

    if (!backend_is_shared(backend) || backend->fd < 0 || fstat(backend->fd, &status) < 0)
        return in_mapping;
    return (uint64_t)status.st_blocks * 512 < backend->size ? (uint64_t)status.st_blocks * 512
                                                            : backend->size;
}

struct backend_usage backend_usage(const struct backend *backend)
{
    struct backend_usage usage = { .resident = backend->resident };

    if (backend->huge && backend->reserve && backend->memory && !backend->readonly)
        usage.reserved = backend->size - allocated(backend, usage.resident);
    return usage;
}

struct backend *backend_failed(const struct backends *backends, const void *address, struct error *reason)
{
    struct backend *backend = NULL;

    while ((backend = backend_next(backends, backend)) != NULL)
        if (backend->used_by && backend_is_short(backend, reason))
            return backend;
    while ((backend = backend_next(backends, backend)) != NULL) {
        uint64_t offset = (uint64_t)((uintptr_t)address - (uintptr_t)backend->memory);

        if (!address || !backend->memory || offset >= backend->size)
            continue;
        error_set(reason, "the host cannot provide the %s at offset 0x%llx",
                  backend->huge ? "huge page" : "page", (unsigned long long)offset);
        return backend;
    }
    while ((backend = backend_next(backends, backend)) != NULL)
        if (backend->withheld) {
            error_set(reason, "the guest has accessed memory that it released, but whose KVM slot remains");
            return backend;
        }
    error_set(reason, "the host cannot provide a page of it");
    return NULL;
}
