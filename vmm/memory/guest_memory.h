/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map of guest-physical memory, and its leases.
 *
 * A region is a range of guest addresses backed by host memory, with one KVM slot. The program accesses guest
 * memory only through a lease, a counted reference to one region; a region is removed only when its last
 * lease has been returned.
 *
 * Threads: regions are added and removed on the main thread. Leases may be taken on any thread and returned
 * on any other, without a lock: the region is found in a table that is replaced as a whole (base/epoch.h),
 * and each thread counts in cache lines of its own. guest_map.h explains why this is safe.
 */
#ifndef VMM_MEMORY_GUEST_MEMORY_H
#define VMM_MEMORY_GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/completion.h"
#include "base/error.h"
#include "base/loop.h"

struct guest_blocks;
struct guest_memory;
struct guest_offer;
struct guest_region;
struct reservation;
struct vm;

/* Whether the holder of a lease writes to the memory. */
enum lease_direction { LEASE_READ, LEASE_WRITE };

/* The holders of leases, by number: fixed ones, and those that guest_memory_holder() numbers. */
enum guest_holder {
    GUEST_HOLDER_PROGRAM, /* during a copy */
    GUEST_HOLDER_LOADER,  /* of the kernel */
    GUEST_HOLDER_OTHERS,  /* all holders beyond the limit */
    GUEST_HOLDERS_FIXED,
    GUEST_HOLDERS_MAX = 32,
};

/* A counted reference to guest memory: `memory` is valid until lease_return(). */
struct lease {
    void *memory;
    uint64_t length; /* bytes */
    struct guest_region *region;
    enum guest_holder holder;
    enum lease_direction direction;
};

/* Callbacks for the removal of a region, on the main thread. */
struct region_gone {
    void (*gone)(void *opaque);
    /* At most once, before gone(): the program no longer uses the memory, but KVM does not delete the KVM
     * slot, for the reason `why`. The memory may be returned to the host, but its host addresses must remain
     * reserved: the guest can access whatever is mapped there. */
    void (*stays)(void *opaque, const char *why);
    void *opaque;
};

/* Create an empty map, which uses up to `kvm_slots` KVM slots. NULL: out of memory. Main thread. */
struct guest_memory *guest_memory_create(const struct vm *vm, struct loop *loop, unsigned kvm_slots);
/* Main thread, when no other thread uses the map any more. */
void guest_memory_destroy(struct guest_memory *map);

/* Memory at a guest address. */
struct guest_part {
    uint64_t address; /* guest-physical */
    uint64_t size;    /* bytes */
    void *memory;     /* the caller keeps the mapping until the region has been removed */
    int fd;           /* file that another program can map to share it, from `offset` on; -1: none */
    uint64_t offset;
    bool read_only; /* neither the guest nor leases can write to it */
    /* Leases are on the plugged ones of these blocks only, which outlive the region; NULL: on all of it. */
    struct guest_blocks *blocks;
};
/* Add a region. NULL and an error: a listener (below) or KVM refuses it, all KVM slots are in use, or out of
 * memory; nothing has changed. Main thread. */
struct guest_region *guest_memory_add_part(struct guest_memory *map, const struct guest_part *part,
                                           struct error *error);
/* The same without waiting for listeners. OUTCOME_LATER: the completion is called when all have answered;
 * until then the region exists for nobody but them, and `part` and the reservation of its addresses belong to
 * it. *region is set at the end. */
enum outcome guest_memory_offer_part(struct guest_memory *map, const struct guest_part *part,
                                     const struct completion *completion, struct guest_region **region,
                                     struct error *error);
/* Have the addition of this part end with the error `why`, when all who were asked have answered. Without
 * effect if there is none. */
void guest_memory_withdraw(struct guest_memory *map, uint64_t address, const struct error *why);
/* The same for memory that the guest may write and that is not shared. */
struct guest_region *guest_memory_add(struct guest_memory *map, uint64_t address, uint64_t size, void *memory,
                                      struct error *error);

/* Guest memory as few ranges, for users that share all of it (the kernel's vhost accepts 64): the whole
 * reservation of the hotplug region, whether or not DIMMs are in it, so that it never changes; and each
 * region outside it. */
struct guest_span {
    uint64_t address; /* guest-physical */
    uint64_t size;    /* bytes */
    void *memory;     /* accesses fault where there is no DIMM */
};
/* Store up to `room` ranges, sorted by guest address. Returns how many there are, which may be more. A region
 * that is being removed counts until the end. Main thread. */
unsigned guest_memory_spans(const struct guest_memory *map, const struct reservation *reservation,
                            struct guest_span *spans, unsigned room);

/* The size of the guest's writable memory at present, bytes. Main thread. */
uint64_t guest_memory_size(const struct guest_memory *map);

