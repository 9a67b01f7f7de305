/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -drive: QEMU's short form of a -blockdev and, with if=virtio, the -device that uses it. It is taken apart
 * into both, so that all of them go one way from there. -hda to -hdd, and an image without an option, are
 * short forms of -drive.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "block/image_format.h"
#include "options/parser.h"

struct drive {
    char *file, *interface, *format, *cache, *aio, *discard, *id, *media, *werror, *rerror;
    bool read_only, snapshot, index_given;
    uint32_t index;
};

#define ROW(name, type, field, help) PROPERTY_ROW(drive, name, type, field, help)
static const struct property properties[] = {
    ROW("file", PROPERTY_STRING, file, "path of an image, or of a disk of the host below /dev/"),
    ROW("if", PROPERTY_STRING, interface,
        "virtio (default): a virtio-blk-pci; none: a -device names it by drive=ID"),
    PROPERTY_ROW_GIVEN(
        drive, "index", PROPERTY_UINT32, index,
        "its number among the drives of its if=, from which a virtio one without id= has its name"),
    ROW("format", PROPERTY_STRING, format,
        "raw, or qcow2 and others that qemu-storage-daemon serves; without it the image is taken to be raw, with a warning, unless it begins as that of another format"),
    ROW("cache", PROPERTY_STRING, cache, "writeback (default), none, writethrough, directsync or unsafe"),
    ROW("aio", PROPERTY_STRING, aio, "as -blockdev aio="),
    ROW("discard", PROPERTY_STRING, discard, "as -blockdev discard="),
    ROW("id", PROPERTY_STRING, id, "its name, which is the block node's"),
    ROW("media", PROPERTY_STRING, media, "disk"),
    ROW("werror", PROPERTY_STRING, werror, "as the device's, with if=virtio"),
    ROW("rerror", PROPERTY_STRING, rerror, "as the device's, with if=virtio"),
    ROW("readonly", PROPERTY_BOOL, read_only, "it is only read (default off)"),
    ROW("read-only", PROPERTY_BOOL, read_only, "the same"),
    ROW("snapshot", PROPERTY_BOOL, snapshot, "off"),
};

static const struct cache_mode {
    const char *name;
    bool direct, no_flush, write_through;
} cache_modes[] = {
    { "writeback", false, false, false },   { "none", true, false, false },
    { "writethrough", false, false, true }, { "directsync", true, false, true },
    { "unsafe", false, true, false },
};

static const struct cache_mode *find_cache(const char *name, struct error *error)
{
    for (size_t i = 0; i < COUNT_OF(cache_modes); i++)
        if (!name || strcmp(cache_modes[i].name, name) == 0)
            return &cache_modes[i];
    error_set(error,
              "invalid cache option: '%.80s'; it is one of writeback, none, writethrough, directsync, unsafe",
              name);
    return NULL;
}

static bool is_virtio(const struct drive *drive)
{
    return !drive->interface || strcmp(drive->interface, "virtio") == 0;
}

static bool check_drive(const struct drive *drive, const struct cache_mode *cache, struct error *error)
{
    if (!is_virtio(drive) && strcmp(drive->interface, "none") != 0)
        return error_set(error, "unsupported bus type '%.80s': hotram has if=virtio and if=none",
                         drive->interface);
    if (!drive->file || !*drive->file)
        return error_set(error, "Parameter 'file' is missing: the path of an image");
    if (drive->format && strcmp(drive->format, "raw") != 0 && !image_format_is_served(drive->format))
        return error_set(
            error,
            "format '%.80s': hotram reads and writes raw images, format=raw, and has qemu-storage-daemon serve qcow2 "
            "and other formats; `qemu-img convert -O raw IMAGE NEW-IMAGE` makes one of another format",
            drive->format);
    if (drive->media && strcmp(drive->media, "disk") != 0)
        return error_set(error,
                         "media=%.80s is not available; media=disk,readonly=on is a disk that is only read",
                         drive->media);
    if (drive->snapshot)
        return error_set(
            error, "snapshot=on is not available; `cp --reflink=auto` makes a copy for the guest to write");
    if (is_virtio(drive))
        return true;
    if (!drive->id)
        return error_set(error, "Parameter 'id' is missing: with if=none a -device names the drive by it");
    if (cache->write_through || drive->werror || drive->rerror)
        return error_set(error, "with if=none %s the device's: -device virtio-blk-pci,drive=%.80s,%s",
                         cache->write_through ? "this mode of cache is" : "werror and rerror are", drive->id,
                         cache->write_through ? "write-cache=off" : "werror=...");
    return true;
}

