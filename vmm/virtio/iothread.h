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

/* Set device->io to the thread of object `id`. False: there is no such object. The object must stay until
 * iothread_join() or the device is given up; no command runs between them. */
bool iothread_find(const struct backends *backends, const char *id, struct virtio_device *device,
                   struct error *error);
/* The device, which now has its name, uses it: object-del is refused until iothread_leave(). For a device
 * without an iothread of its own both do nothing. */
void iothread_join(struct virtio_device *device);
void iothread_leave(struct virtio_device *device);

/* The kernel's number of the object's thread; 0: the object is no iothread. */
pid_t iothread_tid(const struct object *object);

#endif
