/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that the program inherits: those that its options name, and all others, which are closed.
 */
#include "host/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "host/file.h"
#include "host/passed.h"

bool inherited_take(const struct config *config, struct error *error)
{
    for (size_t i = 0; i < config->descriptor_count; i++) {
        const struct descriptor_config *one = &config->descriptors[i];
        int64_t set = one->set;

        if (!passed_take(one->fd, error))
            return error_prefix(error, "-add-fd: ");
        if (fcntl(one->fd, F_SETFD, FD_CLOEXEC) < 0)
            return error_set(error, "-add-fd fd=%d: %s", one->fd, strerror(errno));
        if (!passed_add(&set, one->fd, one->opaque, error))
            return error_prefix(error, "-add-fd: ");
    }
    return true;
}

/* Descriptors that are wanted, in a list that may be full. */
#define KEPT_MAX 512u
struct kept {
    int list[KEPT_MAX];
    size_t count;
};

static void keep(struct kept *kept, int fd)
{
    if (fd >= 0 && kept->count < KEPT_MAX)
        kept->list[kept->count++] = fd;
}

/* Those that a text names by /dev/fd/N and /proc/self/fd/N anywhere in it. */
static void keep_named(struct kept *kept, const char *text)
{
    static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };

    for (size_t folder = 0; folder < sizeof folders / sizeof folders[0]; folder++)
        for (const char *at = text; (at = strstr(at, folders[folder])) != NULL;) {
            at += strlen(folders[folder]);
            keep(kept, atoi(at));
        }
}

/* Those that properties of -netdev and -device name. */
static void keep_inherited(struct kept *kept, const struct object_config *objects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct props props = { objects[i].object, objects[i].keyval };

        kept->count += passed_inherited(props, kept->list + kept->count, KEPT_MAX - kept->count);
    }
}

void inherited_close(const struct config *config, int argc, char *argv[])
{
    struct kept kept = { .count = 0 };

    /* Whoever starts a target with its connection names that later: migrate-incoming fd:N. */
    if (config->incoming && strcmp(config->incoming, "defer") == 0)
        return;
    if (config->incoming && strncmp(config->incoming, "fd:", 3) == 0)
        keep(&kept, atoi(config->incoming + 3));
    for (size_t i = 0; i < config->chardev_count; i++)
        keep(&kept, config->chardevs[i].fd);
    for (size_t i = 0; i < config->descriptor_count; i++)
        keep(&kept, config->descriptors[i].fd);
    keep_inherited(&kept, config->netdevs, config->netdev_count);
    keep_inherited(&kept, config->devices, config->device_count);
    for (int i = 1; i < argc; i++)
        keep_named(&kept, argv[i]);
    for (size_t i = 0; i < config->section_count; i++)
        keep_named(&kept, config->sections[i]);
    if (kept.count < KEPT_MAX) /* rather too many open than one that is wanted closed */
        files_close_inherited(kept.list, kept.count);
}
