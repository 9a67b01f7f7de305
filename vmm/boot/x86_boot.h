/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Booting on x86-64: bzImage by the 32-bit protocol (Linux Documentation/arch/x86/boot.rst), vmlinux by PVH
 * (Xen docs/misc/pvh.pandoc).
 */
#ifndef VMM_BOOT_X86_BOOT_H
#define VMM_BOOT_X86_BOOT_H

#include "boot/boot.h"

struct boot_machine {
    struct guest_memory *memory;
    uint64_t low_ram_end; /* RAM is [0, low_ram_end) and [4 GiB, 4 GiB + high_ram_size), bytes */
    uint64_t high_ram_size;
    const struct memory_entry *dimms; /* DIMMs that the memory map contains, by rising address */
    unsigned dimm_count;              /* at most MEMORY_DIMMS_MAX */
    uint64_t rsdp;                    /* guest-physical address of the RSDP */
};

/* The formats' parts of boot_arch_describe(), once the format is known, and of boot_load(): the latter write
 * the boot information, with the initrd at a guest-physical address (0: none), and set the registers of
 * *entry. False and an error. */
bool bzimage_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error);
bool bzimage_load_info(const struct boot *boot, const struct boot_machine *machine, uint64_t initrd,
                       struct vcpu_entry *entry, struct error *error);
bool vmlinux_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error);
bool vmlinux_load_info(const struct boot *boot, const struct boot_machine *machine, uint64_t initrd,
                       struct vcpu_entry *entry, struct error *error);

/* Where the initrd begins, guest-physical; 0: it is larger than the RAM below low_ram_end. */
uint64_t x86_initrd_address(const struct boot *boot, uint64_t low_ram_end);

/* The memory map, also of DIMMs. Returns the number of entries. Any thread. */
#define MEMORY_DIMMS_MAX 256
#define MEMORY_ENTRIES_MAX (8 + MEMORY_DIMMS_MAX)
unsigned boot_memory_map(const struct boot_machine *machine, struct memory_entry entries[MEMORY_ENTRIES_MAX]);
/* Room for DIMMs in the memory map that the format of the kernel permits; machine->dimm_count must be 0. */
struct map_room boot_map_room(const struct boot *boot, const struct boot_machine *machine);
/* vmlinux: maximum number of entries. Linux copies the map to boot_params without a check of its size. */
#define VMLINUX_MAP_MAX 128u

#endif
