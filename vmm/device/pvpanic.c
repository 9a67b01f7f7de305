/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pvpanic.h"

#include <stdlib.h>
#include <string.h>

#include <hotram/aml.h>
#include <hotram/aml_device.h>

struct pvpanic_values {
    uint32_t port;
    uint32_t events; /* PVPANIC_ bits that the guest is offered */
};

struct pvpanic {
    struct device device; /* first */
    struct pvpanic_values values;
};

static const struct property properties[] = {
    PROPERTY_ROW_RANGE(pvpanic_values, "ioport", PROPERTY_UINT32, port,
                       "I/O port (default: 1285, which is 0x505)", NUMBER_RANGE(0, UINT16_MAX)),
    PROPERTY_ROW_RANGE(
        pvpanic_values, "events", PROPERTY_UINT32, events,
        "events that the guest may report: 1 a panic, 2 the start of a crash kernel, 3 (default) both",
        NUMBER_RANGE(0, PVPANIC_PANICKED | PVPANIC_CRASH_LOADED)),
};
#define PROPERTY_COUNT (sizeof properties / sizeof properties[0])

static uint64_t read_events(void *device, uint64_t offset, unsigned width)
{
    (void)offset, (void)width;
    return ((const struct pvpanic *)device)->values.events;
}

static void write_event(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    const struct pvpanic *pvpanic = device;
    const struct board *board = pvpanic->device.board;

    (void)offset, (void)width;
    value &= pvpanic->values.events;
    if (value & PVPANIC_PANICKED)
        board->panicked(board->machine);
    else if (value & PVPANIC_CRASH_LOADED)
        board->crash_loaded(board->machine);
}

static bool read_values(struct props props, struct pvpanic_values *values, struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };

    *values = (struct pvpanic_values){ PVPANIC_PORT, PVPANIC_PANICKED | PVPANIC_CRASH_LOADED };
    return props_read(props, properties, PROPERTY_COUNT, names, pvpanic_type.name, values, error);
}

static bool check(struct props props, struct error *error)
{
    struct pvpanic_values values;

    return read_values(props, &values, error);
}

static void destroy(struct device *device)
{
    free(device);
}

static enum outcome create(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error)
{
    struct pvpanic *pvpanic = calloc(1, sizeof *pvpanic);
    struct bus_range range = {
        .count = 1,
        .width_max = 1,
        .read = read_events,
        .write = write_event,
        .device = pvpanic,
        .name = "pvpanic",
    };

    (void)completion;
    if (!pvpanic) {
        error_set(error, "out of memory");
        return OUTCOME_FAILED;
    }
    if (!read_values(props, &pvpanic->values, error) ||
        !device_enlist(&pvpanic->device, board, &pvpanic_type, id, hot, error)) {
        free(pvpanic);
        return OUTCOME_FAILED;
    }
    range.first = pvpanic->values.port;
    if (!bus_add(board->bus, &range, error)) {
        device_delist(&pvpanic->device);
        free(pvpanic);
        return OUTCOME_FAILED;
    }
    pvpanic->device.present = true;
    return OUTCOME_DONE;
}

static void describe(const struct device *device, void *values)
{
    memcpy(values, &((const struct pvpanic *)device)->values, sizeof(struct pvpanic_values));
}

static void aml(const struct device *device, struct hotram_aml *out)
{
    const uint16_t port = (uint16_t)((const struct pvpanic *)device)->values.port;

    hotram_aml_device(out, "PEVT");
    hotram_aml_name(out, "_HID");
    hotram_aml_string(out, "QEMU0001");
    hotram_aml_name(out, "_STA");
    hotram_aml_integer(out, 0xf); /* Linux' driver wants it present, shown and working */
    hotram_aml_name(out, "_CRS");
    hotram_aml_resource_template(out);
    hotram_aml_io(out, port, port, 1, 1);
    hotram_aml_end(out);
    hotram_aml_end(out);
}

const struct device_type pvpanic_type = {
    .name = "pvpanic",
    .parent = "device",
    .properties = properties,
    .property_count = PROPERTY_COUNT,
    .values_size = sizeof(struct pvpanic_values),
    .single = true,
    .check = check,
    .create = create,
    .describe = describe,
    .destroy = destroy,
    .aml = aml,
};
