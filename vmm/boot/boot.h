/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a Linux kernel into a guest without firmware: the part that all architectures share. The boot
 * protocols are in x86_boot.h and arm64_boot.h.
 *
 * boot_open() checks whatever can be checked before a guest exists, and keeps the files open: each reset
 * loads the same files again with boot_load(), even if their names have been removed or refer to other files.
 *
 * Threads: main thread, except for boot_load(), which runs on a worker while the guest is paused
 * (machine/reset.c). Meanwhile struct boot does not change, except for `stop`, which the main thread sets.
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

/* The kernel and the RAM that it is loaded into; strings are borrowed. */
struct boot_config {
    const char *kernel;  /* NULL: nothing to boot */
    const char *initrd;  /* NULL: none */
    const char *cmdline; /* NULL: empty */
    uint64_t ram_size;   /* bytes of contiguous RAM for kernel and initrd; x86-64: of RAM below 4 GiB */
    bool acpi;           /* the guest has ACPI tables; always true on x86-64 */
    bool by_firmware;    /* firmware runs first, reads the kernel, and starts it (firmware_kernel.h) */
};

/* A part of a file, and its place in guest memory; sizes and offsets in bytes. */
struct kernel_piece {
    uint64_t file_offset;
    uint64_t file_size;
    uint64_t address;     /* guest-physical */
    uint64_t memory_size; /* at least file_size; the rest is cleared */
};

#define KERNEL_PIECES_MAX 16

struct boot {
    enum kernel_format format;
    const char *kernel_path; /* borrowed from the configuration */
    const char *initrd_path;
    const char *cmdline;
    uint64_t ram_size; /* as in the configuration */
    bool acpi;
    bool by_firmware;
    int kernel_fd; /* -1: none, like the next */
    int initrd_fd;
    uint64_t kernel_size; /* of the file, bytes; like the next */
    uint64_t initrd_size;
    uint64_t entry; /* guest-physical address of the first instruction */
    uint64_t end;   /* end of the memory that the kernel needs before it manages memory itself */
    /* x86-64 */
    struct kernel_piece piece[KERNEL_PIECES_MAX];
    unsigned pieces;
    uint64_t initrd_max; /* highest guest-physical address of an initrd */
    uint64_t setup_size; /* bzImage: bytes of the setup header that are copied to boot_params */
    /* arm64 */
    struct arm64_image image;

    atomic_bool stop; /* a load in progress fails soon */
};

/* Whether there is something to boot_load(). */
static inline bool boot_is_direct(const struct boot *boot)
{
    return boot->format != KERNEL_NONE && !boot->by_firmware;
}

/* An entry of the memory map, with the types of E820 (ACPI 6.5, 15); guest-physical, bytes. */
enum memory_type { MEMORY_RAM = 1, MEMORY_RESERVED = 2 };
struct memory_entry {
    uint64_t address;
    uint64_t size;
    enum memory_type type;
};

/* Room for DIMMs in a memory map. */
struct map_room {
    unsigned entries; /* adjacent DIMMs share one */
    uint64_t ram_end; /* a DIMM that begins here shares the entry of the RAM before it; 0: none does */
    const char *why;  /* beginning of the warning about DIMMs that do not fit */
};

/* Input of the loader from the machine; each architecture defines its own. */
struct boot_machine;

/* Open and check kernel and initrd, and check that they fit into RAM. False and an error that names the
 * option and the limit; boot_close() is then still required. */
bool boot_open(struct boot *boot, const struct boot_config *config, struct error *error);
/* Close the files, after boot_open(). May be called again; no load may be in progress. */
void boot_close(struct boot *boot);

/* Write kernel, initrd, command line and boot information to guest RAM, and set *entry to the initial state
 * of the vCPU that boots. After a successful boot_open(), if boot_is_direct(), with vCPUs paused.
 * False and an error: a file cannot be read or has become shorter, RAM is missing, out of memory, or
 * boot->stop is set; some of it may have been written. Any thread. */
bool boot_load(const struct boot *boot, const struct boot_machine *machine, struct vcpu_entry *entry,
               struct error *error);

/* Read `length` bytes at an offset of the kernel's file. False, and errno if it is not boot->stop that ends
 * the read: an error, or the file is shorter (ENODATA). Any thread. */
bool boot_read(const struct boot *boot, uint64_t offset, void *buffer, uint64_t length);
/* The same of one of both files. */
bool boot_read_file(const struct boot *boot, int fd, uint64_t offset, void *buffer, uint64_t length);

/* Copy a piece of a file to guest memory, and clear the rest of the piece. False: the file cannot be read,
 * there is no memory, or boot->stop is set; some of it may have been written. Any thread. */
bool boot_load_piece(const struct boot *boot, struct guest_memory *memory, int fd,
                     const struct kernel_piece *piece);

/* Describe a file by its first `length` bytes, as a phrase that follows "is": "an arm64 Image",
 * "gzip-compressed". A constant string; NULL: neither a kernel nor compressed. Any thread. */
const char *boot_what_is(const uint8_t *head, uint64_t length);

#define BOOT_HEAD 4096 /* bytes: enough for the headers of every format */
/* The architecture's parts of boot_open(). Recognize the kernel whose first `length` bytes are in `head`,
 * padded with zeros to BOOT_HEAD, and set format, entry, end and the members of the architecture. False and
 * an error that names the file. */
bool boot_arch_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error);
/* With all files open: check that the command line and RAM suffice. Also called without a kernel: arm64 then
 * sets boot->end, and requires RAM for its tables. False and an error. */
bool boot_arch_check(struct boot *boot, struct error *error);

#endif
