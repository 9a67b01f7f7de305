/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rows of all virtio devices have in common: values are read, a device is made and taken down, the
 * same way for each; what differs is in its struct virtio_device_type.
 */
#include <stdlib.h>
#include <string.h>

#include "device/boot_index.h"
#include "device/device.h"
#include "device/request.h"
#include "virtio/device.h"
#include "virtio/halt.h"
#include "virtio/iothread.h"
#include "virtio/making.h"
#include "virtio/user.h"

static void *values_of(struct virtio_device *device, const struct virtio_device_type *type)
{
    return (uint8_t *)device + type->values;
}

/* Into zeros. */
static bool read_values(const struct device_type *row, struct props props, void *values, struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };
    const struct virtio_device_type *type = row->virtio;
    struct virtio_values *common = values;

    virtio_values_default(common);
    if (type->defaults)
        type->defaults(values);
    if (!props_read(props, row->properties, row->property_count, names, row->name, values, error))
        return false;
    if ((!type->check || type->check(values, error)) && virtio_values_check(common, error) &&
        pci_place_check(&common->place, error))
        return true;
    props_free(row->properties, row->property_count, values);
    return false;
}

/* The type was looked up by that name. */
static const struct device_type *row_of(struct props props)
{
    return device_type_find(props_string(props, "driver", NULL));
}

bool virtio_type_check(struct props props, struct error *error)
{
    const struct device_type *row = row_of(props);
    void *values = calloc(1, row->values_size);
    bool good;

    if (!values)
        return error_set(error, "out of memory");
    good = read_values(row, props, values, error);
    if (good)
        props_free(row->properties, row->property_count, values);
    free(values);
    return good;
}

static void free_device(struct virtio_device *device, const struct device_type *row)
{
    iothread_leave(device);
    if (device->owns_thread)
        io_thread_destroy(device->io);
    props_free(row->properties, row->property_count, values_of(device, row->virtio));
    free(device->name);
    free(device);
}

static void release(struct virtio_device *device, const struct virtio_device_type *type)
{
    if (type->release)
        type->release(device);
}

void virtio_type_dispose(struct virtio_device *device, const struct device_type *row, bool built)
{
    release(device, row->virtio);
    if (built)
        virtio_device_free(device);
    free_device(device, row);
}

/* The thread that handles its queues. */
static bool take_thread(struct virtio_device *device, const struct virtio_device_type *type,
                        struct board *board, struct error *error)
{
    const char *id = type->iothread ? type->iothread(values_of(device, type)) : NULL;

    const bool own = type->needs_thread ? type->needs_thread(values_of(device, type), board)
                                        : type->own_thread;

    if (id)
        return iothread_find(board->backends, id, device, error);
    device->io = own ? io_thread_create(error) : device_io(board, error);
    device->owns_thread = own && device->io;
    return device->io != NULL;
}

bool virtio_type_plug(struct virtio_device *device, const char *id, const struct virtio_setup *setup,
                      struct error *error)
{
    const struct virtio_device_type *type = setup->type->virtio;
    const bool enlisted = virtio_device_plug(device, id, setup->hot, setup, error);

    if (!enlisted || (type->plugged && !type->plugged(device, error))) {
        virtio_device_unplug(device);
        if (enlisted)
            device_delist(&device->pci.device);
        return false;
    }
    iothread_join(device);
    device->pci.device.present = true;
    device_request_begin(&device->pci.device);
    return true;
}

/* With a back end of vhost-user, which is waited for here. */
static bool make_now(struct virtio_device *device, struct board *board, const char *id,
                     struct virtio_setup *setup, struct error *error)
{
    const struct virtio_device_type *type = setup->type->virtio;
    const bool built = (!device->user || (virtio_user_ask(device->user, error) &&
                                          type->answered(device, board, setup, error))) &&
                       virtio_device_build(device, board, setup, error);

    if (built && virtio_type_plug(device, id, setup, error))
        return true;
    release(device, type);
    if (built)
        virtio_device_free(device);
    return false;
}

/* Its values are read, and stay on failure, while nothing else is left. */
static enum outcome make(struct virtio_device *device, const struct device_type *row, struct board *board,
                         const char *id, bool hot, const struct completion *completion, struct error *error)
{
    const struct virtio_device_type *type = row->virtio;
    struct virtio_setup setup = { .type = row, .values = values_of(device, type), .hot = hot };
    enum outcome outcome = OUTCOME_FAILED;

    if (!board->memory || !board->pci) {
        error_set(error, "the machine has no PCI bus, and no memory that the device could reach");
        return OUTCOME_FAILED;
    }
    if (!virtio_device_name(device, row, id, error) || !take_thread(device, type, board, error))
        return OUTCOME_FAILED;
    if (!type->prepare(device, board, id, &setup, error)) {
        release(device, type);
        return OUTCOME_FAILED;
    }
    if (!hot || !device->user)
        return make_now(device, board, id, &setup, error) ? OUTCOME_DONE : OUTCOME_FAILED;
    outcome = virtio_device_await(device, board, id, &setup, completion, error);
    if (outcome == OUTCOME_FAILED)
        release(device, type);
    return outcome;
}

enum outcome virtio_type_create(struct board *board, const char *id, struct props props, bool hot,
                                const struct completion *completion, struct error *error)
{
    const struct device_type *row = row_of(props);
    struct virtio_device *device = calloc(1, row->virtio->size);
    enum outcome outcome = OUTCOME_FAILED;

    if (!device) {
        error_set(error, "out of memory");
        return OUTCOME_FAILED;
    }
    if (!read_values(row, props, values_of(device, row->virtio), error)) {
        free(device);
        return OUTCOME_FAILED;
    }
    if (boot_index_check(board, row, values_of(device, row->virtio), error))
        outcome = make(device, row, board, id, hot, completion, error);
    if (outcome == OUTCOME_FAILED)
        free_device(device, row);
    return outcome;
}

void virtio_type_describe(const struct device *device, void *values)
{
    memcpy(values, (const uint8_t *)device + device->type->virtio->values, device->type->values_size);
    virtio_device_describe(device, values);
}

bool virtio_type_unplug(struct device *device, struct error *error)
{
    return pci_function_unplug((struct pci_function *)(void *)device, error);
}

bool virtio_type_stays(const struct device *device)
{
    return pci_function_stays((const struct pci_function *)(const void *)device);
}

bool virtio_type_busy(const struct device *device)
{
    return virtio_device_busy((const struct virtio_device *)(const void *)device);
}

void virtio_type_leave(struct device *device)
{
    virtio_device_leave((struct virtio_device *)(void *)device);
}

void virtio_type_destroy(struct device *device)
{
    struct virtio_device *virtio = (void *)device;

    virtio_device_unplug(virtio);
    virtio_type_dispose(virtio, device->type, true);
}