/* The part as it was added; valid until the region has been removed. */
const struct guest_part *guest_region_part(const struct guest_region *region);

/* Remove a region: there are no new leases on it, and when the last one has been returned, the KVM slot is
 * deleted and `gone` is called, both on the main thread, at the earliest within this call. It waits
 * microseconds for threads that are just taking a lease, or uses a timer if the host does not run one of
 * them. If KVM does not delete the KVM slot, this is retried every second, when the next region is added, and
 * by guest_memory_retry(). Main thread. Cannot fail. */
void guest_memory_remove(struct guest_memory *map, struct guest_region *region, struct region_gone gone);
/* Try again to delete KVM slots that KVM kept. Main thread. */
void guest_memory_retry(struct guest_memory *map);

/* Lease [address, address + length), in bytes. False: the range is not within one region, is not plugged
 * (guest_blocks.h), or is to be written and is read-only. Any thread. */
bool guest_memory_lease(struct guest_memory *map, enum guest_holder holder, enum lease_direction direction,
                        uint64_t address, uint64_t length, struct lease *lease);
/* Lease [address, address + most), or the part of it that is in the first region: lease->length bytes. (RAM
 * has a region for each node.) False: there is no memory at the address, or it is to be written and is
 * read-only. Any thread. */
bool guest_memory_lease_some(struct guest_memory *map, enum guest_holder holder,
                             enum lease_direction direction, uint64_t address, uint64_t most,
                             struct lease *lease);
void lease_return(struct guest_memory *map, struct lease *lease);
/* Lease the region at an address, whatever is plugged in it: it stays, and lease->region is it; its memory
 * cannot be accessed by this (lease->length is 0). False: there is none. Any thread. */
bool guest_memory_lease_region(struct guest_memory *map, enum guest_holder holder, uint64_t address,
                               struct lease *lease);

/* Whoever copies all memory holds it: its user sees to it that what is plugged of regions with blocks stays
 * the same as long as it is held. It can be held several times. Main thread. */
void guest_memory_hold(struct guest_memory *map);
void guest_memory_let_go(struct guest_memory *map);
bool guest_memory_is_held(const struct guest_memory *map);
/* The next part of a region, from its byte *from on, that the guest has: all of it, or a run of plugged
 * blocks. *from is its beginning, and the result its bytes; 0: there is none. Any thread. */
uint64_t guest_part_next(const struct guest_part *part, uint64_t *from);
/* Whether the guest has all of [from, from + size) of a region: bytes that are in it, and plugged. Any
 * thread. */
bool guest_part_has(const struct guest_part *part, uint64_t from, uint64_t size);

/* Return the number of a holder with this name, which is copied, or assign one; GUEST_HOLDER_OTHERS if all
 * are assigned, or out of memory. Main thread. */
enum guest_holder guest_memory_holder(struct guest_memory *map, const char *name);
/* Write the names of the holders of leases on a region, separated by commas and truncated to `size` bytes
 * including the NUL. Returns their number; for a region that is not being removed, this is a snapshot. Main
 * thread. */
unsigned guest_memory_holders(const struct guest_memory *map, const struct guest_region *region, char *names,
                              size_t size);
/* Iterate over the same names: *next is 0 before the first; returns NULL after the last. */
const char *guest_memory_next_holder(const struct guest_memory *map, const struct guest_region *region,
                                     unsigned *next);

/* Listeners follow which memory exists, for example to share it with a process or to copy it. All functions
 * are called on the main thread. A region is added in two steps:
 *
 * - prepare: before the guest can access it. False and an error refuse the region.
 * - commit: the guest can access it, although nothing has announced it to the guest yet, and leases can be
 *   taken. A listener whose own threads or processes use the memory takes a lease here and keeps it.
 * - undo: instead of commit; another listener, or KVM, refused the region. It is called for all listeners
 *   whose prepare returned true.
 * - leave: the region is being removed: there are no new leases, and the guest has released it or has never
 *   seen it. The removal waits for leases, so a listener that needs time returns its lease, on any thread,
 *   when it no longer uses the memory.
 *
 * prepare and undo may take long, such as the answer of another program: with an offer, each may call
 * guest_offer_hold() and return at once (prepare: true), and guest_offer_answer() follows. All listeners are
 * asked before the first of them is waited for; who begins to listen meanwhile is asked when they have
 * answered; undo follows the last answer. Without an offer (NULL), they must have finished when they return.
 *
 * room: how many more regions the listener accepts, for plans. A number that is not UINT_MAX comes with a
 * reason: a phrase that names the listener and its limit.
 *
 * prepare and commit are called in the order of guest_memory_listen(), undo and leave in the reverse order.
 * None of them may add or remove regions or listeners. Any of them may be NULL. The struct belongs to the
 * listener. */
