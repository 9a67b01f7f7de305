/* SPDX-License-Identifier: BSD-2-Clause */
/* How a virtio device comes and goes: its parts, its place on a bus, its name. */
#include "virtio/device.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virtio/halt.h"
#include "virtio/making.h"
#include "virtio/run.h"

/* ---- properties ---- */

void virtio_values_default(struct virtio_values *values)
{
    values->indirect = values->event_index = values->ioeventfd = true;
}

bool virtio_values_check(const struct virtio_values *values, struct error *error)
{
    static const char offer[] = "leave it out, or say off";
    const char *legacy = values->disable_legacy ? values->disable_legacy : "auto";
    bool on = false;

    if (strcmp(legacy, "auto") != 0 && !bool_parse(legacy, &on))
        return error_set(error, "Parameter 'disable-legacy' expects on, off or auto; got '%.80s'", legacy);
    if (strcmp(legacy, "auto") != 0 && !on)
        return error_set(
            error, "disable-legacy=off: the device is modern only (virtio 1.2); leave it out, or say on");
    if (values->disable_modern)
        return error_set(error, "disable-modern=on: the device is modern only (virtio 1.2); %s", offer);
    if (values->iommu || values->ats)
        return error_set(error, "%s=on: the machine has no IOMMU; %s",
                         values->iommu ? "iommu_platform" : "ats", offer);
    if (!values->ioeventfd)
        return error_set(error, "ioeventfd=off: queues run on an I/O thread, to which KVM signals doorbells; "
                                "leave it out, or say on");
    if (values->packed)
        return error_set(error, "packed=on: the device has split rings only; %s", offer);
    return !values->page_per_queue ||
           error_set(error, "page-per-vq=on: doorbells are 4 bytes apart here, as by default in QEMU; %s",
                     offer);
}

void virtio_device_describe(const struct device *device, struct virtio_values *values)
{
    const struct virtio_device *virtio = (const void *)device;

    if (device->coming) /* what was given is all there is */
        return;
    pci_place_describe(&virtio->pci, &values->place);
    values->vectors = virtio->vector_count;
    values->vectors_given = true;
    values->indirect = virtio->offered & VIRTIO_F_INDIRECT_DESC;
    values->event_index = virtio->offered & VIRTIO_F_EVENT_IDX;
    values->disable_legacy = "on";
}

/* ---- parts ---- */

static bool make_bell(int *fd, struct error *error)
{
    *fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return *fd >= 0 || error_set(error, "no eventfd can be had for the device: %s", strerror(errno));
}

static bool make_vectors(struct virtio_device *device, struct error *error)
{
    device->vector_fd = calloc(device->vector_count + 1u, sizeof *device->vector_fd);
    if (!device->vector_fd)
        return error_set(error, "out of memory");
    for (unsigned i = 0; i < device->vector_count; i++)
        device->vector_fd[i] = -1;
    for (unsigned i = 0; i < device->vector_count; i++)
        if (!make_bell(&device->vector_fd[i], error))
            return false;
    return true;
}

static bool make_queues(struct virtio_device *device, uint16_t size, enum guest_holder holder,
                        struct error *error)
{
    device->queues = calloc(device->queue_count, sizeof *device->queues);
    if (!device->queues)
        return error_set(error, "out of memory");
    for (unsigned i = 0; i < device->queue_count; i++)
        device->queues[i].bell = -1;
    for (unsigned i = 0; i < device->queue_count; i++) {
        struct virtio_queue_link *link = &device->queues[i];

        link->device = device;
        link->registers.size_max = device->type->queue_size ? device->type->queue_size(device, i) : size;
        virtio_run_init_queue(link, i, holder);
        if (!make_bell(&link->bell, error))
            return false;
    }
    return true;
}

static bool make_parts(struct virtio_device *device, const struct virtio_setup *setup, struct error *error)
{
    const struct virtio_values *values = setup->values;

    device->queue_count = setup->queues;
    device->vector_count = values->vectors_given ? values->vectors
                           : setup->vectors      ? setup->vectors
                                                 : setup->queues + 1;
    device->needed = setup->needed | VIRTIO_F_VERSION_1;
    device->offered = setup->features | VIRTIO_F_VERSION_1 | (values->indirect ? VIRTIO_F_INDIRECT_DESC : 0) |
                      (values->event_index ? VIRTIO_F_EVENT_IDX : 0);
    return make_vectors(device, error) &&
           make_queues(device, setup->queue_size, guest_memory_holder(device->memory, device->name), error) &&
           virtio_transport_init(device, error);
}

