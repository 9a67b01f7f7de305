/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file gpe.h
 * A general-purpose event register block: status bits, then as many enable bits.
 *
 * The caller drives the SCI: after every call that changes the block it sets the interrupt line (level,
 * shared with the PM1 event block) to what hotram_gpe_level() says. The caller serializes the calls.
 *
 * Source: ACPI 6.5, 4.8.4.1.
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
/** The event for memory hotplug: the guest runs `\_GPE._E03`. */
#define HOTRAM_GPE_MEMORY 3u

/** The block. The members are the library's; all zeroes is the state after reset. */
struct hotram_gpe {
    uint16_t status; /**< bit n: event n has happened (internal) */
    uint16_t enable; /**< bit n: event n asserts the SCI (internal) */
    /** bit n: event n was raised again since hotram_gpe_raise() (internal) */
    uint16_t repeated;
};

/**
 * Set an event's status bit.
 *
 * When: at any time; then set the line to hotram_gpe_level().
 *
 * @param gpe    the block
 * @param event  0 .. HOTRAM_GPE_EVENTS - 1
 * @retval HOTRAM_OK          set, or was set already
 * @retval HOTRAM_E_ARGUMENT  gpe is NULL or there is no such event; nothing is changed
 */
enum hotram_status hotram_gpe_raise(struct hotram_gpe *gpe, unsigned event);

/**
 * The guest reads one byte. Reading changes nothing; a wider access is one call for each of its bytes.
 *
 * When: at any time.
 *
 * @param gpe     the block; NULL reads as 0xff
 * @param offset  bytes from the start of the block, any number; beyond the block reads as 0xff
 * @return the byte
 */
uint8_t hotram_gpe_read(const struct hotram_gpe *gpe, uint32_t offset);

/**
 * The guest writes one byte: status bits are cleared by writing 1, enable bits are stored.
 *
 * An operating system clears every status bit as it starts and enables its events later, so an event that was
 * raised before that is lost, while what it announced still waits. So an event that this write enables, and
 * that waits, is raised again; once after each hotram_gpe_raise(), so that an event on which the guest never
 * acts does not interrupt it for ever.
 *
 * When: at any time; then set the line to hotram_gpe_level().
 *
 * @param gpe     the block; NULL is ignored
 * @param offset  bytes from the start of the block, any number; beyond the block is ignored
 * @param value   any byte
 * @param waiting bit n: what event n announces still waits for the guest; for HOTRAM_GPE_MEMORY, that
 *                hotram_bank_first_pending() gives a slot. 0 where nothing is to be raised again, as when
 *                saved enable bits are restored
 */
void hotram_gpe_write(struct hotram_gpe *gpe, uint32_t offset, uint8_t value, uint16_t waiting);

/**
 * Whether an enabled event is pending, so that the SCI has to be asserted.
 *
 * When: at any time.
 *
 * @param gpe  the block; false when NULL
 * @return the level of the line, true for asserted
 */
bool hotram_gpe_level(const struct hotram_gpe *gpe);

/**
 * The platform was reset: nothing pending, nothing enabled.
 *
 * When: at any time; then set the line to hotram_gpe_level(), which is false.
 *
 * @param gpe  the block; NULL is ignored
 */
void hotram_gpe_reset(struct hotram_gpe *gpe);

#ifdef __cplusplus
}
#endif
#endif
