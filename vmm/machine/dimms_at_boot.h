/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a booting guest is told of DIMMs: the hot-pluggable ranges in the SRAT, and with -machine
 * dimm-at-boot=e820 the DIMMs that are plugged as entries of its memory map.
 */
#ifndef VMM_MACHINE_DIMMS_AT_BOOT_H
#define VMM_MACHINE_DIMMS_AT_BOOT_H

#include <hotram/acpi.h>
#include <hotram/block.h>
#include <hotram/dimm.h>

#include "boot/boot.h"
#include "machine/acpi_tables.h"

struct config;
struct hotplug;

struct dimms_at_boot {
    struct hotram_acpi_memory srat[ACPI_HOTPLUG_MAX]; /* by rising address */
    size_t srat_count;
    struct memory_entry map[HOTRAM_SLOTS_MAX]; /* by rising address */
    unsigned map_count;
};

/* vCPUs paused. The guest's RAM ends at ram_end, and the memory map has `room`; NULL: for all. hotplug gets
 * to know which memory block the guest will have with this memory map. */
void dimms_at_boot_list(const struct config *config, struct hotplug *hotplug, enum hotram_block_guest guest,
                        uint64_t ram_end, const struct map_room *room, struct dimms_at_boot *list);

#endif
