/* SPDX-License-Identifier: BSD-2-Clause */
#include "hotplug/pc_dimm.h"

#include <stdio.h>

/* The values of all properties. */
struct pc_dimm_values {
    struct pc_dimm_request given;
    uint64_t size;
    char path[DEVICE_PATH_SIZE]; /* of memdev */
};

static const struct property properties[] = {
    PROPERTY_ROW_REQUIRED(
        pc_dimm_values, "memdev", PROPERTY_STRING, given.memdev,
        "id of the memory backend that provides its memory; required",
        "'memdev' property is not set: create a backend with object_add memory-backend-ram,id=m1,size=1G and use memdev=m1"),
    DIMM_PLACE_ROWS(DIMM_PLACE_PROPERTY, pc_dimm_values, given.place),
};
#define PROPERTY_COUNT (sizeof properties / sizeof properties[0])

static const struct property shown[] = {
    PROPERTY_ROW(pc_dimm_values, "size", PROPERTY_SIZE, size, "bytes"),
};

static enum outcome create(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };
    struct pc_dimm_values values = { 0 };
    enum outcome outcome;

    if (!pc_dimm_begin(board->hotplug, id, error) ||
        !props_read(props, properties, PROPERTY_COUNT, names, pc_dimm_type.name, &values, error))
        return OUTCOME_FAILED;
    /* 0 is the default, as in QEMU, and chooses the lowest that fits. */
    values.given.place.addr_given = values.given.place.addr != 0;
    outcome = pc_dimm_plug(board->hotplug, id, &values.given, hot, completion, error);
    props_free(properties, PROPERTY_COUNT, &values);
    return outcome;
}

static void describe(const struct device *device, void *opaque)
{
    struct pc_dimm_values *values = opaque;
    struct dimm_info info;

    hotplug_describe(device, &info);
    snprintf(values->path, sizeof values->path, "/objects/%s", info.memdev);
    values->given.memdev = values->path;
    values->given.place = (struct dimm_place){ .slot = (int32_t)info.slot,
                                               .addr = info.addr,
                                               .node = info.node,
                                               .slot_given = true,
                                               .addr_given = true,
                                               .node_given = true };
    values->size = info.size;
}

const struct device_type pc_dimm_type = {
    .name = "pc-dimm",
    .parent = "device",
    .properties = properties,
    .property_count = PROPERTY_COUNT,
    .shown = shown,
    .shown_count = sizeof shown / sizeof shown[0],
    .values_size = sizeof(struct pc_dimm_values),
    .hot = true,
    .own_ids = true,
    .banked = true,
    .create = create,
    .describe = describe,
    .unplug = pc_dimm_unplug,
};
