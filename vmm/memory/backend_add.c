/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory backends as objects: object-add, which may take as long as their memory takes, and object-del.
 */
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "memory/backend_memory.h"
#include "memory/backend_registry.h"
#include "memory/object.h"

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
    return backends_id_is_free(backends, *id, error) ? find_type(name, error) : NULL;
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
        backends_unlink(backend->registry, backend);
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
    backends_append(backends, backend);
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
    struct object *object = object_find(backends, id);
    bool ram;

    if (object)
        return object_delete(backends, object, error) ? OUTCOME_DONE : OUTCOME_FAILED;
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
        error_set(error, "object '%s' is already being deleted", id);
        return OUTCOME_FAILED;
    }
    if (watcher)
        backend->remover = *watcher;
    if (backend_filling(backend)) {
        backend_fill_cancel(backend);
        return OUTCOME_LATER;
    }
    backends_unlink(backends, backend);
    if (!backend->memory) {
        backend_free(backend, false);
        return OUTCOME_DONE;
    }
    backend->next = backends->going;
    backends->going = backend;
    backend_release_begin(backend, true, backend_deleted, backend);
    return OUTCOME_LATER;
}

void backend_cancel(struct backends *backends, const char *id)
{
    struct backend *backend = backend_find(backends, id);

    if (backend)
        backend_fill_cancel(backend);
}
