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
#include "block/protocol.h"
#include "options/parser.h"

struct drive {
    uint32_t unit;
    bool unit_given;
    char *file, *interface, *format, *cache, *aio, *discard, *id, *media, *werror, *rerror;
    bool read_only, snapshot, snapshot_given, index_given;
    uint32_t index;
};

#define ROW(name, type, field, help) PROPERTY_ROW(drive, name, type, field, help)
static const struct property properties[] = {
    ROW("file", PROPERTY_STRING, file, "path of an image, or of a disk of the host below /dev/"),
    ROW("if", PROPERTY_STRING, interface,
        "virtio (default): a virtio-blk-pci; pflash: a bank of flash; none: a -device names it by drive=ID"),
    PROPERTY_ROW_GIVEN_RANGE(drive, "unit", PROPERTY_UINT32, unit,
                             "with if=pflash: which bank (default: the first that has no image)",
                             NUMBER_RANGE(0, FLASH_BANKS - 1)),
    PROPERTY_ROW_GIVEN(
        drive, "index", PROPERTY_UINT32, index,
        "its number among the drives of its if=, from which a virtio one without id= has its name"),
    ROW("format", PROPERTY_STRING, format,
        "raw, or qcow2 and others that qemu-storage-daemon serves; without it an image that begins as a qcow2 one over no other file is one, and any other is taken to be raw, with a warning, unless it begins as that of another format"),
    ROW("cache", PROPERTY_STRING, cache, "writeback (default), none, writethrough, directsync or unsafe"),
    ROW("aio", PROPERTY_STRING, aio, "as -blockdev aio="),
    ROW("discard", PROPERTY_STRING, discard, "as -blockdev discard="),
    ROW("id", PROPERTY_STRING, id, "its name, which is the block node's"),
    ROW("media", PROPERTY_STRING, media, "disk"),
    ROW("werror", PROPERTY_STRING, werror, "as the device's, with if=virtio"),
    ROW("rerror", PROPERTY_STRING, rerror, "as the device's, with if=virtio"),
    ROW("readonly", PROPERTY_BOOL, read_only, "it is only read (default off)"),
    ROW("read-only", PROPERTY_BOOL, read_only, "the same"),
    PROPERTY_ROW_GIVEN(
        drive, "snapshot", PROPERTY_BOOL, snapshot,
        "what the guest writes is kept in a temporary file, by qemu-storage-daemon, and lost at "
        "the end (default off, with -snapshot on)"),
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

static bool is_flash(const struct drive *drive)
{
    return drive->interface && strcmp(drive->interface, "pflash") == 0;
}

/* QEMU's "file:" in front of a name says that it is no protocol's. */
static const char *file_name(const struct drive *drive)
{
    const bool prefixed = strncmp(drive->file, "file:", 5) == 0;

    return prefixed ? drive->file + 5 : drive->file;
}

static bool check_drive(const struct drive *drive, const struct cache_mode *cache, struct error *error)
{
    if (!is_virtio(drive) && !is_flash(drive) && strcmp(drive->interface, "none") != 0)
        return error_set(error, "unsupported bus type '%.80s': hotram has if=virtio, if=pflash and if=none",
                         drive->interface);
    if (!drive->file || !*file_name(drive))
        return error_set(error, "Parameter 'file' is missing: the path of an image");
    if (!block_protocol_check_file(drive->file, error))
        return false;
    if (drive->format && strcmp(drive->format, "raw") != 0 && !image_format_is_served(drive->format))
        return error_set(
            error,
            "format '%.80s': hotram reads and writes raw images, format=raw, and has qemu-storage-daemon serve qcow2 "
            "and other formats; `qemu-img convert -O raw IMAGE NEW-IMAGE` makes one of another format",
            drive->format);
    if (is_flash(drive) && drive->format && strcmp(drive->format, "raw") != 0)
        return error_set(error,
                         "format '%.80s': with if=pflash the image is raw; `qemu-img convert -O raw IMAGE "
                         "NEW-IMAGE` makes one of another format",
                         drive->format);
    if (drive->media && strcmp(drive->media, "disk") != 0)
        return error_set(error,
                         "media=%.80s is not available; media=disk,readonly=on is a disk that is only read",
                         drive->media);
    if (drive->unit_given && !is_flash(drive))
        return error_set(error, "unit=%u is for if=pflash; a disk's place is that of its -device",
                         drive->unit);
    if (is_flash(drive) && (drive->werror || drive->rerror))
        return error_set(error,
                         "werror and rerror are a disk's; with if=pflash the guest sees the error in the "
                         "flash's status register");
    if (is_virtio(drive) || is_flash(drive))
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

static void note_writes(struct parser *parser, const struct drive *drive, const char *name)
{
    *(struct drive_writes *)array_grow(&parser->writes, parser->write_count,
                                       sizeof *parser->writes) = (struct drive_writes){
        .node = string_copy(name),
        .option = parser->option,
        .text = string_copy(parser->argument ? parser->argument : ""),
        .snapshot_given = drive->snapshot_given,
        .snapshot = drive->snapshot,
        .read_only = drive->read_only,
        .flash = is_flash(drive),
    };
    parser->write_count++;
}

/* Not of the command line's words, but all that they say. */
static bool add_node(struct parser *parser, const struct drive *drive, const struct cache_mode *cache,
                     const char *name, struct error *error)
{
    struct props props = { json_new_object(), true };
    const bool disk = strncmp(file_name(drive), "/dev/", 5) == 0;
    const char *found = drive->format || is_flash(drive) ? NULL : image_format_alone(file_name(drive));
    bool good;

    add_string(props.object, "driver", drive->format ? drive->format : found ? found : "raw");
    add_string(props.object, "node-name", name);
    add_string(props.object, "file.driver", disk ? "host_device" : "file");
    add_string(props.object, "file.filename", file_name(drive));
    add_switch(props.object, "read-only", drive->read_only);
    add_switch(props.object, "cache.direct", cache->direct);
    add_switch(props.object, "cache.no-flush", cache->no_flush);
    if (drive->discard)
        add_string(props.object, "discard", drive->discard);
    if (drive->aio)
        add_string(props.object, "file.aio", drive->aio);
    good = blockdev_add(parser, props, error);
    if (good && !drive->format && !found)
        parser->config->blockdevs[parser->config->blockdev_count - 1].format_unsaid = true;
    if (good)
        note_writes(parser, drive, name);
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

/* The bank that it is: named, or the first that is free. */
static bool choose_bank(const struct parser *parser, const struct drive *drive, uint32_t *bank,
                        struct error *error)
{
    char *const *pflash = parser->config->pflash;

    if (drive->unit_given && drive->index_given)
        return error_set(error, "index cannot be used with bus and unit: unit=%u is the bank", drive->unit);
    if (drive->index_given && drive->index >= FLASH_BANKS)
        return error_set(error, "index=%u: a machine has %u banks of flash, index=0 and index=1",
                         drive->index, FLASH_BANKS);
    *bank = drive->index_given ? drive->index : drive->unit;
    while (!drive->unit_given && !drive->index_given && *bank < FLASH_BANKS && pflash[*bank])
        ++*bank;
    if (*bank == FLASH_BANKS)
        return error_set(error, "all banks of flash have an image: a machine has %u", FLASH_BANKS);
    return !pflash[*bank] ||
           error_set(error, "drive with bus=0, unit=%u (index=%u) exists: bank %u is node '%.80s'", *bank,
                     *bank, *bank, pflash[*bank]);
}

static bool read_flash(struct parser *parser, const struct drive *drive, const struct cache_mode *cache,
                       struct error *error)
{
    char name[40];
    uint32_t bank;

    if (!choose_bank(parser, drive, &bank, error))
        return false;
    snprintf(name, sizeof name, "pflash%u", bank);
    if (!add_node(parser, drive, cache, drive->id ? drive->id : name, error))
        return false;
    replace_string(&parser->config->pflash[bank], drive->id ? drive->id : name);
    return true;
}

static bool read_drive(struct parser *parser, const struct drive *drive, struct error *error)
{
    const struct cache_mode *cache = find_cache(drive->cache, error);
    char name[40];
    uint32_t index;

    if (!cache || !check_drive(drive, cache, error))
        return false;
    if (is_flash(drive))
        return read_flash(parser, drive, cache, error);
    if (!take_index(parser, drive, &index, error))
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

/* A file name as it is, without -drive's commas. */
bool option_pflash(struct parser *parser, const char *argument, struct error *error)
{
    char *file = string_copy(argument);
    const struct drive drive = { .file = file,
                                 .interface = (char[]){ "pflash" },
                                 .format = (char[]){ "raw" } };
    const bool good = read_drive(parser, &drive, error);

    free(file);
    return good;
}
