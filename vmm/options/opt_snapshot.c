/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -snapshot and -drive snapshot=on: the node of a drive becomes that of an image which qemu-storage-daemon
 * serves, over which there is a temporary one (block/overlay.h). Which drives that are is known at the end.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "block/request.h"
#include "block/storage_daemon.h"
#include "options/parser.h"

void writes_free(struct drive_writes *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(writes[i].node);
        free(writes[i].text);
    }
    free(writes);
}

static bool format_is_unsaid(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->blockdev_count; i++) {
        const char *other = keyval_get(config->blockdevs[i].object, "node-name");

        if (other && strcmp(other, name) == 0)
            return config->blockdevs[i].format_unsaid;
    }
    return false;
}

/* The temporary image over it, as the daemon's node; as in QEMU it is never flushed. */
static struct json_object *overlay_of(const char *name, struct json_object *below)
{
    static const char *const members[][2] = {
        { "read-only", "off" },       { "cache.direct", "off" }, { "cache.no-flush", "on" },
        { "discard", "unmap" },       { "file.driver", "file" }, { "file.filename", STORAGE_DAEMON_OVERLAY },
        { "backing.read-only", "on" }
    };
    struct json_object *flat = json_new_object();

    json_object_object_del(below, "node-name");
    json_object_object_del(below, "read-only");
    add_string(flat, "driver", "qcow2");
    add_string(flat, "node-name", name);
    for (size_t i = 0; i < COUNT_OF(members); i++)
        add_string(flat, members[i][0], members[i][1]);
    image_put_below(flat, "backing", below);
    return flat;
}

/* The node of a drive becomes an image, whichever it was, over which there is a temporary one. */
static bool put_overlay(struct config *config, const struct drive_writes *drive, struct error *error)
{
    struct image_config image = { .option = drive->option,
                                  .keyval = true,
                                  .writable = true,
                                  .block_size = BLOCK_SECTOR,
                                  .base_format_unsaid = format_is_unsaid(config, drive->node) };
    struct json_object *below = image_take_node(config, drive->node, &image.keyval);

    image.base = string_copy(keyval_get(below, "file.filename"));
    image.base_format = string_copy(keyval_get(below, "driver"));
    image.name = string_copy(drive->node);
    image.text = string_copy(drive->text);
    image.flat = overlay_of(drive->node, below);
    json_object_put(below);
    image.node = image_print(image.flat);
    if (!image.node || !json_check(image.flat, error)) {
        image_free(&image);
        return error_set(error, "out of memory");
    }
    *(struct image_config *)array_grow(&config->images, config->image_count, sizeof image) = image;
    config->image_count++;
    return true;
}

bool finish_snapshots(struct parser *parser, struct error *error)
{
    struct config *config = parser->config;

    for (size_t i = 0; i < parser->write_count; i++) {
        const struct drive_writes *drive = &parser->writes[i];

        if (drive->read_only || !(drive->snapshot_given ? drive->snapshot : config->snapshot))
            continue;
        if (drive->flash)
            return error_set(error,
                             "-%s %.200s: %s is for disks: what is written to flash goes to its image; give "
                             "readonly=on, or a copy of the image%s",
                             drive->option, drive->text, drive->snapshot_given ? "snapshot=on" : "-snapshot",
                             drive->snapshot_given ? "" : " with snapshot=off");
        if (!put_overlay(config, drive, error))
            return false;
    }
    return true;
}
