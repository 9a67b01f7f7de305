/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file acpi_set.h
 * All tables that Linux on x86 needs for memory hotplug, for a VMM that has no ACPI tables yet: RSDP, FACS,
 * DSDT, FADT, SRAT and XSDT, and a MADT if requested.
 *
 * Linux needs no others. Without a MADT it runs on one processor with the dual 8259 (the SCI is then an ISA
 * interrupt, which Linux makes level-triggered itself). Without an SRAT it also accepts DIMMs, but knows
 * neither their node nor, with movable_node, that they can be removed.
 *
 * References are to ACPI 6.5.
 */
#ifndef HOTRAM_ACPI_SET_H
#define HOTRAM_ACPI_SET_H

#include <stddef.h>
#include <stdint.h>

#include <hotram/acpi.h>
#include <hotram/aml.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Alignment of the tables' address, bytes: that of the FACS (5.2.10), the largest of all. */
#define HOTRAM_ACPI_SET_ALIGN 64u

/** Contents of the tables. */
struct hotram_acpi_set {
    /** Guest-physical address of the buffer's first byte, where the RSDP is: a multiple of
     *  HOTRAM_ACPI_SET_ALIGN. Linux without UEFI finds the RSDP in 0xe0000 to 0xfffff, or by boot_params. */
    uint64_t address;
    struct hotram_acpi_fadt fadt; /**< as for hotram_acpi_fadt(); dsdt and facs are filled in */
    /** Writes the DSDT's terms: the memory devices, their event, and the devices of the VMM. Called once. A
     *  status other than HOTRAM_OK and HOTRAM_E_BUFFER becomes the result of hotram_acpi_set(). */
    enum hotram_status (*dsdt)(struct hotram_aml *aml, void *opaque);
    void *opaque;                        /**< passed to dsdt; may be NULL */
    const struct hotram_acpi_madt *madt; /**< NULL: no MADT */
    const struct hotram_acpi_cpu *cpus;  /**< for the SRAT, which needs an entry for every processor */
    size_t cpu_count;                    /**< their number */
    const struct hotram_acpi_memory
        *memory;         /**< for the SRAT: RAM, and the region for DIMMs as hot-pluggable */
    size_t memory_count; /**< their number; 0: no SRAT */
};

/**
 * Write the tables, one after the other (5.2).
 *
 * After every error except HOTRAM_E_BUFFER the buffer is empty, and the contents of its memory are undefined.
 * Any error that dsdt returns is passed on.
 *
 * When: the buffer is empty, as after hotram_buffer_init().
 *
 * @param out     the buffer; its first byte is at set->address for the guest
 * @param ids     identify the tables' maker
 * @param set     contents of the tables
 * @retval HOTRAM_OK          written; the RSDP is the first
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (madt, opaque, and that of an array of 0 elements may be), the
 *                            buffer is not empty (and stays unchanged), address is not a multiple of
 *                            HOTRAM_ACPI_SET_ALIGN, the tables would extend beyond 2^64, or one of the
 *                            functions for a table, or what dsdt calls, refuses its arguments
 * @retval HOTRAM_E_NESTING   dsdt wrote a term in the wrong kind of block, or left a block open
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_set(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                   const struct hotram_acpi_set *set);

#ifdef __cplusplus
}
#endif

#endif
