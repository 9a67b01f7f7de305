/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file pm1.h
 * The PM1 registers, which a machine with fixed ACPI hardware requires: without them Linux does not start its
 * ACPI interpreter. Status and enable (the PM1a event block) are followed by control: a VMM dispatches
 * HOTRAM_PM1_LENGTH bytes at a port, and sets pm1_event of hotram_acpi_fadt to that port, pm1_control to that
 * port + HOTRAM_PM1_CONTROL.
 *
 * The machine is always in ACPI mode: SCI_EN reads 1. The caller drives the SCI: after every call that
 * changes the registers it sets the line (level-triggered, shared with the GPE block) to asserted if
 * hotram_pm1_level() or hotram_gpe_level() returns true. The caller serializes the calls.
 *
 * Source: ACPI 6.5, 4.8.3.1 and 4.8.3.2.
 */
#ifndef HOTRAM_PM1_H
#define HOTRAM_PM1_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Offset of the control register, bytes. */
#define HOTRAM_PM1_CONTROL 4u
/** Length of all registers, bytes. */
#define HOTRAM_PM1_LENGTH 6u
/** Status bit: the power button was pressed. */
#define HOTRAM_PM1_POWER_BUTTON 0x0100u
/** Status bit: the machine woke from a sleeping state. It has no enable bit. */
#define HOTRAM_PM1_WAKE 0x8000u

/** The registers. The members belong to the library; all zeros is the state after a reset. */
struct hotram_pm1 {
    uint16_t status;  /**< events that have occurred (internal) */
    uint16_t enable;  /**< events that assert the SCI (internal) */
    uint16_t control; /**< as it was written, without SCI_EN and SLP_EN (internal) */
};

/**
 * Set status bits.
 *
 * When: at any time; then set the line to hotram_pm1_level().
 *
 * @param pm1     the registers
 * @param events  HOTRAM_PM1_POWER_BUTTON, HOTRAM_PM1_WAKE, or both; 0 has no effect
 * @retval HOTRAM_OK          the bits are set
 * @retval HOTRAM_E_ARGUMENT  pm1 is NULL, or events has other bits; nothing is changed
 */
enum hotram_status hotram_pm1_raise(struct hotram_pm1 *pm1, unsigned events);

/**
 * A read by the guest, without effects.
 *
 * When: at any time.
 *
 * @param pm1     the registers; NULL reads as UINT32_MAX
 * @param offset  of the first byte, any number; bytes beyond the registers read as 0xff
 * @param width   1, 2 or 4 bytes; any other number reads as UINT32_MAX
 * @return the value in the low width * 8 bits; the others are 0
 */
uint32_t hotram_pm1_read(const struct hotram_pm1 *pm1, uint32_t offset, unsigned width);

/**
 * A write by the guest: status bits are cleared by writing 1, enable and control bits are stored.
 *
 * When: at any time; then set the line to hotram_pm1_level().
 *
 * @param pm1     the registers; NULL is ignored
 * @param offset  of the first byte, any number; bytes beyond the registers are ignored
 * @param width   1, 2 or 4 bytes; any other number is ignored
 * @param value   any number; only the low width * 8 bits are used
 * @return true if the guest has written 1 to SLP_EN: it enters the sleeping state of hotram_pm1_sleep_type()
 */
bool hotram_pm1_write(struct hotram_pm1 *pm1, uint32_t offset, unsigned width, uint32_t value);

/**
 * SLP_TYP of the control register: for S5, the first element of the package `\_S5` in the DSDT.
 *
 * When: at any time.
 *
 * @param pm1  the registers; NULL gives 0
 * @return 0 to 7
 */
unsigned hotram_pm1_sleep_type(const struct hotram_pm1 *pm1);

/**
 * Whether an enabled event is pending, so that the SCI must be asserted.
 *
 * When: at any time.
 *
 * @param pm1  the registers; false when NULL
 * @return the level of the line, true for asserted
 */
bool hotram_pm1_level(const struct hotram_pm1 *pm1);

/**
 * Reset the registers to their state after power-on.
 *
 * When: at any time; then set the line to hotram_pm1_level(), which is false.
 *
 * @param pm1  the registers; NULL is ignored
 */
void hotram_pm1_reset(struct hotram_pm1 *pm1);

#ifdef __cplusplus
}
#endif

#endif
