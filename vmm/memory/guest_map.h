/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The internals of the map of guest memory, for the files guest_*.c only.
 *
 * How a region is removed: (1) its range in the table is cleared, so that no new read section finds it; (2)
 * the sections that may have found it end, by which time all leases that it will ever have are counted; (3)
 * it is put into `draining`, and its counts only fall from now on; (4) the thread that finds the sum of its
 * counts to be 0 and takes it out of `draining` finishes it, or posts that to the main thread. A sum that is
 * read counter by counter is at least the sum at the time of the last read, so 0 is correct; and since a
 * return first counts and then reads `draining`, while (3) has the reverse order, one of the two detects
 * both.
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

/* A region on its way into the map, while listeners agree (guest_listen.c). On the main thread. */
struct guest_offer {
    struct guest_memory *map;
    struct guest_region *region; /* in no list and no table */
    struct guest_region **result;
    struct completion completion;
    uint64_t asked; /* the listeners up to this number have agreed, or will answer */
    unsigned held;  /* answers that are to come */
    bool now;       /* nobody may answer later */
    bool refused, undone;
    struct error why;  /* if refused */
    struct work go_on; /* posted at the last answer */
    struct guest_offer *next;
};

enum region_state {
    REGION_PRESENT,
    REGION_UNSEEN,   /* (2) */
    REGION_DRAINING, /* (3) and (4) */
    REGION_STUCK,    /* KVM keeps its KVM slot */
};

struct guest_region {
    struct epoch_garbage garbage; /* first; a return may still look at `finish` and `kvm_slot` */
    struct guest_memory *map;
    struct guest_region *next; /* main thread only, as is every member without a remark */
    struct guest_part part;    /* fixed */
    unsigned kvm_slot;         /* also the number of its counters; fixed */
    struct guest_dirty
        *_Atomic dirty; /* NULL: no log. Any thread, in a read section; replaced on the main one */
    enum region_state state;
    uint64_t mark;  /* of the sections that may have found it */
    unsigned round; /* of guest_memory_retry() that tried last */
    struct region_gone gone;
    struct work finish; /* posted by the thread that took the region out of `draining` */
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
    struct guest_region *regions;           /* all, including those that are being removed */
    bool *kvm_slot_used;
    struct guest_listener *first_listener, *last_listener;
    uint64_t listeners;         /* how many there have ever been */
    struct guest_offer *offers; /* those that are waited for */
    bool logging;               /* new regions are logged */
    unsigned held;              /* how often guest_memory_hold() was called */
    bool telling;               /* a listener is being called */
    unsigned stuck;             /* how many regions are REGION_STUCK */
    struct timer retry;
    struct timer unseen; /* to check again whether the sections have ended */
    unsigned round;
    atomic_bool keeps;                          /* guest_memory_keep(); any thread */
    void (*fault)(void *opaque, void *address); /* set before the first access; any thread */
    void *fault_opaque;
};

/* guest_listen.c: call the listeners, in the order that guest_memory.h specifies. prepare asks all that the
 * offer has not asked; false and offer->why: one has refused at once. */
bool guest_listeners_prepare(struct guest_offer *offer);
void guest_listeners_commit(struct guest_memory *map, const struct guest_part *part);
void guest_listeners_undo(struct guest_offer *offer);
void guest_listeners_leave(struct guest_memory *map, const struct guest_part *part);
/* guest_add.c: forget what is waited for, without an answer to anybody. */
void guest_offers_destroy(struct guest_memory *map);
/* guest_dirty.c: record a write by the program to leased memory of a region. Any thread, before the lease is
 * returned. */
void guest_dirty_mark(struct guest_region *region, const void *memory, uint64_t length);
/* For a new region: create its log if there is to be one (false and an error: out of memory), and return the
 * flags of its KVM slot. */
bool guest_dirty_begin(struct guest_region *region, struct error *error);
unsigned guest_kvm_slot_flags(const struct guest_region *region);
/* guest_lease.c: the counters and the fixed holders' names. False: out of memory. */
bool guest_counts_create(struct guest_memory *map);
void guest_counts_destroy(struct guest_memory *map);
/* Take the region out of `draining` if it has no leases, and return it; NULL if it has some or another thread
 * took it. Called in a read section, so that it is not freed and no other region is allocated at its address.
 * Any thread. */
struct guest_region *guest_take_drained(struct guest_memory *map, unsigned kvm_slot);

#endif
