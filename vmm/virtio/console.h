/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A console device (VIRTIO 1.2, 5.3): a controller and its ports, each of which carries bytes between a queue
 * pair and a chardev.
 *
 * console.c          the controller: its type, its queues
 * console_control.c  control messages
 * console_data.c     bytes, on the I/O thread
 * console_port.c     ports: their types, how they come and go, on the main thread, and so are
 * console_number.c   their places on a controller
 * console_chardev.c  their chardevs
 *
 * Threads: the queues are the I/O thread's, chardevs the main thread's. What both use of a port is under its
 * lock, a leaf that is held for copying alone; each then tells the other: the main thread by a doorbell
 * (virtio_device_kick()), the I/O thread by posting the port's work. Neither waits for the other, but the
 * main thread where a port comes or goes.
 *
 * Bytes wait in two pipes of a fixed size. A pipe that is full stops whoever fills it: the chardev is read no
 * further, or the request stays in the guest's queue.
 */
#ifndef VMM_VIRTIO_CONSOLE_H
#define VMM_VIRTIO_CONSOLE_H

#include "chardev/chardev.h"
#include "device/child_bus.h"
#include "virtio/device.h"

#define CONSOLE_F_MULTIPORT (UINT64_C(1) << 1)
#define CONSOLE_BUS "virtio-serial-bus"
#define CONSOLE_NAME_MAX 255u
#define CONSOLE_PIPE 65536u

/* Two queues for each port, and behind port 0's the two of control messages (5.3.2). */
static inline unsigned console_queue_to_guest(unsigned number)
{
    return number == 0 ? 0 : 2 * number + 2;
}
static inline unsigned console_queue_from_guest(unsigned number)
{
    return console_queue_to_guest(number) + 1;
}
#define CONSOLE_PORTS_MAX (VIRTIO_QUEUES_MAX / 2 - 1)
#define CONSOLE_CONTROL_IN 2u
#define CONSOLE_CONTROL_OUT 3u

struct console_pipe {
    uint8_t bytes[CONSOLE_PIPE];
    uint32_t first, count;
};

struct port_values {
    char *bus, *chardev, *name;
    uint32_t number;
    bool number_given;
};

/* A virtserialport, or a virtconsole. */
struct console_port {
    struct device device; /* first */
    struct port_values values;
    struct console *console;
    bool terminal; /* a virtconsole; fixed, as are the number and the name in `values` */

    /* The main thread's: */
    struct chardev *chardev; /* NULL: nobody is at the other end, ever */
    struct channel *channel; /* NULL: it is not open */
    struct work work;        /* posted by the I/O thread: what is below has changed */
    bool paused;             /* the chardev is not read */
    bool reported;           /* as the last VSERPORT_CHANGE said */
    struct timer quiet;      /* no event for a while */

    pthread_mutex_t lock; /* a leaf, of: */
    struct console_pipe to_guest, from_guest;
    bool to_guest_stopped;   /* the main thread waits for room */
    bool from_guest_stopped; /* the I/O thread does */
    bool host_open;          /* somebody is at the other end */
    bool host_left;          /* and nobody was since the guest was last told that somebody is */
    bool guest_open;         /* as the driver says */
};

/* A port's number, taken or not, as the driver knows it: the I/O thread's. */
struct console_slot {
    struct console_port *port; /* NULL: there is none */
    uint64_t sent;             /* bytes of the next request that are in the port's pipe already */
    bool added;                /* the driver knows of a port ... */
    bool gone;                 /* ... that is not there any more */
    bool ready;                /* it wants to hear more of it: */
    bool told_terminal, told_name, told_open;
};

struct console_values {
    struct virtio_values virtio;
    uint32_t max_ports;
};

struct console {
    struct virtio_device virtio; /* first */
    struct console_values values;
    struct child_bus bus; /* the main thread's */
    /* The I/O thread's: */
    struct console_slot *slots; /* [max_ports] */
    bool ready;                 /* the driver takes control messages */
};

/* ---- on the I/O thread ---- */

/* Of a port's queue: false: it waits for more than a doorbell. */
bool console_receive(struct console *console, unsigned number, struct virtio_queue *queue);
bool console_send(struct console *console, unsigned number, struct virtio_queue *queue);
/* Whether the driver has the port open, from now on. */
void console_set_guest_open(struct console_port *port, bool open);

/* What the driver has queued for a port is given back unread. False: not all of it, for lack of memory; the
 * queue is handled again. */
bool console_drop(struct console *console, unsigned number);

/* Control messages from the driver. */
bool console_take_messages(struct console *console, struct virtio_queue *queue);
/* Those that wait for the driver: they follow from the slots. */
bool console_give_messages(struct console *console, struct virtio_queue *queue);

/* ---- on the main thread ---- */

/* A port has come to a number that was free, or it goes. */
void console_put_port(struct console *console, struct console_port *port);
void console_take_port(struct console *console, struct console_port *port);
/* Something is to be said to the driver: console_give_messages() looks what. */
void console_tell(struct console *console);

/* For a port with its values: the controller that it is on, and its number there. */
bool console_find_bus(struct console_port *port, struct board *board, const struct device_type *type,
                      struct error *error);
bool console_find_number(struct console_port *port, struct error *error);
bool console_is_port(const struct device *device);

/* What a port is to its chardev. */
extern const struct chardev_user_ops console_chardev_ops;
/* port->work: something under its lock has changed. */
void console_port_work(void *port);

/* ---- pipes, under the port's lock ---- */

static inline uint32_t console_pipe_room(const struct console_pipe *pipe)
{
    return CONSOLE_PIPE - pipe->count;
}
/* There is room for that. */
void console_pipe_put(struct console_pipe *pipe, const uint8_t *bytes, uint32_t length);
/* At most `length` bytes; returns how many. */
uint32_t console_pipe_take(struct console_pipe *pipe, uint8_t *bytes, uint32_t length);

#endif
