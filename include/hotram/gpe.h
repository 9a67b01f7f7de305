/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file gpe.h
 * A general-purpose event register block: status bits, then as many enable bits.
 *
 * The caller drives the SCI: after every call that changes the block it sets the line (level-triggered,
 * shared with the PM1 event block) to asserted if hotram_gpe_level() or hotram_pm1_level() returns true. The
 * caller serializes the calls.
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

/** Length of the block, bytes: half status, half enable (the FADT's GPE0_BLK_LEN). */
#define HOTRAM_GPE_LENGTH 4u
/** Number of events. */
#define HOTRAM_GPE_EVENTS (HOTRAM_GPE_LENGTH / 2u * 8u)
/** The event for CPU hotplug: the guest runs `\_GPE._E02`. */
#define HOTRAM_GPE_CPU 2u
/** The event for memory hotplug: the guest runs `\_GPE._E03`. */
#define HOTRAM_GPE_MEMORY 3u

/** The block. The members belong to the library; all zeros is the state after a reset. */
struct hotram_gpe {
    uint16_t status; /**< bit n: event n has occurred (internal) */
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
 * @retval HOTRAM_OK          the bit is set
 * @retval HOTRAM_E_ARGUMENT  gpe is NULL or there is no such event; nothing is changed
 */
enum hotram_status hotram_gpe_raise(struct hotram_gpe *gpe, unsigned event);

/**
 * A read of one byte by the guest, without effects. For a wider access, call it once for each byte.
 *
 * When: at any time.
 *
 * @param gpe     the block; NULL reads as 0xff
 * @param offset  bytes from the start of the block, any number; beyond the block, bytes read as 0xff
 * @return the byte
 */
uint8_t hotram_gpe_read(const struct hotram_gpe *gpe, uint32_t offset);

/**
 * A write of one byte by the guest: status bits are cleared by writing 1, enable bits are stored. For a wider
 * access, call it once for each byte.
 *
 * An operating system clears all status bits as it starts, and enables its events later; an event that was
 * raised before that would be lost although its cause persists. Therefore a write that enables an event whose
 * bit in waiting is set raises it again: at most once after each hotram_gpe_raise(), so that an event that
 * the guest never handles does not interrupt it forever.
 *
 * When: at any time; then set the line to hotram_gpe_level().
 *
 * @param gpe     the block; NULL is ignored
 * @param offset  bytes from the start of the block, any number; beyond the block is ignored
 * @param value   any byte
 * @param waiting bit n: the cause of event n persists; for HOTRAM_GPE_MEMORY: hotram_bank_first_pending()
 *                returns a slot; for HOTRAM_GPE_CPU: hotram_cpus_pending() does. 0: nothing is raised again
 */
void hotram_gpe_write(struct hotram_gpe *gpe, uint32_t offset, uint8_t value, uint16_t waiting);

/**
 * Whether an enabled event is pending, so that the SCI must be asserted.
 *
 * When: at any time.
 *
 * @param gpe  the block; false when NULL
 * @return the level of the line, true for asserted
 */
bool hotram_gpe_level(const struct hotram_gpe *gpe);

/**
 * Reset the block: no event is pending, and none is enabled.
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
