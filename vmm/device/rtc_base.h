/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the real-time clocks of all machines have in common: the guest's clock is the host's plus an offset,
 * which -rtc base= gives at the start and a guest changes by setting its clock.
 *
 * Threads: functions without state.
 */
#ifndef VMM_DEVICE_RTC_BASE_H
#define VMM_DEVICE_RTC_BASE_H

#include <stdbool.h>
#include <stdint.h>

struct config;

/* The guest's clock shows the host's local time, not UTC. If so, the time zone's files have been read when
 * this returns: a vCPU that asks for the time opens none. */
bool rtc_base_is_local(const struct config *config);
/* The guest's clock minus the host's at the start, seconds. */
int64_t rtc_base_offset(const struct config *config);
/* A saved offset can be one of a guest: no clock can be set that far, and the year of such a time is an int.
 */
bool rtc_offset_valid(int64_t offset);

#endif
