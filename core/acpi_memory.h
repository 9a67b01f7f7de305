/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files that write the AML of the memory hotplug devices. The writer's errors are reported by
 * hotram_aml_finish().
 */
#ifndef CORE_ACPI_MEMORY_H
#define CORE_ACPI_MEMORY_H

#include <hotram/aml.h>

/* Names in the namespace; those of the registers are in registers() in acpi_memory.c. */
#define SCOPE "\\_SB"
#define CONTROLLER "MHPD"
#define LOCK "MLCK"

/* Numbers of arguments and locals in the methods. */
enum { SLOT, VALUE, LENGTH, MAXIMUM };

/* Set the name of the device of slot 0 .. 255: MP00 .. MPFF. */
void libhotram_memory_slot_name(char name[5], uint32_t slot);

/* Method MTFY (slot, code): notify the slot's device. */
void libhotram_memory_notification(struct hotram_aml *aml, uint32_t slots);

/* Method MSCN (): deliver all pending events. The number of its register accesses does not depend on `slots`.
 */
void libhotram_memory_scan(struct hotram_aml *aml, uint32_t slots);

#endif
