/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files that write the AML of hot-pluggable processors.
 */
#ifndef CORE_ACPI_CPUS_H
#define CORE_ACPI_CPUS_H

#include <hotram/acpi_cpus.h>

/* Names in the namespace; those of the registers are in registers() in acpi_cpus.c. */
#define CPUS_SCOPE "\\_SB"
#define CPUS_CONTROLLER "CHPD"
#define CPUS_LOCK "CLCK"
#define CPUS_SCAN CPUS_SCOPE "." CPUS_CONTROLLER ".CSCN"

/* A path below the scope, from the controller or from a processor: "CP00.C000" and its end. */
#define CPUS_PATH_SIZE 10

/* Set the path of a device from the scope: number of its container, and its index there. */
void libhotram_cpus_path(char path[CPUS_PATH_SIZE], uint32_t container, uint32_t index);

/* Method CTFY (slot, code): notify the slot's device. */
void libhotram_cpus_notification(struct hotram_aml *aml, const struct hotram_acpi_cpu_devices *config);

/* Method CSCN (): deliver all pending events. */
void libhotram_cpus_scan(struct hotram_aml *aml);

#endif
