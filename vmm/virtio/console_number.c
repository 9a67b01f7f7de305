/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a port goes: the controller that it is on, and its number there.
 *
 * Threads: main thread only.
 */
#include <string.h>

#include "device/device.h"
#include "virtio/console.h"

static struct console *console_of(const struct child_bus *bus)
{
    return (struct console *)(void *)bus->maker;
}

static const struct console_port *next_port(const struct console *console, const struct device *device)
{
    for (; device; device = device->next)
        if (console_is_port(device) &&
            ((const struct console_port *)(const void *)device)->console == console)
            return (const void *)device;
    return NULL;
}

static const struct console_port *port_at(const struct console *console, uint32_t number)
{
    const struct console_port *port = next_port(console, console->virtio.pci.device.board->devices);

    while (port && port->values.number != number)
        port = next_port(console, port->device.next);
    return port;
}

static const struct console_port *port_named(const struct console *console, const char *name)
{
    const struct console_port *port = next_port(console, console->virtio.pci.device.board->devices);

    while (port && (!port->values.name || strcmp(port->values.name, name) != 0))
        port = next_port(console, port->device.next);
    return port;
}

/* The lowest that is free, and max_ports if there is none: 0 is a console's alone. */
static uint32_t free_number(const struct console *console, bool terminal)
{
    uint32_t number = terminal ? 0 : 1;

    while (number < console->values.max_ports && port_at(console, number))
        number++;
    return number;
}

static bool is_full(const struct console *console, bool terminal)
{
    return free_number(console, terminal) >= console->values.max_ports;
}

static const char *name_of(const struct console_port *port)
{
    return port->device.id ? port->device.id : port->device.type->name;
}

static bool fail_full(const struct console *console, const char *bus, struct error *error)
{
    return error_set(
        error,
        "virtio-serial-bus: Maximum port limit for this device reached: '%.80s' has max_ports=%u, "
        "and number 0 is a virtconsole's; give it more (up to %u), or add a virtio-serial-pci",
        bus, console->values.max_ports, CONSOLE_PORTS_MAX);
}

bool console_find_number(struct console_port *port, struct error *error)
{
    struct console *console = port->console;
    struct port_values *values = &port->values;
    const struct console_port *other;

    if (!values->number_given)
        values->number = free_number(console, port->terminal);
    if (!values->number_given && is_full(console, port->terminal))
        return fail_full(console, console->bus.name, error);
    values->number_given = true;
    if (values->number >= console->values.max_ports)
        return error_set(error,
                         "virtio-serial-bus: Out-of-range port id specified, max. allowed: %u; got nr=%u on "
                         "'%.80s'",
                         console->values.max_ports - 1, values->number, console->bus.name);
    other = port_at(console, values->number);
    if (other)
        return error_set(error,
                         "virtio-serial-bus: A port already exists at id %u: '%.80s'; leave nr out, or take "
                         "another",
                         values->number, name_of(other));
    other = values->name ? port_named(console, values->name) : NULL;
    return !other ||
           error_set(error, "virtio-serial-bus: A port already exists by name %.80s: '%.80s'; take another",
                     values->name, name_of(other));
}

/* Of several the first that has room, as long as none is named. */
bool console_find_bus(struct console_port *port, struct board *board, const struct device_type *type,
                      struct error *error)
{
    struct child_bus *first = child_bus_require(board, type, port->values.bus, "virtio-serial-pci", error);
    struct child_bus *bus = first;

    if (!first)
        return false;
    while (!port->values.bus && bus && is_full(console_of(bus), port->terminal))
        bus = child_bus_next(board, type->bus, bus);
    port->console = console_of(bus ? bus : first);
    return true;
}
