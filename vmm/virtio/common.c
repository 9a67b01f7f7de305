/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The common configuration structure (VIRTIO 1.2, 4.1.4.3): what driver and device agree on, queue by queue.
 * All of it with the device's lock.
 */
#include "virtio/halt.h"

static struct virtio_queue_link *selected(struct virtio_device *device)
{
    return device->queue_select < device->queue_count ? &device->queues[device->queue_select] : NULL;
}

static uint32_t read_device_feature(struct virtio_device *device)
{
    return device->device_feature_select < 2
               ? (uint32_t)(device->offered >> 32 * device->device_feature_select)
               : 0;
}

static void write_device_feature_select(struct virtio_device *device, uint32_t value)
{
    device->device_feature_select = value;
}

static uint32_t read_device_feature_select(struct virtio_device *device)
{
    return device->device_feature_select;
}

static uint32_t read_driver_feature_select(struct virtio_device *device)
{
    return device->driver_feature_select;
}

static void write_driver_feature_select(struct virtio_device *device, uint32_t value)
{
    device->driver_feature_select = value;
}

static uint32_t read_driver_feature(struct virtio_device *device)
{
    return device->driver_feature_select < 2
               ? (uint32_t)(device->accepted >> 32 * device->driver_feature_select)
               : 0;
}

