/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/rom.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/mapping.h"
#include "host/file.h"
#include "layout/arm64.h"
#include "memory/guest_memory.h"

#if defined(__aarch64__)
#define ADDRESS(rom) ARM64_FLASH
#else
#define ADDRESS(rom) (UINT64_C(0x100000000) - (rom)->size)
#endif
#define LOW_END UINT64_C(0x100000)

static const char *const folders[] = { ROM_FOLDERS };

const char *rom_folder_at(size_t index)
{
    return index < sizeof folders / sizeof folders[0] ? folders[index] : NULL;
}

/* ---- finding it: as QEMU does, by the path that was given, then in each folder ---- */

static char *join(const char *folder, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

char *rom_find(const struct config *config, const char *name)
{
    char *path = NULL;

    for (size_t i = 0; !path && i < config->firmware_folder_count; i++) {
        path = join(config->firmware_folders[i], name);
        if (path && access(path, R_OK) < 0) {
            free(path);
            path = NULL;
        }
    }
    for (size_t i = 0; !path && rom_folder_at(i); i++) {
        path = join(rom_folder_at(i), name);
        if (path && access(path, R_OK) < 0) {
            free(path);
            path = NULL;
        }
    }
    return path;
}

/* NULL: it is nowhere, or memory is short. */
static char *find(const struct config *config)
{
    if (config->bios && access(config->bios, R_OK) == 0)
        return strdup(config->bios);
    return rom_find(config, config->bios ? config->bios : ROM_DEFAULT);
}

const char *rom_folders_text(char text[ROM_FOLDERS_TEXT_MAX])
{
    static const char *const all[] = { ROM_FOLDERS, NULL };

    text[0] = '\0';
    for (size_t i = 0; all[i]; i++) {
        strcat(text, all[i + 1] ? ", " : " and ");
        strcat(text, all[i]);
    }
    return text;
}

const char *rom_package(const char *path)
{
    static const struct {
        const char *prefix, *package;
    } names[] = {
        { "OVMF", "ovmf" },
        { "AAVMF", "qemu-efi-aarch64" },
        { "QEMU_EFI", "qemu-efi-aarch64" },
    };
    const char *slash = strrchr(path, '/');

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(slash ? slash + 1 : path, names[i].prefix, strlen(names[i].prefix)) == 0)
            return names[i].package;
    return NULL;
}

static bool not_found(const struct config *config, struct error *error)
{
    const char *package = config->bios ? rom_package(config->bios) : NULL;
    char text[ROM_FOLDERS_TEXT_MAX];

    rom_folders_text(text);
    if (config->bios)
        return error_set(error,
                         "-bios '%s': there is no such file that can be read, neither by this path nor in "
                         "the folders of -L%s%s%s",
                         config->bios, text, package ? "; it may be that of the package " : "",
                         package ? package : "");
    return error_set(
        error,
        "no firmware: %s is not in the folders of -L%s; install the package %s, name a file with "
        "-bios FILE, or boot a kernel with -kernel FILE",
        ROM_DEFAULT, text, ROM_PACKAGE);
}

/* ---- reading it ---- */

bool rom_read_all(int fd, uint8_t *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t got = read(fd, bytes, length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = ENODATA; /* it has become shorter */
        if (got <= 0)
            return false;
        bytes += got;
        length -= (size_t)got;
    }
    return true;
}

#define PIECE 4096u

/* Firmware is padded with zeros: pages of them stay untouched and take no memory of the host's. */
static bool read_image_bytes(int fd, uint8_t *image, size_t length)
{
    uint8_t piece[PIECE];

    for (size_t at = 0; at < length; at += PIECE) {
        const size_t part = length - at < PIECE ? length - at : PIECE;

        if (!rom_read_all(fd, piece, part))
            return false;
        if (piece[0] != 0 || memcmp(piece, piece + 1, part - 1) != 0)
            memcpy(image + at, piece, part);
    }
    return true;
}

#if defined(__aarch64__)
bool rom_can_start(const uint8_t *image, size_t size)
{
    uint32_t first;

    (void)size;
    memcpy(&first, image, sizeof first);
    return first != 0 && first != UINT32_MAX;
}
#else
bool rom_can_start(const uint8_t *image, size_t size)
{
    const uint8_t *vector = image + size - 16;
    bool same = true;

    for (unsigned i = 1; i < 16; i++)
        same = same && vector[i] == vector[0];
    return !same;
}
#endif

bool rom_is_uefi(const uint8_t *image, size_t size)
{
    static const char signature[] = "_FVH";
    const size_t offset = 40;

    return size >= offset + 4 && memcmp(image + offset, signature, 4) == 0;
}

/* Of the mapping: the guest's largest page. */
#define PAGE (64u * 1024)

static bool read_image(struct rom *rom, int fd, struct error *error)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return error_set(error, "-bios '%s': %s", rom->path, strerror(errno));
    if (status.st_size <= 0 || status.st_size % ROM_UNIT != 0 || status.st_size > ROM_SIZE_MAX)
        return error_set(error,
                         "-bios '%s' has %" PRId64 " bytes, but firmware for " ROM_MACHINE " is " ROM_SIZE,
                         rom->path, (int64_t)status.st_size);
    rom->size = ((size_t)status.st_size + PAGE - 1) & ~(size_t)(PAGE - 1);
    rom->image = mmap(NULL, rom->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (rom->image == MAP_FAILED) {
        rom->image = NULL;
        return error_set(error, "-bios '%s': out of memory", rom->path);
    }
    if (!read_image_bytes(fd, rom->image, (size_t)status.st_size))
        return error_set(error, "-bios '%s' cannot be read: %s", rom->path, strerror(errno));
    if (!rom_can_start(rom->image, rom->size))
        return error_set(error, "-bios '%s' is not firmware for " ROM_MACHINE ": " ROM_LACK, rom->path);
    /* Nobody who shares the guest's memory writes to it, either. */
    if (mprotect(rom->image, rom->size, PROT_READ) < 0)
        return error_set(error, "-bios '%s': %s", rom->path, strerror(errno));
    return true;
}

bool rom_open(struct rom *rom, const struct config *config, struct error *error)
{
    char why[FILE_WHY_SIZE];
    bool read;
    int fd;

    *rom = (struct rom){ .path = find(config) };
    if (!rom->path)
        return not_found(config, error);
    fd = file_open_regular(rom->path, O_RDONLY, 0, why);
    if (fd < 0)
        return error_set(error, "-bios '%s': %s", rom->path, why);
    read = read_image(rom, fd, error);
    close(fd);
    return read;
}

void rom_close(struct rom *rom)
{
    if (rom->image)
        mapping_give_back(rom->image, rom->size, "firmware");
    free(rom->path);
    *rom = (struct rom){ 0 };
}

/* ---- in the guest ---- */

bool rom_map(const struct rom *rom, struct guest_memory *memory, struct error *error)
{
    const struct guest_part part = {
        .address = ADDRESS(rom), .size = rom->size, .memory = rom->image, .fd = -1, .read_only = true
    };

    return guest_memory_add_part(memory, &part, error) != NULL ||
           error_prefix(error, "-bios '%s': ", rom->path);
}

bool rom_copy_low(const uint8_t *image, size_t size, struct guest_memory *memory, struct error *error)
{
    const size_t length = size < ROM_LOW_MAX ? size : ROM_LOW_MAX;

    return guest_memory_write(memory, LOW_END - length, image + size - length, length) ||
           error_set(error, "there is no RAM for firmware below 1 MiB");
}
