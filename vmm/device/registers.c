/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/registers.h"

#include <string.h>

const struct device_register *register_at(const struct device_register *table, size_t count, uint64_t offset)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].offset == offset)
            return &table[i];
    return NULL;
}

static uint32_t load(const uint8_t *at, unsigned width)
{
    uint16_t half;
    uint32_t word;

    if (width == 1)
        return *at;
    if (width == 2) {
        memcpy(&half, at, sizeof half);
        return half;
    }
    memcpy(&word, at, sizeof word);
    return word;
}

static void store(uint8_t *at, unsigned width, uint32_t value)
{
    const uint16_t half = (uint16_t)value;

    if (width == 1)
        *at = (uint8_t)value;
    else if (width == 2)
        memcpy(at, &half, sizeof half);
    else
        memcpy(at, &value, sizeof value);
}

uint32_t register_read(const struct device_register *reg, void *device, const void *state)
{
    if (!reg)
        return 0;
    if (reg->read)
        return reg->read(device);
    return reg->width ? load((const uint8_t *)state + reg->stored, reg->width) : reg->fixed;
}

uint32_t register_read_part(const struct device_register *table, size_t count, uint64_t offset, void *device,
                            const void *state)
{
    return register_read(register_at(table, count, offset - offset % 4), device, state) >> offset % 4 * 8;
}

void register_write(const struct device_register *reg, void *device, void *state, uint32_t value)
{
    uint8_t *at;

    if (!reg)
        return;
    if (reg->write) {
        reg->write(device, value);
    } else if (reg->width) {
        at = (uint8_t *)state + reg->stored;
        store(at, reg->width, (load(at, reg->width) & ~reg->bits) | (value & reg->bits));
    }
}
