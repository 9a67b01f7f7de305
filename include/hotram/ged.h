/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file ged.h
 * The selector register of a Generic Event Device, which notifies a guest without fixed hardware, such as one
 * on arm64, of events.
 *
 * It is QEMU's register: 4 bytes of MMIO (on arm64 at 0x09080000) that contain the events since the last
 * read. The guest's handler, the _EVT method that hotram_acpi_ged() writes, reads it and handles each bit.
 *
 * The caller drives the device's interrupt: after every call that changes the register it sets the line
 * (level-triggered, active high) to the result of hotram_ged_level(). With a level, an event that occurs
 * before the guest's driver has unmasked the interrupt is not lost, whereas an I/O APIC discards an edge of a
 * masked pin. The guest ends the level by reading the register. The caller serializes the calls.
 *
 * Source: ACPI 6.5, 5.6.9, for the device and its interrupt; for the register, the observed behavior of QEMU.
 */
#ifndef HOTRAM_GED_H
#define HOTRAM_GED_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Length of the register, bytes. */
#define HOTRAM_GED_LENGTH 4u

/* Events: bits of the register. */
#define HOTRAM_GED_MEMORY 0x1u       /**< a DIMM slot has an event pending */
#define HOTRAM_GED_POWER_BUTTON 0x2u /**< the power button was pressed */
#define HOTRAM_GED_CPU 0x8u          /**< a CPU slot has an event pending */

/** The register. The member belongs to the library; zero is the state after a reset. */
struct hotram_ged {
    uint32_t selector; /**< events that the guest has not read yet (internal) */
};

/**
 * Add events to the unread ones.
 *
 * When: at any time; then set the line to hotram_ged_level().
 *
 * @param ged     the register
 * @param events  HOTRAM_GED_* bits, at least one
 * @retval HOTRAM_OK          the events are pending
 * @retval HOTRAM_E_ARGUMENT  ged is NULL, events is 0, or events has a bit other than HOTRAM_GED_*; nothing
 *                            is changed
 */
enum hotram_status hotram_ged_raise(struct hotram_ged *ged, uint32_t events);

/**
 * A read by the guest. An access to the whole register clears it; any other access reads as 0 and has no
 * effect. Writes have no effect, so there is no function for them.
 *
 * When: at any time; then set the line to hotram_ged_level().
 *
 * @param ged     the register; NULL reads as 0
 * @param offset  bytes from the start of the register, any number
 * @param width   of the access, bytes, any number
 * @return the events since the last read; 0 for any other access
 */
uint32_t hotram_ged_read(struct hotram_ged *ged, uint32_t offset, unsigned width);

/**
 * Whether the guest has unread events, so that the interrupt must be asserted.
 *
 * When: at any time.
 *
 * @param ged  the register; false when NULL
 * @return the level of the line, true for asserted
 */
bool hotram_ged_level(const struct hotram_ged *ged);

/**
 * Reset the register: no event is pending.
 *
 * When: at any time; then set the line to hotram_ged_level(), which is false.
 *
 * @param ged  the register; NULL is ignored
 */
void hotram_ged_reset(struct hotram_ged *ged);

#ifdef __cplusplus
}
#endif
#endif
