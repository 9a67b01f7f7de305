/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a Linux kernel into a guest without firmware.
 *
 * boot_open() checks everything that can be checked before there is a guest, and keeps the files open: every
 * reset loads them afresh with boot_load(), also when the files have been replaced or removed meanwhile.
 */
#ifndef VMM_BOOT_BOOT_H
#define VMM_BOOT_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "host/error.h"
#include "kvm/vcpu.h"
#include "memory/guest_memory.h"

enum kernel_format { KERNEL_NONE, KERNEL_BZIMAGE, KERNEL_VMLINUX };

/* One piece of a kernel that has to be at a guest-physical address. */
struct kernel_piece {
    uint64_t file_offset;
    uint64_t file_size;
    uint64_t address;
    uint64_t memory_size; /* what lies beyond file_size is zero */
};

#define KERNEL_PIECES_MAX 16

struct boot {
    enum kernel_format format;
    const char *kernel_path; /* borrowed from the configuration */
    const char *initrd_path;
    const char *cmdline;
    int kernel_fd;
    int initrd_fd;
    uint64_t kernel_size; /* bytes of the file */
    uint64_t initrd_size;
    struct kernel_piece piece[KERNEL_PIECES_MAX];
    unsigned pieces;
    uint64_t entry;      /* guest-physical address of the first instruction */
    uint64_t end;        /* first address above what the kernel needs before it manages memory itself */
    uint64_t initrd_max; /* highest address that an initrd may occupy */
    uint64_t setup_size; /* bzImage: bytes of the setup header that boot_params takes over */
};

/* The machine's memory as boot protocols list it. */
enum memory_type { MEMORY_RAM = 1, MEMORY_RESERVED = 2 };
struct memory_entry {
    uint64_t address;
    uint64_t size;
    enum memory_type type;
};

/* What the loader has to know of the machine. */
struct boot_machine {
    struct guest_memory *memory;
    uint64_t low_ram_end; /* RAM is [0, low_ram_end) and, if any, [4 GiB, 4 GiB + high_ram_size) */
    uint64_t high_ram_size;
    const struct memory_entry
        *dimms;          /* DIMMs that the guest is to find in its memory map, by rising address */
    unsigned dimm_count; /* at most MEMORY_DIMMS_MAX */
    uint64_t rsdp;       /* guest-physical address of the RSDP */
};

/* Open and check kernel and initrd; kernel_path may be NULL: nothing to boot. `low_ram_end` bounds both. */
bool boot_open(struct boot *boot, const char *kernel, const char *initrd, const char *cmdline,
               uint64_t low_ram_end, struct error *error);
void boot_close(struct boot *boot);

/* Write kernel, initrd, command line and boot information into the guest's memory. */
bool boot_load(const struct boot *boot, const struct boot_machine *machine, struct vcpu_entry *entry,
               struct error *error);

/* Read from the kernel's file. */
bool boot_read(const struct boot *boot, uint64_t offset, void *buffer, uint64_t length);

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

#endif