struct guest_listener {
    unsigned (*room)(void *opaque, struct error *why);
    bool (*prepare)(void *opaque, const struct guest_part *part, struct guest_offer *offer,
                    struct error *error);
    void (*commit)(void *opaque, const struct guest_part *part);
    void (*undo)(void *opaque, const struct guest_part *part, struct guest_offer *offer);
    void (*leave)(void *opaque, const struct guest_part *part);
    /* The kernel or another program writes to the memory for this user, whose name it is, and not into the
     * dirty log (below). NULL: nobody does. */
    const char *unlogged;
    void *opaque;
    uint64_t number; /* the map's, like the next: rises from listener to listener */
    struct guest_listener *next, *previous;
};
/* Within prepare or undo: the listener answers later. Main thread, like the next. */
void guest_offer_hold(struct guest_offer *offer);
/* The answer, once for each hold, outside the listener's functions; also if it no longer listens. To prepare:
 * `why` is the reason of a refusal (undo is called all the same), or NULL. To undo: NULL. */
void guest_offer_answer(struct guest_offer *offer, const struct error *why);

/* Add a listener. It is called for existing regions first, in both steps, in any order. False and an error:
 * the listener refused one of them; undo was called for those that it had accepted, and it is not added. */
bool guest_memory_listen(struct guest_memory *map, struct guest_listener *listener, struct error *error);
/* Remove a listener; none of its functions is called, also not for existing memory. */
void guest_memory_unlisten(struct guest_memory *map, struct guest_listener *listener);

/* The name of a user with writes that the dirty log lacks; NULL: there is none. Main thread. */
const char *guest_memory_unlogged(const struct guest_memory *map);
/* How many more regions all listeners accept, and why no more; UINT_MAX: no listener has a limit. Main
 * thread. */
unsigned guest_memory_room(const struct guest_memory *map, struct error *why);

/* The dirty log: which pages (of the host's page size) were written, by the guest (KVM's log) or by the
 * program (leases that write, when they are returned), in one bitmap for each region. Main thread. For -accel
 * qtest there is only the program. It lacks what guest_memory_unlogged() names.
 *
 * The user of the log treats all existing memory as written, and likewise each region that is added later (by
 * a listener). Pages of a lease for writing that is held while the log is read are in a later result; the
 * last one is complete if all such leases have been returned before. */
/* Start the log, which must not be on. False and an error: KVM refuses, or out of memory; it is off. */
bool guest_memory_log_start(struct guest_memory *map, struct error *error);
void guest_memory_log_stop(struct guest_memory *map);
/* The number of 64-bit words in the bitmap of a region. */
size_t guest_memory_log_words(const struct guest_region *region);
/* Store which pages were written since the last call or the start of the log: one bit each, the first page's
 * being the lowest bit of the first word. All zero for a read-only region. False and an error: KVM refuses;
 * the next call has all of them. */
bool guest_memory_log_take(struct guest_memory *map, struct guest_region *region, uint64_t *pages,
                           struct error *error);

/* Whether contents must be kept that the guest has released: a hint that the host may have pages back is to
 * be ignored, since memory is being saved as it was earlier. Changed on the main thread while devices stand
 * still, or back to false; read on any thread, before pages are returned. */
void guest_memory_keep(struct guest_memory *map, bool keep);
bool guest_memory_keeps(const struct guest_memory *map);

/* Copy bytes from or to guest memory under leases, across any number of regions. If the host can no longer
 * provide the memory (fault.h), the function of guest_memory_on_fault() is called, and a part of the bytes
 * may have been copied. On the main thread, since regions are removed there; for RAM, which is never removed,
 * on any thread. */
enum guest_access {
    GUEST_ACCESS_OK,
    GUEST_ACCESS_NONE,  /* a part of the range is not memory, or is read-only; nothing was copied */
    GUEST_ACCESS_FAULT, /* the host cannot provide it */
};
enum guest_access guest_memory_access(struct guest_memory *map, uint64_t address, void *bytes,
                                      uint64_t length, bool write);
enum guest_access guest_memory_fill(struct guest_memory *map, uint64_t address, uint8_t value,
                                    uint64_t length);
/* As guest_memory_access(); false: any failure. */
bool guest_memory_write(struct guest_memory *map, uint64_t address, const void *bytes, uint64_t length);

/* Run access(opaque), which accesses leased memory and holds no locks or allocations. False: the host cannot
 * provide the memory (fault.h); access() was abandoned, and the function of guest_memory_on_fault() was
 * called. Any thread. */
bool guest_memory_try(struct guest_memory *map, void (*access)(void *opaque), void *opaque);

/* Set the function that is called, with the host address, on the thread whose access failed. Before the first
 * access. */
void guest_memory_on_fault(struct guest_memory *map, void (*fault)(void *opaque, void *address),
                           void *opaque);

#endif
