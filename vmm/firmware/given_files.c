/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of -fw_cfg.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/message.h"
#include "firmware/fw_cfg.h"
#include "firmware/rom.h"
#include "host/file.h"

/* NULL: an error. */
static uint8_t *read_open(int fd, const char *path, size_t *length, struct error *error)
{
    struct stat status;
    uint8_t *bytes;

    if (fstat(fd, &status) < 0) {
        error_set(error, "'%s': %s", path, strerror(errno));
        return NULL;
    }
    if (status.st_size > FW_CFG_SIZE_MAX) {
        error_set(error, "'%s' has %" PRId64 " bytes, which exceeds the limit of %u MiB for one item", path,
                  (int64_t)status.st_size, FW_CFG_SIZE_MAX / (1024 * 1024));
        return NULL;
    }
    *length = (size_t)status.st_size;
    bytes = malloc(*length > 0 ? *length : 1);
    if (!bytes) {
        error_set(error, "out of memory");
    } else if (!rom_read_all(fd, bytes, *length)) {
        error_set(error, "'%s' cannot be read: %s", path, strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}

static bool add_file(struct fw_cfg *fw_cfg, const struct fw_cfg_config *given, struct error *error)
{
    char why[FILE_WHY_SIZE];
    size_t length = 0;
    uint8_t *bytes;
    bool added;
    const int fd = file_open_regular(given->file, O_RDONLY, 0, why);

    if (fd < 0)
        return error_set(error, "can't load '%s': %s", given->file, why);
    bytes = read_open(fd, given->file, &length, error);
    close(fd);
    added = bytes && fw_cfg_add_file(fw_cfg, given->name, bytes, length, error);
    free(bytes);
    return added;
}

/* A string's NUL is not part of the item, as in QEMU. */
bool fw_cfg_add_given(struct fw_cfg *fw_cfg, const struct config *config, struct error *error)
{
    for (size_t i = 0; i < config->fw_cfg_file_count; i++) {
        const struct fw_cfg_config *given = &config->fw_cfg_files[i];

        if (strncmp(given->name, "opt/", 4) != 0)
            warning("-fw_cfg name=%s: externally provided fw_cfg item names should be prefixed with \"opt/\"",
                    given->name);
        if (given->file ? !add_file(fw_cfg, given, error)
                        : !fw_cfg_add_file(fw_cfg, given->name, given->string, strlen(given->string), error))
            return error_prefix(error, "-fw_cfg name=%s: ", given->name);
    }
    return true;
}
