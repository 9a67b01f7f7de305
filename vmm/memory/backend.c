/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry of memory backends: found by id and path, watched, and freed.
 */
#include "memory/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/qom_path.h"
#include "memory/backend_memory.h"
#include "memory/backend_registry.h"
#include "memory/file_watch.h"
#include "memory/guest_blocks.h"
#include "memory/object.h"

#define OBJECT_PATH 512 /* "/objects/ID" */

struct backends *backends_create(struct loop *loop, const struct backend_defaults *defaults)
{
    struct backends *backends = calloc(1, sizeof *backends);

    if (backends) {
        backends->loop = loop;
        backends->defaults = *defaults;
        backends->end = &backends->first;
    }
    return backends;
}

void backends_on_failure(struct backends *backends, void (*failed)(void *opaque, void *address), void *opaque)
{
    backends->failed = failed;
    backends->failed_opaque = opaque;
}

/* A file changed, and it is unknown which: check all that are in use. */
static void check_files(void *opaque)
{
    struct backends *backends = opaque;

    for (struct backend *backend = backends->first; backend; backend = backend->next) {
        if (!backend->used_by || backend->failed || !backend->memory || !backend_is_short(backend, NULL))
            continue;
        backend->failed = true;
        if (backends->failed)
            backends->failed(backends->failed_opaque, NULL);
    }
}

void backend_watch_file(struct backend *backend)
{
    struct backends *backends = backend->registry;

    if (!backends->files)
        backends->files = file_watch_create(backends->loop, check_files, backends);
    file_watch_add(backends->files, backend->fd);
}

void backend_free(struct backend *backend, bool failed)
{
    backend_release_wait(backend);
    if (failed)
        backend_unmap(backend);
    else if (backend->memory)
        backend_release(backend);
    backend_close(backend, failed);
    free(backend->id);
    free(backend->mem_path);
    free(backend->used_by);
    guest_blocks_destroy(backend->blocks);
    free(backend);
}

void backends_append(struct backends *backends, struct backend *backend)
{
    *backends->end = backend;
    backends->end = &backend->next;
}

void backends_unlink(struct backends *backends, struct backend *backend)
{
    struct backend **link = &backends->first;

    while (*link != backend)
        link = &(*link)->next;
    *link = backend->next;
    if (!*link)
        backends->end = link;
}

struct worker *backends_giver(struct backends *backends)
{
    if (!backends->giver)
        backends->giver = worker_create(backends->loop);
    return backends->giver;
}

struct worker *backends_counter(struct backends *backends)
{
    if (!backends->counter)
        backends->counter = worker_create(backends->loop);
    return backends->counter;
}

/* A backend that was deleted, and whose memory is the host's again. */
static void forget_released(struct backend *backend)
{
    struct backend **link = &backend->registry->going;

    while (*link != backend)
        link = &(*link)->next;
    *link = backend->next;
    backend_free(backend, false);
}

void backend_deleted(void *opaque)
{
    struct backend *backend = opaque;
    struct completion remover = backend->remover;

    forget_released(backend);
    if (remover.ended)
        remover.ended(remover.opaque, NULL);
}

void backends_share(struct backends *backends)
{
    backends->shareable = true;
}

bool backends_are_shared(const struct backends *backends)
{
    return backends->shareable;
}

void backends_abandon(struct backends *backends)
{
    backends->abandoned = true;
}

void backends_destroy(struct backends *backends)
{
    if (!backends)
        return;
    objects_destroy(backends);
    while (backends->first) {
        struct backend *backend = backends->first;

        if (backend_filling(backend)) {
            backend_fill_stop(backend); /* it was being added, and so is gone now */
            continue;
        }
        backends->first = backend->next;
        backend_free(backend, backends->abandoned);
    }
    while (backends->going)
        backend_deleted(backends->going);
    worker_destroy(backends->giver);
    worker_destroy(backends->counter);
    file_watch_destroy(backends->files);
    free(backends);
}

struct backend *backend_find(const struct backends *backends, const char *id)
{
    struct backend *backend = backends->first;

    while (backend && strcmp(backend->id, id) != 0)
        backend = backend->next;
    return backend;
}

struct backend *backend_resolve(const struct backends *backends, const char *reference, struct error *error)
{
    struct backend *found = backend_find(backends, reference);
    struct qom_search search = { .path = reference };
    char path[OBJECT_PATH];

    if (found)
        return found;
    for (struct backend *backend = backends->first; backend; backend = backend->next) {
        snprintf(path, sizeof path, "/objects/%s", backend->id);
        if (qom_search_try(&search, path))
            found = backend;
    }
    if (search.found == 0)
        error_set_class(
            error, ERROR_DEVICE_NOT_FOUND,
            "Device '%.200s' not found: no memory backend has that id or path; create it with object_add",
            reference);
    return qom_search_end(&search, error) ? found : NULL;
}

struct backend *backend_next(const struct backends *backends, const struct backend *backend)
{
    return backend ? backend->next : backends->first;
}

struct object **backends_objects(struct backends *backends)
{
    return &backends->objects;
}

bool backends_id_is_free(const struct backends *backends, const char *id, struct error *error)
{
    const struct backend *backend = backend_find(backends, id);
    const struct object *object = object_find(backends, id);
    const bool used = (backend && backend->used_by) || (object && object->used_by);

    return (!backend && !object) ||
           error_set(error,
                     "attempt to add duplicate property '%s' to object (type 'container'): an object with "
                     "that id already exists; choose another id%s%s",
                     id, used ? "" : ", or remove it with object_del ", used ? "" : id);
}
