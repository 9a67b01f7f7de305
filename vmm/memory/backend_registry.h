/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of the registry of backends, for backend.c and backend_add.c alone.
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
    struct object *objects;   /* those that are no memory */
    struct backend *going;    /* deleted: their memory is being given back */
    struct file_watch *files; /* made with the first file */
    void (*failed)(void *opaque, void *address);
    void *failed_opaque;
    bool abandoned;
    bool shareable;         /* backends_share() */
    struct worker *giver;   /* gives memory back; made when first needed */
    struct worker *counter; /* counts what is resident; likewise */
};

/* At the end of the list, out of it, and freed. `failed`: it does not come about. */
void backends_append(struct backends *backends, struct backend *backend);
void backends_unlink(struct backends *backends, struct backend *backend);
void backend_free(struct backend *backend, bool failed);

/* One of `going`, whose memory is the host's again: it is freed, and its remover is told. */
void backend_deleted(void *opaque);

#endif
