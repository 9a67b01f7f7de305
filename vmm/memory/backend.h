/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory backends: host memory with an id, which a DIMM (or the RAM at start) can use. Objects
 * memory-backend-ram, memory-backend-file and memory-backend-memfd.
 *
 * backend.c            the registry of all backends, by id backend_add.c        object-add, object-del
 * backend_properties.c the properties of a backend, and which of them conflict backend_file.c files and
 * memfds: opened, sized backend_memory.c     the mapping: created, placed, advised, released backend_fill.c
 * memory that is allocated before it is used (prealloc=on) backend_giving.c     memory that is returned to
 * the host, on a separate thread backend_usage.c      how much of it is resident, counted on a separate
 * thread
 *
 * Threads: main thread only. The threads of prealloc.c and workers (host/worker.h), which allocate memory,
 * return it and count it, use only mappings and descriptors.
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

/* Memory that is being returned to the host: the worker's data, and the completion. */
struct giving_back {
    struct job job;
    void *memory;
    uint64_t size;
    uint64_t page_size;
    bool placed;      /* it is in the reservation, whose addresses remain reserved */
    const char *what; /* names it in messages */
    int unnamed;      /* a descriptor that is closed afterwards, or -1 */
    int discard;      /* a file whose contents are discarded, or -1 */
    uint64_t offset;  /* where in that file */
    bool active;
    void (*ended)(void *opaque);
    void *opaque;
};

struct backend {
    char *id;
    enum backend_kind kind;

    /* The properties, as requested. */
    uint64_t size;      /* bytes */
    char *mem_path;     /* file */
    uint64_t offset;    /* bytes into the file */
    uint64_t align;     /* of the mapping, bytes; 0: depends on the pages */
    uint64_t huge_size; /* memfd: bytes of a huge page; 0: the host's default */
    uint32_t threads;   /* of prealloc */
    enum host_policy policy;
    struct host_nodes nodes;
    bool share;
    bool merge; /* the host may merge equal pages */
    bool dump;  /* part of core dumps */
    bool lock;  /* -overcommit mem-lock=on: remains in RAM, so all of it is allocated before it is used */
    bool prealloc;
    bool reserve;
    bool readonly;
    bool discard_data; /* what the file contains need not be kept */
    bool hugetlb;      /* memfd */
    bool seal;         /* memfd */
    bool threads_given, huge_size_given;

    /* The state. */
    uint64_t page_size;    /* bytes */
    bool huge;             /* its pages are hugetlbfs's */
    bool dax;              /* mem-path is a device (dax.h), not a file */
    int fd;                /* -1: anonymous, or a memfd or unnamed file that was released */
    bool shareable;        /* ram: it is a memfd, because another program has to map it (backends_share()) */
    bool unnamed;          /* the file was created in a directory and unlinked */
    struct made_file made; /* the file, if it was created for this backend: removed if the creation of the
                              backend fails, */
    bool grown;            /* and so is its size */
    void *memory;  /* the mapping: created with the backend, removed by an unplug until it is plugged again */
    bool placed;   /* the mapping is where a DIMM's is, in the reservation */
    bool withheld; /* its memory was returned, but its addresses are still in a KVM slot */
    bool failed;   /* its file became shorter, and this was reported */
    bool filled;   /* all of it was allocated since it was mapped */
    char *used_by; /* id of the DIMM or "RAM" that uses it; NULL when free */
    /* If a virtio-mem uses it: which parts are there. It frees them, or, at the end of the program, when
     * guest memory may still have leases on them, backends_destroy(). NULL: all or nothing of it is there. */
    struct guest_blocks *blocks;

    struct giving_back giving;
    uint64_t resident; /* bytes, when that was last counted */

    /* While its memory is being allocated. */
    struct prealloc *filling;
    struct completion filler; /* reports the end of the allocation */
    int failure;              /* errno of an allocation that failed; what was allocated is being returned */
    struct error *unused; /* the reason for which allocated memory could not be used; it is being returned */
    struct backends *registry;
    struct completion remover; /* object-del: called when the backend has been deleted */
    struct completion adder;   /* object-add */

    struct backend *next;
};

/* Describe [from, from + size) of a backend's memory, which is mapped, at a guest address (all in bytes). The
 * part has the descriptor if the mapping is shared: other programs cannot map the contents of a private one.
 */
