/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device of an image that qemu-storage-daemon serves: a virtio-blk-pci becomes a vhost-user-blk-pci,
 * which is the same device to the guest.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "block/request.h"
#include "device/type.h"
#include "options/parser.h"

/* What a virtio-blk-pci has, and a disk that the daemon serves has not; but the values that change nothing.
 */
static const struct {
    const char *name, *harmless[2], *instead;
} absent[] = {
    { "serial", { NULL }, "; the guest sees 'vhost_user_blk'" },
    { "iothread", { NULL }, "; the requests have the daemon's thread" },
    { "share-rw", { "false" }, "; the daemon locks it as its one writer" },
    { "werror", { "report", "auto" }, "; failed writes are reported to the guest" },
    { "rerror", { "report", "auto" }, "; failed reads are reported to the guest" },
};

/* What is logical_block_size, or the disk has not. */
static const char *const sizes[] = { "physical_block_size", "discard_granularity" };

static bool is_harmless(size_t row, const char *text)
{
    for (size_t i = 0; i < COUNT_OF(absent[row].harmless); i++)
        if (absent[row].harmless[i] && strcmp(absent[row].harmless[i], text) == 0)
            return true;
    return false;
}

static bool refuse(const struct object_config *given, const char *name, const struct image_config *image,
                   const char *instead, struct error *error)
{
    return error_set(error,
                     "%s=%.80s is not available for image '%s', which qemu-storage-daemon serves%s; leave it "
                     "out, or %s",
                     name, image_text(json_object_object_get(given->object, name)), image->name, instead,
                     image->base ? "snapshot=on" : "make a raw image: qemu-img convert -O raw");
}

static bool check_absent(const struct object_config *given, struct json_object *device,
                         const struct image_config *image, struct error *error)
{
    struct json_object *value;
    char instead[80];

    for (size_t i = 0; i < COUNT_OF(absent); i++)
        if (json_object_object_get_ex(device, absent[i].name, &value) &&
            !is_harmless(i, json_object_get_string(value)))
            return refuse(given, absent[i].name, image, absent[i].instead, error);
    snprintf(instead, sizeof instead, "; it is logical_block_size, which is %u", image->block_size);
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        if (json_object_object_get_ex(device, sizes[i], &value) &&
            json_object_get_int64(value) != image->block_size)
            return refuse(given, sizes[i], image, instead, error);
    return true;
}

/* What was given, as the table of virtio-blk-pci reads it: each value with its type, whichever way it was
 * written. */
static struct json_object *read_device(const struct object_config *given, const char *driver,
                                       struct error *error)
{
    static const char *const others[] = { "driver", "id", NULL };
    const struct device_type *type = device_type_find(driver);
    const struct props props = { given->object, given->keyval };
    void *values = calloc(1, type->values_size);
    struct json_object *device = NULL, *id;

    if (!values)
        error_set(error, "out of memory");
    else if (props_read(props, type->properties, type->property_count, others, type->name, values, error)) {
        device = json_new_object();
        if (json_object_object_get_ex(given->object, "id", &id))
            json_add(device, "id", json_object_get(id));
        for (size_t i = 0; i < type->property_count; i++)
            if (json_object_object_get_ex(given->object, type->properties[i].name, NULL))
                json_add(device, type->properties[i].name, property_value(&type->properties[i], values));
        props_free(type->properties, type->property_count, values);
    }
    free(values);
    return device;
}

/* What a vhost-user-blk-pci has not: it is the image's, or nobody's. */
static void drop_members(struct json_object *device)
{
    for (size_t i = 0; i < COUNT_OF(absent); i++)
        json_object_object_del(device, absent[i].name);
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        json_object_object_del(device, sizes[i]);
    json_object_object_del(device, "logical_block_size");
    json_object_object_del(device, "drive");
}

bool image_device(struct object_config *given, const char *driver, struct image_config *image,
                  struct error *error)
{
    struct json_object *device = read_device(given, driver, error), *size;
    const bool other = strstr(driver, "-non-transitional") != NULL;
    char id[64];

    if (!device)
        return false;
    image->block_size = json_object_object_get_ex(device, "logical_block_size", &size)
                            ? (unsigned)json_object_get_int64(size)
                            : BLOCK_SECTOR;
    if (!check_absent(given, device, image, error)) {
        json_object_put(device);
        return false;
    }
    drop_members(device);
    snprintf(id, sizeof id, IMAGE_CHARDEV "%s", image->name);
    add_string(device, "driver", other ? "vhost-user-blk-pci-non-transitional" : "vhost-user-blk-pci");
    add_string(device, "chardev", id);
    json_object_put(given->object);
    given->object = device;
    given->keyval = false;
    image->used = true;
    return true;
}
