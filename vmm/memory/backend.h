/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory backends: host memory with a name, that a DIMM (or the boot RAM) can use.
 * Objects memory-backend-ram, memory-backend-file and memory-backend-memfd.
 *
 * backend.c            the registry: what there is, by id
 * backend_add.c        object-add, object-del
 * backend_properties.c what can be said of a backend, and what of it makes no sense
 * backend_file.c       files and memfds: opened, sized
 * backend_memory.c     the mapping: made, placed, advised, given back
 * backend_fill.c       memory that is allocated before it is used (prealloc=on)
 * backend_giving.c     memory that goes back to the host, on a thread of its own
 * backend_usage.c      what of it is really there, counted on a thread of its own
 *
 * Threads: main thread only. Threads of prealloc.c and workers (host/worker.h), which allocate memory, give
 * it back and count it, see only mappings and descriptors.
 */
#ifndef VMM_MEMORY_BACKEND_H
#define VMM_MEMORY_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/completion.h"
#include "base/error.h"
#include "base/host_nodes.h"
#include "base/object_type.h"
#include "base/props.h"
#include "host/file.h"
#include "host/worker.h"
#include "memory/guest_memory.h"

struct loop;
struct prealloc;
struct worker;

enum backend_kind { BACKEND_RAM, BACKEND_FILE, BACKEND_MEMFD };

/* Memory on its way back to the host: what the worker needs, and who is told. */
struct giving_back {
    struct job job;
    void *memory;
    uint64_t size;
    uint64_t page_size;
    bool placed;      /* it is in the reservation, whose addresses stay taken */
    const char *what; /* names it in messages */
    int unnamed;      /* a descriptor that is closed with it, or -1 */
    int discard;      /* a file whose contents go, or -1 */
    uint64_t offset;  /* where in that file */
    bool active;
    void (*ended)(void *opaque);
    void *opaque;
};

struct backend {
    char *id;
    enum backend_kind kind;

    /* What was asked for: the properties. */
    uint64_t size;      /* bytes */
    char *mem_path;     /* file */
    uint64_t offset;    /* bytes into the file */
    uint64_t align;     /* of the mapping, bytes; 0: what suits the pages */
    uint64_t huge_size; /* memfd: bytes of a huge page; 0: the host's usual ones */
    uint32_t threads;   /* of prealloc */
    enum host_policy policy;
    struct host_nodes nodes;
    bool share;
    bool merge; /* the host may merge equal pages */
    bool dump;  /* part of core dumps */
    bool lock;  /* -overcommit mem-lock=on: stays in RAM, so all of it is brought there before it is used */
    bool prealloc;
    bool reserve;
    bool readonly;
    bool discard_data; /* what the file contains need not be kept */
    bool hugetlb;      /* memfd */
    bool seal;         /* memfd */
    bool threads_given, huge_size_given;

    /* What it is now. */
    uint64_t page_size; /* bytes */
    bool huge;          /* its pages are hugetlbfs's */
    bool dax;           /* mem-path is a device (dax.h): what is asked of files is not asked of it */
    int fd;             /* -1: anonymous, or a memfd or unnamed file that was given back */
    bool shareable;     /* ram: it is a memfd, because another program has to map it (backends_share()) */
    bool unnamed;       /* the file was made in a directory and has no name any more */
    struct made_file
        made;      /* the file, if it was created for this: undone if the backend does not come about, */
    bool grown;    /* and so is its size */
    void *memory;  /* the mapping: made at creation, gone after an unplug until it is plugged again */
    bool placed;   /* the mapping is where a DIMM's is, in the reservation */
    bool withheld; /* its memory went back, but its addresses are still in a KVM slot */
    bool failed;   /* its file has become shorter, and that was told */
    bool filled;   /* all of it was allocated since it was mapped */
    char *used_by; /* id of the DIMM or "RAM" that uses it; NULL when free */

    struct giving_back giving;
    uint64_t resident; /* bytes, when that was last counted */

    /* While its memory is being allocated. */
    struct prealloc *filling;
    struct completion filler; /* who asked for it */
    int failure;              /* it could not be allocated: an errno; what was is being given back */
    struct error *unused;     /* it was, but nobody could use it: why; it is being given back likewise */
    struct backends *registry;
    struct completion remover; /* object-del: is told when the backend is gone */
    struct completion adder;   /* object-add */

