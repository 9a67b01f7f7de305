/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/pm1.h>

#include <stddef.h>

#include "pm1_bits.h"

#define SLEEP_TYPE_SHIFT 10u
#define SLEEP_TYPE_MASK 7u

static bool is_width(unsigned width)
{
    return width == 1 || width == 2 || width == 4;
}

/* How far a byte's bits are shifted within its register of two bytes. */
static unsigned shift_of(uint32_t offset)
{
    return 8 * (offset % 2);
}

static uint8_t read_byte(const struct hotram_pm1 *pm1, uint32_t offset)
{
    const unsigned shift = shift_of(offset);

    switch (offset / 2) {
    case 0:
        return (uint8_t)(pm1->status >> shift);
    case 1:
        return (uint8_t)(pm1->enable >> shift);
    case HOTRAM_PM1_CONTROL / 2:
        return (uint8_t)((pm1->control | PM1_SCI_ENABLED) >> shift);
    default:
        return 0xff;
    }
}

static bool write_byte(struct hotram_pm1 *pm1, uint32_t offset, uint8_t value)
{
    const unsigned bits = (unsigned)value << shift_of(offset);
    const unsigned kept = ~(0xffu << shift_of(offset));

    switch (offset / 2) {
    case 0: /* cleared by writing one */
        pm1->status = (uint16_t)(pm1->status & ~bits);
        return false;
    case 1:
        pm1->enable = (uint16_t)((pm1->enable & kept) | (bits & PM1_EVENTS));
        return false;
    case HOTRAM_PM1_CONTROL / 2:
        pm1->control = (uint16_t)((pm1->control & kept) | (bits & ~(PM1_SCI_ENABLED | PM1_SLEEP_ENABLE)));
        return (bits & PM1_SLEEP_ENABLE) != 0;
    default:
        return false;
    }
}

enum hotram_status hotram_pm1_raise(struct hotram_pm1 *pm1, unsigned events)
{
    if (!pm1 || (events & ~(HOTRAM_PM1_POWER_BUTTON | HOTRAM_PM1_WAKE)))
        return HOTRAM_E_ARGUMENT;
    pm1->status = (uint16_t)(pm1->status | events);
    return HOTRAM_OK;
}

uint32_t hotram_pm1_read(const struct hotram_pm1 *pm1, uint32_t offset, unsigned width)
{
    uint32_t value = 0;

    if (!pm1 || !is_width(width))
        return UINT32_MAX;
    for (unsigned i = 0; i < width; i++)
        value |= (uint32_t)(offset <= HOTRAM_PM1_LENGTH ? read_byte(pm1, offset + i) : 0xff) << 8 * i;
    return value;
}

bool hotram_pm1_write(struct hotram_pm1 *pm1, uint32_t offset, unsigned width, uint32_t value)
{
    bool sleeps = false;

    if (!pm1 || !is_width(width) || offset >= HOTRAM_PM1_LENGTH)
        return false;
    for (unsigned i = 0; i < width; i++)
        sleeps |= write_byte(pm1, offset + i, (uint8_t)(value >> 8 * i));
    return sleeps;
}

unsigned hotram_pm1_sleep_type(const struct hotram_pm1 *pm1)
{
    return pm1 ? pm1->control >> SLEEP_TYPE_SHIFT & SLEEP_TYPE_MASK : 0;
}

bool hotram_pm1_level(const struct hotram_pm1 *pm1)
{
    return pm1 && (pm1->status & pm1->enable & PM1_EVENTS) != 0;
}

void hotram_pm1_reset(struct hotram_pm1 *pm1)
{
    if (pm1)
        *pm1 = (struct hotram_pm1){ 0, 0, 0 };
}
