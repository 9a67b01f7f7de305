/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/option_rom.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "firmware/rom.h"
#include "host/file.h"

#define UNIT 512u /* of the size that its third byte gives */

static bool not_found(const char *name, struct error *error)
{
    char folders[ROM_FOLDERS_TEXT_MAX];

    return error_set(error,
                     "-kernel: firmware that is not UEFI starts a kernel by QEMU's %s, which is not in the "
                     "folders of -L%s; install the package %s, or omit -bios and pflash0 to boot the "
                     "kernel directly",
                     name, rom_folders_text(folders), OPTION_ROM_PACKAGE);
}

static bool check(const uint8_t *bytes, uint64_t size, const char *path, struct error *error)
{
    if (size < 3 || bytes[0] != 0x55 || bytes[1] != 0xaa)
        return error_set(error, "'%s' is not an option ROM: it does not begin with 0x55 0xaa", path);
    return bytes[2] * (uint64_t)UNIT <= size ||
           error_set(error, "'%s' is truncated: it announces %u bytes, and has %" PRIu64, path,
                     bytes[2] * UNIT, size);
}

static bool read_open(int fd, const char *path, uint8_t bytes[OPTION_ROM_MAX], size_t *size,
                      struct error *error)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return error_set(error, "'%s': %s", path, strerror(errno));
    if (status.st_size > OPTION_ROM_MAX)
        return error_set(error, "'%s' has %" PRId64 " bytes, and an option ROM has at most %u KiB", path,
                         (int64_t)status.st_size, OPTION_ROM_MAX / 1024);
    *size = (size_t)status.st_size;
    return rom_read_all(fd, bytes, *size) ||
           error_set(error, "'%s' cannot be read: %s", path, strerror(errno));
}

static bool add(struct fw_cfg *fw_cfg, const char *path, const char *name, struct error *error)
{
    char why[FILE_WHY_SIZE], file[FW_CFG_NAME_MAX + 1];
    uint8_t *bytes = malloc(OPTION_ROM_MAX);
    const int fd = file_open_regular(path, O_RDONLY, 0, why);
    size_t size = 0;
    bool added;

    snprintf(file, sizeof file, OPTION_ROM_FOLDER "%s", name);
    if (fd < 0)
        added = error_set(error, "'%s': %s", path, why);
    else if (!bytes)
        added = error_set(error, "'%s': out of memory", path);
    else
        added = read_open(fd, path, bytes, &size, error) && check(bytes, size, path, error) &&
                fw_cfg_add_file(fw_cfg, file, bytes, size, error);
    if (fd >= 0)
        close(fd);
    free(bytes);
    return added;
}

bool option_rom_add(struct fw_cfg *fw_cfg, const struct config *config, const char *name, struct error *error)
{
    char *path = rom_find(config, name);
    bool added;

    if (!path)
        return not_found(name, error);
    added = add(fw_cfg, path, name, error) || error_prefix(error, "-kernel: ");
    free(path);
    return added;
}
