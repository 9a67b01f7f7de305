/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Object `iothread`: an I/O thread of its own for the devices that name it (`iothread=ID`). Devices that name
 * none share the machine's (device_io()).
 *
 * Threads: main thread only.
 */
#ifndef VMM_VIRTIO_IOTHREAD_H
#define VMM_VIRTIO_IOTHREAD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct backends;
struct object;
struct virtio_device;

/* Set device->io to the thread of object `id`, an id or a QOM path. False and an error: there is no such
 * object. No command may run between this and iothread_join(), or the end of the device, since object-del
 * would not be refused. */
bool iothread_find(const struct backends *backends, const char *id, struct virtio_device *device,
                   struct error *error);
/* The device, whose name is now set, uses the object: object-del is refused until iothread_leave(). Both have
 * no effect for a device without an iothread object; the latter also for one that has not joined. */
void iothread_join(struct virtio_device *device);
void iothread_leave(struct virtio_device *device);

/* Linux thread id of the object's thread; 0: the object is not an iothread. */
pid_t iothread_tid(const struct object *object);

#endif