struct guest_part backend_part(const struct backend *backend, uint64_t from, uint64_t size, uint64_t address);

struct backends; /* the registry: all backends by id */

/* Defaults of properties. */
struct backend_defaults {
    bool dump;        /* guest memory is part of this program's core dumps */
    bool merge;       /* the host may merge its pages */
    bool lock;        /* mapped memory is locked from the first access on (memory_lock.h) */
    uint32_t threads; /* that allocate memory */
};

struct backends *backends_create(struct loop *loop, const struct backend_defaults *defaults);
/* Pending requests end with an error. */
void backends_destroy(struct backends *backends);
/* The start failed: remove the files that were created for backends when these are destroyed. */
void backends_abandon(struct backends *backends);

/* Other programs are to map guest memory (vhost-user): what a memory-backend-ram maps from now on is a memfd,
 * with share=off, too. Nothing else about it changes, but that the host merges none of its pages (KSM). */
void backends_share(struct backends *backends);

/* Whether what is written to its mapping is seen by everybody who maps the same. */
static inline bool backend_is_shared(const struct backend *backend)
{
    return backend->share || backend->shareable;
}

/* Set the function that is called from the event loop when a file of memory in use becomes shorter; its
 * `address` is NULL. */
void backends_on_failure(struct backends *backends, void (*failed)(void *opaque, void *address),
                         void *opaque);

/* object-add: `props` has qom-type and id besides the backend's own properties. A failure has no effect.
 * OUTCOME_LATER: its memory is being allocated; meanwhile its id is taken, it cannot be used, and
 * backend_del() cancels the allocation. */
enum outcome backend_add_begin(struct backends *backends, struct props props,
                               const struct completion *watcher, struct error *error);
/* Check whether several backends can be created with these properties (each with its own id and size), as far
 * as possible without creating one. True: *align is the alignment of their sizes and addresses, in bytes.
 * False: the error gives the reason. */
bool backend_try(struct backends *backends, struct props props, uint64_t *align, struct error *error);
/* As backend_add_begin(), but wait for the end; the event loop runs meanwhile. Returns the backend; NULL if
 * it failed, or if loop_quit() was called. */
struct backend *backend_add(struct backends *backends, struct props props, struct error *error);

/* object-del: fails while the backend is in use, with an error that names the user. OUTCOME_LATER: the
 * watcher (may be NULL) is called when its memory has been returned to the host; if it was being allocated,
 * that request ends with an error first. */
enum outcome backend_del(struct backends *backends, const char *id, const struct completion *watcher,
                         struct error *error);

/* Cancel the allocation of a backend's memory, if there is one; it ends with an error. */
void backend_cancel(struct backends *backends, const char *id);

/* RAM at start without an object of its own is a backend, too, and is listed as one (QEMU calls it pc.ram).
 */
#define BACKEND_OF_RAM "hotram.ram"

struct backend *backend_find(const struct backends *backends, const char *id);
/* Find the backend with an id or a QOM path ("/objects/m0"); NULL and an error if there is none. */
struct backend *backend_resolve(const struct backends *backends, const char *reference, struct error *error);
/* Iterate in order of creation: NULL gives the first; returns NULL after the last. */
struct backend *backend_next(const struct backends *backends, const struct backend *backend);

/* Each kind's type. */
extern const struct object_type memory_backend_file_type, memory_backend_memfd_type, memory_backend_ram_type;
const struct object_type *backend_type(enum backend_kind kind);
/* Find a type by name; NULL: it is not a backend's. */
const struct object_type *backend_type_find(const char *name);

/* Count how much of all backends is resident, on a worker. `counted` is called from the event loop; or
 * `dropped`, if the program ends before. False: out of memory. */
bool backends_count(struct backends *backends, void (*counted)(void *opaque), void (*dropped)(void *opaque),
                    void *opaque);

/* How much of a backend is resident in the host's RAM, as last counted, and how much more is reserved for it
 * in the pool of huge pages; in bytes. */
struct backend_usage {
    uint64_t resident;
    uint64_t reserved;
};
struct backend_usage backend_usage(const struct backend *backend);

/* Find the backend whose memory the host can no longer provide: the one with `address` in its mapping, or
 * whose file became shorter; `reason` describes the fault. NULL: there is none. */
struct backend *backend_failed(const struct backends *backends, const void *address, struct error *reason);

#endif
