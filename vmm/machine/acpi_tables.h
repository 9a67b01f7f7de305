/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the ACPI tables of machine hotram-1 have in common on all architectures.
 */
#ifndef VMM_MACHINE_ACPI_TABLES_H
#define VMM_MACHINE_ACPI_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/acpi.h>
#include <hotram/dimm.h>

#include "host/error.h"
#include "options/config.h"

/* Hot-pluggable ranges in the SRAT: one for each DIMM, and one for each gap before, between and behind them.
 */
#define ACPI_HOTPLUG_MAX (2 * HOTRAM_SLOTS_MAX + 1)

#define ACPI_TABLE_ALIGN 16u
#define ACPI_DSDT_REVISION 2 /* 64-bit integers (ACPI 6.5, 19.6.30) */
#define ACPI_TABLES_MAX 8    /* in the XSDT; arm64: FADT, MADT, GTDT, SPCR, DBG2, PPTT, SRAT, SLIT */

extern const struct hotram_acpi_ids acpi_ids;

/* What is being written. The RSDP comes first, but is known last. A table that does not fit is measured, so
 * that the error can tell how much is needed. */
struct acpi_writer {
    struct hotram_buffer out;
    uint64_t guest_address;
    uint64_t tables[ACPI_TABLES_MAX];
    size_t table_count;
};

/* Begin in a buffer that the guest will see at guest_address. */
enum hotram_status acpi_writer_begin(struct acpi_writer *writer, uint8_t *buffer, size_t capacity,
                                     uint64_t guest_address);

/* Guest-physical address of the next table. */
uint64_t acpi_writer_next(struct acpi_writer *writer, size_t align);

/* The next table will be in the XSDT. */
void acpi_writer_list(struct acpi_writer *writer);

/* XSDT and RSDP, if the tables so far are well (status): the address of the RSDP, or why not. */
bool acpi_writer_end(struct acpi_writer *writer, enum hotram_status status, uint64_t *rsdp_address,
                     struct error *error);

/* Fails when there are too many CPUs or slots, when there are slots and no place for DIMMs, or when that
 * place is in too many pieces. */
bool acpi_check(uint32_t cpus, uint32_t cpus_max, uint32_t slots, const struct numa_config *numa,
                size_t hotplug_count, struct error *error);

/* acpi_numa.c: Linux numbers nodes as it comes across them, CPUs first, so these are listed by node. That
 * makes its numbers those of -numa. */
void acpi_cpus_by_node(const struct numa_config *numa, uint32_t count, uint32_t *order);
enum hotram_status acpi_slit(struct hotram_buffer *out, const struct numa_config *numa);

#endif
