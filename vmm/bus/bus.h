/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O ports, and addresses that devices have among the guest's memory: which device answers at which.
 *
 * Threads: vCPU threads access both; every access runs under the machine lock, which is kept here. The main
 * thread takes the same lock for everything that devices and the bank of DIMMs share with register accesses.
 * It is held for register accesses and state changes only: no allocation, no file, no waiting under it.
 * Lock order: machine lock, then the locks of guest memory map, event loop or vCPU group.
 */
#ifndef VMM_BUS_BUS_H
#define VMM_BUS_BUS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum bus { BUS_PORTS, BUS_MEMORY };

/* A device's registers. Both functions run under the machine lock. `offset` counts from the first port or
 * address. What a device gets is aligned to its width and at most `width_max` bytes wide; it may reach beyond
 * the device's last port. */
struct port_range {
    uint64_t first;
    uint32_t count;
    unsigned width_max; /* 1, 2 or 4 */
    uint32_t (*read)(void *device, uint32_t offset, unsigned width);
    void (*write)(void *device, uint32_t offset, unsigned width, uint32_t value);
    void *device;
    enum bus bus;
};

#define PORT_RANGES_MAX 32

struct ports {
    pthread_mutex_t lock; /* the machine lock */
    struct port_range range[PORT_RANGES_MAX];
    unsigned count;
    unsigned left_out; /* ranges for which there was no room */
};

void ports_init(struct ports *ports);
void ports_destroy(struct ports *ports);

/* Before the vCPUs run. Whether there was room for all is asked once, by ports_check(). */
void ports_add(struct ports *ports, const struct port_range *range);
/* All devices are there: whether all of their ranges are. */
bool ports_check(const struct ports *ports, struct error *error);

/* Any vCPU thread: one access of 1, 2 or 4 bytes. It comes in parts that are aligned to their width and that
 * the device at their first port takes; where no device is, reads give all ones. So an access that begins
 * below a device reaches it, while one aligned access belongs to a single device, as on a PC: a double word
 * at 0xcf8 is none to the reset register at 0xcf9. */
void ports_access(struct ports *ports, uint16_t port, bool write, unsigned width, uint8_t *data);
/* The same for an access of 1, 2, 4 or 8 bytes to guest-physical memory that is none. */
void ports_memory_access(struct ports *ports, uint64_t address, bool write, unsigned width, uint8_t *data);

/* Whether a device has registers at an address among the guest's memory. Any thread, once the vCPUs may run.
 */
bool ports_has_memory(const struct ports *ports, uint64_t address);

static inline void ports_lock(struct ports *ports)
{
    pthread_mutex_lock(&ports->lock);
}

static inline void ports_unlock(struct ports *ports)
{
    pthread_mutex_unlock(&ports->lock);
}

#endif
