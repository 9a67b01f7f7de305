/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file pm1.h
 * The PM1 registers, which a machine with fixed ACPI hardware has to have: without them Linux does not start
 * its ACPI interpreter. Status and enable (the PM1a event block), and behind them control, so that a VMM puts
 * HOTRAM_PM1_LENGTH bytes at a port, and that port and the port 4 above it into hotram_acpi_fadt.
 *
 * The machine is always in ACPI mode: SCI_EN reads 1. The caller drives the SCI: after every call that
 * changes the registers it sets the line (level, shared with the GPE block) to what hotram_pm1_level() says,
 * or that of the other. The caller serializes the calls.
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

/** Offset of the control register, bytes (as FADT's PM1_EVT_LEN says). */
#define HOTRAM_PM1_CONTROL 4u
/** Length of all, bytes. */
#define HOTRAM_PM1_LENGTH 6u
/** Status bit: the power button was pressed. */
#define HOTRAM_PM1_POWER_BUTTON 0x0100u
/** Status bit: the machine woke from a sleeping state. It has no enable bit. */
#define HOTRAM_PM1_WAKE 0x8000u

/** The registers. The members are the library's; all zeroes is the state after reset. */
struct hotram_pm1 {
    uint16_t status;  /**< what has happened (internal) */
    uint16_t enable;  /**< what of it asserts the SCI (internal) */
    uint16_t control; /**< as it was written, without SCI_EN and SLP_EN (internal) */
};

/**
 * Set status bits.
 *
 * When: at any time; then set the line to hotram_pm1_level().
 *
 * @param pm1     the registers
 * @param events  HOTRAM_PM1_POWER_BUTTON, HOTRAM_PM1_WAKE, or both
 * @retval HOTRAM_OK          they are set
 * @retval HOTRAM_E_ARGUMENT  pm1 is NULL, or events has other bits
 */
enum hotram_status hotram_pm1_raise(struct hotram_pm1 *pm1, unsigned events);

/**
 * What the guest reads.
 *
 * When: at any time.
 *
 * @param pm1     the registers
 * @param offset  of the first byte, any number
 * @param width   bytes, any number; 1, 2 and 4 are a guest's
 * @return the value; bytes behind the registers, of a NULL pointer, or of another width are all ones
 */
uint32_t hotram_pm1_read(const struct hotram_pm1 *pm1, uint32_t offset, unsigned width);

/**
 * What the guest writes. Bytes behind the registers, and other widths, are ignored.
 *
 * When: at any time; then set the line to hotram_pm1_level().
 *
 * @param pm1     the registers
 * @param offset  of the first byte, any number
 * @param width   bytes, any number; 1, 2 and 4 are a guest's
 * @param value   any number
 * @return true when the guest has set SLP_EN: it wants the sleeping state of hotram_pm1_sleep_type() now
 */
bool hotram_pm1_write(struct hotram_pm1 *pm1, uint32_t offset, unsigned width, uint32_t value);

/**
 * SLP_TYP of the control register: what the guest found in the package \_S5, say.
 *
 * When: at any time.
 *
 * @param pm1  the registers
 * @return 0 to 7; 0 of a NULL pointer
 */
unsigned hotram_pm1_sleep_type(const struct hotram_pm1 *pm1);

/**
 * Whether the registers assert the SCI.
 *
 * When: at any time.
 *
 * @param pm1  the registers
 * @return true: high; false of a NULL pointer
 */
bool hotram_pm1_level(const struct hotram_pm1 *pm1);

/**
 * The registers as after power-on.
 *
 * When: at any time; then set the line to hotram_pm1_level().
 *
 * @param pm1  the registers; NULL is ignored
 */
void hotram_pm1_reset(struct hotram_pm1 *pm1);

#ifdef __cplusplus
}
#endif

#endif
