/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pvpanic.h"

#include <stdlib.h>
#include <string.h>

#include <hotram/aml.h>
#include <hotram/aml_device.h>

struct values {
    uint32_t port;
    uint32_t events; /* PVPANIC_ bits that the guest is offered */
};

struct pvpanic {
    struct device device; /* first */
    struct values values;
};

static const struct property properties[] = {
    { "ioport", PROPERTY_UINT32, offsetof(struct values, port), PROPERTY_NO_GIVEN,
      "I/O port (default: 1285, which is 0x505)", NULL },
    { "events", PROPERTY_UINT32, offsetof(struct values, events), PROPERTY_NO_GIVEN,
      "what the guest may tell: 1 a panic, 2 that it starts a crash kernel, 3 (default) both", NULL },
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

static bool read_values(struct props props, struct values *values, struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };

    *values = (struct values){ PVPANIC_PORT, PVPANIC_PANICKED | PVPANIC_CRASH_LOADED };
    if (!props_read(props, properties, PROPERTY_COUNT, names, pvpanic_type.name, values, error))
        return false;
    if (values->port > UINT16_MAX)
        return error_set(error, "Parameter 'ioport' expects a port, 0 to 65535; got '%u'", values->port);
    return values->events <= (PVPANIC_PANICKED | PVPANIC_CRASH_LOADED) ||
           error_set(error, "Parameter 'events' expects 0 to 3; got '%u'", values->events);
}

static bool check(struct props props, struct error *error)
{
    struct values values;

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
    memcpy(values, &((const struct pvpanic *)device)->values, sizeof(struct values));
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
    .values_size = sizeof(struct values),
    .single = true,
    .check = check,
    .create = create,
    .describe = describe,
    .destroy = destroy,
    .aml = aml,
};