void virtio_device_free(struct virtio_device *device)
{
    for (unsigned i = 0; device->queues && i < device->queue_count; i++)
        if (device->queues[i].bell >= 0)
            close(device->queues[i].bell);
    for (unsigned i = 0; device->vector_fd && i < device->vector_count; i++)
        if (device->vector_fd[i] >= 0)
            close(device->vector_fd[i]);
    free(device->queues);
    free(device->vector_fd);
    pthread_mutex_destroy(&device->lock);
    pthread_mutex_destroy(&device->interrupt);
    virtio_halt_end(device);
}

/* ---- its place ---- */

bool virtio_device_name(struct virtio_device *device, const struct device_type *row, const char *id,
                        struct error *error)
{
    device->name = strdup(id ? id : row->name);
    return device->name || error_set(error, "out of memory");
}

static void init(struct virtio_device *device, struct board *board, const struct virtio_setup *setup)
{
    const struct virtio_device_type *type = setup->type->virtio;
    const struct pci_ids ids = {
        .vendor = 0x1af4,
        .device = (uint16_t)(0x1040 + type->virtio_id),
        .revision = 1,
        .class = type->class,
        .subclass = type->subclass,
        .subsystem_vendor = 0x1af4,
        .subsystem = 0x1100,
        .interrupt = true,
    };

    device->type = type;
    device->memory = board->memory;
    device->pci.device.type = setup->type;
    device->pci.device.board = board;
    pci_function_init(&device->pci, setup->type->name, &ids);
    pthread_mutex_init(&device->lock, NULL);
    pthread_mutex_init(&device->interrupt, NULL);
    virtio_run_init(device);
}

bool virtio_device_build(struct virtio_device *device, struct board *board, const struct virtio_setup *setup,
                         struct error *error)
{
    struct error no_error;

    init(device, board, setup);
    if (make_parts(device, setup, error)) {
        if (guest_memory_listen(device->memory, &device->listener, &no_error))
            return true;
        error_set(error, "out of memory"); /* it refuses nothing */
    }
    virtio_transport_end(device);
    virtio_device_free(device);
    return false;
}

bool virtio_device_plug(struct virtio_device *device, const char *id, bool hot,
                        const struct virtio_setup *setup, struct error *error)
{
    struct board *board = device->pci.device.board;

    if (!device_enlist(&device->pci.device, board, setup->type, id, hot, error))
        return false;
    if (pci_function_plug(&device->pci, board, &setup->values->place, hot, error)) {
        virtio_transport_pin(device, true);
        return true;
    }
    device_delist(&device->pci.device);
    return false;
}

static void leave_bus(struct virtio_device *device)
{
    virtio_transport_pin(device, false);
    pci_function_remove(&device->pci);
    /* What ends from now on interrupts nobody: the driver may have given the vectors to another device. */
    for (unsigned i = 0; i < device->queue_count; i++)
        atomic_store(&device->queues[i].vector, VIRTIO_NO_VECTOR);
    atomic_store(&device->config_vector, VIRTIO_NO_VECTOR);
}

void virtio_device_leave(struct virtio_device *device)
{
    leave_bus(device);
    virtio_device_begin_stop(device);
}

void virtio_device_unplug(struct virtio_device *device)
{
    leave_bus(device);
    virtio_device_stop(device);
    assert(!virtio_device_busy(device));
    guest_memory_unlisten(device->memory, &device->listener);
    virtio_run_end(device);
    virtio_transport_end(device);
}

void virtio_device_reset(struct device *device)
{
    struct virtio_device *virtio = (void *)device;

    virtio_device_stop(virtio);
    assert(!virtio_device_busy(virtio));
    virtio->told = false;
    virtio_transport_reset(virtio);
    pci_function_reset(&virtio->pci);
}
