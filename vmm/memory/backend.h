/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory backends: host memory with a name, that a DIMM (or the boot RAM) can use.
 * Objects memory-backend-ram, memory-backend-file and memory-backend-memfd.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MEMORY_BACKEND_H
#define VMM_MEMORY_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/error.h"
#include "options/props.h"

enum backend_kind { BACKEND_RAM, BACKEND_FILE, BACKEND_MEMFD };

struct backend {
    char *id;
    enum backend_kind kind;
    uint64_t size;      /* bytes */
    uint64_t page_size; /* bytes; of hugetlbfs where that is below */
    char *mem_path;     /* file */
    bool share;
    bool dump;     /* part of core dumps */
    int fd;        /* -1: anonymous */
    bool unnamed;  /* the file was made in a directory and has no name any more */
    void *memory;  /* the mapping: made at creation, gone after an unplug until it is plugged again */
    char *used_by; /* id of the DIMM or "RAM" that uses it; NULL when free */
    struct backend *next;
};

struct backends; /* the registry: all backends by id */

/* `dump`: guest memory is part of this program's core dumps. */
struct backends *backends_create(bool dump);
void backends_destroy(struct backends *backends);

/* object-add: `props` has qom-type and id besides the backend's own properties. Errors: unknown type,
 * unknown or bad property, id malformed or taken, size missing, 0 or not a multiple of the page size,
 * file missing, unreadable or too small, out of memory. Nothing is left behind on failure. */
struct backend *backend_add(struct backends *backends, struct props props, struct error *error);

/* object-del: refused while in use, naming the user. Unmaps and closes. */
bool backend_del(struct backends *backends, const char *id, struct error *error);

struct backend *backend_find(const struct backends *backends, const char *id);
/* Walk in order of creation: NULL gives the first. */
struct backend *backend_next(const struct backends *backends, const struct backend *backend);

const char *backend_kind_name(enum backend_kind kind); /* "memory-backend-ram" ... */

/* For help, completion and listings: the types and their property tables. */
extern const struct backend_type {
    const char *name;
    enum backend_kind kind;
    const struct property *table;
    size_t count;
} backend_types[];
extern const size_t backend_type_count;

#endif
