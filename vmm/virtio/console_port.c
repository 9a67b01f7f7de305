/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtserialport and virtconsole, the ports of a virtio-serial-pci: how they come and go.
 *
 * Threads: main thread only.
 */
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "device/device.h"
#include "virtio/console_saved.h"

extern const struct device_type virtconsole_type, virtserialport_type;

#define ROW(name, type, field, help) PROPERTY_ROW(port_values, name, type, field, help)
static const struct property properties[] = {
    ROW("bus", PROPERTY_STRING, bus,
        "the controller's: ID.0 of a virtio-serial-pci (default: the first with room)"),
    ROW("chardev", PROPERTY_STRING, chardev, "the chardev that it is connected to (default: nobody)"),
    ROW("name", PROPERTY_STRING, name, "by which the guest finds it, such as org.qemu.guest_agent.0"),
    PROPERTY_ROW_GIVEN(port_values, "nr", PROPERTY_UINT32, number,
                       "its number, of which 0 is a virtconsole's (default: the first that is free)"),
};
#undef ROW

bool console_is_port(const struct device *device)
{
    return device->type == &virtconsole_type || device->type == &virtserialport_type;
}

/* ---- coming and going ---- */

static bool read_values(const struct device_type *type, struct props props, struct port_values *values,
                        struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };
    const bool terminal = type == &virtconsole_type;

    if (!props_read(props, properties, COUNT_OF(properties), names, type->name, values, error))
        return false;
    if (values->name && strlen(values->name) > CONSOLE_NAME_MAX)
        error_set(error, "Parameter 'name' expects at most %u bytes; got %zu: '%.40s...'", CONSOLE_NAME_MAX,
                  strlen(values->name), values->name);
    else if (values->number_given && values->number == 0 && !terminal)
        error_set(error,
                  "Port number 0 on virtio-serial devices is reserved for virtconsole devices: leave nr out, "
                  "or take one from 1 on");
    else
        return true;
    props_free(properties, COUNT_OF(properties), values);
    return false;
}

static const struct device_type *row_of(struct props props)
{
    return device_type_find(props_string(props, "driver", NULL));
}

static bool check(struct props props, struct error *error)
{
    struct port_values values = { 0 };

    if (!read_values(row_of(props), props, &values, error))
        return false;
    props_free(properties, COUNT_OF(properties), &values);
    return true;
}

static bool find_chardev(struct console_port *port, const struct board *board, const char *type,
                         struct error *error)
{
    const char *id = port->values.chardev;

    if (!id)
        return true;
    if (board->chardevs && id_well_formed(id))
        port->chardev = chardev_find(board->chardevs, id);
    return port->chardev ||
           error_set(error,
                     "Device property '%s.chardev' can't find value '%.80s': there is no chardev of that id; "
                     "create it with -chardev or chardev-add",
                     type, id);
}

static bool attach(struct console_port *port, bool hot, struct error *error)
{
    if (!port->chardev)
        return true;
    return hot ? chardev_attach_now(port->chardev, &console_chardev_ops, port, error)
               : chardev_attach(port->chardev, &console_chardev_ops, port, error);
}

/* Its values are read. On failure they are as they were. */
static bool make(struct console_port *port, struct board *board, const struct device_type *type,
                 const char *id, bool hot, struct error *error)
{
    port->terminal = port->host_open = type == &virtconsole_type;
    port->work = (struct work){ .run = console_port_work, .opaque = port };
    if (!console_find_bus(port, board, type, error) || !console_find_number(port, error) ||
        !find_chardev(port, board, type->name, error) ||
        !device_enlist(&port->device, board, type, id, hot, error))
        return false;
    port->device.on = &port->console->bus;
    pthread_mutex_init(&port->lock, NULL);
    if (attach(port, hot, error)) {
        console_put_port(port->console, port);
        return true;
    }
    pthread_mutex_destroy(&port->lock);
    loop_cancel(board->loop, &port->work);
    device_delist(&port->device);
    return false;
}

static enum outcome create(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error)
{
    const struct device_type *type = row_of(props);
    struct console_port *port = calloc(1, sizeof *port);

    (void)completion;
    if (!port) {
        error_set(error, "out of memory");
        return OUTCOME_FAILED;
    }
    if (!read_values(type, props, &port->values, error)) {
        free(port);
        return OUTCOME_FAILED;
    }
    if (!make(port, board, type, id, hot, error)) {
        props_free(properties, COUNT_OF(properties), &port->values);
        free(port);
        return OUTCOME_FAILED;
    }
    port->device.present = true;
    return OUTCOME_DONE;
}

static void describe(const struct device *device, void *opaque)
{
    const struct console_port *port = (const void *)device;
    struct port_values *values = opaque;

    *values = port->values;
    values->bus = port->console->bus.name;
}

/* It is on no list any more. */
static void destroy(struct device *device)
{
    struct console_port *port = (void *)device;
    const struct board *board = device->board;

    console_take_port(port->console, port);
    if (port->chardev && board->chardevs)
        chardev_detach(port->chardev, port);
    loop_cancel(board->loop, &port->work);
    timer_cancel(&port->quiet);
    pthread_mutex_destroy(&port->lock);
    props_free(properties, COUNT_OF(properties), &port->values);
    free(port);
}

/* The guest is told, and has no say. */
static bool unplug(struct device *device, struct error *error)
{
    (void)error;
    device_remove(device);
    return true;
}

/* ---- types ---- */

#define PORT_TYPE(symbol, text, ancestor) \
    const struct device_type symbol = { \
        .name = text, \
        .parent = ancestor, \
        .bus = CONSOLE_BUS, \
        .properties = properties, \
        .property_count = COUNT_OF(properties), \
        .values_size = sizeof(struct port_values), \
        .hot = true, \
        .check = check, \
        .create = create, \
        .describe = describe, \
        .unplug = unplug, \
        .save = console_port_save, \
        .restore = console_port_restore, \
        .restored = console_port_restored, \
        .part = console_port_part, \
        .summary = console_port_summary, \
        .destroy = destroy, \
    }

PORT_TYPE(virtserialport_type, "virtserialport", "virtio-serial-port");
PORT_TYPE(virtconsole_type, "virtconsole", "virtserialport");
