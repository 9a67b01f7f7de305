/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware of an x86-64 machine that has none in flash: an image, read once, that ends at 4 GiB and can
 * only be read there; and, of firmware in flash, too, the copy of its end below 1 MiB, in RAM, which each
 * reset makes anew, since firmware changes it.
 *
 * Threads: main thread.
 */
#ifndef VMM_FIRMWARE_ROM_H
#define VMM_FIRMWARE_ROM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct config;
struct guest_memory;

#define ROM_DEFAULT "bios-256k.bin"
#define ROM_UNIT (64u * 1024)            /* a size is a multiple of it, */
#define ROM_SIZE_MAX (16u * 1024 * 1024) /* and at most this: KVM's own pages are below */
#define ROM_LOW_MAX (128u * 1024)        /* what is copied below 1 MiB */

struct rom {
    char *path;     /* of the file, absolute or as it was given; NULL: there is none */
    uint8_t *image; /* a mapping that cannot be written */
    size_t size;
};

/* The folders in which firmware is looked for behind those of -L; NULL after the last. */
const char *rom_folder_at(size_t index);
/* Find config->bios, or the default, and read it. */
bool rom_open(struct rom *rom, const struct config *config, struct error *error);
void rom_close(struct rom *rom);
/* Into the guest's map, below 4 GiB. It needs a KVM slot. */
bool rom_map(const struct rom *rom, struct guest_memory *memory, struct error *error);
/* The 16 bytes that a processor runs first, at the end of an image of at least as many. False: all are the
 * same, so the image is for another machine, or no firmware: one of variables, or one that is padded for
 * another size. */
bool rom_has_reset_vector(const uint8_t *image, size_t size);
/* At the start and at each reset: the end of an image, of a ROM or in flash, below 1 MiB. False and an error:
 * the guest has no RAM there. */
bool rom_copy_low(const uint8_t *image, size_t size, struct guest_memory *memory, struct error *error);

#endif
