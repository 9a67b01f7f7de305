/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block nodes of the command line, before the devices that use them: what their images are, and what is
 * said of those that cannot be used.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/message.h"
#include "block/image_format.h"
#include "block/node.h"
#include "firmware/rom.h"
#include "machine/state.h"

static bool is_of_format(const char *path, const char *format, struct error *error)
{
    if (image_format_is_served(format))
        return error_set(
            error,
            "'%s' begins as a %s image does%s: -drive file=FILE,format=%s has qemu-storage-daemon serve it as "
            "one; if it is raw nevertheless, -drive file=FILE,format=raw says so",
            path, format,
            strcmp(format, "qcow2") == 0 ? " that needs another file, or is of an unknown version" : "",
            format);
    return error_set(error,
                     "'%s' begins as a %s image does, and hotram reads and writes raw images: `qemu-img "
                     "convert -O raw IMAGE NEW-IMAGE` makes one of it; if it is raw nevertheless, -drive "
                     "file=FILE,format=raw says so",
                     path, format);
}

/* One that cannot be opened as a raw image, such as for its size, which others need not have. */
static void explain_format(const struct object_config *given, struct error *error)
{
    const struct props props = { given->object, given->keyval };
    const char *path = given->format_unsaid ? props_string(props, "file.filename", NULL) : NULL;
    const int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    uint8_t head[IMAGE_FORMAT_BYTES];
    const ssize_t length = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
    const char *format = length > 0 ? image_format(head, (size_t)length) : NULL;

    if (fd >= 0)
        close(fd);
    if (format)
        is_of_format(path, format, error);
}

/* Firmware that is not there is that of a package that is not installed. Block nodes do not know of firmware,
 * so this comes before they try to open it. */
static bool check_package(const struct object_config *given, struct error *error)
{
    const struct props props = { given->object, given->keyval };
    const char *path = props_string(props, "filename", NULL);
    const char *package;

    if (!path)
        path = props_string(props, "file.filename", NULL);
    package = path && access(path, F_OK) < 0 && errno == ENOENT ? rom_package(path) : NULL;
    return !package ||
           error_set(error, "Could not open '%s': %s; install the package %s, or name another file", path,
                     strerror(ENOENT), package);
}

/* An image whose format was not given, and which is no qcow2 image by itself, is raw or refused: its guest
 * may have written what it begins with. */
static bool check_format(const struct block_nodes *nodes, const struct object_config *given,
                         struct error *error)
{
    const struct props props = { given->object, given->keyval };
    const struct block_node *node;
    struct block_node_info info;
    const char *format = NULL;

    if (!given->format_unsaid)
        return true;
    node = block_node_find(nodes, props_string(props, "node-name", NULL));
    if (!block_node_guess(node, &format, error))
        return false;
    block_node_inspect(node, &info);
    if (format)
        return is_of_format(info.filename, format, error);
    warning(
        "-%s %.200s: the format of '%s' was not specified and is taken to be raw; %s removes this warning",
        given->option, given->text, info.filename,
        strcmp(given->option, "drive") == 0 ? "format=raw"
                                            : "-drive file=FILE,index=N,format=raw in its place");
    return true;
}

/* Before the devices that use them. */
bool machine_create_blocks(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;

    if (config->incoming)
        block_nodes_unlock(machine->blocks); /* until the source has given its locks up */
    for (size_t i = 0; i < config->blockdev_count; i++) {
        struct props props = { config->blockdevs[i].object, config->blockdevs[i].keyval };

        if (!check_package(&config->blockdevs[i], error))
            return machine_quote(&config->blockdevs[i], error);
        if (!block_node_add(machine->blocks, props, error)) {
            explain_format(&config->blockdevs[i], error);
            return machine_quote(&config->blockdevs[i], error);
        }
        if (!check_format(machine->blocks, &config->blockdevs[i], error))
            return machine_quote(&config->blockdevs[i], error);
    }
    return true;
}
