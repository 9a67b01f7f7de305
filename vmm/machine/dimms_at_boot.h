/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What describes DIMMs to a booting guest: the hot-pluggable ranges in the SRAT, and, with -machine
 * dimm-at-boot=e820, entries of its memory map for plugged DIMMs.
 *
 * Threads: main thread only.
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

/* Fill in the list, while vCPUs are paused. The guest's RAM ends at ram_end, and the memory map has `room`
 * (NULL: without limit). Sets the size of the guest's memory block that follows from this memory map
 * (hotplug_set_block()). Cannot fail. */
void dimms_at_boot_list(const struct config *config, struct hotplug *hotplug, enum hotram_block_guest guest,
                        uint64_t ram_end, const struct map_room *room, struct dimms_at_boot *list);

#endif
