/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a Linux kernel into a guest without firmware: what is the same on every architecture.
 *
 * boot_open() checks everything that can be checked before there is a guest, and keeps the files open: every
 * reset loads them afresh with boot_load(), also when the files have been replaced or removed meanwhile.
 *
 * How a kernel is started is its architecture's matter: x86_boot.h, arm64_boot.h.
 *
 * Threads: boot_load() runs on a thread of its own while the guest does not (machine/reset.c); nothing of
 * struct boot changes meanwhile but `stop`, which the main thread sets.
 */
#ifndef VMM_BOOT_BOOT_H
#define VMM_BOOT_BOOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "boot/arm64_image.h"
#include "memory/guest_memory.h"

struct vcpu_entry;

enum kernel_format { KERNEL_NONE, KERNEL_BZIMAGE, KERNEL_VMLINUX, KERNEL_IMAGE };

/* What is to be booted, and on what. */
struct boot_config {
    const char *kernel; /* NULL: nothing to boot */
    const char *initrd; /* NULL: none */
    const char *cmdline;
    uint64_t ram_size; /* bytes of RAM, in one piece, for kernel and initrd; x86-64: of that below 4 GiB */
    bool acpi;         /* the guest is given ACPI tables; always so on x86-64 */
};

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
    uint64_t ram_size; /* as in the configuration */
    bool acpi;
    int kernel_fd;
    int initrd_fd;
    uint64_t kernel_size; /* bytes of the file */
    uint64_t initrd_size;
    uint64_t entry; /* guest-physical address of the first instruction */
    uint64_t end;   /* first address above what the kernel needs before it manages memory itself */
    /* x86-64 */
    struct kernel_piece piece[KERNEL_PIECES_MAX];
    unsigned pieces;
    uint64_t initrd_max; /* highest address that an initrd may occupy */
    uint64_t setup_size; /* bzImage: bytes of the setup header that boot_params takes over */
    /* arm64 */
    struct arm64_image image;

    atomic_bool stop; /* a load that is under way ends soon, and fails */
};

/* The machine's memory as boot protocols list it. */
enum memory_type { MEMORY_RAM = 1, MEMORY_RESERVED = 2 };
struct memory_entry {
    uint64_t address;
    uint64_t size;
    enum memory_type type;
};

/* How much of a memory map is left for DIMMs. */
struct map_room {
    unsigned entries; /* DIMMs that meet share one, */
    uint64_t
        ram_end; /* and so do RAM that ends here, behind which DIMMs are listed, and one that begins here */
    const char *why; /* a warning's first words, where DIMMs have no room; NULL: there is room for all */
};

/* What the loader has to know of the machine: an architecture's own. */
struct boot_machine;

/* Open and check kernel and initrd. */
bool boot_open(struct boot *boot, const struct boot_config *config, struct error *error);
void boot_close(struct boot *boot);

/* Write kernel, initrd, command line and boot information into the guest's memory: RAM only. Any thread. */
bool boot_load(const struct boot *boot, const struct boot_machine *machine, struct vcpu_entry *entry,
               struct error *error);

/* Read from the kernel's file. */
bool boot_read(const struct boot *boot, uint64_t offset, void *buffer, uint64_t length);

/* Copy a piece of a file into the guest; the rest of the piece becomes zero. */
bool boot_load_piece(const struct boot *boot, struct guest_memory *memory, int fd,
                     const struct kernel_piece *piece);

/* What a file is that begins with `head`, as far as it is a kernel or the like: "an arm64 Image"; NULL if it
 * is nothing of the kind. */
const char *boot_what_is(const uint8_t *head, uint64_t length);

/* Of the architecture: describe the kernel whose first bytes are in `head`, padded with zeroes to BOOT_HEAD;
 * and with all files open, see whether there is room for them. The latter also without a kernel, for which it
 * sets boot->end if need be. */
#define BOOT_HEAD 4096 /* enough for the headers of every format */
bool boot_arch_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error);
bool boot_arch_check(struct boot *boot, struct error *error);

#endif
