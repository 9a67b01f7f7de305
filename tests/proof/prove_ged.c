/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram/ged.h, whole: every function from every state of the register, with every argument.
 *
 * proof: sources core/ged.c
 * proof: options --unsigned-overflow-check --conversion-check
 */
#include <hotram/ged.h>

#include "proof.h"

static struct hotram_ged device;
static uint32_t before;

static struct hotram_ged *device_or_null(void)
{
    device.selector = before = nondet_uint32();
    return nondet_bool() ? &device : NULL;
}

void prove_ged_raise(void)
{
    struct hotram_ged *ged = device_or_null();
    uint32_t events = nondet_uint32();
    enum hotram_status status = hotram_ged_raise(ged, events);

    PROVE(status == (ged && events != 0 && (events & ~0xbu) == 0 ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    PROVE(device.selector == (status == HOTRAM_OK ? before | events : before));
    REACHABLE(status == HOTRAM_OK && before != device.selector);
    REACHABLE(status != HOTRAM_OK && ged);
}

void prove_ged_read(void)
{
    struct hotram_ged *ged = device_or_null();
    uint32_t offset = nondet_uint32();
    unsigned width = nondet_uint32();
    uint32_t value = hotram_ged_read(ged, offset, width);
    bool whole = ged && offset == 0 && width == 4;

    PROVE(value == (whole ? before : 0));
    PROVE(device.selector == (whole ? 0 : before));
    REACHABLE(whole && value == 0xb);
    REACHABLE(!whole && ged && before != 0);
}

void prove_ged_level(void)
{
    struct hotram_ged *ged = device_or_null();

    PROVE(hotram_ged_level(ged) == (ged && before != 0));
    PROVE(device.selector == before);
    REACHABLE(hotram_ged_level(ged));
    REACHABLE(!hotram_ged_level(ged) && ged);
}

void prove_ged_reset(void)
{
    struct hotram_ged *ged = device_or_null();

    hotram_ged_reset(ged);
    PROVE(device.selector == (ged ? 0 : before));
    REACHABLE(ged && before != 0);
    REACHABLE(!ged && before != 0);
}
