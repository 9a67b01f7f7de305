/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware of an x86-64 machine that has none in flash: an image that is read once, and mapped read-only
 * so that it ends at 4 GiB. Also, for firmware in flash, too: the copy of its end in RAM below 1 MiB, which
 * is made anew at each reset, since firmware changes it.
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
#define ROM_UNIT (64u * 1024)            /* sizes are multiples of it, bytes */
#define ROM_SIZE_MAX (16u * 1024 * 1024) /* maximum size, bytes: KVM's own pages are below */
#define ROM_LOW_MAX (128u * 1024)        /* maximum size of the copy below 1 MiB, bytes */

struct rom {
    char *path;     /* of the file, absolute or as it was given; NULL: there is none */
    uint8_t *image; /* a read-only mapping */
    size_t size;    /* bytes */
};

/* The folders that are searched for firmware after those of -L; NULL after the last. */
const char *rom_folder_at(size_t index);
/* The Debian package that has a file of this name, whatever its folder; NULL: none that is known. */
const char *rom_package(const char *path);
/* Find the file config->bios, or ROM_DEFAULT, and read it. False and an error: not found, not readable, or
 * not firmware. rom_close() is to be called in both cases. */
bool rom_open(struct rom *rom, const struct config *config, struct error *error);
void rom_close(struct rom *rom);
/* Add the image to the guest's memory map, below 4 GiB. It occupies a KVM slot. False and an error, as for
 * guest_memory_add_part(). */
bool rom_map(const struct rom *rom, struct guest_memory *memory, struct error *error);
/* Whether the last 16 bytes of an image, which has at least as many, may be the code that a processor
 * executes first. False: all are equal, so the image is not firmware for x86, contains variables, or is
 * padded at its end. */
bool rom_has_reset_vector(const uint8_t *image, size_t size);
/* At the start and at each reset: copy the end of an image, of a ROM or in flash, below 1 MiB. False and an
 * error: the guest has no RAM there. */
bool rom_copy_low(const uint8_t *image, size_t size, struct guest_memory *memory, struct error *error);

#endif
