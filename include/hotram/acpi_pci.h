/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file acpi_pci.h
 * The ACPI table of a machine with PCI Express. It complements those of hotram/acpi.h, whose rules for
 * buffers, addresses, errors and threads also apply here. The host bridge itself is a device in the DSDT; the
 * windows of hotram/aml_device.h are for its _CRS.
 *
 * References are to the PCI Firmware Specification, release 3.3.
 */
#ifndef HOTRAM_ACPI_PCI_H
#define HOTRAM_ACPI_PCI_H

#include <stddef.h>
#include <stdint.h>

#include <hotram/acpi.h>
#include <hotram/buffer.h>
#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Length of the configuration space of one bus in memory, bytes: 32 devices of 8 functions of 4 KiB (4.1.2).
 */
#define HOTRAM_ECAM_BUS_LENGTH 0x100000u

/** Place of the configuration space of a range of buses: the enhanced configuration access mechanism. */
struct hotram_acpi_ecam {
    uint64_t base;     /**< guest-physical address that bus 0 has or would have: a multiple of
                        *   HOTRAM_ECAM_BUS_LENGTH */
    uint16_t segment;  /**< the host bridge's _SEG */
    uint8_t first_bus; /**< 0 .. 255 */
    uint8_t last_bus;  /**< 0 .. 255, not below first_bus */
};

/**
 * MCFG: place of the PCI Express configuration space in memory (4.1.2). Linux uses it only if that memory is
 * reserved: by a device with _HID "PNP0C02" in the DSDT (4.1.2), or in the memory map.
 *
 * When: no table is open in the buffer.
 *
 * @param out    the buffer
 * @param ids    identify the table's maker
 * @param ecam   the ranges of buses
 * @param count  their number, any number
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be), base is not a
 *                            multiple of HOTRAM_ECAM_BUS_LENGTH, or last_bus is below first_bus
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_mcfg(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_ecam *ecam, size_t count);

#ifdef __cplusplus
}
#endif
#endif
