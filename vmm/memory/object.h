/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of -object and object-add that are no memory backend: a source of random bytes, say. They share the
 * ids of the registry of backends.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MEMORY_OBJECT_H
#define VMM_MEMORY_OBJECT_H

#include "base/object_type.h"

/* The first member of each one's own struct. */
struct object {
    const struct object_type *type;
    char *id;            /* owned */
    const void *values;  /* its properties, as its type's table has them; NULL: it has none */
    const char *used_by; /* the name of the device that uses it, borrowed; NULL: none does */
    bool user_stays;     /* as in base/in_use.h */
    void (*destroy)(struct object *object);
    struct object *next;
};

/* Into the registry, with the id that `props` has. False: that is missing, malformed or taken, or memory is
 * short; nothing has changed. From then on it belongs to the registry, which calls destroy(). */
bool object_enlist(struct backends *backends, struct object *object, const struct object_type *type,
                   struct props props, struct error *error);
/* NULL: there is none. */
struct object *object_find(const struct backends *backends, const char *id);
/* By id or QOM path, absolute or partial; NULL: neither names one. */
struct object *object_resolve(const struct backends *backends, const char *reference);
/* In order of creation: NULL gives the first. */
struct object *object_next(const struct backends *backends, const struct object *object);
/* object-del for one of these. */
bool object_delete(struct backends *backends, struct object *object, struct error *error);
/* All of them, at the end. */
void objects_destroy(struct backends *backends);

/* In the registry (backend.c). */
struct object **backends_objects(struct backends *backends);
/* Whether an id can be that of a new object of any kind. */
bool backends_id_is_free(const struct backends *backends, const char *id, struct error *error);

#endif
