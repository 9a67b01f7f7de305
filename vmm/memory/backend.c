/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry of memory backends: object-add and object-del.
 */
#include "memory/backend.h"

#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/qom_path.h"
#include "memory/backend_memory.h"
#include "memory/file_watch.h"

#define OBJECT_PATH 512 /* "/objects/ID" */

struct backends {
    struct loop *loop;
    struct backend_defaults defaults;
    struct backend *first;
    struct backend **end;
    struct backend *going;    /* deleted: their memory is being given back */
    struct file_watch *files; /* made with the first file */
    void (*failed)(void *opaque, void *address);
    void *failed_opaque;
    bool abandoned;
    struct worker *giver;   /* gives memory back; made when first needed */
    struct worker *counter; /* counts what is resident; likewise */
};

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

/* A file has changed, nobody knows which: look at all that are in use. */
static void look_at_files(void *opaque)
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
        backends->files = file_watch_create(backends->loop, look_at_files, backends);
    file_watch_add(backends->files, backend->fd);
}

static void backend_free(struct backend *backend, bool failed)
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
    free(backend);
}

static void append(struct backends *backends, struct backend *backend)
{
    *backends->end = backend;
    backends->end = &backend->next;
}

static void take_out(struct backends *backends, struct backend *backend)
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
static void forget(struct backend *backend)
{
    struct backend **link = &backend->registry->going;

    while (*link != backend)
        link = &(*link)->next;
    *link = backend->next;
    backend_free(backend, false);
}

static void deleted(void *opaque)
{
    struct backend *backend = opaque;
    struct completion remover = backend->remover;

    forget(backend);
    if (remover.ended)
        remover.ended(remover.opaque, NULL);
}

void backends_abandon(struct backends *backends)
{
    backends->abandoned = true;
}

void backends_destroy(struct backends *backends)
{
    if (!backends)
        return;
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
        deleted(backends->going);
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
        error_set_class(error, ERROR_DEVICE_NOT_FOUND,
                        "Device '%.200s' not found: there is no memory backend of that id or path; create it "
                        "with object_add",
                        reference);
    return qom_search_end(&search, error) ? found : NULL;
}

struct backend *backend_next(const struct backends *backends, const struct backend *backend)
{
    return backend ? backend->next : backends->first;
}

static const struct object_type *find_type(const char *name, struct error *error)
{
    const struct object_type *type = backend_type_find(name);

    if (!type)
        error_set(error,
                  "invalid object type: %.80s; hotram has memory-backend-ram, memory-backend-file and "
                  "memory-backend-memfd",
                  name);
    return type;
}

/* The names: type and id. */
static const struct object_type *check_names(const struct backends *backends, struct props props,
                                             const char **id, struct error *error)
{
    const struct backend *taken;
    const char *name = NULL;

    error->text[0] = '\0';
    name = props_string(props, "qom-type", error);
    if (!name) {
        if (!error->text[0])
            error_set(error,
                      "Parameter 'qom-type' is missing: the type of memory, such as memory-backend-ram");
        return NULL;
    }
    *id = props_string(props, "id", error);
    if (!*id) {
        if (!error->text[0])
            error_set(error, "Parameter 'id' is missing: a name for the object, such as id=mem1");
        return NULL;
    }
    if (!id_well_formed(*id)) {
        error_set(error,
                  "Parameter 'id' expects an identifier: a letter, then letters, digits, '-', '.' or "
                  "'_'; got '%s'",
                  *id);
        return NULL;
    }
    taken = backend_find(backends, *id);
    if (taken) {
        error_set(error,
                  "attempt to add duplicate property '%s' to object (type 'container'): an object with "
                  "that id is there already; choose another id%s%s",
                  *id, taken->used_by ? "" : ", or remove it with object_del ", taken->used_by ? "" : *id);
        return NULL;
    }
    return find_type(name, error);
}

/* A backend as its properties say, not opened yet. */
static struct backend *create(struct backends *backends, struct props props, struct error *error)
{
    const char *id = NULL;
    const struct object_type *type = check_names(backends, props, &id, error);
    struct backend *backend = type ? calloc(1, sizeof *backend) : NULL;

