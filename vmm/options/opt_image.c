/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images that qemu-storage-daemon serves (block/storage_daemon.h): -blockdev driver=qcow2 and -drive of such
 * a file. Nodes that were given before, by whose names one stands over them (file=, backing=), become the
 * daemon's with it. What has a device, and which, is seen when all options are known, as they may come in any
 * order.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "base/text.h"
#include "block/driver.h"
#include "block/image_format.h"
#include "options/parser.h"

struct image_config *image_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->image_count; i++)
        if (strcmp(config->images[i].name, name) == 0)
            return &config->images[i];
    return NULL;
}

const char *image_text(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_boolean))
        return json_object_get_string(value);
    return json_object_get_boolean(value) ? "on" : "off";
}

/* ---- the node, as the daemon's --blockdev has it: in JSON if all of it was given so, as null has no other
 * form ---- */

/* The object that a name with dots is in, made if it is not there; *name becomes what is behind its last dot.
 * A name that has a value is no object: the daemon refuses what is left. */
static struct json_object *holder_of(struct json_object *nested, const char **name)
{
    const char *dot;

    while ((dot = strchr(*name, '.')) != NULL) {
        char *part = strndup(*name, (size_t)(dot - *name));
        struct json_object *below = NULL;

        if (!part)
            json_fail(nested);
        else if (!json_object_object_get_ex(nested, part, &below)) {
            below = json_new_object();
            json_add(nested, part, below);
        }
        free(part);
        if (!json_object_is_type(below, json_type_object))
            break;
        nested = below;
        *name = dot + 1;
    }
    return nested;
}

static char *print_nested(struct json_object *flat)
{
    struct json_object *nested = json_new_object();
    struct text text = { 0 };

    json_object_object_foreach(flat, name, value)
    {
        const char *last = name;
        struct json_object *holder = holder_of(nested, &last);

        json_add(holder, last, json_object_get(value));
    }
    text_json(&text, nested, false);
    json_object_put(nested);
    if (!text.failed)
        return text.bytes;
    text_free(&text);
    return NULL;
}

/* A member, with commas doubled. */
static void print_member(FILE *out, const char *name, struct json_object *value)
{
    const char *text = image_text(value);

    fprintf(out, ",%s=", name);
    for (; text && *text; text++) /* null is nothing */
        fprintf(out, *text == ',' ? ",," : "%c", *text);
}

char *image_print(struct json_object *flat)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out, "driver=%s", json_object_get_string(json_object_object_get(flat, "driver")));
    json_object_object_foreach(flat, name, value) if (strcmp(name, "driver") != 0)
        print_member(out, name, value);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* ---- the nodes below it ---- */

void image_free(struct image_config *image)
{
    free(image->name);
    free(image->node);
    free(image->text);
    free(image->base);
    free(image->base_format);
    json_object_put(image->flat);
}

void images_free(struct image_config *images, size_t count)
{
    for (size_t i = 0; i < count; i++)
        image_free(&images[i]);
    free(images);
}

/* A node that was given before leaves its list, flat. NULL: there is none. */
static struct json_object *take_raw(struct config *config, const char *name, bool *keyval)
{
    struct json_object *flat;

