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

#include "base/config.h"
#include "base/error.h"

struct board;

/* Hot-pluggable ranges in the SRAT: one for each DIMM, and one for each gap before, between and behind them.
 */
#define ACPI_HOTPLUG_MAX (2 * HOTRAM_SLOTS_MAX + 1)

#define ACPI_TABLE_ALIGN 16u
#define ACPI_FACS_ALIGN 64u  /* ACPI 6.5, 5.2.10 */
#define ACPI_DSDT_REVISION 2 /* 64-bit integers (ACPI 6.5, 19.6.30) */
#define ACPI_TABLES_MAX 32   /* in the XSDT */

extern const struct hotram_acpi_ids acpi_ids;

/* What is being written. The RSDP comes first, but is known last. A table that does not fit is measured, so
 * that the error can tell how much is needed. */
struct acpi_writer {
    struct hotram_buffer out;
    uint64_t guest_address;
    uint64_t facs; /* where the tables are that the FADT names; 0: there is none */
    uint64_t dsdt;
    uint64_t tables[ACPI_TABLES_MAX];
    size_t table_count;
};

/* One table of a machine, whose own type of configuration `config` has. */
struct acpi_row {
    char signature[5];
    enum acpi_place {
        ACPI_LISTED, /* in the XSDT */
        ACPI_FACS,   /* what the FADT names: in rows before it */
        ACPI_DSDT,
    } place;
    bool (*wanted)(const void *config); /* NULL: always */
    /* The table, at the end of writer->out. What it answers counts, but for HOTRAM_E_BUFFER, which is said at
     * the end. */
    enum hotram_status (*write)(struct acpi_writer *writer, const void *config);
};

/* All tables of a machine, by its rows and in their order, into a buffer that the guest will see at
 * guest_address; before them the RSDP, behind them the XSDT. */
bool acpi_write(const struct acpi_row *rows, size_t count, const void *config, uint8_t *buffer,
                size_t capacity, uint64_t guest_address, uint64_t *rsdp_address, struct error *error);

/* Fails when there are too many CPUs or slots, when there are slots and no place for DIMMs, or when that
 * place is in too many pieces. */
bool acpi_check(uint32_t cpus, uint32_t cpus_max, uint32_t slots, const struct numa_config *numa,
                size_t hotplug_count, struct error *error);

/* MCFG: where a board's PCI configuration space is (PCI Firmware Specification 3.3, 4.1.2). */
enum hotram_status acpi_mcfg(struct hotram_buffer *out, const struct board *board);

/* acpi_numa.c: Linux numbers nodes as it comes across them, CPUs first, so these are listed by node. That
 * makes its numbers those of -numa. */
void acpi_cpus_by_node(const struct numa_config *numa, uint32_t count, uint32_t *order);
enum hotram_status acpi_slit(struct hotram_buffer *out, const struct numa_config *numa);

#endif
