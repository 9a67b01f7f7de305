/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The type virtio-mem-pci. See mem.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dimm_place.h"
#include "hotplug/mem.h"
#include "memory/backend_memory.h"

#define QUEUE_SIZE 128u

#define F_ACPI_PXM (UINT64_C(1) << 0)
#define F_UNPLUGGED_INACCESSIBLE (UINT64_C(1) << 1)
/* VIRTIO 1.4: what is plugged remains when the guest is suspended, and when the driver resets the device. */
#define F_PERSISTENT_SUSPEND (UINT64_C(1) << 2)

static const struct property properties[] = {
    VIRTIO_PROPERTIES(mem_values, virtio),
    PROPERTY_ROW_REQUIRED(
        mem_values, "memdev", PROPERTY_STRING, memdev,
        "id of the memory backend that provides its memory; required",
        "'memdev' property is not set: create a backend with object_add memory-backend-ram,id=m1,size=4G and use memdev=m1"),
    DIMM_NODE_ROW(DIMM_PLACE_PROPERTY, mem_values, node),
    PROPERTY_ROW(
        mem_values, "block-size", PROPERTY_SIZE, block_size,
        "what the guest plugs and unplugs at once, a power of two, 1M or more (default: 2M, or a huge page)"),
    PROPERTY_ROW(mem_values, "requested-size", PROPERTY_SIZE, requested,
                 "how much the guest is to plug, a multiple of block-size (default 0)"),
    PROPERTY_ROW(mem_values, "memaddr", PROPERTY_UINT64, addr,
                 "guest-physical address, a multiple of block-size; 0 (default): the lowest that fits"),
    PROPERTY_ROW(mem_values, "prealloc", PROPERTY_BOOL, prealloc,
                 "allocate blocks before the guest has them (default off)"),
    PROPERTY_ROW(mem_values, "unplugged-inaccessible", PROPERTY_STRING, inaccessible,
                 "on or auto (default): the guest does not access blocks that are not plugged"),
    PROPERTY_ROW(mem_values, "dynamic-memslots", PROPERTY_BOOL, dynamic,
                 "on (default): KVM slots only where blocks are plugged"),
};

static const struct property shown[] = {
    PROPERTY_ROW(mem_values, "size", PROPERTY_SIZE, size, "bytes that the guest has plugged"),
};

/* ---- requests, on the I/O thread ---- */

/* One at a time; the next ones remain in the ring. */
static bool handle(struct virtio_device *device, struct virtio_queue *queue)
{
    struct mem_device *mem = (void *)device;
    struct virtio_request *request;

    if (mem->held || (request = virtio_queue_pop(queue)) == NULL)
        return !mem->held;
    if (request->in_bytes < MEM_RESPONSE_SIZE || request->out_bytes < MEM_REQUEST_SIZE) {
        virtio_queue_break(queue, "a request of %" PRIu64 " bytes with room for %" PRIu64 " of the answer",
                           request->out_bytes, request->in_bytes);
        virtio_queue_drop(request);
        return true;
    }
    memset(mem->bytes, 0xff, sizeof mem->bytes); /* what the host cannot read is no valid request */
    virtio_request_read(request, 0, mem->bytes, sizeof mem->bytes);
    mem->held = request;
    loop_post(device->pci.device.board->loop, &mem->asked);
    return false;
}

static void answer_on_io(void *opaque)
{
    struct mem_device *mem = opaque;
    struct virtio_request *request = mem->held;
    uint8_t bytes[MEM_RESPONSE_SIZE];

    mem_response_write(&mem->verdict, bytes);
    virtio_device_config_put(&mem->virtio, offsetof(struct mem_config, usable), &mem->sizes.usable,
                             sizeof mem->sizes.usable);
    virtio_device_config_put(&mem->virtio, offsetof(struct mem_config, plugged), &mem->sizes.plugged,
                             sizeof mem->sizes.plugged);
    mem->held = NULL;
    virtio_queue_push(request, (uint32_t)virtio_request_write(request, 0, bytes, sizeof bytes));
    virtio_device_kick(&mem->virtio, 0);
}

/* ---- requests, on the main thread ---- */

static void answer(struct mem_device *mem)
{
    if (!mem->answering)
        return;
    mem->answering = false;
    if (mem->verdict.type != MEM_STATE)
        mem_operation_acted(mem,
                            mem->verdict.response == MEM_ACK || guest_memory_is_held(mem->virtio.memory));
    if (mem->verdict.type == MEM_UNPLUG_ALL && mem->verdict.response == MEM_ACK)
        mem->sizes.usable = mem_usable_size(mem->sizes.requested, mem->sizes.region, mem->block_size);
    virtio_device_call(&mem->virtio, answer_on_io, mem);
    mem_operation_settle(mem);
}

