/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What EFI firmware leaves behind for a kernel that it started: system table, configuration tables and memory
 * map, made without firmware. On arm64 Linux finds ACPI tables in no other way (docs/arm64.md).
 */
#ifndef VMM_BOOT_EFI_HANDOFF_H
#define VMM_BOOT_EFI_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the guest is told. */
struct efi_handoff {
    uint64_t ram; /* its RAM, in one piece; all numbers in bytes, multiples of 4 KiB */
    uint64_t ram_size;
    uint64_t kept; /* the part of it that the guest must keep: these tables and ACPI's */
    uint64_t kept_size;
    uint64_t rsdp;   /* guest-physical address of ACPI's RSDP */
    bool memreserve; /* with a GIC ITS: a place where Linux notes memory that outlives a kexec */
};

/* Where it is, as guest-physical addresses: for the device tree. */
struct efi_tables {
    uint64_t system_table;
    uint64_t memory_map;
    uint32_t memory_map_size; /* bytes */
    uint32_t descriptor_size;
    uint32_t descriptor_version;
};

#define EFI_HANDOFF_SIZE 4096 /* bytes of a buffer in which it always fits */

/* Write all of it into a buffer of EFI_HANDOFF_SIZE bytes, which the guest will see at `address` (a multiple
 * of 8). */
void efi_handoff_build(const struct efi_handoff *handoff, uint64_t address, uint8_t buffer[EFI_HANDOFF_SIZE],
                       struct efi_tables *tables);

#endif
