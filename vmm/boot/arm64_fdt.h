/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device trees of an arm64 guest. With ACPI it is a stub of the root and /chosen, which refers to the EFI
 * tables, the command line and the initrd. Without ACPI, it describes the machine.
 *
 * Sources: Devicetree Specification 0.4; Linux Documentation/devicetree/bindings.
 */
#ifndef VMM_BOOT_ARM64_FDT_H
#define VMM_BOOT_ARM64_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/error.h"
#include "boot/efi_handoff.h"

/* Contents of /chosen in both kinds of tree. */
struct arm64_fdt_chosen {
    const char *cmdline;
    uint64_t initrd_start; /* guest-physical */
    uint64_t initrd_end;   /* exclusive; equal to the start: no initrd */
    uint64_t kaslr_seed;   /* random, like the next */
    uint8_t rng_seed[32];
};

/* The machine, except for the constants of layout/arm64.h. */
struct arm64_fdt_machine {
    uint64_t ram_size;     /* bytes */
    uint32_t cpus;         /* 1 ... CPUS_MAX */
    const uint64_t *mpidr; /* of each: MPIDR_EL1, of which the affinity fields count */
    uint32_t cores;        /* of a socket, at least 1 */
    uint32_t threads;      /* of a core, at least 1 */
    unsigned gic_version;  /* 2 or 3 */
    bool its;              /* a GICv3 has its translation service */
    const struct numa_config *numa;
    const struct board *board; /* its devices */
};

/* Size in bytes of a buffer into which any tree of the kind fits. */
#define ARM64_FDT_STUB_SIZE (64 << 10)
#define ARM64_FDT_SIZE (512 << 10)
/* Behind one at the start of RAM EDK2 has its first stack (ArmVirtQemu.dsc, PcdCPUCoresStackBase). */
#define ARM64_FIRMWARE_FDT_SIZE (496 << 10)

/* Build a tree in a buffer of `size` bytes, which the guest must find at a multiple of 8. False and an error:
 * the tree does not fit, or libfdt refuses it; the contents of the buffer are then undefined. */
bool arm64_fdt_stub(void *buffer, size_t size, const struct arm64_fdt_chosen *chosen,
                    const struct efi_tables *efi, struct error *error);
bool arm64_fdt_full(void *buffer, size_t size, const struct arm64_fdt_chosen *chosen,
                    const struct arm64_fdt_machine *machine, struct error *error);

#endif