static void asked(void *opaque)
{
    struct mem_device *mem = opaque;
    struct mem_request request;

    mem->answering = true;
    mem_request_read(mem->bytes, &request);
    mem_request_judge(&request, &mem->sizes, mem->backend->blocks, &mem->verdict);
    if (mem->verdict.response != MEM_ACK || request.type == MEM_STATE)
        answer(mem);
    else if (request.type == MEM_PLUG)
        mem_memory_plug(mem);
    else
        mem_memory_unplug(mem);
}

/* ---- creation ---- */

/* What is requested from the start of a device that comes while the guest runs. */
static bool plugged(struct virtio_device *device, struct error *error)
{
    struct mem_device *mem = (void *)device;
    struct operation *operation;

    if (!mem->hot || mem->sizes.requested == 0)
        return true;
    operation = mem_operation_new(mem, mem->sizes.requested, error);
    if (operation)
        operation_begin(operation);
    return operation;
}

/* ---- creation ---- */

static void set_defaults(void *opaque)
{
    struct mem_values *values = opaque;

    values->dynamic = true;
}

static bool reserve(struct mem_device *mem, bool hot, struct error *error)
{
    struct hotplug *hotplug = mem->hotplug;
    struct hotram_dimm_request request = {
        .addr = mem->values.addr,
        .addr_given = mem->values.addr != 0,
        .size = mem->backend->size,
        .align = hotplug_alignment(hotplug, backend_alignment(mem->backend)),
        .node = mem->values.node,
        .range = true,
    };
    struct hotram_dimm_result result;

    if (request.align < mem->block_size)
        request.align = mem->block_size;
    if (!hotplug_reserve(hotplug, &request, (struct reserver){ hot, "memaddr" }, &result, error))
        return false;
    mem->range = result.slot - hotplug->config.slots;
    mem->sizes.addr = result.addr;
    hotplug->mem[mem->range] = mem;
    return true;
}

static bool use_backend(struct mem_device *mem, const char *id, struct error *error)
{
    struct backend *backend = backend_resolve(mem->hotplug->config.backends, mem->values.memdev, error);

    if (!backend || !mem_check_backend(backend, error))
        return false;
    backend->used_by = strdup(id ? id : "virtio-mem-pci");
    if (!backend->used_by)
        return error_set(error, "out of memory");
    mem->backend = backend;
    mem->block_size = mem->values.block_size               ? mem->values.block_size
                      : backend->page_size > BACKEND_ALIGN ? backend->page_size
                                                           : BACKEND_ALIGN;
    return mem_check_sizes(mem, error);
}

void mem_show_sizes(struct mem_device *mem)
{
    const struct mem_config config = {
        .block_size = mem->block_size,
        .node = (uint16_t)mem->values.node,
        .addr = mem->sizes.addr,
        .region = mem->sizes.region,
        .usable = mem->sizes.usable,
        .plugged = mem->empty_next ? 0 : mem->sizes.plugged,
        .requested = mem->sizes.requested,
    };

    memcpy(mem->virtio.config, &config, sizeof config);
}

static bool prepare(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error)
{
    struct mem_device *mem = (void *)device;
    struct hotplug *hotplug = board->hotplug;

    mem->range = HOTRAM_SLOT_ANY;
    if (!hotplug_check_region(hotplug, error))
        return false;
    mem->hotplug = hotplug;
    device->memory = board->memory;
    if (!mem->values.node_given)
        mem->values.node = hotplug->config.default_node;
    if (!mem_check_others(board, error) || !use_backend(mem, id, error) || !reserve(mem, setup->hot, error) ||
        !hotplug_check_node(hotplug, mem->values.node, error) || !mem_memory_begin(mem, error))
        return false;
    mem->sizes.region = mem->backend->size;
    mem->sizes.requested = mem->values.requested;
    mem->sizes.usable = mem_usable_size(mem->sizes.requested, mem->sizes.region, mem->block_size);
    mem_show_sizes(mem);
    mem->asked = (struct work){ .run = asked, .opaque = mem };
    mem->answer = answer;
    mem->changed = mem_size_changed;
    mem->request = mem_size_request;
    mem->hot = setup->hot;
    setup->features = F_ACPI_PXM | F_UNPLUGGED_INACCESSIBLE | F_PERSISTENT_SUSPEND;
    setup->needed = F_UNPLUGGED_INACCESSIBLE;
    setup->queues = 1;
    setup->queue_size = QUEUE_SIZE;
    return true;
}

