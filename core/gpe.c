/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/gpe.h>

#include <stddef.h>

#define HALF (HOTRAM_GPE_LENGTH / 2)

/* How far a byte's bits are shifted within its half. */
static unsigned shift_of(uint32_t offset)
{
    return 8 * (offset % HALF);
}

enum hotram_status hotram_gpe_raise(struct hotram_gpe *gpe, unsigned event)
{
    if (!gpe || event >= HOTRAM_GPE_EVENTS)
        return HOTRAM_E_ARGUMENT;
    gpe->status = (uint16_t)(gpe->status | 1u << event);
    gpe->repeated = (uint16_t)(gpe->repeated & ~(1u << event));
    return HOTRAM_OK;
}

uint8_t hotram_gpe_read(const struct hotram_gpe *gpe, uint32_t offset)
{
    if (!gpe || offset >= HOTRAM_GPE_LENGTH)
        return 0xff;
    return (uint8_t)((offset < HALF ? gpe->status : gpe->enable) >> shift_of(offset));
}

/* An operating system clears all status bits as it starts, and enables an event later: what was raised before
 * that is raised again. Once: an event that is not acted on must not interrupt for ever. */
static void enable(struct hotram_gpe *gpe, unsigned enabled, unsigned waiting)
{
    unsigned lost = enabled & ~(unsigned)gpe->enable & waiting & ~(unsigned)gpe->repeated;

    gpe->enable = (uint16_t)enabled;
    gpe->status = (uint16_t)(gpe->status | lost);
    gpe->repeated = (uint16_t)((gpe->repeated & waiting) | lost);
}

void hotram_gpe_write(struct hotram_gpe *gpe, uint32_t offset, uint8_t value, uint16_t waiting)
{
    unsigned bits;

    if (!gpe || offset >= HOTRAM_GPE_LENGTH)
        return;
    bits = (unsigned)value << shift_of(offset);
    if (offset < HALF)
        gpe->status = (uint16_t)(gpe->status & ~bits);
    else
        enable(gpe, (gpe->enable & ~(0xffu << shift_of(offset))) | bits, waiting);
}

bool hotram_gpe_level(const struct hotram_gpe *gpe)
{
    return gpe && (gpe->status & gpe->enable) != 0;
}

void hotram_gpe_reset(struct hotram_gpe *gpe)
{
    if (gpe)
        *gpe = (struct hotram_gpe){ .status = 0 };
}
