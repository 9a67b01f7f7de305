/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -device isa-serial: -serial's longer spelling. The port itself is the machine's; this is its entry among
 * the devices, with the id and the chardev that it was given.
 */
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

struct serial_values {
    char *chardev;
    uint32_t index;
};

static const struct property properties[] = {
    PROPERTY_ROW(serial_values, "chardev", PROPERTY_STRING, chardev,
                 "the chardev that the port is connected to"),
    PROPERTY_ROW_RANGE(serial_values, "index", PROPERTY_UINT32, index, "0: COM1, the only one",
                       NUMBER_ONLY(0, ": hotram has one serial port, COM1")),
};
#define PROPERTY_COUNT (sizeof properties / sizeof properties[0])

extern const struct device_type isa_serial_type;

struct isa_serial {
    struct device device; /* first */
    struct serial_values values;
};

static bool read_values(struct props props, struct serial_values *values, struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };

    return props_read(props, properties, PROPERTY_COUNT, names, isa_serial_type.name, values, error);
}

static bool check(struct props props, struct error *error)
{
    struct serial_values values = { 0 };

    if (!read_values(props, &values, error))
        return false;
    props_free(properties, PROPERTY_COUNT, &values);
    return true;
}

static void destroy(struct device *device)
{
    struct isa_serial *serial = (struct isa_serial *)device;

    props_free(properties, PROPERTY_COUNT, &serial->values);
    free(serial);
}

static enum outcome create(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error)
{
    struct isa_serial *serial = calloc(1, sizeof *serial);

    (void)completion;
    if (!serial) {
        error_set(error, "out of memory");
        return OUTCOME_FAILED;
    }
    if (!read_values(props, &serial->values, error)) {
        free(serial);
        return OUTCOME_FAILED;
    }
    if (!device_enlist(&serial->device, board, &isa_serial_type, id, hot, error)) {
        destroy(&serial->device);
        return OUTCOME_FAILED;
    }
    serial->device.present = true;
    return OUTCOME_DONE;
}

static void describe(const struct device *device, void *values)
{
    memcpy(values, &((const struct isa_serial *)device)->values, sizeof(struct serial_values));
}

const struct device_type isa_serial_type = {
    .name = "isa-serial",
    .parent = "device",
    .properties = properties,
    .property_count = PROPERTY_COUNT,
    .values_size = sizeof(struct serial_values),
    .serial_port = true,
    .check = check,
    .create = create,
    .describe = describe,
    .destroy = destroy,
};
