/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes of the CMOS memory for firmware, at QEMU's addresses and with QEMU's meanings, as SeaBIOS and OVMF
 * use them.
 */
#ifndef VMM_DEVICE_RTC_FIRMWARE_H
#define VMM_DEVICE_RTC_FIRMWARE_H

#include <stdint.h>

#include "device/rtc.h"

/* Write these bytes; those of the clock's registers, and those that firmware itself stores, are unchanged.
 * Under the clock's lock. */
void rtc_write_firmware_bytes(uint8_t cmos[128], const struct rtc_machine *machine);
/* Of these, the one that follows from the number of CPUs. Under the clock's lock. */
void rtc_write_firmware_cpus(uint8_t cmos[128], uint32_t cpus);

#endif