static void write_driver_feature(struct virtio_device *device, uint32_t value)
{
    const unsigned shift = 32 * device->driver_feature_select;

    if (device->driver_feature_select < 2 && !(atomic_load(&device->status) & VIRTIO_STATUS_FEATURES_OK))
        device->accepted = (device->accepted & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
}

static uint16_t vector_of(const struct virtio_device *device, uint32_t value)
{
    return (uint16_t)(value < device->vector_count ? value : VIRTIO_NO_VECTOR);
}

static uint32_t read_config_vector(struct virtio_device *device)
{
    return atomic_load(&device->config_vector);
}

static void write_config_vector(struct virtio_device *device, uint32_t value)
{
    atomic_store(&device->config_vector, vector_of(device, value));
}

static uint32_t read_queue_count(struct virtio_device *device)
{
    return device->queue_count;
}

static uint32_t read_status(struct virtio_device *device)
{
    return atomic_load(&device->status);
}

/* Features that it does not offer, or without those that it needs, such as a driver of before 1.0:
 * FEATURES_OK does not stay (2.2.2). */
static bool features_are_good(const struct virtio_device *device)
{
    return !(device->accepted & ~device->offered) && virtio_device_has(device, device->needed);
}

static void write_status(struct virtio_device *device, uint32_t value)
{
    const uint8_t before = atomic_load(&device->status);
    uint8_t now = (uint8_t)(value & ~VIRTIO_STATUS_NEEDS_RESET);

    if (value == 0) {
        virtio_device_begin_reset(device);
        return;
    }
    if (!(before & VIRTIO_STATUS_FEATURES_OK) && !features_are_good(device))
        now &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
    now |= before & (uint8_t)~VIRTIO_STATUS_NEEDS_RESET; /* only a reset clears bits */
    if (!(now & VIRTIO_STATUS_FEATURES_OK))
        now &= (uint8_t)~VIRTIO_STATUS_DRIVER_OK;
    atomic_fetch_or(&device->status, now);
    if (now & ~before & VIRTIO_STATUS_DRIVER_OK)
        virtio_device_start(device);
}

static uint32_t read_generation(struct virtio_device *device)
{
    return atomic_load(&device->generation);
}

static uint32_t read_queue_select(struct virtio_device *device)
{
    return device->queue_select;
}

static void write_queue_select(struct virtio_device *device, uint32_t value)
{
    device->queue_select = (uint16_t)value;
}

static uint32_t read_queue_size(struct virtio_device *device)
{
    const struct virtio_queue_link *link = selected(device);

    return link ? link->registers.layout.size : 0;
}

/* The layout of the selected queue, if it may still change. */
static struct virtio_queue_layout *layout_to_write(struct virtio_device *device)
{
    struct virtio_queue_link *link = selected(device);

    return link && !link->registers.enabled ? &link->registers.layout : NULL;
}

static void write_queue_size(struct virtio_device *device, uint32_t value)
{
    struct virtio_queue_layout *layout = layout_to_write(device);

    if (layout && value > 0 && value <= selected(device)->registers.size_max && (value & (value - 1)) == 0)
        layout->size = (uint16_t)value;
}

static uint32_t read_queue_vector(struct virtio_device *device)
{
    struct virtio_queue_link *link = selected(device);

    return link ? atomic_load(&link->vector) : VIRTIO_NO_VECTOR;
}

static void write_queue_vector(struct virtio_device *device, uint32_t value)
{
    struct virtio_queue_link *link = selected(device);

    if (!link)
        return;
    atomic_store(&link->vector, vector_of(device, value));
    if (device->type->vector_changed)
        loop_post(io_thread_loop(device->io), &device->vector_changed);
}

static uint32_t read_queue_enable(struct virtio_device *device)
{
    const struct virtio_queue_link *link = selected(device);

    return link && link->registers.enabled;
}

/* Before the driver is ready; what it enables later is ignored. */
static void write_queue_enable(struct virtio_device *device, uint32_t value)
{
    struct virtio_queue_link *link = selected(device);

    if (link && value == 1 && !(atomic_load(&device->status) & VIRTIO_STATUS_DRIVER_OK))
        link->registers.enabled = true;
}

static uint32_t read_queue_notify(struct virtio_device *device)
{
    return selected(device) ? device->queue_select : 0;
}

/* The three addresses of a queue, in halves. */
static uint64_t *queue_address(struct virtio_device *device, unsigned which, bool write)
{
    struct virtio_queue_link *link = selected(device);
    struct virtio_queue_layout *layout = write  ? layout_to_write(device)
                                         : link ? &link->registers.layout
                                                : NULL;

    if (!layout)
        return NULL;
    return which == 0 ? &layout->descriptors : which == 1 ? &layout->available : &layout->used;
}

static uint32_t read_address(struct virtio_device *device, unsigned which, unsigned shift)
{
    const uint64_t *address = queue_address(device, which, false);

    return address ? (uint32_t)(*address >> shift) : 0;
}

static void write_address(struct virtio_device *device, unsigned which, unsigned shift, uint32_t value)
{
    uint64_t *address = queue_address(device, which, true);

    if (address)
        *address = (*address & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
}

#define ADDRESS(name, which, shift) \
    static uint32_t read_##name(struct virtio_device *device) \
    { \
        return read_address(device, which, shift); \
    } \
    static void write_##name(struct virtio_device *device, uint32_t value) \
    { \
        write_address(device, which, shift, value); \
    }
ADDRESS(descriptors_low, 0, 0)
ADDRESS(descriptors_high, 0, 32)
ADDRESS(available_low, 1, 0)
ADDRESS(available_high, 1, 32)
ADDRESS(used_low, 2, 0)
ADDRESS(used_high, 2, 32)

/* Registers are accessed by their own widths (4.1.3.1); what is not here reads as 0. */
static const struct {
    uint8_t offset, width;
    uint32_t (*read)(struct virtio_device *device);
    void (*write)(struct virtio_device *device, uint32_t value); /* NULL: read-only */
} common[] = {
    { 0x00, 4, read_device_feature_select, write_device_feature_select },
    { 0x04, 4, read_device_feature, NULL },
    { 0x08, 4, read_driver_feature_select, write_driver_feature_select },
    { 0x0c, 4, read_driver_feature, write_driver_feature },
    { 0x10, 2, read_config_vector, write_config_vector },
    { 0x12, 2, read_queue_count, NULL },
    { 0x14, 1, read_status, write_status },
    { 0x15, 1, read_generation, NULL },
    { 0x16, 2, read_queue_select, write_queue_select },
    { 0x18, 2, read_queue_size, write_queue_size },
    { 0x1a, 2, read_queue_vector, write_queue_vector },
    { 0x1c, 2, read_queue_enable, write_queue_enable },
    { 0x1e, 2, read_queue_notify, NULL },
    { 0x20, 4, read_descriptors_low, write_descriptors_low },
    { 0x24, 4, read_descriptors_high, write_descriptors_high },
    { 0x28, 4, read_available_low, write_available_low },
    { 0x2c, 4, read_available_high, write_available_high },
    { 0x30, 4, read_used_low, write_used_low },
    { 0x34, 4, read_used_high, write_used_high },
};
#define COMMON_COUNT (sizeof common / sizeof common[0])

uint32_t virtio_common_read(struct virtio_device *device, uint64_t offset, unsigned width)
{
    for (unsigned i = 0; i < COMMON_COUNT; i++)
        if (common[i].offset == offset && common[i].width == width)
            return common[i].read(device);
    return 0;
}

void virtio_common_write(struct virtio_device *device, uint64_t offset, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < COMMON_COUNT; i++)
        if (common[i].offset == offset && common[i].width == width && common[i].write)
            common[i].write(device, value);
}
