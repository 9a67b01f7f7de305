/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/backend_blocks.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mapping.h"
#include "base/pace.h"
#include "memory/backend_memory.h"

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

static uint8_t *address_of(const struct backend *backend, uint64_t from)
{
    return (uint8_t *)backend->memory + from;
}

/* The kernel's page of zeros, for all pages of it that are read. */
static bool map_zeros(void *memory, uint64_t size)
{
    return mmap(memory, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) !=
           MAP_FAILED;
}

bool backend_blocks_begin(const struct backend *backend, struct error *error)
{
    return map_zeros(backend->memory, backend->size) ||
           error_set(error,
                     "cannot set up guest memory '%s': %s (the limit may be the sysctl vm.max_map_count)",
                     backend->id, strerror(errno));
}

bool backend_blocks_map(const struct backend *backend, uint64_t from, uint64_t size, struct error *error)
{
    uint8_t *memory = address_of(backend, from);
    const bool mapped = mmap(memory, size, PROT_READ | PROT_WRITE, backend_mapping_flags(backend) | MAP_FIXED,
                             backend->fd, (off_t)(backend->offset + from)) != MAP_FAILED;
    const int why = errno;

    if (mapped && backend_bind(backend, memory, size, error)) {
        backend_advise(backend, memory, size);
        if (backend->merge)
            RESULT_DOES_NOT_MATTER(madvise(memory, size, MADV_MERGEABLE),
                                   "without KSM, or of huge pages, none are merged");
        return true;
    }
    if (!mapped)
        error_set(error, "cannot map memory of '%s': %s", backend->id, strerror(why));
    /* A mapping that failed may have taken away what was there. */
    if (!map_zeros(memory, size))
        mapping_empty(memory, size, backend->id);
    return false;
}

bool backend_blocks_populate(const struct backend *backend, uint64_t from, uint64_t size)
{
    return madvise(address_of(backend, from), size, MADV_POPULATE_WRITE) == 0;
}

void backend_blocks_clear(const struct backend *backend, uint64_t from, uint64_t size)
{
    struct pace pace = pace_start(backend->page_size);

    /* The zeros replace the memory at once: at no moment does the guest find nothing. The advice holds up
     * others less than that does, but the kernel refuses it for some kinds of memory. */
    for (uint64_t left = size; left > 0;) {
        const uint64_t start = (left - 1) / pace.piece * pace.piece;
        uint8_t *piece = address_of(backend, from + start);

        pace_begin(&pace);
        RESULT_DOES_NOT_MATTER(madvise(piece, left - start, MADV_DONTNEED), "what follows does it, too");
        if (!map_zeros(piece, left - start))
            mapping_empty(piece, left - start, backend->id);
        pace_end(&pace);
        left = start;
    }
    if (backend->fd >= 0 && backend_is_shared(backend))
        mapping_discard_file(backend->fd, backend->offset + from, size, backend->id);
}
