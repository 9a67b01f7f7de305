/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file gpe.h
 * A general-purpose event register block (ACPI 6.5, 4.8.4.1): status bits, then as many enable bits.
 *
 * The caller drives the SCI: after every call that changes the block it sets the interrupt line (level,
 * shared with the PM1 event block) to what hotram_gpe_level() says. The caller serializes the calls.
 */
#ifndef HOTRAM_GPE_H
#define HOTRAM_GPE_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Length of the block, bytes: half status, half enable (as FADT's GPE0_BLK_LEN says). */
#define HOTRAM_GPE_LENGTH 4u
/** Number of events. */
#define HOTRAM_GPE_EVENTS (HOTRAM_GPE_LENGTH / 2u * 8u)
/** The event for memory hotplug: the guest runs \_GPE._E03. */
#define HOTRAM_GPE_MEMORY 3u

/** The block. The members are the library's; all zeroes is the state after reset. */
struct hotram_gpe {
    uint16_t status;
    uint16_t enable;
};

/**
 * Set an event's status bit.
 *
 * @param gpe    the block
 * @param event  0 .. HOTRAM_GPE_EVENTS - 1
 * @retval HOTRAM_OK          set
 * @retval HOTRAM_E_ARGUMENT  gpe is NULL or there is no such event
 */
enum hotram_status hotram_gpe_raise(struct hotram_gpe *gpe, unsigned event);

/**
 * The guest reads one byte.
 *
 * @param gpe     the block; NULL reads as 0xff
 * @param offset  bytes from the start of the block; beyond the block reads as 0xff
 */
uint8_t hotram_gpe_read(const struct hotram_gpe *gpe, uint32_t offset);

/**
 * The guest writes one byte: status bits are cleared by writing 1, enable bits are stored.
 *
 * @param gpe     the block; NULL is ignored
 * @param offset  bytes from the start of the block; beyond the block is ignored
 * @param value   the byte
 */
void hotram_gpe_write(struct hotram_gpe *gpe, uint32_t offset, uint8_t value);

/** Whether an enabled event is pending, so that the SCI has to be asserted. NULL: false. */
bool hotram_gpe_level(const struct hotram_gpe *gpe);

/** The platform was reset: nothing pending, nothing enabled. NULL is ignored. */
void hotram_gpe_reset(struct hotram_gpe *gpe);

#ifdef __cplusplus
}
#endif
#endif
