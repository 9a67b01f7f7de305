/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bits of the PM1 registers that are not in the public header (ACPI 6.5, tables 4.11 to 4.13).
 */
#ifndef CORE_PM1_BITS_H
#define CORE_PM1_BITS_H

/* Status bits that have an enable bit: timer, global lock, power button, sleep button, RTC. */
#define PM1_EVENTS 0x0721u
#define PM1_SCI_ENABLED 0x0001u  /* SCI_EN: reads as 1, is not stored */
#define PM1_SLEEP_ENABLE 0x2000u /* SLP_EN: reads as 0, is not stored */

#endif
