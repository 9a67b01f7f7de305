/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages between a console device and its driver (VIRTIO 1.2, 5.3.6.2).
 *
 * What waits for the driver is not kept as messages, of which there would be no end with a driver that does
 * not read them: it follows from what each slot is and what the driver has been told of it.
 *
 * Threads: the I/O thread's.
 */
#include <endian.h>
#include <string.h>

#include "virtio/console.h"

/* Messages from the driver at a time. */
#define BATCH 64u

enum message_kind {
    DEVICE_READY, /* from the driver */
    PORT_ADD,
    PORT_REMOVE,
    PORT_READY,   /* from the driver */
    CONSOLE_PORT, /* it is a terminal's */
    RESIZE,       /* never: nobody knows a size */
    PORT_OPEN,    /* either way */
    PORT_NAME,    /* its bytes follow */
};

struct message {
    uint32_t number;
    uint16_t event, value;
};

/* ---- to the driver ---- */

static void forget(struct console_slot *slot)
{
    slot->ready = slot->told_terminal = slot->told_name = slot->told_open = false;
}

static struct message message(unsigned number, enum message_kind event, unsigned value)
{
    return (struct message){ htole32(number), htole16((uint16_t)event), htole16((uint16_t)value) };
}

/* What is to be said of the port's other end: true and `open`. Who came and left unseen is not told of; who
 * left and came is. */
static bool next_open(struct console_slot *slot, bool *open)
{
    struct console_port *port = slot->port;
    bool has;

    pthread_mutex_lock(&port->lock);
    *open = port->host_open && !(port->host_left && slot->told_open);
    has = *open != slot->told_open;
    if (*open) /* before that the driver knew of nobody who could leave */
        port->host_left = false;
    pthread_mutex_unlock(&port->lock);
    return has;
}

/* The next message of a slot, which is sent then: false: there is none. */
static bool next_message(struct console_slot *slot, unsigned number, struct message *next)
{
    bool open;

    if (slot->gone) {
        slot->gone = slot->added = false;
        forget(slot);
        *next = message(number, PORT_REMOVE, 1);
    } else if (slot->port && !slot->added) {
        slot->added = true;
        forget(slot);
        *next = message(number, PORT_ADD, 1);
    } else if (!slot->port || !slot->ready) {
        return false;
    } else if (slot->port->terminal && !slot->told_terminal) {
        slot->told_terminal = true;
        *next = message(number, CONSOLE_PORT, 1);
    } else if (slot->port->values.name && !slot->told_name) {
        slot->told_name = true;
        *next = message(number, PORT_NAME, 1);
    } else if (next_open(slot, &open)) {
        slot->told_open = open;
        *next = message(number, PORT_OPEN, open);
    } else {
        return false;
    }
    return true;
}

/* The driver learns now that somebody has left, or nobody is there. */
static void note_left(struct console_port *port)
{
    pthread_mutex_lock(&port->lock);
    port->host_left = false;
    pthread_mutex_unlock(&port->lock);
}

/* False: the queue is broken. */
static bool give(struct console *console, struct virtio_request *request, const struct message *what)
{
    const bool named = what->event == htole16(PORT_NAME);
    const char *name = named ? console->slots[le32toh(what->number)].port->values.name : "";
    const size_t length = sizeof *what + strlen(name);
    struct virtio_queue *queue = request->queue;

    if (request->in_bytes < length) {
        virtio_queue_break(queue, "a buffer of %llu bytes for control messages; this one has %zu",
                           (unsigned long long)request->in_bytes, length);
        virtio_queue_drop(request);
        return false;
    }
    virtio_request_write(request, 0, what, sizeof *what);
    virtio_request_write(request, sizeof *what, name, strlen(name));
    virtio_queue_push(request, (uint32_t)length);
    return true;
}

bool console_give_messages(struct console *console, struct virtio_queue *queue)
{
    for (unsigned i = 0; console->ready && i < console->values.max_ports; i++) {
        struct console_slot *slot = &console->slots[i];
        struct console_slot before = *slot;
        struct virtio_request *request;
        struct message next;

        while (next_message(slot, i, &next)) {
            request = virtio_queue_pop(queue);
            if (!request) { /* it is said later */
                *slot = before;
                return true;
            }
            /* All that the driver has queued so far is for the port that is gone, not for the next one. */
            if (next.event == htole16(PORT_REMOVE) && !console_drop(console, i)) {
                virtio_queue_unpop(request);
                *slot = before;
                return false;
            }
            if (next.event == htole16(PORT_OPEN) && !next.value)
                note_left(slot->port);
            if (!give(console, request, &next))
                return true;
            before = *slot;
        }
    }
    return false;
}

/* ---- from the driver ---- */

static bool is_from_driver(enum message_kind event)
{
    return event == DEVICE_READY || event == PORT_READY || event == PORT_OPEN;
}

/* Of a port; one that is gone already is the driver's to find out. A value of 0 is the driver's failure to
 * use it. */
static void take_of_port(struct console *console, unsigned number, enum message_kind event, bool value)
{
    struct console_slot *slot = &console->slots[number];

    if (!slot->port || slot->gone)
        return;
    if (event == PORT_OPEN) {
        console_set_guest_open(slot->port, value);
        virtio_device_kick(&console->virtio, console_queue_to_guest(number));
        return;
    }
    forget(slot);
    slot->ready = value;
}

static bool take(struct console *console, struct virtio_queue *queue, const struct virtio_request *request)
{
    struct message message;
    uint16_t event;
    uint32_t number;

    if (virtio_request_read(request, 0, &message, sizeof message) < sizeof message) {
        virtio_queue_break(queue, "a control message of %llu bytes; each has %zu",
                           (unsigned long long)request->out_bytes, sizeof message);
        return false;
    }
    event = le16toh(message.event);
    number = le32toh(message.number);
    if (!is_from_driver(event))
        virtio_queue_break(queue, "control message %u, which a driver does not send", event);
    else if (event == DEVICE_READY)
        console->ready = le16toh(message.value);
    else if (number >= console->values.max_ports)
        virtio_queue_break(queue, "a control message for port %u; max_ports is %u", number,
                           console->values.max_ports);
    else
        take_of_port(console, number, event, le16toh(message.value));
    return !queue->broken;
}

bool console_take_messages(struct console *console, struct virtio_queue *queue)
{
    struct virtio_request *request = NULL;
    bool good = true;

    for (unsigned i = 0; i < BATCH && good && (request = virtio_queue_pop(queue)) != NULL; i++) {
        good = take(console, queue, request);
        virtio_queue_push(request, 0);
    }
    virtio_device_kick(&console->virtio, CONSOLE_CONTROL_IN);
    return good;
}
