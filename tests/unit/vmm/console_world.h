/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio-serial-pci without a machine: its queues in a guest's memory, its ports, and a driver. Whoever
 * uses it decides when a doorbell that was rung is answered, and what the main thread does in between. For
 * the unit test and the fuzz target.
 */
#ifndef TESTS_UNIT_VMM_CONSOLE_WORLD_H
#define TESTS_UNIT_VMM_CONSOLE_WORLD_H

#include "ring_model.h"
#include "virtio/console.h"

#define WORLD_PORTS 4u /* max_ports */
#define WORLD_QUEUES (2 * (WORLD_PORTS + 1))
#define WORLD_QUEUE_SIZE 8u
#define WORLD_BUFFER 256u /* bytes that a request has at most */

struct world_queue {
    uint16_t offered, used; /* by the driver; seen by it */
};

struct console_world {
    struct ring_world guest; /* its memory; its own queue does not run */
    struct board board;
    struct io_thread *io; /* for virtio_device_call() alone; the queues are served by console_world_serve() */
    struct console console;
    struct virtio_queue_link links[WORLD_QUEUES];
    struct world_queue queues[WORLD_QUEUES];
    unsigned breaks; /* queues that have broken since the last reset */
};

/* The driver is ready, with control messages or without; there are no ports. */
void console_world_make(struct console_world *world, bool multiport);
/* There are no ports any more. */
void console_world_end(struct console_world *world);
/* The driver resets the device, and begins anew. */
void console_world_reset(struct console_world *world, bool multiport);

/* A port at a number that is free, whose chardev is the caller's: `chardev` is only compared with NULL. The
 * name is borrowed. */
struct console_port *console_world_add(struct console_world *world, unsigned number, bool terminal,
                                       const char *name, struct chardev *chardev);
void console_world_remove(struct console_port *port);

/* The driver makes a buffer available and rings: bytes for the device, or, with NULL, room for so many.
 * False: the ring is full. */
bool console_world_offer(struct console_world *world, unsigned queue, const void *bytes, uint32_t length);
/* The next buffer that the device is done with: its bytes, WORLD_BUFFER at most, and how many were written.
 * False: there is none. */
bool console_world_used(struct console_world *world, unsigned queue, uint8_t bytes[WORLD_BUFFER],
                        uint32_t *length);

/* Answer a queue's doorbell, if it was rung, as the I/O thread does (virtio/run.c). False: it was not. */
bool console_world_serve(struct console_world *world, unsigned queue);
/* All of them, and what was posted to the main thread, until there is nothing left to do. */
void console_world_settle(struct console_world *world);

#endif
