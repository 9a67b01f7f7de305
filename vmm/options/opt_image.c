/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images that qemu-storage-daemon serves (block/storage_daemon.h): -blockdev driver=qcow2 and -drive of such
 * a file. A virtio-blk-pci of one becomes a vhost-user-blk-pci, which is the same device to the guest; that
 * is seen when all options are known, as they may come in any order.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "block/image_format.h"
#include "device/type.h"
#include "options/parser.h"

static struct image_config *find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->image_count; i++)
        if (strcmp(config->images[i].name, name) == 0)
            return &config->images[i];
    return NULL;
}

bool image_is_there(const struct config *config, const char *name)
{
    return find(config, name) != NULL;
}

/* ---- the node, as the daemon's --blockdev has it ---- */

/* As a command line has it. */
static const char *text_of(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_boolean))
        return json_object_get_string(value);
    return json_object_get_boolean(value) ? "on" : "off";
}

/* A member, with commas doubled. */
static void print_member(FILE *out, const char *name, struct json_object *value)
{
    const char *text = text_of(value);

    fprintf(out, ",%s=", name);
    for (; text && *text; text++) /* null is nothing */
        fprintf(out, *text == ',' ? ",," : "%c", *text);
}

static void print_members(FILE *out, const char *prefix, struct json_object *flat)
{
    char name[80];

    json_object_object_foreach(
        flat, member, value) if (*prefix || (strcmp(member, "driver") != 0 && strcmp(member, "file") != 0))
    {
        snprintf(name, sizeof name, "%s%.60s", prefix, member);
        print_member(out, name, value);
    }
}

/* `below`: the node of its file, if that has a name; NULL: it has none. */
static char *print_node(struct json_object *flat, struct json_object *below)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out, "driver=%s", json_object_get_string(json_object_object_get(flat, "driver")));
    print_members(out, "", flat);
    if (below)
        print_members(out, "file.", below);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static bool is_on(struct json_object *flat, const char *name)
{
    static const char *const words[] = { "on", "yes", "true", "y" };
    struct json_object *value = json_object_object_get(flat, name);
    bool found = false;

    for (size_t i = 0; value && i < COUNT_OF(words); i++)
        found |= strcmp(text_of(value), words[i]) == 0;
    return found;
}

/* A node that was given before becomes the daemon's. The caller's from now on. NULL: there is none. */
static struct json_object *take_below(struct config *config, const char *name)
{
    struct json_object *flat;

    for (size_t i = 0; i < config->blockdev_count; i++) {
        struct object_config given = config->blockdevs[i];
        const char *other = keyval_get(given.object, "node-name");

        if (!other || strcmp(other, name) != 0)
            continue;
        config->blockdev_count--;
        memmove(&config->blockdevs[i], &config->blockdevs[i + 1],
                (config->blockdev_count - i) * sizeof given);
        free(given.text);
        flat = props_flatten(given.object, NULL); /* as it was when it was checked */
        json_object_put(given.object);
        return flat;
    }
    return NULL;
}

static bool find_below(struct config *config, struct json_object *flat, struct json_object **below,
                       struct error *error)
{
    const char *name = keyval_get(flat, "file");

    *below = name ? take_below(config, name) : NULL;
    if (name && !*below)
        return error_set(
            error,
            "Cannot find device='' nor node-name='%.80s': file= is the node-name of a -blockdev before this "
            "one, or file.driver=file,file.filename=PATH is in its place",
            name);
    return name || json_object_object_get(flat, "file.filename") ||
           error_set(error, "Parameter 'file.filename' is missing: file.driver=file,file.filename=PATH");
}

bool image_wants(struct props props)
{
    const char *driver = props_string(props, "driver", NULL);

    return driver && image_format_is_served(driver);
}