    for (size_t i = 0; i < config->blockdev_count; i++) {
        struct object_config given = config->blockdevs[i];
        const char *other = keyval_get(given.object, "node-name");

        if (!other || strcmp(other, name) != 0)
            continue;
        *keyval |= given.keyval;
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

static struct json_object *take_image(struct config *config, const char *name, bool *keyval)
{
    struct image_config *image = image_find(config, name);
    struct json_object *flat = image ? json_object_get(image->flat) : NULL;

    if (!image)
        return NULL;
    *keyval |= image->keyval;
    image_free(image);
    config->image_count--;
    memmove(image, image + 1, (size_t)(config->images + config->image_count - image) * sizeof *image);
    return flat;
}

struct json_object *image_take_node(struct config *config, const char *name, bool *keyval)
{
    struct json_object *flat = take_image(config, name, keyval);

    return flat ? flat : take_raw(config, name, keyval);
}

void image_put_below(struct json_object *flat, const char *link, struct json_object *below)
{
    char *name;

    json_object_object_del(flat, link);
    json_object_object_foreach(below, member, value)
    {
        if (asprintf(&name, "%s.%s", link, member) < 0) {
            json_fail(flat);
            continue;
        }
        json_add(flat, name, json_object_get(value));
        free(name);
    }
}

/* Nodes that it names are given by their members from now on. It ends, as each is taken away. */
static bool expand(struct config *config, struct json_object *flat, bool *keyval, struct error *error)
{
    static const char *const links[] = { "file", "backing" };

    for (size_t i = 0; i < COUNT_OF(links); i++) {
        const char *name = keyval_get(flat, links[i]);
        struct json_object *below;
        bool good;

        if (!name || !*name) /* backing= is none */
            continue;
        below = image_take_node(config, name, keyval);
        if (!below)
            return error_set(
                error,
                "Cannot find device='' nor node-name='%.80s': %s= is the node-name of a -blockdev "
                "before this one, over which no other image is, or %s.driver=file,%s.filename=PATH is "
                "in its place",
                name, links[i], links[i], links[i]);
        good = expand(config, below, keyval, error);
        if (good)
            image_put_below(flat, links[i], below);
        json_object_put(below);
        if (!good)
            return false;
    }
    return json_check(flat, error);
}

/* ---- it ---- */

bool image_wants(struct props props)
{
    const char *driver = props_string(props, "driver", NULL);

    return driver && image_format_is_served(driver);
}

/* *image fills with it, without what it belongs to. */
static bool read_image(struct config *config, struct props props, struct image_config *image,
                       struct error *error)
{
    struct props flat = { props_flatten(props.object, error), props.keyval };
    bool read_only = false;

    image->flat = flat.object;
    image->keyval = props.keyval;
    if (!flat.object || !block_image_check(flat, &read_only, error) ||
        !expand(config, flat.object, &image->keyval, error))
        return false;
    image->name = string_copy(keyval_get(flat.object, "node-name"));
    image->node = image->keyval ? image_print(flat.object) : print_nested(flat.object);
    image->writable = !read_only;
    image->block_size = BLOCK_SECTOR;
    return image->node || error_set(error, "out of memory");
}

bool image_add(struct parser *parser, struct props props, struct error *error)
{
    struct config *config = parser->config;
    struct image_config image = { .option = parser->option };

    if (!read_image(config, props, &image, error)) {
        image_free(&image);
        return false;
    }
    image.text = string_copy(parser->argument ? parser->argument : "");
    *(struct image_config *)array_grow(&config->images, config->image_count, sizeof image) = image;
    config->image_count++;
    return true;
}

/* Those that none is over. */
static void add_chardevs(struct config *config)
{
    for (size_t i = 0; i < config->image_count; i++) {
        const char *name = config->images[i].name;
        char id[64];

        snprintf(id, sizeof id, IMAGE_CHARDEV "%s", name);
        *(struct chardev_config *)array_grow(&config->chardevs, config->chardev_count,
                                             sizeof *config->chardevs) = (struct chardev_config){
            .id = string_copy(id), .kind = CHARDEV_SOCKET, .fd = -1, .origin = string_copy(name)
        };
        config->chardev_count++;
    }
}

/* Flash is read as it is. */
static bool check_flash(const struct config *config, struct error *error)
{
    for (unsigned i = 0; i < FLASH_BANKS; i++)
        if (config->pflash[i] && image_find(config, config->pflash[i]))
            return error_set(
                error,
                "pflash%u: node '%s' is in a format that qemu-storage-daemon serves, to disks only; flash is "
                "a raw image: qemu-img convert -O raw",
                i, config->pflash[i]);
    return true;
}

bool finish_images(struct parser *parser, struct error *error)
{
    struct config *config = parser->config;

    if (!check_flash(config, error) || !finish_snapshots(parser, error))
        return false;
    add_chardevs(config);
    for (size_t i = 0; i < config->device_count; i++) {
        struct object_config *given = &config->devices[i];
        const struct props props = { given->object, given->keyval };
        const char *driver = props_string(props, "driver", NULL), *drive = props_string(props, "drive", NULL);
        struct image_config *image = drive ? image_find(config, drive) : NULL;

        if (!image || !driver || strncmp(driver, "virtio-blk-pci", strlen("virtio-blk-pci")) != 0)
            continue;
        if (image->used)
            return error_set(error,
                             "-%s %.200s: Node '%s' is busy: another device uses it, and an image that "
                             "qemu-storage-daemon serves has one",
                             given->option, given->text, image->name);
        if (!image_device(given, driver, image, error))
            return error_prefix(error, "-%s %.200s: ", given->option, given->text);
    }
    return true;
}
