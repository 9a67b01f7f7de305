/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file acpi_set.h
 * All tables that Linux on x86 needs for memory hotplug, for a VMM that has no ACPI tables yet: RSDP, FACS,
 * DSDT, FADT, SRAT and XSDT, and a MADT if there is one.
 *
 * Linux wants no more: without a MADT it runs on one processor with the dual 8259 (the SCI is then an ISA
 * interrupt, which Linux makes level-triggered by itself), and without SRAT it takes DIMMs, too, but knows
 * neither their node nor, with movable_node, that they can go.
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

/** What has to be at a multiple of this, of all tables the most, bytes. */
#define HOTRAM_ACPI_SET_ALIGN 64u

/** What the tables say. */
struct hotram_acpi_set {
    /** Where the guest sees the first byte, the RSDP: a multiple of HOTRAM_ACPI_SET_ALIGN. Linux without UEFI
     *  finds it in 0xe0000 to 0xfffff, or by boot_params. */
    uint64_t address;
    struct hotram_acpi_fadt fadt; /**< as for hotram_acpi_fadt(); dsdt and facs are filled in */
    /** Writes the DSDT's terms: the memory devices, their event, and the devices of the VMM. A status that is
     *  neither HOTRAM_OK nor HOTRAM_E_BUFFER is the result of all. */
    enum hotram_status (*dsdt)(struct hotram_aml *aml, void *opaque);
    void *opaque;                        /**< given back to dsdt */
    const struct hotram_acpi_madt *madt; /**< NULL: no MADT */
    const struct hotram_acpi_cpu *cpus;  /**< for the SRAT: every processor has to have an entry */
    size_t cpu_count;                    /**< how many */
    const struct hotram_acpi_memory
        *memory;         /**< for the SRAT: RAM, and the region for DIMMs as hot-pluggable */
    size_t memory_count; /**< how many; 0: no SRAT */
};

/**
 * Write the tables, one behind the other (5.2).
 *
 * After every error but HOTRAM_E_BUFFER the buffer is empty; what its memory holds is then without meaning.
 * An error that dsdt answers is handed on, whatever it is.
 *
 * When: the buffer is empty, as after hotram_buffer_init().
 *
 * @param out     the buffer; its first byte is at set->address for the guest
 * @param ids     who made them
 * @param set     what they say
 * @retval HOTRAM_OK          done; the RSDP is the first
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (madt, opaque, and that of an array of 0 elements may be), the
 *                            buffer is not empty (and stays as it was), address is no multiple of
 *                            HOTRAM_ACPI_SET_ALIGN or the tables would reach beyond 2^64, or
 *                            hotram_acpi_fadt() or what dsdt calls refuses its part
 * @retval HOTRAM_E_NESTING   from dsdt: a term where none may be, or a block without an end
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_set(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                   const struct hotram_acpi_set *set);

#ifdef __cplusplus
}
#endif

#endif
