/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Booting on arm64: an Image, entered as Linux Documentation/arch/arm64/booting.rst says, with ACPI tables
 * that it finds through EFI tables (docs/arm64.md) or, without ACPI, with a device tree of the machine.
 *
 * Contents of RAM from its start: 2 MiB unused, Image, ACPI and EFI tables, device tree, initrd. Without a
 * kernel, nothing precedes the tables but these 2 MiB.
 */
#ifndef VMM_BOOT_ARM64_BOOT_H
#define VMM_BOOT_ARM64_BOOT_H

#include "boot/arm64_fdt.h"
#include "boot/boot.h"

/* boot->ram_size is all of RAM, which begins at ARM64_RAM. */
struct boot_machine {
    struct guest_memory *memory;
    uint64_t rsdp;         /* with ACPI: guest-physical address of the RSDP, in the area for tables */
    bool its;              /* the GIC has its translation service */
    uint32_t cpus;         /* the rest is for the device tree of a machine without ACPI, or with firmware */
    const uint64_t *mpidr; /* of each vCPU: MPIDR_EL1 */
    uint32_t cores;        /* of a socket */
    uint32_t threads;      /* of a core */
    unsigned gic_version;  /* 2 or 3 */
    const struct numa_config *numa;
    const struct board *board; /* its devices */
};

/* The area for the ACPI tables, which the caller writes before boot_load(): its guest-physical address, a
 * multiple of 64 KiB, and its size in bytes. Valid after a successful boot_open() with config->acpi; the same
 * at every reset. */
void boot_tables_area(const struct boot *boot, uint64_t *address, uint64_t *size);

/* For firmware, at the start and at each reset: write the device tree of the machine, with ACPI as without,
 * to the start of RAM. False and an error: out of memory, no random numbers, or too large a tree. */
bool boot_describe_to_firmware(const struct boot *boot, const struct boot_machine *machine,
                               struct error *error);

#endif
