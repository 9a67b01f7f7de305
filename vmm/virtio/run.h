/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's queues at work on its I/O thread (run.c), for device.c.
 */
#ifndef VMM_VIRTIO_RUN_H
#define VMM_VIRTIO_RUN_H

#include "virtio/device.h"

void virtio_run_init(struct virtio_device *device);
void virtio_run_init_queue(struct virtio_queue_link *link, unsigned index, enum guest_holder holder);
/* The kernel serves a queue from now on: its doorbells are left alone. I/O thread, and so is the next. */
void virtio_queue_hand_over(struct virtio_queue_link *link);
/* No longer: entry `next` of the available ring is to be taken next, and all before it are used. */
void virtio_queue_take_back(struct virtio_queue_link *link, uint16_t next);
/* Nothing that was posted for the device runs any more: it has stopped, and nobody reaches it. Main thread.
 */
void virtio_run_end(struct virtio_device *device);

#endif
