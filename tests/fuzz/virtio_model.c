/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio_model.h"

/* Offsets of the structure. */
enum {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    CONFIG_VECTOR = 0x10,
    QUEUE_COUNT = 0x12,
    STATUS = 0x14,
    GENERATION = 0x15,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY = 0x1e,
    QUEUE_ADDRESSES = 0x20,
    END = 0x38,
};

static unsigned width_of(unsigned offset)
{
    if (offset == STATUS || offset == GENERATION)
        return 1;
    if (offset < CONFIG_VECTOR || (offset >= QUEUE_ADDRESSES && offset < END))
        return offset % 4 == 0 ? 4 : 0;
    return offset < QUEUE_ADDRESSES && offset % 2 == 0 ? 2 : 0;
}

void virtio_model_reset(struct virtio_model *model)
{
    model->accepted = 0;
    model->device_select = model->driver_select = 0;
    model->config_vector = MODEL_NO_VECTOR;
    model->select = 0;
    model->status = 0;
    for (unsigned i = 0; i < model->queues; i++) {
        model->queue[i].size = model->size_max[i];
        model->queue[i].vector = MODEL_NO_VECTOR;
        model->queue[i].enabled = false;
        for (unsigned part = 0; part < 3; part++)
            model->queue[i].address[part] = 0;
    }
}

static uint32_t half(uint64_t whole, uint32_t which)
{
    return which < 2 ? (uint32_t)(whole >> 32 * which) : 0;
}

static void set_half(uint64_t *whole, uint32_t which, uint32_t value)
{
    if (which == 0)
        *whole = (*whole & UINT64_C(0xffffffff00000000)) | value;
    else if (which == 1)
        *whole = (*whole & UINT64_C(0xffffffff)) | (uint64_t)value << 32;
}

/* 2.1: bits are set by the driver and cleared by a reset; FEATURES_OK does not stay where the device does not
 * agree, and no driver goes on without.
 */
static void write_status(struct virtio_model *model, uint8_t value)
{
    const bool agrees = !(model->accepted & ~model->offered) && model->accepted >> 32 & 1;

    if (value == 0) {
        virtio_model_reset(model);
        return;
    }
    value &= (uint8_t)~STATUS_NEEDS_RESET;
    if (!(model->status & STATUS_FEATURES_OK) && !agrees)
        value &= (uint8_t)~STATUS_FEATURES_OK;
    value |= model->status;
    if (!(value & STATUS_FEATURES_OK))
        value &= (uint8_t)~STATUS_DRIVER_OK;
    model->status = value;
}

static uint16_t vector(const struct virtio_model *model, uint32_t value)
{
    return (uint16_t)(value < model->vectors ? value : MODEL_NO_VECTOR);
}

static void write_queue(struct virtio_model *model, unsigned offset, uint32_t value)
{
    const unsigned at = model->select;

    if (at >= model->queues)
        return;
    if (offset == QUEUE_VECTOR) {
        model->queue[at].vector = vector(model, value);
    } else if (offset == QUEUE_ENABLE) {
        model->queue[at].enabled |= value == 1 && !(model->status & STATUS_DRIVER_OK);
    } else if (model->queue[at].enabled) {
        return;
    } else if (offset >= QUEUE_ADDRESSES) {
        set_half(&model->queue[at].address[(offset - QUEUE_ADDRESSES) / 8], offset / 4 % 2, value);
    } else if (offset == QUEUE_SIZE) {
        for (uint32_t size = 1; size <= model->size_max[at]; size *= 2)
            if (size == value)
                model->queue[at].size = (uint16_t)value;
    }
}

void virtio_model_write(struct virtio_model *model, unsigned offset, unsigned width, uint32_t value)
{
    if (width != width_of(offset))
        return;
    switch (offset) {
    case DEVICE_FEATURE_SELECT:
        model->device_select = value;
        break;
    case DRIVER_FEATURE_SELECT:
        model->driver_select = value;
        break;
    case DRIVER_FEATURE:
        if (!(model->status & STATUS_FEATURES_OK))
            set_half(&model->accepted, model->driver_select, value);
        break;
    case CONFIG_VECTOR:
        model->config_vector = vector(model, value);
        break;
    case STATUS:
        write_status(model, (uint8_t)value);
        break;
    case QUEUE_SELECT:
        model->select = (uint16_t)value;
        break;
    default:
        write_queue(model, offset, value);
    }
}

static uint32_t read_queue(const struct virtio_model *model, unsigned offset)
{
    const unsigned at = model->select;

    if (at >= model->queues)
        return offset == QUEUE_VECTOR ? MODEL_NO_VECTOR : 0;
    switch (offset) {
    case QUEUE_SIZE:
        return model->queue[at].size;
    case QUEUE_VECTOR:
        return model->queue[at].vector;
    case QUEUE_ENABLE:
        return model->queue[at].enabled;
    case QUEUE_NOTIFY:
        return at;
    default:
        return half(model->queue[at].address[(offset - QUEUE_ADDRESSES) / 8], offset / 4 % 2);
    }
}

bool virtio_model_read(const struct virtio_model *model, unsigned offset, unsigned width, uint32_t *value)
{
    *value = 0;
    if (width != width_of(offset))
        return true;
    switch (offset) {
    case DEVICE_FEATURE_SELECT:
        *value = model->device_select;
        return true;
    case DEVICE_FEATURE:
        *value = half(model->offered, model->device_select);
        return true;
    case DRIVER_FEATURE_SELECT:
        *value = model->driver_select;
        return true;
    case DRIVER_FEATURE:
        *value = half(model->accepted, model->driver_select);
        return true;
    case CONFIG_VECTOR:
        *value = model->config_vector;
        return true;
    case QUEUE_COUNT:
        *value = model->queues;
        return true;
    case STATUS:
        *value = model->status;
        return true;
    case GENERATION:
        return false;
    case QUEUE_SELECT:
        *value = model->select;
        return true;
    default:
        *value = read_queue(model, offset);
        return true;
    }
}
