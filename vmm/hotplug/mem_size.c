/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The size of a virtio-mem device: what is requested of the guest, and what is said of what it has.
 */
#include "hotplug/growth.h"
#include "hotplug/mem.h"

#define EVENT_MS 1000

static void send_size_event(struct mem_device *mem);

static void quiet_ends(void *opaque)
{
    struct mem_device *mem = opaque;

    if (mem->again)
        send_size_event(mem);
}

/* The guest's size has changed. */
void mem_size_changed(struct mem_device *mem)
{
    if (mem->hotplug)
        growth_disturb(mem->hotplug);
    send_size_event(mem);
}

/* At most once a second, and the last size always. */
static void send_size_event(struct mem_device *mem)
{
    const struct device *device = &mem->virtio.pci.device;
    char path[DEVICE_PATH_SIZE];

    mem->again = timer_runs(&mem->quiet);
    if (mem->again)
        return;
    device->board->event(device->board->machine, &(struct event){
                                                     .kind = EVENT_MEMORY_DEVICE_SIZE_CHANGE,
                                                     .size_change.id = device->id,
                                                     .size_change.size = mem->sizes.plugged,
                                                     .size_change.path = device_path(device, path),
                                                 });
    timer_start(device->board->loop, &mem->quiet, EVENT_MS, quiet_ends, mem);
}

void mem_size_request(struct mem_device *mem, uint64_t size)
{
    const uint64_t usable = mem_usable_size(size, mem->sizes.region, mem->block_size);
    uint64_t values[3];

    mem->sizes.requested = size;
    if (usable > mem->sizes.usable)
        mem->sizes.usable = usable;
    values[0] = mem->sizes.usable;
    values[1] = mem->sizes.plugged;
    values[2] = mem->sizes.requested;
    virtio_device_config_set(&mem->virtio, offsetof(struct mem_config, usable), values, sizeof values);
}

struct operation *mem_size_begin(struct mem_device *mem, uint64_t size, struct error *error)
{
    struct operation *operation = mem->hotplug->mem_operation[mem->range];

    if (operation && operation->result == OPERATION_IN_PROGRESS &&
        operation->subject.blocks.requested == size)
        return operation;
    operation = mem_operation_new(mem, size, error);
    if (!operation)
        return NULL;
    mem_size_request(mem, size);
    operation_begin(operation);
    mem_operation_settle(mem);
    return operation;
}

/* The same size again is no request; the operation for it, if it is in progress, continues. */
bool mem_size_set(struct device *device, uint64_t size, struct error *error)
{
    struct mem_device *mem = (void *)device;

    if (!mem_check_requested(mem, size, error))
        return false;
    return size == mem->sizes.requested || mem_size_begin(mem, size, error);
}