static void release(struct virtio_device *device)
{
    struct mem_device *mem = (void *)device;

    timer_cancel(&mem->quiet);
    if (mem->backend && mem->backend->blocks)
        mem_memory_end(mem);
    if (mem->backend && !mem->backend->blocks) {
        free(mem->backend->used_by);
        mem->backend->used_by = NULL;
    }
    if (mem->hotplug && mem->range != HOTRAM_SLOT_ANY) {
        mem_operation_end(mem);
        mem->hotplug->mem[mem->range] = NULL;
        hotplug_cancel_slot(mem->hotplug, mem->hotplug->config.slots + mem->range);
    }
}

/* Sizes are restored with the blocks, before (mem_saved.c). */
static enum virtio_config_byte config_byte(unsigned offset)
{
    return offset >= offsetof(struct mem_config, usable) && offset < sizeof(struct mem_config)
               ? VIRTIO_CONFIG_OWN
               : VIRTIO_CONFIG_FIXED;
}

static const struct virtio_device_type type = {
    .virtio_id = 24,
    .class = 0x00,
    .subclass = 0xff,
    .config_size = sizeof(struct mem_config),
    .request_size = sizeof(struct virtio_request),
    .handle = handle,
    .has_saved_form = virtio_is_saved,
    .config_byte = config_byte,
    .size = sizeof(struct mem_device),
    .values = offsetof(struct mem_device, values),
    .defaults = set_defaults,
    .check = mem_check_values,
    .withholds_memory = true,
    .prepare = prepare,
    .plugged = plugged,
    .release = release,
};

/* ---- its row ---- */

static void describe(const struct device *device, void *opaque)
{
    const struct mem_device *mem = (const void *)device;
    struct mem_values *values = opaque;

    virtio_type_describe(device, values);
    snprintf(values->path, sizeof values->path, "/objects/%s", mem->backend->id);
    values->memdev = values->path;
    values->block_size = mem->block_size;
    values->requested = mem->sizes.requested;
    values->addr = mem->sizes.addr;
    values->node_given = true; /* or chosen */
    values->size = mem->sizes.plugged;
    values->inaccessible = (char *)(uintptr_t) "on";
}

static bool unplug(struct device *device, struct error *error)
{
    const struct mem_device *mem = (const void *)device;
    char text[SIZE_TEXT_MAX];
    const char *name = device_name(device);

    if (mem->sizes.plugged > 0)
        return error_set(error,
                         "virtio-mem device cannot get unplugged while some of its memory is still plugged: "
                         "the guest has %s of '%.80s'; set its requested-size to 0 first, and wait until its "
                         "size is 0",
                         size_text(mem->sizes.plugged, text), name);
    if (mem->sizes.requested > 0)
        return error_set(error,
                         "virtio-mem device cannot get unplugged while its requested-size is not 0: %s are "
                         "requested of '%.80s'; set its requested-size to 0 first",
                         size_text(mem->sizes.requested, text), name);
    return virtio_type_unplug(device, error);
}

/* A machine that starts anew has none of it, and the same request. While it is copied elsewhere, as in QEMU,
 * blocks stay, and the driver has to unplug them, which Linux does when it finds some. */
static void reset(struct device *device)
{
    struct mem_device *mem = (void *)device;

    virtio_device_reset(device);
    mem->told = false;
    if (!guest_memory_is_held(mem->virtio.memory)) {
        mem_memory_empty(mem);
        mem->sizes.usable = mem_usable_size(mem->sizes.requested, mem->sizes.region, mem->block_size);
    }
    mem_show_sizes(mem);
    mem_operation_settle(mem);
}

static bool busy(const struct device *device)
{
    return virtio_type_busy(device) || mem_memory_busy((const void *)device);
}

static void leave(struct device *device)
{
    virtio_type_leave(device);
    mem_memory_empty((void *)device);
}

static const struct live_property live[] = {
    { .name = "requested-size", .try_set = mem_size_set, .max = UINT64_MAX },
};

const struct device_type virtio_mem_pci_type = {
    .name = "virtio-mem-pci",
    .parent = "virtio-pci",
    .properties = properties,
    .property_count = COUNT_OF(properties),
    .shown = shown,
    .shown_count = COUNT_OF(shown),
    .values_size = sizeof(struct mem_values),
    .live = live,
    .live_count = COUNT_OF(live),
    .hot = true,
    .virtio = &type,
    .check = virtio_type_check,
    .create = virtio_type_create,
    .describe = describe,
    .unplug = unplug,
    .stays = virtio_type_stays,
    .has_saved_form = virtio_type_has_saved_form,
    .save = virtio_type_save,
    .restore = virtio_type_restore,
    .restored = virtio_type_restored,
    .part = virtio_type_part,
    .summary = virtio_type_summary,
    .reset = reset,
    .run = virtio_device_run,
    .busy = busy,
    .leave = leave,
    .destroy = virtio_type_destroy,
};
