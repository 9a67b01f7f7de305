/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device trees of an arm64 guest. With ACPI it is a stub that has the root and /chosen: the way to the EFI
 * tables, the command line, the initrd. Without, it describes the machine.
 */
#ifndef VMM_BOOT_ARM64_FDT_H
#define VMM_BOOT_ARM64_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/error.h"
#include "boot/efi_handoff.h"

/* What both kinds say in /chosen. */
struct arm64_fdt_chosen {
    const char *cmdline;
    uint64_t initrd_start; /* guest-physical */
    uint64_t initrd_end;   /* the first byte behind it; equal: there is none */
    uint64_t kaslr_seed;   /* random, as the next */
    uint8_t rng_seed[32];
};

/* The machine, as far as it is not in layout/arm64.h. */
struct arm64_fdt_machine {
    uint64_t ram_size;
    uint32_t cpus;         /* 1 ... CPUS_MAX */
    const uint64_t *mpidr; /* of each: MPIDR_EL1, of which the affinity fields count */
    unsigned gic_version;  /* 2 or 3 */
    bool its;              /* a GICv3 has its translation service */
    const struct numa_config *numa;
    const struct board *board; /* its devices */
};

/* Bytes of a buffer in which each always fits. */
#define ARM64_FDT_STUB_SIZE (64 << 10)
#define ARM64_FDT_SIZE (512 << 10)

/* Build one in a buffer of `size` bytes. The guest has to see it at a multiple of 8. */
bool arm64_fdt_stub(void *buffer, size_t size, const struct arm64_fdt_chosen *chosen,
                    const struct efi_tables *efi, struct error *error);
bool arm64_fdt_full(void *buffer, size_t size, const struct arm64_fdt_chosen *chosen,
                    const struct arm64_fdt_machine *machine, struct error *error);

#endif
