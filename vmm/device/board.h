/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The board: what devices may touch of the machine that they are in.
 *
 * Threads: filled in before the first device is made, and not changed afterwards; but for the list of
 * devices, which is the main thread's.
 */
#ifndef VMM_DEVICE_BOARD_H
#define VMM_DEVICE_BOARD_H

#include "base/loop.h"
#include "bus/bus.h"
#include "bus/machine_lock.h"
#include "host/guest_clock.h"
#include "kvm/vm.h"

struct device;
struct hotplug;

struct board {
    const struct vm *vm; /* interrupts: vm_irq_line() */
    struct bus *bus;
    struct machine_lock *lock;       /* of power management and the bank; other devices have their own */
    struct loop *loop;               /* the main thread's */
    const struct guest_clock *clock; /* stands still while the guest does not run */
    /* The guest powers off or resets the machine. Any thread; takes no lock. */
    void (*power_off)(void *machine);
    void (*reset)(void *machine);
    /* Its kernel panics, or starts a crash kernel. The same. */
    void (*panicked)(void *machine);
    void (*crash_loaded)(void *machine);
    void *machine;
    /* What DIMMs are made of; NULL until it is there. */
    struct hotplug *hotplug;

    struct device *devices; /* device/device.h */
    uint32_t anonymous_devices;
};

#endif