    struct backend *next;
};

/* [from, from + size) of a backend's memory, which is mapped, at a guest address. Its descriptor is the
 * part's where the mapping is the file: a private one has contents that nobody else can map. */
struct guest_part backend_part(const struct backend *backend, uint64_t from, uint64_t size, uint64_t address);

struct backends; /* the registry: all backends by id */

/* What a backend is where its properties do not say. */
struct backend_defaults {
    bool dump;        /* guest memory is part of this program's core dumps */
    bool merge;       /* the host may merge its pages */
    bool lock;        /* memory that is mapped is locked, from its first touch on (memory_lock.h) */
    uint32_t threads; /* that allocate memory */
};

struct backends *backends_create(struct loop *loop, const struct backend_defaults *defaults);
/* Requests that are under way end with an error. */
void backends_destroy(struct backends *backends);
/* The program does not come to run: files that were made for backends go with them. */
void backends_abandon(struct backends *backends);

/* Other programs are to map guest memory (vhost-user): what a memory-backend-ram maps from now on is a memfd,
 * with share=off, too. Nothing else about it changes, but that the host merges none of its pages (KSM). */
void backends_share(struct backends *backends);

/* Whether what is written to its mapping is seen by everybody who maps the same. */
static inline bool backend_is_shared(const struct backend *backend)
{
    return backend->share || backend->shareable;
}

/* Be told, from the event loop, when a file below memory in use becomes shorter. `address` is NULL. */
void backends_on_failure(struct backends *backends, void (*failed)(void *opaque, void *address),
                         void *opaque);

/* object-add: `props` has qom-type and id besides the backend's own properties. Nothing is left behind on
 * failure. OUTCOME_LATER: its memory is being allocated; until that has ended it has its id, cannot be used,
 * and backend_del() ends it. */
enum outcome backend_add_begin(struct backends *backends, struct props props,
                               const struct completion *watcher, struct error *error);
/* Whether several backends can be made with these properties (and each with its own id and size), as far as
 * can be told without making one; and what their sizes and addresses have to be multiples of, bytes. */
bool backend_try(struct backends *backends, struct props props, uint64_t *align, struct error *error);
/* The same, and wait; the event loop runs meanwhile. NULL when it failed, or the loop was told to end. */
struct backend *backend_add(struct backends *backends, struct props props, struct error *error);

/* object-del: refused while in use, naming the user. OUTCOME_LATER: the watcher is told when its memory has
 * been returned to the host; where that was being allocated, that request ends with an error first. Without a
 * watcher nobody is told. */
enum outcome backend_del(struct backends *backends, const char *id, const struct completion *watcher,
                         struct error *error);

/* Let the allocation of a backend's memory end with an error, if one is under way. */
void backend_cancel(struct backends *backends, const char *id);

/* RAM at start that no object was given for is a backend like any other, and is listed as such (QEMU calls it
 * pc.ram). */
#define BACKEND_OF_RAM "hotram.ram"

struct backend *backend_find(const struct backends *backends, const char *id);
/* The one that an id or a QOM path ("/objects/m0") names, or NULL and an error. */
struct backend *backend_resolve(const struct backends *backends, const char *reference, struct error *error);
/* Walk in order of creation: NULL gives the first. */
struct backend *backend_next(const struct backends *backends, const struct backend *backend);

/* Each kind's type. */
extern const struct object_type memory_backend_file_type, memory_backend_memfd_type, memory_backend_ram_type;
const struct object_type *backend_type(enum backend_kind kind);
/* By name; NULL: it is none of these. */
const struct object_type *backend_type_find(const char *name);

/* Count what is in the host's RAM. `counted` is called from the event loop, or not at all if the program ends
 * first: then `dropped` is. False: out of memory. */
bool backends_count(struct backends *backends, void (*counted)(void *opaque), void (*dropped)(void *opaque),
                    void *opaque);

/* How much of it is in the host's RAM, as last counted, and how much more of the pool of huge pages is kept
 * for it. Bytes. */
struct backend_usage {
    uint64_t resident;
    uint64_t reserved;
};
struct backend_usage backend_usage(const struct backend *backend);

/* A backend whose memory the host cannot give any more: that with `address` in its mapping, or whose file has
 * become shorter. NULL when none is found; `reason` says what is wrong. */
struct backend *backend_failed(const struct backends *backends, const void *address, struct error *reason);

#endif
