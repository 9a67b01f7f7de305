/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The codes that a guest reports by _OST (ACPI 6.5, 6.3.5).
 *
 * Threads: any; there is no state here.
 */
#ifndef VMM_HOTPLUG_OST_CODES_H
#define VMM_HOTPLUG_OST_CODES_H

#include <stdbool.h>
#include <stdint.h>

/* The meaning of a report, for users: a literal. */
const char *ost_text(uint32_t event, uint32_t status);
bool ost_is_ejection(uint32_t event);
bool ost_is_insertion(uint32_t event);
bool ost_in_progress(uint32_t event, uint32_t status);

#endif
