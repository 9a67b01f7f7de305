/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a backend's memory is really there, and whether the host can still give it.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/backend_memory.h"

/* The kernel's answer is one byte for each page: so many at a time. */
#define PAGES 65536u

static uint64_t resident(const struct backend *backend)
{
    static unsigned char answer[PAGES]; /* main thread only */
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t count = 0;

    for (uint64_t at = 0; backend->memory && at < backend->size; at += PAGES * page) {
        uint64_t length = backend->size - at < PAGES * page ? backend->size - at : PAGES * page;

        if (mincore((uint8_t *)backend->memory + at, length, answer) < 0)
            break;
        for (uint64_t i = 0; i < length / page; i++)
            count += answer[i] & 1;
    }
    return count * page;
}

/* Huge pages of a file belong to it, whether they are mapped here or not. */
static uint64_t allocated(const struct backend *backend, uint64_t in_mapping)
{
    struct stat status;

    if (!backend->share || backend->fd < 0 || fstat(backend->fd, &status) < 0)
        return in_mapping;
    return (uint64_t)status.st_blocks * 512 < backend->size ? (uint64_t)status.st_blocks * 512
                                                            : backend->size;
}

struct backend_usage backend_usage(const struct backend *backend)
{
    struct backend_usage usage = { .resident = resident(backend) };

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
        error_set(reason, "the host cannot give the %s at offset 0x%llx",
                  backend->huge ? "huge page" : "page", (unsigned long long)offset);
        return backend;
    }
    while ((backend = backend_next(backends, backend)) != NULL)
        if (backend->withheld) {
            error_set(reason,
                      "the guest has touched memory that it gave back, where KVM has kept the memslot");
            return backend;
        }
    error_set(reason, "the host cannot give a page of it");
    return NULL;
}
