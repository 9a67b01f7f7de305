/* SPDX-License-Identifier: BSD-2-Clause */
#include "block/driver.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "base/suggest.h"
#include "block/engine.h"
#include "block/image_format.h"
#include "block/protocol.h"

/* The first of each is what stands for none. */
static const char *const discards[] = { "ignore", "unmap", "off", "on", NULL };
static const char *const detections[] = { "off", "on", "unmap", NULL };
static const char *const engines[] = { "auto", "threads", "io_uring", "native", NULL };
static const char *const lockings[] = { "auto", "on", "off", NULL };

#define COMMON \
    PROPERTY_ROW(block_spec, "node-name", PROPERTY_STRING, node_name, \
                 "its name, by which devices and nodes refer to it"), \
        PROPERTY_ROW(block_spec, "read-only", PROPERTY_BOOL, read_only, "it is only read (default off)"), \
        PROPERTY_ROW(block_spec, "auto-read-only", PROPERTY_BOOL, auto_read_only, \
                     "where the host lets hotram not write, as read-only=on (default off)"), \
        PROPERTY_ROW_WORDS(block_spec, "discard", discard, \
                           "unmap: what the guest discards is given back to the host; ignore (default)", \
                           discards), \
        PROPERTY_ROW_WORDS(block_spec, "detect-zeroes", detect_zeroes, \
                           "off (default): zeroes that the guest writes are written as other data", \
                           detections), \
        PROPERTY_ROW(block_spec, "cache.direct", PROPERTY_BOOL, direct, \
                     "past the host's page cache, by O_DIRECT (default off)"), \
        PROPERTY_ROW(block_spec, "cache.no-flush", PROPERTY_BOOL, no_flush, \
                     "the guest's flushes are not made: a crash of the host loses data (default off)")
#define IMAGE \
    PROPERTY_ROW_REQUIRED(block_spec, "filename", PROPERTY_STRING, filename, "path of the image", \
                          "Parameter 'filename' is missing: the path of the image"), \
        PROPERTY_ROW_WORDS( \
            block_spec, "aio", aio, \
            "io_uring, threads or native (as io_uring); by default io_uring where the host lets hotram use it", \
            engines), \
        PROPERTY_ROW_WORDS(block_spec, "locking", locking, \
                           "on, off or auto (default): other programs see that the image is in use", \
                           lockings)

static const struct property image_properties[] = { COMMON, IMAGE };
static const struct property raw_properties[] = {
    COMMON,
    PROPERTY_ROW_REQUIRED(
        block_spec, "file", PROPERTY_STRING, file,
        "the node-name of what it is over; or file.driver=, file.filename= ...",
        "Parameter 'file' is missing: file=NODE-NAME, or file.driver=file,file.filename=PATH"),
};
static const struct property null_properties[] = {
    COMMON,
    PROPERTY_ROW(block_spec, "size", PROPERTY_SIZE, size, "bytes (default 1G)"),
    PROPERTY_ROW(block_spec, "latency-ns", PROPERTY_UINT64, latency,
                 "nanoseconds until it answers (default 0)"),
    PROPERTY_ROW(block_spec, "read-zeroes", PROPERTY_BOOL, read_zeroes,
                 "what is read is zeroes; else the guest's memory stays as it is (default off)"),
};

static bool null_open(struct block_node *node, struct error *error)
{
    (void)error;
    node->block = BLOCK_SECTOR;
    node->direct = false;
    node->writable = !node->read_only;
    return true;
}

static bool null_resize(struct block_node *node, uint64_t size, struct error *error)
{
    (void)error;
    atomic_store(&node->size, size);
    return true;
}

static const struct block_driver drivers[] = {
    { .name = "file",
      .properties = image_properties,
      .property_count = COUNT_OF(image_properties),
      .open = block_file_open,
      .resize = block_file_resize },
    { .name = "host_device",
      .properties = image_properties,
      .property_count = COUNT_OF(image_properties),
      .open = block_device_open,
      .resize = block_device_resize },
    { .name = "null-co",
      .properties = null_properties,
      .property_count = COUNT_OF(null_properties),
      .engine = &block_engine_null,
      .open = null_open,
      .resize = null_resize },
    { .name = "raw", .properties = raw_properties, .property_count = COUNT_OF(raw_properties), .over = true },
};

const struct block_driver *block_driver_at(size_t index)
{
    return index < COUNT_OF(drivers) ? &drivers[index] : NULL;
}

