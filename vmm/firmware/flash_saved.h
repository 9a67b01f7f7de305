/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved form of flash: what its chips are doing. Its contents are those of the block node, which has to
 * have the same bytes where the state is restored. Flash without a node has no saved form.
 *
 * Threads: main thread, vCPUs paused.
 */
#ifndef VMM_FIRMWARE_FLASH_SAVED_H
#define VMM_FIRMWARE_FLASH_SAVED_H

#include "firmware/flash.h"

struct flash_state {
    uint64_t size, sum; /* of the image's bytes */
    uint64_t block, first, last, buffer_base;
    uint32_t words;
    uint8_t mode, expects, status, scattered;
};

#define FLASH_BUFFER_PART 256u
struct flash_buffer_state {
    uint8_t bytes[FLASH_BUFFER_PART];
};

extern const struct state_table flash_state_table, flash_buffer_state_table;

/* The functions of these names in struct device_type. */
bool flash_has_saved_form(const struct device *device);
bool flash_save(struct device *device, struct hotram_buffer *out, struct error *error);
bool flash_restore(struct device *device, bool check, struct hotram_saved *saved, struct error *error);
void flash_restored(struct device *device);
const struct state_table *flash_part(const struct device *device, unsigned index);

/* flash.c: map what reads return now. Under the device's lock. */
void flash_settle_mapping(struct flash *flash);

#endif