static bool add_flat(struct parser *parser, struct json_object *flat, struct error *error)
{
    struct config *config = parser->config;
    const char *name = keyval_get(flat, "node-name");
    struct image_config *image;
    struct chardev_config *chardev;
    struct json_object *below;
    char id[64];

    if (!find_below(config, flat, &below, error))
        return false;
    image = array_grow(&config->images, config->image_count, sizeof *image);
    config->image_count++;
    image->name = string_copy(name);
    image->node = print_node(flat, below);
    json_object_put(below);
    image->writable = !is_on(flat, "read-only");
    image->option = parser->option;
    image->text = string_copy(parser->argument ? parser->argument : "");
    snprintf(id, sizeof id, IMAGE_CHARDEV "%s", name);
    chardev = array_grow(&config->chardevs, config->chardev_count, sizeof *chardev);
    config->chardev_count++;
    *chardev = (struct chardev_config){
        .id = string_copy(id), .kind = CHARDEV_SOCKET, .fd = -1, .origin = string_copy(name)
    };
    return image->node || error_set(error, "out of memory");
}

bool image_add(struct parser *parser, struct props props, struct error *error)
{
    struct json_object *flat = props_flatten(props.object, error);
    const bool good = flat && add_flat(parser, flat, error);

    json_object_put(flat);
    return good;
}

/* ---- its device ---- */

/* What a virtio-blk-pci has, and a disk that the daemon serves has not; but the value that changes nothing.
 */
static const struct {
    const char *name, *harmless, *instead;
} absent[] = {
    { "serial", NULL, "; the guest sees 'vhost_user_blk'" },
    { "iothread", NULL, "; the requests have the daemon's thread" },
    { "logical_block_size", NULL, "" },
    { "physical_block_size", NULL, "" },
    { "discard_granularity", NULL, "" },
    { "share-rw", "off", "" },
    { "werror", "report", "; failed writes are reported to the guest" },
    { "rerror", "report", "; failed reads are reported to the guest" },
};

/* True: it is for the new device. */
static bool take_member(struct json_object *device, const char *name, struct json_object *value,
                        struct image_config *image, struct error *error)
{
    const char *text = text_of(value);

    for (size_t i = 0; i < COUNT_OF(absent); i++)
        if (strcmp(name, absent[i].name) == 0)
            return strcmp(text, "auto") == 0 ||
                   (absent[i].harmless && strcmp(text, absent[i].harmless) == 0) ||
                   error_set(
                       error,
                       "%s=%.80s is not available for image '%s', which qemu-storage-daemon serves%s; leave it "
                       "out, or make a raw image: qemu-img convert -O raw",
                       name, text, image->name, absent[i].instead);
    if (strcmp(name, "driver") != 0 && strcmp(name, "drive") != 0)
        json_add(device, name, json_object_get(value));
    return true;
}

static bool change_device(struct object_config *given, struct image_config *image, struct error *error)
{
    static const char other[] = "-non-transitional";
    struct json_object *device = json_new_object();
    const char *driver = json_object_get_string(json_object_object_get(given->object, "driver"));
    char id[64];

    snprintf(id, sizeof id, IMAGE_CHARDEV "%s", image->name);
    add_string(device, "driver",
               strstr(driver, other) ? "vhost-user-blk-pci-non-transitional" : "vhost-user-blk-pci");
    add_string(device, "chardev", id);
    json_object_object_foreach(given->object, name,
                               value) if (!take_member(device, name, value, image, error))
    {
        json_object_put(device);
        return false;
    }
    json_object_put(given->object);
    given->object = device;
    image->used = true;
    return true;
}

bool finish_images(struct parser *parser, struct error *error)
{
    struct config *config = parser->config;

    for (size_t i = 0; i < config->device_count; i++) {
        struct object_config *given = &config->devices[i];
        const struct props props = { given->object, given->keyval };
        const char *driver = props_string(props, "driver", NULL), *drive = props_string(props, "drive", NULL);
        struct image_config *image = drive ? find(config, drive) : NULL;

        if (!image || !driver || strncmp(driver, "virtio-blk-pci", strlen("virtio-blk-pci")) != 0)
            continue;
        if (image->used)
            return error_set(error,
                             "-%s %.200s: Node '%s' is busy: another device uses it, and an image that "
                             "qemu-storage-daemon serves has one",
                             given->option, given->text, image->name);
        if (!change_device(given, image, error))
            return error_prefix(error, "-%s %.200s: ", given->option, given->text);
    }
    return true;
}
