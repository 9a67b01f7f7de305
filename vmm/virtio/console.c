/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-serial-pci: a controller for ports (VIRTIO 1.2, 5.3), and the bus that they are on.
 */
#include "virtio/console_saved.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "device/device.h"

#define QUEUE_SIZE 128u
#define MAX_PORTS_DEFAULT 31u

/* Its configuration space. */
struct config {
    uint16_t columns, rows; /* not offered */
    uint32_t max_ports;
};

static const struct property properties[] = {
    VIRTIO_PROPERTIES(console_values, virtio),
    PROPERTY_ROW_RANGE(console_values, "max_ports", PROPERTY_UINT32, max_ports,
                       "numbers of ports that there are, 1 to 64 (default 31)",
                       NUMBER_RANGE(1, CONSOLE_PORTS_MAX)),
};

/* ---- queues, on the I/O thread ---- */

static bool has_ports(const struct console *console)
{
    return virtio_device_has(&console->virtio, CONSOLE_F_MULTIPORT);
}

/* Without the feature there is port 0 alone, and no control messages. */
static bool handle(struct virtio_device *device, struct virtio_queue *queue)
{
    struct console *console = (void *)device;
    const unsigned index = queue->index;
    const unsigned number = index < CONSOLE_CONTROL_IN ? 0 : index / 2 - 1;

    if (index >= CONSOLE_CONTROL_IN && !has_ports(console))
        return false;
    if (index == CONSOLE_CONTROL_IN)
        return console_give_messages(console, queue);
    if (index == CONSOLE_CONTROL_OUT)
        return console_take_messages(console, queue);
    return index % 2 == 0 ? console_receive(console, number, queue) : console_send(console, number, queue);
}

/* A driver without control messages says nothing of port 0, and uses it. */
static void open_first(struct console *console)
{
    if (!has_ports(console) && console->slots[0].port)
        console_set_guest_open(console->slots[0].port, true);
}

static void started(struct virtio_device *device)
{
    open_first((struct console *)(void *)device);
}

static void reset(struct virtio_device *device)
{
    struct console *console = (void *)device;

    console->ready = false;
    for (unsigned i = 0; i < console->values.max_ports; i++) {
        struct console_port *port = console->slots[i].port;

        console->slots[i] = (struct console_slot){ .port = port };
        if (port)
            console_set_guest_open(port, false);
    }
}

/* ---- ports that come and go ---- */

struct change {
    struct console *console;
    struct console_port *port;
};

static void put_on_io(void *opaque)
{
    const struct change *change = opaque;
    struct console *console = change->console;

    console->slots[change->port->values.number].port = change->port;
    if (console->virtio.running)
        open_first(console);
}

static void take_on_io(void *opaque)
{
    const struct change *change = opaque;
    struct console_slot *slot = &change->console->slots[change->port->values.number];

    slot->port = NULL;
    slot->gone = slot->added;
    slot->sent = 0;
}

void console_tell(struct console *console)
{
    virtio_device_kick(&console->virtio, CONSOLE_CONTROL_IN);
}

void console_put_port(struct console *console, struct console_port *port)
{
    const unsigned number = port->values.number;

    virtio_device_call(&console->virtio, put_on_io, &(struct change){ console, port });
    console_tell(console);
    virtio_device_kick(&console->virtio, console_queue_to_guest(number));
}

void console_take_port(struct console *console, struct console_port *port)
{
    const unsigned number = port->values.number;

    virtio_device_call(&console->virtio, take_on_io, &(struct change){ console, port });
    console_tell(console);
    virtio_device_kick(&console->virtio, console_queue_from_guest(number)); /* what is there is dropped */
}

/* ---- its type ---- */

static void set_defaults(void *opaque)
{
    struct console_values *values = opaque;

    values->max_ports = MAX_PORTS_DEFAULT;
}

static bool prepare(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error)
{
    struct console *console = (void *)device;
    const struct config config = { .max_ports = htole32(console->values.max_ports) };

    (void)board, (void)id;
    console->slots = calloc(console->values.max_ports, sizeof *console->slots);
    if (!console->slots)
        return error_set(error, "out of memory");
    memcpy(device->config, &config, sizeof config);
    setup->features = CONSOLE_F_MULTIPORT;
    setup->queues = 2 * (console->values.max_ports + 1);
    setup->queue_size = QUEUE_SIZE;
    setup->vectors = console->values.max_ports + 1; /* as QEMU: queues share them, or all have one */
    return true;
}

static bool plugged(struct virtio_device *device, struct error *error)
{
    struct console *console = (void *)device;

    return child_bus_add(&console->bus, &device->pci.device, CONSOLE_BUS, error);
}

static void release(struct virtio_device *device)
{
    struct console *console = (void *)device;

    child_bus_remove(&console->bus);
    free(console->slots);
}

static const struct virtio_device_type type = {
    .virtio_id = 3,
    .class = 0x07,
    .subclass = 0x80,
    .config_size = sizeof(struct config),
    .request_size = sizeof(struct virtio_request),
    .started = started,
    .handle = handle,
    .reset = reset,
    .has_saved_form = virtio_is_saved,
    .state = &virtio_console_state_table,
    .save = console_save,
    .check_state = console_check_state,
    .continued = console_continued,
    .size = sizeof(struct console),
    .values = offsetof(struct console, values),
    .defaults = set_defaults,
    .prepare = prepare,
    .plugged = plugged,
    .release = release,
};

VIRTIO_DEVICE_TYPE(virtio_serial_pci_type, "virtio-serial-pci", type, properties, struct console_values, true,
                   virtio_device_reset);
VIRTIO_DEVICE_TYPE(virtio_serial_pci_non_transitional_type, "virtio-serial-pci-non-transitional", type,
                   properties, struct console_values, true, virtio_device_reset);