/* ---- bags ---- */

static const char below[] = "file.";
#define BELOW (sizeof below - 1)

struct json_object *block_below(struct json_object *flat)
{
    struct json_object *bag = NULL;

    json_object_object_foreach(flat, name, value) if (strncmp(name, below, BELOW) == 0)
    {
        if (!bag)
            bag = json_new_object();
        json_add(bag, name + BELOW, json_object_get(value));
    }
    return bag;
}

/* What is not for the node below; "file" is there also where that is given by its members. */
static struct json_object *own(struct json_object *flat, bool has_below)
{
    struct json_object *bag = json_new_object();

    if (has_below)
        add_string(bag, "file", "");
    json_object_object_foreach(flat, name, value) if (strncmp(name, below, BELOW) != 0)
        json_add(bag, name, json_object_get(value));
    return bag;
}

/* ---- words ---- */

static bool read_words(struct block_spec *spec, struct error *error)
{
    static const enum block_aio kinds[] = { BLOCK_AIO_AUTO, BLOCK_AIO_THREADS, BLOCK_AIO_URING,
                                            BLOCK_AIO_AUTO };

    if (property_word(detections, spec->detect_zeroes) != 0)
        return error_set(
            error,
            "detect-zeroes=%s: hotram does not look for zeroes in what the guest writes; leave it "
            "out, or say off",
            spec->detect_zeroes);
    spec->unmap = property_word(discards, spec->discard) % 2 == 1;
    spec->aio_kind = kinds[property_word(engines, spec->aio)];
    spec->locking_kind = (enum block_locking)property_word(lockings, spec->locking);
    return true;
}

static bool unknown_driver(const char *name, struct error *error)
{
    struct suggestion suggestion;
    char subject[200];
    const char *served;

    if (image_format_is_served(name))
        return error_set(
            error,
            "driver '%.80s': hotram starts qemu-storage-daemon, which serves this format, only for "
            "-blockdev and -drive on the command line. For a running guest, start it: "
            "`qemu-storage-daemon --blockdev %.80s,node-name=disk,file.driver=file,file.filename=IMAGE "
            "--export vhost-user-blk,id=export,node-name=disk,writable=on,addr.type=unix,addr.path=SOCKET`, "
            "then `chardev-add socket,id=disk,path=SOCKET` and `device_add vhost-user-blk-pci,chardev=disk`",
            name, name);
    if (!block_protocol_check(name, error))
        return false;
    suggestion_start(&suggestion, name);
    for (size_t i = 0; i < COUNT_OF(drivers); i++)
        suggestion_offer(&suggestion, drivers[i].name);
    for (size_t i = 0; (served = image_format_served(i)) != NULL; i++)
        suggestion_offer(&suggestion, served);
    words_format(subject, sizeof subject, "Unknown driver '%.80s'", name);
    return suggestion_fail(&suggestion, subject, error);
}

/* NULL: none of hotram's has this name. */
static const struct block_driver *driver_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(drivers); i++)
        if (strcmp(drivers[i].name, name) == 0)
            return &drivers[i];
    return NULL;
}

static const char *driver_name(struct props props, struct error *error)
{
    struct error reason = { 0 };
    const char *name = props_string(props, "driver", &reason);

    if (!name)
        error_set(error, "%s",
                  reason.text[0] ? reason.text
                                 : "Parameter 'driver' is missing, such as driver=file,filename=disk.img");
    return name;
}

static bool find_driver(struct props props, struct block_spec *spec, struct error *error)
{
    const char *name = driver_name(props, error);

    if (!name)
        return false;
    spec->driver = driver_of(name);
    return spec->driver || unknown_driver(name, error);
}

#define NAME_MAX_QEMU 31

static bool check_name(const char *name, bool nested, struct error *error)
{
    if (!name)
        return nested || error_set(error, "'node-name' must be specified for the root node");
    if (!id_well_formed(name))
        return error_set(
            error, "Invalid node-name: '%.80s': it is letters, digits, '-', '.', '_', starting with a letter",
            name);
    return strlen(name) <= NAME_MAX_QEMU ||
           error_set(error, "Node name too long: '%.80s' has %zu characters, and at most %d are taken", name,
                     strlen(name), NAME_MAX_QEMU);
}

bool block_name_check(const char *name, struct error *error)
{
    return check_name(name, false, error);
}

