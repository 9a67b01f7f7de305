/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file acpi_pci.h
 * The ACPI table of a machine with PCI Express, beside those of hotram/acpi.h, whose rules for buffers,
 * addresses and errors hold here, too. The host bridge itself is a device of the DSDT: the windows of
 * hotram/aml_device.h are for its _CRS.
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

/** What each bus takes of the memory that configuration space is in, bytes: 32 devices of 8 functions of
 *  4 KiB (4.1.2). */
#define HOTRAM_ECAM_BUS_LENGTH 0x100000u

/** Where the configuration space of some buses is: the enhanced configuration access mechanism. */
struct hotram_acpi_ecam {
    uint64_t base;     /**< guest-physical address of bus 0, also if it is not among them: a multiple of
                        *   HOTRAM_ECAM_BUS_LENGTH */
    uint16_t segment;  /**< the host bridge's _SEG */
    uint8_t first_bus; /**< 0 .. 255 */
    uint8_t last_bus;  /**< 0 .. 255, not below first_bus */
};

/**
 * MCFG: where PCI Express configuration space is in memory (4.1.2). Linux believes it only if the memory is
 * reserved: in a device of the DSDT with _HID "PNP0C02" (4.1.2), or in the memory map.
 *
 * When: no table is open in the buffer.
 *
 * @param out    the buffer
 * @param ids    who made it
 * @param ecam   the places
 * @param count  how many, any number
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be), or a place is not as
 *                            its description says
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_mcfg(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_ecam *ecam, size_t count);

#ifdef __cplusplus
}
#endif
#endif
