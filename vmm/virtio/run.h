/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Serving a device's queues on its I/O thread (run.c): for device.c, and for vhost.c, which has the kernel or
 * another program serve them.
 */
#ifndef VMM_VIRTIO_RUN_H
#define VMM_VIRTIO_RUN_H

#include "virtio/device.h"

/* Main thread, while the device is being created. */
void virtio_run_init(struct virtio_device *device);
void virtio_run_init_queue(struct virtio_queue_link *link, unsigned index, enum guest_holder holder);
/* Handle all queues: doorbells before may have rung for nobody. I/O thread. */
void virtio_run_handle_all(struct virtio_device *device);
/* Stop serving a queue and watching its doorbell: the kernel does so from now on. I/O thread, like the next.
 */
void virtio_queue_hand_over(struct virtio_queue_link *link);
/* Serve a queue again: `next` is the entry of the available ring to be popped next; all before it have been
 * used. Breaks the queue if its doorbell cannot be watched. */
void virtio_queue_take_back(struct virtio_queue_link *link, uint16_t next);
/* Wait until no work that was posted for the device runs or will run: for a device that has stopped, and that
 * neither guest nor memory map reaches. Main thread. */
void virtio_run_end(struct virtio_device *device);

#endif
