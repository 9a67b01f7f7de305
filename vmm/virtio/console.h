/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A console device (VIRTIO 1.2, 5.3): a controller and its ports, each of which carries bytes between a queue
 * pair and a chardev.
 *
 * console.c          the controller: its type, its queues
 * console_control.c  control messages
 * console_data.c     bytes, on the I/O thread
 * console_port.c     ports: their types, creation and removal, on the main thread, like the next two
 * console_number.c   their numbers on a controller
 * console_chardev.c  their chardevs
 * console_saved.c    the saved form of both
 *
 * Threads: the queues belong to the I/O thread, chardevs to the main thread. A port's lock protects the
 * members that both use; it is a leaf, and held for copying only. Afterwards the main thread notifies the I/O
 * thread by a doorbell (virtio_device_kick()), and the I/O thread the main thread by posting the port's work.
 * Neither waits for the other, except the main thread when a port is added or removed.
 *
 * Bytes are buffered in two pipes of a fixed size. A full pipe stops its writer: the chardev is not read, or
 * the request stays in the guest's queue.
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

/* Numbers of a port's two queues; those of control messages follow port 0's (5.3.2). */
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
    bool terminal; /* a virtconsole; fixed, like number and name in `values` */

    /* The main thread's: */
    struct chardev *chardev; /* NULL: the port has none */
    struct channel *channel; /* NULL: not open */
    struct work work;        /* posted by the I/O thread: members under the lock have changed */
    bool paused;             /* the chardev is not read */
    bool reported;           /* `open` of the last event VSERPORT_CHANGE */
    struct timer quiet;      /* limits the rate of that event */

    pthread_mutex_t lock; /* a leaf; of: */
    struct console_pipe to_guest, from_guest;
    bool to_guest_stopped;   /* the main thread waits for room in to_guest */
    bool from_guest_stopped; /* the I/O thread waits for room in from_guest */
    bool host_open;          /* the chardev has a client; always set for a virtconsole */
    bool host_left;          /* it had none at some time since the driver was last informed of one */
    bool guest_open;         /* the driver has the port open */
};

/* A port number, and what the driver has been told of it: the I/O thread's. */
struct console_slot {
    struct console_port *port; /* NULL: the number is free */
    uint64_t sent;             /* bytes of the next request that are already in the port's pipe */
    bool added;                /* the driver has been told that a port was added ... */
    bool gone;                 /* ... which has been removed */
    bool ready;                /* the driver uses the port, and accepts messages about it: */
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
    bool ready;                 /* the driver accepts control messages */
};

/* ---- on the I/O thread ---- */

/* Handle a port's queue, of a port number that may be free: fill buffers of the driver, or read them. The
 * result is that of handle() in struct virtio_device_type. */
bool console_receive(struct console *console, unsigned number, struct virtio_queue *queue);
bool console_send(struct console *console, unsigned number, struct virtio_queue *queue);
/* The driver has opened or closed the port. */
void console_set_guest_open(struct console_port *port, bool open);

/* Return all requests that the driver has queued for a port unread. False: out of memory; some remain, and
 * the queue will be handled again. */
bool console_drop(struct console *console, unsigned number);

/* Handle control messages of the driver (5.3.6.2); an invalid one breaks the queue. The result is that of
 * handle(). */
bool console_take_messages(struct console *console, struct virtio_queue *queue);
/* Send the control messages that the slots require, as far as the driver has buffers for them. The result is
 * that of handle(). */
bool console_give_messages(struct console *console, struct virtio_queue *queue);

/* ---- on the main thread ---- */

/* Add a port at its number, which is free; or remove it. Both wait for the I/O thread. */
void console_put_port(struct console *console, struct console_port *port);
void console_take_port(struct console *console, struct console_port *port);
/* Have console_give_messages() called: the slots or ports have changed. */
void console_tell(struct console *console);

/* Set port->console, by `bus` of its values; then its number there, which may be given. False and an error:
 * there is no such controller; the number is taken, 0, or out of range; the name is taken; or all numbers
 * are. */
bool console_find_bus(struct console_port *port, struct board *board, const struct device_type *type,
                      struct error *error);
bool console_find_number(struct console_port *port, struct error *error);
bool console_is_port(const struct device *device);

/* The callbacks of a port's chardev; the opaque is the port. */
extern const struct chardev_user_ops console_chardev_ops;
/* Function of port->work. */
void console_port_work(void *port);
/* Have the chardev read, or not, by to_guest_stopped. */
void console_port_read_on(struct console_port *port);

/* ---- pipes, under the port's lock ---- */

static inline uint32_t console_pipe_room(const struct console_pipe *pipe)
{
    return CONSOLE_PIPE - pipe->count;
}
/* Whether one call's bytes of the chardev have no room in to_guest, which is then `to_guest_stopped`. */
static inline bool console_pipe_settle(struct console_port *port)
{
    port->to_guest_stopped = console_pipe_room(&port->to_guest) < CHANNEL_INPUT_MAX;
    return port->to_guest_stopped;
}
/* `length` is at most console_pipe_room(). */
void console_pipe_put(struct console_pipe *pipe, const uint8_t *bytes, uint32_t length);
/* Take at most `length` bytes. Returns their number; 0: the pipe is empty. */
uint32_t console_pipe_take(struct console_pipe *pipe, uint8_t *bytes, uint32_t length);

#endif
