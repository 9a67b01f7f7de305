/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine lock: what register accesses of vCPUs and the main thread share of the bank of DIMMs, of power
 * management and of the small devices beside them. Devices that move data have locks of their own.
 *
 * It is held for register accesses and state changes only: no allocation, no file, no waiting under it.
 * Order: the machine lock first, then the locks of guest memory map, event loop or vCPU group.
 */
#ifndef VMM_BUS_MACHINE_LOCK_H
#define VMM_BUS_MACHINE_LOCK_H

#include <pthread.h>

struct machine_lock {
    pthread_mutex_t mutex;
};

static inline void machine_lock_init(struct machine_lock *lock)
{
    pthread_mutex_init(&lock->mutex, NULL);
}

static inline void machine_lock_destroy(struct machine_lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

static inline void machine_lock_take(struct machine_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}

static inline void machine_lock_release(struct machine_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

#endif