    if (!type)
        return NULL;
    if (!backend) {
        error_set(error, "out of memory");
        return NULL;
    }
    *backend = (struct backend){
        .registry = backends,
        .kind = (enum backend_kind)type->kind,
        .share = type->kind == BACKEND_MEMFD,
        .seal = true,
        .reserve = true,
        .dump = backends->defaults.dump,
        .merge = backends->defaults.merge,
        .lock = backends->defaults.lock,
        .threads = backends->defaults.threads,
        .fd = -1,
        .id = strdup(id),
    };
    if (!backend->id)
        error_set(error, "out of memory");
    else if (backend_read(backend, type, props, error))
        return backend;
    backend_free(backend, true);
    return NULL;
}

/* The memory of a backend that is being added is there, or will not be. */
static void added(void *opaque, const struct error *error)
{
    struct backend *backend = opaque;
    struct completion adder = backend->adder;
    struct completion remover = backend->remover;

    if (error) {
        take_out(backend->registry, backend);
        backend_free(backend, true);
    }
    adder.ended(adder.opaque, error);
    if (remover.ended)
        remover.ended(remover.opaque, NULL);
}

static void adding(void *opaque, const char *id, uint64_t done, uint64_t size)
{
    const struct backend *backend = opaque;

    if (backend->adder.progress)
        backend->adder.progress(backend->adder.opaque, id, done, size);
}

enum outcome backend_add_begin(struct backends *backends, struct props props,
                               const struct completion *watcher, struct error *error)
{
    struct backend *backend = create(backends, props, error);
    const struct completion self = { added, adding, backend };
    enum outcome outcome;

    if (!backend)
        return OUTCOME_FAILED;
    outcome = backend_open(backend, error) ? backend_prepare(backend, backends->loop, &self, error)
                                           : OUTCOME_FAILED;
    if (outcome == OUTCOME_FAILED) {
        backend_free(backend, true);
        return OUTCOME_FAILED;
    }
    backend->adder = *watcher;
    append(backends, backend);
    return outcome;
}

bool backend_try(struct backends *backends, struct props props, uint64_t *align, struct error *error)
{
    struct backend *backend = create(backends, props, error);
    bool good;

    if (!backend)
        return false;
    good = backend_foresee(backend, error);
    if (good && align)
        *align = backend_alignment(backend);
    backend_free(backend, true);
    return good;
}

struct waiting {
    bool ended;
    bool failed;
    struct error error;
};

static void waited(void *opaque, const struct error *error)
{
    struct waiting *waiting = opaque;

    waiting->ended = true;
    waiting->failed = error != NULL;
    if (error)
        waiting->error = *error;
}

struct backend *backend_add(struct backends *backends, struct props props, struct error *error)
{
    struct waiting waiting = { 0 };
    const struct completion watcher = { .ended = waited, .opaque = &waiting };
    struct error ignored;
    struct backend *backend;

    if (!error)
        error = &ignored;
    if (backend_add_begin(backends, props, &watcher, error) == OUTCOME_FAILED)
        return NULL;
    backend = backend_find(backends, props_string(props, "id", NULL));
    while (backend_filling(backend) && !loop_quitting(backends->loop)) {
        loop_once(backends->loop, -1);
        if (waiting.ended)
            break;
    }
    if (!waiting.ended)
        backend_fill_stop(backend);
    if (!waiting.failed)
        return backend;
    *error = waiting.error;
    return NULL;
}

enum outcome backend_del(struct backends *backends, const char *id, const struct completion *watcher,
                         struct error *error)
{
    struct backend *backend = backend_find(backends, id);
    bool ram;

    if (!backend) {
        error_set(error, "object '%s' not found", id);
        return OUTCOME_FAILED;
    }
    if (backend->used_by) {
        ram = strcmp(backend->used_by, "RAM") == 0;
        error_set(error, "object '%s' is in use, can not be deleted: '%s' uses it%s%s", id, backend->used_by,
                  ram ? "" : "; unplug that first: device_del ", ram ? "" : backend->used_by);
        return OUTCOME_FAILED;
    }
    if (backend->remover.ended) {
        error_set(error, "object '%s' is being deleted already", id);
        return OUTCOME_FAILED;
    }
    if (watcher)
        backend->remover = *watcher;
    if (backend_filling(backend)) {
        backend_fill_cancel(backend);
        return OUTCOME_LATER;
    }
    take_out(backends, backend);
    if (!backend->memory) {
        backend_free(backend, false);
        return OUTCOME_DONE;
    }
    backend->next = backends->going;
    backends->going = backend;
    backend_release_begin(backend, true, deleted, backend);
    return OUTCOME_LATER;
}

void backend_cancel(struct backends *backends, const char *id)
{
    struct backend *backend = backend_find(backends, id);

    if (backend)
        backend_fill_cancel(backend);
}