/* An empty `file` is how own() says that the node is given by its members: as a name it is refused here. */
static bool check_file(const struct block_spec *spec, bool has_below, struct error *error)
{
    if (spec->driver->over && !has_below && !*spec->file)
        return error_set(error, "Parameter 'file' expects the node-name of a -blockdev, or is left out for "
                                "file.driver=file,file.filename=PATH; got ''");
    if (spec->driver->over && has_below && *spec->file)
        return error_set(error, "'file' is given as a name and as a node of its own; one of them is enough");
    return !spec->filename || *spec->filename ||
           error_set(error, "Parameter 'filename' expects the path of the image; got ''");
}

static bool check_spec(const struct block_spec *spec, bool nested, bool has_below, struct error *error)
{
    if (!check_name(spec->node_name, nested, error) || !check_file(spec, has_below, error))
        return false;
    if (spec->size % BLOCK_SECTOR != 0)
        return error_set(error, "Parameter 'size' expects a multiple of %u bytes; got %" PRIu64, BLOCK_SECTOR,
                         spec->size);
    if (spec->size > INT64_MAX)
        return error_set(error, "Parameter 'size' expects at most %" PRId64 " bytes; got %" PRIu64,
                         INT64_MAX - INT64_MAX % BLOCK_SECTOR, spec->size);
    return true;
}

bool block_spec_read(struct props flat, bool nested, struct block_spec *spec, struct error *error)
{
    static const char *const skipped[] = { "driver", NULL };
    struct json_object *below_bag = block_below(flat.object);
    struct props mine = { own(flat.object, below_bag != NULL), flat.keyval };
    char what[32];
    bool good;

    *spec = (struct block_spec){ .size = UINT64_C(1) << 30 };
    good = find_driver(mine, spec, error);
    if (good) {
        snprintf(what, sizeof what, "driver %s", spec->driver->name);
        good = props_read(mine, spec->driver->properties, spec->driver->property_count, skipped, what, spec,
                          error) &&
               read_words(spec, error) && check_spec(spec, nested, below_bag != NULL, error);
    }
    json_object_put(mine.object);
    json_object_put(below_bag);
    return good;
}

void block_spec_free(struct block_spec *spec)
{
    if (spec->driver)
        props_free(spec->driver->properties, spec->driver->property_count, spec);
}

/* ---- images of qemu-storage-daemon ---- */

/* Those members that are in the driver's table. */
static struct json_object *known(struct json_object *bag, const struct block_driver *driver)
{
    struct json_object *found = json_new_object();

    for (size_t i = 0; i < driver->property_count; i++) {
        const char *name = driver->properties[i].name;
        struct json_object *value;

        if (json_object_object_get_ex(bag, name, &value))
            json_add(found, name, json_object_get(value));
    }
    return found;
}

/* The values of one node that its driver has in common with one of hotram's. */
static bool check_known(struct props flat, bool has_below, const struct block_driver *driver, bool *read_only,
                        struct error *error)
{
    struct json_object *mine = own(flat.object, has_below);
    struct props props = { known(mine, driver), flat.keyval };
    struct block_spec spec = { .driver = driver };
    const bool good = json_check(props.object, error) &&
                      props_read(props, driver->properties, driver->property_count, NULL, driver->name, &spec,
                                 error) &&
                      check_file(&spec, has_below, error);

    *read_only = spec.read_only;
    block_spec_free(&spec);
    json_object_put(props.object);
    json_object_put(mine);
    return good;
}

static bool check_below(struct props flat, struct error *error)
{
    struct json_object *deeper = block_below(flat.object);
    const bool has_deeper = deeper != NULL;
    const struct block_driver *driver;
    const char *name = driver_name(flat, error);
    bool ignored;

    json_object_put(deeper);
    if (!name)
        return false;
    driver = driver_of(name);
    return !driver || check_known(flat, has_deeper, driver, &ignored, error);
}

bool block_image_check(struct props flat, bool *read_only, struct error *error)
{
    static const struct block_driver *const format =
        &drivers[COUNT_OF(drivers) - 1]; /* raw has what all have */
    struct props file = { block_below(flat.object), flat.keyval };
    const bool good = check_known(flat, file.object != NULL, format, read_only, error) &&
                      (!file.object || check_below(file, error) || error_prefix(error, "file: "));

    json_object_put(file.object);
    return good;
}
