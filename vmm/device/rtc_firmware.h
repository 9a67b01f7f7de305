/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What firmware reads in the CMOS memory, at QEMU's addresses and with its meanings, as SeaBIOS and OVMF read
 * it.
 */
#ifndef VMM_DEVICE_RTC_FIRMWARE_H
#define VMM_DEVICE_RTC_FIRMWARE_H

#include <stdint.h>

#include "device/rtc.h"

/* Bytes of the clock's own registers, and all that is firmware's to keep, stay as they are. */
void rtc_write_firmware_bytes(uint8_t cmos[128], const struct rtc_machine *machine);

#endif
