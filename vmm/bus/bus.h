/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bus: which device responds at which I/O port or guest-physical address.
 *
 * Threads: any thread accesses; the range is found without a lock (base/epoch.h), in a table that is sorted
 * and replaced as a whole, and the device's functions run under the lock that its range specifies. Ranges are
 * added, moved and removed on any thread, while the guest runs, also by a device within its own access; the
 * bus's lock, a leaf, serializes writers.
 */
#ifndef VMM_BUS_BUS_H
#define VMM_BUS_BUS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct bus_table;

enum bus_space { BUS_PORTS, BUS_MEMORY };
#define BUS_SPACES 2

/* A device's registers. Accesses to a device are aligned to their width and at most `width_max` bytes wide;
 * they may extend beyond the device's last port. */
struct bus_range {
    enum bus_space space;
    uint64_t first;     /* port or guest-physical address */
    uint64_t count;     /* bytes, at least 1 */
    unsigned width_max; /* 1, 2, 4 or 8 */
    /* `offset` counts from the first port or address. */
    uint64_t (*read)(void *device, uint64_t offset, unsigned width);
    void (*write)(void *device, uint64_t offset, unsigned width, uint64_t value);
    void *device;
    pthread_mutex_t *lock; /* taken around each call of either; NULL: none */
    const char *name;      /* of the device, for errors */
};

struct bus {
    pthread_mutex_t lock; /* of writers; a leaf */
    struct bus_table *_Atomic table[BUS_SPACES];
    struct error first_error; /* of bus_add_at_start() */
};

void bus_init(struct bus *bus);
/* Called after all accesses have ended. */
void bus_destroy(struct bus *bus);

/* Add a range. Later accesses find it. False and an error: it is empty, extends beyond the end of its space,
 * overlaps another range (which the error names), or out of memory; nothing has changed. */
bool bus_add(struct bus *bus, const struct bus_range *range, struct error *error);
/* The same while a machine is being constructed: bus_check() returns the first error. */
void bus_add_at_start(struct bus *bus, const struct bus_range *range);
bool bus_check(const struct bus *bus, struct error *error);

/* Remove the range that begins at `first`, which must exist: later accesses do not find it. Accesses by other
 * threads that have begun may continue until bus_wait() returns. Cannot fail. */
void bus_remove(struct bus *bus, enum bus_space space, uint64_t first);
/* Move a range, as a guest moves a BAR: at each moment it is at exactly one of the two places. False and an
 * error as for bus_add(); it has not moved. */
bool bus_move(struct bus *bus, enum bus_space space, uint64_t first, uint64_t to, struct error *error);
/* Wait until all accesses that began before this call have ended: after bus_remove(), before the device is
 * freed. Must not be called within an access, or with a lock held that a range specifies. */
void bus_wait(void);

/* One access of 1, 2, 4 or 8 bytes, little endian in `data`. It is divided into parts that are aligned to
 * their width and that the device at their first port accepts; without a device, reads give all ones. So an
 * access that begins below a device reaches it, while one aligned access belongs to a single device, as on a
 * PC: a double word at 0xcf8 does not reach the reset register at 0xcf9. Any thread. False: no part of it
 * reached a device. */
bool bus_access(struct bus *bus, enum bus_space space, uint64_t first, bool write, unsigned width,
                uint8_t *data);

#endif
