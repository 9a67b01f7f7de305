/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The internals of the registry of backends, for backend.c and backend_add.c only.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MEMORY_BACKEND_REGISTRY_H
#define VMM_MEMORY_BACKEND_REGISTRY_H

#include "memory/backend.h"

struct file_watch;
struct object;

struct backends {
    struct loop *loop;
    struct backend_defaults defaults;
    struct backend *first;
    struct backend **end;
    struct object *objects;   /* objects that are not memory */
    struct backend *going;    /* deleted: their memory is being given back */
    struct file_watch *files; /* created with the first file */
    void (*failed)(void *opaque, void *address);
    void *failed_opaque;
    bool abandoned;
    bool shareable;         /* backends_share() */
    struct worker *giver;   /* returns memory; created on first use */
    struct worker *counter; /* counts resident memory; likewise */
};

/* Append a backend to the list, remove it, and free it. `failed`: its creation failed. */
void backends_append(struct backends *backends, struct backend *backend);
void backends_unlink(struct backends *backends, struct backend *backend);
void backend_free(struct backend *backend, bool failed);

/* Free a backend of `going` whose memory has been returned, and call its remover. */
void backend_deleted(void *opaque);

#endif
