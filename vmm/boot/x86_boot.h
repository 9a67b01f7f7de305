/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Booting on x86-64: bzImage by the 32-bit protocol, vmlinux by PVH.
 */
#ifndef VMM_BOOT_X86_BOOT_H
#define VMM_BOOT_X86_BOOT_H

#include "boot/boot.h"

struct boot_machine {
    struct guest_memory *memory;
    uint64_t low_ram_end; /* RAM is [0, low_ram_end) and, if any, [4 GiB, 4 GiB + high_ram_size) */
    uint64_t high_ram_size;
    const struct memory_entry
        *dimms;          /* DIMMs that the guest is to find in its memory map, by rising address */
    unsigned dimm_count; /* at most MEMORY_DIMMS_MAX */
    uint64_t rsdp;       /* guest-physical address of the RSDP */
};

/* One file per format: recognize and describe the kernel whose first bytes are in `head`. */
bool bzimage_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error);
bool bzimage_load_info(const struct boot *boot, const struct boot_machine *machine, uint64_t initrd,
                       struct vcpu_entry *entry, struct error *error);
bool vmlinux_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error);
bool vmlinux_load_info(const struct boot *boot, const struct boot_machine *machine, uint64_t initrd,
                       struct vcpu_entry *entry, struct error *error);

/* All of the machine's memory that is listed. */
#define MEMORY_DIMMS_MAX 256
#define MEMORY_ENTRIES_MAX (8 + MEMORY_DIMMS_MAX)
unsigned boot_memory_map(const struct boot_machine *machine, struct memory_entry entries[MEMORY_ENTRIES_MAX]);
/* What the way of starting the kernel leaves for DIMMs, of which the machine has none. */
struct map_room boot_map_room(const struct boot *boot, const struct boot_machine *machine);
/* vmlinux: Linux copies the memory map into the table of boot_params, and does not look whether it has room.
 */
#define VMLINUX_MAP_MAX 128u

#endif
