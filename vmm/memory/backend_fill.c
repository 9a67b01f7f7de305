/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is allocated before it is used: because prealloc=on asked for it, because it is locked
 * (-overcommit mem-lock=on), or because nothing else makes sure that it is there when the guest touches it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/backend_memory.h"
#include "memory/prealloc.h"

/* A mapping of huge pages reserves them, but of the whole host's: a strict policy may find its nodes empty
 * later, and the guest would pay for it. So these are taken at once. */
static bool wants_filling(const struct backend *backend)
{
    bool unsure = backend->huge && backend->reserve && !backend->readonly &&
                  backend->policy == HOST_POLICY_BIND;

    return !backend->filled && (backend->prealloc || backend->lock || unsure);
}

/* Locked memory only has to be in RAM, as by mlock(): pages that a file shares with this mapping are read
 * there, and so stay clean; private ones become this mapping's own, which takes a write. */
static bool only_reads(const struct backend *backend)
{
    return backend->readonly || (backend->lock && !backend->prealloc && backend_is_shared(backend));
}

static void explain(const struct backend *backend, int failure, struct error *error)
{
    char size[SIZE_TEXT_MAX];

    if (failure == ECANCELED)
        error_set(error, "%s memory of '%s' was cancelled", backend->prealloc ? "preallocating" : "locking",
                  backend->id);
    else if (backend->huge)
        backend_too_few_pages(backend, error);
    else
        error_set(error, "%s: the host cannot allocate memory for '%s', %s: %s",
                  backend->prealloc ? "preallocating memory failed" : "locking memory failed", backend->id,
                  size_text(backend->size, size),
                  failure == EFAULT ? "no space left in its file system or huge page pool"
                                    : strerror(failure));
}

/* The watcher may free the backend: nothing of it is used after this. */
static void notify_filler(struct backend *backend, const struct error *error)
{
    struct completion watcher = backend->filler;

    backend->filler = (struct completion){ 0 };
    watcher.ended(watcher.opaque, error);
}

static void forget_unused(struct backend *backend)
{
    free(backend->unused);
    backend->unused = NULL;
}

/* What was allocated is the host's again, so it is not missing among the huge pages that are free. */
static void failed(void *opaque)
{
    struct backend *backend = opaque;
    int failure = backend->failure;
    struct error error;

    backend->failure = 0;
    if (backend->unused)
        error = *backend->unused;
    else
        explain(backend, failure, &error);
    forget_unused(backend);
    notify_filler(backend, &error);
}

bool backend_fill_undo(struct backend *backend, const struct completion *watcher, const struct error *why)
{
    backend->unused = malloc(sizeof *backend->unused);
    if (!backend->unused)
        return false;
    *backend->unused = *why;
    backend->filler = *watcher;
    backend->failure = ECANCELED;
    backend_release_begin(backend, false, failed, backend);
    return true;
}

static void fill_ended(void *opaque, int failure)
{
    struct backend *backend = opaque;

    backend->filling = NULL;
    backend->filled = failure == 0;
    backend->failure = failure;
    if (failure)
        backend_release_begin(backend, false, failed, backend);
    else
        notify_filler(backend, NULL);
}

static void progress(void *opaque, uint64_t done)
{
    struct backend *backend = opaque;

    if (backend->filler.progress)
        backend->filler.progress(backend->filler.opaque, backend->id, done, backend->size);
}

enum outcome backend_prepare(struct backend *backend, struct loop *loop, const struct completion *watcher,
                             struct error *error)
{
    static const struct prealloc_ops ops = { .ended = fill_ended, .progress = progress };
    bool mapped = backend->memory != NULL;
    struct prealloc_request request;

    if (!backend_map(backend, error))
        return OUTCOME_FAILED;
    if (!wants_filling(backend))
        return OUTCOME_DONE;
    request = (struct prealloc_request){ backend->memory, backend->size, backend->page_size, backend->threads,
                                         only_reads(backend) };
    backend->filler = *watcher;
    backend->filling = prealloc_start(loop, &request, &ops, backend, error);
    if (backend->filling)
        return OUTCOME_LATER;
    backend->filler = (struct completion){ 0 };
    if (!mapped)
        backend_unmap(backend);
    return OUTCOME_FAILED;
}

bool backend_filling(const struct backend *backend)
{
    return backend->filling || backend->failure;
}

void backend_fill_cancel(struct backend *backend)
{
    if (backend->filling)
        prealloc_cancel(backend->filling);
}

void backend_fill_stop(struct backend *backend)
{
    struct error error;

    if (!backend_filling(backend))
        return;
    if (backend->filling)
        prealloc_destroy(backend->filling);
    backend->filling = NULL;
    backend_release_wait(backend);
    backend->failure = 0;
    forget_unused(backend);
    explain(backend, ECANCELED, &error);
    notify_filler(backend, &error);
}
