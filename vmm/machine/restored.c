/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine that continues from a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine/snapshot.h"
#include "machine/state.h"

static bool restore_from(struct machine *machine, int fd, uint64_t size, struct error *error)
{
    struct stream_writer *scratch = malloc(sizeof *scratch);
    struct saved_memory *memory = malloc(sizeof *memory);
    size_t length;
    uint8_t *bytes = stream_read_file(fd, &length);
    bool restored = bytes || error_set(error, "%s", strerror(errno));
    struct hotram_saved stream;

    if (restored && !(scratch && memory))
        restored = error_set(error, "out of memory");
    restored = restored && stream_accept(bytes, length, &stream, error) &&
               machine_restore_parts(machine, &stream, fd, size, scratch, memory, error);
    free(bytes);
    free(memory);
    free(scratch);
    return restored;
}

/* How the error names the option: config->snapshot_file is that of either. */
static bool prefix(const struct config *config, struct error *error)
{
    return error_prefix(error,
                        config->restore ? "-restore '%s': " : "-incoming 'file:%s': ", config->snapshot_file);
}

bool machine_restore(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;
    struct stat status;
    bool restored;
    int fd;

    if (!machine_check_kind(machine, error))
        return error_prefix(error, config->restore ? "-restore: " : "-incoming: ");
    fd = open(config->snapshot_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        error_set(error, "%s", strerror(errno));
        return prefix(config, error);
    }
    if (fstat(fd, &status) < 0)
        restored = error_set(error, "%s", strerror(errno));
    else if (!S_ISREG(status.st_mode))
        restored = error_set(error, "it is not a regular file");
    else
        restored = restore_from(machine, fd, (uint64_t)status.st_size, error);
    close(fd);
    machine->arrived = restored;
    return restored || prefix(config, error);
}
