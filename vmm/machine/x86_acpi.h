/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables of machine hotram-1, x86-64.
 */
#ifndef VMM_MACHINE_X86_ACPI_H
#define VMM_MACHINE_X86_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/acpi.h>

#include "base/config.h"
#include "base/error.h"
#include "kvm/cpu_topology.h"
#include "machine/acpi_tables.h"

struct board;

/* What the tables tell the guest beside the constants of layout/x86.h. */
struct x86_acpi_config {
    uint32_t cpus;                            /* possible ones */
    const bool *present;                      /* which of them are there; NULL: all */
    bool hot_cpus;                            /* they can come and go */
    struct cpu_topology topology;             /* gives them their APIC ids */
    bool ged;                                 /* events come by a Generic Event Device; no fixed hardware */
    uint32_t slots;                           /* DIMM slots; 0: no hotplug block */
    uint64_t low_ram_end;                     /* boot RAM is [0, this) */
    uint64_t high_ram_size;                   /* and [4 GiB, 4 GiB + this) */
    const struct board *board;                /* its devices */
    const struct numa_config *numa;           /* without nodes: no SRAT; without distances: no SLIT */
    const struct hotram_acpi_memory *hotplug; /* the hot-pluggable ranges, by rising address */
    size_t hotplug_count;
};

/*
 * Write all tables into a buffer that the guest will find at guest_address (a multiple of ACPI_FACS_ALIGN).
 * The RSDP comes first, so *rsdp_address is guest_address. With capacity X86_BIOS_AREA_END - X86_BIOS_AREA
 * the tables always fit. False and an error: the buffer is too small, the configuration is invalid, or out of
 * memory. Main thread.
 */
bool x86_acpi_build(const struct x86_acpi_config *config, uint8_t *buffer, size_t capacity,
                    uint64_t guest_address, uint64_t *rsdp_address, struct error *error);

/* x86_acpi_numa.c */
enum hotram_status x86_acpi_srat(struct hotram_buffer *out, const struct x86_acpi_config *config,
                                 const struct hotram_acpi_cpu *cpus);

#endif
