/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved form of a virtio device: its PCI function, its registers, a part for each queue, and the state of
 * its type. No request is in flight in it: the device is paused and drained, so every entry of the available
 * ring before `next` has been used. Whoever restores it handles all queues when the guest runs again, so
 * doorbells need not be saved; and raises the interrupt of each queue once more, since one may have been on
 * its way to the guest.
 *
 * Threads: main thread, vCPUs paused.
 */
#ifndef VMM_VIRTIO_SAVED_H
#define VMM_VIRTIO_SAVED_H

#include "virtio/device.h"

struct virtio_state {
    uint64_t offered, accepted; /* feature bits */
    uint32_t device_feature_select, driver_feature_select;
    uint16_t queue_select, config_vector;
    uint8_t status, generation, isr;
    uint8_t config[VIRTIO_CONFIG_MAX];
};

struct virtio_queue_state {
    uint64_t descriptors, available, used;
    uint16_t size, vector;
    uint16_t next; /* entry of the available ring that is popped next; 0 for a queue that does not run */
    uint8_t enabled;
};

extern const struct state_table virtio_state_table, virtio_queue_state_table;

#endif
