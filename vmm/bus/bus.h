/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bus: which device answers at which I/O port, or address among the guest's memory.
 *
 * Threads: any thread accesses; the range is found without a lock (base/epoch.h), in a table that is sorted
 * and replaced as a whole, and the device's functions run under the lock that its range names. Ranges are
 * added, moved and removed on any thread, while the guest runs, also by a device within its own access; the
 * bus's lock, a leaf, keeps writers apart.
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

/* A device's registers. What a device gets is aligned to its width and at most `width_max` bytes wide; it may
 * reach beyond the device's last port. */
struct bus_range {
    enum bus_space space;
    uint64_t first;     /* port or guest-physical address */
    uint64_t count;     /* bytes, at least 1 */
    unsigned width_max; /* 1, 2, 4 or 8 */
    /* `offset` counts from the first port or address. */
    uint64_t (*read)(void *device, uint64_t offset, unsigned width);
    void (*write)(void *device, uint64_t offset, unsigned width, uint64_t value);
    void *device;
    pthread_mutex_t *lock; /* taken around each call of either; NULL: the device does without */
    const char *name;      /* of the device, for errors */
};

struct bus {
    pthread_mutex_t lock; /* of writers; a leaf */
    struct bus_table *_Atomic table[BUS_SPACES];
    struct error first_error; /* of bus_add_at_start() */
};

void bus_init(struct bus *bus);
/* No thread accesses it any more. */
void bus_destroy(struct bus *bus);

/* Add a range. Accesses find it from now on. False: it is empty, runs over the end of its space, collides
 * with another (the error names it) or memory is short; nothing has changed. */
bool bus_add(struct bus *bus, const struct bus_range *range, struct error *error);
/* The same for a machine that is being built: the first error is kept for bus_check(). */
void bus_add_at_start(struct bus *bus, const struct bus_range *range);
bool bus_check(const struct bus *bus, struct error *error);

/* Remove the range that begins at `first`, which must be there: later accesses do not find it. Accesses by
 * other threads may still be under way until bus_wait(). Needs no memory. */
void bus_remove(struct bus *bus, enum bus_space space, uint64_t first);
/* Move it, as a guest moves a BAR: at no moment is it at both places or at none. False as bus_add(); it has
 * not moved. */
bool bus_move(struct bus *bus, enum bus_space space, uint64_t first, uint64_t to, struct error *error);
/* Wait until no thread is in an access that began before. After bus_remove(), before the device is freed. Not
 * from within an access, and with no lock that a range names. */
void bus_wait(void);

/* One access of 1, 2, 4 or 8 bytes, little endian in `data`. It comes in parts that are aligned to their
 * width and that the device at their first port accepts; where no device is, reads give all ones. So an
 * access that begins below a device reaches it, while one aligned access belongs to a single device, as on a
 * PC: a double word at 0xcf8 does not reach the reset register at 0xcf9. Any thread. False: no part of it met
 * a device. */
bool bus_access(struct bus *bus, enum bus_space space, uint64_t first, bool write, unsigned width,
                uint8_t *data);

#endif
