/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map of guest-physical memory, and its leases.
 *
 * A region is a range of guest addresses backed by host memory, with one KVM slot. The program reaches
 * guest memory only through a lease, a counted reference to one region; a region goes only when its last
 * lease is given back.
 *
 * Threads: regions are added and removed on the main thread. Leases may be taken and given back on any
 * thread, also on another than took them, without a lock: the region is found in a table that is replaced as
 * a whole (base/epoch.h), and each thread counts in cache lines of its own. guest_map.h says how that is
 * safe.
 */
#ifndef VMM_MEMORY_GUEST_MEMORY_H
#define VMM_MEMORY_GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"

struct guest_memory;
struct guest_region;
struct reservation;
struct vm;

/* What a lease is for: a holder that writes has to say so. */
enum lease_direction { LEASE_READ, LEASE_WRITE };

/* Who has a lease, by number. These have theirs from the start, others get one by guest_memory_holder(). */
enum guest_holder {
    GUEST_HOLDER_PROGRAM, /* for the time of a copy */
    GUEST_HOLDER_LOADER,  /* of the kernel */
    GUEST_HOLDER_OTHERS,  /* all those for whom there is no number */
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

/* What is told when a removed region's last lease is gone. */
struct region_gone {
    void (*gone)(void *opaque);
    /* At most once, before gone(): nobody in the program uses the memory any more, but KVM keeps the KVM
     * slot, for the reason given. The memory may go back to the host; its host addresses may not, for what is
     * mapped there next would be the guest's. */
    void (*stays)(void *opaque, const char *why);
    void *opaque;
};

/* `kvm_slots` is how many KVM slots the map may use. NULL: out of memory. */
struct guest_memory *guest_memory_create(const struct vm *vm, struct loop *loop, unsigned kvm_slots);
/* On the main thread, when no other thread uses it any more. */
void guest_memory_destroy(struct guest_memory *map);

/* What is put at a guest address. */
struct guest_part {
    uint64_t address; /* guest-physical */
    uint64_t size;    /* bytes */
    void *memory;     /* the caller keeps the mapping until the region is gone */
    int fd;           /* what another program can map to share it, from `offset` on; -1: nothing */
    uint64_t offset;
    bool read_only; /* the guest reads it, and so do leases; neither writes */
};
/* NULL: a listener (below) or KVM refuses it, all KVM slots are used, or memory is short; nothing has
 * changed.
 */
struct guest_region *guest_memory_add_part(struct guest_memory *map, const struct guest_part *part,
                                           struct error *error);
/* The same of memory that the guest may write and nobody can share. */
struct guest_region *guest_memory_add(struct guest_memory *map, uint64_t address, uint64_t size, void *memory,
                                      struct error *error);

/* Guest memory as few ranges, for who shares all of it (the kernel's vhost takes 64): what is reserved for
 * the hotplug region, whether DIMMs are in it or not, so that it never changes; and each region outside it.
 */
struct guest_span {
    uint64_t address; /* guest-physical */
    uint64_t size;    /* bytes */
    void *memory;     /* where no DIMM is, there is no memory: accesses fault */
};
/* Store the ranges, sorted by guest address, as far as there is room. Returns how many there are. A region
 * that leaves counts until it is gone. Main thread. */
unsigned guest_memory_spans(const struct guest_memory *map, const struct reservation *reservation,
                            struct guest_span *spans, unsigned room);

/* How much memory the guest has now that it can write, bytes. Main thread. */
uint64_t guest_memory_size(const struct guest_memory *map);

/* As it was added. Until the region is gone. */
const struct guest_part *guest_region_part(const struct guest_region *region);

/* Take a region out: no new lease on it from now on; when the last one is given back the KVM slot is
 * taken away and `gone` is called, both on the main thread, at the earliest within this call. It waits for
 * threads that are just taking a lease, for microseconds; where the host does not run one of them, a timer
 * waits instead. Where KVM does not take it away, that is tried again every second, with the next region that
 * is added, and by guest_memory_retry(). */
void guest_memory_remove(struct guest_memory *map, struct guest_region *region, struct region_gone gone);
/* Try again to take away KVM slots that KVM keeps. */
void guest_memory_retry(struct guest_memory *map);

/* Lease [address, address + length). Fails when the range is not inside one region, or is to be written and
 * read-only. */
bool guest_memory_lease(struct guest_memory *map, enum guest_holder holder, enum lease_direction direction,
                        uint64_t address, uint64_t length, struct lease *lease);
/* Lease [address, address + most), or as much of it as is in the first region: lease->length tells. RAM is
 * one region for each node. Fails when there is no memory at the address that may be used in this direction.
 */
bool guest_memory_lease_some(struct guest_memory *map, enum guest_holder holder,
                             enum lease_direction direction, uint64_t address, uint64_t most,
                             struct lease *lease);
void lease_return(struct guest_memory *map, struct lease *lease);

/* The number of a holder with this name, a new one or the one that the name has; GUEST_HOLDER_OTHERS where
 * all are taken, or memory is short. Main thread; the name is copied. */
enum guest_holder guest_memory_holder(struct guest_memory *map, const char *name);
/* Who has leases on a region, separated by commas and cut to `size` bytes with the NUL. Returns how many they
 * are; of a region that does not leave, as it was at some moment. Main thread. */
unsigned guest_memory_holders(const struct guest_memory *map, const struct guest_region *region, char *names,
                              size_t size);
/* The same, one after the other: `*next` is 0 before the first. NULL after the last. */
const char *guest_memory_next_holder(const struct guest_memory *map, const struct guest_region *region,
                                     unsigned *next);

/* Who has to know which memory there is: a process that shares it, a copy that is being made. All of it is on
 * the main thread. Each region comes in two steps:
 *
 * prepare  before the guest can reach it. False refuses the region, with an error; then nobody's undo is
 * called but that of those who have agreed before. commit   the guest can reach it, though nothing has
 * announced it to the guest yet; leases can be had. Who uses the memory on its own account takes one here and
 * keeps it. undo     in place of commit: another listener, or KVM, has refused. leave    the region leaves:
 * no new lease can be had, the guest has given it back or will never have known it. It waits for its leases,
 * so whoever needs time to let go returns its own when that is done, on any thread.
 *
 * prepare and commit are called in the order of listening, undo and leave in the reverse. None of them may
 * add or remove regions or listeners. Any of them may be NULL. The struct belongs to the listener. */
struct guest_listener {
    bool (*prepare)(void *opaque, const struct guest_part *part, struct error *error);
    void (*commit)(void *opaque, const struct guest_part *part);
    void (*undo)(void *opaque, const struct guest_part *part);
    void (*leave)(void *opaque, const struct guest_part *part);
    void *opaque;
    struct guest_listener *next, *previous; /* the map's */
};
/* Listen from now on. What is there already comes first, in both steps, in no order. False: the listener has
 * refused some of it; what it had agreed to was undone, and it does not listen. */
bool guest_memory_listen(struct guest_memory *map, struct guest_listener *listener, struct error *error);
/* Listen no more: nothing is called, memory that is there included. */
void guest_memory_unlisten(struct guest_memory *map, struct guest_listener *listener);

/* The dirty log: which pages (of the host's page size) were written, by the guest (KVM's log) or by the
 * program (leases that write, when they are returned), in one bitmap for each region. Main thread. For -accel
 * qtest there is only the program.
 *
 * Whoever starts it takes all memory that is there for written, and likewise each region that comes later (a
 * listener hears of it). A lease that writes may be out while the log is taken: its pages are in a later one,
 * and in the last when all such leases have been returned before. */
/* False: KVM refuses, or memory is short; there is no log. It must not be on. */
bool guest_memory_log_start(struct guest_memory *map, struct error *error);
void guest_memory_log_stop(struct guest_memory *map);
/* How many words the bitmap of a region has. */
size_t guest_memory_log_words(const struct guest_region *region);
/* Store which pages were written since the last time, or since the log was started: a bit each, the first
 * page's the lowest of the first word. All zero for a read-only region. False: KVM fails; the next time has
 * it all. */
bool guest_memory_log_take(struct guest_memory *map, struct guest_region *region, uint64_t *pages,
                           struct error *error);

/* Lease, copy, give back, over as many regions as there are. Where the host cannot give the memory any more
 * (fault.h), whoever asked for it by guest_memory_on_fault() is told, and part of the bytes may have been
 * copied. On the main thread, where no region can go meanwhile; of RAM, which never goes, on
 * any. */
enum guest_access {
    GUEST_ACCESS_OK,
    GUEST_ACCESS_NONE,  /* some of the range is no memory, or is read-only; nothing was copied */
    GUEST_ACCESS_FAULT, /* the host cannot give it */
};
enum guest_access guest_memory_access(struct guest_memory *map, uint64_t address, void *bytes,
                                      uint64_t length, bool write);
enum guest_access guest_memory_fill(struct guest_memory *map, uint64_t address, uint8_t value,
                                    uint64_t length);
/* The same for those to whom every failure is the same. */
bool guest_memory_write(struct guest_memory *map, uint64_t address, const void *bytes, uint64_t length);

/* Run access(opaque), which touches leased memory and holds nothing. False: the host cannot give the memory
 * (fault.h), and whoever asked for it is told; it was left in the middle. Any thread. */
bool guest_memory_try(struct guest_memory *map, void (*access)(void *opaque), void *opaque);

/* `fault` is called by whoever accesses the memory, on any thread: with a host address. */
void guest_memory_on_fault(struct guest_memory *map, void (*fault)(void *opaque, void *address),
                           void *opaque);

#endif
