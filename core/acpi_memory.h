/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files that write the AML of the memory hotplug devices.
 */
#ifndef CORE_ACPI_MEMORY_H
#define CORE_ACPI_MEMORY_H

#include <hotram/aml.h>

/* Names. The registers' are in registers(). */
#define SCOPE "\\_SB"
#define CONTROLLER "MHPD"
#define LOCK "MLCK"

/* Locals and arguments as the methods use them. */
enum { SLOT, VALUE, LENGTH, MAXIMUM };

/* target = value */
void libhotram_memory_store_integer(struct hotram_aml *aml, uint64_t value, const char *target);

/* Localn = source */
void libhotram_memory_load(struct hotram_aml *aml, const char *source, unsigned local);

/* The name of a slot's device: MP00 .. MPFF. */
void libhotram_memory_slot_name(char name[5], uint32_t slot);

/* Method MTFY (slot, code): Notify the slot's device. */
void libhotram_memory_notification(struct hotram_aml *aml, uint32_t slots);

/* Method MSCN (): deliver all pending events; its register accesses do not grow with the slots. */
void libhotram_memory_scan(struct hotram_aml *aml, uint32_t slots);

#endif
