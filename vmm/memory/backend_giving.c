/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that goes back to the host. Of usual pages that takes some 0.2 seconds for each GiB, so a worker
 * does it, in pieces (base/pace.h).
 */
#include <unistd.h>

#include "base/mapping.h"
#include "memory/backend_memory.h"

/* On the worker's thread. All of it is done even when the program ends: it would be done then in any case. */
static void release_memory(void *opaque, const atomic_bool *stop)
{
    struct giving_back *giving = opaque;

    (void)stop;
    mapping_give_back_slowly(giving->memory, giving->size, giving->page_size, giving->placed, giving->what);
    if (giving->unnamed >= 0)
        close(giving->unnamed);
    if (giving->discard >= 0)
        mapping_discard_file(giving->discard, giving->offset, giving->size, giving->what);
}

static void given_back(void *opaque)
{
    struct giving_back *giving = opaque;

    giving->active = false;
    giving->ended(giving->opaque);
}

void backend_release_begin(struct backend *backend, bool used, void (*ended)(void *opaque), void *opaque)
{
    struct worker *giver = backends_giver(backend->registry);
    bool named = backend->kind == BACKEND_FILE && !backend->unnamed;
    bool discards = used && backend->discard_data && backend->share && !backend->readonly;

    if (!giver || !backend->memory) { /* nothing to give, or out of memory: rather late than never */
        if (used)
            backend_release(backend);
        else
            backend_unmap(backend);
        ended(opaque);
        return;
    }
    backend->giving = (struct giving_back){
        .job = { .run = release_memory, .done = given_back, .opaque = &backend->giving },
        .memory = backend->memory,
        .size = backend->size,
        .page_size = backend->page_size,
        .placed = backend->placed,
        .what = backend->id,
        .unnamed = named ? -1 : backend->fd,
        .discard = named && discards ? backend->fd : -1,
        .offset = backend->offset,
        .active = true,
        .ended = ended,
        .opaque = opaque,
    };
    if (!named)
        backend->fd = -1;
    backend->memory = NULL;
    backend->filled = backend->failed = backend->withheld = backend->placed = false;
    worker_do(giver, &backend->giving.job);
}

void backend_release_wait(struct backend *backend)
{
    if (backend->giving.active)
        worker_take_back(backends_giver(backend->registry), &backend->giving.job);
    backend->giving.active = false;
}
