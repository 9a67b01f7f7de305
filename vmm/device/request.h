/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plugs and unplugs that the guest carries out by the means of a device's bus, such as the slot of a root
 * port. The bus reports here what becomes of them; the board names who makes operations of it
 * (hotplug/device_operation.h), which this folder does not know. Without anybody, as in tests of buses,
 * nothing follows.
 *
 * First the request is prepared, which may fail; then it takes effect; then it begins, or is discarded.
 *
 * Threads: main thread, without the locks of buses.
 */
#ifndef VMM_DEVICE_REQUEST_H
#define VMM_DEVICE_REQUEST_H

#include <stdbool.h>

#include "base/error.h"

struct device;

enum device_happening {
    DEVICE_TAKEN, /* the guest uses the device */
    DEVICE_KEPT,  /* the guest has refused to release it */
    DEVICE_GONE,  /* the device has been removed, and is destroyed next */
    DEVICE_RESET, /* the guest is being reset; a removal that was requested follows */
};

struct device_requests {
    /* Set device->prepared, or, to join an unplug that is in progress, NULL. False and an error: out of
     * memory. */
    bool (*prepare)(void *opaque, struct device *device, bool unplug, struct error *error);
    void (*begin)(struct device *device);
    void (*discard)(struct device *device);
    /* Whether it has an effect, and is reported. */
    bool (*happens)(struct device *device, enum device_happening happening);
    void *opaque;
};

bool device_request_prepare(struct device *device, bool unplug, struct error *error);
/* No effect unless one is prepared, like the next. */
void device_request_begin(struct device *device);
void device_request_discard(struct device *device);
bool device_request_happens(struct device *device, enum device_happening happening);

#endif
