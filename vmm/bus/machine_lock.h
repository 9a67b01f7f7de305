/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine lock: it protects the state of the bank of DIMMs, of power management and of small devices,
 * which vCPUs' register accesses and the main thread share. Devices that transfer data have their own locks.
 *
 * It is held for register accesses and state changes only: its holder does not allocate memory, use files, or
 * wait. Order: the machine lock first, then the locks of guest memory map, event loop or vCPU group.
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
