/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of the map of guest memory, for the files guest_*.c alone.
 *
 * How a region goes: (1) its range in the table is cleared, so that no new read section finds it; (2) the
 * sections that may have found it end, by which time all leases that it will ever have are counted; (3) it is
 * put into `draining`, and its counts only fall from now on; (4) whoever sees the sum of its counts at 0 and
 * takes it out of `draining` finishes it, or has the main thread do so. A sum that is read counter by counter
 * is at least what it is when the last is read, so 0 is true; and as a return first counts and then looks at
 * `draining`, while (3) is the other way round, one of them sees both.
 */
#ifndef VMM_MEMORY_GUEST_MAP_H
#define VMM_MEMORY_GUEST_MAP_H

#include "memory/guest_memory.h"

#include <stdatomic.h>

#include "base/epoch.h"
#include "memory/guest_table.h"

/* Threads count in a shard each, as long as there are no more than that; no two shards share a cache line.
 * One thread may return what another has leased: a single counter means nothing, only the sum of all does. */
#define GUEST_SHARDS 16u

enum region_state {
    REGION_PRESENT,
    REGION_UNSEEN,   /* (2) */
    REGION_DRAINING, /* (3) and (4) */
    REGION_STUCK,    /* KVM keeps its KVM slot */
};

struct guest_region {
    struct epoch_garbage garbage; /* first; a return may still look at `finish` and `kvm_slot` */
    struct guest_memory *map;
    struct guest_region *next; /* main thread only, and so is all that is not said otherwise */
    struct guest_part part;    /* fixed */
    unsigned kvm_slot;         /* also the number of its counters; fixed */
    struct guest_dirty
        *_Atomic dirty; /* NULL: no log. Any thread, in a read section; replaced on the main one */
    enum region_state state;
    uint64_t mark;  /* of the sections that may have found it */
    unsigned round; /* of guest_memory_retry() that tried last */
    struct region_gone gone;
    struct work finish; /* posted by whoever took the region out of `draining` */
};

struct guest_memory {
    const struct vm *vm;
    struct loop *loop;
    unsigned kvm_slots;
    unsigned row; /* counters of a holder in a shard: kvm_slots, rounded up to cache lines */
    struct guest_table *_Atomic table;      /* any thread, in a read section; replaced on the main thread */
    struct guest_region *_Atomic *draining; /* [kvm_slot]; any thread, pointers used in a read section */
    _Atomic uint32_t *counts;               /* [shard][holder][kvm_slot]; any thread */
    void *counts_memory;                    /* what to free */
    _Atomic unsigned holders;               /* how many have a name; written on the main thread */
    const char *holder[GUEST_HOLDERS_MAX];  /* owned from GUEST_HOLDERS_FIXED on; main thread only, and so is
                                               all that follows */
    struct guest_region *regions;           /* all, also those that leave */
    bool *kvm_slot_used;
    struct guest_listener *first_listener, *last_listener;
    bool logging;   /* regions that come are logged */
    bool telling;   /* a listener is being called */
    unsigned stuck; /* how many regions are REGION_STUCK */
    struct timer retry;
    struct timer unseen; /* to ask again whether the sections are over */
    unsigned round;
    void (*fault)(void *opaque, void *address); /* set before the first access; any thread */
    void *fault_opaque;
};

/* guest_listen.c: listeners are called, in the order that guest_memory.h gives. */
bool guest_listeners_prepare(struct guest_memory *map, const struct guest_part *part, struct error *error);
void guest_listeners_commit(struct guest_memory *map, const struct guest_part *part);
void guest_listeners_undo(struct guest_memory *map, const struct guest_part *part);
void guest_listeners_leave(struct guest_memory *map, const struct guest_part *part);
/* guest_dirty.c: the program has written to leased memory of a region, which a lease keeps there. Any thread.
 */
void guest_dirty_mark(struct guest_region *region, const void *memory, uint64_t length);
/* Of a region that comes: a log if there is to be one (false: out of memory), and the flags of its KVM slot.
 */
bool guest_dirty_begin(struct guest_region *region, struct error *error);
unsigned guest_kvm_slot_flags(const struct guest_region *region);
/* guest_lease.c: the counters and the fixed holders' names. False: out of memory. */
bool guest_counts_create(struct guest_memory *map);
void guest_counts_destroy(struct guest_memory *map);
/* The region that drains, if it has no leases any more and nobody else has taken it; else NULL. In a read
 * section, in which it cannot be freed, nor another take its place at the same address of the host. Any
 * thread. */
struct guest_region *guest_take_drained(struct guest_memory *map, unsigned kvm_slot);

#endif
