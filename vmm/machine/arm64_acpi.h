/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables of machine hotram-1, arm64.
 */
#ifndef VMM_MACHINE_ARM64_ACPI_H
#define VMM_MACHINE_ARM64_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/acpi_arm.h>

#include "base/config.h"
#include "base/error.h"
#include "machine/acpi_tables.h"

struct board;

/* Room that the tables of any machine fit into, bytes. */
#define ARM64_ACPI_SIZE_MAX (128 * 1024)

/* What the tables tell the guest beside the constants of layout/arm64.h. */
struct arm64_acpi_config {
    unsigned gic_version;      /* 2 or 3 */
    bool its;                  /* a GICv3 has its translation service */
    uint32_t sockets;          /* possible CPUs: sockets * cores * threads, with _UID 0 .. that - 1 */
    uint32_t cores;            /* in one socket */
    uint32_t threads;          /* in one core */
    const uint64_t *mpidr;     /* of each CPU: MPIDR_EL1, of which the affinity fields count */
    uint32_t fixed;            /* CPUs that are there and stay, the first ones; 0: all. Others can come */
    uint32_t slots;            /* DIMM slots; 0: no hotplug block */
    bool pmu;                  /* the CPUs count events */
    bool console;              /* the PL011 is the guest's console, if its command line names no other */
    const struct board *board; /* its devices */
    const struct numa_config *numa;           /* without nodes: no SRAT; without distances: no SLIT */
    const struct hotram_acpi_memory *hotplug; /* the hot-pluggable ranges, by rising address */
    size_t hotplug_count;
};

/*
 * Write all tables into a buffer that the guest will find at guest_address (a multiple of ACPI_FACS_ALIGN).
 * The RSDP comes first, so *rsdp_address is guest_address. With capacity ARM64_ACPI_SIZE_MAX the tables
 * always fit. False and an error: the buffer is too small, or the configuration is invalid. Main thread.
 */
bool arm64_acpi_build(const struct arm64_acpi_config *config, uint8_t *buffer, size_t capacity,
                      uint64_t guest_address, uint64_t *rsdp_address, struct error *error);

/* arm64_acpi_cpus.c: tables and devices that describe CPUs. arm64_acpi_cpus() comes first; false and an
 * error: the version of the GIC or the number of CPUs is invalid. */
struct arm64_cpus {
    const struct arm64_acpi_config *config;
    uint32_t count;
    struct hotram_acpi_gic_cpu cpus[CPUS_MAX];
};
bool arm64_acpi_cpus(struct arm64_cpus *cpus, const struct arm64_acpi_config *config, struct error *error);
bool arm64_acpi_has_hot_cpus(const struct arm64_cpus *cpus);
enum hotram_status arm64_acpi_hot_processors(struct hotram_aml *aml, const struct arm64_cpus *cpus);
void arm64_acpi_processors(struct hotram_aml *aml, const struct arm64_cpus *cpus);
enum hotram_status arm64_acpi_madt(struct hotram_buffer *out, const struct arm64_cpus *cpus);
enum hotram_status arm64_acpi_pptt(struct hotram_buffer *out, const struct arm64_cpus *cpus);
enum hotram_status arm64_acpi_srat(struct hotram_buffer *out, const struct arm64_cpus *cpus);

#endif
