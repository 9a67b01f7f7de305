/* SPDX-License-Identifier: BSD-2-Clause */
/* How virtio devices are made, by type.c and, if they wait for their back ends, by coming.c. Main thread. */
#ifndef VMM_VIRTIO_MAKING_H
#define VMM_VIRTIO_MAKING_H

#include "virtio/device.h"

/* ---- device.c ---- */

/* Set its name, which the owner frees. False and an error: out of memory. */
bool virtio_device_name(struct virtio_device *device, const struct device_type *row, const char *id,
                        struct error *error);
/* Initialize the common part, in the owner's struct, which is zeroed except for `io`, `name` and perhaps
 * config. The device is in no list and on no bus. False and an error: nothing is left of it. Main thread. */
bool virtio_device_build(struct virtio_device *device, struct board *board, const struct virtio_setup *setup,
                         struct error *error);
/* Enlist it and put it on its bus, where the guest finds it. False and an error: it is as it was. Main
 * thread. */
bool virtio_device_plug(struct virtio_device *device, const char *id, bool hot,
                        const struct virtio_setup *setup, struct error *error);

/* ---- type.c, coming.c ---- */

/* A device has been taken off its bus and out of its list, or was built only: free what
 * it uses and, with its values, itself. */
void virtio_type_dispose(struct virtio_device *device, const struct device_type *row, bool built);
/* What follows virtio_device_build(). False and an error: it is unplugged, and in no list. */
bool virtio_type_plug(struct virtio_device *device, const char *id, const struct virtio_setup *setup,
                      struct error *error);
/* The device's `user` is set, and its address and id are as given: it will come when its back end has
 * answered. OUTCOME_FAILED and an error: there is nothing but what prepare() has acquired. */
enum outcome virtio_device_await(struct virtio_device *device, struct board *board, const char *id,
                                 const struct virtio_setup *setup, const struct completion *completion,
                                 struct error *error);

#endif
