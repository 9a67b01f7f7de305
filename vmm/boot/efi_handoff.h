/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables that EFI firmware leaves for a kernel: system table, configuration tables and memory map (UEFI
 * 2.10, 4.3, 4.6, 7.2.3), made without firmware. On arm64, Linux finds ACPI tables through these only
 * (docs/arm64.md).
 */
#ifndef VMM_BOOT_EFI_HANDOFF_H
#define VMM_BOOT_EFI_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Contents of the tables. Addresses are guest-physical; addresses and sizes, except for `rsdp`, are multiples
 * of 4 KiB. */
struct efi_handoff {
    uint64_t ram; /* contiguous */
    uint64_t ram_size;
    uint64_t kept; /* the part of RAM that the guest must keep: these tables and those of ACPI */
    uint64_t kept_size;
    uint64_t rsdp;   /* address of the RSDP */
    bool memreserve; /* add LINUX_EFI_MEMRESERVE, by which Linux with an ITS keeps memory across kexec */
};

/* Guest-physical addresses and sizes of the tables, for the device tree (Linux
 * Documentation/arch/arm/uefi.rst). */
struct efi_tables {
    uint64_t system_table;
    uint64_t memory_map;
    uint32_t memory_map_size; /* bytes */
    uint32_t descriptor_size;
    uint32_t descriptor_version;
};

#define EFI_HANDOFF_SIZE 4096 /* bytes; all tables fit */

/* Write the tables to a buffer that the guest will find at `address`, a multiple of 8; the rest of the buffer
 * is cleared. Any thread. */
void efi_handoff_build(const struct efi_handoff *handoff, uint64_t address, uint8_t buffer[EFI_HANDOFF_SIZE],
                       struct efi_tables *tables);

#endif
