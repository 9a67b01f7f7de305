/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware of a machine that has none in flash: an image that is read once, and mapped read-only where
 * the processor starts. On x86-64 it ends at 4 GiB, on arm64 it begins at 0, each as a first bank of flash
 * does. Also, for firmware in flash, too: on x86-64 the copy of its end in RAM below 1 MiB, which is made
 * anew at each reset, since firmware changes it.
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

/* What firmware is on the architecture that this program is built for. */
#if defined(__aarch64__)
#define ROM_MACHINE "arm64"
#define ROM_DEFAULT "QEMU_EFI.fd"
#define ROM_PACKAGE "qemu-efi-aarch64"
#define ROM_FOLDERS "/usr/share/qemu-efi-aarch64", "/usr/share/AAVMF", "/usr/share/qemu"
#define ROM_UNIT 4u /* an instruction: sizes are multiples of it, bytes */
#define ROM_SIZE "a multiple of 4 bytes, and at most 64 MiB"
#define ROM_SIZE_MAX (64u * 1024 * 1024)
#define ROM_PLACE "begin at 0"
#define ROM_LACK "its first instruction is none"
#else
#define ROM_MACHINE "x86-64"
#define ROM_DEFAULT "bios-256k.bin"
#define ROM_PACKAGE "seabios"
#define ROM_FOLDERS "/usr/share/seabios", "/usr/share/qemu"
#define ROM_UNIT (64u * 1024) /* sizes are multiples of it, bytes */
#define ROM_SIZE "a multiple of 64 KiB, and at most 16 MiB"
#define ROM_SIZE_MAX (16u * 1024 * 1024) /* maximum size, bytes: KVM's own pages are below */
#define ROM_PLACE "end at 4 GiB"
#define ROM_LACK "there is no reset vector in its last 16 bytes"
#endif
#define ROM_LOW_MAX (128u * 1024) /* maximum size of the copy below 1 MiB, bytes */

struct rom {
    char *path;     /* of the file, absolute or as it was given; NULL: there is none */
    uint8_t *image; /* a read-only mapping */
    size_t size;    /* bytes; on arm64 of whole pages: what the file lacks is 0 */
};

/* The folders that are searched for firmware after those of -L; NULL after the last. */
const char *rom_folder_at(size_t index);
/* The folders as the end of a list: ", FOLDER and FOLDER". Returns `text`. */
#define ROM_FOLDERS_TEXT_MAX 128
const char *rom_folders_text(char text[ROM_FOLDERS_TEXT_MAX]);
/* The path of a file in the first folder, of -L and of those, that has one of this name which can be read;
 * the caller frees it. NULL: there is none, or out of memory. */
char *rom_find(const struct config *config, const char *name);
/* Read `length` bytes. False and errno: that is not possible, or the file is shorter (ENODATA). */
bool rom_read_all(int fd, uint8_t *bytes, size_t length);
/* The Debian package that has a file of this name, whatever its folder; NULL: none that is known. */
const char *rom_package(const char *path);
/* Find the file config->bios, or ROM_DEFAULT, and read it. False and an error: not found, not readable, or
 * not firmware. rom_close() is to be called in both cases. */
bool rom_open(struct rom *rom, const struct config *config, struct error *error);
void rom_close(struct rom *rom);
/* Add the image to the guest's memory map. It occupies a KVM slot. False and an error, as for
 * guest_memory_add_part(). */
bool rom_map(const struct rom *rom, struct guest_memory *memory, struct error *error);
/* Whether an image may be firmware for this architecture, by the code that a processor executes first.
 * x86-64: its last 16 bytes, of which it has at least as many, are not all equal; arm64: its first 4 bytes
 * are neither all 0 nor all ones, which are no instructions. Otherwise it is firmware for another
 * architecture, contains variables, or is padded (ROM_LACK). */
bool rom_can_start(const uint8_t *image, size_t size);
/* Whether an image is UEFI: it begins with a firmware volume (UEFI PI 1.7, volume 3, 3.2.1). */
bool rom_is_uefi(const uint8_t *image, size_t size);
/* x86-64, at the start and at each reset: copy the end of an image, of a ROM or in flash, below 1 MiB. False
 * and an error: the guest has no RAM there. */
bool rom_copy_low(const uint8_t *image, size_t size, struct guest_memory *memory, struct error *error);

#endif