static void add_switch(struct json_object *object, const char *name, bool value)
{
    add_string(object, name, value ? "on" : "off");
}

/* Not of the command line's words, but all that they say. */
static bool add_node(struct parser *parser, const struct drive *drive, const struct cache_mode *cache,
                     const char *name, struct error *error)
{
    struct props props = { json_new_object(), true };
    const bool disk = strncmp(drive->file, "/dev/", 5) == 0;
    bool good;

    add_string(props.object, "driver", drive->format ? drive->format : "raw");
    add_string(props.object, "node-name", name);
    add_string(props.object, "file.driver", disk ? "host_device" : "file");
    add_string(props.object, "file.filename", drive->file);
    add_switch(props.object, "read-only", drive->read_only);
    add_switch(props.object, "cache.direct", cache->direct);
    add_switch(props.object, "cache.no-flush", cache->no_flush);
    if (drive->discard)
        add_string(props.object, "discard", drive->discard);
    if (drive->aio)
        add_string(props.object, "file.aio", drive->aio);
    good = blockdev_add(parser, props, error);
    if (good && !drive->format)
        parser->config->blockdevs[parser->config->blockdev_count - 1].format_unsaid = true;
    json_object_put(props.object);
    return good;
}

static bool add_device(struct parser *parser, const struct drive *drive, const struct cache_mode *cache,
                       const char *name, struct error *error)
{
    struct props props = { json_new_object(), true };
    bool good;

    add_string(props.object, "driver", "virtio-blk-pci");
    add_string(props.object, "drive", name);
    add_switch(props.object, "write-cache", !cache->write_through);
    if (drive->werror)
        add_string(props.object, "werror", drive->werror);
    if (drive->rerror)
        add_string(props.object, "rerror", drive->rerror);
    good = device_option_add(parser, props, error);
    json_object_put(props.object);
    return good;
}

static bool index_is_taken(const struct parser *parser, bool virtio, uint32_t index)
{
    for (size_t i = 0; i < parser->drive_count; i++)
        if (parser->drives[i].virtio == virtio && parser->drives[i].index == index)
            return true;
    return false;
}

/* As in QEMU: a drive without index= has the lowest that is free when it is read. */
static bool take_index(struct parser *parser, const struct drive *drive, uint32_t *index, struct error *error)
{
    struct drive_index *taken;

    *index = drive->index;
    if (drive->index_given && index_is_taken(parser, is_virtio(drive), drive->index))
        return error_set(
            error,
            "drive with index=%u exists: -hda is index 0, -hdd 3, and a drive without an index has "
            "the lowest that is free; -drive file=FILE,format=raw without index= takes a free one",
            drive->index);
    while (!drive->index_given && index_is_taken(parser, is_virtio(drive), *index))
        ++*index;
    taken = array_grow(&parser->drives, parser->drive_count, sizeof *taken);
    *taken = (struct drive_index){ is_virtio(drive), *index };
    parser->drive_count++;
    return true;
}

static bool read_drive(struct parser *parser, const struct drive *drive, struct error *error)
{
    const struct cache_mode *cache = find_cache(drive->cache, error);
    char name[40];
    uint32_t index;

    if (!cache || !check_drive(drive, cache, error) || !take_index(parser, drive, &index, error))
        return false;
    snprintf(name, sizeof name, "virtio%u", index);
    return add_node(parser, drive, cache, drive->id ? drive->id : name, error) &&
           (!is_virtio(drive) || add_device(parser, drive, cache, drive->id ? drive->id : name, error));
}

bool option_drive(struct parser *parser, const char *argument, struct error *error)
{
    struct props props = { keyval_parse(argument, NULL, error), true };
    struct drive drive = { 0 };
    bool good = props.object != NULL;

    if (good && keyval_get(props.object, "help")) {
        help_properties("drive", properties, COUNT_OF(properties));
        parser->done = true;
    } else if (good) {
        good = props_read(props, properties, COUNT_OF(properties), NULL, "drive", &drive, error) &&
               read_drive(parser, &drive, error);
        props_free(properties, COUNT_OF(properties), &drive);
    }
    json_object_put(props.object);
    return good;
}

bool option_hd(struct parser *parser, const char *argument, struct error *error)
{
    const struct drive drive = { .file = (char *)argument,
                                 .index = (uint32_t)(parser->option[2] - 'a'),
                                 .index_given = true };

    return read_drive(parser, &drive, error);
}
