/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of the ACPI tables of machine hotram-1 (ACPI 6.5, 5.2) that all architectures share.
 *
 * Threads: main thread only.
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

/* Tables being written. The RSDP comes first, but is written last. Tables that do not fit are measured, for
 * the error message. */
struct acpi_writer {
    struct hotram_buffer out;
    uint64_t guest_address;
    uint64_t facs; /* guest-physical addresses of the tables that the FADT refers to; 0: none */
    uint64_t dsdt;
    uint64_t tables[ACPI_TABLES_MAX];
    size_t table_count;
};

/* A table of a machine; `config` has the machine's own type. */
struct acpi_row {
    char signature[5];
    enum acpi_place {
        ACPI_LISTED, /* in the XSDT */
        ACPI_FACS,   /* referred to by the FADT, whose row follows */
        ACPI_DSDT,
    } place;
    bool (*wanted)(const void *config); /* NULL: always */
    /* Append the table to writer->out. A status other than HOTRAM_OK is an error; HOTRAM_E_BUFFER is reported
     * at the end, with the required size. */
    enum hotram_status (*write)(struct acpi_writer *writer, const void *config);
};

/* Write the RSDP, the tables of all rows in their order, and the XSDT to a buffer that the guest will find at
 * guest_address, a multiple of ACPI_FACS_ALIGN; *rsdp_address is set to that. False and an error: the address
 * is not aligned, the buffer is too small, there are more than ACPI_TABLES_MAX tables, or a row has failed.
 */
bool acpi_write(const struct acpi_row *rows, size_t count, const void *config, uint8_t *buffer,
                size_t capacity, uint64_t guest_address, uint64_t *rsdp_address, struct error *error);

/* Check a configuration. False and an error: the number of CPUs is not 1 to cpus_max, there are more than
 * HOTRAM_SLOTS_MAX slots or ACPI_HOTPLUG_MAX hot-pluggable ranges, or there are slots without such a range or
 * without NUMA nodes. */
bool acpi_check(uint32_t cpus, uint32_t cpus_max, uint32_t slots, const struct numa_config *numa,
                size_t hotplug_count, struct error *error);

/* Append the MCFG, with the address of the board's PCI configuration space (PCI Firmware Specification 3.3,
 * 4.1.2). The board must have PCI. */
enum hotram_status acpi_mcfg(struct hotram_buffer *out, const struct board *board);

/* acpi_numa.c. List the indices of `count` CPUs in `order`, by rising node: Linux numbers nodes in the order
 * in which it finds them, CPUs first, and so uses the numbers of -numa. */
void acpi_cpus_by_node(const struct numa_config *numa, uint32_t count, uint32_t *order);
/* Append the SLIT (ACPI 6.5, 5.2.17). */
enum hotram_status acpi_slit(struct hotram_buffer *out, const struct numa_config *numa);

#endif
