/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Generic Event Device (ACPI 6.5, 5.6.9): the library's register (hotram/ged.h) in memory, and its
 * interrupt.
 *
 * Threads: all functions run under the machine lock (bus/machine_lock.h).
 */
#ifndef VMM_DEVICE_GED_H
#define VMM_DEVICE_GED_H

#include <hotram/ged.h>

#include "device/device.h"

struct ged_state {
    struct hotram_ged selector;
};
extern const struct state_table ged_state_table;
extern const struct device_type ged_type;

struct ged {
    struct device device; /* first */
    struct ged_state state;
    const struct vm *vm;
    uint64_t address;
    unsigned gsi;
    bool high; /* the interrupt line: follows from the state */
};

/* `address` is that of its register, `gsi` its interrupt, a level. */
void ged_init(struct ged *ged, const struct board *board, uint64_t address, unsigned gsi);
void ged_reset(struct ged *ged);
void ged_restored(struct ged *ged); /* after the state was restored */
/* Raise HOTRAM_GED_* events. */
void ged_raise(struct ged *ged, uint32_t events);

#endif
