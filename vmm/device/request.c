/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/request.h"

#include "device/device.h"

bool device_request_prepare(struct device *device, bool unplug, struct error *error)
{
    const struct device_requests *requests = device->board->requests;

    return !requests || requests->prepare(requests->opaque, device, unplug, error);
}

void device_request_begin(struct device *device)
{
    if (device->prepared)
        device->board->requests->begin(device);
}

void device_request_discard(struct device *device)
{
    if (device->prepared)
        device->board->requests->discard(device);
}

bool device_request_happens(struct device *device, enum device_happening happening)
{
    return device->operation && device->board->requests->happens(device, happening);
}
